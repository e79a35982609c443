/* SPDX-License-Identifier: MIT */
/* tests/test_phone_request.c - the phone: what waits, answers, payloads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phone/internal.h"
#include "tests/tap.h"
#include "tests/test_phone_rig.h"

#define DEVICE "device-1"

/* --- helpers --- */

static void
open_paired(void)
{
    rig_open();
    rig_pair();
}

/* What waits; the test ends if it cannot be asked. */
static struct factor_phone_requests *
ask(void)
{
    struct factor_phone_requests *requests = NULL;
    enum factor_phone_status status;

    status = factor_phone_ask(rig.phone, DEVICE, 0, &requests);
    CU_ASSERT_EQUAL_FATAL(status, FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_why(rig.phone)->status, FACTOR_PHONE_OK);
    CU_ASSERT_FALSE(rig.locked);
    return requests;
}

static enum factor_phone_status
ask_status(void)
{
    struct factor_phone_requests *requests = NULL;
    enum factor_phone_status status;

    status = factor_phone_ask(rig.phone, DEVICE, 0, &requests);
    CU_ASSERT_EQUAL(status, factor_phone_why(rig.phone)->status);
    CU_ASSERT_EQUAL(status == FACTOR_PHONE_OK, requests != NULL);
    factor_phone_requests_free(requests);
    return status;
}

static void
set_number(json_t *request, const char *number)
{
    json_object_set_new(request, "number", json_loads(number, 0, NULL));
}

/* One request that waits, without a number, as the phone sees it. */
static struct factor_phone_requests *
one_request(void)
{
    struct factor_phone_requests *requests;

    rig_add_request("request-1", "authentication");
    requests = ask();
    CU_ASSERT_EQUAL_FATAL(requests->count, 1);
    return requests;
}

/* What the last call said that it knows; NULL: nothing.  New reference. */
static json_t *
said_known(void)
{
    json_t *claims = rig_claims(rig_last("/requests"));
    json_t *known = json_incref(json_object_get(claims, "known"));

    json_decref(claims);
    return known;
}

static void
asks_for_news(void)
{
    struct factor_phone_requests *requests, *again;
    json_t *known;

    open_paired();
    rig_add_request("request-1", "authentication");
    rig_add_request("request-2", "of another kind");
    requests = ask();
    CU_ASSERT_PTR_NULL(said_known());
    CU_ASSERT_EQUAL_FATAL(factor_phone_ask_news(rig.phone, DEVICE, 9,
                                                requests, &again),
                          FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_last("/requests")->wait_s, 9);
    known = said_known();
    CU_ASSERT_STRING_EQUAL(rig_text(known, "status"), "ACTIVE");
    CU_ASSERT_STRING_EQUAL(rig_text(known, "name"), "Ann's phone");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(known, "requests")), 2);
    CU_ASSERT_EQUAL(requests->count, 1);
    json_decref(known);
    factor_phone_requests_free(again);
    factor_phone_requests_free(requests);
    rig_close();
}

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

/* --- what waits --- */

static void
lists_what_waits(void)
{
    struct factor_phone_requests *requests;
    const struct factor_phone_request *one;
    json_t *request;

    open_paired();
    requests = ask();
    CU_ASSERT_EQUAL(requests->count, 0);
    factor_phone_requests_free(requests);
    request = rig_add_request("request-1", "authentication");
    json_object_set_new(request, "context", json_pack("{s:s}", "shop", "x"));
    request = rig_add_request("request-2", "authentication");
    json_object_del(request, "client_name");
    json_object_del(request, "address");
    json_object_set_new(request, "agent", json_null());
    json_object_set_new(request, "context", json_null());
    json_object_set_new(request, "number", json_null());
    requests = ask();
    CU_ASSERT_EQUAL_FATAL(requests->count, 2);
    CU_ASSERT_STRING_EQUAL(requests->status, "ACTIVE");
    CU_ASSERT_EQUAL(requests->time_s, RIG_NOW_MS / 1000);
    one = &requests->items[0];
    CU_ASSERT_STRING_EQUAL(one->id, "request-1");
    CU_ASSERT_STRING_EQUAL(one->challenge, "w3p8mX1tQvC0bYh2nKd7Zg");
    CU_ASSERT_STRING_EQUAL(one->client, "demo");
    CU_ASSERT_STRING_EQUAL(one->client_name, "Demo app");
    CU_ASSERT_STRING_EQUAL(one->host, "app.example.org");
    CU_ASSERT_STRING_EQUAL(one->address, "203.0.113.7");
    CU_ASSERT_STRING_EQUAL(one->agent, "Firefox on Linux");
    CU_ASSERT_EQUAL(one->issued_at_s, RIG_NOW_MS / 1000);
    CU_ASSERT_EQUAL(one->expires_at_s, RIG_NOW_MS / 1000 + 40);
    CU_ASSERT_EQUAL(one->number, FACTOR_PHONE_NO_NUMBER);
    CU_ASSERT_STRING_EQUAL(rig_text(one->context, "shop"), "x");
    one = &requests->items[1];
    CU_ASSERT_PTR_NULL(one->client_name);
    CU_ASSERT_PTR_NULL(one->address);
    CU_ASSERT_PTR_NULL(one->agent);
    CU_ASSERT_PTR_NULL(one->context);
    factor_phone_requests_free(requests);
    factor_phone_requests_free(NULL);
    rig_close();
}

