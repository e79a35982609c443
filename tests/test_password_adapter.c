/* SPDX-License-Identifier: MIT */
/* tests/test_password_adapter.c - the password adapter under the fake host,
 * and its core. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <crypt.h>
#include <jansson.h>

#include "factor/test.h"
#include "plugin/adapter-password/password_core.h"
#include "plugin/adapter-password/password_hash.h"
#include "tests/tap.h"

#define JOE "11111111-1111-4111-8111-111111111111"
#define ANN "22222222-2222-4222-8222-222222222222"
#define SECRET "2FederateM0re"
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define NOW INT64_C(1700000000000)

/* The cheapest hash that there is: these tests compute some thousands. */
#define CHEAP "\"yescrypt_cost\": 1"

static const struct factor_plugin *plugin;
static char joes_hash[PASSWORD_HASH_SIZE];

/* --- What the adapter hashes --- */

static unsigned hashed;
static size_t hashed_len; /* of the password */
static char hashed_with[PASSWORD_HASH_SIZE];

/* Found by the plugin before libxcrypt's own, to see what it hashes. */
__attribute__((visibility("default"))) char *
crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
    char *(*real)(const char *, const char *, void *, int);

    *(void **)&real = dlsym(RTLD_NEXT, "crypt_rn");
    hashed++;
    hashed_len = strlen(phrase);
    snprintf(hashed_with, sizeof(hashed_with), "%s", setting);
    return real(phrase, setting, data, size);
}

/* --- Small tools --- */

static const char *
text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));

    return value ? value : "(none)";
}

static struct factor_test *
open_test(const char *settings)
{
    struct factor_error err = { .code = 0 };
    struct factor_test *t;

    t = factor_test_new(plugin, json_loads(settings, 0, NULL), &err);
    if (!t) {
        fprintf(stderr, "init: %s\n", err.text);
        abort();
    }
    factor_test_add_user(t, JOE, "joe", NULL);
    factor_test_seed(t, "password.credential", JOE, JOE, NULL,
                     json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "hash",
                               joes_hash));
    factor_test_begin(t, NULL, NULL);
    factor_test_enter(t);
    return t;
}

static struct factor_test *
open_cheap(void)
{
    return open_test("{" CHEAP "}");
}

static const struct factor_test_reply *
try_password(struct factor_test *t, const char *username, const char *password)
{
    return factor_test_act(t, "checkUsernamePassword",
                           json_pack("{s:s, s:s}", "username", username,
                                     "password", password));
}

static const struct factor_test_reply *
wrong(struct factor_test *t)
{
    return try_password(t, "joe", "wrong");
}

static const struct factor_test_reply *
right(struct factor_test *t)
{
    return try_password(t, "joe", SECRET);
}

static void
come_from(struct factor_test *t, const char *address, const char *known_user)
{
    factor_test_set_request(t, json_pack("{s:s, s:s*}", "address", address,
                                         "known_user", known_user));
}

static bool
is_refused(const struct factor_test_reply *reply)
{
    if (reply->kind == FACTOR_TEST_ERROR &&
        strcmp(reply->code, "VALIDATION_ERROR") == 0 &&
        factor_test_has_detail(reply, "CREDENTIAL_VALIDATION_FAILED"))
        return true;
    tap_note("kind %d, code %s, %s", reply->kind,
             reply->code ? reply->code : "-", reply->problem);
    return false;
}

static bool
is_success(const struct factor_test_reply *reply)
{
    if (reply->kind == FACTOR_TEST_SUCCESS)
        return true;
    tap_note("kind %d, code %s, %s", reply->kind,
             reply->code ? reply->code : "-", reply->problem);
    return false;
}

static const json_t *
sources(const struct factor_test *t)
{
    const json_t *body = factor_test_record(t, "password.attempts", JOE);

    return json_object_get(json_object_get(body, "secret"), "sources");
}

static void
disable_joe(struct factor_test *t)
{
    json_t *body = json_deep_copy(factor_test_record(t, FACTOR_USERS, JOE));

    json_object_set_new(body, "enabled", json_false());
    factor_test_seed(t, FACTOR_USERS, JOE, NULL, "joe", body);
}

/* --- The state --- */

static void
state(void)
{
    static const char *const members[] = {
        "showRememberMyUsername", "rememberMyUsernameSelected",
        "showThisIsMyDevice",     "thisIsMyDeviceSelected",
        "showCaptcha",
    };
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply = factor_test_get(t);
    size_t i;

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_STATE);
    CU_ASSERT_STRING_EQUAL(reply->state, "USERNAME_PASSWORD_REQUIRED");
    for (i = 0; i < TAP_COUNT(members); i++)
        CU_ASSERT_TRUE(
            json_is_false(json_object_get(reply->model, members[i])));
    CU_ASSERT_PTR_NULL(json_object_get(reply->model, "username"));
    CU_ASSERT_TRUE(factor_test_offers(reply, "checkUsernamePassword"));
    CU_ASSERT_TRUE(factor_test_offers(reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(reply, "importUser"));
    factor_test_free(t);
}

static void
hint(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;

    factor_test_set_request(t, json_pack("{s:{s:s}}", "parameters",
                                         "login_hint", "joe"));
    reply = factor_test_get(t);
    CU_ASSERT_STRING_EQUAL(text(reply->model, "username"), "joe");
    factor_test_free(t);
}

