/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_activation.h - the code that makes a device active:
 * drawn, sent, tried.  What flows and REST calls make of it is theirs. */
#ifndef MFA_ACTIVATION_H
#define MFA_ACTIVATION_H

#include "plugin/adapter-mfa/mfa_step.h"

/* A new key, which for a code that is sent is the code; an app's is shown for
 * half an hour. */
void mfa_activation_draw(const struct mfa_step *s, struct mfa_device *device);

/* Its code as text.  False: there is none, or libcrypto cannot. */
bool mfa_activation_code(const struct mfa_step *s,
                         const struct mfa_device *device,
                         char ret_code[PASSCODE_SIZE]);

/* Write the device and send it its code; that of a test device goes
 * nowhere. */
factor_status mfa_activation_send(const struct mfa_step *s,
                                  struct mfa_device *device);

/* Is what was typed the code?  Counts nothing. */
enum passcode_result mfa_activation_try(const struct mfa_step *s,
                                        struct mfa_device *device,
                                        const char *typed);

/* It is active, and the code is gone.  Writes nothing. */
void mfa_activation_end(struct mfa_device *device);

#endif
