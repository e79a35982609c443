/* SPDX-License-Identifier: MIT */
/* tests/test_phone.c - the phone: links, discovery, pairing, what is stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phone/internal.h"
#include "tests/tap.h"
#include "tests/test_phone_rig.h"

#define FP "mr5uyVxpyJavo1-AxMBFSYy9EWgRnAsu37U-QEHAliU"
#define ISS "iss=https%3A%2F%2Fsso.example.org"
#define LINK RIG_ISSUER "/authenticator/#v=1&" ISS "&key=" RIG_KEY "&fp=" FP

/* --- links --- */

static void
reads_a_link(void)
{
    struct factor_phone_link link;

    CU_ASSERT_EQUAL(factor_phone_link_parse(LINK, &link), FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(link.issuer, RIG_ISSUER);
    CU_ASSERT_STRING_EQUAL(link.key, RIG_KEY);
    CU_ASSERT_STRING_EQUAL(link.fingerprint, FP);
    CU_ASSERT_STRING_EQUAL(link.application, "");
    CU_ASSERT_EQUAL(factor_phone_link_parse(LINK "&app=Our%20app", &link),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(link.application, "Our app");
    /* As it is pasted; in another order; with something of a later version;
     * with a key of digits. */
    CU_ASSERT_EQUAL(factor_phone_link_parse(
        "#fp=" FP "&new=%zz&key=123456789012&iss=http%3a%2F%2flocalhost%3A"
        "9031&v=1 \r\n", &link), FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(link.issuer, "http://localhost:9031");
    CU_ASSERT_STRING_EQUAL(link.key, "123456789012");
}

static const char *const bad_links[] = {
    "",
    "#",
    RIG_ISSUER,
    RIG_KEY,
    "#v=2&" ISS "&key=" RIG_KEY "&fp=" FP,
    "#v=1&v=1&" ISS "&key=" RIG_KEY "&fp=" FP,
    "#" ISS "&key=" RIG_KEY "&fp=" FP,
    "#v=1&key=" RIG_KEY "&fp=" FP "&fp=" FP "&" ISS,
    "#v=1&" ISS "&fp=" FP,
    "#v=1&" ISS "&key=" RIG_KEY,
    "#v=1&" ISS "&key=" RIG_KEY "&fp=",
    "#v=1&" ISS "&key=" RIG_KEY "&fp=" FP "A",
    "#v=1&" ISS "&key=" RIG_KEY "&fp=" "mr5uyVxpyJavo1-AxMBFSYy9EWgRnAsu37U-Q"
    "EHAli=",
    "#v=1&" ISS "&key=" RIG_KEY "&fp=" "mr5uyVxpyJavo1-AxMBFSYy9EWgRnAsu37U-Q"
    "EHAliV",
    "#v=1&" ISS "&key=" RIG_KEY "&fp=" FP " more",
    "#v=1&" ISS "&key=7KQ2MX9ATB4DJW3&fp=" FP,
    "#v=1&" ISS "&key=7KQ2MX9ATB4DJW3RR&fp=" FP,
    "#v=1&" ISS "&key=7KQ2MX9ATB4DJW3O&fp=" FP,
    "#v=1&" ISS "&key=1234567890123&fp=" FP,
    "#v=1&" ISS "%&key=" RIG_KEY "&fp=" FP,
    "#v=1&" ISS "%2&key=" RIG_KEY "&fp=" FP,
    "#v=1&" ISS "%00&key=" RIG_KEY "&fp=" FP,
    "#v=1&" ISS "%g0&key=" RIG_KEY "&fp=" FP,
};

static void
refuses_other_links(void)
{
    struct factor_phone_link link = { .key = "untouched" };
    size_t i;

    for (i = 0; i < COUNT(bad_links); i++) {
        if (factor_phone_link_parse(bad_links[i], &link) !=
            FACTOR_PHONE_USAGE) {
            tap_note("%s", bad_links[i]);
            CU_FAIL("taken");
        }
    }
    CU_ASSERT_EQUAL(factor_phone_link_parse(
        "#v=1&iss=http%3A%2F%2Fsso.example.org&key=" RIG_KEY "&fp=" FP,
        &link), FACTOR_PHONE_UNTRUSTED);
    CU_ASSERT_STRING_EQUAL(link.key, "untouched");
}

static const struct {
    const char *url;
    bool ok;
} urls[] = {
    { "https://sso.example.org", true },
    { "https://sso.example.org:8443/pf/tenant-1", true },
    { "https://[2001:db8::1]:443", true },
    { "http://127.0.0.1:9031", true },
    { "http://localhost", true },
    { "http://[::1]:9031/x", true },
    { "http://sso.example.org", false },
    { "http://127.0.0.1.example.org", false },
    { "http://localhost.example.org", false },
    { "http://127.0.0.1@sso.example.org", false },
    { "http://localhost:1@sso.example.org", false },
    { "http://127.0.0.2", false },
    { "http://127", false },
    { "http://l", false },
    { "HTTPS://sso.example.org", false },
    { "ftp://sso.example.org", false },
    { "file:///etc/passwd", false },
    { "https://", false },
    { "https:///x", false },
    { "https://:443", false },
    { "https://sso.example.org/", false },
    { "https://sso.example.org:", false },
    { "https://sso.example.org:443x", false },
    { "https://sso.example.org:123456", false },
    { "https://ann@sso.example.org", false },
    { "https://sso.example.org/a?b", false },
    { "https://sso.example.org/a#b", false },
    { "https://sso.example.org\\@x", false },
    { "https://sso.example.org/a\\b", false },
    { "https://sso.example.org/a b", false },
    { "https://sso.example.org\r\nHost: x", false },
    { "https://s\xc3\xbc" "d.example.org", false },
    { "https://[::1", false },
    { "javascript:alert(1)", false },
    { "", false },
};

static void
goes_to_https_or_loopback_only(void)
{
    struct factor_phone_discovery *discovery = NULL;
    size_t i;

    rig_open();
    for (i = 0; i < COUNT(urls); i++) {
        if (phone_issuer_ok(urls[i].url) != urls[i].ok) {
            tap_note("%s", urls[i].url);
            CU_FAIL("misjudged");
        }
        if (!urls[i].ok)
            CU_ASSERT_EQUAL(factor_phone_discover(rig.phone, urls[i].url,
                                                  &discovery),
                            FACTOR_PHONE_UNTRUSTED);
    }
    CU_ASSERT_EQUAL(rig.call_count, 0);
    rig_close();
}

static void
reads_what_is_typed(void)
{
    struct factor_phone_link link;

    CU_ASSERT_EQUAL(factor_phone_link_typed("sso.example.org/",
                                            "7kq2 mx9a-tb4d jw3r", &link),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(link.issuer, RIG_ISSUER);
    CU_ASSERT_STRING_EQUAL(link.key, RIG_KEY);
    CU_ASSERT_STRING_EQUAL(link.fingerprint, "");
    CU_ASSERT_EQUAL(factor_phone_link_typed("http://localhost:9031",
                                            "1234-5678-9012", &link),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(link.issuer, "http://localhost:9031");
    CU_ASSERT_STRING_EQUAL(link.key, "123456789012");
    CU_ASSERT_EQUAL(factor_phone_link_typed("http://sso.example.org", RIG_KEY,
                                            &link),
                    FACTOR_PHONE_UNTRUSTED);
    CU_ASSERT_EQUAL(factor_phone_link_typed("", RIG_KEY, &link),
                    FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(factor_phone_link_typed("sso.example.org", "12345",
                                            &link),
                    FACTOR_PHONE_USAGE);
}

/* --- discovery --- */

static void
discovers(void)
{
    struct factor_phone_discovery *discovery = NULL;

    rig_open();
    CU_ASSERT_EQUAL_FATAL(factor_phone_discover(rig.phone, RIG_ISSUER,
                                                &discovery),
                          FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(rig.calls[0].url,
                           RIG_ISSUER "/.well-known/factor-phone");
    CU_ASSERT_PTR_NULL(rig.calls[0].body);
    CU_ASSERT_STRING_EQUAL(discovery->issuer, RIG_ISSUER);
    CU_ASSERT_STRING_EQUAL(discovery->environment, "env-1");
    CU_ASSERT_STRING_EQUAL(discovery->endpoint, RIG_ENDPOINT);
    CU_ASSERT_PTR_NULL(discovery->vapid_public_key);
    CU_ASSERT_EQUAL(discovery->application_count, 1);
    CU_ASSERT_STRING_EQUAL(discovery->applications[0].id, RIG_APPLICATION);
    CU_ASSERT_STRING_EQUAL(discovery->applications[0].name, "Authenticator");
    CU_ASSERT_EQUAL(discovery->time_s, RIG_NOW_MS / 1000);
    factor_phone_discovery_free(discovery);
    factor_phone_discovery_free(NULL);
    rig_close();
}

#define GOOD_DISCOVERY                                                         \
    "\"environment\":\"e\",\"endpoint\":\"" RIG_ENDPOINT "\","                 \
    "\"applications\":[]"

static const struct {
    long http;
    const char *body;
    enum factor_phone_status status;
} strangers[] = {
    { 200, "", FACTOR_PHONE_ANSWER },
    { 200, "<html>", FACTOR_PHONE_ANSWER },
    { 200, "[]", FACTOR_PHONE_ANSWER },
    { 200, "{}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":7," GOOD_DISCOVERY "}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"issuer\":\"" RIG_ISSUER "\","
           GOOD_DISCOVERY "}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"environment\":\"e\",\"endpoint\":"
           "\"" RIG_ENDPOINT "\",\"applications\":{}}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"environment\":\"e\",\"endpoint\":"
           "\"" RIG_ENDPOINT "\",\"applications\":[7]}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"vapid_public_key\":[],"
           GOOD_DISCOVERY "}", FACTOR_PHONE_ANSWER },
    { 200, "{\"issuer\":\"" RIG_ISSUER "/\"," GOOD_DISCOVERY "}",
      FACTOR_PHONE_UNTRUSTED },
    { 200, "{\"issuer\":\"https://evil.example\"," GOOD_DISCOVERY "}",
      FACTOR_PHONE_UNTRUSTED },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"environment\":\"e\",\"endpoint\":"
           "\"http://sso.example.org/e\",\"applications\":[]}",
      FACTOR_PHONE_UNTRUSTED },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"environment\":\"e\",\"endpoint\":"
           "\"http://127.0.0.1:631/e\",\"applications\":[]}",
      FACTOR_PHONE_UNTRUSTED },
    { 200, "{\"issuer\":\"" RIG_ISSUER "\",\"environment\":\"e\",\"endpoint\":"
           "\"https://localhost/e\",\"applications\":[]}",
      FACTOR_PHONE_UNTRUSTED },
    { 302, "{\"issuer\":\"" RIG_ISSUER "\"," GOOD_DISCOVERY "}",
      FACTOR_PHONE_ANSWER },
    { 404, "<html>", FACTOR_PHONE_ANSWER },
    { 404, "{}", FACTOR_PHONE_ANSWER },
    { 400, "{\"code\":[]}", FACTOR_PHONE_ANSWER },
    { 400, "{\"code\":\"X\"}", FACTOR_PHONE_REFUSED },
    { 503, "{}", FACTOR_PHONE_NETWORK },
    { 999, "{}", FACTOR_PHONE_ANSWER },
    { 0, "{}", FACTOR_PHONE_ANSWER },
};

static void
knows_who_is_no_host(void)
{
    struct factor_phone_discovery *discovery = NULL;
    size_t i;

    for (i = 0; i < COUNT(strangers); i++) {
        rig_open();
        rig_reply(strangers[i].http, strangers[i].body);
        CU_ASSERT_EQUAL(factor_phone_discover(rig.phone, RIG_ISSUER,
                                              &discovery),
                        strangers[i].status);
        if (factor_phone_why(rig.phone)->status != strangers[i].status)
            tap_note("%s", strangers[i].body);
        CU_ASSERT_PTR_NULL(discovery);
        CU_ASSERT(factor_phone_why(rig.phone)->text[0]);
        rig_close();
    }
}

static void
reads_no_huge_answer(void)
{
    static char body[FACTOR_PHONE_ANSWER_MAX + 2];
    struct factor_phone_discovery *discovery = NULL;

    memset(body, ' ', sizeof(body) - 1);
    memcpy(body, "{}", 2);
    rig_open();
    rig_reply(200, body);
    CU_ASSERT_EQUAL(factor_phone_discover(rig.phone, RIG_ISSUER, &discovery),
                    FACTOR_PHONE_ANSWER);
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->text,
                           "the answer is too long");
    rig_close();
}

static void
says_errors_in_one_line(void)
{
    struct factor_phone_discovery *discovery = NULL;
    const struct factor_phone_error *error;
    char body[600], message[301];
    size_t i;

    rig_open();
    rig_reply(400, "{\"code\":\"X\",\"message\":\"a\\nb\\u001b[31m\"}");
    factor_phone_discover(rig.phone, RIG_ISSUER, &discovery);
    error = factor_phone_why(rig.phone);
    CU_ASSERT_STRING_EQUAL(error->text, "a b [31m");
    CU_ASSERT_STRING_EQUAL(error->code, "X");
    CU_ASSERT_EQUAL(error->http, 400);
    /* Cut, but not within a character. */
    for (i = 0; i < 300; i += 2)
        memcpy(message + i, "\xc3\xbc", 3);
    snprintf(body, sizeof(body), "{\"code\":\"X\",\"message\":\"%s\"}",
             message);
    rig_reply(400, body);
    factor_phone_discover(rig.phone, RIG_ISSUER, &discovery);
    CU_ASSERT_EQUAL(strlen(error->text), 198);
    rig_close();
}

/* --- pairing --- */

static enum factor_phone_status
pair_by(const struct factor_phone_link *link)
{
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_status status;

    status = factor_phone_pair(rig.phone, link, &rig_about, &list);
    CU_ASSERT_EQUAL(status, factor_phone_why(rig.phone)->status);
    CU_ASSERT_EQUAL(status == FACTOR_PHONE_OK, list != NULL);
    CU_ASSERT_FALSE(rig.locked);
    factor_phone_pairings_free(list);
    return status;
}

static enum factor_phone_status
pair(void)
{
    const struct factor_phone_link link = rig_link();

    return pair_by(&link);
}

/* How many pairings a list has. */
static size_t
listed(void)
{
    struct factor_phone_pairings *list = NULL;
    size_t count;

    CU_ASSERT_EQUAL_FATAL(factor_phone_list(rig.phone, &list),
                          FACTOR_PHONE_OK);
    count = list->count;
    factor_phone_pairings_free(list);
    return count;
}

/* What is stored, pairings that were only begun included. */
static size_t
stored(void)
{
    json_t *state = rig_state();
    size_t count = json_array_size(json_object_get(state, "pairings"));

    json_decref(state);
    return count;
}

static void
pairs(void)
{
    struct factor_phone_about about = rig_about;
    struct factor_phone_pairings *list = NULL;
    const struct factor_phone_pairing *one;
    struct factor_phone_link link;
    const struct rig_call *call;
    json_t *claims;

    rig_open();
    link = rig_link();
    about.push = "webhook:https://push.example.org/x";
    CU_ASSERT_EQUAL_FATAL(factor_phone_pair(rig.phone, &link, &about, &list),
                          FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL_FATAL(list->count, 1);
    one = &list->items[0];
    CU_ASSERT_STRING_EQUAL(one->device, "device-1");
    CU_ASSERT_STRING_EQUAL(one->issuer, RIG_ISSUER);
    CU_ASSERT_STRING_EQUAL(one->user_id, "user-1");
    CU_ASSERT_STRING_EQUAL(one->user_name, "ann");
    CU_ASSERT_STRING_EQUAL(one->application, RIG_APPLICATION);
    CU_ASSERT_STRING_EQUAL(one->name, "Ann's phone");
    CU_ASSERT_STRING_EQUAL(one->status, "ACTIVATION_REQUIRED");
    CU_ASSERT_EQUAL(strlen(one->check), 6);
    CU_ASSERT(one->has_passcodes);
    factor_phone_pairings_free(list);
    factor_phone_pairings_free(NULL);

    call = rig_last("/mobile/pairings");
    claims = rig_claims(call);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "key"), RIG_KEY);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "application"), RIG_APPLICATION);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "name"), "Ann's phone");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "platform"), "android");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "push"), about.push);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "aud"), RIG_ISSUER);
    CU_ASSERT_PTR_NULL(json_object_get(claims, "device"));
    CU_ASSERT_PTR_NULL(json_object_get(json_object_get(call->body, "key"),
                                       "d"));
    json_decref(claims);
    CU_ASSERT_EQUAL(rig_count("/pf/JWKS"), 1);
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT_PTR_NULL(memmem(rig.blob, rig.blob_len, RIG_KEY,
                              strlen(RIG_KEY)));
    rig_close();
}