static void
cancel(void)
{
    struct factor_test *t = open_cheap();

    CU_ASSERT_EQUAL(factor_test_act(t, "cancelAuthentication", NULL)->kind,
                    FACTOR_TEST_FAILURE);
    factor_test_free(t);
}

/* --- checkUsernamePassword --- */

static void
right_password(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply = right(t);

    CU_ASSERT_TRUE(is_success(reply));
    CU_ASSERT_STRING_EQUAL(reply->subject, JOE);
    CU_ASSERT_STRING_EQUAL(text(reply->attributes, "userId"), JOE);
    CU_ASSERT_STRING_EQUAL(text(reply->attributes, "username"), "joe");
    CU_ASSERT_EQUAL(json_array_size(reply->amr), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(reply->amr, 0)),
                           "pwd");
    CU_ASSERT_EQUAL(reply->kinds, FACTOR_KIND_KNOWLEDGE);
    factor_test_free(t);
}

static void
username_in_any_case(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply = try_password(t, "JOE", SECRET);

    CU_ASSERT_TRUE(is_success(reply));
    CU_ASSERT_STRING_EQUAL(text(reply->attributes, "username"), "joe");
    factor_test_free(t);
}

static void
wrong_password(void)
{
    static const char *const tries[] = { "wrong",          "2FederateM0r",
                                         "2FederateM0re ", "2federatem0re",
                                         "*0",             " " };
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;
    size_t i;

    for (i = 0; i < TAP_COUNT(tries); i++) {
        reply = try_password(t, "joe", tries[i]);
        CU_ASSERT_TRUE(is_refused(reply));
        CU_ASSERT_EQUAL(json_array_size(reply->details), 1);
        CU_ASSERT_STRING_NOT_EQUAL(
            text(json_array_get(reply->details, 0), "userMessage"), "(none)");
        CU_ASSERT_PTR_NULL(json_object_get(json_array_get(reply->details, 0),
                                           "attemptsRemaining"));
        factor_test_advance(t, HOUR);
    }
    factor_test_free(t);
}

static void
checkboxes(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;

    reply = factor_test_act(
        t, "checkUsernamePassword",
        json_pack("{s:s, s:s, s:s, s:b, s:s}", "username", "joe", "password",
                  SECRET, "rememberMyUsername", "true", "thisIsMyDevice", 1,
                  "captchaResponse", "x"));
    CU_ASSERT_TRUE(is_success(reply));
    factor_test_free(t);
}

static void
fields_are_required(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;

    reply = factor_test_act(t, "checkUsernamePassword",
                            json_pack("{s:s}", "username", "joe"));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_REFUSED);
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "FIELD_REQUIRED"));
    reply = factor_test_act(t, "checkUsernamePassword",
                            json_pack("{s:s}", "password", SECRET));
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "FIELD_REQUIRED"));
    factor_test_free(t);
}

/* Whatever is wrong: the same answer, one hash of the same cost, no word in
 * the state. */
static void
nobody_tells(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;
    json_t *answers[4];
    size_t i;

    factor_test_add_user(t, ANN, "ann", NULL); /* has no password */
    for (i = 0; i < TAP_COUNT(answers); i++) {
        if (i == 3)
            disable_joe(t);
        hashed = 0;
        reply = i == 0   ? wrong(t)
                : i == 1 ? try_password(t, "nobody", SECRET)
                : i == 2 ? try_password(t, "ann", SECRET)
                         : right(t);
        CU_ASSERT_TRUE(is_refused(reply));
        answers[i] = json_deep_copy(reply->details);
        CU_ASSERT_TRUE(json_equal(answers[i], answers[0]));
        /* The fake host runs each step three times, to compare. */
        CU_ASSERT_EQUAL(hashed, 3);
        CU_ASSERT_EQUAL(strncmp(hashed_with, joes_hash, 7), 0);
    }
    for (i = 0; i < TAP_COUNT(answers); i++)
        json_decref(answers[i]);
    factor_test_free(t);
}

static void
unknown_names_leave_nothing(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;
    char longest[300];

    factor_test_add_user(t, ANN, "ann", NULL);
    reply = try_password(t, "nobody", SECRET);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(reply->audits), 0);
    CU_ASSERT_EQUAL(json_array_size(reply->unknown), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(reply->unknown,
                                                            0)),
                           "nobody");
    reply = try_password(t, "ann", SECRET);
    CU_ASSERT_EQUAL(json_array_size(reply->unknown), 1);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(reply->audits), 0);
    reply = try_password(t, "", SECRET);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    memset(longest, 'x', sizeof(longest));
    longest[256] = '\0';
    CU_ASSERT_TRUE(is_refused(try_password(t, longest, SECRET)));
    CU_ASSERT_EQUAL(json_array_size(wrong(t)->unknown), 0);
    CU_ASSERT_EQUAL(json_array_size(right(t)->unknown), 0);
    factor_test_free(t);
}

