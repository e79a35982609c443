/* SPDX-License-Identifier: MIT */
/* tests/test_jose.c - JSON Web Tokens and keys: the RFCs' examples, and each
 * refusal for its own reason. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "host/jose/jose.h"
#include "tests/tap.h"

#define NOW 1700000000
#define ISS "https://client.example"
#define AUD "https://factor.example"
#define GOOD_HEADER "{\"alg\":\"ES256\"}"
#define GOOD_CLAIMS                                                            \
    "{\"iss\":\"" ISS "\",\"aud\":\"" AUD "\",\"iat\":1700000000,"             \
    "\"exp\":1700000300}"

/* RFC 7515 A.2 and A.3. */
#define RFC_PAYLOAD                                                            \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"         \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC_EXP 1300819380

static const char a2_n[] =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q"
    "PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ4"
    "7soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE"
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWN"
    "moudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
static const char a2_token[] =
    "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD "."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B"
    "h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZ"
    "LgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
    "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static const char a3_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char a3_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char a3_d[] = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
static const char a3_token[] =
    "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD "."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT"
    "UJqPP3-Kg6NU1Q";

/* RFC 7638 3.1. */
static const char thumbprint_n[] =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP"
    "FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9"
    "3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
    "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/* Signs whatever it is given, by OpenSSL alone. */
static EVP_PKEY *forger;
static json_t *forger_jwk;
static struct jose_jwks forger_set;

static const struct jose_expect expected = {
    .iss = ISS, .aud = { AUD }, .now_s = NOW, .leeway_s = 5,
    .max_lifetime_s = 300
};

/* --- helpers ------------------------------------------------------------ */

static char *
b64(const void *data, size_t len)
{
    char *text = malloc(JOSE_B64URL_SIZE(len));

    if (!text || jose_b64url_encode(data, len, text, JOSE_B64URL_SIZE(len)))
        abort();
    return text;
}

static char *
join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + (c ? strlen(c) : 0) + 3;
    char *text = malloc(size);

    if (!text)
        abort();
    snprintf(text, size, "%s.%s%s%s", a, b, c ? "." : "", c ? c : "");
    return text;
}

static char *
signing_input(const char *header, const char *payload)
{
    char *a = b64(header, strlen(header)), *b = b64(payload, strlen(payload));
    char *text = join(a, b, NULL);

    free(a);
    free(b);
    return text;
}

static size_t
sign_der(const char *text, unsigned char der[80])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 80;

    if (!EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, forger) ||
        !EVP_DigestSign(ctx, der, &len, (const unsigned char *)text,
                        strlen(text)))
        abort();
    EVP_MD_CTX_free(ctx);
    return len;
}

static void
sign_raw(const char *text, unsigned char raw[64])
{
    unsigned char der[80];
    const unsigned char *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)sign_der(text, der));

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
}

/* Appends a good signature to "header.payload" and frees that. */
static char *
signed_text(char *input)
{
    unsigned char raw[64];
    char *sig, *token;

    sign_raw(input, raw);
    sig = b64(raw, sizeof(raw));
    token = join(input, sig, NULL);
    free(sig);
    free(input);
    return token;
}

static char *
forge(const char *header, const char *payload)
{
    return signed_text(signing_input(header, payload));
}

