/* SPDX-License-Identifier: MIT */
/* host/jose/key.c - keys and key sets: made, read, published. */
#include "host/jose/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "host/error.h"

enum { PUBLIC = 2 }; /* members of a public key; they come first */

static const struct jose_member members[2][9] = {
    { { "x", OSSL_PKEY_PARAM_EC_PUB_X, JOSE_EC_LEN },
      { "y", OSSL_PKEY_PARAM_EC_PUB_Y, JOSE_EC_LEN },
      { "d", OSSL_PKEY_PARAM_PRIV_KEY, JOSE_EC_LEN } },
    { { "n", OSSL_PKEY_PARAM_RSA_N, 0 },
      { "e", OSSL_PKEY_PARAM_RSA_E, 0 },
      { "d", OSSL_PKEY_PARAM_RSA_D, 0 },
      { "p", OSSL_PKEY_PARAM_RSA_FACTOR1, 0 },
      { "q", OSSL_PKEY_PARAM_RSA_FACTOR2, 0 },
      { "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, 0 },
      { "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, 0 },
      { "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0 } }
};

const struct jose_alg jose_algs[JOSE_ALGS] = {
    { "ES256", "EC", "P-256", members[0] },
    { "RS256", "RSA", NULL, members[1] },
};

static const char *const secrets[] = { "d",  "p",  "q",   "dp",
                                       "dq", "qi", "oth", "k" };

const char jose_no_memory[] = "out of memory";
const char jose_no_openssl[] = "OpenSSL failed";

factor_status
jose_finish(const char *why, factor_status code, struct factor_error *err)
{
    if (!why)
        return FACTOR_OK;
    ERR_clear_error(); /* the next user of OpenSSL's queue is someone else */
    if (why == jose_no_memory)
        code = FACTOR_E_NOMEM;
    if (why == jose_no_openssl)
        code = FACTOR_E_INTERNAL;
    return error_set(err, code, "%s", why);
}

int
jose_text_is(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

int
jose_absent_or(const json_t *object, const char *name, const char *text)
{
    const json_t *value = json_object_get(object, name);

    return !value || jose_text_is(value, text);
}

/* The public members of a JWK with kid, use and alg; the kid is the hash of
 * what stands there before it (RFC 7638). */
static json_t *
public_part(const json_t *jwk, const struct jose_alg *alg)
{
    char text[2 * JOSE_NUMBER_MAX], kid[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];
    unsigned char digest[JOSE_SHA256_LEN];
    json_t *part = json_pack("{ss ss*}", "kty", alg->kty, "crv", alg->crv);
    size_t i, len;

    for (i = 0; i < PUBLIC; i++)
        json_object_set_new(
            part, alg->members[i].name,
            json_copy(json_object_get(jwk, alg->members[i].name)));
    len = json_dumpb(part, text, sizeof(text), JSON_COMPACT | JSON_SORT_KEYS);
    if (json_object_size(part) == PUBLIC + 1u + (alg->crv != NULL) &&
        len && len <= sizeof(text) && !jose_sha256(text, len, digest) &&
        !jose_b64url_encode(digest, sizeof(digest), kid, sizeof(kid)) &&
        !json_object_set_new(part, "kid", json_string(kid)) &&
        !json_object_set_new(part, "use", json_string("sig")) &&
        !json_object_set_new(part, "alg", json_string(alg->name)))
        return part;
    json_decref(part);
    return NULL;
}

static int
put_number(json_t *jwk, const EVP_PKEY *pkey, const struct jose_member *m)
{
    unsigned char raw[JOSE_NUMBER_MAX];
    char text[JOSE_B64URL_SIZE(JOSE_NUMBER_MAX)];
    BIGNUM *number = NULL;
    int ok = EVP_PKEY_get_bn_param(pkey, m->param, &number), len = (int)m->len;

    len = ok && !len ? BN_num_bytes(number) : len;
    ok = ok && BN_bn2binpad(number, raw, len) == len &&
         !jose_b64url_encode(raw, (size_t)len, text, sizeof(text)) &&
         !json_object_set_new(jwk, m->name, json_string(text));
    OPENSSL_cleanse(raw, sizeof(raw));
    OPENSSL_cleanse(text, sizeof(text));
    BN_clear_free(number);
    return ok;
}

factor_status
jose_jwk_generate(const char *alg, json_t **ret_jwk, struct factor_error *err)
{
    const struct jose_alg *self = &jose_algs[strcmp(alg, "RS256") == 0];
    const struct jose_member *m = self->members;
    json_t *jwk = json_object(), *part;
    EVP_PKEY *pkey = NULL;
    int ok = strcmp(alg, self->name) == 0;

    if (ok)
        pkey = self->crv ? EVP_EC_gen(self->crv) : EVP_RSA_gen(2048);
    for (ok = pkey != NULL; ok && m->name; m++)
        ok = put_number(jwk, pkey, m);
    part = ok ? public_part(jwk, self) : NULL;
    ok = part && json_object_update(jwk, part) == 0;
    EVP_PKEY_free(pkey);
    json_decref(part);
    if (ok)
        *ret_jwk = jwk;
    else
        json_decref(jwk);
    return jose_finish(ok ? NULL : "no key was made", FACTOR_E_CONFIG, err);
}

static int
read_number(const json_t *jwk, const struct jose_member *m, unsigned char *raw,
            size_t *ret_len)
{
    const json_t *text = json_object_get(jwk, m->name);

    return json_is_string(text) &&
           !jose_b64url_decode(json_string_value(text),
                               json_string_length(text), raw, JOSE_NUMBER_MAX,
                               ret_len) &&
           (m->len ? *ret_len == m->len : *ret_len && raw[0]);
}

static int
to_native(unsigned char *raw, size_t len)
{
    BIGNUM *number = BN_bin2bn(raw, (int)len, NULL);
    int ok = number && BN_bn2nativepad(number, raw, (int)len) > 0;

    BN_clear_free(number);
    return ok;
}

/* How much is made sure of a key. */
enum trust {
    TRUST_PUBLIC, /* it has no private numbers */
    TRUST_NOBODY, /* all of it */
    TRUST_OURS    /* its private numbers are as we wrote them */
};

static const char *
make_pkey(struct jose_key *self, OSSL_PARAM *params, enum trust trust)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, self->alg->kty, NULL);
    int bits, ok;

    ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
         EVP_PKEY_fromdata(ctx, &self->pkey,
                           trust == TRUST_PUBLIC ? EVP_PKEY_PUBLIC_KEY
                                                 : EVP_PKEY_KEYPAIR,
                           params) == 1;
    EVP_PKEY_CTX_free(ctx);
    bits = ok ? EVP_PKEY_get_bits(self->pkey) : 0;
    if (ok && !self->alg->crv && (bits < 2048 || bits > 8192))
        return "RSA modulus is not of 2048 to 8192 bits";
    ctx = ok ? EVP_PKEY_CTX_new_from_pkey(NULL, self->pkey, NULL) : NULL;
    ok = ctx && (trust == TRUST_NOBODY ? EVP_PKEY_check
                                       : EVP_PKEY_public_check)(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? NULL : "JWK numbers do not make a sound key";
}

static const char *
read_numbers(struct jose_key *self, const json_t *jwk, enum trust trust)
{
    unsigned char raw[8][JOSE_NUMBER_MAX], point[1 + 2 * JOSE_EC_LEN] = { 4 };
    char curve[] = "P-256";
    OSSL_PARAM params[8 + 3], *p = params;
    const struct jose_member *m = self->alg->members;
    const char *why = NULL;
    size_t i, len = 0;

    for (i = 0; !why && m[i].name && (trust != TRUST_PUBLIC || i < PUBLIC);
         i++) {
        if (!read_number(jwk, &m[i], raw[i], &len))
            why = "a number of the JWK is missing or malformed";
        else if (self->alg->crv && i < PUBLIC)
            memcpy(point + 1 + i * JOSE_EC_LEN, raw[i], JOSE_EC_LEN);
        if (!why && !to_native(raw[i], len))
            why = jose_no_memory;
        *p++ = OSSL_PARAM_construct_BN(m[i].param, raw[i], len);
    }
    if (self->alg->crv) { /* OpenSSL takes the point in one piece */
        *p++ = OSSL_PARAM_construct_utf8_string("group", curve, 0);
        *p++ = OSSL_PARAM_construct_octet_string("pub", point, sizeof(point));
    }
    *p = OSSL_PARAM_construct_end();
    why = why ? why : make_pkey(self, params, trust);
    OPENSSL_cleanse(raw, sizeof(raw));
    return why;
}

/* Finding the algorithms at each signature costs more than it should, so it
 * is done once and copied; RSA pads by PKCS #1 v1.5 if not told otherwise. */
EVP_PKEY_CTX *
jose_context(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx && init(ctx) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

int
jose_has_secret(const json_t *jwk)
{
    size_t i = 0;

    while (i < COUNT(secrets) && !json_object_get(jwk, secrets[i]))
        i++;
    return i < COUNT(secrets);
}

static const char *
check_purpose(const json_t *jwk, const struct jose_alg *alg, const char *op)
{
    const json_t *ops = json_object_get(jwk, "key_ops");
    size_t i;

    if (alg->crv && !jose_text_is(json_object_get(jwk, "crv"), alg->crv))
        return "JWK is not on the curve P-256";
    if (!jose_absent_or(jwk, "alg", alg->name))
        return "JWK alg does not fit its kty";
    if (!jose_absent_or(jwk, "use", "sig"))
        return "JWK use is not sig";
    for (i = 0; i < json_array_size(ops); i++)
        if (jose_text_is(json_array_get(ops, i), op))
            return NULL;
    return ops ? "JWK key_ops does not allow it" : NULL;
}

static const char *
read_jwk(struct jose_key *self, const json_t *jwk, enum trust trust)
{
    const json_t *kty = json_object_get(jwk, "kty");
    const json_t *kid = json_object_get(jwk, "kid");
    int secret = jose_has_secret(jwk);
    const char *why;

    self->alg = &jose_algs[jose_text_is(kty, "RSA")];
    if (!jose_text_is(kty, self->alg->kty))
        return "JWK is not of kty EC or RSA";
    if (json_object_get(jwk, "oth"))
        return "JWK has more than two primes";
    if (kid && !json_is_string(kid))
        return "JWK kid is not a string";
    if ((why = check_purpose(jwk, self->alg, secret ? "sign" : "verify")) ||
        (why = read_numbers(self, jwk, secret ? trust : TRUST_PUBLIC)))
        return why;
    self->name = kid ? strdup(json_string_value(kid)) : NULL;
    self->jwk = public_part(jwk, self->alg);
    self->verifier = jose_context(self->pkey, EVP_PKEY_verify_init);
    self->signer = secret ? jose_context(self->pkey, EVP_PKEY_sign_init) : NULL;
    if ((kid && !self->name) || (secret && !self->signer))
        return jose_no_memory;
    return self->jwk && self->verifier ? NULL : jose_no_memory;
}

/* What it signs, it verifies. */
static int
signs(const struct jose_key *self)
{
    unsigned char digest[32] = { 1 }, signature[JOSE_NUMBER_MAX];
    size_t len = sizeof(signature);
    EVP_PKEY_CTX *signer = self->signer ? EVP_PKEY_CTX_dup(self->signer) : NULL;
    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_dup(self->verifier);
    int ok = signer && verifier &&
             EVP_PKEY_sign(signer, signature, &len, digest, sizeof(digest)) ==
                 1 &&
             EVP_PKEY_verify(verifier, signature, len, digest,
                             sizeof(digest)) == 1;

    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_CTX_free(verifier);
    return ok;
}

static factor_status
import(const json_t *jwk, enum trust trust, struct jose_key **ret_key,
       struct factor_error *err)
{
    struct jose_key *self = calloc(1, sizeof(*self));
    const char *why = self ? read_jwk(self, jwk, trust) : jose_no_memory;

    if (!why && trust == TRUST_OURS && !signs(self))
        why = "JWK numbers do not make a sound key";
    if (why) {
        jose_key_free(self);
        return jose_finish(why, FACTOR_E_CONFIG, err);
    }
    *ret_key = self;
    return FACTOR_OK;
}

factor_status
jose_key_import(const json_t *jwk, struct jose_key **ret_key,
                struct factor_error *err)
{
    return import(jwk, TRUST_NOBODY, ret_key, err);
}

factor_status
jose_key_load(const json_t *jwk, struct jose_key **ret_key,
              struct factor_error *err)
{
    return import(jwk, TRUST_OURS, ret_key, err);
}

struct jose_key *
jose_key_ref(struct jose_key *self)
{
    atomic_fetch_add(&self->refs, 1);
    return self;
}

void
jose_key_free(struct jose_key *self)
{
    if (!self || atomic_fetch_sub(&self->refs, 1) > 0)
        return;
    EVP_PKEY_CTX_free(self->signer);
    EVP_PKEY_CTX_free(self->verifier);
    EVP_PKEY_free(self->pkey);
    json_decref(self->jwk);
    free(self->name);
    free(self);
}

const char *
jose_key_kid(const struct jose_key *self)
{
    return json_string_value(json_object_get(self->jwk, "kid"));
}

const char *
jose_key_alg(const struct jose_key *self)
{
    return self->alg->name;
}

json_t *
jose_key_public(const struct jose_key *self)
{
    return json_deep_copy(self->jwk);
}

/* --- key sets ----------------------------------------------------------- */

factor_status
jose_jwks_add(struct jose_jwks *set, struct jose_key *key,
              struct factor_error *err)
{
    if (set->count == JOSE_KEYS_MAX)
        return jose_finish("too many keys", FACTOR_E_CONFIG, err);
    set->keys[set->count++] = jose_key_ref(key);
    return FACTOR_OK;
}

void
jose_jwks_clear(struct jose_jwks *set)
{
    while (set->count)
        jose_key_free(set->keys[--set->count]);
}

static factor_status
add_jwk(struct jose_jwks *set, const json_t *jwk, struct factor_error *err)
{
    const json_t *kty = json_object_get(jwk, "kty");
    factor_status status;

    if (!json_is_string(kty))
        return jose_finish("a JWK has no kty", FACTOR_E_CONFIG, err);
    if (jose_has_secret(jwk))
        return jose_finish("JWKS has a private member", FACTOR_E_CONFIG, err);
    if ((!jose_text_is(kty, "EC") && !jose_text_is(kty, "RSA")) ||
        jose_text_is(json_object_get(jwk, "use"), "enc"))
        return FACTOR_OK;
    status = jose_key_import(jwk, &set->keys[set->count], err);
    set->count += status == FACTOR_OK;
    return status;
}

factor_status
jose_jwks_parse(const json_t *jwks, struct jose_jwks *ret_set,
                struct factor_error *err)
{
    const json_t *list = json_object_get(jwks, "keys");
    struct jose_jwks set = { 0 };
    factor_status status = FACTOR_OK;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > JOSE_KEYS_MAX)
        return jose_finish("JWKS is not a list of at most 16 keys",
                           FACTOR_E_CONFIG, err);
    for (i = 0; !status && i < json_array_size(list); i++)
        status = add_jwk(&set, json_array_get(list, i), err);
    if (!status && !set.count)
        status = jose_finish("JWKS has no usable key", FACTOR_E_CONFIG, err);
    if (status)
        jose_jwks_clear(&set);
    else
        *ret_set = set;
    return status;
}