static void
decoy_costs_the_same(void)
{
    struct factor_test *t = open_test("{\"yescrypt_cost\": 2}");
    char expected[CRYPT_GENSALT_OUTPUT_SIZE];

    try_password(t, "nobody", SECRET);
    crypt_gensalt_rn("$y$", 2, "0123456789abcdef", 16, expected,
                     sizeof(expected));
    CU_ASSERT_EQUAL(strncmp(hashed_with, expected, 6), 0);
    factor_test_free(t);
}

/* What stands in for a hash has no password: not even itself. */
static void
decoy_matches_nothing(void)
{
    char memory[PASSWORD_MEMORY] __attribute__((aligned(16))) = { 0 };
    char decoy[PASSWORD_HASH_SIZE];

    CU_ASSERT_TRUE(password_decoy(1, decoy));
    CU_ASSERT_FALSE(password_matches(memory, "", decoy));
    CU_ASSERT_FALSE(password_matches(memory, decoy, decoy));
    CU_ASSERT_FALSE(password_matches(memory, SECRET, "*0"));
    CU_ASSERT_FALSE(password_matches(memory, SECRET, ""));
    CU_ASSERT_FALSE(password_matches(memory, SECRET, "plain"));
    CU_ASSERT_FALSE(password_matches(memory, SECRET, SECRET));
    CU_ASSERT_TRUE(password_matches(memory, SECRET, joes_hash));
}

static void
broken_credentials(void)
{
    static const char *const hashes[] = { "", "*0", "*1", "x", "$y$", "$1$" };
    struct factor_test *t = open_cheap();
    size_t i;

    for (i = 0; i < TAP_COUNT(hashes); i++) {
        factor_test_seed(t, "password.credential", JOE, JOE, NULL,
                         json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "hash",
                                   hashes[i]));
        CU_ASSERT_TRUE(is_refused(right(t)));
        if (hashes[i][0])
            CU_ASSERT_TRUE(is_refused(try_password(t, "joe", hashes[i])));
        factor_test_advance(t, HOUR);
    }
    factor_test_free(t);
}

static void
disabled_user(void)
{
    struct factor_test *t = open_cheap();

    disable_joe(t);
    CU_ASSERT_TRUE(is_refused(right(t)));
    CU_ASSERT_TRUE(is_refused(wrong(t)));
    factor_test_free(t);
}

/* --- Waiting (W1) --- */

/* Until the n-th failure in a row is counted, waiting as long as need be. */
static void
fail_times(struct factor_test *t, int n)
{
    const json_t *entry;
    json_int_t until;

    while (n-- > 0) {
        entry = json_array_get(sources(t), 0);
        until = json_integer_value(json_object_get(entry, "wait_until_ms"));
        if (until > factor_test_now(t))
            factor_test_set_now(t, until);
        CU_ASSERT_TRUE(is_refused(wrong(t)));
    }
}

static void
waits_double(void)
{
    static const int64_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
                                       900, 900 };
    struct factor_test *t = open_cheap();
    const json_t *entry;
    size_t i;

    fail_times(t, 4);
    for (i = 0; i < TAP_COUNT(seconds); i++) {
        fail_times(t, 1);
        entry = json_array_get(sources(t), 0);
        CU_ASSERT_EQUAL(
            json_integer_value(json_object_get(entry, "wait_until_ms")),
            factor_test_now(t) + seconds[i] * SECOND);
    }
    factor_test_free(t);
}

static void
during_a_wait(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;

    fail_times(t, 5);
    hashed = 0;
    reply = right(t);
    CU_ASSERT_TRUE(is_refused(reply));
    CU_ASSERT_EQUAL(hashed, 3);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(reply->audits), 0);
    CU_ASSERT_PTR_NULL(json_object_get(json_array_get(reply->details, 0),
                                       "retry_at_ms"));
    factor_test_advance(t, SECOND - 1);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_advance(t, 1);
    CU_ASSERT_TRUE(is_success(right(t)));
    /* Cleared: four more are free. */
    factor_test_enter(t);
    fail_times(t, 4);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

static void
by_source(void)
{
    struct factor_test *t = open_cheap();

    come_from(t, "192.0.2.1", NULL);
    fail_times(t, 5);
    CU_ASSERT_TRUE(is_refused(right(t)));
    come_from(t, "192.0.2.2", NULL);
    CU_ASSERT_TRUE(is_success(right(t)));
    /* Another source's success clears nothing of the first's. */
    factor_test_enter(t);
    come_from(t, "192.0.2.1", NULL);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_free(t);
}