static void
reads_numbers(void)
{
    struct factor_phone_requests *requests;

    open_paired();
    set_number(rig_add_request("a", "authentication"),
               "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}");
    set_number(rig_add_request("b", "authentication"),
               "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"07\",\"12\",\"93\"]"
               "}");
    requests = ask();
    CU_ASSERT_EQUAL_FATAL(requests->count, 2);
    CU_ASSERT_EQUAL(requests->items[0].number, FACTOR_PHONE_ENTER);
    CU_ASSERT_EQUAL(requests->items[0].digits, 6);
    CU_ASSERT_EQUAL(requests->items[1].number, FACTOR_PHONE_SELECT);
    CU_ASSERT_EQUAL_FATAL(requests->items[1].choice_count, 3);
    CU_ASSERT_STRING_EQUAL(requests->items[1].choices[0], "07");
    CU_ASSERT_STRING_EQUAL(requests->items[1].choices[2], "93");
    factor_phone_requests_free(requests);
    rig_close();
}

/* Members of a request, made wrong: "" takes one away. */
static const struct {
    const char *member, *value;
} wrong_members[] = {
    { "id", "" },          { "id", "7" },
    { "id", "\"a b\"" },   { "id", "\"..\"" },
    { "kind", "" },        { "kind", "7" },
    { "challenge", "" },   { "challenge", "{}" },
    { "client", "" },      { "client", "7" },
    { "client_name", "7" }, { "host", "" },
    { "address", "[]" },   { "agent", "false" },
    { "issued_at", "" },   { "issued_at", "1.5" },
    { "issued_at", "-1" }, { "expires_at", "\"soon\"" },
    { "context", "7" },    { "number", "7" },
    { "number", "{}" },
    { "number", "{\"type\":\"RANDOM\"}" },
    { "number", "{\"type\":\"ENTER_MANUALLY\"}" },
    { "number", "{\"type\":\"ENTER_MANUALLY\",\"digits\":0}" },
    { "number", "{\"type\":\"ENTER_MANUALLY\",\"digits\":13}" },
    { "number", "{\"type\":\"SELECT_NUMBER\"}" },
    { "number", "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"1\"]}" },
    { "number", "{\"type\":\"SELECT_NUMBER\",\"choices\":[1,2]}" },
    { "number", "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"1\",\"x\"]}" },
    { "number", "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"1\",\"\"]}" },
};

static void
refuses_malformed_requests(void)
{
    json_t *request;
    size_t i;

    for (i = 0; i < COUNT(wrong_members); i++) {
        open_paired();
        request = rig_add_request("request-1", "authentication");
        if (wrong_members[i].value[0])
            json_object_set_new(request, wrong_members[i].member,
                                json_loads(wrong_members[i].value,
                                           JSON_DECODE_ANY, NULL));
        else
            json_object_del(request, wrong_members[i].member);
        if (ask_status() != FACTOR_PHONE_ANSWER) {
            tap_note("%s %s", wrong_members[i].member,
                     wrong_members[i].value);
            CU_FAIL("taken");
        }
        CU_ASSERT_EQUAL(listed(), 1);
        rig_close();
    }
}

