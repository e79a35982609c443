/* SPDX-License-Identifier: MIT */
/* tests/test_resources.c - REST resources of an adapter under the fake host:
 * answers, refusals, and answers for now. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/test.h"
#include "tests/tap.h"

static const struct factor_plugin *bell;

static int
set_up(void)
{
    const char *build = getenv("FACTOR_BUILDDIR");
    struct factor_error err;
    char path[4096];

    snprintf(path, sizeof(path), "%s/tests/plugins/.libs/adapter-bell.so",
             build ? build : ".");
    bell = factor_test_load(path, &err);
    return bell ? 0 : 1;
}

static struct factor_test *
new_test(void)
{
    struct factor_error err;
    struct factor_test *test = factor_test_new(bell, NULL, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    return test;
}

static const struct factor_test_reply *
call(struct factor_test *test, const char *name, json_t *body)
{
    return factor_test_resource(test, name, json_pack("{s:s}", "bell", "b1"),
                                NULL, body);
}

static json_int_t
number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void
answers_for_now(void)
{
    struct factor_test *test = new_test();
    const struct factor_test_reply *reply = call(test, "bell.wait", NULL);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_WAIT);
    CU_ASSERT_EQUAL(reply->http_status, 200);
    CU_ASSERT_EQUAL(number(reply->body, "rung"), 0);
    reply = call(test, "bell.ring", json_pack("{s:s}", "tone", "ding"));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(reply->http_status, 201);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(reply->body, "thumbprint")),
        FACTOR_TEST_ISSUER_THUMBPRINT);
    reply = call(test, "bell.wait", json_pack("{s:i}", "seen", 0));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(number(reply->body, "rung"), 1);
    factor_test_free(test);
}

static void
refuses_and_counts(void)
{
    struct factor_test *test = new_test();
    const struct factor_test_reply *reply =
        call(test, "bell.ring", json_pack("{s:s}", "tone", "dong"));
    const json_t *detail = json_array_get(reply->details, 0);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ERROR);
    CU_ASSERT_EQUAL(reply->http_status, 400);
    CU_ASSERT_STRING_EQUAL(reply->code, "INVALID_DATA");
    CU_ASSERT(factor_test_has_detail(reply, "WRONG_TONE"));
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(detail, "target")), "tone");
    detail = json_object_get(detail, "innerError");
    CU_ASSERT_EQUAL(number(detail, "attemptsRemaining"), 1);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(detail, "tone")), "dong");
    CU_ASSERT_EQUAL(reply->retry_after_s, 0);
    CU_ASSERT_EQUAL(
        number(factor_test_record(test, "bell.bell", "b1"), "wrong"), 1);
    call(test, "bell.ring", json_pack("{s:s}", "tone", "dong"));
    reply = call(test, "bell.ring", json_pack("{s:s}", "tone", "dong"));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ERROR);
    CU_ASSERT_EQUAL(reply->http_status, 429);
    CU_ASSERT_STRING_EQUAL(reply->code, "REQUEST_LIMITED");
    CU_ASSERT_EQUAL(reply->retry_after_s, 3);
    CU_ASSERT_EQUAL(
        number(factor_test_record(test, "bell.bell", "b1"), "wrong"), 3);
    factor_test_free(test);
}

static void
other_verdicts_break_the_contract(void)
{
    struct factor_test *test = new_test();
    const struct factor_test_reply *reply = call(test, "bell.break", NULL);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(reply->problem, "verdict"));
    factor_test_free(test);
}

/* --- Tables. ------------------------------------------------------------- */

static struct factor_page_part odd_part = { .struct_size = sizeof(odd_part) };

static const struct factor_description *
describe_part(const struct factor_adapter *self)
{
    static const struct factor_page_part *const parts[] = { &odd_part, NULL };
    static struct factor_description description;
    const struct factor_adapter_ops *ops = bell->ops;

    description = *ops->describe(self);
    description.page_parts = parts;
    return &description;
}

static void
odd_page_parts_break_the_contract(void)
{
    static const char *const states[] = { "NOWHERE", NULL };
    struct factor_adapter_ops ops =
        *(const struct factor_adapter_ops *)bell->ops;
    struct factor_plugin odd = *bell;
    struct factor_error err = { 0 };
    struct factor_test *test;

    ops.describe = describe_part;
    odd.ops = &ops;
    odd_part.file = "a/b.mjs";
    CU_ASSERT_PTR_NULL(factor_test_new(&odd, NULL, &err));
    odd_part.file = "a.mjs";
    test = factor_test_new(&odd, NULL, &err);
    CU_ASSERT_PTR_NOT_NULL(test);
    factor_test_free(test);
    odd_part.states = states;
    CU_ASSERT_PTR_NULL(factor_test_new(&odd, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "NOWHERE"));
}

static void
scenario(struct factor_test *test, void *context)
{
    const struct factor_test_reply *reply;

    (void)context;
    reply = call(test, "bell.ring", json_pack("{s:s}", "tone", "dong"));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ERROR);
    reply = call(test, "bell.ring", json_pack("{s:s}", "tone", "ding"));
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
}

static void
each_failure(void)
{
    struct factor_test_result result =
        factor_test_each_failure(bell, NULL, scenario, NULL);

    CU_ASSERT(result.ok);
    if (!result.ok)
        tap_note("%s", result.problem);
}

static const struct tap_test tests[] = {
    { "a resource may have an answer for now", answers_for_now },
    { "a refusal is an error envelope, and what it counted stays",
      refuses_and_counts },
    { "a resource's verdict is success or continue",
      other_verdicts_break_the_contract },
    { "each host call of a resource may fail", each_failure },
    { "a page part has a bare name and declared states",
      odd_page_parts_break_the_contract },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, NULL };

    return tap_main_with("resources", &fixture, tests, TAP_COUNT(tests));
}
