/* SPDX-License-Identifier: MIT */
/* host/flow/flow.h - a sign-on flow: the record, and how it changes.
 *
 * Body (v 1): client, policy, mode ("redirect", "pi.flow"), session, step
 * (place in the policy), state and data (of the step's adapter), plugin
 * (version that made them), subject, authTime, passed [{adapter, attributes,
 * amr, kinds}], status ("active", "completed", "failed"), startedAt,
 * touchedAt, endsAt, endedAt, request (what the client asked for), and
 * secret {data, code}. */
#ifndef HOST_FLOW_FLOW_H
#define HOST_FLOW_FLOW_H

#include <jansson.h>

#include "host/flow/policy.h"
#include "host/step/txn.h"

#define FLOW_COLLECTION "flow"

enum { FLOW_ID = 22 };

/* How long flows live; all in milliseconds. */
struct flow_limits {
    int64_t idle_ms, absolute_ms, finished_grace_ms;
};

/* A flow within one attempt: its body is the attempt's own to change. */
struct flow {
    struct txn *txn;
    const struct record *record; /* as it was read; NULL: new */
    const char *id;
    json_t *body;
    const char *owner; /* subject, once it is stored */
};

enum flow_life {
    FLOW_ACTIVE,
    FLOW_ENDED, /* finished or run out: readable, no actions */
    FLOW_GONE   /* past its grace */
};

/* Read a flow.  FACTOR_E_NOTFOUND. */
factor_status flow_read(struct txn *txn, const char *id, struct flow *ret_flow);

/* A new one, to be put. */
factor_status flow_new(struct txn *txn, const struct flow_limits *limits,
                       struct flow *ret_flow);

enum flow_life flow_life(const struct flow *flow,
                         const struct flow_limits *limits);
/* When its life goes on to the next of these by itself (Unix ms). */
int64_t flow_changes_at(const struct flow *flow,
                        const struct flow_limits *limits);

/* Adapter data, with its secret in place, for factor_flow.data; NULL: none. */
const json_t *flow_data(struct flow *flow);
/* Replace it (stolen; NULL: none): member "secret" goes where it is sealed. */
void flow_set_data(struct flow *flow, json_t *data);

/* The authorization code while it may be repeated, or NULL. */
const char *flow_code(const struct flow *flow);
void flow_set_code(struct flow *flow, const char *code);

/* Attributes (object or NULL) that an adapter of this flow gave. */
const json_t *flow_passed(const struct flow *flow, const char *adapter);

/* End it now with this status. */
void flow_end(struct flow *flow, const char *status);

/* Write it: to memory while nobody has proven anything, else to the store.
 * Counts as use. */
factor_status flow_put(struct flow *flow, const struct flow_limits *limits,
                       struct factor_error *err);

#endif
