/* SPDX-License-Identifier: MIT */
/* tests/engine_rig.c - a host without HTTP, for tests of the engine. */
#include "tests/engine_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liboath/oath.h>

#include "factor/plugin.h"
#include "host/clock.h"
#include "host/json.h"
#include "host/record/verify.h"
#include "host/log.h"
#include "host/oauth/client.h"
#include "host/plugin/instances.h"
#include "host/step/lanes.h"
#include "host/step/strangers.h"
#include "host/users/import.h"
#include "host/users/users.h"
#include "tests/engine_store.h"
#include "tests/folder.h"

enum {
    SETS_MAX = 8,
    ATTEMPTS_MAX = 64, /* as host/step/job.c */
    VOLATILE = 64 << 20,
    TOTP_DIGITS = 6
};

struct engine_rig engine;
const struct factor_adapter_ops *rig_fake;
const char *const *rig_sets;

/* ------------------------------------------------------- the configuration */

/* Limits on messages are lifted but where a test sets its own. */
static const char configuration[] =
    "{\"store\": {\"plugin\": \"sqlite\"},"
    " \"log_level\": \"error\","
    " \"delivery\": {\"email\": [{\"plugin\": \"file\"}],"
    "                \"sms\": [{\"plugin\": \"file\"}]},"
    " \"adapters\": {"
    "  \"password\": {\"plugin\": \"password\", \"yescrypt_cost\": 1},"
    "  \"otp\": {\"plugin\": \"otp\", \"device_selection\": \"user_choice\","
    "            \"resend_cooldown\": \"0s\"},"
    "  \"otp-free\": {\"plugin\": \"otp\", \"lock_after\": 100,"
    "                 \"account_lock_after\": 1000, \"disable_after\": 1000,"
    "                 \"max_attempts\": 10, \"max_resends\": 100,"
    "                 \"device_selection\": \"user_choice\","
    "                 \"resend_cooldown\": \"0s\"},"
    "  \"fake\": {\"plugin\": \"example\"}},"
    " \"policies\": {"
    "  \"otp\": {\"steps\": [{\"adapter\": \"password\"},"
    "                        {\"adapter\": \"otp\"}]},"
    "  \"free\": {\"steps\": [{\"adapter\": \"password\"},"
    "                         {\"adapter\": \"otp-free\"}]},"
    "  \"fake\": {\"steps\": [{\"adapter\": \"password\"},"
    "                         {\"adapter\": \"fake\"}]},"
    "  \"twice\": {\"steps\": [{\"adapter\": \"password\"},"
    "                          {\"adapter\": \"fake\"},"
    "                          {\"adapter\": \"otp\"}]}},"
    " \"clients\": {\"app\": {\"type\": \"public\", \"pi_flow\": true,"
    "   \"native\": true, \"id_token_alg\": \"ES256\","
    "   \"policies\": [\"otp\", \"free\"]}},"
    " \"limits\": {\"sends_per_address_10min\": 0,"
    "   \"sends_per_address_day\": 0,"
    "   \"sends_per_account_day\": 0,"
    "   \"sends_per_prefix_hour\": 1000000}}";

/* Not folder_write, whose assertions want a running test. */
static bool
write_file(const char *name, const char *text)
{
    int fd = open(folder_in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                  0600);
    bool done = fd >= 0 && text &&
                write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return done;
}

static struct config *
read_configuration(struct problems *problems)
{
    const char *build = getenv("FACTOR_BUILDDIR");
    const char *sets[2 + SETS_MAX] = {
        folder_text("plugin_directory=%s/.libs", build ? build : "."),
        folder_text("state_directory=%s", folder_path()),
    };
    struct config_options options = {
        .file = folder_in("factord.json"),
        .sets = sets,
        .set_count = 2,
    };

    for (; rig_sets && rig_sets[options.set_count - 2]; options.set_count++)
        sets[options.set_count] = rig_sets[options.set_count - 2];
    if (!write_file("factord.json", configuration))
        return NULL;
    return config_load(&options, problems);
}

/* --- The parts that stay while stores come and go. --- */

/* The configuration has a plugin of that name, so that policies may name it;
 * what runs is the test's. */
