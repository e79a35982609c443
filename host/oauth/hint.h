/* SPDX-License-Identifier: MIT */
/* host/oauth/hint.h - login_hint_token (P7): a client with its own first
 * factor says who has signed on.
 *
 * Claims: iss (the client, or absent), sub (our user's id or username), aud,
 * exp, jti; auth_time (else iat), amr; all others are attributes of the step
 * that the hint stands for. */
#ifndef HOST_OAUTH_HINT_H
#define HOST_OAUTH_HINT_H

#include <jansson.h>

#include "host/host.h"
#include "host/oauth/asked.h"
#include "host/step/txn.h"

/* Verify asked->hint_token.  Its claims, with the arena's life; NULL: refused,
 * and asked has the error. */
json_t *hint_verify(const struct host *host, struct factor_arena *arena,
                    struct asked *asked);

/* Take it once and find its user: *ret_hint is what engine_begin() wants,
 * with the attempt's life; NULL: refused, and asked has the error. */
factor_status hint_take(struct txn *txn, const struct host *host,
                        const json_t *claims, struct asked *asked,
                        json_t **ret_hint, struct factor_error *err);

/* The amr values of a hint that may stand in our tokens; a new array. */
json_t *hint_amr(const json_t *claims);

#endif
