/* SPDX-License-Identifier: MIT */
/* host/start.c - makes a running host out of a configuration. */
#include "host/start.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/api/authn.h"
#include "host/certificates.h"
#include "host/clock.h"
#include "host/config/address.h"
#include "host/control/control.h"
#include "host/error.h"
#include "host/flow/measure.h"
#include "host/flow/rendered.h"
#include "host/health.h"
#include "host/http/forwarded.h"
#include "host/http/handed.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/log.h"
#include "host/memory.h"
#include "host/pages/messages.h"
#include "host/oauth/client.h"
#include "host/oauth/proven.h"
#include "host/oauth/reply.h"
#include "host/oauth/routes.h"
#include "host/outbox/outbox.h"
#include "host/outbox/report.h"
#include "host/outgoing/outgoing.h"
#include "host/pages/pages.h"
#include "host/pages/parts.h"
#include "host/pages/qr.h"
#include "host/plugin/effects.h"
#include "host/plugin/instances.h"
#include "host/plugin/sources.h"
#include "host/rest/openapi.h"
#include "host/rest/rest.h"
#include "host/step/buckets.h"
#include "host/step/lanes.h"
#include "host/step/pool.h"
#include "host/step/strangers.h"
#include "host/sweep.h"
#include "host/users/import.h"

enum {
    LISTENERS = 3,
    TABLES = 16,
    STRICT_TRANSPORT_SIZE = 32,
};

/* A socket, and the tables of what it serves. */
struct listening {
    const struct http_route *tables[TABLES];
    const char *where; /* to bind, */
    int socket;        /* unless it was handed over; else -1 */
    unsigned threads;
    struct tls *tls; /* or NULL */
    const char *strict_transport;
    struct http_server *server;
};

struct running {
    struct host host;
    struct instances *instances;
    struct renderer renderer;
    char *base_url, *base_origin;
    char host_name[RENDER_HOST_SIZE]; /* of base_url */
    atomic_llong answer_floor_ms;
    struct measure measure;
    struct forwarded_proxies proxies;
    struct handed handed;
    struct tls *tls[CERTIFICATES];
    char strict_transport[STRICT_TRANSPORT_SIZE];
    struct listening listening[LISTENERS];
    size_t listening_count;
};

/* --- Texts, policies, clients: checked alike for real and for show. --- */

static bool
add_texts(struct host *host)
{
    size_t i;

    host->texts = texts_new(config_at(host->config, "/texts"));
    if (host->texts && texts_add(host->texts, oauth_texts) != FACTOR_OK)
        return false;
    for (i = 0; host->texts && i < host->adapter_count; i++)
        if (texts_add(host->texts, host->adapters[i].description->texts) !=
            FACTOR_OK)
            return false;
    return host->texts != NULL;
}

static void
check_text(const struct host *host, const struct adapter *adapter,
           const struct factor_code *code, struct problems *problems)
{
    static const char *const english[] = {"en", NULL};

    if (code->text && !texts_find(host->texts, code->text, english))
        config_problem(host->config, problems, "/texts",
                       "the adapter %s names the text \"%s\", which nobody "
                       "has",
                       adapter->name, code->text);
}

static void
check_texts(const struct host *host, struct problems *problems)
{
    const struct factor_code *const *code;
    size_t i;

    for (i = 0; i < host->adapter_count; i++)
        for (code = host->adapters[i].description->codes; code && *code; code++)
            check_text(host, &host->adapters[i], *code, problems);
}

static bool
read_rules(struct host *host, struct problems *problems)
{
    if (!add_texts(host))
        return false;
    check_texts(host, problems);
    if (!parts_read(host, problems))
        return false;
    host->policies = policies_new(host->config, host->adapters,
                                  host->adapter_count, problems);
    if (!host->policies)
        return false;
    host->clients = clients_new(host->config, host->policies, problems);
    return host->clients != NULL;
}

static void
take_instances(struct running *running, struct instances *instances)
{
    running->instances = instances;
    running->host.adapters = instances->adapters;
    running->host.adapter_count = instances->adapter_count;
}

static void
free_rules(struct host *host)
{
    parts_free(host);
    clients_free(host->clients);
    policies_free(host->policies);
    texts_free(host->texts);
}

/* --- Who we are. --- */

