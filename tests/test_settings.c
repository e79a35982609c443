/* SPDX-License-Identifier: MIT */
/* tests/test_settings.c - units, positions, names and tables of settings. */
#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/address.h"
#include "host/config/position.h"
#include "host/config/settings.h"
#include "host/config/units.h"
#include "tests/folder.h"
#include "tests/tap.h"

/* --- units --- */

static const struct {
    const char *text;
    int64_t ms; /* -1: none */
} durations[] = {
    {"200ms", 200},
    {"90s", 90000},
    {"5min", 300000},
    {"24h", 86400000},
    {"7d", 604800000},
    {"0s", 0},
    {"", -1},
    {"90", -1},
    {"s", -1},
    {"-1s", -1},
    {"+1s", -1},
    {" 1s", -1},
    {"1 s", -1},
    {"1s ", -1},
    {"1.5h", -1},
    {"1h30min", -1},
    {"5m", -1},
    {"5S", -1},
    {"9223372036854775807ms", INT64_MAX},
    {"9223372036854775808ms", -1},
    {"9223372036854775807s", -1},
    {"99999999999999999999999999d", -1},
};

static void
reads_durations(void)
{
    char text[UNITS_TEXT];
    int64_t ms, again;
    size_t i;

    for (i = 0; i < TAP_COUNT(durations); i++) {
        ms = -1;
        CU_ASSERT_EQUAL(durations[i].ms >= 0,
                        units_duration(durations[i].text, &ms));
        CU_ASSERT_EQUAL(durations[i].ms, ms);
        if (ms < 0)
            continue;
        units_duration_text(ms, text);
        CU_ASSERT(units_duration(text, &again));
        CU_ASSERT_EQUAL(ms, again);
    }
    units_duration_text(86400000, text);
    CU_ASSERT_STRING_EQUAL("1d", text);
    units_duration_text(0, text);
    CU_ASSERT_STRING_EQUAL("0ms", text);
    units_duration_text(90000, text);
    CU_ASSERT_STRING_EQUAL("90s", text);
}

static void
reads_sizes(void)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {
        {"512B", 512},      {"64KiB", 65536}, {"4MiB", 4194304},
        {"1GiB", 1 << 30},  {"64KB", -1},     {"64", -1},
        {"64kib", -1},      {"KiB", -1},      {"8589934592GiB", -1},
    };
    char text[UNITS_TEXT];
    int64_t bytes;
    size_t i;

    for (i = 0; i < TAP_COUNT(sizes); i++) {
        bytes = -1;
        CU_ASSERT_EQUAL(sizes[i].bytes >= 0,
                        units_size(sizes[i].text, &bytes));
        CU_ASSERT_EQUAL(sizes[i].bytes, bytes);
    }
    units_size_text(1 << 20, text);
    CU_ASSERT_STRING_EQUAL("1MiB", text);
    units_size_text(1025, text);
    CU_ASSERT_STRING_EQUAL("1025B", text);
}

/* --- positions --- */

static void
note(void *context, const char *pointer, size_t line)
{
    FILE *out = context;

    fprintf(out, "%zu %s\n", line, pointer);
}

static bool
scan(const char *text, size_t len, char **ret_found)
{
    size_t size;
    FILE *out = open_memstream(ret_found, &size);
    bool whole = position_scan(text, len, note, out);

    fclose(out);
    return whole;
}

static const char document[] = "\n{ \"a\" : 1,\n"
                               "  \"b/~\": [ true,\n"
                               "    {\"c\":\n"
                               "     \"x\\\"}\\n]\"}, [] ],\n"
                               "  \"\\u00e9\": {}, \"\": null\n"
                               "}\n";

static void
knows_where_values_stand(void)
{
    char *found;

    CU_ASSERT(scan(document, strlen(document), &found));
    folder_expect_text("2 \n"
                       "2 /a\n"
                       "3 /b~1~0\n"
                       "3 /b~1~0/0\n"
                       "4 /b~1~0/1\n"
                       "4 /b~1~0/1/c\n"
                       "5 /b~1~0/2\n"
                       "6 /\xc3\xa9\n"
                       "6 /\n", found);
    free(found);
}

