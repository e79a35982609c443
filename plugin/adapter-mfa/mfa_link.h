/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_link.h - what is scanned: pairing links and the key
 * URIs of authenticator apps. */
#ifndef MFA_LINK_H
#define MFA_LINK_H

#include "plugin/adapter-mfa/mfa_step.h"

/* The link that carries the key of the step's pairing
 * (doc/phone-protocol.md, section 3), in the arena; NULL: no memory. */
const char *mfa_pairing_link(const struct mfa_step *s, const char *key);

/* An app's key as base32, in the arena; NULL: no memory. */
const char *mfa_key_text(const struct mfa_step *s,
                         const struct mfa_device *device);

/* The otpauth URI of an app's key, with what the policy adds to it; new
 * reference, NULL: no memory. */
json_t *mfa_key_uri(const struct mfa_step *s, const struct mfa_device *device);

#endif
