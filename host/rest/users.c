/* SPDX-License-Identifier: MIT */
/* host/rest/users.c - users on the REST plane, the host's own resource. */
#include "host/rest/users.h"

#include "host/json.h"
#include "host/rest/filter.h"
#include "host/user.h"

static const char *const readers[] = {"Identity Data Admin",
                                      "Identity Data Read Only", NULL};
static const char *const filters[] = {FACTOR_USER_USERNAME, NULL};

const struct factor_resource users_list_resource = {
    .struct_size = sizeof(users_list_resource),
    .who = FACTOR_WHO_ROLE,
    .name = "users.list",
    .method = "GET",
    .path = "/v1/environments/{env}/users",
    .roles = readers,
    .filters = filters,
};

static json_t *
user_json(const struct host *host, const struct record *user)
{
    const json_t *attributes =
        json_object_get(user->body, FACTOR_USER_ATTRIBUTES);
    const char *environment = keys_environment(host->keys);

    return json_pack(
        "{s:{s:{s:s++++}}, s:s, s:{s:s}, s:s, s:b, s:b, s:s*, s:s*}", "_links",
        "self", "href", rest_base(host), "/v1/environments/", environment,
        "/users/", user->face.id, "id", user->face.id, "environment", "id",
        environment, "username", json_text(user->body, FACTOR_USER_USERNAME),
        "enabled", json_flag(user->body, FACTOR_USER_ENABLED), "mfaEnabled",
        json_flag(user->body, FACTOR_USER_MFA_ENABLED), "email",
        json_text(attributes, FACTOR_USER_EMAIL), "mobilePhone",
        json_text(attributes, FACTOR_USER_PHONE));
}

/* {_links, count, size, _embedded}: the collection as PingOne writes it. */
static json_t *
collection(const struct host *host, json_t *users)
{
    const json_int_t count = (json_int_t)json_array_size(users);

    return json_pack("{s:{s:{s:s+++}}, s:I, s:I, s:{s:o}}", "_links", "self",
                     "href", rest_base(host), "/v1/environments/",
                     keys_environment(host->keys), "/users", "count", count,
                     "size", count, "_embedded", "users", users);
}

factor_status
users_list_decide(const struct host *host, struct rest_call *call,
                  struct txn *txn, struct factor_error *err)
{
    const char *name =
        filter_equals(txn_arena(txn), json_text(call->query, "filter"),
                      FACTOR_USER_USERNAME);
    const struct record *user;
    json_t *users;
    factor_status st;

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
        json_array_append_new(users, user_json(host, user));
    call->answer = arena_keep_json(txn_arena(txn), collection(host, users));
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}
