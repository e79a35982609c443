/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_ask.c - what flows and REST calls do with a device
 * authentication. */
#include "plugin/adapter-mfa/mfa_ask.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_model.h"

static bool
sends_refused(const struct mfa_step *s)
{
    return s->in->flags & FACTOR_STEP_SEND_REFUSED;
}

/* --- Beginning --- */

factor_status
mfa_ask_begin(struct mfa_step *s)
{
    const struct factor_request *request = s->in->request;
    factor_status status;

    s->auth = (struct mfa_auth){
        .user = s->user_id,
        .policy = s->policy.id,
        .client = request->client,
        .client_name = request->client_name,
        .host = request->page_host,
        .address = request->address,
        .agent = request->user_agent,
        .stage = MFA_STAGE_SELECT,
        .created_at_ms = s->in->now_ms,
        .expires_at_ms = s->in->now_ms + MFA_AUTH_LIFE_MS,
    };
    status = mfa_new_id(s, MFA_ID_AUTH, &s->auth.id);
    s->has_auth = true;
    s->flow.auth = s->auth.id;
    return status;
}

struct mfa_device *
mfa_ask_first(struct mfa_step *s)
{
    struct mfa_device *chosen = mfa_default(s);

    if (s->policy.selection == MFA_ALWAYS_DISPLAY)
        return NULL;
    if (chosen)
        return chosen;
    if ((s->policy.selection == MFA_PROMPT_TO_SELECT ||
         s->account.unordered) &&
        mfa_usable_count(s) > 1)
        return NULL;
    return mfa_first_usable(s);
}

struct mfa_device *
mfa_ask_own_phone(struct mfa_step *s, const struct mfa_mobile **ret_mobile)
{
    size_t i;

    for (i = 0; s->flow.app && i < s->device_count; i++) {
        struct mfa_device *device = &s->devices[i];

        *ret_mobile = mfa_policy_mobile(&s->policy, device->application);
        if (device->type == MFA_MOBILE && *ret_mobile &&
            (*ret_mobile)->authorization &&
            mfa_device_usable(device, &s->policy, s->in->now_ms) &&
            mfa_is_own_phone(s, device))
            return device;
    }
    return NULL;
}

factor_status
mfa_ask_nothing(struct mfa_step *s, const struct mfa_device *device)
{
    factor_status status;

    s->auth.stage = MFA_STAGE_COMPLETED;
    s->auth.device = device->id;
    s->auth.method = MFA_MOBILE;
    status = mfa_put_auth(s);
    return status ? status
                  : mfa_audit_device(s, "mfa.device_authorized", device, NULL);
}

/* --- Asking --- */

static factor_status
ask_by_push(struct mfa_step *s, struct mfa_device *device, bool silent)
{
    const struct mfa_mobile *mobile =
        mfa_policy_mobile(&s->policy, device->application);
    struct mfa_application application = { .select_number = false };
    factor_status status;

    mfa_application_find(s->config, device->application, &application);
    mfa_auth_ask_push(&s->auth, device, mobile,
                      application.select_number && s->settings->ping_defaults,
                      silent, s->in->entropy, s->in->now_ms);
    /* Not rung, it can still wait on the host. */
    if (sends_refused(s))
        s->auth.push.signalled = false;
    status = mfa_put_device(s, device);
    if (!status)
        status = mfa_put_auth(s);
    if (!status)
        status = mfa_send_push(s, device);
    return status ? status
                  : mfa_audit_device(s, "mfa.push_sent", device,
                                     silent ? "silent" : NULL);
}

static factor_status
ask_by_code(struct mfa_step *s, struct mfa_device *device)
{
    bool sent = device->type <= MFA_VOICE;
    factor_status status;

    mfa_auth_ask_code(&s->auth, device, &s->policy.methods[device->type],
                      s->settings->otp_max_lifetime_ms, s->in->entropy,
                      s->in->now_ms);
    status = mfa_put_auth(s);
    if (!status && sent)
        status = mfa_send_code(s, device);
    return status ? status
                  : mfa_audit_device(s, sent ? "mfa.code_sent"
                                             : "mfa.code_asked",
                                     device, NULL);
}

/* A phone whose service knows it no more can still show a code. */
static bool
asked_by_push(const struct mfa_step *s, const struct mfa_device *device)
{
    return mfa_device_wants_push(device, &s->policy) &&
           !(device->push_dead && mfa_device_shows_codes(device, &s->policy));
}

factor_status
mfa_ask(struct mfa_step *s, struct mfa_device *device, bool silent)
{
    return silent || asked_by_push(s, device)
               ? ask_by_push(s, device, silent)
               : ask_by_code(s, device);
}

/* --- May it be asked? --- */

int64_t
mfa_ask_full_until(const struct mfa_step *s, const struct mfa_device *device)
{
    return asked_by_push(s, device)
               ? mfa_pushes_full_until(
                     device,
                     mfa_policy_mobile(&s->policy, device->application),
                     s->in->now_ms)
               : 0;
}

bool
mfa_ask_is_full(const struct mfa_step *s, const struct mfa_device *device)
{
    return (sends_refused(s) && device->type <= MFA_VOICE) ||
           mfa_ask_full_until(s, device) > 0;
}

/* From when on this device may be asked again; 0: now. */
static int64_t
pause_until(const struct mfa_step *s, const struct mfa_device *device)
{
    int64_t asked_ms;

    if (device->type == MFA_MOBILE)
        return mfa_ask_full_until(s, device);
    asked_ms = mfa_auth_asked_at(&s->auth, device->id);
    return asked_ms > 0 ? asked_ms + s->settings->pace.cooldown_ms : 0;
}

