/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/auth_begin.c - a device authentication is initiated
 * (MFA service API, B.1.2, B.1.4 from "(new)"). */
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_ask.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"
#include "plugin/adapter-mfa/mfa_pairing.h"
#include "plugin/adapter-mfa/rest/auths.h"

enum {
    PAYLOAD_MAX = 8192,
    VARIABLES_MAX = 16,
    VARIABLE_MAX = 256,
    LINE_MAX_CHARS = 64, /* of a message: "name: value" (D2) */
    CONTEXT_MAX = 1024,
    TEXT_MAX = 512,
    ADDRESS_MAX = 254
};

#define SELECTED "selectedDevice.id"
#define KNOWN "selectedDevice.otp"
#define ONE_TIME "selectedDevice.oneTime"

/* --- What is given --- */

static const json_t *
given(const struct mfa_rest *call, const char *member)
{
    return json_object_get(call->s.in->fields, member);
}

static const char *
given_id(const struct mfa_rest *call, const char *member)
{
    return mfa_text(given(call, member), "id");
}

static const json_t *
one_time(const struct mfa_rest *call)
{
    return json_object_get(given(call, "selectedDevice"), "oneTime");
}

static const json_t *
message(const struct mfa_rest *call)
{
    return json_object_get(given(call, "notification"), "template");
}

factor_status
mfa_rest_plan_begin(const struct factor_adapter *self,
                    const struct factor_step *in, struct factor_reads *reads)
{
    const char *user = mfa_text(json_object_get(in->fields, "user"), "id");
    factor_status status =
        mfa_step_plan_user(self, user ? user : "", reads);

    return status ? status : mfa_payload_plan(self->host, in, reads);
}

/* --- Refusals --- */

static factor_status
refuse_value(struct mfa_rest *call, const char *target)
{
    return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, target, NULL);
}

static factor_status
refuse_without_devices(struct mfa_rest *call)
{
    return mfa_rest_refuse(call, MFA_REST_NO_DEVICES, NULL,
                           mfa_rest_unavailable(call));
}

/* --- Checks, in their order: FACTOR_OK and no details: go on. --- */

static bool
take_policy(struct mfa_rest *call)
{
    const char *id = given_id(call, "policy");

    return mfa_policy_find(call->s.config, id, &call->s.policy) &&
           (!id || strcmp(call->s.policy.id, id) == 0);
}

/* A user's token may be in the hands of somebody who has the password alone:
 * an address of their own would prove nothing, and words of theirs in our
 * messages would deceive whom they are meant for. */
static bool
may_say(const struct mfa_rest *call)
{
    bool words = json_object_get(message(call), "variables") ||
                 json_object_get(given(call, "notification"), "clientContext");

    if (!mfa_rest_by_user(call))
        return true;
    return !one_time(call) && (!words || mfa_rest_trusted(call));
}

static factor_status
check_asker(struct mfa_rest *call)
{
    const char *subject = call->s.in->subject;
    const json_t *selected = given(call, "selectedDevice");

    if (subject && (!call->s.user || strcmp(subject, call->s.user_id) != 0))
        return mfa_rest_forbid(call);
    if (!may_say(call))
        return mfa_rest_forbid(call);
    if (!call->s.user)
        return refuse_value(call, "user.id");
    if (!take_policy(call))
        return refuse_value(call, "policy.id");
    if (mfa_text(selected, "id") && one_time(call))
        return refuse_value(call, "selectedDevice");
    return FACTOR_OK;
}

static factor_status
check_account(struct mfa_rest *call)
{
    if (!mfa_rest_may_begin(call))
        return mfa_rest_refuse(call, MFA_REST_ACCOUNT, NULL, NULL);
    if (mfa_account_locked(&call->s))
        return mfa_rest_refuse_account(call);
    return FACTOR_OK;
}

/* What would change what is proven, or what the user reads: passed over, it
 * would be thought done (R3, D2). */
