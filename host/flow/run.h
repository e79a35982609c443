/* SPDX-License-Identifier: MIT */
/* host/flow/run.h - calls one adapter for one step, and checks what it says
 * against what it declared. */
#ifndef HOST_FLOW_RUN_H
#define HOST_FLOW_RUN_H

#include "factor/step.h"
#include "host/flow/engine.h"

/* One adapter within one attempt. */
struct run {
    const struct engine_call *call;
    struct txn *txn;
    const struct adapter *adapter;
    struct factor_flow flow;       /* flow.id NULL: no flow */
    struct factor_request request;
    struct factor_step step;
    struct factor_reads *reads; /* its plan */
    const char *about; /* what its plan asks for first: reads_about() */
};

/* Prepare a run of an adapter; flow may be NULL (an operator's action).
 * subject, inputs and fields go into the step as they are. */
factor_status run_prepare(struct run *run, const struct engine_call *call,
                          struct txn *txn, const struct adapter *adapter,
                          struct flow *flow);

/* Plan the reads and load the snapshot. */
factor_status run_load(struct run *run, struct factor_error *err);

/* What the client sees.  Checked; view and lists live with the attempt. */
factor_status run_model(struct run *run, struct factor_model *ret_model,
                        struct factor_error *err);

/* Decide: the action, or the REST call where step.resource is set.  Checked;
 * JSON in the outcome lives with the attempt.  When the limits on messages
 * refuse what it sent, it is run again knowing that. */
factor_status run_action(struct run *run, struct factor_outcome *ret_outcome,
                         struct factor_error *err);

#endif
