/* SPDX-License-Identifier: MIT */
/* host/rest/rest.c - the REST plane: a call is routed, admitted, checked and
 * run from the table in which its resource was declared. */
#include "host/rest/rest.h"

#include <stdio.h>
#include <string.h>

#include "host/api/api.h"
#include "host/clock.h"
#include "host/flow/run.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/log.h"
#include "host/plugin/reads.h"
#include "host/rest/access.h"
#include "host/rest/call.h"
#include "host/rest/error.h"
#include "host/rest/links.h"
#include "host/rest/stream.h"
#include "host/rest/tables.h"
#include "host/step/buckets.h"

const char *
rest_base(const struct host *host)
{
    const char *base = config_text(host->config, "/server/admin_base_url");

    return base ? base : host->base_url;
}

/* --- Replies. --- */

/* Phones learn our clock from every answer.  New reference. */
static json_t *
with_time(const json_t *body)
{
    json_t *timed = json_is_object(body) ? json_copy(json_unconst(body))
                                         : json_share(body);

    if (json_is_object(timed))
        json_object_set_new(timed, "time",
                            json_integer(clock_now_ms() / 1000));
    return timed;
}

static struct http_reply *
timed_json(unsigned status, const json_t *body)
{
    json_t *timed = with_time(body);
    struct http_reply *reply = api_json(status, timed);

    json_decref(timed);
    return reply;
}

/* Of R1, for a resource that looks at no cookie. */
static struct http_reply *
for_any_origin(struct http_reply *reply)
{
    if (!reply)
        return NULL;
    http_reply_header(reply, "Access-Control-Allow-Origin", "*");
    http_reply_header(reply, "Access-Control-Expose-Headers",
                      "correlation-id, location, preference-applied, "
                      "retry-after, www-authenticate");
    return reply;
}

/* What every answer says (A.5). */
static struct http_reply *
of_call(const char *id, struct http_reply *reply)
{
    if (!for_any_origin(reply))
        return NULL;
    http_reply_header(reply, "Correlation-Id", id);
    http_reply_header(reply, "Cache-Control",
                      "no-cache, no-store, max-age=0, must-revalidate");
    http_reply_header(reply, "Pragma", "no-cache");
    http_reply_header(reply, "Expires", "0");
    return reply;
}

static struct http_reply *
json_reply(const struct rest_call *call, unsigned status, const json_t *body)
{
    return of_call(call->id, rest_is_open(call->resource)
                             ? timed_json(status, body)
                             : api_json(status, body));
}

static struct http_reply *
empty_reply(const struct rest_call *call, unsigned status)
{
    return of_call(call->id, http_reply_static(status, NULL, "", 0));
}

/* body is stolen. */
static struct http_reply *
refusal_reply(const struct rest_call *call, unsigned status, json_t *body)
{
    struct http_reply *reply = json_reply(call, status, body);

    log_event("rest", status < 500 ? FACTOR_LOG_DEBUG : FACTOR_LOG_ERROR,
              "%s: %s %u %s", call->id, call->resource->name, status,
              json_text(body, "code"));
    json_decref(body);
    return reply;
}

static struct http_reply *
error_reply(const struct rest_call *call, unsigned status, const char *code,
            const char *message)
{
    return refusal_reply(call, status, rest_error(call->id, code, message));
}

/* --- One attempt. --- */

static factor_status
take_details(struct rest_call *call, const struct adapter *adapter,
             struct txn *txn, const struct factor_outcome *outcome)
{
    json_t *error = rest_error_details(call->id, adapter, outcome->details);

    call->answer = arena_keep_json(txn_arena(txn), error);
    call->refused = true;
    call->status = outcome->status >= 400 ? outcome->status : 400;
    call->retry_after_s =
        rest_error_wait_s(outcome->details, txn_now(txn));
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}

