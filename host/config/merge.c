/* SPDX-License-Identifier: MIT */
/* host/config/merge.c - files and --set options to one tree, as written. */
#include "host/config/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config/host_settings.h"
#include "host/config/position.h"
#include "host/config/reference.h"
#include "host/config/settings.h"

enum { LARGEST = 16 * 1024 * 1024 }; /* bytes of a file */

/* One file on its way into the tree. */
struct incoming {
    struct merge *merge;
    struct origin file; /* line: of the value at hand */
    json_t *lines;      /* JSON pointer to line, in this file */
    int source;
};

/* --- reading --- */

const char *
merge_folder(struct merge *merge, const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *folder;

    if (!slash)
        return merge->working_directory;
    if (slash == file)
        return "/";
    folder = arena_copy_len(merge->arena, file, (size_t)(slash - file));
    return folder ? path_under(merge->arena, merge->working_directory, folder)
                  : NULL;
}

static char *
read_stream(FILE *stream, size_t *ret_len)
{
    char *text = NULL, *grown;
    size_t used = 0, size = 0;

    do {
        size = size ? size * 2 : 16384;
        grown = size <= LARGEST ? realloc(text, size) : NULL;
        if (!grown) {
            free(text);
            errno = EFBIG;
            return NULL;
        }
        text = grown;
        used += fread(text + used, 1, size - used, stream);
    } while (used == size);
    if (ferror(stream)) {
        free(text);
        return NULL;
    }
    *ret_len = used;
    return text;
}

static char *
read_text(struct merge *merge, const char *file, size_t *ret_len)
{
    struct origin where = {.label = file};
    FILE *stream = fopen(file, "re");
    char *text = stream ? read_stream(stream, ret_len) : NULL;

    if (!text)
        problems_add(merge->problems, &where, NULL,
                     "cannot be read: %s; correct the path or the file's "
                     "rights", strerror(errno));
    if (stream)
        fclose(stream);
    return text;
}

/* Comments may stand in any object. */
static void
strip_comments(json_t *value)
{
    const char *name;
    json_t *inner;
    void *next;
    size_t i;

    json_object_del(value, "$comment");
    json_object_del(value, "$schema");
    json_object_foreach_safe(value, next, name, inner)
        strip_comments(inner);
    json_array_foreach(value, i, inner)
        strip_comments(inner);
}

static void
add_syntax_problem(struct merge *merge, const char *file,
                   const json_error_t *error)
{
    struct origin where = {.label = file, .line = (size_t)error->line};

    if (json_error_code(error) == json_error_duplicate_key)
        problems_add(merge->problems, &where, NULL,
                     "the same name twice in one object (%s); keep one",
                     error->text);
    else
        problems_add(merge->problems, &where, NULL,
                     "no JSON: %s, at column %d", error->text, error->column);
}

static json_t *
parse(struct merge *merge, const char *file, const char *text, size_t len)
{
    json_error_t error;
    json_t *tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    struct origin where = {.label = file, .line = 1};

    if (!tree) {
        add_syntax_problem(merge, file, &error);
    } else if (!json_is_object(tree)) {
        problems_add(merge->problems, &where, NULL,
                     "not an object; a configuration is {...}");
        json_decref(tree);
        tree = NULL;
    }
    strip_comments(tree);
    return tree;
}

static void
wipe(char *text, size_t len)
{
    explicit_bzero(text, len);
    free(text);
}

json_t *
merge_read(struct merge *merge, const char *file)
{
    json_t *tree;
    size_t len;
    char *text = read_text(merge, file, &len);

    if (!text)
        return NULL;
    tree = parse(merge, file, text, len);
    wipe(text, len);
    return tree;
}

/* --- merging --- */

static void
merge_object(struct incoming *incoming, json_t *into, json_t *from,
             const char *pointer, const struct factor_setting *const *table);

/* Is a member an object of its own members, which merge in turn?  An entry
 * with a name is a unit: a half of it in another file would be lost on
 * whoever reads one. */
static bool
merges(const struct factor_setting *setting, const char *pointer,
       const struct factor_setting *const **ret_table)
{
    const struct host_section *section;

    *ret_table = NULL;
    if (!setting)
        return false;
    section = *pointer ? NULL : host_section_find(setting->name);
    if (section)
        return section->shape != SECTION_ONE;
    if (setting->type == FACTOR_SETTING_OBJECT)
        *ret_table = setting->members;
    return setting->type == FACTOR_SETTING_OBJECT ||
           setting->type == FACTOR_SETTING_BY_NAME ||
           setting->type == FACTOR_SETTING_MAP;
}

