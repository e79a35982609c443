/* SPDX-License-Identifier: MIT */
/* tests/test_jose_statement.c - the JOSE calls that plugins are given: what
 * npm's jose signed is taken, and each refusal for its own reason. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "factor/test.h"
#include "host/jose/jose.h"
#include "tests/tap.h"

#define TYP "factor-phone+jwt"

/* Made with npm's jose 5 on Node 18. */
static const char ec_jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"Sfh4ylsvrLQQLFPLSI2o5DnuR-XAKo1qwCc8XklPt7M\","
    "\"y\":\"oJg0iiNnLSeg4arCRMAJCUEkigojeA4Wk-8a-Ci1m-c\"}";
static const char ec_thumbprint[] =
    "8gXqfhdYXXeVNoxVrjUVeaxginGoocaTcAOcUQztnk4";
static const char ec_statement[] =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImZhY3Rvci1waG9uZStqd3QifQ."
    "eyJ2IjoxLCJwdXJwb3NlIjoiYW5zd2VyIiwiYXVkIjoiaHR0cHM6Ly9ob3N0LnRlc3QiLCJ"
    "pYXQiOjE3MDAwMDAwMDB9."
    "AECkIhzTI7EBPJ2xYsqJ6oP3rWRiZVu2OxnGihDZJauV91A8ZvYwBpl2fOvuatcdJq8lq-i"
    "Fq-532HAJM5Vw0w";
static const char rsa_jwk[] =
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""
    "wKPDVQWIA2IqVPFZm82GJIjVucsWiujE_9mLsJGbr-ukIOaYnSmkrgiiLDIJQBwKRIKOQSz"
    "-zqONoile3NuFzXtrfQos7uLKhLVKIGVfSDZefx9N4FtLOcLKwTEk4807bmGGgrfHWL4m6T"
    "v6NyJY0sndwfPmsA9trZ0KZnFvEKOtpk6kstXta9viMB7LNniTrT7v-Kq1P2kKXqsrh4vPK"
    "9_Vr70YmFf5P4PisXKWyNjp7RdO1MC-FpLX6Vp1IdSCWN1-HZsMcAeq-ELOBYiVZNDehyXy"
    "PGy-0LGmmV4CSw-IJug7MJrcFlzwGy4vb6w8MTkHZQ8VHFOocECTzHnMEQ\"}";
static const char rsa_thumbprint[] =
    "2fHg2nNVwCUZFgF-fAWHde479pAPVQd8PRby94PIy_0";
static const char rsa_statement[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJ4QHkudGVzdCIsImF1ZCI6Imh0dHBzOi8vb2F1dGgyLnRlc3QvdG9rZW4iLCJ"
    "pYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0."
    "Byxu8M_2TWBLL_9EmxiFIi6aJW5r8HJ2MZ1AB6LCUw3WkP1kfr2_4gEzt2KHARKJ9EmyegG"
    "I2M4RIxhDzuCZK1D8DyQ3QjQxegGffWKFOfyVih0GrqU638HO4Y-nMnECmuAFUHII77n7jR"
    "X0dwLIzX9qXRVn_Mz1ikZYl047J04ywwg66nGJJAmRwTfb09p307WTm6_djlZiYiCych-tU"
    "1FRv2KZhDkNSFnVbOyT-7gp1Q-TfK9PH-HC85nOAVKWhj_gXuZ7i7nmInUQL0QQQCOk085n"
    "bLSGefSeGD7SwHLiy26H6L6iaq8ojARY6GdlKZXOk7xB-kVstGfvWVPVHQ";

/* --- helpers ------------------------------------------------------------ */

static json_t *
json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!json)
        abort();
    return json;
}

static factor_status
verify(const char *jwk, const char *typ, const char *statement)
{
    json_t *key = json_of(jwk), *claims = NULL;
    factor_status status = jose_statement_verify(key, typ, statement, &claims);

    CU_ASSERT_EQUAL(status == FACTOR_OK, json_is_object(claims));
    json_decref(claims);
    json_decref(key);
    return status;
}

static char *
pem_of(EVP_PKEY *pkey, int traditional, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *at;
    long len;

    if (traditional)
        PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL,
                                             NULL);
    else
        PEM_write_bio_PKCS8PrivateKey(bio, pkey,
                                      password ? EVP_aes_128_cbc() : NULL,
                                      password,
                                      password ? (int)strlen(password) : 0,
                                      NULL, NULL);
    len = BIO_get_mem_data(bio, &at);
    text = strndup(at, (size_t)len);
    BIO_free(bio);
    return text;
}

