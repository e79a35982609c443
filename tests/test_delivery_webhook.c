/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_webhook.c - pushes by signed requests. */
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/push_rig.h"
#include "tests/tap.h"

#define URL "https://rings.example.org/in?x=1"
#define ADDRESS "webhook:joe's phone"
/* 24 and 32 bytes. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static json_t *
settings(void)
{
    return json_pack("{s:s, s:s}", "url", URL, "secret", SECRET);
}

static int
set_up(void)
{
    return push_load("delivery-webhook");
}

/* What the standard says: "v1," and the HMAC of "ID.TIME.BODY", by the bytes
 * that the secret stands for. */
static void
signature_of(const char *secret, const struct push_call *call,
             char ret_signature[64])
{
    uint8_t key[64], mac[32];
    char text[4096];
    int key_len = EVP_DecodeBlock(key, (const uint8_t *)secret + 6,
                                  (int)strlen(secret) - 6) -
                  (strchr(secret, '=') ? 1 : 0);
    int len = snprintf(text, sizeof(text), "%s.1700000000.%s", PUSH_MESSAGE,
                       call->body);

    HMAC(EVP_sha256(), key, key_len, (const uint8_t *)text, (size_t)len, mac,
         NULL);
    memcpy(ret_signature, "v1,", 3);
    EVP_EncodeBlock((uint8_t *)ret_signature + 3, mac, sizeof(mac));
}

static void
one_post(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt = push_result(self, &message, 204, "");
    json_t *body = push_body(0), *data = json_object_get(body, "data");
    char signature[64];

    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reference, PUSH_MESSAGE);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "");
    CU_ASSERT_STRING_EQUAL(push_call(0)->method, "POST");
    CU_ASSERT_STRING_EQUAL(push_call(0)->url, URL);
    CU_ASSERT_EQUAL(push_call(0)->flags, 0);
    CU_ASSERT_EQUAL(push_call(0)->timeout_ms, 6000);
    CU_ASSERT_TRUE(push_says(body, "type", "factor.push"));
    CU_ASSERT_TRUE(push_says(body, "timestamp", "2023-11-14T22:13:20Z"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(data, "factor")), 1);
    CU_ASSERT_TRUE(push_says(data, "device", PUSH_DEVICE));
    CU_ASSERT_TRUE(push_says(data, "to", "joe's phone"));
    CU_ASSERT_TRUE(push_says(data, "text", message.text));
    CU_ASSERT_TRUE(push_says(data, "expires_at", "2023-11-14T22:14:00Z"));
    CU_ASSERT_EQUAL(json_object_size(data), 5); /* no name, no challenge */
    json_decref(body);
    CU_ASSERT_STRING_EQUAL(push_header(0, "content-type"), "application/json");
    CU_ASSERT_STRING_EQUAL(push_header(0, "webhook-id"), PUSH_MESSAGE);
    CU_ASSERT_STRING_EQUAL(push_header(0, "webhook-timestamp"), "1700000000");
    signature_of(SECRET, push_call(0), signature);
    CU_ASSERT_STRING_EQUAL(push_header(0, "webhook-signature"), signature);
    push_close(self);
}

static void
two_secrets(void)
{
    json_t *both = settings();
    struct factor_message message = push_message(ADDRESS);
    struct factor_delivery *self;
    char first[64], second[64], expected[160];

    json_object_set_new(both, "previous_secret", json_string(OTHER));
    self = push_must_open(both);
    push_result(self, &message, 200, "");
    signature_of(SECRET, push_call(0), first);
    signature_of(OTHER, push_call(0), second);
    snprintf(expected, sizeof(expected), "%s %s", first, second);
    CU_ASSERT_STRING_EQUAL(push_header(0, "webhook-signature"), expected);
    push_close(self);
}

