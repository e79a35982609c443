/* SPDX-License-Identifier: MIT */
/* tests/test_mfa_phone.c - what phones say to the MFA adapter, under the fake
 * host: what waits, answers, changes, and everything that may not pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "plugin/adapter-mfa/mfa_agent.h"
#include "tests/mfa_rig.h"
#include "tests/tap.h"

#define PLAIN "{" ONE_APP "}"
#define LEE "55555555-5555-4555-8555-555555555555"
#define DEVICE "d-phone"
#define NONCE "AAECAwQFBgcICQoLDA0ODw"
#define NONCE_2 "BBECAwQFBgcICQoLDA0ODw"
#define TYP "factor-phone+jwt"

/* --- Statements --- */

static json_int_t
now_s(const struct scene *s)
{
    return (json_int_t)(factor_test_now(s->t) / 1000);
}

static json_int_t
now_ms(const struct scene *s)
{
    return (json_int_t)factor_test_now(s->t);
}

/* Of kim's phone; more is stolen, NULL is none.  What is null there is left
 * out. */
static json_t *
claims_of(const struct scene *s, const char *purpose, json_t *more)
{
    json_t *claims = json_pack("{s:i, s:s, s:s, s:I, s:s, s:s}", "v", 1,
                               "purpose", purpose, "aud", FACTOR_TEST_BASE_URL,
                               "iat", now_s(s), "device", DEVICE, "user", KIM);
    const char *name;
    json_t *value;
    void *next;

    if (more)
        json_object_update(claims, more);
    json_decref(more);
    json_object_foreach_safe (claims, next, name, value)
        if (json_is_null(value) && strcmp(name, "push") != 0)
            json_object_del(claims, name);
    return claims;
}

/* Claims and header are stolen; header NULL: as it should be. */
static char *
signed_with(const char *pem, json_t *claims, json_t *header)
{
    char *statement = NULL;

    if (!header)
        header = json_pack("{s:s}", "typ", TYP);
    if (factor_test_host()->jws_sign(pem, header, claims, &statement))
        abort();
    json_decref(header);
    json_decref(claims);
    return statement;
}

/* Takes the statement over. */
static void
post_to(struct scene *s, const char *resource, const char *device,
        char *statement)
{
    s->reply = factor_test_resource(
        s->t, resource,
        json_pack("{s:s, s:s}", "env", FACTOR_TEST_ENVIRONMENT, "device",
                  device),
        NULL, json_pack("{s:s}", "statement", statement));
    free(statement);
    if (s->reply->kind == FACTOR_TEST_BROKEN ||
        s->reply->kind == FACTOR_TEST_UNEXPECTED)
        tap_note("%s: %s", resource, s->reply->problem);
}

static void
say(struct scene *s, const char *what, const char *purpose, json_t *more)
{
    char resource[40];

    snprintf(resource, sizeof(resource), "phone.%s", what);
    post_to(s, resource, DEVICE,
            signed_with(phone_pem, claims_of(s, purpose, more), NULL));
}

static void
ask(struct scene *s)
{
    say(s, "requests", "requests", NULL);
}

/* --- What came of it --- */

static bool
refused(const struct scene *s, unsigned status, const char *code)
{
    if (s->reply->kind == FACTOR_TEST_ERROR &&
        s->reply->http_status == status &&
        factor_test_has_detail(s->reply, code))
        return true;
    tap_note("not %u %s: kind %d, status %u, %s %s", status, code,
             s->reply->kind, s->reply->http_status,
             text(json_array_get(s->reply->details, 0), "code"),
             s->reply->problem);
    return false;
}

/* Refused, and nothing was written. */
static bool
untouched(const struct scene *s, unsigned status, const char *code)
{
    return refused(s, status, code) && json_array_size(s->reply->puts) == 0 &&
           json_array_size(s->reply->removes) == 0 &&
           json_array_size(s->reply->sends) == 0;
}

static bool
answered(const struct scene *s, unsigned status)
{
    if (s->reply->kind == FACTOR_TEST_ANSWER &&
        s->reply->http_status == status)
        return true;
    tap_note("not %u: kind %d, status %u, %s %s", status, s->reply->kind,
             s->reply->http_status,
             text(json_array_get(s->reply->details, 0), "code"),
             s->reply->problem);
    return false;
}

static bool
result_is(const struct scene *s, const char *result)
{
    return answered(s, 200) &&
           strcmp(text(s->reply->body, "result"), result) == 0;
}

static const char *
audited_reason(const struct scene *s, const char *event)
{
    const json_t *at;
    size_t i;

    for (i = 0; i < json_array_size(s->reply->audits); i++) {
        at = json_array_get(s->reply->audits, i);
        if (strcmp(text(at, "event"), event) == 0)
            return text(json_object_get(at, "fields"), "reason");
    }
    return "(no event)";
}

/* An answer that changes nothing, but is audited. */
static bool
ignored(const struct scene *s, const char *reason)
{
    const char *audited = audited_reason(s, "mfa.push_ignored");

    if (strcmp(audited, reason) != 0)
        tap_note("ignored: %s, not %s", audited, reason);
    return untouched(s, 409, "REQUEST_GONE") && strcmp(audited, reason) == 0;
}

/* --- A push --- */

struct pushed {
    struct scene s;
    json_t *request; /* as the phone sees it */
    char number[8];  /* as the page shows it */
    char auth[64];
};

static void
listen(struct pushed *p)
{
    ask(&p->s);
    json_decref(p->request);
    p->request = json_deep_copy(
        json_array_get(json_object_get(p->s.reply->body, "requests"), 0));
}

/* A sign-on of kim's up to the push. */
static void
ring(struct pushed *p)
{
    authenticate(&p->s);
    CU_ASSERT_TRUE(in_state(&p->s, "PUSH_CONFIRMATION_WAITING"));
    snprintf(p->number, sizeof(p->number), "%s",
             text(json_object_get(p->s.reply->model, "numberMatching"),
                  "value"));
    snprintf(p->auth, sizeof(p->auth), "%s",
             text(factor_test_flow_data(p->s.t), "auth"));
    listen(p);
}

#define FIREFOX                                                                \
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

static void
request_as(struct scene *s, const char *client, const char *host)
{
    factor_test_set_request(
        s->t, json_pack("{s:s, s:s, s:s, s:s, s:s}", "client", client,
                        "client_name", "Demo app", "page_host", host,
                        "address", "203.0.113.7", "user_agent", FIREFOX));
}

static struct pushed
push_with(const char *settings)
{
    struct pushed p = { .s = open_scene(settings) };

    request_as(&p.s, "demo", "app.example.org");
    seed_phone(&p.s, DEVICE, "ACTIVE");
    ring(&p);
    return p;
}

static void
end_push(struct pushed *p)
{
    json_decref(p->request);
    close_scene(&p->s);
}

/* What an honest phone says; more is stolen, as in claims_of(). */
static json_t *
answer_claims(const struct pushed *p, const char *decision, json_t *more)
{
    const json_t *request = p->request;
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "request",
        text(request, "id"), "challenge", text(request, "challenge"), "client",
        text(request, "client"), "host", text(request, "host"), "nonce", NONCE,
        "decision", decision, "number", p->number, "exp", now_s(&p->s) + 30);

    if (more)
        json_object_update(all, more);
    json_decref(more);
    return claims_of(&p->s, "answer", all);
}

static void
answer(struct pushed *p, const char *decision, json_t *more)
{
    post_to(&p->s, "phone.answers", DEVICE,
            signed_with(phone_pem, answer_claims(p, decision, more), NULL));
}

static const json_t *
push_of(const struct pushed *p)
{
    return json_object_get(
        factor_test_record(p->s.t, "mfa.auth", p->auth), "push");
}

static bool
still_waits(struct pushed *p)
{
    get(&p->s);
    return in_state(&p->s, "PUSH_CONFIRMATION_WAITING") &&
           strcmp(text(push_of(p), "decision"), "NONE") == 0;
}

/* --- What waits --- */

static void
nothing_waits(void)
{
    struct scene s = open_scene(PLAIN);

    seed_phone(&s, DEVICE, "ACTIVE");
    ask(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    CU_ASSERT_EQUAL(s.reply->http_status, 200);
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"), "ACTIVE");
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(s.reply->body, "requests")), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->audits), 0);
    change(&s, "mfa.device", DEVICE,
           json_pack("{s:s}", "status", "ACTIVATION_REQUIRED"));
    ask(&s);
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"),
                           "ACTIVATION_REQUIRED");
    close_scene(&s);
}

/* Whether a call of who knows this would be held. */
static bool
held(struct scene *s, json_t *known)
{
    say(s, "requests", "requests", json_pack("{s:o}", "known", known));
    if (s->reply->kind != FACTOR_TEST_ANSWER &&
        s->reply->kind != FACTOR_TEST_WAIT)
        tap_note("known: kind %d", s->reply->kind);
    return s->reply->kind == FACTOR_TEST_WAIT;
}

static void
known_is_held(void)
{
    struct pushed p = push_with(PLAIN);
    const char *challenge = text(p.request, "challenge");
    json_int_t end = number(p.request, "expires_at");

    CU_ASSERT_FALSE(held(&p.s, parse("{}")));
    CU_ASSERT_FALSE(held(&p.s, parse("{\"requests\":[]}")));
    CU_ASSERT_FALSE(held(&p.s, parse("{\"requests\":[\"another\"]}")));
    CU_ASSERT_FALSE(held(&p.s, parse("{\"requests\":\"odd\"}")));
    CU_ASSERT_FALSE(
        held(&p.s, json_pack("{s:[s, s]}", "requests", challenge, "gone")));
    CU_ASSERT_TRUE(held(&p.s, json_pack("{s:[s]}", "requests", challenge)));
    CU_ASSERT_EQUAL(p.s.reply->changes_at_ms, end * 1000);
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(p.s.reply->body, "requests")), 1);
    /* Its time is over. */
    factor_test_advance(p.s.t, end * 1000 - now_ms(&p.s));
    CU_ASSERT_FALSE(held(&p.s, json_pack("{s:[s]}", "requests", challenge)));
    CU_ASSERT_TRUE(held(&p.s, parse("{\"requests\":[]}")));
    end_push(&p);
}

static void
known_device_is_held(void)
{
    struct scene s = open_scene(PLAIN);

    seed_phone(&s, DEVICE, "ACTIVE");
    CU_ASSERT_TRUE(held(&s, parse("{}")));
    CU_ASSERT_TRUE(
        held(&s, parse("{\"status\":\"ACTIVE\",\"name\":\"Kim's phone\"}")));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "name"), "Kim's phone");
    CU_ASSERT_FALSE(held(&s, parse("{\"status\":\"ACTIVATION_REQUIRED\"}")));
    CU_ASSERT_FALSE(held(&s, parse("{\"name\":\"Another\"}")));
    change(&s, "mfa.device", DEVICE, json_pack("{s:s}", "nickname", "Mine"));
    CU_ASSERT_FALSE(held(&s, parse("{\"name\":\"Kim's phone\"}")));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "name"), "Mine");
    change(&s, "mfa.device", DEVICE, json_pack("{s:b}", "blocked", 1));
    CU_ASSERT_FALSE(held(&s, parse("{\"status\":\"ACTIVE\"}")));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"), "BLOCKED");
    CU_ASSERT_TRUE(held(&s, parse("{\"status\":\"BLOCKED\"}")));
    change(&s, "mfa.device", DEVICE,
           json_pack("{s:b, s:I}", "blocked", 0, "locked_until_ms",
                     now_ms(&s) + 5000));
    CU_ASSERT_FALSE(held(&s, parse("{\"status\":\"BLOCKED\"}")));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"), "LOCKED");
    CU_ASSERT_EQUAL(s.reply->changes_at_ms, now_ms(&s) + 5000);
    factor_test_advance(s.t, 5000);
    CU_ASSERT_FALSE(held(&s, parse("{\"status\":\"LOCKED\"}")));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"), "ACTIVE");
    say(&s, "requests", "requests", parse("{\"known\":[]}"));
    CU_ASSERT_TRUE(refused(&s, 400, "INVALID_STATEMENT"));
    close_scene(&s);
}

