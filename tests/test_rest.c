/* SPDX-License-Identifier: MIT */
/* tests/test_rest.c - what REST calls are checked by: fields, filters,
 * instants. */
#include <string.h>

#include "factor/declare.h"
#include "factor/instant.h"
#include "host/json.h"
#include "host/plugin/fields.h"
#include "host/rest/filter.h"
#include "tests/tap.h"

/* --- Fields --- */

static const struct factor_field *const fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "name", .max_len = 5,
                 .flags = FACTOR_FIELD_REQUIRED),
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "nick",
                 .flags = FACTOR_FIELD_EMPTY),
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "kind",
                 .values = FACTOR_NAMES("A", "B")),
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "ref",
                 .format = "uuid"),
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "at",
                 .format = "date-time"),
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "made",
                 .flags = FACTOR_FIELD_READ_ONLY),
    FACTOR_FIELD(.type = FACTOR_FIELD_INTEGER, .name = "count", .min = 1,
                 .max = 7),
    FACTOR_FIELD(.type = FACTOR_FIELD_BOOLEAN, .name = "on"),
    FACTOR_FIELD(
        .type = FACTOR_FIELD_OBJECT, .name = "otp",
        .fields = FACTOR_FIELDS(FACTOR_FIELD(
            .type = FACTOR_FIELD_OBJECT, .name = "life",
            .fields = FACTOR_FIELDS(FACTOR_FIELD(
                .type = FACTOR_FIELD_INTEGER, .name = "n",
                .flags = FACTOR_FIELD_REQUIRED))))),
    FACTOR_FIELD(
        .type = FACTOR_FIELD_ARRAY, .name = "apps", .max = 2,
        .fields = FACTOR_FIELDS(FACTOR_FIELD(
            .type = FACTOR_FIELD_OBJECT,
            .fields = FACTOR_FIELDS(FACTOR_FIELD(
                .type = FACTOR_FIELD_STRING, .name = "id",
                .flags = FACTOR_FIELD_REQUIRED))))),
    FACTOR_FIELD(.type = FACTOR_FIELD_MAP, .name = "free", .max_len = 12),
    FACTOR_FIELD(.type = FACTOR_FIELD_MAP, .name = "more", .max = 2,
                 .fields = FACTOR_FIELDS(FACTOR_FIELD(
                     .type = FACTOR_FIELD_STRING, .max_len = 3))),
    NULL};

static char told[512];

static void
note(void *context, const struct fields_fault *fault)
{
    static const char *const words[] = {
        [FIELDS_MISSING] = "missing", [FIELDS_EMPTY] = "empty",
        [FIELDS_TYPE] = "type",       [FIELDS_FORMAT] = "format",
        [FIELDS_VALUE] = "value",     [FIELDS_RANGE] = "range",
        [FIELDS_LENGTH] = "length"};
    size_t len = strlen(told);

    (void)context;
    snprintf(told + len, sizeof(told) - len, "%s%s:%s", len > 0 ? " " : "",
             fault->path, words[fault->what]);
}

/* Members beside the two that are required, in single quotes. */
static json_t *
check(const char *members)
{
    char text[512];
    json_t *given, *checked;
    char *at;

    snprintf(text, sizeof(text), "{'name': 'x', 'nick': ''%s%s}",
             *members ? ", " : "", members);
    for (at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    given = json_loads(text, JSON_ALLOW_NUL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(given);
    told[0] = '\0';
    checked = fields_check(fields, given, note, NULL);
    json_decref(given);
    return checked;
}

static bool
refuses(const char *members, const char *what)
{
    json_decref(check(members));
    return strcmp(told, what) == 0;
}

static void
takes_what_fits(void)
{
    json_t *checked = check(
        "'kind': 'B', 'ref': '0A1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',"
        "'at': '2026-03-04T10:15:30.123Z', 'count': '4', 'on': 'true',"
        "'otp': {'life': {'n': 1.9}, 'x': 1}, 'apps': [{'id': 'a'}],"
        "'free': {'a': [1, {}]}, 'more': {'a': 'b'}, 'made': 7, 'other': 1,"
        "'nick': null");

    CU_ASSERT_STRING_EQUAL(told, "nick:missing");
    CU_ASSERT_EQUAL(json_number(checked, "count", 0), 4);
    CU_ASSERT_TRUE(json_flag(checked, "on"));
    CU_ASSERT_EQUAL(
        json_number(json_object_get(json_object_get(checked, "otp"), "life"),
                    "n", 0),
        1);
    CU_ASSERT_EQUAL(json_object_size(json_object_get(checked, "otp")), 1);
    CU_ASSERT_PTR_NULL(json_object_get(checked, "made"));
    CU_ASSERT_PTR_NULL(json_object_get(checked, "other"));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(checked, "apps")), 1);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        json_object_get(checked, "free"), "a")),
                    2);
    json_decref(checked);
}

