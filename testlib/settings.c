/* SPDX-License-Identifier: MIT */
/* testlib/settings.c - settings completed from a plugin's declared table. */
#include "testlib/fake.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    { "ms", 1 },      { "s", 1000 },     { "min", 60000 },
    { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};
static const struct unit sizes[] = {
    { "B", 1 },         { "KiB", 1 << 10 }, { "MiB", 1 << 20 },
    { "GiB", 1 << 30 }, { NULL, 0 },
};

__attribute__((format(printf, 2, 3))) static json_t *
refuse(struct factor_error *err, const char *format, ...)
{
    va_list args;

    err->code = FACTOR_E_CONFIG;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return NULL;
}

/* "90s" with its unit as an integer; NULL: it is none. */
static json_t *
with_unit(const json_t *value, const struct unit *unit)
{
    const char *text = json_string_value(value);
    char *end;
    long long number;

    if (!text || *text < '0' || *text > '9')
        return NULL;
    number = strtoll(text, &end, 10);
    for (; unit->name; unit++)
        if (strcmp(end, unit->name) == 0)
            return number <= INT64_MAX / unit->factor
                       ? fake_must(json_integer(number * unit->factor))
                       : NULL;
    return NULL;
}

static json_t *
absolute(const json_t *value)
{
    const char *text = json_string_value(value);
    char folder[PATH_MAX];

    if (!text)
        return NULL;
    if (*text == '/' || !getcwd(folder, sizeof(folder)))
        return fake_must(json_string(text));
    return fake_must(json_sprintf("%s/%s", folder, text));
}

static bool
all_strings(json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item)
        if (!json_is_string(item))
            return false;
    json_object_foreach(value, key, item)
        if (!json_is_string(item))
            return false;
    return true;
}

/* As it was, if it is so. */
static json_t *
if_so(bool so, json_t *value)
{
    return so ? json_incref(value) : NULL;
}

/* Values that are objects of members, in an array or by name. */
static json_t *
several(const struct factor_setting *setting, json_t *given,
        struct factor_error *err)
{
    json_t *all = json_is_array(given) ? json_array() : json_object();
    json_t *item, *done;
    const char *key;
    size_t i;

    fake_must(all);
    json_array_foreach(given, i, item) {
        done = fake_settings(setting->members, item, err);
        if (!done)
            goto fail;
        json_array_append_new(all, done);
    }
    json_object_foreach(given, key, item) {
        done = fake_settings(setting->members, item, err);
        if (!done)
            goto fail;
        fake_set(all, key, done);
    }
    return all;
fail:
    json_decref(all);
    return NULL;
}

/* The value as init() receives it; NULL: it does not fit the type. */
static json_t *
convert(const struct factor_setting *setting, json_t *value,
        struct factor_error *err)
{
    switch (setting->type) {
    case FACTOR_SETTING_STRING:
        return if_so(json_is_string(value), value);
    case FACTOR_SETTING_INTEGER:
        return if_so(json_is_integer(value), value);
    case FACTOR_SETTING_BOOLEAN:
        return if_so(json_is_boolean(value), value);
    case FACTOR_SETTING_DURATION:
        return with_unit(value, durations);
    case FACTOR_SETTING_SIZE:
        return with_unit(value, sizes);
    case FACTOR_SETTING_PATH:
    case FACTOR_SETTING_STATE_PATH:
        return absolute(value);
    case FACTOR_SETTING_STRINGS:
        return if_so(json_is_array(value) && all_strings(value), value);
    case FACTOR_SETTING_MAP:
        return if_so(json_is_object(value) && all_strings(value), value);
    case FACTOR_SETTING_OBJECT:
        return fake_settings(setting->members, value, err);
    case FACTOR_SETTING_OBJECTS:
        return json_is_array(value) ? several(setting, value, err) : NULL;
    case FACTOR_SETTING_BY_NAME:
        return json_is_object(value) ? several(setting, value, err) : NULL;
    case FACTOR_SETTING_ANY:
        return json_incref(value);
    default:
        return NULL;
    }
}

static bool
in_range(const struct factor_setting *setting, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || (setting->min == 0 && setting->max == 0))
        return true;
    return number >= setting->min && number <= setting->max;
}

static json_t *
fit(const struct factor_setting *setting, json_t *value,
    struct factor_error *err)
{
    json_t *fitted;

    err->text[0] = '\0';
    fitted = convert(setting, value, err);
    if (!fitted)
        return err->text[0] ? NULL
                            : refuse(err, "%s: wrong type", setting->name);
    if (in_range(setting, fitted) &&
        (!setting->choices || !json_is_string(fitted) ||
         fake_listed(setting->choices, json_string_value(fitted))))
        return fitted;
    json_decref(fitted);
    return refuse(err, "%s: out of range", setting->name);
}

static json_t *
from_default(const struct factor_setting *setting, struct factor_error *err)
{
    json_t *value, *fitted;

    if (setting->flags & FACTOR_SETTING_REQUIRED)
        return refuse(err, "%s: missing", setting->name);
    if (!setting->value)
        return json_null();
    value = json_loads(setting->value, JSON_DECODE_ANY, NULL);
    if (!value)
        return refuse(err, "%s: its default is not JSON", setting->name);
    fitted = json_is_null(value) ? json_null() : fit(setting, value, err);
    json_decref(value);
    return fitted;
}

static const struct factor_setting *
find(const struct factor_setting *const *table, const char *name)
{
    for (; table && *table; table++)
        if (strcmp((*table)->name, name) == 0)
            return *table;
    return NULL;
}

/* "plugin", "$comment" and "$schema" belong to the host's envelope. */
static const char *
unknown_key(const struct factor_setting *const *table, const json_t *given)
{
    static const char *const envelope[] = { "plugin", "$comment", "$schema",
                                            NULL };
    void *at;
    json_t *object = (json_t *)(uintptr_t)given;

    for (at = json_object_iter(object); at;
         at = json_object_iter_next(object, at))
        if (!fake_listed(envelope, json_object_iter_key(at)) &&
            !find(table, json_object_iter_key(at)))
            return json_object_iter_key(at);
    return NULL;
}

json_t *
fake_settings(const struct factor_setting *const *table, const json_t *given,
              struct factor_error *err)
{
    json_t *complete, *value;

    if (given && !json_is_object(given))
        return refuse(err, "settings are no object");
    if (unknown_key(table, given))
        return refuse(err, "%s: unknown", unknown_key(table, given));
    complete = fake_must(json_object());
    for (; table && *table; table++) {
        value = json_object_get(given, (*table)->name);
        value = value ? fit(*table, value, err) : from_default(*table, err);
        if (!value) {
            json_decref(complete);
            return NULL;
        }
        fake_set(complete, (*table)->name, value);
    }
    return complete;
}
