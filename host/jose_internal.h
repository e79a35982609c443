/* SPDX-License-Identifier: MIT */
/* host/jose_internal.h - what the parts of the JOSE layer share. */
#ifndef HOST_JOSE_INTERNAL_H
#define HOST_JOSE_INTERNAL_H

#include <stdatomic.h>

#include <openssl/evp.h>

#include "host/jose.h"

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

/* Checks say in a text of ours why they refuse, or return NULL; these two
 * give codes of their own. */
extern const char jose_no_memory[];
extern const char jose_no_openssl[];

/* The status of a check, and the error's text. */
factor_status jose_finish(const char *why, factor_status code,
                          struct factor_error *err);

int jose_text_is(const json_t *value, const char *text);
/* Whether a member is not there, or is this text. */
int jose_absent_or(const json_t *object, const char *name, const char *text);

#endif
