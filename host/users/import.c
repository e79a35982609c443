/* SPDX-License-Identifier: MIT */
/* host/users/import.c - users from lines of JSON. */
#include "host/users/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/log.h"
#include "host/user.h"
#include "host/uuid.h"

static const char import_action[] = "importUser";

/* Members of a line that are the record's own, not attributes. */
static const char *const own_members[] = {
    FACTOR_USER_USERNAME, FACTOR_USER_ENABLED, FACTOR_USER_MFA_ENABLED,
    FACTOR_USER_ATTRIBUTES, "id"};

static bool
is_own(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(own_members) / sizeof(own_members[0]); i++)
        if (strcmp(own_members[i], name) == 0)
            return true;
    return false;
}

/* Whether some adapter takes this member when a user is imported. */
static bool
is_adapters(const struct host *host, const char *name)
{
    const struct factor_action *action;
    const struct factor_field *const *field;
    size_t i;

    for (i = 0; i < host->adapter_count; i++) {
        action = adapter_action(&host->adapters[i], import_action);
        for (field = action ? action->fields : NULL; field && *field; field++)
            if (strcmp((*field)->name, name) == 0)
                return true;
    }
    return false;
}

/* A new value, or null to take the attribute away. */
static factor_status
set_attribute(json_t *attributes, const char *name, json_t *value,
              struct factor_error *err)
{
    if (json_is_null(value))
        json_object_del(attributes, name);
    else if (json_is_string(value))
        json_object_set(attributes, name, value);
    else
        return error_set(err, FACTOR_E_INPUT, "\"%.64s\" is no string", name);
    return FACTOR_OK;
}

static factor_status
set_attributes(const struct host *host, json_t *attributes, const json_t *line,
               struct factor_error *err)
{
    factor_status st = FACTOR_OK;
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(line, FACTOR_USER_ATTRIBUTES), name,
                        value) {
        st = set_attribute(attributes, name, value, err);
        if (st != FACTOR_OK)
            return st;
    }
    json_object_foreach(json_unconst(line), name, value)
        if (!is_own(name) && !is_adapters(host, name)) {
            st = set_attribute(attributes, name, value, err);
            if (st != FACTOR_OK)
                return st;
        }
    return FACTOR_OK;
}

static void
set_flag(json_t *body, const char *member, const json_t *line)
{
    const json_t *value = json_object_get(line, member);

    if (value)
        json_object_set(body, member, json_unconst(value));
    else if (!json_object_get(body, member))
        json_object_set_new(body, member, json_true());
}

static json_t *
user_body(const struct host *host, const struct record *user,
          const json_t *line, struct factor_error *err)
{
    json_t *body = user ? json_deep_copy(user->body)
                        : json_pack("{s:i, s:{}}", "v", 1,
                                    FACTOR_USER_ATTRIBUTES);
    const char *problem;

    json_object_set(body, FACTOR_USER_USERNAME,
                    json_object_get(line, FACTOR_USER_USERNAME));
    set_flag(body, FACTOR_USER_ENABLED, line);
    set_flag(body, FACTOR_USER_MFA_ENABLED, line);
    if (set_attributes(host, json_object_get(body, FACTOR_USER_ATTRIBUTES),
                       line, err) != FACTOR_OK) {
        json_decref(body);
        return NULL;
    }
    problem = user_body_problem(body);
    if (problem) {
        error_set(err, FACTOR_E_INPUT, "%s", problem);
        json_decref(body);
        return NULL;
    }
    return body;
}

static bool
takes_any(const struct adapter *adapter, const json_t *line)
{
    const struct factor_action *action = adapter_action(adapter, import_action);
    const struct factor_field *const *field;

    for (field = action ? action->fields : NULL; field && *field; field++)
        if (json_object_get(line, (*field)->name))
            return true;
    return false;
}

bool
users_import_is_slow(const struct host *host, const json_t *line)
{
    const struct factor_action *action;
    size_t i;

    for (i = 0; i < host->adapter_count; i++) {
        action = adapter_action(&host->adapters[i], import_action);
        if (action && (action->flags & FACTOR_ACTION_SLOW) &&
            takes_any(&host->adapters[i], line))
            return true;
    }
    return false;
}

