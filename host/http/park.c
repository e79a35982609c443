/* SPDX-License-Identifier: MIT */
/* host/http/park.c - requests that wait for an instant or for a change.
 *
 * One lock.  A parked request stands in a heap ordered by time and, with each
 * of its keys, in the chain of a bucket.  Keys are known by a 64-bit hash: two
 * that shared one would wake each other for nothing, which is harmless.  A
 * bucket remembers when one of its keys was woken last; that of another key
 * makes a reader look again for nothing, which is harmless too.
 */
#include "host/http/park.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/http/internal.h"

enum {
    BUCKETS = 4096, /* a power of two */
    REAP_MS = 1000,
    REAP_SLICE = 256 /* clients asked in one go, the lock held */
};

struct link {
    struct link *next, **to_this;
    struct parked *owner;
    uint64_t hash;
};

struct parked {
    struct http_request *request;
    http_handler *next;
    int64_t until_ms;
    struct parked *resumed_next; /* once it was taken out */
    unsigned place;              /* in the heap */
    unsigned link_count;         /* 0: of park_at */
    struct link links[];         /* the first is the flow's */
};

struct bucket {
    struct link *first; /* newest first */
    uint64_t woken;
};

struct park {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the heap's first, or ending */
    pthread_t thread;
    bool ending; /* the thread shall end */
    bool closed; /* nothing is parked any more */
    unsigned max, waiting;
    struct parked **heap;
    unsigned count, size;
    uint64_t seed;
    atomic_uint_fast64_t stamp;
    struct bucket buckets[BUCKETS];
};

/* --- the heap ---------------------------------------------------------- */

static void
heap_put(struct park *park, unsigned place, struct parked *parked)
{
    park->heap[place] = parked;
    parked->place = place;
}

static void
heap_rise(struct park *park, unsigned place, struct parked *parked)
{
    unsigned parent;

    for (; place > 0; place = parent) {
        parent = (place - 1) / 2;
        if (park->heap[parent]->until_ms <= parked->until_ms)
            break;
        heap_put(park, place, park->heap[parent]);
    }
    heap_put(park, place, parked);
}

static void
heap_sink(struct park *park, unsigned place, struct parked *parked)
{
    unsigned child;

    for (; (child = 2 * place + 1) < park->count; place = child) {
        if (child + 1 < park->count &&
            park->heap[child + 1]->until_ms < park->heap[child]->until_ms)
            child++;
        if (park->heap[child]->until_ms >= parked->until_ms)
            break;
        heap_put(park, place, park->heap[child]);
    }
    heap_put(park, place, parked);
}

static bool
heap_reserve(struct park *park)
{
    const unsigned size = park->size ? 2 * park->size : 64;
    struct parked **larger;

    if (park->count < park->size)
        return true;
    larger = reallocarray(park->heap, size, sizeof(struct parked *));
    if (!larger)
        return false;
    park->heap = larger;
    park->size = size;
    return true;
}

static void
heap_remove(struct park *park, const struct parked *parked)
{
    struct parked *last = park->heap[--park->count];

    if (last == parked)
        return;
    if (last->until_ms < parked->until_ms)
        heap_rise(park, parked->place, last);
    else
        heap_sink(park, parked->place, last);
}

/* --- keys -------------------------------------------------------------- */

/* FNV-1a from a basis that nobody knows, and a finish that spreads it. */
static uint64_t
hash_of(const struct park *park, const char *key)
{
    uint64_t hash = park->seed;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 33;
}

static struct bucket *
bucket_of(struct park *park, uint64_t hash)
{
    return &park->buckets[hash & (BUCKETS - 1)];
}

static void
link_in(struct park *park, struct link *link)
{
    struct bucket *bucket = bucket_of(park, link->hash);

    link->next = bucket->first;
    link->to_this = &bucket->first;
    if (link->next)
        link->next->to_this = &link->next;
    bucket->first = link;
}

static void
link_out(struct link *link)
{
    *link->to_this = link->next;
    if (link->next)
        link->next->to_this = link->to_this;
}

/* --- in and out -------------------------------------------------------- */

static struct parked *
parked_new(struct http_request *request, int64_t until_ms, unsigned keys,
           http_handler *next)
{
    struct parked *parked =
        malloc(sizeof(*parked) + keys * sizeof(struct link));

    if (!parked)
        return NULL;
    parked->request = request;
    parked->next = next;
    parked->until_ms = until_ms;
    parked->link_count = keys;
    return parked;
}

