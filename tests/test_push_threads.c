/* SPDX-License-Identifier: MIT */
/* tests/test_push_threads.c - push plugins promise that messages go out side by
 * side: many threads, one instance, and tokens that all of them share. */
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "factor/test.h"
#include "tests/tap.h"

enum { THREADS = 8, MESSAGES = 100 };

static atomic_uint signed_count, calls;
static pthread_barrier_t start;

/* --- A host that needs no lock --- */

static factor_status
jws_sign(const char *pem, const json_t *header, const json_t *claims,
         char **ret_statement)
{
    (void)pem;
    (void)header;
    (void)claims;
    usleep(5000); /* long enough for another thread to want one, too */
    if (asprintf(ret_statement, "head.claims.%u",
                 atomic_fetch_add(&signed_count, 1)) < 0)
        abort();
    return FACTOR_OK;
}

/* Every tenth message is told that its token is none. */
static factor_status
http(const struct factor_http_request *request,
     struct factor_http_answer *ret_answer, struct factor_error *err)
{
    unsigned n = atomic_fetch_add(&calls, 1);

    (void)err;
    ret_answer->status = 200;
    ret_answer->body = "";
    if (strstr(request->url, "/token")) {
        ret_answer->body = "{\"access_token\": \"a\", \"expires_in\": 3600}";
    } else if (n % 10 == 9) {
        ret_answer->status = strstr(request->url, "/3/device/") ? 403 : 401;
        ret_answer->body = "{\"reason\": \"ExpiredProviderToken\"}";
    }
    ret_answer->body_len = strlen(ret_answer->body);
    return FACTOR_OK;
}

static void
http_release(struct factor_http_answer *answer)
{
    (void)answer;
}

static const struct factor_host host = {
    .struct_size = sizeof(host),
    .abi_minor = FACTOR_ABI_MINOR,
    .jws_sign = jws_sign,
    .http = http,
    .http_release = http_release,
};

/* --- Many messages --- */

struct work {
    const struct factor_delivery_ops *ops;
    struct factor_delivery *self;
    const char *address;
    json_t *variables;
    atomic_uint ended; /* messages whose receipt was filled */
};

static void *
send_messages(void *context)
{
    struct work *work = context;
    struct factor_message message = {
        .struct_size = sizeof(message),
        .id = "5f0e8e0c-5a3b-4a8e-8d55-222222222222",
        .channel = "push",
        .address = work->address,
        .text = "Sign on?",
        .variables = work->variables,
        .timeout_ms = 1000,
        .expires_at_ms = INT64_C(1700000040000),
    };
    struct factor_receipt receipt;
    struct factor_error err = { 0 };
    int i;

    pthread_barrier_wait(&start);
    for (i = 0; i < MESSAGES; i++) {
        receipt = (struct factor_receipt){ .struct_size = sizeof(receipt) };
        message.now_ms = INT64_C(1700000000000) + i;
        if (!work->ops->deliver(work->self, &message, &receipt, &err) &&
            (receipt.result == FACTOR_DELIVERY_SENT ||
             receipt.result == FACTOR_DELIVERY_REFUSED_ACCOUNT ||
             receipt.result == FACTOR_DELIVERY_REFUSED_ADDRESS))
            atomic_fetch_add(&work->ended, 1);
    }
    return NULL;
}

static const struct factor_delivery_ops *
load(const char *name)
{
    const char *built = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { 0 };
    const struct factor_plugin *plugin;
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/%s.so", built ? built : ".", name);
    plugin = factor_test_load(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    return plugin->ops;
}

/* How many statements were signed for all of them; settings: stolen. */
static unsigned
side_by_side(const char *name, json_t *settings, const char *address)
{
    struct work work = { .ops = load(name), .address = address };
    struct factor_error err = { 0 };
    pthread_t threads[THREADS];
    unsigned before;
    int i;

    work.variables = json_pack("{s:s}", "device", "dev-1");
    CU_ASSERT_EQUAL_FATAL(work.ops->init(&host, settings, &work.self, &err),
                          FACTOR_OK);
    before = signed_count;
    pthread_barrier_init(&start, NULL, THREADS);
    for (i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&threads[i], NULL, send_messages, &work), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    CU_ASSERT_EQUAL(work.ended, THREADS * MESSAGES);
    work.ops->fini(work.self);
    json_decref(work.variables);
    json_decref(settings);
    return signed_count - before;
}

/* --- Plugins --- */

static void
apns(void)
{
    json_t *settings =
        json_pack("{s:s, s:s, s:s, s:s}", "key", "pem", "key_id", "K",
                  "team_id", "T", "topic", "org.example.app");

    /* One is signed, and none again: it is young. */
    CU_ASSERT_EQUAL(side_by_side("delivery-apns", settings, "apns:00ff"), 1);
}

static void
fcm(void)
{
    static const char account[] =
        "{\"project_id\": \"p\", \"client_email\": \"e\", \"private_key\": "
        "\"k\", \"token_uri\": \"https://example.com/token\"}";

    side_by_side("delivery-fcm",
                 json_pack("{s:s, s:s}", "service_account", account,
                           "base_url", "https://fcm.example.com"),
                 "fcm:abc");
}

static void
webpush(void)
{
    static const char address[] =
        "webpush:{\"endpoint\":\"https://push.example.net/1\",\"keys\":{"
        "\"p256dh\":\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
        "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\","
        "\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long len;
    json_t *settings;

    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    len = BIO_get_mem_data(bio, &pem);
    settings = json_pack("{s:s%, s:s, s:i}", "vapid_key", pem, (size_t)len,
                         "subject", "mailto:ops@example.org", "timeout", 5000);
    CU_ASSERT_EQUAL(side_by_side("delivery-webpush", settings, address), 1);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static const struct tap_test tests[] = {
    { "apns: one provider token for all threads", apns },
    { "fcm: tokens come and go under all threads", fcm },
    { "webpush: one token for all threads", webpush },
};

int
main(void)
{
    return tap_main("push threads", tests, TAP_COUNT(tests));
}
