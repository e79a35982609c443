/* SPDX-License-Identifier: MIT */
/* tests/test_mfa_authn.c - the MFA adapter's authentication under the fake
 * host: from AUTHENTICATION_REQUIRED to MFA_COMPLETED. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "factor/test.h"
#include "passcode/passcode.h"
#include "tests/tap.h"

#define ANN "22222222-2222-4222-8222-222222222222"
#define APP "7f0e0000-0000-4000-8000-000000000001"
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define STATUS "com.pingidentity.pingone."
#define APPLICATIONS                                                           \
    "\"applications\": [{\"name\": \"Authenticator\", \"id\": \"" APP "\"}]"
#define NO_COOLDOWN "\"resend_cooldown\": \"0s\""
#define PLAIN "{" APPLICATIONS "}"

static const struct factor_plugin *plugin;

/* One fake host with ann, enabled for MFA. */
struct scene {
    struct factor_test *t;
    const struct factor_test_reply *reply;
    char code[16]; /* of the last message */
};

/* --- Small tools --- */

static const char *
text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));

    return value ? value : "(none)";
}

static json_t *
parse(const char *source)
{
    json_error_t error;
    json_t *json = json_loads(source, 0, &error);

    if (!json) {
        fprintf(stderr, "%s: %s\n", source, error.text);
        abort();
    }
    return json;
}

static void
begin(struct scene *s)
{
    factor_test_begin(s->t, ANN, json_pack("{s:s}", "userId", ANN));
}

static void
set_user(struct scene *s, bool enabled, bool mfa_enabled)
{
    factor_test_seed(s->t, "user", ANN, NULL, "ann",
                     json_pack("{s:i, s:s, s:b, s:b, s:{s:s, s:s}}", "v", 1,
                               "username", "ann", "enabled", enabled,
                               "mfaEnabled", mfa_enabled, "attributes",
                               "email", "ann@acme.test", "phone",
                               "+15555550155"));
}

static struct scene
open_scene(const char *settings)
{
    struct scene s = { .t = NULL };
    struct factor_error err = { .code = 0 };

    s.t = factor_test_new(plugin, parse(settings), &err);
    if (!s.t) {
        fprintf(stderr, "init: %s\n", err.text);
        abort();
    }
    set_user(&s, true, true);
    begin(&s);
    return s;
}

static void
close_scene(struct scene *s)
{
    factor_test_free(s->t);
}

static void
add_device(struct scene *s, const char *id, json_t *more)
{
    json_t *body = json_pack("{s:i, s:s, s:I, s:i}", "v", 1, "status",
                             "ACTIVE", "created_at_ms",
                             (json_int_t)factor_test_now(s->t), "last_step",
                             -1);

    json_object_update(body, more);
    json_decref(more);
    factor_test_seed(s->t, "mfa.device", id, ANN, NULL, body);
}

static void
add_email(struct scene *s)
{
    add_device(s, "d-email",
               json_pack("{s:s, s:{s:s}}", "type", "EMAIL", "secret",
                         "address", "ann@acme.test"));
}

static void
add_sms(struct scene *s)
{
    add_device(s, "d-sms",
               json_pack("{s:s, s:{s:s}}", "type", "SMS", "secret", "address",
                         "+15555550155"));
}

/* The key of twenty bytes 01 02 03 ... */
#define KEY_HEX "0102030405060708090a0b0c0d0e0f1011121314"

static void
add_totp(struct scene *s)
{
    add_device(s, "d-totp",
               json_pack("{s:s, s:{s:s}}", "type", "TOTP", "secret", "key",
                         KEY_HEX));
}

static void
add_phone(struct scene *s)
{
    add_device(
        s, "d-phone",
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "type",
                  "MOBILE", "application", APP, "model", "Pixel 8",
                  "platform", "android", "secret", "push", "fcm:token", "key",
                  KEY_HEX, "jwk", "kty", "EC"));
}

static void
app_code(const struct scene *s, int64_t steps, char ret_code[PASSCODE_SIZE])
{
    struct passcode_totp totp = { .hash = PASSCODE_SHA1,
                                  .digits = 6,
                                  .period_s = 30 };
    size_t i;

    for (i = 0; i < 20; i++)
        totp.key.bytes[i] = (uint8_t)(i + 1);
    totp.key.len = 20;
    CU_ASSERT(passcode_totp_at(
        &totp, factor_test_now(s->t) / 30000 + steps, ret_code));
}

static void
note_code(struct scene *s)
{
    const json_t *sent = json_array_get(s->reply->sends, 0);

    if (sent && json_object_get(sent, "code"))
        snprintf(s->code, sizeof(s->code), "%s", text(sent, "code"));
}

static void
act(struct scene *s, const char *action, json_t *fields)
{
    s->reply = factor_test_act(s->t, action, fields);
    if (s->reply->kind == FACTOR_TEST_BROKEN)
        fprintf(stderr, "# %s: %s\n", action, s->reply->problem);
    note_code(s);
}

