/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_auth.h - the device authentication: one attempt to
 * prove one user by one of the user's devices.
 *
 * The Authentication API and the REST face both stand on it.  It knows
 * structs, the clock and entropy that it is given; no JSON, no host.  What
 * the phone answers is a step on the device authentication alone, and the
 * flow sees it at its next look: see mfa_auth_seen().  Pure; any thread.
 */
#ifndef MFA_AUTH_H
#define MFA_AUTH_H

#include "plugin/adapter-mfa/mfa_record.h"

enum {
    MFA_AUTH_LIFE_MS = 15 * 60 * 1000,
    /* Where in a step's entropy what is new is taken from. */
    MFA_ENTROPY_KEY = 0,
    MFA_ENTROPY_ID = PASSCODE_CHALLENGE_KEY_LEN,
    MFA_ENTROPY_ID_LEN = 16,
    MFA_ENTROPY_CHALLENGE = MFA_ENTROPY_ID + MFA_ENTROPY_ID_LEN,
    MFA_ENTROPY_NUMBER = MFA_ENTROPY_CHALLENGE + 16, /* 12 bytes */
    MFA_ENTROPY_LEN = MFA_ENTROPY_NUMBER + 12
};

/* What there is to be seen of it. */
enum mfa_seen {
    MFA_SEEN_SELECT,    /* a device is to be chosen */
    MFA_SEEN_OTP,       /* a passcode is to be typed */
    MFA_SEEN_WAITING,   /* a push waits for its answer */
    MFA_SEEN_TIMED_OUT, /* nobody answered, or the device was not reached */
    MFA_SEEN_REJECTED,  /* the user said no */
    MFA_SEEN_COMPLETED,
    MFA_SEEN_FAILED     /* for good; *ret_failure says why */
};

/* Codes of failure. */
#define MFA_FAIL_EXPIRED "OTP_EXPIRED"
#define MFA_FAIL_ATTEMPTS "OTP_ATTEMPTS_LIMIT"
#define MFA_FAIL_TOTP_ATTEMPTS "TOTP_ATTEMPTS_LIMIT"
#define MFA_FAIL_LOCKED "DEVICE_LOCKED"
#define MFA_FAIL_ACCOUNT "ACCOUNT_LOCKED_OUT"
#define MFA_FAIL_DEVICE "INVALID_DEVICE"
#define MFA_FAIL_RESENDS "OTP_RESEND_LIMIT"

/* device: the selected one, or NULL if it is gone.  *ret_changes_at_ms: when
 * it will look otherwise without a write; 0: never. */
enum mfa_seen mfa_auth_seen(const struct mfa_auth *auth,
                            const struct mfa_device *device, int64_t now_ms,
                            const char **ret_failure,
                            int64_t *ret_changes_at_ms);

/* Ask for a passcode of the device.  One that is sent is drawn from entropy
 * (MFA_ENTROPY_LEN bytes), and lives so long; an app's needs none. */
void mfa_auth_ask_code(struct mfa_auth *auth, const struct mfa_device *device,
                       const struct mfa_method *method, int64_t lifetime_max_ms,
                       const uint8_t *entropy, int64_t now_ms);

/* When a message with a code last went to this device; 0: it is not known. */
int64_t mfa_auth_asked_at(const struct mfa_auth *auth, const char *device);

/* Ask by push.  Notes it on the device as ignored, until it is approved. */
void mfa_auth_ask_push(struct mfa_auth *auth, struct mfa_device *device,
                       const struct mfa_mobile *mobile, bool select_number,
                       bool silent, const uint8_t *entropy, int64_t now_ms);

/* The passcode that was sent.  False: there is none. */
bool mfa_auth_code(const struct mfa_auth *auth, unsigned digits,
                   char ret_code[PASSCODE_SIZE]);

/* What a step must write after a passcode was tried. */
struct mfa_tried {
    enum passcode_result result;
    bool account_counts; /* a failure of the account too */
};

/* Try a passcode; counts what is wrong on all three.  The device must be the
 * selected one, not locked.  window: of an app's codes. */
struct mfa_tried mfa_auth_try(struct mfa_auth *auth, struct mfa_device *device,
                              struct mfa_account *account,
                              const struct mfa_method *method, unsigned window,
                              const struct mfa_limits *limits,
                              const char *typed, int64_t now_ms);

/* One failure more on the account. */
void mfa_account_fails(struct mfa_account *account,
                       const struct mfa_limits *limits, int64_t now_ms);

/* What a phone says. */
struct mfa_answer {
    const char *challenge;
    const char *nonce;
    bool approve;
    const char *number; /* or NULL */
    const char *method; /* allowed already, or NULL */
    const char *reason; /* or NULL */
    bool same_client;
    const char *refused; /* why an approval is a denial, or NULL */
};

enum mfa_answered {
    MFA_ANSWER_GONE = 0, /* old, foreign, late: nothing changed */
    MFA_ANSWER_AGAIN,    /* the very same once more: nothing changed */
    MFA_ANSWER_DENIED,   /* by the user, or by a wrong number */
    MFA_ANSWER_APPROVED
};

/* Take a phone's answer.  A denial counts on the account. */
enum mfa_answered mfa_auth_answer(struct mfa_auth *auth,
                                  struct mfa_device *device,
                                  struct mfa_account *account,
                                  const struct mfa_limits *limits,
                                  const struct mfa_answer *answer,
                                  int64_t now_ms);

/* It is over, for this reason. */
void mfa_auth_fail(struct mfa_auth *auth, const char *failure);

/* No device is selected any more; a push that waits is cancelled. */
void mfa_auth_unselect(struct mfa_auth *auth);

#endif