/* A parser has seen the text before; all the same it is never trusted. */
static void
never_reads_past_the_end(void)
{
    size_t len = strlen(document), cut, at;
    char *copy, *found;

    for (cut = 0; cut < len - 2; cut++) {
        copy = malloc(cut ? cut : 1);
        memcpy(copy, document, cut);
        CU_ASSERT_FALSE(scan(copy, cut, &found));
        free(found);
        free(copy);
    }
    for (at = 0; at < len; at++) {
        copy = malloc(len);
        memcpy(copy, document, len);
        copy[at] = '\0';
        scan(copy, len, &found);
        free(found);
        free(copy);
    }
}

static void
gives_up_in_the_deep(void)
{
    enum { DEEP = 100000 };
    char *text = malloc(DEEP), *found;

    memset(text, '[', DEEP);
    CU_ASSERT_FALSE(scan(text, DEEP, &found));
    free(found);
    free(text);
}

/* --- names --- */

static void
finds_what_was_meant(void)
{
    static const char *const names[] = {"listen", "base_url", "admin_listen",
                                        "loops", "acr", NULL};
    static const struct {
        const char *name, *meant;
    } tries[] = {
        {"lissten", "listen"},
        {"listne", "listen"}, /* two swapped count as one */
        {"LISTEN", "listen"},
        {"baseurl", "base_url"},
        {"adminlisten", "admin_listen"},
        {"lops", "loops"},
        {"arc", "acr"},
        {"xyz", NULL},
        {"", NULL},
        {"something_else", NULL},
        {"a_name_that_is_much_longer_than_any_name_of_a_setting_ought_to_be",
         NULL},
    };
    const char *found;
    size_t i;

    for (i = 0; i < TAP_COUNT(tries); i++) {
        found = settings_nearest(names, tries[i].name);
        folder_expect_text(tries[i].meant ? tries[i].meant : "(null)", found);
    }
}

/* --- tables --- */

#define SETTING(setting_type, setting_name, ...)                               \
    {                                                                          \
        .struct_size = sizeof(struct factor_setting),                          \
        .type = FACTOR_SETTING_##setting_type, .name = (setting_name),         \
        .text = "For tests.", __VA_ARGS__                                      \
    }

static const char *const colours[] = {"red", "green", NULL};
static const char *const nothing[] = {NULL};
static const struct factor_setting inner = SETTING(STRING, "inner", );
static const struct factor_setting *const members[] = {&inner, NULL};
static const struct factor_setting needed =
    SETTING(STRING, "needed", .flags = FACTOR_SETTING_REQUIRED);
static const struct factor_setting *const needy[] = {&needed, NULL};

extern const struct factor_setting *const endless[];
static const struct factor_setting round_and_round =
    SETTING(OBJECT, "round", .members = endless);
const struct factor_setting *const endless[] = {&round_and_round, NULL};

static const struct factor_demand good_demand = {
    .struct_size = sizeof(good_demand),
    .profile = "nist-aal2",
    .value = "6",
};
static const struct factor_demand bad_demand = {
    .struct_size = sizeof(bad_demand),
    .profile = "nist-aal2",
    .value = "six",
};
static const struct factor_demand *const good_demands[] = {&good_demand, NULL};
static const struct factor_demand *const bad_demands[] = {&bad_demand, NULL};

