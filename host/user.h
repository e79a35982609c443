/* SPDX-License-Identifier: MIT */
/* host/user.h - users: folding of usernames and the fixed shape of the
 * record (factor/user.h). */
#ifndef HOST_USER_H
#define HOST_USER_H

#include <jansson.h>

#include "factor/user.h"
#include "host/arena.h"
#include "host/step/txn.h"

/* A username as it is looked up and counted: NFC and case-folded (Unicode
 * 3.13, D145), in the arena.  NULL: empty, no UTF-8, over 128 bytes, holds
 * control characters, or no memory. */
char *user_fold(struct factor_arena *arena, const char *username);

/* NULL when a user's body fits the schema, else what is wrong with it. */
const char *user_body_problem(const json_t *body);

/* The user whose username folds to the same.  FACTOR_E_NOTFOUND. */
factor_status user_find(struct txn *txn, const char *username,
                        const struct record **ret_user);

#endif
