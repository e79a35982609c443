/* SPDX-License-Identifier: MIT */
/* phone/crypto.c - base64url, P-256 keys as JWK, thumbprints, signatures. */
#include "phone/internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#define ALPHABET                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"factor-phone+jwt\"}"

enum {
    LEN = PHONE_NUMBER_LEN,
    DER_MAX = 80,
    JWK_MAX = 4096,  /* of a public key, RSA included */
    TRIES = 128      /* each fails with a chance of 2^-32 */
};

void
phone_wipe(void *memory, size_t len)
{
    OPENSSL_cleanse(memory, len);
}

void
phone_wipe_text(char *text)
{
    if (text)
        phone_wipe(text, strlen(text));
    free(text);
}

/* --- base64url --- */

void
phone_b64(const void *data, size_t len, char *ret_text)
{
    const unsigned char *in = data;
    unsigned bits = 0, held = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            *ret_text++ = ALPHABET[bits >> (held - 6) & 63];
    }
    if (held)
        *ret_text++ = ALPHABET[bits << (6 - held) & 63];
    *ret_text = '\0';
}

bool
phone_unb64(const char *text, void *ret_data, size_t len)
{
    unsigned char *out = ret_data;
    unsigned bits = 0, held = 0;
    const char *found;

    if (!text || strlen(text) != PHONE_B64_SIZE(len) - 1)
        return false;
    for (; *text; text++) {
        found = memchr(ALPHABET, *text, 64);
        if (!found)
            return false;
        bits = bits << 6 | (unsigned)(found - ALPHABET);
        for (held += 6; held >= 8; held -= 8)
            *out++ = (unsigned char)(bits >> (held - 8));
    }
    return !(bits & ((1u << held) - 1)); /* stray bits: a second spelling */
}

/* --- keys --- */

/* Computes x and y from d; false unless d is a private key of P-256. */
static bool
derive(struct phone_key *key)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group ? EC_POINT_new(group) : NULL;
    BIGNUM *d = BN_secure_new(), *x = BN_new(), *y = BN_new();
    bool ok = point && d && x && y && BN_bin2bn(key->d, LEN, d) &&
              !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0;

    if (ok)
        BN_set_flags(d, BN_FLG_CONSTTIME);
    ok = ok && EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1 &&
         EC_POINT_get_affine_coordinates(group, point, x, y, NULL) == 1 &&
         BN_bn2binpad(x, key->x, LEN) == LEN &&
         BN_bn2binpad(y, key->y, LEN) == LEN;
    BN_clear_free(d);
    BN_free(x);
    BN_free(y);
    EC_POINT_clear_free(point);
    EC_GROUP_free(group);
    return ok;
}

bool
phone_key_make(const struct factor_phone_io *io, struct phone_key *ret_key)
{
    int tries;

    for (tries = 0; tries < TRIES; tries++) {
        if (io->random(io->context, ret_key->d, LEN))
            break;
        if (derive(ret_key))
            return true;
    }
    ERR_clear_error();
    return false;
}

bool
phone_key_read(const json_t *jwk, struct phone_key *ret_key)
{
    struct phone_key said;
    const char *kty = phone_text(jwk, "kty", 1, 8);
    const char *crv = phone_text(jwk, "crv", 1, 8);
    bool ok = kty && crv && strcmp(kty, "EC") == 0 &&
              strcmp(crv, "P-256") == 0 &&
              phone_unb64(phone_text(jwk, "d", 1, 64), said.d, LEN) &&
              phone_unb64(phone_text(jwk, "x", 1, 64), said.x, LEN) &&
              phone_unb64(phone_text(jwk, "y", 1, 64), said.y, LEN);

    if (ok) {
        memcpy(ret_key->d, said.d, LEN);
        ok = derive(ret_key) && memcmp(said.x, ret_key->x, LEN) == 0 &&
             memcmp(said.y, ret_key->y, LEN) == 0;
        ERR_clear_error();
    }
    phone_wipe(&said, sizeof(said));
    return ok;
}

json_t *
phone_key_jwk(const struct phone_key *key, bool secret)
{
    char x[PHONE_B64_SIZE(LEN)], y[PHONE_B64_SIZE(LEN)];
    char d[PHONE_B64_SIZE(LEN)];
    json_t *jwk;

    phone_b64(key->x, LEN, x);
    phone_b64(key->y, LEN, y);
    jwk = json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                    x, "y", y);
    if (jwk && secret) {
        phone_b64(key->d, LEN, d);
        if (json_object_set_new(jwk, "d", json_string(d))) {
            json_decref(jwk);
            jwk = NULL;
        }
        phone_wipe(d, sizeof(d));
    }
    return jwk;
}

/* --- thumbprint and check value --- */

/* The members that RFC 7638 3.2 names. */
static const struct {
    const char *kty, *members[4];
} required[] = {
    { "EC", { "crv", "kty", "x", "y" } },
    { "RSA", { "e", "kty", "n" } },
};