static void
add_conflict(struct incoming *incoming, const char *pointer)
{
    struct merge *merge = incoming->merge;
    struct origin first = origins_find(merge->origins, pointer);
    struct origin second = incoming->file;

    second.line = (size_t)json_integer_value(
        json_object_get(incoming->lines, pointer));
    problems_add(merge->problems, &second, pointer,
                 "already defined at %s:%zu; keep one of the two",
                 first.label ? first.label : "?", first.line);
}

static void
merge_member(struct incoming *incoming, json_t *into, json_t *value,
             const char *name, const char *pointer,
             const struct factor_setting *const *table)
{
    const char *inner = pointer_member(incoming->merge->arena, pointer, name);
    const struct factor_setting *const *inner_table;
    json_t *present = json_object_get(into, name);

    if (!present)
        json_object_set(into, name, value);
    else if (json_is_object(present) && json_is_object(value) &&
             merges(settings_find(table, name), pointer, &inner_table))
        merge_object(incoming, present, value, inner, inner_table);
    else
        add_conflict(incoming, inner);
}

static void
merge_object(struct incoming *incoming, json_t *into, json_t *from,
             const char *pointer, const struct factor_setting *const *table)
{
    const char *name;
    json_t *value;

    json_object_foreach(from, name, value)
        merge_member(incoming, into, value, name, pointer, table);
}

static void
note_line(void *context, const char *pointer, size_t line)
{
    struct incoming *incoming = context;

    json_object_set_new(incoming->lines, pointer,
                        json_integer((json_int_t)line));
}

/* What the tree already had came from an earlier file. */
static bool
put_lines(struct incoming *incoming)
{
    struct origins *origins = incoming->merge->origins;
    const char *pointer;
    json_t *line;
    bool put = true;

    json_object_foreach(incoming->lines, pointer, line)
        if (!origins_has(origins, pointer))
            put &= origins_put(origins, pointer, incoming->source,
                               (size_t)json_integer_value(line));
    return put;
}

static bool
merge_text(struct merge *merge, const char *file, const char *text, size_t len)
{
    struct incoming incoming = {
        .merge = merge,
        .file = {.label = file},
        .lines = json_object(),
    };
    const char *folder = merge_folder(merge, file);
    json_t *tree = parse(merge, file, text, len);

    if (tree) {
        incoming.source =
            folder ? origins_source(merge->origins, file, folder, NULL) : -1;
        if (incoming.source < 0 ||
            !position_scan(text, len, note_line, &incoming))
            problems_no_memory(merge->problems);
        merge_object(&incoming, merge->tree, tree, "", host_settings);
        if (incoming.source >= 0 && !put_lines(&incoming))
            problems_no_memory(merge->problems);
    }
    json_decref(incoming.lines);
    json_decref(tree);
    return tree != NULL;
}

bool
merge_file(struct merge *merge, const char *file)
{
    bool merged;
    size_t len;
    char *text = read_text(merge, file, &len);

    if (!text)
        return false;
    merged = merge_text(merge, file, text, len);
    wipe(text, len);
    return merged;
}

static int
is_json_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > strlen(".json") &&
           strcmp(entry->d_name + len - strlen(".json"), ".json") == 0;
}

/* Not alphasort: the order must not depend on the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void
merge_directory(struct merge *merge, const char *main_file)
{
    const char *slash = strrchr(main_file, '/');
    int len = slash ? (int)(slash - main_file + 1) : 0;
    const char *folder =
        arena_format(merge->arena, "%.*sconf.d", len, main_file);
    struct origin where = {.label = folder};
    struct dirent **entries = NULL;
    const char *file;
    int count, i;

    count = folder ? scandir(folder, &entries, is_json_file, by_name) : 0;
    if (!folder)
        problems_no_memory(merge->problems);
    else if (count < 0 && errno != ENOENT)
        problems_add(merge->problems, &where, NULL,
                     "cannot be read: %s; correct its rights",
                     strerror(errno));
    for (i = 0; i < count; i++) {
        file = arena_format(merge->arena, "%s/%s", folder, entries[i]->d_name);
        if (file)
            merge_file(merge, file);
        else
            problems_no_memory(merge->problems);
        free(entries[i]);
    }
    free(entries);
}

/* --- --set --- */

