/* SPDX-License-Identifier: MIT */
/* host/config/settings.c - checking values against tables of settings, and
 * filling in what was not given. */
#include "host/config/settings.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "host/config/reference.h"
#include "host/config/units.h"

/* A value and where it stands. */
struct place {
    const struct settings_context *context;
    const struct factor_setting *setting;
    json_t *given;
    const char *pointer;
};

/* A new reference, or NULL: a problem was added. */
typedef json_t *check_fn(const struct place *place);

static json_t *refuse(const struct place *place, const char *format, ...)
    FACTOR_PRINTF(2, 3);

static json_t *
refuse(const struct place *place, const char *format, ...)
{
    struct origin where = origins_find(place->context->origins,
                                       place->pointer);
    va_list args;

    va_start(args, format);
    problems_add_args(place->context->problems, false, &where, place->pointer,
                      format, args);
    va_end(args);
    return NULL;
}

static json_t *
no_memory(const struct place *place)
{
    problems_no_memory(place->context->problems);
    return NULL;
}

/* --- texts --- */

/* What --set gave is a text even if it happens to be JSON as well. */
static const char *
given_text(const struct place *place)
{
    struct origin where;

    if (json_is_string(place->given))
        return json_string_value(place->given);
    if (json_is_object(place->given) || json_is_array(place->given) ||
        !origins_has(place->context->origins, place->pointer))
        return NULL;
    where = origins_find(place->context->origins, place->pointer);
    return where.text;
}

static const char *
resolve(const struct place *place)
{
    struct origin where = origins_find(place->context->origins,
                                       place->pointer);

    return reference_resolve(place->context->arena, place->given, &where,
                             place->pointer, place->context->problems);
}

/* A string, written here or elsewhere; NULL: a problem was added. */
static const char *
read_text(const struct place *place)
{
    const char *text;

    if (reference_is(place->given))
        return resolve(place);
    text = given_text(place);
    if (!text)
        refuse(place, "not a string; write it in double quotes");
    else if (place->setting->flags & FACTOR_SETTING_SECRET)
        refuse(place, "a secret does not stand in a configuration; write "
                      "{\"$file\": PATH}, {\"$env\": NAME} or "
                      "{\"$credential\": NAME}");
    else
        return text;
    return NULL;
}

static const char *
join(struct factor_arena *arena, const char *const *names)
{
    const char *text = "";

    for (; *names && text; names++)
        text = arena_format(arena, "%s%s\"%s\"", text, *text ? ", " : "",
                            *names);
    return text ? text : "?";
}

static bool
is_choice(const struct place *place, const char *text)
{
    const char *const *choice = place->setting->choices;
    const char *meant;

    for (; choice && *choice; choice++)
        if (strcmp(*choice, text) == 0)
            return true;
    if (!place->setting->choices)
        return true;
    meant = settings_nearest(place->setting->choices, text);
    if (meant)
        refuse(place, "\"%s\" is not a choice; did you mean \"%s\"?", text,
               meant);
    else
        refuse(place, "\"%s\" is not a choice; choose one of %s", text,
               join(place->context->arena, place->setting->choices));
    return false;
}

static json_t *
check_string(const struct place *place)
{
    const char *text = read_text(place);

    return text && is_choice(place, text) ? json_string(text) : NULL;
}

/* {"$credential": NAME} is its file; {"$file": PATH} says the same as PATH. */
static const char *
path_text(const struct place *place)
{
    struct origin where = origins_find(place->context->origins,
                                       place->pointer);

    if (!reference_is(place->given))
        return given_text(place);
    return reference_path(place->context->arena, place->given, &where,
                          place->pointer, place->context->problems);
}

static json_t *
check_path_under(const struct place *place, const char *directory)
{
    const char *text = path_text(place);
    const char *path;

    if (!text && reference_is(place->given))
        return NULL; /* said already */
    if (!text || !*text)
        return refuse(place, "not a path; write it in double quotes");
    path = path_under(place->context->arena, directory, text);
    return path ? json_string(path) : no_memory(place);
}

static json_t *
check_path(const struct place *place)
{
    struct origin where = origins_find(place->context->origins,
                                       place->pointer);

    return check_path_under(place, where.directory);
}

static json_t *
check_state_path(const struct place *place)
{
    return check_path_under(place, place->context->state_directory);
}

/* --- numbers --- */

static const char *
number_text(const struct place *place, int64_t number)
{
    char *text = arena_alloc(place->context->arena, UNITS_TEXT);

    if (!text)
        return "?";
    if (place->setting->type == FACTOR_SETTING_DURATION)
        units_duration_text(number, text);
    else if (place->setting->type == FACTOR_SETTING_SIZE)
        units_size_text(number, text);
    else
        snprintf(text, UNITS_TEXT, "%" PRId64, number);
    return text;
}

static json_t *
check_range(const struct place *place, int64_t number)
{
    const struct factor_setting *setting = place->setting;

    if (setting->min == 0 && setting->max == 0)
        return json_integer(number);
    if (number < setting->min || number > setting->max)
        return refuse(place, "%s is out of range; from %s to %s are allowed",
                      number_text(place, number),
                      number_text(place, setting->min),
                      number_text(place, setting->max));
    return json_integer(number);
}

