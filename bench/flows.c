/* SPDX-License-Identifier: MIT */
/* bench/flows.c - sign-ons with the OTP adapter, and plans. */
#include "bench/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/codes.h"
#include "bench/push.h"
#include "bench/rest.h"

#define AUTHN_TYPE "application/vnd.pingidentity."
#define VERIFIER "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ"

enum { PREPARE_CONNECTIONS = 64, THREADS = 2, HINT_S = 290 };

static struct {
    struct sign_key *key;
    char jwks[512], challenge[44];
} hints;

/* --- Hints --- */

void
flows_open(struct bench *bench)
{
    (void)bench;
    hints.key = sign_key_new();
    snprintf(hints.jwks, sizeof(hints.jwks), "{\"keys\":[%s]}",
             sign_key_jwk(hints.key));
    sign_challenge(VERIFIER, hints.challenge);
}

void
flows_close(void)
{
    sign_key_free(hints.key);
}

const char *
flows_jwks(void)
{
    return hints.jwks;
}

char *
flow_hint(const struct bench *bench, const char *client, uint32_t user)
{
    char claims[512], jti[23];
    long now = (long)time(NULL);

    sign_nonce(jti);
    snprintf(claims, sizeof(claims),
             "{\"iss\":\"%s\",\"sub\":\"u%07u\",\"aud\":\"%s\",\"jti\":\"%s\","
             "\"amr\":[\"pwd\"],\"iat\":%ld,\"exp\":%ld}",
             client, user, bench->daemon.base_url, jti, now, now + HINT_S);
    return sign(hints.key, NULL, claims);
}

struct flow *
flows_make(const struct bench *bench, const char *client, size_t count)
{
    struct flow *flows = must_alloc(count, sizeof(*flows));
    size_t i;

    for (i = 0; i < count; i++) {
        flows[i].user = bench->order[i % bench->numbers.users];
        flows[i].hint = flow_hint(bench, client, flows[i].user);
    }
    return flows;
}

void
flows_free(struct flow *flows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        free(flows[i].hint);
    free(flows);
}

/* --- Steps --- */

static bool
ask_authorize(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    conn_put(conn,
             "GET /as/authorization.oauth2?client_id=%s&response_type=code"
             "&scope=openid&response_mode=pi.flow&acr_values=%s"
             "&code_challenge=%s&code_challenge_method=S256"
             "&login_hint_token=%s HTTP/1.1\r\nHost: %s\r\n\r\n",
             plan->client, plan->acr, hints.challenge, flow->hint,
             plan->bench->daemon.host);
    return true;
}

/* The first device of a list, which is the user's address. */
static bool
take_authorize(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "{\"id\":\"", flow->id, sizeof(flow->id)) &&
           reply_text(reply->body, "\"devices\":[{\"id\":\"", flow->device,
                      sizeof(flow->device)) &&
           reply_cookie(reply, flow->cookie, sizeof(flow->cookie));
}

void
flow_act(struct conn *conn, const struct plan *plan, const struct flow *flow,
         const char *action, const char *body)
{
    conn_put(conn,
             "POST /pf-ws/authn/flows/%s HTTP/1.1\r\nHost: %s\r\n"
             "X-XSRF-Header: bench\r\nCookie: PF=%s\r\n"
             "Content-Type: " AUTHN_TYPE "%s+json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             flow->id, plan->bench->daemon.host, flow->cookie, action,
             strlen(body), body);
}

static bool
ask_select(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[128];

    codes_clear(flow->user);
    flow->code = 0;
    snprintf(body, sizeof(body), "{\"deviceRef\":{\"id\":\"%s\"}}",
             flow->device);
    flow_act(conn, plan, flow, "selectDevice", body);
    return true;
}

static bool
ask_check(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[64];

    if (flow->code == 0) {
        codes_read();
        flow->code = codes_of(flow->user);
    }
    if (flow->code == 0)
        return false;
    snprintf(body, sizeof(body), "{\"otp\":\"%06u\"}", flow->code - 1);
    flow_act(conn, plan, flow, "checkOtp", body);
    return true;
}

static bool
ask_continue(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    flow_act(conn, plan, flow, "continueAuthentication", "");
    return true;
}

static bool
take_auth_code(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "\"authorizeResponse\":{\"code\":\"",
                      flow->auth_code, sizeof(flow->auth_code));
}

static bool
ask_token(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[512];
    int len = snprintf(body, sizeof(body),
                       "grant_type=authorization_code&client_id=%s&code=%s"
                       "&code_verifier=" VERIFIER,
                       plan->client, flow->auth_code);

    conn_put(conn,
             "POST /as/token.oauth2 HTTP/1.1\r\nHost: %s\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: %d\r\n\r\n%s",
             plan->bench->daemon.host, len, body);
    return true;
}

/* Those of the table that are of the OTP adapter; push.c and rest.c have the
 * others. */
