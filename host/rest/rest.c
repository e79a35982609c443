/* SPDX-License-Identifier: MIT */
/* host/rest/rest.c - the REST plane: a call is routed, admitted, checked and
 * run from the table in which its resource was declared. */
#include "host/rest/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api/api.h"
#include "host/clock.h"
#include "host/flow/run.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/oauth/worker.h"
#include "host/plugin/fields.h"
#include "host/plugin/reads.h"
#include "host/rest/error.h"
#include "host/rest/stream.h"
#include "host/rest/users.h"

enum { METHODS_SIZE = 96 };

static http_handler handle;

/* One operation, and who answers it. */
struct operation {
    const struct factor_resource *resource;
    const struct adapter *adapter; /* or NULL: the host, by */
    rest_decide *decide;
};

/* What one listener serves. */
struct plane {
    size_t count;
    struct operation *operations;
    struct http_route *routes; /* in the same order; ended by a NULL path */
};

struct rest {
    const struct host *host;
    struct plane admin, open;
};

static const struct {
    const struct factor_resource *resource;
    rest_decide *decide;
} own[] = {{&users_list_resource, users_list_decide}};

enum { OWN_COUNT = sizeof(own) / sizeof(own[0]) };

const char *
rest_base(const struct host *host)
{
    const char *base = config_text(host->config, "/server/admin_base_url");

    return base ? base : host->base_url;
}

static bool
is_open(const struct factor_resource *resource)
{
    return resource->who & (FACTOR_WHO_DEVICE | FACTOR_WHO_ANYONE);
}

static const struct plane *
plane_of(const struct rest *rest, const struct http_route *route)
{
    const struct plane *open = &rest->open;

    return route >= open->routes && route < open->routes + open->count
               ? open
               : &rest->admin;
}

static const struct operation *
operation_of(struct http_request *request)
{
    const struct host *host = http_context(request);
    const struct http_route *route = http_route(request);
    const struct plane *plane = plane_of(host->rest, route);

    return &plane->operations[route - plane->routes];
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
                      "preference-applied, retry-after");
    return reply;
}

static struct http_reply *
json_reply(const struct factor_resource *resource, unsigned status,
           const json_t *body)
{
    return is_open(resource) ? for_any_origin(timed_json(status, body))
                             : api_json(status, body);
}

static struct http_reply *
empty_reply(const struct factor_resource *resource, unsigned status)
{
    struct http_reply *reply = http_reply_static(status, NULL, "", 0);

    return is_open(resource) ? for_any_origin(reply) : reply;
}

static struct http_reply *
error_reply(const struct factor_resource *resource, unsigned status,
            const char *code, const char *message)
{
    json_t *error = rest_error(code, message);
    struct http_reply *reply = json_reply(resource, status, error);

    json_decref(error);
    return reply;
}

/* --- One attempt. --- */

static factor_status
take_details(struct rest_call *call, const struct adapter *adapter,
             struct txn *txn, const struct factor_outcome *outcome)
{
    json_t *error = rest_error_details(adapter, outcome->details);

    call->answer = arena_keep_json(txn_arena(txn), error);
    call->status = outcome->status >= 400 ? outcome->status : 400;
    call->retry_after_s =
        rest_error_wait_s(outcome->details, txn_now(txn));
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}

static factor_status
run_adapter(struct job *job, const struct adapter *adapter, struct run *run,
            struct txn *txn, struct factor_error *err)
{
    struct rest_call *call = job->state;
    struct engine_call caller;
    struct factor_outcome outcome;
    factor_status st;

    api_caller(job->host, job->request, txn_arena(txn), &caller);
    caller.cookie = NULL;
    st = run_prepare(run, &caller, txn, adapter, NULL);
    if (st != FACTOR_OK)
        return st;
    run->step.resource = call->resource;
    run->step.path = call->path;
    run->step.query = call->query;
    if (call->body)
        run->step.fields = call->body;
    st = run_load(run, err);
    if (st == FACTOR_OK)
        st = run_action(run, &outcome, err);
    if (st != FACTOR_OK)
        return st;
    if (outcome.details && *outcome.details)
        return take_details(call, adapter, txn, &outcome);
    call->status = outcome.status;
    call->answer = outcome.body;
    call->for_now = outcome.verdict == FACTOR_CONTINUE;
    call->changes_at_ms = outcome.changes_at_ms;
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

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    const struct operation *operation = operation_of(job->request);
    struct rest_call *call = job->state;
    struct run run;
    factor_status st;

    call->status = 0;
    call->answer = NULL;
    call->retry_after_s = 0;
    call->for_now = false;
    call->changes_at_ms = 0;
    if (!operation->adapter)
        return operation->decide(job->host, call, txn, err);
    if (call->wait_ms || call->stream)
        job->parking.stamp = park_stamp(job->host->park);
    st = run_adapter(job, operation->adapter, &run, txn, err);
    return st == FACTOR_OK && is_to_wait(job) ? wait_for_better(job, &run)
                                              : st;
}

