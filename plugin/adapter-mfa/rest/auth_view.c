/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/auth_view.c - a device authentication as clients see
 * it (MFA service API, B.1.3, B.1.6, C). */
#include <stdlib.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/rest/auths.h"
#include "plugin/adapter-mfa/rest/devices.h"

#define REJECTED "PUSH_CONFIRMATION_REJECTED"

enum { AMR_MAX = 8 };

/* --- Devices --- */

/* B.1.6: stars, and the last two digits. */
static json_t *
masked_number(const char *number)
{
    size_t len = strlen(number);

    return json_sprintf("*******%s", len > 2 ? number + len - 2 : "");
}

static json_t *
masked_mailbox(const struct mfa_step *s, const char *address)
{
    char *masked = s->host->alloc(s->in->arena, passcode_mask_size(address));

    if (!masked)
        return NULL;
    passcode_mask(address, &s->settings->mask, masked);
    return json_string(masked);
}

static int
add_masked(const struct mfa_step *s, json_t *json, enum mfa_type type,
           const char *address)
{
    if (!address)
        return 0;
    return type == MFA_EMAIL
               ? json_object_set_new(json, "email",
                                     masked_mailbox(s, address))
               : json_object_set_new(json, "phone", masked_number(address));
}

bool
mfa_rest_is_listed(const struct mfa_rest *call,
                   const struct mfa_device *device)
{
    return device->active && !device->blocked && !device->one_time &&
           call->s.policy.methods[device->type].enabled;
}

static json_t *
usable_json(const struct mfa_step *s, const struct mfa_device *device)
{
    int64_t until_ms;

    if (mfa_device_usable(device, &s->policy, s->in->now_ms))
        return json_pack("{s:s}", "status", "ENABLED");
    return json_pack("{s:s, s:s}", "status", "DISABLED", "reason",
                     mfa_device_locked(device, &s->policy, s->in->now_ms,
                                       &until_ms)
                         ? "LOCKED"
                         : "NOT_ALLOWED");
}

