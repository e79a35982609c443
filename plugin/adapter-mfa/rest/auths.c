/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/auths.c - device authentications (MFA service API,
 * B.1): read, and moved on by actions.
 *
 * The record is the same as a flow's, and so is all that counts; but one that
 * a flow has begun is not seen here, and the other way round. */
#include "plugin/adapter-mfa/rest/auths.h"

#include <string.h>

#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_ask.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

#define ONE_TIME "one-time"

/* --- The authentication of the path --- */

static factor_status
plan(const struct factor_adapter *self, const struct factor_step *in,
     struct factor_reads *reads)
{
    const struct factor_host *host = self->host;
    const char *id = mfa_text(in->path, "authentication");
    factor_status status;

    if (!id || strlen(id) > FACTOR_ID_MAX)
        return FACTOR_OK;
    status = host->read_id_owned(reads, MFA_AUTHS, id, FACTOR_USERS, 1);
    if (!status)
        status = host->read_id_owned(reads, MFA_AUTHS, id, MFA_ACCOUNTS, 1);
    if (!status)
        status = host->read_id_owned(reads, MFA_AUTHS, id, MFA_DEVICES,
                                     MFA_DEVICES_MAX);
    return status ? status : host->read_id(reads, MFA_AUTHS, id);
}

struct mfa_device *
mfa_rest_one_time(struct mfa_rest *call)
{
    struct mfa_device *device = mfa_find(&call->s, ONE_TIME);

    if (device || !call->s.auth.to)
        return device;
    /* There is room for one more than were read. */
    device = &call->s.devices[call->s.device_count++];
    *device = (struct mfa_device){
        .id = ONE_TIME,
        .type = call->s.auth.to_type,
        .active = true,
        .one_time = true,
        .test = call->s.auth.to_test,
        .address = call->s.auth.to,
        .created_at_ms = call->s.auth.created_at_ms,
        .last_step = -1,
    };
    return device;
}

/* False: there is none of this id for who asks, or its time is over. */
static bool
load(struct mfa_rest *call)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, MFA_READS);
    struct mfa_step *s = &call->s;

    s->has_auth = record && s->user_id && record->owner &&
                  strcmp(record->owner, s->user_id) == 0 &&
                  mfa_auth_load(record, &s->auth) && s->auth.rest &&
                  s->in->now_ms < s->auth.expires_at_ms &&
                  mfa_policy_find(s->config, s->auth.policy, &s->policy);
    if (s->has_auth)
        mfa_rest_one_time(call);
    return s->has_auth;
}

/* A user sees his own alone. */
static factor_status
with_auth(struct mfa_rest *call, mfa_rest_handler *next)
{
    const char *subject = call->s.in->subject;

    if (!load(call))
        return mfa_rest_not_found(call);
    if (subject && strcmp(subject, call->s.user_id) != 0)
        return mfa_rest_forbid(call);
    return next(call);
}

static enum mfa_seen
seen_now(struct mfa_rest *call)
{
    const char *failure;
    int64_t changes_at_ms;

    return mfa_rest_seen(call, &failure, &changes_at_ms);
}

/* --- Refusals --- */

/* What it needs is gone: that stays so, whatever comes back. */
static factor_status
refuse_for_good(struct mfa_rest *call, const char *failure)
{
    bool devices = strcmp(failure, MFA_REST_NO_DEVICES) == 0;
    factor_status status;

    mfa_auth_fail(&call->s.auth, failure);
    status = mfa_put_auth(&call->s);
    if (!status)
        status = mfa_audit(&call->s, "mfa.failed",
                           json_pack("{s:s, s:s, s:s}", "user",
                                     call->s.user_id, "authentication",
                                     call->s.auth.id, "reason", failure));
    return status ? status
                  : mfa_rest_refuse(call, failure, NULL,
                                    devices ? mfa_rest_unavailable(call)
                                            : NULL);
}

