/* SPDX-License-Identifier: MIT */
/* host/record/verify.h - the audit log against itself and against the store
 * (K2, K3): an event that was changed or taken out breaks its writer's chain;
 * a record that was put back, removed or written behind our back has another
 * version than the newest in any chain. */
#ifndef HOST_RECORD_VERIFY_H
#define HOST_RECORD_VERIFY_H

#include "host/record/database.h"

struct verify_findings {
    uint64_t events;  /* in the log, of all writers */
    uint64_t broken;  /* sequence of the first that does not hold; 0: none */
    char writer[FACTOR_ID_MAX + 1]; /* whose chain that is */
    uint64_t records; /* that the log knows to be there */
    uint64_t behind;  /* of them: older than the log says, or gone */
    uint64_t ahead;   /* of them: newer than the log says */
    char first[FACTOR_COLLECTION_MAX + FACTOR_ID_MAX + 2]; /* such a one */
};

/* Read both, while the daemon goes on.  Slow; any thread that may wait. */
factor_status verify_audit(struct database *database,
                           struct verify_findings *ret_findings,
                           struct factor_error *err);

#endif
