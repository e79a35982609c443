/* SPDX-License-Identifier: MIT */
/* host/config/schema.c - JSON Schema and manual, made from tables of
 * settings. */
#include "host/config/schema.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/host_settings.h"
#include "host/config/units.h"

static json_t *build_value(const struct factor_setting *setting);

/* --- JSON Schema --- */

/* What each type looks like; members, choices and ranges are added. */
static const char *const shapes[] = {
    [FACTOR_SETTING_STRING] = "{\"type\": \"string\"}",
    [FACTOR_SETTING_INTEGER] = "{\"type\": \"integer\"}",
    [FACTOR_SETTING_BOOLEAN] = "{\"type\": \"boolean\"}",
    [FACTOR_SETTING_DURATION] =
        "{\"type\": \"string\", \"pattern\": \"^[0-9]+(ms|s|min|h|d)$\"}",
    [FACTOR_SETTING_SIZE] =
        "{\"type\": \"string\", \"pattern\": \"^[0-9]+(B|KiB|MiB|GiB)$\"}",
    [FACTOR_SETTING_PATH] = "{\"type\": \"string\", \"minLength\": 1}",
    [FACTOR_SETTING_STATE_PATH] = "{\"type\": \"string\", \"minLength\": 1}",
    [FACTOR_SETTING_STRINGS] = "{\"type\": \"array\"}",
    [FACTOR_SETTING_MAP] = "{\"type\": \"object\"}",
    [FACTOR_SETTING_OBJECT] = "{\"type\": \"object\"}",
    [FACTOR_SETTING_OBJECTS] = "{\"type\": \"array\"}",
    [FACTOR_SETTING_BY_NAME] = "{\"type\": \"object\"}",
    [FACTOR_SETTING_ANY] = "{}",
};

/* "$comment" and "$schema" may stand in any object. */
static const char comments[] = "{\"^[$](comment|schema)$\": true}";

static const char reference[] =
    "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, "
    "\"additionalProperties\": false, \"properties\": {"
    "\"$file\": {\"type\": \"string\", \"minLength\": 1}, "
    "\"$env\": {\"type\": \"string\", \"minLength\": 1}, "
    "\"$credential\": {\"type\": \"string\", \"minLength\": 1}}}";

static const char path_reference[] =
    "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, "
    "\"additionalProperties\": false, \"properties\": {"
    "\"$file\": {\"type\": \"string\", \"minLength\": 1}, "
    "\"$credential\": {\"type\": \"string\", \"minLength\": 1}}}";

