/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_apns.c - Apple's push service: the message, the provider
 * token and its age, and what comes of Apple's answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/push_rig.h"
#include "tests/tap.h"

#define TOKEN "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
#define ADDRESS "apns:" TOKEN
#define MINUTE (60 * INT64_C(1000))
#define TOO_OLD "{\"reason\":\"ExpiredProviderToken\"}"

/* The operator's and an application's own. */
static EVP_PKEY *ours, *theirs;
static char *our_pem, *their_pem;

static int
set_up(void)
{
    ours = push_new_key("EC");
    theirs = push_new_key("EC");
    our_pem = push_pem(ours);
    their_pem = push_pem(theirs);
    return push_load("delivery-apns");
}

static int
tear_down(void)
{
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    free(our_pem);
    free(their_pem);
    ours = theirs = NULL;
    our_pem = their_pem = NULL;
    return push_unload();
}

static json_t *
settings(void)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "key", our_pem, "key_id",
                     "ABC123DEFG", "team_id", "DEF123GHIJ", "topic",
                     "org.example.app");
}

/* --- The message --- */

static void
one_message(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt = push_result(self, &message, 200, "");
    json_t *body = push_body(0), *aps = json_object_get(body, "aps");

    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reference, PUSH_MESSAGE);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "");
    CU_ASSERT_STRING_EQUAL(push_call(0)->method, "POST");
    CU_ASSERT_STRING_EQUAL(push_call(0)->url,
                           "https://api.push.apple.com/3/device/" TOKEN);
    CU_ASSERT_EQUAL(push_call(0)->flags, FACTOR_HTTP_2);
    CU_ASSERT_EQUAL(push_call(0)->timeout_ms, 3000); /* twice, if need be */
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-topic"), "org.example.app");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-push-type"), "alert");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-priority"), "10");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-expiration"), "1700000040");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-collapse-id"), PUSH_DEVICE);
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-id"), PUSH_MESSAGE);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(body, "factor")), 1);
    CU_ASSERT_TRUE(push_says(body, "device", PUSH_DEVICE));
    CU_ASSERT_TRUE(
        push_says(json_object_get(aps, "alert"), "body", message.text));
    CU_ASSERT_TRUE(push_says(aps, "sound", "default"));
    CU_ASSERT_EQUAL(json_object_size(body), 3); /* no name, no challenge */
    json_decref(body);
    message.timeout_ms = 1; /* it is about to expire */
    push_result(self, &message, 200, "");
    CU_ASSERT_EQUAL(push_call(1)->timeout_ms, 1);
    push_close(self);
}

static void
other_urls(void)
{
    static const struct {
        const char *member;
        int sandbox;
        const char *url, *begins;
    } rows[] = {
        { "sandbox", 1, NULL, "https://api.sandbox.push.apple.com/3/" },
        { "base_url", 0, "http://127.0.0.1:9", "http://127.0.0.1:9/3/" },
        { "base_url", 1, "http://127.0.0.1:9", "http://127.0.0.1:9/3/" },
    };
    struct factor_message message;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        json_t *wanted = settings();
        struct factor_delivery *self;

        json_object_set_new(wanted, "sandbox", json_boolean(rows[i].sandbox));
        if (rows[i].url)
            json_object_set_new(wanted, "base_url", json_string(rows[i].url));
        self = push_must_open(wanted);
        message = push_message(ADDRESS);
        push_result(self, &message, 200, "");
        CU_ASSERT_EQUAL(strncmp(push_call(0)->url, rows[i].begins,
                                strlen(rows[i].begins)), 0);
        push_close(self);
    }
}

/* What cannot stand in Apple's headers is left out of them. */
static void
odd_ids(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    json_t *odd = json_pack("{s:s}", "device", "two words");
    struct factor_receipt receipt;

    message.id = "flow/3/0";
    message.variables = odd;
    receipt = push_result(self, &message, 200, "");
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reference, "");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-id"), "");
    CU_ASSERT_STRING_EQUAL(push_header(0, "apns-collapse-id"), "");
    json_decref(odd);
    push_close(self);
}

