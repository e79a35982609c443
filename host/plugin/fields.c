/* SPDX-License-Identifier: MIT */
/* host/plugin/fields.c - a request's JSON object against declared fields. */
#include "host/plugin/fields.h"

#include <stdbool.h>
#include <string.h>

#include "host/json.h"

enum { STRING_MAX = 1024 };

/* HTML forms have no booleans: "true" and "false" count (spec B.1). */
static json_t *
as_boolean(const json_t *given)
{
    const char *text = json_string_value(given);

    if (json_is_boolean(given))
        return json_share(given);
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        return json_boolean(strcmp(text, "true") == 0);
    return NULL;
}

static json_t *
as_string(const struct factor_field *field, const json_t *given)
{
    size_t max = field->max_len ? field->max_len : STRING_MAX;

    if (!json_is_string(given) || json_string_length(given) > max)
        return NULL;
    /* A NUL inside would cut the text for everybody who reads it. */
    if (strlen(json_string_value(given)) != json_string_length(given))
        return NULL;
    return json_share(given);
}

/* The value as its field declares it, or NULL: of a wrong type or length. */
static json_t *
as_declared(const struct factor_field *field, const json_t *given,
            fields_problem *problem, void *context)
{
    switch (field->type) {
    case FACTOR_FIELD_STRING:
        return as_string(field, given);
    case FACTOR_FIELD_INTEGER:
        return json_is_integer(given) ? json_share(given) : NULL;
    case FACTOR_FIELD_BOOLEAN:
        return as_boolean(given);
    case FACTOR_FIELD_OBJECT:
        return json_is_object(given)
                   ? fields_check(field->fields, given, problem, context)
                   : NULL;
    default:
        return NULL;
    }
}

static bool
missing(const struct factor_field *field, const json_t *given)
{
    return !given || json_is_null(given) ||
           ((field->flags & FACTOR_FIELD_REQUIRED) && json_is_string(given) &&
            json_string_length(given) == 0);
}

json_t *
fields_check(const struct factor_field *const *fields, const json_t *given,
             fields_problem *problem, void *context)
{
    json_t *checked = json_object(), *value;
    const json_t *member;

    for (; checked && fields && *fields; fields++) {
        member = json_object_get(given, (*fields)->name);
        if (missing(*fields, member)) {
            if ((*fields)->flags & FACTOR_FIELD_REQUIRED)
                problem(context, "FIELD_REQUIRED", (*fields)->name);
            continue;
        }
        value = as_declared(*fields, member, problem, context);
        if (value)
            json_object_set_new(checked, (*fields)->name, value);
        else
            problem(context, "INVALID_FIELD_FORMAT", (*fields)->name);
    }
    return checked;
}
