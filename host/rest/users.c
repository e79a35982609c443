/* SPDX-License-Identifier: MIT */
/* host/rest/users.c - users on the REST plane, the host's own resource: found,
 * made, read, enabled and removed (MFA service API, B.9). */
#include "host/rest/users.h"

#include <string.h>

#include "factor/declare.h"
#include "host/json.h"
#include "host/rest/error.h"
#include "host/user.h"
#include "host/users/import.h"
#include "host/users/users.h"

enum { USERNAME_MAX = 128, NAME_MAX = 256, EMAIL_MAX = 254, PHONE_MAX = 32,
       LOCALE_MAX = 64 };

/* --- Shapes. --- */

/* Members of a resource, of which some lie below "name", and what the user's
 * attributes call them. */
static const struct {
    const char *below, *member, *attribute;
} attributes[] = {
    {NULL, "email", FACTOR_USER_EMAIL},
    {NULL, "mobilePhone", FACTOR_USER_PHONE},
    {"name", "given", FACTOR_USER_GIVEN_NAME},
    {"name", "family", FACTOR_USER_FAMILY_NAME},
    {NULL, "locale", FACTOR_USER_LOCALE},
};

enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

static json_t *
user_json(const struct record *user)
{
    const json_t *given = json_object_get(user->body, FACTOR_USER_ATTRIBUTES);
    json_t *name = json_object(), *json;
    size_t i;

    json = json_pack("{s:s, s:s, s:b, s:b}", "id", user->face.id, "username",
                     json_text(user->body, FACTOR_USER_USERNAME), "enabled",
                     json_flag(user->body, FACTOR_USER_ENABLED), "mfaEnabled",
                     json_flag(user->body, FACTOR_USER_MFA_ENABLED));
    for (i = 0; i < ATTRIBUTES; i++)
        json_set_text(attributes[i].below ? name : json, attributes[i].member,
                      json_text(given, attributes[i].attribute));
    if (json_object_size(name) > 0)
        json_object_set(json, "name", name);
    json_decref(name);
    return json;
}

/* Of what a request says; new reference. */
static json_t *
user_attributes(const json_t *given)
{
    const json_t *from;
    json_t *all = json_object();
    size_t i;

    for (i = 0; i < ATTRIBUTES; i++) {
        from = attributes[i].below
                   ? json_object_get(given, attributes[i].below)
                   : given;
        json_set_text(all, attributes[i].attribute,
                      json_text(from, attributes[i].member));
    }
    return all;
}

/* --- Answers. --- */

static factor_status
answer(struct rest_call *call, struct txn *txn, json_t *body)
{
    call->status = call->resource->status;
    call->answer = arena_keep_json(txn_arena(txn), body);
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* inner is stolen. */
static factor_status
refuse(struct rest_call *call, struct txn *txn, const char *code,
       const char *target, const char *message, json_t *inner)
{
    json_t *error = rest_error(call->id, "INVALID_DATA", NULL);

    rest_error_add(error, code, target, message, inner);
    call->status = 400;
    call->refused = true;
    call->answer = arena_keep_json(txn_arena(txn), error);
    return call->answer ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* The user of the path; an answer of 404 is made where there is none. */
static factor_status
find(struct rest_call *call, struct txn *txn, const struct record **ret_user)
{
    const char *id = json_text(call->path, "user");
    factor_status st = FACTOR_E_NOTFOUND;

    *ret_user = NULL;
    if (id && uuid_is(id))
        st = txn_read_id(txn, FACTOR_USERS, id, ret_user);
    call->status = 404;
    return st == FACTOR_E_NOTFOUND ? FACTOR_OK : st;
}

/* --- The list. --- */

static factor_status
list_named(struct rest_call *call, struct txn *txn, const char *name)
{
    const struct record *user;
    factor_status st = user_find(txn, name, &user);
    json_t *users;

    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    users = json_array();
    if (st == FACTOR_OK)
        json_array_append_new(users, user_json(user));
    return answer(call, txn, json_pack("{s:o}", "users", users));
}

static factor_status
list_page(struct rest_call *call, struct txn *txn)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_PAGE,
        .collection = FACTOR_USERS,
        .after = json_text(call->query, "after"),
        .limit = (uint32_t)json_number(call->query, "limit", 1),
    };
    struct record_list *list;
    factor_status st = txn_read(txn, &query, &list);
    json_t *users;
    uint32_t i;

    if (st != FACTOR_OK)
        return st;
    users = json_array();
    for (i = 0; i < list->count; i++)
        json_array_append_new(users, user_json(list->records[i]));
    if (list->count == query.limit)
        call->next = list->records[list->count - 1]->face.id;
    return answer(call, txn, json_pack("{s:o}", "users", users));
}

