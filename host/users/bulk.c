/* SPDX-License-Identifier: MIT */
/* host/users/bulk.c - many users at once. */
#include "host/users/bulk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/step/txn.h"
#include "host/user.h"
#include "host/users/import.h"

/* Each waits for its line's commit, most of the time. */
enum { WORKERS = 128 };

struct line {
    json_t *json;  /* NULL: it is none */
    size_t number; /* in the text, from 1 */
    size_t worker; /* who takes it: the same for one username */
    char *error;   /* NULL: it was imported */
};

struct bulk {
    const struct host *host;
    struct line *lines;
    size_t count;
    pthread_mutex_t slow; /* one hash at a time: sign-ons need the others */
};

/* --- The lines. --- */

/* Names that fold to the same go to the same worker. */
static size_t
worker_of(const json_t *json)
{
    const char *username = json_text(json, FACTOR_USER_USERNAME);
    struct factor_arena *arena = username ? arena_new() : NULL;
    const char *folded = arena ? user_fold(arena, username) : NULL;
    size_t hash = 5381;

    for (; folded && *folded; folded++)
        hash = hash * 33 + (unsigned char)*folded;
    arena_free(arena);
    return hash % WORKERS;
}

static void
read_line(struct bulk *bulk, const char *text, size_t len, size_t number)
{
    struct line *line = &bulk->lines[bulk->count++];

    line->number = number;
    line->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    line->worker = worker_of(line->json);
}

static size_t
count_lines(const char *text, size_t len)
{
    size_t count = 1;

    for (; len > 0; text++, len--)
        count += *text == '\n';
    return count;
}

static bool
read_lines(struct bulk *bulk, const char *text, size_t len)
{
    const char *end;
    size_t number = 0, line;

    bulk->lines = calloc(count_lines(text, len), sizeof(bulk->lines[0]));
    for (; bulk->lines && len > 0; text += line, len -= line) {
        end = memchr(text, '\n', len);
        line = end ? (size_t)(end - text) + 1 : len;
        number++;
        if (line > 1)
            read_line(bulk, text, line, number);
    }
    return bulk->lines != NULL;
}

/* --- One line. --- */

struct import {
    const struct host *host;
    const json_t *line;
};

static factor_status
import(struct txn *txn, void *context, struct factor_error *err)
{
    const struct import *import = context;

    return users_import(import->host, txn, import->line, err);
}

static void
import_line(struct bulk *bulk, struct line *line)
{
    struct import context = {bulk->host, line->json};
    struct factor_error err = {0};
    bool slow = users_import_is_slow(bulk->host, line->json);
    factor_status st;

    if (slow)
        pthread_mutex_lock(&bulk->slow);
    st = json_is_object(line->json)
             ? txn_run(bulk->host->database, import, &context, &err)
             : error_set(&err, FACTOR_E_INPUT, "this is no JSON object");
    if (slow)
        pthread_mutex_unlock(&bulk->slow);
    if (st != FACTOR_OK)
        line->error = strdup(err.text);
}

/* --- The workers. --- */

struct worker {
    struct bulk *bulk;
    size_t number;
    pthread_t thread;
    bool started;
};

static void *
work(void *context)
{
    const struct worker *worker = context;
    struct bulk *bulk = worker->bulk;
    size_t i;

    for (i = 0; i < bulk->count; i++)
        if (bulk->lines[i].worker == worker->number)
            import_line(bulk, &bulk->lines[i]);
    return NULL;
}

/* Without a thread of its own, here. */
static void
work_all(struct bulk *bulk)
{
    struct worker workers[WORKERS];
    size_t i;

    for (i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.bulk = bulk, .number = i};
        workers[i].started = pthread_create(&workers[i].thread, NULL, work,
                                            &workers[i]) == 0;
        if (!workers[i].started)
            work(&workers[i]);
    }
    for (i = 0; i < WORKERS; i++)
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
}

/* --- All of it. --- */

static json_t *
told(const struct bulk *bulk)
{
    json_t *failed = json_array();
    json_int_t imported = 0;
    size_t i;

    for (i = 0; i < bulk->count; i++)
        if (bulk->lines[i].error)
            json_array_append_new(
                failed,
                json_pack("{s:I, s:s}", "line",
                          (json_int_t)bulk->lines[i].number, "error",
                          bulk->lines[i].error));
        else
            imported++;
    return json_pack("{s:I, s:o}", "imported", imported, "failed", failed);
}

static void
drop(struct bulk *bulk)
{
    size_t i;

    for (i = 0; i < bulk->count; i++) {
        json_decref(bulk->lines[i].json);
        free(bulk->lines[i].error);
    }
    free(bulk->lines);
    pthread_mutex_destroy(&bulk->slow);
}

json_t *
users_import_lines(const struct host *host, const char *text, size_t len)
{
    struct bulk bulk = {.host = host};
    json_t *answer = NULL;

    pthread_mutex_init(&bulk.slow, NULL);
    if (read_lines(&bulk, text, len)) {
        work_all(&bulk);
        answer = told(&bulk);
    }
    drop(&bulk);
    return answer;
}
