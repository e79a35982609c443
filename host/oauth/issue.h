/* SPDX-License-Identifier: MIT */
/* host/oauth/issue.h - signs the tokens of a token answer.  Source: RFC 9068
 * (access tokens), OpenID Connect Core 2 (ID tokens). */
#ifndef HOST_OAUTH_ISSUE_H
#define HOST_OAUTH_ISSUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/host.h"
#include "host/oauth/client.h"

#define ISSUE_ACCESS_TYPE "at+jwt" /* typ of access tokens */

/* The members of the answer to a redeemed grant, or to a worker that asked
 * for a token of its own; a new object, NULL on failure. */
json_t *issue_for_grant(const struct host *host, const struct client *client,
                        const struct record *grant, int64_t now_ms);
json_t *issue_for_worker(const struct host *host, const struct client *client,
                         int64_t now_ms);

/* at_hash (OpenID Connect Core 3.1.3.6): of a token, for an algorithm with
 * SHA-256.  ret_hash takes ISSUE_HASH bytes. */
enum { ISSUE_HASH = 23 };
bool issue_at_hash(const char *token, char *ret_hash);

#endif
