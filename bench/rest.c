/* SPDX-License-Identifier: MIT */
/* bench/rest.c - a back end that calls the MFA service REST API: device
 * authentications with a passcode, of users with three devices each. */
#include "bench/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/codes.h"
#include "bench/measure.h"

#define VENDOR "application/vnd.pingidentity."
#define JSON "application/json"

enum { CONNECTIONS = 64, PART = 100000 };

/* Whom we call, and as whom. */
static struct {
    char environment[40];
    char token[1024];
} host;

/* --- Calls --- */

static void
call(struct conn *conn, const struct plan *plan, const char *method,
     const char *path, const char *type, const char *body)
{
    conn_put(conn,
             "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
             method, path, plan->bench->daemon.host, host.token, type,
             strlen(body), body);
}

/* Basic authentication of the worker, whose name and secret need no escape. */
static bool
ask_token(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    static const char body[] = "grant_type=client_credentials"
                               "&client_id=bench-worker"
                               "&client_secret=" REST_SECRET;
    char path[80];

    (void)flow;
    snprintf(path, sizeof(path), "/%s/as/token", host.environment);
    conn_put(conn,
             "POST %s HTTP/1.1\r\nHost: %s\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             path, plan->bench->daemon.host, strlen(body), body);
    return true;
}

static bool
take_token(struct flow *flow, const struct reply *reply)
{
    (void)flow;
    return reply_text(reply->body, "\"access_token\":\"", host.token,
                      sizeof(host.token));
}

/* The user's id is kept where an authorization code would be. */
static bool
ask_user(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char path[160];

    snprintf(path, sizeof(path),
             "/v1/environments/%s/users?filter=username%%20eq%%20%%22u%07u"
             "%%22",
             host.environment, flow->user);
    call(conn, plan, "GET", path, JSON, "");
    return true;
}

static bool
take_user(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "{\"users\":[{\"id\":\"", flow->auth_code,
                      sizeof(flow->auth_code));
}

static void
devices(struct conn *conn, const struct plan *plan, const struct flow *flow,
        const char *method, const char *body)
{
    char path[160];

    snprintf(path, sizeof(path), "/v1/environments/%s/users/%s/devices",
             host.environment, flow->auth_code);
    call(conn, plan, method, path, JSON, body);
}

static bool
ask_mailbox(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[128];

    snprintf(body, sizeof(body),
             "{\"type\":\"EMAIL\",\"email\":\"u%07u@bench.test\"}",
             flow->user);
    devices(conn, plan, flow, "POST", body);
    return true;
}

static bool
take_device(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "{\"id\":\"", flow->device,
                      sizeof(flow->device));
}

static bool
ask_number(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char body[128];

    snprintf(body, sizeof(body),
             "{\"type\":\"SMS\",\"phone\":\"+1555%07u\"}", flow->user);
    devices(conn, plan, flow, "POST", body);
    return true;
}

static bool
ask_app(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    devices(conn, plan, flow, "POST", "{\"type\":\"TOTP\"}");
    return true;
}

static bool
ask_list(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    devices(conn, plan, flow, "GET", "");
    return true;
}

static bool
ask_begin(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char path[80], body[160];

    codes_clear(flow->user);
    flow->code = 0;
    snprintf(path, sizeof(path), "/%s/deviceAuthentications",
             host.environment);
    snprintf(body, sizeof(body),
             "{\"user\":{\"id\":\"%s\"},\"selectedDevice\":{\"id\":\"%s\"}}",
             flow->auth_code, flow->device);
    call(conn, plan, "POST", path, JSON, body);
    return true;
}

static bool
take_begun(struct flow *flow, const struct reply *reply)
{
    return reply_text(reply->body, "\"id\":\"", flow->request,
                      sizeof(flow->request));
}

static bool
ask_check(struct conn *conn, const struct plan *plan, struct flow *flow)
{
    char path[160], body[64];

    if (flow->code == 0) {
        codes_read();
        flow->code = codes_of(flow->user);
    }
    if (flow->code == 0)
        return false;
    snprintf(path, sizeof(path), "/%s/deviceAuthentications/%s",
             host.environment, flow->request);
    snprintf(body, sizeof(body), "{\"otp\":\"%06u\"}", flow->code - 1);
    call(conn, plan, "POST", path, VENDOR "otp.check+json", body);
    return true;
}

