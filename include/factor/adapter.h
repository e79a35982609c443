/* SPDX-License-Identifier: MIT */
/* factor/adapter.h - the contract of an authentication adapter.
 *
 * An adapter is a pure function: settings + step -> outcome + effects.  It
 * performs no I/O, reads no clock, draws no randomness and keeps nothing
 * between calls; everything that varies is in the step.
 *
 *   init -> describe
 *        -> { plan_reads -> get_state_model -> handle_action }* -> fini
 *
 * For a GET the host calls plan_reads (action NULL) and get_state_model.
 * For an action: plan_reads, get_state_model (does the action apply now?),
 * then handle_action on the same snapshot.  When a flow enters the adapter:
 * plan_reads and handle_action with flow.state NULL and action NULL.
 */
#ifndef FACTOR_ADAPTER_H
#define FACTOR_ADAPTER_H

#include "factor/base.h"
#include "factor/host.h"
#include "factor/model.h"
#include "factor/resource.h"
#include "factor/step.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_adapter; /* defined, and cast to its own type, by the plugin */

/* What an adapter does.  Owner: plugin. */
struct factor_adapter_ops {
    uint32_t struct_size;
    uint32_t flags; /* 0 */

    /* Build an instance.  settings: object, borrowed, already checked and
     * completed against the declared settings.  Alone.
     * FACTOR_E_CONFIG, FACTOR_E_NOMEM. */
    factor_status (*init)(const struct factor_host *host,
                          const struct json_t *settings,
                          struct factor_adapter **ret_self,
                          struct factor_error *err);

    /* The instance's tables; never NULL; owner: instance.  Any thread. */
    const struct factor_description *(*describe)(
        const struct factor_adapter *self);

    /* List what the step needs, by host->read_...(reads, ...), in an order
     * that the adapter knows by heart.  NULL: it needs nothing.  Pure; any
     * thread.  A negative status ends the step with UNEXPECTED_ERROR. */
    factor_status (*plan_reads)(const struct factor_adapter *self,
                                const struct factor_step *step,
                                struct factor_reads *reads);

    /* What the client sees now, from the snapshot and the clock.  Pure; any
     * thread. */
    factor_status (*get_state_model)(const struct factor_adapter *self,
                                     const struct factor_step *step,
                                     struct factor_model *ret_model,
                                     struct factor_error *err);

    /* Decide.  Pure; any thread.  A negative status commits nothing and
     * answers UNEXPECTED_ERROR (what was put into the outcome is released by
     * the host all the same); what a user did wrong is an outcome. */
    factor_status (*handle_action)(const struct factor_adapter *self,
                                   const struct factor_step *step,
                                   struct factor_outcome *ret_outcome,
                                   struct factor_error *err);

    /* REST: the handler of every declared resource (step.resource says
     * which), planned by plan_reads like an action.  NULL: none declared. */
    factor_status (*handle_resource)(const struct factor_adapter *self,
                                     const struct factor_step *step,
                                     struct factor_outcome *ret_outcome,
                                     struct factor_error *err);

    /* Release the instance; NULL is allowed.  Alone. */
    void (*fini)(struct factor_adapter *self);
};

#ifdef __cplusplus
}
#endif

#endif
