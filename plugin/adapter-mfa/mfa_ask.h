/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_ask.h - what flows and REST calls do with a device
 * authentication: begin one, choose and ask a device, try a code.  Of states
 * and answers it knows nothing: those are the caller's.
 *
 * Where a status is returned, what changed is written, sent and reported. */
#ifndef MFA_ASK_H
#define MFA_ASK_H

#include "plugin/adapter-mfa/mfa_step.h"

/* A new device authentication of the step, for the user and policy that it
 * has; not written yet. */
factor_status mfa_ask_begin(struct mfa_step *s);

/* The device to begin with, as the policy says; NULL: the user is to choose. */
struct mfa_device *mfa_ask_first(struct mfa_step *s);

/* The phone that signs on, if it is paired and may vouch for itself. */
struct mfa_device *mfa_ask_own_phone(struct mfa_step *s,
                                     const struct mfa_mobile **ret_mobile);

/* It vouches for itself without being asked: the authentication is complete. */
factor_status mfa_ask_nothing(struct mfa_step *s,
                              const struct mfa_device *device);

/* Ask the device: by push if it can be, else for a code.  silent: by a push
 * that nobody has to answer. */
factor_status mfa_ask(struct mfa_step *s, struct mfa_device *device,
                      bool silent);

/* Would asking this device send a message that must not be sent? */
bool mfa_ask_is_full(const struct mfa_step *s,
                     const struct mfa_device *device);

/* Until when enough pushes wait on the phone, of this sign-on or of others; 0:
 * one more may. */
int64_t mfa_ask_full_until(const struct mfa_step *s,
                           const struct mfa_device *device);

/* What forbids asking this device now: a code of mfa_model.h, or NULL. */
const char *mfa_ask_refusal(struct mfa_step *s,
                            const struct mfa_device *device,
                            int64_t *ret_retry_at_ms);

/* Try what was typed on the selected device, which must be usable. */
factor_status mfa_ask_try(struct mfa_step *s, struct mfa_device *device,
                          const char *typed, struct mfa_tried *ret_tried);

/* Try a passcode that was known before any was asked for, on this device or
 * (NULL) on each that is usable and gives codes by itself.  Whose it is
 * (*ret_right) completes the authentication, and nothing is counted on the
 * others; nobody's (NULL) is a wrong guess on each of those that it was tried
 * on (*ret_count), and on the account as often. */
factor_status mfa_ask_try_known(struct mfa_step *s,
                                const struct mfa_device *only,
                                const char *typed,
                                struct mfa_device **ret_right,
                                size_t *ret_count);

#endif
