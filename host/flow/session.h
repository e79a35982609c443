/* SPDX-License-Identifier: MIT */
/* host/flow/session.h - the browser's session: which browser a flow belongs
 * to (S3, S4).
 *
 * The cookie is "ID.SECRET".  The id stays, so that the flows of other tabs
 * live on; the secret is renewed whenever somebody has proven who they are,
 * so that a cookie that was planted before is worth nothing after. */
#ifndef HOST_FLOW_SESSION_H
#define HOST_FLOW_SESSION_H

#include <stdbool.h>

#include "host/step/txn.h"

#define SESSION_COLLECTION "session"

enum {
    SESSION_ID = 22,                   /* characters, as the secret */
    SESSION_COOKIE = 2 * SESSION_ID + 2 /* with the dot and a NUL */
};

/* How long a session lives, and how long the secret before the newest may
 * still read; milliseconds. */
struct session_times {
    int64_t lifetime_ms, older_ms;
};

/* How a cookie stands to a session. */
enum session_claim {
    SESSION_NONE,  /* not this session's, or dead */
    SESSION_OLDER, /* the one before, within its grace: may read */
    SESSION_NEWEST
};

/* Make a session and its cookie: in memory, or in the store when somebody
 * has proven who they are (user id).  ret_id takes 23 bytes. */
factor_status session_new(struct txn *txn, const char *user,
                          const struct session_times *times, char *ret_id,
                          char ret_cookie[SESSION_COOKIE]);

/* The session that a cookie names, if the cookie is its newest.  NULL:
 * none. */
const struct record *session_of_cookie(struct txn *txn, const char *cookie);

/* What a cookie (or NULL) is worth for the session with this id. */
enum session_claim session_claim(struct txn *txn, const char *id,
                                 const char *cookie);

/* Renew the secret, keep the session in the store from now on, and note who
 * signed on (NULL: as it was). */
factor_status session_renew(struct txn *txn, const char *id, const char *user,
                            const struct session_times *times,
                            char ret_cookie[SESSION_COOKIE]);

/* When it is over (Unix ms); 0: it is. */
int64_t session_expires(struct txn *txn, const char *id);

/* Id of the user who last signed on with it, or NULL. */
const char *session_user(struct txn *txn, const char *id);

#endif
