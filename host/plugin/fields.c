/* SPDX-License-Identifier: MIT */
/* host/plugin/fields.c - a request's JSON object against declared fields. */
#include "host/plugin/fields.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/instant.h"
#include "host/json.h"
#include "host/uuid.h"

enum { STRING_MAX = 1024, ENTRIES_MAX = 1000, PATH_SIZE = 256 };

#define INTEGER_MAX INT64_C(9007199254740991) /* that JSON readers agree on */

/* Where we are, and whom to tell. */
struct walk {
    fields_problem *problem;
    void *context;
    char path[PATH_SIZE];
    size_t len;
};

static json_t *check_members(struct walk *walk,
                             const struct factor_field *const *fields,
                             const json_t *given);
static json_t *as_declared(struct walk *walk, const struct factor_field *field,
                           const json_t *given);

/* NULL: there is no such value. */
static json_t *
tell(struct walk *walk, const struct factor_field *field,
     enum fields_wrong what)
{
    const struct fields_fault fault = {what, field, walk->path};

    walk->problem(walk->context, &fault);
    return NULL;
}

/* Both return the length to go back to; what does not fit is cut off. */
static size_t
went(struct walk *walk, int len)
{
    size_t before = walk->len;

    walk->len += len > 0 ? (size_t)len : 0;
    if (walk->len >= PATH_SIZE)
        walk->len = PATH_SIZE - 1;
    return before;
}

static size_t
enter_member(struct walk *walk, const char *name)
{
    return went(walk, snprintf(walk->path + walk->len, PATH_SIZE - walk->len,
                               "%s%s", walk->len > 0 ? "." : "", name));
}

static size_t
enter_entry(struct walk *walk, size_t index)
{
    return went(walk, snprintf(walk->path + walk->len, PATH_SIZE - walk->len,
                               "[%zu]", index));
}

static void
leave(struct walk *walk, size_t before)
{
    walk->path[before] = '\0';
    walk->len = before;
}

/* --- Single values. --- */

/* HTML forms have no booleans: "true" and "false" count (spec B.1). */
static json_t *
as_boolean(struct walk *walk, const struct factor_field *field,
           const json_t *given)
{
    const char *text = json_string_value(given);

    if (json_is_boolean(given))
        return json_share(given);
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        return json_boolean(strcmp(text, "true") == 0);
    return tell(walk, field, FIELDS_TYPE);
}

static bool
read_integer(const json_t *given, int64_t *ret_number)
{
    const char *text = json_string_value(given);
    double real = json_real_value(given);
    char *end;

    if (json_is_integer(given))
        *ret_number = json_integer_value(given);
    else if (json_is_real(given) && real >= (double)-INTEGER_MAX &&
             real <= (double)INTEGER_MAX)
        *ret_number = (int64_t)real;
    else if (text && *text && text[strspn(text, "-0123456789")] == '\0') {
        errno = 0;
        *ret_number = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0';
    } else
        return false;
    return true;
}

/* A fraction is cut off, a text of digits counts (MFA service API, A.4). */
static json_t *
as_integer(struct walk *walk, const struct factor_field *field,
           const json_t *given)
{
    int64_t number;

    if (!read_integer(given, &number))
        return tell(walk, field, FIELDS_TYPE);
    if ((field->min != 0 || field->max != 0) &&
        (number < field->min || number > field->max))
        return tell(walk, field, FIELDS_RANGE);
    return json_integer(number);
}

static bool
is_one_of(const char *const *values, const char *text)
{
    for (; *values; values++)
        if (strcmp(*values, text) == 0)
            return true;
    return false;
}

static bool
format_fits(const char *format, const char *text)
{
    int64_t at_ms;

    if (strcmp(format, "uuid") == 0)
        return uuid_is(text);
    if (strcmp(format, "date-time") == 0)
        return factor_instant_read(text, &at_ms);
    return true;
}

static json_t *
as_string(struct walk *walk, const struct factor_field *field,
          const json_t *given)
{
    size_t max = field->max_len ? field->max_len : STRING_MAX;
    const char *text = json_string_value(given);

    if (!text)
        return tell(walk, field, FIELDS_TYPE);
    /* A NUL inside would cut the text for everybody who reads it. */
    if (strlen(text) != json_string_length(given))
        return tell(walk, field, FIELDS_FORMAT);
    if (!*text && (field->flags & FACTOR_FIELD_REQUIRED))
        return tell(walk, field, FIELDS_EMPTY);
    if (json_string_length(given) > max)
        return tell(walk, field, FIELDS_LENGTH);
    if (field->values && !is_one_of(field->values, text))
        return tell(walk, field, FIELDS_VALUE);
    if (field->format && !format_fits(field->format, text))
        return tell(walk, field, FIELDS_FORMAT);
    return json_share(given);
}

