/* SPDX-License-Identifier: MIT */
/* host/http/park.h - requests that wait for an instant or for a change.
 *
 * A handler or continuation that parks its request does not suspend it first
 * (one that is suspended already may be parked too, by whoever has it).  A
 * parked request is resumed exactly once: at its time, by a wake, because
 * newer ones took its place, because its client left, or at the end.
 *
 * No wake is lost between reading a record and parking if every writer calls
 * park_wake() after its change can be read, and every reader
 *
 *     stamp = park_stamp(park);
 *     ... read, and decide to wait ...
 *     park_wait(park, request, stamp, ...);
 */
#ifndef HOST_PARK_H
#define HOST_PARK_H

#include <stdbool.h>
#include <stdint.h>

#include "host/http/http.h"

struct park;

enum {
    PARK_KEYS = 32, /* of one request */
    PARK_PLACES = 2 /* of one first key */
};

enum park_result {
    PARK_PARKED, /* it will be resumed; touch it no more */
    PARK_MOVED,  /* a key was woken since the stamp: read again */
    PARK_FULL    /* no place or no memory: answer at once */
};

enum park_reason {
    PARK_BY_NOTHING, /* it was never parked */
    PARK_BY_TIME,
    PARK_BY_WAKE,
    PARK_BY_NEWER,  /* it gave its place up: answer, do not park again */
    PARK_BY_CLIENT, /* who left */
    PARK_BY_END
};

/* A park and its thread; park_wait() has place for max requests. */
factor_status park_new(unsigned max, struct park **ret_park,
                       struct factor_error *err);

/* Resume what is left, end the thread, free; NULL is allowed.  Alone. */
void park_free(struct park *park);

/* Resume at an instant of clock_steady_ms(), not earlier (a client that left
 * is not looked for; park_wake_all does not wait for it).  Takes no place of
 * park_wait's.  False without memory: the request is still the caller's. */
bool park_at(struct park *park, struct http_request *request,
             int64_t steady_ms, http_handler *next);

/* Taken before the records are read.  Any thread. */
uint64_t park_stamp(struct park *park);

/* Resume when one of the keys is woken, or at an instant.  Keys are texts
 * ("collection/id"), 1 to PARK_KEYS; the first is the flow's: when more than
 * PARK_PLACES wait under it, the oldest is resumed.  Unless PARK_PARKED is
 * returned, the request is still the caller's, suspended or not as before. */
enum park_result park_wait(struct park *park, struct http_request *request,
                           uint64_t stamp, const char *const *keys,
                           unsigned key_count, int64_t until_steady_ms,
                           http_handler *next);

/* Resume all that wait under a key.  Any thread. */
void park_wake(struct park *park, const char *key);

/* Resume all, and park nothing from now on.  Any thread. */
void park_wake_all(struct park *park);

/* Why a request was resumed last. */
enum park_reason park_reason(const struct http_request *request);

/* How many are parked, park_at's included.  Any thread. */
unsigned park_count(struct park *park);

#endif
