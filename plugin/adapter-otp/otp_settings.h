/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_settings.h - the settings of an instance, typed. */
#ifndef OTP_SETTINGS_H
#define OTP_SETTINGS_H

#include <stdbool.h>

#include <jansson.h>

#include "factor/settings.h"
#include "passcode/passcode.h"
#include "passcode/mask.h"

enum { OTP_METHODS_MAX = 16 };

/* The type and the channel of an authenticator app. */
#define OTP_TOTP_TYPE "TOTP"
#define OTP_TOTP_CHANNEL "totp"

/* One way to send a code.  Texts belong to the settings. */
struct otp_method {
    const char *channel;   /* "email", "sms", "voice" */
    const char *attribute; /* of the user, with the address */
    const char *type;      /* as clients see it */
};

struct otp_settings {
    json_t *json; /* owned: what all texts below point into */

    struct otp_method methods[OTP_METHODS_MAX];
    size_t method_count;
    const json_t *user_data;         /* target name -> attribute */
    const char *preferred_attribute; /* or NULL */
    const char *brand;
    bool user_choice;
    bool bypass;
    bool show_success_state;
    bool show_failed_state;
    struct passcode_mask_rule mask;

    unsigned digits;
    uint32_t max_attempts;
    int64_t lifetime_ms;
    struct passcode_pace pace;
    struct passcode_lock_rule device_lock;
    struct passcode_lock_rule account_lock;

    enum passcode_hash totp_hash; /* of authenticators enrolled from now on */
    unsigned totp_digits;
    unsigned totp_window;
};

/* The declared table. */
extern const struct factor_setting *const otp_setting_table[];

/* Take the settings over; false: *ret_why says in one line why not. */
bool otp_settings_load(struct otp_settings *settings, const json_t *json,
                       const char **ret_why);
void otp_settings_drop(struct otp_settings *settings);

/* Names of the hashes in otpauth URIs and in records; -1: unknown. */
const char *otp_hash_name(enum passcode_hash hash);
int otp_hash_by_name(const char *name);

#endif
