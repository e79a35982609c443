/* SPDX-License-Identifier: MIT */
/* host/json.h - small helpers around jansson. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* jansson iterates objects, takes references and copies only through
 * pointers that are not const, though it changes nothing but the count: the
 * one place where const is dropped. */
static inline json_t *
json_unconst(const json_t *json)
{
    return (json_t *)(uintptr_t)json;
}

/* A new reference to a borrowed, shared value. */
static inline json_t *
json_share(const json_t *json)
{
    return json_incref(json_unconst(json));
}

/* Make every block that jansson frees be wiped first (K4), and seed its
 * hashing.  Once, before any other use. */
void json_setup(void);

/* The value as compact text, with a NUL that is not counted; ret_len may be
 * NULL.  free() it.  NULL: no value, or no memory.  host/json_text.c. */
char *json_compact(const json_t *json, size_t *ret_len);

/* String member of an object, or NULL. */
const char *json_text(const json_t *object, const char *member);
/* Integer member of an object, or `otherwise`. */
int64_t json_number(const json_t *object, const char *member,
                    int64_t otherwise);
/* Whether a member is JSON true. */
bool json_flag(const json_t *object, const char *member);
/* Set a string member, or remove it where text is NULL.  False: no memory. */
bool json_set_text(json_t *object, const char *member, const char *text);
/* Whether an array of strings holds this one. */
bool json_lists(const json_t *array, const char *text);
/* One word of a list separated by spaces, as OAuth scopes are. */
bool json_words_hold(const char *words, const char *word);

#endif
