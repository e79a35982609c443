/* SPDX-License-Identifier: MIT */
/* host/config/config.c - one configuration: read, checked, completed. */
#include "host/config/config.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/arena.h"
#include "host/config/host_check.h"
#include "host/config/host_settings.h"
#include "host/config/merge.h"
#include "host/config/origin.h"
#include "host/config/settings.h"
#include "host/log.h"

struct config {
    struct factor_arena *arena;
    struct origins *origins;
    json_t *raw;                 /* as written, merged */
    json_t *host;                /* completed */
    const char *state_directory; /* absolute */
    struct config_instance *instances;
    size_t instance_count;
    json_t *written; /* instance's pointer to its settings, as written */
    json_t *shown;   /* the same to what config_print shows */
};

static struct settings_context
context_of(const struct config *config, struct problems *problems)
{
    return (struct settings_context){
        .origins = config->origins,
        .state_directory = config->state_directory,
        .arena = config->arena,
        .problems = problems,
    };
}

/* --- problems found by others --- */

static void report(const struct config *config, struct problems *problems,
                   bool warning, const char *pointer, const char *format,
                   va_list args) FACTOR_PRINTF(5, 0);

static void
report(const struct config *config, struct problems *problems, bool warning,
       const char *pointer, const char *format, va_list args)
{
    struct origin where = origins_find(config->origins, pointer);

    problems_add_args(problems, warning, &where, pointer, format, args);
}

void
config_problem(const struct config *config, struct problems *problems,
               const char *pointer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(config, problems, false, pointer, format, args);
    va_end(args);
}

void
config_warning(const struct config *config, struct problems *problems,
               const char *pointer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(config, problems, true, pointer, format, args);
    va_end(args);
}

/* --- instances --- */

/* What a section says of one instance. */
struct found {
    struct config *config;
    struct problems *problems;
    const struct host_section *section;
};

static bool
name_is_of(const char *name, const char *bytes)
{
    return *name && name[strspn(name, bytes)] == '\0';
}

/* As in a plugin's file name. */
static bool
plugin_name_ok(const char *name)
{
    return *name != '-' &&
           name_is_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

/* Policies write "NAME.ATTRIBUTE". */
static bool
instance_name_ok(const char *name)
{
    return name_is_of(name, "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
}

static const char *
read_plugin(const struct found *found, json_t *value, const char *pointer)
{
    struct config *config = found->config;
    json_t *plugin = json_object_get(value, "plugin");
    const char *name = json_string_value(plugin);

    if (!json_is_object(value))
        config_problem(config, found->problems, pointer,
                       "not an object; write {\"plugin\": \"NAME\", ...}");
    else if (!plugin)
        config_problem(config, found->problems, pointer,
                       "\"plugin\" is missing; add the plugin's name");
    else if (!name || !plugin_name_ok(name))
        config_problem(config, found->problems,
                       pointer_member(config->arena, pointer, "plugin"),
                       "not a plugin's name; write it without kind and "
                       "ending, such as \"otp\"");
    else
        return name;
    return NULL;
}

static bool
append(struct config *config, const struct config_instance *instance)
{
    struct config_instance *grown =
        reallocarray(config->instances, config->instance_count + 1,
                     sizeof(*grown));

    if (!grown)
        return false;
    config->instances = grown;
    grown[config->instance_count++] = *instance;
    return true;
}

/* name and pointer last as long as the configuration. */
static void
add_instance(const struct found *found, json_t *value, const char *name,
             size_t index, const char *pointer)
{
    struct config *config = found->config;
    struct config_instance instance = {
        .kind = found->section->kind,
        .name = name,
        .index = index,
        .plugin = read_plugin(found, value, pointer),
        .pointer = pointer,
    };
    json_t *settings;

    if (!instance.plugin)
        return;
    settings = json_copy(value);
    json_object_del(settings, "plugin");
    instance.raw = settings;
    if (json_object_set_new(config->written, pointer, settings) != 0 ||
        !append(config, &instance))
        problems_no_memory(found->problems);
}

static void
add_channel(const struct found *found, json_t *list, const char *channel,
            const char *pointer)
{
    struct config *config = found->config;
    const char *meant = settings_nearest(host_channels, channel);
    const char *const *known = host_channels;
    json_t *value;
    size_t i;

    while (*known && strcmp(*known, channel) != 0)
        known++;
    if (!*known)
        config_problem(config, found->problems, pointer,
                       "unknown channel \"%s\"; %s \"%s\"%s", channel,
                       meant ? "did you mean" : "known are",
                       meant ? meant : "email\", \"sms\", \"voice\", \"push",
                       meant ? "?" : "");
    else if (!json_is_array(list))
        config_problem(config, found->problems, pointer,
                       "not a list; write [{\"plugin\": \"NAME\", ...}]");
    json_array_foreach(*known ? list : NULL, i, value)
        add_instance(found, value, *known, i,
                     pointer_element(config->arena, pointer, i));
}

static void
add_named(const struct found *found, json_t *value, const char *name,
          const char *pointer)
{
    if (!instance_name_ok(name) || strcmp(name, HOST_HINT_STEP) == 0)
        config_problem(found->config, found->problems, pointer,
                       "not a name for it; choose one of letters, digits, "
                       "\"_\" and \"-\"");
    else
        add_instance(found, value, name, 0, pointer);
}

static void
add_section(const struct found *found)
{
    struct config *config = found->config;
    const char *pointer =
        pointer_member(config->arena, "", found->section->name);
    json_t *section = json_object_get(config->raw, found->section->name);
    const char *name, *inner;
    json_t *value;

    if (!section || json_is_null(section))
        return;
    if (found->section->shape == SECTION_ONE) {
        add_instance(found, section, found->section->name, 0, pointer);
        return;
    }
    if (!json_is_object(section))
        config_problem(config, found->problems, pointer,
                       "not an object; write {\"NAME\": ...}");
    json_object_foreach(section, name, value) {
        inner = pointer_member(config->arena, pointer, name);
        if (found->section->shape == SECTION_LISTS)
            add_channel(found, value, name, inner);
        else
            add_named(found, value, name, inner);
    }
}

size_t
config_instance_count(const struct config *config)
{
    return config->instance_count;
}

const struct config_instance *
config_instance(const struct config *config, size_t place)
{
    return place < config->instance_count ? &config->instances[place] : NULL;
}

json_t *
config_complete(struct config *config, const struct config_instance *instance,
                const struct factor_setting *const *table,
                struct problems *problems)
{
    struct settings_context context = context_of(config, problems);
    json_t *written = json_object_get(config->written, instance->pointer);
    json_t *completed =
        settings_complete(&context, table, written, instance->pointer);

    if (!completed || json_object_set_new(config->shown, instance->pointer,
                                          settings_show(table, completed)))
        problems_no_memory(problems);
    return completed;
}

/* --- loading --- */

/* Folder of the running program, in the arena; NULL if nobody knows. */
static const char *
program_folder(struct merge *merge)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0)
        return NULL;
    path[len] = '\0';
    return merge_folder(merge, path);
}

