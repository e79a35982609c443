/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_webpush.c - Web Push: what the browser can read, what
 * the service can check, and what comes of its answers. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/delivery-webpush/webpush_address.h"
#include "tests/push_rig.h"
#include "tests/tap.h"

#define ENDPOINT "https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
#define ORIGIN "https://push.example.net"

/* A browser with a subscription. */
static EVP_PKEY *browser, *vapid_key;
static uint8_t auth[WEBPUSH_AUTH_LEN] = "sixteen bytes!!";
static char *vapid_pem;

static void
point_of(const EVP_PKEY *key, uint8_t ret_point[WEBPUSH_POINT_LEN])
{
    size_t len = 0;

    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point,
                                    WEBPUSH_POINT_LEN, &len);
    CU_ASSERT_EQUAL(len, WEBPUSH_POINT_LEN);
}

static int
set_up(void)
{
    browser = push_new_key("EC");
    vapid_key = push_new_key("EC");
    vapid_pem = push_pem(vapid_key);
    return push_load("delivery-webpush");
}

static int
tear_down(void)
{
    EVP_PKEY_free(browser);
    EVP_PKEY_free(vapid_key);
    free(vapid_pem);
    browser = vapid_key = NULL;
    vapid_pem = NULL;
    return push_unload();
}

static json_t *
settings(void)
{
    return json_pack("{s:s, s:s}", "vapid_key", vapid_pem, "subject",
                     "mailto:ops@example.org");
}

/* "webpush:" and the browser's subscription at this endpoint. */
static void
address_at(const char *endpoint, char ret_address[512])
{
    uint8_t point[WEBPUSH_POINT_LEN];
    char *p256dh, *secret;

    point_of(browser, point);
    p256dh = push_encode(point, sizeof(point));
    secret = push_encode(auth, sizeof(auth));
    snprintf(ret_address, 512,
             "webpush:{\"endpoint\":\"%s\",\"expirationTime\":null,"
             "\"keys\":{\"p256dh\":\"%s\",\"auth\":\"%s\"}}",
             endpoint, p256dh, secret);
    free(p256dh);
    free(secret);
}

/* --- The browser's side of RFC 8291, by its text --- */

static void
derive(const uint8_t *salt, const uint8_t *key, const char *info,
       size_t info_len, uint8_t *ret, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

    EVP_PKEY_derive_init(ctx);
    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256());
    EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, 16);
    EVP_PKEY_CTX_set1_hkdf_key(ctx, key, 32);
    EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info, (int)info_len);
    CU_ASSERT_TRUE(EVP_PKEY_derive(ctx, ret, &len) > 0);
    EVP_PKEY_CTX_free(ctx);
}

static void
agree(const uint8_t *sender_point, uint8_t ret_ikm[32])
{
    EVP_PKEY *sender = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(browser, NULL);
    char info[14 + 2 * WEBPUSH_POINT_LEN] = "WebPush: info";
    uint8_t secret[32];
    size_t len = sizeof(secret);

    EVP_PKEY_copy_parameters(sender, browser);
    EVP_PKEY_set1_encoded_public_key(sender, sender_point, WEBPUSH_POINT_LEN);
    EVP_PKEY_derive_init(ctx);
    EVP_PKEY_derive_set_peer(ctx, sender);
    CU_ASSERT_TRUE(EVP_PKEY_derive(ctx, secret, &len) > 0);
    point_of(browser, (uint8_t *)info + 14);
    memcpy(info + 14 + WEBPUSH_POINT_LEN, sender_point, WEBPUSH_POINT_LEN);
    derive(auth, secret, info, sizeof(info), ret_ikm, 32);
    EVP_PKEY_free(sender);
    EVP_PKEY_CTX_free(ctx);
}

