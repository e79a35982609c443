/* SPDX-License-Identifier: MIT */
/* host/step/lanes.c - steps of one flow, or of one user, one after another. */
#include "host/step/lanes.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, LOCKS = 16 };

struct waiting {
    struct waiting *next;
    struct job *job;
    struct lane **ret_lane;
    void (*ready)(struct job *job);
};

struct lane {
    struct lane *next; /* in its bucket */
    size_t bucket, inside, queued;
    struct waiting *first, **last;
    char key[];
};

struct lanes {
    size_t width, queue_max;
    pthread_mutex_t locks[LOCKS]; /* bucket % LOCKS */
    struct lane *buckets[BUCKETS];
};

struct lanes *
lanes_new(size_t width, size_t queue_max)
{
    struct lanes *lanes = calloc(1, sizeof(*lanes));
    size_t i;

    if (!lanes)
        return NULL;
    lanes->width = width;
    lanes->queue_max = queue_max;
    for (i = 0; i < LOCKS; i++)
        pthread_mutex_init(&lanes->locks[i], NULL);
    return lanes;
}

void
lanes_free(struct lanes *lanes)
{
    size_t i;

    if (!lanes)
        return;
    for (i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&lanes->locks[i]);
    free(lanes);
}

static size_t
bucket_of(const char *key)
{
    uint32_t hash = 2166136261u;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return (hash ^ hash >> 15) % BUCKETS;
}

static struct lane *
find(struct lanes *lanes, size_t bucket, const char *key)
{
    struct lane *lane = lanes->buckets[bucket];

    while (lane && strcmp(lane->key, key) != 0)
        lane = lane->next;
    return lane;
}

static struct lane *
open_lane(struct lanes *lanes, size_t bucket, const char *key)
{
    size_t len = strlen(key);
    struct lane *lane = calloc(1, sizeof(*lane) + len + 1);

    if (!lane)
        return NULL;
    memcpy(lane->key, key, len);
    lane->bucket = bucket;
    lane->last = &lane->first;
    lane->next = lanes->buckets[bucket];
    lanes->buckets[bucket] = lane;
    return lane;
}

static enum lane_entry
queue(struct lanes *lanes, struct lane *lane, struct job *job,
      struct lane **ret_lane, void (*ready)(struct job *))
{
    struct waiting *waiting;

    if (!ready)
        return LANE_TAKEN;
    waiting = lane->queued < lanes->queue_max ? malloc(sizeof(*waiting)) : NULL;
    if (!waiting)
        return LANE_FULL;
    waiting->next = NULL;
    waiting->job = job;
    waiting->ret_lane = ret_lane;
    waiting->ready = ready;
    *lane->last = waiting;
    lane->last = &waiting->next;
    lane->queued++;
    return LANE_TAKEN;
}

enum lane_entry
lanes_wait(struct lanes *lanes, const char *key, struct job *job,
           struct lane **ret_lane, void (*ready)(struct job *))
{
    size_t bucket = bucket_of(key);
    pthread_mutex_t *lock = &lanes->locks[bucket % LOCKS];
    enum lane_entry entry = LANE_ENTERED;
    struct lane *lane;

    pthread_mutex_lock(lock);
    lane = find(lanes, bucket, key);
    if (!lane)
        lane = open_lane(lanes, bucket, key);
    if (!lane) {
        entry = LANE_FULL;
    } else if (lane->inside == lanes->width) {
        entry = queue(lanes, lane, job, ret_lane, ready);
    } else {
        lane->inside++;
        *ret_lane = lane;
    }
    pthread_mutex_unlock(lock);
    return entry;
}

enum lane_entry
lanes_try(struct lanes *lanes, const char *key, struct lane **ret_lane)
{
    return lanes_wait(lanes, key, NULL, ret_lane, NULL);
}

static struct waiting *
take_first(struct lane *lane)
{
    struct waiting *waiting = lane->first;

    if (!waiting)
        return NULL;
    lane->first = waiting->next;
    if (!lane->first)
        lane->last = &lane->first;
    lane->queued--;
    return waiting;
}

static void
close_lane(struct lanes *lanes, struct lane *lane)
{
    struct lane **link = &lanes->buckets[lane->bucket];

    while (*link != lane)
        link = &(*link)->next;
    *link = lane->next;
    free(lane);
}

void
lanes_leave(struct lanes *lanes, struct lane *lane)
{
    pthread_mutex_t *lock;
    struct waiting *waiting;

    if (!lane)
        return;
    lock = &lanes->locks[lane->bucket % LOCKS];
    pthread_mutex_lock(lock);
    waiting = take_first(lane);
    if (waiting)
        *waiting->ret_lane = lane;
    else if (--lane->inside == 0)
        close_lane(lanes, lane);
    pthread_mutex_unlock(lock);
    if (waiting) {
        waiting->ready(waiting->job);
        free(waiting);
    }
}