/* A member of the tree that nobody gave gets this value (borrowed). */
static void
add_default(struct merge *merge, json_t *object, const char *parent,
            const char *name, json_t *value, int source)
{
    if (!value || !json_is_object(object) || json_object_get(object, name))
        return;
    json_object_set(object, name, value);
    if (!origins_put(merge->origins,
                     pointer_member(merge->arena, parent, name), source, 0))
        problems_no_memory(merge->problems);
}

/* The build tree's plugins and pages, for a daemon that runs there. */
static void
add_build_defaults(struct merge *merge, const char *folder)
{
    const char *file =
        arena_format(merge->arena, "%s/factord.uninstalled", folder);
    json_t *tree, *server;
    int source;

    if (!file || access(file, F_OK) != 0)
        return;
    tree = merge_read(merge, file);
    source = origins_source(merge->origins, file, folder, NULL);
    if (tree && source >= 0) {
        add_default(merge, merge->tree, "", "plugin_directory",
                    json_object_get(tree, "plugin_directory"), source);
        add_default(merge, merge->tree, "", "part_directory",
                    json_object_get(tree, "part_directory"), source);
        if (!json_object_get(merge->tree, "server"))
            json_object_set_new(merge->tree, "server", json_object());
        server = json_object_get(merge->tree, "server");
        add_default(merge, server, "/server", "web_directory",
                    json_object_get(tree, "web_directory"), source);
    }
    json_decref(tree);
}

/* Everything that was written, into config->raw. */
static bool
read_all(struct config *config, const struct config_options *options,
         struct problems *problems)
{
    char *here = get_current_dir_name();
    struct merge merge = {
        .tree = config->raw,
        .origins = config->origins,
        .arena = config->arena,
        .problems = problems,
        .working_directory = arena_copy(config->arena, here ? here : "/"),
    };
    const char *folder = options->build_directory;
    size_t i;

    free(here);
    if (!merge.working_directory)
        return false;
    if (options->file) {
        if (!merge_file(&merge, options->file))
            return false;
        merge_directory(&merge, options->file);
    }
    for (i = 0; i < options->set_count; i++)
        merge_set(&merge, options->sets[i]);
    if (!folder)
        folder = program_folder(&merge);
    if (folder)
        add_build_defaults(&merge, folder);
    return true;
}

/* Wanted before all else, since other paths are relative to it; what is
 * wrong with it is told when all is completed. */
static void
find_state_directory(struct config *config)
{
    struct problems untold = {0};
    struct settings_context context = context_of(config, &untold);
    json_t *path = settings_complete_one(
        &context, settings_find(host_settings, "state_directory"),
        json_object_get(config->raw, "state_directory"), "/state_directory");
    const char *text = json_string_value(path);

    config->state_directory = arena_copy(config->arena, text ? text : "/");
    json_decref(path);
    problems_clear(&untold);
}

