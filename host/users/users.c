/* SPDX-License-Identifier: MIT */
/* host/users/users.c - what an operator does with a user. */
#include "host/users/users.h"

#include "host/error.h"
#include "host/json.h"
#include "host/user.h"

static const char *const languages[] = {"en", NULL};

/* One operation on one user. */
struct operation {
    const struct host *host;
    const char *username;
    bool enabled;
    const char *adapter, *action;
    const json_t *given;
    json_t *answer;
    bool refused; /* answer is an error envelope */
};

static factor_status
find(struct txn *txn, const struct operation *op, const struct record **ret,
     struct factor_error *err)
{
    factor_status st = user_find(txn, op->username, ret);

    if (st == FACTOR_E_NOTFOUND)
        return error_set(err, st, "there is no user of that name");
    if (st == FACTOR_OK)
        txn_context(txn, "user", (*ret)->face.id);
    return st;
}

static factor_status
operate(struct txn *txn, struct operation *op, const struct adapter *adapter,
        const char *user, const char *action, struct factor_error *err)
{
    const struct engine_call call = {.host = op->host, .languages = languages};
    struct engine_result result;
    factor_status st = engine_operate(&call, txn, adapter, user, action,
                                      op->given, &result, err);

    if (st != FACTOR_OK)
        return st;
    json_decref(op->answer);
    op->refused = result.error != NULL;
    op->answer = json_incref(result.error ? result.error : result.state);
    return FACTOR_OK;
}

static factor_status
unlock(struct txn *txn, void *context, struct factor_error *err)
{
    static const char action[] = "unlock";
    struct operation *op = context;
    const struct record *user;
    factor_status st = find(txn, op, &user, err);
    size_t i;

    for (i = 0; st == FACTOR_OK && i < op->host->adapter_count; i++)
        if (adapter_action(&op->host->adapters[i], action))
            st = operate(txn, op, &op->host->adapters[i], user->face.id,
                         action, err);
    if (st == FACTOR_OK)
        txn_event(txn, "user.unlocked", NULL);
    return st;
}

factor_status
users_set_enabled(struct txn *txn, const struct record *user, bool enabled,
                  struct factor_error *err)
{
    struct txn_put put = {
        .collection = FACTOR_USERS,
        .id = user->face.id,
        .name = user->face.name,
        .version = user->face.version,
        .body = json_copy(user->body),
    };

    json_object_set_new(put.body, FACTOR_USER_ENABLED, json_boolean(enabled));
    txn_context(txn, "user", user->face.id);
    txn_event(txn, enabled ? "user.enabled" : "user.disabled", NULL);
    return txn_put(txn, &put, err);
}

static factor_status
enable(struct txn *txn, void *context, struct factor_error *err)
{
    struct operation *op = context;
    const struct record *user;
    factor_status st = find(txn, op, &user, err);

    return st == FACTOR_OK ? users_set_enabled(txn, user, op->enabled, err)
                           : st;
}

static factor_status
delete(struct txn *txn, void *context, struct factor_error *err)
{
    struct operation *op = context;
    const struct record *user;
    factor_status st = find(txn, op, &user, err);

    if (st != FACTOR_OK)
        return st;
    txn_event(txn, "user.deleted", NULL);
    return txn_remove_user(txn, user);
}

static factor_status
act(struct txn *txn, void *context, struct factor_error *err)
{
    struct operation *op = context;
    const struct adapter *adapter = host_adapter(op->host, op->adapter);
    const struct record *user = NULL;
    factor_status st = FACTOR_OK;

    if (op->username)
        st = find(txn, op, &user, err);
    if (st != FACTOR_OK)
        return st;
    if (!adapter || !adapter_action(adapter, op->action))
        return error_set(err, FACTOR_E_NOTFOUND,
                         "there is no such adapter, or it has no such action");
    return operate(txn, op, adapter, user ? user->face.id : NULL, op->action,
                   err);
}

factor_status
users_unlock(const struct host *host, const char *username,
             struct factor_error *err)
{
    struct operation op = {.host = host, .username = username};
    factor_status st = txn_run(host->database, unlock, &op, err);

    json_decref(op.answer);
    return st;
}

factor_status
users_enable(const struct host *host, const char *username, bool enabled,
             struct factor_error *err)
{
    struct operation op = {
        .host = host, .username = username, .enabled = enabled};

    return txn_run(host->database, enable, &op, err);
}

factor_status
users_delete(const struct host *host, const char *username,
             struct factor_error *err)
{
    struct operation op = {.host = host, .username = username};

    return txn_run(host->database, delete, &op, err);
}

factor_status
users_operate(const struct host *host, const char *username,
              const char *adapter, const char *action, const json_t *given,
              json_t **ret_answer, struct factor_error *err)
{
    struct operation op = {
        .host = host,
        .username = username,
        .adapter = adapter,
        .action = action,
        .given = given,
    };
    factor_status st = txn_run(host->database, act, &op, err);

    *ret_answer = op.answer;
    return st == FACTOR_OK && op.refused ? FACTOR_E_INPUT : st;
}
