/* SPDX-License-Identifier: MIT */
/* host/flow/measure.h - after start, in the background: how long the answers
 * of slow actions have to be held back (W1).
 *
 * Only the adapter knows what is slow, and only the host has a clock: the
 * adapter's measuring action (FACTOR_ACTION_MEASURE) does the work, a round at
 * a time, and the host looks how long it takes. */
#ifndef HOST_FLOW_MEASURE_H
#define HOST_FLOW_MEASURE_H

#include <jansson.h>

#include "host/host.h"

/* Zeroed to begin with. */
struct measure {
    const struct host *host;
    atomic_bool stopping;
    size_t adapter;  /* whose turn it is */
    unsigned rounds; /* that it has had */
    json_t *fields;  /* of its next round; NULL: of the first */
};

/* Measure every instance that holds answers back, on the slow pool.  Alone;
 * where the pool is full nothing is measured: checks that run show what they
 * take as well. */
void measure_start(struct measure *measure, const struct host *host);

/* Begin no further round.  What runs ends before pool_free() returns, and
 * until then the measure stays where it is.  Any thread. */
void measure_stop(struct measure *measure);

#endif