static void
put_number(json_t *jwk, const char *name, EVP_PKEY *pkey, const char *param,
           int len)
{
    char text[JOSE_B64URL_SIZE(512)];
    unsigned char raw[512];
    BIGNUM *number = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, param, &number))
        abort();
    len = len ? len : BN_num_bytes(number);
    BN_bn2binpad(number, raw, len);
    jose_b64url_encode(raw, (size_t)len, text, sizeof(text));
    json_object_set_new(jwk, name, json_string(text));
    BN_free(number);
}

static json_t *
jwk_of(EVP_PKEY *pkey)
{
    json_t *jwk;

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        jwk = json_pack("{s:s}", "kty", "RSA");
        put_number(jwk, "n", pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        put_number(jwk, "e", pkey, OSSL_PKEY_PARAM_RSA_E, 0);
        return jwk;
    }
    jwk = json_pack("{s:s, s:s}", "kty", "EC", "crv", "P-256");
    put_number(jwk, "x", pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    put_number(jwk, "y", pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    return jwk;
}

/* A statement of whatever header and payload, signed by this key. */
static char *
forge(EVP_PKEY *pkey, const char *header, const char *payload)
{
    char *forged;
    char a[2048], b[2048], input[4096];
    unsigned char der[80], raw[64];
    const unsigned char *at = der;
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *sig;

    jose_b64url_encode(header, strlen(header), a, sizeof(a));
    jose_b64url_encode(payload, strlen(payload), b, sizeof(b));
    snprintf(input, sizeof(input), "%s.%s", a, b);
    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey);
    EVP_DigestSign(ctx, der, &len, (const unsigned char *)input,
                   strlen(input));
    sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    jose_b64url_encode(raw, sizeof(raw), a, sizeof(a));
    forged = malloc(strlen(input) + strlen(a) + 2);
    if (!forged)
        abort();
    snprintf(forged, strlen(input) + strlen(a) + 2, "%s.%s", input, a);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
    return forged;
}

/* --- verifying ---------------------------------------------------------- */

static void
takes_what_npm_signed(void)
{
    json_t *key = json_of(ec_jwk), *claims;

    CU_ASSERT_EQUAL_FATAL(
        jose_statement_verify(key, TYP, ec_statement, &claims), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(claims, "purpose")), "answer");
    json_decref(claims);
    json_decref(key);
    CU_ASSERT_EQUAL(verify(rsa_jwk, "JWT", rsa_statement), FACTOR_OK);
}

static void
typ_must_be_said(void)
{
    CU_ASSERT_EQUAL(verify(ec_jwk, "JWT", ec_statement), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(ec_jwk, "application/" TYP, ec_statement),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(ec_jwk, NULL, ec_statement), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(rsa_jwk, TYP, rsa_statement), FACTOR_E_INPUT);
}

static void
key_must_be_the_signers(void)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    json_t *jwk = jwk_of(other);
    char *text = json_dumps(jwk, 0);

    CU_ASSERT_EQUAL(verify(text, TYP, ec_statement), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(rsa_jwk, TYP, ec_statement), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(ec_jwk, "JWT", rsa_statement), FACTOR_E_INPUT);
    free(text);
    json_decref(jwk);
    EVP_PKEY_free(other);
}

static void
key_must_be_one(void)
{
    static const char *const bad[] = {
        "null", "{}", "[]", "\"x\"", "{\"kty\":\"EC\"}",
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"Sfh4ylsvrLQQLFPLSI2o5DnuR-XAKo1qwCc8XklPt7M\","
        "\"y\":\"Sfh4ylsvrLQQLFPLSI2o5DnuR-XAKo1qwCc8XklPt7M\"}",
        /* RFC 7517 A.2: a private key is not to be handed around. */
        "{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
        "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}"
    };
    char thumbprint[JOSE_KID_SIZE];
    json_t *jwk;
    size_t i;

    for (i = 0; i < TAP_COUNT(bad); i++) {
        jwk = json_of(bad[i]);
        CU_ASSERT_EQUAL(verify(bad[i], TYP, ec_statement), FACTOR_E_CONFIG);
        CU_ASSERT_EQUAL(jose_jwk_thumbprint(jwk, thumbprint), FACTOR_E_CONFIG);
        json_decref(jwk);
    }
    CU_ASSERT_EQUAL(jose_jwk_thumbprint(NULL, thumbprint), FACTOR_E_CONFIG);
}

static void
any_change_is_seen(void)
{
    char copy[sizeof(ec_statement)];
    size_t i;

    for (i = 0; i + 1 < sizeof(copy); i++) {
        memcpy(copy, ec_statement, sizeof(copy));
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        CU_ASSERT_EQUAL(verify(ec_jwk, TYP, copy), FACTOR_E_INPUT);
    }
}

