/* SPDX-License-Identifier: MIT */
/* host/flow/finish.h - what a flow ends with: the authorization response. */
#ifndef HOST_FLOW_FINISH_H
#define HOST_FLOW_FINISH_H

#include "host/flow/flow.h"
#include "host/host.h"

/* The policy is through: issue the authorization code, in the same commit. */
factor_status finish_flow(const struct host *host, struct txn *txn,
                          struct flow *flow, const struct policy *policy);

/* Members of the final state: resumeUrl, or authorizeResponse; with the
 * attempt's life.  NULL: none. */
json_t *finish_view(const struct host *host, struct txn *txn,
                    struct flow *flow);

#endif