static bool
put_fake(void)
{
    struct factor_error err = {0};
    size_t count = engine.instances->adapter_count, i;

    engine.adapters = calloc(count, sizeof(engine.adapters[0]));
    if (!engine.adapters)
        return false;
    for (i = 0; i < count; i++) {
        engine.adapters[i] = engine.instances->adapters[i];
        if (!rig_fake || strcmp(engine.adapters[i].name, "fake") != 0)
            continue;
        engine.adapters[i].ops = rig_fake;
        engine.adapters[i].self = NULL;
        if (adapter_describe(&engine.adapters[i], &err) != FACTOR_OK) {
            tap_note("%s", err.text);
            return false;
        }
    }
    return true;
}

static bool
make_parts(struct problems *problems)
{
    size_t i;

    engine.config = read_configuration(problems);
    engine.instances = engine.config && problems->errors == 0
                           ? instances_new(engine.config, INSTANCES_NO_STORE,
                                           problems)
                           : NULL;
    if (!engine.instances || problems->errors || !put_fake())
        return false;
    engine.texts = texts_new(NULL);
    for (i = 0; i < engine.instances->adapter_count; i++)
        texts_add(engine.texts, engine.adapters[i].description->texts);
    engine.policies =
        policies_new(engine.config, engine.adapters,
                     engine.instances->adapter_count, problems);
    engine.clients = clients_new(engine.config, engine.policies, problems);
    return problems->errors == 0;
}

int
engine_rig_make(void)
{
    struct problems problems = {0};
    size_t i;
    bool made;

    log_set_level(FACTOR_LOG_ERROR);
    if (folder_make() != 0)
        return 1;
    made = make_parts(&problems);
    for (i = 0; i < problems.count; i++)
        if (!made)
            tap_note("%s", problems.lines[i].text);
    problems_clear(&problems);
    return made ? 0 : 1;
}

int
engine_rig_remove(void)
{
    size_t i;

    engine_rig_close();
    for (i = 0; i < RIG_NODES; i++)
        keys_close(engine.keys[i]);
    clients_free(engine.clients);
    policies_free(engine.policies);
    texts_free(engine.texts);
    for (i = 0; engine.adapters && i < engine.instances->adapter_count; i++)
        if (engine.adapters[i].ops == rig_fake)
            adapter_forget(&engine.adapters[i]);
    free(engine.adapters);
    instances_free(engine.instances);
    config_free(engine.config);
    memset(&engine, 0, sizeof(engine));
    return folder_remove();
}

/* -------------------------------------------------------------- the nodes */

static void
record_moved(void *context, const struct record *record)
{
    (void)context;
    if (engine.setup.moved)
        engine.setup.moved(record);
}

/* Each node writes an audit chain of its own: the first one's keys, but for
 * the name of the writer. */
static bool
make_second_keys(void)
{
    json_t *body = json_load_file(folder_in("keys.json"), 0, NULL);
    bool done =
        body && json_object_set_new(body, "environment",
                                    json_string("11111111-2222-4333-8444-"
                                                "555555555555")) == 0;

    char *text = done ? json_dumps(body, 0) : NULL;

    done = text && write_file("keys1.json", text);
    free(text);
    json_decref(body);
    return done;
}

/* Once: to check them at each opening takes longer than most tests. */
static factor_status
open_keys(size_t number, struct factor_error *err)
{
    if (engine.keys[number])
        return FACTOR_OK;
    if (number > 0 && !make_second_keys())
        return FACTOR_E_INTERNAL;
    return keys_open(folder_in(number > 0 ? "keys1.json" : "keys.json"), true,
                     &engine.keys[number], err);
}

static void
fill_host(struct node *node)
{
    node->host.config = engine.config;
    node->host.keys = node->keys;
    node->host.database = node->database;
    node->host.texts = engine.texts;
    node->host.adapters = engine.adapters;
    node->host.adapter_count = engine.instances->adapter_count;
    node->host.policies = engine.policies;
    node->host.clients = engine.clients;
    node->host.lanes = node->lanes;
    node->host.strangers = node->strangers;
    node->host.base_url = "https://login.example.org";
    node->host.base_origin = "https://login.example.org";
}

static factor_status
open_node(struct node *node, size_t number, struct factor_error *err)
{
    struct database_parts parts = {
        .ops = engine.ops,
        .store = engine.store,
        .cache_bytes = 64 << 20,
        .volatile_bytes = engine.setup.volatile_bytes
                              ? engine.setup.volatile_bytes
                              : VOLATILE,
        .moved = record_moved,
    };
    factor_status st;

    st = open_keys(number, err);
    parts.keys = node->keys = engine.keys[number];
    if (st == FACTOR_OK)
        st = database_open(&parts, &node->database, err);
    node->lanes = lanes_new(1, 32);
    node->strangers = strangers_new();
    fill_host(node);
    return st;
}