static void
pairs_by_a_typed_key(void)
{
    struct factor_phone_link link;

    rig_open();
    CU_ASSERT_EQUAL(factor_phone_link_typed("sso.example.org", RIG_KEY, &link),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(pair_by(&link), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_count("/pf/JWKS"), 0);
    rig_close();
}

static void
wants_the_key_of_the_fingerprint(void)
{
    static const char *const jwks[] = {
        "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[7,{},[]]}",
        "{\"keys\":[{\"kty\":\"EC\"}]}", "{\"keys\":[{\"kty\":7}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\",\"y\":7}]}",
    };
    struct factor_phone_link link;
    size_t i;

    for (i = 0; i < COUNT(jwks); i++) {
        rig_open();
        link = rig_link();
        json_decref(rig.host.jwks);
        rig.host.jwks = json_loads(jwks[i], 0, NULL);
        CU_ASSERT_EQUAL(pair_by(&link),
                        jwks[i][0] == '[' ? FACTOR_PHONE_ANSWER
                                          : FACTOR_PHONE_UNTRUSTED);
        CU_ASSERT_EQUAL(rig_count("/pairings"), 0);
        CU_ASSERT_EQUAL(stored(), 0);
        rig_close();
    }
}

static void
finds_the_fingerprint_among_others(void)
{
    /* RFC 7638 3.1: an RSA key, with members that do not count. */
    static const char rsa[] =
        "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFb"
        "WhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o"
        "knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
        "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
        "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0L"
        "s1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\","
        "\"kid\":\"2011-04-29\"}";
    struct factor_phone_link link;

    rig_open();
    link = rig_link();
    json_array_append_new(json_object_get(rig.host.jwks, "keys"),
                          json_loads(rsa, 0, NULL));
    snprintf(link.fingerprint, sizeof(link.fingerprint), "%s",
             "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    CU_ASSERT_EQUAL(pair_by(&link), FACTOR_PHONE_OK);
    rig_close();
}

static void
chooses_the_application(void)
{
    static const struct {
        const char *applications, *wanted, *id; /* NULL: refused */
    } cases[] = {
        { "[{\"id\":\"a\",\"name\":\"A\"},{\"id\":\"b\",\"name\":\"B\"}]",
          "B", "b" },
        { "[{\"id\":\"a\",\"name\":\"A\"},{\"id\":\"b\",\"name\":\"B\"}]",
          "a", "a" },
        { "[{\"id\":\"a\",\"name\":\"A\"},{\"id\":\"b\",\"name\":\"B\"}]",
          NULL, NULL },
        { "[{\"id\":\"a\",\"name\":\"A\"}]", "", "a" },
        { "[{\"id\":\"a\",\"name\":\"A\"}]", "c", NULL },
        { "[]", NULL, NULL },
    };
    struct factor_phone_about about = rig_about;
    struct factor_phone_pairings *list;
    struct factor_phone_link link;
    json_t *claims;
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        rig_open();
        link = rig_link();
        list = NULL;
        rig.host.applications = cases[i].applications;
        about.application = cases[i].wanted;
        CU_ASSERT_EQUAL(factor_phone_pair(rig.phone, &link, &about, &list),
                        cases[i].id ? FACTOR_PHONE_OK : FACTOR_PHONE_USAGE);
        CU_ASSERT_EQUAL(rig_count("/pairings"), cases[i].id != NULL);
        if (cases[i].id) {
            claims = rig_claims(rig_last("/pairings"));
            CU_ASSERT_STRING_EQUAL(rig_text(claims, "application"),
                                   cases[i].id);
            json_decref(claims);
        }
        factor_phone_pairings_free(list);
        rig_close();
    }
}

static void
checks_what_a_phone_says_of_itself(void)
{
    static char long_push[PHONE_PUSH_MAX + 2];
    const char name65[] = "12345678901234567890123456789012345678901234567890"
                          "123456789012345";
    const char name64[] = "\xc3\xbc"
                          "123456789012345678901234567890123456789012345678901"
                          "234567890123";
    const struct factor_phone_about bad[] = {
        { .name = NULL },
        { .name = "" },
        { .name = "\xff" },
        { .name = name65 },
        { .name = "x", .platform = "toaster" },
        { .name = "x", .push = "\xff" },
        { .name = "x", .push = long_push },
    };
    const struct factor_phone_about good = { .name = name64 };
    struct factor_phone_pairings *list = NULL;
    struct factor_phone_link link;
    size_t i;

    memset(long_push, 'x', sizeof(long_push) - 1);
    rig_open();
    link = rig_link();
    for (i = 0; i < COUNT(bad); i++)
        CU_ASSERT_EQUAL(factor_phone_pair(rig.phone, &link, &bad[i], &list),
                        FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(rig.call_count, 0);
    CU_ASSERT_EQUAL(factor_phone_pair(rig.phone, &link, &good, &list),
                    FACTOR_PHONE_OK);
    factor_phone_pairings_free(list);
    rig_close();
}

/* Discovery and JWKS are the first two calls of pairing. */
static void
skip_to_the_claim(void)
{
    rig_lose(RIG_PASS);
    rig_lose(RIG_PASS);
}

static void
claims_again_by_itself(void)
{
    rig_open();
    skip_to_the_claim();
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_count("/pairings"), 2);
    CU_ASSERT_EQUAL(listed(), 1);
    rig_close();
}

static void
claims_again_by_the_same_key(void)
{
    rig_open();
    skip_to_the_claim();
    rig_lose(RIG_LOST_AFTER);
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_NETWORK);
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->text, "lost");
    CU_ASSERT_EQUAL(listed(), 0);
    rig_restart();
    rig.now_ms += 10 * 60 * 1000;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK); /* the host checks the key */
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT_EQUAL(stored(), 1);
    rig_close();
}

