/* SPDX-License-Identifier: MIT */
/* host/step/floor.c - how long answers are held back at least. */
#include "host/step/floor.h"

#include "host/log.h"

/* A quarter more than was measured; processor time counts, so that load alone
 * changes nothing. */
void
floor_raise(atomic_llong *floor, int64_t answer_after_ms, int64_t cost_ms)
{
    long long now = atomic_load(floor);
    long long wanted = cost_ms + cost_ms / 4;

    if (answer_after_ms == 0 || wanted <= answer_after_ms)
        return;
    while (wanted > now)
        if (atomic_compare_exchange_weak(floor, &now, wanted)) {
            log_event("step", FACTOR_LOG_WARNING,
                      "a password check takes %lld ms: answers are held back "
                      "for %lld ms from now on; raise answer_after, or renew "
                      "old hashes",
                      (long long)cost_ms, wanted);
            break;
        }
}