/* The text without its padding; the caller's, by free(). */
static char *
decrypt(const uint8_t *body, size_t body_len)
{
    static const char cek_info[] = "Content-Encoding: aes128gcm";
    static const char nonce_info[] = "Content-Encoding: nonce";
    uint8_t ikm[32], cek[16], nonce[12], tag[16];
    size_t len = body_len - 86 - sizeof(tag), end = len;
    char *text = calloc(1, len + 1);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int done = 0;

    CU_ASSERT_EQUAL_FATAL(body[20], WEBPUSH_POINT_LEN);
    agree(body + 21, ikm);
    derive(body, ikm, cek_info, sizeof(cek_info), cek, sizeof(cek));
    derive(body, ikm, nonce_info, sizeof(nonce_info), nonce, sizeof(nonce));
    memcpy(tag, body + body_len - sizeof(tag), sizeof(tag));
    EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, cek, nonce);
    EVP_DecryptUpdate(ctx, (uint8_t *)text, &done, body + 86, (int)len);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag);
    CU_ASSERT_TRUE(
        EVP_DecryptFinal_ex(ctx, (uint8_t *)text + done, &done) > 0);
    EVP_CIPHER_CTX_free(ctx);
    while (end > 0 && text[end - 1] == 0)
        end--;
    CU_ASSERT_TRUE_FATAL(end > 0);
    CU_ASSERT_EQUAL(text[end - 1], 2);
    text[end - 1] = '\0';
    return text;
}

static char *
read_call(size_t n)
{
    return decrypt((const uint8_t *)push_call(n)->body,
                   push_call(n)->body_len);
}

/* --- Encryption --- */

static EVP_PKEY *
key_of_rfc(const char *secret, const char *point)
{
    size_t len;
    uint8_t *secret_bytes = push_decode(secret, &len);
    uint8_t *point_bytes = push_decode(point, &len);
    char group[] = "P-256";
    BIGNUM *number = BN_bin2bn(secret_bytes, 32, NULL);
    uint8_t native[32];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point_bytes,
                                          WEBPUSH_POINT_LEN),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, 32),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    BN_bn2nativepad(number, native, 32);
    EVP_PKEY_fromdata_init(ctx);
    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    BN_free(number);
    free(secret_bytes);
    free(point_bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    return key;
}

static void
copy_decoded(const char *text, uint8_t *ret, size_t len)
{
    size_t found;
    uint8_t *bytes = push_decode(text, &found);

    CU_ASSERT_EQUAL_FATAL(found, len);
    memcpy(ret, bytes, len);
    free(bytes);
}