/* A device that was asked before another one is not to be flooded by asking
 * them in turn. */
const char *
mfa_ask_refusal(struct mfa_step *s, const struct mfa_device *device,
                int64_t *ret_retry_at_ms)
{
    *ret_retry_at_ms = 0;
    if (device->type == MFA_TOTP)
        return NULL;
    if (s->auth.sends > s->settings->pace.max_resends ||
        (sends_refused(s) && device->type <= MFA_VOICE))
        return MFA_CODE_RESEND_LIMIT;
    *ret_retry_at_ms = pause_until(s, device);
    return s->in->now_ms < *ret_retry_at_ms ? MFA_CODE_TOO_SOON : NULL;
}

/* --- Trying a code --- */

static unsigned
code_window(const struct mfa_step *s, const struct mfa_device *device)
{
    struct mfa_application application;

    if (device->type == MFA_MOBILE &&
        mfa_application_find(s->config, device->application, &application))
        return application.window;
    return s->policy.methods[MFA_TOTP].window;
}

static struct mfa_tried
try_on(const struct mfa_step *s, struct mfa_auth *auth,
       struct mfa_device *device, struct mfa_account *account,
       const char *typed)
{
    return mfa_auth_try(auth, device, account,
                        &s->policy.methods[device->type],
                        code_window(s, device), &s->limits, typed,
                        s->in->now_ms);
}

static factor_status
write_tried(struct mfa_step *s, const struct mfa_device *device,
            bool account_counts)
{
    factor_status status = mfa_put_device(s, device);

    if (!status && account_counts && !device->one_time)
        status = mfa_put_account(s);
    return status ? status : mfa_put_auth(s);
}

static const char *const reasons[] = {
    [PASSCODE_WRONG] = "wrong",
    [PASSCODE_EXPIRED] = "expired",
    [PASSCODE_USED] = "used",
};

factor_status
mfa_ask_try(struct mfa_step *s, struct mfa_device *device, const char *typed,
            struct mfa_tried *ret_tried)
{
    bool had_failures = s->account.counter.failures > 0, right;
    factor_status status;

    *ret_tried = try_on(s, &s->auth, device, &s->account, typed);
    right = ret_tried->result == PASSCODE_RIGHT;
    status = write_tried(s, device,
                         right ? had_failures : ret_tried->account_counts);
    if (status)
        return status;
    return right ? mfa_audit_device(s, "mfa.verified", device, NULL)
                 : mfa_audit_device(s, "mfa.failed", device,
                                    reasons[ret_tried->result]);
}

/* --- A code that is known beforehand --- */

static bool
knows_codes(const struct mfa_step *s, const struct mfa_device *device,
            const struct mfa_device *only)
{
    return (!only || only == device) &&
           mfa_device_usable(device, &s->policy, s->in->now_ms) &&
           mfa_device_shows_codes(device, &s->policy);
}

/* On copies: what is right is counted once, and nothing that is wrong. */
static bool
would_fit(const struct mfa_step *s, const struct mfa_device *device,
          const char *typed)
{
    struct mfa_auth auth = s->auth;
    struct mfa_device copy = *device;
    struct mfa_account account = s->account;
    bool right = try_on(s, &auth, &copy, &account, typed).result ==
                 PASSCODE_RIGHT;

    explicit_bzero(&copy.key, sizeof(copy.key));
    return right;
}

/* Nobody goes on with this authentication, so what it counts is forgotten. */
static factor_status
count_guess(struct mfa_step *s, struct mfa_device *device, const char *typed,
            bool *account_counts)
{
    struct mfa_auth auth = s->auth;
    struct mfa_tried tried = try_on(s, &auth, device, &s->account, typed);
    factor_status status = mfa_put_device(s, device);

    if (tried.account_counts)
        *account_counts = true;
    return status ? status
                  : mfa_audit_device(s, "mfa.failed", device,
                                     reasons[tried.result]);
}

static factor_status
count_guesses(struct mfa_step *s, const struct mfa_device *only,
              const char *typed, size_t *ret_count)
{
    bool account_counts = false;
    factor_status status = FACTOR_OK;
    size_t i;

    *ret_count = 0;
    for (i = 0; !status && i < s->device_count; i++)
        if (knows_codes(s, &s->devices[i], only)) {
            ++*ret_count;
            status = count_guess(s, &s->devices[i], typed, &account_counts);
        }
    return status || !account_counts ? status : mfa_put_account(s);
}

factor_status
mfa_ask_try_known(struct mfa_step *s, const struct mfa_device *only,
                  const char *typed, struct mfa_device **ret_right,
                  size_t *ret_count)
{
    struct mfa_tried tried;
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (knows_codes(s, &s->devices[i], only) &&
            would_fit(s, &s->devices[i], typed))
            break;
    *ret_right = i < s->device_count ? &s->devices[i] : NULL;
    if (!*ret_right)
        return count_guesses(s, only, typed, ret_count);
    *ret_count = 1;
    mfa_auth_ask_code(&s->auth, *ret_right,
                      &s->policy.methods[(*ret_right)->type],
                      s->settings->otp_max_lifetime_ms, s->in->entropy,
                      s->in->now_ms);
    return mfa_ask_try(s, *ret_right, typed, &tried);
}
