/* SPDX-License-Identifier: MIT */
/* host/flow/policy.h - sign-on policies: which adapters run, in what order,
 * and what their attributes must be (P1). */
#ifndef HOST_FLOW_POLICY_H
#define HOST_FLOW_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/config/config.h"
#include "host/plugin/adapter.h"

/* The first step may be a signed hint of the client instead (P7). */
#define POLICY_HINT "login_hint_token"

struct policy_step {
    const struct adapter *adapter; /* NULL: POLICY_HINT */
    const json_t *input;           /* object: name -> "adapter.attribute", or
                                    * {"value": a constant} */
    const json_t *require;         /* object: attribute -> value or array */
};

struct policy {
    const char *name;
    const char *acr; /* or NULL */
    size_t step_count;
    struct policy_step *steps;
};

struct policies;

/* Read the "policies" of the configuration; problems are added to it, such
 * as a policy that would begin with a second factor (M4).  NULL without
 * memory.  Alone. */
struct policies *policies_new(const struct config *config,
                              const struct adapter *adapters,
                              size_t adapter_count,
                              struct problems *problems);
void policies_free(struct policies *policies); /* NULL is allowed */

/* By name or by acr, or NULL.  Any thread. */
const struct policy *policies_find(const struct policies *policies,
                                   const char *name);
const struct policy *policies_find_acr(const struct policies *policies,
                                       const char *acr);

/* Whether attributes (object or NULL) hold what a step requires. */
bool policy_holds(const struct policy_step *step, const json_t *attributes);

#endif
