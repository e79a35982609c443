/* SPDX-License-Identifier: MIT */
/* bench/sign.h - P-256 keys and what they sign: hints of the client, and
 * statements of phones.  The phone's own library makes a key anew for every
 * signature; here it would be measured with the daemon. */
#ifndef BENCH_SIGN_H
#define BENCH_SIGN_H

#include <stddef.h>

struct sign_key;

/* A new key; dies if OpenSSL fails.  Signing is for any thread. */
struct sign_key *sign_key_new(void);
void sign_key_free(struct sign_key *key); /* NULL is fine */

/* The public key: a JWK. */
const char *sign_key_jwk(const struct sign_key *key);

/* A compact JWS over claims, by malloc.  typ NULL: none. */
char *sign(const struct sign_key *key, const char *typ, const char *claims);

/* 16 random bytes in base64url. */
void sign_nonce(char ret_text[23]);
/* SHA-256 of a text in base64url, for PKCE. */
void sign_challenge(const char *text, char ret_text[44]);

#endif