static void
by_browser(void)
{
    struct factor_test *t = open_cheap();

    come_from(t, "192.0.2.1", NULL);
    fail_times(t, 5);
    CU_ASSERT_TRUE(is_refused(right(t)));
    /* A browser of somebody else's opens nothing. */
    come_from(t, "192.0.2.1", ANN);
    CU_ASSERT_TRUE(is_refused(right(t)));
    come_from(t, "192.0.2.1", JOE);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

static void
browser_waits_too(void)
{
    struct factor_test *t = open_cheap();

    come_from(t, "192.0.2.1", JOE);
    fail_times(t, 5);
    CU_ASSERT_TRUE(is_refused(right(t)));
    come_from(t, "192.0.2.1", NULL);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

static void
many_addresses_share_the_rest(void)
{
    struct factor_test *t = open_cheap();
    char address[20];
    int i;

    for (i = 0; i < 16; i++) {
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        come_from(t, address, NULL);
        wrong(t);
    }
    CU_ASSERT_EQUAL(json_array_size(sources(t)), 16);
    for (i = 16; i < 21; i++) {
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        come_from(t, address, NULL);
        wrong(t);
    }
    CU_ASSERT_EQUAL(json_array_size(sources(t)), 17);
    come_from(t, "192.0.2.99", NULL);
    CU_ASSERT_TRUE(is_refused(right(t)));
    /* Those of the table, and joe's own browser, are not concerned. */
    come_from(t, "192.0.2.99", JOE);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_enter(t);
    come_from(t, "192.0.2.3", NULL);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

static void
forgets_after_a_day(void)
{
    struct factor_test *t = open_cheap();

    fail_times(t, 4);
    factor_test_advance(t, 24 * HOUR - 1);
    fail_times(t, 1);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_advance(t, 24 * HOUR);
    fail_times(t, 4);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

/* Guesses that were looked at in a day, from so many addresses in turn. */
static unsigned
guesses_of_a_day(unsigned addresses)
{
    const struct password_rule rule = { 5, SECOND, 15 * MINUTE, 24 * HOUR };
    struct password_attempts attempts = { .count = 0 };
    char keys[64][PASSWORD_SOURCE_SIZE], address[20];
    unsigned i, guesses = 0;
    int64_t now;

    for (i = 0; i < addresses; i++) {
        snprintf(address, sizeof(address), "10.0.0.%u", i);
        password_source_key(address, false, keys[i]);
    }
    for (now = NOW; now < NOW + 24 * HOUR; now += 4 * SECOND) {
        password_forget(&attempts, &rule, now);
        for (i = 0; i < addresses; i++) {
            if (password_waits(&attempts, keys[i], now))
                continue;
            password_count_failure(&attempts, keys[i], &rule, now);
            guesses++;
        }
    }
    return guesses;
}

static void
guesses_are_bounded(void)
{
    if (tap_skip_slow())
        return;

    unsigned one = guesses_of_a_day(1), few = guesses_of_a_day(16);
    unsigned many = guesses_of_a_day(64);

    tap_note("guesses in 24 h: %u from one address, %u from 16, %u from 64",
             one, few, many);
    /* 4 free, waits of 1 to 512 s, then one every 15 min. */
    CU_ASSERT_TRUE(one <= 4 + 10 + 96);
    CU_ASSERT_TRUE(few <= 16 * one);
    CU_ASSERT_TRUE(many <= 17 * one);
}

static void
fail_elsewhere(struct factor_test *t, void *context)
{
    (void)context;
    factor_test_seed(
        t, "password.attempts", JOE, JOE, NULL,
        json_pack("{s:i, s:{s:[{s:s, s:i, s:I, s:I}]}}", "v", 1, "secret",
                  "sources", "key", "at 192.0.2.1", "failures", 5,
                  "wait_until_ms", (json_int_t)(factor_test_now(t) + SECOND),
                  "at_ms", (json_int_t)factor_test_now(t)));
}

static void
right_password_loses_to_a_wait(void)
{
    struct factor_test *t = open_cheap();

    factor_test_before_commit(t, fail_elsewhere, NULL);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_free(t);
}

static void
wrong_passwords_are_all_counted(void)
{
    struct factor_test *t = open_cheap();
    const json_t *entry;

    wrong(t);
    factor_test_before_commit(t, fail_elsewhere, NULL);
    wrong(t);
    entry = json_array_get(sources(t), 0);
    /* Five elsewhere: this one met the wait, and so was no guess. */
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(entry, "failures")), 5);
    factor_test_free(t);
}

/* --- The core --- */

static void
source_keys(void)
{
    static const struct {
        const char *address, *key;
    } rows[] = {
        { "192.0.2.1", "at 192.0.2.1" },
        { "::ffff:192.0.2.1", "at 192.0.2.1" },
        { "2001:db8:1:2:3:4:5:6", "at 2001:db8:1:2::/64" },
        { "2001:db8:1:2::", "at 2001:db8:1:2::/64" },
        { "2001:db8:1:2::9", "at 2001:db8:1:2::/64" },
        { "2001:DB8::1", "at 2001:db8:0:0::/64" },
        { "2001:db8::1:2:3:4:5", "at 2001:db8:0:1::/64" },
        { "::1", "at 0:0:0:0::/64" },
        { "::", "at 0:0:0:0::/64" },
        { "fe80::1%eth0", "at fe80:0:0:0::/64" },
        { "1:2:3:4:5:6:7:8:9:a", "at 1:2:3:4::/64" },
        { ":::::", "at 0:0:0:0::/64" },
        { "::1:2:3:4:5:6:7:8:9::", "at 1:2:3:4::/64" },
        { "zz:1", "at 0:0:0:0::/64" },
        { "", "at " },
        { NULL, "at " },
        { "rest", "at rest" },
        { "browser", "at browser" },
    };
    char key[PASSWORD_SOURCE_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        password_source_key(rows[i].address, false, key);
        CU_ASSERT_STRING_EQUAL(key, rows[i].key);
        password_source_key(rows[i].address, true, key);
        CU_ASSERT_STRING_EQUAL(key, PASSWORD_SOURCE_BROWSER);
    }
}

static void
wait_arithmetic(void)
{
    const struct password_rule rule = { 5, SECOND, 15 * MINUTE, HOUR };
    const struct password_rule widest = { 1, 1, INT64_MAX, HOUR };
    int64_t before = 0, wait;
    uint32_t n;

    CU_ASSERT_EQUAL(password_wait(&rule, 0), 0);
    CU_ASSERT_EQUAL(password_wait(&rule, 4), 0);
    CU_ASSERT_EQUAL(password_wait(&rule, 5), SECOND);
    CU_ASSERT_EQUAL(password_wait(&rule, 14), 512 * SECOND);
    CU_ASSERT_EQUAL(password_wait(&rule, 15), 15 * MINUTE);
    CU_ASSERT_EQUAL(password_wait(&rule, UINT32_MAX), 15 * MINUTE);
    for (n = 1; n < 100; n++) {
        wait = password_wait(&widest, n);
        CU_ASSERT_TRUE(wait > 0 && wait >= before);
        before = wait;
    }
}

/* A record with more sources than there is room for, or odd ones. */
static void
odd_records(void)
{
    struct factor_test *t = open_cheap();
    json_t *list = json_array();
    int i;

    for (i = 0; i < 40; i++)
        json_array_append_new(
            list, json_pack("{s:o, s:i, s:I, s:I}", "key",
                            json_sprintf("at 10.0.0.%d", i), "failures", 9,
                            "wait_until_ms",
                            (json_int_t)(factor_test_now(t) + HOUR), "at_ms",
                            (json_int_t)factor_test_now(t)));
    json_array_insert_new(list, 0, json_pack("{s:i}", "key", 3));
    json_array_insert_new(list, 0, json_string("x"));
    json_array_insert_new(list, 0, json_pack("{s:s, s:i}", "key", "at x",
                                             "failures", -1));
    factor_test_seed(t, "password.attempts", JOE, JOE, NULL,
                     json_pack("{s:i, s:{s:o}}", "v", 1, "secret", "sources",
                               list));
    come_from(t, "10.0.0.1", NULL);
    CU_ASSERT_TRUE(is_refused(right(t)));
    come_from(t, "10.1.1.1", NULL);
    CU_ASSERT_TRUE(is_success(right(t)));
    CU_ASSERT_TRUE(json_array_size(sources(t)) <= PASSWORD_SOURCES_MAX);
    factor_test_free(t);
}

/* --- Operators --- */

static const struct factor_test_reply *
import(struct factor_test *t, const char *field, const char *value)
{
    factor_test_begin(t, JOE, NULL);
    return factor_test_operator(t, "importUser",
                                json_pack("{s:s}", field, value));
}

static void
sign_on_again(struct factor_test *t)
{
    factor_test_begin(t, NULL, NULL);
    factor_test_enter(t);
}

static void
import_password(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;
    const json_t *body;

    factor_test_set_records(t, json_array());
    factor_test_add_user(t, JOE, "joe", NULL);
    reply = import(t, "password", "new one");
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    body = factor_test_record(t, "password.credential", JOE);
    CU_ASSERT_EQUAL(strncmp(text(json_object_get(body, "secret"), "hash"),
                            "$y$", 3),
                    0);
    sign_on_again(t);
    CU_ASSERT_TRUE(is_success(try_password(t, "joe", "new one")));
    /* Two passwords, two salts. */
    import(t, "password", "new one");
    CU_ASSERT_STRING_NOT_EQUAL(
        text(json_object_get(
                 factor_test_record(t, "password.credential", JOE), "secret"),
             "hash"),
        joes_hash);
    sign_on_again(t);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_free(t);
}

static void
import_hash(void)
{
    if (tap_skip_slow())
        return;

    static const char *const prefixes[] = { "$y$", "$2b$", "$6$", "$5$",
                                            "$7$", "$gy$", "$1$" };
    struct factor_test *t = open_cheap();
    struct crypt_data *data = calloc(1, sizeof(*data));
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash;
    size_t i;

    for (i = 0; i < TAP_COUNT(prefixes); i++) {
        crypt_gensalt_rn(prefixes[i], i == 1 ? 4 : 0, "0123456789abcdef", 16,
                         setting, sizeof(setting));
        hash = crypt_rn("imported", setting, data, sizeof(*data));
        CU_ASSERT_PTR_NOT_NULL_FATAL(hash);
        CU_ASSERT_EQUAL(import(t, "passwordHash", hash)->kind,
                        FACTOR_TEST_ANSWER);
        sign_on_again(t);
        CU_ASSERT_TRUE(is_success(try_password(t, "joe", "imported")));
        CU_ASSERT_TRUE(is_refused(wrong(t)));
    }
    free(data);
    factor_test_free(t);
}

static void
bad_imports(void)
{
    static const char *const hashes[] = {
        "",
        "plain text",
        "*",
        "!",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/",
        "$3$$8846f7eaee8fb117ad06bdd830b7586c",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$short",
        "$6$salt",
        "rl.3StKT.4T8M",
    };
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;
    size_t i;

    for (i = 0; i < TAP_COUNT(hashes); i++) {
        reply = import(t, "passwordHash", hashes[i]);
        CU_ASSERT_TRUE(
            factor_test_has_detail(reply, "INVALID_PASSWORD_IMPORT"));
        CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    }
    reply = import(t, "password", "");
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "INVALID_PASSWORD_IMPORT"));
    reply = factor_test_operator(t, "importUser", NULL);
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "INVALID_PASSWORD_IMPORT"));
    reply = factor_test_operator(t, "importUser",
                                 json_pack("{s:s, s:s}", "password", "a",
                                           "passwordHash", joes_hash));
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "INVALID_PASSWORD_IMPORT"));
    factor_test_begin(t, ANN, NULL);
    reply = factor_test_operator(t, "importUser",
                                 json_pack("{s:s}", "password", "a"));
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "USER_NOT_FOUND"));
    factor_test_free(t);
}