static void
names_what_does_not_fit(void)
{
    CU_ASSERT_TRUE(refuses("'name': ''", "name:empty"));
    CU_ASSERT_TRUE(refuses("'name': null", "name:missing"));
    CU_ASSERT_TRUE(refuses("'name': 'sixsix'", "name:length"));
    CU_ASSERT_TRUE(refuses("'name': 'a\\u0000b'", "name:format"));
    CU_ASSERT_TRUE(refuses("'name': 7", "name:type"));
    CU_ASSERT_TRUE(refuses("'kind': 'C'", "kind:value"));
    CU_ASSERT_TRUE(refuses("'ref': 'x'", "ref:format"));
    CU_ASSERT_TRUE(refuses("'ref': '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4g'",
                           "ref:format"));
    CU_ASSERT_TRUE(refuses("'at': '2026-03-04T10:15:30Z'", "at:format"));
    CU_ASSERT_TRUE(refuses("'count': 0", "count:range"));
    CU_ASSERT_TRUE(refuses("'count': '8'", "count:range"));
    CU_ASSERT_TRUE(refuses("'count': ''", "count:type"));
    CU_ASSERT_TRUE(refuses("'count': '4x'", "count:type"));
    CU_ASSERT_TRUE(refuses("'count': 99999999999999999999.0", "count:type"));
    CU_ASSERT_TRUE(refuses("'count': '99999999999999999999'", "count:type"));
    CU_ASSERT_TRUE(refuses("'on': 1", "on:type"));
    CU_ASSERT_TRUE(refuses("'otp': {'life': {}}", "otp.life.n:missing"));
    CU_ASSERT_TRUE(refuses("'otp': {'life': 3}", "otp.life:type"));
    CU_ASSERT_TRUE(refuses("'apps': [{'id': 'a'}, {}]",
                           "apps[1].id:missing"));
    CU_ASSERT_TRUE(refuses("'apps': [7]", "apps[0]:type"));
    CU_ASSERT_TRUE(refuses("'apps': [{}, {}, {}]", "apps:length"));
    CU_ASSERT_TRUE(refuses("'more': {'a': 'long'}", "more.a:length"));
    CU_ASSERT_TRUE(refuses("'more': {'a': '', 'b': '', 'c': ''}",
                           "more:length"));
    CU_ASSERT_TRUE(refuses("'more': []", "more:type"));
    CU_ASSERT_TRUE(refuses("'free': []", "free:type"));
    CU_ASSERT_TRUE(refuses("'free': {'a': [1, {} ]}", ""));
    CU_ASSERT_TRUE(refuses("'free': {'a': [1, [2]]}", "free:length"));
    CU_ASSERT_TRUE(refuses("'on': 1, 'count': 9", "count:range on:type"));
}

/* --- Filters --- */

static bool
reads(const char *filter, const char *wanted)
{
    static const char *const names[] = {"status", "type", NULL};
    json_t *read = filter_read(filter, names);
    json_t *want = wanted ? json_loads(wanted, 0, NULL) : NULL;
    bool same = wanted ? json_equal(read, want) : !read;

    json_decref(read);
    json_decref(want);
    return same;
}

static void
reads_filters(void)
{
    CU_ASSERT_TRUE(reads("status eq \"A\"", "{\"status\": \"A\"}"));
    CU_ASSERT_TRUE(reads("(status EQ \"A\")", "{\"status\": \"A\"}"));
    CU_ASSERT_TRUE(reads(" ( status eq \"A\" )  and ( type eq\"B\")", NULL));
    CU_ASSERT_TRUE(reads(" ( status eq \"A\" )  And (Type eq \"B\\\"\")",
                         "{\"status\": \"A\", \"type\": \"B\\\"\"}"));
    CU_ASSERT_TRUE(reads("((status eq \"A\") and type eq \"B\") ",
                         "{\"status\": \"A\", \"type\": \"B\"}"));
    CU_ASSERT_TRUE(reads("status eq \"A\" and status eq \"B\"", NULL));
    CU_ASSERT_TRUE(reads("status eq \"A\" or type eq \"B\"", NULL));
    CU_ASSERT_TRUE(reads("status co \"A\"", NULL));
    CU_ASSERT_TRUE(reads("status eq A", NULL));
    CU_ASSERT_TRUE(reads("status eq 7", NULL));
    CU_ASSERT_TRUE(reads("name eq \"A\"", NULL));
    CU_ASSERT_TRUE(reads("(status eq \"A\"", NULL));
    CU_ASSERT_TRUE(reads("status eq \"A\")", NULL));
    CU_ASSERT_TRUE(reads("((((((((((status eq \"A\"))))))))))", NULL));
    CU_ASSERT_TRUE(reads("", NULL));
}

/* --- Instants --- */

static void
writes_and_reads_instants(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1772619330123), "2026-03-04T10:15:30.123Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(-1), "1969-12-31T23:59:59.999Z"},
        {INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
    };
    char text[FACTOR_INSTANT_SIZE];
    int64_t ms;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        factor_instant_text(rows[i].ms, text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
        CU_ASSERT_TRUE(factor_instant_read(rows[i].text, &ms));
        CU_ASSERT_EQUAL(ms, rows[i].ms);
    }
    factor_instant_text(INT64_MAX, text);
    CU_ASSERT_STRING_EQUAL(text, "");
    factor_instant_text(INT64_MIN, text);
    CU_ASSERT_STRING_EQUAL(text, "");
}

static void
refuses_other_instants(void)
{
    static const char *const wrong[] = {
        "2026-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
        "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z",
        "2026-01-01T00:00:60.000Z", "2026-01-01 00:00:00.000Z",
        "2026-01-01T00:00:00.000z", "2026-01-01T00:00:00Z",
        "+026-01-01T00:00:00.000Z", "2026-01-00T00:00:00.000Z",
        "2026-01-01T00:00:00.0000", ""};
    int64_t ms;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_FALSE(factor_instant_read(wrong[i], &ms));
}

int
main(void)
{
    static const struct tap_test tests[] = {
        {"mfa A.4-9: numbers as texts, fractions, unknown members",
         takes_what_fits},
        {"mfa A.8: what does not fit is named by its path",
         names_what_does_not_fit},
        {"mfa A.10-3: filters", reads_filters},
        {"mfa A.4-9: instants", writes_and_reads_instants},
        {"other instants are refused", refuses_other_instants},
    };

    return tap_main("rest", tests, TAP_COUNT(tests));
}
