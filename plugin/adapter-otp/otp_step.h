/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_step.h - what one step knows, typed.
 *
 * Made from the snapshot and the flow's data; texts belong to them or to the
 * step's arena.  Nothing here writes: see otp_effects.h.
 */
#ifndef OTP_STEP_H
#define OTP_STEP_H

#include <jansson.h>

#include "factor/adapter.h"
#include "passcode/passcode.h"
#include "plugin/adapter-otp/otp_settings.h"

/* The collections.  An authenticator is one (user, channel, address), named
 * by a keyed hash of the three; an account is the user's, with its id. */
#define OTP_AUTHENTICATORS "otp.authenticator"
#define OTP_ACCOUNTS "otp.account"

enum {
    OTP_DEVICES_MAX = OTP_METHODS_MAX + 1,
    /* Of one user: addresses that were changed long ago count too. */
    OTP_AUTHENTICATORS_MAX = 1000,
    /* Where in the step's entropy what is new is taken from. */
    OTP_ENTROPY_KEY = 0,
    OTP_ENTROPY_ID = PASSCODE_CHALLENGE_KEY_LEN,
    OTP_ID_LEN = 16
};

/* The reads of every step, in the order of their planning. */
enum { OTP_READ_USER, OTP_READ_AUTHENTICATORS, OTP_READ_ACCOUNT };

/* An instance; constant after init. */
struct factor_adapter {
    const struct factor_host *host;
    struct otp_settings settings;
};

/* One way to get a code, which the user has. */
struct otp_device {
    const struct factor_record *record; /* NULL: to be made when entering */
    const char *id;
    const char *channel;
    const char *type;
    const char *address; /* as the user's record has it; NULL: an app */
    const char *normal;  /* the same in one spelling */
    struct passcode_counter counter;
    bool usable;
};

/* What the flow remembers between its steps. */
struct otp_flow {
    const char *device;    /* id of the selected one, or NULL */
    struct passcode_key key; /* of the open challenge; len 0: there is none */
    uint32_t attempts;     /* wrong codes, over all devices */
    uint32_t resends;
    int64_t sent_at_ms;    /* when the device was last selected or sent to */
    int64_t expires_at_ms; /* of the code */
    const json_t *sent;    /* array of ids of devices sent to, or NULL */
    const char *sent_now;  /* one more of these, or NULL */
    const char *failure;   /* MFA_FAILED: why */
    const char *channel;   /* OTP_VERIFIED: of the device */
    const char *type;
};

struct otp_step {
    const struct otp_settings *settings;
    const struct factor_host *host;
    const struct factor_step *in;
    const char *user_id; /* NULL: nobody, or two who differ */
    const json_t *user;  /* body of an enabled user, or NULL */
    struct otp_device devices[OTP_DEVICES_MAX]; /* in the order of trial */
    size_t device_count;
    const struct factor_record *account_record; /* or NULL */
    struct passcode_counter account;
    struct otp_flow flow;
};

/* Whose step it is; NULL: nobody's. */
const char *otp_user_id(const struct factor_step *in);

/* FACTOR_E_NOMEM. */
factor_status otp_step_load(struct otp_step *s,
                            const struct factor_adapter *self,
                            const struct factor_step *in);

/* A copy of the flow's data with what the step changed; NULL: no memory. */
json_t *otp_flow_save(const struct otp_step *s);

bool otp_is_app(const struct otp_device *device);
struct otp_device *otp_find(struct otp_step *s, const char *id);
struct otp_device *otp_selected(struct otp_step *s);
size_t otp_usable_count(const struct otp_step *s);

/* Was a message sent to the device in this flow? */
bool otp_sent_before(const struct otp_step *s, const struct otp_device *device);

/* Is there a code that would still be accepted? */
bool otp_challenge_open(const struct otp_step *s);

/* Could some device but this one still give a code in this flow? */
bool otp_way_out(const struct otp_step *s, const struct otp_device *but);

/* After counters have changed. */
void otp_update_usable(struct otp_step *s);

/* The state that the client sees now: the stored one, unless records or the
 * clock have made it another.  NULL: the flow's is none of ours.
 * *ret_failure: failed states: why.  *ret_changes_at_ms as in factor_model. */
const char *otp_state(struct otp_step *s, const char **ret_failure,
                      int64_t *ret_changes_at_ms);

/* Members of a record's body. */
struct passcode_counter otp_counter_of(const json_t *body);
bool otp_totp_of(const json_t *body, unsigned window,
                 struct passcode_totp *ret);

#endif
