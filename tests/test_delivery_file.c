/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_file.c - delivery to a file: one whole line a message,
 * or none. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "factor/test.h"
#include "tests/tap.h"

static const struct factor_plugin *plugin;
static const struct factor_delivery_ops *ops;
static char folder[64], outbox[80];

static int
set_up(void)
{
    const char *built = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/delivery-file.so",
             built ? built : ".");
    plugin = factor_test_load(path, &err);
    if (!plugin) {
        tap_note("%s", err.text);
        return -1;
    }
    ops = plugin->ops;
    snprintf(folder, sizeof(folder), "/tmp/factor-outbox-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(outbox, sizeof(outbox), "%s/outbox.jsonl", folder);
    return 0;
}

static int
tear_down(void)
{
    unlink(outbox);
    return rmdir(folder);
}

static struct factor_test *
new_test(int sync)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(
        plugin, json_pack("{s:s, s:b}", "path", outbox, "sync", sync), &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    unlink(outbox);
    return test;
}

static const struct factor_message message = {
    .struct_size = sizeof(message),
    .attempt = 1,
    .id = "m-1",
    .channel = "email",
    .address = "joe@example.com",
    .template_id = "otp.code",
    .language = "en",
    .subject = "Your \"code\"",
    .text = "Your code is 123456.\nBye.",
    .code = "123456",
    .now_ms = INT64_C(1700000000042),
    .timeout_ms = 1000,
    .expires_at_ms = INT64_C(1700000300000),
};

static struct factor_receipt
deliver(struct factor_test *test, const struct factor_message *what)
{
    struct factor_receipt receipt = { .struct_size = sizeof(receipt) };
    struct factor_error err = { 0 };

    CU_ASSERT_EQUAL(
        ops->deliver(factor_test_instance(test), what, &receipt, &err),
        FACTOR_OK);
    return receipt;
}

/* The n-th line of the file as JSON; NULL: none, or no JSON object. */
static json_t *
line(int n)
{
    FILE *file = fopen(outbox, "r");
    char text[4096] = "";
    json_t *json = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (n-- >= 0)
        if (!fgets(text, sizeof(text), file))
            text[0] = '\0';
    fclose(file);
    if (text[0] && text[strlen(text) - 1] == '\n')
        json = json_loads(text, 0, NULL);
    return json;
}

static void
is_text(const json_t *json, const char *member, const char *text)
{
    const char *found = json_string_value(json_object_get(json, member));

    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_STRING_EQUAL(found, text);
}

static off_t
size_of(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? found.st_size : -1;
}

static void
one_line(void)
{
    struct factor_test *test = new_test(0);
    struct factor_receipt receipt = deliver(test, &message);
    json_t *json = line(0);

    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(receipt.reference, "m-1");
    is_text(json, "id", "m-1");
    is_text(json, "channel", "email");
    is_text(json, "to", "joe@example.com");
    is_text(json, "subject", "Your \"code\"");
    is_text(json, "text", "Your code is 123456.\nBye.");
    is_text(json, "code", "123456");
    is_text(json, "sent_at", "2023-11-14T22:13:20.042Z");
    CU_ASSERT_EQUAL(json_object_size(json), 7);
    json_decref(json);
    factor_test_free(test);
}

static void
without_subject(void)
{
    struct factor_test *test = new_test(1);
    struct factor_message bare = message;
    json_t *json;

    bare.subject = NULL;
    bare.code = NULL;
    deliver(test, &message);
    CU_ASSERT_EQUAL(deliver(test, &bare).result, FACTOR_DELIVERY_SENT);
    json = line(1);
    CU_ASSERT_TRUE(json_is_null(json_object_get(json, "subject")));
    CU_ASSERT_TRUE(json_is_null(json_object_get(json, "code")));
    json_decref(json);
    factor_test_free(test);
}

static void
private_file(void)
{
    struct factor_test *test = new_test(0);
    struct stat found = { 0 };
    int fd;

    umask(0);
    deliver(test, &message);
    stat(outbox, &found);
    CU_ASSERT_EQUAL(found.st_mode & 07777, 0600);
    unlink(outbox);
    fd = open(outbox, O_CREAT | O_WRONLY, 0644);
    CU_ASSERT_TRUE(fd >= 0);
    close(fd);
    deliver(test, &message);
    stat(outbox, &found);
    CU_ASSERT_EQUAL(found.st_mode & 07777, 0600);
    umask(022);
    factor_test_free(test);
}

/* A line that does not fit leaves nothing, and the file goes on. */
static void
full_disk(void)
{
    struct factor_test *test = new_test(0);
    struct rlimit old, low;
    struct factor_receipt receipt;
    off_t size;

    deliver(test, &message);
    size = size_of(outbox);
    getrlimit(RLIMIT_FSIZE, &old);
    low = old;
    low.rlim_cur = (rlim_t)size + 20;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    receipt = deliver(test, &message);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_DEFERRED);
    CU_ASSERT_PTR_NOT_NULL(strstr(receipt.reason, "cannot write"));
    CU_ASSERT_STRING_EQUAL(receipt.reference, "");
    CU_ASSERT_EQUAL(size_of(outbox), size);
    CU_ASSERT_EQUAL(deliver(test, &message).result, FACTOR_DELIVERY_SENT);
    CU_ASSERT_EQUAL(size_of(outbox), 2 * size);
    factor_test_free(test);
}

static void
torn_line(void)
{
    struct factor_test *test = new_test(0);
    FILE *file = fopen(outbox, "w");
    json_t *json;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("{\"id\": \"m-0\", \"te", file);
    fclose(file);
    deliver(test, &message);
    json = line(1);
    is_text(json, "id", "m-1");
    json_decref(json);
    factor_test_free(test);
}

static void
cannot_open(void)
{
    struct factor_test *test = new_test(0);
    struct factor_receipt receipt;
    char target[100];

    /* Nobody may lead the messages elsewhere. */
    snprintf(target, sizeof(target), "%s/target", folder);
    CU_ASSERT_EQUAL(symlink(target, outbox), 0);
    receipt = deliver(test, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_DEFERRED);
    CU_ASSERT_EQUAL(access(target, F_OK), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(receipt.reason, "cannot open"));
    unlink(outbox);
    CU_ASSERT_EQUAL(mkfifo(outbox, 0600), 0);
    receipt = deliver(test, &message);
    CU_ASSERT_EQUAL(receipt.result, FACTOR_DELIVERY_DEFERRED);
    unlink(outbox);
    CU_ASSERT_EQUAL(deliver(test, &message).result, FACTOR_DELIVERY_SENT);
    factor_test_free(test);
}

static void
tables(void)
{
    struct factor_error err = { 0 };

    CU_ASSERT_EQUAL(plugin->kind, FACTOR_KIND_DELIVERY);
    CU_ASSERT_EQUAL(ops->flags & FACTOR_DELIVERY_PARALLEL, 0);
    CU_ASSERT_PTR_NULL(
        factor_test_new(plugin, json_pack("{s:i}", "sync", 1), &err));
    CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
}

static const struct tap_test tests[] = {
    { "a message is one line of JSON", one_line },
    { "what a channel has not is null", without_subject },
    { "the file is its owner's alone", private_file },
    { "a line that does not fit leaves nothing", full_disk },
    { "a torn line does not swallow the next", torn_line },
    { "what cannot be opened defers the message", cannot_open },
    { "messages come one at a time", tables },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("delivery-file", &fixture, tests, TAP_COUNT(tests));
}