static const struct {
    long http;
    const char *body;
    enum factor_phone_status status;
} answers[] = {
    { 200, "", FACTOR_PHONE_ANSWER },
    { 200, "{}", FACTOR_PHONE_ANSWER },
    { 200, "{\"status\":\"ACTIVE\"}", FACTOR_PHONE_ANSWER },
    { 200, "{\"status\":7,\"requests\":[]}", FACTOR_PHONE_ANSWER },
    { 200, "{\"status\":\"ACTIVE\",\"requests\":{}}", FACTOR_PHONE_ANSWER },
    { 200, "{\"status\":\"ACTIVE\",\"requests\":[7]}", FACTOR_PHONE_ANSWER },
    { 200, "{\"status\":\"ACTIVE\",\"requests\":[],\"time\":-5}",
      FACTOR_PHONE_OK },
    { 200, "{\"status\":\"ACTIVE\",\"requests\":[],\"time\":99999999999999}",
      FACTOR_PHONE_OK },
    { 404, "<html>not found</html>", FACTOR_PHONE_ANSWER },
    { 404, "{\"code\":\"NOT_FOUND\"}", FACTOR_PHONE_REFUSED },
    { 400, "{\"details\":[{\"code\":\"NOT_PAIRED\"}]}",
      FACTOR_PHONE_REFUSED },
    { 429, "{\"details\":[{\"code\":\"REQUEST_LIMITED\"}]}",
      FACTOR_PHONE_LIMITED },
    { 429, "slow down", FACTOR_PHONE_ANSWER },
    { 500, "{\"details\":[{\"code\":\"NOT_PAIRED\"}]}",
      FACTOR_PHONE_NETWORK },
};

static void
forgets_a_device_for_nothing_less(void)
{
    struct factor_phone_pairings *list = NULL;
    size_t i;

    for (i = 0; i < COUNT(answers); i++) {
        open_paired();
        rig_reply(answers[i].http, answers[i].body);
        CU_ASSERT_EQUAL(ask_status(), answers[i].status);
        CU_ASSERT_EQUAL_FATAL(factor_phone_list(rig.phone, &list),
                              FACTOR_PHONE_OK);
        CU_ASSERT_EQUAL_FATAL(list->count, 1);
        CU_ASSERT_EQUAL(list->items[0].clock_off_ms, 0);
        factor_phone_pairings_free(list);
        rig_close();
    }
}

static void
forgets_a_device_that_is_not_paired(void)
{
    open_paired();
    json_decref(rig.host.key);
    rig.host.key = NULL;
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_NOT_PAIRED);
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->code, "NOT_PAIRED");
    CU_ASSERT_EQUAL(listed(), 0);
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_NOT_FOUND);
    rig_close();
}

static void
says_how_long_to_wait(void)
{
    open_paired();
    rig_reply(429, "{\"details\":[{\"code\":\"REQUEST_LIMITED\"}]}");
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_LIMITED);
    CU_ASSERT_EQUAL(factor_phone_why(rig.phone)->retry_after_s, 7);
    rig_close();
}

static void
remembers_the_status(void)
{
    struct factor_phone_pairings *list = NULL;

    open_paired();
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list), FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(list->items[0].status, "ACTIVE");
    factor_phone_pairings_free(list);
    rig_close();
}

/* --- waiting --- */

static void
forget_meanwhile(void)
{
    rig_restart(); /* as another process would, on the same storage */
    CU_ASSERT_EQUAL(factor_phone_forget(rig.phone, DEVICE), FACTOR_PHONE_OK);
}

static void
waits_without_a_lock(void)
{
    struct factor_phone_requests *requests = NULL;
    struct factor_phone *first;

    open_paired();
    CU_ASSERT_EQUAL(factor_phone_ask(rig.phone, DEVICE, 25, &requests),
                    FACTOR_PHONE_OK);
    factor_phone_requests_free(requests);
    CU_ASSERT_EQUAL(rig_last("/requests")->wait_s, 25);
    CU_ASSERT_FALSE(rig_last("/requests")->locked);
    CU_ASSERT_EQUAL(factor_phone_ask(rig.phone, DEVICE, 1000, &requests),
                    FACTOR_PHONE_OK);
    factor_phone_requests_free(requests);
    CU_ASSERT_EQUAL(rig_last("/requests")->wait_s, 60);
    /* What another one did meanwhile stays done. */
    requests = NULL;
    first = rig.phone;
    rig.phone = NULL;
    rig.meanwhile = forget_meanwhile;
    CU_ASSERT_EQUAL(factor_phone_ask(first, DEVICE, 25, &requests),
                    FACTOR_PHONE_NOT_FOUND);
    factor_phone_free(first);
    CU_ASSERT_EQUAL(listed(), 0);
    rig_close();
}

