/* SPDX-License-Identifier: MIT */
/* plugin/adapter-example/example.c - an adapter to read and to copy: it asks
 * for a PIN, counts what is wrong, and locks.
 *
 * The PIN of a user is a record in "example.pin" whose id is the user's:
 *     {"v": 1, "secret": {"pin": "4711"}, "failures": 0, "locked_until_ms": 0}
 * What is in "secret" is sealed by the host before a store sees it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "factor/plugin.h"

#define SIZED(name) .struct_size = sizeof(struct name)

enum { PIN_MAX = 12, LOCK_MS = 60000 };

struct factor_adapter {
    const struct factor_host *host;
    int32_t max_attempts;
};

/* --- What it declares --- */

static const struct factor_setting max_attempts = {
    SIZED(factor_setting), .type = FACTOR_SETTING_INTEGER,
    .name = "max_attempts", .value = "3", .min = 1, .max = 10,
    .text = "Wrong PINs in a row after which the PIN is locked for a minute."
};
static const struct factor_setting *const settings[] = { &max_attempts, NULL };

static const struct factor_field pin_field = {
    SIZED(factor_field), .type = FACTOR_FIELD_STRING, .name = "pin",
    .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE, .max_len = PIN_MAX
};
static const struct factor_action check_pin = {
    SIZED(factor_action), .name = "checkPin",
    .fields = (const struct factor_field *const[]){ &pin_field, NULL },
    .errors = (const char *const[]){ "INVALID_PIN", "PIN_LOCKED", NULL }
};
static const char *const actions[] = { "checkPin", NULL };
static const struct factor_state pin_required = {
    SIZED(factor_state), .name = "PIN_REQUIRED", .actions = actions,
    .text = "Asks for the user's PIN."
};

#define CODE(name, top, key, words)                                            \
    &(const struct factor_code){ SIZED(factor_code), .code = name,             \
                                 .parent = top, .text = key, .message = words }
#define TEXT(name, lang, words)                                                \
    &(const struct factor_text){ SIZED(factor_text), .key = name,              \
                                 .language = lang, .text = words }
static const struct factor_description description = {
    SIZED(factor_description),
    .states = (const struct factor_state *const[]){ &pin_required, NULL },
    .actions = (const struct factor_action *const[]){ &check_pin, NULL },
    .codes = (const struct factor_code *const[]){
        CODE("INVALID_PIN", "VALIDATION_ERROR", "pin.wrong", "wrong PIN"),
        CODE("PIN_LOCKED", "REQUEST_FAILED", "pin.locked", "locked"), NULL },
    .texts = (const struct factor_text *const[]){
        TEXT("pin.wrong", "en", "This PIN is not right."),
        TEXT("pin.wrong", "de", "Diese PIN stimmt nicht."),
        TEXT("pin.locked", "en", "Too many wrong PINs. Wait a minute."),
        TEXT("pin.locked", "de", "Zu viele falsche PINs. Warten Sie eine"
                                 " Minute."), NULL },
};

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    (void)self;
    return &description;
}

/* --- The instance --- */

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));

    (void)err; /* the host checked the settings; nothing else can be wrong */
    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    self->max_attempts = (int32_t)json_integer_value(
        json_object_get(given, "max_attempts"));
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
    free(self);
}

/* --- The step --- */

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    if (!step->subject)
        return FACTOR_OK;
    return self->host->read_id(reads, "example.pin", step->subject);
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *ret,
                struct factor_error *err)
{
    (void)self, (void)step, (void)err;
    ret->state = pin_required.name;
    ret->actions = actions;
    return FACTOR_OK;
}