/* Under the lock.  From its end on the request is somebody else's. */
static void
put_in(struct park *park, struct parked *parked)
{
    unsigned i;

    if (parked->request->phase != PHASE_SUSPENDED)
        http_suspend(parked->request);
    for (i = 0; i < parked->link_count; i++)
        link_in(park, &parked->links[i]);
    park->waiting += parked->link_count > 0;
    heap_rise(park, park->count++, parked);
    if (parked->place == 0)
        pthread_cond_signal(&park->changed);
}

/* Under the lock.  Onto a list, to be resumed without it. */
static void
take_out(struct park *park, struct parked *parked, enum park_reason reason,
         struct parked **list)
{
    unsigned i;

    for (i = 0; i < parked->link_count; i++)
        link_out(&parked->links[i]);
    park->waiting -= parked->link_count > 0;
    heap_remove(park, parked);
    parked->request->park_reason = reason;
    parked->resumed_next = *list;
    *list = parked;
}

static void
resume_list(struct parked *list)
{
    struct parked *next;

    for (; list; list = next) {
        next = list->resumed_next;
        http_resume(list->request, list->next);
        free(list);
    }
}

/* --- the thread -------------------------------------------------------- */

static void
take_due(struct park *park, struct parked **list)
{
    const int64_t now_ms = clock_steady_ms();

    while (park->count > 0 && park->heap[0]->until_ms <= now_ms)
        take_out(park, park->heap[0], PARK_BY_TIME, list);
}

/* Ask the clients of one slice of the heap.  What moves in the heap between
 * two slices may be left out; it is asked the next time. */
static unsigned
take_gone(struct park *park, unsigned start, struct parked **list)
{
    struct parked *asked[REAP_SLICE];
    struct pollfd sockets[REAP_SLICE];
    nfds_t count = 0, i;

    for (; start < park->count && count < REAP_SLICE; start++) {
        if (park->heap[start]->link_count == 0)
            continue;
        asked[count] = park->heap[start];
        sockets[count].fd = asked[count]->request->socket;
        sockets[count].events = POLLRDHUP;
        sockets[count++].revents = 0;
    }
    if (count == 0 || poll(sockets, count, 0) <= 0)
        return start;
    for (i = 0; i < count; i++)
        if (sockets[i].revents)
            take_out(park, asked[i], PARK_BY_CLIENT, list);
    return start;
}

static void
wait_until(struct park *park, int64_t steady_ms)
{
    const struct timespec until = {
        .tv_sec = (time_t)(steady_ms / 1000),
        .tv_nsec = (long)(steady_ms % 1000) * 1000000,
    };

    pthread_cond_timedwait(&park->changed, &park->lock, &until);
}

/* Sleep until there may be something to do. */
static void
idle(struct park *park, int64_t reap_ms)
{
    int64_t until_ms;

    if (park->count == 0) {
        pthread_cond_wait(&park->changed, &park->lock);
        return;
    }
    until_ms = park->heap[0]->until_ms;
    if (park->waiting > 0 && reap_ms < until_ms)
        until_ms = reap_ms;
    wait_until(park, until_ms);
}

static void *
keep_time(void *context)
{
    struct park *park = context;
    int64_t reap_ms = 0;
    unsigned slice = 0;
    struct parked *list;

    pthread_mutex_lock(&park->lock);
    while (!park->ending) {
        list = NULL;
        take_due(park, &list);
        if (reap_ms <= clock_steady_ms()) {
            slice = take_gone(park, slice, &list);
            if (slice >= park->count) {
                slice = 0;
                reap_ms = clock_steady_ms() + REAP_MS;
            }
        } else if (!list) {
            idle(park, reap_ms);
        }
        pthread_mutex_unlock(&park->lock);
        resume_list(list);
        pthread_mutex_lock(&park->lock);
    }
    pthread_mutex_unlock(&park->lock);
    return NULL;
}

/* --- the interface ----------------------------------------------------- */