/* Settings, and why each is refused; NULL: it is not. */
static const struct {
    struct factor_setting setting;
    const char *fault;
} settings[] = {
    {SETTING(STRING, "a", .value = "\"red\"", .choices = colours), NULL},
    {SETTING(INTEGER, "a-b_9", .value = "3", .min = 1, .max = 3), NULL},
    {SETTING(OBJECT, "a", .value = "{}", .members = members), NULL},
    {SETTING(INTEGER, "a", .demands = good_demands), NULL},
    {SETTING(MAP, "a", .flags = FACTOR_SETTING_SECRET), NULL},
    {SETTING(ANY, "a", .value = "[1]"), NULL},
    {SETTING(STRING, NULL, ),
     "a setting's name is not of letters, digits, _ and -: \"\""},
    {SETTING(STRING, "a.b", ),
     "a setting's name is not of letters, digits, _ and -: \"a.b\""},
    {SETTING(STRING, "$file", ),
     "a setting's name is not of letters, digits, _ and -: \"$file\""},
    {SETTING(STRING, "plugin", ),
     "setting \"plugin\": the name is the host's"},
    {{.struct_size = sizeof(struct factor_setting),
      .type = 14,
      .name = "a",
      .text = "x"},
     "setting \"a\": its type is unknown"},
    {{.struct_size = sizeof(struct factor_setting), .name = "a", .text = "x"},
     "setting \"a\": its type is unknown"},
    {{.struct_size = 8}, "a setting's struct_size is 8, not 80"},
    {SETTING(STRING, "a", .flags = 4), "setting \"a\": it has unknown flags"},
    {SETTING(STRING, "a", .reserved = 1),
     "setting \"a\": reserved is not 0"},
    {{.struct_size = sizeof(struct factor_setting),
      .type = FACTOR_SETTING_STRING,
      .name = "a"},
     "setting \"a\": it has no text"},
    {SETTING(INTEGER, "a", .min = 2, .max = 1),
     "setting \"a\": its min is above its max"},
    {SETTING(STRING, "a", .max = 1),
     "setting \"a\": its type has no range"},
    {SETTING(INTEGER, "a", .choices = colours),
     "setting \"a\": its type has no choices"},
    {SETTING(STRING, "a", .choices = nothing),
     "setting \"a\": its choices are none"},
    {SETTING(INTEGER, "a", .flags = FACTOR_SETTING_SECRET),
     "setting \"a\": its type cannot be secret"},
    {SETTING(OBJECT, "a", ), "setting \"a\": it has no members"},
    {SETTING(MAP, "a", .members = members),
     "setting \"a\": its type has no members"},
    {SETTING(STRING, "a", .flags = FACTOR_SETTING_REQUIRED,
             .value = "\"x\""),
     "setting \"a\": it is required and has a default"},
    {SETTING(STRING, "a", .flags = FACTOR_SETTING_SECRET, .value = "\"x\""),
     "setting \"a\": it is secret and has a default"},
    {SETTING(STRING, "a", .value = "x"),
     "setting \"a\": its default is no JSON"},
    {SETTING(STRING, "a", .value = "null"),
     "setting \"a\": its default is null (say NULL)"},
    {SETTING(STRING, "a", .value = "1"),
     "setting \"a\": its default does not fit: not a string; write it in "
     "double quotes"},
    {SETTING(STRING, "a", .value = "\"blue\"", .choices = colours),
     "setting \"a\": its default does not fit: \"blue\" is not a choice; "
     "choose one of \"red\", \"green\""},
    {SETTING(DURATION, "a", .value = "\"2s\"", .max = 1000),
     "setting \"a\": its default does not fit: 2s is out of range; from 0ms "
     "to 1s are allowed"},
    {SETTING(OBJECT, "a", .value = "{}", .members = needy),
     "setting \"a\": its default does not fit: \"needed\" is missing; add it "
     "(For tests.)"},
    {SETTING(INTEGER, "a", .demands = bad_demands),
     "setting \"a\": a demand's value is no JSON"},
    {SETTING(OBJECT, "a", .members = endless),
     "its settings are too many or too deep"},
};

static void
refuses_tables_that_do_not_fit(void)
{
    const struct factor_setting *table[2] = {NULL, NULL};
    const struct factor_setting *const *copy;
    struct factor_arena *arena = arena_new();
    struct factor_error err;
    factor_status expected;
    size_t i;

    for (i = 0; i < TAP_COUNT(settings); i++) {
        err = (struct factor_error){0};
        table[0] = &settings[i].setting;
        expected = settings[i].fault ? FACTOR_E_CONFIG : FACTOR_OK;
        CU_ASSERT_EQUAL(expected, settings_copy(arena, table, &copy, &err));
        folder_expect_text(settings[i].fault ? settings[i].fault : "",
                           err.text);
        CU_ASSERT_EQUAL(expected == FACTOR_OK, copy != NULL);
    }
    arena_free(arena);
}

static void
refuses_a_name_given_twice(void)
{
    static const struct factor_setting *const twice[] = {&inner, &needed,
                                                         &inner, NULL};
    const struct factor_setting *const *copy;
    struct factor_arena *arena = arena_new();
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(FACTOR_E_CONFIG, settings_copy(arena, twice, &copy, &err));
    folder_expect_text("setting \"inner\" is there twice", err.text);
    CU_ASSERT_EQUAL(FACTOR_OK, settings_copy(arena, NULL, &copy, &err));
    CU_ASSERT_PTR_NULL(copy);
    arena_free(arena);
}

/* --- values --- */