static factor_status
run_adapters(const struct host *host, struct txn *txn, const char *user,
             const json_t *line, struct factor_error *err)
{
    static const char *const languages[] = {"en", NULL};
    const struct engine_call call = {.host = host, .languages = languages};
    struct engine_result result;
    factor_status st = FACTOR_OK;
    size_t i;

    for (i = 0; st == FACTOR_OK && i < host->adapter_count; i++) {
        if (!takes_any(&host->adapters[i], line))
            continue;
        st = engine_operate(&call, txn, &host->adapters[i], user,
                            import_action, line, &result, err);
        if (st == FACTOR_OK && result.error)
            st = error_set(
                err, FACTOR_E_INPUT, "the adapter %s refused it: %s",
                host->adapters[i].name,
                json_text(json_array_get(
                              json_object_get(result.error, "details"), 0),
                          "message"));
    }
    return st;
}

/* user NULL: a new one, whose id is made. */
static factor_status
put_user(struct txn *txn, const struct record *user, const char *folded,
         json_t *body, char ret_id[UUID_SIZE], struct factor_error *err)
{
    const uint8_t *entropy = txn_entropy(txn);
    struct txn_put put = {
        .collection = FACTOR_USERS,
        .id = ret_id,
        .name = folded,
        .version = user ? user->face.version : 0,
        .body = body,
    };
    factor_status st;

    if (!entropy) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    uuid_format(entropy, ret_id);
    if (user)
        put.id = user->face.id;
    st = txn_put(txn, &put, err);
    if (st != FACTOR_OK)
        return st;
    txn_event(txn, user ? "user.updated" : "user.created", NULL);
    txn_context(txn, "user", put.id);
    return FACTOR_OK;
}

factor_status
users_create(struct txn *txn, const char *username, json_t *body,
             char ret_id[UUID_SIZE], struct factor_error *err)
{
    const struct record *user;
    factor_status st = user_find(txn, username, &user);

    if (st == FACTOR_E_NOTFOUND)
        return put_user(txn, NULL, user_fold(txn_arena(txn), username), body,
                        ret_id, err);
    json_decref(body);
    return st == FACTOR_OK ? FACTOR_E_CONFLICT : st;
}

factor_status
users_import(const struct host *host, struct txn *txn, const json_t *line,
             struct factor_error *err)
{
    const char *username = json_text(line, FACTOR_USER_USERNAME);
    const char *folded =
        username ? user_fold(txn_arena(txn), username) : NULL;
    const struct record *user = NULL;
    char id[UUID_SIZE];
    json_t *body;
    factor_status st;

    if (!folded)
        return error_set(err, FACTOR_E_INPUT,
                         "\"username\" is missing, over 128 bytes or holds "
                         "control characters");
    st = user_find(txn, username, &user);
    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    body = user_body(host, user, line, err);
    if (!body)
        return FACTOR_E_INPUT;
    st = put_user(txn, user, folded, body, id, err);
    if (st != FACTOR_OK)
        return st;
    return run_adapters(host, txn, user ? user->face.id : id, line, err);
}

/* --- A file at first start. --- */

struct import {
    const struct host *host;
    const json_t *line;
};

static factor_status
import_line(struct txn *txn, void *context, struct factor_error *err)
{
    const struct import *import = context;

    return users_import(import->host, txn, import->line, err);
}

static bool
any_user(const struct host *host)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_PAGE,
        .collection = FACTOR_USERS,
        .limit = 1,
    };
    struct record_list *list;
    bool any;

    if (database_read(host->database, &query, &list, NULL) != FACTOR_OK)
        return true;
    any = list->count > 0;
    record_list_unref(list);
    return any;
}

static factor_status
import_text(const struct host *host, const char *text,
            struct factor_error *err)
{
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    struct import import = {host, line};
    factor_status st;

    if (!json_is_object(line)) {
        json_decref(line);
        return error_set(err, FACTOR_E_INPUT, "this is no JSON object");
    }
    st = txn_run(host->database, import_line, &import, err);
    json_decref(line);
    return st;
}

factor_status
users_import_file(const struct host *host, const char *file,
                  struct factor_error *err)
{
    struct factor_error problem = {0};
    factor_status st = FACTOR_OK;
    size_t size = 0, number = 0;
    char *text = NULL;
    FILE *in;

    if (any_user(host))
        return FACTOR_OK;
    in = fopen(file, "re");
    if (!in)
        return error_set(err, FACTOR_E_CONFIG, "%s: %s", file,
                         strerror(errno));
    while (st == FACTOR_OK && getline(&text, &size, in) > 0) {
        number++;
        if (text[strspn(text, " \t\r\n")])
            st = import_text(host, text, &problem);
    }
    fclose(in);
    if (text)
        explicit_bzero(text, size);
    free(text);
    if (st != FACTOR_OK)
        return error_set(err, FACTOR_E_CONFIG, "%s:%zu: %.150s", file, number,
                         problem.text);
    log_event("users", FACTOR_LOG_INFO, "%zu lines imported", number);
    return FACTOR_OK;
}