static factor_status
open_sqlite(const struct rig_setup *setup, struct factor_error *err)
{
    const struct factor_store_ops *ops = factor_plugin_v1()->ops;
    json_t *settings = json_pack(
        "{s:s, s:s, s:i, s:i, s:s?}", "path", folder_in("store.db"),
        "synchronous", setup->synchronous ? setup->synchronous : "FULL",
        "cache", 4 << 20, "readers", 4, "vfs", setup->vfs);
    factor_status st = ops->init(NULL, settings, &engine.store, err);

    json_decref(settings);
    engine.ops = front_use(ops);
    return st;
}

bool
engine_rig_open(const struct rig_setup *setup)
{
    struct factor_error err = {0};
    factor_status st = FACTOR_OK;
    size_t i, count = setup->node_count ? setup->node_count : 1;

    engine.setup = *setup;
    if (setup->ops) {
        engine.ops = front_use(setup->ops);
        engine.store = setup->store;
    } else {
        st = open_sqlite(setup, &err);
    }
    for (i = 0; st == FACTOR_OK && i < count; i++)
        st = open_node(&engine.nodes[i], i, &err);
    if (st != FACTOR_OK)
        tap_note("the rig does not open: %s", err.text);
    return st == FACTOR_OK;
}

void
engine_rig_close(void)
{
    size_t i;

    for (i = 0; i < RIG_NODES; i++) {
        database_close(engine.nodes[i].database);
        lanes_free(engine.nodes[i].lanes);
        strangers_free(engine.nodes[i].strangers);
        memset(&engine.nodes[i], 0, sizeof(engine.nodes[i]));
    }
    if (engine.store && !engine.setup.ops)
        engine.ops->fini(engine.store);
    engine.store = NULL;
}

void
engine_rig_forget(void)
{
    static const char *const names[] = {"store.db", "store.db-wal",
                                        "store.db-shm"};
    size_t i;

    for (i = 0; i < TAP_COUNT(names); i++)
        unlink(folder_in(names[i]));
}

/* ------------------------------------------------------------------ users */

struct import {
    const json_t *line;
    char *id;
};

static factor_status
import_user(struct txn *txn, void *context, struct factor_error *err)
{
    return users_import(&engine.nodes[0].host, txn,
                        ((struct import *)context)->line, err);
}

static factor_status
find_id(struct txn *txn, void *context, struct factor_error *err)
{
    const struct import *import = context;
    const struct record *user;
    factor_status st = txn_read_name(txn, FACTOR_USERS,
                                     json_text(import->line, "username"),
                                     &user);

    (void)err;
    if (st == FACTOR_OK)
        snprintf(import->id, RIG_ID, "%s", user->face.id);
    return st;
}

bool
rig_user(const char *name, bool mail, bool phone, bool password,
         char ret_id[RIG_ID])
{
    static unsigned number;
    json_t *line = json_pack("{s:s}", "username", name);
    struct import import = {line, ret_id};
    struct factor_error err = {0};
    factor_status st;

    if (mail)
        json_object_set_new(line, "email",
                            json_sprintf("%s@example.org", name));
    if (phone)
        json_object_set_new(line, "phone",
                            json_sprintf("+4915100%05u", ++number));
    if (password)
        json_set_text(line, "password", RIG_PASSWORD);
    st = txn_run(engine.nodes[0].database, import_user, &import, &err);
    if (st == FACTOR_OK)
        st = txn_run(engine.nodes[0].database, find_id, &import, &err);
    if (st != FACTOR_OK)
        tap_note("user %s: %s", name, err.text);
    json_decref(line);
    return st == FACTOR_OK;
}

bool
rig_enrol(const char *name, struct rig_app *ret_app)
{
    struct factor_error err = {0};
    json_t *answer = NULL;
    const char *secret;
    char *key = NULL;
    factor_status st = users_operate(&engine.nodes[0].host, name, "otp",
                                     "enrollTotp", NULL, &answer, &err);

    secret = json_text(answer, "secret");
    if (st != FACTOR_OK || !secret ||
        oath_base32_decode(secret, strlen(secret), &key, &ret_app->key_len) !=
            OATH_OK ||
        ret_app->key_len > RIG_KEY_MAX) {
        tap_note("no app for %s: %s", name, err.text);
        st = FACTOR_E_INTERNAL;
    } else {
        memcpy(ret_app->key, key, ret_app->key_len);
    }
    free(key);
    json_decref(answer);
    return st == FACTOR_OK;
}