static void
asks_once_when_the_network_fails(void)
{
    open_paired();
    rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_NETWORK);
    CU_ASSERT_EQUAL(rig_count("/requests"), 1);
    rig_close();
}

/* --- clocks --- */

static void
corrects_its_clock(void)
{
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_result result;
    struct factor_phone_requests *requests;

    open_paired();
    rig.host.ahead_ms = -3600 * 1000;
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_count("/requests"), 2);
    CU_ASSERT_EQUAL(factor_phone_list(rig.phone, &list), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(list->items[0].clock_off_ms, -3600 * 1000 + 500);
    factor_phone_pairings_free(list);
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK); /* it is remembered */
    CU_ASSERT_EQUAL(rig_count("/requests"), 3);
    /* In an answer, too. */
    requests = one_request();
    rig.host.ahead_ms = 7200 * 1000;
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, NULL,
                                         &result),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(result, FACTOR_PHONE_APPROVED);
    CU_ASSERT_EQUAL(rig_count("/answers"), 2);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
corrects_its_clock_once(void)
{
    open_paired();
    rig.host.slack_s = -1; /* no clock is right */
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_CLOCK);
    CU_ASSERT_EQUAL(rig_count("/requests"), 2);
    rig_close();
}

static void
pairs_by_the_clock_of_discovery(void)
{
    rig_open();
    rig.host.ahead_ms = 86400 * 1000;
    rig_pair();
    CU_ASSERT_EQUAL(rig_count("/pairings"), 1);
    rig_close();
}

static void
does_not_save_small_differences(void)
{
    int saves;

    open_paired();
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK);
    saves = rig.saves;
    rig.host.ahead_ms = 2000;
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig.saves, saves);
    rig.host.ahead_ms = 10000;
    CU_ASSERT_EQUAL(ask_status(), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig.saves, saves + 1);
    rig_close();
}

/* --- answers --- */

static void
approves(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result = FACTOR_PHONE_DENIED;
    json_t *claims;

    open_paired();
    requests = one_request();
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, "face",
                                         &result),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(result, FACTOR_PHONE_APPROVED);
    claims = rig_claims(rig_last("/answers"));
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "decision"), "approve");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "method"), "face");
    CU_ASSERT_PTR_NULL(json_object_get(claims, "number"));
    CU_ASSERT_PTR_NULL(json_object_get(claims, "reason"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "exp")),
                    RIG_NOW_MS / 1000 + 60);
    json_decref(claims);
    /* It was for one time. */
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, NULL,
                                         &result),
                    FACTOR_PHONE_GONE);
    CU_ASSERT_EQUAL(listed(), 1);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
denies(void)
{
    static const char *const names[] = { "NONE", "REPORT_FRAUD",
                                         "BIOMETRICS_REJECTED" };
    struct factor_phone_requests *requests;
    enum factor_phone_result result;
    json_t *claims;
    int reason;

    for (reason = 0; reason < 3; reason++) {
        open_paired();
        requests = one_request();
        result = FACTOR_PHONE_APPROVED;
        CU_ASSERT_EQUAL(factor_phone_deny(rig.phone, DEVICE,
                                          &requests->items[0],
                                          (enum factor_phone_reason)reason,
                                          &result),
                        FACTOR_PHONE_OK);
        CU_ASSERT_EQUAL(result, FACTOR_PHONE_DENIED);
        claims = rig_claims(rig_last("/answers"));
        CU_ASSERT_STRING_EQUAL(rig_text(claims, "decision"), "deny");
        CU_ASSERT_STRING_EQUAL(rig_text(claims, "reason"), names[reason]);
        json_decref(claims);
        factor_phone_requests_free(requests);
        rig_close();
    }
}

static void
refuses_an_unknown_reason(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result;

    open_paired();
    requests = one_request();
    CU_ASSERT_EQUAL(factor_phone_deny(rig.phone, DEVICE, &requests->items[0],
                                      (enum factor_phone_reason)3, &result),
                    FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(rig_count("/answers"), 0);
    factor_phone_requests_free(requests);
    rig_close();
}

static const struct {
    const char *number; /* of the request, JSON; or NULL */
    const char *typed;
    const char *sent; /* NULL: nothing is */
} numbers[] = {
    { NULL, NULL, "" },
    { NULL, "", "" },
    { NULL, "123456", NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "407193", "407193" },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "407 193", "407193" },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", NULL, NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "", NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "40719", NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "4071933", NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "40719x", NULL },
    { "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}", "1234567890123", NULL },
    { "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"07\",\"12\"]}", "07",
      "07" },
    { "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"07\",\"12\"]}", "7", NULL },
    { "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"07\",\"12\"]}", "13",
      NULL },
    { "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"07\",\"12\"]}", NULL,
      NULL },
};