static json_t *
required_members(const json_t *jwk)
{
    const char *kty = phone_text(jwk, "kty", 1, 8), *text;
    json_t *part = json_object();
    size_t i, j;

    for (i = 0; kty && i < COUNT(required); i++)
        for (j = 0; strcmp(kty, required[i].kty) == 0 && j < 4; j++) {
            if (!required[i].members[j])
                break;
            text = phone_text(jwk, required[i].members[j], 1, 2048);
            if (!text || json_object_set_new(part, required[i].members[j],
                                             json_string(text))) {
                json_decref(part);
                return NULL;
            }
        }
    return part;
}

bool
phone_thumbprint(const json_t *jwk, char ret_text[FACTOR_PHONE_THUMB_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[JWK_MAX];
    json_t *part = required_members(jwk);
    size_t len = json_object_size(part) == 0
                     ? 0
                     : json_dumpb(part, text, sizeof(text),
                                  JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(part);
    if (len == 0 || len > sizeof(text))
        return false;
    SHA256((const unsigned char *)text, len, digest);
    phone_b64(digest, sizeof(digest), ret_text);
    return true;
}

bool
phone_check(const struct phone_key *key,
            char ret_text[FACTOR_PHONE_CHECK_SIZE])
{
    static const char letters[] = "ABCDEFGHJKMNPQRSTVWXYZ0123456789";
    char text[sizeof("factor-check:") + FACTOR_PHONE_THUMB_SIZE] =
        "factor-check:";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    json_t *jwk = phone_key_jwk(key, false);
    bool ok = jwk && phone_thumbprint(jwk, text + strlen(text));
    unsigned bits, i;

    json_decref(jwk);
    if (!ok)
        return false;
    SHA256((const unsigned char *)text, strlen(text), digest);
    bits = (unsigned)digest[0] << 24 | (unsigned)digest[1] << 16 |
           (unsigned)digest[2] << 8 | digest[3];
    for (i = 0; i < FACTOR_PHONE_CHECK_SIZE - 1; i++)
        ret_text[i] = letters[bits >> (27 - 5 * i) & 31];
    ret_text[i] = '\0';
    return true;
}

/* --- signatures --- */

/* A number as OpenSSL's parameters have it: in the machine's byte order. */
static bool
to_native(const unsigned char *number, unsigned char ret_native[LEN])
{
    BIGNUM *big = BN_bin2bn(number, LEN, NULL);
    bool ok = big && BN_bn2nativepad(big, ret_native, LEN) == LEN;

    BN_clear_free(big);
    return ok;
}

static EVP_PKEY *
to_pkey(const struct phone_key *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    unsigned char point[1 + 2 * LEN] = { 4 }, d[LEN];
    char curve[] = "P-256";
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
                                          sizeof(point)),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, d, sizeof(d)),
        OSSL_PARAM_construct_end()
    };

    memcpy(point + 1, key->x, LEN);
    memcpy(point + 1 + LEN, key->y, LEN);
    if (!ctx || !to_native(key->d, d) || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    phone_wipe(d, sizeof(d));
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* JWS has the two numbers of a signature side by side (RFC 7518 3.4), OpenSSL
 * has them in DER. */
static bool
from_der(const unsigned char *der, size_t len, unsigned char raw[2 * LEN])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok = pair &&
              BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, LEN) == LEN &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + LEN, LEN) == LEN;

    ECDSA_SIG_free(pair);
    return ok;
}

static bool
sign(const struct phone_key *key, const char *text, size_t text_len,
     unsigned char raw[2 * LEN])
{
    EVP_PKEY *pkey = to_pkey(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char der[DER_MAX];
    size_t len = sizeof(der);
    bool ok = pkey && ctx &&
              EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestSign(ctx, der, &len, (const unsigned char *)text,
                             text_len) == 1 &&
              from_der(der, len, raw);

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return ok;
}

char *
phone_jws(const struct phone_key *key, const json_t *claims)
{
    unsigned char raw[2 * LEN];
    char payload[PHONE_STATEMENT_MAX];
    size_t len = json_dumpb(claims, payload, sizeof(payload), JSON_COMPACT);
    size_t before = PHONE_B64_SIZE(strlen(HEADER));
    size_t size = before + PHONE_B64_SIZE(len) + PHONE_B64_SIZE(sizeof(raw));
    char *text;

    if (len == 0 || size > PHONE_STATEMENT_MAX + 1 || !(text = malloc(size)))
        return NULL;
    phone_b64(HEADER, strlen(HEADER), text);
    text[before - 1] = '.';
    phone_b64(payload, len, text + before);
    before += PHONE_B64_SIZE(len);
    if (!sign(key, text, before - 1, raw)) {
        free(text);
        return NULL;
    }
    text[before - 1] = '.';
    phone_b64(raw, sizeof(raw), text + before);
    return text;
}
