/* SPDX-License-Identifier: MIT */
/* host/json.c - small helpers around jansson. */
#include "host/json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void
wiping_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void
json_setup(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
    json_object_seed(0);
}

const char *
json_text(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

int64_t
json_number(const json_t *object, const char *member, int64_t otherwise)
{
    const json_t *value = json_object_get(object, member);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool
json_flag(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

bool
json_set_text(json_t *object, const char *member, const char *text)
{
    if (!text) {
        json_object_del(object, member);
        return true;
    }
    return json_object_set_new(object, member, json_string(text)) == 0;
}

bool
json_lists(const json_t *array, const char *text)
{
    const char *value;
    size_t i;

    for (i = 0; i < json_array_size(array); i++) {
        value = json_string_value(json_array_get(array, i));
        if (value && strcmp(value, text) == 0)
            return true;
    }
    return false;
}

bool
json_words_hold(const char *words, const char *word)
{
    size_t len = strlen(word), next;

    for (; words && *words; words += next + (words[next] == ' ')) {
        next = strcspn(words, " ");
        if (next == len && memcmp(words, word, len) == 0)
            return true;
    }
    return false;
}