/* A call that has been held says when it was made as of its arrival. */
static void
held_past_its_minute(void)
{
    struct scene s = open_scene(PLAIN);
    json_int_t came = now_ms(&s);
    char *statement;

    seed_phone(&s, DEVICE, "ACTIVE");
    statement = signed_with(phone_pem, claims_of(&s, "requests", NULL), NULL);
    factor_test_advance(s.t, 300000);
    post_to(&s, "phone.requests", DEVICE, strdup(statement));
    CU_ASSERT_TRUE(refused(&s, 400, "CLOCK_NOT_SYNCHRONIZED"));
    factor_test_set_request(s.t, json_pack("{s:I}", "arrived_at_ms", came));
    post_to(&s, "phone.requests", DEVICE, statement);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    close_scene(&s);
}

static void
agents_in_words(void)
{
    static const struct {
        const char *header, *words;
    } rows[] = {
        { FIREFOX, "Firefox on Linux" },
        { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
          "(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
          "Edge on Windows" },
        { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
          "(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
          "Chrome on Windows" },
        { "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, "
          "like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile "
          "Safari/537.36",
          "Samsung Internet on Android" },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) "
          "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
          "Mobile/15E148 Safari/604.1",
          "Safari on iPhone" },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
          "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
          "Safari/605.1.15",
          "Safari on macOS" },
        { "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like "
          "Gecko",
          "Internet Explorer on Windows" },
        { "curl/8.14.1", "curl" },
        { "NotFirefox/1.0 (X11; Linux)", "Linux" },
        { "Your bank: press approve", NULL },
        { "", NULL },
        { NULL, NULL },
    };
    char text[MFA_AGENT_SIZE];
    const char *words;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        words = mfa_agent(rows[i].header, text);
        CU_ASSERT_TRUE(rows[i].words ? words && strcmp(words,
                                                       rows[i].words) == 0
                                     : !words);
    }
}

static void
push_waits(void)
{
    struct pushed p = push_with(PLAIN);
    char *all = json_dumps(p.s.reply->body, 0);
    const json_t *asked = json_object_get(p.request, "number");

    CU_ASSERT_TRUE(answered(&p.s, 200));
    CU_ASSERT_STRING_EQUAL(text(p.request, "kind"), "authentication");
    CU_ASSERT_STRING_EQUAL(text(p.request, "id"), p.auth);
    CU_ASSERT_EQUAL(strlen(text(p.request, "challenge")), 22);
    CU_ASSERT_STRING_EQUAL(text(p.request, "client"), "demo");
    CU_ASSERT_STRING_EQUAL(text(p.request, "client_name"), "Demo app");
    CU_ASSERT_STRING_EQUAL(text(p.request, "host"), "app.example.org");
    CU_ASSERT_STRING_EQUAL(text(p.request, "address"), "203.0.113.7");
    CU_ASSERT_STRING_EQUAL(text(p.request, "agent"), "Firefox on Linux");
    CU_ASSERT_EQUAL(number(p.request, "issued_at"), now_s(&p.s));
    CU_ASSERT_EQUAL(number(p.request, "expires_at"), now_s(&p.s) + 40);
    CU_ASSERT_STRING_EQUAL(text(asked, "type"), "ENTER_MANUALLY");
    CU_ASSERT_EQUAL(number(asked, "digits"), 6);
    CU_ASSERT_EQUAL(strlen(p.number), 6);
    CU_ASSERT_PTR_NULL(strstr(all, p.number));
    free(all);
    factor_test_advance(p.s.t, 40 * SECOND);
    ask(&p.s);
    CU_ASSERT_EQUAL(p.s.reply->kind, FACTOR_TEST_WAIT);
    end_push(&p);
}

#define SELECT                                                                 \
    "{\"ping_defaults\": true, \"applications\": [{\"name\": \"App\","         \
    " \"id\": \"" APP "\", \"mobile\": {\"push\": {\"numberMatching\":"        \
    " {\"type\": \"SELECT_NUMBER\"}}}}], \"device_policies\": [{\"name\":"     \
    " \"P\", \"default\": true, \"mobile\": {\"enabled\": true,"               \
    " \"applications\": [{\"id\": \"" APP "\", \"push\": {\"enabled\": true,"  \
    " \"numberMatching\": {\"enabled\": true}}}]}}]}"

