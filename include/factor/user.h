/* SPDX-License-Identifier: MIT */
/* factor/user.h - the fixed shape of a user, the host's own record.
 *
 * Collection "user"; id is a UUID; name is the username, NFC and case-folded
 * by the host (folded before look-up and before counting).  A plugin plans a
 * look-up with host->read_user() or host->read_username() and reads the
 * members below from the record's body.  It may change a user by
 * host->put() of the whole body; the host refuses one that does not fit.
 * Removing a user removes, in the same commit, every record that it owns.
 */
#ifndef FACTOR_USER_H
#define FACTOR_USER_H

#include "factor/base.h"

#define FACTOR_USERS "user" /* the collection */

/* Members of the body. */
#define FACTOR_USER_USERNAME "username"      /* string, as it was written */
#define FACTOR_USER_ENABLED "enabled"        /* boolean */
#define FACTOR_USER_MFA_ENABLED "mfaEnabled" /* boolean */
#define FACTOR_USER_ATTRIBUTES "attributes"  /* object of strings, below */

/* Members of "attributes"; others may be there, all are strings. */
#define FACTOR_USER_EMAIL "email"             /* RFC 5321 address */
#define FACTOR_USER_PHONE "phone"             /* E.164, "+" and digits */
#define FACTOR_USER_GIVEN_NAME "given_name"   /* OIDC Core 5.1 names */
#define FACTOR_USER_FAMILY_NAME "family_name"
#define FACTOR_USER_LOCALE "locale"           /* BCP 47 */

#endif
