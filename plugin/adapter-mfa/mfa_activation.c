/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_activation.c - the code that makes a device active.
 */
#include "plugin/adapter-mfa/mfa_activation.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"

enum { APP_LIFE_MS = 30 * 60 * 1000, APP_DIGITS = 6, APP_PERIOD_S = 30 };

void
mfa_activation_draw(const struct mfa_step *s, struct mfa_device *device)
{
    int64_t life_ms = s->policy.methods[device->type].lifetime_ms;

    if (life_ms > s->settings->otp_max_lifetime_ms)
        life_ms = s->settings->otp_max_lifetime_ms;
    if (device->type == MFA_TOTP)
        life_ms = APP_LIFE_MS;
    memcpy(device->key.bytes, s->in->entropy + MFA_ENTROPY_KEY,
           PASSCODE_CHALLENGE_KEY_LEN);
    device->key.len = PASSCODE_CHALLENGE_KEY_LEN;
    device->code_expires_at_ms = s->in->now_ms + life_ms;
}

bool
mfa_activation_code(const struct mfa_step *s, const struct mfa_device *device,
                    char ret_code[PASSCODE_SIZE])
{
    return device->key.len > 0 &&
           passcode_hotp(&device->key, 0,
                         s->policy.methods[device->type].digits, ret_code);
}

factor_status
mfa_activation_send(const struct mfa_step *s, struct mfa_device *device)
{
    char code[PASSCODE_SIZE] = "";
    factor_status status = FACTOR_E_INTERNAL;

    device->code_sent_at_ms = s->in->now_ms;
    if (mfa_activation_code(s, device, code))
        status = mfa_put_device(s, device);
    if (!status && !device->test)
        status = mfa_send_activation(s, device, code,
                                     device->code_expires_at_ms);
    explicit_bzero(code, sizeof(code));
    return status;
}

enum passcode_result
mfa_activation_try(const struct mfa_step *s, struct mfa_device *device,
                   const char *typed)
{
    const struct mfa_method *method = &s->policy.methods[device->type];
    unsigned digits = device->address ? method->digits : APP_DIGITS;
    struct passcode_totp totp = { .key = device->key,
                                  .hash = PASSCODE_SHA1,
                                  .digits = APP_DIGITS,
                                  .period_s = APP_PERIOD_S,
                                  .window = method->window,
                                  .last_step = device->last_step };
    enum passcode_result result = PASSCODE_WRONG;
    char code[PASSCODE_SIZE];

    if (device->key.len == 0 || !passcode_clean(typed, digits, code))
        result = PASSCODE_WRONG;
    else if (device->address)
        result = passcode_challenge_check(&device->key, digits, code,
                                          device->code_expires_at_ms,
                                          s->in->now_ms);
    else
        result = passcode_totp_check(&totp, s->in->now_ms, code,
                                     &device->last_step);
    explicit_bzero(code, sizeof(code));
    explicit_bzero(&totp, sizeof(totp));
    return result;
}

void
mfa_activation_end(struct mfa_device *device)
{
    device->active = true;
    device->counter = (struct passcode_counter){ .failures = 0 };
    device->code_sent_at_ms = 0;
    device->code_expires_at_ms = 0;
    device->policy = NULL;
    if (device->address)
        explicit_bzero(&device->key, sizeof(device->key));
}
