/* SPDX-License-Identifier: MIT */
/* host/config/origin.c - where each value of a merged tree was written.
 *
 * A map from JSON pointer to source and line, beside the tree: jansson's
 * values have no room for it. */
#include "host/config/origin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BITS = 32 };

struct origins {
    struct factor_arena *arena;
    struct origin *sources; /* line unused */
    size_t source_count;
    json_t *places; /* pointer -> source << LINE_BITS | line */
};

struct origins *
origins_new(struct factor_arena *arena)
{
    struct origins *origins = calloc(1, sizeof(*origins));

    if (!origins)
        return NULL;
    origins->arena = arena;
    origins->places = json_object();
    if (origins->places)
        return origins;
    free(origins);
    return NULL;
}

void
origins_free(struct origins *origins)
{
    if (!origins)
        return;
    json_decref(origins->places);
    free(origins->sources);
    free(origins);
}

int
origins_source(struct origins *origins, const char *label,
               const char *directory, const char *text)
{
    struct origin source = {
        .label = arena_copy(origins->arena, label),
        .directory = arena_copy(origins->arena, directory),
        .text = arena_copy(origins->arena, text),
    };
    struct origin *sources =
        reallocarray(origins->sources, origins->source_count + 1,
                     sizeof(*sources));

    if (!sources)
        return -1;
    origins->sources = sources;
    if (!source.label || !source.directory || (text && !source.text))
        return -1;
    sources[origins->source_count] = source;
    return (int)origins->source_count++;
}

bool
origins_put(struct origins *origins, const char *pointer, int source,
            size_t line)
{
    json_int_t place = (json_int_t)source << LINE_BITS | (json_int_t)line;

    return json_object_set_new(origins->places, pointer,
                               json_integer(place)) == 0;
}

static bool
is_at_or_below(const char *pointer, const char *top)
{
    size_t len = strlen(top);

    return strncmp(pointer, top, len) == 0 &&
           (pointer[len] == '\0' || pointer[len] == '/');
}

void
origins_drop(struct origins *origins, const char *pointer)
{
    const char *place;
    json_t *value;
    void *next;

    json_object_foreach_safe(origins->places, next, place, value)
        if (is_at_or_below(place, pointer))
            json_object_del(origins->places, place);
}

bool
origins_has(const struct origins *origins, const char *pointer)
{
    return json_object_get(origins->places, pointer) != NULL;
}

/* The pointer of what is around it: cut at the last "/".  False at the top. */
static bool
cut(char *pointer)
{
    char *last = strrchr(pointer, '/');

    if (!last)
        return false;
    *last = '\0';
    return true;
}

struct origin
origins_find(const struct origins *origins, const char *pointer)
{
    struct origin found = {0};
    json_t *place = json_object_get(origins->places, pointer);
    char *around = place ? NULL : strdup(pointer);
    json_int_t number;

    while (!place && around && cut(around))
        place = json_object_get(origins->places, around);
    free(around);
    if (!place)
        return found;
    number = json_integer_value(place);
    found = origins->sources[number >> LINE_BITS];
    found.line = (size_t)(number & (((json_int_t)1 << LINE_BITS) - 1));
    return found;
}

/* RFC 6901: "~" is "~0" and "/" is "~1". */
static char *
escape(struct factor_arena *arena, const char *name)
{
    char *text = arena_alloc(arena, 2 * strlen(name) + 1);
    char *next = text;

    for (; text && *name; name++) {
        if (*name != '~' && *name != '/') {
            *next++ = *name;
            continue;
        }
        *next++ = '~';
        *next++ = *name == '~' ? '0' : '1';
    }
    return text;
}

const char *
pointer_member(struct factor_arena *arena, const char *parent,
               const char *name)
{
    char *token = escape(arena, name);
    char *pointer = token ? arena_format(arena, "%s/%s", parent, token) : NULL;

    return pointer ? pointer : parent;
}

const char *
pointer_element(struct factor_arena *arena, const char *parent, size_t index)
{
    char *pointer = arena_format(arena, "%s/%zu", parent, index);

    return pointer ? pointer : parent;
}
