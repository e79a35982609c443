/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_authn.c - authentication: from AUTHENTICATION_REQUIRED
 * to MFA_COMPLETED, one function an action.
 *
 * What a user did wrong is an outcome that is committed like any other: else
 * guessing would be free. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_ask.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

/* --- Proof --- */

static const char *const proof_names[MFA_TYPES] = {
    [MFA_EMAIL] = "email",
    [MFA_SMS] = "sms",
    [MFA_VOICE] = "voice",
    [MFA_TOTP] = "totp",
    [MFA_MOBILE] = "push",
};

static void
prove(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_selected(s);

    s->flow.proven = true;
    s->flow.proof = proof_names[s->auth.method];
    if (device && device->test)
        s->flow.proof = "test";
    if (s->auth.method == MFA_MOBILE && s->auth.by_code)
        s->flow.proof = "mobile-code";
    if (s->auth.method == MFA_MOBILE && s->auth.push.silent) {
        s->flow.proof = "silent";
        s->flow.code = MFA_COMPLETED_AUTHORIZED;
    }
}

factor_status
mfa_settle(struct mfa_step *s)
{
    const char *failure;
    int64_t changes_at_ms;

    if (!s->has_auth || s->flow.proven ||
        s->auth.stage != MFA_STAGE_PUSH ||
        mfa_seen_now(s, &failure, &changes_at_ms) != MFA_SEEN_COMPLETED)
        return FACTOR_OK;
    s->auth.stage = MFA_STAGE_COMPLETED;
    s->auth.method = MFA_MOBILE;
    s->auth.by_code = false;
    prove(s);
    return mfa_put_auth(s);
}

/* --- The account's lock --- */

/* In a flow that had begun before. */
static factor_status
refuse_account(struct mfa_step *s, struct factor_outcome *out)
{
    return mfa_refuse_for(s, out, MFA_CODE_LOCKED, NULL,
                          s->account.counter.locked_until_ms);
}

/* --- Beginning --- */

static factor_status
to_selection(struct mfa_step *s, struct factor_outcome *out)
{
    factor_status status = mfa_put_auth(s);

    return status ? status : mfa_go_on(s, out, MFA_STATE_SELECTION);
}

static factor_status
ask(struct mfa_step *s, struct factor_outcome *out, struct mfa_device *device,
    bool silent)
{
    factor_status status = mfa_ask(s, device, silent);

    if (status)
        return status;
    return mfa_go_on(s, out,
                     s->auth.stage == MFA_STAGE_PUSH ? MFA_STATE_WAITING
                                                     : MFA_STATE_OTP);
}

static factor_status
authorize_phone(struct mfa_step *s, struct factor_outcome *out,
                struct mfa_device *device, const struct mfa_mobile *mobile)
{
    factor_status status;

    if (mobile->verification != MFA_VERIFY_NONE)
        return ask(s, out, device, true);
    status = mfa_ask_nothing(s, device);
    s->flow.proven = true;
    s->flow.proof = "device";
    s->flow.code = MFA_COMPLETED_AUTHORIZED;
    return status ? status : mfa_after_proof(s, out);
}

static factor_status
begin_with_devices(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_mobile *mobile = NULL;
    struct mfa_device *device = mfa_ask_own_phone(s, &mobile);
    factor_status status = mfa_ask_begin(s);

    if (status)
        return status;
    if (device)
        return authorize_phone(s, out, device, mobile);
    device = mfa_ask_first(s);
    if (!device || mfa_ask_is_full(s, device))
        return to_selection(s, out);
    return ask(s, out, device, false);
}

/* May the app that signs on be paired by this very sign-on? */
static bool
enrols_itself(const struct mfa_step *s)
{
    const struct mfa_mobile *mobile = mfa_policy_mobile(
        &s->policy, mfa_text(s->flow.app, "application"));
    size_t i;

    if (!mobile || !mobile->auto_enrollment || mobile->pairing_disabled ||
        !s->policy.methods[MFA_MOBILE].enabled)
        return false;
    for (i = 0; i < s->device_count; i++)
        if (mfa_is_own_phone(s, &s->devices[i]))
            return false;
    return true;
}

/* The key is made now, for the app that signed the payload alone, and shown
 * when the factor was proven. */
