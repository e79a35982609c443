/* SPDX-License-Identifier: MIT */
/* host/plugin/effects.c - the effects that a plugin emits, and the table of
 * host calls. */
#include "host/plugin/effects.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "factor/user.h"
#include "host/arena.h"
#include "host/error.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "host/log.h"
#include "host/outgoing/outgoing.h"
#include "host/plugin/reads.h"
#include "host/text.h"
#include "host/user.h"
#include "host/uuid.h"

struct factor_effects {
    struct txn *txn;
    const char *plugin;
    const char *owner;
    const char *const *languages;
    struct strangers *strangers;
    struct factor_error problem; /* of the first refused call */
};

/* Channels that the configuration has back ends for; set once at start. */
static const char *const *channels;

void
effects_set_channels(const char *const *names)
{
    channels = names;
}

struct factor_effects *
effects_new(struct txn *txn, const char *plugin, const char *owner,
            const char *const *languages, struct strangers *strangers)
{
    struct factor_effects *effects =
        arena_alloc(txn_arena(txn), sizeof(*effects));

    if (!effects)
        return NULL;
    effects->txn = txn;
    effects->plugin = plugin;
    effects->owner = owner;
    effects->languages = languages;
    effects->strangers = strangers;
    return effects;
}

const char *
effects_problem(const struct factor_effects *effects)
{
    return effects->problem.text;
}

static factor_status
refuse(struct factor_effects *effects, const char *why)
{
    if (!effects->problem.text[0])
        error_set(&effects->problem, FACTOR_E_INPUT, "%s", why);
    return FACTOR_E_INPUT;
}

/* An effect that failed is not there: whatever the plugin makes of it, the
 * step must not be committed without it. */
static factor_status
took(struct factor_effects *effects, factor_status st)
{
    if (st != FACTOR_OK && !effects->problem.text[0])
        error_set(&effects->problem, st, "an effect could not be taken");
    return st;
}

/* Collections without a dot are the host's; of them a plugin may write users
 * only, and they must fit. */
static const char *
put_problem(const struct factor_put *put)
{
    if (!put->collection || !put->id || !put->body)
        return "put: collection, id or body is missing";
    if (put->flags)
        return "put: unknown flag";
    if (strcmp(put->collection, FACTOR_USERS) == 0)
        return put->version == 0 ? "put: a plugin makes no users"
                                 : user_body_problem(put->body);
    if (!strchr(put->collection, '.'))
        return "put: this collection is the host's";
    return NULL;
}

static factor_status
effect_put(struct factor_effects *effects, const struct factor_put *put)
{
    const char *problem = put_problem(put), *name = NULL;
    const struct record *seen;
    struct txn_put change;

    if (problem)
        return refuse(effects, problem);
    seen = txn_seen(effects->txn, put->collection, put->id);
    if (put->name) {
        name = reads_name_text(effects->txn, put->name);
        if (!name)
            return refuse(effects, "put: the name does not fit");
    } else if (seen && put->version != 0) {
        name = seen->face.name;
    }
    change = (struct txn_put){
        .collection = put->collection,
        .id = put->id,
        .owner = put->owner,
        .name = name,
        .version = put->version,
        .expires_at_ms = put->expires_at_ms,
        .body = json_share(put->body),
    };
    return took(effects, txn_put(effects->txn, &change,
                                 effects->problem.text[0] ? NULL
                                                          : &effects->problem));
}

static factor_status
effect_remove(struct factor_effects *effects, const char *collection,
              const char *id, uint64_t version)
{
    const struct record *seen = txn_seen(effects->txn, collection, id);

    if (!strchr(collection, '.'))
        return refuse(effects, "remove: this collection is the host's");
    if (!seen || seen->face.version != version)
        return refuse(effects, "remove: not the version that was read");
    if (txn_remove(effects->txn, seen) != FACTOR_OK)
        return refuse(effects, "remove: changed twice in one step");
    return FACTOR_OK;
}

static bool
channel_known(const char *name)
{
    const char *const *channel;

    for (channel = channels; channel && *channel; channel++)
        if (strcmp(*channel, name) == 0)
            return true;
    return false;
}

