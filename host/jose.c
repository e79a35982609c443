/* SPDX-License-Identifier: MIT */
/* host/jose.c - JSON Web Tokens and keys over OpenSSL's EVP interface. */
#include "host/jose.h"

#include <stdatomic.h>
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

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define ALPHABET                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define DATE_MAX INT64_C(253402300799) /* the end of the year 9999 */

enum {
    EC_LEN = 32,       /* octets of a P-256 number */
    NUMBER_MAX = 1024, /* octets of the largest number: RSA with 8192 bits */
    PUBLIC = 2         /* members of a public key; they come first */
};

/* A number of a JWK, big-endian in base64url: its name here and in OpenSSL,
 * and its octets, or 0 for as many as it needs and no leading zero. */
struct member {
    const char *name, *param;
    size_t len;
};

static const struct member members[2][9] = {
    { { "x", OSSL_PKEY_PARAM_EC_PUB_X, EC_LEN },
      { "y", OSSL_PKEY_PARAM_EC_PUB_Y, EC_LEN },
      { "d", OSSL_PKEY_PARAM_PRIV_KEY, EC_LEN } },
    { { "n", OSSL_PKEY_PARAM_RSA_N, 0 },
      { "e", OSSL_PKEY_PARAM_RSA_E, 0 },
      { "d", OSSL_PKEY_PARAM_RSA_D, 0 },
      { "p", OSSL_PKEY_PARAM_RSA_FACTOR1, 0 },
      { "q", OSSL_PKEY_PARAM_RSA_FACTOR2, 0 },
      { "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, 0 },
      { "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, 0 },
      { "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0 } }
};

static const struct alg {
    const char *name, *kty, *crv;
    const struct member *members;
} algs[] = { { "ES256", "EC", "P-256", members[0] },
             { "RS256", "RSA", NULL, members[1] } };

/* Each would let the token choose how it is read or which key verifies it. */
static const char *const refused[][2] = {
    { "crit", "header has crit" }, { "b64", "header has b64" },
    { "zip", "header has zip" },   { "jku", "header has jku" },
    { "x5u", "header has x5u" },   { "x5c", "header has x5c" },
    { "jwk", "header has jwk" }
};

static const char *const secrets[] = { "d",  "p",  "q",   "dp",
                                       "dq", "qi", "oth", "k" };

struct jose_key {
    atomic_uint refs; /* beyond the first */
    const struct alg *alg;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *signer, *verifier; /* see template(); NULL: public key */
    json_t *jwk;                     /* public */
    char *name;                      /* the kid its JWK came with, or NULL */
};

struct token {
    const char *part[3]; /* header, payload, signature */
    size_t len[3];
    json_t *header, *claims;
    const struct alg *alg;
    const struct jose_key *key;
};

/* Checks say in a text of ours why they refuse, or return NULL. */
static const char no_memory[] = "out of memory";
static const char no_openssl[] = "OpenSSL failed";

static factor_status
finish(const char *why, factor_status code, struct factor_error *err)
{
    if (!why)
        return FACTOR_OK;
    ERR_clear_error(); /* the next user of OpenSSL's queue is someone else */
    if (why == no_memory)
        code = FACTOR_E_NOMEM;
    if (why == no_openssl)
        code = FACTOR_E_INTERNAL;
    return error_set(err, code, "%s", why);
}

static int
text_is(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static int
absent_or(const json_t *object, const char *name, const char *text)
{
    const json_t *value = json_object_get(object, name);

    return !value || text_is(value, text);
}

/* --- base64url, digests, equality -------------------------------------- */

factor_status
jose_b64url_encode(const void *data, size_t len, char *ret_text,
                   size_t ret_size)
{
    const unsigned char *in = data;
    unsigned int bits = 0, held = 0;
    size_t i;

    if (len > SIZE_MAX / 8 || ret_size < JOSE_B64URL_SIZE(len))
        return FACTOR_E_INPUT;
    for (i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            *ret_text++ = ALPHABET[bits >> (held - 6) & 63];
    }
    if (held)
        *ret_text++ = ALPHABET[bits << (6 - held) & 63];
    *ret_text = '\0';
    return FACTOR_OK;
}

factor_status
jose_b64url_decode(const char *text, size_t len, void *ret_data,
                   size_t ret_size, size_t *ret_len)
{
    unsigned char *out = ret_data;
    unsigned int bits = 0, held = 0;
    const char *found;
    size_t i;

    if (len % 4 == 1 || ret_size < len / 4 * 3 + len % 4 * 3 / 4)
        return FACTOR_E_INPUT;
    for (i = 0; i < len; i++) {
        found = memchr(ALPHABET, text[i], 64);
        if (!found)
            return FACTOR_E_INPUT;
        bits = bits << 6 | (unsigned int)(found - ALPHABET);
        for (held += 6; held >= 8; held -= 8)
            *out++ = (unsigned char)(bits >> (held - 8));
    }
    if (bits & ((1u << held) - 1))
        return FACTOR_E_INPUT; /* stray bits: a second spelling of the same */
    *ret_len = (size_t)(out - (unsigned char *)ret_data);
    return FACTOR_OK;
}

factor_status
jose_sha256(const void *data, size_t len,
            unsigned char ret_digest[JOSE_SHA256_LEN])
{
    return SHA256(data, len, ret_digest) ? FACTOR_OK : FACTOR_E_INTERNAL;
}

int
jose_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}

int
jose_pkce_s256(const char *verifier, const char *challenge)
{
    unsigned char digest[JOSE_SHA256_LEN];
    char text[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];
    size_t len = verifier ? strlen(verifier) : 0;

    if (!challenge || len < 43 || len > 128 ||
        strspn(verifier, ALPHABET ".~") != len ||
        jose_sha256(verifier, len, digest) ||
        jose_b64url_encode(digest, sizeof(digest), text, sizeof(text)))
        return 0;
    return jose_same(text, strlen(text), challenge, strlen(challenge));
}

/* --- keys --------------------------------------------------------------- */

/* The public members of a JWK with kid, use and alg; the kid is the hash of
 * what stands there before it (RFC 7638). */
static json_t *
public_part(const json_t *jwk, const struct alg *alg)
{
    char text[2 * NUMBER_MAX], kid[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];
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
put_number(json_t *jwk, const EVP_PKEY *pkey, const struct member *m)
{
    unsigned char raw[NUMBER_MAX];
    char text[JOSE_B64URL_SIZE(NUMBER_MAX)];
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
    const struct alg *self = &algs[strcmp(alg, "RS256") == 0];
    const struct member *m = self->members;
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
    return finish(ok ? NULL : "no key was made", FACTOR_E_CONFIG, err);
}

static int
read_number(const json_t *jwk, const struct member *m, unsigned char *raw,
            size_t *ret_len)
{
    const json_t *text = json_object_get(jwk, m->name);

    return json_is_string(text) &&
           !jose_b64url_decode(json_string_value(text),
                               json_string_length(text), raw, NUMBER_MAX,
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

static const char *
make_pkey(struct jose_key *self, OSSL_PARAM *params, int secret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, self->alg->kty, NULL);
    int bits, ok;

    ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
         EVP_PKEY_fromdata(ctx, &self->pkey,
                           secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                           params) == 1;
    EVP_PKEY_CTX_free(ctx);
    bits = ok ? EVP_PKEY_get_bits(self->pkey) : 0;
    if (ok && !self->alg->crv && (bits < 2048 || bits > 8192))
        return "RSA modulus is not of 2048 to 8192 bits";
    ctx = ok ? EVP_PKEY_CTX_new_from_pkey(NULL, self->pkey, NULL) : NULL;
    ok = ctx && (secret ? EVP_PKEY_check : EVP_PKEY_public_check)(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? NULL : "JWK numbers do not make a sound key";
}

static const char *
read_numbers(struct jose_key *self, const json_t *jwk, int secret)
{
    unsigned char raw[8][NUMBER_MAX], point[1 + 2 * EC_LEN] = { 4 };
    char curve[] = "P-256";
    OSSL_PARAM params[8 + 3], *p = params;
    const struct member *m = self->alg->members;
    const char *why = NULL;
    size_t i, len = 0;

    for (i = 0; !why && m[i].name && (secret || i < PUBLIC); i++) {
        if (!read_number(jwk, &m[i], raw[i], &len))
            why = "a number of the JWK is missing or malformed";
        else if (self->alg->crv && i < PUBLIC)
            memcpy(point + 1 + i * EC_LEN, raw[i], EC_LEN);
        if (!why && !to_native(raw[i], len))
            why = no_memory;
        *p++ = OSSL_PARAM_construct_BN(m[i].param, raw[i], len);
    }
    if (self->alg->crv) { /* OpenSSL takes the point in one piece */
        *p++ = OSSL_PARAM_construct_utf8_string("group", curve, 0);
        *p++ = OSSL_PARAM_construct_octet_string("pub", point, sizeof(point));
    }
    *p = OSSL_PARAM_construct_end();
    why = why ? why : make_pkey(self, params, secret);
    OPENSSL_cleanse(raw, sizeof(raw));
    return why;
}

/* Finding the algorithms at each signature costs more than it should, so it
 * is done once and copied; RSA pads by PKCS #1 v1.5 if not told otherwise. */
static EVP_PKEY_CTX *
template(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx && init(ctx) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static int
has_secret(const json_t *jwk)
{
    size_t i = 0;

    while (i < COUNT(secrets) && !json_object_get(jwk, secrets[i]))
        i++;
    return i < COUNT(secrets);
}

static const char *
check_purpose(const json_t *jwk, const struct alg *alg, const char *op)
{
    const json_t *ops = json_object_get(jwk, "key_ops");
    size_t i;

    if (alg->crv && !text_is(json_object_get(jwk, "crv"), alg->crv))
        return "JWK is not on the curve P-256";
    if (!absent_or(jwk, "alg", alg->name))
        return "JWK alg does not fit its kty";
    if (!absent_or(jwk, "use", "sig"))
        return "JWK use is not sig";
    for (i = 0; i < json_array_size(ops); i++)
        if (text_is(json_array_get(ops, i), op))
            return NULL;
    return ops ? "JWK key_ops does not allow it" : NULL;
}

static const char *
read_jwk(struct jose_key *self, const json_t *jwk)
{
    const json_t *kty = json_object_get(jwk, "kty");
    const json_t *kid = json_object_get(jwk, "kid");
    int secret = has_secret(jwk);
    const char *why;

    self->alg = &algs[text_is(kty, "RSA")];
    if (!text_is(kty, self->alg->kty))
        return "JWK is not of kty EC or RSA";
    if (json_object_get(jwk, "oth"))
        return "JWK has more than two primes";
    if (kid && !json_is_string(kid))
        return "JWK kid is not a string";
    if ((why = check_purpose(jwk, self->alg, secret ? "sign" : "verify")) ||
        (why = read_numbers(self, jwk, secret)))
        return why;
    self->name = kid ? strdup(json_string_value(kid)) : NULL;
    self->jwk = public_part(jwk, self->alg);
    self->verifier = template(self->pkey, EVP_PKEY_verify_init);
    self->signer = secret ? template(self->pkey, EVP_PKEY_sign_init) : NULL;
    if ((kid && !self->name) || (secret && !self->signer))
        return no_memory;
    return self->jwk && self->verifier ? NULL : no_memory;
}

factor_status
jose_key_import(const json_t *jwk, struct jose_key **ret_key,
                struct factor_error *err)
{
    struct jose_key *self = calloc(1, sizeof(*self));
    const char *why = self ? read_jwk(self, jwk) : no_memory;

    if (why) {
        jose_key_free(self);
        return finish(why, FACTOR_E_CONFIG, err);
    }
    *ret_key = self;
    return FACTOR_OK;
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
        return finish("too many keys", FACTOR_E_CONFIG, err);
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
        return finish("a JWK has no kty", FACTOR_E_CONFIG, err);
    if (has_secret(jwk))
        return finish("JWKS has a private member", FACTOR_E_CONFIG, err);
    if ((!text_is(kty, "EC") && !text_is(kty, "RSA")) ||
        text_is(json_object_get(jwk, "use"), "enc"))
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
        return finish("JWKS is not a list of at most 16 keys", FACTOR_E_CONFIG,
                      err);
    for (i = 0; !status && i < json_array_size(list); i++)
        status = add_jwk(&set, json_array_get(list, i), err);
    if (!status && !set.count)
        status = finish("JWKS has no usable key", FACTOR_E_CONFIG, err);
    if (status)
        jose_jwks_clear(&set);
    else
        *ret_set = set;
    return status;
}

/* --- signing ------------------------------------------------------------ */

/* JWS has the two numbers of an ES256 signature side by side (RFC 7518 3.4),
 * OpenSSL has them in DER. */
static int
from_der(unsigned char *sig, size_t len)
{
    const unsigned char *at = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    int ok = pair &&
             BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, EC_LEN) == EC_LEN &&
             BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + EC_LEN, EC_LEN) ==
                 EC_LEN;

    ECDSA_SIG_free(pair);
    return ok;
}

static int
to_der(unsigned char *sig, size_t *len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, EC_LEN, NULL);
    BIGNUM *s = BN_bin2bn(sig + EC_LEN, EC_LEN, NULL);

    if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s)) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    *len = (size_t)i2d_ECDSA_SIG(pair, &sig);
    ECDSA_SIG_free(pair);
    return *len != 0;
}

static size_t
signature_len(const struct jose_key *key)
{
    return key->alg->crv ? 2 * EC_LEN : (size_t)EVP_PKEY_get_size(key->pkey);
}

static int
make_signature(const struct jose_key *key, const char *text, size_t text_len,
               unsigned char *sig)
{
    unsigned char digest[JOSE_SHA256_LEN];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->signer);
    size_t len = NUMBER_MAX;
    int ok = ctx && !jose_sha256(text, text_len, digest) &&
             EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest)) == 1 &&
             (!key->alg->crv || from_der(sig, len));

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Appends data in base64url and a dot. */
static int
put_part(char *token, size_t *len, const void *data, size_t data_len)
{
    if (jose_b64url_encode(data, data_len, token + *len, JOSE_TOKEN_MAX - *len))
        return 0;
    *len += JOSE_B64URL_SIZE(data_len);
    token[*len - 1] = '.';
    return 1;
}

static const char *
put_json(char *token, size_t *len, const json_t *value)
{
    char text[JOSE_TOKEN_MAX];
    size_t text_len = json_dumpb(value, text, sizeof(text), JSON_COMPACT);

    if (!text_len)
        return "claims are not an object of UTF-8 JSON";
    return text_len <= sizeof(text) && put_part(token, len, text, text_len)
               ? NULL
               : "claims are too large";
}

static const char *
write_token(const struct jose_key *key, const char *typ, const json_t *claims,
            char token[JOSE_TOKEN_MAX])
{
    unsigned char sig[NUMBER_MAX];
    const char *why;
    json_t *header;
    size_t len = 0;

    if (!key->signer)
        return "key has no private part";
    if (!json_is_object(claims))
        return "claims are not an object";
    header = json_pack("{ss ss ss*}", "alg", key->alg->name, "kid",
                       jose_key_kid(key), "typ", typ);
    why = header ? put_json(token, &len, header) : no_memory;
    json_decref(header);
    if (why || (why = put_json(token, &len, claims)))
        return why;
    if (!make_signature(key, token, len - 1, sig))
        return no_openssl;
    if (!put_part(token, &len, sig, signature_len(key)))
        return "claims are too large";
    token[len - 1] = '\0';
    return NULL;
}

factor_status
jose_sign(const struct jose_key *key, const char *typ, const json_t *claims,
          char **ret_token, struct factor_error *err)
{
    char token[JOSE_TOKEN_MAX];
    const char *why = write_token(key, typ, claims, token);
    char *copy = why ? NULL : strdup(token);

    if (!copy)
        return finish(why ? why : no_memory, FACTOR_E_INPUT, err);
    *ret_token = copy;
    return FACTOR_OK;
}

/* --- verifying ---------------------------------------------------------- */

static const char *
split(struct token *self, const char *text, size_t len)
{
    const char *end = text + len, *next;
    size_t i;

    if (len > JOSE_TOKEN_MAX)
        return "token is too long";
    for (i = 0; i < 3; i++) {
        next = memchr(text, '.', (size_t)(end - text));
        if (!next != (i == 2))
            return "token is not of three parts";
        self->part[i] = text;
        self->len[i] = (size_t)((next ? next : end) - text);
        text = next ? next + 1 : end;
    }
    return NULL;
}

/* Reads header (0) or payload (1). */
static const char *
read_part(const struct token *self, int i, json_t **ret_object)
{
    static const char *const whys[2][3] = {
        { "header is not canonical base64url", "header repeats a member",
          "header is not a JSON object" },
        { "payload is not canonical base64url", "payload repeats a member",
          "payload is not a JSON object" }
    };
    char text[JOSE_TOKEN_MAX];
    json_error_t error;
    size_t len;

    if (jose_b64url_decode(self->part[i], self->len[i], text, sizeof(text),
                           &len))
        return whys[i][0];
    *ret_object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!*ret_object && json_error_code(&error) == json_error_duplicate_key)
        return whys[i][1];
    return json_is_object(*ret_object) ? NULL : whys[i][2];
}

