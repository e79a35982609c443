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

/* Pairing (device_pair.c): make a device, make it active, send its code
 * again. */
mfa_rest_handler mfa_rest_create_device;
mfa_rest_handler mfa_rest_activate_device;
mfa_rest_handler mfa_rest_send_activation;
extern const struct factor_field *const mfa_rest_create_body[];
extern const struct factor_field *const mfa_rest_activate_body[];

#endif
