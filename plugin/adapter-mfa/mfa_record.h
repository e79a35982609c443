/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_record.h - devices, accounts and device
 * authentications, typed, and as bodies of records.
 *
 * The structs are what the rules know; loading one borrows its texts from the
 * record, saving one gives a copy of the record's body with what changed, so
 * that members that this version does not know are kept.  Pure; any thread.
 */
#ifndef MFA_RECORD_H
#define MFA_RECORD_H

#include "factor/record.h"
#include "passcode/passcode.h"
#include "plugin/adapter-mfa/mfa_config.h"

#define MFA_DEVICES "mfa.device"   /* owner: the user */
#define MFA_ACCOUNTS "mfa.account" /* id and owner: the user */
#define MFA_AUTHS "mfa.auth"       /* device authentications; owner: the user */
#define MFA_PAIRINGS "mfa.pairing" /* pairing keys; owner: the user; name:
                                    * keyed hash of the key */

enum {
    MFA_PENDING_MAX = 50, /* devices of a user that wait for activation */
    MFA_DEVICES_MAX = 80, /* of one user, pending ones included */
    MFA_PUSHES_MAX = 50,  /* remembered of a device */
    MFA_ASKED_MAX = 16,   /* devices that a sign-on remembers to have asked */
    MFA_CHALLENGE_SIZE = 23,
    MFA_NUMBER_DIGITS = 6
};

/* --- Devices --- */

/* One push that was not approved (yet): it counts against the limit from
 * ends_at_ms on, which is its timeout or the moment of its denial. */
struct mfa_push_fail {
    int64_t at_ms;
    int64_t ends_at_ms;
};

struct mfa_device {
    const struct factor_record *record; /* NULL: not stored yet */
    const char *id;
    enum mfa_type type;
    bool active;  /* else activation is required */
    bool blocked; /* by an administrator */
    int64_t blocked_at_ms;
    bool test;    /* gets no messages and proves nobody (M11) */
    bool one_time; /* of one authentication: it is no record */
    struct passcode_counter counter; /* wrong passcodes in a row */
    const char *nickname;            /* or NULL */
    const char *address;    /* EMAIL, SMS, VOICE: as it was given; sealed */
    const char *extension;  /* VOICE: to be dialled, or NULL */
    int64_t created_at_ms;
    int64_t updated_at_ms;  /* when an administrator last changed it */
    /* TOTP, and the passcodes of MOBILE */
    struct passcode_key key;
    int64_t last_step; /* -1: none */
    /* Waiting for activation: its code is of the key above, at position 0 */
    const char *policy; /* id of the one by which it is paired, or NULL */
    int64_t code_sent_at_ms;
    int64_t code_expires_at_ms; /* TOTP: the key is shown until then */
    /* MOBILE */
    const char *application;
    const char *model;       /* "Pixel 8" */
    const char *platform;    /* "android", "ios", "web", "other" */
    const json_t *jwk;       /* public key */
    const char *push;        /* address, or NULL */
    int64_t push_at_ms;      /* when that was set */
    bool push_dead;          /* its service knows it no more */
    int64_t statement_at_ms; /* iat_ms of the last change */
    struct mfa_push_fail fails[MFA_PUSHES_MAX];
    size_t fail_count;
};

/* False: the record is none that this version understands. */
bool mfa_device_load(const struct factor_record *record,
                     struct mfa_device *ret_device);

/* New reference, or NULL without memory. */
json_t *mfa_device_save(const struct mfa_device *device);

/* Can the device be pushed to, or wait on the host for requests? */
bool mfa_device_wants_push(const struct mfa_device *device,
                           const struct mfa_policy *policy);

/* Can the device give a passcode by itself? */
bool mfa_device_shows_codes(const struct mfa_device *device,
                            const struct mfa_policy *policy);

/* Until when ignored and denied pushes lock the device; 0: they do not.
 * *ret_changes_at_ms (0: never): when that will next be otherwise. */
int64_t mfa_push_locked_until(const struct mfa_device *device,
                              const struct mfa_mobile *mobile, int64_t now_ms,
                              int64_t *ret_changes_at_ms);

/* If as many pushes wait or were ignored as lock the device once their time is
 * over: when the first of those that wait will be; else 0. */
int64_t mfa_pushes_full_until(const struct mfa_device *device,
                              const struct mfa_mobile *mobile, int64_t now_ms);

