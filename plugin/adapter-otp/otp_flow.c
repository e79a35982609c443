/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_flow.c - what users can do, one function an action.
 *
 * What a user did wrong is an outcome that is committed like any other:
 * else guessing would be free. */
#include "plugin/adapter-otp/otp_flow.h"

#include <string.h>

#include "factor/user.h"
#include "plugin/adapter-otp/otp_effects.h"
#include "plugin/adapter-otp/otp_model.h"

/* --- Outcomes --- */

/* Go on in a state, with the flow as it is now. */
static factor_status
go_on(struct otp_step *s, struct factor_outcome *out, const char *state)
{
    out->verdict = FACTOR_CONTINUE;
    out->state = state;
    out->data = otp_flow_save(s);
    return out->data ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* The challenge is over, and its secret goes with it. */
static void
close_challenge(struct otp_step *s)
{
    explicit_bzero(&s->flow.key, sizeof(s->flow.key));
}

/* Nothing more can be done but to cancel. */
static factor_status
dead_end(struct otp_step *s, struct factor_outcome *out, const char *failure)
{
    factor_status status;

    close_challenge(s);
    s->flow.failure = failure;
    status = otp_audit(s, "otp.dead_end",
                       json_pack("{s:s}", "reason", failure));
    if (status)
        return status;
    if (s->settings->show_failed_state)
        return go_on(s, out, OTP_STATE_FAILED);
    out->verdict = FACTOR_FAILURE;
    return FACTOR_OK;
}

/* One problem that the client is told; the details have no more. */
static factor_status
tell(struct otp_step *s, struct factor_outcome *out,
     const struct factor_detail *problem)
{
    struct factor_detail *detail;
    const struct factor_detail **details;

    detail = s->host->alloc(s->in->arena, sizeof(*detail));
    details = s->host->alloc(s->in->arena, 2 * sizeof(*details));
    if (!detail || !details)
        return FACTOR_E_NOMEM;
    *detail = *problem;
    detail->struct_size = sizeof(*detail);
    details[0] = detail;
    details[1] = NULL;
    out->details = details;
    return FACTOR_OK;
}

/* Refuse and change nothing: the flow stays as it was. */
static factor_status
refuse(struct otp_step *s, struct factor_outcome *out,
       const struct factor_detail *problem)
{
    out->verdict = FACTOR_CONTINUE;
    out->state = s->in->flow->state;
    return tell(s, out, problem);
}

static factor_status
refuse_for(struct otp_step *s, struct factor_outcome *out, const char *code,
           int64_t retry_at_ms)
{
    const struct factor_detail problem = { .attempts_remaining = -1,
                                           .code = code,
                                           .retry_at_ms = retry_at_ms };

    return refuse(s, out, &problem);
}

static factor_status
refuse_locked(struct otp_step *s, struct factor_outcome *out,
              const struct otp_device *device)
{
    int64_t retry_at_ms = device->counter.locked_until_ms;

    if (s->account.locked_until_ms > retry_at_ms)
        retry_at_ms = s->account.locked_until_ms;
    return refuse_for(s, out, OTP_CODE_LOCKED,
                      device->counter.disabled ? 0 : retry_at_ms);
}

/* --- Sending --- */

static bool
sends_refused(const struct otp_step *s)
{
    return s->in->flags & FACTOR_STEP_SEND_REFUSED;
}

/* A new code, from this step's entropy. */
static void
draw(struct otp_step *s)
{
    memcpy(s->flow.key.bytes, s->in->entropy + OTP_ENTROPY_KEY,
           PASSCODE_CHALLENGE_KEY_LEN);
    s->flow.key.len = PASSCODE_CHALLENGE_KEY_LEN;
    s->flow.expires_at_ms = s->in->now_ms + s->settings->lifetime_ms;
}

/* Select a device and send it a new code, if it is not an app. */
static factor_status
start(struct otp_step *s, struct factor_outcome *out,
      const struct otp_device *device)
{
    const char *event = "otp.device_selected";
    factor_status status = FACTOR_OK;

    s->flow.device = device->id;
    s->flow.sent_at_ms = s->in->now_ms;
    close_challenge(s);
    if (!otp_is_app(device)) {
        event = "otp.sent";
        if (!otp_sent_before(s, device))
            s->flow.sent_now = device->id;
        draw(s);
        status = otp_send_code(s, device);
    }
    if (!status)
        status = otp_audit_device(s, event, device, NULL);
    return status ? status : go_on(s, out, OTP_STATE_REQUIRED);
}

/* No message may go out.  It is a dead end if there is neither a code that
 * still counts nor another device that could give one. */
static factor_status
cannot_send(struct otp_step *s, struct factor_outcome *out,
            const struct otp_device *wanted)
{
    const struct otp_device *selected = otp_selected(s);
    bool waiting = selected && (otp_is_app(selected) || otp_challenge_open(s));

    if (waiting || otp_way_out(s, wanted))
        return refuse_for(s, out, OTP_CODE_RESEND_LIMIT, 0);
    return dead_end(s, out, OTP_CODE_RESEND_LIMIT);
}

/* May the device get one more message?  If not, *ret_said is set and the
 * outcome says why. */
static factor_status
check_pace(struct otp_step *s, struct factor_outcome *out,
           const struct otp_device *device, bool *ret_said)
{
    const struct passcode_pace *pace = &s->settings->pace;

    *ret_said = true;
    switch (passcode_may_resend(pace, s->flow.resends, s->flow.sent_at_ms,
                                s->in->now_ms)) {
    case PASSCODE_PACE_OK:
        *ret_said = false;
        return FACTOR_OK;
    case PASSCODE_PACE_TOO_SOON:
        return refuse_for(s, out, OTP_CODE_TOO_SOON,
                          s->flow.sent_at_ms + pace->cooldown_ms);
    case PASSCODE_PACE_LIMIT:
    default:
        return cannot_send(s, out, device);
    }
}

static factor_status
resend(struct otp_step *s, struct factor_outcome *out)
{
    const struct otp_device *device = otp_selected(s);
    factor_status status;
    bool said;

    if (!device || otp_is_app(device))
        return FACTOR_E_INPUT;
    if (!device->usable)
        return refuse_locked(s, out, device);
    status = check_pace(s, out, device, &said);
    if (status || said)
        return status;
    if (sends_refused(s))
        return cannot_send(s, out, device);
    if (s->flow.key.len == 0 ||
        passcode_too_old(s->flow.expires_at_ms, s->in->now_ms))
        draw(s);
    s->flow.resends++;
    s->flow.sent_at_ms = s->in->now_ms;
    status = otp_send_code(s, device);
    if (!status)
        status = otp_audit_device(s, "otp.resent", device, NULL);
    return status ? status : go_on(s, out, OTP_STATE_REQUIRED);
}

/* --- Entering --- */

/* Somebody without any device, where the operator lets these through.  No
 * factor was used, so none is claimed. */
static factor_status
bypass(struct otp_step *s, struct factor_outcome *out)
{
    factor_status status = otp_audit(s, "otp.bypassed", json_object());

    if (status)
        return status;
    out->attributes = json_pack("{s:s}", "status", "bypassed");
    if (!out->attributes)
        return FACTOR_E_NOMEM;
    out->verdict = FACTOR_SUCCESS;
    return FACTOR_OK;
}

static const struct otp_device *
preferred(const struct otp_step *s)
{
    const json_t *attributes = json_object_get(s->user, FACTOR_USER_ATTRIBUTES);
    const char *name = s->settings->preferred_attribute;
    const char *type =
        name ? json_string_value(json_object_get(attributes, name)) : NULL;
    size_t i;

    for (i = 0; type && i < s->device_count; i++)
        if (s->devices[i].usable && strcmp(s->devices[i].type, type) == 0)
            return &s->devices[i];
    return NULL;
}

/* The device to begin with; NULL: the user is to choose. */
static const struct otp_device *
first_device(const struct otp_step *s)
{
    const struct otp_device *device = preferred(s);
    size_t i;

    if (device)
        return device;
    if (s->settings->user_choice && otp_usable_count(s) > 1)
        return NULL;
    for (i = 0; i < s->device_count; i++)
        if (s->devices[i].usable)
            return &s->devices[i];
    return NULL;
}

static factor_status
enter_with_devices(struct otp_step *s, struct factor_outcome *out)
{
    const struct otp_device *device;
    factor_status status = otp_make_records(s);

    if (status)
        return status;
    if (otp_usable_count(s) == 0)
        return dead_end(s, out, OTP_CODE_LOCKED);
    device = first_device(s);
    if (!device)
        return go_on(s, out, OTP_STATE_SELECTION);
    if (!otp_is_app(device) && sends_refused(s))
        return otp_way_out(s, device)
                   ? go_on(s, out, OTP_STATE_SELECTION)
                   : dead_end(s, out, OTP_CODE_RESEND_LIMIT);
    return start(s, out, device);
}

/* Somebody who does not exist, or is disabled, is never let through. */
static factor_status
enter(struct otp_step *s, struct factor_outcome *out)
{
    if (!s->user_id) {
        out->verdict = FACTOR_FAILURE;
        return otp_audit(s, "otp.failed",
                         json_pack("{s:s}", "reason", OTP_CODE_NO_USER));
    }
    if (!s->user)
        return dead_end(s, out, OTP_CODE_INVALID_DEVICE);
    if (s->device_count > 0)
        return enter_with_devices(s, out);
    if (s->settings->bypass)
        return bypass(s, out);
    return dead_end(s, out, OTP_CODE_INVALID_DEVICE);
}

/* --- selectDevice --- */

static factor_status
switch_to(struct otp_step *s, struct factor_outcome *out,
          const struct otp_device *device)
{
    factor_status status;
    bool said;

    if (!device->usable)
        return refuse_locked(s, out, device);
    if (otp_is_app(device))
        return start(s, out, device);
    if (otp_sent_before(s, device)) {
        /* There and back is no way around the limits. */
        status = check_pace(s, out, device, &said);
        if (status || said)
            return status;
    }
    if (sends_refused(s))
        return cannot_send(s, out, device);
    if (otp_sent_before(s, device))
        s->flow.resends++;
    return start(s, out, device);
}

/* The selected device once more: a second click, or a wish for another
 * message.  An app needs none. */
static factor_status
select_again(struct otp_step *s, struct factor_outcome *out,
             const struct otp_device *device)
{
    if (otp_is_app(device) ||
        (otp_challenge_open(s) &&
         passcode_same_click(s->flow.sent_at_ms, s->in->now_ms))) {
        out->verdict = FACTOR_CONTINUE;
        out->state = OTP_STATE_REQUIRED;
        return FACTOR_OK;
    }
    return resend(s, out);
}

static factor_status
select_device(struct otp_step *s, struct factor_outcome *out)
{
    const json_t *reference = json_object_get(s->in->fields, "deviceRef");
    const struct otp_device *device =
        otp_find(s, json_string_value(json_object_get(reference, "id")));
    const struct factor_detail unknown = { .attempts_remaining = -1,
                                           .code = OTP_CODE_INVALID_DEVICE,
                                           .target = "deviceRef" };

    if (!device)
        return refuse(s, out, &unknown);
    if (device == otp_selected(s))
        return select_again(s, out, device);
    return switch_to(s, out, device);
}

/* --- checkOtp --- */

static const char *const amr_email[] = { "otp", "email", NULL };
static const char *const amr_sms[] = { "otp", "sms", NULL };
static const char *const amr_voice[] = { "otp", "tel", NULL };
static const char *const amr_app[] = { "otp", NULL };

/* RFC 8176, and "email", which is not registered there. */
static const struct method_amr {
    const char *channel;
    const char *const *amr;
} method_amrs[] = {
    { "email", amr_email },
    { "sms", amr_sms },
    { "voice", amr_voice },
    { OTP_TOTP_CHANNEL, amr_app },
};

static const char *const *
amr_of(const char *channel)
{
    size_t i;

    for (i = 0; i < sizeof(method_amrs) / sizeof(method_amrs[0]); i++)
        if (channel && strcmp(method_amrs[i].channel, channel) == 0)
            return method_amrs[i].amr;
    return NULL;
}

static factor_status
succeed(struct otp_step *s, struct factor_outcome *out)
{
    out->amr = amr_of(s->flow.channel);
    if (!out->amr || !s->flow.type)
        return FACTOR_E_INTERNAL;
    out->attributes = json_pack("{s:s, s:s}", "status", "verified", "method",
                                s->flow.type);
    if (!out->attributes)
        return FACTOR_E_NOMEM;
    out->kinds = FACTOR_KIND_POSSESSION;
    out->verdict = FACTOR_SUCCESS;
    return FACTOR_OK;
}

/* The right code: nothing of the failures before it counts any longer. */
static factor_status
accept(struct otp_step *s, struct factor_outcome *out,
       struct otp_device *device, int64_t step)
{
    bool had_failures = s->account.failures > 0;
    factor_status status;

    close_challenge(s);
    device->counter = (struct passcode_counter){ .failures = 0 };
    s->account = (struct passcode_counter){ .failures = 0 };
    s->flow.channel = device->channel;
    s->flow.type = device->type;
    status = otp_put_device(s, device, step);
    if (!status && had_failures)
        status = otp_put_account(s);
    if (!status)
        status = otp_audit_device(s, "otp.verified", device, NULL);
    if (status)
        return status;
    return s->settings->show_success_state
               ? go_on(s, out, OTP_STATE_VERIFIED)
               : succeed(s, out);
}

/* Count a guess against the device and the account. */
static factor_status
count_guess(struct otp_step *s, struct otp_device *device)
{
    const struct otp_settings *settings = s->settings;
    bool device_locked, account_locked;
    factor_status status;

    device_locked = passcode_count_failure(&device->counter,
                                           &settings->device_lock,
                                           s->in->now_ms);
    account_locked = passcode_count_failure(&s->account,
                                            &settings->account_lock,
                                            s->in->now_ms);
    otp_update_usable(s);
    status = otp_put_device(s, device, -1);
    if (!status)
        status = otp_put_account(s);
    if (!status && device_locked)
        status = otp_audit_device(s, "otp.locked", device,
                                  device->counter.disabled ? "disabled"
                                                           : "device");
    if (!status && account_locked)
        status = otp_audit_device(s, "otp.locked", device, "account");
    return status;
}

/* One more wrong code of this flow. */
static factor_status
fail_attempt(struct otp_step *s, struct factor_outcome *out,
             const struct otp_device *device, const char *reason)
{
    struct factor_detail problem = { .code = OTP_CODE_INVALID_OTP };
    factor_status status;

    s->flow.attempts++;
    status = otp_audit_device(s, "otp.failed", device, reason);
    if (status)
        return status;
    if (s->flow.attempts >= s->settings->max_attempts)
        return dead_end(s, out, OTP_CODE_ATTEMPTS_LIMIT);
    if (otp_usable_count(s) == 0)
        return dead_end(s, out, OTP_CODE_LOCKED);
    problem.attempts_remaining =
        (int32_t)(s->settings->max_attempts - s->flow.attempts);
    status = tell(s, out, &problem);
    return status ? status : go_on(s, out, OTP_STATE_REQUIRED);
}

/* Compare with what the device would give now. */
static enum passcode_result
compare(struct otp_step *s, const struct otp_device *device, const char *code,
        int64_t *ret_step)
{
    struct passcode_totp totp;
    enum passcode_result result = PASSCODE_WRONG;

    if (!otp_is_app(device))
        return passcode_challenge_check(&s->flow.key, s->settings->digits, code,
                                        s->flow.expires_at_ms, s->in->now_ms);
    if (otp_totp_of(device->record->body, s->settings->totp_window, &totp))
        result = passcode_totp_check(&totp, s->in->now_ms, code, ret_step);
    explicit_bzero(&totp, sizeof(totp));
    return result;
}

/* How many digits the device's codes have. */
static unsigned
digits_of(const struct otp_step *s, const struct otp_device *device)
{
    json_t *digits;

    if (!otp_is_app(device))
        return s->settings->digits;
    digits = json_object_get(device->record->body, "digits");
    return (unsigned)json_integer_value(digits);
}

static factor_status
refuse_expired(struct otp_step *s, struct factor_outcome *out)
{
    const struct factor_detail problem = { .attempts_remaining = -1,
                                           .code = OTP_CODE_INVALID_OTP,
                                           .text = OTP_TEXT_EXPIRED };

    return refuse(s, out, &problem);
}

static factor_status
judge(struct otp_step *s, struct factor_outcome *out,
      struct otp_device *device, const char *code)
{
    factor_status status;
    int64_t step = -1;

    switch (compare(s, device, code, &step)) {
    case PASSCODE_RIGHT:
        return accept(s, out, device, step);
    case PASSCODE_EXPIRED:
        return refuse_expired(s, out);
    case PASSCODE_USED:
        return fail_attempt(s, out, device, "used");
    case PASSCODE_WRONG:
    default:
        status = count_guess(s, device);
        return status ? status : fail_attempt(s, out, device, "wrong");
    }
}

static factor_status
check_otp(struct otp_step *s, struct factor_outcome *out)
{
    const char *typed =
        json_string_value(json_object_get(s->in->fields, "otp"));
    struct otp_device *device = otp_selected(s);
    char code[PASSCODE_SIZE];
    factor_status status;

    if (!device || !device->record || !typed)
        return FACTOR_E_INPUT;
    if (!device->usable)
        return refuse_locked(s, out, device);
    /* What cannot be a code is no guess, but it is an attempt. */
    status = passcode_clean(typed, digits_of(s, device), code)
                 ? judge(s, out, device, code)
                 : fail_attempt(s, out, device, "malformed");
    explicit_bzero(code, sizeof(code));
    return status;
}

/* --- The ends --- */

static factor_status
continue_authentication(struct otp_step *s, struct factor_outcome *out)
{
    if (s->user)
        return succeed(s, out);
    /* Disabled or removed since the code was accepted. */
    out->verdict = FACTOR_FAILURE;
    return otp_audit(s, "otp.failed",
                     json_pack("{s:s}", "reason", OTP_CODE_NO_USER));
}

static factor_status
cancel(struct otp_step *s, struct factor_outcome *out)
{
    out->verdict = FACTOR_FAILURE;
    return otp_audit(s, "otp.cancelled", json_object());
}

/* --- The table --- */

static const struct transition {
    const char *state; /* NULL: the flow enters */
    const char *action;
    factor_status (*run)(struct otp_step *s, struct factor_outcome *out);
} transitions[] = {
    { NULL, NULL, enter },
    { OTP_STATE_SELECTION, OTP_ACTION_SELECT, select_device },
    { OTP_STATE_SELECTION, OTP_ACTION_CANCEL, cancel },
    { OTP_STATE_REQUIRED, OTP_ACTION_CHECK, check_otp },
    { OTP_STATE_REQUIRED, OTP_ACTION_RESEND, resend },
    { OTP_STATE_REQUIRED, OTP_ACTION_SELECT, select_device },
    { OTP_STATE_REQUIRED, OTP_ACTION_CANCEL, cancel },
    { OTP_STATE_VERIFIED, OTP_ACTION_CONTINUE, continue_authentication },
    { OTP_STATE_FAILED, OTP_ACTION_CANCEL, cancel },
};

static bool
same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

factor_status
otp_flow_decide(struct otp_step *s, struct factor_outcome *ret_out)
{
    const char *failure, *state;
    int64_t changes_at_ms;
    size_t i;

    state = otp_state(s, &failure, &changes_at_ms);
    for (i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++)
        if (same_text(transitions[i].state, state) &&
            same_text(transitions[i].action, s->in->action))
            return transitions[i].run(s, ret_out);
    return FACTOR_E_INPUT;
}