/* Each is rightly signed. */
static void
header_says_nothing_else(void)
{
    static const struct {
        const char *header;
        factor_status status;
    } rows[] = {
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\"}", FACTOR_OK },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"kid\":\"x\"}", FACTOR_OK },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"kid\":7}",
          FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\"}", FACTOR_E_INPUT },
        { "{\"typ\":\"" TYP "\"}", FACTOR_E_INPUT },
        { "{\"alg\":\"none\",\"typ\":\"" TYP "\"}", FACTOR_E_INPUT },
        { "{\"alg\":\"RS256\",\"typ\":\"" TYP "\"}", FACTOR_E_INPUT },
        { "{\"alg\":\"HS256\",\"typ\":\"" TYP "\"}", FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"crit\":[]}",
          FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"b64\":true}",
          FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"cty\":\"JWT\"}",
          FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"x\":null}",
          FACTOR_E_INPUT },
        { "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":\"" TYP "\"}",
          FACTOR_E_INPUT },
        { "[]", FACTOR_E_INPUT }, { "", FACTOR_E_INPUT },
    };
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    json_t *jwk = jwk_of(pkey), *claims;
    char *statement;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        statement = forge(pkey, rows[i].header, "{\"v\":1}");
        claims = NULL;
        CU_ASSERT_EQUAL(jose_statement_verify(jwk, TYP, statement, &claims),
                        rows[i].status);
        json_decref(claims);
        free(statement);
    }
    json_decref(jwk);
    EVP_PKEY_free(pkey);
}

static void
payload_is_one_object(void)
{
    static const char *const bad[] = { "", "[]", "1", "{\"a\":1,\"a\":2}",
                                       "{\"a\":\"\xff\"}", "{} {}" };
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    json_t *jwk = jwk_of(pkey), *claims = NULL;
    char *statement;
    size_t i;

    for (i = 0; i < TAP_COUNT(bad); i++) {
        statement = forge(pkey, "{\"alg\":\"ES256\",\"typ\":\"" TYP "\"}",
                          bad[i]);
        CU_ASSERT_EQUAL(jose_statement_verify(jwk, TYP, statement, &claims),
                        FACTOR_E_INPUT);
        CU_ASSERT_EQUAL(jose_statement_peek(statement, &claims),
                        FACTOR_E_INPUT);
        CU_ASSERT_PTR_NULL(claims);
        free(statement);
    }
    json_decref(jwk);
    EVP_PKEY_free(pkey);
}

static void
form_is_compact(void)
{
    static const char *const bad[] = { "", ".", "..", "a.b", "a.b.c.d",
                                       "{\"payload\":\"\"}" };
    json_t *claims = NULL;
    char *longest = malloc(JOSE_TOKEN_MAX + 2);
    size_t i;

    for (i = 0; i < TAP_COUNT(bad); i++) {
        CU_ASSERT_EQUAL(verify(ec_jwk, TYP, bad[i]), FACTOR_E_INPUT);
        CU_ASSERT_EQUAL(jose_statement_peek(bad[i], &claims), FACTOR_E_INPUT);
    }
    memset(longest, 'A', JOSE_TOKEN_MAX + 1);
    longest[JOSE_TOKEN_MAX + 1] = '\0';
    longest[100] = longest[200] = '.';
    CU_ASSERT_EQUAL(verify(ec_jwk, TYP, longest), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(verify(ec_jwk, TYP, NULL), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_statement_peek(NULL, &claims), FACTOR_E_INPUT);
    free(longest);
}

/* --- peeking, thumbprints ----------------------------------------------- */

static void
peek_asks_no_key(void)
{
    char copy[sizeof(ec_statement)];
    json_t *claims;

    memcpy(copy, ec_statement, sizeof(copy));
    copy[sizeof(copy) - 3] ^= 1; /* a signature that is nobody's */
    CU_ASSERT_EQUAL_FATAL(jose_statement_peek(copy, &claims), FACTOR_OK);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "v")), 1);
    json_decref(claims);
}

static void
thumbprints_are_npms(void)
{
    char thumbprint[JOSE_KID_SIZE];
    json_t *ec = json_of(ec_jwk), *rsa = json_of(rsa_jwk);

    CU_ASSERT_EQUAL(jose_jwk_thumbprint(ec, thumbprint), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(thumbprint, ec_thumbprint);
    CU_ASSERT_EQUAL(jose_jwk_thumbprint(rsa, thumbprint), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(thumbprint, rsa_thumbprint);
    json_decref(ec);
    json_decref(rsa);
}

/* --- signing ------------------------------------------------------------ */

static void
check_round(EVP_PKEY *pkey, char *pem, const char *header_text)
{
    json_t *header = json_pack("{s:s, s:s, s:s}", "typ", TYP, "kid", "k1",
                               "alg", "none");
    json_t *claims = json_pack("{s:s}", "iss", "me"), *jwk = jwk_of(pkey);
    json_t *seen = NULL;
    char *statement = NULL, text[512] = "";
    size_t len;

    CU_ASSERT_EQUAL_FATAL(jose_pem_sign(pem, header, claims, &statement),
                          FACTOR_OK);
    CU_ASSERT_EQUAL(jose_statement_verify(jwk, TYP, statement, &seen),
                    FACTOR_OK);
    CU_ASSERT_TRUE(json_equal(seen, claims));
    jose_b64url_decode(statement, strcspn(statement, "."), text, sizeof(text),
                       &len);
    CU_ASSERT_STRING_EQUAL(text, header_text);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(header, "alg")), "none");
    free(statement);
    free(pem);
    json_decref(seen);
    json_decref(jwk);
    json_decref(claims);
    json_decref(header);
}

