/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_activate.c - pairing from the address to the active
 * device: targets, codes, and the phone that has claimed a key.
 *
 * A device is written before it is active, with the key of its code, so that
 * wrong codes are counted on it whatever the flow does. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_activation.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"

enum { NUMBER_MIN = 7, NUMBER_MAX = 15,
       LOCAL_MAX = 64, ADDRESS_MAX = 254, LABEL_MAX = 63 };

/* --- Addresses --- */

/* RFC 5321 without quoted local parts, which nobody has. */
static bool
local_part_fits(const char *text, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789!#$%&'*+-/=?^_`{|}~.";

    return len > 0 && len <= LOCAL_MAX && strspn(text, allowed) >= len &&
           text[0] != '.' && text[len - 1] != '.';
}

static bool
domain_fits(const char *domain)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len;

    for (;;) {
        len = strspn(domain, allowed);
        if (len == 0 || len > LABEL_MAX || domain[0] == '-' ||
            domain[len - 1] == '-')
            return false;
        if (domain[len] == '\0')
            return true;
        if (domain[len] != '.')
            return false;
        domain += len + 1;
    }
}

static bool
mailbox_fits(const char *text)
{
    const char *at = strrchr(text, '@');

    return at && strlen(text) <= ADDRESS_MAX &&
           local_part_fits(text, (size_t)(at - text)) && domain_fits(at + 1);
}

/* E.164: a plus, and no country's code begins with 0. */
static bool
number_fits(const char *text)
{
    size_t len = strlen(text);

    return text[0] == '+' && text[1] != '0' && len > NUMBER_MIN &&
           len <= NUMBER_MAX + 1 &&
           strspn(text + 1, "0123456789") == len - 1;
}

/* Without the white space that pasting brings. */
static void
copy_trimmed(const char *text, char *ret_text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    memcpy(ret_text, text, len);
    ret_text[len] = '\0';
}

factor_status
mfa_address_clean(const struct mfa_step *s, enum mfa_type type,
                  const char *typed, const char **ret_address)
{
    char *text = s->host->alloc(s->in->arena, strlen(typed) + 1);

    *ret_address = NULL;
    if (!text)
        return FACTOR_E_NOMEM;
    copy_trimmed(typed, text);
    if (type != MFA_EMAIL)
        passcode_normalise(text, text);
    if (type == MFA_EMAIL ? mailbox_fits(text) : number_fits(text))
        *ret_address = text;
    return FACTOR_OK;
}

/* Two spellings of one mailbox are one. */
static bool
same_address(const struct mfa_step *s, const char *a, const char *b)
{
    char *one = s->host->alloc(s->in->arena, strlen(a) + 1);
    char *other = s->host->alloc(s->in->arena, strlen(b) + 1);

    if (!one || !other)
        return false;
    passcode_normalise(a, one);
    passcode_normalise(b, other);
    return strcmp(one, other) == 0;
}

const struct mfa_device *
mfa_address_owner(const struct mfa_step *s, enum mfa_type type,
                  const char *address)
{
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (s->devices[i].active && s->devices[i].type == type &&
            s->devices[i].address &&
            same_address(s, s->devices[i].address, address))
            return &s->devices[i];
    return NULL;
}

/* --- The code --- */

static bool
cannot_send(const struct mfa_step *s)
{
    return (s->in->flags & FACTOR_STEP_SEND_REFUSED) ||
           s->flow.sends > s->settings->pace.max_resends;
}

static factor_status
send_code(struct mfa_step *s, struct mfa_device *device)
{
    s->flow.sends++;
    return mfa_activation_send(s, device);
}

factor_status
mfa_activation_begin(struct mfa_step *s, struct factor_outcome *out,
                     const struct mfa_kind *kind, const char *address)
{
    struct mfa_device device = {
        .type = kind->type,
        .address = address,
        .created_at_ms = s->in->now_ms,
        .last_step = -1,
    };
    factor_status status;

    if (address && cannot_send(s))
        return mfa_refuse_for(s, out, MFA_CODE_RESEND_LIMIT, NULL, 0);
    status = mfa_new_id(s, MFA_ID_DEVICE, &device.id);
    if (status)
        return status;
    mfa_activation_draw(s, &device);
    status = address ? send_code(s, &device) : mfa_put_device(s, &device);
    if (!status)
        status = mfa_audit_device(s, "mfa.pairing_begun", &device, NULL);
    explicit_bzero(&device.key, sizeof(device.key));
    s->flow.device = device.id;
    return status ? status : mfa_go_on(s, out, kind->activation);
}