static const char *
check_alg(struct token *self)
{
    const char *name = json_string_value(json_object_get(self->header, "alg"));
    size_t i;

    if (!name)
        return "header has no alg";
    if (strcasecmp(name, "none") == 0)
        return "alg is none";
    if (strncasecmp(name, "HS", 2) == 0)
        return "alg is an HMAC where a public key stands";
    for (i = 0; i < COUNT(algs); i++)
        if (strcmp(name, algs[i].name) == 0)
            self->alg = &algs[i];
    return self->alg ? NULL : "alg is not known";
}

static int
typ_fits(const json_t *typ, const char *wanted)
{
    const char *text = json_string_value(typ);

    if (!typ)
        return !wanted;
    if (text && strncasecmp(text, "application/", 12) == 0)
        text += 12; /* RFC 7515 4.1.9 */
    return text && strcasecmp(text, wanted ? wanted : "JWT") == 0;
}

static const char *
check_header(struct token *self, const struct jose_expect *expect)
{
    const char *why;
    size_t i;

    for (i = 0; i < COUNT(refused); i++)
        if (json_object_get(self->header, refused[i][0]))
            return refused[i][1];
    if ((why = check_alg(self)))
        return why;
    return typ_fits(json_object_get(self->header, "typ"), expect->typ)
               ? NULL
               : "typ is not the expected one";
}

