/* SPDX-License-Identifier: MIT */
/* host/outbox/bundle.h - many small changes in few commits, all under one
 * sync: what belongs together goes into one commit, and if that loses a
 * compare-and-swap, each change into one of its own.  For workers of the
 * host, never on an event loop. */
#ifndef HOST_OUTBOX_BUNDLE_H
#define HOST_OUTBOX_BUNDLE_H

#include <stdbool.h>

#include "host/step/txn.h"

enum { BUNDLE_MAX = 256 }; /* items at a time */

struct bundle_item {
    /* Adds the item's changes to an attempt; may be called again. */
    factor_status (*decide)(struct txn *txn, void *context,
                            struct factor_error *err);
    void *context;
    bool alone; /* in a commit of its own from the start */

    factor_status status; /* set: what came of it */
};

/* Commit count items (at most BUNDLE_MAX) and wait.  now_ms: of the attempts.
 * A lost compare-and-swap is tried again, as txn_run does. */
void bundle_commit(struct database *database, int64_t now_ms,
                   struct bundle_item *items, size_t count);

#endif