/* --- The provider token --- */

static json_t *
claims_of(size_t n, EVP_PKEY *key, json_t **ret_head)
{
    const char *header = push_header(n, "authorization");

    CU_ASSERT_EQUAL_FATAL(strncmp(header, "bearer ", 7), 0);
    return push_verify(header + 7, key, ret_head);
}

static void
signs(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    json_t *head = NULL, *claims;

    push_result(self, &message, 200, "");
    claims = claims_of(0, ours, &head);
    CU_ASSERT_PTR_NOT_NULL_FATAL(claims);
    CU_ASSERT_TRUE(push_says(head, "alg", "ES256"));
    CU_ASSERT_TRUE(push_says(head, "kid", "ABC123DEFG"));
    CU_ASSERT_EQUAL(json_object_size(head), 2);
    CU_ASSERT_TRUE(push_says(claims, "iss", "DEF123GHIJ"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "iat")),
                    PUSH_NOW_MS / 1000);
    CU_ASSERT_EQUAL(json_object_size(claims), 2);
    json_decref(head);
    json_decref(claims);
    push_close(self);
}

/* When the token was made that a message at this time came with. */
static int64_t
made_at(struct factor_delivery *self, int64_t now_ms)
{
    struct factor_message message = push_message(ADDRESS);
    json_t *claims;
    int64_t made_s;

    message.now_ms = now_ms;
    push_result(self, &message, 200, "");
    claims = claims_of(push_count() - 1, ours, NULL);
    made_s = json_integer_value(json_object_get(claims, "iat"));
    json_decref(claims);
    push_forget();
    return made_s * 1000;
}

static void
token_is_kept(void)
{
    struct factor_delivery *self = push_must_open(settings());
    const int64_t now = INT64_C(1700000000000), later = now + 30 * MINUTE;

    CU_ASSERT_EQUAL(made_at(self, now), now);
    CU_ASSERT_EQUAL(made_at(self, now + 20 * MINUTE), now);
    CU_ASSERT_EQUAL(made_at(self, later - 1), now);
    CU_ASSERT_EQUAL(made_at(self, later), later);
    /* Another worker's clock may have been read a little earlier. */
    CU_ASSERT_EQUAL(made_at(self, later - 1000), later);
    /* It was set back. */
    CU_ASSERT_EQUAL(made_at(self, later - 20 * MINUTE), later - 20 * MINUTE);
    push_close(self);
}

static void
too_old(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;

    push_result(self, &message, 200, "");
    message.now_ms += 20 * MINUTE;
    push_answer(403, 0, TOO_OLD);
    push_answer(200, 0, "");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "");
    CU_ASSERT_EQUAL(push_count(), 3);
    CU_ASSERT_STRING_EQUAL(push_header(0, "authorization"),
                           push_header(1, "authorization"));
    CU_ASSERT_STRING_NOT_EQUAL(push_header(1, "authorization"),
                               push_header(2, "authorization"));
    /* And once only. */
    message.now_ms += 20 * MINUTE;
    push_answer(403, 0, TOO_OLD);
    push_answer(403, 0, TOO_OLD);
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_EQUAL(push_count(), 5);
    push_close(self);
}

/* Another worker's message, while ours is under way. */
static void
another_message(void *context)
{
    struct factor_message message = push_message(ADDRESS);

    message.now_ms += 20 * MINUTE;
    CU_ASSERT_EQUAL(push_deliver(context, &message).result,
                    FACTOR_DELIVERY_SENT);
}

static void
renewed_meanwhile(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    unsigned before = push_signed();

    push_result(self, &message, 200, "");
    message.now_ms += 20 * MINUTE;
    push_meanwhile(another_message, self);
    push_answer(403, 0, TOO_OLD); /* the other one's */
    push_answer(200, 0, "");
    push_answer(403, 0, TOO_OLD); /* ours */
    push_answer(200, 0, "");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_SENT);
    CU_ASSERT_EQUAL(push_signed(), before + 2);
    push_close(self);
}