static void
numbers_to_select(void)
{
    struct pushed p = push_with(SELECT);
    const json_t *asked = json_object_get(p.request, "number");
    const json_t *choices = json_object_get(asked, "choices");
    bool there = false;
    size_t i;

    CU_ASSERT_STRING_EQUAL(text(asked, "type"), "SELECT_NUMBER");
    CU_ASSERT_EQUAL(json_array_size(choices), 3);
    for (i = 0; i < json_array_size(choices); i++) {
        const char *one = json_string_value(json_array_get(choices, i));

        there = there || strcmp(one, p.number) == 0;
        if (i > 0)
            CU_ASSERT_TRUE(strcmp(json_string_value(json_array_get(
                                      choices, i - 1)), one) < 0);
    }
    CU_ASSERT_TRUE(there);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

/* A phone refuses a list with a text of more than 512 bytes, so that who asks
 * could make it deaf. */
static void
long_texts_are_cut(void)
{
    struct pushed p = { .s = open_scene(PLAIN) };
    char name[1600], host[700];
    size_t i;

    for (i = 0; i + 3 < sizeof(name); i += 3)
        memcpy(name + i, "\xe2\x82\xac", 4);
    memset(host, 'h', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    factor_test_set_request(
        p.s.t, json_pack("{s:s, s:s, s:s, s:s}", "client", "demo", "page_host",
                         host, "user_agent", name, "client_name", name));
    seed_phone(&p.s, DEVICE, "ACTIVE");
    ring(&p);
    CU_ASSERT_PTR_NULL(json_object_get(p.request, "agent"));
    CU_ASSERT_EQUAL(strlen(text(p.request, "host")), 512);
    CU_ASSERT_EQUAL(strlen(text(p.request, "client_name")), 510);
    host[511] = 'i';
    host[512] = '\0';
    answer(&p, "approve", json_pack("{s:s}", "host", host));
    CU_ASSERT_TRUE(refused(&p.s, 400, "INVALID_STATEMENT"));
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

/* A copy of the device authentication, changed by these members (stolen). */
static void
copy_auth(struct pushed *p, const char *id, const char *owner, json_t *more)
{
    json_t *body =
        json_deep_copy(factor_test_record(p->s.t, "mfa.auth", p->auth));

    if (more)
        json_object_update(body, more);
    json_decref(more);
    factor_test_seed(p->s.t, "mfa.auth", id, owner, NULL, body);
}

static size_t
count_waiting(struct pushed *p)
{
    ask(&p->s);
    return json_array_size(json_object_get(p->s.reply->body, "requests"));
}

static void
only_its_own_waits(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_add_user(p.s.t, LEE, "lee", NULL);
    copy_auth(&p, "a-lee", LEE, NULL);
    copy_auth(&p, "a-device", KIM, json_pack("{s:s}", "device", "d-other"));
    copy_auth(&p, "a-none", KIM, json_pack("{s:n}", "device"));
    copy_auth(&p, "a-done", KIM, json_pack("{s:s}", "stage", "COMPLETED"));
    copy_auth(&p, "a-otp", KIM, json_pack("{s:s}", "stage", "OTP"));
    copy_auth(&p, "a-old", KIM, json_pack("{s:i}", "expires_at_ms", 1));
    CU_ASSERT_EQUAL(count_waiting(&p), 1);
    CU_ASSERT_STRING_EQUAL(
        text(json_array_get(json_object_get(p.s.reply->body, "requests"), 0),
             "id"), p.auth);
    change(&p.s, "mfa.device", DEVICE, json_pack("{s:b}", "blocked", 1));
    CU_ASSERT_EQUAL(count_waiting(&p), 0);
    end_push(&p);
}

/* Whoever knows the password can begin many sign-ons. */
static void
many_do_not_hide_one(void)
{
    struct pushed p = push_with(PLAIN);
    char id[20];
    int i;

    for (i = 0; i < 60; i++) {
        snprintf(id, sizeof(id), " %02d", i);
        copy_auth(&p, id, KIM, json_pack("{s:s}", "stage", "SELECT"));
    }
    CU_ASSERT_EQUAL(count_waiting(&p), 1);
    for (i = 0; i < 30; i++) {
        snprintf(id, sizeof(id), " %02d", i);
        copy_auth(&p, id, KIM, NULL);
    }
    CU_ASSERT_EQUAL(count_waiting(&p), 20);
    end_push(&p);
}

static void
silent_is_said(void)
{
    struct pushed p = push_with(PLAIN);
    json_t *push = json_deep_copy(push_of(&p));

    json_object_set_new(push, "silent", json_true());
    change(&p.s, "mfa.auth", p.auth,
           json_pack("{s:o, s:{}}", "push", push, "secret"));
    listen(&p);
    CU_ASSERT_STRING_EQUAL(text(p.request, "kind"), "silent");
    CU_ASSERT_PTR_NULL(json_object_get(p.request, "number"));
    answer(&p, "deny", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "denied"));
    CU_ASSERT_PTR_NULL(factor_test_record(p.s.t, "mfa.account", KIM));
    end_push(&p);
}

/* What a parked phone waits for is its device's record. */
static void
push_touches_device(void)
{
    struct pushed p = push_with(PLAIN);
    uint64_t before = factor_test_version(p.s.t, "mfa.device", DEVICE);

    act_on(&p.s, "selectDevice", DEVICE);
    factor_test_advance(p.s.t, 3 * SECOND);
    act_on(&p.s, "selectDevice", DEVICE);
    CU_ASSERT_TRUE(factor_test_version(p.s.t, "mfa.device", DEVICE) > before);
    end_push(&p);
}

/* --- Statements that are refused --- */

struct bad_claims {
    const char *what;
    const char *changes; /* JSON; null leaves a member out */
    unsigned status;
    const char *code;
};

static void
claims_refused(void)
{
    static const struct bad_claims rows[] = {
        { "another version", "{\"v\": 2}", 400, "INVALID_STATEMENT" },
        { "a version in words", "{\"v\": \"1\"}", 400, "INVALID_STATEMENT" },
        { "no version", "{\"v\": null}", 400, "INVALID_STATEMENT" },
        { "another purpose", "{\"purpose\": \"answer\"}", 400,
          "INVALID_STATEMENT" },
        { "no purpose", "{\"purpose\": null}", 400, "INVALID_STATEMENT" },
        { "another issuer", "{\"aud\": \"https://evil.test\"}", 400,
          "INVALID_STATEMENT" },
        { "a slash too many", "{\"aud\": \"https://host.test/\"}", 400,
          "INVALID_STATEMENT" },
        { "several issuers", "{\"aud\": [\"https://host.test\"]}", 400,
          "INVALID_STATEMENT" },
        { "no issuer", "{\"aud\": null}", 400, "INVALID_STATEMENT" },
        { "another device", "{\"device\": \"d-other\"}", 400,
          "INVALID_STATEMENT" },
        { "no device", "{\"device\": null}", 400, "INVALID_STATEMENT" },
        { "no user", "{\"user\": null}", 400, "INVALID_STATEMENT" },
        { "another user", "{\"user\": \"" LEE "\"}", 404, "NOT_PAIRED" },
        { "an unknown user", "{\"user\": \"nobody\"}", 400,
          "INVALID_STATEMENT" },
        { "a very long user",
          ("{\"user\": \"0123456789012345678901234567890123456789"
           "012345678901234567890123456789\"}"), 400, "INVALID_STATEMENT" },
        { "no time", "{\"iat\": null}", 400, "INVALID_STATEMENT" },
        { "a time in words", "{\"iat\": \"1700000000\"}", 400,
          "INVALID_STATEMENT" },
        { "a time with a point", "{\"iat\": 1700000000.0}", 400,
          "INVALID_STATEMENT" },
        { "too old", "{\"iat\": 1699999939}", 400, "CLOCK_NOT_SYNCHRONIZED" },
        { "too new", "{\"iat\": 1700000061}", 400, "CLOCK_NOT_SYNCHRONIZED" },
        { "milliseconds", "{\"iat\": 1700000000000}", 400,
          "CLOCK_NOT_SYNCHRONIZED" },
        { "the first time", "{\"iat\": -9223372036854775808}", 400,
          "CLOCK_NOT_SYNCHRONIZED" },
        { "the last time", "{\"iat\": 9223372036854775807}", 400,
          "CLOCK_NOT_SYNCHRONIZED" },
    };
    struct scene s = open_scene(PLAIN);
    size_t i;

    factor_test_add_user(s.t, LEE, "lee", NULL);
    seed_phone(&s, DEVICE, "ACTIVE");
    for (i = 0; i < TAP_COUNT(rows); i++) {
        say(&s, "requests", "requests", parse(rows[i].changes));
        if (!untouched(&s, rows[i].status, rows[i].code) ||
            json_array_size(s.reply->audits) != 0)
            CU_FAIL(rows[i].what);
    }
    say(&s, "requests", "requests", parse("{\"iat\": 1699999940}"));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    say(&s, "requests", "requests",
        parse("{\"iat\": 1700000060, \"odd\": {\"a\": [1]}}"));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    close_scene(&s);
}

static void
headers_refused(void)
{
    static const char *const headers[] = {
        "{}",
        "{\"typ\": \"JWT\"}",
        "{\"typ\": 1}",
        "{\"typ\": \"" TYP "\", \"crit\": [\"exp\"]}",
        "{\"typ\": \"" TYP "\", \"b64\": false}",
        "{\"typ\": \"" TYP "\", \"zip\": \"DEF\"}",
        "{\"typ\": \"" TYP "\", \"jku\": \"https://evil.test/k\"}",
        "{\"typ\": \"" TYP "\", \"x5u\": \"https://evil.test/c\"}",
        "{\"typ\": \"" TYP "\", \"jwk\": {\"kty\": \"EC\"}}",
        "{\"typ\": \"" TYP "\", \"kid\": 1}",
        "{\"typ\": \"" TYP "\", \"odd\": 1}",
    };
    struct scene s = open_scene(PLAIN);
    size_t i;

    seed_phone(&s, DEVICE, "ACTIVE");
    for (i = 0; i < TAP_COUNT(headers); i++) {
        post_to(&s, "phone.requests", DEVICE,
                signed_with(phone_pem, claims_of(&s, "requests", NULL),
                            parse(headers[i])));
        if (!untouched(&s, 400, "INVALID_STATEMENT"))
            CU_FAIL(headers[i]);
    }
    post_to(&s, "phone.requests", DEVICE,
            signed_with(phone_pem, claims_of(&s, "requests", NULL),
                        parse("{\"typ\": \"" TYP "\", \"kid\": \"k\"}")));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    close_scene(&s);
}

/* --- Forgeries --- */

static void
append_base64url(char *to, const void *bytes, size_t len)
{
    char *end = to + strlen(to), *at;
    int count = EVP_EncodeBlock((unsigned char *)end, bytes, (int)len);

    for (at = end; at < end + count; at++) {
        if (*at == '+')
            *at = '-';
        if (*at == '/')
            *at = '_';
    }
    while (count > 0 && end[count - 1] == '=')
        end[--count] = '\0';
}

static void
append_dot(char *to)
{
    memcpy(to + strlen(to), ".", 2);
}

/* A statement under this header; key NULL: with an empty signature, else with
 * a MAC by these bytes.  Claims are stolen. */
static char *
forged(const char *header, json_t *claims, const char *key)
{
    char *body = json_dumps(claims, JSON_COMPACT);
    char *statement = calloc(1, 8192);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    append_base64url(statement, header, strlen(header));
    append_dot(statement);
    append_base64url(statement, body, strlen(body));
    if (key)
        HMAC(EVP_sha256(), key, (int)strlen(key),
             (const unsigned char *)statement, strlen(statement), mac,
             &mac_len);
    append_dot(statement);
    append_base64url(statement, mac, mac_len);
    json_decref(claims);
    free(body);
    return statement;
}

static void
forgeries_refused(void)
{
    static const char none[] = "{\"alg\":\"none\",\"typ\":\"" TYP "\"}";
    static const char mac[] = "{\"alg\":\"HS256\",\"typ\":\"" TYP "\"}";
    static const char es256[] = "{\"alg\":\"ES256\",\"typ\":\"" TYP "\"}";
    struct pushed p = push_with(PLAIN);
    char *jwk = json_dumps(json_object_get(device(&p.s, DEVICE), "jwk"),
                           JSON_COMPACT);
    char *statements[] = {
        forged(none, answer_claims(&p, "approve", NULL), NULL),
        forged(es256, answer_claims(&p, "approve", NULL), NULL),
        forged(mac, answer_claims(&p, "approve", NULL), jwk),
        forged(mac, answer_claims(&p, "approve", NULL),
               "34ZHoTX1WwaQ7wj47GF4ZgADOX_3O8Kvk7uY59vfkw4"),
        forged(es256, answer_claims(&p, "approve", NULL), jwk),
        signed_with(other_pem, answer_claims(&p, "approve", NULL), NULL),
        strdup("."), strdup(".."), strdup("a.b.c"),
        strdup("eyJ9.e30."),
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(statements); i++) {
        post_to(&p.s, "phone.answers", DEVICE, statements[i]);
        if (!untouched(&p.s, 400, "INVALID_STATEMENT"))
            tap_note("forgery %zu", i);
    }
    CU_ASSERT_TRUE(still_waits(&p));
    free(jwk);
    end_push(&p);
}

/* Whatever bit is turned, in header, claims or signature. */
static void
no_bit_may_turn(void)
{
    struct pushed p;
    size_t i, len;
    unsigned passed = 0;
    char *good, *bad;

    if (tap_skip_slow())
        return;
    p = push_with(PLAIN);
    good = signed_with(phone_pem, answer_claims(&p, "approve", NULL), NULL);
    len = strlen(good);
    for (i = 0; i < len; i += 7) {
        bad = strdup(good);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        post_to(&p.s, "phone.answers", DEVICE, bad);
        passed += !refused(&p.s, 400, "INVALID_STATEMENT");
    }
    bad = strdup(good);
    bad[len - 1] = '\0';
    post_to(&p.s, "phone.answers", DEVICE, bad);
    passed += !refused(&p.s, 400, "INVALID_STATEMENT");
    CU_ASSERT_EQUAL(passed, 0);
    CU_ASSERT_TRUE(still_waits(&p));
    post_to(&p.s, "phone.answers", DEVICE, good);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

static void
bodies_refused(void)
{
    static const char *const bodies[] = {
        "{}", "{\"statement\": 1}", "{\"statement\": null}",
        "{\"statement\": {\"v\": 1}}", "{\"statement\": [\"a.b.c\"]}",
    };
    struct scene s = open_scene(PLAIN);
    char *huge = malloc(8194);
    size_t i;

    seed_phone(&s, DEVICE, "ACTIVE");
    for (i = 0; i < TAP_COUNT(bodies); i++) {
        s.reply = factor_test_resource(
            s.t, "phone.requests", json_pack("{s:s}", "device", DEVICE), NULL,
            parse(bodies[i]));
        CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    }
    memset(huge, 'e', 8193);
    huge[8193] = '\0';
    post_to(&s, "phone.requests", DEVICE, strdup(huge));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    huge[8192] = '\0';
    post_to(&s, "phone.requests", DEVICE, huge);
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    close_scene(&s);
}

static void
unknown_devices(void)
{
    struct scene s = open_scene(PLAIN);

    seed_email(&s, "d-email");
    say(&s, "requests", "requests", NULL);
    CU_ASSERT_TRUE(untouched(&s, 404, "NOT_PAIRED"));
    change(&s, "mfa.device", "d-email", json_pack("{s:o}", "jwk",
                                                  phone_jwk()));
    post_to(&s, "phone.requests", "d-email",
            signed_with(phone_pem,
                        claims_of(&s, "requests", json_pack("{s:s}", "device",
                                                            "d-email")),
                        NULL));
    CU_ASSERT_TRUE(untouched(&s, 404, "NOT_PAIRED"));
    close_scene(&s);
}

/* --- Answers --- */

static void
approved(void)
{
    struct pushed p = push_with(PLAIN);

    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        device(&p.s, DEVICE), "pushes")), 1);
    answer(&p, "approve", json_pack("{s:s}", "method", "face"));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    CU_ASSERT_TRUE(has_audit(&p.s, "mfa.push_approved"));
    CU_ASSERT_FALSE(has_audit(&p.s, "mfa.method_dropped"));
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "decision"), "APPROVED");
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "nonce"), NONCE);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        device(&p.s, DEVICE), "pushes")), 0);
    ask(&p.s);
    CU_ASSERT_EQUAL(p.s.reply->kind, FACTOR_TEST_WAIT);
    get(&p.s);
    CU_ASSERT_TRUE(in_state(&p.s, "MFA_COMPLETED"));
    act(&p.s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&p.s, "web_login_mobile"));
    CU_ASSERT_TRUE(has_amr(&p.s, "[\"mca\",\"user\",\"swk\",\"face\"]"));
    end_push(&p);
}

static void
denied(void)
{
    static const struct {
        const char *said;  /* JSON */
        const char *noted;
        bool fraud;
    } rows[] = {
        { "{}", "NONE", false },
        { "{\"reason\": \"NONE\"}", "NONE", false },
        { "{\"reason\": \"BIOMETRICS_REJECTED\"}", "BIOMETRICS_REJECTED",
          false },
        { "{\"reason\": \"REPORT_FRAUD\"}", "REPORT_FRAUD", true },
        { "{\"reason\": \"of my own\"}", "NONE", false },
        { "{\"reason\": 7}", "NONE", false },
    };
    struct pushed p;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        p = push_with(PLAIN);
        answer(&p, "deny", parse(rows[i].said));
        CU_ASSERT_TRUE(result_is(&p.s, "denied"));
        CU_ASSERT_STRING_EQUAL(audited_reason(&p.s, "mfa.push_denied"),
                               rows[i].noted);
        CU_ASSERT_EQUAL(has_audit(&p.s, "mfa.fraud_reported"), rows[i].fraud);
        CU_ASSERT_STRING_EQUAL(text(push_of(&p), "reason"), rows[i].noted);
        CU_ASSERT_EQUAL(number(factor_test_record(p.s.t, "mfa.account", KIM),
                               "failures"), 1);
        get(&p.s);
        CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_REJECTED"));
        end_push(&p);
    }
}

/* In a row: who proves in between is not locked out by it. */
static void
approval_ends_the_row(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_seed(p.s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:i}", "v", 1, "failures", 19));
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    CU_ASSERT_EQUAL(number(factor_test_record(p.s.t, "mfa.account", KIM),
                           "failures"), 0);
    end_push(&p);
}

/* An account that is locked is, with all of its devices. */
static void
locked_accounts_approve_nothing(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_seed(p.s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:i, s:I}", "v", 1, "failures", 20,
                               "locked_until_ms",
                               (json_int_t)factor_test_now(p.s.t) + 60000));
    answer(&p, "approve", NULL);
    CU_ASSERT_EQUAL(p.s.reply->http_status, 409);
    CU_ASSERT_TRUE(has_audit(&p.s, "mfa.push_ignored"));
    end_push(&p);
}