static json_t *
check_integer(const struct place *place)
{
    if (!json_is_integer(place->given))
        return refuse(place, "not a whole number; write one without quotes");
    return check_range(place, json_integer_value(place->given));
}

static json_t *
check_boolean(const struct place *place)
{
    if (!json_is_boolean(place->given))
        return refuse(place, "neither true nor false; write one of them "
                             "without quotes");
    return json_boolean(json_is_true(place->given));
}

static json_t *
check_duration(const struct place *place)
{
    int64_t number;
    const char *text = given_text(place);

    if (!text || !units_duration(text, &number))
        return refuse(place, "not a duration; write a whole number and a unit "
                             "(ms, s, min, h, d), such as \"90s\"");
    return check_range(place, number);
}

static json_t *
check_size(const struct place *place)
{
    int64_t number;
    const char *text = given_text(place);

    if (!text || !units_size(text, &number))
        return refuse(place, "not a size; write a whole number and a unit (B, "
                             "KiB, MiB, GiB), such as \"64KiB\"");
    return check_range(place, number);
}

/* --- containers --- */

/* Check a value found inside another; a wrong one is kept as null, so that
 * its neighbours are checked too. */
static json_t *
check_inner(const struct place *outer, check_fn *check, json_t *given,
            const char *pointer)
{
    struct place inner = *outer;
    json_t *value;

    inner.given = given;
    inner.pointer = pointer;
    value = check(&inner);
    return value ? value : json_null();
}

static json_t *
check_array(const struct place *place, check_fn *check)
{
    json_t *list = json_array();
    json_t *value;
    size_t i;

    json_array_foreach(place->given, i, value)
        json_array_append_new(
            list, check_inner(place, check, value,
                              pointer_element(place->context->arena,
                                              place->pointer, i)));
    return list ? list : no_memory(place);
}

static json_t *
check_named(const struct place *place, check_fn *check)
{
    json_t *object = json_object();
    json_t *value;
    const char *name, *pointer;

    json_object_foreach(place->given, name, value) {
        pointer = pointer_member(place->context->arena, place->pointer, name);
        if (*name)
            json_object_set_new(object, name, check_inner(place, check, value,
                                                          pointer));
        else
            refuse(place, "a name is empty; write one");
    }
    return object ? object : no_memory(place);
}

static json_t *
check_strings(const struct place *place)
{
    if (!json_is_array(place->given))
        return refuse(place, "not a list of strings; write [\"...\"]");
    return check_array(place, check_string);
}

static json_t *
check_map(const struct place *place)
{
    if (!json_is_object(place->given))
        return refuse(place, "not an object; write {\"name\": \"value\"}");
    return check_named(place, check_string);
}

static json_t *
check_object(const struct place *place)
{
    json_t *object;

    if (!json_is_object(place->given))
        return refuse(place, "not an object; write {...}");
    object = settings_complete(place->context, place->setting->members,
                               place->given, place->pointer);
    return object ? object : no_memory(place);
}

static json_t *
check_objects(const struct place *place)
{
    if (!json_is_array(place->given))
        return refuse(place, "not a list of objects; write [{...}]");
    return check_array(place, check_object);
}

static json_t *
check_by_name(const struct place *place)
{
    if (!json_is_object(place->given))
        return refuse(place, "not an object; write {\"name\": {...}}");
    return check_named(place, check_object);
}

/* A reference's text is taken as JSON if it is. */
static json_t *
check_any(const struct place *place)
{
    const char *text;
    json_t *value;

    if (!reference_is(place->given)) {
        if (place->setting->flags & FACTOR_SETTING_SECRET)
            return check_string(place);
        value = json_deep_copy(place->given);
        return value ? value : no_memory(place);
    }
    text = resolve(place);
    if (!text)
        return NULL;
    value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return value ? value : json_string(text);
}

static check_fn *const checks[] = {
    [FACTOR_SETTING_STRING] = check_string,
    [FACTOR_SETTING_INTEGER] = check_integer,
    [FACTOR_SETTING_BOOLEAN] = check_boolean,
    [FACTOR_SETTING_DURATION] = check_duration,
    [FACTOR_SETTING_SIZE] = check_size,
    [FACTOR_SETTING_PATH] = check_path,
    [FACTOR_SETTING_STATE_PATH] = check_state_path,
    [FACTOR_SETTING_STRINGS] = check_strings,
    [FACTOR_SETTING_MAP] = check_map,
    [FACTOR_SETTING_OBJECT] = check_object,
    [FACTOR_SETTING_OBJECTS] = check_objects,
    [FACTOR_SETTING_BY_NAME] = check_by_name,
    [FACTOR_SETTING_ANY] = check_any,
};

/* --- tables --- */

static json_t *
check_default(const struct place *place)
{
    struct place filled = *place;
    json_t *value, *checked;

    if (!place->setting->value)
        return json_null();
    value = json_loads(place->setting->value, JSON_DECODE_ANY, NULL);
    if (!value)
        return no_memory(place);
    filled.given = value;
    checked = checks[place->setting->type](&filled);
    json_decref(value);
    return checked;
}