/* RFC 8291, section 5 and appendix A. */
static void
vector_of_rfc(void)
{
    static const char text[] = "When I grow up, I want to be a watermelon";
    static const char expected[] =
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    struct webpush_once once = {
        .key = key_of_rfc("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
                          "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3v"
                          "CYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
    };
    struct webpush_keys keys;
    uint8_t body[WEBPUSH_BODY_MAX];
    size_t len = 0;
    char *encoded;

    copy_decoded("DGv6ra1nlYgDCS1FRnbzlw", once.salt, sizeof(once.salt));
    copy_decoded("BTBZMqHH6r4Tts7J_aSIgg", keys.auth, sizeof(keys.auth));
    copy_decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
                 "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                 keys.point, sizeof(keys.point));
    CU_ASSERT_EQUAL(webpush_encrypt(&keys, &once, text, strlen(text),
                                    strlen(text), body, &len),
                    FACTOR_OK);
    encoded = push_encode(body, len);
    CU_ASSERT_STRING_EQUAL(encoded, expected);
    free(encoded);
    webpush_once_clear(&once);
}

static void
no_room(void)
{
    struct webpush_once once = { .key = NULL };
    struct webpush_keys keys;
    uint8_t body[WEBPUSH_BODY_MAX];
    static const char text[WEBPUSH_ROOM_MAX + 1] = "";
    size_t len = 0;

    CU_ASSERT_EQUAL(webpush_once_make(&once), FACTOR_OK);
    point_of(browser, keys.point);
    memcpy(keys.auth, auth, sizeof(auth));
    CU_ASSERT_EQUAL(webpush_encrypt(&keys, &once, text, 11, 10, body, &len),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(webpush_encrypt(&keys, &once, text, 1,
                                    WEBPUSH_ROOM_MAX + 1, body, &len),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(webpush_encrypt(&keys, &once, text, WEBPUSH_ROOM_MAX,
                                    WEBPUSH_ROOM_MAX, body, &len),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(len, WEBPUSH_BODY_MAX);
    webpush_once_clear(&once);
}

/* --- The request --- */

static void
one_post(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512], *text;
    struct factor_message message;
    struct factor_receipt receipt;
    json_t *bell;

    address_at(ENDPOINT, address);
    message = push_message(address);
    receipt = push_result(self, &message, 201, "");
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(push_call(0)->method, "POST");
    CU_ASSERT_STRING_EQUAL(push_call(0)->url, ENDPOINT);
    CU_ASSERT_EQUAL(push_call(0)->flags, FACTOR_HTTP_PUBLIC);
    CU_ASSERT_EQUAL(push_call(0)->timeout_ms, 5000);
    CU_ASSERT_STRING_EQUAL(push_header(0, "ttl"), "40");
    CU_ASSERT_STRING_EQUAL(push_header(0, "urgency"), "high");
    CU_ASSERT_STRING_EQUAL(push_header(0, "content-encoding"), "aes128gcm");
    CU_ASSERT_STRING_EQUAL(push_header(0, "content-type"),
                           "application/octet-stream");
    text = read_call(0);
    bell = json_loads(text, 0, NULL);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(bell, "factor")), 1);
    CU_ASSERT_TRUE(push_says(bell, "device", PUSH_DEVICE));
    CU_ASSERT_TRUE(push_says(bell, "text", message.text));
    CU_ASSERT_EQUAL(json_object_size(bell), 3); /* no name, no challenge */
    json_decref(bell);
    free(text);
    push_close(self);
}

/* RFC 8030 5.4: at most 32 letters of base64url; the same for a device. */
static void
topic(void)
{
    struct factor_delivery *self = push_must_open(settings());
    json_t *other = json_pack("{s:s}", "device", "another");
    char address[512];
    struct factor_message message;

    address_at(ENDPOINT, address);
    message = push_message(address);
    push_result(self, &message, 201, "");
    push_result(self, &message, 201, "");
    CU_ASSERT_EQUAL(strlen(push_header(0, "topic")), 32);
    CU_ASSERT_STRING_EQUAL(push_header(0, "topic"), push_header(1, "topic"));
    CU_ASSERT_EQUAL(strspn(push_header(0, "topic"),
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                           "XYZ0123456789-_"), 32);
    message.variables = other;
    push_result(self, &message, 201, "");
    CU_ASSERT_STRING_NOT_EQUAL(push_header(0, "topic"),
                               push_header(2, "topic"));
    json_decref(other);
    push_close(self);
}

static void
nothing_twice(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;

    address_at(ENDPOINT, address);
    message = push_message(address);
    push_result(self, &message, 201, "");
    push_result(self, &message, 201, "");
    /* Another salt, another key of ours. */
    CU_ASSERT_NOT_EQUAL(memcmp(push_call(0)->body, push_call(1)->body, 16), 0);
    CU_ASSERT_NOT_EQUAL(
        memcmp(push_call(0)->body + 21, push_call(1)->body + 21, 65), 0);
    push_close(self);
}

/* What is said cannot be told from its length. */
static void
one_length(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_error err;
    char address[512], words[5000], *text;
    struct factor_message message;

    address_at(ENDPOINT, address);
    message = push_message(address);
    message.text = "";
    push_result(self, &message, 201, "");
    memset(words, 'x', sizeof(words));
    words[900] = '\0';
    message.text = words;
    push_result(self, &message, 201, "");
    CU_ASSERT_EQUAL(push_call(0)->body_len, push_call(1)->body_len);
    words[900] = 'x';
    words[3900] = '\0';
    push_result(self, &message, 201, "");
    CU_ASSERT_EQUAL(push_call(2)->body_len, WEBPUSH_BODY_MAX);
    text = read_call(2);
    CU_ASSERT_TRUE(strlen(text) > 3900);
    free(text);
    words[3900] = 'x';
    words[4999] = '\0';
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err),
                    FACTOR_E_INTERNAL);
    push_close(self);
}