static void
forgets_what_was_begun(void)
{
    rig_open();
    skip_to_the_claim();
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_NETWORK);
    CU_ASSERT_EQUAL(stored(), 1);
    rig.now_ms += 3601 * 1000;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(stored(), 1);
    CU_ASSERT_FALSE(json_equal(json_object_get(rig.calls[2].body, "key"),
                               rig.host.key));
    /* A refusal forgets at once. */
    free(rig.host.claimed_by);
    rig.host.claimed_by = strdup("somebody else");
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_REFUSED);
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->code,
                           "PAIRING_KEY_INVALID");
    CU_ASSERT_EQUAL(stored(), 1);
    rig_close();
}

static void
trusts_its_own_check_value_only(void)
{
    rig_open();
    rig.host.check = "AAAAAA";
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_UNTRUSTED);
    CU_ASSERT_EQUAL(stored(), 0);
    rig_close();
    rig_open();
    rig.host.pair_issuer = "https://evil.example";
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_UNTRUSTED);
    CU_ASSERT_EQUAL(stored(), 0);
    rig_close();
}

/* A good answer to the claim of the rig's first key, with one member made
 * wrong: "" takes it away. */
static const struct {
    const char *member, *value;
} wrong_members[] = {
    { "device", "7" },      { "device", "" },
    { "device", "\"\"" },   { "device", "\"..\"" },
    { "device", "\"a/b\"" }, { "device", "\"a b\"" },
    { "user", "\"ann\"" },  { "user", "{}" },
    { "user", "{\"id\":7,\"name\":\"x\"}" },
    { "user", "{\"id\":\"\",\"name\":\"x\"}" },
    { "issuer", "" },       { "issuer", "7" },
    { "status", "7" },      { "status", "" },
    { "check", "7" },       { "check", "" },
    { "passcode", "7" },
    { "passcode", "{\"secret\":\"GEZDGNBVGY3TQOJQ\",\"digits\":5,\"period\":30"
                  "}" },
    { "passcode", "{\"secret\":\"GEZDGNBVGY3TQOJQ\",\"digits\":6,\"period\":0}"
    },
    { "passcode", "{\"secret\":\"GEZD\",\"digits\":6,\"period\":30}" },
    { "passcode", "{\"digits\":6,\"period\":30}" },
};