/* --- submit...Target --- */

static factor_status
refuse_target(struct mfa_step *s, struct factor_outcome *out,
              const struct mfa_kind *kind)
{
    return mfa_refuse_for(s, out, MFA_CODE_TARGET, kind->field, 0);
}

factor_status
mfa_submit(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_kind *kind = mfa_kind_of_state(s->in->flow->state);
    const char *typed, *address, *refusal;
    factor_status status;

    typed = kind && kind->field ? mfa_text(s->in->fields, kind->field) : NULL;
    if (!typed)
        return FACTOR_E_INPUT;
    status = mfa_address_clean(s, kind->type, typed, &address);
    if (status)
        return status;
    if (!address || mfa_address_owner(s, kind->type, address))
        return refuse_target(s, out, kind);
    if (mfa_only_on_file(s) &&
        !(mfa_address_on_file(s) &&
          same_address(s, mfa_address_on_file(s), address)))
        return refuse_target(s, out, kind);
    refusal = mfa_pairing_refusal_of(s, kind->type);
    if (refusal && strcmp(refusal, MFA_CODE_LIMIT) == 0)
        return mfa_refuse_for(s, out, MFA_CODE_LIMIT, NULL, 0);
    /* The policy or the devices are not what they were: choose again. */
    if (refusal || !mfa_may_pair(s, kind->type, NULL))
        return mfa_go_on(s, out, MFA_STATE_METHOD);
    return mfa_activation_begin(s, out, kind, address);
}

/* --- resendOtp --- */

/* The same code, unless hardly any of its time is left. */
factor_status
mfa_pairing_resend(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_paired(s);
    int64_t next_ms;
    factor_status status;

    if (!device || device->active || !device->address)
        return FACTOR_E_INPUT;
    if (cannot_send(s))
        return mfa_refuse_for(s, out, MFA_CODE_RESEND_LIMIT, NULL, 0);
    next_ms = device->code_sent_at_ms + s->settings->pace.cooldown_ms;
    if (s->in->now_ms < next_ms)
        return mfa_refuse_for(s, out, MFA_CODE_TOO_SOON, NULL, next_ms);
    if (passcode_too_old(device->code_expires_at_ms, s->in->now_ms))
        mfa_activation_draw(s, device);
    status = send_code(s, device);
    return status ? status
                  : mfa_go_on(s, out, mfa_kind_of(device->type)->activation);
}

/* --- Active --- */

struct mfa_device *
mfa_paired(struct mfa_step *s)
{
    if (s->flow.device)
        return mfa_find(s, s->flow.device);
    return s->flow.link ? mfa_find(s, s->pairing.device) : NULL;
}

void
mfa_prove_by(struct mfa_step *s, const struct mfa_device *device)
{
    s->flow.device = device->id;
    s->flow.link = NULL;
    if (s->flow.proven || !mfa_may_pair(s, device->type, device))
        return;
    s->flow.proven = true;
    s->flow.proof = s->settings->first_device == MFA_FIRST_EMAIL
                        ? mfa_kind_of(device->type)->proof
                        : "paired";
}

/* The phone of a policy that wants no confirmation is active as soon as it
 * has claimed the key. */
void
mfa_adopt(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_paired(s);

    if (s->flow.link && device && device->active) {
        mfa_prove_by(s, device);
        s->flow.pairing = NULL;
    }
}

/* The record of a claimed key stays: the phone may ask again, because the
 * answer was lost. */
static factor_status
added(struct mfa_step *s, struct factor_outcome *out,
      struct mfa_device *device)
{
    factor_status status;

    mfa_activation_end(device);
    status = mfa_put_device(s, device);
    if (!status)
        status = mfa_report_added(s, device, NULL);
    if (status)
        return status;
    mfa_prove_by(s, device);
    if (device->type == MFA_MOBILE)
        s->flow.pairing = NULL;
    if (s->policy.methods[device->type].prompt_nickname)
        return mfa_go_on(s, out, MFA_STATE_NICKNAME);
    return mfa_onward(s, out);
}

/* It is not to be: back to the menu, by way of saying why. */
static factor_status
failed(struct mfa_step *s, struct factor_outcome *out,
       const struct mfa_device *device, const char *code)
{
    factor_status status = mfa_remove(s, device->record);

    if (!status)
        status = mfa_audit_device(s, "mfa.pairing_failed", device, code);
    s->flow.device = NULL;
    s->flow.failure = code;
    return status ? status : mfa_go_on(s, out, MFA_STATE_METHOD_FAILED);
}

