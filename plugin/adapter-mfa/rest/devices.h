/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/devices.h - what the files of devices share. */
#ifndef MFA_REST_DEVICES_H
#define MFA_REST_DEVICES_H

#include "plugin/adapter-mfa/rest/rest.h"

/* As managers see one (MFA service API, B.6.2); new reference, NULL: no
 * memory. */
json_t *mfa_rest_device(const struct mfa_step *s,
                        const struct mfa_device *device);
extern const struct factor_field *const mfa_rest_device_answer[];

/* The device of the path; NULL: the user has no such one. */
struct mfa_device *mfa_rest_path_device(struct mfa_rest *call);

/* The device as the answer. */
factor_status mfa_rest_answer_device(struct mfa_rest *call,
                                     const struct mfa_device *device);

/* Whether the nickname that the call gives, if it does, can be one; else an
 * answer is made. */
bool mfa_rest_nickname_fits(struct mfa_rest *call, factor_status *ret_status);

/* Pairing (device_pair.c): make a device, make it active, send its code
 * again. */
mfa_rest_handler mfa_rest_create_device;
mfa_rest_handler mfa_rest_activate_device;
mfa_rest_handler mfa_rest_send_activation;
extern const struct factor_field *const mfa_rest_create_body[];
extern const struct factor_field *const mfa_rest_activate_body[];

/* Parts of it that other views of a device have too (B.1.6); NULL, or not 0:
 * no memory. */
json_t *mfa_rest_lock(const struct mfa_step *s,
                      const struct mfa_device *device);
json_t *mfa_rest_block(const struct mfa_device *device);
int mfa_rest_add_mobile(const struct mfa_step *s, json_t *json,
                        const struct mfa_device *device);
#define MFA_REST_LOCK_FIELDS                                                   \
    MFA_MEMBERS("lock",                                                        \
                MFA_FIELD(STRING, "status",                                    \
                          .values = FACTOR_NAMES("LOCKED", "UNLOCKED")),       \
                MFA_FIELD(STRING, "reason",                                    \
                          .values = FACTOR_NAMES("OTP", "PUSH")),              \
                MFA_FIELD(STRING, "expiresAt", .format = "date-time",          \
                          .text = "Not there: until it is unlocked.")),        \
        MFA_MEMBERS("block",                                                   \
                    MFA_FIELD(STRING, "status",                                \
                              .values = FACTOR_NAMES("BLOCKED",                \
                                                     "UNBLOCKED")),            \
                    MFA_FIELD(STRING, "blockedAt", .format = "date-time"))

#endif