static char *
wrong_answer(const char *good, const char *member, const char *value)
{
    json_t *answer = json_loads(good, 0, NULL);
    char *text;

    if (value[0])
        json_object_set_new(answer, member,
                            json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(answer, member);
    text = json_dumps(answer, 0);
    json_decref(answer);
    return text;
}

static void
refuses_a_malformed_pairing(void)
{
    static const char good[] =
        "{\"device\":\"d\",\"user\":{\"id\":\"u\",\"name\":\"n\"},\"issuer\":"
        "\"" RIG_ISSUER "\",\"status\":\"ACTIVE\",\"check\":\"%s\",\"time\":"
        "1700000000}";
    struct factor_phone_pairings *list = NULL;
    char text[400], check[16];
    size_t i;
    char *wrong;

    rig_open(); /* which check value has the rig's first key? */
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list), FACTOR_PHONE_OK);
    snprintf(check, sizeof(check), "%s", list->items[0].check);
    factor_phone_pairings_free(list);
    rig_close();
    snprintf(text, sizeof(text), good, check);
    for (i = 0; i <= COUNT(wrong_members); i++) {
        wrong = i < COUNT(wrong_members)
                    ? wrong_answer(text, wrong_members[i].member,
                                   wrong_members[i].value)
                    : strdup(text);
        rig_open();
        skip_to_the_claim();
        rig_reply(201, wrong);
        CU_ASSERT_EQUAL(pair(), i < COUNT(wrong_members)
                                    ? FACTOR_PHONE_ANSWER
                                    : FACTOR_PHONE_OK);
        CU_ASSERT_EQUAL(listed(), i == COUNT(wrong_members));
        rig_close();
        free(wrong);
    }
}

