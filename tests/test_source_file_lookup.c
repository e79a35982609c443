/* SPDX-License-Identifier: MIT */
/* tests/test_source_file_lookup.c - the source that looks up in a file, and
 * an adapter that asks it. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "factor/test.h"
#include "tests/tap.h"

static const struct factor_plugin *source, *asker;
static const struct factor_source_ops *ops;
static char folder[64], values[80], fresh[80];

static const struct factor_plugin *
load(const char *name)
{
    const char *built = getenv("FACTOR_BUILDDIR");
    const struct factor_plugin *plugin;
    struct factor_error err = { 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", built ? built : ".", name);
    plugin = factor_test_load(path, &err);
    if (!plugin)
        tap_note("%s", err.text);
    return plugin;
}

static int
set_up(void)
{
    source = load(".libs/source-file-lookup.so");
    asker = load("tests/plugins/.libs/adapter-asker.so");
    if (!source || !asker)
        return -1;
    ops = source->ops;
    snprintf(folder, sizeof(folder), "/tmp/factor-lookup-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(values, sizeof(values), "%s/values.json", folder);
    snprintf(fresh, sizeof(fresh), "%s/fresh.json", folder);
    return 0;
}

static int
tear_down(void)
{
    unlink(values);
    return rmdir(folder);
}

/* Replaced as a whole, as a careful writer does. */
static void
write_values(const char *text)
{
    FILE *file = fopen(fresh, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
    CU_ASSERT_EQUAL(rename(fresh, values), 0);
}

static struct factor_test *
new_source(const char *key)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(
        source, json_pack("{s:s, s:s*}", "path", values, "key", key), &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    return test;
}

static json_t *
answer(struct factor_test *test, const char *member, const char *key,
       struct factor_error *err)
{
    json_t *input = json_pack("{s:s}", member, key), *found = NULL;
    factor_status status =
        ops->answer(factor_test_instance(test), input, 1000, &found, err);

    json_decref(input);
    CU_ASSERT_EQUAL(status == FACTOR_OK, found != NULL);
    return found;
}

static int
color_is(struct factor_test *test, const char *key, const char *color)
{
    struct factor_error err = { 0 };
    json_t *found = answer(test, "key", key, &err);
    const char *value = json_string_value(
        json_object_get(json_object_get(found, "value"), "color"));
    int is = value && color && strcmp(value, color) == 0 &&
             json_is_true(json_object_get(found, "found"));

    if (!color)
        is = json_is_false(json_object_get(found, "found")) &&
             json_object_size(found) == 1;
    json_decref(found);
    return is;
}

static void
looks_up(void)
{
    struct factor_test *test = new_source(NULL);

    write_values("{\"joe\": {\"color\": \"red\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", "red"));
    CU_ASSERT_TRUE(color_is(test, "ann", NULL));
    factor_test_free(test);
}

static void
reads_again(void)
{
    struct factor_test *test = new_source(NULL);

    write_values("{\"joe\": {\"color\": \"red\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", "red"));
    /* Of the same length, within the same tick of the clock. */
    write_values("{\"joe\": {\"color\": \"tan\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", "tan"));
    write_values("{\"ann\": {\"color\": \"blue\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", NULL));
    CU_ASSERT_TRUE(color_is(test, "ann", "blue"));
    factor_test_free(test);
}

static void
other_key(void)
{
    struct factor_test *test = new_source("user");
    struct factor_error err = { 0 };
    json_t *found;

    write_values("{\"joe\": 1}");
    found = answer(test, "user", "joe", &err);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(found, "value")), 1);
    json_decref(found);
    CU_ASSERT_PTR_NULL(answer(test, "key", "joe", &err));
    CU_ASSERT_EQUAL(err.code, FACTOR_E_INPUT);
    factor_test_free(test);
}