void
rig_totp(const struct rig_app *app, int64_t now_ms, char ret[RIG_CODE])
{
    if (oath_totp_generate((const char *)app->key, app->key_len,
                           (time_t)(now_ms / 1000), RIG_STEP_MS / 1000, 0,
                           TOTP_DIGITS, ret) != OATH_OK)
        abort();
}

void
rig_totp_wrong(const struct rig_app *app, int64_t now_ms, char ret[RIG_CODE])
{
    char near[RIG_CODE];
    bool right;
    int step;
    unsigned guess = 0;

    do {
        snprintf(ret, RIG_CODE, "%06u", guess++ % 1000000);
        for (step = -1, right = false; step <= 1 && !right; step++) {
            rig_totp(app, now_ms + step * RIG_STEP_MS, near);
            right = strcmp(ret, near) == 0;
        }
    } while (right);
}

void
rig_other(const char *code, char ret[RIG_CODE])
{
    snprintf(ret, RIG_CODE, "%s", code);
    ret[0] = ret[0] == '9' ? '0' : (char)(ret[0] + 1);
}

/* ---------------------------------------------------------------- clients */

static const char *const languages[] = {"en", NULL};

/* One step on its way. */
struct step {
    struct client_side *client;
    struct engine_call call;
    struct engine_result result;
    struct lane *lane;
    /* What is asked: to begin a flow, or an action. */
    const char *policy;
    json_t *hint;
    const char *flow, *action;
    json_t *given;
};

void
client_make(struct client_side *client, size_t node)
{
    memset(client, 0, sizeof(*client));
    client->node = &engine.nodes[node];
    client->now_ms = RIG_NOW;
}

static void
fill_call(struct engine_call *call, const struct client_side *client)
{
    memset(call, 0, sizeof(*call));
    call->host = &client->node->host;
    call->cookie = client->cookie[0] ? client->cookie : NULL;
    call->address = "192.0.2.1";
    call->user_agent = "test";
    call->languages = languages;
    call->trusted = client->trusted;
    call->answers = client->answers;
}

static factor_status
decide(struct step *step, struct txn *txn, struct factor_error *err)
{
    const struct policy *policy;
    json_t *request;
    factor_status st;

    if (!step->policy)
        return engine_act(&step->call, txn, step->flow, step->action,
                          step->given, &step->result, err);
    policy = policies_find(engine.policies, step->policy);
    if (!policy)
        abort();
    request = json_pack("{s:s}", "scope", "openid");
    st = engine_begin(&step->call, txn, RIG_CLIENT, policy, "pi.flow", request,
                      step->hint, &step->result, err);
    json_decref(request);
    return st;
}

/* --- Lanes: a thread that waits for its turn. --- */

struct turn {
    pthread_mutex_t lock;
    pthread_cond_t come;
    bool mine;
};

/* What a lane keeps of a job is its address. */
static void
turn_comes(struct job *job)
{
    struct turn *turn = (struct turn *)(void *)job;

    pthread_mutex_lock(&turn->lock);
    turn->mine = true;
    pthread_cond_signal(&turn->come);
    pthread_mutex_unlock(&turn->lock);
}

static bool
enter_lane(struct step *step)
{
    struct turn turn = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                        false};
    enum lane_entry entry;

    step->call.in_lane = true;
    if (step->client->no_lane)
        return true;
    entry = lanes_wait(step->client->node->lanes, step->result.lane,
                       (struct job *)(void *)&turn, &step->lane, turn_comes);
    if (entry != LANE_TAKEN)
        return entry == LANE_ENTERED;
    pthread_mutex_lock(&turn.lock);
    while (!turn.mine)
        pthread_cond_wait(&turn.come, &turn.lock);
    pthread_mutex_unlock(&turn.lock);
    return true;
}

/* --- Attempts. --- */

