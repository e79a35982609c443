/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_fcm.c - Firebase Cloud Messaging: the message, the
 * access token that it needs, and what comes of Google's answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/push_rig.h"
#include "tests/tap.h"

#define TOKEN "dQw4w9WgXcQ:APA91bHPRgkF"
#define ADDRESS "fcm:" TOKEN
#define TOKEN_URI "https://oauth2.example.com/token"
#define EMAIL "push@acme-app.iam.gserviceaccount.com"
#define MINUTE (60 * INT64_C(1000))

/* The operator's and an application's own. */
static EVP_PKEY *ours, *theirs;

static int
set_up(void)
{
    ours = push_new_key("RSA");
    theirs = push_new_key("RSA");
    return push_load("delivery-fcm");
}

static int
tear_down(void)
{
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    ours = theirs = NULL;
    return push_unload();
}

/* As the console writes it; the caller's, by json_decref(). */
static json_t *
account(EVP_PKEY *key, const char *project)
{
    char *pem = push_pem(key);
    json_t *file = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "service_account",
        "project_id", project, "private_key_id", "key-1", "private_key", pem,
        "client_email", EMAIL, "token_uri", TOKEN_URI);
    char *text = json_dumps(file, 0);
    json_t *string = json_string(text);

    free(pem);
    free(text);
    json_decref(file);
    return string;
}

static struct factor_delivery *
open_ours(void)
{
    return push_must_open(
        json_pack("{s:o}", "service_account", account(ours, "acme-app")));
}

static void
answer_token(const char *token)
{
    char text[256];

    snprintf(text, sizeof(text),
             "{\"access_token\": \"%s\", \"expires_in\": 3599, "
             "\"token_type\": \"Bearer\"}", token);
    push_answer(200, 0, text);
}

static void
answer_sent(void)
{
    push_answer(200, 0, "{\"name\": \"projects/acme-app/messages/0:1%31\"}");
}

/* --- The message --- */

static void
is_message(size_t n)
{
    json_t *body = push_body(n);
    const json_t *message = json_object_get(body, "message");
    const json_t *data = json_object_get(message, "data");
    const json_t *android = json_object_get(message, "android");
    const json_t *shown = json_object_get(message, "notification");

    CU_ASSERT_EQUAL(json_object_size(body), 1);
    CU_ASSERT_TRUE(push_says(message, "token", TOKEN));
    CU_ASSERT_TRUE(push_says(data, "factor", "1")); /* FCM takes only texts */
    CU_ASSERT_TRUE(push_says(data, "device", PUSH_DEVICE));
    CU_ASSERT_EQUAL(json_object_size(data), 2); /* no name, no challenge */
    CU_ASSERT_TRUE(push_says(shown, "body", "Anmeldung best\xc3\xa4tigen?"));
    CU_ASSERT_EQUAL(json_object_size(shown), 1);
    CU_ASSERT_TRUE(push_says(android, "priority", "HIGH"));
    CU_ASSERT_TRUE(push_says(android, "ttl", "40s"));
    CU_ASSERT_TRUE(push_says(android, "collapse_key", PUSH_DEVICE));
    CU_ASSERT_TRUE(push_says(json_object_get(android, "notification"), "tag",
                             PUSH_DEVICE));
    json_decref(body);
}

static void
one_message(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;

    answer_token("ya29.first");
    answer_sent();
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reference, "0:1%31");
    CU_ASSERT_STRING_EQUAL(receipt.reason, "");
    CU_ASSERT_EQUAL(push_count(), 2);
    CU_ASSERT_STRING_EQUAL(push_call(1)->method, "POST");
    CU_ASSERT_STRING_EQUAL(push_call(1)->url,
                           "https://fcm.googleapis.com/v1/projects/acme-app/"
                           "messages:send");
    CU_ASSERT_EQUAL(push_call(1)->flags, 0);
    CU_ASSERT_STRING_EQUAL(push_header(1, "authorization"),
                           "Bearer ya29.first");
    CU_ASSERT_STRING_EQUAL(push_header(1, "content-type"), "application/json");
    is_message(1);
    /* All calls that a message may need fit into its time. */
    CU_ASSERT_EQUAL(push_call(0)->timeout_ms, 2000);
    CU_ASSERT_EQUAL(push_call(1)->timeout_ms, 2000);
    message.timeout_ms = 1; /* it is about to expire */
    answer_sent();
    push_deliver(self, &message);
    CU_ASSERT_EQUAL(push_call(2)->timeout_ms, 1);
    push_close(self);
}

