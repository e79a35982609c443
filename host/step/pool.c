/* SPDX-License-Identifier: MIT */
/* host/step/pool.c - a bounded pool of threads, fair by source. */
#include "host/step/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_SIZE = 64 };

struct task {
    struct task *next;
    void (*run)(void *);
    void *context;
};

/* The tasks of one source that wait; sources take turns in a ring. */
struct source {
    struct source *next;
    struct task *first, **last;
    size_t waiting;
    char name[SOURCE_SIZE];
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    size_t waiting, queue_max;
    struct source *first, **last; /* whose turn is next */
    bool stopping;
    unsigned workers;
    pthread_t threads[];
};

/* The task of the source whose turn it is; the source goes to the end. */
static struct task *
take(struct pool *pool)
{
    struct source *source = pool->first;
    struct task *task;

    if (!source)
        return NULL;
    task = source->first;
    source->first = task->next;
    source->waiting--; /* emptied, it is freed below: `last` needs no care */
    pool->waiting--;
    pool->first = source->next;
    if (!pool->first)
        pool->last = &pool->first;
    source->next = NULL;
    if (source->first) {
        *pool->last = source;
        pool->last = &source->next;
    } else {
        free(source);
    }
    return task;
}

static void *
worker_run(void *context)
{
    struct pool *pool = context;
    struct task *task;

    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (!pool->first && !pool->stopping)
            pthread_cond_wait(&pool->work, &pool->lock);
        task = take(pool);
        pthread_mutex_unlock(&pool->lock);
        if (!task)
            return NULL;
        task->run(task->context);
        free(task);
    }
}

struct pool *
pool_new(unsigned workers, size_t queue_max)
{
    struct pool *pool =
        calloc(1, sizeof(*pool) + workers * sizeof(pool->threads[0]));

    if (!pool)
        return NULL;
    pool->queue_max = queue_max;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    for (; pool->workers < workers; pool->workers++)
        if (pthread_create(&pool->threads[pool->workers], NULL, worker_run,
                           pool) != 0)
            break;
    if (pool->workers == 0) {
        pool_free(pool);
        return NULL;
    }
    return pool;
}

void
pool_free(struct pool *pool)
{
    unsigned i;

    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->workers; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static struct source *
find_source(struct pool *pool, const char *name)
{
    struct source *source = pool->first;

    while (source && strncmp(source->name, name, SOURCE_SIZE - 1) != 0)
        source = source->next;
    if (source)
        return source;
    source = calloc(1, sizeof(*source));
    if (!source)
        return NULL;
    snprintf(source->name, sizeof(source->name), "%s", name);
    source->last = &source->first;
    *pool->last = source;
    pool->last = &source->next;
    return source;
}

static bool
add(struct pool *pool, const char *name, struct task *task)
{
    const size_t share = (pool->queue_max + 3) / 4;
    struct source *source;

    if (pool->waiting >= pool->queue_max)
        return false;
    source = find_source(pool, name);
    if (!source || source->waiting >= share)
        return false;
    *source->last = task;
    source->last = &task->next;
    source->waiting++;
    pool->waiting++;
    pthread_cond_signal(&pool->work);
    return true;
}

bool
pool_run(struct pool *pool, const char *source, void (*run)(void *),
         void *context)
{
    struct task *task = calloc(1, sizeof(*task));
    bool added;

    if (!task)
        return false;
    task->run = run;
    task->context = context;
    pthread_mutex_lock(&pool->lock);
    added = add(pool, source ? source : "", task);
    pthread_mutex_unlock(&pool->lock);
    if (!added)
        free(task);
    return added;
}
