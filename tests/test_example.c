/* SPDX-License-Identifier: MIT */
/* tests/test_example.c - the example adapter, as its author would test it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/test.h"
#include "tests/tap.h"

static const struct factor_plugin *plugin;

static int
set_up(void)
{
    const char *folder = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/adapter-example.so",
             folder ? folder : ".");
    plugin = factor_test_load(path, &err);
    if (!plugin)
        tap_note("%s", err.text);
    return plugin ? 0 : -1;
}

static struct factor_test *
new_test(json_t *settings)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(plugin, settings, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    factor_test_add_user(test, "u1", "joe", NULL);
    factor_test_seed(test, "example.pin", "u1", "u1", NULL,
                     json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "pin",
                               "4711"));
    factor_test_begin(test, "u1", NULL);
    return test;
}

static const struct factor_test_reply *
try_pin(struct factor_test *test, const char *pin)
{
    return factor_test_act(test, "checkPin", json_pack("{s:s}", "pin", pin));
}

static json_int_t
kept(const struct factor_test *test, const char *member)
{
    return json_integer_value(json_object_get(
        factor_test_record(test, "example.pin", "u1"), member));
}

static json_int_t
remaining(const struct factor_test_reply *reply)
{
    return json_integer_value(json_object_get(
        json_array_get(reply->details, 0), "attemptsRemaining"));
}

static void
right_pin(void)
{
    struct factor_test *test = new_test(NULL);
    const struct factor_test_reply *reply = factor_test_enter(test);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_STATE);
    CU_ASSERT_STRING_EQUAL(reply->state, "PIN_REQUIRED");
    CU_ASSERT_TRUE(factor_test_offers(reply, "checkPin"));
    reply = try_pin(test, "4711");
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_SUCCESS);
    CU_ASSERT_EQUAL(reply->kinds, FACTOR_KIND_KNOWLEDGE);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(reply->amr, 0)),
                           "pin");
    factor_test_free(test);
}

static void
nearly_right(void)
{
    static const char *const wrong[] = { "4710", "471", "47111", "x",
                                         "471147114711" };
    struct factor_test *test;
    size_t i;

    for (i = 0; i < TAP_COUNT(wrong); i++) {
        test = new_test(NULL);
        factor_test_enter(test);
        CU_ASSERT_TRUE(factor_test_has_detail(try_pin(test, wrong[i]),
                                              "INVALID_PIN"));
        factor_test_free(test);
    }
}

static void
counts(void)
{
    struct factor_test *test = new_test(NULL);
    const struct factor_test_reply *reply;

    factor_test_enter(test);
    reply = try_pin(test, "0000");
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ERROR);
    CU_ASSERT_STRING_EQUAL(reply->code, "VALIDATION_ERROR");
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "INVALID_PIN"));
    CU_ASSERT_EQUAL(remaining(reply), 2);
    CU_ASSERT_EQUAL(kept(test, "failures"), 1);
    CU_ASSERT_EQUAL(remaining(try_pin(test, "0000")), 1);
    CU_ASSERT_EQUAL(kept(test, "failures"), 2);
    CU_ASSERT_EQUAL(try_pin(test, "4711")->kind, FACTOR_TEST_SUCCESS);
    CU_ASSERT_EQUAL(kept(test, "failures"), 0);
    CU_ASSERT_EQUAL(factor_test_version(test, "example.pin", "u1"), 4);
    factor_test_free(test);
}

static void
locks(void)
{
    struct factor_test *test = new_test(NULL);
    const struct factor_test_reply *reply;
    uint64_t version;

    factor_test_enter(test);
    try_pin(test, "0000");
    try_pin(test, "0000");
    reply = try_pin(test, "0000");
    CU_ASSERT_STRING_EQUAL(reply->code, "REQUEST_FAILED");
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "PIN_LOCKED"));
    CU_ASSERT_EQUAL(kept(test, "locked_until_ms"),
                    factor_test_now(test) + 60000);
    version = factor_test_version(test, "example.pin", "u1");
    factor_test_advance(test, 59999);
    reply = try_pin(test, "4711");
    CU_ASSERT_TRUE(factor_test_has_detail(reply, "PIN_LOCKED"));
    CU_ASSERT_EQUAL(factor_test_version(test, "example.pin", "u1"), version);
    factor_test_advance(test, 1);
    CU_ASSERT_EQUAL(try_pin(test, "4711")->kind, FACTOR_TEST_SUCCESS);
    factor_test_free(test);
}

static void
setting(void)
{
    struct factor_test *test =
        new_test(json_pack("{s:i}", "max_attempts", 1));
    struct factor_error err = { 0 };

    factor_test_enter(test);
    CU_ASSERT_TRUE(factor_test_has_detail(try_pin(test, "0000"),
                                          "PIN_LOCKED"));
    factor_test_free(test);
    CU_ASSERT_PTR_NULL(factor_test_new(
        plugin, json_pack("{s:i}", "max_attempts", 11), &err));
    CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NULL(factor_test_new(
        plugin, json_pack("{s:i}", "max_attempt", 1), &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "max_attempt: unknown"));
}

static const char *
message_in(const char *language)
{
    struct factor_test *test = new_test(NULL);
    const struct factor_test_reply *reply;
    static char text[100];

    factor_test_set_request(test,
                            json_pack("{s:[s]}", "languages", language));
    factor_test_enter(test);
    reply = try_pin(test, "0000");
    snprintf(text, sizeof(text), "%s",
             json_string_value(json_object_get(
                 json_array_get(reply->details, 0), "userMessage")));
    factor_test_free(test);
    return text;
}

static void
languages(void)
{
    CU_ASSERT_STRING_EQUAL(message_in("en"), "This PIN is not right.");
    CU_ASSERT_STRING_EQUAL(message_in("de-at"), "Diese PIN stimmt nicht.");
    CU_ASSERT_STRING_EQUAL(message_in("fr"), "This PIN is not right.");
}

static void
without_a_pin(void)
{
    struct factor_test *test = new_test(NULL);

    factor_test_begin(test, "u2", NULL);
    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_FAILURE);
    factor_test_begin(test, NULL, NULL);
    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_FAILURE);
    factor_test_free(test);
}

static void
no_secret(void)
{
    json_t *bodies[] = { json_pack("{s:i}", "v", 1),
                         json_pack("{s:i, s:{}}", "v", 1, "secret"),
                         json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "pin",
                                   "") };
    struct factor_test *test;
    size_t i;

    for (i = 0; i < TAP_COUNT(bodies); i++) {
        test = new_test(NULL);
        factor_test_seed(test, "example.pin", "u1", "u1", NULL, bodies[i]);
        factor_test_enter(test);
        CU_ASSERT_NOT_EQUAL(try_pin(test, "")->kind, FACTOR_TEST_SUCCESS);
        CU_ASSERT_NOT_EQUAL(try_pin(test, "")->kind, FACTOR_TEST_BROKEN);
        CU_ASSERT_TRUE(factor_test_has_detail(try_pin(test, "4711"),
                                              "INVALID_PIN"));
        factor_test_free(test);
    }
}

/* Another step, which was faster, counts a failure. */
static void
race(struct factor_test *test, void *context)
{
    (void)context;
    factor_test_seed(test, "example.pin", "u1", "u1", NULL,
                     json_pack("{s:i, s:i, s:{s:s}}", "v", 1, "failures", 1,
                               "secret", "pin", "4711"));
}