static bool
set_base_url(struct running *running)
{
    const char *url = config_text(running->host.config, "/server/base_url");
    char *slash;

    running->base_url = strdup(url ? url : "");
    running->base_origin = strdup(url ? url : "");
    if (!running->base_url || !running->base_origin)
        return false;
    while (running->base_url[0] &&
           running->base_url[strlen(running->base_url) - 1] == '/')
        running->base_url[strlen(running->base_url) - 1] = '\0';
    slash = strstr(running->base_origin, "//");
    slash = slash ? strchr(slash + 2, '/') : NULL;
    if (slash)
        *slash = '\0';
    running->host.base_url = running->base_url;
    running->host.base_origin = running->base_origin;
    return true;
}

static const struct plugin_host_names nobody = {.base_url = NULL};

/* As far as they are known yet. */
static struct plugin_host_names
names_of(const struct host *host)
{
    struct plugin_host_names names = {
        .base_url = host->base_url,
        .authenticator_url =
            config_text(host->config, "/server/authenticator_url"),
    };

    if (host->keys) {
        names.environment = keys_environment(host->keys);
        names.issuer_thumbprint = keys_thumbprint(host->keys);
    }
    return names;
}

/* Adapters are made even then: only an instance has a description. */
void
start_check(struct config *config, struct problems *problems)
{
    struct running running = {.host = {.config = config}};
    struct plugin_host_names names;
    struct instances *instances = NULL;

    certificates_read(config, problems, running.tls);
    if (set_base_url(&running)) {
        names = names_of(&running.host);
        plugin_host_identify(&names);
        instances = instances_new(config, INSTANCES_NO_STORE, problems);
    }
    if (instances)
        take_instances(&running, instances);
    if (!instances ||
        (problems->errors == 0 && !read_rules(&running.host, problems)))
        problems_no_memory(problems);
    free_rules(&running.host);
    certificates_free(running.tls);
    instances_free(instances);
    plugin_host_identify(&nobody);
    free(running.base_url);
    free(running.base_origin);
}

/* --- The parts. --- */

static factor_status
note_use(void *context, const struct factor_audit_row *row)
{
    (void)row;
    *(bool *)context = true;
    return FACTOR_OK;
}

/* Adapters are told who we are before there is a store. */
static bool
prepare_keys(struct running *running, struct factor_error *err)
{
    struct host *host = &running->host;
    const struct keys_file file = {
        .path = config_text(host->config, "/keys_file"),
        .secret = config_text(host->config, "/keys_secret"),
        .old_secret = config_text(host->config, "/keys_old_secret"),
    };
    struct plugin_host_names names;

    if (keys_prepare(&file, &host->keys, err) != FACTOR_OK)
        return false;
    names = names_of(host);
    plugin_host_identify(&names);
    return true;
}

/* Keys are made with a new store, never for one that was written before. */
static factor_status
settle_keys(struct running *running, struct factor_error *err)
{
    const struct instances *instances = running->instances;
    bool used = false;
    factor_status st = instances->store_ops->read_audit(
        instances->store, NULL, 0, 0, note_use, &used, err);

    if (st != FACTOR_OK)
        return st;
    return keys_settle(running->host.keys, !used, err);
}

/* "collection/id" or "collection@owner"; printf would cost as much as all the
 * rest of a wake that finds nobody. */
static const char *
place_of(char *key, const char *collection, char sign, const char *id)
{
    size_t len = strlen(collection);

    memcpy(key, collection, len);
    key[len] = sign;
    memcpy(key + len + 1, id, strlen(id) + 1);
    return key;
}

/* On the writer's thread: those who wait for a record or for what an owner
 * has, and the outbox. */
static void
record_moved(void *context, const struct record *record)
{
    const struct running *running = context;
    const struct factor_record *face = &record->face;
    char key[FACTOR_COLLECTION_MAX + FACTOR_ID_MAX + 2];

    park_wake(running->host.park, place_of(key, face->collection, '/',
                                           face->id));
    if (face->owner)
        park_wake(running->host.park, place_of(key, face->collection, '@',
                                               face->owner));
    if (strcmp(record->face.collection, "outbox") == 0)
        outbox_poke(running->host.outbox, record);
}

static size_t
cache_bytes(const struct config *config)
{
    int64_t set = config_number(config, "/cache/size");

    return (size_t)(set ? (uint64_t)set : memory_for_cache(memory_total()));
}