static const struct factor_setting all[] = {
    SETTING(STRING, "string", .choices = colours),
    SETTING(INTEGER, "integer", .min = -1, .max = 3),
    SETTING(BOOLEAN, "boolean", ),
    SETTING(DURATION, "duration", ),
    SETTING(SIZE, "size", ),
    SETTING(PATH, "path", ),
    SETTING(STATE_PATH, "state_path", ),
    SETTING(STRINGS, "strings", .choices = colours),
    SETTING(MAP, "map", ),
    SETTING(OBJECT, "object", .members = members),
    SETTING(OBJECTS, "objects", .members = members),
    SETTING(BY_NAME, "by_name", .members = members),
    SETTING(ANY, "any", ),
    SETTING(MAP, "secrets", .flags = FACTOR_SETTING_SECRET),
};

/* What is written, and what init() gets or the problem is. */
static const struct {
    const char *written, *result;
} values[] = {
    {"{\"string\": \"red\"}", "\"red\""},
    {"{\"string\": \"gren\"}",
     "/string: \"gren\" is not a choice; did you mean \"green\"?"},
    {"{\"string\": 1}", "/string: not a string; write it in double quotes"},
    {"{\"string\": null}", "null"},
    {"{\"string\": {\"$env\": \"FACTOR_TEST_RED\"}}", "\"red\""},
    {"{\"integer\": -1}", "-1"},
    {"{\"integer\": 4}",
     "/integer: 4 is out of range; from -1 to 3 are allowed"},
    {"{\"integer\": 1.0}",
     "/integer: not a whole number; write one without quotes"},
    {"{\"integer\": \"1\"}",
     "/integer: not a whole number; write one without quotes"},
    {"{\"boolean\": false}", "false"},
    {"{\"boolean\": 0}",
     "/boolean: neither true nor false; write one of them without quotes"},
    {"{\"duration\": \"2min\"}", "120000"},
    {"{\"duration\": 2}",
     "/duration: not a duration; write a whole number and a unit (ms, s, "
     "min, h, d), such as \"90s\""},
    {"{\"size\": \"2KiB\"}", "2048"},
    {"{\"size\": \"2\"}",
     "/size: not a size; write a whole number and a unit (B, KiB, MiB, GiB), "
     "such as \"64KiB\""},
    {"{\"path\": \"a/b\"}", "\"a/b\""},
    {"{\"path\": \"\"}", "/path: not a path; write it in double quotes"},
    {"{\"state_path\": \"./a\"}", "\"/state/a\""},
    {"{\"state_path\": \"/a\"}", "\"/a\""},
    {"{\"strings\": [\"red\", \"green\"]}", "[\"red\", \"green\"]"},
    {"{\"strings\": [\"red\", \"blue\"]}",
     "/strings/1: \"blue\" is not a choice; choose one of \"red\", "
     "\"green\""},
    {"{\"strings\": \"red\"}",
     "/strings: not a list of strings; write [\"...\"]"},
    {"{\"map\": {\"a\": \"b\"}}", "{\"a\": \"b\"}"},
    {"{\"map\": {\"a\": 1}}",
     "/map/a: not a string; write it in double quotes"},
    {"{\"map\": []}", "/map: not an object; write {\"name\": \"value\"}"},
    {"{\"map\": {\"\": \"b\"}}", "/map: a name is empty; write one"},
    {"{\"object\": {}}", "{\"inner\": null}"},
    {"{\"object\": {\"iner\": 1}}",
     "/object/iner: unknown setting \"iner\"; did you mean \"inner\"?"},
    {"{\"object\": 1}", "/object: not an object; write {...}"},
    {"{\"objects\": [{\"inner\": \"x\"}]}", "[{\"inner\": \"x\"}]"},
    {"{\"objects\": {}}",
     "/objects: not a list of objects; write [{...}]"},
    {"{\"objects\": [1]}", "/objects/0: not an object; write {...}"},
    {"{\"by_name\": {\"x\": {\"inner\": \"y\"}}}",
     "{\"x\": {\"inner\": \"y\"}}"},
    {"{\"by_name\": {\"x\": 1}}",
     "/by_name/x: not an object; write {...}"},
    {"{\"by_name\": []}",
     "/by_name: not an object; write {\"name\": {...}}"},
    {"{\"any\": [1, {\"a\": null}]}", "[1, {\"a\": null}]"},
    {"{\"any\": {\"$env\": \"FACTOR_TEST_JSON\"}}", "{\"a\": [1]}"},
    {"{\"any\": {\"$env\": \"FACTOR_TEST_RED\"}}", "\"red\""},
    {"{\"secrets\": {\"a\": {\"$env\": \"FACTOR_TEST_RED\"}}}",
     "{\"a\": \"red\"}"},
    {"{\"secrets\": {\"a\": \"red\"}}",
     "/secrets/a: a secret does not stand in a configuration; write "
     "{\"$file\": PATH}, {\"$env\": NAME} or {\"$credential\": NAME}"},
};

