/* SPDX-License-Identifier: MIT */
/* host/step/buckets.h - token buckets: how often one source address, or one
 * client, may ask for what costs much or invites guessing (DECISIONS H3).
 *
 * They bound load and are in memory, per node.  What bounds guessing for good
 * is in records. */
#ifndef HOST_STEP_BUCKETS_H
#define HOST_STEP_BUCKETS_H

#include <stdint.h>

#include "host/config/config.h"

enum bucket {
    BUCKET_AUTHORIZE, /* by address: each begins a flow */
    BUCKET_TOKEN,     /* by address */
    BUCKET_PASSWORD,  /* by address: slow actions */
    BUCKET_PAIRING,   /* by address: resources at which one may guess */
    BUCKET_REST,      /* by client */
    BUCKETS
};

enum { BUCKETS_SETS = 1024, BUCKETS_WAYS = 8 };

struct buckets;

/* How many may come at once, and all the time. */
struct bucket_rule {
    int64_t burst, per_minute;
};

/* NULL without memory. */
struct buckets *buckets_new(const struct bucket_rule rules[BUCKETS]);
/* The same by the configuration's "limits". */
struct buckets *buckets_configured(const struct config *config);
void buckets_free(struct buckets *buckets); /* NULL is allowed */

/* Take one token at this time (clock_steady_ms); who: an address as text, of
 * which IPv6 counts by its /64, or a client's id.  0: it was there; else
 * milliseconds until the next one is.  Any thread. */
int64_t buckets_take(struct buckets *buckets, enum bucket bucket,
                     const char *who, int64_t steady_ms);

#endif