static json_t *
parsed(const char *text)
{
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *
one_of(json_t *first, json_t *second)
{
    return json_pack("{s:[o,o]}", "anyOf", first, second);
}

static json_t *
build_text(const struct factor_setting *setting)
{
    json_t *schema = parsed(shapes[FACTOR_SETTING_STRING]);
    const char *const *choice = setting->choices;
    json_t *choices = choice ? json_array() : NULL;

    for (; choice && *choice; choice++)
        json_array_append_new(choices, json_string(*choice));
    if (choices)
        json_object_set_new(schema, "enum", choices);
    if (!(setting->flags & FACTOR_SETTING_SECRET))
        return one_of(schema, parsed(reference));
    json_decref(schema);
    return parsed(reference);
}

/* {"properties": ..., "required": [...]} of a table. */
static json_t *
build_object(const struct factor_setting *const *table, const char *plugin)
{
    json_t *schema = parsed(shapes[FACTOR_SETTING_OBJECT]);
    json_t *properties = json_object(), *required = json_array();

    if (plugin) {
        json_object_set_new(properties, "plugin",
                            json_pack("{s:s}", "const", plugin));
        json_array_append_new(required, json_string("plugin"));
    }
    for (; table && *table; table++) {
        json_object_set_new(properties, (*table)->name, build_value(*table));
        if ((*table)->flags & FACTOR_SETTING_REQUIRED)
            json_array_append_new(required, json_string((*table)->name));
    }
    json_object_set_new(schema, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    json_object_set_new(schema, "patternProperties", parsed(comments));
    json_object_set_new(schema, "additionalProperties", json_false());
    return schema;
}

/* An array's items, or the members of an object of any names. */
static json_t *
build_container(const struct factor_setting *setting, json_t *inner)
{
    json_t *schema = parsed(shapes[setting->type]);

    if (setting->type == FACTOR_SETTING_STRINGS ||
        setting->type == FACTOR_SETTING_OBJECTS) {
        json_object_set_new(schema, "items", inner);
        return schema;
    }
    json_object_set_new(schema, "patternProperties", parsed(comments));
    json_object_set_new(schema, "additionalProperties", inner);
    return schema;
}

static json_t *
build_number(const struct factor_setting *setting)
{
    json_t *schema = parsed(shapes[setting->type]);

    if (setting->type == FACTOR_SETTING_INTEGER &&
        (setting->min || setting->max)) {
        json_object_set_new(schema, "minimum", json_integer(setting->min));
        json_object_set_new(schema, "maximum", json_integer(setting->max));
    }
    return schema;
}

static json_t *
build_shape(const struct factor_setting *setting)
{
    switch (setting->type) {
    case FACTOR_SETTING_STRING:
        return build_text(setting);
    case FACTOR_SETTING_PATH:
    case FACTOR_SETTING_STATE_PATH:
        return one_of(parsed(shapes[setting->type]), parsed(path_reference));
    case FACTOR_SETTING_STRINGS:
    case FACTOR_SETTING_MAP:
        return build_container(setting, build_text(setting));
    case FACTOR_SETTING_OBJECT:
        return build_object(setting->members, NULL);
    case FACTOR_SETTING_OBJECTS:
    case FACTOR_SETTING_BY_NAME:
        return build_container(setting, build_object(setting->members, NULL));
    case FACTOR_SETTING_ANY:
        return parsed(setting->flags & FACTOR_SETTING_SECRET
                          ? reference
                          : shapes[FACTOR_SETTING_ANY]);
    default:
        return build_number(setting);
    }
}

/* null says: as if it were not there. */
static json_t *
build_value(const struct factor_setting *setting)
{
    json_t *schema = build_shape(setting);

    if (!(setting->flags & FACTOR_SETTING_REQUIRED) &&
        setting->type != FACTOR_SETTING_ANY)
        schema = one_of(schema, json_pack("{s:s}", "type", "null"));
    json_object_set_new(schema, "description", json_string(setting->text));
    if (setting->value)
        json_object_set_new(schema, "default", parsed(setting->value));
    return schema;
}

/* A plugin instance: its settings are not known here. */
static json_t *
build_instance(void)
{
    return parsed("{\"type\": \"object\", \"required\": [\"plugin\"], "
                  "\"properties\": {\"plugin\": {\"type\": \"string\", "
                  "\"pattern\": \"^[a-z0-9][a-z0-9-]*$\"}}}");
}

static json_t *
build_section(const struct host_section *section)
{
    struct factor_setting list = {.type = FACTOR_SETTING_OBJECTS};
    struct factor_setting by_name = {.type = FACTOR_SETTING_BY_NAME};
    json_t *schema = build_instance();

    if (section->shape == SECTION_LISTS)
        schema = build_container(&list, schema);
    if (section->shape != SECTION_ONE)
        schema = build_container(&by_name, schema);
    return schema;
}

static void
describe_sections(json_t *schema)
{
    json_t *properties = json_object_get(schema, "properties");
    const struct host_section *section;
    json_t *property;

    for (section = host_sections; section->name; section++) {
        property = build_section(section);
        json_object_update_missing(property, json_object_get(properties,
                                                             section->name));
        json_object_set_new(properties, section->name, property);
    }
}

json_t *
schema_build(const struct factor_setting *const *table, const char *plugin,
             const char *title)
{
    json_t *schema =
        json_pack("{s:s,s:s}", "$schema",
                  "https://json-schema.org/draft/2020-12/schema", "title",
                  title);

    json_object_update_new(schema, build_object(table, plugin));
    if (table == host_settings)
        describe_sections(schema);
    return schema;
}

bool
schema_print(FILE *file, const struct factor_setting *const *table,
             const char *plugin, const char *title)
{
    json_t *schema = schema_build(table, plugin, title);
    bool written = schema && json_dumpf(schema, file, JSON_INDENT(4)) == 0 &&
                   fputc('\n', file) != EOF;

    json_decref(schema);
    return written;
}

/* --- manual --- */

static const char *const type_names[] = {
    [FACTOR_SETTING_STRING] = "string",
    [FACTOR_SETTING_INTEGER] = "integer",
    [FACTOR_SETTING_BOOLEAN] = "boolean",
    [FACTOR_SETTING_DURATION] = "duration",
    [FACTOR_SETTING_SIZE] = "size",
    [FACTOR_SETTING_PATH] = "path",
    [FACTOR_SETTING_STATE_PATH] = "path in the state directory",
    [FACTOR_SETTING_STRINGS] = "list of strings",
    [FACTOR_SETTING_MAP] = "object of strings",
    [FACTOR_SETTING_OBJECT] = "object",
    [FACTOR_SETTING_OBJECTS] = "list of objects",
    [FACTOR_SETTING_BY_NAME] = "object of objects by name",
    [FACTOR_SETTING_ANY] = "any JSON",
};

/* mdoc would take a dot or an apostrophe at a line's start for a macro, and
 * a backslash for an escape. */
static void
print_text(FILE *file, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", file);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", file);
        else if (*text == '-')
            fputs("\\-", file);
        else if (*text == '"')
            fputs("\\(dq", file);
        else
            fputc(*text == '\n' ? ' ' : *text, file);
    }
}

