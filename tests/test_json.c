/* SPDX-License-Identifier: MIT */
/* tests/test_json.c - compact text is what the library's own is. */
#include "host/json.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

/* Both texts of a value, which is taken over. */
static void
compare(json_t *json)
{
    char *wanted = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY), *seen;
    size_t len = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
    seen = json_compact(json, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT_STRING_EQUAL(seen, wanted);
    CU_ASSERT_EQUAL(len, strlen(wanted));
    free(seen);
    free(wanted);
    json_decref(json);
}

static void
every_character(void)
{
    char text[2] = "";
    int byte;

    for (byte = 0; byte < 128; byte++) {
        text[0] = (char)byte;
        compare(json_stringn(text, 1));
        compare(json_pack("{s%:s}", text, 1, "x"));
    }
    compare(json_string("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f"));
    compare(json_string("a\"b\\c/d\ne\tf\x1f"));
    compare(json_string(""));
    compare(json_stringn("a\0b", 3));
}

static void
every_type(void)
{
    static const json_int_t numbers[] = {
        0, 1, -1, 9, 10, 1795338720000, INT64_MAX, INT64_MIN,
    };
    static const double reals[] = {0.0, -0.5, 1e300, 3.141592653589793, 5.0};
    size_t i;

    for (i = 0; i < TAP_COUNT(numbers); i++)
        compare(json_integer(numbers[i]));
    for (i = 0; i < TAP_COUNT(reals); i++)
        compare(json_real(reals[i]));
    compare(json_pack("[b, b, n, [], {}, [[]], {s:{}}]", 1, 0, "a"));
    compare(json_pack("{s:i, s:[i, s, {s:n}], s:s, s:b}", "z", 1, "a", 2, "b",
                      "c", "m", "text", "f", 1));
}

static void
large_ones(void)
{
    json_t *list = json_array();
    char *text = malloc(100000);
    int i;

    memset(text, 'x', 100000);
    text[5000] = '\n';
    json_array_append_new(list, json_stringn(text, 100000));
    for (i = 0; i < 3000; i++)
        json_array_append_new(list, json_pack("{s:i}", "n", i));
    compare(list);
    free(text);
}

static void
nothing(void)
{
    CU_ASSERT_PTR_NULL(json_compact(NULL, NULL));
}

int
main(void)
{
    static const struct tap_test tests[] = {
        {"every character is escaped as the library does", every_character},
        {"every type is written as the library does", every_type},
        {"texts that have to grow", large_ones},
        {"no value, no text", nothing},
    };

    return tap_main("json", tests, TAP_COUNT(tests));
}