static void
check_why(factor_status status, factor_status wanted,
          const struct factor_error *err, const char *why)
{
    CU_ASSERT_EQUAL(status, wanted);
    CU_ASSERT_EQUAL(err->code, wanted);
    CU_ASSERT_STRING_EQUAL(err->text, why);
    if (strcmp(err->text, why) != 0)
        tap_note("wanted \"%s\", have \"%s\"", why, err->text);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void
refused_len(const char *token, size_t len, const struct jose_jwks *set,
            const struct jose_expect *expect, const char *why)
{
    struct factor_error err = { 0 };
    json_t *claims = NULL;
    factor_status status = jose_verify(token, len, set, expect, &claims, &err);

    check_why(status, FACTOR_E_INPUT, &err, why);
    CU_ASSERT_PTR_NULL(claims);
}

static void
refused_by(const char *token, const struct jose_jwks *set,
           const struct jose_expect *expect, const char *why)
{
    refused_len(token, strlen(token), set, expect, why);
}

static void
refused(const char *token, const char *why)
{
    refused_by(token, &forger_set, &expected, why);
}

static void
forged_refused(const char *header, const char *payload, const char *why)
{
    char *token = forge(header, payload);

    refused(token, why);
    free(token);
}

static void
taken_by(const char *token, const struct jose_jwks *set,
         const struct jose_expect *expect)
{
    struct factor_error err = { 0 };
    json_t *claims = NULL;

    CU_ASSERT_EQUAL(
        jose_verify(token, strlen(token), set, expect, &claims, &err),
        FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT(json_is_object(claims));
    json_decref(claims);
}

static void
forged_taken(const char *header, const char *payload)
{
    char *token = forge(header, payload);

    taken_by(token, &forger_set, &expected);
    free(token);
}

static void
add_import(struct jose_jwks *set, const json_t *jwk)
{
    struct jose_key *key = NULL;

    CU_ASSERT_EQUAL_FATAL(jose_key_import(jwk, &key, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(jose_jwks_add(set, key, NULL), FACTOR_OK);
    jose_key_free(key);
}

static json_t *
rsa_jwk(const char *n)
{
    return json_pack("{ss ss ss}", "kty", "RSA", "n", n, "e", "AQAB");
}

static json_t *
ec_jwk(const char *x, const char *y)
{
    return json_pack("{ss ss ss ss}", "kty", "EC", "crv", "P-256", "x", x, "y",
                     y);
}

static void
put_number(json_t *jwk, const EVP_PKEY *pkey, const char *param,
           const char *name)
{
    unsigned char raw[512];
    BIGNUM *number = NULL;
    int len;
    char *text;

    if (!EVP_PKEY_get_bn_param(pkey, param, &number))
        abort();
    len = strlen(name) == 1 && name[0] >= 'x' ? 32 : BN_num_bytes(number);
    BN_bn2binpad(number, raw, len);
    text = b64(raw, (size_t)len);
    json_object_set_new(jwk, name, json_string(text));
    free(text);
    BN_free(number);
}

static int
set_up(void)
{
    forger = EVP_EC_gen("P-256");
    forger_jwk = ec_jwk("", "");
    put_number(forger_jwk, forger, OSSL_PKEY_PARAM_EC_PUB_X, "x");
    put_number(forger_jwk, forger, OSSL_PKEY_PARAM_EC_PUB_Y, "y");
    json_object_set_new(forger_jwk, "kid", json_string("forger"));
    forger_set.count = 1;
    return jose_key_import(forger_jwk, &forger_set.keys[0], NULL);
}

static int
tear_down(void)
{
    jose_jwks_clear(&forger_set);
    json_decref(forger_jwk);
    EVP_PKEY_free(forger);
    forger = NULL;
    forger_jwk = NULL;
    return 0;
}

/* --- the RFCs' examples, round trips ------------------------------------ */

static void
rfc_example(json_t *jwk, const char *token)
{
    struct jose_jwks set = { 0 };
    struct jose_expect expect = { .iss = "joe", .now_s = RFC_EXP - 1 };

    add_import(&set, jwk);
    taken_by(token, &set, &expect);
    expect.now_s++;
    refused_by(token, &set, &expect, "token has expired");
    expect.leeway_s = 1;
    taken_by(token, &set, &expect);
    jose_jwks_clear(&set);
    json_decref(jwk);
}

static void
takes_rfc7515_a2(void)
{
    rfc_example(rsa_jwk(a2_n), a2_token);
}

static void
takes_rfc7515_a3(void)
{
    rfc_example(ec_jwk(a3_x, a3_y), a3_token);
}

static void
has_thumbprint(json_t *jwk, const char *kid)
{
    struct jose_key *key = NULL;

    json_object_set_new(jwk, "kid", json_string("2011-04-29"));
    CU_ASSERT_EQUAL_FATAL(jose_key_import(jwk, &key, NULL), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(jose_key_kid(key), kid);
    jose_key_free(key);
    json_decref(jwk);
}

static void
kid_is_the_thumbprint(void)
{
    has_thumbprint(rsa_jwk(thumbprint_n),
                   "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    /* SHA-256 of {"crv":"P-256","kty":"EC","x":"...","y":"..."}, by `jose jwk
     * thp` */
    has_thumbprint(ec_jwk(a3_x, a3_y),
                   "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

static void
round_trip(const char *alg, size_t sig_len)
{
    struct jose_jwks set = { 0 };
    struct factor_error err = { 0 };
    json_t *jwk = NULL, *claims = json_loads(GOOD_CLAIMS, 0, NULL), *back;
    char *token = NULL;

    CU_ASSERT_EQUAL_FATAL(jose_jwk_generate(alg, &jwk, &err), FACTOR_OK);
    add_import(&set, jwk);
    CU_ASSERT_STRING_EQUAL(jose_key_alg(set.keys[0]), alg);
    CU_ASSERT_STRING_EQUAL(jose_key_kid(set.keys[0]),
                           json_string_value(json_object_get(jwk, "kid")));
    CU_ASSERT_EQUAL_FATAL(
        jose_sign(set.keys[0], "JWT", claims, &token, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(strlen(strrchr(token, '.') + 1),
                    JOSE_B64URL_SIZE(sig_len) - 1);
    CU_ASSERT_EQUAL_FATAL(
        jose_verify(token, strlen(token), &set, &expected, &back, &err),
        FACTOR_OK);
    CU_ASSERT(json_equal(claims, back));
    json_decref(back);
    json_decref(claims);
    json_decref(jwk);
    free(token);
    jose_jwks_clear(&set);
}

static void
round_trip_es256(void)
{
    size_t i;

    for (i = 0; i < 300; i++) /* one number in 256 is short */
        round_trip("ES256", 64);
}

static void
round_trip_rs256(void)
{
    if (tap_skip_slow())
        return;

    round_trip("RS256", 256);
}

static void
header_says_alg_kid_typ(void)
{
    struct jose_key *key = NULL;
    json_t *jwk = ec_jwk(a3_x, a3_y), *claims = json_object(), *header;
    char *token = NULL, text[256];
    size_t len = 0;

    json_object_set_new(jwk, "d", json_string(a3_d));
    CU_ASSERT_EQUAL_FATAL(jose_key_import(jwk, &key, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL_FATAL(jose_sign(key, "at+jwt", claims, &token, NULL), 0);
    CU_ASSERT_EQUAL(jose_b64url_decode(token, strcspn(token, "."), text,
                                       sizeof(text), &len), 0);
    header = json_loadb(text, len, 0, NULL);
    CU_ASSERT_EQUAL(json_object_size(header), 3);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(header, "alg")),
                           "ES256");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(header, "typ")),
                           "at+jwt");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(header, "kid")),
                           jose_key_kid(key));
    json_decref(header);
    json_decref(claims);
    json_decref(jwk);
    free(token);
    jose_key_free(key);
}

static void
public_jwk_is_public(void)
{
    if (tap_skip_slow())
        return;

    static const char *const names[] = { "kty", "n", "e", "kid", "use", "alg" };
    struct jose_key *key = NULL;
    json_t *jwk = NULL, *public;
    size_t i;

    CU_ASSERT_EQUAL_FATAL(jose_jwk_generate("RS256", &jwk, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(json_object_size(jwk), 12);
    CU_ASSERT_EQUAL_FATAL(jose_key_import(jwk, &key, NULL), FACTOR_OK);
    public = jose_key_public(key);
    CU_ASSERT_EQUAL(json_object_size(public), TAP_COUNT(names));
    for (i = 0; i < TAP_COUNT(names); i++)
        CU_ASSERT(json_equal(json_object_get(public, names[i]),
                             json_object_get(jwk, names[i])));
    json_decref(public);
    json_decref(jwk);
    jose_key_free(key);
}

static void
sign_refuses(void)
{
    struct factor_error err = { 0 };
    struct jose_key *key = NULL;
    json_t *jwk = ec_jwk(a3_x, a3_y), *list = json_array();
    json_t *claims = json_object();
    char big[JOSE_TOKEN_MAX], *token = NULL;

    check_why(jose_sign(forger_set.keys[0], NULL, claims, &token, &err),
              FACTOR_E_INPUT, &err, "key has no private part");
    json_object_set_new(jwk, "d", json_string(a3_d));
    CU_ASSERT_EQUAL_FATAL(jose_key_import(jwk, &key, NULL), FACTOR_OK);
    check_why(jose_sign(key, NULL, list, &token, &err), FACTOR_E_INPUT, &err,
              "claims are not an object");
    memset(big, 'a', sizeof(big));
    json_object_set_new(claims, "a", json_stringn(big, sizeof(big)));
    check_why(jose_sign(key, NULL, claims, &token, &err), FACTOR_E_INPUT, &err,
              "claims are too large");
    json_object_set_new(claims, "a", json_stringn(big, 6020));
    check_why(jose_sign(key, NULL, claims, &token, &err), FACTOR_E_INPUT, &err,
              "claims are too large"); /* but for the signature it would fit */
    CU_ASSERT_PTR_NULL(token);
    json_object_set_new(claims, "a", json_stringn(big, 5950));
    CU_ASSERT_EQUAL(jose_sign(key, NULL, claims, &token, NULL), FACTOR_OK);
    CU_ASSERT(token && strlen(token) <= JOSE_TOKEN_MAX);
    free(token);
    json_decref(claims);
    json_decref(list);
    json_decref(jwk);
    jose_key_free(key);
}

/* --- verifying: shape, header, key -------------------------------------- */

static void
refuses_headers(void)
{
    static const char *const cases[][2] = {
        { "{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}",
          "header has crit" },
        { "{\"alg\":\"ES256\",\"b64\":true}", "header has b64" },
        { "{\"alg\":\"ES256\",\"zip\":\"DEF\"}", "header has zip" },
        { "{\"alg\":\"ES256\",\"jku\":\"https://a\"}", "header has jku" },
        { "{\"alg\":\"ES256\",\"x5u\":\"https://a\"}", "header has x5u" },
        { "{\"alg\":\"ES256\",\"x5c\":[]}", "header has x5c" },
        { "{\"alg\":\"ES256\",\"jwk\":{}}", "header has jwk" },
        { "{\"alg\":\"ES256\",\"jwk\":null}", "header has jwk" },
        { "{\"alg\":\"none\"}", "alg is none" },
        { "{\"alg\":\"nOnE\"}", "alg is none" },
        { "{\"alg\":\"HS256\"}", "alg is an HMAC where a public key stands" },
        { "{\"alg\":\"HS512\"}", "alg is an HMAC where a public key stands" },
        { "{\"alg\":\"ES384\"}", "alg is not known" },
        { "{\"alg\":\"es256\"}", "alg is not known" },
        { "{\"alg\":\"PS256\"}", "alg is not known" },
        { "{\"alg\":\"RSA-OAEP\"}", "alg is not known" },
        { "{\"alg\":\"\"}", "alg is not known" },
        { "{\"alg\":5}", "header has no alg" },
        { "{\"alg\":[\"ES256\"]}", "header has no alg" },
        { "{}", "header has no alg" },
        { "{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "header repeats a member" },
        { "{\"alg\":\"ES256\",\"alg\":\"none\"}", "header repeats a member" },
        { "{\"alg\":\"ES256\",\"a\":{\"b\":1,\"b\":1}}",
          "header repeats a member" },
        { "[\"ES256\"]", "header is not a JSON object" },
        { "\"ES256\"", "header is not a JSON object" },
        { "{\"alg\":\"ES256\"} x", "header is not a JSON object" },
        { "{\"alg\":\"ES256\"", "header is not a JSON object" },
        { "{\"alg\":\"ES256\",\"a\":\"\xff\"}", "header is not a JSON object" },
        { "", "header is not a JSON object" },
        { "{\"alg\":\"ES256\",\"kid\":7}", "kid is not a string" },
        { "{\"alg\":\"ES256\",\"kid\":\"other\"}",
          "kid does not pick one key" },
        { "{\"alg\":\"ES256\",\"kid\":\"\"}", "kid does not pick one key" },
        { "{\"alg\":\"RS256\",\"kid\":\"forger\"}", "alg is not the key's" },
        { "{\"alg\":\"RS256\"}", "no kid, and not one key of its alg" },
        { "{\"alg\":\"ES256\",\"typ\":7}", "typ is not the expected one" },
        { "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}",
          "typ is not the expected one" },
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++)
        forged_refused(cases[i][0], GOOD_CLAIMS, cases[i][1]);
}

static void
takes_headers(void)
{
    forged_taken(GOOD_HEADER, GOOD_CLAIMS);
    forged_taken("{\"alg\":\"ES256\",\"kid\":\"forger\"}", GOOD_CLAIMS);
    forged_taken("{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD_CLAIMS);
    forged_taken("{\"alg\":\"ES256\",\"typ\":\"jwt\"}", GOOD_CLAIMS);
    forged_taken("{\"alg\":\"ES256\",\"x5t\":\"a\",\"own\":1}", GOOD_CLAIMS);
}

static void
typ_must_be_the_one_expected(void)
{
    static const char *const good[] = { "login-hint+jwt", "LOGIN-hint+jwt",
                                        "application/login-hint+jwt" };
    struct jose_expect expect = expected;
    char header[128], *token;
    size_t i;

    expect.typ = "login-hint+jwt";
    for (i = 0; i < TAP_COUNT(good); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"%s\"}",
                 good[i]);
        token = forge(header, GOOD_CLAIMS);
        taken_by(token, &forger_set, &expect);
        free(token);
    }
    token = forge("{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD_CLAIMS);
    refused_by(token, &forger_set, &expect, "typ is not the expected one");
    free(token);
    token = forge(GOOD_HEADER, GOOD_CLAIMS);
    refused_by(token, &forger_set, &expect, "typ is not the expected one");
    free(token);
}

static void
refuses_other_forms(void)
{
    static const char *const shapes[] = {
        "",      ".",         "a.b",       "a.b.c.d", "a.b.c.d.e",
        "....",  "eyJhIjoxfQ", "{\"payload\":\"e30\",\"signatures\":[]}"
    };
    char *token = forge(GOOD_HEADER, GOOD_CLAIMS), *more;
    size_t i;

    for (i = 0; i < TAP_COUNT(shapes); i++)
        refused(shapes[i], "token is not of three parts");
    refused("..", "header is not a JSON object");
    more = join(token, "", NULL);
    refused(more, "token is not of three parts");
    refused_len(token, (size_t)(strrchr(token, '.') - token), &forger_set,
                &expected, "token is not of three parts");
    free(more);
    free(token);
}

/* A token around a text that some decoders take for the good header. */
static void
odd_header(const char *header)
{
    char *payload = b64(GOOD_CLAIMS, strlen(GOOD_CLAIMS));
    char *token = signed_text(join(header, payload, NULL));

    refused(token, "header is not canonical base64url");
    free(token);
    free(payload);
}

static void
odd_payload(const char *payload)
{
    char *token = signed_text(join("eyJhbGciOiJFUzI1NiJ9", payload, NULL));

    refused(token, "payload is not canonical base64url");
    free(token);
}

static void
refuses_odd_base64url(void)
{
    char *token = forge(GOOD_HEADER, GOOD_CLAIMS), *odd;
    size_t len = strlen(token);

    odd_header("eyJhbGciOiJFUzI1NiIgfQ=="); /* padding */
    odd_header("eyJhbGciOiJFUzI1NiIgfR");   /* stray bits: ...fQ is good */
    odd_header("eyJhbGci OiJFUzI1NiJ9");
    odd_header("eyJhbGciOiJFUzI1NiJ9\n");
    odd_header("eyJhbGciOiJFUzI1NiJ9e");    /* one character left over */
    odd_header("eyJ+bGci/iJFUzI1NiJ9");
    odd_payload("e30=");
    odd_payload("e31");
    odd_payload("e3\t0");
    odd = malloc(len + 3);
    snprintf(odd, len + 3, "%s==", token);
    refused(odd, "signature is not canonical base64url");
    snprintf(odd, len + 3, "%s", token);
    odd[len - 1]++; /* A, Q, g or w ends 64 octets: the next has a stray bit */
    refused(odd, "signature is not canonical base64url");
    free(odd);
    refused_len(token, len + 1, &forger_set, &expected,
                "signature is not canonical base64url"); /* the NUL */
    free(token);
}

static void
refuses_each_changed_character(void)
{
    char *token = forge(GOOD_HEADER, GOOD_CLAIMS);
    json_t *claims = NULL;
    size_t i, len = strlen(token);

    for (i = 0; i < len; i++) {
        token[i] ^= 1;
        CU_ASSERT_EQUAL(jose_verify(token, len, &forger_set, &expected, &claims,
                                    NULL), FACTOR_E_INPUT);
        token[i] ^= 1;
    }
    CU_ASSERT_PTR_NULL(claims);
    taken_by(token, &forger_set, &expected);
    free(token);
}

static void
refuses_a_swapped_part(void)
{
    char *a = forge(GOOD_HEADER, GOOD_CLAIMS);
    char *input = signing_input("{\"alg\":\"ES256\" }", GOOD_CLAIMS);
    char *token = join(input, strrchr(a, '.') + 1, NULL);

    refused(token, "signature does not match");
    free(token);
    free(input);
    input = signing_input(GOOD_HEADER, "{\"sub\":\"admin\"}");
    token = join(input, strrchr(a, '.') + 1, NULL);
    refused(token, "signature does not match");
    free(token);
    free(input);
    free(a);
}

static void
odd_signature(const void *sig, size_t len, const char *why)
{
    char *input = signing_input(GOOD_HEADER, GOOD_CLAIMS);
    char *text = b64(sig, len), *token = join(input, text, NULL);

    refused(token, why);
    free(token);
    free(text);
    free(input);
}

static void
refuses_odd_es256_signatures(void)
{
    char *input = signing_input(GOOD_HEADER, GOOD_CLAIMS);
    unsigned char sig[1100] = { 0 }, der[80];

    odd_signature(der, sign_der(input, der), "signature has the wrong length");
    sign_raw(input, sig);
    odd_signature(sig, 63, "signature has the wrong length");
    odd_signature(sig, 65, "signature has the wrong length");
    odd_signature(sig, 0, "signature has the wrong length");
    odd_signature(sig, 1024, "signature has the wrong length");
    odd_signature(sig, sizeof(sig), "signature is not canonical base64url");
    memset(sig, 0, 32); /* r = 0 */
    odd_signature(sig, 64, "signature does not match");
    memset(sig, 0, 64);
    odd_signature(sig, 64, "signature does not match");
    memset(sig, 0xff, 64); /* above the order */
    odd_signature(sig, 64, "signature does not match");
    free(input);
}

static void
refuses_odd_rs256_signatures(void)
{
    struct jose_jwks set = { 0 };
    struct jose_expect expect = { .iss = "joe", .now_s = RFC_EXP - 1 };
    json_t *jwk = rsa_jwk(a2_n);
    char token[sizeof(a2_token) + 2];
    size_t len = strlen(a2_token);

    add_import(&set, jwk);
    refused_len(a2_token, len - 3, &set, &expect,
                "signature is not canonical base64url");
    refused_len(a2_token, len - 2, &set, &expect,
                "signature has the wrong length");
    snprintf(token, sizeof(token), "%sAA", a2_token);
    token[len - 1] = 'A';
    refused_by(token, &set, &expect, "signature has the wrong length");
    snprintf(token, sizeof(token), "%s", a2_token);
    token[len - 9] ^= 1;
    refused_by(token, &set, &expect, "signature does not match");
    jose_jwks_clear(&set);
    json_decref(jwk);
}

/* The classic: the public key's text as the secret of an HMAC. */
static void
refuses_hmac_with_a_public_key(void)
{
    static const char *const algs[] = { "HS256", "RS256" };
    struct jose_jwks set = { 0 };
    json_t *jwk = rsa_jwk(a2_n);
    char *secret = json_dumps(jwk, JSON_COMPACT), header[64];
    char *input, *sig, *token;
    unsigned char mac[32];
    size_t i;

    add_import(&set, jwk);
    for (i = 0; i < 2; i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", algs[i]);
        input = signing_input(header, GOOD_CLAIMS);
        HMAC(EVP_sha256(), secret, (int)strlen(secret),
             (const unsigned char *)input, strlen(input), mac, NULL);
        sig = b64(mac, sizeof(mac));
        token = join(input, sig, NULL);
        refused_by(token, &set, &expected,
                   i ? "signature has the wrong length"
                     : "alg is an HMAC where a public key stands");
        free(token);
        free(sig);
        free(input);
    }
    free(secret);
    jose_jwks_clear(&set);
    json_decref(jwk);
}

static void
picks_the_key(void)
{
    struct jose_jwks set = { 0 };
    json_t *other = ec_jwk(a3_x, a3_y), *rsa = rsa_jwk(a2_n);
    char header[128], *named = forge("{\"alg\":\"ES256\",\"kid\":\"forger\"}",
                                     GOOD_CLAIMS);
    char *bare = forge(GOOD_HEADER, GOOD_CLAIMS), *printed;

    snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\"}",
             jose_key_kid(forger_set.keys[0]));
    printed = forge(header, GOOD_CLAIMS);
    refused_by(bare, &set, &expected, "no kid, and not one key of its alg");
    refused_by(named, &set, &expected, "kid does not pick one key");
    add_import(&set, rsa);
    add_import(&set, forger_jwk);
    taken_by(bare, &set, &expected); /* the RSA key is not of its alg */
    add_import(&set, other);
    refused_by(bare, &set, &expected, "no kid, and not one key of its alg");
    taken_by(named, &set, &expected);
    taken_by(printed, &set, &expected); /* the thumbprint names it too */
    add_import(&set, forger_jwk);
    refused_by(named, &set, &expected, "kid does not pick one key");
    jose_jwks_clear(&set);
    json_object_set_new(other, "kid", json_string("forger"));
    add_import(&set, other);
    refused_by(named, &set, &expected, "signature does not match");
    jose_jwks_clear(&set);
    json_decref(other);
    json_decref(rsa);
    free(named);
    free(printed);
    free(bare);
}

static void
refuses_a_long_token(void)
{
    char payload[JOSE_TOKEN_MAX], *token;
    struct jose_expect expect = { .now_s = NOW };
    size_t len = 6100; /* with header and signature about 8 KiB */

    memset(payload, ' ', sizeof(payload));
    payload[len] = '\0';
    memcpy(payload, "{}", 2);
    token = forge(GOOD_HEADER, payload);
    while (strlen(token) > JOSE_TOKEN_MAX) {
        refused_by(token, &forger_set, &expect, "token is too long");
        free(token);
        payload[--len] = '\0';
        token = forge(GOOD_HEADER, payload);
    }
    CU_ASSERT(strlen(token) > JOSE_TOKEN_MAX - 3);
    taken_by(token, &forger_set, &expect);
    free(token);
    CU_ASSERT(len < 6100);
}

/* --- verifying: claims -------------------------------------------------- */

static void
refuses_payloads(void)
{
    static const char *const cases[][2] = {
        { "{\"iss\":\"a\",\"iss\":\"" ISS "\"}", "payload repeats a member" },
        { "[]", "payload is not a JSON object" },
        { "", "payload is not a JSON object" },
        { "{\"exp\":99999999999999999999}", "payload is not a JSON object" },
        { "{\"a\":\"\\u0000\"}", "payload is not a JSON object" },
        { "{}", "iss is not the expected one" },
        { "{\"iss\":[\"" ISS "\"]}", "iss is not the expected one" },
        { "{\"iss\":\"" ISS "/\"}", "iss is not the expected one" },
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++)
        forged_refused(GOOD_HEADER, cases[i][0], cases[i][1]);
}

static void
aud_case(const char *aud, const struct jose_expect *expect, const char *why)
{
    char payload[256], *token;

    snprintf(payload, sizeof(payload), "{\"iss\":\"" ISS "\"%s%s,\"exp\":%d}",
             aud ? ",\"aud\":" : "", aud ? aud : "", NOW + 60);
    token = forge(GOOD_HEADER, payload);
    if (why)
        refused_by(token, &forger_set, expect, why);
    else
        taken_by(token, &forger_set, expect);
    free(token);
}

static void
aud_must_name_us(void)
{
    static const char other[] = "aud is not the expected one";
    static const char shape[] = "aud is not a string or a list of strings";
    struct jose_expect expect = expected;

    aud_case("\"" AUD "\"", &expect, NULL);
    aud_case("[\"a\",\"" AUD "\"]", &expect, NULL);
    aud_case("\"" AUD "/\"", &expect, other);
    aud_case("[\"a\",\"b\"]", &expect, other);
    aud_case("[]", &expect, other);
    aud_case("[\"" AUD "\",1]", &expect, shape);
    aud_case("{\"a\":\"" AUD "\"}", &expect, shape);
    aud_case("null", &expect, shape);
    aud_case(NULL, &expect, shape);
    expect.aud[1] = "second";
    aud_case("\"second\"", &expect, NULL);
    aud_case("\"" AUD "\"", &expect, NULL);
    expect.aud[0] = expect.aud[1] = NULL;
    aud_case("\"" AUD "\"", &expect, other); /* a forgotten aud takes nothing */
    aud_case("[]", &expect, other);
    aud_case(NULL, &expect, NULL);
    expect.any_aud = 1;
    aud_case("\"whoever\"", &expect, NULL);
}

static void
date_case(const char *dates, const struct jose_expect *expect, const char *why)
{
    char payload[256], *token;

    snprintf(payload, sizeof(payload),
             "{\"iss\":\"" ISS "\",\"aud\":\"" AUD "\"%s}", dates);
    token = forge(GOOD_HEADER, payload);
    if (why)
        refused_by(token, &forger_set, expect, why);
    else
        taken_by(token, &forger_set, expect);
    free(token);
}

static void
dates_bound_the_token(void)
{
    static const struct {
        const char *dates, *why;
    } cases[] = {
        /* now is 1700000000, clocks differ by up to 5, 300 is a lifetime */
        { ",\"exp\":1700000300", NULL },
        { ",\"exp\":1699999996", NULL },
        { ",\"exp\":1699999995", "token has expired" },
        { ",\"exp\":0", "token has expired" },
        { "", "exp is missing" },
        { ",\"exp\":1700000305", NULL },
        { ",\"exp\":1700000306", "token lives too long" },
        { ",\"exp\":253402300799", "token lives too long" },
        { ",\"exp\":1700000200,\"iat\":1699999900", NULL },
        { ",\"exp\":1700000200,\"iat\":1699999899", "token lives too long" },
        { ",\"exp\":1700000300,\"iat\":1700000005", NULL },
        { ",\"exp\":1700000300,\"iat\":1700000006",
          "token was issued in the future" },
        { ",\"exp\":1700000300,\"nbf\":1700000005", NULL },
        { ",\"exp\":1700000300,\"nbf\":1700000006", "token is not valid yet" },
        { ",\"exp\":\"1700000300\"", "exp is not a date in whole seconds" },
        { ",\"exp\":1700000300.5", "exp is not a date in whole seconds" },
        { ",\"exp\":1.7e9", "exp is not a date in whole seconds" },
        { ",\"exp\":null", "exp is not a date in whole seconds" },
        { ",\"exp\":-1", "exp is not a date in whole seconds" },
        { ",\"exp\":253402300800", "exp is not a date in whole seconds" },
        { ",\"exp\":9223372036854775807",
          "exp is not a date in whole seconds" },
        { ",\"exp\":1700000300,\"nbf\":true",
          "nbf is not a date in whole seconds" },
        { ",\"exp\":1700000300,\"nbf\":-9223372036854775808",
          "nbf is not a date in whole seconds" },
        { ",\"exp\":1700000300,\"iat\":[]",
          "iat is not a date in whole seconds" },
        { ",\"exp\":1700000300,\"iat\":-1",
          "iat is not a date in whole seconds" },
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++)
        date_case(cases[i].dates, &expected, cases[i].why);
}

static void
no_lifetime_asks_for_no_exp(void)
{
    struct jose_expect expect = expected;

    expect.max_lifetime_s = 0;
    date_case("", &expect, NULL);
    date_case(",\"exp\":253402300799,\"iat\":0", &expect, NULL);
    date_case(",\"exp\":1699999995", &expect, "token has expired");
    date_case(",\"exp\":-1", &expect, "exp is not a date in whole seconds");
}

/* --- keys --------------------------------------------------------------- */

static void
jwk_refused(json_t *jwk, const char *why)
{
    struct factor_error err = { 0 };
    struct jose_key *key = NULL;

    check_why(jose_key_import(jwk, &key, &err), FACTOR_E_CONFIG, &err, why);
    CU_ASSERT_PTR_NULL(key);
    json_decref(jwk);
}

/* The A.3 key, public or not, with one member set to a piece of JSON. */
static json_t *
a3_with(int secret, const char *name, const char *value)
{
    json_t *jwk = ec_jwk(a3_x, a3_y);

    if (secret)
        json_object_set_new(jwk, "d", json_string(a3_d));
    if (value)
        json_object_set_new(jwk, name,
                            json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(jwk, name);
    return jwk;
}

static void
refuses_bad_jwks(void)
{
    static const char number[] = "a number of the JWK is missing or malformed";
    static const char unsound[] = "JWK numbers do not make a sound key";
    static const struct {
        int secret;
        const char *name, *value, *why;
    } cases[] = {
        { 0, "kty", NULL, "JWK is not of kty EC or RSA" },
        { 0, "kty", "\"OKP\"", "JWK is not of kty EC or RSA" },
        { 0, "kty", "7", "JWK is not of kty EC or RSA" },
        { 0, "crv", NULL, "JWK is not on the curve P-256" },
        { 0, "crv", "\"P-384\"", "JWK is not on the curve P-256" },
        { 0, "alg", "\"RS256\"", "JWK alg does not fit its kty" },
        { 0, "alg", "\"ES384\"", "JWK alg does not fit its kty" },
        { 0, "alg", "null", "JWK alg does not fit its kty" },
        { 0, "use", "\"enc\"", "JWK use is not sig" },
        { 0, "key_ops", "[\"sign\"]", "JWK key_ops does not allow it" },
        { 1, "key_ops", "[\"verify\"]", "JWK key_ops does not allow it" },
        { 0, "key_ops", "[]", "JWK key_ops does not allow it" },
        { 0, "key_ops", "\"verify\"", "JWK key_ops does not allow it" },
        { 0, "kid", "1", "JWK kid is not a string" },
        { 1, "oth", "[]", "JWK has more than two primes" },
        { 0, "x", NULL, number },
        { 0, "x", "5", number },
        { 0, "x", "\"\"", number },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA\"", number },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=\"", number },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\"", number },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEUA\"", number },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEY\"", unsound },
        { 0, "x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEQ\"", unsound },
        { 0, "x", "\"__________________________________________8\"", unsound },
        { 1, "d", "\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LN\"", number },
        { 1, "d", "\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LA\"", unsound },
        { 1, "d", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", unsound },
        { 1, "d", "\"jps\"", number },
        { 0, "p", "\"AQAB\"", number }, /* private, and without d */
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++)
        jwk_refused(a3_with(cases[i].secret, cases[i].name, cases[i].value),
                    cases[i].why);
    jwk_refused(json_array(), "JWK is not of kty EC or RSA");
}

static void
takes_fitting_jwks(void)
{
    static const char *const members[][2] = {
        { "key_ops", "[\"sign\",\"verify\"]" }, { "alg", "\"ES256\"" },
        { "use", "\"sig\"" }, { "x5t", "\"whatever\"" }
    };
    struct jose_jwks set = { 0 };
    json_t *jwk;
    size_t i;

    for (i = 0; i < 2 * TAP_COUNT(members); i++) {
        jwk = a3_with(i & 1, members[i / 2][0], members[i / 2][1]);
        add_import(&set, jwk);
        json_decref(jwk);
    }
    jose_jwks_clear(&set);
}

static void
modulus_refused(int bits, const char *why)
{
    EVP_PKEY *pkey = EVP_RSA_gen((unsigned int)bits);
    json_t *jwk = rsa_jwk("");

    put_number(jwk, pkey, OSSL_PKEY_PARAM_RSA_N, "n");
    EVP_PKEY_free(pkey);
    jwk_refused(jwk, why);
}

static json_t *
rsa_bytes(const unsigned char *n, size_t len)
{
    char *text = b64(n, len);
    json_t *jwk = rsa_jwk(text);

    free(text);
    return jwk;
}

static void
refuses_bad_rsa(void)
{
    static const char number[] = "a number of the JWK is missing or malformed";
    static const char unsound[] = "JWK numbers do not make a sound key";
    static const char bits[] = "RSA modulus is not of 2048 to 8192 bits";
    unsigned char n[1026];
    size_t len = 0;
    json_t *jwk;

    modulus_refused(1024, bits);
    modulus_refused(2046, bits);
    memset(n, 0xff, sizeof(n));
    jwk_refused(rsa_bytes(n, 1025), number); /* 8200 bits */
    CU_ASSERT_EQUAL(jose_b64url_decode(a2_n, strlen(a2_n), n + 1,
                                       sizeof(n) - 1, &len), FACTOR_OK);
    n[0] = 0;
    jwk_refused(rsa_bytes(n, len + 1), number); /* a leading zero */
    n[len]--;
    jwk_refused(rsa_bytes(n + 1, len), unsound); /* even */
    n[1] = 0x7f;
    jwk_refused(rsa_bytes(n + 1, len), bits); /* 2047 bits */
    jwk = rsa_jwk(a2_n);
    json_object_set_new(jwk, "e", json_string("AQ"));
    jwk_refused(json_incref(jwk), unsound);
    json_object_set_new(jwk, "e", json_string("AAEAAQ"));
    jwk_refused(json_incref(jwk), number);
    json_object_set_new(jwk, "e", json_string("Ag"));
    jwk_refused(json_incref(jwk), unsound);
    json_object_set_new(jwk, "e", json_string("AQAB"));
    json_object_set_new(jwk, "d", json_string("AQAB"));
    jwk_refused(jwk, number); /* a private key comes with its primes */
}

static void
refuses_an_unsound_rsa_pair(void)
{
    if (tap_skip_slow())
        return;

    static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi" };
    json_t *jwk = NULL, *bad;
    size_t i;

    CU_ASSERT_EQUAL_FATAL(jose_jwk_generate("RS256", &jwk, NULL), FACTOR_OK);
    for (i = 0; i < TAP_COUNT(names); i++) {
        bad = json_deep_copy(jwk);
        json_object_set_new(bad, names[i], json_string("AQAB"));
        jwk_refused(bad, "JWK numbers do not make a sound key");
    }
    json_decref(jwk);
}

/* Of two keys of our own: the public numbers of one, the private ones of the
 * other. */
static void
own_keys_must_sign(void)
{
    static const char *const algs[] = { "ES256", "RS256" };
    static const char *const public[] = { "x", "y", "n" };
    struct factor_error err = { 0 };
    struct jose_key *key = NULL;
    json_t *jwk, *other;
    size_t i, j;

    if (tap_skip_slow())
        return;
    for (i = 0; i < TAP_COUNT(algs); i++) {
        jwk = other = NULL;
        CU_ASSERT_EQUAL_FATAL(jose_jwk_generate(algs[i], &jwk, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(jose_jwk_generate(algs[i], &other, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(jose_key_load(jwk, &key, &err), FACTOR_OK);
        CU_ASSERT_STRING_EQUAL(jose_key_alg(key), algs[i]);
        jose_key_free(key);
        for (j = 0; j < TAP_COUNT(public); j++)
            if (json_object_get(jwk, public[j]))
                json_object_set(jwk, public[j],
                                json_object_get(other, public[j]));
        key = NULL;
        check_why(jose_key_load(jwk, &key, &err), FACTOR_E_CONFIG, &err,
                  "JWK numbers do not make a sound key");
        CU_ASSERT_PTR_NULL(key);
        json_decref(jwk);
        json_decref(other);
    }
}

static void
generate_refuses_other_algorithms(void)
{
    struct factor_error err = { 0 };
    json_t *jwk = NULL;

    check_why(jose_jwk_generate("HS256", &jwk, &err), FACTOR_E_CONFIG, &err,
              "no key was made");
    CU_ASSERT_PTR_NULL(jwk);
}

static void
jwks_case(const char *keys, size_t count, const char *why)
{
    struct jose_jwks set = { 0 };
    struct factor_error err = { 0 };
    json_t *jwks = json_pack("{so}", "keys", json_loads(keys, 0, NULL));
    factor_status status = jose_jwks_parse(jwks, &set, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(jwks);
    if (why)
        check_why(status, FACTOR_E_CONFIG, &err, why);
    else
        CU_ASSERT_EQUAL(status, FACTOR_OK);
    CU_ASSERT_EQUAL(set.count, count);
    jose_jwks_clear(&set);
    json_decref(jwks);
}

#define A3                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"                        \
    "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                        \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void
reads_a_clients_jwks(void)
{
    static const char secret[] = "JWKS has a private member";

    jwks_case("[" A3 "}]", 1, NULL);
    jwks_case("[{\"kty\":\"OKP\",\"x\":\"a\"}," A3 "}]", 1, NULL);
    jwks_case("[" A3 ",\"use\":\"enc\"}," A3 "}]", 1, NULL);
    jwks_case("[" A3 ",\"use\":\"enc\"}]", 0, "JWKS has no usable key");
    jwks_case("[{\"kty\":\"OKP\"}]", 0, "JWKS has no usable key");
    jwks_case("[]", 0, "JWKS has no usable key");
    jwks_case("{}", 0, "JWKS is not a list of at most 16 keys");
    jwks_case("[" A3 "},7]", 0, "a JWK has no kty");
    jwks_case("[" A3 "},{\"kty\":\"EC\"}]", 0, "JWK is not on the curve P-256");
    jwks_case("[" A3 "}," A3 ",\"d\":\"jpsQ\"}]", 0, secret);
    jwks_case("[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]", 0, secret);
    jwks_case("[{\"kty\":\"OKP\",\"d\":\"c2VjcmV0\"}," A3 "}]", 0, secret);
    jwks_case("[{\"kty\":\"RSA\",\"qi\":\"AQAB\"}]", 0, secret);
    jwks_case("[{\"kty\":\"RSA\",\"oth\":[]}]", 0, secret);
}

static void
holds_sixteen_keys(void)
{
    static const char full[] = "JWKS is not a list of at most 16 keys";
    struct jose_jwks set = { 0 };
    struct factor_error err = { 0 };
    json_t *list = json_array(), *jwks = json_pack("{sO}", "keys", list);
    size_t i;

    for (i = 0; i < JOSE_KEYS_MAX; i++)
        json_array_append(list, forger_jwk);
    CU_ASSERT_EQUAL(jose_jwks_parse(jwks, &set, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(set.count, JOSE_KEYS_MAX);
    check_why(jose_jwks_add(&set, set.keys[0], &err), FACTOR_E_CONFIG, &err,
              "too many keys");
    jose_jwks_clear(&set);
    json_array_append(list, forger_jwk);
    check_why(jose_jwks_parse(jwks, &set, &err), FACTOR_E_CONFIG, &err, full);
    check_why(jose_jwks_parse(list, &set, &err), FACTOR_E_CONFIG, &err, full);
    CU_ASSERT_EQUAL(set.count, 0);
    json_decref(list);
    json_decref(jwks);
}

static void
keys_are_counted(void)
{
    struct jose_key *key = jose_key_ref(forger_set.keys[0]);
    struct jose_jwks set = { 0 };

    CU_ASSERT_EQUAL(jose_jwks_add(&set, key, NULL), FACTOR_OK);
    jose_key_free(key);
    jose_jwks_clear(&set);
    jose_jwks_clear(&set);
    jose_key_free(NULL);
    forged_taken(GOOD_HEADER, GOOD_CLAIMS);
}

static void *
sign_and_verify(void *shared)
{
    const struct jose_jwks *set = shared;
    json_t *claims = json_loads(GOOD_CLAIMS, 0, NULL), *back;
    struct jose_key *key;
    char *token;
    size_t i, wrong = 0;

    for (i = 0; i < 200; i++) {
        key = jose_key_ref(set->keys[i % set->count]);
        token = NULL;
        back = NULL;
        wrong += jose_sign(key, NULL, claims, &token, NULL) != FACTOR_OK ||
                 jose_verify(token, strlen(token), set, &expected, &back, NULL);
        json_decref(back);
        free(token);
        jose_key_free(key);
    }
    json_decref(claims);
    return wrong ? shared : NULL;
}

static void
threads_share_a_key(void)
{
    if (tap_skip_slow())
        return;

    struct jose_jwks set = { 0 };
    pthread_t threads[4];
    json_t *jwk = NULL;
    void *failed;
    size_t i;

    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(
            jose_jwk_generate(i ? "RS256" : "ES256", &jwk, NULL), FACTOR_OK);
        add_import(&set, jwk);
        json_decref(jwk);
    }
    for (i = 0; i < TAP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, sign_and_verify, &set);
    for (i = 0; i < TAP_COUNT(threads); i++) {
        pthread_join(threads[i], &failed);
        CU_ASSERT_PTR_NULL(failed);
    }
    jose_jwks_clear(&set);
}

/* --- base64url, SHA-256, PKCE ------------------------------------------- */

static void
base64url_goes_both_ways(void)
{
    static const char *const cases[][2] = {
        { "", "" },         { "f", "Zg" },         { "fo", "Zm8" },
        { "foo", "Zm9v" },  { "foob", "Zm9vYg" },  { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" }
    };
    char text[16], data[16];
    size_t i, len;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        len = strlen(cases[i][0]);
        CU_ASSERT_EQUAL(jose_b64url_encode(cases[i][0], len, text,
                                           JOSE_B64URL_SIZE(len)), FACTOR_OK);
        CU_ASSERT_STRING_EQUAL(text, cases[i][1]);
        CU_ASSERT_EQUAL(jose_b64url_decode(text, strlen(text), data,
                                           strlen(cases[i][0]), &len),
                        FACTOR_OK);
        CU_ASSERT_EQUAL(len, strlen(cases[i][0]));
        CU_ASSERT_EQUAL(memcmp(data, cases[i][0], len), 0);
    }
}

static void
base64url_is_strict(void)
{
    static const char *const cases[] = {
        "Z",    "A",    "Zm9vY", "Zm9vA", "Zh",   "Zk",
        "Zm9",  "Zg==", "Zm8=",  "Zm9v\n", " Zm9", "Zm 9v",
        "+__",  "Zm9/", "\xc3\xa4", "=",  "Zm.8", "Zm9v===="
    };
    char text[8], data[16];
    size_t i, len = 77;

    for (i = 0; i < TAP_COUNT(cases); i++)
        CU_ASSERT_EQUAL(jose_b64url_decode(cases[i], strlen(cases[i]), data,
                                           sizeof(data), &len), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_b64url_decode("Zm\0v", 4, data, sizeof(data), &len),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_b64url_decode("Zm9v", 4, data, 2, &len),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(len, 77);
    CU_ASSERT_EQUAL(jose_b64url_encode("foo", 3, text, 4), FACTOR_E_INPUT);
}

static void
sha256_is_sha256(void)
{
    unsigned char digest[JOSE_SHA256_LEN];
    char text[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];

    CU_ASSERT_EQUAL(jose_sha256("abc", 3, digest), FACTOR_OK);
    CU_ASSERT_EQUAL(jose_b64url_encode(digest, sizeof(digest), text,
                                       sizeof(text)), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(text, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    CU_ASSERT(jose_same("abc", 3, "abc", 3));
    CU_ASSERT(!jose_same("abc", 3, "abd", 3));
    CU_ASSERT(!jose_same("abc", 3, "abcd", 4));
    CU_ASSERT(jose_same("", 0, "", 0));
}

/* Whether a verifier of `len` characters, one of them `odd`, is taken with its
 * own challenge. */
static int
pkce_takes(size_t len, char odd)
{
    unsigned char digest[JOSE_SHA256_LEN];
    char verifier[200], challenge[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];

    memset(verifier, 'a', len);
    verifier[len] = '\0';
    verifier[7] = odd;
    jose_sha256(verifier, len, digest);
    jose_b64url_encode(digest, sizeof(digest), challenge, sizeof(challenge));
    return jose_pkce_s256(verifier, challenge);
}

static void
pkce_is_s256(void)
{
    static const char verifier[] =
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char challenge[] =
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const char *good;

    CU_ASSERT(jose_pkce_s256(verifier, challenge)); /* RFC 7636 B */
    CU_ASSERT(!jose_pkce_s256(verifier, verifier)); /* plain */
    CU_ASSERT(!jose_pkce_s256(verifier, ""));
    CU_ASSERT(!jose_pkce_s256(verifier, NULL));
    CU_ASSERT(!jose_pkce_s256(NULL, challenge));
    CU_ASSERT(!jose_pkce_s256(verifier,
                              "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"));
    CU_ASSERT(!jose_pkce_s256(verifier,
                              "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="));
    CU_ASSERT(!pkce_takes(42, 'a'));
    CU_ASSERT(pkce_takes(43, 'a'));
    CU_ASSERT(pkce_takes(128, 'a'));
    CU_ASSERT(!pkce_takes(129, 'a'));
    for (good = "azAZ09-._~"; *good; good++)
        CU_ASSERT(pkce_takes(43, *good));
    for (good = " +/=%!\n\x7f\xc3"; *good; good++)
        CU_ASSERT(!pkce_takes(43, *good));
}

static const struct tap_test tests[] = {
    { "verify takes the RS256 example of RFC 7515 A.2", takes_rfc7515_a2 },
    { "verify takes the ES256 example of RFC 7515 A.3", takes_rfc7515_a3 },
    { "kid is the thumbprint of RFC 7638", kid_is_the_thumbprint },
    { "ES256 tokens go round, in 64 octets each", round_trip_es256 },
    { "RS256 tokens go round", round_trip_rs256 },
    { "sign's header says alg, kid and typ", header_says_alg_kid_typ },
    { "a public JWK has no private member", public_jwk_is_public },
    { "sign refuses public keys, non-objects and large claims", sign_refuses },
    { "verify refuses each bad header for its own reason", refuses_headers },
    { "verify takes headers with kid, typ or unknown members", takes_headers },
    { "typ must be the one expected", typ_must_be_the_one_expected },
    { "verify refuses all but the compact form", refuses_other_forms },
    { "verify refuses non-canonical base64url", refuses_odd_base64url },
    { "verify refuses a token with any character changed",
      refuses_each_changed_character },
    { "verify refuses a part of another token", refuses_a_swapped_part },
    { "verify refuses ES256 signatures in DER, of wrong length or range",
      refuses_odd_es256_signatures },
    { "verify refuses RS256 signatures of wrong length",
      refuses_odd_rs256_signatures },
    { "verify refuses an HMAC keyed with a public key",
      refuses_hmac_with_a_public_key },
    { "kid picks the key, and no kid needs one of the alg", picks_the_key },
    { "verify refuses more than 8 KiB", refuses_a_long_token },
    { "verify refuses bad payloads and issuers", refuses_payloads },
    { "aud must name us", aud_must_name_us },
    { "exp, nbf and iat bound the token", dates_bound_the_token },
    { "without a lifetime exp may be absent", no_lifetime_asks_for_no_exp },
    { "import refuses each bad JWK for its own reason", refuses_bad_jwks },
    { "import takes alg, use and key_ops that fit", takes_fitting_jwks },
    { "import refuses RSA numbers that are short, long or even",
      refuses_bad_rsa },
    { "import refuses an RSA pair with a wrong number",
      refuses_an_unsound_rsa_pair },
    { "a key of our own signs what it verifies", own_keys_must_sign },
    { "generate makes ES256 and RS256 only",
      generate_refuses_other_algorithms },
    { "a client's JWKS is public, with unknown keys skipped",
      reads_a_clients_jwks },
    { "a set holds sixteen keys", holds_sixteen_keys },
    { "keys live as long as someone refers to them", keys_are_counted },
    { "threads share a key", threads_share_a_key },
    { "base64url goes both ways", base64url_goes_both_ways },
    { "base64url is canonical or refused", base64url_is_strict },
    { "sha256 and equality", sha256_is_sha256 },
    { "PKCE is S256 over 43 to 128 unreserved characters", pkce_is_s256 },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("jose", &fixture, tests, TAP_COUNT(tests));
}
