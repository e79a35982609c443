/* SPDX-License-Identifier: MIT */
/* host/rest/access.c - who calls a resource, and whether it may. */
#include "host/rest/access.h"

#include <string.h>

#include "host/json.h"
#include "host/oauth/grant.h"
#include "host/oauth/worker.h"
#include "host/rest/error.h"
#include "host/rest/tables.h"

static bool
refuse(struct rest_call *call, const char *why)
{
    bearer_refuse(&call->bearer, 403, "insufficient_scope", why);
    return false;
}

static bool
has_scope(const struct rest_call *call)
{
    const char *granted = json_text(call->bearer.claims, "scope");
    const char *const *scope = call->resource->scopes;

    for (; scope && *scope; scope++)
        if (json_words_hold(granted, *scope))
            return true;
    return false;
}

/* Whose the path is, if anybody's, is the user. */
static bool
is_own(const struct job *job, const struct rest_call *call)
{
    const char *wanted = http_variable(job->request, "user");

    return !wanted || strcmp(wanted, call->user) == 0;
}

static bool
user_may(const struct job *job, struct rest_call *call)
{
    if (!(call->resource->who & FACTOR_WHO_USER))
        return refuse(call, "The access token is not a worker's.");
    if (!has_scope(call))
        return refuse(call, "The access token has none of the scopes.");
    if (!is_own(job, call))
        return refuse(call, "The resource is another user's.");
    return true;
}

static bool
worker_may(const struct job *job, struct rest_call *call)
{
    if (!(call->resource->who & FACTOR_WHO_ROLE))
        return refuse(call, "The access token is not a user's.");
    return worker_admit(job->host, call->resource->roles, &call->bearer);
}

static bool
token_may(const struct job *job, struct rest_call *call)
{
    if (!bearer_read(job->host, job->request, job->arena, &call->bearer))
        return false;
    if (json_text(call->bearer.claims, "grant"))
        call->user = json_text(call->bearer.claims, "sub");
    return call->user ? user_may(job, call) : worker_may(job, call);
}

bool
access_check(struct job *job, struct rest_call *call)
{
    const char *environment = http_variable(job->request, "env");

    if (!rest_is_open(call->resource) && !token_may(job, call))
        return false;
    if (environment &&
        strcmp(environment, keys_environment(job->host->keys)) != 0)
        return refuse(call, "There is no such environment.");
    return true;
}

static factor_status
confirm_user(const struct rest_call *call, struct txn *txn,
             json_t **ret_inputs)
{
    const struct record *grant, *user;
    factor_status st =
        txn_read_id(txn, GRANT_COLLECTION,
                    json_text(call->bearer.claims, "grant"), &grant);

    if (st == FACTOR_OK && !grant_stands(grant, call->bearer.client->id,
                                         call->user))
        return FACTOR_E_NOTFOUND;
    if (st == FACTOR_OK)
        st = grant_user(txn, grant, &user);
    if (st != FACTOR_OK)
        return st;
    *ret_inputs = arena_keep_json(
        txn_arena(txn),
        json_pack("{s:O*, s:O*}", "acr", json_object_get(grant->body, "acr"),
                  "amr", json_object_get(grant->body, "amr")));
    return *ret_inputs ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
access_confirm(const struct rest_call *call, struct txn *txn,
               json_t **ret_inputs)
{
    *ret_inputs = NULL;
    return call->user ? confirm_user(call, txn, ret_inputs) : FACTOR_OK;
}

json_t *
access_refusal(struct rest_call *call, struct factor_arena *arena,
               const char **ret_challenge)
{
    bool forbidden = call->bearer.status == 403;
    const char *why = call->bearer.description;
    json_t *error = rest_error(call->id, "ACCESS_FAILED", NULL);

    rest_error_add(error,
                   forbidden ? "INSUFFICIENT_PERMISSIONS" : "INVALID_TOKEN",
                   NULL, why ? why : "An access token is needed.", NULL);
    *ret_challenge = bearer_challenge(arena, &call->bearer);
    return error;
}
