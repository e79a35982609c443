/* SPDX-License-Identifier: MIT */
/* host/oauth/grant.h - what a completed flow gave: the authorization code,
 * and what the tokens that it is exchanged for will say.
 *
 * Body (v 1): state ("issued", "redeemed", "revoked"), client, flow, session,
 * policy, acr, amr, authTime, scope, nonce, redirectUri, redirectDefault
 * (the client did not write it), challenge, claims (for the ID token),
 * codeExpiresAt.  Owner: the user.  Name: keyed hash of the code.  The record
 * lives as long as its tokens: without it they are worth nothing. */
#ifndef HOST_OAUTH_GRANT_H
#define HOST_OAUTH_GRANT_H

#include <jansson.h>
#include <stdbool.h>

#include "host/flow/flow.h"
#include "host/host.h"
#include "host/oauth/client.h"
#include "host/step/txn.h"

#define GRANT_COLLECTION "grant"

enum { GRANT_CODE = 43 }; /* characters of a code: 256 bits */

/* Issue one for a flow whose policy is through.  ret_code takes
 * GRANT_CODE + 1 bytes. */
factor_status grant_issue(const struct host *host, struct txn *txn,
                          const struct flow *flow, const struct policy *policy,
                          char *ret_code);

/* The grant that a code names.  FACTOR_E_NOTFOUND. */
factor_status grant_of_code(struct txn *txn, const char *code,
                            const struct record **ret_grant);

/* Whether it is in this state; whether its code still may be redeemed. */
bool grant_is(const struct record *grant, const char *state);
bool grant_code_alive(const struct record *grant, int64_t now_ms);

/* Move it to another state, and say so in the audit chain. */
factor_status grant_move(struct txn *txn, const struct record *grant,
                         const char *state, const char *event,
                         struct factor_error *err);

/* Whether a token that names it, of this client and user, still counts. */
bool grant_stands(const struct record *grant, const char *client,
                  const char *user);

/* The user of a grant, who must be there and enabled.  FACTOR_E_NOTFOUND. */
factor_status grant_user(struct txn *txn, const struct record *grant,
                         const struct record **ret_user);

/* P1, P3: what really happened, in order, each once; "mfa" at the end if two
 * kinds of factor were proven.  passed: as in a flow's body.  A new array. */
json_t *grant_amr(const json_t *passed);

/* The attributes that a client's claims map names; a new object. */
json_t *grant_claims(const struct client *client, const struct flow *flow);

#endif
