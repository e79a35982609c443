/* SPDX-License-Identifier: MIT */
/* host/flow/sends.h - the limits on messages over all flows (O8): counted in
 * records, so that they survive restarts and hold between nodes. */
#ifndef HOST_FLOW_SENDS_H
#define HOST_FLOW_SENDS_H

#include "host/host.h"
#include "host/step/txn.h"

enum { SENDS_REFUSED = 1 };

/* Count messages of this attempt (a list) against their addresses and the
 * account that they name, else the subject (user id, or NULL), in the same
 * commit; SENDS_REFUSED when a limit is reached. */
factor_status sends_count(const struct host *host, struct txn *txn,
                          const char *subject, const struct txn_send *send);

#endif