static int
is_called(const struct jose_key *key, const json_t *kid)
{
    return text_is(kid, jose_key_kid(key)) ||
           (key->name && text_is(kid, key->name));
}

static const char *
pick_key(struct token *self, const struct jose_jwks *keys)
{
    const json_t *kid = json_object_get(self->header, "kid");
    size_t i, found = 0;

    if (kid && !json_is_string(kid))
        return "kid is not a string";
    for (i = 0; i < keys->count; i++)
        if (kid ? is_called(keys->keys[i], kid)
                : keys->keys[i]->alg == self->alg) {
            self->key = keys->keys[i];
            found++;
        }
    if (found != 1)
        return kid ? "kid does not pick one key"
                   : "no kid, and not one key of its alg";
    return self->key->alg == self->alg ? NULL : "alg is not the key's";
}

static const char *
check_signature(const struct token *self)
{
    unsigned char sig[NUMBER_MAX], digest[JOSE_SHA256_LEN];
    EVP_PKEY_CTX *ctx;
    size_t len;
    int ok;

    if (jose_b64url_decode(self->part[2], self->len[2], sig, sizeof(sig), &len))
        return "signature is not canonical base64url";
    if (len != signature_len(self->key))
        return "signature has the wrong length";
    if ((self->alg->crv && !to_der(sig, &len)) ||
        jose_sha256(self->part[0], self->len[0] + 1 + self->len[1], digest))
        return no_openssl;
    ctx = EVP_PKEY_CTX_dup(self->key->verifier);
    ok = ctx && EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest)) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? NULL : "signature does not match";
}

