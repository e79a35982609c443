/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_pair.h - what the files of pairing and management
 * share.
 *
 *     mfa_pairing.c       who may pair what; the menu; names of devices
 *     mfa_activate.c      targets, codes, and the phone that has claimed a key
 *     mfa_pairing_view.c  what is seen of all that, and of management
 *     mfa_manage.c        management
 */
#ifndef MFA_PAIR_H
#define MFA_PAIR_H

#include "plugin/adapter-mfa/mfa_flow.h"

/* One kind of device, as this API goes about pairing it. */
struct mfa_kind {
    enum mfa_type type;
    const char *name;         /* deviceType, as clients match it */
    const char *target;       /* state that asks for the address, or NULL */
    const char *activation;   /* state that asks for the code */
    const char *field;        /* member of the address, or NULL */
    const char *proof;        /* mfa_flow.proof of who activated one */
};

const struct mfa_kind *mfa_kind_of(enum mfa_type type);
/* The one whose target or activation state this is, or NULL. */
const struct mfa_kind *mfa_kind_of_state(const char *state);
/* The one with this deviceType, in whatever case; or NULL. */
const struct mfa_kind *mfa_kind_by_name(const char *name);

/* The user's e-mail address on file, or NULL. */
const char *mfa_address_on_file(const struct mfa_step *s);

/* May a device of this type become active in this flow?  Something was proven
 * in it, or the device is the user's first and may be that.  device: the one
 * in question, which does not count itself; NULL: not made yet. */
bool mfa_may_pair(struct mfa_step *s, enum mfa_type type,
                  const struct mfa_device *device);

/* Can only the address on file be paired? */
bool mfa_only_on_file(const struct mfa_step *s);

/* Each application that may be paired: the next one from *i on; false: that
 * was all. */
bool mfa_next_application(const struct mfa_step *s, size_t *i,
                          struct mfa_application *ret_application);

/* The device that this flow pairs, pending or added; NULL: there is none. */
struct mfa_device *mfa_paired(struct mfa_step *s);

/* A phone that was paired meanwhile becomes the device of the flow: call
 * first in every action of these rooms. */
void mfa_adopt(struct mfa_step *s);

/* The flow has paired this device, so it proves the user, if nothing was
 * proven before. */
void mfa_prove_by(struct mfa_step *s, const struct mfa_device *device);

/* On with the sign-on, or first a proof where there is none. */
factor_status mfa_onward(struct mfa_step *s, struct factor_outcome *out);

/* A proof first, to come back to the menu. */
factor_status mfa_prove_first(struct mfa_step *s, struct factor_outcome *out);

/* Make a device that waits for activation, send it a code, ask for it. */
factor_status mfa_activation_begin(struct mfa_step *s,
                                   struct factor_outcome *out,
                                   const struct mfa_kind *kind,
                                   const char *address);

/* submit...Target, activate...Device, activateMobileDevice. */
mfa_transition mfa_submit;
mfa_transition mfa_activate;
mfa_transition mfa_activate_phone;

/* Address or number in the arena as it is to be kept; *ret_address NULL: it is
 * none. */
factor_status mfa_address_clean(const struct mfa_step *s, enum mfa_type type,
                                const char *typed, const char **ret_address);

enum { MFA_NICKNAME_MAX = 100 }; /* characters */

/* In characters; SIZE_MAX: a control byte is in it. */
size_t mfa_nickname_length(const char *nickname);

/* The active device of this type that has the address, or NULL. */
const struct mfa_device *mfa_address_owner(const struct mfa_step *s,
                                           enum mfa_type type,
                                           const char *address);

/* Remove a device of the user: its record, its place in the order, and if it
 * was the default, the next one is that.  The user is told, unless it was
 * pending. */
factor_status mfa_drop_device(struct mfa_step *s,
                              const struct mfa_device *device);

#endif
