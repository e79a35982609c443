/* SPDX-License-Identifier: MIT */
/* testlib/fake_host.c - the table that a plugin under test calls. */
#include "testlib/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/jose/jose.h"

enum { READS_MAX = 16 };

/* Does this call fail, as planted? */
static bool
fails(struct factor_test *test, int call)
{
    struct fake_fault *fault = &test->fault;

    if (fault->in == 0 ||
        (fault->call != FACTOR_TEST_CALL_ANY && fault->call != call))
        return false;
    if (--fault->in > 0)
        return false;
    fault->hit = true;
    test->faults_hit++;
    return true;
}

/* Keeps the first of several. */
__attribute__((format(printf, 2, 3))) static factor_status
misuse(char *problem, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!*problem)
        vsnprintf(problem, PROBLEM_LEN, format, args);
    va_end(args);
    return FACTOR_E_INPUT;
}

static bool
text_fits(const char *text, size_t max)
{
    return text && *text && strlen(text) <= max;
}

/* --- Memory: one block of the system's for each, so that checkers of memory
 * see an overrun of a byte. --- */

void *
fake_alloc(struct factor_arena *arena, size_t len)
{
    struct fake_block *block = fake_must(calloc(1, sizeof(*block)));

    block->memory = fake_must(calloc(1, len ? len : 1));
    block->next = arena->blocks;
    arena->blocks = block;
    return block->memory;
}

char *
fake_copy(struct factor_arena *arena, const char *text)
{
    return text ? memcpy(fake_alloc(arena, strlen(text) + 1), text,
                         strlen(text) + 1)
                : NULL;
}

void
fake_arena_end(struct factor_arena *arena)
{
    struct fake_block *block, *next;

    for (block = arena->blocks; block; block = next) {
        next = block->next;
        free(block->memory);
        free(block);
    }
    arena->blocks = NULL;
}

static void *
host_alloc(struct factor_arena *arena, size_t len)
{
    if (fails(arena->test, FACTOR_TEST_CALL_ALLOC) || len > 64u << 20)
        return NULL;
    return fake_alloc(arena, len);
}

/* --- Reads --- */

static factor_status
plan(struct factor_reads *reads, json_t *read)
{
    if (json_array_append_new(reads->plan, fake_must(read)))
        fake_must(NULL);
    return FACTOR_OK;
}

/* FACTOR_OK: the call may go on. */
static factor_status
may_read(struct factor_reads *reads, const char *collection, uint32_t limit)
{
    if (!reads)
        return FACTOR_E_INPUT; /* called outside of plan_reads */
    if (fails(reads->test, FACTOR_TEST_CALL_READ))
        return FACTOR_E_NOMEM;
    if (!text_fits(collection, FACTOR_COLLECTION_MAX))
        return misuse(reads->problem, "a read of collection \"%s\"",
                      collection ? collection : "(null)");
    if (limit < 1 || limit > 1000)
        return misuse(reads->problem, "a read with limit %u", limit);
    if (json_array_size(reads->plan) == READS_MAX)
        return misuse(reads->problem, "more than %d reads", READS_MAX);
    return FACTOR_OK;
}

static factor_status
host_read_id(struct factor_reads *reads, const char *collection, const char *id)
{
    factor_status status = may_read(reads, collection, 1);

    if (status)
        return status;
    /* Ids come from clients: too long a one is no bug, only not there. */
    if (!text_fits(id, FACTOR_ID_MAX))
        return FACTOR_E_INPUT;
    return plan(reads,
                json_pack("{s:s, s:s, s:o, s:i}", "read", "id", "collection",
                          collection, "id", fake_text(id), "limit", 1));
}

/* FACTOR_E_INPUT: the name does not fit. */
static factor_status
name_text(const struct factor_name *name, char *ret_text)
{
    if (!name || name->struct_size < sizeof(*name) || name->flags)
        return FACTOR_E_INPUT;
    if (name->text) {
        if (!text_fits(name->text, FACTOR_NAME_MAX))
            return FACTOR_E_INPUT;
        snprintf(ret_text, FACTOR_NAME_MAX + 1, "%s", name->text);
        return FACTOR_OK;
    }
    if (!name->purpose || !name->bytes)
        return FACTOR_E_INPUT;
    factor_test_keyed_name(name->purpose, name->bytes, name->bytes_len,
                           ret_text);
    return FACTOR_OK;
}

