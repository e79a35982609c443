/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/device_pair.c - devices made, activated, and their
 * codes sent again (MFA service API, B.6.3, B.6.5).
 *
 * A worker may make a device active at once; a user who acts for himself is
 * bound by what flows are bound by: he proves a device first, and who has none
 * is subject to first_device (M3). */
#include <string.h>

#include "plugin/adapter-mfa/mfa_activation.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_link.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"
#include "plugin/adapter-mfa/rest/devices.h"

enum { NICKNAME_BYTES = 4 * MFA_NICKNAME_MAX, EXTENSION_MAX = 32 };

/* --- The policy --- */

/* By id, or the default one.  False: there is no such. */
static bool
take_policy(struct mfa_rest *call, const char *id)
{
    return mfa_policy_find(call->s.config, id, &call->s.policy) &&
           (!id || strcmp(call->s.policy.id, id) == 0);
}

/* {"id"} or {"type": "DEFAULT"}, one of them. */
static bool
policy_fits(struct mfa_rest *call)
{
    const json_t *given = json_object_get(call->s.in->fields, "policy");
    const char *id = mfa_text(given, "id"), *type = mfa_text(given, "type");

    if (given && (id != NULL) == (type != NULL))
        return false;
    return take_policy(call, id);
}

/* --- What is asked for --- */

static const char *
wanted_extension(const struct mfa_rest *call)
{
    return mfa_text(call->s.in->fields, "extension");
}

/* Digits, and what a dialler waits by (B.6.3). */
static bool
extension_fits(const struct mfa_rest *call, enum mfa_type type)
{
    const char *extension = wanted_extension(call);

    if (!extension)
        return true;
    return type == MFA_VOICE && call->s.limits.phone_extensions &&
           strspn(extension, "0123456789,#*") == strlen(extension);
}

static bool
method_allowed(const struct mfa_step *s, enum mfa_type type)
{
    return s->policy.methods[type].enabled &&
           !s->policy.methods[type].pairing_disabled;
}

static bool
wants_active(const struct mfa_rest *call)
{
    const char *status = mfa_text(call->s.in->fields, "status");

    return !mfa_rest_by_user(call) &&
           (!status || strcmp(status, "ACTIVE") == 0);
}

static bool
wants_test(const struct mfa_rest *call)
{
    return call->s.settings->test_devices && !mfa_rest_by_user(call) &&
           json_is_true(json_object_get(call->s.in->fields, "testMode"));
}

/* Of the message with the code (B.6.2); NULL: the user's. */
static const char *
wanted_locale(const struct mfa_rest *call)
{
    const json_t *notification =
        json_object_get(call->s.in->fields, "notification");

    return mfa_text(json_object_get(notification, "template"), "locale");
}

static size_t
pending_count(const struct mfa_step *s)
{
    return s->device_count - mfa_active_count(s);
}

static factor_status
refuse_limit(struct mfa_rest *call, uint32_t most)
{
    return mfa_rest_refuse(
        call, MFA_REST_LIMIT, NULL,
        json_pack("{s:I}", "maximumAllowed", (json_int_t)most));
}

static factor_status
refuse_value(struct mfa_rest *call, const char *target)
{
    return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, target, NULL);
}

/* --- Create --- */

/* An app's secret is told once, by this answer alone. */
static factor_status
answer_made(struct mfa_rest *call, const struct mfa_device *device)
{
    json_t *json = mfa_rest_device(&call->s, device);
    char code[PASSCODE_SIZE] = "";

    if (json && device->type == MFA_TOTP && !device->active)
        json_object_set_new(
            json, "secret",
            json_string(mfa_key_text(&call->s, device)));
    if (json && device->type == MFA_TOTP && !device->active)
        json_object_set_new(json, "keyUri", mfa_key_uri(&call->s, device));
    if (json && device->test && !device->active &&
        mfa_activation_code(&call->s, device, code))
        json_object_set_new(json, "test", json_pack("{s:s}", "otp", code));
    explicit_bzero(code, sizeof(code));
    return mfa_rest_answer(call, json);
}

static factor_status
make_active(struct mfa_rest *call, struct mfa_device *device)
{
    factor_status status;

    if (device->type == MFA_TOTP)
        mfa_activation_draw(&call->s, device);
    mfa_activation_end(device);
    status = mfa_put_device(&call->s, device);
    return status ? status
                  : mfa_report_added(&call->s, device, "rest");
}

static factor_status
make_pending(struct mfa_rest *call, struct mfa_device *device)
{
    factor_status status;

    device->policy = call->s.policy.id;
    mfa_activation_draw(&call->s, device);
    status = device->address ? mfa_activation_send(&call->s, device)
                             : mfa_put_device(&call->s, device);
    return status ? status
                  : mfa_audit_device(&call->s, "mfa.pairing_begun", device,
                                     "rest");
}

