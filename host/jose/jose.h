/* SPDX-License-Identifier: MIT */
/* host/jose/jose.h - signs and verifies compact JSON Web Tokens, and keeps the
 * keys they need.
 *
 *   standards  RFC 7515 (JWS, compact form only), 7517 (JWK), 7518 (ES256 and
 *              RS256 only), 7519 (JWT), 7636 (PKCE), 7638 (thumbprint), 8725
 *   units      _s    seconds; instants count from 1970-01-01 UTC
 *              _len  bytes, without any terminating NUL
 *   errors     FACTOR_E_CONFIG    a key or key set is refused
 *              FACTOR_E_INPUT     a token, or what is to be signed, is refused
 *              FACTOR_E_NOMEM     allocation failed
 *              FACTOR_E_INTERNAL  OpenSSL failed
 *              `err` may be NULL.  Its text is ours or names a member of a
 *              fixed list; never a value from a token or a key.
 *   threads    any, on every function but jose_jwks_add and jose_jwks_clear;
 *              a key never changes once it is made
 */
#ifndef HOST_JOSE_JOSE_H
#define HOST_JOSE_JOSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "factor/base.h"

enum {
    JOSE_TOKEN_MAX = 8192, /* longest token made or taken */
    JOSE_KEYS_MAX = 16,    /* most keys in a set */
    JOSE_KID_SIZE = 44,    /* a thumbprint in base64url, and its NUL */
    JOSE_SHA256_LEN = 32
};

/* Bytes that base64url of `len` octets takes, with the NUL. */
#define JOSE_B64URL_SIZE(len) (((len) * 4 + 2) / 3 + 1)

/* One public key or key pair; counted references, see jose_key_free. */
struct jose_key;

/* Keys of one owner.  Start from { 0 }; holds one reference to each key until
 * jose_jwks_clear. */
struct jose_jwks {
    size_t count;
    struct jose_key *keys[JOSE_KEYS_MAX];
};

/* What a token must say to be taken.  Texts are borrowed. */
struct jose_expect {
    const char *iss;        /* NULL: not looked at */
    const char *aud[2];     /* either one; both NULL: the token has no aud */
    const char *typ;        /* NULL: absent or "JWT" */
    int64_t now_s;
    int64_t leeway_s;       /* clocks may differ by this much */
    int64_t max_lifetime_s; /* above 0: exp is required and not further off */
    int any_aud;            /* aud is not looked at */
    bool proven; /* the signature of this very token was verified before, by
                  * a key that has the name which it has now */
};

/* Makes a key pair and returns it as a private JWK with kid, alg and use, for
 * the key file and for jose_key_import: alg is "ES256" (P-256) or "RS256" (2048
 * bits, which takes a tenth of a second or more).  It is the only way private
 * numbers leave this file, so that a struct jose_key holds no second copy of
 * them in jansson's memory, which nobody wipes.  Owner: the caller. */
factor_status jose_jwk_generate(const char *alg, json_t **ret_jwk,
                                struct factor_error *err);

/* Takes a public or private JWK: EC P-256 or RSA of 2048 to 8192 bits (RFC
 * 7518 6.2, 6.3; two primes, all of them given).  The numbers are checked, and
 * alg, use and key_ops must allow what the key is for if they are there.
 * Checking a private RSA key takes tens of milliseconds. */
factor_status jose_key_import(const json_t *jwk, struct jose_key **ret_key,
                              struct factor_error *err);

/* The same with a private key that jose_jwk_generate() has made: that its
 * primes are primes is taken from there, which leaves a millisecond.  A key
 * whose signatures it does not verify itself is refused. */
factor_status jose_key_load(const json_t *jwk, struct jose_key **ret_key,
                            struct factor_error *err);

/* Another reference to a key, and its end; NULL is fine for jose_key_free. */
struct jose_key *jose_key_ref(struct jose_key *self);
void jose_key_free(struct jose_key *self);

/* The RFC 7638 thumbprint, and "ES256" or "RS256".  Owner: the key. */
const char *jose_key_kid(const struct jose_key *self);
const char *jose_key_alg(const struct jose_key *self);

/* A new public JWK with kid, alg and use, for /pf/JWKS; or NULL without
 * memory.  Owner: the caller. */
json_t *jose_key_public(const struct jose_key *self);

/* Reads a client's {"keys": [...]}: 1 to 16 keys, none with a private member.
 * Keys of an unknown kty and keys for encryption are skipped; one that is
 * understood and wrong refuses the set.  Owner: the caller, who calls
 * jose_jwks_clear. */
factor_status jose_jwks_parse(const json_t *jwks, struct jose_jwks *ret_set,
                              struct factor_error *err);

/* Adds a reference to `key`; FACTOR_E_CONFIG when full.  Threads: alone. */
factor_status jose_jwks_add(struct jose_jwks *set, struct jose_key *key,
                            struct factor_error *err);

/* Drops all keys.  Threads: alone. */
void jose_jwks_clear(struct jose_jwks *set);

/* Signs an object of claims into a compact JWS with alg, kid and, unless it is
 * NULL, typ.  Owner of *ret_token: the caller, by free(). */
factor_status jose_sign(const struct jose_key *key, const char *typ,
                        const json_t *claims, char **ret_token,
                        struct factor_error *err);

/* Verifies a compact JWS and its claims.  A kid must pick one key, by the
 * JWK's own kid or by thumbprint; without one, one key of the set must be of
 * the token's alg.  exp, nbf and iat count where they are there; sub and jti
 * are the caller's to check.  Owner of *ret_claims: the caller. */
factor_status jose_verify(const char *token, size_t len,
                          const struct jose_jwks *keys,
                          const struct jose_expect *expect,
                          json_t **ret_claims, struct factor_error *err);

/* The JOSE calls of struct factor_host (factor/host.h), of which each is one:
 * statements by keys that are at hand as JSON or PEM. */
factor_status jose_statement_verify(const json_t *jwk, const char *typ,
                                    const char *statement,
                                    json_t **ret_claims);
factor_status jose_statement_peek(const char *statement, json_t **ret_claims);
factor_status jose_jwk_thumbprint(const json_t *jwk, char *ret_thumbprint);
factor_status jose_pem_sign(const char *pem, const json_t *header,
                            const json_t *claims, char **ret_statement);

/* base64url without padding (RFC 4648 5), with a NUL; FACTOR_E_INPUT unless
 * ret_size is JOSE_B64URL_SIZE(len) or more. */
factor_status jose_b64url_encode(const void *data, size_t len, char *ret_text,
                                 size_t ret_size);

/* The reverse, canonical text only: no padding, no space, no stray bits in the
 * last character; FACTOR_E_INPUT otherwise and when ret_size is too small,
 * with ret_data partly written. */
factor_status jose_b64url_decode(const char *text, size_t len, void *ret_data,
                                 size_t ret_size, size_t *ret_len);

/* SHA-256 of `len` bytes; FACTOR_E_INTERNAL if OpenSSL has none. */
factor_status jose_sha256(const void *data, size_t len,
                          unsigned char ret_digest[JOSE_SHA256_LEN]);

/* Whether two texts or blobs are the same, in a time that tells their lengths
 * but not their contents. */
int jose_same(const void *a, size_t a_len, const void *b, size_t b_len);

/* Whether `verifier` is well-formed (43 to 128 unreserved characters) and
 * `challenge` is its S256 challenge (RFC 7636 4.1, 4.6); NULL is false. */
int jose_pkce_s256(const char *verifier, const char *challenge);

#endif