static void
saves_the_key_before_it_is_sent(void)
{
    rig_open();
    rig.saves_left = 0;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(rig_count("/pairings"), 0);
    /* A save that failed is not tried again at the end, although the clock was
     * learnt. */
    rig.host.ahead_ms = 86400 * 1000;
    rig.saves_left = -1;
    rig.saves_fail = 1;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(rig_count("/pairings"), 0);
    CU_ASSERT_EQUAL(rig.saves, 0);
    /* Only the result is lost: the same link goes on. */
    rig.saves_left = 1;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(rig_count("/pairings"), 1);
    CU_ASSERT_EQUAL(listed(), 0);
    rig.saves_left = -1;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT_EQUAL(stored(), 1);
    rig_close();
}

static void
pairs_without_randomness_never(void)
{
    rig_open();
    rig.random_fails = true;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_MEMORY);
    CU_ASSERT_EQUAL(rig_count("/pairings"), 0);
    CU_ASSERT_EQUAL(stored(), 0);
    rig_close();
}

static void
pairs_with_several(void)
{
    struct factor_phone_link link;

    rig_open();
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    /* Another user of the same host. */
    rig.host.device = "device-2";
    rig.host.user = "user-2";
    free(rig.host.claimed_by);
    rig.host.claimed_by = NULL;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    /* Another host. */
    rig.host.issuer = "https://other.example";
    rig.host.endpoint = "https://other.example/m";
    rig.host.device = "device-3";
    free(rig.host.claimed_by);
    rig.host.claimed_by = NULL;
    link = rig_link();
    snprintf(link.issuer, sizeof(link.issuer), "%s", rig.host.issuer);
    CU_ASSERT_EQUAL(pair_by(&link), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(listed(), 3);
    /* It must not take the place of a device of the first one. */
    free(rig.host.claimed_by);
    rig.host.claimed_by = NULL;
    rig.host.device = "device-1";
    CU_ASSERT_EQUAL(pair_by(&link), FACTOR_PHONE_UNTRUSTED);
    CU_ASSERT_EQUAL(stored(), 3);
    rig_close();
}

/* --- the state --- */

static void
storage_that_fails_stops_everything(void)
{
    struct factor_phone_pairings *list = NULL;

    rig_open();
    rig.load_fails = true;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list),
                    FACTOR_PHONE_STORAGE);
    rig.load_fails = false;
    rig.lock_fails = true;
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(factor_phone_forget(rig.phone, "device-1"),
                    FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(rig.call_count, 0);
    CU_ASSERT_EQUAL(rig.saves, 0);
    rig_close();
}