static factor_status
open_database(struct running *running, struct factor_error *err)
{
    const struct config *config = running->host.config;
    const struct database_parts parts = {
        .ops = running->instances->store_ops,
        .store = running->instances->store,
        .keys = running->host.keys,
        .cache_bytes = cache_bytes(config),
        .volatile_bytes =
            (size_t)config_number(config, "/flow/volatile_memory"),
        .moved = record_moved,
        .context = running,
    };

    return database_open(&parts, &running->host.database, err);
}

static factor_status
make_machinery(struct running *running, struct factor_error *err)
{
    const struct config *config = running->host.config;
    struct host *host = &running->host;

    host->lanes = lanes_new(
        1, (size_t)config_number(config, "/limits/queue_per_subject"));
    host->crowds = lanes_new(1, SIZE_MAX);
    host->places = lanes_new(
        (size_t)config_number(config, "/limits/steps_under_way"), SIZE_MAX);
    host->slow =
        pool_new((unsigned)config_number(config, "/limits/slow_workers"),
                 (size_t)config_number(config, "/limits/slow_queue"));
    host->buckets = buckets_configured(config);
    host->sources = sources_new(
        running->instances->sources, running->instances->source_count,
        config_number(config, "/limits/source_timeout"),
        (unsigned)config_number(config, "/limits/source_workers"),
        (size_t)config_number(config, "/limits/source_queue"));
    host->strangers = strangers_new();
    host->proven = proven_new();
    host->rendered =
        rendered_new((size_t)config_number(config, "/cache/rendered"));
    host->rest = rest_new(host);
    if (!host->lanes || !host->crowds || !host->places || !host->slow ||
        !host->sources || !host->buckets || !host->strangers ||
        !host->rendered || !host->proven || !host->rest)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    return park_new((unsigned)config_number(config, "/flow/parked_max"),
                    &host->park, err);
}

static factor_status
make_backends(struct running *running, const struct outbox_settings *settings,
              struct factor_error *err)
{
    const struct instances *instances = running->instances;
    struct backend_entry *list =
        calloc(instances->delivery_count + 1, sizeof(*list));
    factor_status st;
    size_t i;

    if (!list)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    for (i = 0; i < instances->delivery_count; i++) {
        list[i].channel = instances->deliveries[i].channel;
        list[i].plugin = instances->deliveries[i].plugin;
        list[i].ops = instances->deliveries[i].ops;
        list[i].self = instances->deliveries[i].self;
    }
    st = backends_new(list, instances->delivery_count, settings->workers,
                      &settings->breaker, &running->host.backends, err);
    free(list);
    return st;
}

static factor_status
start_outbox(struct running *running, struct factor_error *err)
{
    struct outbox_parts parts = {
        .database = running->host.database,
        .renderer = &running->renderer,
        .base_url = running->base_url,
    };
    factor_status st;

    running->host.renderer = &running->renderer;
    running->renderer.texts = running->host.texts;
    running->renderer.brand = config_text(running->host.config, "/brand/name");
    running->renderer.accent =
        config_text(running->host.config, "/brand/accent");
    if (render_host(running->base_url, running->host_name))
        running->renderer.host = running->host_name;
    outbox_settings_read(running->host.config, &parts.settings);
    st = make_backends(running, &parts.settings, err);
    parts.backends = running->host.backends;
    return st == FACTOR_OK ? outbox_start(&parts, &running->host.outbox, err)
                           : st;
}

static factor_status
read_pages(struct running *running, struct factor_error *err)
{
    const struct config *config = running->host.config;
    struct brand *brand = NULL;
    factor_status st = brand_new(config, &brand, err);

    return st == FACTOR_OK
               ? pages_new(config_text(config, "/server/web_directory"), brand,
                           &running->host.pages, err)
               : st;
}

static factor_status
import_users(struct running *running, struct factor_error *err)
{
    const char *file = config_text(running->host.config, "/users_file");

    return file ? users_import_file(&running->host, file, err) : FACTOR_OK;
}

static factor_status
start_sweep(struct running *running, struct factor_error *err)
{
    const struct sweep_parts parts = {
        .database = running->host.database,
        .keep_settled_ms =
            config_number(running->host.config, "/outbox/keep_settled"),
    };
    return sweep_start(&parts, &running->host.sweep, err);
}

/* --- Listeners. --- */

