/* SPDX-License-Identifier: MIT */
/* host/flow/envelope.h - the JSON envelopes of the Authentication API: a
 * state, an error.  Source: Authentication API, state and error model. */
#ifndef HOST_FLOW_ENVELOPE_H
#define HOST_FLOW_ENVELOPE_H

#include <jansson.h>

#include "factor/step.h"
#include "host/plugin/adapter.h"
#include "host/text.h"

/* For whom texts are chosen, and where flows live. */
struct envelope {
    const struct texts *texts;
    const char *const *languages;
    const char *base_url;
};

/* {id, pluginTypeId, status, ..., _links}: view (object or NULL, borrowed)
 * gives the members in between; actions the links beside self.  adapter may
 * be NULL (states of the core).  A new reference, NULL without memory. */
json_t *envelope_state(const struct envelope *env, const char *flow,
                       const struct adapter *adapter, const char *status,
                       const json_t *view, const char *const *actions);

/* Members code, message, userMessage of a failed state. */
void envelope_failure(const struct envelope *env, json_t *state,
                      const char *code, const char *message,
                      const char *text_key);

/* {code, message, userMessage, details}: code is a top-level code; text_key
 * may be NULL: the code's own.  There is always a detail with a userMessage,
 * since clients show nothing else. */
json_t *envelope_error(const struct envelope *env, const char *code,
                       const char *text_key);

/* An error out of an adapter's details (at least one). */
json_t *envelope_details(const struct envelope *env,
                         const struct adapter *adapter,
                         const struct factor_detail *const *details,
                         int64_t now_ms);

/* Add one detail of the host's own to an error. */
void envelope_add_detail(const struct envelope *env, json_t *error,
                         const char *code, const char *target);

/* HTTP status of a top-level code. */
unsigned envelope_status(const char *code);

#endif