static factor_status
refuse_state(struct mfa_rest *call)
{
    const char *failure;
    int64_t changes_at_ms;
    enum mfa_seen seen = mfa_rest_seen(call, &failure, &changes_at_ms);

    if (seen == MFA_SEEN_FAILED && call->s.auth.stage != MFA_STAGE_FAILED)
        return refuse_for_good(call, failure);
    return mfa_rest_refuse(call, MFA_REST_STATE, NULL, NULL);
}

factor_status
mfa_rest_refuse_account(struct mfa_rest *call)
{
    int64_t until_ms = call->s.account.counter.locked_until_ms;

    return mfa_rest_refuse(
        call, MFA_REST_ACCOUNT, NULL,
        until_ms > call->s.in->now_ms
            ? json_pack("{s:I}", "coolDownExpiresAt", (json_int_t)until_ms)
            : NULL);
}

factor_status
mfa_rest_refuse_resting(struct mfa_rest *call, const char *code,
                        const char *target, const struct mfa_device *device,
                        int64_t until_ms)
{
    json_t *inner =
        json_pack("{s:s}", "deliveryMethod", mfa_type_name(device->type));

    if (inner && until_ms > 0)
        json_object_set_new(inner, "coolDownExpiresAt",
                            json_integer(until_ms));
    return mfa_rest_refuse(call, code, target, inner);
}

/* --- Asking --- */

factor_status
mfa_rest_refuse_unusable(struct mfa_rest *call,
                         const struct mfa_device *device, const char *target)
{
    int64_t until_ms;

    if (!mfa_device_locked(device, &call->s.policy, call->s.in->now_ms,
                           &until_ms))
        return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, target, NULL);
    return mfa_rest_refuse_resting(call, MFA_REST_LIMIT, NULL, device,
                                   until_ms);
}

factor_status
mfa_rest_ask(struct mfa_rest *call, struct mfa_device *device,
             const char *target)
{
    const char *refusal;
    int64_t retry_at_ms;
    factor_status status;

    if (!mfa_device_usable(device, &call->s.policy, call->s.in->now_ms))
        return mfa_rest_refuse_unusable(call, device, target);
    refusal = mfa_ask_refusal(&call->s, device, &retry_at_ms);
    if (refusal)
        return mfa_rest_refuse_resting(call, MFA_REST_LIMIT, NULL, device,
                                       retry_at_ms);
    status = mfa_ask(&call->s, device, false);
    return status ? status : mfa_rest_answer_auth(call);
}

/* S5: browsers send it twice. */
static bool
is_same_click(struct mfa_rest *call, const struct mfa_device *device,
              enum mfa_seen seen)
{
    return mfa_selected(&call->s) == device &&
           (seen == MFA_SEEN_OTP || seen == MFA_SEEN_WAITING) &&
           (device->type == MFA_TOTP ||
            passcode_same_click(call->s.auth.selected_at_ms,
                                call->s.in->now_ms));
}

static factor_status
select_device(struct mfa_rest *call)
{
    enum mfa_seen seen = seen_now(call);
    struct mfa_device *device = mfa_find(
        &call->s,
        mfa_text(json_object_get(call->s.in->fields, "device"), "id"));

    if (seen > MFA_SEEN_TIMED_OUT)
        return refuse_state(call);
    if (!device || !mfa_rest_is_listed(call, device))
        return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "device.id",
                               NULL);
    if (mfa_account_locked(&call->s))
        return mfa_rest_refuse_account(call);
    if (is_same_click(call, device, seen))
        return mfa_rest_answer_auth(call);
    call->s.auth.to = NULL;
    return mfa_rest_ask(call, device, "device.id");
}

/* --- A passcode --- */

/* The last try: until when the device rests, if it does. */
static factor_status
refuse_used_up(struct mfa_rest *call, const struct mfa_device *device)
{
    int64_t until_ms = 0;

    if (device->one_time ||
        !mfa_device_locked(device, &call->s.policy, call->s.in->now_ms,
                           &until_ms))
        until_ms = 0;
    return mfa_rest_refuse_resting(call, MFA_REST_QUOTA, "otp", device,
                                   until_ms);
}

