/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_settings.h - the settings of an instance, typed. */
#ifndef MFA_SETTINGS_H
#define MFA_SETTINGS_H

#include <stdbool.h>

#include <jansson.h>

#include "factor/host.h"
#include "factor/settings.h"
#include "passcode/mask.h"
#include "passcode/passcode.h"

/* What a user without any device must bring to pair the first one (M3). */
enum mfa_first_device {
    MFA_FIRST_ADMIN_KEY, /* a pairing key that an operator handed out */
    MFA_FIRST_EMAIL,     /* a code sent to the e-mail address on file */
    MFA_FIRST_ALLOWED    /* nothing beyond the first factor */
};

struct mfa_settings {
    json_t *json; /* owned: what all texts below point into */
    json_t *seed; /* owned: the configuration while no record has one */
    const json_t *policy_by_acr; /* object acr -> name of a policy */
    enum mfa_first_device first_device;
    bool bypass;          /* users without devices: through, else blocked */
    bool change_device;   /* another device may be chosen meanwhile */
    bool manage_devices;  /* users add and remove devices while signing on */
    bool prompt_setup;    /* invite users without devices to add one */
    bool allow_skip;      /* ... and let them decline */
    bool ping_defaults;
    bool test_devices; /* workers may make devices that get no messages */
    int64_t otp_max_lifetime_ms;
    struct passcode_pace pace;
    struct passcode_mask_rule mask;
    const char *brand;
};

/* The declared table. */
extern const struct factor_setting *const mfa_setting_table[];

/* Take the settings over.  FACTOR_E_CONFIG: the host has been told all that
 * is wrong with them; FACTOR_E_NOMEM. */
factor_status mfa_settings_load(struct mfa_settings *settings,
                                const struct factor_host *host,
                                const json_t *json);
void mfa_settings_drop(struct mfa_settings *settings);

#endif