static factor_status
list_users(const struct host *host, struct rest_call *call, struct txn *txn,
           struct factor_error *err)
{
    const char *name = json_text(json_object_get(call->query, "filter"),
                                 FACTOR_USER_USERNAME);

    (void)host;
    (void)err;
    return name ? list_named(call, txn, name) : list_page(call, txn);
}

/* --- One user. --- */

static factor_status
read_user(const struct host *host, struct rest_call *call, struct txn *txn,
          struct factor_error *err)
{
    const struct record *user;
    factor_status st = find(call, txn, &user);

    (void)host;
    (void)err;
    return st == FACTOR_OK && user ? answer(call, txn, user_json(user)) : st;
}

static factor_status
refuse_taken(struct rest_call *call, struct txn *txn, const char *username)
{
    const struct record *user;
    factor_status st = user_find(txn, username, &user);

    if (st != FACTOR_OK)
        return st;
    return refuse(call, txn, "UNIQUENESS_VIOLATION", FACTOR_USER_USERNAME,
                  "There is a user of that name.",
                  json_pack("{s:s}", "existingId", user->face.id));
}

/* --- Making one. --- */

static bool
default_of(const struct factor_user_default *declared,
           const struct record *record)
{
    const char *const *name = declared->path;
    const json_t *value = record ? record->body : NULL;

    value = json_object_get(value, *name++);
    if (!value || json_is_null(value))
        return declared->otherwise;
    while (*name)
        value = json_object_get(value, *name++);
    return json_is_true(value);
}

static factor_status
read_default(struct txn *txn, const struct factor_user_default *declared,
             json_t *body)
{
    const struct record *record = NULL;
    factor_status st =
        txn_read_id(txn, declared->collection, declared->id, &record);

    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    json_object_set_new(body, declared->member,
                        json_boolean(default_of(declared, record)));
    return FACTOR_OK;
}

/* Of members that the call does not say: as adapters have them, else false. */
static factor_status
add_defaults(const struct host *host, struct txn *txn, json_t *body)
{
    const struct factor_user_default *const *declared;
    factor_status st = FACTOR_OK;
    size_t i;

    for (i = 0; i < host->adapter_count; i++) {
        declared = host->adapters[i].description->user_defaults;
        for (; st == FACTOR_OK && declared && *declared; declared++)
            if (!json_object_get(body, (*declared)->member))
                st = read_default(txn, *declared, body);
    }
    if (!json_object_get(body, FACTOR_USER_MFA_ENABLED))
        json_object_set_new(body, FACTOR_USER_MFA_ENABLED, json_false());
    return st;
}

static json_t *
new_body(const json_t *given)
{
    const json_t *enabled = json_object_get(given, FACTOR_USER_ENABLED);
    const json_t *mfa = json_object_get(given, FACTOR_USER_MFA_ENABLED);

    return json_pack("{s:i, s:s, s:b, s:o*, s:o}", "v", 1,
                     FACTOR_USER_USERNAME,
                     json_text(given, FACTOR_USER_USERNAME),
                     FACTOR_USER_ENABLED, !json_is_false(enabled),
                     FACTOR_USER_MFA_ENABLED, json_share(mfa),
                     FACTOR_USER_ATTRIBUTES, user_attributes(given));
}

/* As a record, which it will be after the commit. */
static json_t *
created_json(const char *id, const json_t *body)
{
    struct record user = {.body = json_unconst(body)};

    user.face.id = id;
    return user_json(&user);
}

static factor_status
create_user(const struct host *host, struct rest_call *call, struct txn *txn,
            struct factor_error *err)
{
    const char *username = json_text(call->body, FACTOR_USER_USERNAME);
    char id[UUID_SIZE];
    json_t *body;
    factor_status st;

    if (!user_fold(txn_arena(txn), username))
        return refuse(call, txn, "INVALID_VALUE", FACTOR_USER_USERNAME,
                      "The username holds what none may hold.", NULL);
    body = arena_keep_json(txn_arena(txn), new_body(call->body));
    if (!body)
        return FACTOR_E_NOMEM;
    st = add_defaults(host, txn, body);
    if (st != FACTOR_OK)
        return st;
    st = users_create(txn, username, json_share(body), id, err);
    if (st == FACTOR_E_CONFLICT)
        return refuse_taken(call, txn, username);
    return st == FACTOR_OK ? answer(call, txn, created_json(id, body)) : st;
}

static factor_status
delete_user(const struct host *host, struct rest_call *call, struct txn *txn,
            struct factor_error *err)
{
    const struct record *user;
    factor_status st = find(call, txn, &user);

    (void)host;
    (void)err;
    if (st != FACTOR_OK || !user)
        return st;
    txn_event(txn, "user.deleted", NULL);
    txn_context(txn, "user", user->face.id);
    call->status = 204;
    return txn_remove_user(txn, user);
}