/* Stores this text. */
static void
store(const char *text)
{
    free(rig.blob);
    rig.blob = strdup(text);
    rig.blob_len = strlen(text);
}

static const char *const no_states[] = {
    "", "{", "[]", "7", "{}", "{\"version\":2,\"pairings\":[]}",
    "{\"version\":1}", "{\"version\":1,\"pairings\":{}}",
    "{\"version\":1,\"pairings\":[7]}", "{\"version\":1,\"pairings\":[{}]}",
    "{\"version\":1,\"version\":1,\"pairings\":[]}",
};

static void
refuses_what_is_no_state(void)
{
    struct factor_phone_pairings *list = NULL;
    size_t i;

    for (i = 0; i < COUNT(no_states); i++) {
        rig_open();
        store(no_states[i]);
        CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list),
                        FACTOR_PHONE_STORAGE);
        CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_STORAGE);
        CU_ASSERT_EQUAL(rig.saves, 0); /* it is not written over */
        rig_close();
    }
}

/* One member of a good state made wrong; "" takes it away. */
static const struct {
    const char *member, *value;
} wrong_states[] = {
    { "issuer", "" }, { "issuer", "\"http://sso.example.org\"" },
    { "endpoint", "\"file:///x\"" }, { "device", "7" },
    { "device", "\"../x\"" }, { "user_id", "" }, { "status", "" },
    { "name", "" }, { "application", "" }, { "digits", "\"6\"" },
    { "last_ms", "1.5" }, { "key", "" }, { "key", "{}" },
    { "next_key", "{}" }, { "secret", "[]" },
};