static factor_status
host_read_name(struct factor_reads *reads, const char *collection,
               const struct factor_name *name)
{
    factor_status status = may_read(reads, collection, 1);
    char text[FACTOR_NAME_MAX + 1];

    if (status)
        return status;
    if (name_text(name, text))
        return FACTOR_E_INPUT;
    return plan(reads,
                json_pack("{s:s, s:s, s:o, s:i}", "read", "name", "collection",
                          collection, "name", fake_text(text), "limit", 1));
}

static factor_status
host_read_owned(struct factor_reads *reads, const char *collection,
                const char *owner, uint32_t limit)
{
    factor_status status = may_read(reads, collection, limit);

    if (status)
        return status;
    if (!text_fits(owner, FACTOR_ID_MAX))
        return FACTOR_E_INPUT;
    return plan(reads, json_pack("{s:s, s:s, s:o, s:I}", "read", "owned",
                                 "collection", collection, "owner",
                                 fake_text(owner), "limit", (json_int_t)limit));
}

static factor_status
host_read_page(struct factor_reads *reads, const char *collection,
               const char *after, uint32_t limit)
{
    factor_status status = may_read(reads, collection, limit);

    if (status)
        return status;
    if (after && !text_fits(after, FACTOR_ID_MAX))
        return FACTOR_E_INPUT;
    return plan(reads, json_pack("{s:s, s:s, s:o, s:I}", "read", "page",
                                 "collection", collection, "after",
                                 fake_text(after), "limit", (json_int_t)limit));
}

static factor_status
host_read_user(struct factor_reads *reads, const char *id)
{
    return host_read_id(reads, FACTOR_USERS, id);
}

static factor_status
host_read_username(struct factor_reads *reads, const char *username)
{
    char folded[FACTOR_NAME_MAX + 1];
    factor_status status = may_read(reads, FACTOR_USERS, 1);

    if (status)
        return status;
    if (!text_fits(username, FACTOR_NAME_MAX))
        return FACTOR_E_INPUT;
    fake_fold(username, folded, sizeof(folded));
    return plan(reads,
                json_pack("{s:s, s:s, s:o, s:i}", "read", "name", "collection",
                          FACTOR_USERS, "name", fake_text(folded), "limit", 1));
}

static factor_status
host_read_username_owned(struct factor_reads *reads, const char *username,
                         const char *collection, uint32_t limit)
{
    char folded[FACTOR_NAME_MAX + 1];
    factor_status status = may_read(reads, collection, limit);

    if (status)
        return status;
    if (!text_fits(username, FACTOR_NAME_MAX))
        return FACTOR_E_INPUT;
    fake_fold(username, folded, sizeof(folded));
    return plan(reads,
                json_pack("{s:s, s:s, s:o, s:I}", "read", "username_owned",
                          "collection", collection, "username",
                          fake_text(folded), "limit", (json_int_t)limit));
}

static factor_status
host_read_named_owned(struct factor_reads *reads, const char *named,
                      const struct factor_name *name, const char *collection,
                      uint32_t limit)
{
    factor_status status = may_read(reads, collection, limit);
    char text[FACTOR_NAME_MAX + 1];

    if (status)
        return status;
    if (!text_fits(named, FACTOR_COLLECTION_MAX) || name_text(name, text))
        return FACTOR_E_INPUT;
    return plan(reads,
                json_pack("{s:s, s:s, s:s, s:o, s:I}", "read", "named_owned",
                          "collection", collection, "named", named, "name",
                          fake_text(text), "limit", (json_int_t)limit));
}

static factor_status
host_read_id_owned(struct factor_reads *reads, const char *of, const char *id,
                   const char *collection, uint32_t limit)
{
    factor_status status = may_read(reads, collection, limit);

    if (status)
        return status;
    if (!text_fits(of, FACTOR_COLLECTION_MAX) ||
        !text_fits(id, FACTOR_ID_MAX))
        return FACTOR_E_INPUT;
    return plan(reads,
                json_pack("{s:s, s:s, s:s, s:s, s:I}", "read", "id_owned",
                          "collection", collection, "of", of, "id", id,
                          "limit", (json_int_t)limit));
}

