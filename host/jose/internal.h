/* SPDX-License-Identifier: MIT */
/* host/jose/internal.h - what the parts of the JOSE layer share. */
#ifndef HOST_JOSE_INTERNAL_H
#define HOST_JOSE_INTERNAL_H

#include <stdatomic.h>

#include <openssl/evp.h>

#include "host/jose/jose.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

enum {
    JOSE_EC_LEN = 32,       /* octets of a P-256 number */
    JOSE_NUMBER_MAX = 1024, /* octets of the largest: RSA with 8192 bits */
    JOSE_ALGS = 2
};

/* A number of a JWK, big-endian in base64url: its name here and in OpenSSL,
 * and its octets, or 0 for as many as it needs and no leading zero. */
struct jose_member {
    const char *name, *param;
    size_t len;
};

/* ES256 and RS256. */
struct jose_alg {
    const char *name, *kty, *crv;
    const struct jose_member *members;
};
extern const struct jose_alg jose_algs[JOSE_ALGS];

struct jose_key {
    atomic_uint refs; /* beyond the first */
    const struct jose_alg *alg;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *signer, *verifier; /* see jose_key.c; NULL: public key */
    json_t *jwk;                     /* public */
    char *name;                      /* the kid its JWK came with, or NULL */
};

/* A token that is being read; zeroed, then filled piece by piece. */
struct jose_token {
    const char *part[3]; /* header, payload, signature: borrowed */
    size_t len[3];
    json_t *header, *claims;
    const struct jose_alg *alg;
    const struct jose_key *key;
};

/* Checks say in a text of ours why they refuse, or return NULL; these two
 * give codes of their own. */
extern const char jose_no_memory[];
extern const char jose_no_openssl[];

/* Cut into its three parts; read header (0) or payload (1), a new reference
 * even where it is refused; the header's alg; the signature, by self->key. */
const char *jose_token_split(struct jose_token *self, const char *text,
                             size_t len);
const char *jose_token_part(const struct jose_token *self, int i,
                            json_t **ret_object);
const char *jose_token_alg(struct jose_token *self);
const char *jose_token_verify(const struct jose_token *self);
/* Whether a header's typ is the wanted one (NULL: absent or "JWT"). */
int jose_typ_fits(const json_t *typ, const char *wanted);

/* Header (NULL: there was no memory for one) and claims, signed. */
const char *jose_token_write(const struct jose_key *key, const json_t *header,
                             const json_t *claims, char token[JOSE_TOKEN_MAX]);

/* Whether a JWK has a private member. */
int jose_has_secret(const json_t *jwk);
/* A context with SHA-256 for a key, or NULL. */
EVP_PKEY_CTX *jose_context(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *));

/* The status of a check, and the error's text. */
factor_status jose_finish(const char *why, factor_status code,
                          struct factor_error *err);

int jose_text_is(const json_t *value, const char *text);
/* Whether a member is not there, or is this text. */
int jose_absent_or(const json_t *object, const char *name, const char *text);

#endif
