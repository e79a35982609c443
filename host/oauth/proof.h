/* SPDX-License-Identifier: MIT */
/* host/oauth/proof.h - JWTs that clients sign: assertions (RFC 7523) and
 * login_hint_tokens (P7).  Each is taken once. */
#ifndef HOST_OAUTH_PROOF_H
#define HOST_OAUTH_PROOF_H

#include <jansson.h>
#include <stdbool.h>

#include "host/host.h"
#include "host/jose/jose.h"
#include "host/step/txn.h"

#define PROOF_COLLECTION "jti"

/* Verify signature, aud (our issuer, or the URL of this path), exp (at most
 * tokens.hint_lifetime away), and that it has sub and jti.  Any thread.
 * Owner of *ret_claims: the caller.  FACTOR_E_INPUT. */
factor_status proof_verify(const struct host *host,
                           const struct jose_jwks *keys, const char *token,
                           const char *path, json_t **ret_claims);

/* Note that a client's token was used, in this attempt's commit; *ret_fresh
 * is false when it was used before. */
factor_status proof_use(struct txn *txn, const struct host *host,
                        const char *client, const json_t *claims,
                        bool *ret_fresh, struct factor_error *err);

/* The text member "sub" of a JWT that nobody has verified, in the arena: to
 * find out whose keys it should be verified with.  NULL: none. */
char *proof_claimed_subject(struct factor_arena *arena, const char *token);

#endif