static factor_status
make(struct mfa_rest *call, enum mfa_type type, const char *address)
{
    struct mfa_device device = {
        .type = type,
        .address = address,
        .extension = wanted_extension(call),
        .nickname = mfa_text(call->s.in->fields, "nickname"),
        .test = wants_test(call),
        .created_at_ms = call->s.in->now_ms,
        .last_step = -1,
    };
    factor_status status = mfa_new_id(&call->s, MFA_ID_DEVICE, &device.id);

    if (!status)
        status = wants_active(call) ? make_active(call, &device)
                                    : make_pending(call, &device);
    if (!status)
        status = answer_made(call, &device);
    explicit_bzero(&device.key, sizeof(device.key));
    return status;
}

/* Without a proof a user's first one can only be the address on file, where
 * the setting says so. */
static bool
may_have_address(const struct mfa_rest *call, const char *address)
{
    const char *on_file = mfa_address_on_file(&call->s);

    return !mfa_only_on_file(&call->s) ||
           (on_file && strcmp(on_file, address) == 0);
}

static factor_status
make_addressed(struct mfa_rest *call, const struct mfa_kind *kind)
{
    const char *given = mfa_text(call->s.in->fields, kind->field);
    const struct mfa_device *known;
    const char *address;
    factor_status status;

    if (!given)
        return mfa_rest_refuse(call, MFA_REST_REQUIRED, kind->field, NULL);
    status = mfa_address_clean(&call->s, kind->type, given, &address);
    if (status)
        return status;
    if (!address)
        return refuse_value(call, kind->field);
    known = mfa_address_owner(&call->s, kind->type, address);
    if (known)
        return mfa_rest_refuse(call, MFA_REST_UNIQUENESS, kind->field,
                               json_pack("{s:s}", "existingId", known->id));
    if (!may_have_address(call, address))
        return mfa_rest_forbid(call);
    if (!wants_active(call) && !wants_test(call) &&
        (call->s.in->flags & FACTOR_STEP_SEND_REFUSED))
        return mfa_rest_refuse(call, MFA_REST_LIMIT, NULL, NULL);
    return make(call, kind->type, address);
}

factor_status
mfa_rest_create_device(struct mfa_rest *call)
{
    const struct mfa_kind *kind =
        mfa_kind_by_name(mfa_text(call->s.in->fields, "type"));
    factor_status status;

    call->s.flow.proven = mfa_rest_trusted(call);
    call->s.locale = wanted_locale(call);
    if (!policy_fits(call))
        return refuse_value(call, "policy");
    if (json_object_get(json_object_get(call->s.in->fields, "notification"),
                        "policy"))
        return refuse_value(call, "notification.policy");
    if (!kind || !method_allowed(&call->s, kind->type))
        return refuse_value(call, "type");
    if (!mfa_may_pair(&call->s, kind->type, NULL))
        return mfa_rest_forbid(call);
    if (mfa_devices_full(&call->s))
        return refuse_limit(call, call->s.limits.devices_max);
    if (pending_count(&call->s) >= MFA_PENDING_MAX)
        return refuse_limit(call, MFA_PENDING_MAX);
    if (!extension_fits(call, kind->type))
        return refuse_value(call, "extension");
    if (!mfa_rest_nickname_fits(call, &status))
        return status;
    return kind->field ? make_addressed(call, kind)
                       : make(call, kind->type, NULL);
}

/* --- Activate --- */

/* The pending device of the path, by the policy that it was made under; else
 * an answer is made, and it is NULL. */
static struct mfa_device *
pending_device(struct mfa_rest *call, factor_status *ret_status)
{
    struct mfa_device *device = mfa_rest_path_device(call);

    call->s.flow.proven = mfa_rest_trusted(call);
    if (!device) {
        *ret_status = mfa_rest_not_found(call);
        return NULL;
    }
    if (device->active) {
        *ret_status = mfa_rest_refuse(call, MFA_REST_STATE, NULL, NULL);
        return NULL;
    }
    /* A policy that is gone does not matter: the default one decides. */
    if (!device->policy || !take_policy(call, device->policy))
        take_policy(call, NULL);
    if (device->type == MFA_MOBILE ||
        !mfa_may_pair(&call->s, device->type, device)) {
        *ret_status = mfa_rest_forbid(call);
        return NULL;
    }
    return device;
}

static factor_status
activated(struct mfa_rest *call, struct mfa_device *device)
{
    factor_status status;

    if (mfa_devices_full(&call->s))
        return refuse_limit(call, call->s.limits.devices_max);
    mfa_activation_end(device);
    status = mfa_put_device(&call->s, device);
    if (!status)
        status = mfa_report_added(&call->s, device, "rest");
    return status ? status : mfa_rest_answer_device(call, device);
}

/* Used up, a new code is needed.  A user's guesses count on the account, as
 * they do in a flow that has proven nothing. */
static factor_status
count_wrong(struct mfa_rest *call, struct mfa_device *device, uint32_t most)
{
    factor_status status;

    device->counter.failures++;
    if (device->counter.failures >= most)
        device->key.len = 0;
    status = mfa_put_device(&call->s, device);
    if (!status)
        status = mfa_audit_device(&call->s, "mfa.activation_failed", device,
                                  "wrong");
    if (status || call->s.flow.proven)
        return status;
    mfa_account_fails(&call->s.account, &call->s.limits, call->s.in->now_ms);
    return mfa_put_account(&call->s);
}