static void
take_answer(struct rest_call *call, const struct factor_outcome *outcome)
{
    call->status =
        outcome->status ? outcome->status : call->resource->status;
    call->answer = outcome->body;
    call->next = outcome->next;
    call->for_now = outcome->verdict == FACTOR_CONTINUE;
    call->changes_at_ms = outcome->changes_at_ms;
}

static void
fill_step(struct run *run, const struct rest_call *call, json_t *inputs)
{
    run->step.resource = call->operation->theirs;
    run->step.path = call->path;
    run->step.query = call->query;
    run->step.subject = call->user;
    if (call->bearer.client)
        run->request.client = call->bearer.client->id;
    if (inputs)
        run->step.inputs = inputs;
    if (call->body)
        run->step.fields = call->body;
}

static factor_status
run_adapter(struct job *job, struct run *run, struct txn *txn, json_t *inputs,
            struct factor_error *err)
{
    struct rest_call *call = job->state;
    const struct adapter *adapter = call->operation->adapter;
    struct engine_call caller;
    struct factor_outcome outcome;
    factor_status st;

    api_caller(job->host, job->request, txn_arena(txn), &caller);
    caller.cookie = NULL;
    st = run_prepare(run, &caller, txn, adapter, NULL);
    if (st != FACTOR_OK)
        return st;
    fill_step(run, call, inputs);
    st = run_load(run, err);
    if (st == FACTOR_OK)
        st = run_action(run, &outcome, err);
    if (st != FACTOR_OK)
        return st;
    if (outcome.details && *outcome.details)
        return take_details(call, adapter, txn, &outcome);
    take_answer(call, &outcome);
    return FACTOR_OK;
}

/* When a call that waits is looked at again, though nothing has moved. */
static int64_t
look_again_at(const struct job *job, int64_t now_ms)
{
    const struct rest_call *call = job->state;
    int64_t at_ms = call->stream
                        ? stream_turn_at(job->request)
                        : http_steady_ms(job->request) + call->wait_ms;
    int64_t left_ms = call->changes_at_ms - txn_now(job->txn);

    return left_ms > 0 && now_ms + left_ms < at_ms ? now_ms + left_ms : at_ms;
}

/* S7: under the path, so that two wait for one thing and no more, and under
 * every record that the answer was made from. */
static int
wait_for_better(struct job *job, const struct run *run)
{
    const struct rest_call *call = job->state;
    struct job_parking *parking = &job->parking;
    int64_t now_ms = clock_steady_ms();

    parking->until_steady_ms = look_again_at(job, now_ms);
    if (!call->stream && parking->until_steady_ms <= now_ms)
        return FACTOR_OK;
    parking->keys[0] = http_path(job->request);
    parking->key_count =
        1 + reads_keys(run->reads, parking->keys + 1, JOB_KEYS - 1);
    return JOB_PARK;
}

/* There is nothing to tell yet, and the caller would rather wait. */
static bool
is_to_wait(const struct job *job)
{
    const struct rest_call *call = job->state;

    return call->stream ? stream_told(job->request, call)
                        : call->for_now && call->wait_ms && call->may_park;
}

static void
forget_answer(struct rest_call *call)
{
    call->status = 0;
    call->answer = NULL;
    call->refused = false;
    call->retry_after_s = 0;
    call->next = NULL;
    call->for_now = false;
    call->changes_at_ms = 0;
}

/* A token that was given away for good reason may have been taken back. */
static factor_status
refuse_revoked(struct rest_call *call)
{
    bearer_refuse(&call->bearer, 401, "invalid_token",
                  "The access token was revoked.");
    call->status = 401;
    return FACTOR_OK;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct rest_call *call = job->state;
    struct run run;
    json_t *inputs;
    factor_status st = access_confirm(call, txn, &inputs);

    forget_answer(call);
    if (st == FACTOR_E_NOTFOUND)
        return refuse_revoked(call);
    if (st != FACTOR_OK)
        return st;
    if (!call->operation->adapter)
        return call->operation->decide(job->host, call, txn, err);
    if (call->wait_ms || call->stream)
        job->parking.stamp = park_stamp(job->host->park);
    st = run_adapter(job, &run, txn, inputs, err);
    return st == FACTOR_OK && is_to_wait(job) ? wait_for_better(job, &run)
                                              : st;
}

