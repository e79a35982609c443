/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_flow.h - what users can do, by room.
 *
 * A state of a flow belongs to one room: authentication (mfa_authn.c), or
 * pairing and management (mfa_pairing.c, mfa_manage.c).  Each room has a
 * table of its transitions; mfa_adapter.c looks an action up in them.
 */
#ifndef MFA_FLOW_H
#define MFA_FLOW_H

#include "plugin/adapter-mfa/mfa_step.h"

typedef factor_status mfa_transition(struct mfa_step *s,
                                     struct factor_outcome *out);

/* What an action does; ended by action NULL.  The host has checked that the
 * action applies to the state that is seen now. */
struct mfa_action {
    const char *action;
    mfa_transition *run;
};
extern const struct mfa_action mfa_authn_actions[];
extern const struct mfa_action mfa_pairing_actions[];
extern const struct mfa_action mfa_manage_actions[];
extern const struct mfa_action mfa_operator_actions[]; /* without a flow */

/* The flow enters the adapter. */
mfa_transition mfa_enter;

/* The sign-on policy names a device authentication policy that is not there:
 * the adapter fails, whatever the action was. */
mfa_transition mfa_unknown_policy;

/* --- What the rooms share (mfa_outcome.c). --- */

/* Go on in a state, with the flow as it is now. */
factor_status mfa_go_on(struct mfa_step *s, struct factor_outcome *out,
                        const char *state);

/* Nothing more can be done but to cancel: MFA_FAILED with this code.  A
 * device authentication that is open ends. */
factor_status mfa_dead_end(struct mfa_step *s, struct factor_outcome *out,
                           const char *failure);

/* Refuse and change nothing else: the flow stays as it was.  detail: only its
 * members are looked at, not struct_size. */
factor_status mfa_refuse(struct mfa_step *s, struct factor_outcome *out,
                         const struct factor_detail *detail);
factor_status mfa_refuse_for(struct mfa_step *s, struct factor_outcome *out,
                             const char *code, const char *target,
                             int64_t retry_at_ms);
factor_status mfa_refuse_locked(struct mfa_step *s, struct factor_outcome *out,
                                const struct mfa_device *device);

/* The adapter is done: SUCCESS with the attributes of the core contract, the
 * status without its prefix ("web_login_email"), and amr and kinds of what
 * was really proven in this flow (nothing: none). */
factor_status mfa_succeed(struct mfa_step *s, struct factor_outcome *out,
                          const char *status);

/* The factor was proven, or there was none to prove: where the flow goes now:
 * management or pairing that was asked for, MOBILE_PAIRING_REQUIRED, or
 * MFA_COMPLETED. */
factor_status mfa_after_proof(struct mfa_step *s, struct factor_outcome *out);

/* What a phone has approved is seen at once and written by the next action:
 * call before any other effect. */
factor_status mfa_settle(struct mfa_step *s);

/* Begin (or begin again) the device authentication with what the policy says:
 * selection, the one device, the default. */
factor_status mfa_begin_auth(struct mfa_step *s, struct factor_outcome *out);

/* --- What is seen (mfa_view.c). --- */

/* The state that the client sees now: the stored one, unless records or the
 * clock have made it another.  NULL: the flow's is none of ours.
 * *ret_failure: MFA_FAILED: why.  *ret_changes_at_ms as in factor_model. */
const char *mfa_state(struct mfa_step *s, const char **ret_failure,
                      int64_t *ret_changes_at_ms);

/* What there is to be seen of the device authentication, the policy's word on
 * silent pushes included; outputs as mfa_auth_seen(). */
enum mfa_seen mfa_seen_now(struct mfa_step *s, const char **ret_failure,
                           int64_t *ret_changes_at_ms);

factor_status mfa_show(struct mfa_step *s, struct factor_model *ret_model);

/* The devices as this API shows them; pending ones are not listed.  NULL: no
 * memory. */
json_t *mfa_show_devices(struct mfa_step *s);

/* The members of a list to choose from, or (managing) to change; NULL: no
 * memory. */
json_t *mfa_show_list(struct mfa_step *s, bool managing);

/* --- Pairing, as the other rooms see it. --- */

/* Is this stored state one of pairing and management (but not the app's own,
 * MOBILE_PAIRING_REQUIRED)? */
bool mfa_is_pairing(const char *state);

/* The state of a pairing that the flow is in, seen now (a phone may have
 * claimed the key meanwhile); NULL: the flow's state is none of pairing or
 * management. */
const char *mfa_pairing_state(struct mfa_step *s, const char **ret_failure,
                              int64_t *ret_changes_at_ms);

/* Is this a poll that has met what came since the last one?  It is answered
 * by it, so the state that is seen offers it. */
bool mfa_late_poll(const struct mfa_step *s, const char *state);

/* Members and actions of such a state. */
factor_status mfa_pairing_show(struct mfa_step *s, const char *state,
                               struct factor_model *ret_model);

/* May the user add a device now, of any kind or of this one?  NULL: yes; else
 * the detail code that says why not (limit, nothing left to pair,
 * first_device). */
const char *mfa_pairing_refusal(struct mfa_step *s);
const char *mfa_pairing_refusal_of(struct mfa_step *s, enum mfa_type type);

/* Make a pairing key (in the flow: s->flow.pairing) and the link that carries
 * it (in the arena).  terms: application, thumbprint (in the arena) and
 * by_operator.  *ret_link NULL: the user has as many keys as are allowed. */
factor_status mfa_pairing_key(struct mfa_step *s,
                              const struct mfa_pairing *terms,
                              const char **ret_link, const char **ret_key);

/* Where the flow goes to begin pairing (state, or a dead end). */
factor_status mfa_pairing_begin(struct mfa_step *s,
                                struct factor_outcome *out);

/* resendOtp, poll and continueAuthentication in a state of pairing. */
mfa_transition mfa_pairing_resend;
mfa_transition mfa_pairing_poll;
mfa_transition mfa_pairing_finish;

/* Verify a mobilePayload (doc/phone-protocol.md, section 8) and take it: once.
 * *ret_claims: the step's; NULL: it is refused. */
factor_status mfa_payload_verify(struct mfa_step *s, const char *payload,
                                 const json_t **ret_claims);

#endif
