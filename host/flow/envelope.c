/* SPDX-License-Identifier: MIT */
/* host/flow/envelope.c - the JSON envelopes of the Authentication API. */
#include "host/flow/envelope.h"

#include <string.h>

#include "host/json.h"

/* Top-level codes (spec A.7). */
static const struct {
    const char *code;
    unsigned status;
    const char *message, *text;
} tops[] = {
    {"VALIDATION_ERROR", 400, "One or more validation errors occurred.",
     "factord.bad.request"},
    {"REQUEST_FAILED", 400,
     "The request couldn't be completed. There was an issue processing the "
     "request.",
     "factord.not.now"},
    {"INVALID_DEVICE_TARGET", 400,
     "The address or number of the device is not valid.",
     "factord.bad.request"},
    {"INVALID_ACTION_ID", 400, "The action is not valid in this state.",
     "factord.not.now"},
    {"INVALID_REQUEST", 400, "The request was malformed.",
     "factord.bad.request"},
    {"RESOURCE_NOT_FOUND", 404, "There is no such flow.", "factord.ended"},
    {"TOO_MANY_REQUESTS", 429, "Too many requests are waiting.",
     "factord.busy"},
    {"UNEXPECTED_ERROR", 500, "An unexpected error occurred.",
     "factord.unexpected"},
};

/* Detail codes that the host itself answers (spec A.7, detail level). */
static const struct {
    const char *code, *message, *text;
} details_own[] = {
    {"FIELD_REQUIRED", "A required field is missing.",
     "authn.api.missing.required.field"},
    {"INVALID_FIELD_FORMAT", "A field has a wrong type or length.",
     "authn.api.invalid.field.format"},
    {"UNEXPECTED_ACTION_MODEL", "The action takes no model.",
     "authn.api.unexpected.action.model"},
    {"INVALID_CONTENT_TYPE", "The content type is not supported.",
     "factord.bad.request"},
};

enum { TOP_COUNT = sizeof(tops) / sizeof(tops[0]) };

static size_t
find_top(const char *code)
{
    size_t i;

    for (i = 0; i + 1 < TOP_COUNT; i++)
        if (strcmp(tops[i].code, code) == 0)
            return i;
    return TOP_COUNT - 1;
}

unsigned
envelope_status(const char *code)
{
    return tops[find_top(code)].status;
}

static void
add_user_message(const struct envelope *env, json_t *object, const char *key)
{
    const char *text = texts_find(env->texts, key, env->languages);

    if (text)
        json_set_text(object, "userMessage", text);
}

/* --- States. --- */

/* The page that draws this state finds its part in the link "self", where a
 * client that looks for links or members meets nothing new. */
static json_t *
links(const struct envelope *env, const char *flow,
      const struct adapter_part *part, const char *const *actions)
{
    json_t *href = json_pack("{s:s++}", "href", env->base_url,
                             "/pf-ws/authn/flows/", flow);
    json_t *object = json_object(), *self = json_copy(href);

    if (part)
        json_set_text(self, "part", part->path);
    json_object_set_new(object, "self", self);
    for (; actions && *actions; actions++)
        json_object_set(object, *actions, href);
    json_decref(href);
    return object;
}

json_t *
envelope_state(const struct envelope *env, const char *flow,
               const struct adapter *adapter, const char *status,
               const json_t *view, const char *const *actions)
{
    json_t *state = json_object();

    if (!state)
        return NULL;
    json_set_text(state, "id", flow);
    if (adapter)
        json_set_text(state, "pluginTypeId", adapter->type_id);
    json_set_text(state, "status", status);
    if (view)
        json_object_update_missing(state, json_unconst(view));
    json_object_set_new(
        state, "_links",
        links(env, flow, adapter ? adapter_part(adapter, status) : NULL,
              actions));
    return state;
}

void
envelope_failure(const struct envelope *env, json_t *state, const char *code,
                 const char *message, const char *text_key)
{
    json_set_text(state, "code", code);
    json_set_text(state, "message", message);
    add_user_message(env, state, text_key);
}

/* --- Errors. --- */

static json_t *
new_detail(const struct envelope *env, const char *code, const char *message,
           const char *text_key)
{
    json_t *detail =
        json_pack("{s:s, s:s}", "code", code, "message", message);

    add_user_message(env, detail, text_key);
    return detail;
}

static json_t *
new_error(const struct envelope *env, const char *code, const char *text_key)
{
    size_t top = find_top(code);
    json_t *error = json_pack("{s:s, s:s, s:[]}", "code", tops[top].code,
                              "message", tops[top].message, "details");

    add_user_message(env, error, text_key ? text_key : tops[top].text);
    return error;
}

json_t *
envelope_error(const struct envelope *env, const char *code,
               const char *text_key)
{
    size_t top = find_top(code);
    json_t *error = new_error(env, code, text_key);

    json_array_append_new(
        json_object_get(error, "details"),
        new_detail(env, tops[top].code, tops[top].message,
                   text_key ? text_key : tops[top].text));
    return error;
}

void
envelope_add_detail(const struct envelope *env, json_t *error,
                    const char *code, const char *target)
{
    json_t *details = json_object_get(error, "details"), *detail;
    size_t i, found = 0;

    for (i = 0; i < sizeof(details_own) / sizeof(details_own[0]); i++)
        if (strcmp(details_own[i].code, code) == 0)
            found = i;
    detail = new_detail(env, code, details_own[found].message,
                        details_own[found].text);
    if (target)
        json_set_text(detail, "target", target);
    json_array_append_new(details, detail);
}

static json_t *
adapter_detail(const struct envelope *env, const struct adapter *adapter,
               const struct factor_detail *given, int64_t now_ms)
{
    const struct factor_code *code = adapter_code(adapter, given->code);
    json_t *detail =
        new_detail(env, given->code, code->message,
                   given->text ? given->text : code->text);

    if (given->inner)
        json_object_update_missing(detail, json_unconst(given->inner));
    if (given->target)
        json_set_text(detail, "target", given->target);
    if (given->attempts_remaining >= 0)
        json_object_set_new(detail, "attemptsRemaining",
                            json_integer(given->attempts_remaining));
    if (given->retry_at_ms > now_ms)
        json_object_set_new(
            detail, "retryAfterSeconds",
            json_integer((given->retry_at_ms - now_ms + 999) / 1000));
    return detail;
}

json_t *
envelope_details(const struct envelope *env, const struct adapter *adapter,
                 const struct factor_detail *const *details, int64_t now_ms)
{
    const struct factor_code *first = adapter_code(adapter, (*details)->code);
    json_t *error = new_error(env, first->parent, first->text);

    for (; *details; details++)
        json_array_append_new(json_object_get(error, "details"),
                              adapter_detail(env, adapter, *details, now_ms));
    return error;
}
