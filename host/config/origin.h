/* SPDX-License-Identifier: MIT */
/* host/config/origin.h - where each value of a merged tree was written. */
#ifndef HOST_CONFIG_ORIGIN_H
#define HOST_CONFIG_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "host/arena.h"
#include "host/config/problems.h"

struct origins;

/* NULL without memory.  Sources live in the arena, which must outlive it. */
struct origins *origins_new(struct factor_arena *arena);
void origins_free(struct origins *origins); /* NULL is allowed */

/* A file or a --set, to be named by the number returned; texts are copied.
 * text: what a --set gives, or NULL.  -1 without memory. */
int origins_source(struct origins *origins, const char *label,
                   const char *directory, const char *text);

/* The value at this pointer came from that source; line 0: it has none.
 * False without memory. */
bool origins_put(struct origins *origins, const char *pointer, int source,
                 size_t line);

/* Everything known at and below pointer is no longer true. */
void origins_drop(struct origins *origins, const char *pointer);

/* Where the value at pointer, or else the nearest object or array around
 * it, was written. */
struct origin origins_find(const struct origins *origins, const char *pointer);

/* Is this very value written somewhere? */
bool origins_has(const struct origins *origins, const char *pointer);

/* The pointer of a member or an element, in the arena; parent itself
 * without memory. */
const char *pointer_member(struct factor_arena *arena, const char *parent,
                           const char *name);
const char *pointer_element(struct factor_arena *arena, const char *parent,
                            size_t index);

#endif