static void
sends_only_numbers_that_can_be_right(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result;
    enum factor_phone_status status;
    const char *sent;
    json_t *request, *claims;
    size_t i;

    for (i = 0; i < COUNT(numbers); i++) {
        open_paired();
        request = rig_add_request("request-1", "authentication");
        if (numbers[i].number)
            set_number(request, numbers[i].number);
        requests = ask();
        status = factor_phone_approve(rig.phone, DEVICE, &requests->items[0],
                                      numbers[i].typed, NULL, &result);
        CU_ASSERT_EQUAL(status, numbers[i].sent ? FACTOR_PHONE_OK
                                                : FACTOR_PHONE_USAGE);
        CU_ASSERT_EQUAL(rig_count("/answers"), numbers[i].sent != NULL);
        if (numbers[i].sent && rig_count("/answers")) {
            claims = rig_claims(rig_last("/answers"));
            sent = rig_text(claims, "number");
            CU_ASSERT_STRING_EQUAL(sent ? sent : "", numbers[i].sent);
            json_decref(claims);
        }
        factor_phone_requests_free(requests);
        rig_close();
    }
}

static void
tells_a_wrong_number(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result = FACTOR_PHONE_APPROVED;

    open_paired();
    rig.host.number = "407193";
    set_number(rig_add_request("request-1", "authentication"),
               "{\"type\":\"ENTER_MANUALLY\",\"digits\":6}");
    requests = ask();
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], "000000", NULL,
                                         &result),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(result, FACTOR_PHONE_DENIED);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
refuses_a_method_that_is_no_word(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result;

    open_paired();
    requests = one_request();
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, "my face",
                                         &result),
                    FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(rig_count("/answers"), 0);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
sends_the_very_statement_again(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result = FACTOR_PHONE_DENIED;
    size_t count;

    open_paired();
    requests = one_request();
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, NULL,
                                         &result),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(result, FACTOR_PHONE_APPROVED);
    count = rig.call_count;
    CU_ASSERT_STRING_EQUAL(rig.calls[count - 1].statement,
                           rig.calls[count - 2].statement);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
gives_up_after_two_lost_answers(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result;

    open_paired();
    requests = one_request();
    rig_lose(RIG_LOST_AFTER);
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, NULL,
                                         &result),
                    FACTOR_PHONE_NETWORK);
    CU_ASSERT_EQUAL(rig_count("/answers"), 2);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
wants_to_know_the_result(void)
{
    struct factor_phone_requests *requests;
    enum factor_phone_result result;

    open_paired();
    requests = one_request();
    rig.host.no_result = "perhaps";
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], NULL, NULL,
                                         &result),
                    FACTOR_PHONE_ANSWER);
    factor_phone_requests_free(requests);
    rig_close();
}

/* --- payloads and silent requests --- */

static const struct factor_phone_payload payload_demo = {
    .issuer = RIG_ISSUER, .client = "demo"
};

/* A payload, as its claims. */
static json_t *
make_payload(void)
{
    struct rig_call call = { .url = "" };
    enum factor_phone_status status;
    json_t *claims;

    status = factor_phone_payload(rig.phone, &payload_demo, &rig_about,
                                  &call.statement);
    CU_ASSERT_EQUAL_FATAL(status, FACTOR_PHONE_OK);
    claims = rig_claims(&call);
    free(call.statement);
    return claims;
}

static void
makes_a_payload_offline(void)
{
    json_t *claims;
    size_t before;

    open_paired();
    before = rig.call_count;
    claims = make_payload();
    CU_ASSERT_EQUAL(rig.call_count, before);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "purpose"), "payload");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "aud"), RIG_ISSUER);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "client"), "demo");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "application"), RIG_APPLICATION);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "device"), DEVICE);
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "user"), "user-1");
    CU_ASSERT_STRING_EQUAL(rig_text(claims, "name"), "Ann's phone");
    CU_ASSERT_EQUAL(strlen(rig_text(claims, "jti")), 22);
    CU_ASSERT(json_equal(json_object_get(claims, "key"), rig.host.key));
    json_decref(claims);
    rig_close();
}