/* "d", "x" or "y" of the first pairing's key. */
static void
refuses_a_key_with_another(const json_t *state, const char *number)
{
    static const char other[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";
    struct factor_phone_pairings *list = NULL;
    json_t *copy = json_deep_copy(state);
    json_t *one = json_array_get(json_object_get(copy, "pairings"), 0);
    char *text;

    json_object_set_new(json_object_get(one, "key"), number,
                        json_string(other));
    text = json_dumps(copy, 0);
    store(text);
    CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list),
                    FACTOR_PHONE_STORAGE);
    free(text);
    json_decref(copy);
}

static void
refuses_a_damaged_state(void)
{
    static const char *const numbers[] = { "d", "x", "y" };
    struct factor_phone_pairings *list = NULL;
    json_t *state, *one;
    char *good, *text, *wrong;
    size_t i;

    rig_open();
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    state = rig_state();
    one = json_array_get(json_object_get(state, "pairings"), 0);
    good = json_dumps(one, 0);
    for (i = 0; i < COUNT(wrong_states); i++) {
        wrong = wrong_answer(good, wrong_states[i].member,
                             wrong_states[i].value);
        if (asprintf(&text, "{\"version\":1,\"pairings\":[%s]}", wrong) < 0)
            abort();
        store(text);
        CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list),
                        FACTOR_PHONE_STORAGE);
        free(wrong);
        free(text);
    }
    /* Numbers that do not belong together. */
    for (i = 0; i < 3; i++)
        refuses_a_key_with_another(state, numbers[i]);
    free(good);
    json_decref(state);
    rig_close();
}