static factor_status
prepare_enrolment(struct mfa_step *s)
{
    struct mfa_pairing terms = {
        .application = mfa_text(s->flow.app, "application"),
    };
    char *thumbprint;
    const char *key;

    if (s->flow.payload || !enrols_itself(s) ||
        mfa_pairing_refusal_of(s, MFA_MOBILE))
        return FACTOR_OK;
    thumbprint = s->host->alloc(s->in->arena, MFA_THUMBPRINT_SIZE);
    if (!thumbprint)
        return FACTOR_E_NOMEM;
    if (!mfa_own_thumbprint(s, thumbprint))
        return FACTOR_OK;
    terms.thumbprint = thumbprint;
    return mfa_pairing_key(s, &terms, &s->flow.payload, &key);
}

static factor_status
bypass(struct mfa_step *s, struct factor_outcome *out, const char *status)
{
    factor_status st = mfa_audit(
        s, "mfa.bypassed",
        json_pack("{s:s, s:s}", "user", s->user_id, "reason", status));

    return st ? st : mfa_succeed(s, out, status);
}

static factor_status
begin_without_devices(struct mfa_step *s, struct factor_outcome *out)
{
    if (s->flow.payload)
        return mfa_go_on(s, out, MFA_STATE_MOBILE_PAIRING);
    if (s->settings->prompt_setup && !mfa_pairing_refusal(s))
        return mfa_go_on(s, out, MFA_STATE_SETUP);
    if (s->settings->bypass)
        return bypass(s, out, "web_login_no_devices");
    return mfa_dead_end(s, out, MFA_CODE_INVALID_DEVICE);
}

static bool
any_locked(const struct mfa_step *s)
{
    int64_t until_ms;
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (s->devices[i].active &&
            mfa_device_locked(&s->devices[i], &s->policy, s->in->now_ms,
                              &until_ms))
            return true;
    return false;
}

/* Somebody who is disabled is never let through: nor would the host (which is
 * why blockDisabledUsers can be true alone).  A locked account cannot
 * begin, whatever its devices are; an open bypass window is the operator's
 * word that it may. */
factor_status
mfa_begin_auth(struct mfa_step *s, struct factor_outcome *out)
{
    factor_status status;

    if (!s->enabled)
        return mfa_dead_end(s, out, MFA_CODE_INVALID_DEVICE);
    if (!s->mfa_enabled && !s->policy.block_disabled_mfa)
        return bypass(s, out, "mfa_bypassed_user_mfa_disabled");
    if (!s->mfa_enabled)
        return mfa_dead_end(s, out, MFA_CODE_INVALID_DEVICE);
    if (mfa_account_locked(s))
        return mfa_dead_end(s, out, MFA_CODE_ACCOUNT);
    if (s->account.bypass_until_ms > s->in->now_ms)
        return bypass(s, out, "web_login_no_devices");
    status = prepare_enrolment(s);
    if (status)
        return status;
    if (mfa_active_count(s) == 0)
        return begin_without_devices(s, out);
    if (mfa_usable_count(s) > 0)
        return begin_with_devices(s, out);
    return mfa_dead_end(s, out, any_locked(s) ? MFA_CODE_LOCKED
                                              : MFA_CODE_INVALID_DEVICE);
}

factor_status
mfa_enter(struct mfa_step *s, struct factor_outcome *out)
{
    if (s->user_id && s->user)
        return mfa_go_on(s, out, MFA_STATE_REQUIRED);
    out->verdict = FACTOR_FAILURE;
    return mfa_audit(s, "mfa.failed",
                     json_pack("{s:s}", "reason", MFA_CODE_NO_USER));
}

/* The operator has to change something, so it is in the log too, which a step
 * else leaves alone: twice, if the step has to be tried again. */
factor_status
mfa_unknown_policy(struct mfa_step *s, struct factor_outcome *out)
{
    s->host->log("mfa", FACTOR_LOG_WARNING,
                 "a sign-on fails: there is no device authentication policy "
                 "\"%.100s\", which its step's input \"policy\" or "
                 "policy_by_acr asks for",
                 s->policy_unknown);
    out->verdict = FACTOR_FAILURE;
    return mfa_audit(s, "mfa.policy_unknown",
                     json_pack("{s:s}", "policy", s->policy_unknown));
}

/* --- authenticate --- */

/* The app may say who it is with any of three actions. */
static factor_status
with_payload(struct mfa_step *s, struct factor_outcome *out,
             mfa_transition *next)
{
    const char *payload = mfa_text(s->in->fields, "mobilePayload");
    factor_status status = FACTOR_OK;

    if (payload)
        status = mfa_payload_verify(s, payload, &s->flow.app);
    if (status)
        return status;
    if (payload && !s->flow.app)
        return mfa_refuse_for(s, out, MFA_CODE_INVALID_PAYLOAD,
                              "mobilePayload", 0);
    return next(s, out);
}

