/* SPDX-License-Identifier: MIT */
/* host/rest/users.c - users on the REST plane, the host's own resource. */
#include "host/rest/users.h"

#include "host/json.h"
#include "host/user.h"

static const char *const readers[] = {"Identity Data Admin",
                                      "Identity Data Read Only", NULL};
static const char *const filters[] = {FACTOR_USER_USERNAME, NULL};

static json_t *
user_json(const struct record *user)
{
    const json_t *attributes =
        json_object_get(user->body, FACTOR_USER_ATTRIBUTES);

    return json_pack(
        "{s:s, s:s, s:b, s:b, s:s*, s:s*}", "id", user->face.id, "username",
        json_text(user->body, FACTOR_USER_USERNAME), "enabled",
        json_flag(user->body, FACTOR_USER_ENABLED), "mfaEnabled",
        json_flag(user->body, FACTOR_USER_MFA_ENABLED), "email",
        json_text(attributes, FACTOR_USER_EMAIL), "mobilePhone",
        json_text(attributes, FACTOR_USER_PHONE));
}

static factor_status
list_users(const struct host *host, struct rest_call *call, struct txn *txn,
           struct factor_error *err)
{
    const char *name = json_text(json_object_get(call->query, "filter"),
                                 FACTOR_USER_USERNAME);
    const struct record *user;
    json_t *users;
    factor_status st;

    (void)host;
    (void)err;
    if (!name) {
        call->status = 400;
        return FACTOR_OK;
    }
    st = user_find(txn, name, &user);
    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    users = json_array();
    if (st == FACTOR_OK)
        json_array_append_new(users, user_json(user));
    call->answer =
        arena_keep_json(txn_arena(txn), json_pack("{s:o}", "users", users));
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}

static const struct factor_resource list_resource = {
    .struct_size = sizeof(list_resource),
    .who = FACTOR_WHO_ROLE,
    .name = "users.list",
    .method = "GET",
    .path = "/v1/environments/{env}/users",
    .roles = readers,
    .filters = filters,
    .list = "users",
};

const struct rest_operation users_operations[] = {
    {&list_resource, NULL, list_users},
};
const size_t users_operation_count =
    sizeof(users_operations) / sizeof(users_operations[0]);