static void
other_urls(void)
{
    struct factor_delivery *self = push_must_open(json_pack(
        "{s:o, s:s, s:s}", "service_account", account(ours, "acme-app"),
        "base_url", "http://127.0.0.1:9", "token_url", "http://127.0.0.1:8/t"));
    struct factor_message message = push_message(ADDRESS);

    answer_token("t");
    answer_sent();
    push_deliver(self, &message);
    CU_ASSERT_STRING_EQUAL(push_call(0)->url, "http://127.0.0.1:8/t");
    CU_ASSERT_STRING_EQUAL(push_call(1)->url,
                           "http://127.0.0.1:9/v1/projects/acme-app/"
                           "messages:send");
    push_close(self);
}

/* --- The access token --- */

/* The assertion of a call (RFC 7523), which this key must have signed. */
static json_t *
assertion(size_t n, EVP_PKEY *key, json_t **ret_head)
{
    static const char form[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        "&assertion=";
    const char *body = push_call(n)->body;

    CU_ASSERT_EQUAL_FATAL(strncmp(body, form, strlen(form)), 0);
    CU_ASSERT_STRING_EQUAL(push_header(n, "content-type"),
                           "application/x-www-form-urlencoded");
    return push_verify(body + strlen(form), key, ret_head);
}

static void
asks_for_a_token(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    json_t *head = NULL, *claims;
    json_int_t now_s = PUSH_NOW_MS / 1000;

    answer_token("t");
    answer_sent();
    push_deliver(self, &message);
    CU_ASSERT_STRING_EQUAL(push_call(0)->url, TOKEN_URI);
    CU_ASSERT_STRING_EQUAL(push_call(0)->method, "POST");
    CU_ASSERT_EQUAL(push_call(0)->flags, 0);
    claims = assertion(0, ours, &head);
    CU_ASSERT_PTR_NOT_NULL_FATAL(claims);
    CU_ASSERT_TRUE(push_says(head, "typ", "JWT"));
    CU_ASSERT_TRUE(push_says(head, "kid", "key-1"));
    CU_ASSERT_TRUE(push_says(claims, "iss", EMAIL));
    CU_ASSERT_TRUE(push_says(claims, "aud", TOKEN_URI));
    CU_ASSERT_TRUE(
        push_says(claims, "scope",
                  "https://www.googleapis.com/auth/firebase.messaging"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "iat")), now_s);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "exp")),
                    now_s + 3600);
    json_decref(head);
    json_decref(claims);
    push_close(self);
}

/* Calls that a message at this time takes. */
static size_t
calls_at(struct factor_delivery *self, int64_t now_ms, const char *token)
{
    struct factor_message message = push_message(ADDRESS);
    size_t before = push_count();

    message.now_ms = now_ms;
    message.expires_at_ms = now_ms + 40000;
    if (token)
        answer_token(token);
    answer_sent();
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_SENT);
    return push_count() - before;
}

static void
token_is_kept(void)
{
    struct factor_delivery *self = open_ours();
    const int64_t now = PUSH_NOW_MS, end = now + 3599 * 1000 - MINUTE;

    CU_ASSERT_EQUAL(calls_at(self, now, "first"), 2);
    CU_ASSERT_EQUAL(calls_at(self, now, NULL), 1);
    CU_ASSERT_EQUAL(calls_at(self, end - 1, NULL), 1);
    CU_ASSERT_STRING_EQUAL(push_header(3, "authorization"), "Bearer first");
    CU_ASSERT_EQUAL(calls_at(self, end, "second"), 2);
    CU_ASSERT_STRING_EQUAL(push_header(5, "authorization"), "Bearer second");
    /* The clock was set back: when it ends is not known. */
    CU_ASSERT_EQUAL(calls_at(self, now, "third"), 2);
    push_close(self);
}