/* Before the attempt goes. */
static void
take_result(const struct step *step, struct answer *ret)
{
    const struct engine_result *result = &step->result;
    const json_t *detail =
        json_array_get(json_object_get(result->error, "details"), 0);
    const char *code = json_text(detail ? detail : result->error, "code");

    ret->status = result->error ? result->status : 200;
    ret->answer_after_ms = result->answer_after_ms;
    ret->error = result->error ? json_incref(result->error) : NULL;
    snprintf(ret->code, sizeof(ret->code), "%s", code ? code : "");
    if (result->flow)
        snprintf(ret->flow, sizeof(ret->flow), "%s", result->flow);
    if (result->cookie[0])
        memcpy(step->client->cookie, result->cookie, SESSION_COOKIE);
}

static factor_status
commit(struct step *step, struct txn *txn, struct answer *ret)
{
    struct database *database = step->client->node->database;
    factor_status st = FACTOR_OK;
    struct commit *commit;

    if (txn_writes(txn)) {
        commit = txn_commit(txn);
        st = commit ? database_commit_wait(database, commit) : FACTOR_E_NOMEM;
    }
    if (st == FACTOR_OK)
        st = txn_commit_memory(txn);
    if (st == FACTOR_OK)
        take_result(step, ret);
    return st;
}

/* Beside a factor_status: run it again. */
enum { AGAIN = 1, BUSY = 2 };

static int
attempt(struct step *step, const uint8_t *seed, struct answer *ret)
{
    struct txn *txn = txn_new(step->client->node->database,
                              step->client->now_ms, seed);
    struct factor_error err = {0};
    int st;

    if (!txn)
        return FACTOR_E_NOMEM;
    st = decide(step, txn, &err);
    if (st == FACTOR_OK)
        st = commit(step, txn, ret);
    else if (st == ENGINE_SLOW) {
        step->call.on_slow_pool = true;
        st = AGAIN;
    } else if (st == ENGINE_LANE)
        st = enter_lane(step) ? AGAIN : BUSY;
    else if (st > 0)
        st = FACTOR_E_UNSUPPORTED;
    txn_free(txn);
    return st == FACTOR_E_CONFLICT ? AGAIN : st;
}

static bool
run(struct step *step, struct answer *ret)
{
    uint8_t seed[TXN_SEED];
    int st;

    memset(ret, 0, sizeof(*ret));
    fill_call(&step->call, step->client);
    clock_random(seed, sizeof(seed));
    do {
        st = attempt(step, seed, ret);
    } while (st == AGAIN && ++ret->attempts < ATTEMPTS_MAX);
    lanes_leave(step->client->node->lanes, step->lane);
    ret->busy = st == BUSY;
    ret->st = st == AGAIN ? FACTOR_E_CONFLICT : st == BUSY ? FACTOR_OK : st;
    if (ret->busy)
        snprintf(ret->code, sizeof(ret->code), "BUSY");
    else if (ret->st != FACTOR_OK)
        snprintf(ret->code, sizeof(ret->code), "FAILED");
    json_decref(step->hint);
    json_decref(step->given);
    return ret->st == FACTOR_OK && !ret->code[0];
}

bool
client_begin(struct client_side *client, const char *policy,
             const char *hint_user, struct answer *ret)
{
    struct step step = {.client = client, .policy = policy};

    if (hint_user)
        step.hint = json_pack("{s:s, s:I, s:{s:s}, s:[s]}", "subject",
                              hint_user, "authTime",
                              (json_int_t)(client->now_ms / 1000),
                              "attributes", "userId", hint_user, "amr", "pwd");
    return run(&step, ret);
}

bool
client_act(struct client_side *client, const char *flow, const char *action,
           json_t *given, struct answer *ret)
{
    struct step step = {.client = client,
                        .flow = flow,
                        .action = action,
                        .given = given};

    return run(&step, ret);
}

void
answer_clear(struct answer *answer)
{
    json_decref(answer->error);
    answer->error = NULL;
}

const char *
client_do(struct client_side *client, const char *flow, const char *action,
          json_t *given)
{
    static _Thread_local char code[40];
    struct answer answer;

    client_act(client, flow, action, given, &answer);
    snprintf(code, sizeof(code), "%s", answer.code);
    answer_clear(&answer);
    return code;
}

json_t *
given_code(const char *code)
{
    return json_pack("{s:s}", "otp", code);
}

json_t *
given_device(const char *id)
{
    return json_pack("{s:{s:s}}", "deviceRef", "id", id);
}

