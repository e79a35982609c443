/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_effects.h - what a step writes, sends and reports.
 *
 * Each returns FACTOR_OK, FACTOR_E_NOMEM or what the host said.
 */
#ifndef OTP_EFFECTS_H
#define OTP_EFFECTS_H

#include "plugin/adapter-otp/otp_step.h"

/* Make the records of devices that have none yet, in this very commit. */
factor_status otp_make_records(struct otp_step *s);

/* Write a device's counters, and the step of an app's code that was accepted
 * (-1: none was).  A device is written at every check, right or wrong: of
 * checks that run at once, one alone can then be committed on what it saw. */
factor_status otp_put_device(struct otp_step *s,
                             const struct otp_device *device, int64_t step);

/* Write the account's counter. */
factor_status otp_put_account(struct otp_step *s);

/* Write a record's new body, which is stolen; NULL: FACTOR_E_NOMEM. */
factor_status otp_put_body(const struct otp_step *s,
                           const struct factor_record *record, json_t *body);

/* Name of the authenticator of a channel and address.  ret_name points into
 * the arena. */
factor_status otp_record_name(const struct otp_step *s, const char *channel,
                              const char *normal,
                              struct factor_name *ret_name);

/* Send the code of the open challenge to the device. */
factor_status otp_send_code(struct otp_step *s,
                            const struct otp_device *device);

/* Report an event.  fields is stolen; NULL: FACTOR_E_NOMEM. */
factor_status otp_audit(const struct otp_step *s, const char *event,
                        json_t *fields);

/* The same, with the device and its type as fields, and a reason or NULL. */
factor_status otp_audit_device(const struct otp_step *s, const char *event,
                               const struct otp_device *device,
                               const char *reason);

#endif