/* A file that cannot be used is not an empty one. */
static void
bad_file(void)
{
    static const char *const bad[] = { "", "[]", "{\"joe\": 1",
                                       "{\"a\":1, \"a\":2}" };
    struct factor_test *test = new_source(NULL);
    struct factor_error err = { 0 };
    size_t i;

    write_values("{\"joe\": {\"color\": \"red\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", "red"));
    for (i = 0; i < TAP_COUNT(bad); i++) {
        write_values(bad[i]);
        CU_ASSERT_PTR_NULL(answer(test, "key", "joe", &err));
        CU_ASSERT_EQUAL(err.code, FACTOR_E_IO);
    }
    unlink(values);
    CU_ASSERT_PTR_NULL(answer(test, "key", "joe", &err));
    CU_ASSERT_EQUAL(err.code, FACTOR_E_IO);
    write_values("{\"joe\": {\"color\": \"red\"}}");
    CU_ASSERT_TRUE(color_is(test, "joe", "red"));
    factor_test_free(test);
}

static void *
ask_often(void *test)
{
    int i, wrong = 0;

    for (i = 0; i < 200; i++)
        wrong += !color_is(test, "joe", "red");
    return wrong ? test : NULL;
}

static void
threads(void)
{
    struct factor_test *test = new_source(NULL);
    pthread_t asking[4];
    void *wrong;
    size_t i;

    write_values("{\"joe\": {\"color\": \"red\"}}");
    for (i = 0; i < TAP_COUNT(asking); i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&asking[i], NULL, ask_often, test), 0);
    for (i = 0; i < 50; i++)
        write_values("{\"joe\": {\"color\": \"red\"}}");
    for (i = 0; i < TAP_COUNT(asking); i++) {
        pthread_join(asking[i], &wrong);
        CU_ASSERT_PTR_NULL(wrong);
    }
    factor_test_free(test);
}

/* --- The adapter that asks --- */

static struct factor_test *
new_asker(const char *user)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(asker, NULL, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    factor_test_begin(test, "u1", json_pack("{s:s}", "key", user));
    factor_test_enter(test);
    return test;
}

static void
asks(void)
{
    struct factor_test *test = new_asker("joe");
    const struct factor_test_reply *reply = factor_test_act(test, "ask", NULL);
    const json_t *question = json_array_get(reply->questions, 0);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ASK);
    CU_ASSERT_EQUAL(json_array_size(reply->questions), 1);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(question, "source")), "lookup");
    CU_ASSERT_EQUAL(json_array_size(reply->audits), 0);
    factor_test_free(test);
}

static void
answered(void)
{
    static const struct {
        const char *user;
        int kind;
    } cases[] = { { "joe", FACTOR_TEST_SUCCESS },
                  { "ann", FACTOR_TEST_FAILURE } };
    struct factor_test *lookup = new_source(NULL), *test;
    struct factor_error err = { 0 };
    size_t i;

    write_values("{\"joe\": true}");
    for (i = 0; i < TAP_COUNT(cases); i++) {
        test = new_asker(cases[i].user);
        factor_test_set_answer(test, "user",
                               answer(lookup, "key", cases[i].user, &err));
        CU_ASSERT_EQUAL(factor_test_act(test, "ask", NULL)->kind,
                        cases[i].kind);
        factor_test_free(test);
    }
    test = new_asker("joe");
    factor_test_set_answer(test, "user", json_pack("{s:s}", "error", "down"));
    CU_ASSERT_EQUAL(factor_test_act(test, "ask", NULL)->kind,
                    FACTOR_TEST_FAILURE);
    factor_test_free(test);
    factor_test_free(lookup);
}

static void
scenario(struct factor_test *test, void *context)
{
    (void)context;
    factor_test_begin(test, "u1", json_pack("{s:s}", "key", "joe"));
    factor_test_set_answer(test, "user", json_pack("{s:b}", "found", 1));
    factor_test_enter(test);
    CU_ASSERT_EQUAL(factor_test_act(test, "ask", NULL)->kind,
                    FACTOR_TEST_SUCCESS);
}

static void
each_failure(void)
{
    struct factor_test_result result =
        factor_test_each_failure(asker, NULL, scenario, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_EQUAL(result.tries, 3); /* two of memory, one audit event */
}

static const struct tap_test tests[] = {
    { "what is in the file is found", looks_up },
    { "a changed file is read again", reads_again },
    { "the key's name is a setting", other_key },
    { "a bad file is an error, until it is good again", bad_file },
    { "many threads may ask while the file changes", threads },
    { "the adapter asks and nothing is committed", asks },
    { "the answer decides", answered },
    { "each host call of the asker may fail", each_failure },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("source-file-lookup", &fixture, tests,
                         TAP_COUNT(tests));
}