/* M2: one wrong number is a denial. */
static void
wrong_numbers_deny(void)
{
    static const char *const numbers[] = { "", "0", "4071930", " 407193",
                                           "407193 " };
    struct pushed p;
    char near_miss[8];
    size_t i;

    for (i = 0; i < TAP_COUNT(numbers) + 2; i++) {
        p = push_with(PLAIN);
        memcpy(near_miss, p.number, sizeof(near_miss));
        near_miss[5] = (char)('0' + (near_miss[5] - '0' + 1) % 10);
        if (i < TAP_COUNT(numbers))
            answer(&p, "approve", json_pack("{s:s}", "number", numbers[i]));
        else if (i == TAP_COUNT(numbers))
            answer(&p, "approve", json_pack("{s:s}", "number", near_miss));
        else
            answer(&p, "approve", json_pack("{s:n}", "number"));
        CU_ASSERT_TRUE(result_is(&p.s, "denied"));
        CU_ASSERT_STRING_EQUAL(audited_reason(&p.s, "mfa.push_denied"),
                               "WRONG_NUMBER");
        answer(&p, "approve", json_pack("{s:s}", "nonce", NONCE_2));
        CU_ASSERT_TRUE(ignored(&p.s, "repeated"));
        get(&p.s);
        CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_REJECTED"));
        end_push(&p);
    }
}

static void
answers_refused(void)
{
    static const char *const changes[] = {
        "{\"decision\": null}",
        "{\"decision\": \"yes\"}",
        "{\"decision\": true}",
        "{\"nonce\": null}",
        "{\"nonce\": \"\"}",
        "{\"nonce\": \"AAECAwQFBgcICQoLDA0OD\"}",
        "{\"nonce\": \"AAECAwQFBgcICQoLDA0ODw==\"}",
        "{\"nonce\": \"AAECAwQFBgcICQoLDA0O+w\"}",
        "{\"exp\": null}",
        "{\"exp\": 1699999999}",
        "{\"exp\": \"1700000030\"}",
        "{\"request\": null}",
        "{\"request\": 1}",
        "{\"challenge\": null}",
        "{\"challenge\": \"\"}",
        "{\"number\": 407193}",
        "{\"purpose\": \"requests\"}",
        "{\"purpose\": \"unpair\"}",
        "{\"iat\": null}",
    };
    struct pushed p = push_with(PLAIN);
    size_t i;

    for (i = 0; i < TAP_COUNT(changes); i++) {
        answer(&p, "approve", parse(changes[i]));
        if (!untouched(&p.s, 400, "INVALID_STATEMENT"))
            CU_FAIL(changes[i]);
    }
    CU_ASSERT_TRUE(still_waits(&p));
    answer(&p, "approve", parse("{\"exp\": 1700000000}"));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

/* M10: what was answered is what was shown. */
static void
other_client_refused(void)
{
    static const char *const changes[] = {
        "{\"client\": \"other\"}", "{\"client\": null}",
        "{\"host\": \"evil.test\"}", "{\"host\": null}",
        "{\"host\": \"\"}", "{\"client\": [\"demo\"]}",
    };
    struct pushed p = push_with(PLAIN);
    size_t i;

    for (i = 0; i < TAP_COUNT(changes); i++) {
        answer(&p, "approve", parse(changes[i]));
        if (!untouched(&p.s, 400, "INVALID_STATEMENT"))
            CU_FAIL(changes[i]);
        CU_ASSERT_STRING_EQUAL(audited_reason(&p.s, "mfa.push_ignored"),
                               "other_client");
    }
    CU_ASSERT_TRUE(still_waits(&p));
    end_push(&p);
}

/* M5, from here on. */
static void
late(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_advance(p.s.t, 40 * SECOND);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(ignored(&p.s, "expired"));
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "decision"), "NONE");
    get(&p.s);
    CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_TIMED_OUT"));
    end_push(&p);
    p = push_with(PLAIN);
    factor_test_advance(p.s.t, 40 * SECOND - 1);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

static void
old_challenge(void)
{
    struct pushed p = push_with(PLAIN);
    json_t *old = json_deep_copy(p.request);
    char number[8];

    memcpy(number, p.number, sizeof(number));
    factor_test_advance(p.s.t, 3 * SECOND);
    act_on(&p.s, "selectDevice", DEVICE);
    CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_WAITING"));
    memcpy(p.number,
           text(json_object_get(p.s.reply->model, "numberMatching"), "value"),
           7);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(ignored(&p.s, "old"));
    answer(&p, "deny", json_pack("{s:s}", "number", number));
    CU_ASSERT_TRUE(ignored(&p.s, "old"));
    CU_ASSERT_TRUE(still_waits(&p));
    listen(&p);
    CU_ASSERT_STRING_EQUAL(text(p.request, "id"), text(old, "id"));
    CU_ASSERT_STRING_NOT_EQUAL(text(p.request, "challenge"),
                               text(old, "challenge"));
    json_decref(old);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

static void
twice(void)
{
    struct pushed p = push_with(PLAIN);

    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    answer(&p, "approve", json_pack("{s:s}", "nonce", NONCE_2));
    CU_ASSERT_TRUE(ignored(&p.s, "repeated"));
    answer(&p, "deny", json_pack("{s:s}", "nonce", NONCE_2));
    CU_ASSERT_TRUE(ignored(&p.s, "repeated"));
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "decision"), "APPROVED");
    get(&p.s);
    CU_ASSERT_TRUE(in_state(&p.s, "MFA_COMPLETED"));
    end_push(&p);
}

/* The answer was lost; and the page may have been faster. */
static void
same_once_more(void)
{
    struct pushed p = push_with(PLAIN);
    char *statement = signed_with(phone_pem,
                                  answer_claims(&p, "approve", NULL), NULL);

    post_to(&p.s, "phone.answers", DEVICE, strdup(statement));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    post_to(&p.s, "phone.answers", DEVICE, strdup(statement));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    CU_ASSERT_EQUAL(json_array_size(p.s.reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(p.s.reply->audits), 0);
    act(&p.s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(p.s.reply->kind, FACTOR_TEST_SUCCESS);
    post_to(&p.s, "phone.answers", DEVICE, strdup(statement));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    CU_ASSERT_EQUAL(json_array_size(p.s.reply->puts), 0);
    factor_test_advance(p.s.t, 61 * SECOND);
    post_to(&p.s, "phone.answers", DEVICE, statement);
    CU_ASSERT_TRUE(untouched(&p.s, 400, "CLOCK_NOT_SYNCHRONIZED"));
    end_push(&p);
    p = push_with(PLAIN);
    answer(&p, "deny", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "denied"));
    answer(&p, "deny", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "denied"));
    CU_ASSERT_EQUAL(json_array_size(p.s.reply->puts), 0);
    CU_ASSERT_EQUAL(number(factor_test_record(p.s.t, "mfa.account", KIM),
                           "failures"), 1);
    end_push(&p);
}

static void
seed_second_phone(struct scene *s, const char *id, const char *owner)
{
    json_t *body = json_deep_copy(device(s, DEVICE));

    /* The key new_key of the protocol's test vectors. */
    json_object_set_new(
        body, "jwk",
        json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                  "OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg", "y",
                  "TE5qICwgTGFHY5rLVvSPTTCzNnGOBWZJ9drsLKK-N_Q"));
    factor_test_seed(s->t, "mfa.device", id, owner, NULL, body);
}

static void
other_device(void)
{
    struct pushed p = push_with(PLAIN);
    char *statement;

    seed_second_phone(&p.s, "d-second", KIM);
    post_to(&p.s, "phone.answers", "d-second",
            signed_with(other_pem,
                        answer_claims(&p, "approve",
                                      json_pack("{s:s}", "device",
                                                "d-second")), NULL));
    CU_ASSERT_TRUE(ignored(&p.s, "foreign"));
    /* One's statement, posted as another's. */
    statement = signed_with(phone_pem, answer_claims(&p, "approve", NULL),
                            NULL);
    post_to(&p.s, "phone.answers", "d-second", statement);
    CU_ASSERT_TRUE(untouched(&p.s, 400, "INVALID_STATEMENT"));
    /* Two devices of the very same key. */
    change(&p.s, "mfa.device", "d-second",
           json_pack("{s:o}", "jwk", phone_jwk()));
    statement = signed_with(phone_pem, answer_claims(&p, "approve", NULL),
                            NULL);
    post_to(&p.s, "phone.answers", "d-second", statement);
    CU_ASSERT_TRUE(untouched(&p.s, 400, "INVALID_STATEMENT"));
    CU_ASSERT_TRUE(still_waits(&p));
    end_push(&p);
}

static void
other_user(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_add_user(p.s.t, LEE, "lee", NULL);
    seed_second_phone(&p.s, "d-lee", LEE);
    post_to(&p.s, "phone.answers", "d-lee",
            signed_with(other_pem,
                        answer_claims(&p, "approve",
                                      json_pack("{s:s, s:s}", "device",
                                                "d-lee", "user", LEE)), NULL));
    CU_ASSERT_TRUE(ignored(&p.s, "foreign"));
    post_to(&p.s, "phone.answers", "d-lee",
            signed_with(other_pem,
                        answer_claims(&p, "approve",
                                      json_pack("{s:s}", "device", "d-lee")),
                        NULL));
    CU_ASSERT_TRUE(untouched(&p.s, 404, "NOT_PAIRED"));
    answer(&p, "approve", json_pack("{s:s}", "request", "a-unknown"));
    CU_ASSERT_TRUE(ignored(&p.s, "foreign"));
    /* Not even one that names the very device. */
    copy_auth(&p, "a-odd", KIM, json_pack("{s:s}", "device", "d-lee"));
    post_to(&p.s, "phone.answers", "d-lee",
            signed_with(other_pem,
                        answer_claims(&p, "approve",
                                      json_pack("{s:s, s:s, s:s}", "device",
                                                "d-lee", "user", LEE,
                                                "request", "a-odd")), NULL));
    CU_ASSERT_TRUE(ignored(&p.s, "foreign"));
    CU_ASSERT_TRUE(still_waits(&p));
    end_push(&p);
}

/* Each push stands for itself: what one flow was granted helps no other. */
static void
other_flow(void)
{
    struct pushed p = push_with(PLAIN);
    char first[64], number[8];
    json_t *asked = json_deep_copy(p.request);

    snprintf(first, sizeof(first), "%s", p.auth);
    memcpy(number, p.number, sizeof(number));
    change(&p.s, "mfa.auth", first, json_pack("{s:s}", "stage", "SELECT"));
    begin(&p.s);
    ring(&p);
    CU_ASSERT_STRING_NOT_EQUAL(p.auth, first);
    change(&p.s, "mfa.auth", first, json_pack("{s:s}", "stage", "PUSH"));
    answer(&p, "approve",
           json_pack("{s:s, s:s}", "challenge", text(asked, "challenge"),
                     "number", number));
    CU_ASSERT_TRUE(ignored(&p.s, "old"));
    answer(&p, "approve", json_pack("{s:s}", "request", first));
    CU_ASSERT_TRUE(ignored(&p.s, "old"));
    CU_ASSERT_TRUE(still_waits(&p));
    answer(&p, "approve",
           json_pack("{s:s, s:s, s:s}", "request", first, "challenge",
                     text(asked, "challenge"), "number", number));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    CU_ASSERT_TRUE(still_waits(&p));
    json_decref(asked);
    end_push(&p);
}

static void
after_cancel(void)
{
    struct pushed p = push_with(PLAIN);

    act(&p.s, "cancelAuthentication", NULL);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(ignored(&p.s, "old"));
    ask(&p.s);
    CU_ASSERT_EQUAL(p.s.reply->kind, FACTOR_TEST_WAIT);
    end_push(&p);
}

