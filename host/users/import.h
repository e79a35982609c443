/* SPDX-License-Identifier: MIT */
/* host/users/import.h - users from lines of JSON (K5): made, or brought up to
 * date by username; a counter or a lock is never lowered. */
#ifndef HOST_USERS_IMPORT_H
#define HOST_USERS_IMPORT_H

#include "host/flow/engine.h"
#include "host/uuid.h"

/* Within an attempt: one line, {"username", "enabled"?, "mfaEnabled"?,
 * "email"?, "phone"?, ... (attributes), and what adapters take with their
 * action importUser ("password", "passwordHash")}.  FACTOR_E_INPUT with what
 * is wrong.  Slow where a password is hashed. */
factor_status users_import(const struct host *host, struct txn *txn,
                           const json_t *line, struct factor_error *err);

/* Whether an adapter hashes for it. */
bool users_import_is_slow(const struct host *host, const json_t *line);

/* Within an attempt: a new user of this body (stolen, checked by
 * user_body_problem()), with an id of its own in ret_id.  FACTOR_E_CONFLICT:
 * the username, which must fold, is taken. */
factor_status users_create(struct txn *txn, const char *username, json_t *body,
                           char ret_id[UUID_SIZE], struct factor_error *err);

/* Import a file of lines, if the store holds no user yet.  Every line is
 * tried; FACTOR_E_CONFIG names the first that failed.  Waits. */
factor_status users_import_file(const struct host *host, const char *file,
                                struct factor_error *err);

#endif