json_t *
settings_complete_one(const struct settings_context *context,
                      const struct factor_setting *setting,
                      json_t *given, const char *pointer)
{
    struct place place = {context, setting, given, pointer};
    json_t *value = NULL;

    if (given && !json_is_null(given))
        value = checks[setting->type](&place);
    if (!value)
        value = check_default(&place);
    return value ? value : json_null();
}

const struct factor_setting *
settings_find(const struct factor_setting *const *table, const char *name)
{
    for (; table && *table; table++)
        if (strcmp((*table)->name, name) == 0)
            return *table;
    return NULL;
}

static const char *const *
table_names(struct factor_arena *arena,
            const struct factor_setting *const *table)
{
    const char **names;
    size_t count = 0, i;

    while (table && table[count])
        count++;
    names = arena_alloc(arena, (count + 1) * sizeof(*names));
    for (i = 0; names && i < count; i++)
        names[i] = table[i]->name;
    return names;
}

static void
refuse_unknown(const struct place *place,
               const struct factor_setting *const *table, const char *name)
{
    const char *const *names = table_names(place->context->arena, table);
    const char *meant = names ? settings_nearest(names, name) : NULL;

    if (meant)
        refuse(place, "unknown setting \"%s\"; did you mean \"%s\"?", name,
               meant);
    else if (names && *names)
        refuse(place, "unknown setting \"%s\"; known here are %s", name,
               join(place->context->arena, names));
    else
        refuse(place, "unknown setting \"%s\"; none is known here", name);
}

static void
check_names(const struct settings_context *context,
            const struct factor_setting *const *table, json_t *object,
            const char *pointer)
{
    struct place place = {context, NULL, object, NULL};
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) {
        place.pointer = pointer_member(context->arena, pointer, name);
        if (!settings_find(table, name))
            refuse_unknown(&place, table, name);
    }
}

static void
check_required(const struct settings_context *context,
               const struct factor_setting *setting, json_t *given,
               const char *pointer)
{
    struct place place = {context, setting, given, pointer};

    if ((setting->flags & FACTOR_SETTING_REQUIRED) &&
        (!given || json_is_null(given)))
        refuse(&place, "\"%s\" is missing; add it (%s)", setting->name,
               setting->text);
}

json_t *
settings_complete(const struct settings_context *context,
                  const struct factor_setting *const *table,
                  json_t *object, const char *pointer)
{
    json_t *completed = json_object();
    json_t *given;
    const char *inner;
    int failed = 0;

    check_names(context, table, object, pointer);
    for (; table && *table; table++) {
        given = json_object_get(object, (*table)->name);
        check_required(context, *table, given, pointer);
        inner = pointer_member(context->arena, pointer, (*table)->name);
        failed |= json_object_set_new(
            completed, (*table)->name,
            settings_complete_one(context, *table, given, inner));
    }
    if (!failed)
        return completed;
    json_decref(completed);
    return NULL;
}

/* --- the other way round --- */

static json_t *show_value(const struct factor_setting *setting,
                          json_t *value);

static json_t *
show_array(const struct factor_setting *setting, json_t *list)
{
    json_t *shown = json_array();
    json_t *value;
    size_t i;

    json_array_foreach(list, i, value)
        json_array_append_new(shown, settings_show(setting->members, value));
    return shown;
}

static json_t *
show_by_name(const struct factor_setting *setting, json_t *object)
{
    json_t *shown = json_object();
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
        json_object_set_new(shown, name,
                            settings_show(setting->members, value));
    return shown;
}

static json_t *
show_number(const struct factor_setting *setting, json_t *value)
{
    char text[UNITS_TEXT];

    if (setting->type == FACTOR_SETTING_DURATION)
        units_duration_text(json_integer_value(value), text);
    else
        units_size_text(json_integer_value(value), text);
    return json_string(text);
}

static json_t *
show_value(const struct factor_setting *setting, json_t *value)
{
    if (!value || json_is_null(value))
        return json_null();
    if (setting->flags & FACTOR_SETTING_SECRET)
        return json_string("(secret)");
    switch (setting->type) {
    case FACTOR_SETTING_DURATION:
    case FACTOR_SETTING_SIZE:
        return show_number(setting, value);
    case FACTOR_SETTING_OBJECT:
        return settings_show(setting->members, value);
    case FACTOR_SETTING_OBJECTS:
        return show_array(setting, value);
    case FACTOR_SETTING_BY_NAME:
        return show_by_name(setting, value);
    default:
        return json_deep_copy(value);
    }
}

json_t *
settings_show(const struct factor_setting *const *table,
              json_t *completed)
{
    json_t *shown = json_object();

    if (!json_is_object(completed)) {
        json_decref(shown);
        return json_null();
    }
    for (; table && *table; table++)
        json_object_set_new(
            shown, (*table)->name,
            show_value(*table, json_object_get(completed, (*table)->name)));
    return shown;
}
