/* SPDX-License-Identifier: MIT */
/* host/config/table.c - copying a plugin's table of settings, and refusing
 * one that is not well formed. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "host/config/settings.h"
#include "host/error.h"

enum {
    DEEPEST = 8,  /* objects in objects; also ends a table that goes round */
    LONGEST = 256 /* settings in one table */
};

/* What may be said of a setting of a type. */
enum {
    MAY_RANGE = 1 << 0,
    MAY_CHOOSE = 1 << 1,
    MAY_HIDE = 1 << 2, /* be a secret */
    HAS_MEMBERS = 1 << 3
};

static const uint32_t type_abilities[] = {
    [FACTOR_SETTING_STRING] = MAY_CHOOSE | MAY_HIDE,
    [FACTOR_SETTING_INTEGER] = MAY_RANGE,
    [FACTOR_SETTING_BOOLEAN] = 0,
    [FACTOR_SETTING_DURATION] = MAY_RANGE,
    [FACTOR_SETTING_SIZE] = MAY_RANGE,
    [FACTOR_SETTING_PATH] = 0,
    [FACTOR_SETTING_STATE_PATH] = 0,
    [FACTOR_SETTING_STRINGS] = MAY_CHOOSE | MAY_HIDE,
    [FACTOR_SETTING_MAP] = MAY_HIDE,
    [FACTOR_SETTING_OBJECT] = HAS_MEMBERS,
    [FACTOR_SETTING_OBJECTS] = HAS_MEMBERS,
    [FACTOR_SETTING_BY_NAME] = HAS_MEMBERS,
    [FACTOR_SETTING_ANY] = MAY_HIDE,
};

enum { TYPES = sizeof(type_abilities) / sizeof(type_abilities[0]) };

static const uint32_t known_flags =
    FACTOR_SETTING_REQUIRED | FACTOR_SETTING_SECRET;

/* As of contract 1.0; later members may be missing in an older plugin. */
static const size_t smallest =
    offsetof(struct factor_setting, demands) + sizeof(void *);
static const size_t smallest_demand =
    offsetof(struct factor_demand, value) + sizeof(void *);

static factor_status copy_table(struct factor_arena *arena,
                                const struct factor_setting *const *table,
                                int depth,
                                const struct factor_setting *const **ret_copy,
                                struct factor_error *err);

/* Without "." (--set), "/" (JSON pointers) and "$" (ours). */
static bool
name_ok(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return name && *name && strchr(letters, *name) &&
           name[strspn(name, others)] == '\0';
}

/* Why a setting is not well formed, or NULL.  First what needs no other
 * member to be right. */
static const char *
shape_fault(const struct factor_setting *setting)
{
    uint32_t abilities;

    if (setting->type < 1 || setting->type >= TYPES)
        return "its type is unknown";
    abilities = type_abilities[setting->type];
    if (setting->flags & ~known_flags)
        return "it has unknown flags";
    if (setting->reserved)
        return "reserved is not 0";
    if (!setting->text || !*setting->text)
        return "it has no text";
    if (setting->min > setting->max)
        return "its min is above its max";
    if ((setting->min || setting->max) && !(abilities & MAY_RANGE))
        return "its type has no range";
    if (setting->choices && !(abilities & MAY_CHOOSE))
        return "its type has no choices";
    if (setting->choices && !*setting->choices)
        return "its choices are none";
    if ((setting->flags & FACTOR_SETTING_SECRET) && !(abilities & MAY_HIDE))
        return "its type cannot be secret";
    if (!setting->members != !(abilities & HAS_MEMBERS))
        return setting->members ? "its type has no members"
                                : "it has no members";
    return NULL;
}

static const char *
default_fault(const struct factor_setting *setting)
{
    json_t *value;
    bool null;

    if (!setting->value)
        return NULL;
    if (setting->flags & FACTOR_SETTING_REQUIRED)
        return "it is required and has a default";
    if (setting->flags & FACTOR_SETTING_SECRET)
        return "it is secret and has a default";
    value = json_loads(setting->value, JSON_DECODE_ANY, NULL);
    if (!value)
        return "its default is no JSON";
    null = json_is_null(value);
    json_decref(value);
    return null ? "its default is null (say NULL)" : NULL;
}

static const char *
demands_fault(const struct factor_setting *setting)
{
    const struct factor_demand *const *demand = setting->demands;
    json_t *value;

    for (; demand && *demand; demand++) {
        if ((*demand)->struct_size < smallest_demand)
            return "a demand's struct_size does not fit";
        if ((*demand)->flags || !(*demand)->profile || !(*demand)->value)
            return "a demand is not well formed";
        value = json_loads((*demand)->value, JSON_DECODE_ANY, NULL);
        json_decref(value);
        if (!value)
            return "a demand's value is no JSON";
    }
    return NULL;
}