static void
authenticate(struct scene *s)
{
    s->reply = factor_test_enter(s->t);
    act(s, "authenticate", NULL);
}

static void
get(struct scene *s)
{
    s->reply = factor_test_get(s->t);
}

static void
select_device(struct scene *s, const char *id)
{
    act(s, "selectDevice", json_pack("{s:{s:s}}", "deviceRef", "id", id));
}

static void
check(struct scene *s, const char *code)
{
    act(s, "checkOtp", json_pack("{s:s}", "otp", code));
}

static void
check_wrong(struct scene *s)
{
    char wrong[16];

    memcpy(wrong, s->code, sizeof(wrong));
    wrong[0] = (char)('0' + (wrong[0] - '0' + 1) % 10);
    check(s, wrong);
}

static bool
in_state(const struct scene *s, const char *state)
{
    bool is = s->reply->kind == FACTOR_TEST_STATE &&
              strcmp(s->reply->state, state) == 0;

    if (!is)
        fprintf(stderr, "# not %s but kind %d, %s %s\n", state,
                s->reply->kind, s->reply->state ? s->reply->state : "-",
                s->reply->problem);
    return is;
}

static bool
has_status(const struct scene *s, const char *status)
{
    const char *seen = text(s->reply->attributes, "pingone.mfa.status");

    return s->reply->kind == FACTOR_TEST_SUCCESS &&
           strncmp(seen, STATUS, strlen(STATUS)) == 0 &&
           strcmp(seen + strlen(STATUS), status) == 0;
}

static bool
has_amr(const struct scene *s, const char *words)
{
    char *seen = json_dumps(s->reply->amr, JSON_COMPACT);
    bool same = seen && strcmp(seen, words) == 0;

    if (!same)
        fprintf(stderr, "# amr %s\n", seen);
    free(seen);
    return same;
}

static const json_t *
record(const struct scene *s, const char *collection)
{
    const json_t *all = factor_test_records(s->t);
    size_t i;

    for (i = json_array_size(all); i > 0; i--)
        if (strcmp(text(json_array_get(all, i - 1), "collection"),
                   collection) == 0)
            return json_array_get(all, i - 1);
    return NULL;
}

/* The device authentication of this flow. */
static const char *
auth_id(const struct scene *s)
{
    return text(factor_test_flow_data(s->t), "auth");
}

static const json_t *
auth(const struct scene *s)
{
    return factor_test_record(s->t, "mfa.auth", auth_id(s));
}

/* What a phone's answer writes. */
static void
answer(struct scene *s, const char *decision, const char *method)
{
    json_t *body = json_deep_copy(auth(s));
    json_t *push = json_object_get(body, "push");
    char id[64];

    snprintf(id, sizeof(id), "%s", auth_id(s));
    json_object_set_new(push, "decision", json_string(decision));
    json_object_set_new(push, "nonce", json_string("n"));
    if (method)
        json_object_set_new(push, "method", json_string(method));
    factor_test_seed(s->t, "mfa.auth", id, ANN, NULL, body);
}

/* --- Beginning --- */