static void
signs_by_either_pem(void)
{
    if (tap_skip_slow())
        return;

    static const char es256[] =
        "{\"alg\":\"ES256\",\"typ\":\"" TYP "\",\"kid\":\"k1\"}";
    static const char rs256[] =
        "{\"alg\":\"RS256\",\"typ\":\"" TYP "\",\"kid\":\"k1\"}";
    EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);

    check_round(ec, pem_of(ec, 0, NULL), es256);
    check_round(ec, pem_of(ec, 1, NULL), es256);
    check_round(rsa, pem_of(rsa, 0, NULL), rs256);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
}

static void
refuses_other_pems(void)
{
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *small = EVP_RSA_gen(1024);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    char *bad[] = { pem_of(p384, 0, NULL), pem_of(small, 0, NULL),
                    pem_of(ed, 0, NULL),   pem_of(ec, 0, "secret"),
                    strdup("no PEM"),      strdup("") };
    json_t *object = json_object();
    char *statement = NULL;
    size_t i;

    for (i = 0; i < TAP_COUNT(bad); i++) {
        CU_ASSERT_EQUAL(jose_pem_sign(bad[i], object, object, &statement),
                        FACTOR_E_CONFIG);
        free(bad[i]);
    }
    CU_ASSERT_EQUAL(jose_pem_sign(NULL, object, object, &statement),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NULL(statement);
    json_decref(object);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(small);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(ec);
}

static void
signs_objects_only(void)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    char *pem = pem_of(ec, 0, NULL), *statement = NULL, text[8192];
    json_t *object = json_object(), *array = json_array(), *large;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    large = json_pack("{s:s}", "x", text);
    CU_ASSERT_EQUAL(jose_pem_sign(pem, array, object, &statement),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_pem_sign(pem, object, array, &statement),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_pem_sign(pem, NULL, object, &statement),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(jose_pem_sign(pem, object, large, &statement),
                    FACTOR_E_INPUT);
    CU_ASSERT_PTR_NULL(statement);
    json_decref(object);
    json_decref(array);
    json_decref(large);
    free(pem);
    EVP_PKEY_free(ec);
}

/* --- the tables --------------------------------------------------------- */

static void
fake_host_has_them(void)
{
    const struct factor_host *host = factor_test_host();
    json_t *key = json_of(ec_jwk), *claims = NULL;
    char thumbprint[JOSE_KID_SIZE];

    CU_ASSERT_STRING_EQUAL(host->base_url, FACTOR_TEST_BASE_URL);
    CU_ASSERT_EQUAL(strlen(host->environment), 36);
    CU_ASSERT_EQUAL(strlen(host->issuer_thumbprint), 43);
    CU_ASSERT_EQUAL(host->jws_verify(key, TYP, ec_statement, &claims),
                    FACTOR_OK);
    json_decref(claims);
    CU_ASSERT_EQUAL(host->jws_peek(ec_statement, &claims), FACTOR_OK);
    json_decref(claims);
    CU_ASSERT_EQUAL(host->jwk_thumbprint(key, thumbprint), FACTOR_OK);
    CU_ASSERT_PTR_NOT_NULL(host->jws_sign);
    json_decref(key);
}

static const struct tap_test tests[] = {
    { "verify takes what npm's jose signed", takes_what_npm_signed },
    { "the header must say the typ", typ_must_be_said },
    { "the key must be the signer's", key_must_be_the_signers },
    { "the key must be a public JWK", key_must_be_one },
    { "any changed character is seen", any_change_is_seen },
    { "a header says alg, typ and kid, and nothing else",
      header_says_nothing_else },
    { "a payload is one object", payload_is_one_object },
    { "a statement is compact and at most 8 KiB", form_is_compact },
    { "peek asks for no key", peek_asks_no_key },
    { "thumbprints are those of npm's jose", thumbprints_are_npms },
    { "sign takes PKCS 8 and RFC 5915, and sets alg", signs_by_either_pem },
    { "sign refuses other PEMs, and asks for no password",
      refuses_other_pems },
    { "sign takes objects that fit", signs_objects_only },
    { "the fake host has the same calls", fake_host_has_them },
};

int
main(void)
{
    return tap_main("jose statements", tests, TAP_COUNT(tests));
}