/* --- Effects --- */

void
fake_effects_begin(struct factor_effects *effects, struct factor_test *test)
{
    memset(effects, 0, sizeof(*effects));
    effects->test = test;
    effects->puts = fake_must(json_array());
    effects->removes = fake_must(json_array());
    effects->sends = fake_must(json_array());
    effects->audits = fake_must(json_array());
    effects->unknown = fake_must(json_array());
}

void
fake_effects_end(struct factor_effects *effects)
{
    json_decref(effects->puts);
    json_decref(effects->removes);
    json_decref(effects->sends);
    json_decref(effects->audits);
    json_decref(effects->unknown);
}

static factor_status
may_act(struct factor_effects *effects, int call)
{
    if (!effects)
        return FACTOR_E_INPUT;
    if (!effects->open)
        return misuse(effects->problem, "an effect outside of handle_action");
    return fails(effects->test, call) ? FACTOR_E_NOMEM : FACTOR_OK;
}

static bool
in_list(const json_t *changes, const char *collection, const char *id)
{
    json_t *change;
    size_t i;

    json_array_foreach(changes, i, change)
        if (strcmp(fake_get(change, "collection"), collection) == 0 &&
            strcmp(fake_get(change, "id"), id) == 0)
            return true;
    return false;
}

/* May the step change this record? */
static factor_status
check_target(struct factor_effects *effects, const char *collection,
             const char *id)
{
    if (!text_fits(collection, FACTOR_COLLECTION_MAX))
        return misuse(effects->problem, "a change in collection \"%s\"",
                      collection ? collection : "(null)");
    if (!text_fits(id, FACTOR_ID_MAX))
        return misuse(effects->problem, "a change of %s \"%.80s\"", collection,
                      id ? id : "(null)");
    if (strcmp(collection, FACTOR_USERS) != 0 && !strchr(collection, '.'))
        return misuse(effects->problem,
                      "collection \"%s\" is not named PLUGIN.thing",
                      collection);
    if (in_list(effects->puts, collection, id) ||
        in_list(effects->removes, collection, id))
        return misuse(effects->problem, "%s %s is changed twice", collection,
                      id);
    return FACTOR_OK;
}

static bool
user_fits(const json_t *body)
{
    const json_t *attributes = json_object_get(body, FACTOR_USER_ATTRIBUTES);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
        if (!json_is_string(value))
            return false;
    return json_is_object(attributes) && fake_get(body, FACTOR_USER_USERNAME) &&
           json_is_boolean(json_object_get(body, FACTOR_USER_ENABLED)) &&
           json_is_boolean(json_object_get(body, FACTOR_USER_MFA_ENABLED));
}

static factor_status
check_body(struct factor_effects *effects, const struct factor_put *put)
{
    size_t len;

    if (!json_is_object(put->body) || fake_int(put->body, "v") < 1)
        return misuse(effects->problem,
                      "%s %s: a body without a positive integer \"v\"",
                      put->collection, put->id);
    len = json_dumpb(put->body, NULL, 0, JSON_COMPACT);
    if (len == 0 || len > FACTOR_BODY_MAX)
        return misuse(effects->problem, "%s %s: a body of %zu bytes",
                      put->collection, put->id, len);
    if (strcmp(put->collection, FACTOR_USERS) != 0)
        return FACTOR_OK;
    if (put->version == 0)
        return misuse(effects->problem, "user %s: a plugin makes no users",
                      put->id);
    if (!user_fits(put->body))
        return misuse(effects->problem, "user %s: not a user's body", put->id);
    return FACTOR_OK;
}