static void
nobody_fails(void)
{
    struct scene s = open_scene(PLAIN);

    factor_test_begin(s.t, "33333333-3333-4333-8333-333333333333", NULL);
    s.reply = factor_test_enter(s.t);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(json_array_get(s.reply->audits, 0), "fields"),
             "reason"),
        "USER_NOT_FOUND");
    factor_test_begin(s.t, NULL, NULL);
    CU_ASSERT_EQUAL(factor_test_enter(s.t)->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

static void
begins_with_primary(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *device;

    add_email(&s);
    s.reply = factor_test_enter(s.t);
    CU_ASSERT(in_state(&s, "AUTHENTICATION_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "user"), "username"), "ann");
    device = json_array_get(json_object_get(s.reply->model, "devices"), 0);
    CU_ASSERT_STRING_EQUAL(text(device, "role"), "Primary");
    CU_ASSERT_STRING_EQUAL(text(device, "target"), "a****@acme.test");
    CU_ASSERT(factor_test_offers(s.reply, "authenticate"));
    CU_ASSERT(factor_test_offers(s.reply, "cancelAuthentication"));
    close_scene(&s);
}

static void
one_email(void)
{
    struct scene s = open_scene(PLAIN);

    add_email(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 1);
    CU_ASSERT_STRING_EQUAL(
        text(json_array_get(s.reply->sends, 0), "channel"), "email");
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(s.reply->model, "otpLength")), 6);
    check(&s, s.code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_email"));
    CU_ASSERT(has_amr(&s, "[\"otp\",\"email\"]"));
    CU_ASSERT_EQUAL(s.reply->kinds, FACTOR_KIND_POSSESSION);
    close_scene(&s);
}

static uint64_t
email_version(const struct scene *s)
{
    return factor_test_version(s->t, "mfa.device", "d-email");
}

/* One sign-on by mail, with so many wrong codes first. */
static void
sign_on(struct scene *s, int wrong)
{
    begin(s);
    authenticate(s);
    for (; wrong > 0; wrong--)
        check_wrong(s);
    check(s, s->code);
    CU_ASSERT(in_state(s, "MFA_COMPLETED"));
}

static void
nothing_to_write(void)
{
    struct scene s = open_scene(PLAIN);
    uint64_t version;

    add_email(&s);
    sign_on(&s, 0);
    version = email_version(&s);
    sign_on(&s, 0);
    CU_ASSERT_EQUAL(email_version(&s), version);
    sign_on(&s, 1); /* counted, and forgotten */
    CU_ASSERT_EQUAL(email_version(&s), version + 2);
    close_scene(&s);
}

static bool
has_flags(const struct scene *s, const char *flags)
{
    json_t *wanted = parse(flags), *value;
    const char *name;
    bool all = true;

    json_object_foreach (wanted, name, value)
        if (!json_equal(json_object_get(s->reply->model, name), value)) {
            fprintf(stderr, "# %s is not as in %s\n", name, flags);
            all = false;
        }
    json_decref(wanted);
    return all;
}

/* authn D.3: all of them, in this order of what is known. */
static void
flags_of_selection(void)
{
    static const struct {
        const char *settings, *flags, *pairing;
    } rows[] = {
        { "{" APPLICATIONS ", \"change_device\": false}",
          "{\"manualPairing\": false, \"userSelectedDefault\": true,"
          " \"manageDevicesAllowed\": false, \"manualPairingPermitted\":"
          " false, \"changeDevicePermitted\": true,"
          " \"deviceManagementState\": false, \"manageDeviceRequested\":"
          " false, \"newPairingAuthRequired\": false}", NULL },
        { "{" APPLICATIONS ", \"manage_devices\": true}",
          "{\"manualPairing\": false, \"userSelectedDefault\": true,"
          " \"manageDevicesAllowed\": true, \"manualPairingPermitted\":"
          " true, \"changeDevicePermitted\": true,"
          " \"deviceManagementState\": false, \"manageDeviceRequested\":"
          " false, \"newPairingAuthRequired\": true}",
          "{\"manualPairing\": true, \"manageDeviceRequested\": true}" },
    };
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene(rows[i].settings);
        add_email(&s);
        add_sms(&s);
        authenticate(&s);
        CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
        CU_ASSERT(has_flags(&s, rows[i].flags));
        if (rows[i].pairing) {
            act(&s, "setupMfa", NULL);
            CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
            CU_ASSERT(has_flags(&s, rows[i].pairing));
        }
        close_scene(&s);
    }
}

static void
several_are_listed(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *devices;

    add_email(&s);
    add_sms(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    devices = json_object_get(s.reply->model, "devices");
    CU_ASSERT_EQUAL(json_array_size(devices), 2);
    CU_ASSERT(json_is_false(json_object_get(s.reply->model, "manualPairing")));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    select_device(&s, "d-sms");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    check(&s, s.code);
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_sms"));
    CU_ASSERT(has_amr(&s, "[\"otp\",\"sms\"]"));
    close_scene(&s);
}

#define POLICY(selection, more)                                                \
    "{" APPLICATIONS ", \"device_policies\": [{\"name\": \"P\","               \
    " \"default\": true, \"authentication\": {\"deviceSelection\":"            \
    " \"" selection "\"}, \"email\": {\"enabled\": true},"                     \
    " \"sms\": {\"enabled\": true}, \"totp\": {\"enabled\": true},"            \
    " \"mobile\": {\"enabled\": true}" more "}]}"

static void
selection_modes(void)
{
    struct scene s = open_scene(POLICY("DEFAULT_TO_FIRST", ""));

    add_email(&s);
    factor_test_advance(s.t, 1000);
    add_sms(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "selectedDeviceRef"), "id"),
        "d-email");
    close_scene(&s);
    s = open_scene(POLICY("ALWAYS_DISPLAY_DEVICES", ""));
    add_email(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    close_scene(&s);
    s = open_scene(PLAIN);
    add_email(&s);
    add_sms(&s);
    factor_test_seed(s.t, "mfa.account", ANN, ANN, NULL,
                     json_pack("{s:i, s:s}", "v", 1, "default_device",
                               "d-sms"));
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "selectedDeviceRef"), "id"),
        "d-sms");
    close_scene(&s);
}

