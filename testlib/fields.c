/* SPDX-License-Identifier: MIT */
/* testlib/fields.c - a client's fields against an action's table. */
#include "testlib/fake.h"

#include <string.h>

enum { DEFAULT_MAX_LEN = 1024 };

static json_t *
detail(const char *code, const char *target)
{
    return fake_must(
        json_pack("{s:s, s:o}", "code", code, "target", fake_text(target)));
}

static bool
declared(const struct factor_field *const *table, const char *name)
{
    for (; *table; table++)
        if (strcmp((*table)->name, name) == 0)
            return true;
    return false;
}

/* As an empty text of a field that is required, which forms send. */
static bool
missing(const struct factor_field *field, const json_t *value)
{
    return !value || json_is_null(value) ||
           ((field->flags & FACTOR_FIELD_REQUIRED) && json_is_string(value) &&
            json_string_length(value) == 0);
}

static json_t *
check_string(const struct factor_field *field, const json_t *value)
{
    size_t max = field->max_len ? field->max_len : DEFAULT_MAX_LEN;

    if (!json_is_string(value))
        return detail("INVALID_FIELD_FORMAT", field->name);
    if (json_string_length(value) > max ||
        strlen(json_string_value(value)) != json_string_length(value))
        return detail("INVALID_FIELD_FORMAT", field->name);
    return NULL;
}

/* HTML forms have no booleans. */
static json_t *
check_boolean(const struct factor_field *field, json_t *fields,
              const json_t *value)
{
    const char *text = json_string_value(value);

    if (json_is_boolean(value))
        return NULL;
    if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return detail("INVALID_FIELD_FORMAT", field->name);
    fake_set(fields, field->name, json_boolean(strcmp(text, "true") == 0));
    return NULL;
}

static json_t *
check_value(const struct factor_field *field, json_t *fields, json_t *value)
{
    static const struct factor_field *const none[] = { NULL };

    switch (field->type) {
    case FACTOR_FIELD_STRING:
        return check_string(field, value);
    case FACTOR_FIELD_BOOLEAN:
        return check_boolean(field, fields, value);
    case FACTOR_FIELD_INTEGER:
        if (json_is_integer(value))
            return NULL;
        break;
    case FACTOR_FIELD_OBJECT:
        if (json_is_object(value))
            return fake_fields(field->fields ? field->fields : none, value);
        break;
    default:
        break;
    }
    return detail("INVALID_FIELD_FORMAT", field->name);
}

json_t *
fake_fields(const struct factor_field *const *table, json_t *fields)
{
    const struct factor_field *field;
    json_t *value, *wrong = NULL;
    const char *key;
    void *next;

    if (!json_is_object(fields))
        return detail("INVALID_FIELD_FORMAT", NULL);
    if (!table)
        return json_object_size(fields)
                   ? detail("UNEXPECTED_ACTION_MODEL", NULL)
                   : NULL;
    json_object_foreach_safe(fields, next, key, value)
        if (!declared(table, key))
            json_object_del(fields, key);
    for (; *table && !wrong; table++) {
        field = *table;
        value = json_object_get(fields, field->name);
        if (!missing(field, value))
            wrong = check_value(field, fields, value);
        else if (field->flags & FACTOR_FIELD_REQUIRED)
            wrong = detail("FIELD_REQUIRED", field->name);
        else
            json_object_del(fields, field->name);
    }
    return wrong;
}
