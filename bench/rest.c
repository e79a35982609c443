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

enum { CONNECTIONS = 64 };

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

static void
prepare(struct bench *bench, struct flow *flows, size_t count)
{
    static const enum flow_step token[] = {STEP_WORKER, STEP_END};
    static const enum flow_step pair[] = {STEP_FIND_USER, STEP_MAILBOX,
                                          STEP_NUMBER, STEP_APP, STEP_END};
    struct load one = {.connections = 1}, many = {0};
    int64_t began_ns;

    discover(bench);
    run(bench, flows, 1, token, &one);
    began_ns = now_ns();
    run(bench, flows, count, pair, &many);
    report_note("%zu users given three devices each, %.0f devices a second",
                count,
                3e9 * (double)count / (double)(now_ns() - began_ns));
    load_free(&one);
    load_free(&many);
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

/* Each user once: who has them all would have more than are allowed. */
void
row_rest(struct bench *bench)
{
    static const enum flow_step list[] = {STEP_LIST, STEP_END};
    static const enum flow_step authenticate[] = {STEP_BEGIN, STEP_OTP_CHECK,
                                                  STEP_END};
    struct measure lists = {.name = "rest_list",
                            .text = "REST: lists of devices, 64"};
    struct measure auths = {
        .name = "rest_auth",
        .text = "REST: device authentications with a passcode, 64"};
    size_t count = bench->numbers.flows < bench->numbers.users
                       ? bench->numbers.flows
                       : bench->numbers.users, i;
    struct flow *flows = must_alloc(count, sizeof(*flows));

    report_section("MFA service REST API");
    for (i = 0; i < count; i++)
        flows[i].user = bench->order[i];
    prepare(bench, flows, count);
    measured(bench, &lists, flows, count, list);
    measured(bench, &auths, flows, count, authenticate);
    flows_free(flows, count);
}
