/* SPDX-License-Identifier: MIT */
/* host/rest/error.c - the error envelope of REST resources. */
#include "host/rest/error.h"

#include <string.h>

#include "host/clock.h"
#include "host/json.h"

/* Top-level codes (MFA service API, A.6). */
static const struct {
    unsigned status;
    const char *code, *message;
} tops[] = {
    {400, "INVALID_DATA",
     "The request could not be completed. One or more validation errors were "
     "in the request."},
    {400, "INVALID_REQUEST",
     "The request could not be completed. It is malformed."},
    {400, "REQUEST_FAILED",
     "The request could not be completed. There was an issue processing the "
     "request."},
    {403, "ACCESS_FAILED", "You do not have access to this resource."},
    {404, "NOT_FOUND", "The requested resource could not be found."},
    {409, "UNIQUENESS_VIOLATION",
     "The request could not be completed. It conflicts with what is there."},
    {429, "REQUEST_LIMITED", "Too many requests."},
    {500, "UNEXPECTED_ERROR", "An unexpected error occurred."},
};

enum { TOP_COUNT = sizeof(tops) / sizeof(tops[0]) };

/* A code is declared once, with its parent of the Authentication API, by
 * adapters that answer it on both. */
static const struct {
    const char *theirs, *ours;
} same[] = {
    {"VALIDATION_ERROR", "INVALID_DATA"},
    {"RESOURCE_NOT_FOUND", "NOT_FOUND"},
    {"TOO_MANY_REQUESTS", "REQUEST_LIMITED"},
};

static size_t
find_top(const char *code)
{
    size_t i;

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        if (strcmp(same[i].theirs, code) == 0)
            code = same[i].ours;
    for (i = 0; i + 1 < TOP_COUNT; i++)
        if (strcmp(tops[i].code, code) == 0)
            return i;
    return TOP_COUNT - 1;
}

const char *
rest_error_code(unsigned status)
{
    size_t i;

    for (i = 0; i + 1 < TOP_COUNT; i++)
        if (tops[i].status == status)
            return tops[i].code;
    return status < 500 ? "REQUEST_FAILED" : "UNEXPECTED_ERROR";
}

json_t *
rest_error(const char *code, const char *message)
{
    size_t top = find_top(code);
    char id[23];

    clock_random_id(id, sizeof(id) - 1);
    return json_pack("{s:s, s:s, s:s, s:[]}", "id", id, "code", tops[top].code,
                     "message", message ? message : tops[top].message,
                     "details");
}

void
rest_error_field(void *context, const char *code, const char *target)
{
    json_t **error = context;
    bool missing = strcmp(code, "FIELD_REQUIRED") == 0;

    if (!*error)
        *error = rest_error("INVALID_DATA", NULL);
    json_array_append_new(
        json_object_get(*error, "details"),
        json_pack("{s:s, s:s, s:s}", "code",
                  missing ? "EMPTY_VALUE" : "INVALID_VALUE", "target", target,
                  "message", "The value is not valid."));
}

static json_t *
detail_json(const struct adapter *adapter, const struct factor_detail *detail)
{
    const struct factor_code *code = adapter_code(adapter, detail->code);
    json_t *json =
        json_pack("{s:s, s:s}", "code", code->code, "message", code->message);
    json_t *inner =
        detail->inner ? json_copy(json_unconst(detail->inner)) : json_object();

    if (detail->target)
        json_set_text(json, "target", detail->target);
    if (detail->attempts_remaining >= 0)
        json_object_set_new(inner, "attemptsRemaining",
                            json_integer(detail->attempts_remaining));
    if (json_object_size(inner) > 0)
        json_object_set(json, "innerError", inner);
    json_decref(inner);
    return json;
}

json_t *
rest_error_details(const struct adapter *adapter,
                   const struct factor_detail *const *details)
{
    const struct factor_code *first = adapter_code(adapter, (*details)->code);
    json_t *error = rest_error(first->parent, NULL);

    for (; *details; details++)
        json_array_append_new(json_object_get(error, "details"),
                              detail_json(adapter, *details));
    return error;
}

int64_t
rest_error_wait_s(const struct factor_detail *const *details, int64_t now_ms)
{
    for (; *details; details++)
        if ((*details)->retry_at_ms > now_ms)
            return ((*details)->retry_at_ms - now_ms + 999) / 1000;
    return 0;
}
