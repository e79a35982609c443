/* SPDX-License-Identifier: MIT */
/* bench/sign.c - ES256, with keys that stay ready. */
#include "bench/sign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/bench.h"
#include "phone/internal.h"

enum { NUMBER_LEN = 32, DER_MAX = 80 };

struct sign_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx; /* copied for each signature */
    char jwk[256];
};

static void
put_number(const EVP_PKEY *pkey, const char *name,
           char ret_text[PHONE_B64_SIZE(NUMBER_LEN)])
{
    unsigned char bytes[NUMBER_LEN];
    BIGNUM *number = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, name, &number) ||
        BN_bn2binpad(number, bytes, sizeof(bytes)) != NUMBER_LEN)
        die("OpenSSL does not show a key");
    phone_b64(bytes, sizeof(bytes), ret_text);
    BN_free(number);
}

struct sign_key *
sign_key_new(void)
{
    struct sign_key *key = must_alloc(1, sizeof(*key));
    char x[PHONE_B64_SIZE(NUMBER_LEN)], y[PHONE_B64_SIZE(NUMBER_LEN)];

    key->pkey = EVP_EC_gen("P-256");
    key->ctx = key->pkey ? EVP_PKEY_CTX_new(key->pkey, NULL) : NULL;
    if (!key->ctx || EVP_PKEY_sign_init(key->ctx) != 1)
        die("OpenSSL makes no key");
    put_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
    put_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
    snprintf(key->jwk, sizeof(key->jwk),
             "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}", x,
             y);
    return key;
}

void
sign_key_free(struct sign_key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->ctx);
    EVP_PKEY_free(key->pkey);
    free(key);
}

const char *
sign_key_jwk(const struct sign_key *key)
{
    return key->jwk;
}

/* JWS has both numbers side by side, OpenSSL has them in DER. */
static void
sign_raw(const struct sign_key *key, const char *text, size_t len,
         unsigned char raw[2 * NUMBER_LEN])
{
    unsigned char digest[SHA256_DIGEST_LENGTH], der[DER_MAX];
    const unsigned char *at = der;
    size_t der_len = sizeof(der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->ctx);
    ECDSA_SIG *pair;

    SHA256((const unsigned char *)text, len, digest);
    if (!ctx ||
        EVP_PKEY_sign(ctx, der, &der_len, digest, sizeof(digest)) != 1 ||
        !(pair = d2i_ECDSA_SIG(NULL, &at, (long)der_len)))
        die("OpenSSL does not sign");
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, NUMBER_LEN);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + NUMBER_LEN, NUMBER_LEN);
    ECDSA_SIG_free(pair);
    EVP_PKEY_CTX_free(ctx);
}

char *
sign(const struct sign_key *key, const char *typ, const char *claims)
{
    unsigned char raw[2 * NUMBER_LEN];
    char header[128], *text;
    size_t header_size, claims_size;

    snprintf(header, sizeof(header), "{\"alg\":\"ES256\"%s%s%s}",
             typ ? ",\"typ\":\"" : "", typ ? typ : "", typ ? "\"" : "");
    header_size = PHONE_B64_SIZE(strlen(header));
    claims_size = PHONE_B64_SIZE(strlen(claims));
    text = must_alloc(1, header_size + claims_size +
                             PHONE_B64_SIZE(sizeof(raw)));
    phone_b64(header, strlen(header), text);
    text[header_size - 1] = '.';
    phone_b64(claims, strlen(claims), text + header_size);
    sign_raw(key, text, header_size + claims_size - 1, raw);
    text[header_size + claims_size - 1] = '.';
    phone_b64(raw, sizeof(raw), text + header_size + claims_size);
    return text;
}

void
sign_nonce(char ret_text[23])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        die("no randomness");
    phone_b64(bytes, sizeof(bytes), ret_text);
}

void
sign_challenge(const char *text, char ret_text[44])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, strlen(text), digest);
    phone_b64(digest, sizeof(digest), ret_text);
}