static void
import_lowers_nothing(void)
{
    struct factor_test *t = open_cheap();

    fail_times(t, 5);
    import(t, "password", SECRET);
    sign_on_again(t);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_advance(t, SECOND);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_free(t);
}

static void
unlock(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply;

    factor_test_begin(t, JOE, NULL);
    reply = factor_test_operator(t, "unlock", NULL);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    sign_on_again(t);
    fail_times(t, 9);
    CU_ASSERT_TRUE(is_refused(right(t)));
    factor_test_begin(t, JOE, NULL);
    reply = factor_test_operator(t, "unlock", NULL);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    sign_on_again(t);
    CU_ASSERT_TRUE(is_success(right(t)));
    factor_test_begin(t, ANN, NULL);
    reply = factor_test_operator(t, "unlock", NULL);
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "USER_NOT_FOUND"));
    factor_test_free(t);
}

/* --- What is declared --- */

static const struct factor_description *
description(const struct factor_test *t)
{
    const struct factor_adapter_ops *ops = plugin->ops;

    return ops->describe(factor_test_instance(t));
}

static const struct factor_action *
action(const struct factor_test *t, const char *name)
{
    const struct factor_action *const *at = description(t)->actions;

    while (*at && strcmp((*at)->name, name) != 0)
        at++;
    return *at;
}

