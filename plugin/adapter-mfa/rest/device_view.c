/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/device_view.c - a device as managers see it (MFA
 * service API, B.6.2): whole addresses, and never a key. */
#include <string.h>

#include "plugin/adapter-mfa/rest/devices.h"

/* --- lock and block --- */

/* Codes lock a device, or pushes do. */
json_t *
mfa_rest_lock(const struct mfa_step *s, const struct mfa_device *device)
{
    int64_t now_ms = s->in->now_ms, until_ms;
    bool by_codes = passcode_locked(&device->counter, now_ms);

    if (!mfa_device_locked(device, &s->policy, now_ms, &until_ms))
        return json_pack("{s:s}", "status", "UNLOCKED");
    return json_pack("{s:s, s:s, s:o*}", "status", "LOCKED", "reason",
                     by_codes ? "OTP" : "PUSH", "expiresAt",
                     until_ms > 0 ? mfa_rest_instant(until_ms) : NULL);
}

json_t *
mfa_rest_block(const struct mfa_device *device)
{
    if (!device->blocked)
        return json_pack("{s:s}", "status", "UNBLOCKED");
    return json_pack("{s:s, s:o*}", "status", "BLOCKED", "blockedAt",
                     device->blocked_at_ms
                         ? mfa_rest_instant(device->blocked_at_ms)
                         : NULL);
}

/* --- What only some types have --- */

static const char *
address_member(enum mfa_type type)
{
    return type == MFA_EMAIL ? "email" : "phone";
}

/* In the words of the phones' own systems. */
static const char *
system_of(const char *platform)
{
    static const struct {
        const char *ours, *theirs;
    } names[] = { { "android", "ANDROID" }, { "ios", "iOS" } };
    size_t i;

    for (i = 0; platform && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].ours, platform) == 0)
            return names[i].theirs;
    return "OTHER";
}

static json_t *
application_json(const struct mfa_step *s, const char *id)
{
    struct mfa_application application;

    return json_pack("{s:s, s:s*}", "id", id, "name",
                     mfa_application_find(s->config, id, &application)
                         ? application.name
                         : NULL);
}

int
mfa_rest_add_mobile(const struct mfa_step *s, json_t *json,
                    const struct mfa_device *device)
{
    bool push = mfa_device_wants_push(device, &s->policy);
    json_t *more =
        json_pack("{s:o*, s:{s:s*}, s:{s:s}, s:b, s:b}", "application",
                  device->application
                      ? application_json(s, device->application)
                      : NULL,
                  "model", "name", device->model, "os", "type",
                  system_of(device->platform), "pushEnabled",
                  (int)(push && device->push && !device->push_dead),
                  "otpEnabled",
                  (int)mfa_device_shows_codes(device, &s->policy));
    int failed = more ? json_object_update(json, more) : -1;

    json_decref(more);
    return failed;
}

static int
add_address(json_t *json, const struct mfa_device *device)
{
    if (!device->address)
        return 0;
    if (device->extension &&
        json_object_set_new(json, "extension",
                            json_string(device->extension)))
        return -1;
    return json_object_set_new(json, address_member(device->type),
                               json_string(device->address));
}

static int
add_rest(const struct mfa_step *s, json_t *json,
         const struct mfa_device *device)
{
    if (add_address(json, device) ||
        (device->test &&
         json_object_set_new(json, "testMode", json_true())) ||
        (device->nickname && *device->nickname &&
         json_object_set_new(json, "nickname",
                             json_string(device->nickname))))
        return -1;
    return device->type == MFA_MOBILE
               ? mfa_rest_add_mobile(s, json, device)
               : 0;
}

/* --- The whole --- */

json_t *
mfa_rest_device(const struct mfa_step *s, const struct mfa_device *device)
{
    int64_t updated_ms = device->updated_at_ms ? device->updated_at_ms
                                               : device->created_at_ms;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", device->id, "type",
        mfa_type_name(device->type), "status",
        device->active ? "ACTIVE" : "ACTIVATION_REQUIRED", "lock",
        mfa_rest_lock(s, device), "block", mfa_rest_block(device), "createdAt",
        mfa_rest_instant(device->created_at_ms), "updatedAt",
        mfa_rest_instant(updated_ms), "_links",
        device->active ? json_object() : json_pack("{s:{}}", "activate"));

    if (json && !add_rest(s, json, device))
        return json;
    json_decref(json);
    return NULL;
}

factor_status
mfa_rest_answer_device(struct mfa_rest *call, const struct mfa_device *device)
{
    return mfa_rest_answer(call, mfa_rest_device(&call->s, device));
}

const struct factor_field *const mfa_rest_device_answer[] = {
    MFA_ID("id"),
    MFA_FIELD(STRING, "type",
              .values = FACTOR_NAMES("EMAIL", "SMS", "VOICE", "TOTP",
                                     "MOBILE")),
    MFA_FIELD(STRING, "status",
              .values = FACTOR_NAMES("ACTIVE", "ACTIVATION_REQUIRED")),
    MFA_FIELD(STRING, "nickname"),
    MFA_FIELD(STRING, "email"),
    MFA_FIELD(STRING, "phone", .text = "E.164."),
    MFA_FIELD(STRING, "extension"),
    MFA_FIELD(BOOLEAN, "testMode"),
    MFA_MEMBERS("test", MFA_FIELD(STRING, "otp")),
    MFA_FIELD(STRING, "secret",
              .text = "Base32, of a TOTP device that was just made."),
    MFA_FIELD(STRING, "keyUri",
              .text = "otpauth URI, of a TOTP device that was just made."),
    MFA_REST_LOCK_FIELDS,
    MFA_MEMBERS("application", MFA_ID("id"), MFA_FIELD(STRING, "name")),
    MFA_MEMBERS("model", MFA_FIELD(STRING, "name")),
    MFA_MEMBERS("os", MFA_FIELD(STRING, "type")),
    MFA_FIELD(BOOLEAN, "pushEnabled"),
    MFA_FIELD(BOOLEAN, "otpEnabled"),
    MFA_FIELD(STRING, "createdAt", .format = "date-time"),
    MFA_FIELD(STRING, "updatedAt", .format = "date-time"),
    NULL
};