static void
token_refused_once(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
    push_answer(401, 0, "{\"error\": {\"status\": \"UNAUTHENTICATED\"}}");
    answer_token("second");
    answer_sent();
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_SENT);
    CU_ASSERT_EQUAL(push_count(), 5);
    CU_ASSERT_STRING_EQUAL(push_header(2, "authorization"), "Bearer first");
    CU_ASSERT_STRING_EQUAL(push_header(4, "authorization"), "Bearer second");
    push_close(self);
}

static void
token_refused_twice(void)
{
    static const uint32_t statuses[] = { 401, 403 };
    size_t i;

    for (i = 0; i < TAP_COUNT(statuses); i++) {
        struct factor_delivery *self = open_ours();
        struct factor_message message = push_message(ADDRESS);
        struct factor_receipt receipt;

        CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
        push_answer(statuses[i], 0, "");
        answer_token("second");
        push_answer(statuses[i], 0, "no");
        receipt = push_deliver(self, &message);
        CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_REFUSED_ACCOUNT);
        CU_ASSERT_EQUAL(push_count(), 5);
        push_forget();
        /* A fresh one that is refused is not asked for again. */
        push_close(self);
        self = open_ours();
        answer_token("first");
        push_answer(statuses[i], 0, "no");
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_REFUSED_ACCOUNT);
        CU_ASSERT_EQUAL(push_count(), 2);
        push_close(self);
    }
}

/* It is not tried again, though there is no other one yet. */
static void
token_is_forgotten(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
    push_answer(401, 0, "");
    push_answer(503, 0, "");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_DEFERRED);
    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "second"), 2);
    push_close(self);
}

static void
no_token(void)
{
    static const struct {
        uint32_t status;
        const char *body;
        uint32_t result;
    } rows[] = {
        { 400, "{\"error\": \"invalid_grant\"}",
          FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 401, "", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 429, "", FACTOR_DELIVERY_DEFERRED },
        { 500, "", FACTOR_DELIVERY_DEFERRED },
        { 503, "", FACTOR_DELIVERY_DEFERRED },
        { 200, "", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 200, "{\"access_token\": 7}", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 200, "{\"access_token\": \"\", \"expires_in\": 60}",
          FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 200, "{\"access_token\": \"a\\r\\nb: c\", \"expires_in\": 3600}",
          FACTOR_DELIVERY_REFUSED_ACCOUNT },
    };
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;
    struct factor_error err;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        push_answer(rows[i].status, 3000, rows[i].body);
        receipt = push_deliver(self, &message);
        CU_ASSERT_EQUAL(receipt.result, rows[i].result);
        CU_ASSERT_EQUAL(receipt.retry_at_ms, PUSH_NOW_MS + 3000);
    }
    push_fail(FACTOR_E_IO, "no route");
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_IO);
    push_fail(FACTOR_E_INPUT, "not public");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_EQUAL(push_count(), TAP_COUNT(rows) + 2); /* all of them asked */
    push_close(self);
}

/* --- Answers --- */

#define FCM_ERROR(status, code)                                                \
    "{\"error\": {\"code\": 400, \"message\": \"Some words.\", \"status\": \"" \
    status "\", \"details\": [{\"@type\": "                                    \
    "\"type.googleapis.com/google.firebase.fcm.v1.FcmError\", "                \
    "\"errorCode\": \"" code "\"}]}}"
#define BAD_FIELD(field)                                                       \
    "{\"error\": {\"code\": 400, \"message\": \"Invalid value.\", "            \
    "\"status\": \"INVALID_ARGUMENT\", \"details\": [{\"@type\": "             \
    "\"type.googleapis.com/google.rpc.BadRequest\", \"fieldViolations\": "     \
    "[{\"field\": \"" field "\", \"description\": \"Invalid value\"}]}]}}"
#define BAD_TOKEN                                                              \
    "{\"error\": {\"code\": 400, \"message\": \"The registration token is "    \
    "not a valid FCM registration token\", \"status\": \"INVALID_ARGUMENT\", " \
    "\"details\": [{\"@type\": "                                               \
    "\"type.googleapis.com/google.firebase.fcm.v1.FcmError\", "                \
    "\"errorCode\": \"INVALID_ARGUMENT\"}]}}"