static void
held_answers(void)
{
    struct factor_test *t = open_cheap();
    struct factor_test *other =
        open_test("{" CHEAP ", \"answer_after\": \"250ms\"}");

    CU_ASSERT_EQUAL(action(t, "checkUsernamePassword")->answer_after_ms, 80);
    CU_ASSERT_EQUAL(action(other, "checkUsernamePassword")->answer_after_ms,
                    250);
    CU_ASSERT_TRUE(action(t, "checkUsernamePassword")->flags &
                   FACTOR_ACTION_SLOW);
    CU_ASSERT_TRUE(action(t, "importUser")->flags & FACTOR_ACTION_SLOW);
    CU_ASSERT_EQUAL(action(t, "cancelAuthentication")->answer_after_ms, 0);
    CU_ASSERT_STRING_EQUAL(description(t)->plugin_type_id,
                           "7RmQNDWaOnBoudTufx2sEw");
    factor_test_free(other);
    factor_test_free(t);
}

static bool
has_text(const struct factor_description *about, const char *key,
         const char *language)
{
    const struct factor_text *const *at;

    for (at = about->texts; *at; at++)
        if (strcmp((*at)->key, key) == 0 &&
            strcmp((*at)->language, language) == 0)
            return true;
    return false;
}

/* --- The measurement (W1) --- */

static const char yescrypt_2[] =
    "$y$j85$/d/3A/NrR/7WtKNDnmLjc/$Fv0BJZuUsXdmq4h1U7u8PJjN57sD9vDu6EOkuBAwv61";
static const char sha512_default[] =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq."
    "qc.eoxqOmSuNp2xS0ktL3nh/";
static const char sha512_rounds[] =
    "$6$rounds=1000$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9Y"
    "terLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

static void
store_hash(struct factor_test *t, const char *id, const char *hash)
{
    factor_test_seed(t, "password.credential", id, id, NULL,
                     json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "hash",
                               hash));
}

/* One round; the fields of the next one, a new reference or NULL. */
static json_t *
measure_round(struct factor_test *t, json_t *fields)
{
    const struct factor_test_reply *reply;

    hashed = 0;
    factor_test_begin(t, NULL, NULL);
    reply = factor_test_operator(t, "measure", fields);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    if (reply->kind != FACTOR_TEST_ANSWER)
        tap_note("%s", reply->problem);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(reply->audits), 0);
    return reply->body ? json_deep_copy(reply->body) : NULL;
}

/* One hash of each cost, a round each, whoever has it: the host looks at the
 * time of a round. */