static factor_status
check_offered(struct mfa_rest *call)
{
    static const struct {
        const char *within, *member, *target;
    } missing[] = {
        { NULL, "rp", "rp" },
        { NULL, "webAuthn", "webAuthn" },
        { "notification", "message", "notification.message" },
        { "notification", "policy", "notification.policy" },
    };
    const json_t *in;
    size_t i;

    for (i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        in = missing[i].within ? given(call, missing[i].within)
                               : call->s.in->fields;
        if (json_object_get(in, missing[i].member))
            return refuse_value(call, missing[i].target);
    }
    return FACTOR_OK;
}

static size_t
characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static factor_status
refuse_long(struct mfa_rest *call, const char *name, size_t most)
{
    static const char path[] = "notification.template.variables.";
    size_t size = sizeof(path) + strlen(name);
    char *target = call->s.host->alloc(call->s.in->arena, size);

    if (!target)
        return FACTOR_E_NOMEM;
    snprintf(target, size, "%s%s", path, name);
    return mfa_rest_refuse(call, MFA_REST_TOO_LONG, target,
                           json_pack("{s:I}", "maximumValue",
                                     (json_int_t)most));
}

/* A user who confirms a transaction must have read all of it: what would be
 * cut off the line "name: value" (D2) is refused. */
static factor_status
check_variables(struct mfa_rest *call)
{
    const json_t *variables = json_object_get(message(call), "variables");
    const char *name;
    json_t *value;
    size_t room;

    json_object_foreach ((json_t *)(uintptr_t)variables, name, value) {
        room = characters(name) + strlen(": ");
        room = room < LINE_MAX_CHARS ? LINE_MAX_CHARS - room : 0;
        if (characters(json_string_value(value)) > room)
            return refuse_long(call, name, room);
    }
    return FACTOR_OK;
}

static factor_status
check_application(struct mfa_rest *call)
{
    const char *id = given_id(call, "application");
    struct mfa_application application;

    return !id || mfa_application_find(call->s.config, id, &application)
               ? FACTOR_OK
               : refuse_value(call, "application.id");
}

/* A payload that is none, or was taken before, is refused. */
static factor_status
take_payload(struct mfa_rest *call)
{
    const char *payload = mfa_text(call->s.in->fields, "mobilePayload");
    const char *application = given_id(call, "application");
    factor_status status;

    if (!payload)
        return FACTOR_OK;
    call->s.jti_taken = factor_read_one(call->s.in, MFA_READS) != NULL;
    status = mfa_payload_verify(&call->s, payload, &call->s.flow.app);
    if (status)
        return status;
    if (!call->s.flow.app ||
        (application &&
         strcmp(application, mfa_text(call->s.flow.app, "application")) != 0))
        return refuse_value(call, "mobilePayload");
    return FACTOR_OK;
}

/* --- The device to begin with --- */

static factor_status
begin_one_time(struct mfa_rest *call)
{
    const struct mfa_kind *kind =
        mfa_kind_by_name(mfa_text(one_time(call), "type"));
    const char *typed, *address;
    factor_status status;

    if (!kind || !kind->field || !call->s.policy.methods[kind->type].enabled)
        return refuse_value(call, ONE_TIME ".type");
    typed = mfa_text(one_time(call), kind->field);
    status = mfa_address_clean(&call->s, kind->type, typed ? typed : "",
                               &address);
    if (status)
        return status;
    if (!address)
        return refuse_value(call, kind->type == MFA_EMAIL
                                      ? ONE_TIME ".email"
                                      : ONE_TIME ".phone");
    call->s.auth.to = address;
    call->s.auth.to_type = kind->type;
    call->s.auth.to_test =
        call->s.settings->test_devices && !mfa_rest_by_user(call) &&
        json_is_true(json_object_get(one_time(call), "testMode"));
    return mfa_rest_ask(call, mfa_rest_one_time(call), ONE_TIME);
}

static factor_status
begin_with(struct mfa_rest *call, const char *id)
{
    struct mfa_device *device = mfa_find(&call->s, id);

    if (!device || !mfa_rest_is_listed(call, device))
        return refuse_value(call, SELECTED);
    return mfa_rest_ask(call, device, SELECTED);
}