static void
lost_race(void)
{
    struct factor_test *test = new_test(NULL);
    const struct factor_test_reply *reply;

    factor_test_enter(test);
    factor_test_before_commit(test, race, NULL);
    reply = try_pin(test, "0000");
    CU_ASSERT_EQUAL(remaining(reply), 1);
    CU_ASSERT_EQUAL(kept(test, "failures"), 2);
    factor_test_free(test);
}

static void
scenario(struct factor_test *test, void *context)
{
    (void)context;
    factor_test_seed(test, "example.pin", "u1", "u1", NULL,
                     json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "pin",
                               "4711"));
    factor_test_begin(test, "u1", NULL);
    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(try_pin(test, "0000")->kind, FACTOR_TEST_ERROR);
    CU_ASSERT_EQUAL(kept(test, "failures"), 1);
    CU_ASSERT_EQUAL(try_pin(test, "4711")->kind, FACTOR_TEST_SUCCESS);
}

static void
each_failure(void)
{
    struct factor_test_result result =
        factor_test_each_failure(plugin, NULL, scenario, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
    /* Reads for three steps and two GETs; two puts; an answer's memory. */
    CU_ASSERT_TRUE(result.tries >= 6);
}

static void
walk(void)
{
    struct factor_test *test = new_test(NULL);
    struct factor_test_result result;

    factor_test_enter(test);
    result = factor_test_walk(test);
    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_PTR_NULL(factor_test_unwalked(test));
    factor_test_free(test);
}

static const struct tap_test tests[] = {
    { "the right PIN signs on, once asked for", right_pin },
    { "a PIN that is nearly right is wrong", nearly_right },
    { "a wrong PIN is counted and the right one clears", counts },
    { "the last wrong PIN locks for a minute, and time unlocks", locks },
    { "max_attempts is a setting with a range", setting },
    { "messages come in English and German", languages },
    { "who has no PIN fails", without_a_pin },
    { "a record without a PIN lets nobody in", no_secret },
    { "a failure counted meanwhile is not lost", lost_race },
    { "each host call may fail", each_failure },
    { "all that is declared was tried", walk },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, NULL };

    return tap_main_with("example", &fixture, tests, TAP_COUNT(tests));
}
