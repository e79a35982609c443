/* SPDX-License-Identifier: MIT */
/* host/oauth/worker.c - who calls a REST resource. */
#include "host/oauth/worker.h"

#include <string.h>

#include "host/json.h"
#include "host/oauth/reply.h"

/* A user's token has a grant, and its subject is no client. */
static bool
is_worker(const struct host *host, const struct bearer *bearer)
{
    const char *environment = json_text(bearer->claims, "env");

    return environment &&
           strcmp(environment, keys_environment(host->keys)) == 0 &&
           strcmp(json_text(bearer->claims, "sub"), bearer->client->id) == 0 &&
           !json_object_get(bearer->claims, "grant") &&
           bearer->client->confidential;
}

static bool
has_role(const struct bearer *bearer, const char *role)
{
    return json_lists(json_object_get(bearer->claims, "roles"), role) &&
           json_lists(bearer->client->roles, role);
}

static bool
has_any(const struct bearer *bearer, const char *const *roles)
{
    const json_t *own = bearer->client->roles;
    size_t i;

    for (; roles && *roles; roles++)
        if (has_role(bearer, *roles))
            return true;
    for (i = 0; !roles && i < json_array_size(own); i++)
        if (has_role(bearer, json_string_value(json_array_get(own, i))))
            return true;
    return false;
}

bool
worker_read(const struct host *host, struct http_request *request,
            struct factor_arena *arena, const char *const *roles,
            struct bearer *ret_bearer)
{
    if (!bearer_read(host, request, arena, ret_bearer))
        return false;
    if (!is_worker(host, ret_bearer))
        bearer_refuse(ret_bearer, 403, "insufficient_scope",
                      "The access token is not a worker's.");
    else if (!has_any(ret_bearer, roles))
        bearer_refuse(ret_bearer, 403, "insufficient_scope",
                      "The worker has none of the roles.");
    return ret_bearer->status == 0;
}

struct http_reply *
worker_check(const struct host *host, struct http_request *request,
             const char *const *roles)
{
    struct factor_arena *arena = arena_new();
    struct http_reply *refused = NULL;
    struct bearer bearer;

    if (!arena || !worker_read(host, request, arena, roles, &bearer))
        refused = arena ? bearer_reply(arena, &bearer)
                        : oauth_error(500, "server_error", NULL);
    arena_free(arena);
    return refused;
}
