/* SPDX-License-Identifier: MIT */
/* host/rest/error.c - the error envelope of REST resources. */
#include "host/rest/error.h"

#include <stddef.h>
#include <string.h>

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
    {401, "ACCESS_FAILED", "You do not have access to this resource."},
    {403, "ACCESS_FAILED", "You do not have access to this resource."},
    {404, "NOT_FOUND", "The requested resource could not be found."},
    {405, "INVALID_REQUEST", NULL},
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
rest_error(const char *id, const char *code, const char *message)
{
    size_t top = find_top(code);

    return json_pack("{s:s, s:s, s:s, s:[]}", "id", id, "code", tops[top].code,
                     "message", message ? message : tops[top].message,
                     "details");
}

void
rest_error_add(json_t *error, const char *code, const char *target,
               const char *message, json_t *inner)
{
    json_array_append_new(
        json_object_get(error, "details"),
        json_pack("{s:s, s:s*, s:s, s:o*}", "code", code, "target", target,
                  "message", message, "innerError", inner));
}

/* --- Fields that do not fit (A.8). --- */

static json_t *
allowed_values(const struct factor_field *field)
{
    const char *const *value = field->values;
    json_t *list = json_array();

    for (; value && *value; value++)
        json_array_append_new(list, json_string(*value));
    return json_pack("{s:o}", "allowedValues", list);
}

static json_t *
allowed_range(const struct factor_field *field)
{
    return json_pack("{s:I, s:I}", "rangeMinimumValue",
                     (json_int_t)field->min, "rangeMaximumValue",
                     (json_int_t)field->max);
}

static json_t *
allowed_size(const struct factor_field *field)
{
    json_int_t most = field->max_len ? (json_int_t)field->max_len
                                     : (json_int_t)field->max;

    return most ? json_pack("{s:I}", "maximumValue", most) : NULL;
}

static const struct {
    const char *code, *message;
    json_t *(*inner)(const struct factor_field *field);
} faults[] = {
    [FIELDS_MISSING] = {"REQUIRED_VALUE", "A value is required.", NULL},
    [FIELDS_EMPTY] = {"EMPTY_VALUE", "The value must not be empty.", NULL},
    [FIELDS_TYPE] = {"INVALID_VALUE", "The value is of another type.", NULL},
    [FIELDS_FORMAT] = {"INVALID_VALUE", "The value is malformed.", NULL},
    [FIELDS_VALUE] = {"INVALID_VALUE", "The value is none of the allowed.",
                      allowed_values},
    [FIELDS_RANGE] = {"OUT_OF_RANGE", "Value is out of range.",
                      allowed_range},
    [FIELDS_LENGTH] = {"SIZE_LIMIT_EXCEEDED", "The value is too long.",
                       allowed_size},
};

static void
tell(struct rest_faults *told, const struct fields_fault *fault,
     const char *parent, const char *code)
{
    json_t *(*inner)(const struct factor_field *field) =
        faults[fault->what].inner;

    if (!told->error)
        told->error = rest_error(told->id, parent, NULL);
    rest_error_add(told->error, code, fault->path,
                   faults[fault->what].message,
                   inner ? inner(fault->field) : NULL);
}

void
rest_error_field(void *context, const struct fields_fault *fault)
{
    tell(context, fault, "INVALID_DATA", faults[fault->what].code);
}

void
rest_error_parameter(void *context, const struct fields_fault *fault)
{
    tell(context, fault, "INVALID_REQUEST", "INVALID_PARAMETER");
}

/* --- What an adapter refuses. --- */

/* A plugin of an older minor has no message of its own. */
static const char *
message_of(const struct factor_code *code, const struct factor_detail *detail)
{
    bool has = detail->struct_size >= offsetof(struct factor_detail, message) +
                                          sizeof(detail->message);

    return has && detail->message ? detail->message : code->message;
}

static json_t *
detail_json(const struct adapter *adapter, const struct factor_detail *detail)
{
    const struct factor_code *code = adapter_code(adapter, detail->code);
    json_t *json = json_pack("{s:s, s:s}", "code", code->code, "message",
                             message_of(code, detail));
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
rest_error_details(const char *id, const struct adapter *adapter,
                   const struct factor_detail *const *details)
{
    const struct factor_code *first = adapter_code(adapter, (*details)->code);
    json_t *error = rest_error(id, first->parent, NULL);

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
