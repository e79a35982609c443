/* SPDX-License-Identifier: MIT */
/* bench/push.c - sign-ons with a phone: request, signed answer, completion. */
#include "bench/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/measure.h"

#define ACR "urn:bench:mfa"
#define STATEMENT "factor-phone+jwt"

enum { CONNECTIONS = 64 };

/* What discovery says, and what we have done. */
static struct {
    char path[128]; /* "/ENVIRONMENT/mobile" */
    char application[64];
    unsigned round; /* of pairing: a user's addresses are all different */
} host;

/* --- What phones say --- */

/* POST of a statement, and of the key if it is the phone's first. */
static void
say(struct conn *conn, const struct plan *plan, const struct phone *phone,
    const char *what, const char *claims, bool with_key)
{
    char body[4096], place[64] = "";
    char *statement = sign(phone->key, STATEMENT, claims);
    int len;

    len = snprintf(body, sizeof(body), "{%s%s%s\"statement\":\"%s\"}",
                   with_key ? "\"key\":" : "",
                   with_key ? sign_key_jwk(phone->key) : "",
                   with_key ? "," : "", statement);
    free(statement);
    if (!with_key)
        snprintf(place, sizeof(place), "/devices/%s", phone->device);
    conn_put(conn,
             "POST %s%s/%s HTTP/1.1\r\nHost: %s\r\n"
             "Content-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n%s",
             host.path, place, what, plan->bench->daemon.host, len, body);
}

/* The members of every statement, to be gone on with. */
static int
begin_claims(const struct plan *plan, const struct phone *phone,
             const char *purpose, char *ret_claims, size_t size)
{
    return snprintf(ret_claims, size,
                    "{\"v\":1,\"purpose\":\"%s\",\"aud\":\"%s\",\"iat\":%ld,"
                    "\"device\":\"%s\",\"user\":\"%s\"",
                    purpose, plan->bench->daemon.base_url, (long)time(NULL),
                    phone->device, phone->user_id);
}

static bool
ask_requests(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char claims[1024];
    int len = begin_claims(plan, flow->phone, "requests", claims,
                           sizeof(claims));

    snprintf(claims + len, sizeof(claims) - (size_t)len, "}");
    say(conn, plan, flow->phone, "requests", claims, false);
    return true;
}

static bool
take_requests(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "\"requests\":[{\"id\":\"", flow->request,
                      sizeof(flow->request)) &&
           reply_text(reply->body, "\"challenge\":\"", flow->challenge,
                      sizeof(flow->challenge)) &&
           reply_text(reply->body, "\"host\":\"", flow->page,
                      sizeof(flow->page));
}

static bool
ask_answer(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char claims[2048], nonce[23];
    int len = begin_claims(plan, flow->phone, "answer", claims,
                           sizeof(claims));

    sign_nonce(nonce);
    snprintf(claims + len, sizeof(claims) - (size_t)len,
             ",\"request\":\"%s\",\"challenge\":\"%s\",\"client\":\"%s\","
             "\"host\":\"%s\",\"nonce\":\"%s\",\"decision\":\"approve\","
             "\"number\":\"%s\",\"exp\":%ld}",
             flow->request, flow->challenge, plan->client, flow->page, nonce,
             flow->number, (long)time(NULL) + 50);
    say(conn, plan, flow->phone, "answers", claims, false);
    return true;
}

/* --- What the browser says --- */

static bool
ask_authenticate(struct conn *conn, const struct plan *plan,
                 struct flow *flow)
{
    flow_act(conn, plan, flow, "authenticate", "{}");
    return true;
}

static bool
ask_select_phone(struct conn *conn, const struct plan *plan,
                 struct flow *flow)
{
    char body[128];

    snprintf(body, sizeof(body), "{\"deviceRef\":{\"id\":\"%s\"}}",
             flow->phone->device);
    flow_act(conn, plan, flow, "selectDevice", body);
    return true;
}

static bool
take_number(struct flow *flow, const struct reply *reply)
{
    const char *matching = strstr(reply->body, "\"numberMatching\"");

    return matching && reply_text(matching, "\"value\":\"", flow->number,
                                  sizeof(flow->number));
}

static bool
ask_poll(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    flow_act(conn, plan, flow, "poll", "{}");
    return true;
}

/* --- Pairing --- */

static void
operate(struct conn *conn, const struct flow *flow, const char *action,
        const char *body)
{
    conn_put(conn,
             "POST /users/u%07u/actions/mfa/%s HTTP/1.1\r\nHost: factord\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
             "%s",
             flow->user, action, strlen(body), body);
}

static bool
ask_add_device(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[128];

    (void)plan;
    snprintf(body, sizeof(body),
             "{\"type\":\"EMAIL\",\"target\":\"u%07u.%u@bench.test\"}",
             flow->user, host.round);
    operate(conn, flow, "addDevice", body);
    return true;
}

static bool
ask_pairing_key(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    (void)plan;
    operate(conn, flow, "createPairingKey", "{}");
    return true;
}

static bool
take_pairing_key(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "\"key\":\"", flow->phone->pairing_key,
                      sizeof(flow->phone->pairing_key));
}

