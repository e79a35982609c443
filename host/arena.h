/* SPDX-License-Identifier: MIT */
/* host/arena.h - memory of one unit of work, wiped and dropped together. */
#ifndef HOST_ARENA_H
#define HOST_ARENA_H

#include <stddef.h>

#include "factor/base.h"

/* The same type that plugins see as opaque.  One thread at a time. */
struct factor_arena;

/* A new arena, or NULL. */
struct factor_arena *arena_new(void);

/* Zeroed memory aligned for any type, or NULL.  Lives until arena_free. */
void *arena_alloc(struct factor_arena *arena, size_t len);

/* A copy of text (of len bytes of it), or NULL without memory or text. */
char *arena_copy(struct factor_arena *arena, const char *text);
char *arena_copy_len(struct factor_arena *arena, const char *text, size_t len);

/* Formatted text, or NULL without memory. */
char *arena_format(struct factor_arena *arena, const char *format, ...)
    FACTOR_PRINTF(2, 3);

/* Drop a jansson reference when the arena is freed; returns json itself, or
 * NULL (the reference dropped) without memory. */
struct json_t *arena_keep_json(struct factor_arena *arena,
                               struct json_t *json);

/* Wipe and free everything; NULL is allowed. */
void arena_free(struct factor_arena *arena);

#endif
