/* SPDX-License-Identifier: MIT */
/* host/users/users.h - what an operator does with a user: one transaction
 * each, on the caller's thread, which waits.  FACTOR_E_NOTFOUND: no such
 * user. */
#ifndef HOST_USERS_USERS_H
#define HOST_USERS_USERS_H

#include "host/flow/engine.h"

/* Lift every lock and clear every counter that adapters keep of the user: the
 * action "unlock" of each adapter that declares it. */
factor_status users_unlock(const struct host *host, const char *username,
                           struct factor_error *err);
factor_status users_enable(const struct host *host, const char *username,
                           bool enabled, struct factor_error *err);
/* Within an attempt. */
factor_status users_set_enabled(struct txn *txn, const struct record *user,
                                bool enabled, struct factor_error *err);
/* With everything that belongs to the user. */
factor_status users_delete(const struct host *host, const char *username,
                           struct factor_error *err);

/* An operator's action of one adapter, about a user, or (username NULL) about
 * nobody in particular; *ret_answer is a new reference, to an
 * object, an error envelope (then FACTOR_E_INPUT), or NULL. */
factor_status users_operate(const struct host *host, const char *username,
                            const char *adapter, const char *action,
                            const json_t *given, json_t **ret_answer,
                            struct factor_error *err);

#endif