/* An administrator has taken the phone out of service meanwhile. */
static void
blocked_phone(void)
{
    struct pushed p = push_with(PLAIN);

    change(&p.s, "mfa.device", DEVICE, json_pack("{s:b}", "blocked", 1));
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(ignored(&p.s, "blocked"));
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "decision"), "NONE");
    end_push(&p);
}

/* P3 */
static void
methods(void)
{
    static const struct {
        const char *said; /* JSON */
        const char *kept; /* or NULL */
        const char *dropped;
    } rows[] = {
        { "\"fpt\"", "fpt", NULL },
        { "\"pin\"", "pin", NULL },
        { "\"palm\"", NULL, "palm" },
        { "\"mfa\"", NULL, "mfa" },
        { "\"otp\"", NULL, "otp" },
        { "\"hwk\"", NULL, "hwk" },
        { "\"sc\"", NULL, "sc" },
        { "\"FACE\"", NULL, "malformed" },
        { "\"face id\"", NULL, "malformed" },
        { "\"aaaaaaaaaaaaaaaaa\"", NULL, "malformed" },
        { "\"\"", NULL, "malformed" },
        { "[\"face\"]", NULL, "malformed" },
    };
    struct pushed p;
    char more[80];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        p = push_with(PLAIN);
        snprintf(more, sizeof(more), "{\"method\": %s}", rows[i].said);
        answer(&p, "approve", parse(more));
        CU_ASSERT_TRUE(result_is(&p.s, "approved"));
        CU_ASSERT_STRING_EQUAL(text(push_of(&p), "method"),
                               rows[i].kept ? rows[i].kept : "(none)");
        CU_ASSERT_STRING_EQUAL(audited_reason(&p.s, "mfa.method_dropped"),
                               rows[i].dropped ? rows[i].dropped
                                               : "(no event)");
        end_push(&p);
    }
}

#define METHODS                                                                \
    "{\"applications\": [{\"name\": \"App\", \"id\": \"" APP "\","             \
    " \"mobile\": {\"authenticationMethods\":"                                 \
    " [\"palm\", \"hwk\", \"sc\"]}}]}"

static void
methods_of_the_application(void)
{
    static const char *const said[] = { "palm", "face", "hwk", "sc" };
    struct pushed p;
    size_t i;

    for (i = 0; i < TAP_COUNT(said); i++) {
        p = push_with(METHODS);
        answer(&p, "approve", json_pack("{s:s}", "method", said[i]));
        CU_ASSERT_TRUE(result_is(&p.s, "approved"));
        CU_ASSERT_STRING_EQUAL(text(push_of(&p), "method"),
                               i == 0 ? "palm" : "(none)");
        end_push(&p);
    }
}

/* M12 */
static void
same_client(void)
{
    static const struct {
        const char *address, *agent;
        bool same;
    } rows[] = {
        { "203.0.113.7", FIREFOX, true },
        { "203.0.113.8", FIREFOX, false },
        { "203.0.113.7", "Phone", false },
        { NULL, FIREFOX, false },
    };
    struct pushed p;
    json_t *auth;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        p = push_with(PLAIN);
        factor_test_set_request(
            p.s.t, json_pack("{s:s?, s:s}", "address", rows[i].address,
                             "user_agent", rows[i].agent));
        if (!rows[i].address) { /* nor is the asker's known */
            auth = json_deep_copy(
                factor_test_record(p.s.t, "mfa.auth", p.auth));
            json_object_del(auth, "address");
            factor_test_seed(p.s.t, "mfa.auth", p.auth, KIM, NULL, auth);
        }
        answer(&p, "approve", NULL);
        CU_ASSERT_TRUE(result_is(&p.s, "approved"));
        CU_ASSERT_EQUAL(flag(push_of(&p), "same_client"), rows[i].same);
        end_push(&p);
    }
}

#define ELSEWHERE                                                              \
    "{" ONE_APP ", \"device_policies\": [{\"name\": \"Strict\","               \
    " \"default\": true, \"email\": {\"enabled\": true},"                      \
    " \"mobile\": {\"enabled\": true, \"applications\": [{\"name\":"           \
    " \"Authenticator\", \"push\": {\"enabled\": true, \"numberMatching\":"    \
    " {\"enabled\": true}, \"refuseSameClient\": true}}]}}]}"

/* M12: a policy may want another device than the one that signs on. */
static void
same_client_refused(void)
{
    struct pushed p = push_with(ELSEWHERE);

    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "denied"));
    CU_ASSERT_STRING_EQUAL(audited_reason(&p.s, "mfa.push_denied"),
                           "SAME_CLIENT");
    get(&p.s);
    CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_REJECTED"));
    end_push(&p);
    p = push_with(ELSEWHERE);
    factor_test_set_request(p.s.t, json_pack("{s:s, s:s}", "address",
                                             "203.0.113.8", "user_agent",
                                             "Phone"));
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    end_push(&p);
}

/* Another sign-on's push still waits: it counts on. */
static void
approval_leaves_what_waits(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_advance(p.s.t, SECOND);
    begin(&p.s);
    ring(&p);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        device(&p.s, DEVICE), "pushes")), 2);
    answer(&p, "approve", NULL);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        device(&p.s, DEVICE), "pushes")), 1);
    end_push(&p);
}

/* Somebody else's answer is committed between decision and commit. */
static void
other_answers(struct factor_test *test, void *context)
{
    const struct pushed *p = context;
    json_t *body = json_deep_copy(factor_test_record(test, "mfa.auth",
                                                     p->auth));
    json_t *push = json_object_get(body, "push");

    json_object_set_new(push, "decision", json_string("DENIED"));
    json_object_set_new(push, "nonce", json_string(NONCE_2));
    factor_test_seed(test, "mfa.auth", p->auth, KIM, NULL, body);
}

static void
two_at_once(void)
{
    struct pushed p = push_with(PLAIN);

    factor_test_before_commit(p.s.t, other_answers, &p);
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(ignored(&p.s, "repeated"));
    CU_ASSERT_STRING_EQUAL(text(push_of(&p), "decision"), "DENIED");
    end_push(&p);
}

/* --- Changes --- */

/* One that is made so many ms from now; more is stolen. */
static void
change_by_phone(struct scene *s, const char *what, int ms, json_t *more)
{
    json_t *all = json_pack("{s:I}", "iat_ms", now_ms(s) + ms);

    if (more)
        json_object_update(all, more);
    json_decref(more);
    say(s, what, what, all);
}

static struct scene
phone_scene(void)
{
    struct scene s = open_scene(PLAIN);

    seed_phone(&s, DEVICE, "ACTIVE");
    return s;
}

static const char *
push_address(const struct scene *s)
{
    return text(json_object_get(device(s, DEVICE), "secret"), "push");
}

static void
push_changed(void)
{
    struct scene s = phone_scene();

    change_by_phone(&s, "push", 1, json_pack("{s:s}", "push", "fcm:token"));
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_STRING_EQUAL(push_address(&s), "fcm:token");
    CU_ASSERT_EQUAL(number(device(&s, DEVICE), "statement_at_ms"),
                    now_ms(&s) + 1);
    CU_ASSERT_EQUAL(number(device(&s, DEVICE), "push_at_ms"), now_ms(&s));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.push_address_changed"));
    change_by_phone(&s, "push", 2, json_pack("{s:n}", "push"));
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_STRING_EQUAL(push_address(&s), "(none)");
    close_scene(&s);
}

static void
odd_push_refused(void)
{
    static const char *const pushes[] = {
        "{}", "{\"push\": 1}", "{\"push\": \"\"}", "{\"push\": \"token\"}",
        "{\"push\": \":token\"}", "{\"push\": \"fcm:\"}",
        "{\"push\": \"fcm-token\"}",
        "{\"push\": \"FCM:token\"}", "{\"push\": {\"fcm\": \"token\"}}",
    };
    struct scene s = phone_scene();
    char *huge = malloc(2050);
    size_t i;

    for (i = 0; i < TAP_COUNT(pushes); i++) {
        change_by_phone(&s, "push", 1, parse(pushes[i]));
        if (!untouched(&s, 400, "INVALID_STATEMENT"))
            CU_FAIL(pushes[i]);
    }
    memset(huge, 't', 2049);
    memcpy(huge, "fcm:", 4);
    huge[2049] = '\0';
    change_by_phone(&s, "push", 1, json_pack("{s:s}", "push", huge));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    huge[2048] = '\0';
    change_by_phone(&s, "push", 1, json_pack("{s:s}", "push", huge));
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_STRING_EQUAL(push_address(&s), huge);
    free(huge);
    close_scene(&s);
}

static void
changes_in_order(void)
{
    struct scene s = phone_scene();
    json_t *push = json_pack("{s:s}", "push", "fcm:a");

    change_by_phone(&s, "push", 500, json_incref(push));
    CU_ASSERT_TRUE(answered(&s, 200));
    change_by_phone(&s, "push", 500, json_incref(push));
    CU_ASSERT_TRUE(untouched(&s, 409, "STATEMENT_REPLAYED"));
    change_by_phone(&s, "push", 499, json_incref(push));
    CU_ASSERT_TRUE(untouched(&s, 409, "STATEMENT_REPLAYED"));
    change_by_phone(&s, "unpair", 500, NULL);
    CU_ASSERT_TRUE(untouched(&s, 409, "STATEMENT_REPLAYED"));
    change_by_phone(&s, "key", 1, NULL);
    CU_ASSERT_TRUE(untouched(&s, 409, "STATEMENT_REPLAYED"));
    change_by_phone(&s, "push", 501, json_incref(push));
    CU_ASSERT_TRUE(answered(&s, 200));
    say(&s, "push", "push", json_incref(push));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    change_by_phone(&s, "push", 1000, json_incref(push));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    change_by_phone(&s, "push", -1, json_incref(push));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    say(&s, "push", "push",
        parse("{\"push\": \"fcm:a\", \"iat_ms\": \"1700000000700\"}"));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    say(&s, "push", "push",
        parse("{\"push\": \"fcm:a\", \"iat_ms\": 9223372036854775807}"));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    json_decref(push);
    close_scene(&s);
}

/* What was refused for its clock does not count. */
static void
clock_does_not_count(void)
{
    struct scene s = phone_scene();

    say(&s, "push", "push",
        json_pack("{s:I, s:I, s:s}", "iat", now_s(&s) + 61, "iat_ms",
                  now_ms(&s) + 61 * SECOND, "push", "fcm:a"));
    CU_ASSERT_TRUE(untouched(&s, 400, "CLOCK_NOT_SYNCHRONIZED"));
    change_by_phone(&s, "push", 1, json_pack("{s:s}", "push", "fcm:a"));
    CU_ASSERT_TRUE(answered(&s, 200));
    close_scene(&s);
}

static json_t *
new_jwk(void)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                     "OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg", "y",
                     "TE5qICwgTGFHY5rLVvSPTTCzNnGOBWZJ9drsLKK-N_Q");
}

/* Changes of the proof's claims are stolen. */
static json_t *
proof_by(const struct scene *s, const char *pem, json_t *more)
{
    char *proof = signed_with(pem, claims_of(s, "proof", more), NULL);
    json_t *text = json_string(proof);

    free(proof);
    return text;
}

static void
key_changed(void)
{
    struct scene s = phone_scene();
    json_t *jwk = new_jwk();

    json_object_set_new(jwk, "use", json_string("sig"));
    change_by_phone(&s, "key", 1,
                    json_pack("{s:o, s:o}", "key", jwk, "proof",
                              proof_by(&s, other_pem, NULL)));
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_key_changed"));
    jwk = new_jwk();
    CU_ASSERT_TRUE(json_equal(json_object_get(device(&s, DEVICE), "jwk"),
                              jwk));
    json_decref(jwk);
    ask(&s);
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    post_to(&s, "phone.requests", DEVICE,
            signed_with(other_pem, claims_of(&s, "requests", NULL), NULL));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    close_scene(&s);
}