static void
policies_by_input_and_acr(void)
{
    static const char settings[] =
        "{\"device_policies\": ["
        "{\"name\": \"A\", \"default\": true, \"email\": {\"enabled\": true}},"
        "{\"name\": \"B\", \"email\": {\"enabled\": true,"
        " \"otp\": {\"otpLength\": 8}}}],"
        " \"policy_by_acr\": {\"urn:b\": \"B\"}}";
    struct scene s = open_scene(settings);

    add_email(&s);
    authenticate(&s);
    CU_ASSERT_EQUAL(strlen(s.code), 6);
    factor_test_set_request(s.t, json_pack("{s:s}", "acr", "urn:b"));
    begin(&s);
    authenticate(&s);
    CU_ASSERT_EQUAL(strlen(s.code), 8);
    factor_test_set_request(s.t, json_pack("{s:s}", "acr", "urn:other"));
    factor_test_begin(s.t, ANN,
                      json_pack("{s:s, s:s}", "userId", ANN, "policy", "B"));
    authenticate(&s);
    CU_ASSERT_EQUAL(strlen(s.code), 8);
    close_scene(&s);
}

static void
without_devices(void)
{
    struct scene s = open_scene(PLAIN);

    authenticate(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "INVALID_DEVICE");
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
    s = open_scene("{\"no_device_mode\": \"bypass\"}");
    authenticate(&s);
    CU_ASSERT(has_status(&s, "web_login_no_devices"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 0);
    CU_ASSERT_EQUAL(s.reply->kinds, 0);
    close_scene(&s);
}

static void
disabled_users(void)
{
    struct scene s = open_scene("{\"no_device_mode\": \"bypass\"}");

    set_user(&s, false, true);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    set_user(&s, true, false);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    close_scene(&s);
    s = open_scene(
        POLICY("PROMPT_TO_SELECT", ", \"blockUsersWithDisabledMfa\": false"));
    set_user(&s, true, false);
    authenticate(&s);
    CU_ASSERT(has_status(&s, "mfa_bypassed_user_mfa_disabled"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 0);
    close_scene(&s);
}

static void
bypass_window(void)
{
    struct scene s = open_scene(PLAIN);
    int64_t until = factor_test_now(s.t) + MINUTE;

    add_email(&s);
    factor_test_seed(s.t, "mfa.account", ANN, ANN, NULL,
                     json_pack("{s:i, s:I}", "v", 1, "bypass_until_ms",
                               (json_int_t)until));
    authenticate(&s);
    CU_ASSERT(has_status(&s, "web_login_no_devices"));
    factor_test_set_now(s.t, until);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* --- Passcodes --- */

static void
wrong_codes_end_it(void)
{
    struct scene s = open_scene(PLAIN);
    json_int_t left;

    add_email(&s);
    authenticate(&s);
    for (left = 2; left > 0; left--) {
        check_wrong(&s);
        CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ERROR);
        CU_ASSERT(factor_test_has_detail(s.reply, "INVALID_OTP"));
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(
                            json_array_get(s.reply->details, 0),
                            "attemptsRemaining")),
                        left);
    }
    check_wrong(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "OTP_ATTEMPTS_LIMIT");
    begin(&s);
    authenticate(&s); /* the device has its cool-down */
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "DEVICE_LOCKED");
    factor_test_advance(s.t, 2 * MINUTE);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* Flows and devices are no way around the account's limit. */
static void
account_locks(void)
{
    struct scene s = open_scene(
        "{\"mfa_settings\": {\"lockout\": {\"failureCount\": 4,"
        " \"durationSeconds\": 600}}, " NO_COOLDOWN "}");

    add_email(&s);
    add_sms(&s);
    authenticate(&s);
    select_device(&s, "d-email");
    check_wrong(&s);
    check_wrong(&s);
    begin(&s);
    authenticate(&s);
    select_device(&s, "d-sms");
    check_wrong(&s);
    check_wrong(&s);
    check(&s, s.code);
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "ACCOUNT_LOCKED_OUT");
    factor_test_advance(s.t, 600 * SECOND);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    close_scene(&s);
}

/* coolDown 0 takes the stated lock away, and not the waits from the 10th
 * failure on. */
static void
waits_without_cool_down(void)
{
    struct scene s = open_scene(POLICY("PROMPT_TO_SELECT", ""));
    json_t *body;
    int i;

    add_email(&s);
    for (i = 0; i < 3; i++) {
        begin(&s);
        authenticate(&s);
        check_wrong(&s);
        check_wrong(&s);
        check_wrong(&s);
    }
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    check_wrong(&s); /* the tenth */
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    factor_test_advance(s.t, SECOND);
    check_wrong(&s);
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    factor_test_advance(s.t, SECOND);
    check(&s, s.code);
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    body = json_deep_copy(factor_test_record(s.t, "mfa.device", "d-email"));
    json_object_set_new(body, "failures", json_integer(99));
    factor_test_seed(s.t, "mfa.device", "d-email", ANN, NULL, body);
    factor_test_advance(s.t, 60 * MINUTE);
    begin(&s);
    authenticate(&s);
    check_wrong(&s);
    factor_test_advance(s.t, INT64_C(100) * 24 * 60 * MINUTE);
    begin(&s);
    authenticate(&s);
    CU_ASSERT_STRING_EQUAL(s.reply->code, "DEVICE_LOCKED");
    close_scene(&s);
}