/* --- The answer. --- */

static struct http_reply *
refuse_access(struct rest_call *call, struct factor_arena *arena)
{
    const char *challenge;
    json_t *error = access_refusal(call, arena, &challenge);
    struct http_reply *reply =
        refusal_reply(call, call->bearer.status, error);

    if (reply && challenge && !rest_is_open(call->resource))
        http_reply_header(reply, "WWW-Authenticate", challenge);
    return reply;
}

static struct http_reply *
answer_found(const struct job *job, const struct rest_call *call)
{
    unsigned status = call->status ? call->status : 200;
    struct http_reply *reply;
    json_t *body;

    if (call->refused)
        return refusal_reply(call, status, json_share(call->answer));
    if (rest_is_open(call->resource))
        return json_reply(call, status, call->answer);
    body = links_complete(job->host, job->request, call, job->arena);
    reply = json_reply(call, status, body);
    if (reply && status == 201 && links_self(body))
        http_reply_header(reply, "Location", links_self(body));
    json_decref(body);
    return reply;
}

static struct http_reply *
answer_call(struct job *job)
{
    struct rest_call *call = job->state;
    struct http_reply *reply;

    if (call->bearer.status)
        reply = refuse_access(call, job->arena);
    else if (call->answer)
        reply = answer_found(job, call);
    else if (call->status >= 400)
        reply = error_reply(call, call->status, rest_error_code(call->status),
                            NULL);
    else if (call->status)
        reply = empty_reply(call, call->status);
    else
        reply = error_reply(call, 404, "NOT_FOUND", NULL);
    if (call->retry_after_s)
        api_retry_after(reply, call->retry_after_s * 1000);
    return reply;
}

/* Of proxies, nginx keeps what it reads until it has more, unless it is told.
 */
static struct http_reply *
answer_event(struct job *job, int st)
{
    const struct rest_call *call = job->state;
    bool first = !http_in_parts(job->request);
    struct http_reply *reply;
    json_t *timed;

    if (st != FACTOR_OK || !call->answer)
        return NULL;
    timed = with_time(call->answer);
    reply = stream_event(job->request, call, timed, rest_handle);
    json_decref(timed);
    if (!reply || !first)
        return reply;
    http_reply_header(reply, "X-Accel-Buffering", "no");
    return for_any_origin(reply);
}

/* A stream begins with an answer; what is none is told as to anybody. */
static bool
is_event(const struct job *job, int st)
{
    const struct rest_call *call = job->state;

    return call->stream &&
           (http_in_parts(job->request) ||
            (st == FACTOR_OK && call->answer && call->status < 400));
}

static struct http_reply *
answer(struct job *job, int st)
{
    const struct rest_call *call = job->state;
    struct http_reply *reply;
    char applied[32];

    if (is_event(job, st))
        return answer_event(job, st);
    if (st == JOB_BUSY)
        return error_reply(call, 429, "REQUEST_LIMITED", NULL);
    if (st != FACTOR_OK)
        return error_reply(call, 500, "UNEXPECTED_ERROR", NULL);
    reply = answer_call(job);
    snprintf(applied, sizeof(applied), "wait=%lld",
             (long long)(call->wait_ms / 1000));
    if (reply && call->wait_ms && call->status < 400)
        http_reply_header(reply, "Preference-Applied", applied);
    return reply;
}

static const struct job_kind kind = {"rest", decide, answer};

/* --- The handler. --- */

