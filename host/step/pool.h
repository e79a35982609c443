/* SPDX-License-Identifier: MIT */
/* host/step/pool.h - a bounded pool of threads for what is slow: password
 * hashing, sources.  Fair by source: whoever has the fewest tasks waiting is
 * served next, and no source may fill the queue alone. */
#ifndef HOST_STEP_POOL_H
#define HOST_STEP_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* workers threads; at most queue_max tasks wait.  NULL: no memory. */
struct pool *pool_new(unsigned workers, size_t queue_max);
/* Runs what waits, then ends the threads; NULL is allowed. */
void pool_free(struct pool *pool);

/* Run task(context) on the pool; false: the queue, or this source's share of
 * it (a quarter), is full.  source: for example an address.  Any thread. */
bool pool_run(struct pool *pool, const char *source, void (*task)(void *),
              void *context);

#endif