static void
codes_expire(void)
{
    struct scene s = open_scene(PLAIN);

    add_email(&s);
    authenticate(&s);
    factor_test_advance(s.t, 5 * MINUTE);
    check(&s, s.code);
    CU_ASSERT(factor_test_has_detail(s.reply, "INVALID_OTP"));
    CU_ASSERT_PTR_NULL(json_object_get(json_array_get(s.reply->details, 0),
                                       "attemptsRemaining"));
    select_device(&s, "d-email");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 1);
    check(&s, s.code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

static void
resends(void)
{
    struct scene s = open_scene("{\"max_resends\": 2}");
    char first[16];

    add_email(&s);
    authenticate(&s);
    memcpy(first, s.code, sizeof(first));
    select_device(&s, "d-email"); /* the same click once more */
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    factor_test_advance(s.t, 3 * SECOND);
    act(&s, "resendOtp", NULL);
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_TOO_SOON"));
    factor_test_advance(s.t, 17 * SECOND);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 1);
    check(&s, first); /* another code was drawn */
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ERROR);
    factor_test_advance(s.t, 20 * SECOND);
    select_device(&s, "d-email");
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 1);
    factor_test_advance(s.t, 20 * SECOND);
    act(&s, "resendOtp", NULL);
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_LIMIT"));
    check(&s, s.code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

/* Devices that are asked in turn are asked no sooner. */
static void
resends_in_turn(void)
{
    struct scene s = open_scene(PLAIN);

    add_email(&s);
    add_sms(&s);
    authenticate(&s);
    select_device(&s, "d-email");
    factor_test_advance(s.t, 5 * SECOND);
    select_device(&s, "d-sms");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    factor_test_advance(s.t, 5 * SECOND);
    select_device(&s, "d-email");
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_TOO_SOON"));
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(
            json_array_get(s.reply->details, 0), "retry_at_ms")),
        factor_test_now(s.t) + 10 * SECOND);
    factor_test_advance(s.t, 10 * SECOND);
    select_device(&s, "d-email");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* The account's lock is none of a device: no other one goes around it. */
static void
lock_of_all_devices(void)
{
    struct scene s = open_scene(PLAIN);
    int64_t until_ms = factor_test_now(s.t) + 60 * MINUTE;

    add_email(&s);
    add_phone(&s);
    authenticate(&s);
    factor_test_seed(s.t, "mfa.account", ANN, ANN, NULL,
                     json_pack("{s:i, s:i, s:I}", "v", 1, "failures", 20,
                               "locked_until_ms", (json_int_t)until_ms));
    select_device(&s, "d-phone");
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    select_device(&s, "d-email");
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    close_scene(&s);
}

static void
totp(void)
{
    struct scene s = open_scene(PLAIN);
    char code[PASSCODE_SIZE];

    add_totp(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "resendOtp"));
    app_code(&s, -1, code);
    check(&s, code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_otp"));
    CU_ASSERT(has_amr(&s, "[\"otp\"]"));
    begin(&s);
    authenticate(&s);
    check(&s, code); /* used: it counts in the flow alone */
    CU_ASSERT(factor_test_has_detail(s.reply, "INVALID_OTP"));
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(
            factor_test_record(s.t, "mfa.device", "d-totp"), "failures")),
        0);
    app_code(&s, 0, code);
    check(&s, code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

static void
totp_attempts(void)
{
    struct scene s = open_scene(PLAIN);

    add_totp(&s);
    authenticate(&s);
    check(&s, "000000");
    check(&s, "000001");
    check(&s, "000002");
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "TOTP_ATTEMPTS_LIMIT");
    close_scene(&s);
}

/* --- Push --- */

static const char *
number(const struct scene *s)
{
    return text(json_object_get(s->reply->model, "numberMatching"), "value");
}

static void
push_approved(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *sent;

    add_phone(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    CU_ASSERT_EQUAL(strlen(number(&s)), 6);
    sent = json_array_get(s.reply->sends, 0);
    CU_ASSERT_STRING_EQUAL(text(sent, "channel"), "push");
    CU_ASSERT_STRING_EQUAL(text(sent, "address"), "fcm:token");
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(sent, "variables"), "device"), "d-phone");
    act(&s, "poll", NULL);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    answer(&s, "APPROVED", "fpt");
    get(&s);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    act(&s, "poll", NULL);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_mobile"));
    CU_ASSERT(has_amr(&s, "[\"mca\",\"user\",\"swk\",\"fpt\"]"));
    close_scene(&s);
}