static factor_status
authorize_phone(struct mfa_rest *call, struct mfa_device *device,
                const struct mfa_mobile *mobile)
{
    factor_status status = mobile->verification != MFA_VERIFY_NONE
                               ? mfa_ask(&call->s, device, true)
                               : mfa_ask_nothing(&call->s, device);

    return status ? status : mfa_rest_answer_auth(call);
}

static factor_status
begin_with_devices(struct mfa_rest *call)
{
    const struct mfa_mobile *mobile = NULL;
    struct mfa_device *device = mfa_ask_own_phone(&call->s, &mobile);
    factor_status status;

    if (device)
        return authorize_phone(call, device, mobile);
    if (mfa_usable_count(&call->s) == 0)
        return refuse_without_devices(call);
    device = mfa_ask_first(&call->s);
    if (device && !mfa_ask_is_full(&call->s, device))
        return mfa_rest_ask(call, device, SELECTED);
    status = mfa_put_auth(&call->s);
    return status ? status : mfa_rest_answer_auth(call);
}

/* --- A passcode that is known beforehand --- */

/* Whose it is not: nobody goes on from here, and how many tries are left is
 * the device's alone to say. */
static factor_status
refuse_known(struct mfa_rest *call, const struct mfa_device *device)
{
    int64_t until_ms;

    if (device && mfa_device_locked(device, &call->s.policy,
                                    call->s.in->now_ms, &until_ms))
        return mfa_rest_refuse_resting(call, MFA_REST_QUOTA, KNOWN, device,
                                       until_ms);
    return mfa_rest_refuse(call, MFA_CODE_INVALID_OTP, KNOWN, NULL);
}

static factor_status
try_known(struct mfa_rest *call, struct mfa_device *device, const char *typed)
{
    struct mfa_device *right;
    size_t count;
    factor_status status =
        mfa_ask_try_known(&call->s, device, typed, &right, &count);

    if (status)
        return status;
    if (right)
        return mfa_rest_answer_auth(call);
    return count > 0 ? refuse_known(call, device)
                     : refuse_without_devices(call);
}

static factor_status
begin_with_code(struct mfa_rest *call, const char *typed)
{
    const char *id = mfa_text(given(call, "selectedDevice"), "id");
    struct mfa_device *device = mfa_find(&call->s, id);

    if (!id)
        return try_known(call, NULL, typed);
    if (!device || !mfa_rest_is_listed(call, device) ||
        !mfa_device_shows_codes(device, &call->s.policy))
        return refuse_value(call, SELECTED);
    if (!mfa_device_usable(device, &call->s.policy, call->s.in->now_ms))
        return mfa_rest_refuse_unusable(call, device, SELECTED);
    return try_known(call, device, typed);
}

/* --- Initiate --- */

/* Where the user is, a back end alone can say; where the back end itself is
 * would be taken for it. */
static void
take_place(struct mfa_rest *call)
{
    const json_t *fields = call->s.in->fields;
    struct mfa_auth *auth = &call->s.auth;

    if (mfa_rest_by_user(call))
        return;
    auth->agent = mfa_text(fields, "userAgent");
    auth->address = mfa_text(fields, "ip");
    if (mfa_text(fields, "applicationName"))
        auth->client_name = mfa_text(fields, "applicationName");
}

static factor_status
begin_auth(struct mfa_rest *call)
{
    struct mfa_auth *auth = &call->s.auth;
    const char *kind = mfa_text(message(call), "name");
    factor_status status = mfa_ask_begin(&call->s);

    auth->rest = true;
    auth->application = call->s.flow.app
                            ? mfa_text(call->s.flow.app, "application")
                            : given_id(call, "application");
    auth->session = given_id(call, "session");
    auth->context =
        json_object_get(given(call, "notification"), "clientContext");
    auth->purpose =
        kind && strcmp(kind, "transaction") == 0 ? kind : NULL;
    auth->locale = mfa_text(message(call), "locale");
    auth->variables = json_object_get(message(call), "variables");
    take_place(call);
    return status;
}

