/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_effects.h - what a step writes, sends and reports.
 *
 * Each returns FACTOR_OK, FACTOR_E_NOMEM or what the host said.
 */
#ifndef MFA_EFFECTS_H
#define MFA_EFFECTS_H

#include "plugin/adapter-mfa/mfa_step.h"

/* Write what changed.  One that has no record yet is made, owned by the
 * user.  A device or account that is written at every check, right or wrong,
 * lets one alone of the checks that run at once be committed. */
factor_status mfa_put_device(const struct mfa_step *s,
                             const struct mfa_device *device);
factor_status mfa_put_account(const struct mfa_step *s);
factor_status mfa_put_auth(struct mfa_step *s);

/* Write a body, which is stolen (NULL: FACTOR_E_NOMEM), over a record, or as
 * a new one with this id and the user as owner if record is NULL. */
factor_status mfa_put_body(const struct mfa_step *s,
                           const struct factor_record *record,
                           const char *collection, const char *id,
                           int64_t expires_at_ms, json_t *body);

/* Remove a record. */
factor_status mfa_remove(const struct mfa_step *s,
                         const struct factor_record *record);

/* A UUID of the step's entropy, in the arena; the row makes each another. */
enum mfa_id_row { MFA_ID_AUTH, MFA_ID_PAIRING, MFA_ID_DEVICE, MFA_ID_JTI,
                  MFA_ID_ENTRY, /* of the configuration */
                  MFA_ID_GUESS /* and those behind it */ };
factor_status mfa_new_id(const struct mfa_step *s, uint8_t row,
                         const char **ret_id);

/* Send the code of the device authentication to the selected device. */
factor_status mfa_send_code(const struct mfa_step *s,
                            const struct mfa_device *device);

/* Send this code to activate a device (template mfa.pairing). */
factor_status mfa_send_activation(const struct mfa_step *s,
                                  const struct mfa_device *device,
                                  const char *code, int64_t expires_at_ms);

/* Ring the phone: nothing secret is in it.  No address: nothing is sent. */
factor_status mfa_send_push(const struct mfa_step *s,
                            const struct mfa_device *device);

/* Channel and address for notices: of the user, or where the step has not read
 * the user, as the pairing key says.  False: there is none. */
bool mfa_notice_address(const struct mfa_step *s, const char **ret_channel,
                        const char **ret_address);

/* The language that the user of notices reads, NULL: that of who asks. */
const char *mfa_notice_language(const struct mfa_step *s);

/* Tell the user that a device was added or removed (templates
 * mfa.device_added, mfa.device_removed), by e-mail or SMS as the policy says
 * and to the address on file; nothing if there is none, or if the host's
 * limits refuse it. */
factor_status mfa_send_notice(const struct mfa_step *s, const char *template_id,
                              const struct mfa_device *device);

/* A device became active: audit and notice.  how: "automatic", or NULL.  The
 * account is written, so that of two that become active at once, each the last
 * that is allowed, one alone is committed. */
factor_status mfa_report_added(struct mfa_step *s,
                               const struct mfa_device *device,
                               const char *how);

/* Report an event.  fields is stolen; NULL: FACTOR_E_NOMEM. */
factor_status mfa_audit(const struct mfa_step *s, const char *event,
                        json_t *fields);

/* The same, with the device and its type as fields, and a reason or NULL. */
factor_status mfa_audit_device(const struct mfa_step *s, const char *event,
                               const struct mfa_device *device,
                               const char *reason);

#endif