static void
odd_keys_refused(void)
{
    static const char *const keys[] = {
        "{\"key\": null}",
        "{\"key\": 1}",
        "{\"key\": {}}",
        "{\"key\": {\"kty\": \"RSA\", \"n\": \"AQAB\", \"e\": \"AQAB\"}}",
        "{\"key\": {\"kty\": \"oct\", \"k\": \"AQAB\"}}",
        "{\"key\": {\"kty\": \"EC\", \"crv\": \"P-256\","
        " \"x\": \"OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg\"}}",
        "{\"key\": {\"kty\": \"EC\", \"crv\": \"P-384\","
        " \"x\": \"OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg\","
        " \"y\": \"TE5qICwgTGFHY5rLVvSPTTCzNnGOBWZJ9drsLKK-N_Q\"}}",
        "{\"key\": {\"kty\": \"EC\", \"crv\": \"P-256\","
        " \"x\": \"OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg\","
        " \"y\": \"AAAAICwgTGFHY5rLVvSPTTCzNnGOBWZJ9drsLKK-N_Q\"}}",
        "{\"proof\": null}",
        "{\"proof\": 1}",
        "{\"proof\": \"\"}",
        "{\"proof\": \"a.b.c\"}",
    };
    struct scene s = phone_scene();
    json_t *more;
    size_t i;

    for (i = 0; i < TAP_COUNT(keys); i++) {
        more = json_pack("{s:o, s:o}", "key", new_jwk(), "proof",
                         proof_by(&s, other_pem, NULL));
        json_object_update_new(more, parse(keys[i]));
        change_by_phone(&s, "key", 1, more);
        if (!untouched(&s, 400, "INVALID_STATEMENT"))
            CU_FAIL(keys[i]);
    }
    ask(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_WAIT);
    close_scene(&s);
}

/* Nobody takes a key that is not his, nor by what it once said. */
static void
odd_proofs_refused(void)
{
    static const char *const claims[] = {
        "{\"v\": 2}", "{\"v\": null}", "{\"purpose\": \"key\"}",
        "{\"purpose\": \"requests\"}", "{\"aud\": \"https://evil.test\"}",
        "{\"device\": \"d-other\"}", "{\"device\": null}",
        "{\"user\": \"" LEE "\"}", "{\"user\": null}", "{\"iat\": null}",
    };
    struct scene s = phone_scene();
    size_t i;

    for (i = 0; i < TAP_COUNT(claims); i++) {
        change_by_phone(&s, "key", 1,
                        json_pack("{s:o, s:o}", "key", new_jwk(), "proof",
                                  proof_by(&s, other_pem, parse(claims[i]))));
        if (!untouched(&s, 400, "INVALID_STATEMENT"))
            CU_FAIL(claims[i]);
    }
    change_by_phone(&s, "key", 1,
                    json_pack("{s:o, s:o}", "key", new_jwk(), "proof",
                              proof_by(&s, phone_pem, NULL)));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    change_by_phone(&s, "key", 1,
                    json_pack("{s:o, s:o}", "key", new_jwk(), "proof",
                              proof_by(&s, other_pem,
                                       parse("{\"iat\": 1699999939}"))));
    CU_ASSERT_TRUE(untouched(&s, 400, "CLOCK_NOT_SYNCHRONIZED"));
    CU_ASSERT_EQUAL(number(device(&s, DEVICE), "statement_at_ms"), 0);
    close_scene(&s);
}

static void
unpaired(void)
{
    struct scene s = phone_scene();
    const json_t *account;

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:s, s:[s, s, s]}", "v", 1,
                               "default_device", DEVICE, "order", DEVICE,
                               "d-other", "d-email"));
    change_by_phone(&s, "unpair", 1, NULL);
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_PTR_NULL(device(&s, DEVICE));
    account = factor_test_record(s.t, "mfa.account", KIM);
    CU_ASSERT_STRING_EQUAL(text(account, "default_device"), "d-other");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(account, "order")), 2);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_removed"));
    CU_ASSERT_STRING_EQUAL(audited_reason(&s, "mfa.unpaired"), "phone");
    CU_ASSERT_STRING_EQUAL(
        text(message(&s, "mfa.device_removed"), "address"), "kim@acme.test");
    change_by_phone(&s, "unpair", 2, NULL);
    CU_ASSERT_TRUE(untouched(&s, 404, "NOT_PAIRED"));
    ask(&s);
    CU_ASSERT_TRUE(untouched(&s, 404, "NOT_PAIRED"));
    close_scene(&s);
}

/* The account is left alone if the device had no place in it. */
static void
unpaired_without_place(void)
{
    struct scene s = phone_scene();

    seed_email(&s, "d-email");
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:s}", "v", 1, "default_device",
                               "d-email"));
    factor_test_refuse_sends(s.t, 1);
    change_by_phone(&s, "unpair", 1, NULL);
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->removes), 1);
    close_scene(&s);
}

static void
unpaired_while_asked(void)
{
    struct pushed p = push_with(PLAIN);

    change_by_phone(&p.s, "unpair", 1, NULL);
    CU_ASSERT_TRUE(answered(&p.s, 200));
    answer(&p, "approve", NULL);
    CU_ASSERT_TRUE(untouched(&p.s, 404, "NOT_PAIRED"));
    get(&p.s);
    CU_ASSERT_TRUE(in_state(&p.s, "PUSH_CONFIRMATION_TIMED_OUT"));
    end_push(&p);
}

/* --- Discovery --- */

static void
discovered(void)
{
    struct scene s = open_scene(
        "{\"applications\": [{\"name\": \"Authenticator\", \"id\": \"" APP
        "\"}, {\"name\": \"Hidden\", \"id\": \"" OTHER_APP "\"}],"
        " \"device_policies\": [{\"name\": \"P\","
        " \"default\": true, \"mobile\": {\"enabled\": true,"
        " \"applications\": [{\"name\": \"Authenticator\"}]}},"
        " {\"name\": \"Q\"}]}");
    const json_t *list;

    factor_test_publish("webpush", "vapid_public_key", "BNc");
    s.reply = factor_test_resource(s.t, "phone.discovery", NULL, NULL, NULL);
    CU_ASSERT_TRUE(answered(&s, 200));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "issuer"),
                           FACTOR_TEST_BASE_URL);
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "environment"),
                           FACTOR_TEST_ENVIRONMENT);
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "endpoint"),
                           FACTOR_TEST_BASE_URL "/" FACTOR_TEST_ENVIRONMENT
                                                "/mobile");
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "vapid_public_key"), "BNc");
    list = json_object_get(s.reply->body, "applications");
    CU_ASSERT_EQUAL(json_array_size(list), 1);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 0), "id"), APP);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 0), "name"),
                           "Authenticator");
    close_scene(&s);
    factor_test_publish(NULL, NULL, NULL);
    s = open_scene(PLAIN);
    s.reply = factor_test_resource(s.t, "phone.discovery", NULL, NULL, NULL);
    CU_ASSERT_PTR_NULL(json_object_get(s.reply->body, "vapid_public_key"));
    close_scene(&s);
}

/* --- Pairing --- */

struct key {
    char text[32];
    char id[64]; /* of its record */
};

static struct key
operator_key(struct scene *s)
{
    struct key key;

    operate(s, "createPairingKey", NULL);
    CU_ASSERT_EQUAL(s->reply->kind, FACTOR_TEST_ANSWER);
    snprintf(key.text, sizeof(key.text), "%s", text(s->reply->body, "key"));
    snprintf(key.id, sizeof(key.id), "%s", text(s->reply->body, "id"));
    return key;
}

/* Up to the page that shows a key. */
static struct key
page_key(struct scene *s)
{
    struct key key = { .text = "" };
    const char *at;

    to_menu(s);
    choose_method(s, "MOBILE");
    CU_ASSERT_TRUE(in_state(s, "MOBILE_ACTIVATION_REQUIRED"));
    at = strstr(text(s->reply->model, "pairingKey"), "&key=");
    if (at)
        sscanf(at + 5, "%31[A-Z0-9]", key.text);
    snprintf(key.id, sizeof(key.id), "%s",
             text(factor_test_flow_data(s->t), "pairing"));
    return key;
}

/* jwk is stolen; so are claims. */
static void
claim_as(struct scene *s, json_t *jwk, const char *pem, json_t *claims)
{
    char *statement = signed_with(pem, claims, NULL);

    s->reply = factor_test_resource(
        s->t, "phone.pair",
        json_pack("{s:s}", "env", FACTOR_TEST_ENVIRONMENT), NULL,
        json_pack("{s:o, s:s}", "key", jwk, "statement", statement));
    free(statement);
    if (s->reply->kind == FACTOR_TEST_BROKEN ||
        s->reply->kind == FACTOR_TEST_UNEXPECTED)
        tap_note("phone.pair: %s", s->reply->problem);
}

static json_t *
pair_claims(const struct scene *s, const char *key, json_t *more)
{
    json_t *all = json_pack("{s:n, s:n, s:s, s:s, s:s, s:s}", "device",
                            "user", "key", key, "application", APP, "name",
                            "Kim's phone", "platform", "android");

    if (more)
        json_object_update(all, more);
    json_decref(more);
    return claims_of(s, "pair", all);
}

static void
claim(struct scene *s, const char *key, json_t *more)
{
    claim_as(s, phone_jwk(), phone_pem, pair_claims(s, key, more));
}

static void
claim_by_other(struct scene *s, const char *key)
{
    claim_as(s, new_jwk(), other_pem, pair_claims(s, key, NULL));
}

static const json_t *
pairing(const struct scene *s, const struct key *key)
{
    return factor_test_record(s->t, "mfa.pairing", key->id);
}

/* What the answer says, and that the device is the one in the record. */
static const json_t *
claimed(const struct scene *s, unsigned status, const char *device_status)
{
    const json_t *body = s->reply->body;
    const json_t *record = device(s, text(body, "device"));

    CU_ASSERT_TRUE(answered(s, status));
    CU_ASSERT_STRING_EQUAL(text(json_object_get(body, "user"), "id"), KIM);
    CU_ASSERT_STRING_EQUAL(text(json_object_get(body, "user"), "name"), "kim");
    CU_ASSERT_STRING_EQUAL(text(body, "issuer"), FACTOR_TEST_BASE_URL);
    CU_ASSERT_STRING_EQUAL(text(body, "status"), device_status);
    CU_ASSERT_STRING_EQUAL(text(body, "check"), PHONE_CHECK);
    CU_ASSERT_EQUAL(strlen(text(json_object_get(body, "passcode"), "secret")),
                    32);
    CU_ASSERT_EQUAL(number(json_object_get(body, "passcode"), "digits"), 6);
    CU_ASSERT_EQUAL(number(json_object_get(body, "passcode"), "period"), 30);
    CU_ASSERT_STRING_EQUAL(text(record, "status"), device_status);
    return record;
}