/* A --set on its way into the tree. */
struct setting_path {
    struct merge *merge;
    struct origin where;
    int source;
    char *rest;  /* of the path, cut into names as we go */
    json_t *at;  /* the object or array that the next name is in */
    const char *pointer;
};

/* The next name, cut off at a "." ("\." is a dot within a name); NULL: none
 * is left. */
static char *
next_name(struct setting_path *path)
{
    char *name = path->rest, *from, *to;

    if (!name)
        return NULL;
    for (from = to = name; *from && *from != '.'; from++) {
        if (from[0] == '\\' && from[1] == '.')
            from++;
        *to++ = *from;
    }
    path->rest = *from ? from + 1 : NULL;
    *to = '\0';
    return name;
}

static json_t *
get(json_t *container, const char *name)
{
    char *end;
    unsigned long index;

    if (json_is_object(container))
        return json_object_get(container, name);
    index = strtoul(name, &end, 10);
    return *name && !*end ? json_array_get(container, index) : NULL;
}

/* Stolen: value.  A list may grow by one. */
static bool
put(json_t *container, const char *name, json_t *value)
{
    char *end;
    unsigned long index = strtoul(name, &end, 10);

    if (json_is_object(container))
        return json_object_set_new(container, name, value) == 0;
    if (json_is_array(container) && *name && !*end &&
        index == json_array_size(container))
        return json_array_append_new(container, value) == 0;
    if (json_is_array(container) && *name && !*end)
        return json_array_set_new(container, index, value) == 0;
    json_decref(value);
    return false;
}

static bool
refuse_set(struct setting_path *path, const char *pointer)
{
    problems_add(path->merge->problems, &path->where, pointer,
                 "there is no place for it; %s is %s", path->pointer,
                 json_is_array(path->at) ? "a list: write its next number"
                                         : "not an object");
    return false;
}

/* One step down, over a new object where there is nothing yet. */
static bool
descend(struct setting_path *path, const char *name)
{
    struct merge *merge = path->merge;
    const char *pointer = pointer_member(merge->arena, path->pointer, name);
    json_t *inner = get(path->at, name);

    if (!inner) {
        if (!put(path->at, name, json_object()))
            return refuse_set(path, pointer);
        origins_put(merge->origins, pointer, path->source, 0);
        inner = get(path->at, name);
    }
    path->at = inner;
    path->pointer = pointer;
    return true;
}

static void
finish(struct setting_path *path, const char *name, const char *text)
{
    struct merge *merge = path->merge;
    const char *pointer = pointer_member(merge->arena, path->pointer, name);
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
                               NULL);

    strip_comments(value);
    if (!value)
        value = json_string(text);
    if (!value)
        problems_add(merge->problems, &path->where, pointer,
                     "the value is not UTF-8; write it so");
    else if (!put(path->at, name, value))
        refuse_set(path, pointer);
    else {
        origins_drop(merge->origins, pointer);
        if (!origins_put(merge->origins, pointer, path->source, 0))
            problems_no_memory(merge->problems);
    }
}

static void
walk(struct setting_path *path, const char *text)
{
    char *name = next_name(path);

    for (; *name && path->rest; name = next_name(path))
        if (!descend(path, name))
            return;
    if (*name)
        finish(path, name, text);
    else
        problems_add(path->merge->problems, &path->where, NULL,
                     "a name is empty; write a.b.c=value");
}

/* The label leaves out the value, which may be meant to be secret. */
void
merge_set(struct merge *merge, const char *set)
{
    const char *equals = strchr(set, '=');
    size_t len = equals ? (size_t)(equals - set) : strlen(set);
    struct setting_path path = {
        .merge = merge,
        .where.label = arena_format(merge->arena, "--set %.*s", (int)len, set),
        .rest = arena_copy_len(merge->arena, set, len),
        .at = merge->tree,
        .pointer = "",
    };

    if (!path.where.label || !path.rest) {
        problems_no_memory(merge->problems);
        return;
    }
    if (!equals) {
        problems_add(merge->problems, &path.where, NULL,
                     "it has no \"=\"; write --set a.b.c=value");
        return;
    }
    path.source = origins_source(merge->origins, path.where.label,
                                 merge->working_directory, equals + 1);
    if (path.source < 0)
        problems_no_memory(merge->problems);
    else
        walk(&path, equals + 1);
}
