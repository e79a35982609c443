/* SPDX-License-Identifier: MIT */
/* host/oauth/worker.c - who calls a REST resource. */
#include "host/oauth/worker.h"

#include <string.h>

#include "host/json.h"

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
worker_admit(const struct host *host, const char *const *roles,
             struct bearer *bearer)
{
    if (!is_worker(host, bearer))
        bearer_refuse(bearer, 403, "insufficient_scope",
                      "The access token is not a worker's.");
    else if (!has_any(bearer, roles))
        bearer_refuse(bearer, 403, "insufficient_scope",
                      "The worker has none of the roles.");
    return bearer->status == 0;
}