/* Apple refuses who renews more often than every 20 minutes. */
static void
too_young(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    unsigned before = push_signed();
    struct factor_receipt receipt;

    push_result(self, &message, 200, "");
    message.now_ms += 20 * MINUTE - 1;
    receipt = push_result(self, &message, 403, TOO_OLD);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "403 " TOO_OLD);
    CU_ASSERT_EQUAL(push_signed(), before + 1);
    push_close(self);
}

/* --- Answers --- */

static void
results(void)
{
    static const struct {
        uint32_t status;
        const char *reason;
        uint32_t result;
    } rows[] = {
        { 400, "BadDeviceToken", FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, "DeviceTokenNotForTopic", FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, "BadTopic", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 410, "Unregistered", FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 410, "ExpiredToken", FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 403, "InvalidProviderToken", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 403, "Forbidden", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 404, "BadPath", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 413, "PayloadTooLarge", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 429, "TooManyRequests", FACTOR_DELIVERY_DEFERRED },
        { 429, "TooManyProviderTokenUpdates", FACTOR_DELIVERY_DEFERRED },
        { 500, "InternalServerError", FACTOR_DELIVERY_DEFERRED },
        { 503, "Shutdown", FACTOR_DELIVERY_DEFERRED },
        { 302, "", FACTOR_DELIVERY_REFUSED_ACCOUNT },
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    char body[128];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        uint32_t result;

        snprintf(body, sizeof(body), "{\"reason\":\"%s\"}", rows[i].reason);
        result = push_result(self, &message, rows[i].status, body).result;
        if (result != rows[i].result)
            tap_note("%u %s gives %u", rows[i].status, rows[i].reason, result);
        CU_ASSERT_EQUAL(result, rows[i].result);
    }
    CU_ASSERT_EQUAL(push_result(self, &message, 410, "").result,
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    CU_ASSERT_EQUAL(push_result(self, &message, 400, "<html>").result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    push_close(self);
}

static void
retry_and_reason(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;

    push_answer(429, 4000, "{\"reason\":\"TooMany\",\"timestamp\":170000}");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.retry_at_ms, PUSH_NOW_MS + 4000);
    CU_ASSERT_STRING_EQUAL(receipt.reason,
                           "429 {\"reason\":\"TooMany\",\"timestamp\":}");
    push_close(self);
}

static void
no_answer(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    struct factor_error err;

    push_fail(FACTOR_E_IO, "timed out");
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "timed out");
    push_fail(FACTOR_E_INPUT, "no");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    message.variables = NULL;
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_INPUT);
    push_close(self);
}

static void
wrong_addresses(void)
{
    static const char *const addresses[] = {
        "apns:", "apns:xyz", "apns:00/../11", "apns:00 11", "apns:0x00",
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message;
    char longest[600];
    size_t i;

    for (i = 0; i < TAP_COUNT(addresses); i++) {
        message = push_message(addresses[i]);
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_REFUSED_ADDRESS);
    }
    memset(longest, '0', sizeof(longest));
    memcpy(longest, "apns:", 5);
    longest[sizeof(longest) - 1] = '\0';
    message = push_message(longest);
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ADDRESS);
    message = push_message("fcm:00");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_NOT_MINE);
    CU_ASSERT_EQUAL(push_count(), 0);
    push_close(self);
}

/* --- Keys of applications --- */

static json_t *
credential(const char *pem)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "type", "APNS", "key",
                     "ABC123DEFG", "teamId", "DEF123GHIJ", "token", pem);
}

