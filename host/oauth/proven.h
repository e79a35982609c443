/* SPDX-License-Identifier: MIT */
/* host/oauth/proven.h - access tokens of ours whose signature was verified: it
 * is the same when a client sends the token again, and costs more than all else
 * of a short call.  What the token says, and whether its key is still one of
 * ours, is asked each time.  Any thread. */
#ifndef HOST_OAUTH_PROVEN_H
#define HOST_OAUTH_PROVEN_H

#include <stdbool.h>

#include "host/crypto.h"

struct proven;

/* Room for some thousand tokens, or NULL. */
struct proven *proven_new(void);
void proven_free(struct proven *proven); /* NULL is allowed */

/* Of the SHA-256 of the whole token, signature and all. */
bool proven_has(struct proven *proven, const uint8_t hash[CRYPTO_MAC_LEN]);
void proven_add(struct proven *proven, const uint8_t hash[CRYPTO_MAC_LEN]);

#endif