static void
too_late(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;

    address_at(ENDPOINT, address);
    message = push_message(address);
    message.expires_at_ms = message.now_ms - 5000;
    push_result(self, &message, 201, "");
    CU_ASSERT_STRING_EQUAL(push_header(0, "ttl"), "0");
    push_close(self);
}

/* --- Who we are (RFC 8292) --- */

/* The token of a call; "k" must be our public key. */
static char *
token_of(size_t n)
{
    const char *header = push_header(n, "authorization");
    const char *comma = strchr(header, ',');
    uint8_t point[WEBPUSH_POINT_LEN];
    char *key;

    CU_ASSERT_PTR_NOT_NULL_FATAL(comma);
    CU_ASSERT_EQUAL_FATAL(strncmp(header, "vapid t=", 8), 0);
    CU_ASSERT_EQUAL_FATAL(strncmp(comma, ", k=", 4), 0);
    point_of(vapid_key, point);
    key = push_encode(point, sizeof(point));
    CU_ASSERT_STRING_EQUAL(comma + 4, key);
    free(key);
    return strndup(header + 8, (size_t)(comma - header - 8));
}

static json_t *
claims_of(size_t n)
{
    char *token = token_of(n);
    json_t *head = NULL, *claims = push_verify(token, vapid_key, &head);

    CU_ASSERT_PTR_NOT_NULL_FATAL(claims);
    CU_ASSERT_TRUE(push_says(head, "typ", "JWT"));
    json_decref(head);
    free(token);
    return claims;
}

static void
signs(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;
    json_int_t left_s;
    json_t *claims;

    address_at(ENDPOINT, address);
    message = push_message(address);
    push_result(self, &message, 201, "");
    claims = claims_of(0);
    CU_ASSERT_TRUE(push_says(claims, "aud", ORIGIN));
    CU_ASSERT_TRUE(push_says(claims, "sub", "mailto:ops@example.org"));
    left_s = json_integer_value(json_object_get(claims, "exp")) -
             PUSH_NOW_MS / 1000;
    CU_ASSERT_TRUE(left_s > 3600 && left_s <= 24 * 3600);
    CU_ASSERT_EQUAL(json_object_size(claims), 3);
    json_decref(claims);
    push_close(self);
}

static void
origins(void)
{
    static const struct {
        const char *endpoint, *origin;
    } rows[] = {
        { "https://a.example", "https://a.example" },
        { "https://a.example?x", "https://a.example" },
        { "HTTPS://A.Example:443/X", "https://a.example" },
        { "https://a.example:8443/x", "https://a.example:8443" },
        { "https://a.example:4430/x", "https://a.example:4430" },
        { "http://a.example:80/x", "http://a.example" },
        { "https://[2001:DB8::1]:9/x", "https://[2001:db8::1]:9" },
    };
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;
    json_t *claims;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        address_at(rows[i].endpoint, address);
        message = push_message(address);
        push_result(self, &message, 201, "");
        CU_ASSERT_STRING_EQUAL(push_call(i)->url, rows[i].endpoint);
        claims = claims_of(i);
        CU_ASSERT_TRUE(push_says(claims, "aud", rows[i].origin));
        json_decref(claims);
    }
    push_close(self);
}

/* Signed statements after a message to this endpoint at this time. */
static unsigned
signed_at(struct factor_delivery *self, const char *endpoint, int64_t now_ms)
{
    char address[512];
    struct factor_message message;

    address_at(endpoint, address);
    message = push_message(address);
    message.now_ms = now_ms;
    message.expires_at_ms = now_ms + 40000;
    push_result(self, &message, 201, "");
    push_forget();
    return push_signed();
}