static void
own_key(void)
{
    struct factor_delivery *self = push_must_open(settings());
    struct factor_message message = push_message(ADDRESS);
    json_t *own = credential(their_pem), *claims;

    push_result(self, &message, 200, "");
    message.credential = own;
    push_result(self, &message, 200, "");
    /* The same names, but not our key: not our token. */
    claims = claims_of(1, theirs, NULL);
    CU_ASSERT_PTR_NOT_NULL(claims);
    json_decref(claims);
    CU_ASSERT_STRING_EQUAL(push_header(1, "apns-topic"), "org.example.app");
    json_object_set_new(own, "bundleId", json_string("com.other.app"));
    push_result(self, &message, 200, "");
    CU_ASSERT_STRING_EQUAL(push_header(2, "apns-topic"), "com.other.app");
    /* Each keeps its own. */
    CU_ASSERT_STRING_EQUAL(push_header(1, "authorization"),
                           push_header(2, "authorization"));
    message.credential = NULL;
    push_result(self, &message, 200, "");
    CU_ASSERT_STRING_EQUAL(push_header(0, "authorization"),
                           push_header(3, "authorization"));
    json_decref(own);
    push_close(self);
}

static void
credentials(void)
{
    static const struct {
        const char *member;
        const char *value; /* or NULL: it is not there */
    } rows[] = {
        { "token", "none" },           { "token", NULL },
        { "key", NULL },               { "teamId", NULL },
        { "bundleId", "a\r\nb: c" },   { "bundleId", "" },
    };
    struct factor_delivery *self = push_must_open(settings());
    struct factor_delivery *bare = push_must_open(json_object());
    struct factor_message message = push_message(ADDRESS);
    json_t *other = json_pack("{s:s}", "type", "FCM_HTTP_V1");
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        json_t *wrong = credential(their_pem);

        json_object_del(wrong, rows[i].member);
        if (rows[i].value)
            json_object_set_new(wrong, rows[i].member,
                                json_string(rows[i].value));
        message.credential = wrong;
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_REFUSED_ACCOUNT);
        json_decref(wrong);
    }
    CU_ASSERT_EQUAL(push_count(), 0);
    message.credential = other;
    CU_ASSERT_EQUAL(push_result(self, &message, 200, "").result,
                    FACTOR_DELIVERY_SENT);
    CU_ASSERT_EQUAL(push_deliver(bare, &message).result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    json_decref(other);
    push_ops()->fini(bare);
    push_close(self);
}

static void
wrong_settings(void)
{
    static const struct {
        const char *member, *value, *names;
    } rows[] = {
        { "key", "none", "key:" },
        { "key", NULL, "key, key_id and team_id" },
        { "key_id", NULL, "key, key_id and team_id" },
        { "team_id", NULL, "key, key_id and team_id" },
        { "topic", "two words", "topic:" },
    };
    struct factor_error err = { 0 };
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        json_t *wrong = settings();

        json_object_set_new(wrong, rows[i].member,
                            rows[i].value ? json_string(rows[i].value)
                                          : json_null());
        CU_ASSERT_PTR_NULL(push_open(wrong, &err));
        CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
        CU_ASSERT_EQUAL(
            strncmp(err.text, rows[i].names, strlen(rows[i].names)), 0);
    }
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
    { "a message is the bell, with what Apple wants to know", one_message },
    { "the sandbox and any other URL can be set", other_urls },
    { "ids that Apple does not take are left out", odd_ids },
    { "a provider token is signed by the team's key", signs },
    { "a token is kept for 30 minutes", token_is_kept },
    { "a token that is too old is renewed, once", too_old },
    { "once for all messages that are under way", renewed_meanwhile },
    { "but never before 20 minutes", too_young },
    { "each answer has its result", results },
    { "Retry-After is obeyed, reasons have no runs of digits",
      retry_and_reason },
    { "no answer is deferred", no_answer },
    { "an address that is no token is dead, another kind's not ours",
      wrong_addresses },
    { "an application may bring a key of its own", own_key },
    { "a credential that is none is refused, another kind's is not ours",
      credentials },
    { "wrong settings are refused by name", wrong_settings },
    { "messages go out side by side", tables },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("delivery-apns", &fixture, tests, TAP_COUNT(tests));
}
