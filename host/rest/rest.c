/* SPDX-License-Identifier: MIT */
/* host/rest/rest.c - the REST plane: resources of the host and of plugins. */
#include "host/rest/rest.h"

#include <string.h>

#include "host/api/api.h"
#include "host/clock.h"
#include "host/http/http.h"
#include "host/json.h"
#include "host/oauth/worker.h"
#include "host/rest/filter.h"
#include "host/user.h"

/* One call of a resource. */
struct call {
    const char *environment;
    const char *username; /* of the filter */
    const struct record *user;
};

static const char *const readers[] = {"Identity Data Admin",
                                      "Identity Data Read Only", NULL};

/* The error envelope of the REST plane (MFA service API, errors). */
static struct http_reply *
rest_error(unsigned status, const char *code, const char *message,
           const char *target)
{
    char id[23];
    json_t *body;
    struct http_reply *reply;

    clock_random_id(id, 22);
    body = json_pack("{s:s, s:s, s:s}", "id", id, "code", code, "message",
                     message);
    if (target)
        json_object_set_new(body, "details",
                            json_pack("[{s:s, s:s, s:s}]", "code",
                                      "INVALID_VALUE", "target", target,
                                      "message", message));
    reply = api_json(status, body);
    json_decref(body);
    return reply;
}

static json_t *
user_json(const struct host *host, const struct record *user)
{
    const json_t *attributes =
        json_object_get(user->body, FACTOR_USER_ATTRIBUTES);

    return json_pack(
        "{s:{s:{s:s++++}}, s:s, s:{s:s}, s:s, s:b, s:b, s:s*, s:s*}", "_links",
        "self", "href", host->base_url, "/v1/environments/",
        keys_environment(host->keys), "/users/", user->face.id, "id",
        user->face.id, "environment", "id", keys_environment(host->keys),
        "username", json_text(user->body, FACTOR_USER_USERNAME), "enabled",
        json_flag(user->body, FACTOR_USER_ENABLED), "mfaEnabled",
        json_flag(user->body, FACTOR_USER_MFA_ENABLED), "email",
        json_text(attributes, FACTOR_USER_EMAIL), "mobilePhone",
        json_text(attributes, FACTOR_USER_PHONE));
}

static int
find_user(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct call *call = job->state;
    factor_status st = user_find(txn, call->username, &call->user);

    (void)err;
    if (st == FACTOR_E_NOTFOUND)
        call->user = NULL;
    return st == FACTOR_E_NOTFOUND ? FACTOR_OK : st;
}

static struct http_reply *
answer_users(struct job *job, int st)
{
    const struct call *call = job->state;
    json_t *users = json_array(), *body;
    struct http_reply *reply;

    if (st != FACTOR_OK) {
        json_decref(users);
        return rest_error(500, "UNEXPECTED_ERROR", "An unexpected error "
                                                   "occurred.",
                          NULL);
    }
    if (call->user)
        json_array_append_new(users, user_json(job->host, call->user));
    body = json_pack("{s:{s:{s:s+++}}, s:I, s:I, s:{s:o}}", "_links", "self",
                     "href", job->host->base_url, "/v1/environments/",
                     call->environment, "/users", "count",
                     (json_int_t)json_array_size(users), "size",
                     (json_int_t)json_array_size(users), "_embedded", "users",
                     users);
    reply = api_json(200, body);
    json_decref(body);
    return reply;
}

static const struct job_kind users_kind = {"rest.users", find_user,
                                           answer_users};

/* Whether the caller may; the refusal is answered. */
static bool
admitted(struct job *job, const char *const *roles)
{
    const char *environment = http_variable(job->request, "env");
    struct http_reply *refusal =
        worker_check(job->host, job->request, roles);

    if (!refusal &&
        strcmp(environment, keys_environment(job->host->keys)) != 0)
        refusal = rest_error(403, "ACCESS_FAILED",
                             "You do not have access to this resource.", NULL);
    if (refusal)
        http_reply(job->request, refusal);
    return refusal == NULL;
}

static void
list_users(struct http_request *request)
{
    struct job *job = job_new(&users_kind, request);
    struct call *call = job ? arena_alloc(job->arena, sizeof(*call)) : NULL;

    if (!call) {
        http_reply(request, NULL);
        return;
    }
    if (!admitted(job, readers))
        return;
    job->state = call;
    call->environment = http_variable(request, "env");
    call->username =
        filter_equals(job->arena, http_query(request, "filter"), "username");
    if (call->username)
        job_start(job, NULL);
    else
        http_reply(request,
                   rest_error(400, "INVALID_DATA",
                              "The filter must be: username eq \"...\"",
                              "filter"));
}

const struct http_route rest_routes[] = {
    {"/v1/environments/{env}/users", "rest.users", HTTP_GET, 0, 0, list_users},
    {0},
};