static void
token_is_kept(void)
{
    struct factor_delivery *self = push_must_open(settings());
    const int64_t hour = 3600 * 1000, now = PUSH_NOW_MS;
    unsigned before = push_signed();
    int i;

    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now), before + 1);
    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now + 10 * hour), before + 1);
    CU_ASSERT_EQUAL(signed_at(self, ORIGIN "/other", now), before + 1);
    CU_ASSERT_EQUAL(signed_at(self, "https://b.example/", now), before + 2);
    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now), before + 2);
    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now + 11 * hour), before + 3);
    /* The clock was set back: what we have lives longer than it may. */
    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now - hour), before + 4);
    /* Phones name origins: what is kept of them has an end. */
    for (i = 0; i < 200; i++) {
        char endpoint[64];

        snprintf(endpoint, sizeof(endpoint), "https://%d.example/", i);
        signed_at(self, endpoint, now);
    }
    CU_ASSERT_EQUAL(signed_at(self, ENDPOINT, now), before + 205);
    push_close(self);
}

/* --- Answers and addresses --- */

static void
results(void)
{
    static const struct {
        uint32_t status, result;
    } rows[] = {
        { 200, FACTOR_DELIVERY_SENT },
        { 201, FACTOR_DELIVERY_SENT },
        { 202, FACTOR_DELIVERY_SENT },
        { 204, FACTOR_DELIVERY_SENT },
        { 301, FACTOR_DELIVERY_DEFERRED_THERE },
        { 400, FACTOR_DELIVERY_DEFERRED_THERE },
        { 401, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 403, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 404, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 410, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 413, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 429, FACTOR_DELIVERY_DEFERRED_THERE },
        { 500, FACTOR_DELIVERY_DEFERRED_THERE },
        { 503, FACTOR_DELIVERY_DEFERRED_THERE },
    };
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;
    size_t i;

    address_at(ENDPOINT, address);
    message = push_message(address);
    for (i = 0; i < TAP_COUNT(rows); i++) {
        uint32_t result =
            push_result(self, &message, rows[i].status, "").result;

        if (result != rows[i].result)
            tap_note("%u gives %u", rows[i].status, result);
        CU_ASSERT_EQUAL(result, rows[i].result);
    }
    push_close(self);
}

static void
retry_and_reason(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;
    struct factor_receipt receipt;

    address_at(ENDPOINT, address);
    message = push_message(address);
    push_answer(429, 5000, "slow\ndown 123456, 123");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.retry_at_ms, PUSH_NOW_MS + 5000);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "429 slow down , 123");
    push_close(self);
}

/* The result when the service at this origin answers so. */
static uint32_t
result_at(struct factor_delivery *self, const char *origin, uint32_t status)
{
    char address[512];
    struct factor_message message;

    address_at(origin, address);
    message = push_message(address);
    return push_result(self, &message, status, "").result;
}