static void
remembers_over_a_restart(void)
{
    rig_open();
    CU_ASSERT_EQUAL(listed(), 0);
    CU_ASSERT_EQUAL(pair(), FACTOR_PHONE_OK);
    rig_restart();
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT_EQUAL(factor_phone_forget(rig.phone, "device-1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_forget(rig.phone, "device-1"),
                    FACTOR_PHONE_NOT_FOUND);
    CU_ASSERT_EQUAL(listed(), 0);
    CU_ASSERT_EQUAL(rig_count("/unpair"), 0);
    rig_close();
}

static const struct tap_test tests[] = {
    { "a pairing link is read", reads_a_link },
    { "other links are refused", refuses_other_links },
    { "a phone goes to https, and to plain http on loopback",
      goes_to_https_or_loopback_only },
    { "issuer and key may be typed", reads_what_is_typed },
    { "discovery is read", discovers },
    { "who speaks otherwise is no host", knows_who_is_no_host },
    { "a huge answer is not read", reads_no_huge_answer },
    { "an error is one line, without control characters",
      says_errors_in_one_line },
    { "a phone pairs by a link", pairs },
    { "a phone pairs by a typed key, without a fingerprint",
      pairs_by_a_typed_key },
    { "the issuer must have the key of the fingerprint",
      wants_the_key_of_the_fingerprint },
    { "the fingerprint may be an RSA key's, among others",
      finds_the_fingerprint_among_others },
    { "the application is chosen by id or name, or is the only one",
      chooses_the_application },
    { "name, platform and push are checked before anything is sent",
      checks_what_a_phone_says_of_itself },
    { "a claim whose answer is lost is made again", claims_again_by_itself },
    { "a later claim is by the same phone key", claims_again_by_the_same_key },
    { "what was begun is forgotten after an hour, and when it is refused",
      forgets_what_was_begun },
    { "another check value or issuer in the answer is not trusted",
      trusts_its_own_check_value_only },
    { "a malformed answer does not pair", refuses_a_malformed_pairing },
    { "a new key is saved before it is sent",
      saves_the_key_before_it_is_sent },
    { "without randomness nothing is claimed",
      pairs_without_randomness_never },
    { "a phone pairs with several users and issuers", pairs_with_several },
    { "with a storage that fails nothing is sent",
      storage_that_fails_stops_everything },
    { "what is no state is refused and stays", refuses_what_is_no_state },
    { "a damaged state is refused", refuses_a_damaged_state },
    { "pairings are remembered and forgotten", remembers_over_a_restart },
};

int
main(void)
{
    return tap_main("phone", tests, TAP_COUNT(tests));
}