/* Is it locked, by codes or pushes?  *ret_until_ms: until when; 0: until an
 * operator unlocks it. */
bool mfa_device_locked(const struct mfa_device *device,
                       const struct mfa_policy *policy, int64_t now_ms,
                       int64_t *ret_until_ms);

/* Active, not blocked, not locked, of an enabled method and application. */
bool mfa_device_usable(const struct mfa_device *device,
                       const struct mfa_policy *policy, int64_t now_ms);

/* --- Accounts --- */

struct mfa_account {
    const struct factor_record *record;
    struct passcode_counter counter; /* wrong codes and denied pushes in a
                                      * row, over all devices */
    const json_t *order;             /* array of device ids; NULL: none */
    bool unordered;                  /* taken away: nothing comes first */
    const char *default_device;      /* id, or NULL: none chosen */
    int64_t bypass_until_ms;         /* 0: no window */
};

/* record may be NULL. */
void mfa_account_load(const struct factor_record *record,
                      struct mfa_account *ret_account);
json_t *mfa_account_save(const struct mfa_account *account);

/* --- Device authentications --- */

enum mfa_stage {
    MFA_STAGE_SELECT = 0, /* a device is to be chosen */
    MFA_STAGE_OTP,
    MFA_STAGE_PUSH,
    MFA_STAGE_COMPLETED,
    MFA_STAGE_FAILED
};

/* What the phone said. */
enum mfa_decision { MFA_UNDECIDED = 0, MFA_DENIED, MFA_APPROVED };

struct mfa_push {
    char challenge[MFA_CHALLENGE_SIZE]; /* "": none was sent */
    char number[MFA_NUMBER_DIGITS + 1]; /* "": no number matching */
    bool select_number; /* one of three, else typed */
    char choices[2][MFA_NUMBER_DIGITS + 1]; /* the two wrong ones */
    bool silent;
    bool signalled;     /* a message went out for it */
    int64_t sent_at_ms;
    int64_t expires_at_ms;
    enum mfa_decision decision;
    const char *method; /* amr string of the phone, or NULL */
    const char *reason; /* of a denial, or NULL */
    const char *nonce;  /* of the answer: the same once more is no other */
    bool same_client;   /* answered from where the sign-on is */
};

/* A device that a message with a code went to, and when. */
struct mfa_asked {
    const char *device;
    int64_t at_ms;
};

struct mfa_auth {
    const struct factor_record *record; /* NULL: begins in this step */
    const char *id;
    const char *user;
    const char *policy;  /* id */
    const char *client;  /* OAuth client that asks, or NULL */
    const char *client_name;
    const char *host;    /* of the page that asks, or NULL */
    const char *address; /* of who asks */
    const char *agent;
    enum mfa_stage stage;
    const char *device;  /* id of the selected one, or NULL */
    uint32_t attempts;   /* wrong codes, over all devices */
    uint32_t sends;      /* messages and pushes, over all devices */
    int64_t created_at_ms;
    int64_t updated_at_ms;
    int64_t expires_at_ms;
    int64_t selected_at_ms;
    struct mfa_asked asked[MFA_ASKED_MAX];
    size_t asked_count;
    int64_t code_expires_at_ms;
    struct passcode_key key; /* of the code that was sent; len 0: none */
    struct mfa_push push;
    enum mfa_type method;  /* COMPLETED: what proved it */
    bool by_code;          /* COMPLETED of MOBILE: by a passcode */
    const char *failure;   /* FAILED: a detail code */
    /* Of the REST API alone: */
    bool rest;               /* no flow's, which cannot be seen there */
    const char *to;          /* address of a one-time device; sealed; or NULL */
    enum mfa_type to_type;
    bool to_test;
    const char *application; /* id: it was named, or vouches; or NULL */
    const char *session;     /* of the caller's, for the audit; or NULL */
    const json_t *context;   /* object for the phone; sealed; or NULL */
    const char *purpose;     /* kind of message: "transaction", or NULL */
    const char *locale;      /* of messages, or NULL: the user's */
    const json_t *variables; /* of messages; sealed; or NULL */
};

bool mfa_auth_load(const struct factor_record *record,
                   struct mfa_auth *ret_auth);
json_t *mfa_auth_save(const struct mfa_auth *auth);

#endif