/* --- Values of values. --- */

static json_t *
as_array(struct walk *walk, const struct factor_field *field,
         const json_t *given)
{
    size_t max = field->max ? (size_t)field->max : ENTRIES_MAX, before, i;
    json_t *checked, *entry;

    if (!json_is_array(given))
        return tell(walk, field, FIELDS_TYPE);
    if (json_array_size(given) > max)
        return tell(walk, field, FIELDS_LENGTH);
    checked = json_array();
    for (i = 0; checked && i < json_array_size(given); i++) {
        before = enter_entry(walk, i);
        entry = as_declared(walk, field->fields[0], json_array_get(given, i));
        if (entry)
            json_array_append_new(checked, entry);
        leave(walk, before);
    }
    return checked;
}

/* Nobody here looks into it. */
static json_t *
as_it_is(struct walk *walk, const struct factor_field *field,
         const json_t *given)
{
    size_t max = field->max_len ? field->max_len : STRING_MAX;

    return json_dumpb(given, NULL, 0, JSON_COMPACT) > max
               ? tell(walk, field, FIELDS_LENGTH)
               : json_share(given);
}

static json_t *
as_map(struct walk *walk, const struct factor_field *field,
       const json_t *given)
{
    json_t *checked, *value;
    const json_t *member;
    const char *name;
    size_t before;

    if (!json_is_object(given))
        return tell(walk, field, FIELDS_TYPE);
    if (!field->fields)
        return as_it_is(walk, field, given);
    if (json_object_size(given) >
        (field->max ? (size_t)field->max : ENTRIES_MAX))
        return tell(walk, field, FIELDS_LENGTH);
    checked = json_object();
    json_object_foreach (json_unconst(given), name, member) {
        before = enter_member(walk, name);
        value = as_declared(walk, field->fields[0], member);
        if (value)
            json_object_set_new(checked, name, value);
        leave(walk, before);
    }
    return checked;
}

static json_t *
as_object(struct walk *walk, const struct factor_field *field,
          const json_t *given)
{
    return json_is_object(given) ? check_members(walk, field->fields, given)
                                 : tell(walk, field, FIELDS_TYPE);
}

static json_t *(*const readers[])(struct walk *walk,
                                  const struct factor_field *field,
                                  const json_t *given) = {
    [FACTOR_FIELD_STRING] = as_string,   [FACTOR_FIELD_INTEGER] = as_integer,
    [FACTOR_FIELD_BOOLEAN] = as_boolean, [FACTOR_FIELD_OBJECT] = as_object,
    [FACTOR_FIELD_ARRAY] = as_array,     [FACTOR_FIELD_MAP] = as_map,
};

enum { READERS = sizeof(readers) / sizeof(readers[0]) };

/* The value as its field declares it, or NULL: the problem was told. */
static json_t *
as_declared(struct walk *walk, const struct factor_field *field,
            const json_t *given)
{
    return field->type < READERS && readers[field->type]
               ? readers[field->type](walk, field, given)
               : tell(walk, field, FIELDS_TYPE);
}

static bool
is_required(const struct factor_field *field)
{
    return field->flags & (FACTOR_FIELD_REQUIRED | FACTOR_FIELD_EMPTY);
}

static json_t *
check_members(struct walk *walk, const struct factor_field *const *fields,
              const json_t *given)
{
    json_t *checked = json_object(), *value;
    const json_t *member;
    size_t before;

    for (; checked && fields && *fields; fields++) {
        member = json_object_get(given, (*fields)->name);
        if ((*fields)->flags & FACTOR_FIELD_READ_ONLY)
            continue;
        before = enter_member(walk, (*fields)->name);
        if (member && !json_is_null(member)) {
            value = as_declared(walk, *fields, member);
            if (value)
                json_object_set_new(checked, (*fields)->name, value);
        } else if (is_required(*fields)) {
            tell(walk, *fields, FIELDS_MISSING);
        }
        leave(walk, before);
    }
    return checked;
}

json_t *
fields_check(const struct factor_field *const *fields, const json_t *given,
             fields_problem *problem, void *context)
{
    struct walk walk = {.problem = problem, .context = context};

    return check_members(&walk, fields, given);
}
