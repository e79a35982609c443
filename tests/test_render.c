/* SPDX-License-Identifier: MIT */
/* tests/test_render.c - texts of messages, and what callers put into them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json.h"
#include "host/outbox/render.h"
#include "tests/tap.h"

static const struct factor_text texts[] = {
    {sizeof(texts[0]), 0, "otp.email.subject", "en", "A code\nfor {name}"},
    {sizeof(texts[0]), 0, "otp.email.text", "en", "Hi {name}.\n{code}\n"},
    {sizeof(texts[0]), 0, "otp.email.text", "de", "Hallo {name}.\n{code}\n"},
    {sizeof(texts[0]), 0, "otp.sms.text", "en", "{code} for {brand}. {name}\n"},
    {sizeof(texts[0]), 0, "otp.voice.text", "en", "{brand} says {code}"},
    {sizeof(texts[0]), 0, "new.sms.text", "en", "A phone was added: {name}"},
    {sizeof(texts[0]), 0, "new.email.text", "en", "First\nFor {name}  \n\n"},
    {sizeof(texts[0]), 0, "odd.email.text", "en", "{nobody} {name\n{unknown}"},
};

static struct texts *catalogue;
static struct renderer renderer;
static struct factor_arena *arena;
static struct rendered rendered;

static int
set_up(void)
{
    const struct factor_text *list[TAP_COUNT(texts) + 1] = {NULL};
    size_t i;

    for (i = 0; i < TAP_COUNT(texts); i++)
        list[i] = &texts[i];
    catalogue = texts_new(NULL);
    texts_add(catalogue, list);
    renderer = (struct renderer){catalogue, "Acme", "login.example.org",
                                  NULL};
    arena = arena_new();
    return 0;
}

static int
tear_down(void)
{
    arena_free(arena);
    arena = NULL;
    texts_free(catalogue);
    catalogue = NULL;
    return 0;
}

/* name is stolen; code may be NULL. */
static factor_status
render_value(const char *template_id, const char *channel,
             const char *language, const char *code, json_t *name)
{
    json_t *body = json_pack(
        "{s:s, s:s, s:[s], s:{s:s*, s:{s:o}}}", "template", template_id,
        "channel", channel, "languages", language, "secret", "code", code,
        "variables", "name", name);
    factor_status st = render_message(&renderer, arena, body, &rendered);

    json_decref(body);
    return st;
}

/* Render for a user called `name`. */
static factor_status
render(const char *template_id, const char *channel, const char *language,
       const char *code, const char *name)
{
    return render_value(template_id, channel, language, code,
                        json_string(name));
}