/* MFA is off for the user, and the policy lets that pass. */
static factor_status
bypass(struct mfa_rest *call)
{
    factor_status status;

    call->s.auth.stage = MFA_STAGE_COMPLETED;
    status = mfa_put_auth(&call->s);
    if (!status)
        status = mfa_audit(&call->s, "mfa.bypassed",
                           json_pack("{s:s, s:s}", "user", call->s.user_id,
                                     "reason", "mfa_disabled"));
    return status ? status : mfa_rest_answer_auth(call);
}

static factor_status
choose(struct mfa_rest *call)
{
    const json_t *selected = given(call, "selectedDevice");
    const char *typed = mfa_text(selected, "otp");
    const char *id = mfa_text(selected, "id");

    if (!call->s.mfa_enabled)
        return bypass(call);
    if (one_time(call))
        return begin_one_time(call);
    if (typed)
        return begin_with_code(call, typed);
    return id ? begin_with(call, id) : begin_with_devices(call);
}

factor_status
mfa_rest_begin_auth(struct mfa_rest *call)
{
    static mfa_rest_handler *const checks[] = { check_asker, check_offered,
                                                check_variables,
                                                check_application,
                                                check_account, take_payload };
    factor_status status = FACTOR_OK;
    size_t i;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        status = checks[i](call);
        if (status || call->out->details)
            return status;
    }
    status = begin_auth(call);
    return status ? status : choose(call);
}

/* --- The body --- */

#define NO_FIDO "Not offered: there are no FIDO2 devices yet."
#define WORDS(member, most, ...)                                               \
    MFA_FIELD(STRING, member, .max_len = (most), __VA_ARGS__)

const struct factor_field *const mfa_rest_begin_body[] = {
    MFA_FIELD(OBJECT, "user", .flags = FACTOR_FIELD_REQUIRED,
              .fields = FACTOR_FIELDS(MFA_REQUIRED_ID("id"))),
    MFA_REFERENCE("policy"),
    MFA_REFERENCE("application"),
    WORDS("mobilePayload", PAYLOAD_MAX, .flags = FACTOR_FIELD_SENSITIVE),
    MFA_MEMBERS("selectedDevice", MFA_ID("id"),
                WORDS("otp", 32, .flags = FACTOR_FIELD_SENSITIVE),
                MFA_MEMBERS("oneTime",
                            MFA_FIELD(STRING, "type",
                                      .flags = FACTOR_FIELD_REQUIRED,
                                      .values = FACTOR_NAMES("EMAIL", "SMS",
                                                             "VOICE")),
                            WORDS("email", ADDRESS_MAX, .flags = 0),
                            WORDS("phone", 64, .flags = 0),
                            MFA_FIELD(BOOLEAN, "testMode"))),
    MFA_MEMBERS(
        "notification",
        MFA_MEMBERS("template",
                    MFA_FIELD(STRING, "name",
                              .values = FACTOR_NAMES("strong_authentication",
                                                     "transaction")),
                    WORDS("variant", 64, .flags = 0),
                    WORDS("locale", 64, .flags = 0),
                    MFA_FIELD(MAP, "variables", .max = VARIABLES_MAX,
                              .fields = FACTOR_FIELDS(
                                  WORDS(NULL, VARIABLE_MAX, .flags = 0)))),
        MFA_FIELD(MAP, "clientContext", .max_len = CONTEXT_MAX,
                  .text = "Told to the phone as it is."),
        MFA_MEMBERS("policy", MFA_ID("id")),
        WORDS("message", TEXT_MAX,
              .text = "Not offered: no client may write to users freely.")),
    MFA_MEMBERS("session", WORDS("id", TEXT_MAX,
                                 .text = "Kept in the audit's events.")),
    MFA_MEMBERS("rp", WORDS("id", TEXT_MAX, .text = NO_FIDO)),
    MFA_MEMBERS("webAuthn", WORDS("challenge", TEXT_MAX, .text = NO_FIDO)),
    WORDS("userAgent", TEXT_MAX, .text = "Of who is to be authenticated."),
    WORDS("ip", 64, .text = "Of who is to be authenticated."),
    WORDS("applicationName", 256, .text = "Shown on the phone."),
    NULL
};
