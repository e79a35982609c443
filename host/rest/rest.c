/* SPDX-License-Identifier: MIT */
/* host/rest/rest.c - the REST plane: a call is routed, admitted, checked and
 * run from the table in which its resource was declared. */
#include "host/rest/rest.h"

#include <stdlib.h>
#include <string.h>

#include "host/api/api.h"
#include "host/clock.h"
#include "host/flow/run.h"
#include "host/json.h"
#include "host/oauth/worker.h"
#include "host/plugin/fields.h"
#include "host/rest/users.h"

/* One operation, and who answers it. */
struct operation {
    const struct factor_resource *resource;
    const struct adapter *adapter; /* or NULL: the host, by */
    rest_decide *decide;
};

struct rest {
    const struct host *host;
    size_t count;
    struct operation *operations;
    struct http_route *routes; /* in the same order; ended by a NULL path */
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

/* --- Errors (MFA service API, error envelope). --- */

static json_t *
error_body(const char *code, const char *message)
{
    char id[23];

    clock_random_id(id, sizeof(id) - 1);
    return json_pack("{s:s, s:s, s:s, s:[]}", "id", id, "code", code,
                     "message", message, "details");
}

static struct http_reply *
error_reply(unsigned status, const char *code, const char *message)
{
    json_t *body = error_body(code, message);
    struct http_reply *reply = api_json(status, body);

    json_decref(body);
    return reply;
}

static const char invalid[] =
    "The request could not be completed. One or more validation errors were "
    "in the request.";

static void
add_problem(void *context, const char *code, const char *target)
{
    json_t **error = context;

    if (!*error)
        *error = error_body("INVALID_DATA", invalid);
    json_array_append_new(
        json_object_get(*error, "details"),
        json_pack("{s:s, s:s, s:s}", "code",
                  strcmp(code, "FIELD_REQUIRED") == 0 ? "EMPTY_VALUE"
                                                      : "INVALID_VALUE",
                  "target", target, "message", "The value is not valid."));
}

/* --- One attempt. --- */

static const struct operation *
operation_of(struct http_request *request)
{
    const struct host *host = http_context(request);
    const struct rest *rest = host->rest;

    return &rest->operations[http_route(request) - rest->routes];
}

static factor_status
run_adapter(struct job *job, const struct adapter *adapter, struct txn *txn,
            struct factor_error *err)
{
    struct rest_call *call = job->state;
    struct engine_call caller;
    struct factor_outcome outcome;
    struct run run;
    factor_status st;

    api_caller(job->host, job->request, txn_arena(txn), &caller);
    st = run_prepare(&run, &caller, txn, adapter, NULL);
    if (st != FACTOR_OK)
        return st;
    run.step.resource = call->resource;
    run.step.path = call->path;
    run.step.query = call->query;
    if (call->body)
        run.step.fields = call->body;
    st = run_load(&run, err);
    if (st == FACTOR_OK)
        st = run_action(&run, &outcome, err);
    if (st == FACTOR_OK) {
        call->status = outcome.status;
        call->answer = outcome.body;
    }
    return st;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    const struct operation *operation = operation_of(job->request);
    struct rest_call *call = job->state;

    call->status = 0;
    call->answer = NULL;
    if (operation->adapter)
        return run_adapter(job, operation->adapter, txn, err);
    return operation->decide(job->host, call, txn, err);
}

static struct http_reply *
answer(struct job *job, int st)
{
    const struct rest_call *call = job->state;

    if (st == JOB_BUSY)
        return error_reply(429, "REQUEST_LIMITED", "Too many requests.");
    if (st != FACTOR_OK)
        return error_reply(500, "UNEXPECTED_ERROR",
                           "An unexpected error occurred.");
    if (call->answer)
        return api_json(call->status ? call->status : 200, call->answer);
    if (call->status == 400)
        return error_reply(400, "INVALID_DATA", invalid);
    if (call->status && call->status < 300)
        return http_reply_static(call->status, NULL, "", 0);
    return error_reply(404, "NOT_FOUND",
                       "The requested resource could not be found.");
}

static const struct job_kind kind = {"rest", decide, answer};

/* --- What is asked. --- */

/* Whether the caller may; the refusal is answered. */
static bool
admitted(struct job *job, const struct factor_resource *resource)
{
    const char *environment = http_variable(job->request, "env");
    struct http_reply *refusal = NULL;

    if (!(resource->who & FACTOR_WHO_ANYONE))
        refusal = worker_check(job->host, job->request, resource->roles);
    if (!refusal && environment &&
        strcmp(environment, keys_environment(job->host->keys)) != 0)
        refusal = error_reply(403, "ACCESS_FAILED",
                              "You do not have access to this resource.");
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
        job->arena, fields_check(resource->query, given, add_problem, error));
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
        add_problem(error, "INVALID_FIELD_FORMAT", "body");
        return NULL;
    }
    return arena_keep_json(
        job->arena, fields_check(resource->body, given, add_problem, error));
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
               error_reply(415, "INVALID_REQUEST",
                           "The media type is not supported."));
    return false;
}

static void
handle(struct http_request *request)
{
    const struct factor_resource *resource = operation_of(request)->resource;
    struct job *job = job_new(&kind, request);
    struct rest_call *call =
        job ? arena_alloc(job->arena, sizeof(*call)) : NULL;
    json_t *error = NULL;

    if (!call) {
        http_reply(request, NULL);
        return;
    }
    if (!admitted(job, resource) || !media_type_ok(job, resource))
        return;
    job->state = call;
    call->resource = resource;
    call->path = path_variables(job, resource);
    call->query = query_strings(job, resource, &error);
    call->body = read_body(job, resource, &error);
    if (error) {
        http_reply(request, api_json(400, error));
        json_decref(error);
        return;
    }
    job_start(job, NULL);
}

/* --- The tables. --- */

static unsigned
method_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned method;
    } methods[] = {{"GET", HTTP_GET},     {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT},     {"PATCH", HTTP_PATCH},
                   {"DELETE", HTTP_DELETE}};
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return 0;
}

static void
add(struct rest *rest, const struct factor_resource *resource,
    const struct adapter *adapter, rest_decide *by_host)
{
    struct http_route *route = &rest->routes[rest->count];

    rest->operations[rest->count].resource = resource;
    rest->operations[rest->count].adapter = adapter;
    rest->operations[rest->count].decide = by_host;
    route->path = resource->path;
    route->name = resource->name;
    route->methods = method_of(resource->method);
    route->handler = handle;
    rest->count++;
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

struct rest *
rest_new(const struct host *host)
{
    const struct factor_resource *const *resource;
    struct rest *rest = calloc(1, sizeof(*rest));
    size_t count = count_all(host), i;

    if (!rest)
        return NULL;
    rest->host = host;
    rest->operations = calloc(count, sizeof(rest->operations[0]));
    rest->routes = calloc(count + 1, sizeof(rest->routes[0]));
    if (!rest->operations || !rest->routes) {
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
    free(rest->operations);
    free(rest->routes);
    free(rest);
}

const struct http_route *
rest_routes(const struct rest *rest)
{
    return rest->routes;
}
