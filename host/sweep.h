/* SPDX-License-Identifier: MIT */
/* host/sweep.h - house-keeping in the background: what has expired goes, a
 * message that expired unsent is settled with its note, and records that an
 * older key sealed are written anew (K2).  In small commits with pauses, so
 * that steps find the writer free. */
#ifndef HOST_SWEEP_H
#define HOST_SWEEP_H

#include <stdint.h>

#include "host/record/database.h"

struct sweep;

/* Borrowed until sweep_stop. */
struct sweep_parts {
    struct database *database;
    int64_t keep_settled_ms;  /* of the outbox's settings */
    int64_t interval_ms;      /* steady; 0: 30 s */
    int64_t (*now_ms)(void);  /* NULL: clock_now_ms */
};

factor_status sweep_start(const struct sweep_parts *parts,
                          struct sweep **ret_sweep, struct factor_error *err);
/* End the thread (within one commit) and free; NULL is allowed. */
void sweep_stop(struct sweep *sweep);

/* What one pass did. */
struct sweep_counts {
    uint64_t removed;  /* expired records */
    uint64_t messages; /* that expired unsent */
    uint64_t resealed; /* records */
};

/* A whole pass, on this thread; one that is under way is waited for first.
 * For factorctl and tests.  Any thread that may wait. */
factor_status sweep_now(struct sweep *sweep, struct sweep_counts *ret_counts,
                        struct factor_error *err);

/* The least key version that any row may still carry, for keys_forget(); 0:
 * not known.  Two passes after a rotation it is the newest, unless a record
 * could not be written.  Any thread. */
uint32_t sweep_least_key(struct sweep *sweep);

#endif