static struct http_reply *
preflight(struct http_request *request)
{
    struct http_reply *reply = http_reply_static(204, NULL, "", 0);
    char allowed[REST_METHODS_SIZE];

    rest_methods(request, allowed);
    if (!for_any_origin(reply))
        return NULL;
    http_reply_header(reply, "Allow", allowed);
    http_reply_header(reply, "Access-Control-Allow-Methods", allowed);
    http_reply_header(reply, "Access-Control-Allow-Headers",
                      "authorization, content-type, prefer");
    http_reply_header(reply, "Access-Control-Max-Age", "600");
    return reply;
}

static bool
is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return *path == '/' && strncmp(path + 1, folder, len) == 0 &&
           path[1 + len] == '/';
}

struct http_reply *
rest_refused(struct http_request *request, unsigned status)
{
    const struct host *host = http_context(request);
    const char *path = http_path(request);
    char id[UUID_SIZE];
    struct http_reply *reply;
    json_t *body;

    if (!is_below(path, "v1") &&
        !is_below(path, keys_environment(host->keys)))
        return NULL;
    uuid_random(id);
    body = rest_error(id, rest_error_code(status),
                      status == 405 ? "The method is not offered here."
                                    : NULL);
    reply = of_call(id, api_json(status, body));
    json_decref(body);
    return reply;
}

/* H3: by client, or by address where anybody may guess. */
static int64_t
must_wait_ms(struct job *job, const struct rest_call *call)
{
    bool guess = call->resource->flags & FACTOR_RESOURCE_GUESSABLE;

    if (!guess && !call->bearer.client)
        return 0;
    return buckets_take(job->host->buckets,
                        guess ? BUCKET_PAIRING : BUCKET_REST,
                        guess ? http_address(job->request)
                              : call->bearer.client->id,
                        clock_steady_ms());
}

static struct http_reply *
refuse_haste(struct job *job, const struct rest_call *call)
{
    int64_t wait_ms = must_wait_ms(job, call);
    struct http_reply *reply;

    if (wait_ms == 0)
        return NULL;
    reply = error_reply(call, 429, "REQUEST_LIMITED", NULL);
    api_retry_after(reply, wait_ms);
    return reply;
}

/* Who may not is told nothing about what it sent. */
static struct http_reply *
refuse_early(struct job *job, struct rest_call *call, bool has_operation)
{
    struct http_reply *haste;
    json_t *error;

    if (!access_check(job, call))
        return refuse_access(call, job->arena);
    haste = refuse_haste(job, call);
    if (haste)
        return haste;
    if (!has_operation)
        return error_reply(call, 415, "INVALID_REQUEST",
                           "The media type is not supported.");
    error = call_read(job, call);
    return error ? refusal_reply(call, 400, error) : NULL;
}

static void
begin(struct job *job, struct rest_call *call, bool has_operation)
{
    struct http_reply *refusal;

    job->state = call;
    uuid_random(call->id);
    refusal = refuse_early(job, call, has_operation);
    if (refusal) {
        http_reply(job->request, refusal);
        return;
    }
    if (rest_is_open(call->resource) ||
        call->resource->flags & FACTOR_RESOURCE_WAITS)
        call->wait_ms = api_preferred_wait(
            job->request,
            config_number(job->host->config, "/flow/parked_limit"));
    job_start(job, NULL);
}

void
rest_handle(struct http_request *request)
{
    bool may_park = job_may_park_again(request), has_operation;
    struct rest_call asked = {.may_park = may_park}, *call;
    struct job *job;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request, preflight(request));
        return;
    }
    has_operation = call_operation(request, &asked);
    asked.stream = stream_wanted(request, asked.resource);
    if (asked.stream &&
        !stream_goes_on(http_context(request), request, rest_handle))
        return;
    job = job_new(&kind, request);
    call = job ? arena_alloc(job->arena, sizeof(*call)) : NULL;
    if (!call) {
        http_reply(request, NULL);
        return;
    }
    *call = asked;
    begin(job, call, has_operation);
}