static const char *
check_aud(const json_t *aud, const struct jose_expect *expect)
{
    const json_t *one = aud;
    size_t i, j, count = json_is_array(aud) ? json_array_size(aud) : 1;
    int found = 0;

    if (expect->any_aud)
        return NULL;
    if (!aud && !expect->aud[0] && !expect->aud[1])
        return NULL;
    for (i = 0; i < count; i++) {
        one = json_is_array(aud) ? json_array_get(aud, i) : aud;
        if (!json_is_string(one))
            return "aud is not a string or a list of strings";
        for (j = 0; j < COUNT(expect->aud); j++)
            found |= expect->aud[j] && text_is(one, expect->aud[j]);
    }
    return found ? NULL : "aud is not the expected one";
}

/* A date that is absent leaves -1. */
static int
read_date(const json_t *claims, const char *name, int64_t *ret_date_s)
{
    const json_t *date = json_object_get(claims, name);

    *ret_date_s = date ? json_integer_value(date) : -1;
    return !date || (json_is_integer(date) && *ret_date_s >= 0 &&
                     *ret_date_s <= DATE_MAX);
}

static const char *
check_dates(const json_t *claims, const struct jose_expect *expect)
{
    int64_t exp_s, nbf_s, iat_s, max_s = expect->max_lifetime_s;
    int64_t latest_s = expect->now_s + expect->leeway_s;

    if (!read_date(claims, "exp", &exp_s))
        return "exp is not a date in whole seconds";
    if (!read_date(claims, "nbf", &nbf_s))
        return "nbf is not a date in whole seconds";
    if (!read_date(claims, "iat", &iat_s))
        return "iat is not a date in whole seconds";
    if (max_s > 0 && exp_s < 0)
        return "exp is missing";
    if (exp_s >= 0 && exp_s <= expect->now_s - expect->leeway_s)
        return "token has expired";
    if (nbf_s > latest_s)
        return "token is not valid yet";
    if (iat_s > latest_s)
        return "token was issued in the future";
    if (max_s > 0 && (exp_s - latest_s > max_s ||
                      (iat_s >= 0 && exp_s - iat_s > max_s)))
        return "token lives too long";
    return NULL;
}

static const char *
check_claims(const json_t *claims, const struct jose_expect *expect)
{
    const char *why;

    if (expect->iss && !text_is(json_object_get(claims, "iss"), expect->iss))
        return "iss is not the expected one";
    why = check_aud(json_object_get(claims, "aud"), expect);
    return why ? why : check_dates(claims, expect);
}

/* The payload is not read before its signature is known to be good. */
factor_status
jose_verify(const char *token, size_t len, const struct jose_jwks *keys,
            const struct jose_expect *expect, json_t **ret_claims,
            struct factor_error *err)
{
    struct token self = { 0 };
    const char *why;

    if ((why = split(&self, token, len)) ||
        (why = read_part(&self, 0, &self.header)) ||
        (why = check_header(&self, expect)) ||
        (why = pick_key(&self, keys)) || (why = check_signature(&self)) ||
        (why = read_part(&self, 1, &self.claims)) ||
        (why = check_claims(self.claims, expect)))
        json_decref(self.claims);
    else
        *ret_claims = self.claims;
    json_decref(self.header);
    return finish(why, FACTOR_E_INPUT, err);
}