static void
try_value(const struct settings_context *context,
          const struct factor_setting *const *table, const char *written,
          const char *result)
{
    json_t *object = json_loads(written, 0, NULL);
    json_t *completed = settings_complete(context, table, object, "");
    const char *name = json_object_iter_key(json_object_iter(object));
    char *text = json_dumps(json_object_get(completed, name),
                            JSON_ENCODE_ANY);

    CU_ASSERT_EQUAL(TAP_COUNT(all), json_object_size(completed));
    folder_expect_text(result, context->problems->count
                                   ? context->problems->lines[0].text
                                   : text);
    free(text);
    json_decref(completed);
    json_decref(object);
    problems_clear(context->problems);
}

static void
checks_values_of_every_type(void)
{
    const struct factor_setting *table[TAP_COUNT(all) + 1] = {NULL};
    struct factor_arena *arena = arena_new();
    struct origins *origins = origins_new(arena);
    struct problems problems = {0};
    struct settings_context context = {origins, "/state", arena, &problems};
    size_t i;

    setenv("FACTOR_TEST_RED", "red", 1);
    setenv("FACTOR_TEST_JSON", "{\"a\": [1]}\n", 1);
    for (i = 0; i < TAP_COUNT(all); i++)
        table[i] = &all[i];
    for (i = 0; i < TAP_COUNT(values); i++)
        try_value(&context, table, values[i].written, values[i].result);
    origins_free(origins);
    arena_free(arena);
}

/* --- addresses --- */

static void
expect_all(bool (*ok)(const char *text), const char *const *texts, bool right)
{
    for (; *texts; texts++) {
        CU_ASSERT_EQUAL(right, ok(*texts));
        if (ok(*texts) != right)
            tap_note("%s", *texts);
    }
}

static void
tells_addresses_apart(void)
{
    static const char *const listens[] = {"127.0.0.1:9031", "[::1]:80",
                                          "localhost:0", "unix:x", NULL};
    static const char *const no_listens[] = {
        "", "9031", ":80", "a:b", "a:65536", "a:-1", "unix:", "[::1]",
        "[x]:1", "a b:1", "::1:80", NULL};
    static const char *const locals[] = {"127.1.2.3:1", "[::1]:1",
                                         "LocalHost:1", "unix:x", NULL};
    static const char *const no_locals[] = {"0.0.0.0:1", "[::]:1",
                                            "localhost.evil:1", NULL};
    static const char *const origins[] = {"https://a", "http://a:1",
                                          "http://[::1]:80", NULL};
    static const char *const wild_origins[] = {"https://a", "https://a:*",
                                               NULL};
    static const char *const no_wild_origins[] = {"https://*", "https://a:1:*",
                                                  "*", ":*", NULL};
    static const char *const no_origins[] = {
        "https://a/", "https://", "a", "https://a:", "https://a:99999",
        "https://u@a", "ftp://a", "https://a?x", "null", NULL};

    expect_all(address_listen_ok, listens, true);
    expect_all(address_listen_ok, no_listens, false);
    expect_all(address_listen_is_local, locals, true);
    expect_all(address_listen_is_local, no_locals, false);
    expect_all(address_client_origin_ok, wild_origins, true);
    expect_all(address_client_origin_ok, no_wild_origins, false);
    expect_all(address_origin_ok, origins, true);
    expect_all(address_origin_ok, no_origins, false);
}

static const struct tap_test tests[] = {
    {"durations are read and written", reads_durations},
    {"sizes are read and written", reads_sizes},
    {"each value's line is known", knows_where_values_stand},
    {"a text cut or damaged anywhere is never read past its end",
     never_reads_past_the_end},
    {"too deep a text is given up", gives_up_in_the_deep},
    {"the name that was meant is found", finds_what_was_meant},
    {"a table that does not fit is refused", refuses_tables_that_do_not_fit},
    {"a table with a name given twice is refused", refuses_a_name_given_twice},
    {"values of every type are checked", checks_values_of_every_type},
    {"addresses and origins are told from what looks like them",
     tells_addresses_apart},
};

int
main(void)
{
    return tap_main("settings", tests, TAP_COUNT(tests));
}