static const char *const *
send_languages(struct factor_effects *effects, const struct factor_send *send)
{
    return send->language
               ? text_languages_with(txn_arena(effects->txn), send->language,
                                     effects->languages)
               : effects->languages;
}

static factor_status
effect_send(struct factor_effects *effects, const struct factor_send *send)
{
    if (send->flags & ~(uint32_t)FACTOR_SEND_NOTICE)
        return refuse(effects, "send: unknown flag");
    if (!send->channel || !channel_known(send->channel))
        return refuse(effects, "send: no delivery is configured for the "
                               "channel");
    if (!send->address || !send->template_id || send->expires_at_ms <= 0)
        return refuse(effects, "send: address, template or expiry is missing");
    if (!send->about_collection != !send->about_id)
        return refuse(effects, "send: about needs collection and id");
    return took(effects, txn_send(effects->txn, send, effects->owner,
                                  send_languages(effects, send)));
}

static factor_status
effect_audit(struct factor_effects *effects, const char *event,
             const json_t *fields)
{
    if (!event || !event[0])
        return refuse(effects, "audit: no event");
    txn_event(effects->txn, event, fields ? json_copy(json_unconst(fields))
                                          : NULL);
    return FACTOR_OK;
}

static factor_status
effect_count_unknown(struct factor_effects *effects, const char *name)
{
    const char *folded;

    if (!name)
        return refuse(effects, "count_unknown: no name");
    folded = user_fold(txn_arena(effects->txn), name);
    txn_probe(effects->txn);
    return took(effects, txn_stranger(effects->txn, effects->strangers,
                                      effects->plugin,
                                      folded ? folded : name));
}

static void host_log(const char *plugin, int level, const char *format, ...)
    FACTOR_PRINTF(3, 4);

static void
host_log(const char *plugin, int level, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_event(plugin, level, "%s", text);
}

/* Who is told what the init() that runs says of its settings. */
static void (*problem_told)(void *context, const char *pointer,
                            const char *text);
static void *problem_context;

static void host_setting_problem(const char *pointer, const char *format, ...)
    FACTOR_PRINTF(2, 3);

static void
host_setting_problem(const char *pointer, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (problem_told)
        problem_told(problem_context, pointer, text);
}

void
plugin_host_on_problem(void (*told)(void *context, const char *pointer,
                                    const char *text),
                       void *context)
{
    problem_told = told;
    problem_context = context;
}

#define NO_UUID "00000000-0000-0000-0000-000000000000"
#define NO_THUMBPRINT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct factor_host table = {
    .struct_size = sizeof(table),
    .abi_minor = FACTOR_ABI_MINOR,
    .alloc = arena_alloc,
    .read_id = reads_id,
    .read_name = reads_name,
    .read_owned = reads_owned,
    .read_page = reads_page,
    .read_user = reads_user,
    .read_username = reads_username,
    .read_username_owned = reads_username_owned,
    .read_named_owned = reads_named_owned,
    .read_id_owned = reads_id_owned,
    .put = effect_put,
    .remove = effect_remove,
    .send = effect_send,
    .audit = effect_audit,
    .count_unknown = effect_count_unknown,
    .uuid = uuid_format,
    .log = host_log,
    .setting_problem = host_setting_problem,
    .base_url = "",
    .environment = NO_UUID,
    .issuer_thumbprint = NO_THUMBPRINT,
    .authenticator_url = "",
    .jws_verify = jose_statement_verify,
    .jws_peek = jose_statement_peek,
    .jwk_thumbprint = jose_jwk_thumbprint,
    .jws_sign = jose_pem_sign,
    .http = outgoing_http,
    .http_release = outgoing_release,
};

const struct factor_host *
plugin_host(void)
{
    return &table;
}

static const char *
or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

void
plugin_host_identify(const struct plugin_host_names *names)
{
    table.base_url = or_else(names->base_url, "");
    table.environment = or_else(names->environment, NO_UUID);
    table.issuer_thumbprint =
        or_else(names->issuer_thumbprint, NO_THUMBPRINT);
    table.authenticator_url = or_else(names->authenticator_url, "");
}

void
plugin_host_publish(const json_t *published)
{
    table.published = published;
}