static factor_status
host_put(struct factor_effects *effects, const struct factor_put *put)
{
    factor_status status = may_act(effects, FACTOR_TEST_CALL_PUT);
    char name[FACTOR_NAME_MAX + 1];

    if (status)
        return status;
    if (put->struct_size < sizeof(*put) || put->flags)
        return misuse(effects->problem,
                      "a put's struct_size or flags are not set");
    status = check_target(effects, put->collection, put->id);
    if (!status)
        status = check_body(effects, put);
    if (!status && put->owner && !text_fits(put->owner, FACTOR_ID_MAX))
        status =
            misuse(effects->problem, "%s %s: owner", put->collection, put->id);
    if (!status && put->name && name_text(put->name, name))
        status =
            misuse(effects->problem, "%s %s: name", put->collection, put->id);
    if (status)
        return status;
    json_array_append_new(
        effects->puts,
        fake_must(json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "collection",
                            fake_text(put->collection), "id",
                            fake_text(put->id), "owner", fake_text(put->owner),
                            "name", fake_text(put->name ? name : NULL),
                            "version", (json_int_t)put->version,
                            "expires_at_ms", (json_int_t)put->expires_at_ms,
                            "body", json_deep_copy(put->body))));
    return FACTOR_OK;
}

static factor_status
host_remove(struct factor_effects *effects, const char *collection,
            const char *id, uint64_t version)
{
    factor_status status = may_act(effects, FACTOR_TEST_CALL_REMOVE);

    if (!status)
        status = check_target(effects, collection, id);
    if (!status && (version == 0 || strcmp(collection, FACTOR_USERS) == 0))
        status = misuse(effects->problem, "%s %s: removed with version %llu",
                        collection, id, (unsigned long long)version);
    if (status)
        return status;
    json_array_append_new(
        effects->removes,
        fake_must(json_pack("{s:s, s:s, s:I}", "collection", collection, "id",
                            id, "version", (json_int_t)version)));
    return FACTOR_OK;
}

static const char *const channels[] = { "email", "sms", "voice", "push", NULL };

static bool
is_text(const json_t *value)
{
    size_t i;

    for (i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return json_is_string(value) || json_is_array(value);
}

static bool
all_texts(const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        if (!is_text(value))
            return false;
    return !object || json_is_object(object);
}

/* Has the plugin this text in English? */
static bool
has_text(const struct factor_description *about, const char *template_id,
         const char *channel)
{
    const struct factor_text *const *text;
    char key[300];

    snprintf(key, sizeof(key), "%s.%s.text", template_id, channel);
    for (text = about->texts; text && *text; text++)
        if (strcmp((*text)->key, key) == 0 &&
            strcmp((*text)->language, "en") == 0)
            return true;
    return false;
}

static factor_status
check_send(struct factor_effects *effects, const struct factor_send *send)
{
    char *problem = effects->problem;

    if (send->struct_size < sizeof(*send) ||
        (send->flags & ~(uint32_t)FACTOR_SEND_NOTICE))
        return misuse(problem, "a send's struct_size or flags are not set");
    if (!send->channel || !fake_listed(channels, send->channel))
        return misuse(problem, "no such channel: \"%s\"",
                      send->channel ? send->channel : "(null)");
    if (!send->address || !*send->address)
        return misuse(problem, "a send without an address");
    if (!send->template_id ||
        !has_text(effects->test->about, send->template_id, send->channel))
        return misuse(problem, "no text \"%s.%s.text\" in English",
                      send->template_id ? send->template_id : "(null)",
                      send->channel);
    if (!all_texts(send->variables))
        return misuse(problem, "%s: a variable that is no string",
                      send->template_id);
    if (send->expires_at_ms <= effects->test->now_ms)
        return misuse(problem, "%s: expires_at_ms is not in the future",
                      send->template_id);
    if (!send->about_collection != !send->about_id)
        return misuse(problem, "%s: about needs both members or none",
                      send->template_id);
    return FACTOR_OK;
}

static json_t *
copy_or_null(const json_t *json)
{
    return json ? fake_must(json_deep_copy(json)) : json_null();
}

static factor_status
host_send(struct factor_effects *effects, const struct factor_send *send)
{
    factor_status status = may_act(effects, FACTOR_TEST_CALL_SEND);

    if (!status)
        status = check_send(effects, send);
    if (status)
        return status;
    json_array_append_new(
        effects->sends,
        fake_must(json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:b}",
            "channel", fake_text(send->channel), "address",
            fake_text(send->address), "template_id",
            fake_text(send->template_id), "code", fake_text(send->code),
            "variables", copy_or_null(send->variables), "credential",
            copy_or_null(send->credential), "expires_at_ms",
            (json_int_t)send->expires_at_ms, "about_collection",
            fake_text(send->about_collection), "about_id",
            fake_text(send->about_id), "language", fake_text(send->language),
            "notice", send->flags & FACTOR_SEND_NOTICE)));
    return FACTOR_OK;
}