static void
paired_by_operator(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    const json_t *record;

    claim(&s, key.text, json_pack("{s:s}", "push", "fcm:token"));
    record = claimed(&s, 201, "ACTIVE");
    CU_ASSERT_STRING_EQUAL(text(record, "application"), APP);
    CU_ASSERT_STRING_EQUAL(text(record, "model"), "Kim's phone");
    CU_ASSERT_STRING_EQUAL(text(record, "platform"), "android");
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(record, "secret"), "push"), "fcm:token");
    CU_ASSERT_EQUAL(strlen(text(json_object_get(record, "secret"), "key")),
                    40);
    CU_ASSERT_STRING_EQUAL(text(pairing(&s, &key), "device"),
                           text(s.reply->body, "device"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_paired"));
    CU_ASSERT_STRING_EQUAL(
        text(message(&s, "mfa.device_added"), "address"), "kim@acme.test");
    close_scene(&s);
}

static void
paired_by_page(void)
{
    struct scene s = open_scene(OPEN);
    struct key key = page_key(&s);
    char id[64];

    claim(&s, key.text, NULL);
    claimed(&s, 201, "ACTIVATION_REQUIRED");
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_claimed"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    snprintf(id, sizeof(id), "%s", text(s.reply->body, "device"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    act(&s, "activateMobileDevice", NULL);
    CU_ASSERT_STRING_EQUAL(text(device(&s, id), "status"), "ACTIVE");
    CU_ASSERT_PTR_NOT_NULL(message(&s, "mfa.device_added"));
    claim(&s, key.text, NULL);
    claimed(&s, 200, "ACTIVE");
    close_scene(&s);
}

/* The passcodes of the phone are right from the first one on. */
static void
first_passcode(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    char first[40], id[64];

    claim(&s, key.text, NULL);
    snprintf(id, sizeof(id), "%s", text(s.reply->body, "device"));
    snprintf(first, sizeof(first), "%s",
             text(json_object_get(s.reply->body, "passcode"), "secret"));
    claim(&s, key.text, NULL);
    claimed(&s, 200, "ACTIVE");
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->audits), 0);
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "device"), id);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->body, "passcode"), "secret"), first);
    CU_ASSERT_EQUAL(device_count(&s), 1);
    close_scene(&s);
}

/* One answer for all, and each of them counts. */
static bool
no_such_key(const struct scene *s)
{
    return refused(s, 400, "PAIRING_KEY_INVALID") &&
           strcmp(s->reply->code, "INVALID_DATA") == 0 &&
           has_audit(s, "mfa.claim_refused") &&
           json_array_size(s->reply->details) == 1 &&
           json_array_size(s->reply->puts) == 3;
}

static void
key_taken_once(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);

    claim_by_other(&s, "ABCDEFGHJKMNPQRS");
    CU_ASSERT_TRUE(no_such_key(&s));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    claim_by_other(&s, key.text);
    CU_ASSERT_TRUE(no_such_key(&s));
    CU_ASSERT_EQUAL(device_count(&s), 1);
    change(&s, "mfa.pairing", key.id, json_pack("{s:s}", "device", "d-x"));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    close_scene(&s);
    s = open_scene(PLAIN);
    key = operator_key(&s);
    factor_test_advance(s.t, 10 * MINUTE);
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

/* A phone that has been given up claims nothing with its old key. */
static void
not_by_an_old_phone_key(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    char id[64];

    claim(&s, key.text, NULL);
    snprintf(id, sizeof(id), "%s", text(s.reply->body, "device"));
    change(&s, "mfa.device", id, json_pack("{s:o}", "jwk", new_jwk()));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    CU_ASSERT_PTR_NULL(s.reply->body);
    claim_by_other(&s, key.text);
    CU_ASSERT_TRUE(no_such_key(&s));
    close_scene(&s);
    s = open_scene(PLAIN);
    key = operator_key(&s);
    claim(&s, key.text, NULL);
    snprintf(id, sizeof(id), "%s", text(s.reply->body, "device"));
    post_to(&s, "phone.unpair", id,
            signed_with(phone_pem,
                        claims_of(&s, "unpair",
                                  json_pack("{s:s, s:I}", "device", id,
                                            "iat_ms", now_ms(&s) + 1)),
                        NULL));
    CU_ASSERT_TRUE(answered(&s, 200));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

static void
typed_carelessly(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    char typed[64] = " ";
    size_t i, len = 1;

    for (i = 0; key.text[i]; i++) {
        typed[len++] = key.text[i] >= 'A' ? (char)(key.text[i] + 32)
                                          : key.text[i];
        if (i % 4 == 3)
            typed[len++] = i % 8 == 3 ? '-' : ' ';
    }
    claim(&s, typed, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
}

#define SIXTY_FOUR                                                             \
    "0123456789012345678901234567890123456789012345678901234567890123"

static void
odd_phones_refused(void)
{
    static const char *const changes[] = {
        "{\"name\": null}", "{\"name\": \"\"}", "{\"name\": 1}",
        "{\"name\": \"" SIXTY_FOUR "5\"}",
        "{\"platform\": null}", "{\"platform\": \"palm\"}",
        "{\"platform\": \"\"}", "{\"application\": null}",
        "{\"application\": \"\"}", "{\"application\": 1}",
        "{\"push\": 1}", "{\"push\": \"\"}", "{\"push\": \"token\"}",
        "{\"purpose\": \"payload\"}", "{\"aud\": \"https://evil.test\"}",
        "{\"v\": 2}",
    };
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    size_t i;

    for (i = 0; i < TAP_COUNT(changes); i++) {
        claim(&s, key.text, parse(changes[i]));
        if (!untouched(&s, 400, "INVALID_STATEMENT"))
            CU_FAIL(changes[i]);
    }
    claim(&s, key.text, parse("{\"iat\": 1699999939}"));
    CU_ASSERT_TRUE(untouched(&s, 400, "CLOCK_NOT_SYNCHRONIZED"));
    claim(&s, key.text, parse("{\"key\": \"odd\"}"));
    CU_ASSERT_TRUE(untouched(&s, 400, "PAIRING_KEY_INVALID"));
    claim(&s, key.text, parse("{\"key\": null}"));
    CU_ASSERT_TRUE(refused(&s, 400, "PAIRING_KEY_INVALID"));
    claim(&s, key.text,
          parse("{\"name\": \"\u20ac123456789012345678901234567890123456789"
                "012345678901234567890\u20ac\u20ac\", \"push\": null}"));
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
}

/* Without the private key nobody pairs a public one. */
static void
foreign_keys_refused(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    json_t *jwk;

    claim_as(&s, phone_jwk(), other_pem, pair_claims(&s, key.text, NULL));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    claim_as(&s, new_jwk(), phone_pem, pair_claims(&s, key.text, NULL));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    jwk = phone_jwk();
    json_object_set_new(jwk, "crv", json_string("P-384"));
    claim_as(&s, jwk, phone_pem, pair_claims(&s, key.text, NULL));
    CU_ASSERT_TRUE(untouched(&s, 400, "INVALID_STATEMENT"));
    jwk = phone_jwk();
    json_object_del(jwk, "y");
    claim_as(&s, jwk, phone_pem, pair_claims(&s, key.text, NULL));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    claim_as(&s, json_string("key"), phone_pem,
             pair_claims(&s, key.text, NULL));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    /* A private member is no secret any more, and is not kept. */
    jwk = phone_jwk();
    json_object_set_new(jwk, "d", json_string("4gCsR2Bxu_GxabN5GbfDhk9E93Oq"
                                              "MdyzYOCtC04dUJo"));
    claim_as(&s, jwk, phone_pem, pair_claims(&s, key.text, NULL));
    CU_ASSERT_TRUE(answered(&s, 201));
    jwk = json_object_get(device(&s, text(s.reply->body, "device")), "jwk");
    CU_ASSERT_EQUAL(json_object_size(jwk), 4);
    close_scene(&s);
}

#define TWO_APPS                                                               \
    "{\"applications\": [{\"name\": \"One\", \"id\": \"" APP "\"},"            \
    " {\"name\": \"Two\", \"id\": \"" OTHER_APP "\"}], \"prompt_setup\": true,"\
    " \"first_device\": \"allowed\"}"

static void
wrong_application(void)
{
    static const char *const rows[] = { OTHER_APP, "unknown" };
    struct scene s;
    struct key key;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene(TWO_APPS);
        operate(&s, "createPairingKey", json_pack("{s:s}", "application",
                                                  "One"));
        snprintf(key.text, sizeof(key.text), "%s",
                 text(s.reply->body, "key"));
        snprintf(key.id, sizeof(key.id), "%s", text(s.reply->body, "id"));
        claim(&s, key.text, json_pack("{s:s}", "application", rows[i]));
        CU_ASSERT_TRUE(refused(&s, 400, "APPLICATION_INVALID"));
        CU_ASSERT_STRING_EQUAL(text(pairing(&s, &key), "error"),
                               "APPLICATION_INVALID");
        claim(&s, key.text, NULL);
        CU_ASSERT_TRUE(no_such_key(&s));
        CU_ASSERT_EQUAL(device_count(&s), 0);
        close_scene(&s);
    }
}

static void
too_many_devices(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s), last = operator_key(&s);
    char id[16];
    int i;

    for (i = 0; i < 4; i++) {
        snprintf(id, sizeof(id), "d-%d", i);
        seed_email(&s, id);
    }
    claim(&s, last.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(refused(&s, 400, "LIMIT_EXCEEDED"));
    CU_ASSERT_STRING_EQUAL(text(pairing(&s, &key), "error"),
                           "LIMIT_EXCEEDED");
    CU_ASSERT_EQUAL(device_count(&s), 5);
    close_scene(&s);
}

/* --- Guessing --- */

/* A key that nobody has: these four characters and a number. */
static const char *
guess(char ret_key[32], const char *prefix, int n)
{
    snprintf(ret_key, 32, "%s000000%06d", prefix, n);
    return ret_key;
}

static void
from(struct scene *s, const char *address)
{
    factor_test_set_request(s->t, json_pack("{s:s}", "address", address));
}

/* So many wrong claims, each with other first characters; false: one of them
 * was answered otherwise. */
static bool
guess_times(struct scene *s, int count)
{
    static int seed = 1;
    char prefix[8], key[32];
    int i;

    for (i = 0; i < count; i++, seed++) {
        snprintf(prefix, sizeof(prefix), "%04d", seed % 10000);
        claim_by_other(s, guess(key, prefix, seed));
        if (!no_such_key(s))
            return false;
    }
    return true;
}

static void
guesses_from_one_address(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);

    from(&s, "203.0.113.7");
    CU_ASSERT_TRUE(guess_times(&s, 9));
    factor_test_advance(s.t, MINUTE);
    CU_ASSERT_TRUE(guess_times(&s, 1));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(json_array_get(s.reply->audits, 0), "fields"),
             "rule"), "mfa.claims.address");
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(untouched(&s, 429, "REQUEST_LIMITED"));
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_LIMITED", "REQUEST_LIMITED"));
    CU_ASSERT_EQUAL(s.reply->retry_after_s, 600);
    from(&s, "203.0.113.8");
    CU_ASSERT_TRUE(guess_times(&s, 1));
    factor_test_advance(s.t, 9 * MINUTE - 2 * SECOND);
    key = operator_key(&s);
    from(&s, "203.0.113.7");
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(untouched(&s, 429, "REQUEST_LIMITED"));
    factor_test_advance(s.t, MINUTE + 2 * SECOND);
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
}

/* Who has one address of an IPv6 network has all of them. */
static void
guesses_from_one_network(void)
{
    struct scene s = open_scene(PLAIN);
    char address[64];
    int i;

    for (i = 0; i < 10; i++) {
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", i + 1);
        from(&s, address);
        CU_ASSERT_TRUE(guess_times(&s, 1));
    }
    from(&s, "2001:db8:1:2:ffff::1");
    claim_by_other(&s, "ABCDEFGHJKMNPQRS");
    CU_ASSERT_TRUE(untouched(&s, 429, "REQUEST_LIMITED"));
    from(&s, "2001:db8:1:3::1");
    CU_ASSERT_TRUE(guess_times(&s, 1));
    for (i = 0; i < 12; i++) {
        snprintf(address, sizeof(address), "::ffff:203.0.113.%d", i + 1);
        from(&s, address);
        CU_ASSERT_TRUE(guess_times(&s, 1));
    }
    close_scene(&s);
}