/* Another flow has paired a device meanwhile: this one has nothing to show
 * that it may add one too. */
static factor_status
overtaken(struct mfa_step *s, struct factor_outcome *out,
          const struct mfa_device *device)
{
    factor_status status = mfa_remove(s, device->record);

    if (!status)
        status = mfa_audit_device(s, "mfa.pairing_failed", device,
                                  "not_proven");
    s->flow.device = NULL;
    s->flow.link = NULL;
    s->flow.pairing = NULL;
    s->flow.pair = true;
    return status ? status : mfa_begin_auth(s, out);
}

/* --- activate...Device --- */

/* Without a proof the code itself stands between a password and a device: then
 * it counts on the account, as guessing at sign-on does. */
static factor_status
count_wrong(struct mfa_step *s, struct mfa_device *device)
{
    factor_status status = FACTOR_OK;

    device->counter.failures++;
    if (device->counter.failures <
        s->policy.methods[device->type].failure.count)
        status = mfa_put_device(s, device);
    if (status || s->flow.proven)
        return status;
    mfa_account_fails(&s->account, &s->limits, s->in->now_ms);
    return mfa_put_account(s);
}

static factor_status
wrong(struct mfa_step *s, struct factor_outcome *out,
      struct mfa_device *device)
{
    uint32_t most = s->policy.methods[device->type].failure.count;
    struct factor_detail detail = { .code = MFA_CODE_INVALID_OTP,
                                    .target = "otp" };
    factor_status status = count_wrong(s, device);

    if (status)
        return status;
    if (device->counter.failures >= most)
        return failed(s, out, device,
                      device->address ? MFA_CODE_ATTEMPTS
                                      : MFA_CODE_TOTP_ATTEMPTS);
    status = mfa_audit_device(s, "mfa.activation_failed", device, "wrong");
    detail.attempts_remaining = (int32_t)(most - device->counter.failures);
    return status ? status : mfa_refuse(s, out, &detail);
}

static factor_status
refuse_expired(struct mfa_step *s, struct factor_outcome *out)
{
    const struct factor_detail detail = { .attempts_remaining = -1,
                                          .code = MFA_CODE_INVALID_OTP,
                                          .target = "otp",
                                          .text = MFA_TEXT_EXPIRED };

    return mfa_refuse(s, out, &detail);
}

/* What forbids the device now, before any code is looked at. */
static bool
account_locked(const struct mfa_step *s)
{
    return !s->flow.proven && !s->policy.ignore_user_lock &&
           passcode_locked(&s->account.counter, s->in->now_ms);
}

factor_status
mfa_activate(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_paired(s);

    if (!device || device->active)
        return FACTOR_E_INPUT;
    if (account_locked(s))
        return mfa_refuse_for(s, out, MFA_CODE_LOCKED, NULL,
                              s->account.counter.locked_until_ms);
    if (!mfa_may_pair(s, device->type, device))
        return overtaken(s, out, device);
    if (mfa_devices_full(s))
        return failed(s, out, device, MFA_CODE_LIMIT);
    switch (mfa_activation_try(s, device, mfa_text(s->in->fields, "otp"))) {
    case PASSCODE_RIGHT:
        return added(s, out, device);
    case PASSCODE_EXPIRED:
        return refuse_expired(s, out);
    case PASSCODE_USED:
    case PASSCODE_WRONG:
    default:
        return wrong(s, out, device);
    }
}

/* The user has compared the check value. */
factor_status
mfa_activate_phone(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_device *device = mfa_paired(s);

    if (!device || device->active)
        return FACTOR_E_INPUT;
    if (!mfa_may_pair(s, device->type, device))
        return overtaken(s, out, device);
    if (mfa_devices_full(s))
        return mfa_refuse_for(s, out, MFA_CODE_LIMIT, NULL, 0);
    return added(s, out, device);
}

/* --- poll, continueAuthentication --- */

/* What a phone has done to the key becomes the flow's state. */
factor_status
mfa_pairing_poll(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;
    const char *state = mfa_state(s, &failure, &changes_at_ms);

    if (!state)
        return FACTOR_E_INPUT;
    if (failure)
        s->flow.failure = failure;
    mfa_adopt(s);
    return mfa_go_on(s, out, state);
}

/* All is done but to say so. */
factor_status
mfa_pairing_finish(struct mfa_step *s, struct factor_outcome *out)
{
    mfa_adopt(s);
    if (!s->flow.proven)
        return mfa_begin_auth(s, out);
    return mfa_succeed(s, out, s->flow.status);
}