static factor_status
host_audit(struct factor_effects *effects, const char *event,
           const json_t *fields)
{
    factor_status status = may_act(effects, FACTOR_TEST_CALL_AUDIT);

    if (status)
        return status;
    if (!event || !strchr(event, '.') || (fields && !json_is_object(fields)))
        return misuse(effects->problem, "audit event \"%s\"",
                      event ? event : "(null)");
    json_array_append_new(
        effects->audits,
        fake_must(json_pack("{s:o, s:o}", "event", fake_text(event), "fields",
                            copy_or_null(fields))));
    return FACTOR_OK;
}

static factor_status
host_count_unknown(struct factor_effects *effects, const char *name)
{
    factor_status status = may_act(effects, FACTOR_TEST_CALL_UNKNOWN);

    if (status)
        return status;
    if (!name)
        return misuse(effects->problem, "an unknown name that is none");
    json_array_append_new(effects->unknown, fake_text(name));
    return FACTOR_OK;
}

/* --- Helpers --- */

void
factor_test_keyed_name(const char *purpose, const void *bytes, size_t len,
                       char *ret_name)
{
    const unsigned char *byte = bytes;
    size_t size = FACTOR_NAME_MAX + 1, used;
    size_t i;

    used = (size_t)snprintf(ret_name, size, "keyed:%s:", purpose);
    for (i = 0; i < len && used + 2 < size; i++, used += 2)
        snprintf(ret_name + used, size - used, "%02x", byte[i]);
}

static void
host_uuid(const uint8_t *bytes, char *ret_text)
{
    uint8_t b[16];

    memcpy(b, bytes, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(ret_text, 37,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
             b[11], b[12], b[13], b[14], b[15]);
}

__attribute__((format(printf, 3, 4))) static void
host_log(const char *plugin, int level, const char *format, ...)
{
    va_list args;

    if (!getenv("FACTOR_TEST_LOG"))
        return;
    fprintf(stderr, "%s: %d: ", plugin, level);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- In init --- */

static json_t *problems; /* array of what the last init() said */

__attribute__((format(printf, 2, 3))) static void
host_setting_problem(const char *pointer, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(problems,
                          fake_must(json_sprintf("%s: %s", pointer, text)));
}

const json_t *
factor_test_problems(void)
{
    return problems;
}

void
fake_problems_clear(void)
{
    json_decref(problems);
    problems = fake_must(json_array());
}

void
factor_test_publish(const char *plugin, const char *name, const char *value)
{
    json_t *all = (json_t *)(uintptr_t)fake_host.published;

    json_decref(all);
    fake_host.published =
        plugin ? fake_must(json_pack("{s:{s:s}}", plugin, name, value)) : NULL;
}

struct factor_host fake_host = {
    .struct_size = sizeof(fake_host),
    .abi_minor = FACTOR_ABI_MINOR,
    .alloc = host_alloc,
    .read_id = host_read_id,
    .read_name = host_read_name,
    .read_owned = host_read_owned,
    .read_page = host_read_page,
    .read_user = host_read_user,
    .read_username = host_read_username,
    .read_username_owned = host_read_username_owned,
    .read_named_owned = host_read_named_owned,
    .read_id_owned = host_read_id_owned,
    .put = host_put,
    .remove = host_remove,
    .send = host_send,
    .audit = host_audit,
    .count_unknown = host_count_unknown,
    .uuid = host_uuid,
    .log = host_log,
    .setting_problem = host_setting_problem,
    .base_url = FACTOR_TEST_BASE_URL,
    .environment = FACTOR_TEST_ENVIRONMENT,
    .issuer_thumbprint = FACTOR_TEST_ISSUER_THUMBPRINT,
    .authenticator_url = FACTOR_TEST_BASE_URL "/authenticator/",
    .jws_verify = jose_statement_verify,
    .jws_peek = jose_statement_peek,
    .jwk_thumbprint = jose_jwk_thumbprint,
    .jws_sign = jose_pem_sign,
    .http = fake_http,
    .http_release = fake_http_release,
};

const struct factor_host *
factor_test_host(void)
{
    return &fake_host;
}