static void
in_the_users_language(void)
{
    CU_ASSERT_EQUAL(render("otp", "email", "de-at", "123456", "Ann"),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Hallo Ann.\n123456\n");
    CU_ASSERT_STRING_EQUAL(rendered.language, "de");
    CU_ASSERT_EQUAL(render("otp", "email", "fr", "123456", "Ann"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Hi Ann.\n123456\n");
    CU_ASSERT_STRING_EQUAL(rendered.language, "en");
}

static void
subject_is_one_line(void)
{
    CU_ASSERT_EQUAL(render("otp", "email", "en", "1234", "A\r\nBcc: x"),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.subject, "A code for A  Bcc: x");
    CU_ASSERT_EQUAL(render("otp", "sms", "en", "1234", "A"), FACTOR_OK);
    CU_ASSERT_PTR_NULL(rendered.subject);
}

static void
sms_ends_with_its_origin(void)
{
    CU_ASSERT_EQUAL(render("otp", "sms", "en", "123456", "Ann"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "123456 for Acme. Ann\n\n"
                                          "@login.example.org #123456");
    CU_ASSERT_EQUAL(render("otp", "voice", "en", "123456", "Ann"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Acme says 123456");
}

static void
no_variable_on_the_last_line(void)
{
    CU_ASSERT_EQUAL(render("new", "sms", "en", NULL, "Pixel"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "A phone was added: Pixel\nAcme");
    CU_ASSERT_EQUAL(render("new", "email", "en", NULL, "Pixel"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "First\nFor Pixel\nAcme");
    CU_ASSERT_EQUAL(render("new", "email", "en", "1234", "Pixel"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "First\nFor Pixel\nAcme");
}

static void
unknown_names_stay(void)
{
    CU_ASSERT_EQUAL(render("odd", "email", "en", NULL, "Ann"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "{nobody} {name\n{unknown}");
}

static void
missing_text_is_told(void)
{
    CU_ASSERT_EQUAL(render("none", "email", "en", NULL, "Ann"),
                    FACTOR_E_NOTFOUND);
    CU_ASSERT_EQUAL(render("otp", "push", "en", NULL, "Ann"),
                    FACTOR_E_NOTFOUND);
}

static void
code_and_brand_are_ours(void)
{
    json_t *body = json_pack(
        "{s:s, s:s, s:[], s:{s:s, s:{s:s, s:s, s:i}}}", "template", "otp",
        "channel", "voice", "languages", "secret", "code", "123456",
        "variables", "code", "999999", "brand", "Evil", "number", 1);

    CU_ASSERT_EQUAL(render_message(&renderer, arena, body, &rendered),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Acme says 123456");
    CU_ASSERT_PTR_NULL(json_object_get(rendered.variables, "number"));
    renderer.brand = NULL;
    CU_ASSERT_EQUAL(render_message(&renderer, arena, body, &rendered),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Evil says 123456");
    /* Without a code of ours the caller's is not shown. */
    json_object_del(json_object_get(body, "secret"), "code");
    CU_ASSERT_EQUAL(render_message(&renderer, arena, body, &rendered),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Evil says {code}");
    renderer.brand = "Acme";
    /* The accent is the operator's alone. */
    json_object_set_new(
        json_object_get(json_object_get(body, "secret"), "variables"),
        "accent", json_string("#ffffff"));
    CU_ASSERT_EQUAL(render_message(&renderer, arena, body, &rendered),
                    FACTOR_OK);
    CU_ASSERT_PTR_NULL(json_object_get(rendered.variables, "accent"));
    renderer.accent = "#7a1fa2";
    CU_ASSERT_EQUAL(render_message(&renderer, arena, body, &rendered),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(json_text(rendered.variables, "accent"), "#7a1fa2");
    renderer.accent = NULL;
    json_decref(body);
}

static void
values_are_not_templates(void)
{
    CU_ASSERT_EQUAL(render("otp", "email", "en", "123456", "{code}"),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Hi {code}.\n123456\n");
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define UMLAUT "\xc3\xa4"
#define UMLAUTS8                                                               \
    UMLAUT UMLAUT UMLAUT UMLAUT UMLAUT UMLAUT UMLAUT UMLAUT
#define UMLAUTS64                                                              \
    UMLAUTS8 UMLAUTS8 UMLAUTS8 UMLAUTS8 UMLAUTS8 UMLAUTS8 UMLAUTS8 UMLAUTS8

static const struct {
    const char *value, *clean;
} cases[] = {
    {"", ""},
    {"Ann", "Ann"},
    {"  two  words ", "two  words"},
    {"a\nb\tc\rd", "a b c d"},
    {"a\x01\x1f\x7f"
     "b",
     "ab"},
    {"a\xc2\x80\xc2\x9f"
     "b\xc2\x85"
     "c",
     "ab c"},
    {"a\xe2\x80\xa8"
     "b\xe2\x80\xa9"
     "c",
     "a b c"},
    /* Bidirectional marks, embeddings, overrides, isolates. */
    {"a\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"
     "b",
     "ab"},
    {"a\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae"
     "b",
     "ab"},
    {"a\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9"
     "b",
     "ab"},
    {"a\xf3\xa0\x81\xa1"
     "b",
     "ab"}, /* a tag */
    {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
     "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"}, /* joined emoji */
    {SIXTY "abcd", SIXTY "abcd"},
    {SIXTY "abcdX", SIXTY "abcd"},
    {UMLAUTS64, UMLAUTS64},
    {UMLAUTS64 UMLAUT, UMLAUTS64},
    {SIXTY "abc\xf0\x9f\x92\xbb\xf0\x9f\x92\xbb",
     SIXTY "abc\xf0\x9f\x92\xbb"},
    {"https://evil.test/", "httpsevil.test/"},
    {"a:/://b", "a:/b"},
    {"a::////b", "ab"},
    {"see @evil.test #123456 now", "see 123456 now"},
    {"@evil.test   #1", "1"},
    {"@a %b #1", "1"},
    {"@a %b", "@a %b"},
    {"@a b #1", "@a b #1"},
    {"@a#1", "@a#1"},
    {"joe@example.org", "joe@example.org"},
    {"@a @b #c #1", "@a c #1"},
    {"@evil.test\n#123456", "123456"},
    {"@a\xe2\x80\xa8#1", "1"},
    {":@a #//x", "x"},
    {"a:/\x01/b", "ab"},
    {"number #1", "number #1"},
};

static void
cleans_values(void)
{
    const char *clean;
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        clean = render_clean(arena, cases[i].value);
        CU_ASSERT_STRING_EQUAL(clean, cases[i].clean);
        if (strcmp(clean, cases[i].clean) != 0)
            tap_note("%zu: \"%s\"", i, clean);
    }
}

static void
lists_are_cut_by_entry(void)
{
    char long_text[71], expected[160];

    memset(long_text, 'x', 70);
    long_text[70] = '\0';
    snprintf(expected, sizeof(expected), "Hi %.64s, bc, d.\n1\n", long_text);
    CU_ASSERT_EQUAL(render_value("otp", "email", "en", "1",
                                 json_pack("[s, s, s]", long_text, "b://c",
                                           "d")),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, expected);
    /* None of them is an origin, but all of them are. */
    CU_ASSERT_EQUAL(render_value("otp", "email", "en", "1",
                                 json_pack("[s, s]", "@evil.test", "#999999")),
                    FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(rendered.text, "Hi 999999.\n1\n");
}

/* What is no UTF-8 cannot come from jansson; still nothing is overrun. */
static void
odd_bytes_are_dropped(void)
{
    char *end = malloc(3);

    memcpy(end, "a\xf0", 3);
    CU_ASSERT_STRING_EQUAL(render_clean(arena, end), "a");
    free(end);
    CU_ASSERT_STRING_EQUAL(render_clean(arena, "\xe2\x80"), "");
}

static void
finds_the_host(void)
{
    static const struct {
        const char *url, *host;
    } urls[] = {
        {"https://login.example.org", "login.example.org"},
        {"https://login.example.org:8443/x", "login.example.org"},
        {"http://127.0.0.1:9031", "127.0.0.1"},
        {"http://[::1]:9031/", "[::1]"},
        {"http://a?b", "a"},
        {"http://", NULL},
        {"http://[::1", NULL},
        {"login.example.org", NULL},
        {NULL, NULL},
    };
    char host[RENDER_HOST_SIZE];
    bool found;
    size_t i;

    for (i = 0; i < TAP_COUNT(urls); i++) {
        found = render_host(urls[i].url, host);
        CU_ASSERT_EQUAL(found, urls[i].host != NULL);
        if (found && urls[i].host)
            CU_ASSERT_STRING_EQUAL(host, urls[i].host);
    }
}

static const struct tap_test tests[] = {
    {"D2: a text is in the user's language, else in English",
     in_the_users_language},
    {"D2: a subject is one line, whatever callers send", subject_is_one_line},
    {"D2: an SMS ends with the origin-bound line", sms_ends_with_its_origin},
    {"D2: no variable of a caller on the last line",
     no_variable_on_the_last_line},
    {"D2: a name that nobody set stays as it is", unknown_names_stay},
    {"D2: a template without a text is told", missing_text_is_told},
    {"D2: code and brand are the host's own", code_and_brand_are_ours},
    {"D2: a value is no template", values_are_not_templates},
    {"D2: variables are cleaned", cleans_values},
    {"D2: of a list each entry is cut by itself, the whole is cleaned",
     lists_are_cut_by_entry},
    {"D2: bytes that are no text overrun nothing", odd_bytes_are_dropped},
    {"D2: the origin is the host of base_url", finds_the_host},
};

int
main(void)
{
    const struct tap_fixture fixture = {set_up, tear_down};

    json_setup();
    return tap_main_with("render", &fixture, tests, TAP_COUNT(tests));
}