const struct step_kind rest_steps[STEP_COUNT] = {
    [STEP_WORKER] = {"token", ask_token, "\"access_token\"", take_token},
    [STEP_FIND_USER] = {"users", ask_user, "\"users\"", take_user},
    [STEP_MAILBOX] = {"devices", ask_mailbox, "\"EMAIL\"", take_device},
    [STEP_NUMBER] = {"devices", ask_number, "\"SMS\"", NULL},
    [STEP_APP] = {"devices", ask_app, "\"TOTP\"", NULL},
    [STEP_LIST] = {"devices", ask_list, "\"devices\"", NULL},
    [STEP_BEGIN] = {"deviceAuthentications", ask_begin, "\"OTP_REQUIRED\"",
                    take_begun},
    [STEP_OTP_CHECK] = {"otp.check", ask_check, "\"COMPLETED\"", NULL},
};

/* --- The row --- */

static void
discover(struct bench *bench)
{
    char body[2048];

    if (http_get(&bench->daemon.control, "/status", body, sizeof(body)) !=
            200 ||
        !reply_text(body, "\"environment\":\"", host.environment,
                    sizeof(host.environment)))
        die("the control socket does not answer");
}

static void
run(struct bench *bench, struct flow *flows, size_t count,
    const enum flow_step *steps, struct load *load)
{
    struct plan plan = {.bench = bench,
                        .client = "bench-worker",
                        .flows = flows,
                        .count = count,
                        .steps = steps};

    if (load->connections == 0)
        load->connections = CONNECTIONS;
    plan_run(&plan, load);
}

/* Users by their place in the scattered order, and their devices. */
static void
pair(struct bench *bench, struct flow *flows, size_t first, size_t count)
{
    static const enum flow_step steps[] = {STEP_FIND_USER, STEP_MAILBOX,
                                           STEP_NUMBER, STEP_APP, STEP_END};
    struct load load = {0};
    size_t i;

    for (i = 0; i < count; i++)
        flows[i].user = bench->order[first + i];
    run(bench, flows, count, steps, &load);
    load_free(&load);
}

/* Those whom the rows are about come first, so that whatever else the cache
 * has room for is not of them when they are looked at. */
static void
prepare(struct bench *bench, struct flow *flows, size_t count)
{
    static const enum flow_step token[] = {STEP_WORKER, STEP_END};
    size_t users = bench->numbers.users, first, part;
    struct load one = {.connections = 1};
    int64_t began_ns;
    struct flow *others;

    discover(bench);
    run(bench, flows, 1, token, &one);
    load_free(&one);
    began_ns = now_ns();
    pair(bench, flows, 0, count);
    for (first = count; first < users; first += part) {
        part = users - first < PART ? users - first : PART;
        others = must_alloc(part, sizeof(*others));
        pair(bench, others, first, part);
        flows_free(others, part);
    }
    report_note("%zu users given three devices each, %.0f devices a second",
                users, 3e9 * (double)users / (double)(now_ns() - began_ns));
}

static void
measured(struct bench *bench, struct measure *measure, struct flow *flows,
         size_t count, const enum flow_step *steps)
{
    struct load load = {0};

    measure_begin(measure, bench);
    run(bench, flows, count, steps, &load);
    measure_end(measure, bench, &load);
    load_free(&load);
}

/* Where there are more flows than users, they take turns. */
static void
repeat(struct flow *flows, size_t users, size_t count)
{
    size_t i;

    for (i = users; i < count; i++)
        flows[i] = flows[i - users];
}

void
row_rest(struct bench *bench)
{
    static const enum flow_step list[] = {STEP_LIST, STEP_END};
    static const enum flow_step authenticate[] = {STEP_BEGIN, STEP_OTP_CHECK,
                                                  STEP_END};
    struct measure looks = {.name = "rest_look",
                            .text = "REST: lists, the first time, 64"};
    struct measure lists = {.name = "rest_list",
                            .text = "REST: lists of devices, 64"};
    struct measure auths = {
        .name = "rest_auth",
        .text = "REST: device authentications with a passcode, 64"};
    const size_t users = bench->numbers.users, count = bench->numbers.flows;
    struct flow *flows = must_alloc(count, sizeof(*flows));

    report_section("MFA service REST API");
    prepare(bench, flows, count < users ? count : users);
    repeat(flows, users, count);
    measured(bench, &looks, flows, count < users ? count : users, list);
    measured(bench, &lists, flows, count, list);
    measured(bench, &auths, flows, count, authenticate);
    flows_free(flows, count);
}