static void
results(void)
{
    static const struct {
        uint32_t status;
        const char *body;
        uint32_t result;
    } rows[] = {
        { 404, FCM_ERROR("NOT_FOUND", "UNREGISTERED"),
          FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 404, "", FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, FCM_ERROR("X", "UNREGISTERED"),
          FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, BAD_TOKEN, FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, BAD_FIELD("message.token"), FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 400, BAD_FIELD("message.android.ttl"),
          FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 400, FCM_ERROR("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
          FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 400, "<html>", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 403, FCM_ERROR("PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
          FACTOR_DELIVERY_REFUSED_ADDRESS },
        { 429, FCM_ERROR("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
          FACTOR_DELIVERY_DEFERRED },
        { 400, FCM_ERROR("X", "QUOTA_EXCEEDED"), FACTOR_DELIVERY_DEFERRED },
        { 429, "", FACTOR_DELIVERY_DEFERRED },
        { 500, FCM_ERROR("INTERNAL", "INTERNAL"), FACTOR_DELIVERY_DEFERRED },
        { 503, FCM_ERROR("UNAVAILABLE", "UNAVAILABLE"),
          FACTOR_DELIVERY_DEFERRED },
        { 302, "", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 413, "", FACTOR_DELIVERY_REFUSED_ACCOUNT },
        { 200, "", FACTOR_DELIVERY_SENT },
    };
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    size_t i;

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
    for (i = 0; i < TAP_COUNT(rows); i++) {
        uint32_t result =
            push_result(self, &message, rows[i].status, rows[i].body).result;

        if (result != rows[i].result)
            tap_note("%u %s gives %u", rows[i].status, rows[i].body, result);
        CU_ASSERT_EQUAL(result, rows[i].result);
    }
    /* One call each: none of these asks for a token. */
    CU_ASSERT_EQUAL(push_count(), 2 + TAP_COUNT(rows));
    push_close(self);
}

static void
retry_and_reason(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    struct factor_receipt receipt;

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
    push_answer(503, 9000,
                "{\"error\": {\"message\": \"Try 12345\\nlater, 123\"}}");
    receipt = push_deliver(self, &message);
    CU_ASSERT_EQUAL(receipt.retry_at_ms, PUSH_NOW_MS + 9000);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "503 Try  later, 123");
    receipt = push_result(self, &message, 500, "<p>Oh 5555 no</p>");
    CU_ASSERT_EQUAL(receipt.retry_at_ms, 0);
    CU_ASSERT_STRING_EQUAL(receipt.reason, "500 <p>Oh  no</p>");
    push_close(self);
}

static void
no_answer(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    struct factor_error err;

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "first"), 2);
    push_fail(FACTOR_E_IO, "timed out");
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "timed out");
    message.variables = NULL;
    CU_ASSERT_EQUAL(push_deliver_fails(self, &message, &err), FACTOR_E_INPUT);
    push_close(self);
}

/* --- Accounts of applications --- */

static json_t *
credential(EVP_PKEY *key, const char *project)
{
    return json_pack("{s:s, s:o}", "type", "FCM_HTTP_V1",
                     "googleServiceAccountCredentials",
                     account(key, project));
}

static void
own_account(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    json_t *own = credential(theirs, "their-app"), *claims;

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "ours"), 2);
    message.credential = own;
    answer_token("theirs");
    answer_sent();
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_SENT);
    /* It names the URL: it may lead nowhere but to the public. */
    CU_ASSERT_EQUAL(push_call(2)->flags, FACTOR_HTTP_PUBLIC);
    claims = assertion(2, theirs, NULL);
    CU_ASSERT_PTR_NOT_NULL(claims);
    json_decref(claims);
    CU_ASSERT_STRING_EQUAL(push_call(3)->url,
                           "https://fcm.googleapis.com/v1/projects/their-app/"
                           "messages:send");
    CU_ASSERT_STRING_EQUAL(push_header(3, "authorization"), "Bearer theirs");
    /* Each keeps its own. */
    answer_sent();
    push_deliver(self, &message);
    CU_ASSERT_STRING_EQUAL(push_header(4, "authorization"), "Bearer theirs");
    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, NULL), 1);
    CU_ASSERT_STRING_EQUAL(push_header(5, "authorization"), "Bearer ours");
    json_decref(own);
    push_close(self);
}

