/* SPDX-License-Identifier: MIT */
/* host/rest/filter.c - the filters that REST resources take. */
#include "host/rest/filter.h"

#include <jansson.h>
#include <string.h>

#include "host/json.h"

/* "attribute", case as written, then blanks. */
static const char *
skip_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    if (strncasecmp(text, word, len) != 0 || text[len] != ' ')
        return NULL;
    text += len;
    return text + strspn(text, " ");
}

/* The value is a JSON string (RFC 7644, figure 1: compValue). */
char *
filter_equals(struct factor_arena *arena, const char *filter,
              const char *attribute)
{
    const char *value = filter ? skip_word(filter, attribute) : NULL;
    json_t *string;
    char *copy = NULL;

    value = value ? skip_word(value, "eq") : NULL;
    if (!value)
        return NULL;
    string = json_loads(value, JSON_DECODE_ANY, NULL);
    if (json_is_string(string))
        copy = arena_copy(arena, json_string_value(string));
    json_decref(string);
    return copy;
}