/* The default must pass the check that a given value must pass. */
static factor_status
try_default(struct factor_arena *arena, const struct factor_setting *setting,
            struct factor_error *err)
{
    struct origins *origins = origins_new(arena);
    struct problems problems = {0};
    struct settings_context context = {
        .origins = origins,
        .state_directory = "/",
        .arena = arena,
        .problems = &problems,
    };
    factor_status status = FACTOR_OK;
    json_t *value;

    if (!origins)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    value = settings_complete_one(&context, setting, NULL, "");
    if (problems.errors > 0)
        status = error_set(err, FACTOR_E_CONFIG,
                           "setting \"%s\": its default does not fit: %s",
                           setting->name,
                           problems.count ? problems.lines[0].text : "?");
    json_decref(value);
    problems_clear(&problems);
    origins_free(origins);
    return status;
}

static factor_status
check_setting(struct factor_arena *arena, const struct factor_setting *setting,
              struct factor_error *err)
{
    const char *fault = shape_fault(setting);

    if (!fault)
        fault = default_fault(setting);
    if (!fault)
        fault = demands_fault(setting);
    if (fault)
        return error_set(err, FACTOR_E_CONFIG, "setting \"%s\": %s",
                         setting->name, fault);
    return try_default(arena, setting, err);
}

/* One setting and all below it. */
static factor_status
copy_setting(struct factor_arena *arena, const struct factor_setting *theirs,
             int depth, struct factor_setting *ours, struct factor_error *err)
{
    factor_status status = FACTOR_OK;
    size_t len = sizeof(*ours);

    if (theirs->struct_size < smallest)
        return error_set(err, FACTOR_E_CONFIG,
                         "a setting's struct_size is %u, not %zu",
                         (unsigned)theirs->struct_size, smallest);
    if (theirs->struct_size < len)
        len = theirs->struct_size;
    memcpy(ours, theirs, len);
    ours->struct_size = sizeof(*ours);
    if (!name_ok(ours->name))
        return error_set(err, FACTOR_E_CONFIG,
                         "a setting's name is not of letters, digits, _ and "
                         "-: \"%s\"", ours->name ? ours->name : "");
    if (ours->members)
        status = copy_table(arena, ours->members, depth + 1, &ours->members,
                            err);
    return status == FACTOR_OK ? check_setting(arena, ours, err) : status;
}

static bool
named_before(const struct factor_setting *const *table, size_t count,
             const char *name)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strcmp(table[i]->name, name) == 0)
            return true;
    return false;
}

/* A list that does not end is not walked for ever. */
static size_t
table_length(const struct factor_setting *const *table)
{
    size_t count = 0;

    while (count <= LONGEST && table[count])
        count++;
    return count;
}

static factor_status
copy_table(struct factor_arena *arena,
           const struct factor_setting *const *table, int depth,
           const struct factor_setting *const **ret_copy,
           struct factor_error *err)
{
    size_t count = table_length(table), i;
    const struct factor_setting **list;
    struct factor_setting *ours;
    factor_status status = FACTOR_OK;

    if (depth > DEEPEST || count > LONGEST)
        return error_set(err, FACTOR_E_CONFIG,
                         "its settings are too many or too deep");
    list = arena_alloc(arena, (count + 1) * sizeof(struct factor_setting *));
    ours = arena_alloc(arena, (count + 1) * sizeof(*ours));
    if (!list || !ours)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    for (i = 0; i < count && status == FACTOR_OK; i++) {
        status = copy_setting(arena, table[i], depth, &ours[i], err);
        if (status == FACTOR_OK && named_before(list, i, ours[i].name))
            status = error_set(err, FACTOR_E_CONFIG,
                               "setting \"%s\" is there twice", ours[i].name);
        list[i] = &ours[i];
    }
    if (status == FACTOR_OK)
        *ret_copy = list;
    return status;
}

factor_status
settings_copy(struct factor_arena *arena,
              const struct factor_setting *const *table,
              const struct factor_setting *const **ret_copy,
              struct factor_error *err)
{
    factor_status status;

    *ret_copy = NULL;
    if (!table)
        return FACTOR_OK;
    status = copy_table(arena, table, 1, ret_copy, err);
    if (status == FACTOR_OK && settings_find(*ret_copy, "plugin")) {
        *ret_copy = NULL;
        return error_set(err, FACTOR_E_CONFIG,
                         "setting \"plugin\": the name is the host's");
    }
    return status;
}
