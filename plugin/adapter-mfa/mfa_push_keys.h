/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_push_keys.h - push credentials of applications (MFA
 * service API, B.8).
 *
 * All of them are one record beside the configuration (MFA_PUSH_KEYS_ID), so
 * that every step that may ring a phone has them by one read:
 *     {"v": 1,
 *      "keys": [{"id", "application", "type", "createdAt", "updatedAt"}],
 *      "secret": {ID: {"type", what delivery back ends document}}}
 * An application has one of a type at most.
 */
#ifndef MFA_PUSH_KEYS_H
#define MFA_PUSH_KEYS_H

#include "plugin/adapter-mfa/mfa_step.h"

#define MFA_PUSH_APNS "APNS"
#define MFA_PUSH_FCM "FCM_HTTP_V1"

/* The list, or NULL: there is none. */
const json_t *mfa_push_keys(const struct mfa_step *s);

/* The place of an application's entry by one of its members ("id", "type");
 * -1: it has none. */
int mfa_push_key_place(const struct mfa_step *s, const char *application,
                       const char *member, const char *text);

/* What the back end of the device's address is handed: a new reference; NULL:
 * the application has brought nothing for it. */
json_t *mfa_push_credential(const struct mfa_step *s,
                            const struct mfa_device *device);

#endif