/* Of this authentication, or before the device rests: what comes first. */
static uint32_t
tries_left(const struct mfa_rest *call, const struct mfa_device *device)
{
    const struct mfa_failure_rule *rule =
        &call->s.policy.methods[device->type].failure;
    uint32_t used = call->s.auth.attempts, left, rests;

    left = used < rule->count ? rule->count - used : 0;
    if (device->one_time || rule->cool_down_ms == 0)
        return left;
    rests = rule->count - device->counter.failures % rule->count;
    return rests < left ? rests : left;
}

static factor_status
refuse_code(struct mfa_rest *call, const struct mfa_device *device,
            enum passcode_result result)
{
    return mfa_rest_refuse(
        call, MFA_CODE_INVALID_OTP, "otp",
        result == PASSCODE_EXPIRED
            ? NULL
            : json_pack("{s:I}", "attemptsRemaining",
                        (json_int_t)tries_left(call, device)));
}

static factor_status
try_code(struct mfa_rest *call, struct mfa_device *device, const char *typed)
{
    struct mfa_tried tried;
    factor_status status = mfa_ask_try(&call->s, device, typed, &tried);
    int64_t until_ms;

    if (status)
        return status;
    if (tried.result == PASSCODE_RIGHT)
        return mfa_rest_answer_auth(call);
    if (call->s.auth.stage == MFA_STAGE_FAILED ||
        mfa_device_locked(device, &call->s.policy, call->s.in->now_ms,
                          &until_ms))
        return refuse_used_up(call, device);
    return refuse_code(call, device, tried.result);
}

/* A phone that is asked by push may give its code instead. */
static bool
takes_code(struct mfa_rest *call, const struct mfa_device *device)
{
    enum mfa_seen seen = seen_now(call);

    return seen == MFA_SEEN_OTP ||
           ((seen == MFA_SEEN_WAITING || seen == MFA_SEEN_TIMED_OUT) &&
            !call->s.auth.push.silent &&
            mfa_device_shows_codes(device, &call->s.policy));
}

static factor_status
check_code(struct mfa_rest *call)
{
    struct mfa_device *device = mfa_selected(&call->s);

    if (!device || !takes_code(call, device))
        return refuse_state(call);
    if (mfa_account_locked(&call->s) && !device->one_time)
        return mfa_rest_refuse_account(call);
    if (!mfa_device_usable(device, &call->s.policy, call->s.in->now_ms))
        return refuse_used_up(call, device);
    return try_code(call, device, mfa_text(call->s.in->fields, "otp"));
}

/* --- The rest --- */

static factor_status
cancel_push(struct mfa_rest *call)
{
    factor_status status;

    if (call->s.auth.stage != MFA_STAGE_PUSH ||
        seen_now(call) > MFA_SEEN_TIMED_OUT)
        return refuse_state(call);
    mfa_auth_unselect(&call->s.auth);
    status = mfa_put_auth(&call->s);
    if (!status)
        status = mfa_audit(&call->s, "mfa.push_cancelled",
                           json_pack("{s:s, s:s}", "user", call->s.user_id,
                                     "authentication", call->s.auth.id));
    return status ? status : mfa_rest_answer_auth(call);
}

static factor_status
run_read(struct mfa_rest *call)
{
    return with_auth(call, mfa_rest_answer_auth);
}

static factor_status
run_select(struct mfa_rest *call)
{
    return with_auth(call, select_device);
}

static factor_status
run_check(struct mfa_rest *call)
{
    return with_auth(call, check_code);
}

static factor_status
run_cancel(struct mfa_rest *call)
{
    return with_auth(call, cancel_push);
}