json_t *
client_look(struct client_side *client, const char *flow, unsigned *ret_status)
{
    uint8_t seed[TXN_SEED] = {0};
    struct txn *txn =
        txn_new(client->node->database, client->now_ms, seed);
    struct factor_error err = {0};
    struct engine_result result;
    struct engine_call call;
    json_t *state = NULL;
    factor_status st;

    fill_call(&call, client);
    st = engine_look(&call, txn, flow, &result, &err);
    *ret_status = st != FACTOR_OK ? 500 : result.error ? result.status : 200;
    if (st == FACTOR_OK && result.state && !result.error)
        state = json_incref(result.state);
    if (txn_writes(txn))
        abort();
    txn_free(txn);
    return state;
}

const char *
client_state(struct client_side *client, const char *flow)
{
    static _Thread_local char text[40];
    unsigned status;
    json_t *state = client_look(client, flow, &status);
    const char *name = json_text(state, "status");

    snprintf(text, sizeof(text), "%s", name ? name : "");
    json_decref(state);
    return text;
}

bool
client_device(struct client_side *client, const char *flow, const char *type,
              char ret_id[RIG_ID])
{
    unsigned status;
    json_t *state = client_look(client, flow, &status), *device;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(state, "devices"), i, device)
        if (strcmp(json_text(device, "type"), type) == 0) {
            snprintf(ret_id, RIG_ID, "%s", json_text(device, "id"));
            found = true;
        }
    json_decref(state);
    return found;
}

/* ---------------------------------------------------------------- records */

struct find {
    struct record_list *list;
    struct factor_error err;
};

static factor_status
find_row(void *context, const struct factor_row *row)
{
    struct find *find = context;
    struct record *record = NULL;
    factor_status st =
        record_decode(row, engine.nodes[0].keys, &record, &find->err);

    /* A store that a test broke has rows that nobody can read. */
    if (st == FACTOR_OK)
        find->list->records[find->list->count++] = record;
    return st;
}

static struct record_list *
read_all(uint32_t kind, const char *collection, const char *key)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = kind,
        .collection = collection,
        .key = key,
        .limit = 1000,
    };
    struct find find = {.list = record_list_new(query.limit)};
    static unsigned told; /* a store that is broken says so long enough */

    find.list->count = 0;
    if (engine.ops->read(engine.store, &query, find_row, &find, &find.err) !=
            FACTOR_OK &&
        told++ < 5)
        tap_note("read %s: %s", collection, find.err.text);
    return find.list;
}

struct record_list *
rig_owned(const char *collection, const char *owner)
{
    return read_all(FACTOR_QUERY_OWNED, collection, owner);
}

struct record_list *
rig_all(const char *collection)
{
    return read_all(FACTOR_QUERY_PAGE, collection, NULL);
}

struct record *
rig_record(const char *collection, const char *id)
{
    struct record_list *list = read_all(FACTOR_QUERY_ID, collection, id);
    struct record *record = list->count ? record_ref(list->records[0]) : NULL;

    record_list_unref(list);
    return record;
}

struct record *
rig_authenticator(const char *owner, const char *channel)
{
    struct record_list *list = rig_owned("otp.authenticator", owner);
    struct record *found = NULL;
    const char *text;
    uint32_t i;

    for (i = 0; i < list->count && !found; i++) {
        text = json_text(list->records[i]->body, "channel");
        if (text && strcmp(text, channel) == 0)
            found = record_ref(list->records[i]);
    }
    record_list_unref(list);
    return found;
}

int64_t
rig_failures(const char *owner, const char *channel)
{
    struct record *record = rig_authenticator(owner, channel);
    int64_t failures = record ? json_number(record->body, "failures", 0) : -1;

    record_unref(record);
    return failures;
}

static bool
records_hold(const struct verify_findings *found)
{
    if (!found->behind && !found->ahead)
        return true;
    tap_note("%llu records behind the log, %llu ahead: %s",
             (unsigned long long)found->behind,
             (unsigned long long)found->ahead, found->first);
    return false;
}

bool
rig_audit_holds(void)
{
    struct factor_error err = {0};
    struct verify_findings found = {0};
    factor_status st = FACTOR_OK;
    bool holds = true;
    size_t i;

    for (i = 0; i < RIG_NODES && holds; i++) {
        if (!engine.nodes[i].database)
            continue;
        st = verify_audit(engine.nodes[i].database, &found, &err);
        holds = st == FACTOR_OK && !found.broken && records_hold(&found);
    }
    if (st != FACTOR_OK || found.broken)
        tap_note("the audit chain breaks at %llu %s",
                 (unsigned long long)found.broken, err.text);
    return holds;
}