/* D4: messages hold live codes, so they are shown on loopback only. */
static void
choose_demo(struct running *running, struct listening *public, size_t *count)
{
    const struct config *config = running->host.config;
    const struct instances *instances = running->instances;
    const char *path = NULL;
    size_t i;

    if (public->socket >= 0 ? !handed_is_local(public->socket)
                            : !address_listen_is_local(public->where))
        return;
    if (config_flag(config, "/pages/demo"))
        public->tables[(*count)++] = demo_routes;
    for (i = 0; i < instances->delivery_count; i++)
        if (strcmp(instances->deliveries[i].plugin, "file") == 0)
            path = json_text(instances->deliveries[i].settings, "path");
    if (!path || !config_flag(config, "/pages/messages"))
        return;
    messages_set_file(path);
    public->tables[(*count)++] = messages_routes;
}

static factor_status
listen_on(struct running *running, const struct listening *wanted,
          struct factor_error *err)
{
    const struct config *config = running->host.config;
    struct listening *listening =
        &running->listening[running->listening_count];
    struct http_listener listener = {
        .socket = wanted->socket,
        .threads = wanted->threads,
        .connection_max =
            (unsigned)config_number(config, "/server/connections"),
        .idle_timeout_s =
            (unsigned)(config_number(config, "/server/idle_timeout") / 1000),
        .proxies = &running->proxies,
        .tls = wanted->tls,
        .strict_transport = wanted->strict_transport,
        .routes = listening->tables,
        .refused = rest_refused,
        .context = &running->host,
    };
    factor_status st = FACTOR_OK;

    *listening = *wanted;
    if (listener.socket < 0)
        st = http_listen(wanted->where, 0600, &listener.socket, err);
    if (st == FACTOR_OK)
        st = http_start(&listener, &listening->server, err);
    if (st == FACTOR_OK)
        running->listening_count++;
    return st;
}

/* They were checked one by one. */
static factor_status
trust_proxies(struct running *running, struct factor_error *err)
{
    const json_t *list =
        config_at(running->host.config, "/server/trusted_proxies");
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (!forwarded_trust(&running->proxies,
                             json_string_value(json_array_get(list, i))))
            return error_set(err, FACTOR_E_CONFIG,
                             "server.trusted_proxies: at most %d",
                             FORWARDED_PROXIES_MAX);
    return FACTOR_OK;
}

/* Said behind a proxy too: the connection that browsers see is by https. */
static const char *
strict_transport(struct running *running)
{
    int64_t age_s =
        config_number(running->host.config, "/server/strict_transport") / 1000;

    if (age_s == 0 || strncmp(running->base_url, "https://", 8) != 0)
        return NULL;
    snprintf(running->strict_transport, sizeof(running->strict_transport),
             "max-age=%" PRId64, age_s);
    return running->strict_transport;
}

static factor_status
listen_public(struct running *running, struct factor_error *err)
{
    const struct config *config = running->host.config;
    struct listening public = {
        .tables = {health_routes, authn_routes, oauth_routes, pages_routes,
                   qr_routes, parts_routes, report_routes,
                   rest_open_routes(running->host.rest)},
        .where = config_text(config, "/server/listen"),
        .socket = running->handed.public,
        .threads = (unsigned)config_number(config, "/server/loops"),
        .tls = running->tls[CERTIFICATE_PUBLIC],
        .strict_transport = strict_transport(running),
    };
    size_t count = 8;
    factor_status st = trust_proxies(running, err);

    if (st != FACTOR_OK)
        return st;
    if (config_flag(config, "/server/rest_on_public")) {
        public.tables[count++] = rest_routes(running->host.rest);
        public.tables[count++] = openapi_routes;
    }
    choose_demo(running, &public, &count);
    if (public.socket >= 0)
        running->host.listen = "a socket that was handed over";
    return listen_on(running, &public, err);
}

static factor_status
listen_admin(struct running *running, struct factor_error *err)
{
    const struct listening admin = {
        .tables = {health_routes, oauth_routes, openapi_routes,
                   rest_routes(running->host.rest)},
        .where = config_text(running->host.config, "/server/admin_listen"),
        .socket = running->handed.admin,
        .threads = 1,
        .tls = running->tls[CERTIFICATE_ADMIN],
    };

    if (!admin.where && admin.socket < 0)
        return FACTOR_OK;
    if (admin.socket >= 0 && !admin.tls && !handed_is_local(admin.socket))
        log_event("factord", FACTOR_LOG_WARNING,
                  "the admin socket that was handed over can be reached from "
                  "other machines, in clear: listen on loopback or a path, or "
                  "set server.admin_tls");
    return listen_on(running, &admin, err);
}