static factor_status
authenticate(struct mfa_step *s, struct factor_outcome *out)
{
    return with_payload(s, out, mfa_begin_auth);
}

/* --- selectDevice --- */

static enum mfa_seen
seen_now(struct mfa_step *s)
{
    const char *failure;
    int64_t changes_at_ms;

    return mfa_seen_now(s, &failure, &changes_at_ms);
}

/* Is a challenge open? */
static bool
is_open(enum mfa_seen seen)
{
    return seen == MFA_SEEN_OTP || seen == MFA_SEEN_WAITING;
}

static factor_status
stay(struct mfa_step *s, struct factor_outcome *out)
{
    out->verdict = FACTOR_CONTINUE;
    out->state = s->in->flow->state;
    return FACTOR_OK;
}

/* It became unusable in between (M6): the user chooses among the others. */
static factor_status
choose_again(struct mfa_step *s, struct factor_outcome *out,
             const struct mfa_device *device)
{
    int64_t until_ms;

    if (mfa_device_locked(device, &s->policy, s->in->now_ms, &until_ms))
        return mfa_refuse_locked(s, out, device);
    mfa_auth_unselect(&s->auth);
    return to_selection(s, out);
}

static factor_status
select_listed(struct mfa_step *s, struct factor_outcome *out,
              struct mfa_device *device)
{
    enum mfa_seen seen = seen_now(s);
    bool again = mfa_selected(s) == device;
    const char *refusal;
    int64_t retry_at_ms;
    factor_status status;

    if (mfa_account_locked(s))
        return refuse_account(s, out);
    if (!mfa_device_usable(device, &s->policy, s->in->now_ms))
        return choose_again(s, out, device);
    if (again && is_open(seen) &&
        passcode_same_click(s->auth.selected_at_ms, s->in->now_ms))
        return stay(s, out);
    if (!again && is_open(seen) && !s->settings->change_device)
        return mfa_refuse_for(s, out, MFA_CODE_INVALID_DEVICE, "deviceRef", 0);
    if (again && seen == MFA_SEEN_OTP && device->type == MFA_TOTP)
        return stay(s, out);
    refusal = mfa_ask_refusal(s, device, &retry_at_ms);
    if (refusal)
        return mfa_refuse_for(s, out, refusal, NULL, retry_at_ms);
    status = prepare_enrolment(s);
    return status ? status : ask(s, out, device, false);
}

static factor_status
select_named(struct mfa_step *s, struct factor_outcome *out)
{
    const json_t *reference = json_object_get(s->in->fields, "deviceRef");
    struct mfa_device *device = mfa_find(s, mfa_text(reference, "id"));

    if (!device || !device->active)
        return mfa_refuse_for(s, out, MFA_CODE_INVALID_DEVICE, "deviceRef", 0);
    return select_listed(s, out, device);
}

static factor_status
select_device(struct mfa_step *s, struct factor_outcome *out)
{
    return with_payload(s, out, select_named);
}

/* --- checkOtp --- */

static factor_status
accept(struct mfa_step *s, struct factor_outcome *out)
{
    factor_status status = prepare_enrolment(s);

    if (status)
        return status;
    prove(s);
    return mfa_after_proof(s, out);
}

static factor_status
refuse_code(struct mfa_step *s, struct factor_outcome *out,
            const struct mfa_method *method, enum passcode_result result)
{
    const struct factor_detail detail = {
        .attempts_remaining =
            result == PASSCODE_EXPIRED
                ? -1
                : (int32_t)(method->failure.count - s->auth.attempts),
        .code = MFA_CODE_INVALID_OTP,
        .target = "otp",
        .text = result == PASSCODE_EXPIRED ? MFA_TEXT_EXPIRED : NULL,
    };

    return mfa_refuse(s, out, &detail);
}

static factor_status
reject(struct mfa_step *s, struct factor_outcome *out,
       struct mfa_device *device, struct mfa_tried tried)
{
    const struct mfa_method *method = &s->policy.methods[device->type];
    int64_t until_ms;

    if (s->auth.stage == MFA_STAGE_FAILED)
        return mfa_dead_end(s, out, s->auth.failure);
    if (mfa_device_locked(device, &s->policy, s->in->now_ms, &until_ms))
        return mfa_refuse_locked(s, out, device);
    return refuse_code(s, out, method, tried.result);
}