static void
print_number(FILE *file, const struct factor_setting *setting, int64_t number)
{
    char text[UNITS_TEXT];

    if (setting->type == FACTOR_SETTING_DURATION)
        units_duration_text(number, text);
    else if (setting->type == FACTOR_SETTING_SIZE)
        units_size_text(number, text);
    else
        snprintf(text, sizeof(text), "%" PRId64, number);
    fputs(text, file);
}

static void
print_bounds(FILE *file, const struct factor_setting *setting)
{
    const char *const *choice = setting->choices;

    if (setting->min || setting->max) {
        fputs("From ", file);
        print_number(file, setting, setting->min);
        fputs(" to ", file);
        print_number(file, setting, setting->max);
        fputs(".\n", file);
    }
    for (; choice && *choice; choice++) {
        fputs(choice == setting->choices ? "One of " : ", ", file);
        print_text(file, *choice);
    }
    if (setting->choices)
        fputs(".\n", file);
}

static bool
is_empty_object(const char *value)
{
    return strcmp(value, "{}") == 0;
}

static void
print_setting(FILE *file, const struct factor_setting *setting,
              const char *prefix)
{
    fprintf(file, ".It Ic %s%s Pq ", prefix, setting->name);
    fputs(type_names[setting->type], file);
    if (setting->flags & FACTOR_SETTING_REQUIRED)
        fputs(", required", file);
    if (setting->flags & FACTOR_SETTING_SECRET)
        fputs(", secret", file);
    fputc('\n', file);
    print_text(file, setting->text);
    fputc('\n', file);
    print_bounds(file, setting);
    if (setting->value && !is_empty_object(setting->value)) {
        fputs("Default: ", file);
        print_text(file, setting->value);
        fputs(".\n", file);
    }
}

/* What stands between a setting's name and those of its members. */
static const char *
joint(const struct factor_setting *setting)
{
    if (setting->type == FACTOR_SETTING_BY_NAME)
        return ".NAME.";
    return setting->type == FACTOR_SETTING_OBJECTS ? "[]." : ".";
}

static void
print_settings(FILE *file, const struct factor_setting *const *table,
               const char *prefix)
{
    char *inner;

    for (; table && *table; table++) {
        print_setting(file, *table, prefix);
        if (!(*table)->members)
            continue;
        if (asprintf(&inner, "%s%s%s", prefix, (*table)->name,
                     joint(*table)) < 0)
            return;
        print_settings(file, (*table)->members, inner);
        free(inner);
    }
}

void
schema_manual(FILE *file, const struct factor_setting *const *table,
              const char *prefix)
{
    fputs(".Bl -tag -width Ds\n", file);
    print_settings(file, table, prefix);
    fputs(".El\n", file);
}
