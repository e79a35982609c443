/* SPDX-License-Identifier: MIT */
/* host/arena.c - memory of one unit of work, wiped and dropped together. */
#include "host/arena.h"

#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 4096 - 64, POOL_MAX = 64 };

struct chunk {
    struct chunk *next;
    size_t size, used;
    max_align_t memory[];
};

struct kept_json {
    struct kept_json *next;
    json_t *json;
};

struct factor_arena {
    struct chunk *chunks; /* the one being filled first */
    struct kept_json *kept;
};

/* Chunks of the usual size that this thread keeps, all zero: a step takes and
 * gives back several, and what malloc() does for one of 4 KiB (it tidies up
 * whatever is small and free) costs more than the step's own use of it. */
struct pool {
    struct chunk *first;
    unsigned count;
};

static _Thread_local struct pool pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void
pool_empty(void *memory)
{
    struct pool *left = memory;
    struct chunk *chunk;

    while ((chunk = left->first)) {
        left->first = chunk->next;
        free(chunk);
    }
    left->count = 0;
}

static void
pool_prepare(void)
{
    pthread_key_create(&pool_key, pool_empty);
}

static struct chunk *
pool_take(void)
{
    struct chunk *chunk = pool.first;

    if (!chunk)
        return calloc(1, sizeof(*chunk) + ARENA_CHUNK);
    pool.first = chunk->next;
    pool.count--;
    return chunk;
}

/* Its memory is all zero again. */
static void
pool_give(struct chunk *chunk)
{
    if (chunk->size != ARENA_CHUNK || pool.count >= POOL_MAX) {
        free(chunk);
        return;
    }
    if (pool.count == 0) {
        pthread_once(&pool_once, pool_prepare);
        pthread_setspecific(pool_key, &pool);
    }
    chunk->next = pool.first;
    chunk->used = 0;
    pool.first = chunk;
    pool.count++;
}

struct factor_arena *
arena_new(void)
{
    return calloc(1, sizeof(struct factor_arena));
}

static struct chunk *
chunk_add(struct factor_arena *arena, size_t len)
{
    size_t size = len > ARENA_CHUNK ? len : ARENA_CHUNK;
    struct chunk *chunk = size == ARENA_CHUNK
                              ? pool_take()
                              : calloc(1, sizeof(*chunk) + size);

    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *
arena_alloc(struct factor_arena *arena, size_t len)
{
    const size_t align = sizeof(max_align_t);
    struct chunk *chunk = arena->chunks;
    void *memory;

    if (len > SIZE_MAX / 2)
        return NULL;
    len = (len + align - 1) / align * align;
    if (!chunk || chunk->size - chunk->used < len)
        chunk = chunk_add(arena, len);
    if (!chunk)
        return NULL;
    memory = (char *)chunk->memory + chunk->used;
    chunk->used += len;
    return memory;
}

char *
arena_copy_len(struct factor_arena *arena, const char *text, size_t len)
{
    char *copy = text ? arena_alloc(arena, len + 1) : NULL;

    if (copy)
        memcpy(copy, text, len);
    return copy;
}

char *
arena_copy(struct factor_arena *arena, const char *text)
{
    return text ? arena_copy_len(arena, text, strlen(text)) : NULL;
}

char *
arena_format(struct factor_arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

json_t *
arena_keep_json(struct factor_arena *arena, json_t *json)
{
    struct kept_json *kept;

    if (!json)
        return NULL;
    kept = arena_alloc(arena, sizeof(*kept));
    if (!kept) {
        json_decref(json);
        return NULL;
    }
    kept->json = json;
    kept->next = arena->kept;
    arena->kept = kept;
    return json;
}

void
arena_free(struct factor_arena *arena)
{
    struct kept_json *kept;
    struct chunk *chunk, *next;

    if (!arena)
        return;
    for (kept = arena->kept; kept; kept = kept->next)
        json_decref(kept->json);
    for (chunk = arena->chunks; chunk; chunk = next) {
        next = chunk->next;
        explicit_bzero(chunk->memory, chunk->used);
        pool_give(chunk);
    }
    free(arena);
}
