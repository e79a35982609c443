/* SPDX-License-Identifier: MIT */
/* host/jose/token.c - compact JSON Web Tokens: signed and verified. */
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

#define DATE_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* Each would let the token choose how it is read or which key verifies it. */
static const char *const refused[][2] = {
    { "crit", "header has crit" }, { "b64", "header has b64" },
    { "zip", "header has zip" },   { "jku", "header has jku" },
    { "x5u", "header has x5u" },   { "x5c", "header has x5c" },
    { "jwk", "header has jwk" }
};

/* --- signing ------------------------------------------------------------ */

/* JWS has the two numbers of an ES256 signature side by side (RFC 7518 3.4),
 * OpenSSL has them in DER. */
static int
from_der(unsigned char *sig, size_t len)
{
    const unsigned char *at = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    int ok = pair &&
             BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, JOSE_EC_LEN) ==
                  JOSE_EC_LEN &&
             BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + JOSE_EC_LEN,
                           JOSE_EC_LEN) ==
                 JOSE_EC_LEN;

    ECDSA_SIG_free(pair);
    return ok;
}

static int
to_der(unsigned char *sig, size_t *len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, JOSE_EC_LEN, NULL);
    BIGNUM *s = BN_bin2bn(sig + JOSE_EC_LEN, JOSE_EC_LEN, NULL);

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
    return key->alg->crv ? 2 * JOSE_EC_LEN
                         : (size_t)EVP_PKEY_get_size(key->pkey);
}

static int
make_signature(const struct jose_key *key, const char *text, size_t text_len,
               unsigned char *sig)
{
    unsigned char digest[JOSE_SHA256_LEN];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->signer);
    size_t len = JOSE_NUMBER_MAX;
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

const char *
jose_token_write(const struct jose_key *key, const json_t *header,
                 const json_t *claims, char token[JOSE_TOKEN_MAX])
{
    unsigned char sig[JOSE_NUMBER_MAX];
    const char *why;
    size_t len = 0;

    if (!key->signer)
        return "key has no private part";
    if (!json_is_object(claims))
        return "claims are not an object";
    if (!header)
        return jose_no_memory;
    if ((why = put_json(token, &len, header)) ||
        (why = put_json(token, &len, claims)))
        return why;
    if (!make_signature(key, token, len - 1, sig))
        return jose_no_openssl;
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
    json_t *header = json_pack("{ss ss ss*}", "alg", key->alg->name, "kid",
                               jose_key_kid(key), "typ", typ);
    const char *why = jose_token_write(key, header, claims, token);
    char *copy = why ? NULL : strdup(token);

    json_decref(header);
    if (!copy)
        return jose_finish(why ? why : jose_no_memory, FACTOR_E_INPUT, err);
    *ret_token = copy;
    return FACTOR_OK;
}

/* --- verifying ---------------------------------------------------------- */

const char *
jose_token_split(struct jose_token *self, const char *text, size_t len)
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

const char *
jose_token_part(const struct jose_token *self, int i, json_t **ret_object)
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

const char *
jose_token_alg(struct jose_token *self)
{
    const char *name = json_string_value(json_object_get(self->header, "alg"));
    size_t i;

    if (!name)
        return "header has no alg";
    if (strcasecmp(name, "none") == 0)
        return "alg is none";
    if (strncasecmp(name, "HS", 2) == 0)
        return "alg is an HMAC where a public key stands";
    for (i = 0; i < JOSE_ALGS; i++)
        if (strcmp(name, jose_algs[i].name) == 0)
            self->alg = &jose_algs[i];
    return self->alg ? NULL : "alg is not known";
}

int
jose_typ_fits(const json_t *typ, const char *wanted)
{
    const char *text = json_string_value(typ);

    if (!typ)
        return !wanted;
    if (text && strncasecmp(text, "application/", 12) == 0)
        text += 12; /* RFC 7515 4.1.9 */
    return text && strcasecmp(text, wanted ? wanted : "JWT") == 0;
}

static const char *
check_header(struct jose_token *self, const struct jose_expect *expect)
{
    const char *why;
    size_t i;

    for (i = 0; i < COUNT(refused); i++)
        if (json_object_get(self->header, refused[i][0]))
            return refused[i][1];
    if ((why = jose_token_alg(self)))
        return why;
    return jose_typ_fits(json_object_get(self->header, "typ"), expect->typ)
               ? NULL
               : "typ is not the expected one";
}

static int
is_called(const struct jose_key *key, const json_t *kid)
{
    return jose_text_is(kid, jose_key_kid(key)) ||
           (key->name && jose_text_is(kid, key->name));
}

static const char *
pick_key(struct jose_token *self, const struct jose_jwks *keys)
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

const char *
jose_token_verify(const struct jose_token *self)
{
    unsigned char sig[JOSE_NUMBER_MAX], digest[JOSE_SHA256_LEN];
    EVP_PKEY_CTX *ctx;
    size_t len;
    int ok;

    if (jose_b64url_decode(self->part[2], self->len[2], sig, sizeof(sig), &len))
        return "signature is not canonical base64url";
    if (len != signature_len(self->key))
        return "signature has the wrong length";
    if ((self->alg->crv && !to_der(sig, &len)) ||
        jose_sha256(self->part[0], self->len[0] + 1 + self->len[1], digest))
        return jose_no_openssl;
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
            found |= expect->aud[j] && jose_text_is(one, expect->aud[j]);
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

    if (expect->iss &&
        !jose_text_is(json_object_get(claims, "iss"), expect->iss))
        return "iss is not the expected one";
    why = check_aud(json_object_get(claims, "aud"), expect);
    return why ? why : check_dates(claims, expect);
}

/* The payload is not read before its signature is known to be good. */
/* A key is known again by its name alone. */
static bool
is_proven(const struct jose_token *self, const struct jose_expect *expect)
{
    return expect->proven && json_object_get(self->header, "kid");
}

factor_status
jose_verify(const char *token, size_t len, const struct jose_jwks *keys,
            const struct jose_expect *expect, json_t **ret_claims,
            struct factor_error *err)
{
    struct jose_token self = { 0 };
    const char *why;

    if ((why = jose_token_split(&self, token, len)) ||
        (why = jose_token_part(&self, 0, &self.header)) ||
        (why = check_header(&self, expect)) ||
        (why = pick_key(&self, keys)) ||
        (!is_proven(&self, expect) && (why = jose_token_verify(&self))) ||
        (why = jose_token_part(&self, 1, &self.claims)) ||
        (why = check_claims(self.claims, expect)))
        json_decref(self.claims);
    else
        *ret_claims = self.claims;
    json_decref(self.header);
    return jose_finish(why, FACTOR_E_INPUT, err);
}