static factor_status
listen_control(struct running *running, struct factor_error *err)
{
    char where[512];
    const struct listening control = {
        .tables = {control_routes},
        .where = where,
        .socket = -1,
        .threads = 1,
    };

    snprintf(where, sizeof(where), "unix:%s",
             config_text(running->host.config, "/server/control_socket"));
    return listen_on(running, &control, err);
}

static factor_status
take_handed(struct running *running, struct factor_error *err)
{
    return handed_take(&running->handed, err);
}

/* --- Start and stop. --- */

/* In this order: each stands on those before it. */
static factor_status (*const stages[])(struct running *,
                                       struct factor_error *) = {
    take_handed, settle_keys,  make_machinery, open_database,
    read_pages,  start_outbox, start_sweep,    import_users,
    listen_control, listen_admin, listen_public,
};

static factor_status
run_stages(struct running *running, struct factor_error *err)
{
    factor_status st = FACTOR_OK;
    size_t i;

    for (i = 0; st == FACTOR_OK && i < sizeof(stages) / sizeof(stages[0]); i++)
        st = stages[i](running, err);
    return st;
}

struct running *
start(struct config *config, struct problems *problems,
      struct factor_error *err)
{
    struct running *running = calloc(1, sizeof(*running));
    struct instances *instances;
    bool known;

    if (!running)
        return NULL;
    running->host.config = config;
    running->host.started_ms = clock_now_ms();
    running->host.listen = config_text(config, "/server/listen");
    running->host.answer_floor_ms = &running->answer_floor_ms;
    outgoing_begin(config_at(config, "/outgoing/allowed_hosts"),
                   config_text(config, "/outgoing/ca_file"));
    certificates_read(config, problems, running->tls);
    known = set_base_url(running) && prepare_keys(running, err);
    instances = instances_new(config, known ? INSTANCES_ALL
                                            : INSTANCES_NO_STORE, problems);
    if (instances)
        take_instances(running, instances);
    if (!known || !instances || problems->errors ||
        !read_rules(&running->host, problems) || problems->errors ||
        run_stages(running, err) != FACTOR_OK) {
        start_stop(running);
        return NULL;
    }
    measure_start(&running->measure, &running->host);
    return running;
}

static bool
any_active(const struct running *running)
{
    size_t i;

    for (i = 0; i < running->listening_count; i++)
        if (http_active(running->listening[i].server) > 0)
            return true;
    return false;
}

/* Gives the end of the grace.  Whoever still waits for a source then has to
 * do without. */
static int64_t
drain(struct running *running)
{
    int64_t until = clock_steady_ms() +
                    config_number(running->host.config, "/server/stop_grace");
    size_t i;

    for (i = 0; i < running->listening_count; i++)
        http_quiesce(running->listening[i].server);
    if (running->host.park)
        park_wake_all(running->host.park);
    while (any_active(running) && clock_steady_ms() < until)
        usleep(2000);
    sources_close(running->host.sources);
    return until;
}

bool
start_stop(struct running *running)
{
    struct host *host;
    bool returned;
    int64_t until;
    size_t i;

    if (!running)
        return true;
    host = &running->host;
    measure_stop(&running->measure);
    until = drain(running);
    for (i = 0; i < running->listening_count; i++)
        if (!http_stop(running->listening[i].server))
            return false;
    pool_free(host->slow);
    returned = sources_free(host->sources, until);
    sweep_stop(host->sweep);
    /* A back end that never returned holds on to all that is below. */
    if (!outbox_stop(host->outbox))
        return false;
    host->outbox = NULL;
    backends_free(running->host.backends);
    database_close(host->database);
    /* So does a source, but for what is written. */
    if (!returned)
        return false;
    park_free(host->park);
    lanes_free(host->lanes);
    lanes_free(host->crowds);
    lanes_free(host->places);
    strangers_free(host->strangers);
    rest_free(host->rest);
    buckets_free(host->buckets);
    rendered_free(host->rendered);
    proven_free(host->proven);
    pages_free(host->pages);
    messages_set_file(NULL);
    free_rules(host);
    certificates_free(running->tls);
    instances_free(running->instances);
    plugin_host_identify(&nobody);
    outgoing_end();
    keys_close(host->keys);
    free(running->base_url);
    free(running->base_origin);
    free(running);
    return true;
}

void
start_reload(struct running *running)
{
    certificates_renew(running->host.config, running->tls);
}

const struct host *
start_host(const struct running *running)
{
    return &running->host;
}