static void
results(void)
{
    static const struct {
        uint32_t status, result;
    } rows[] = {
        { 200, FACTOR_DELIVERY_SENT },
        { 299, FACTOR_DELIVERY_SENT },
        { 301, FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 400, FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 401, FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 404, FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 410, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 429, FACTOR_DELIVERY_DEFERRED },
        { 499, FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 500, FACTOR_DELIVERY_DEFERRED },
        { 503, FACTOR_DELIVERY_DEFERRED },
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    size_t i;

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
retry_after(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;

    push_answer(429, 7000, "");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.retry_at_ms, PUSH_NOW_MS + 7000);
    receipt = push_result(self, &message, 503, "");
    CU_ASSERT_EQUAL(receipt.retry_at_ms, 0);
    push_close(self);
}

/* D3 */
static void
reasons(void)
{
    static const struct {
        const char *said, *told;
    } rows[] = {
        { "", "500 " },
        { "call 123 or 4567", "500 call 123 or " },
        { "1234567", "500 " },
        { "a\r\nb\tc\x7f\xc3\xa4", "500 a  b c   " },
        { "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrst"
          "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
          "500 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzABCDEFGH" },
        /* A run that begins within the 80 and ends behind them. */
        { "----------------------------------------------------------------"
          "---------------12345",
          "500 ------------------------------------------------------------"
          "-------------------" },
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++)
        CU_ASSERT_STRING_EQUAL(
            push_result(self, &message, 500, rows[i].said).reason,
            rows[i].told);
    push_close(self);
}

static void
not_mine(void)
{
    static const char *const addresses[] = { "fcm:abc", "webhook", "",
                                             "apns:00", "xwebhook:1" };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message;
    size_t i;

    for (i = 0; i < TAP_COUNT(addresses); i++) {
        message = push_message(addresses[i]);
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_NOT_MINE);
    }
    CU_ASSERT_EQUAL(push_count(), 0);
    push_close(self);
}

static void
no_answer(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;
    struct factor_error err;

    push_fail(FACTOR_E_IO, "connection refused");
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "connection refused");
    push_fail(FACTOR_E_INPUT, "may not be called");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "may not be called");
    push_close(self);
}

static void
no_device(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_error err;

    message.variables = NULL;
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "device"));
    CU_ASSERT_EQUAL(push_count(), 0);
    push_close(self);
}

static void
wrong_settings(void)
{
    static const struct {
        const char *member, *value, *names;
    } rows[] = {
        { "url", "rings.example.org", "url:" },
        { "url", "ftp://rings.example.org", "url:" },
        { "secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret:" },
        { "secret", "whsek_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret:" },
        { "secret", "whsec_", "secret:" },
        { "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", "secret:" },
        { "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", "secret:" },
        { "secret", "whsec_AAECAwQFBgcICQoLDA0ODxAREhM=", "secret:" }, /* 20 */
        { "secret",
          "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS"
          "4vMDEyMzQ1Njc4OTo7PD0+P0A=", /* 65 */
          "secret:" },
        { "previous_secret", "whsec_short", "previous_secret:" },
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        struct factor_error err = { 0 };
        json_t *wrong = settings();

        json_object_set_new(wrong, rows[i].member, json_string(rows[i].value));
        CU_ASSERT_PTR_NULL(push_open(wrong, &err));
        CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
        CU_ASSERT_EQUAL(strncmp(err.text, rows[i].names,
                                strlen(rows[i].names)), 0);
        if (strlen(rows[i].value) > strlen("whsec_"))
            CU_ASSERT_PTR_NULL(strstr(err.text, rows[i].value + 6));
    }
}

static void
longest_key(void)
{
    /* 64 bytes. */
    static const char secret[] =
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
        "MDEyMzQ1Njc4OTo7PD0+Pw==";
    json_t *wanted = settings();

    json_object_set_new(wanted, "secret", json_string(secret));
    push_close(push_must_open(wanted));
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
    { "a message is one signed request with the bell in it", one_post },
    { "while a secret is replaced both sign", two_secrets },
    { "each status has its result", results },
    { "Retry-After is obeyed", retry_after },
    { "a reason has no runs of digits and no end", reasons },
    { "an address of another kind is not ours", not_mine },
    { "no answer is deferred, a forbidden URL is our fault", no_answer },
    { "a message without a device is not sent", no_device },
    { "wrong settings are refused by name, untold", wrong_settings },
    { "a key may have 64 bytes", longest_key },
    { "messages go out side by side", tables },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, push_unload };

    return tap_main_with("delivery-webhook", &fixture, tests,
                         TAP_COUNT(tests));
}