static struct http_reply *
answer_call(const struct rest_call *call)
{
    const struct factor_resource *resource = call->resource;
    struct http_reply *reply;
    char seconds[24];

    if (call->answer)
        reply = json_reply(resource, call->status ? call->status : 200,
                           call->answer);
    else if (call->status >= 400)
        reply = error_reply(resource, call->status,
                            rest_error_code(call->status), NULL);
    else if (call->status)
        reply = empty_reply(resource, call->status);
    else
        reply = error_reply(resource, 404, "NOT_FOUND", NULL);
    snprintf(seconds, sizeof(seconds), "%lld",
             (long long)call->retry_after_s);
    if (reply && call->retry_after_s)
        http_reply_header(reply, "Retry-After", seconds);
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
    reply = stream_event(job->request, call, timed, handle);
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
        return error_reply(call->resource, 429, "REQUEST_LIMITED", NULL);
    if (st != FACTOR_OK)
        return error_reply(call->resource, 500, "UNEXPECTED_ERROR", NULL);
    reply = answer_call(call);
    snprintf(applied, sizeof(applied), "wait=%lld",
             (long long)(call->wait_ms / 1000));
    if (reply && call->wait_ms && call->status < 400)
        http_reply_header(reply, "Preference-Applied", applied);
    return reply;
}

static const struct job_kind kind = {"rest", decide, answer};

/* --- What is asked. --- */

/* Whether the caller may; the refusal is answered. */
static bool
admitted(struct job *job, const struct factor_resource *resource)
{
    const char *environment = http_variable(job->request, "env");
    struct http_reply *refusal = NULL;

    if (!is_open(resource))
        refusal = worker_check(job->host, job->request, resource->roles);
    if (!refusal && environment &&
        strcmp(environment, keys_environment(job->host->keys)) != 0)
        refusal = error_reply(resource, 403, "ACCESS_FAILED", NULL);
    if (refusal)
        http_reply(job->request, refusal);
    return refusal == NULL;
}

static json_t *
path_variables(struct job *job, const struct factor_resource *resource)
{
    json_t *path = arena_keep_json(job->arena, json_object());
    const char *at = resource->path;
    char *name;
    size_t len;

    while ((at = strchr(at, '{'))) {
        len = strcspn(++at, "}");
        name = arena_copy_len(job->arena, at, len);
        if (name)
            json_set_text(path, name, http_variable(job->request, name));
    }
    return path;
}

static bool
add_query(void *context, const char *name, const char *value)
{
    json_set_text(context, name, value);
    return true;
}

/* A filter where the resource takes any, and the query strings it declares.
 */
static json_t *
query_strings(struct job *job, const struct factor_resource *resource,
              json_t **error)
{
    json_t *given = arena_keep_json(job->arena, json_object()), *query;

    http_each_query(job->request, add_query, given);
    query = arena_keep_json(
        job->arena, fields_check(resource->query, given, rest_error_field,
                                error));
    if (resource->filters && json_object_get(given, "filter"))
        json_object_set(query, "filter", json_object_get(given, "filter"));
    return query;
}

static json_t *
read_body(struct job *job, const struct factor_resource *resource,
          json_t **error)
{
    size_t len;
    const char *text = http_body(job->request, &len);
    json_t *given;

    if (!resource->body)
        return NULL;
    given = arena_keep_json(
        job->arena, json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL));
    if (!json_is_object(given)) {
        rest_error_field(error, "INVALID_FIELD_FORMAT", "body");
        return NULL;
    }
    return arena_keep_json(
        job->arena, fields_check(resource->body, given, rest_error_field,
                                error));
}

/* 415 is told before the body is looked at. */
static bool
media_type_ok(struct job *job, const struct factor_resource *resource)
{
    const char *want =
        resource->media_type ? resource->media_type : "application/json";
    const char *type = http_header(job->request, "Content-Type");
    size_t len = type ? strcspn(type, "; \t") : 0;

    if (!resource->body || (len == strlen(want) &&
                            strncasecmp(type, want, len) == 0))
        return true;
    http_reply(job->request,
               error_reply(resource, 415, "INVALID_REQUEST",
                           "The media type is not supported."));
    return false;
}

static const struct {
    const char *name;
    unsigned method;
} methods[] = {{"GET", HTTP_GET},
               {"POST", HTTP_POST},
               {"PUT", HTTP_PUT},
               {"PATCH", HTTP_PATCH},
               {"DELETE", HTTP_DELETE}};

enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]) };

