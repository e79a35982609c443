/* SPDX-License-Identifier: MIT */
/* host/rest/access.h - who calls a resource, and whether it may. */
#ifndef HOST_REST_ACCESS_H
#define HOST_REST_ACCESS_H

#include "host/oauth/bearer.h"
#include "host/rest/rest.h"

/* Read the token of the request into call->bearer and call->user, as far as
 * the resource wants one: roles, scopes, and the {user} and {env} of the path.
 * False: bearer.status (401, 403) and bearer.error say why not. */
bool access_check(struct job *job, struct rest_call *call);

/* Within an attempt: whether a user's token still stands.  Its sign-on is told
 * by *ret_inputs (step.inputs), an object in the arena; without a user NULL.
 * FACTOR_E_NOTFOUND: it was revoked. */
factor_status access_confirm(const struct rest_call *call, struct txn *txn,
                             json_t **ret_inputs);

/* The refusal, an envelope; new reference.  *ret_challenge: WWW-Authenticate,
 * in the arena. */
json_t *access_refusal(struct rest_call *call, struct factor_arena *arena,
                       const char **ret_challenge);

#endif
