/* SPDX-License-Identifier: MIT */
/* host/step/floor.h - how long answers are held back at least, beyond what
 * settings say (W1). */
#ifndef HOST_STEP_FLOOR_H
#define HOST_STEP_FLOOR_H

#include <stdatomic.h>
#include <stdint.h>

/* An action whose answers are held back for answer_after_ms (0: they are not)
 * used so much processor time.  An action that takes longer than that would
 * tell by its time what it did: raise the floor, and warn.  Any thread. */
void floor_raise(atomic_llong *floor, int64_t answer_after_ms,
                 int64_t cost_ms);

#endif