/* The GET has shown it; nothing was polled. */
static void
continues_from_what_is_seen(void)
{
    struct scene s = open_scene(PLAIN);

    add_phone(&s);
    authenticate(&s);
    answer(&s, "APPROVED", NULL);
    factor_test_advance(s.t, 60 * SECOND); /* later than the push's end */
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_mobile"));
    CU_ASSERT(has_amr(&s, "[\"mca\",\"user\",\"swk\"]"));
    close_scene(&s);
}

static void
push_rejected(void)
{
    struct scene s = open_scene(PLAIN);
    char first[32];

    add_phone(&s);
    add_email(&s);
    authenticate(&s);
    select_device(&s, "d-phone");
    snprintf(first, sizeof(first), "%s",
             text(json_object_get(auth(&s), "push"), "challenge"));
    answer(&s, "DENIED", NULL);
    act(&s, "poll", NULL);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_REJECTED"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "poll"));
    act(&s, "poll", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    factor_test_advance(s.t, SECOND); /* no click is the same here */
    select_device(&s, "d-phone");
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    CU_ASSERT_STRING_NOT_EQUAL(
        text(json_object_get(auth(&s), "push"), "challenge"), first);
    answer(&s, "DENIED", NULL);
    select_device(&s, "d-email");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

static void
push_times_out(void)
{
    struct scene s = open_scene(PLAIN);
    char code[PASSCODE_SIZE];

    add_phone(&s);
    authenticate(&s);
    CU_ASSERT_EQUAL(s.reply->changes_at_ms,
                    factor_test_now(s.t) + 40 * SECOND);
    factor_test_advance(s.t, 40 * SECOND);
    get(&s);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_TIMED_OUT"));
    CU_ASSERT(factor_test_offers(s.reply, "checkOtp"));
    act(&s, "poll", NULL);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_TIMED_OUT"));
    app_code(&s, 0, code);
    check(&s, code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT(has_status(&s, "web_login_mobile"));
    CU_ASSERT(has_amr(&s, "[\"otp\"]"));
    close_scene(&s);
}

static void
code_instead_of_push(void)
{
    struct scene s = open_scene(PLAIN);
    char code[PASSCODE_SIZE];

    add_phone(&s);
    authenticate(&s);
    CU_ASSERT(factor_test_offers(s.reply, "checkOtp"));
    app_code(&s, 0, code);
    check(&s, code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    CU_ASSERT_STRING_EQUAL(text(auth(&s), "stage"), "COMPLETED");
    CU_ASSERT_PTR_NULL(json_object_get(auth(&s), "push"));
    close_scene(&s);
}

/* M5: a service that refused the message did not reach the phone. */
static void
push_refused_by_service(void)
{
    struct scene s = open_scene(PLAIN);
    json_t *body;

    add_phone(&s);
    authenticate(&s);
    factor_test_advance(s.t, SECOND);
    body = json_deep_copy(factor_test_record(s.t, "mfa.device", "d-phone"));
    json_object_set_new(body, "delivery",
                        json_pack("{s:s, s:I}", "result", "refused", "at_ms",
                                  (json_int_t)factor_test_now(s.t)));
    factor_test_seed(s.t, "mfa.device", "d-phone", ANN, NULL, body);
    get(&s);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_TIMED_OUT"));
    begin(&s);
    authenticate(&s); /* it can still show codes */
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* M5: nor does that count against the limit, as an ignored push would. */
static void
refused_pushes_lock_nothing(void)
{
    struct scene s = open_scene(PLAIN);
    json_t *body;
    int i;

    add_phone(&s);
    for (i = 0; i < 6; i++) {
        begin(&s);
        authenticate(&s);
        CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
        factor_test_advance(s.t, SECOND);
        body = json_deep_copy(factor_test_record(s.t, "mfa.device",
                                                 "d-phone"));
        json_object_set_new(body, "delivery",
                            json_pack("{s:s, s:I}", "result", "refused",
                                      "at_ms",
                                      (json_int_t)factor_test_now(s.t)));
        factor_test_advance(s.t, SECOND); /* it has another address now */
        json_object_set_new(body, "push_at_ms",
                            json_integer(factor_test_now(s.t)));
        factor_test_seed(s.t, "mfa.device", "d-phone", ANN, NULL, body);
    }
    close_scene(&s);
}

static void
ignored_pushes_lock(void)
{
    struct scene s = open_scene(PLAIN);
    int i;

    add_phone(&s);
    for (i = 0; i < 5; i++) {
        begin(&s);
        authenticate(&s);
        CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
        factor_test_advance(s.t, 40 * SECOND);
    }
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "DEVICE_LOCKED");
    factor_test_advance(s.t, 30 * MINUTE);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    close_scene(&s);
}

/* Nobody's phone is rung without end while none of it has been ignored yet,
 * neither by a flow nor by many. */
static void
waiting_pushes_are_counted(void)
{
    struct scene s = open_scene(PLAIN);
    int i;

    add_phone(&s);
    authenticate(&s);
    for (i = 1; i < 5; i++) {
        factor_test_advance(s.t, 4 * SECOND);
        select_device(&s, "d-phone");
        CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    }
    factor_test_advance(s.t, 4 * SECOND);
    select_device(&s, "d-phone");
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_TOO_SOON"));
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(
            json_array_get(s.reply->details, 0), "retry_at_ms")),
        factor_test_now(s.t) + 20 * SECOND);
    begin(&s);
    authenticate(&s);
    CU_ASSERT(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    select_device(&s, "d-phone");
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_TOO_SOON"));
    factor_test_advance(s.t, 40 * SECOND); /* now all are ignored */
    select_device(&s, "d-phone");
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    close_scene(&s);
}

static void
change_device(struct scene *s, const char *id, const char *member,
              json_t *value)
{
    json_t *body =
        json_deep_copy(factor_test_record(s->t, "mfa.device", id));

    json_object_set_new(body, member, value);
    factor_test_seed(s->t, "mfa.device", id, ANN, NULL, body);
}

/* What an operator takes away proves nothing from then on, approved or not. */
static void
blocked_meanwhile(void)
{
    struct scene s = open_scene(PLAIN);

    add_phone(&s);
    add_email(&s);
    authenticate(&s);
    select_device(&s, "d-phone");
    answer(&s, "APPROVED", NULL);
    change_device(&s, "d-phone", "blocked", json_true());
    get(&s);
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_TIMED_OUT"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    select_device(&s, "d-email");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    change_device(&s, "d-email", "blocked", json_true());
    check(&s, s.code);
    CU_ASSERT(factor_test_has_detail(s.reply, "DEVICE_LOCKED"));
    change_device(&s, "d-email", "blocked", json_false());
    check(&s, s.code);
    CU_ASSERT(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

/* DECISIONS M10: that a phone does not answer proves something under
 * ping_defaults alone, whatever was stored while they held. */
static void
silence_is_no_answer(void)
{
    static const struct {
        const char *settings, *state;
    } rows[] = {
        { PLAIN, "PUSH_CONFIRMATION_TIMED_OUT" },
        { "{" APPLICATIONS ", \"ping_defaults\": true}", "MFA_COMPLETED" },
    };
    struct scene s;
    json_t *body;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene(rows[i].settings);
        add_phone(&s);
        authenticate(&s);
        body = parse(
            "{\"v\": 1, \"settings\": {}, \"applications\": [{\"name\":"
            " \"Authenticator\", \"id\": \"" APP "\"}], \"policies\": [{"
            " \"id\": \"p\", \"name\": \"P\", \"default\": true,"
            " \"mobile\": {\"enabled\": true, \"applications\": [{\"id\":"
            " \"" APP "\", \"push\": {\"enabled\": true},"
            " \"deviceAuthorization\": {\"enabled\": true,"
            " \"extraVerification\": \"permissive\"}}]}}]}");
        factor_test_seed(s.t, "mfa.config", "config", NULL, NULL, body);
        body = json_deep_copy(auth(&s));
        json_object_set_new(json_object_get(body, "push"), "silent",
                            json_true());
        factor_test_seed(s.t, "mfa.auth",
                         text(factor_test_flow_data(s.t), "auth"), ANN, NULL,
                         body);
        factor_test_advance(s.t, 40 * SECOND);
        get(&s);
        CU_ASSERT(in_state(&s, rows[i].state));
        close_scene(&s);
    }
}

static void
cancel_kills_the_push(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *kept;

    add_phone(&s);
    authenticate(&s);
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    kept = json_object_get(record(&s, "mfa.auth"), "body");
    CU_ASSERT_STRING_EQUAL(text(kept, "stage"), "FAILED");
    CU_ASSERT_PTR_NULL(json_object_get(kept, "push"));
    close_scene(&s);
}

static void
authentication_expires(void)
{
    struct scene s = open_scene(PLAIN);

    add_email(&s);
    add_sms(&s);
    authenticate(&s);
    factor_test_advance(s.t, 15 * MINUTE);
    get(&s);
    CU_ASSERT(in_state(&s, "MFA_FAILED"));
    CU_ASSERT_STRING_EQUAL(s.reply->code, "OTP_EXPIRED");
    close_scene(&s);
}

static void
devices_of_others(void)
{
    struct scene s = open_scene(PLAIN);

    add_email(&s);
    factor_test_seed(
        s.t, "mfa.device", "foreign", "33333333-3333-4333-8333-333333333333",
        NULL,
        json_pack("{s:i, s:s, s:s, s:{s:s}}", "v", 1, "status", "ACTIVE",
                  "type", "EMAIL", "secret", "address", "eve@evil.test"));
    authenticate(&s);
    select_device(&s, "foreign");
    CU_ASSERT(factor_test_has_detail(s.reply, "INVALID_DEVICE"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    close_scene(&s);
}

static void
fixed_device(void)
{
    struct scene s = open_scene("{" APPLICATIONS ", \"change_device\": false}");

    add_phone(&s);
    add_email(&s);
    authenticate(&s);
    select_device(&s, "d-phone");
    select_device(&s, "d-email");
    CU_ASSERT(factor_test_has_detail(s.reply, "INVALID_DEVICE"));
    answer(&s, "DENIED", NULL);
    select_device(&s, "d-email");
    CU_ASSERT(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* The host's limits on messages refuse: the phone can still wait on it. */
static void
sends_refused(void)
{
    struct scene s = open_scene(PLAIN);

    add_phone(&s);
    add_email(&s);
    factor_test_refuse_sends(s.t, 1);
    authenticate(&s);
    select_device(&s, "d-email");
    CU_ASSERT(factor_test_has_detail(s.reply, "OTP_RESEND_LIMIT"));
    select_device(&s, "d-phone");
    CU_ASSERT(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    close_scene(&s);
}

static void
seeds_are_checked(void)
{
    static const char *const bad[] = {
        "{\"device_policies\": [{\"name\": \"A\"}]}",
        "{\"device_policies\": [{\"default\": true}]}",
        "{\"device_policies\": [{\"name\": \"A\", \"default\": true,"
        " \"mobile\": {\"enabled\": true,"
        " \"applications\": [{\"name\": \"None\"}]}}]}",
        "{\"policy_by_acr\": {\"urn:x\": \"None\"}}",
    };
    struct factor_error err = { .code = 0 };
    size_t i;

    for (i = 0; i < TAP_COUNT(bad); i++) {
        CU_ASSERT_PTR_NULL(factor_test_new(plugin, parse(bad[i]), &err));
        CU_ASSERT_NOT_EQUAL(strlen(err.text), 0);
    }
}

static const struct tap_test tests[] = {
    { "M4: without a user the adapter fails", nobody_fails },
    { "authn D.1-1, M4: begins with the primary device", begins_with_primary },
    { "authn D.1-3, D.7-6: one device, e-mail", one_email },
    { "a right code writes no device that had no failures",
      nothing_to_write },
    { "authn D.1-2, D.7-8: several devices are listed", several_are_listed },
    { "authn D.3: the flags of DEVICE_SELECTION_REQUIRED",
      flags_of_selection },
    { "authn D.7-9: selection modes and the default", selection_modes },
    { "device authentication policy by input and acr",
      policies_by_input_and_acr },
    { "authn D.7-3, D.7-4: no device, block and bypass", without_devices },
    { "authn D.9: users that are disabled, or without MFA", disabled_users },
    { "a bypass window of the operator", bypass_window },
    { "authn D.4-3: wrong codes end it and lock the device",
      wrong_codes_end_it },
    { "O4: the account locks over flows and devices", account_locks },
    { "M7: coolDown 0 still waits, and disables", waits_without_cool_down },
    { "M7: a right but expired code is not counted", codes_expire },
    { "S5, authn D.4-5: resends, pace and limit", resends },
    { "S5: resends to devices in turn", resends_in_turn },
    { "O4: the account's lock is that of all devices", lock_of_all_devices },
    { "O9: TOTP, once only", totp },
    { "authn D.8: TOTP attempts", totp_attempts },
    { "authn D.1-4, E.4: push approved", push_approved },
    { "authn E.4: what a GET has shown can be continued",
      continues_from_what_is_seen },
    { "authn D.1-6, E.5: push rejected, retried, changed", push_rejected },
    { "authn D.1-5, E.6: push times out; a passcode instead",
      push_times_out },
    { "authn D.1-4: a passcode instead of the push", code_instead_of_push },
    { "M5: a service that refuses counts as timed out",
      push_refused_by_service },
    { "M5: what a service refused does not count as ignored",
      refused_pushes_lock_nothing },
    { "authn D.11: ignored pushes lock the device", ignored_pushes_lock },
    { "authn D.11: pushes that wait are counted too",
      waiting_pushes_are_counted },
    { "a device that is blocked meanwhile proves nothing",
      blocked_meanwhile },
    { "M10: permissive under ping_defaults alone", silence_is_no_answer },
    { "cancelling leaves nothing to approve", cancel_kills_the_push },
    { "M1: a device authentication ends", authentication_expires },
    { "another user's device is none", devices_of_others },
    { "changing the device can be forbidden", fixed_device },
    { "O8: what the host refuses to send", sends_refused },
    { "seeds that make no sense are refused", seeds_are_checked },
};

static int
set_up(void)
{
    const char *folder = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { .code = 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/adapter-mfa.so",
             folder ? folder : ".");
    plugin = factor_test_load(path, &err);
    if (!plugin)
        fprintf(stderr, "%s\n", err.text);
    return plugin == NULL;
}

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, NULL };

    return tap_main_with("mfa authentication", &fixture, tests,
                         TAP_COUNT(tests));
}