/* The link that the rig's host gives as serverPayload. */
static const char *
server_payload(void)
{
    static char text[300];
    const struct factor_phone_link link = rig_link();

    snprintf(text, sizeof(text),
             RIG_ISSUER "/authenticator/#v=1&iss=https%%3A%%2F%%2F"
             "sso.example.org&key=" RIG_KEY "&fp=%s", link.fingerprint);
    return text;
}

static void
claims_with_the_key_of_its_payload(void)
{
    struct factor_phone_pairings *list = NULL;
    json_t *claims, *again;

    rig_open();
    CU_ASSERT_EQUAL(factor_phone_claim(rig.phone, server_payload(),
                                       &rig_about, &list),
                    FACTOR_PHONE_NOT_FOUND);
    claims = make_payload();
    CU_ASSERT_PTR_NULL(json_object_get(claims, "device"));
    again = make_payload();
    CU_ASSERT(json_equal(json_object_get(claims, "key"),
                         json_object_get(again, "key")));
    CU_ASSERT_EQUAL(listed(), 0);
    CU_ASSERT_EQUAL_FATAL(factor_phone_claim(rig.phone, server_payload(),
                                             &rig_about, &list),
                          FACTOR_PHONE_OK);
    factor_phone_pairings_free(list);
    CU_ASSERT(json_equal(json_object_get(claims, "key"), rig.host.key));
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT_EQUAL(factor_phone_claim(rig.phone, "no link", &rig_about,
                                       &list),
                    FACTOR_PHONE_USAGE);
    json_decref(claims);
    json_decref(again);
    rig_close();
}

/* The user who signs on is another one than the phone's. */
static void
claims_for_a_second_user_with_the_same_key(void)
{
    struct factor_phone_pairings *list = NULL;
    json_t *claims;

    open_paired();
    claims = make_payload();
    free(rig.host.claimed_by);
    rig.host.claimed_by = NULL;
    rig.host.device = "device-2";
    CU_ASSERT_EQUAL(factor_phone_claim(rig.phone, server_payload(),
                                       &rig_about, &list),
                    FACTOR_PHONE_OK);
    factor_phone_pairings_free(list);
    CU_ASSERT(json_equal(json_object_get(claims, "key"), rig.host.key));
    CU_ASSERT_EQUAL(listed(), 2);
    json_decref(claims);
    rig_close();
}

static void
wants_to_know_whose_payload(void)
{
    struct factor_phone_payload payload = payload_demo;
    char *text = NULL;

    open_paired();
    rig.host.device = "device-2";
    free(rig.host.claimed_by);
    rig.host.claimed_by = NULL;
    rig_pair();
    CU_ASSERT_EQUAL(factor_phone_payload(rig.phone, &payload, &rig_about,
                                         &text),
                    FACTOR_PHONE_USAGE);
    payload.device = "device-3";
    CU_ASSERT_EQUAL(factor_phone_payload(rig.phone, &payload, &rig_about,
                                         &text),
                    FACTOR_PHONE_NOT_FOUND);
    payload.device = "device-2";
    payload.client = "";
    CU_ASSERT_EQUAL(factor_phone_payload(rig.phone, &payload, &rig_about,
                                         &text),
                    FACTOR_PHONE_USAGE);
    payload.client = "demo";
    CU_ASSERT_EQUAL(factor_phone_payload(rig.phone, &payload, &rig_about,
                                         &text),
                    FACTOR_PHONE_OK);
    free(text);
    rig_close();
}

static const struct {
    const char *client; /* of the payload; NULL: there is none */
    int age_ms;
    bool approved;
} silents[] = {
    { NULL, 0, false },
    { "demo", 0, true },
    { "demo", 120000, true },
    { "demo", 120001, false },
    { "demo", -1, false },
    { "other", 0, false },
};