static json_t *
device_json(const struct mfa_step *s, const struct mfa_device *device)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:s*}", "id", device->id, "type",
        mfa_type_name(device->type), "status", "ACTIVE", "usableStatus",
        usable_json(s, device), "lock", mfa_rest_lock(s, device), "block",
        mfa_rest_block(device), "nickname",
        device->nickname && *device->nickname ? device->nickname : NULL);

    if (json && !add_masked(s, json, device->type, device->address) &&
        (device->type != MFA_MOBILE || !mfa_rest_add_mobile(s, json, device)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *
embedded_json(const struct mfa_rest *call)
{
    const struct mfa_step *s = &call->s;
    json_t *devices = json_array(), *blocked = json_array();
    size_t i;

    for (i = 0; i < s->device_count; i++) {
        if (mfa_rest_is_listed(call, &s->devices[i]))
            json_array_append_new(devices, device_json(s, &s->devices[i]));
        else if (s->devices[i].active && s->devices[i].blocked)
            json_array_append_new(blocked, device_json(s, &s->devices[i]));
    }
    return json_pack("{s:o, s:o}", "devices", devices, "blockedDevices",
                     blocked);
}

/* --- What is selected --- */

/* M2: what the phone is to be told. */
static json_t *
push_json(const struct mfa_push *push)
{
    if (!push->number[0])
        return NULL;
    return json_pack("{s:{s:s, s:s}}", "numberMatching", "type",
                     push->select_number ? "SELECT_NUMBER"
                                         : "ENTER_MANUALLY",
                     "value", push->number);
}

static json_t *
one_time_json(const struct mfa_step *s)
{
    json_t *json =
        json_pack("{s:s}", "type", mfa_type_name(s->auth.to_type));

    if (json && !add_masked(s, json, s->auth.to_type, s->auth.to))
        return json_pack("{s:o}", "oneTime", json);
    json_decref(json);
    return NULL;
}

static json_t *
selected_json(const struct mfa_step *s, enum mfa_seen seen)
{
    if (!s->auth.device)
        return NULL;
    if (s->auth.to)
        return one_time_json(s);
    return json_pack("{s:s, s:o*}", "id", s->auth.device, "push",
                     seen == MFA_SEEN_WAITING ? push_json(&s->auth.push)
                                              : NULL);
}

/* --- How it ended --- */

static bool
is_test(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_selected(s);

    return device && device->test;
}

static size_t
push_amr(const struct mfa_push *push, const char **ret_amr)
{
    size_t count = 0;

    if (push->challenge[0])
        ret_amr[count++] = "mca";
    if (!push->challenge[0] || push->silent)
        ret_amr[count++] = "swk";
    else
        ret_amr[count++] = "user";
    if (push->method)
        ret_amr[count++] = push->method;
    return count;
}

/* Whose answer nobody has written down yet is still of the push. */
static bool
by_push(const struct mfa_auth *auth)
{
    return auth->stage == MFA_STAGE_PUSH ||
           (auth->method == MFA_MOBILE && !auth->by_code);
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Section C, in alphabetical order.  A test device proves nothing (M11), and
 * neither does a bypass. */
static json_t *
authenticators(struct mfa_step *s)
{
    static const char *const codes[MFA_TYPES] = {
        [MFA_EMAIL] = "email", [MFA_SMS] = "sms",    [MFA_VOICE] = "tel",
        [MFA_TOTP] = "otp",    [MFA_MOBILE] = "otp",
    };
    const char *amr[AMR_MAX];
    size_t count = 0, i;
    json_t *list = json_array();

    if (!s->auth.device)
        return list;
    if (by_push(&s->auth))
        count = push_amr(&s->auth.push, amr);
    else
        amr[count++] = codes[s->auth.method];
    if (!is_test(s))
        amr[count++] = "mfa";
    qsort(amr, count, sizeof(amr[0]), compare_texts);
    for (i = 0; i < count; i++)
        json_array_append_new(list, json_string(amr[i]));
    return list;
}

json_t *
mfa_rest_unavailable(const struct mfa_rest *call)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < call->s.device_count; i++)
        if (call->s.devices[i].active && !call->s.devices[i].one_time)
            json_array_append_new(
                list, json_pack("{s:s}", "id", call->s.devices[i].id));
    return json_pack("{s:o}", "unavailableDevices", list);
}

static json_t *
error_json(const struct mfa_rest *call, const char *code)
{
    json_t *error = json_pack("{s:s, s:s}", "code", code, "message",
                              "The user could not be authenticated.");
    json_t *more = strcmp(code, MFA_REST_NO_DEVICES) == 0
                       ? mfa_rest_unavailable(call)
                       : NULL;

    if (error && more)
        json_object_update(error, more);
    json_decref(more);
    return error;
}

/* --- What is seen --- */

bool
mfa_rest_may_begin(const struct mfa_rest *call)
{
    return call->s.enabled &&
           (call->s.mfa_enabled || !call->s.policy.block_disabled_mfa);
}

/* One that rests will be usable again. */
static bool
any_left(const struct mfa_rest *call)
{
    const struct mfa_step *s = &call->s;
    int64_t until_ms;
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (mfa_rest_is_listed(call, &s->devices[i]) &&
            (mfa_device_usable(&s->devices[i], &s->policy, s->in->now_ms) ||
             mfa_device_locked(&s->devices[i], &s->policy, s->in->now_ms,
                               &until_ms)))
            return true;
    return false;
}

enum mfa_seen
mfa_rest_seen(struct mfa_rest *call, const char **ret_failure,
              int64_t *ret_changes_at_ms)
{
    const struct mfa_auth *auth = &call->s.auth;
    enum mfa_seen seen =
        mfa_seen_now(&call->s, ret_failure, ret_changes_at_ms);

    if (auth->stage == MFA_STAGE_COMPLETED || seen == MFA_SEEN_REJECTED ||
        seen == MFA_SEEN_FAILED)
        return seen;
    if (!mfa_rest_may_begin(call))
        *ret_failure = MFA_REST_ACCOUNT;
    else if (seen != MFA_SEEN_COMPLETED && !auth->to && !any_left(call))
        *ret_failure = MFA_REST_NO_DEVICES;
    return *ret_failure ? MFA_SEEN_FAILED : seen;
}

/* --- The whole --- */

static const char *const statuses[] = {
    [MFA_SEEN_SELECT] = "DEVICE_SELECTION_REQUIRED",
    [MFA_SEEN_OTP] = "OTP_REQUIRED",
    [MFA_SEEN_WAITING] = "PUSH_CONFIRMATION_REQUIRED",
    [MFA_SEEN_TIMED_OUT] = "PUSH_CONFIRMATION_TIMED_OUT",
    [MFA_SEEN_REJECTED] = "FAILED",
    [MFA_SEEN_COMPLETED] = "COMPLETED",
    [MFA_SEEN_FAILED] = "FAILED",
};

static json_t *
links_json(enum mfa_seen seen)
{
    json_t *links = json_object();

    if (seen <= MFA_SEEN_TIMED_OUT)
        json_object_set_new(links, "device.select", json_object());
    if (seen == MFA_SEEN_OTP)
        json_object_set_new(links, "otp.check", json_object());
    if (seen == MFA_SEEN_WAITING)
        json_object_set_new(links, "cancel.push.authentication",
                            json_object());
    return links;
}

static int
add_end(struct mfa_rest *call, json_t *json, enum mfa_seen seen,
        const char *failure)
{
    if (seen == MFA_SEEN_COMPLETED)
        return json_object_set_new(json, "authenticators",
                                   authenticators(&call->s));
    if (seen == MFA_SEEN_REJECTED)
        return json_object_set_new(json, "error",
                                   error_json(call, REJECTED));
    if (seen == MFA_SEEN_FAILED)
        return json_object_set_new(json, "error", error_json(call, failure));
    return 0;
}

/* The code that a test device would have got. */
static int
add_test(struct mfa_rest *call, json_t *json)
{
    struct mfa_step *s = &call->s;
    const struct mfa_device *device = mfa_selected(s);
    char code[PASSCODE_SIZE] = "";
    int failed = 0;

    if (device && device->test && s->settings->test_devices &&
        mfa_auth_code(&s->auth, s->policy.methods[device->type].digits, code))
        failed = json_object_set_new(json, "test",
                                     json_pack("{s:s}", "otp", code));
    explicit_bzero(code, sizeof(code));
    return failed;
}

static json_t *
auth_json(struct mfa_rest *call, enum mfa_seen seen)
{
    const struct mfa_auth *auth = &call->s.auth;
    bool bypass =
        call->s.account.bypass_until_ms > call->s.in->now_ms;

    return json_pack(
        "{s:o, s:s, s:s, s:{s:s}, s:{s:s}, s:o*, s:o, s:o*, s:b, s:b, s:o,"
        " s:o}",
        "_links", links_json(seen), "id", auth->id, "status", statuses[seen],
        "user", "id", auth->user, "policy", "id", auth->policy, "application",
        auth->application ? json_pack("{s:s}", "id", auth->application) : NULL,
        "_embedded",
        embedded_json(call), "selectedDevice",
        selected_json(&call->s, seen), "bypassAllowed", (int)bypass,
        "userBypassEnabled", (int)bypass, "createdAt",
        mfa_rest_instant(auth->created_at_ms), "updatedAt",
        mfa_rest_instant(auth->updated_at_ms));
}

/* A phone may answer at any time: whoever would wait, waits. */
factor_status
mfa_rest_answer_auth(struct mfa_rest *call)
{
    const char *failure;
    int64_t changes_at_ms;
    enum mfa_seen seen = mfa_rest_seen(call, &failure, &changes_at_ms);
    json_t *json = auth_json(call, seen);
    factor_status status;

    if (json && (add_end(call, json, seen, failure) || add_test(call, json))) {
        json_decref(json);
        json = NULL;
    }
    status = mfa_rest_answer(call, json);
    if (seen == MFA_SEEN_WAITING &&
        strcmp(call->s.in->resource->method, "GET") == 0)
        call->out->verdict = FACTOR_CONTINUE;
    call->out->changes_at_ms = changes_at_ms;
    return status;
}

#define DEVICE_FIELDS                                                          \
    MFA_ID("id"),                                                              \
        MFA_FIELD(STRING, "type",                                              \
                  .values = FACTOR_NAMES("EMAIL", "SMS", "VOICE", "TOTP",      \
                                         "MOBILE")),                           \
        MFA_FIELD(STRING, "status"), MFA_FIELD(STRING, "nickname"),            \
        MFA_MEMBERS("usableStatus",                                            \
                    MFA_FIELD(STRING, "status",                                \
                              .values = FACTOR_NAMES("ENABLED", "DISABLED")),  \
                    MFA_FIELD(STRING, "reason")),                              \
        MFA_FIELD(STRING, "email", .text = "Masked."),                         \
        MFA_FIELD(STRING, "phone", .text = "Masked."),                         \
        MFA_REST_LOCK_FIELDS,                                                  \
        MFA_MEMBERS("application", MFA_ID("id"), MFA_FIELD(STRING, "name")),   \
        MFA_MEMBERS("model", MFA_FIELD(STRING, "name")),                       \
        MFA_MEMBERS("os", MFA_FIELD(STRING, "type")),                          \
        MFA_FIELD(BOOLEAN, "pushEnabled"), MFA_FIELD(BOOLEAN, "otpEnabled")

const struct factor_field *const mfa_rest_auth_answer[] = {
    MFA_ID("id"),
    MFA_FIELD(STRING, "status",
              .values = FACTOR_NAMES(
                  "DEVICE_SELECTION_REQUIRED", "OTP_REQUIRED",
                  "PUSH_CONFIRMATION_REQUIRED",
                  "PUSH_CONFIRMATION_TIMED_OUT", "COMPLETED", "FAILED")),
    MFA_MEMBERS("user", MFA_ID("id")),
    MFA_MEMBERS("policy", MFA_ID("id")),
    MFA_MEMBERS("application", MFA_ID("id")),
    MFA_MEMBERS("_embedded",
                MFA_FIELD(ARRAY, "devices",
                          .fields = FACTOR_FIELDS(
                              MFA_MEMBERS(NULL, DEVICE_FIELDS))),
                MFA_FIELD(ARRAY, "blockedDevices",
                          .fields = FACTOR_FIELDS(
                              MFA_MEMBERS(NULL, DEVICE_FIELDS)))),
    MFA_MEMBERS("selectedDevice", MFA_ID("id"),
                MFA_MEMBERS("oneTime", MFA_FIELD(STRING, "type"),
                            MFA_FIELD(STRING, "email", .text = "Masked."),
                            MFA_FIELD(STRING, "phone", .text = "Masked.")),
                MFA_MEMBERS("push",
                            MFA_MEMBERS("numberMatching",
                                        MFA_FIELD(STRING, "type"),
                                        MFA_FIELD(STRING, "value",
                                                  .text = "To be shown to "
                                                          "the user.")))),
    MFA_FIELD(ARRAY, "authenticators",
              .fields = FACTOR_FIELDS(MFA_FIELD(STRING, NULL)),
              .text = "What was proven, once it is completed."),
    MFA_MEMBERS("error", MFA_FIELD(STRING, "code"),
                MFA_FIELD(STRING, "message"),
                MFA_FIELD(ARRAY, "unavailableDevices",
                          .fields = FACTOR_FIELDS(
                              MFA_MEMBERS(NULL, MFA_ID("id"))))),
    MFA_MEMBERS("test", MFA_FIELD(STRING, "otp")),
    MFA_FIELD(BOOLEAN, "bypassAllowed"),
    MFA_FIELD(BOOLEAN, "userBypassEnabled"),
    MFA_FIELD(STRING, "createdAt", .format = "date-time"),
    MFA_FIELD(STRING, "updatedAt", .format = "date-time"),
    NULL
};