/* --- Enabled, or not. --- */

static factor_status
answer_enabled(struct rest_call *call, struct txn *txn, bool enabled)
{
    return answer(call, txn,
                  json_pack("{s:b}", FACTOR_USER_ENABLED, (int)enabled));
}

static factor_status
read_enabled(const struct host *host, struct rest_call *call, struct txn *txn,
             struct factor_error *err)
{
    const struct record *user;
    factor_status st = find(call, txn, &user);

    (void)host;
    (void)err;
    if (st != FACTOR_OK || !user)
        return st;
    return answer_enabled(call, txn,
                          json_flag(user->body, FACTOR_USER_ENABLED));
}

static factor_status
replace_enabled(const struct host *host, struct rest_call *call,
                struct txn *txn, struct factor_error *err)
{
    bool enabled = json_flag(call->body, FACTOR_USER_ENABLED);
    const struct record *user;
    factor_status st = find(call, txn, &user);

    (void)host;
    if (st != FACTOR_OK || !user)
        return st;
    st = users_set_enabled(txn, user, enabled, err);
    return st == FACTOR_OK ? answer_enabled(call, txn, enabled) : st;
}

/* --- The table. --- */

#define ADMIN "Identity Data Admin"
#define USERS "/v1/environments/{env}/users"
#define TEXT(member, max, ...)                                                 \
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = (member),                \
                 .max_len = (max), __VA_ARGS__)
#define FLAG(member, ...)                                                      \
    FACTOR_FIELD(.type = FACTOR_FIELD_BOOLEAN, .name = (member), __VA_ARGS__)

static const char *const changers[] = {ADMIN, NULL};
static const char *const readers[] = {ADMIN, "Identity Data Read Only",
                                      "Help Desk Admin", NULL};
static const char *const own[] = {"p1:read:user", NULL};
static const char *const filters[] = {FACTOR_USER_USERNAME, NULL};

static const struct factor_field *const user_fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "id", .format = "uuid",
                 .flags = FACTOR_FIELD_READ_ONLY),
    TEXT(FACTOR_USER_USERNAME, USERNAME_MAX, .flags = FACTOR_FIELD_REQUIRED),
    FLAG(FACTOR_USER_ENABLED, .text = "May sign on."),
    FLAG(FACTOR_USER_MFA_ENABLED, .text = "Is asked for a second factor."),
    TEXT("email", EMAIL_MAX, .format = "email"),
    TEXT("mobilePhone", PHONE_MAX, .text = "E.164: a plus sign and digits."),
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .name = "name",
                 .fields = FACTOR_FIELDS(
                     TEXT("given", NAME_MAX, .flags = 0),
                     TEXT("family", NAME_MAX, .flags = 0))),
    TEXT("locale", LOCALE_MAX, .text = "BCP 47: of messages to the user."),
    NULL};
static const struct factor_field *const enabled_fields[] = {
    FLAG(FACTOR_USER_ENABLED, .flags = FACTOR_FIELD_REQUIRED), NULL};

static const struct factor_resource resources[] = {
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
     .name = "users.list", .method = "GET", .path = USERS, .roles = readers,
     .filters = filters, .flags = FACTOR_RESOURCE_PAGED, .list = "users",
     .answer = user_fields, .text = "Finds users, or all of them by pages."},
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
     .name = "users.create", .method = "POST", .path = USERS,
     .roles = changers, .body = user_fields, .status = 201,
     .answer = user_fields, .text = "Makes a user."},
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
     .name = "users.read", .method = "GET", .path = USERS "/{user}",
     .roles = readers, .scopes = own, .answer = user_fields,
     .text = "Reads a user."},
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
     .name = "users.delete", .method = "DELETE", .path = USERS "/{user}",
     .roles = changers, .status = 204,
     .text = "Removes a user, and everything that belongs to the user."},
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
     .name = "users.enabled.read", .method = "GET",
     .path = USERS "/{user}/enabled", .roles = readers,
     .answer = enabled_fields, .text = "Whether a user may sign on."},
    {FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
     .name = "users.enabled.replace", .method = "PUT",
     .path = USERS "/{user}/enabled", .roles = changers,
     .body = enabled_fields, .answer = enabled_fields,
     .text = "Lets a user sign on, or not."},
};

const struct rest_operation users_operations[] = {
    {.resource = &resources[0], .decide = list_users},
    {.resource = &resources[1], .decide = create_user},
    {.resource = &resources[2], .decide = read_user},
    {.resource = &resources[3], .decide = delete_user},
    {.resource = &resources[4], .decide = read_enabled},
    {.resource = &resources[5], .decide = replace_enabled},
};
const size_t users_operation_count =
    sizeof(users_operations) / sizeof(users_operations[0]);