static factor_status
check_code(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_selected(s);
    struct mfa_tried tried;
    factor_status status;

    if (!device)
        return FACTOR_E_INPUT;
    if (mfa_account_locked(s))
        return refuse_account(s, out);
    if (!mfa_device_usable(device, &s->policy, s->in->now_ms))
        return mfa_refuse_locked(s, out, device);
    status = mfa_ask_try(s, device, mfa_text(s->in->fields, "otp"), &tried);
    if (status)
        return status;
    return tried.result == PASSCODE_RIGHT ? accept(s, out)
                                          : reject(s, out, device, tried);
}

static factor_status
check(struct mfa_step *s, struct factor_outcome *out)
{
    return with_payload(s, out, check_code);
}

/* --- The rest --- */

/* What has come since the last look becomes the flow's state, so that the
 * next poll is one too many. */
static factor_status
poll(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;
    const char *state = mfa_state(s, &failure, &changes_at_ms);

    if (mfa_is_pairing(s->in->flow->state))
        return mfa_pairing_poll(s, out);
    if (s->flow.proven)
        return mfa_after_proof(s, out);
    if (!state || strcmp(state, s->in->flow->state) == 0)
        return stay(s, out);
    return mfa_go_on(s, out, state);
}

static factor_status
resend(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_selected(s);

    if (mfa_is_pairing(s->in->flow->state))
        return mfa_pairing_resend(s, out);
    return device ? select_listed(s, out, device) : FACTOR_E_INPUT;
}

/* The user continues in the app that has claimed the key, which is the consent
 * that a page would ask for.  *ret_error: why it gets no device. */
static factor_status
enrol(struct mfa_step *s, struct mfa_device *device, const char **ret_error)
{
    factor_status status;

    if (mfa_devices_full(s)) {
        *ret_error = MFA_CODE_LIMIT;
        status = mfa_remove(s, device->record);
        return status ? status
                      : mfa_audit_device(s, "mfa.pairing_failed", device,
                                         MFA_CODE_LIMIT);
    }
    device->active = true;
    s->flow.device = device->id;
    status = mfa_put_device(s, device);
    return status ? status : mfa_report_added(s, device, "automatic");
}

/* The phone that the sign-on comes from was paired, or not: the policy is
 * told the truth (M3).  Where another flow has paired a device meanwhile and
 * nothing was proven in this one, that device is proven first. */
static factor_status
finish_enrolment(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_find(s, s->pairing.device);
    bool active = device && device->active;
    const char *error = s->pairing.error;
    factor_status status = FACTOR_OK;

    if (!s->flow.proven && mfa_active_count(s) > (active ? 1 : 0))
        return mfa_begin_auth(s, out);
    if (device && !active)
        status = enrol(s, device, &error);
    if (!status && s->pairing.record)
        status = mfa_remove(s, s->pairing.record);
    if (status)
        return status;
    if (error)
        return mfa_succeed(s, out, "pairing_error");
    return mfa_succeed(s, out, device ? "device_paired" : "device_not_paired");
}

static factor_status
go_further(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;
    const char *state = mfa_state(s, &failure, &changes_at_ms);

    if (state && strcmp(state, MFA_STATE_MOBILE_PAIRING) == 0)
        return finish_enrolment(s, out);
    if (mfa_is_pairing(s->in->flow->state))
        return mfa_pairing_finish(s, out);
    return mfa_succeed(s, out, s->flow.status);
}

/* A push that still waits is answered by nobody any more. */
static factor_status
cancel(struct mfa_step *s, struct factor_outcome *out)
{
    factor_status status = FACTOR_OK;

    out->verdict = FACTOR_FAILURE;
    if (s->has_auth && s->auth.stage != MFA_STAGE_COMPLETED &&
        s->auth.stage != MFA_STAGE_FAILED) {
        mfa_auth_fail(&s->auth, "CANCELLED");
        status = mfa_put_auth(s);
    }
    if (!status && s->pairing.record && !s->pairing.device)
        status = mfa_remove(s, s->pairing.record);
    if (!status)
        status = mfa_audit(s, "mfa.cancelled",
                           json_pack("{s:s}", "user", s->user_id));
    return status;
}

const struct mfa_action mfa_authn_actions[] = {
    { MFA_ACTION_AUTHENTICATE, authenticate },
    { MFA_ACTION_SELECT, select_device },
    { MFA_ACTION_CHECK, check },
    { MFA_ACTION_POLL, poll },
    { MFA_ACTION_RESEND, resend },
    { MFA_ACTION_CONTINUE, go_further },
    { MFA_ACTION_CANCEL, cancel },
    { NULL, NULL },
};
