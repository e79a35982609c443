/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_step.h - what one step knows, typed.
 *
 * Made from the snapshot and the flow's data; texts belong to them or to the
 * step's arena.  Nothing here writes: see mfa_effects.h.
 */
#ifndef MFA_STEP_H
#define MFA_STEP_H

#include "factor/adapter.h"
#include "plugin/adapter-mfa/mfa_auth.h"
#include "plugin/adapter-mfa/mfa_pairing.h"
#include "plugin/adapter-mfa/mfa_settings.h"

/* An instance; constant after init. */
struct factor_adapter {
    const struct factor_host *host;
    struct mfa_settings settings;
    struct factor_description description;
    const struct factor_resource **resources; /* owned */
    struct factor_user_default new_users_mfa;
    const struct factor_user_default *user_defaults[2]; /* that, and NULL */
};

/* The reads of every step, in the order of their planning; what the flow or a
 * call names comes behind them. */
enum { MFA_READ_CONFIG, MFA_READ_PUSH_KEYS, MFA_READ_USER, MFA_READ_ACCOUNT,
       MFA_READ_DEVICES, MFA_READS };

/* What the flow remembers between its steps. */
struct mfa_flow {
    const char *auth;    /* id of the device authentication, or NULL */
    const char *pairing; /* id of the pairing key that is open, or NULL */
    const char *device;  /* id of the device that is being activated */
    const json_t *app;   /* claims of the mobilePayload, or NULL */
    const char *payload; /* serverPayload, to be shown after the factor */
    const char *link;    /* pairing link that is shown; sealed, as payload */
    uint32_t sends;      /* activation codes that were sent */
    bool manage;         /* device management was asked for */
    bool pair;           /* adding a device was asked for */
    bool enrolled;       /* a device was added in this flow */
    bool proven;         /* a device was proven in this flow */
    const char *proof;   /* amr of it: see mfa_outcome.h */
    const char *status;  /* pingone.mfa.status that was reached, without its
                          * prefix, or NULL */
    const char *code;    /* MFA_COMPLETED: why, or NULL */
    const char *failure; /* MFA_FAILED outside of a device authentication */
};

struct mfa_step {
    const struct factor_adapter *self;
    const struct mfa_settings *settings;
    const struct factor_host *host;
    const struct factor_step *in;

    const char *user_id;               /* NULL: nobody, or two who differ */
    const struct factor_record *user;  /* or NULL */
    const char *username;              /* "" without a user */
    bool enabled, mfa_enabled;

    const struct factor_record *config_record; /* or NULL */
    const struct factor_record *push_keys; /* or NULL: mfa_push_keys.h */
    json_t *config; /* owned: what is in force */
    struct mfa_policy policy; /* that of the device authentication, if there
                               * is one, else that which is asked for */
    const char *policy_unknown; /* that which is asked for, if there is no
                                 * such: policy is then the default one, and
                                 * no flow may go on by it */
    struct mfa_limits limits;
    struct mfa_account account;
    struct mfa_device *devices; /* in the user's order, pending ones last */
    size_t device_count;
    const char *locale; /* of messages, where the call names it; or NULL */
    bool has_auth;
    struct mfa_auth auth;
    struct mfa_pairing pairing;
    bool keys_counted; /* where a pairing key can be made: */
    size_t live_keys;  /* those of the user that may be claimed */
    bool jti_taken;   /* the payload that is given was taken before */
    json_t *claims;   /* owned: of that payload, once it was verified */
    struct mfa_flow flow;
};

/* Whose step it is; NULL: nobody's. */
const char *mfa_user_id(const struct factor_step *in);

/* What every step reads that belongs to nobody: the configuration, and the
 * push credentials of applications. */
factor_status mfa_step_plan_config(const struct factor_adapter *self,
                                   struct factor_reads *reads);

/* plan_reads for flows and operators: the user, the configuration, the
 * account, the devices, and what the flow's data names. */
factor_status mfa_step_plan(const struct factor_adapter *self,
                            const struct factor_step *in,
                            struct factor_reads *reads);

/* Of these the reads of a user, with account and devices. */
factor_status mfa_step_plan_user(const struct factor_adapter *self,
                                 const char *user, struct factor_reads *reads);

/* In two parts, for who has no flow: what belongs to nobody, then the user
 * whose reads were planned.  FACTOR_E_NOMEM. */
factor_status mfa_step_begin(struct mfa_step *s,
                             const struct factor_adapter *self,
                             const struct factor_step *in);
factor_status mfa_step_load_user(struct mfa_step *s, const char *user_id);

/* All of it.  FACTOR_E_NOMEM; FACTOR_E_INTERNAL: the policy is gone and there
 * is no default. */
factor_status mfa_step_load(struct mfa_step *s,
                            const struct factor_adapter *self,
                            const struct factor_step *in);

/* The devices that a read has found, in the user's order: the account is there
 * already. */
factor_status mfa_load_devices(struct mfa_step *s,
                               const struct factor_records *found);

/* Release what the step owns. */
void mfa_step_drop(struct mfa_step *s);

/* A copy of the flow's data with what the step changed; NULL: no memory. */
json_t *mfa_flow_save(const struct mfa_step *s);

/* A device of the user by its id, or NULL. */
struct mfa_device *mfa_find(struct mfa_step *s, const char *id);

/* The one that the device authentication has selected, or NULL. */
struct mfa_device *mfa_selected(struct mfa_step *s);

/* Usable ones; and the first of them, or NULL. */
size_t mfa_usable_count(const struct mfa_step *s);
struct mfa_device *mfa_first_usable(struct mfa_step *s);

/* Those that are active, usable or not; are there as many as are allowed? */
size_t mfa_active_count(const struct mfa_step *s);
bool mfa_devices_full(const struct mfa_step *s);

/* The default that the user has chosen, if it is usable; or NULL. */
struct mfa_device *mfa_default(struct mfa_step *s);

/* By wrong codes and denied pushes, as far as the policy minds that. */
bool mfa_account_locked(const struct mfa_step *s);

/* Of the key that the application has which the sign-on comes from (its
 * mobilePayload).  False: it comes from none. */
bool mfa_own_thumbprint(const struct mfa_step *s,
                        char ret_text[MFA_THUMBPRINT_SIZE]);
/* That application is this device. */
bool mfa_is_own_phone(const struct mfa_step *s,
                      const struct mfa_device *device);

/* Text and integer members of an object. */
const char *mfa_text(const json_t *json, const char *name);
int64_t mfa_integer(const json_t *json, const char *name);

#endif