/* One phone may have subscribed with another key, all of them have not. */
static void
refused_by_several(void)
{
    struct factor_delivery *self = push_must_open(settings());
    int i;

    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(result_at(self, "https://a.example/x", 403),
                        FACTOR_DELIVERY_REFUSED_ADDRESS);
    CU_ASSERT_EQUAL(result_at(self, "https://b.example/x", 401),
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    CU_ASSERT_EQUAL(result_at(self, "https://c.example/x", 403),
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_EQUAL(result_at(self, "https://a.example/x", 403),
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    /* Somebody takes our signature: then it is theirs, and stays so. */
    CU_ASSERT_EQUAL(result_at(self, "https://d.example/x", 201),
                    FACTOR_DELIVERY_SENT);
    CU_ASSERT_EQUAL(result_at(self, "https://e.example/x", 403),
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    push_close(self);
}

/* Other refusals are no word on our key. */
static void
refused_otherwise(void)
{
    static const char *const endpoints[] = {
        "https://a.example/x", "https://b.example/x", "https://c.example/x",
        "https://d.example/x"
    };
    struct factor_delivery *self = push_must_open(settings());
    size_t i;

    for (i = 0; i < TAP_COUNT(endpoints); i++)
        CU_ASSERT_EQUAL(result_at(self, endpoints[i], 413),
                        FACTOR_DELIVERY_REFUSED_ADDRESS);
    CU_ASSERT_EQUAL(result_at(self, "https://e.example/x", 403),
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    push_close(self);
}

/* How long a call may take if the host gives it so long. */
static int64_t
timeout_of(json_int_t setting_ms, int64_t host_ms)
{
    json_t *given = settings();
    struct factor_delivery *self;
    struct factor_message message;
    char address[512];
    int64_t timeout_ms;

    json_object_set_new(given, "timeout", json_integer(setting_ms));
    self = push_must_open(given);
    address_at(ENDPOINT, address);
    message = push_message(address);
    message.timeout_ms = host_ms;
    push_result(self, &message, 201, "");
    timeout_ms = push_call(0)->timeout_ms;
    push_close(self);
    return timeout_ms;
}

static void
timeouts(void)
{
    CU_ASSERT_EQUAL(timeout_of(300, 10000), 300);
    CU_ASSERT_EQUAL(timeout_of(20000, 10000), 10000);
    CU_ASSERT_EQUAL(timeout_of(5000, 1), 1);
}

static uint32_t
scope_of(struct factor_delivery *self, const char *address, char *ret_scope)
{
    memset(ret_scope, 0, FACTOR_SCOPE_SIZE);
    return push_ops()->scope(self, address, ret_scope);
}

static void
scopes(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512], scope[FACTOR_SCOPE_SIZE];

    address_at("HTTPS://Push.Example.net:443/p/1?x", address);
    CU_ASSERT_EQUAL(scope_of(self, address, scope), 0);
    CU_ASSERT_STRING_EQUAL(scope, "https://push.example.net");
    CU_ASSERT_EQUAL(scope_of(self, "webpush:{}", scope), 0);
    CU_ASSERT_STRING_EQUAL(scope, "");
    CU_ASSERT_EQUAL(scope_of(self, "fcm:abc", scope),
                    FACTOR_DELIVERY_NOT_MINE);
    CU_ASSERT_STRING_EQUAL(scope, "");
    push_close(self);
}

static void
no_answer(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[512];
    struct factor_message message;
    struct factor_error err;

    address_at(ENDPOINT, address);
    message = push_message(address);
    push_fail(FACTOR_E_IO, "connection refused");
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "connection refused");
    /* It points into our own network, say. */
    push_fail(FACTOR_E_INPUT, "10.0.0.1 is not public");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    message.variables = NULL;
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_INPUT);
    push_close(self);
}

#define P256DH                                                                 \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"                             \
    "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define MEMBERS(endpoint, p256dh, secret)                                      \
    "{\"endpoint\":\"" endpoint "\",\"keys\":{\"p256dh\":\"" p256dh            \
    "\",\"auth\":\"" secret "\"}}"
#define SUBSCRIPTION(endpoint, p256dh, secret)                                 \
    "webpush:" MEMBERS(endpoint, p256dh, secret)

static void
wrong_addresses(void)
{
    static const char *const addresses[] = {
        "webpush:",
        "webpush:https://push.example.net/1",
        "webpush:[]",
        "webpush:{\"endpoint\":\"https://a.example/\"}",
        "webpush:{\"endpoint\":7,\"keys\":{\"p256dh\":\"x\",\"auth\":\"y\"}}",
        SUBSCRIPTION("push.example.net", P256DH, AUTH),
        SUBSCRIPTION("https://", P256DH, AUTH),
        SUBSCRIPTION("https:///x", P256DH, AUTH),
        SUBSCRIPTION("https://user@a.example/", P256DH, AUTH),
        SUBSCRIPTION("https://a.example/a b", P256DH, AUTH),
        SUBSCRIPTION("https://a.example/\\r\\nX: y", P256DH, AUTH),
        SUBSCRIPTION("https://a.example/\xc3\xa4", P256DH, AUTH),
        SUBSCRIPTION("https://a.example\\\\b/", P256DH, AUTH),
        SUBSCRIPTION("file:///etc/passwd", P256DH, AUTH),
        SUBSCRIPTION("https://a.example/", "", AUTH),
        SUBSCRIPTION("https://a.example/", P256DH "A", AUTH),
        SUBSCRIPTION("https://a.example/", "!" P256DH, AUTH),
        SUBSCRIPTION("https://a.example/", P256DH "!", AUTH),
        SUBSCRIPTION("https://a.example/", P256DH, AUTH "=!"),
        SUBSCRIPTION("https://a.example/", P256DH, ""),
        SUBSCRIPTION("https://a.example/", P256DH, AUTH "AAAA"),
        SUBSCRIPTION("https://a.example/", P256DH, "BTBZMqHH6r4Tts7J_aSI"),
        /* Of the right length, but not on the curve. */
        SUBSCRIPTION("https://a.example/",
                     "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
                     "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiA4",
                     AUTH),
        SUBSCRIPTION("https://a.example/",
                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                     AUTH),
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message;
    uint32_t result;
    size_t i;

    for (i = 0; i < TAP_COUNT(addresses); i++) {
        message = push_message(addresses[i]);
        result = push_deliver(self, &message).result;
        if (result != FACTOR_DELIVERY_REFUSED_ADDRESS)
            tap_note("%s", addresses[i]);
        CU_ASSERT_EQUAL(result, FACTOR_DELIVERY_REFUSED_ADDRESS);
    }
    CU_ASSERT_EQUAL(push_count(), 0);
    push_close(self);
}

/* Longer than the room for an endpoint, and for its origin. */
static void
long_addresses(void)
{
    struct factor_delivery *self = push_must_open(settings());
    char address[8192], letters[4000];
    struct factor_message message;
    int len;

    memset(letters, 'a', sizeof(letters));
    for (len = 240; len < 3500; len = len < 280 ? len + 1 : len + 600) {
        snprintf(address, sizeof(address),
                 "webpush:{\"endpoint\":\"https://%.*s\",\"keys\":{\"p256dh\":"
                 "\"" P256DH "\",\"auth\":\"" AUTH "\"}}", len, letters);
        message = push_message(address);
        if (len < 260)
            push_answer(201, 0, "");
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        len < 260 ? FACTOR_DELIVERY_SENT
                                  : FACTOR_DELIVERY_REFUSED_ADDRESS);
    }
    snprintf(address, sizeof(address),
             "webpush:{\"endpoint\":\"https://a.example/%.*s\",\"keys\":{"
             "\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}}", 2100,
             letters);
    message = push_message(address);
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    push_close(self);
}

/* Padding, and the letters of plain base64. */
static void
lenient_keys(void)
{
    struct webpush_address strict, lenient;

    CU_ASSERT_TRUE(webpush_address_read(
        MEMBERS("https://a.example/", P256DH, AUTH), &strict));
    CU_ASSERT_TRUE(webpush_address_read(
        MEMBERS("https://a.example/",
                "BCVxsr7N/eNgVRqvHtD0zTZsEc6+VV+JvLexhqUzORcx"
                "aOzi6+AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=",
                "BTBZMqHH6r4Tts7J/aSIgg=="),
        &lenient));
    CU_ASSERT_EQUAL(memcmp(&strict.keys, &lenient.keys, sizeof(strict.keys)),
                    0);
}

static void
not_mine(void)
{
    static const char *const addresses[] = { "fcm:abc", "webpush", "",
                                             "webhook:{}" };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message;
    size_t i;

    for (i = 0; i < TAP_COUNT(addresses); i++) {
        message = push_message(addresses[i]);
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_NOT_MINE);
    }
    push_close(self);
}

static void
wrong_settings(void)
{
    struct factor_error err = { 0 };
    EVP_PKEY *rsa = push_new_key("RSA");
    EVP_PKEY *k256 = EVP_EC_gen("secp256k1"); /* as long as P-256 */
    char *pems[] = { push_pem(rsa), push_pem(k256), strdup("no PEM"),
                     strdup("") };
    json_t *wrong;
    size_t i;

    for (i = 0; i < TAP_COUNT(pems); i++) {
        CU_ASSERT_PTR_NULL(push_open(
            json_pack("{s:s, s:s}", "vapid_key", pems[i], "subject",
                      "mailto:ops@example.org"), &err));
        CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
        CU_ASSERT_EQUAL(strncmp(err.text, "vapid_key:", 10), 0);
        free(pems[i]);
    }
    wrong = settings();
    json_object_set_new(wrong, "subject", json_string("ops@example.org"));
    CU_ASSERT_PTR_NULL(push_open(wrong, &err));
    CU_ASSERT_EQUAL(strncmp(err.text, "subject:", 8), 0);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(k256);
}

/* A key that was written in short form is the same key. */
static void
compressed_key(void)
{
    struct factor_delivery *self;
    char address[512], *pem;
    struct factor_message message;

    EVP_PKEY_set_utf8_string_param(
        vapid_key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
        OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED);
    pem = push_pem(vapid_key);
    EVP_PKEY_set_utf8_string_param(
        vapid_key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
        OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    self = push_must_open(json_pack("{s:s, s:s}", "vapid_key", pem, "subject",
                                    "https://example.org/contact"));
    address_at(ENDPOINT, address);
    message = push_message(address);
    push_result(self, &message, 201, "");
    json_decref(claims_of(0));
    free(pem);
    push_close(self);
}

static void
tables(void)
{
    CU_ASSERT_STRING_EQUAL(push_ops()->channels[0], "push");
    CU_ASSERT_PTR_NULL(push_ops()->channels[1]);
    CU_ASSERT_EQUAL(push_ops()->flags, FACTOR_DELIVERY_PARALLEL);
    push_ops()->fini(NULL);
}

static const struct tap_test tests[] = {
    { "RFC 8291, appendix A, byte by byte", vector_of_rfc },
    { "a text longer than its room is refused", no_room },
    { "the browser reads the bell, and nothing else is in it", one_post },
    { "newer replaces older: one topic a device", topic },
    { "no salt and no key is used twice", nothing_twice },
    { "all messages have one length", one_length },
    { "a message that is late lives no longer", too_late },
    { "RFC 8292: a token for the endpoint's origin, by our key", signs },
    { "an origin is in small letters and without a usual port", origins },
    { "a token is kept for its origin, for 11 hours", token_is_kept },
    { "each status has its result", results },
    { "Retry-After is obeyed, reasons have no runs of digits",
      retry_and_reason },
    { "RFC 8292: who refuses our key refuses this phone; if several do and "
      "none takes it, it is us",
      refused_by_several },
    { "what is too large for several says nothing of our key",
      refused_otherwise },
    { "no answer is deferred, a forbidden endpoint is dead", no_answer },
    { "a service has its time, and never more than the host gives", timeouts },
    { "an address names the origin of its service", scopes },
    { "what is no subscription is dead", wrong_addresses },
    { "an endpoint has a longest length", long_addresses },
    { "keys in plain base64 are taken", lenient_keys },
    { "an address of another kind is not ours", not_mine },
    { "wrong settings are refused by name", wrong_settings },
    { "a key in short form is the same key", compressed_key },
    { "messages go out side by side", tables },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("delivery-webpush", &fixture, tests,
                         TAP_COUNT(tests));
}