static bool
start_thread(struct park *park)
{
    pthread_condattr_t attributes;
    bool started;

    pthread_mutex_init(&park->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&park->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    started = pthread_create(&park->thread, NULL, keep_time, park) == 0;
    if (!started) {
        pthread_cond_destroy(&park->changed);
        pthread_mutex_destroy(&park->lock);
    }
    return started;
}

factor_status
park_new(unsigned max, struct park **ret_park, struct factor_error *err)
{
    struct park *park = calloc(1, sizeof(*park));

    if (!park)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    park->max = max;
    clock_random(&park->seed, sizeof(park->seed));
    if (!start_thread(park)) {
        free(park);
        return error_set(err, FACTOR_E_IO, "cannot start a thread");
    }
    *ret_park = park;
    return FACTOR_OK;
}

void
park_free(struct park *park)
{
    if (!park)
        return;
    park_wake_all(park);
    pthread_mutex_lock(&park->lock);
    park->ending = true;
    pthread_cond_signal(&park->changed);
    pthread_mutex_unlock(&park->lock);
    pthread_join(park->thread, NULL);
    pthread_cond_destroy(&park->changed);
    pthread_mutex_destroy(&park->lock);
    free(park->heap);
    free(park);
}

bool
park_at(struct park *park, struct http_request *request, int64_t steady_ms,
        http_handler *next)
{
    struct parked *parked = parked_new(request, steady_ms, 0, next);
    bool room;

    if (!parked)
        return false;
    pthread_mutex_lock(&park->lock);
    room = !park->closed && heap_reserve(park);
    if (room)
        put_in(park, parked);
    pthread_mutex_unlock(&park->lock);
    if (!room)
        free(parked);
    return room;
}

uint64_t
park_stamp(struct park *park)
{
    return atomic_load(&park->stamp);
}

static bool
was_woken(struct park *park, const struct parked *parked, uint64_t stamp)
{
    unsigned i;

    for (i = 0; i < parked->link_count; i++)
        if (bucket_of(park, parked->links[i].hash)->woken > stamp)
            return true;
    return false;
}

/* Make a place under a first key: chains have the newest first. */
static void
take_oldest(struct park *park, uint64_t hash, struct parked **list)
{
    struct link *link, *oldest = NULL;
    unsigned count = 0;

    for (link = bucket_of(park, hash)->first; link; link = link->next)
        if (link->hash == hash && link == link->owner->links) {
            oldest = link;
            count++;
        }
    if (count >= PARK_PLACES)
        take_out(park, oldest->owner, PARK_BY_NEWER, list);
}

static enum park_result
try_put_in(struct park *park, struct parked *parked, uint64_t stamp,
           struct parked **list)
{
    if (park->closed)
        return PARK_FULL;
    if (was_woken(park, parked, stamp))
        return PARK_MOVED;
    take_oldest(park, parked->links[0].hash, list);
    if (park->waiting >= park->max || !heap_reserve(park))
        return PARK_FULL;
    put_in(park, parked);
    return PARK_PARKED;
}

enum park_result
park_wait(struct park *park, struct http_request *request, uint64_t stamp,
          const char *const *keys, unsigned key_count,
          int64_t until_steady_ms, http_handler *next)
{
    struct parked *parked, *list = NULL;
    enum park_result result;
    unsigned i;

    if (key_count == 0 || key_count > PARK_KEYS)
        return PARK_FULL;
    parked = parked_new(request, until_steady_ms, key_count, next);
    if (!parked)
        return PARK_FULL;
    for (i = 0; i < key_count; i++) {
        parked->links[i].owner = parked;
        parked->links[i].hash = hash_of(park, keys[i]);
    }
    pthread_mutex_lock(&park->lock);
    result = try_put_in(park, parked, stamp, &list);
    pthread_mutex_unlock(&park->lock);
    if (result != PARK_PARKED)
        free(parked);
    resume_list(list);
    return result;
}

void
park_wake(struct park *park, const char *key)
{
    const uint64_t hash = hash_of(park, key);
    struct bucket *bucket = bucket_of(park, hash);
    struct parked *list = NULL;
    struct link *link;

    pthread_mutex_lock(&park->lock);
    bucket->woken = atomic_fetch_add(&park->stamp, 1) + 1;
    link = bucket->first;
    while (link) {
        if (link->hash != hash) {
            link = link->next;
            continue;
        }
        /* Begin again: the same request may stand in this chain twice. */
        take_out(park, link->owner, PARK_BY_WAKE, &list);
        link = bucket->first;
    }
    pthread_mutex_unlock(&park->lock);
    resume_list(list);
}

void
park_wake_all(struct park *park)
{
    struct parked *list = NULL;

    pthread_mutex_lock(&park->lock);
    park->closed = true;
    while (park->count > 0)
        take_out(park, park->heap[park->count - 1], PARK_BY_END, &list);
    pthread_mutex_unlock(&park->lock);
    resume_list(list);
}

enum park_reason
park_reason(const struct http_request *request)
{
    return (enum park_reason)request->park_reason;
}

unsigned
park_count(struct park *park)
{
    unsigned count;

    pthread_mutex_lock(&park->lock);
    count = park->count;
    pthread_mutex_unlock(&park->lock);
    return count;
}