/* FIDO2 comes later (R3): no assertion is the right one. */
static factor_status
refuse_assertion(struct mfa_rest *call)
{
    return seen_now(call) > MFA_SEEN_TIMED_OUT
               ? refuse_state(call)
               : mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "assertion",
                                 NULL);
}

static factor_status
run_assertion(struct mfa_rest *call)
{
    return with_auth(call, refuse_assertion);
}

static factor_status
refuse_remembered(struct mfa_rest *call)
{
    return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "payload.type",
                           NULL);
}

/* --- The table --- */

#define AUTHS "/{env}/deviceAuthentications"
#define AUTH AUTHS "/{authentication}"
#define TYPE(action) "application/vnd.pingidentity." action "+json"
#define OPERATION(operation, verb, where, scope, ...)                          \
    .resource = { FACTOR_SIZED(factor_resource),                               \
                  .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,                    \
                  .roles = mfa_rest_identity_admins,                           \
                  .scopes = FACTOR_NAMES(scope), .name = (operation),          \
                  .method = (verb), .path = where,                             \
                  .answer = mfa_rest_auth_answer, __VA_ARGS__ }
#define CREATES "p1:create:deviceAuthentication"
#define READS "p1:read:deviceAuthentication"
#define MOVES "p1:update:deviceAuthentication"

static const struct factor_field *const select_body[] = {
    MFA_FIELD(OBJECT, "device", .flags = FACTOR_FIELD_REQUIRED,
              .fields = FACTOR_FIELDS(MFA_REQUIRED_ID("id"))),
    MFA_FIELD(STRING, "compatibility",
              .values = FACTOR_NAMES("FULL", "SECURITY_KEY_ONLY", "NONE")),
    NULL
};
static const struct factor_field *const check_body[] = {
    MFA_FIELD(STRING, "otp", .max_len = 32,
              .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE),
    NULL
};
static const struct factor_field *const cancel_body[] = {
    MFA_FIELD(STRING, "reason", .flags = FACTOR_FIELD_REQUIRED,
              .values = FACTOR_NAMES("CHANGE_DEVICE", "ADD_DEVICE",
                                     "SIGNOUT")),
    NULL
};

const struct mfa_operation mfa_rest_auths[] = {
    { OPERATION("deviceAuthentications.create", "POST", AUTHS, CREATES,
                .body = mfa_rest_begin_body, .status = 201,
                .text = "Begins to authenticate a user by a device."),
      .plan = mfa_rest_plan_begin, .run = mfa_rest_begin_auth },
    { OPERATION("deviceAuthentications.payload.check", "POST", AUTHS, CREATES,
                .media_type = TYPE("payload.check"),
                .text = "Not offered: browsers are not remembered."),
      .run = refuse_remembered },
    { OPERATION("deviceAuthentications.read", "GET", AUTH, READS,
                .flags = FACTOR_RESOURCE_WAITS,
                .text = "Reads it; with Prefer: wait=N it is held back while "
                        "a phone is asked."),
      .plan = plan, .run = run_read },
    { OPERATION("deviceAuthentications.device.select", "POST", AUTH, MOVES,
                .media_type = TYPE("device.select"), .body = select_body,
                .text = "Chooses a device, or asks it again."),
      .plan = plan, .run = run_select },
    { OPERATION("deviceAuthentications.otp.check", "POST", AUTH, MOVES,
                .media_type = TYPE("otp.check"), .body = check_body,
                .text = "Tries a passcode."),
      .plan = plan, .run = run_check },
    { OPERATION("deviceAuthentications.cancel.push", "POST", AUTH, MOVES,
                .media_type = TYPE("cancel.push.authentication"),
                .body = cancel_body,
                .text = "Withdraws a push: another device may be chosen."),
      .plan = plan, .run = run_cancel },
    { OPERATION("deviceAuthentications.assertion.check", "POST", AUTH, MOVES,
                .media_type = TYPE("assertion.check"),
                .text = "Not offered: there are no FIDO2 devices yet."),
      .plan = plan, .run = run_assertion },
    { .run = NULL },
};