static bool
ask_pair(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char claims[1024];

    snprintf(claims, sizeof(claims),
             "{\"v\":1,\"purpose\":\"pair\",\"aud\":\"%s\",\"iat\":%ld,"
             "\"key\":\"%s\",\"application\":\"%s\",\"name\":\"Bench\","
             "\"platform\":\"android\"}",
             plan->bench->daemon.base_url, (long)time(NULL),
             flow->phone->pairing_key, host.application);
    say(conn, plan, flow->phone, "pairings", claims, true);
    return true;
}

static bool
take_pair(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "\"device\":\"", flow->phone->device,
                      sizeof(flow->phone->device)) &&
           reply_text(reply->body, "\"user\":{\"id\":\"",
                      flow->phone->user_id, sizeof(flow->phone->user_id));
}

const struct step_kind push_steps[STEP_COUNT] = {
    [STEP_AUTHENTICATE] = {"authenticate", ask_authenticate,
                           "\"DEVICE_SELECTION_REQUIRED\"", NULL},
    [STEP_SELECT_PHONE] = {"selectDevice", ask_select_phone,
                           "\"PUSH_CONFIRMATION_WAITING\"", take_number},
    [STEP_REQUESTS] = {"requests", ask_requests, "\"requests\"",
                       take_requests},
    [STEP_ANSWER] = {"answers", ask_answer, "\"approved\"", NULL},
    [STEP_POLL] = {"poll", ask_poll, "\"MFA_COMPLETED\"", NULL},
    [STEP_ADD_DEVICE] = {"addDevice", ask_add_device, "\"id\"", NULL},
    [STEP_PAIRING_KEY] = {"createPairingKey", ask_pairing_key, "\"key\"",
                          take_pairing_key},
    [STEP_PAIR] = {"pairings", ask_pair, "\"ACTIVE\"", take_pair},
};

/* --- The row --- */

static void
discover(const struct bench *bench)
{
    char body[4096], url[256];

    if (http_get(&bench->daemon.address, "/.well-known/factor-phone", body,
                 sizeof(body)) != 200 ||
        !reply_text(body, "\"endpoint\":\"", url, sizeof(url)) ||
        !reply_text(body, "\"applications\":[{\"id\":\"", host.application,
                    sizeof(host.application)))
        die("no discovery for phones");
    snprintf(host.path, sizeof(host.path), "%s",
             url + strlen(bench->daemon.base_url));
}

void
push_run(const struct bench *bench, const char *acr, struct flow *flows,
         size_t count, const enum flow_step *steps, struct load *load)
{
    struct plan plan = {.bench = bench,
                        .client = PUSH_CLIENT,
                        .acr = acr,
                        .flows = flows,
                        .count = count,
                        .steps = steps};

    load->connections = CONNECTIONS;
    plan_run(&plan, load);
}

struct phone *
phones_pair(const struct bench *bench, size_t first, size_t count)
{
    static const enum flow_step ask[] = {STEP_ADD_DEVICE, STEP_PAIRING_KEY,
                                         STEP_END};
    static const enum flow_step claim[] = {STEP_PAIR, STEP_END};
    struct phone *phones = must_alloc(count, sizeof(*phones));
    struct flow *flows = must_alloc(count, sizeof(*flows));
    struct load operators = {.to = &bench->daemon.control}, owners = {0};
    size_t i;

    discover(bench);
    host.round++;
    for (i = 0; i < count; i++) {
        phones[i].key = sign_key_new();
        phones[i].user = bench->order[(first + i) % bench->numbers.users];
        flows[i].phone = &phones[i];
        flows[i].user = phones[i].user;
    }
    push_run(bench, ACR, flows, count, ask, &operators);
    push_run(bench, ACR, flows, count, claim, &owners);
    load_free(&operators);
    load_free(&owners);
    flows_free(flows, count);
    return phones;
}

void
phones_free(struct phone *phones, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        sign_key_free(phones[i].key);
    free(phones);
}

struct flow *
push_flows_make(const struct bench *bench, struct phone *phones,
                size_t phone_count, size_t count)
{
    struct flow *flows = must_alloc(count, sizeof(*flows));
    size_t i;

    for (i = 0; i < count; i++) {
        flows[i].phone = &phones[i % phone_count];
        flows[i].user = flows[i].phone->user;
        flows[i].hint = flow_hint(bench, PUSH_CLIENT, flows[i].user);
    }
    return flows;
}

/* Each phone has one sign-on after the other. */
void
row_push(struct bench *bench)
{
    static const enum flow_step begin[] = {STEP_AUTHORIZE, STEP_AUTHENTICATE,
                                           STEP_END};
    static const enum flow_step trip[] = {STEP_SELECT_PHONE, STEP_REQUESTS,
                                          STEP_ANSWER, STEP_POLL, STEP_END};
    size_t phone_count = bench->numbers.phones;
    size_t count = bench->numbers.flows / 4;
    struct load before = {0}, load = {0};
    struct measure measure = {.name = "push",
                              .text = "push round trips, 64"};
    struct phone *phones;
    struct flow *flows;

    report_section("Push");
    phones = phones_pair(bench, 0, phone_count);
    flows = push_flows_make(bench, phones, phone_count, count);
    push_run(bench, ACR, flows, count, begin, &before);
    measure_begin(&measure, bench);
    push_run(bench, ACR, flows, count, trip, &load);
    measure_end(&measure, bench, &load);
    load_free(&before);
    load_free(&load);
    flows_free(flows, count);
    phones_free(phones, phone_count);
}