/* Who knows the account's name, but not its key, gets no token of it. */
static void
borrowed_name(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_message message = push_message(ADDRESS);
    json_t *false_one = credential(theirs, "acme-app");

    CU_ASSERT_EQUAL(calls_at(self, PUSH_NOW_MS, "ours"), 2);
    message.credential = false_one;
    push_answer(400, 0, "{\"error\": \"invalid_grant\"}");
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    CU_ASSERT_EQUAL(push_count(), 3);
    json_decref(false_one);
    push_close(self);
}

static void
credentials(void)
{
    struct factor_delivery *self = open_ours();
    struct factor_delivery *bare = push_must_open(json_object());
    struct factor_message message = push_message(ADDRESS);
    json_t *apple = json_pack("{s:s, s:s}", "type", "APNS", "key", "K");
    json_t *empty = json_pack("{s:s}", "type", "FCM_HTTP_V1");
    json_t *torn = json_pack("{s:s, s:s}", "type", "FCM_HTTP_V1",
                             "googleServiceAccountCredentials", "{\"a\":");
    json_t *path = credential(theirs, "../../x");
    json_t *dots = credential(theirs, "..");
    json_t *no_key = json_pack(
        "{s:s, s:s}", "type", "FCM_HTTP_V1", "googleServiceAccountCredentials",
        "{\"project_id\": \"p\", \"client_email\": \"e\", \"private_key\": "
        "\"none\", \"token_uri\": \"https://t.example/\"}");
    const json_t *refused[] = { empty, torn, path, dots, no_key };
    size_t i;

    for (i = 0; i < TAP_COUNT(refused); i++) {
        message.credential = refused[i];
        CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                        FACTOR_DELIVERY_REFUSED_ACCOUNT);
    }
    CU_ASSERT_EQUAL(push_count(), 0);
    /* One of another kind is none: ours is taken. */
    message.credential = apple;
    answer_token("t");
    answer_sent();
    CU_ASSERT_EQUAL(push_deliver(self, &message).result,
                    FACTOR_DELIVERY_SENT);
    /* If we have one. */
    CU_ASSERT_EQUAL(push_deliver(bare, &message).result,
                    FACTOR_DELIVERY_REFUSED_ACCOUNT);
    json_decref(apple);
    json_decref(empty);
    json_decref(torn);
    json_decref(path);
    json_decref(dots);
    json_decref(no_key);
    push_ops()->fini(bare);
    push_close(self);
}

static void
not_mine(void)
{
    static const char *const addresses[] = { "apns:00", "fcm", "",
                                             "webpush:{}" };
    struct factor_delivery *self = push_must_open(json_object());
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
    static const char *const accounts[] = {
        "", "[]", "{\"project_id\": \"p\"}",
        "{\"project_id\": \"p/q\", \"client_email\": \"e\", \"private_key\": "
        "\"k\", \"token_uri\": \"u\"}",
        "{\"project_id\": \"p\", \"client_email\": \"e\", \"private_key\": "
        "\"none\", \"token_uri\": \"https://t.example/\"}",
    };
    struct factor_error err = { 0 };
    size_t i;

    for (i = 0; i < TAP_COUNT(accounts); i++) {
        CU_ASSERT_PTR_NULL(push_open(
            json_pack("{s:s}", "service_account", accounts[i]), &err));
        CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
        CU_ASSERT_EQUAL(strncmp(err.text, "service_account:", 16), 0);
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
    { "a message is the bell, and wakes the phone", one_message },
    { "both URLs can be set", other_urls },
    { "an access token is got by a signed assertion", asks_for_a_token },
    { "a token is kept until a minute before its end", token_is_kept },
    { "a token that is not taken is renewed", token_refused_once },
    { "but once; then it is our account", token_refused_twice },
    { "a token that was not taken is forgotten", token_is_forgotten },
    { "why there is no token decides what comes of the message", no_token },
    { "each answer has its result", results },
    { "Retry-After is obeyed, reasons have no runs of digits",
      retry_and_reason },
    { "no answer is deferred", no_answer },
    { "an application may bring an account of its own", own_account },
    { "a token is given to who has its key", borrowed_name },
    { "a credential that is none is refused, another kind's is not ours",
      credentials },
    { "an address of another kind is not ours", not_mine },
    { "wrong settings are refused by name", wrong_settings },
    { "messages go out side by side", tables },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("delivery-fcm", &fixture, tests, TAP_COUNT(tests));
}