static const struct step_kind otp_steps[STEP_COUNT] = {
    [STEP_AUTHORIZE] = {"authorize", ask_authorize, "_REQUIRED\"",
                        take_authorize},
    [STEP_SELECT] = {"selectDevice", ask_select, "\"OTP_REQUIRED\"", NULL},
    [STEP_CHECK] = {"checkOtp", ask_check, "\"OTP_VERIFIED\"", NULL},
    [STEP_CONTINUE] = {"continueAuthentication", ask_continue,
                       "\"COMPLETED\"", take_auth_code},
    [STEP_TOKEN] = {"token", ask_token, "\"id_token\"", NULL},
};

static const struct step_kind *
kind_of(enum flow_step step)
{
    if (otp_steps[step].ask)
        return &otp_steps[step];
    return push_steps[step].ask ? &push_steps[step] : &rest_steps[step];
}

/* --- Plans --- */

static void
plan_fail(struct plan *plan, const char *step, const struct reply *reply)
{
    atomic_fetch_add(&plan->failed, 1);
    if (!atomic_flag_test_and_set(&plan->told))
        snprintf(plan->failure, sizeof(plan->failure), "%s: %u %.300s", step,
                 reply->status, reply->body);
}

/* Whether the flow goes on. */
static bool
plan_take(struct plan *plan, struct conn *conn, const struct reply *reply)
{
    const struct step_kind *kind = kind_of(plan->steps[conn->step]);
    struct flow *flow = &plan->flows[conn->item];

    if (reply->status / 100 != 2 || !strstr(reply->body, kind->expect) ||
        (kind->take && !kind->take(flow, reply))) {
        plan_fail(plan, kind->name, reply);
        return false;
    }
    if (plan->each)
        load_note(conn, reply->took_ns);
    conn->step++;
    if (plan->steps[conn->step] != STEP_END)
        return true;
    if (!plan->each)
        load_note(conn, reply->at_ns - conn->began_ns);
    atomic_fetch_add(&plan->done, 1);
    return false;
}

/* false: its message has not come. */
static bool
plan_ask(struct plan *plan, struct conn *conn)
{
    const struct step_kind *kind = kind_of(plan->steps[conn->step]);
    bool asked = kind->ask(conn, plan, &plan->flows[conn->item]);

    if (!asked && conn->waits_ns == 0)
        conn->waits_ns = now_ns();
    if (asked && conn->waits_ns != 0) {
        atomic_fetch_add(&plan->waited_ns, now_ns() - conn->waits_ns);
        conn->waits_ns = 0;
    }
    return asked;
}

enum turn
plan_turn(struct conn *conn, const struct reply *reply)
{
    struct plan *plan = conn->load->context;
    bool going = conn->began_ns != 0;

    if (reply)
        going = plan_take(plan, conn, reply);
    if (!going) {
        conn->item = atomic_fetch_add(&plan->next, 1);
        conn->step = 0;
        conn->began_ns = now_ns();
    }
    if (conn->item >= plan->count)
        return TURN_DONE;
    return plan_ask(plan, conn) ? TURN_SEND : TURN_WAIT;
}

void
plan_run(struct plan *plan, struct load *load)
{
    size_t failed;

    load->turn = plan_turn;
    load->context = plan;
    load->threads = THREADS;
    if (!load->to)
        load->to = &plan->bench->daemon.address;
    load_run(load);
    failed = atomic_load(&plan->failed);
    if (failed * 100 > plan->count)
        die("%zu of %zu flows failed; the first: %s", failed, plan->count,
            plan->failure);
    if (failed > 0)
        report_note("%zu of %zu flows failed; the first: %s", failed,
                    plan->count, plan->failure);
}

/* --- Flows that wait for their code --- */

static void
wait_for_codes(struct flow *flows, size_t count)
{
    int64_t end_ns = now_ns() + INT64_C(120000000000);
    size_t i;

    for (i = 0; i < count; i++) {
        while (!(flows[i].code = codes_of(flows[i].user))) {
            codes_read();
            sleep_ms(1);
            if (now_ns() > end_ns)
                die("no code for user %u came within 2 min", flows[i].user);
        }
    }
}

/* A user's codes are told apart by their time: one open flow a user, and the
 * next when its code has come. */
int64_t
flows_prepare(struct bench *bench, const char *client, struct flow *flows,
              size_t count)
{
    static const enum flow_step steps[] = {STEP_AUTHORIZE, STEP_SELECT,
                                           STEP_END};
    int64_t began_ns = now_ns();
    size_t first, some;

    for (first = 0; first < count; first += some) {
        some = count - first < bench->numbers.users ? count - first
                                                    : bench->numbers.users;
        struct plan plan = {.bench = bench,
                            .client = client,
                            .acr = "urn:bench:otp",
                            .flows = flows + first,
                            .count = some,
                            .steps = steps};
        struct load load = {.connections = PREPARE_CONNECTIONS};

        plan_run(&plan, &load);
        load_free(&load);
        wait_for_codes(flows + first, some);
    }
    return now_ns() - began_ns;
}