static void
complete_host(struct config *config, struct problems *problems)
{
    struct settings_context context;
    const struct host_section *section;

    find_state_directory(config);
    context = context_of(config, problems);
    config->host = settings_complete(&context, host_settings, config->raw, "");
    if (!config->state_directory || !config->host) {
        problems_no_memory(problems);
        return;
    }
    host_check(&context, config->host, config->raw);
    for (section = host_sections; section->name; section++) {
        struct found found = {config, problems, section};

        add_section(&found);
        json_object_del(config->host, section->name);
    }
}

struct config *
config_load(const struct config_options *options, struct problems *problems)
{
    struct config *config = calloc(1, sizeof(*config));

    if (config)
        config->arena = arena_new();
    if (config && config->arena) {
        config->origins = origins_new(config->arena);
        config->raw = json_object();
        config->written = json_object();
        config->shown = json_object();
    }
    if (!config || !config->origins || !config->raw || !config->written ||
        !config->shown) {
        problems_no_memory(problems);
    } else if (read_all(config, options, problems)) {
        complete_host(config, problems);
        if (config->host)
            return config;
    }
    config_free(config);
    return NULL;
}

void
config_free(struct config *config)
{
    if (!config)
        return;
    json_decref(config->shown);
    json_decref(config->written);
    json_decref(config->host);
    json_decref(config->raw);
    origins_free(config->origins);
    arena_free(config->arena);
    free(config->instances);
    free(config);
}

/* --- reading it --- */

const json_t *
config_host(const struct config *config)
{
    return config->host;
}

static json_t *
find(json_t *value, const char *pointer)
{
    char name[64];
    size_t len;

    while (value && *pointer) {
        len = strcspn(++pointer, "/");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, pointer, len);
        name[len] = '\0';
        value = json_object_get(value, name);
        pointer += len;
    }
    return value;
}

/* No setting of ours has this name and type: a bug. */
static const json_t *
demand(const struct config *config, const char *pointer, bool wanted)
{
    if (!wanted) {
        log_event("config", FACTOR_LOG_ERROR, "no such setting: %s", pointer);
        abort();
    }
    return find(config->host, pointer);
}

const json_t *
config_at(const struct config *config, const char *pointer)
{
    return demand(config, pointer, find(config->host, pointer) != NULL);
}

int64_t
config_number(const struct config *config, const char *pointer)
{
    json_t *value = find(config->host, pointer);

    return json_integer_value(demand(config, pointer, json_is_integer(value)));
}

bool
config_flag(const struct config *config, const char *pointer)
{
    json_t *value = find(config->host, pointer);

    return json_is_true(demand(config, pointer, json_is_boolean(value)));
}

const char *
config_text(const struct config *config, const char *pointer)
{
    json_t *value = find(config->host, pointer);

    return json_string_value(
        demand(config, pointer, json_is_string(value) || json_is_null(value)));
}

/* --- printing it --- */

static json_t *
show_instance(const struct config *config,
              const struct config_instance *instance)
{
    json_t *settings = json_object_get(config->shown, instance->pointer);
    json_t *shown = json_object();

    json_object_set_new(shown, "plugin", json_string(instance->plugin));
    if (settings)
        json_object_update_missing(shown, settings);
    else
        json_object_set_new(shown, "$comment",
                            json_string("settings not checked: the plugin "
                                        "is not loaded"));
    return shown;
}

static void
show_in_section(json_t *shown, const struct host_section *section,
                const struct config_instance *instance, json_t *value)
{
    json_t *object = json_object_get(shown, section->name);
    json_t *list;

    if (section->shape == SECTION_ONE) {
        json_object_set_new(shown, section->name, value);
    } else if (section->shape == SECTION_BY_NAME) {
        json_object_set_new(object, instance->name, value);
    } else {
        list = json_object_get(object, instance->name);
        if (!list)
            json_object_set_new(object, instance->name, json_array());
        json_array_append_new(json_object_get(object, instance->name), value);
    }
}

static const struct host_section *
section_of(uint32_t kind)
{
    const struct host_section *section = host_sections;

    while (section->name && section->kind != kind)
        section++;
    return section;
}

static json_t *
show(const struct config *config)
{
    json_t *shown = settings_show(host_settings, config->host);
    const struct host_section *section;
    size_t i;

    for (section = host_sections; section->name; section++)
        json_object_set_new(shown, section->name,
                            section->shape == SECTION_ONE ? json_null()
                                                          : json_object());
    for (i = 0; i < config->instance_count; i++)
        show_in_section(shown, section_of(config->instances[i].kind),
                        &config->instances[i],
                        show_instance(config, &config->instances[i]));
    return shown;
}

bool
config_print(FILE *file, const struct config *config)
{
    json_t *shown = show(config);
    bool written = shown && json_dumpf(shown, file, JSON_INDENT(4)) == 0 &&
                   fputc('\n', file) != EOF;

    json_decref(shown);
    return written;
}