static void
guesses_from_everywhere(void)
{
    struct scene s;
    struct key key;
    char address[32];
    int i;

    if (tap_skip_slow())
        return;
    s = open_scene(PLAIN);
    key = operator_key(&s);
    for (i = 0; i < 100; i++) {
        snprintf(address, sizeof(address), "198.51.100.%d", i);
        from(&s, address);
        CU_ASSERT_TRUE(guess_times(&s, 1));
        factor_test_advance(s.t, 500);
    }
    CU_ASSERT_TRUE(has_audit(&s, "mfa.claims_closed"));
    from(&s, "203.0.113.7");
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(untouched(&s, 429, "REQUEST_LIMITED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->audits), 0);
    CU_ASSERT_EQUAL(s.reply->retry_after_s, 60);
    factor_test_advance(s.t, 59500);
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
}

/* A hundred in two minutes are no storm. */
static void
guesses_in_peace(void)
{
    struct scene s;
    char address[32];
    int i;

    if (tap_skip_slow())
        return;
    s = open_scene(PLAIN);
    for (i = 0; i < 150; i++) {
        snprintf(address, sizeof(address), "198.51.100.%d", i);
        from(&s, address);
        CU_ASSERT_TRUE(guess_times(&s, 1));
        CU_ASSERT_FALSE(has_audit(&s, "mfa.claims_closed"));
        factor_test_advance(s.t, 1200);
    }
    close_scene(&s);
}

/* Somebody who has seen a part of the key. */
static void
guesses_of_one_key(void)
{
    struct scene s = open_scene(OPEN);
    struct key key = page_key(&s);
    char prefix[8], wrong[32];
    int i;

    snprintf(prefix, sizeof(prefix), "%.4s", key.text);
    for (i = 0; i < 5; i++) {
        claim_by_other(&s, guess(wrong, prefix, i));
        CU_ASSERT_TRUE(no_such_key(&s));
        factor_test_advance(s.t, MINUTE);
    }
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(refused(&s, 400, "PAIRING_KEY_INVALID"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.pairing_key_killed"));
    CU_ASSERT_STRING_EQUAL(text(pairing(&s, &key), "error"),
                           "PAIRING_KEY_INVALID");
    CU_ASSERT_EQUAL(device_count(&s), 0);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "MFA_DEVICE_PAIRING_METHOD_FAILED",
                               "PAIRING_KEY_INVALID"));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    close_scene(&s);
}

/* Fewer, or such as were made before there was the key. */
static void
guesses_of_others(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    char prefix[8], wrong[32];
    int i;

    snprintf(prefix, sizeof(prefix), "%.4s", key.text);
    for (i = 0; i < 4; i++) {
        claim_by_other(&s, guess(wrong, prefix, i));
        CU_ASSERT_TRUE(no_such_key(&s));
    }
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
    s = open_scene(PLAIN);
    key = operator_key(&s);
    snprintf(prefix, sizeof(prefix), "%.4s", key.text);
    for (i = 0; i < 8; i++) {
        claim_by_other(&s, guess(wrong, prefix, i));
        CU_ASSERT_TRUE(no_such_key(&s));
    }
    factor_test_advance(s.t, SECOND);
    change(&s, "mfa.pairing", key.id,
           json_pack("{s:I}", "created_at_ms", now_ms(&s)));
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&s, 201));
    close_scene(&s);
}

/* Neither key nor address can be read in what is written. */
static void
counts_tell_nothing(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    char *all;

    from(&s, "203.0.113.7");
    claim_by_other(&s, "ABCDEFGHJKMNPQRS");
    claim(&s, key.text, NULL);
    all = json_dumps(factor_test_records(s.t), 0);
    CU_ASSERT_PTR_NULL(strstr(all, "203.0.113.7"));
    CU_ASSERT_PTR_NULL(strstr(all, "ABCDEFGHJKMNPQRS"));
    CU_ASSERT_PTR_NULL(strstr(all, key.text));
    free(all);
    close_scene(&s);
}

struct race {
    char id[64];
};

static void
other_claims(struct factor_test *test, void *context)
{
    const struct race *race = context;
    json_t *body =
        json_deep_copy(factor_test_record(test, "mfa.pairing", race->id));
    struct scene s = { .t = test };

    json_decref(body);
    change(&s, "mfa.pairing", race->id,
           json_pack("{s:s, s:s}", "device", "d-winner", "thumbprint", "t"));
}

static void
two_claim_at_once(void)
{
    struct scene s = open_scene(PLAIN);
    struct key key = operator_key(&s);
    struct race race;

    memcpy(race.id, key.id, sizeof(race.id));
    factor_test_before_commit(s.t, other_claims, &race);
    claim(&s, key.text, NULL);
    CU_ASSERT_TRUE(no_such_key(&s));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

/* --- Whatever fails --- */

static void
whole_life(struct factor_test *test, void *context)
{
    struct pushed p = { .request = NULL };
    struct key key;
    char id[64];

    (void)context;
    adopt_scene(&p.s, test);
    request_as(&p.s, "demo", "app.example.org");
    claim_by_other(&p.s, "ABCDEFGHJKMNPQRS");
    CU_ASSERT_TRUE(no_such_key(&p.s));
    key = operator_key(&p.s);
    claim(&p.s, key.text, json_pack("{s:s}", "platform", "palm"));
    CU_ASSERT_TRUE(refused(&p.s, 400, "INVALID_STATEMENT"));
    claim(&p.s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&p.s, 201));
    snprintf(id, sizeof(id), "%s", text(p.s.reply->body, "device"));
    claim(&p.s, key.text, NULL);
    CU_ASSERT_TRUE(answered(&p.s, 200));
    seed_phone(&p.s, DEVICE, "ACTIVE");
    change(&p.s, "mfa.device", id, json_pack("{s:b}", "blocked", 1));
    ring(&p);
    answer(&p, "approve", json_pack("{s:s}", "host", "evil.test"));
    CU_ASSERT_TRUE(refused(&p.s, 400, "INVALID_STATEMENT"));
    answer(&p, "approve", json_pack("{s:s}", "method", "otp"));
    CU_ASSERT_TRUE(result_is(&p.s, "approved"));
    answer(&p, "deny", json_pack("{s:s}", "nonce", NONCE_2));
    CU_ASSERT_TRUE(ignored(&p.s, "repeated"));
    change_by_phone(&p.s, "push", 1, json_pack("{s:s}", "push", "fcm:t"));
    CU_ASSERT_TRUE(answered(&p.s, 200));
    change_by_phone(&p.s, "push", 1, json_pack("{s:s}", "push", "fcm:t"));
    CU_ASSERT_TRUE(refused(&p.s, 409, "STATEMENT_REPLAYED"));
    say(&p.s, "requests", "requests", parse("{\"v\": 2}"));
    CU_ASSERT_TRUE(refused(&p.s, 400, "INVALID_STATEMENT"));
    change_by_phone(&p.s, "key", 2,
                    json_pack("{s:o, s:o}", "key", phone_jwk(), "proof",
                              proof_by(&p.s, phone_pem, NULL)));
    CU_ASSERT_TRUE(answered(&p.s, 200));
    change_by_phone(&p.s, "unpair", 3, NULL);
    CU_ASSERT_TRUE(answered(&p.s, 200));
    ask(&p.s);
    CU_ASSERT_TRUE(refused(&p.s, 404, "NOT_PAIRED"));
    json_decref(p.request);
}

static void
every_failure(void)
{
    struct factor_test_result result;
    json_t *settings;

    if (tap_skip_slow())
        return;
    settings = parse(PLAIN);
    result = factor_test_each_failure(mfa_plugin(), settings, whole_life,
                                      NULL);
    json_decref(settings);
    if (!result.ok)
        tap_note("%s", result.problem);
    tap_note("%u host calls failed in turn", result.tries);
    CU_ASSERT_TRUE(result.ok);
}

/* --- The list --- */

static const struct tap_test tests[] = {
    { "nothing waits: the host may hold the answer back", nothing_waits },
    { "S7: who knows all that waits is held", known_is_held },
    { "S7: who knows how the device stands is held", known_device_is_held },
    { "S7: a call that was held is of its arrival", held_past_its_minute },
    { "a push is shown as who asks, without its number", push_waits },
    { "agents in words", agents_in_words },
    { "three numbers in their own order", numbers_to_select },
    { "long texts are cut, so that no phone is made deaf",
      long_texts_are_cut },
    { "only what asks this very device waits", only_its_own_waits },
    { "many sign-ons do not hide one", many_do_not_hide_one },
    { "a silent request has no number and counts for nobody",
      silent_is_said },
    { "S7: a push writes the device, for which a phone waits",
      push_touches_device },
    { "claims that are refused", claims_refused },
    { "P6: headers that are refused", headers_refused },
    { "M10: forgeries are refused", forgeries_refused },
    { "no bit of a statement may turn", no_bit_may_turn },
    { "bodies that are refused", bodies_refused },
    { "unknown devices are not paired", unknown_devices },
    { "an approval", approved },
    { "an approval ends a row of failures", approval_ends_the_row },
    { "mfa D: a locked account approves nothing",
      locked_accounts_approve_nothing },
    { "denials and their reasons", denied },
    { "M2: a wrong number is a denial", wrong_numbers_deny },
    { "answers that are refused", answers_refused },
    { "M10: an answer to another client or host is refused",
      other_client_refused },
    { "M5: late", late },
    { "M5: an old challenge", old_challenge },
    { "M5: twice", twice },
    { "the very same once more is answered as before", same_once_more },
    { "M5: another device", other_device },
    { "M5: another user", other_user },
    { "M5: another flow", other_flow },
    { "M5: after the flow was cancelled", after_cancel },
    { "a blocked phone approves nothing", blocked_phone },
    { "P3: methods that are taken and dropped", methods },
    { "P3: the methods of the application", methods_of_the_application },
    { "M12: whether it came from where the sign-on is", same_client },
    { "M12: a policy refuses what came from there", same_client_refused },
    { "an approval forgives no push that still waits",
      approval_leaves_what_waits },
    { "of two answers at once one counts", two_at_once },
    { "the push address is changed", push_changed },
    { "odd push addresses are refused", odd_push_refused },
    { "changes come in order", changes_in_order },
    { "a change refused for its clock does not count",
      clock_does_not_count },
    { "the key is changed", key_changed },
    { "odd keys are refused", odd_keys_refused },
    { "odd proofs are refused", odd_proofs_refused },
    { "a phone unpairs itself", unpaired },
    { "unpaired, the account stays as it was", unpaired_without_place },
    { "unpaired while it is asked", unpaired_while_asked },
    { "discovery", discovered },
    { "an operator's key pairs at once", paired_by_operator },
    { "a page's key waits for the check value", paired_by_page },
    { "the same phone is answered the same", first_passcode },
    { "M9: a pairing key is taken once, and in time", key_taken_once },
    { "an old key of the phone gets nothing", not_by_an_old_phone_key },
    { "a key is taken as it is typed", typed_carelessly },
    { "odd phones are refused, and the key lives on", odd_phones_refused },
    { "a public key needs its private one", foreign_keys_refused },
    { "M8: a key for another application is spent", wrong_application },
    { "a user has as many devices as allowed", too_many_devices },
    { "M9: guesses from one address", guesses_from_one_address },
    { "M9: guesses from one network", guesses_from_one_network },
    { "M9: guesses from everywhere", guesses_from_everywhere },
    { "M9: guesses over more than a minute", guesses_in_peace },
    { "M9: guesses of one key kill it", guesses_of_one_key },
    { "M9: fewer guesses, and older ones, do not", guesses_of_others },
    { "what is counted tells neither key nor address",
      counts_tell_nothing },
    { "of two claims at once one counts", two_claim_at_once },
    { "every host call may fail", every_failure },
};

int
main(void)
{
    static const struct tap_fixture fixture = { .set_up = mfa_set_up };

    return tap_main_with("mfa phone", &fixture, tests, TAP_COUNT(tests));
}