/* Takes the same time wherever the two differ. */
static bool
same_pin(const char *right, const char *tried)
{
    char a[PIN_MAX + 1] = "", b[PIN_MAX + 1] = "";
    unsigned char differ = !right || !*right;
    size_t i;

    strncpy(a, right ? right : "", PIN_MAX);
    strncpy(b, tried, PIN_MAX);
    for (i = 0; i < sizeof(a); i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return !differ;
}

/* A copy of the record, so that members which this version does not know are
 * kept.  Its version makes the commit fail if another step was faster. */
static factor_status
save(const struct factor_adapter *self, const struct factor_step *step,
     const struct factor_record *record, json_int_t failures, int64_t until_ms)
{
    json_t *body = json_deep_copy(record->body);
    struct factor_put put = {
        SIZED(factor_put), .collection = record->collection, .id = record->id,
        .owner = record->owner, .version = record->version, .body = body
    };
    factor_status status = FACTOR_E_NOMEM;

    if (!json_object_set_new(body, "failures", json_integer(failures)) &&
        !json_object_set_new(body, "locked_until_ms", json_integer(until_ms)))
        status = self->host->put(step->effects, &put);
    json_decref(body);
    return status;
}

/* Stay in the state, with one detail. */
static factor_status
refuse(const struct factor_adapter *self, const struct factor_step *step,
       json_int_t failures, int64_t until_ms, struct factor_outcome *ret)
{
    struct {
        struct factor_detail detail;
        const struct factor_detail *list[2];
    } *told = self->host->alloc(step->arena, sizeof(*told));

    if (!told)
        return FACTOR_E_NOMEM;
    told->detail = (struct factor_detail){
        SIZED(factor_detail), .retry_at_ms = until_ms,
        .code = until_ms ? "PIN_LOCKED" : "INVALID_PIN", .target = "pin",
        .attempts_remaining =
            until_ms ? -1 : (int32_t)(self->max_attempts - failures)
    };
    told->list[0] = &told->detail;
    ret->verdict = FACTOR_CONTINUE;
    ret->state = pin_required.name;
    ret->details = told->list;
    return FACTOR_OK;
}

static factor_status
check(const struct factor_adapter *self, const struct factor_step *step,
      const struct factor_record *record, struct factor_outcome *ret)
{
    static const char *const amr[] = { "pin", NULL };
    int64_t failures, until_ms;
    factor_status status;

    failures = json_integer_value(json_object_get(record->body, "failures"));
    until_ms = json_integer_value(
        json_object_get(record->body, "locked_until_ms"));
    /* Before any comparison: a locked PIN answers the same to all. */
    if (until_ms > step->now_ms)
        return refuse(self, step, failures, until_ms, ret);
    if (same_pin(json_string_value(json_object_get(
                     json_object_get(record->body, "secret"), "pin")),
                 json_string_value(json_object_get(step->fields, "pin")))) {
        ret->verdict = FACTOR_SUCCESS;
        ret->kinds = FACTOR_KIND_KNOWLEDGE;
        ret->amr = amr;
        return save(self, step, record, 0, 0);
    }
    until_ms = ++failures < self->max_attempts ? 0 : step->now_ms + LOCK_MS;
    status = save(self, step, record, until_ms ? 0 : failures, until_ms);
    return status ? status : refuse(self, step, failures, until_ms, ret);
}

static factor_status
handle_action(const struct factor_adapter *self, const struct factor_step *step,
              struct factor_outcome *ret, struct factor_error *err)
{
    const struct factor_record *record = factor_read_one(step, 0);

    (void)err;
    if (record && step->action)
        return check(self, step, record, ret);
    /* Who has no PIN cannot prove it. */
    ret->verdict = record ? FACTOR_CONTINUE : FACTOR_FAILURE;
    ret->state = pin_required.name;
    return FACTOR_OK;
}

static const struct factor_adapter_ops ops = {
    SIZED(factor_adapter_ops), .init = init, .describe = describe,
    .plan_reads = plan_reads, .get_state_model = get_state_model,
    .handle_action = handle_action, .fini = fini
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "example", "1.0",
                       "Asks for a PIN that is kept as a record.", settings,
                       &ops)
