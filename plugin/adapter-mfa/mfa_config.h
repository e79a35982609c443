/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config.h - MFA settings, device authentication
 * policies and applications, typed.
 *
 * All of them are one JSON document in the shapes of the MFA service API:
 *     {"v": 1, "settings": {...}, "policies": [...], "applications": [...]}
 * kept in one record, so that "exactly one default" and "this policy names
 * that application" cannot be broken by two writers.  A part that the record
 * does not have is that of the instance's seed, which its settings make.
 *
 * Texts belong to the document.  Every function is pure; any thread.
 */
#ifndef MFA_CONFIG_H
#define MFA_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "factor/base.h"

#define MFA_CONFIG_COLLECTION "mfa.config"
#define MFA_CONFIG_ID "config"
/* Beside it: push credentials of applications (mfa_push_keys.h). */
#define MFA_PUSH_KEYS_ID "push"

/* May stand in every object, for who reads it. */
#define MFA_CONFIG_COMMENT "$comment"

/* The methods in scope, in the order of lists. */
enum mfa_type { MFA_EMAIL, MFA_SMS, MFA_VOICE, MFA_TOTP, MFA_MOBILE };
enum { MFA_TYPES = MFA_MOBILE + 1, MFA_APPLICATIONS_MAX = 16 };

/* Wrong passcodes in a row that lock a device, and for how long. */
struct mfa_failure_rule {
    uint32_t count;       /* 1 to 7 */
    int64_t cool_down_ms; /* 0: no stated lock (see mfa_lock.h) */
};

/* One method of a policy. */
struct mfa_method {
    bool enabled;
    bool pairing_disabled;
    bool prompt_nickname;
    unsigned digits;
    int64_t lifetime_ms; /* of codes that are sent */
    struct mfa_failure_rule failure;
    unsigned window;             /* TOTP: steps accepted each way */
    const json_t *uri_parameters; /* TOTP: object or NULL */
};

/* Silent push of device authorization (MFA service API, mobile policy). */
enum mfa_verification { MFA_VERIFY_NONE, MFA_VERIFY_PERMISSIVE,
                        MFA_VERIFY_RESTRICTIVE };

/* What a policy allows one mobile application. */
struct mfa_mobile {
    const char *id; /* of the application */
    bool push;
    bool otp;
    bool number_matching;
    bool other_client; /* ours: only an answer from elsewhere approves (M12) */
    bool confirm_pairing; /* ours: the user compares the check value */
    bool pairing_disabled;
    bool authorization;
    enum mfa_verification verification;
    bool auto_enrollment;
    int64_t push_timeout_ms;
    int64_t pairing_key_ms;
    uint32_t limit_count; /* ignored or denied pushes in a row, */
    int64_t limit_period_ms; /* within this time, */
    int64_t limit_lock_ms;   /* lock the device so long */
};

enum mfa_selection { MFA_DEFAULT_TO_FIRST, MFA_PROMPT_TO_SELECT,
                     MFA_ALWAYS_DISPLAY };
enum mfa_notice { MFA_NOTICE_NONE, MFA_NOTICE_EMAIL_THEN_SMS,
                  MFA_NOTICE_SMS_THEN_EMAIL };

struct mfa_policy {
    const char *id;
    const char *name;
    enum mfa_selection selection;
    enum mfa_notice notice; /* of new and removed devices */
    bool ignore_user_lock;
    bool block_disabled_mfa;
    struct mfa_method methods[MFA_TYPES];
    struct mfa_mobile mobiles[MFA_APPLICATIONS_MAX];
    size_t mobile_count;
};

/* The settings of the environment. */
struct mfa_limits {
    uint32_t devices_max;
    bool numeric_keys;
    uint32_t lockout_count; /* wrong codes and denied pushes in a row that lock
                             * the account */
    int64_t lockout_ms;     /* 0: until an operator unlocks it */
    bool phone_extensions;  /* numbers that are called may have an extension */
    bool new_users_mfa;     /* those that the REST API makes have MFA on,
                             * unless it says otherwise */
};

/* A mobile application (MFA service API, applications: mobile). */
struct mfa_application {
    const char *id;
    const char *name;
    const char *bundle_id; /* of the iPhone app, or NULL */
    bool select_number;  /* three numbers to choose from, else typed */
    unsigned window;     /* passcodeGracePeriod */
    const json_t *methods; /* array of the strings that amr may take from it;
                            * NULL: face, fpt, pin */
};

/* The three parts completed to a document: those that are missing, ids, what
 * names stand for.  Each is NULL or has passed mfa_config_check().
 * permissive: the weaker defaults of the service that this one follows.
 * environment: of which ids are made that stay the same.  Owner: the caller;
 * NULL: no memory. */
json_t *mfa_config_complete(const json_t *policies, const json_t *applications,
                            const json_t *settings, bool permissive,
                            const char *environment);

/* What is in force: each part of the record's body (NULL: there is no record)
 * or else of the seed.  Owner: the caller; NULL: no memory. */
json_t *mfa_config_in_force(const json_t *stored, const json_t *seed);

/* The policy of this id or name; NULL: the default one.  False: no such. */
bool mfa_policy_find(const json_t *config, const char *wanted,
                     struct mfa_policy *ret_policy);

void mfa_limits_read(const json_t *config, struct mfa_limits *ret_limits);

/* The application of this id; false: no such. */
bool mfa_application_find(const json_t *config, const char *id,
                          struct mfa_application *ret_application);

/* What the policy allows this application, or NULL. */
const struct mfa_mobile *mfa_policy_mobile(const struct mfa_policy *policy,
                                           const char *application);

/* "EMAIL" ... as the MFA service API writes it; NULL: unknown; and back, -1:
 * none in scope. */
const char *mfa_type_name(enum mfa_type type);
int mfa_type_by_name(const char *name);

#endif