static void
approves_silently_what_it_asked_for(void)
{
    struct factor_phone_payload payload = payload_demo;
    struct factor_phone_requests *requests;
    char *text;
    size_t i;

    for (i = 0; i < COUNT(silents); i++) {
        open_paired();
        text = NULL;
        payload.client = silents[i].client;
        if (payload.client)
            CU_ASSERT_EQUAL(factor_phone_payload(rig.phone, &payload,
                                                 &rig_about, &text),
                            FACTOR_PHONE_OK);
        free(text);
        rig.now_ms += silents[i].age_ms;
        rig_add_request("silent-1", "silent");
        rig_add_request("request-1", "authentication");
        requests = ask();
        CU_ASSERT_EQUAL(requests->silent, silents[i].approved);
        CU_ASSERT_EQUAL(requests->ignored, !silents[i].approved);
        CU_ASSERT_EQUAL(requests->count, 1);
        CU_ASSERT_STRING_EQUAL(requests->items[0].id, "request-1");
        CU_ASSERT_EQUAL(rig_count("/answers"), silents[i].approved);
        factor_phone_requests_free(requests);
        rig_close();
    }
}

static void
ignores_other_kinds(void)
{
    struct factor_phone_requests *requests;

    open_paired();
    rig_add_request("request-1", "of a later version");
    requests = ask();
    CU_ASSERT_EQUAL(requests->count, 0);
    CU_ASSERT_EQUAL(requests->ignored, 1);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
approves_no_silent_request_with_a_number(void)
{
    struct factor_phone_requests *requests;

    open_paired();
    json_decref(make_payload());
    set_number(rig_add_request("silent-1", "silent"),
               "{\"type\":\"SELECT_NUMBER\",\"choices\":[\"1\",\"2\"]}");
    requests = ask();
    CU_ASSERT_EQUAL(requests->ignored, 1);
    CU_ASSERT_EQUAL(rig_count("/answers"), 0);
    factor_phone_requests_free(requests);
    rig_close();
}

static void
leaves_a_silent_request_that_fails(void)
{
    struct factor_phone_requests *requests;

    open_paired();
    json_decref(make_payload());
    rig_add_request("silent-1", "silent");
    rig_lose(RIG_PASS);
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    requests = ask();
    CU_ASSERT_EQUAL(requests->ignored, 1);
    factor_phone_requests_free(requests);
    requests = ask();
    CU_ASSERT_EQUAL(requests->silent, 1);
    factor_phone_requests_free(requests);
    rig_close();
}

static const struct tap_test tests[] = {
    { "what waits is listed", lists_what_waits },
    { "news are asked for by what is known", asks_for_news },
    { "numbers to type and to pick are read", reads_numbers },
    { "a malformed request refuses the answer", refuses_malformed_requests },
    { "a device is not forgotten for other refusals",
      forgets_a_device_for_nothing_less },
    { "a device that is not paired is forgotten",
      forgets_a_device_that_is_not_paired },
    { "a limit says how long to wait", says_how_long_to_wait },
    { "the device's status is remembered", remembers_the_status },
    { "waiting locks nobody out, and undoes nothing", waits_without_a_lock },
    { "waiting is not begun again by itself",
      asks_once_when_the_network_fails },
    { "a wrong clock is corrected, and remembered", corrects_its_clock },
    { "a clock is corrected once", corrects_its_clock_once },
    { "pairing goes by the clock of discovery",
      pairs_by_the_clock_of_discovery },
    { "small differences of clocks are not saved",
      does_not_save_small_differences },
    { "a request is approved", approves },
    { "a request is denied, with a reason", denies },
    { "an unknown reason is refused", refuses_an_unknown_reason },
    { "a number that cannot be right is not sent",
      sends_only_numbers_that_can_be_right },
    { "a wrong number is told as a denial", tells_a_wrong_number },
    { "a method is one word", refuses_a_method_that_is_no_word },
    { "a lost answer is asked for by the very statement",
      sends_the_very_statement_again },
    { "two lost answers are a failure", gives_up_after_two_lost_answers },
    { "an answer without a result is none", wants_to_know_the_result },
    { "a paired phone makes its payload offline", makes_a_payload_offline },
    { "a serverPayload is claimed with the payload's key",
      claims_with_the_key_of_its_payload },
    { "also for a second user", claims_for_a_second_user_with_the_same_key },
    { "a payload is of one pairing and one client",
      wants_to_know_whose_payload },
    { "silent requests are approved for two minutes, for their client",
      approves_silently_what_it_asked_for },
    { "requests of unknown kind are ignored", ignores_other_kinds },
    { "a silent request with a number is ignored",
      approves_no_silent_request_with_a_number },
    { "a silent request that could not be answered comes again",
      leaves_a_silent_request_that_fails },
};

int
main(void)
{
    return tap_main("phone requests", tests, TAP_COUNT(tests));
}