static factor_status
wrong(struct mfa_rest *call, struct mfa_device *device)
{
    uint32_t most = call->s.policy.methods[device->type].failure.count;
    uint32_t used = device->counter.failures;
    factor_status status = FACTOR_OK;

    if (used < most)
        status = count_wrong(call, device, most);
    used = device->counter.failures;
    return status ? status
                  : mfa_rest_refuse(
                        call, MFA_CODE_INVALID_OTP, "otp",
                        json_pack("{s:I}", "attemptsRemaining",
                                  (json_int_t)(used < most ? most - used
                                                           : 0)));
}

factor_status
mfa_rest_activate_device(struct mfa_rest *call)
{
    factor_status status = FACTOR_OK;
    struct mfa_device *device = pending_device(call, &status);

    if (!device)
        return status;
    if (!call->s.flow.proven && mfa_account_locked(&call->s))
        return mfa_rest_refuse(call, MFA_REST_ACCOUNT, NULL, NULL);
    switch (mfa_activation_try(&call->s, device,
                               mfa_text(call->s.in->fields, "otp"))) {
    case PASSCODE_RIGHT:
        return activated(call, device);
    case PASSCODE_EXPIRED:
        return mfa_rest_refuse(call, MFA_CODE_INVALID_OTP, "otp", NULL);
    case PASSCODE_USED:
    case PASSCODE_WRONG:
    default:
        return wrong(call, device);
    }
}

/* --- sendActivationCode --- */

static factor_status
refuse_haste(struct mfa_rest *call, const struct mfa_device *device,
             int64_t until_ms)
{
    return mfa_rest_refuse(
        call, MFA_REST_LIMIT, NULL,
        json_pack("{s:s, s:I}", "deliveryMethod", mfa_type_name(device->type),
                  "coolDownExpiresAt", (json_int_t)until_ms));
}

static factor_status
send_again(struct mfa_rest *call, struct mfa_device *device)
{
    factor_status status;

    if (device->key.len == 0 ||
        passcode_too_old(device->code_expires_at_ms, call->s.in->now_ms)) {
        mfa_activation_draw(&call->s, device);
        device->counter.failures = 0;
    }
    status = mfa_activation_send(&call->s, device);
    if (!status)
        status = mfa_audit_device(&call->s, "mfa.code_sent", device, "rest");
    return status ? status : answer_made(call, device);
}

factor_status
mfa_rest_send_activation(struct mfa_rest *call)
{
    factor_status status = FACTOR_OK;
    struct mfa_device *device = pending_device(call, &status);
    int64_t next_ms;

    if (!device)
        return status;
    if (!device->address)
        return mfa_rest_refuse(call, MFA_REST_STATE, NULL, NULL);
    next_ms =
        device->code_sent_at_ms + call->s.settings->pace.cooldown_ms;
    if (!device->test && (call->s.in->now_ms < next_ms ||
                          (call->s.in->flags & FACTOR_STEP_SEND_REFUSED)))
        return refuse_haste(call, device, next_ms);
    return send_again(call, device);
}

/* --- Bodies --- */

const struct factor_field *const mfa_rest_create_body[] = {
    MFA_FIELD(STRING, "type", .flags = FACTOR_FIELD_REQUIRED,
              .values = FACTOR_NAMES("EMAIL", "SMS", "VOICE", "TOTP")),
    MFA_FIELD(STRING, "status",
              .values = FACTOR_NAMES("ACTIVE", "ACTIVATION_REQUIRED"),
              .text = "A worker's choice, ACTIVE unless it is said; a user's "
                      "own device always has to be activated."),
    MFA_FIELD(STRING, "email", .max_len = 254),
    MFA_FIELD(STRING, "phone", .max_len = 64,
              .text = "With a plus sign; separators are taken out."),
    MFA_FIELD(STRING, "extension", .max_len = EXTENSION_MAX,
              .text = "VOICE, where mfaSettings.phoneExtensions is on."),
    MFA_FIELD(STRING, "nickname", .max_len = NICKNAME_BYTES),
    MFA_FIELD(BOOLEAN, "testMode",
              .text = "The code is told here and sent to nobody; passed over "
                      "unless test devices are allowed."),
    MFA_MEMBERS("policy", MFA_ID("id"),
                MFA_FIELD(STRING, "type",
                          .values = FACTOR_NAMES("DEFAULT"))),
    MFA_MEMBERS("notification",
                MFA_MEMBERS("template",
                            MFA_FIELD(STRING, "locale", .max_len = 64,
                                      .text = "Language of the message with "
                                              "the code.")),
                MFA_MEMBERS("policy", MFA_ID("id"))),
    NULL
};

const struct factor_field *const mfa_rest_activate_body[] = {
    MFA_FIELD(STRING, "otp", .max_len = 32,
              .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE), NULL
};