/* Every method that a path has, and OPTIONS. */
static void
path_methods(const struct plane *plane, const char *path,
             char ret_text[METHODS_SIZE])
{
    unsigned all = 0;
    size_t i, used = 0;

    for (i = 0; i < plane->count; i++)
        if (strcmp(plane->routes[i].path, path) == 0)
            all |= plane->routes[i].methods;
    for (i = 0; i < METHOD_COUNT; i++)
        if (all & methods[i].method)
            used += (size_t)snprintf(ret_text + used, METHODS_SIZE - used,
                                     "%s, ", methods[i].name);
    snprintf(ret_text + used, METHODS_SIZE - used, "OPTIONS");
}

static struct http_reply *
preflight(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct http_reply *reply = http_reply_static(204, NULL, "", 0);
    char allowed[METHODS_SIZE];

    path_methods(&host->rest->open, http_route(request)->path, allowed);
    if (!for_any_origin(reply))
        return NULL;
    http_reply_header(reply, "Allow", allowed);
    http_reply_header(reply, "Access-Control-Allow-Methods", allowed);
    http_reply_header(reply, "Access-Control-Allow-Headers",
                      "content-type, prefer");
    http_reply_header(reply, "Access-Control-Max-Age", "600");
    return reply;
}

static void
handle(struct http_request *request)
{
    const struct factor_resource *resource = operation_of(request)->resource;
    bool may_park = job_may_park_again(request);
    struct rest_call *call;
    struct job *job;
    bool stream = stream_wanted(request, resource);
    json_t *error = NULL;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request, preflight(request));
        return;
    }
    if (stream && !stream_goes_on(http_context(request), request, handle))
        return;
    job = job_new(&kind, request);
    call = job ? arena_alloc(job->arena, sizeof(*call)) : NULL;
    if (!call) {
        http_reply(request, NULL);
        return;
    }
    if (!admitted(job, resource) || !media_type_ok(job, resource))
        return;
    job->state = call;
    call->resource = resource;
    call->may_park = may_park;
    call->stream = stream;
    if (is_open(resource))
        call->wait_ms = api_preferred_wait(
            request, config_number(job->host->config, "/flow/parked_limit"));
    call->path = path_variables(job, resource);
    call->query = query_strings(job, resource, &error);
    call->body = read_body(job, resource, &error);
    if (error) {
        http_reply(request, json_reply(resource, 400, error));
        json_decref(error);
        return;
    }
    job_start(job, NULL);
}

/* --- The tables. --- */

static unsigned
method_of(const char *name)
{
    size_t i;

    for (i = 0; i < METHOD_COUNT; i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return 0;
}

static void
add(struct rest *rest, const struct factor_resource *resource,
    const struct adapter *adapter, rest_decide *by_host)
{
    struct plane *plane = is_open(resource) ? &rest->open : &rest->admin;
    struct http_route *route = &plane->routes[plane->count];

    plane->operations[plane->count].resource = resource;
    plane->operations[plane->count].adapter = adapter;
    plane->operations[plane->count].decide = by_host;
    route->path = resource->path;
    route->name = resource->name;
    route->methods = method_of(resource->method);
    route->flags = is_open(resource) ? HTTP_CORS_FREE : 0;
    route->handler = handle;
    plane->count++;
}

static size_t
count_all(const struct host *host)
{
    const struct factor_resource *const *resource;
    size_t count = OWN_COUNT, i;

    for (i = 0; i < host->adapter_count; i++)
        for (resource = host->adapters[i].description->resources;
             resource && *resource; resource++)
            count++;
    return count;
}

/* Room for all of them in either: there are few. */
static bool
plane_new(struct plane *plane, size_t count)
{
    plane->operations = calloc(count, sizeof(plane->operations[0]));
    plane->routes = calloc(count + 1, sizeof(plane->routes[0]));
    return plane->operations && plane->routes;
}

struct rest *
rest_new(const struct host *host)
{
    const struct factor_resource *const *resource;
    struct rest *rest = calloc(1, sizeof(*rest));
    size_t count = count_all(host), i;

    if (!rest)
        return NULL;
    rest->host = host;
    if (!plane_new(&rest->admin, count) || !plane_new(&rest->open, count)) {
        rest_free(rest);
        return NULL;
    }
    for (i = 0; i < OWN_COUNT; i++)
        add(rest, own[i].resource, NULL, own[i].decide);
    for (i = 0; i < host->adapter_count; i++)
        for (resource = host->adapters[i].description->resources;
             resource && *resource; resource++)
            add(rest, *resource, &host->adapters[i], NULL);
    return rest;
}

void
rest_free(struct rest *rest)
{
    if (!rest)
        return;
    free(rest->admin.operations);
    free(rest->admin.routes);
    free(rest->open.operations);
    free(rest->open.routes);
    free(rest);
}

const struct http_route *
rest_routes(const struct rest *rest)
{
    return rest->admin.routes;
}

const struct http_route *
rest_open_routes(const struct rest *rest)
{
    return rest->open.routes;
}