static void
measures_every_cost(void)
{
    struct factor_test *t = open_cheap();
    static const char *const costs[] = { "$6$salt", "$6$rounds=1000$",
                                         "$y$j85$" };
    bool seen[TAP_COUNT(costs)] = { false };
    json_t *next = NULL;
    size_t rounds = 0, i;

    store_hash(t, "a", joes_hash);
    store_hash(t, "b", sha512_default);
    store_hash(t, "c", sha512_default);
    store_hash(t, "d", sha512_rounds);
    store_hash(t, "e", yescrypt_2);
    do {
        next = measure_round(t, next);
        CU_ASSERT_EQUAL(hashed, 3); /* as the fake host runs a step */
        for (i = 0; i < TAP_COUNT(costs); i++)
            if (strncmp(hashed_with, costs[i], strlen(costs[i])) == 0)
                seen[i] = true;
        CU_ASSERT_EQUAL(hashed_len, PASSWORD_MAX);
    } while (next && ++rounds < 20);
    CU_ASSERT_EQUAL(rounds, 3); /* behind the first: that of the decoy */
    for (i = 0; i < TAP_COUNT(costs); i++)
        CU_ASSERT_TRUE(seen[i]);
    json_decref(next);
    factor_test_free(t);
}

static void
measures_nothing_without_credentials(void)
{
    struct factor_error err = { .code = 0 };
    struct factor_test *t =
        factor_test_new(plugin, json_loads("{" CHEAP "}", 0, NULL), &err);

    CU_ASSERT_PTR_NULL(measure_round(t, NULL));
    CU_ASSERT_EQUAL(hashed, 0);
    factor_test_add_user(t, ANN, "ann", NULL); /* has no password */
    CU_ASSERT_PTR_NULL(measure_round(t, NULL));
    CU_ASSERT_EQUAL(hashed, 0);
    store_hash(t, ANN, "*0"); /* is none: costs nothing, but she is there */
    json_decref(measure_round(t, NULL));
    CU_ASSERT_EQUAL(hashed, 3);
    factor_test_free(t);
}

static void
measures_for_no_client(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_action *measure = action(t, "measure");

    CU_ASSERT_TRUE(measure->flags & FACTOR_ACTION_MEASURE);
    CU_ASSERT_TRUE(measure->flags & FACTOR_ACTION_SLOW);
    CU_ASSERT_EQUAL(factor_test_act(t, "measure", NULL)->kind,
                    FACTOR_TEST_REFUSED);
    factor_test_free(t);
}

static void
costs(void)
{
    static const char *const different[] = {
        "$y$j75$salt",  "$y$j9T$salt",         "$gy$j9T$salt",
        "$7$CU..../....x", "$7$DU..../....x",  "$2b$12$salt",
        "$2b$13$salt",  "$2y$12$salt",         "$6$salt$",
        "$6$rounds=9$", "$6$rounds=99$salt$",  "$5$salt$",
        "$1$salt$",     "no hash",
    };
    static const char *const same[][2] = {
        { "$y$j9T$salt$hash", "$y$j9T$other$x" },
        { "$7$CU..../....salt", "$7$CU..../....other" },
        { "$2b$12$salt", "$2b$12$other" },
        { "$6$salt$", "$6$other$" },
        { "$6$rounds=99$salt$x", "$6$rounds=99$other$y" },
        { "$1$salt$", "$1$other$" },
        { "*0", "" },
        { "$7$", "$7$" },
    };
    size_t i, j;

    for (i = 0; i < TAP_COUNT(different); i++)
        for (j = 0; j < TAP_COUNT(different); j++)
            CU_ASSERT_EQUAL(password_same_cost(different[i], different[j]),
                            i == j);
    for (i = 0; i < TAP_COUNT(same); i++)
        CU_ASSERT_TRUE(password_same_cost(same[i][0], same[i][1]));
}

static void
every_code_has_texts(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_code *const *code;

    for (code = description(t)->codes; *code; code++) {
        CU_ASSERT_TRUE(has_text(description(t), (*code)->text, "en"));
        CU_ASSERT_TRUE(has_text(description(t), (*code)->text, "de"));
    }
    factor_test_free(t);
}

static void
nothing_tells_the_password(void)
{
    struct factor_test *t = open_cheap();
    const struct factor_test_reply *reply = try_password(t, "joe", "hunter2");
    char *all = json_dumps(reply->decision, 0);

    CU_ASSERT_PTR_NULL(strstr(all, "hunter2"));
    CU_ASSERT_PTR_NULL(strstr(all, joes_hash));
    free(all);
    reply = right(t);
    all = json_dumps(reply->decision, 0);
    CU_ASSERT_PTR_NULL(strstr(all, SECRET));
    CU_ASSERT_PTR_NULL(strstr(all, joes_hash));
    free(all);
    factor_test_free(t);
}

/* --- Everything that can be tried --- */

static void
every_action(void)
{
    struct factor_test *t = open_cheap();
    struct factor_test_result result = factor_test_walk(t);

    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_PTR_NULL(factor_test_unwalked(t));
    factor_test_free(t);
}

static void
whole_story(struct factor_test *t, void *context)
{
    (void)context;
    factor_test_add_user(t, JOE, "joe", NULL);
    import(t, "password", SECRET);
    sign_on_again(t);
    CU_ASSERT_TRUE(is_refused(try_password(t, "nobody", SECRET)));
    CU_ASSERT_TRUE(is_refused(wrong(t)));
    CU_ASSERT_TRUE(is_success(right(t)));
    sign_on_again(t);
    CU_ASSERT_EQUAL(factor_test_act(t, "cancelAuthentication", NULL)->kind,
                    FACTOR_TEST_FAILURE);
    CU_ASSERT_EQUAL(factor_test_operator(t, "measure", NULL)->kind,
                    FACTOR_TEST_ANSWER);
    factor_test_begin(t, JOE, NULL);
    CU_ASSERT_EQUAL(factor_test_operator(t, "unlock", NULL)->kind,
                    FACTOR_TEST_ANSWER);
    CU_ASSERT_TRUE(factor_test_has_detail(import(t, "passwordHash", "x"),
                                          "INVALID_PASSWORD_IMPORT"));
}

static void
every_host_call_fails(void)
{
    if (tap_skip_slow())
        return;

    json_t *settings = json_loads("{" CHEAP "}", 0, NULL);
    struct factor_test_result result =
        factor_test_each_failure(plugin, settings, whole_story, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    tap_note("%u host calls failed in turn", result.tries);
    CU_ASSERT_TRUE(result.ok);
    json_decref(settings);
}

static void
bad_settings(void)
{
    const struct factor_adapter_ops *ops = plugin->ops;
    struct factor_adapter *self = NULL;
    struct factor_error err = { .code = 0 };
    json_t *settings = json_pack("{s:i, s:i, s:i}", "yescrypt_cost", 12,
                                 "wait_first", 1, "wait_max", 2);

    CU_ASSERT_EQUAL(ops->init(factor_test_host(), settings, &self, &err),
                    FACTOR_E_CONFIG);
    json_object_set_new(settings, "yescrypt_cost", json_integer(1));
    json_object_set_new(settings, "wait_first", json_integer(3));
    CU_ASSERT_EQUAL(ops->init(factor_test_host(), settings, &self, &err),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NULL(self);
    ops->fini(NULL);
    json_decref(settings);
}

static const struct tap_test tests[] = {
    { "authn B.1-3 to B.1-7, B.1-10, B.1-11: USERNAME_PASSWORD_REQUIRED",
      state },
    { "authn B.1-1: a login_hint is the first name", hint },
    { "authn B.1-11: cancelAuthentication fails the policy", cancel },
    { "authn B.1-12, P3: the right password", right_password },
    { "a username in any case", username_in_any_case },
    { "authn B.1-12: a wrong password is CREDENTIAL_VALIDATION_FAILED",
      wrong_password },
    { "authn B.1-12: checkboxes as booleans and strings", checkboxes },
    { "authn B.1-12: FIELD_REQUIRED", fields_are_required },
    { "S10: unknown, disabled and without password answer as a wrong one",
      nobody_tells },
    { "S10: unknown names leave nothing", unknown_names_leave_nothing },
    { "W1: unknown names cost a hash of the instance's cost",
      decoy_costs_the_same },
    { "S10: no password belongs to the decoy", decoy_matches_nothing },
    { "a hash that is none lets nobody in", broken_credentials },
    { "a disabled user does not pass", disabled_user },
    { "W1: waits from the fifth on, doubling to 15 min", waits_double },
    { "W1: during a wait the answer is the same, and nothing is written",
      during_a_wait },
    { "W1: waits are by source", by_source },
    { "W1: the user's own browser has its own budget", by_browser },
    { "W1: the user's own browser waits too", browser_waits_too },
    { "W1: many addresses share one entry", many_addresses_share_the_rest },
    { "W1: forgotten after a day", forgets_after_a_day },
    { "W1: guesses of a day are bounded", guesses_are_bounded },
    { "W1: a right password that loses the race to a wait is refused",
      right_password_loses_to_a_wait },
    { "W1: wrong passwords that race are all counted",
      wrong_passwords_are_all_counted },
    { "W1: names of sources", source_keys },
    { "W1: wait arithmetic", wait_arithmetic },
    { "records with odd sources", odd_records },
    { "operators: importUser with a password", import_password },
    { "operators: importUser with a hash of any scheme that is kept",
      import_hash },
    { "operators: importUser refuses what is no hash", bad_imports },
    { "K5: importUser lowers no counter", import_lowers_nothing },
    { "operators: unlock", unlock },
    { "W1: answers are held back as set", held_answers },
    { "W1: one hash of each cost that is stored is measured",
      measures_every_cost },
    { "W1: without credentials nothing is measured",
      measures_nothing_without_credentials },
    { "W1: no client takes the measurement", measures_for_no_client },
    { "W1: what hashes cost", costs },
    { "O6: every code has texts in both languages", every_code_has_texts },
    { "nothing that is kept or told has the password",
      nothing_tells_the_password },
    { "T3: every action and field", every_action },
    { "T3: every host call failing in turn", every_host_call_fails },
    { "settings that make no sense are refused", bad_settings },
};

static int
set_up(void)
{
    const char *folder = getenv("FACTOR_BUILDDIR");
    char memory[PASSWORD_MEMORY] __attribute__((aligned(16))) = { 0 };
    struct factor_error err = { .code = 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/adapter-password.so",
             folder ? folder : ".");
    plugin = factor_test_load(path, &err);
    if (!plugin)
        fprintf(stderr, "%s\n", err.text);
    if (!password_hash(memory, SECRET, 1, (const uint8_t *)"0123456789abcdef",
                       joes_hash))
        return 1;
    return plugin == NULL;
}

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, NULL };

    return tap_main_with("password adapter", &fixture, tests,
                         TAP_COUNT(tests));
}
