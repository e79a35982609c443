/* SPDX-License-Identifier: MIT */
/* tests/test_mfa_pairing.c - pairing and device management of the MFA adapter
 * under the fake host. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passcode/passcode.h"
#include "plugin/adapter-mfa/mfa_auth.h"
#include "plugin/adapter-mfa/mfa_pairing.h"
#include "tests/mfa_rig.h"
#include "tests/tap.h"

#define METHOD "DEVICE_PAIRING_METHOD_REQUIRED"
#define METHOD_FAILED "MFA_DEVICE_PAIRING_METHOD_FAILED"
#define PROMPTLESS                                                             \
    "\"device_policies\": [{\"name\": \"P\", \"default\": true,"               \
    " \"email\": {\"enabled\": true}, \"totp\": {\"enabled\": true},"          \
    " \"mobile\": {\"enabled\": true, \"applications\": [{\"name\":"           \
    "  \"Authenticator\", \"push\": {\"enabled\": true},"                      \
    "  \"otp\": {\"enabled\": true},"                                          \
    "  \"pairingConfirmation\": {\"enabled\": false}}]}}]"

/* --- Setup --- */

static void
setup_state(void)
{
    struct scene s = open_scene(OPEN);

    authenticate(&s);
    CU_ASSERT_TRUE(in_state(&s, "MFA_SETUP_REQUIRED"));
    CU_ASSERT_TRUE(
        json_is_false(json_object_get(s.reply->model, "allowSkipMfa")));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "user"), "username"), "kim");
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "setupMfa"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "skipMfa"));
    act(&s, "skipMfa", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    close_scene(&s);
}

static void
setup_skipped(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                                ", \"allow_skip\": true}");

    authenticate(&s);
    CU_ASSERT_TRUE(flag(s.reply->model, "allowSkipMfa"));
    act(&s, "skipMfa", NULL);
    CU_ASSERT_TRUE(has_status(&s, "web_login_no_devices"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 0);
    CU_ASSERT_EQUAL(s.reply->kinds, 0);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.bypassed"));
    close_scene(&s);
}

static void
setup_cancelled(void)
{
    struct scene s = open_scene(OPEN);

    authenticate(&s);
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

/* A password alone pairs nothing. */
static void
setup_refused_by_default(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP "}");

    authenticate(&s);
    CU_ASSERT_TRUE(failed_with(&s, "MFA_FAILED", "INVALID_DEVICE"));
    factor_test_set_flow(s.t, "MFA_SETUP_REQUIRED", NULL);
    act(&s, "setupMfa", NULL);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    factor_test_set_flow(s.t, METHOD, NULL);
    get(&s);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(
                        s.reply->model, "devicePairingMethods")), 0);
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    close_scene(&s);
}

/* --- The menu --- */

static void
menu_state(void)
{
    struct scene s = open_scene(
        "{\"applications\": [{\"name\": \"One\", \"id\": \"" APP "\"},"
        " {\"name\": \"Two\", \"id\": \"" OTHER_APP "\"}], " SETUP
        ", " FIRST_ALLOWED "}");
    static const char *const types[] = { "MOBILE", "MOBILE", "TOTP", "Voice",
                                         "SMS", "Email" };
    const json_t *list;
    size_t i;

    to_menu(&s);
    list = json_object_get(s.reply->model, "devicePairingMethods");
    CU_ASSERT_EQUAL(json_array_size(list), TAP_COUNT(types));
    for (i = 0; i < TAP_COUNT(types); i++)
        CU_ASSERT_STRING_EQUAL(text(json_array_get(list, i), "deviceType"),
                               types[i]);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 0), "applicationName"),
                           "One");
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 1), "applicationName"),
                           "Two");
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "cancelDevicePairing"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_SETUP_REQUIRED"));
    close_scene(&s);
}

static void
menu_of_policy(void)
{
    struct scene s = open_scene(
        "{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
        ", \"device_policies\": [{\"name\": \"P\", \"default\": true,"
        " \"email\": {\"enabled\": true, \"pairingDisabled\": true},"
        " \"sms\": {\"enabled\": false}, \"totp\": {\"enabled\": true},"
        " \"mobile\": {\"enabled\": true, \"applications\": [{\"name\":"
        " \"Authenticator\", \"push\": {\"enabled\": true},"
        " \"pairingDisabled\": true}]}}]}");
    const json_t *list;

    to_menu(&s);
    list = json_object_get(s.reply->model, "devicePairingMethods");
    CU_ASSERT_EQUAL(json_array_size(list), 1);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 0), "deviceType"),
                           "TOTP");
    choose_method(&s, "Email");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    choose_method(&s, "FIDO2");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    choose_method(&s, "totp");
    CU_ASSERT_TRUE(in_state(&s, "TOTP_ACTIVATION_REQUIRED"));
    close_scene(&s);
}

static void
unknown_application(void)
{
    struct scene s = open_scene(OPEN);

    to_menu(&s);
    act(&s, "selectDevicePairingMethod",
        json_pack("{s:{s:s, s:s}}", "devicePairingMethod", "deviceType",
                  "MOBILE", "applicationName", "Nope"));
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    act(&s, "selectDevicePairingMethod",
        json_pack("{s:{s:s, s:s}}", "devicePairingMethod", "deviceType",
                  "MOBILE", "applicationName", "Authenticator"));
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    close_scene(&s);
}

/* --- E-mail, SMS, voice --- */

static void
email_paired(void)
{
    struct scene s = open_scene(OPEN);
    const json_t *body;

    to_menu(&s);
    choose_method(&s, "Email");
    CU_ASSERT_TRUE(in_state(&s, "EMAIL_PAIRING_TARGET_REQUIRED"));
    submit(&s, "submitEmailTarget", "email", " Kim.Home@acme.test ");
    CU_ASSERT_TRUE(in_state(&s, "EMAIL_ACTIVATION_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "email"), "Ki****@acme.test");
    CU_ASSERT_EQUAL(number(s.reply->model, "otpLength"), 6);
    CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.pairing"), "address"),
                           "Kim.Home@acme.test");
    body = device(&s, s.device);
    CU_ASSERT_STRING_EQUAL(text(body, "status"), "ACTIVATION_REQUIRED");
    CU_ASSERT_EQUAL(strlen(text(json_object_get(body, "secret"), "key")), 40);
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_paired"));
    CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.device_added"), "address"),
                           "kim@acme.test");
    body = device(&s, s.device);
    CU_ASSERT_STRING_EQUAL(text(body, "status"), "ACTIVE");
    CU_ASSERT_PTR_NULL(json_object_get(json_object_get(body, "secret"),
                                       "key"));
    CU_ASSERT_PTR_NULL(json_object_get(body, "code_expires_at_ms"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    CU_ASSERT_TRUE(has_amr(&s, "[]"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "pingone.mfa.device.id"),
                           s.device);
    close_scene(&s);
}

static void
numbers_paired(void)
{
    static const struct {
        const char *type, *target, *submit, *activation, *activate;
    } rows[] = {
        { "SMS", "SMS_PAIRING_TARGET_REQUIRED", "submitSmsTarget",
          "SMS_ACTIVATION_REQUIRED", "activateSmsDevice" },
        { "Voice", "VOICE_PAIRING_TARGET_REQUIRED", "submitVoiceTarget",
          "VOICE_ACTIVATION_REQUIRED", "activateVoiceDevice" },
    };
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene(OPEN);
        to_menu(&s);
        choose_method(&s, rows[i].type);
        CU_ASSERT_TRUE(in_state(&s, rows[i].target));
        submit(&s, rows[i].submit, "phone", "+1 (512) 555-0100");
        CU_ASSERT_TRUE(in_state(&s, rows[i].activation));
        CU_ASSERT_STRING_EQUAL(text(s.reply->model, "phone"), "+151*****00");
        CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.pairing"), "address"),
                               "+15125550100");
        enter_code(&s, rows[i].activate, s.code);
        CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
        act(&s, "continueAuthentication", NULL);
        CU_ASSERT_TRUE(has_status(&s, "device_paired"));
        CU_ASSERT_TRUE(has_amr(&s, "[]"));
        close_scene(&s);
    }
}

static void
bad_targets(void)
{
    static const char *const emails[] = {
        "kim", "@acme.test", "kim@", "kim@@acme.test", "ki m@acme.test",
        "kim@acme..test", "kim@-acme.test", "kim@acme-.test", ".kim@acme.test",
        "kim.@acme.test", "kim@acme.test,joe@acme.test", "<kim@acme.test>",
        "kim@acme_.test", "\"kim\"@acme.test", "kim@acme.test\r\nBcc: x@y.z",
    };
    static const char *const numbers[] = {
        "5125550100", "+", "+123456", "+1234567890123456", "+0125550100",
        "+1512555010x", "++15125550100", "15125550100+",
    };
    struct scene s = open_scene(OPEN);
    size_t i;

    to_menu(&s);
    choose_method(&s, "Email");
    for (i = 0; i < TAP_COUNT(emails); i++) {
        submit(&s, "submitEmailTarget", "email", emails[i]);
        if (!is_error(&s, "INVALID_DEVICE_TARGET", "INVALID_DEVICE_TARGET"))
            CU_FAIL(emails[i]);
        CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    }
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->details, 0), "target"),
                           "email");
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    choose_method(&s, "SMS");
    for (i = 0; i < TAP_COUNT(numbers); i++) {
        submit(&s, "submitSmsTarget", "phone", numbers[i]);
        if (!is_error(&s, "INVALID_DEVICE_TARGET", "INVALID_DEVICE_TARGET"))
            CU_FAIL(numbers[i]);
    }
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

/* One mailbox is one device. */
static void
target_twice(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    act(&s, "setupMfa", NULL);
    choose_method(&s, "Email");
    submit(&s, "submitEmailTarget", "email", "D-Email@ACME.test");
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    close_scene(&s);
}

static void
to_email_activation(struct scene *s)
{
    to_menu(s);
    choose_method(s, "Email");
    submit(s, "submitEmailTarget", "email", "home@acme.test");
    CU_ASSERT_TRUE(in_state(s, "EMAIL_ACTIVATION_REQUIRED"));
}

static void
wrong_codes(void)
{
    struct scene s = open_scene(OPEN);

    to_email_activation(&s);
    enter_wrong(&s, "activateEmailDevice");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    CU_ASSERT_EQUAL(number(json_array_get(s.reply->details, 0),
                           "attemptsRemaining"), 2);
    enter_code(&s, "activateEmailDevice", "x");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    enter_wrong(&s, "activateEmailDevice");
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "OTP_ATTEMPTS_LIMIT"));
    CU_ASSERT_TRUE(strcmp(text(s.reply->model, "userMessage"), "(none)") != 0);
    CU_ASSERT_TRUE(strcmp(text(s.reply->model, "message"), "(none)") != 0);
    CU_ASSERT_EQUAL(device_count(&s), 0);
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "mfa.account", KIM),
                           "failures"), 3);
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    close_scene(&s);
}

/* Guessing over pending devices ends at the account's lock. */
static void
wrong_codes_lock(void)
{
    struct scene s = open_scene(OPEN);

    to_email_activation(&s);
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:i}", "v", 1, "failures", 19));
    enter_wrong(&s, "activateEmailDevice");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    CU_ASSERT_STRING_EQUAL(text(device(&s, s.device), "status"),
                           "ACTIVATION_REQUIRED");
    close_scene(&s);
}

static void
resent(void)
{
    struct scene s =
        open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                   ", \"resend_cooldown\": \"20s\", \"max_resends\": 2}");
    char code[16];

    to_email_activation(&s);
    memcpy(code, s.code, sizeof(code));
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    CU_ASSERT_EQUAL(number(json_array_get(s.reply->details, 0),
                           "retry_at_ms"),
                    factor_test_now(s.t) + 20 * SECOND);
    factor_test_advance(s.t, 20 * SECOND);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(in_state(&s, "EMAIL_ACTIVATION_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(s.code, code);
    factor_test_advance(s.t, 4 * MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_STRING_NOT_EQUAL(s.code, code);
    factor_test_advance(s.t, 20 * SECOND);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    enter_code(&s, "activateEmailDevice", code);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

/* Beginning again does not begin to count again. */
static void
sends_are_counted(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                                ", " NO_COOLDOWN ", \"max_resends\": 1}");

    to_email_activation(&s);
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "SMS");
    submit(&s, "submitSmsTarget", "phone", "+15125550100");
    CU_ASSERT_TRUE(in_state(&s, "SMS_ACTIVATION_REQUIRED"));
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_EQUAL(device_count(&s), 0);
    choose_method(&s, "Email");
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

static void
host_refuses_sends(void)
{
    struct scene s = open_scene(OPEN);

    to_menu(&s);
    choose_method(&s, "Email");
    factor_test_refuse_sends(s.t, 1);
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    factor_test_refuse_sends(s.t, 0);
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    factor_test_refuse_sends(s.t, 1);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    /* The notice is not worth the device; that none went out is known. */
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.notice_refused"));
    close_scene(&s);
}

static void
code_expires(void)
{
    struct scene s = open_scene(OPEN);
    const json_t *detail;

    to_email_activation(&s);
    factor_test_advance(s.t, 5 * MINUTE);
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    detail = json_array_get(s.reply->details, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text(detail, "userMessage"), "expired"));
    CU_ASSERT_PTR_NULL(json_object_get(detail, "attemptsRemaining"));
    act(&s, "resendOtp", NULL);
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

static void
pending_vanishes(void)
{
    struct scene s = open_scene(OPEN);

    to_email_activation(&s);
    operate(&s, "dropDevice", json_pack("{s:s}", "id", s.device));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "INVALID_DEVICE"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    close_scene(&s);
}

/* --- M3: the address on file --- */

static void
email_confirmed(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_EMAIL "}");
    const json_t *list;

    to_menu(&s);
    list = json_object_get(s.reply->model, "devicePairingMethods");
    CU_ASSERT_EQUAL(json_array_size(list), 1);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(list, 0), "deviceType"),
                           "Email");
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    choose_method(&s, "Email");
    CU_ASSERT_TRUE(in_state(&s, "EMAIL_ACTIVATION_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.pairing"), "address"),
                           "kim@acme.test");
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_amr(&s, "[\"otp\",\"email\"]"));
    close_scene(&s);
}

static void
email_confirmed_is_the_only_one(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_EMAIL "}");

    to_menu(&s);
    factor_test_set_flow(s.t, "EMAIL_PAIRING_TARGET_REQUIRED", NULL);
    submit(&s, "submitEmailTarget", "email", "mallory@evil.test");
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    close_scene(&s);
}

static void
email_confirmed_needs_an_address(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_EMAIL "}");

    factor_test_add_user(s.t, KIM, "kim", NULL);
    authenticate(&s);
    CU_ASSERT_TRUE(failed_with(&s, "MFA_FAILED", "INVALID_DEVICE"));
    close_scene(&s);
}

/* --- TOTP --- */

static void
app_code(const struct scene *s, int64_t steps, char ret_code[PASSCODE_SIZE])
{
    const char *hex =
        text(json_object_get(device(s, s->device), "secret"), "key");
    struct passcode_totp totp = { .hash = PASSCODE_SHA1,
                                  .digits = 6,
                                  .period_s = 30 };
    unsigned byte;
    size_t i;

    for (i = 0; i < 20 && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
        totp.key.bytes[i] = (uint8_t)byte;
    totp.key.len = 20;
    CU_ASSERT_TRUE(passcode_totp_at(
        &totp, factor_test_now(s->t) / 30000 + steps, ret_code));
}

static void
totp_paired(void)
{
    struct scene s = open_scene(OPEN);
    char code[PASSCODE_SIZE], expected[200];

    to_menu(&s);
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(in_state(&s, "TOTP_ACTIVATION_REQUIRED"));
    CU_ASSERT_EQUAL(number(s.reply->model, "otpLength"), 6);
    CU_ASSERT_EQUAL(strlen(text(s.reply->model, "pairingKey")), 32);
    snprintf(expected, sizeof(expected),
             "otpauth://totp/factord:kim?secret=%s&issuer=factord",
             text(s.reply->model, "pairingKey"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "keyUri"), expected);
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "resendOtp"));
    app_code(&s, 0, code);
    enter_code(&s, "activateTotpDevice", code);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "pairedDevice"), "type"),
        "TOTP");
    CU_ASSERT_EQUAL(number(device(&s, s.device), "last_step"),
                    factor_test_now(s.t) / 30000);
    act(&s, "skipUpdateDeviceNickname", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    CU_ASSERT_TRUE(has_amr(&s, "[]"));
    begin(&s);
    authenticate(&s);
    enter_code(&s, "checkOtp", code);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    close_scene(&s);
}

static void
totp_wrong(void)
{
    struct scene s = open_scene(OPEN);
    char code[PASSCODE_SIZE];

    to_menu(&s);
    choose_method(&s, "TOTP");
    app_code(&s, 5, code);
    enter_code(&s, "activateTotpDevice", code);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    enter_code(&s, "activateTotpDevice", code);
    enter_code(&s, "activateTotpDevice", code);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "TOTP_ATTEMPTS_LIMIT"));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

static void
totp_expires(void)
{
    struct scene s = open_scene(OPEN);

    to_menu(&s);
    choose_method(&s, "TOTP");
    CU_ASSERT_EQUAL(s.reply->changes_at_ms,
                    factor_test_now(s.t) + 30 * MINUTE);
    factor_test_advance(s.t, 30 * MINUTE - 1);
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "TOTP_ACTIVATION_REQUIRED"));
    factor_test_advance(s.t, 1);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "OTP_EXPIRED"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    close_scene(&s);
}

static void
totp_uri_parameters(void)
{
    struct scene s = open_scene(
        "{" SETUP ", " FIRST_ALLOWED ", \"brand\": \"Acme & Co\","
        " \"device_policies\": [{\"name\": \"P\", \"default\": true,"
        " \"totp\": {\"enabled\": true, \"uriParameters\": {\"issuer\":"
        " \"Acme: IT\", \"image\": \"https://a/b\", \"digits\": \"8\"}}}]}");
    char end[100];

    to_menu(&s);
    choose_method(&s, "TOTP");
    snprintf(end, sizeof(end),
             "%s&issuer=Acme%%3A%%20IT&image=https%%3A%%2F%%2Fa%%2Fb",
             text(s.reply->model, "pairingKey"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text(s.reply->model, "keyUri"), end));
    CU_ASSERT_PTR_NOT_NULL(strstr(text(s.reply->model, "keyUri"),
                                  "totp/Acme%20%26%20Co:kim?"));
    CU_ASSERT_PTR_NULL(strstr(text(s.reply->model, "keyUri"), "digits"));
    close_scene(&s);
}

/* --- Names --- */

static void
to_nickname(struct scene *s)
{
    char code[PASSCODE_SIZE];

    to_menu(s);
    choose_method(s, "TOTP");
    app_code(s, 0, code);
    enter_code(s, "activateTotpDevice", code);
    CU_ASSERT_TRUE(in_state(s, "UPDATE_NICKNAME"));
}

static void
rename_to(struct scene *s, const char *id, const char *nickname)
{
    act(s, "updateDeviceNickname",
        json_pack("{s:s, s:s}", "id", id, "nickname", nickname));
}

static void
named(void)
{
    static const char *const bad[] = { "a\nb", "\x7f" };
    struct scene s = open_scene(OPEN);
    char id[64], long_name[302];
    size_t i;

    to_nickname(&s);
    memcpy(id, s.device, sizeof(id));
    seed_email(&s, "d-email");
    rename_to(&s, "d-email", "Mine");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    rename_to(&s, "nope", "Mine");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    for (i = 0; i < TAP_COUNT(bad); i++) {
        rename_to(&s, id, bad[i]);
        CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                                "INVALID_DEVICE_TARGET"));
    }
    for (i = 0; i < 101; i++)
        memcpy(long_name + 2 * i, "ö", 3);
    rename_to(&s, id, long_name);
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    rename_to(&s, id, long_name + 2);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    CU_ASSERT_STRING_EQUAL(text(device(&s, id), "nickname"), long_name + 2);
    close_scene(&s);
}

/* --- MOBILE --- */

static const char *
pairing_id(const struct scene *s)
{
    return text(factor_test_flow_data(s->t), "pairing");
}

static const json_t *
pairing(const struct scene *s)
{
    return factor_test_record(s->t, "mfa.pairing", pairing_id(s));
}

/* What a phone's claim writes. */
static void
claim(struct scene *s, const char *status)
{
    seed_phone(s, "d-phone", status);
    change(s, "mfa.pairing", pairing_id(s),
           json_pack("{s:s, s:s}", "device", "d-phone", "thumbprint", "t"));
}

static void
to_phone(struct scene *s)
{
    to_menu(s);
    choose_method(s, "MOBILE");
    CU_ASSERT_TRUE(in_state(s, "MOBILE_ACTIVATION_REQUIRED"));
}

/* The key in a pairing link. */
static void
key_of(const char *link, char key[32])
{
    const char *at = strstr(link, "&key=");

    key[0] = '\0';
    if (at)
        sscanf(at + 5, "%31[A-Z0-9]", key);
}

static void
has_name(const struct scene *s, const char *id, const char *key)
{
    const json_t *all = factor_test_records(s->t), *at;
    char name[400];
    size_t i;

    factor_test_keyed_name("mfa.pairing", key, strlen(key), name);
    for (i = 0; i < json_array_size(all); i++) {
        at = json_array_get(all, i);
        if (strcmp(text(at, "id"), id) == 0)
            CU_ASSERT_STRING_EQUAL(text(at, "name"), name);
    }
}

static void
phone_link(void)
{
    static const char before[] =
        FACTOR_TEST_BASE_URL "/authenticator/#v=1&iss=https%3A%2F%2Fhost.test"
                             "&key=";
    struct scene s = open_scene(OPEN);
    const char *link;
    char key[32], clean[MFA_PAIRING_KEY_SIZE];

    to_phone(&s);
    link = text(s.reply->model, "pairingKey");
    CU_ASSERT_NSTRING_EQUAL(link, before, strlen(before));
    key_of(link, key);
    CU_ASSERT_EQUAL(strlen(key), 16);
    CU_ASSERT_TRUE(mfa_pairing_clean(key, clean));
    CU_ASSERT_STRING_EQUAL(clean, key);
    CU_ASSERT_STRING_EQUAL(link + strlen(before) + 16,
                           "&fp=" FACTOR_TEST_ISSUER_THUMBPRINT
                           "&app=Authenticator");
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "applicationName"),
                           "Authenticator");
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "activateMobileDevice"));
    CU_ASSERT_EQUAL(s.reply->changes_at_ms,
                    factor_test_now(s.t) + 10 * MINUTE);
    CU_ASSERT_STRING_EQUAL(text(pairing(&s), "application"), APP);
    CU_ASSERT_TRUE(json_is_false(json_object_get(pairing(&s), "operator")));
    CU_ASSERT_EQUAL(number(pairing(&s), "expires_at_ms"),
                    factor_test_now(s.t) + 10 * MINUTE);
    has_name(&s, pairing_id(&s), key);
    close_scene(&s);
}

static void
numeric_key(void)
{
    struct scene s = open_scene(
        "{" ONE_APP ", " SETUP ", " FIRST_ALLOWED ", \"mfa_settings\":"
        " {\"pairing\": {\"pairingKeyFormat\": \"NUMERIC\"}}}");
    char key[32];

    to_phone(&s);
    key_of(text(s.reply->model, "pairingKey"), key);
    CU_ASSERT_EQUAL(strlen(key), 12);
    CU_ASSERT_EQUAL(strspn(key, "0123456789"), 12);
    close_scene(&s);
}

/* With several applications the shortest life. */
static void
any_application(void)
{
    struct scene s = open_scene(
        "{\"applications\": [{\"name\": \"One\", \"id\": \"" APP "\"},"
        " {\"name\": \"Two\", \"id\": \"" OTHER_APP "\"}], " SETUP
        ", " FIRST_ALLOWED ", \"device_policies\": [{\"name\": \"P\","
        " \"default\": true, \"mobile\": {\"enabled\": true,"
        " \"applications\": [{\"name\": \"One\", \"push\": {\"enabled\": true},"
        " \"pairingKeyLifetime\": {\"duration\": 1, \"timeUnit\": \"HOURS\"}},"
        " {\"name\": \"Two\", \"otp\": {\"enabled\": true},"
        " \"pairingKeyLifetime\": {\"duration\": 3, \"timeUnit\":"
        " \"MINUTES\"}}]}}]}");

    to_phone(&s);
    CU_ASSERT_PTR_NULL(json_object_get(pairing(&s), "application"));
    CU_ASSERT_PTR_NULL(json_object_get(s.reply->model, "applicationName"));
    CU_ASSERT_EQUAL(number(pairing(&s), "expires_at_ms"),
                    factor_test_now(s.t) + 3 * MINUTE);
    close_scene(&s);
}

static void
phone_confirmed(void)
{
    struct scene s = open_scene(OPEN);
    const json_t *shown;

    to_phone(&s);
    claim(&s, "ACTIVATION_REQUIRED");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    shown = json_object_get(s.reply->model, "pairedDevice");
    CU_ASSERT_STRING_EQUAL(text(shown, "id"), "d-phone");
    CU_ASSERT_STRING_EQUAL(text(shown, "type"), "MOBILE");
    CU_ASSERT_STRING_EQUAL(text(shown, "name"), "Kim's phone");
    CU_ASSERT_STRING_EQUAL(text(shown, "check"), PHONE_CHECK);
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "activateMobileDevice"));
    act(&s, "activateMobileDevice", NULL);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_paired"));
    CU_ASSERT_PTR_NOT_NULL(message(&s, "mfa.device_added"));
    CU_ASSERT_STRING_EQUAL(text(device(&s, "d-phone"), "status"), "ACTIVE");
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "applicationName"),
                           "Authenticator");
    rename_to(&s, "d-phone", "Blue");
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    CU_ASSERT_TRUE(has_amr(&s, "[]"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "pingone.mfa.device.id"),
                           "d-phone");
    close_scene(&s);
}

static void
phone_declined(void)
{
    struct scene s = open_scene(OPEN);
    char id[64];

    to_phone(&s);
    snprintf(id, sizeof(id), "%s", pairing_id(&s));
    claim(&s, "ACTIVATION_REQUIRED");
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    CU_ASSERT_PTR_NULL(factor_test_record(s.t, "mfa.pairing", id));
    close_scene(&s);
}

static void
phone_cancelled_before(void)
{
    struct scene s = open_scene(OPEN);
    char id[64];

    to_phone(&s);
    snprintf(id, sizeof(id), "%s", pairing_id(&s));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    CU_ASSERT_PTR_NULL(factor_test_record(s.t, "mfa.pairing", id));
    close_scene(&s);
}

static void
phone_without_confirmation(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    claim(&s, "ACTIVE");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "pairedDevice"), "id"),
        "d-phone");
    act(&s, "skipUpdateDeviceNickname", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    close_scene(&s);
}

static void
phone_straight_on(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                                ", " PROMPTLESS "}");

    to_phone(&s);
    claim(&s, "ACTIVE");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    CU_ASSERT_TRUE(has_amr(&s, "[]"));
    close_scene(&s);
}

static void
phone_fails(void)
{
    static const struct {
        const char *error, *code;
    } rows[] = {
        { "LIMIT_EXCEEDED", "LIMIT_EXCEEDED" },
        { "APPLICATION_INVALID", "APPLICATION_INVALID" },
        { "SOMETHING_NEW", "PAIRING_KEY_INVALID" },
    };
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene(OPEN);
        to_phone(&s);
        change(&s, "mfa.pairing", pairing_id(&s),
               json_pack("{s:s}", "error", rows[i].error));
        get(&s);
        CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, rows[i].code));
        act(&s, "cancelDevicePairing", NULL);
        CU_ASSERT_TRUE(in_state(&s, METHOD));
        close_scene(&s);
    }
}

static void
phone_never_comes(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    factor_test_advance(s.t, 10 * MINUTE - 1);
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    factor_test_advance(s.t, 1);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "PAIRING_KEY_INVALID"));
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    close_scene(&s);
}

static void
phone_removed_meanwhile(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    change(&s, "mfa.pairing", pairing_id(&s),
           json_pack("{s:s}", "device", "gone"));
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "INVALID_DEVICE"));
    close_scene(&s);
}

/* A poll takes what came; the next one is one too many. */
static void
phone_polled(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    claim(&s, "ACTIVATION_REQUIRED");
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    CU_ASSERT_PTR_NOT_NULL(json_object_get(s.reply->model, "pairedDevice"));
    change(&s, "mfa.device", "d-phone", json_pack("{s:s}", "status", "ACTIVE"));
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "pairedDevice"), "id"),
        "d-phone");
    act(&s, "poll", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    act(&s, "skipUpdateDeviceNickname", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

static void
phone_polled_after_failure(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    change(&s, "mfa.pairing", pairing_id(&s),
           json_pack("{s:s}", "error", "LIMIT_EXCEEDED"));
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "LIMIT_EXCEEDED"));
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "LIMIT_EXCEEDED"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    close_scene(&s);
}

/* --- Limits --- */

static void
device_limit(void)
{
    struct scene s = open_scene(
        "{" ONE_APP ", " MANAGE ", " NO_COOLDOWN ", \"mfa_settings\":"
        " {\"pairing\": {\"maxAllowedDevices\": 3}}}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-two");
    to_management(&s);
    CU_ASSERT_TRUE(flag(s.reply->model, "manualPairingPermitted"));
    seed_email(&s, "d-three");
    change(&s, "mfa.device", "d-three", json_pack("{s:b}", "blocked", 1));
    get(&s);
    CU_ASSERT_FALSE(flag(s.reply->model, "manualPairingPermitted"));
    act(&s, "setupMfa", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

/* It is looked at again where it counts. */
static void
device_limit_reached_meanwhile(void)
{
    struct scene s = open_scene(
        "{" ONE_APP ", " MANAGE ", " NO_COOLDOWN ", \"mfa_settings\":"
        " {\"pairing\": {\"maxAllowedDevices\": 3}}}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-two");
    to_management(&s);
    act(&s, "setupMfa", NULL);
    choose_method(&s, "Email");
    seed_email(&s, "d-three");
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    change(&s, "mfa.device", "d-three",
           json_pack("{s:s}", "status", "ACTIVATION_REQUIRED"));
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    CU_ASSERT_TRUE(in_state(&s, "EMAIL_ACTIVATION_REQUIRED"));
    change(&s, "mfa.device", "d-three", json_pack("{s:s}", "status", "ACTIVE"));
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "LIMIT_EXCEEDED"));
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

static void
phone_limit_reached_meanwhile(void)
{
    struct scene s = open_scene(
        "{" ONE_APP ", " MANAGE ", " NO_COOLDOWN ", \"mfa_settings\":"
        " {\"pairing\": {\"maxAllowedDevices\": 3}}}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-two");
    to_management(&s);
    act(&s, "setupMfa", NULL);
    choose_method(&s, "MOBILE");
    claim(&s, "ACTIVATION_REQUIRED");
    seed_email(&s, "d-three");
    act(&s, "activateMobileDevice", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

static void
pending_limit(void)
{
    struct scene s = open_scene(OPEN);
    char id[32];
    int i;

    to_menu(&s);
    for (i = 0; i < 50; i++) {
        snprintf(id, sizeof(id), "d-%d", i);
        seed_email(&s, id);
        change(&s, "mfa.device", id,
               json_pack("{s:s}", "status", "ACTIVATION_REQUIRED"));
    }
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

/* Live ones alone count. */
static void
key_limit(void)
{
    struct scene s = open_scene(OPEN);
    char id[32];
    int i;

    to_menu(&s);
    for (i = 0; i < 21; i++) {
        snprintf(id, sizeof(id), "p-%d", i);
        factor_test_seed(s.t, "mfa.pairing", id, KIM, NULL,
                         json_pack("{s:i, s:I}", "v", 1, "expires_at_ms",
                                   (json_int_t)factor_test_now(s.t) + 1));
    }
    change(&s, "mfa.pairing", "p-20", json_pack("{s:s}", "device", "d"));
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    change(&s, "mfa.pairing", "p-0", json_pack("{s:s}", "error", "e"));
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    close_scene(&s);
}

/* --- Who has devices proves one first --- */

static void
mfa_before_pairing(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    authenticate(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    act(&s, "setupMfa", NULL);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_TRUE(flag(s.reply->model, "manualPairing"));
    CU_ASSERT_TRUE(flag(s.reply->model, "manageDeviceRequested"));
    act_on(&s, "selectDevice", "d-email");
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    enter_code(&s, "checkOtp", s.code);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    choose_method(&s, "SMS");
    submit(&s, "submitSmsTarget", "phone", "+15125550100");
    enter_code(&s, "activateSmsDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "web_login_email"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "pingone.mfa.device.id"),
                           "d-email");
    close_scene(&s);
}

/* Asking for management is no way around the count of wrong codes. */
static void
counts_survive(void)
{
    struct scene s = open_scene(MANAGED);
    char auth[64];

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    authenticate(&s);
    snprintf(auth, sizeof(auth), "%s",
             text(factor_test_flow_data(s.t), "auth"));
    act(&s, "manageDevices", NULL);
    CU_ASSERT_STRING_EQUAL(text(factor_test_flow_data(s.t), "auth"), auth);
    close_scene(&s);
}

/* A push that is approved leads there, too. */
static void
push_before_pairing(void)
{
    struct scene s = open_scene(MANAGED);
    const char *id;
    json_t *push;

    seed_email(&s, "d-email");
    seed_phone(&s, "d-phone", "ACTIVE");
    authenticate(&s);
    act(&s, "setupMfa", NULL);
    act_on(&s, "selectDevice", "d-phone");
    CU_ASSERT_TRUE(in_state(&s, "PUSH_CONFIRMATION_WAITING"));
    id = text(factor_test_flow_data(s.t), "auth");
    push = json_deep_copy(
        json_object_get(factor_test_record(s.t, "mfa.auth", id), "push"));
    json_object_set_new(push, "decision", json_string("APPROVED"));
    change(&s, "mfa.auth", id, json_pack("{s:o}", "push", push));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    act(&s, "poll", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

/* The same without the poll between. */
static void
push_before_pairing_at_once(void)
{
    struct scene s = open_scene(MANAGED);
    const char *id;
    json_t *push;

    seed_email(&s, "d-email");
    seed_phone(&s, "d-phone", "ACTIVE");
    authenticate(&s);
    act(&s, "setupMfa", NULL);
    act_on(&s, "selectDevice", "d-phone");
    id = text(factor_test_flow_data(s.t), "auth");
    push = json_deep_copy(
        json_object_get(factor_test_record(s.t, "mfa.auth", id), "push"));
    json_object_set_new(push, "decision", json_string("APPROVED"));
    change(&s, "mfa.auth", id, json_pack("{s:o}", "push", push));
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(in_state(&s, "TOTP_ACTIVATION_REQUIRED"));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    close_scene(&s);
}

/* Another flow has paired a device: the password is not enough any more. */
static void
overtaken(void)
{
    struct scene s = open_scene(OPEN);

    to_email_activation(&s);
    seed_email(&s, "d-email");
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(device_count(&s), 1);
    enter_code(&s, "checkOtp", s.code);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    close_scene(&s);
}

static void
overtaken_at_the_menu(void)
{
    struct scene s = open_scene(OPEN);

    to_menu(&s);
    seed_email(&s, "d-email");
    choose_method(&s, "TOTP");
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(device_count(&s), 1);
    close_scene(&s);
}

static void
overtaken_phone(void)
{
    struct scene s = open_scene(OPEN);

    to_phone(&s);
    claim(&s, "ACTIVATION_REQUIRED");
    seed_email(&s, "d-email");
    act(&s, "activateMobileDevice", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_PTR_NULL(device(&s, "d-phone"));
    close_scene(&s);
}

static void
overtaken_active_phone(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                                ", " PROMPTLESS "}");

    to_phone(&s);
    claim(&s, "ACTIVE");
    seed_email(&s, "d-email");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "AUTHENTICATION_REQUIRED"));
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "AUTHENTICATION_REQUIRED"));
    act(&s, "authenticate", NULL);
    CU_ASSERT_FALSE(s.reply->kind == FACTOR_TEST_SUCCESS);
    CU_ASSERT_FALSE(strcmp(s.reply->state, "MFA_COMPLETED") == 0);
    close_scene(&s);
}

/* Two activations with one code: one is committed, the other sees it. */
static void
activated_meanwhile(struct factor_test *test, void *context)
{
    struct scene s = { .t = test };

    change(&s, "mfa.device", context,
           json_pack("{s:s}", "status", "ACTIVE"));
}

static void
one_winner(void)
{
    struct scene s = open_scene(OPEN);

    to_email_activation(&s);
    factor_test_before_commit(s.t, activated_meanwhile, s.device);
    enter_code(&s, "activateEmailDevice", s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "INVALID_DEVICE"));
    close_scene(&s);
}

/* --- Management --- */

static void
management_state(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-blocked");
    seed_email(&s, "d-locked");
    seed_email(&s, "d-pending");
    change(&s, "mfa.device", "d-blocked", json_pack("{s:b}", "blocked", 1));
    change(&s, "mfa.device", "d-pending",
           json_pack("{s:s}", "status", "ACTIVATION_REQUIRED"));
    authenticate(&s);
    act(&s, "manageDevices", NULL);
    CU_ASSERT_TRUE(flag(s.reply->model, "manageDeviceRequested"));
    act_on(&s, "selectDevice", "d-email");
    enter_code(&s, "checkOtp", s.code);
    change(&s, "mfa.device", "d-locked",
           json_pack("{s:I}", "locked_until_ms",
                     (json_int_t)factor_test_now(s.t) + 1));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_TRUE(flag(listed(&s, "d-email"), "usable"));
    CU_ASSERT_TRUE(json_is_false(
        json_object_get(listed(&s, "d-blocked"), "usable")));
    CU_ASSERT_TRUE(json_is_false(
        json_object_get(listed(&s, "d-locked"), "usable")));
    CU_ASSERT_PTR_NULL(listed(&s, "d-pending"));
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "user"), "username"), "kim");
    CU_ASSERT_FALSE(flag(s.reply->model, "manualPairing"));
    CU_ASSERT_TRUE(flag(s.reply->model, "userSelectedDefault"));
    CU_ASSERT_TRUE(flag(s.reply->model, "manageDevicesAllowed"));
    CU_ASSERT_TRUE(flag(s.reply->model, "manualPairingPermitted"));
    CU_ASSERT_TRUE(flag(s.reply->model, "changeDevicePermitted"));
    CU_ASSERT_TRUE(flag(s.reply->model, "deviceManagementState"));
    CU_ASSERT_FALSE(flag(s.reply->model, "manageDeviceRequested"));
    CU_ASSERT_FALSE(flag(s.reply->model, "newPairingAuthRequired"));
    close_scene(&s);
}

static void
management_off(void)
{
    struct scene s = open_scene("{" ONE_APP "}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    authenticate(&s);
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "manageDevices"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "setupMfa"));
    act(&s, "manageDevices", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    close_scene(&s);
}

static void
managed_resume(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    act(&s, "resumeAuthentication", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "web_login_email"));
    close_scene(&s);
}

static void
managed_default(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    act_on(&s, "setDefaultDevice", "nope");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    act_on(&s, "setDefaultDevice", "d-other");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_TRUE(flag(listed(&s, "d-other"), "defaultDevice"));
    CU_ASSERT_FALSE(flag(listed(&s, "d-email"), "defaultDevice"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.default_set"));
    close_scene(&s);
}

static void
managed_names(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    rename_to(&s, "d-other", "Work");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_STRING_EQUAL(text(listed(&s, "d-other"), "nickname"), "Work");
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_renamed"));
    rename_to(&s, "d-other", "");
    CU_ASSERT_STRING_EQUAL(text(listed(&s, "d-other"), "nickname"), "");
    act(&s, "updateDeviceNickname", json_pack("{s:s}", "id", "d-other"));
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    close_scene(&s);
}

static void
managed_removal(void)
{
    struct scene s = open_scene(MANAGED);
    const json_t *account;

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    seed_email(&s, "d-third");
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:[s,s,s]}", "v", 1, "order", "d-third",
                               "d-other", "d-email"));
    to_management(&s);
    act_on(&s, "setDefaultDevice", "d-third");
    act_on(&s, "removeDevice", "nope");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    act_on(&s, "removeDevice", "d-third");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_PTR_NULL(device(&s, "d-third"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_removed"));
    CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.device_removed"), "address"),
                           "kim@acme.test");
    account = factor_test_record(s.t, "mfa.account", KIM);
    CU_ASSERT_STRING_EQUAL(text(account, "default_device"), "d-other");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(account, "order")), 2);
    CU_ASSERT_TRUE(flag(listed(&s, "d-other"), "defaultDevice"));
    act_on(&s, "removeDevice", "d-other");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    act_on(&s, "removeDevice", "d-email");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    CU_ASSERT_PTR_NOT_NULL(device(&s, "d-email"));
    close_scene(&s);
}

/* An administrator's block is not a user's to lift by pairing anew. */
static void
blocked_stays(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    change(&s, "mfa.device", "d-other", json_pack("{s:b}", "blocked", 1));
    act_on(&s, "removeDevice", "d-other");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    act_on(&s, "setDefaultDevice", "d-other");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    act_on(&s, "removeDevice", "d-email");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    close_scene(&s);
}

static void
last_one_removed(void)
{
    struct scene s = open_scene("{" ONE_APP ", " MANAGE ", " NO_COOLDOWN
                                ", " FIRST_ALLOWED "}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    act_on(&s, "removeDevice", "d-other");
    act_on(&s, "removeDevice", "d-email");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    act(&s, "resumeAuthentication", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

static void
managed_pairing(void)
{
    struct scene s = open_scene(MANAGED);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    to_management(&s);
    act(&s, "setupMfa", NULL);
    CU_ASSERT_TRUE(in_state(&s, METHOD));
    act(&s, "cancelDevicePairing", NULL);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    act(&s, "setupMfa", NULL);
    choose_method(&s, "MOBILE");
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    claim(&s, "ACTIVE");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    rename_to(&s, "d-phone", "Blue");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_STRING_EQUAL(text(listed(&s, "d-phone"), "nickname"), "Blue");
    act(&s, "setupMfa", NULL);
    choose_method(&s, "SMS");
    submit(&s, "submitSmsTarget", "phone", "+15125550100");
    enter_code(&s, "activateSmsDevice", s.code);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    act(&s, "resumeAuthentication", NULL);
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "web_login_email"));
    close_scene(&s);
}

/* No name is asked for: the list shows the phone as soon as it is there. */
static void
managed_phone_straight_on(void)
{
    struct scene s = open_scene("{" ONE_APP ", " MANAGE ", " NO_COOLDOWN
                                ", " PROMPTLESS "}");

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    factor_test_enter(s.t);
    factor_test_set_flow(s.t, "DEVICE_MANAGEMENT",
                         json_pack("{s:i, s:b, s:b, s:s}", "v", 1, "manage", 1,
                                   "proven", 1, "proof", "email"));
    act(&s, "setupMfa", NULL);
    choose_method(&s, "MOBILE");
    claim(&s, "ACTIVE");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_PTR_NOT_NULL(listed(&s, "d-phone"));
    act(&s, "poll", NULL);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    act_on(&s, "setDefaultDevice", "d-phone");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    act(&s, "resumeAuthentication", NULL);
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    close_scene(&s);
}

/* --- mobilePayload --- */

static json_t *
payload_claims(const struct scene *s)
{
    return json_pack(
        "{s:i, s:s, s:s, s:I, s:o, s:s, s:s, s:s, s:s, s:s}", "v", 1,
        "purpose", "payload", "aud", FACTOR_TEST_BASE_URL, "iat",
        (json_int_t)(factor_test_now(s->t) / 1000), "key", phone_jwk(),
        "client", "spa", "application", APP, "jti", "AAECAwQFBgcICQoLDA0ODw",
        "name", "Kim's phone", "platform", "android");
}

/* Claims, changed by these members; both are stolen. */
static char *
signed_payload(const char *pem, json_t *claims, json_t *changes)
{
    json_t *header = json_pack("{s:s}", "typ", "factor-phone+jwt");
    char *statement = NULL;

    if (changes)
        json_object_update(claims, changes);
    CU_ASSERT_EQUAL(factor_test_host()->jws_sign(pem, header, claims,
                                                 &statement), FACTOR_OK);
    json_decref(header);
    json_decref(claims);
    json_decref(changes);
    return statement;
}

/* Takes the statement over. */
static void
authenticate_with(struct scene *s, char *statement)
{
    factor_test_set_request(s->t, json_pack("{s:s}", "client", "spa"));
    s->reply = factor_test_enter(s->t);
    act(s, "authenticate",
        json_pack("{s:s}", "mobilePayload", statement ? statement : "###"));
    free(statement);
}

static void
payload_taken_once(void)
{
    struct scene s = open_scene("{" ONE_APP ", " FIRST_ALLOWED "}");
    char *again;

    again = signed_payload(phone_pem, payload_claims(&s), NULL);
    authenticate_with(&s, strdup(again));
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_PAIRING_REQUIRED"));
    CU_ASSERT_NSTRING_EQUAL(text(s.reply->model, "serverPayload"),
                            FACTOR_TEST_BASE_URL "/authenticator/#v=1",
                            strlen(FACTOR_TEST_BASE_URL) + 19);
    begin(&s);
    authenticate_with(&s, again);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_MOBILE_PAYLOAD"));
    begin(&s);
    authenticate_with(
        &s, signed_payload(phone_pem, payload_claims(&s),
                           json_pack("{s:s}", "jti",
                                     "BBECAwQFBgcICQoLDA0ODw")));
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_PAIRING_REQUIRED"));
    close_scene(&s);
}

/* --- payloads that are refused --- */

struct bad_payload {
    const char *what;
    const char *changes; /* JSON; NULL: by another key */
};

static void
payloads_refused(void)
{
    static const struct bad_payload rows[] = {
        { "by another key", NULL },
        { "another purpose", "{\"purpose\": \"pair\"}" },
        { "another issuer", "{\"aud\": \"https://evil.test\"}" },
        { "another client", "{\"client\": \"other\"}" },
        { "no client", "{\"client\": null}" },
        { "another version", "{\"v\": 2}" },
        { "too old", "{\"iat\": 1699999939}" },
        { "too new", "{\"iat\": 1700000061}" },
        { "no time", "{\"iat\": \"1700000000\"}" },
        { "an unknown application", "{\"application\": \"other\"}" },
        { "no jti", "{\"jti\": null}" },
        { "a short jti", "{\"jti\": \"AAECAwQFBgcICQoLDA0OD\"}" },
        { "an odd jti", "{\"jti\": \"AAECAwQFBgcICQoLDA0O+w\"}" },
        { "no name", "{\"name\": \"\"}" },
        { "an odd platform", "{\"platform\": \"palm\"}" },
        { "a push of no text", "{\"push\": 1}" },
        { "no key", "{\"key\": null}" },
        { "a key of another kind",
          "{\"key\": {\"kty\": \"RSA\", \"n\": \"AQAB\", \"e\": \"AQAB\"}}" },
    };
    struct scene s = open_scene("{" ONE_APP ", " FIRST_ALLOWED "}");
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        begin(&s);
        authenticate_with(
            &s, signed_payload(rows[i].changes ? phone_pem : other_pem,
                               payload_claims(&s),
                               rows[i].changes ? parse(rows[i].changes)
                                               : NULL));
        if (!is_error(&s, "VALIDATION_ERROR", "INVALID_MOBILE_PAYLOAD"))
            CU_FAIL(rows[i].what);
    }
    begin(&s);
    authenticate_with(&s, NULL);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_MOBILE_PAYLOAD"));
    close_scene(&s);
}

static void
automatic_needs_first_device(void)
{
    struct scene s = open_scene("{" ONE_APP ", " FIRST_EMAIL ", " SETUP "}");

    authenticate_with(&s,
                      signed_payload(phone_pem, payload_claims(&s), NULL));
    CU_ASSERT_TRUE(in_state(&s, "MFA_SETUP_REQUIRED"));
    close_scene(&s);
}

static void
automatic_outcomes(void)
{
    static const struct {
        const char *member, *value, *status;
    } rows[] = {
        { NULL, NULL, "device_not_paired" },
        { "error", "LIMIT_EXCEEDED", "pairing_error" },
        { "device", "d-phone", "device_paired" },
    };
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        s = open_scene("{" ONE_APP ", " FIRST_ALLOWED "}");
        authenticate_with(
            &s, signed_payload(phone_pem, payload_claims(&s), NULL));
        seed_phone(&s, "d-phone", "ACTIVATION_REQUIRED");
        if (rows[i].member)
            change(&s, "mfa.pairing", pairing_id(&s),
                   json_pack("{s:s}", rows[i].member, rows[i].value));
        act(&s, "continueAuthentication", NULL);
        CU_ASSERT_TRUE(has_status(&s, rows[i].status));
        CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 0);
        CU_ASSERT_EQUAL(
            strcmp(text(device(&s, "d-phone"), "status"), "ACTIVE") == 0,
            i == 2);
        close_scene(&s);
    }
}

/* --- Keys, as arithmetic --- */

static void
keys_are_cleaned(void)
{
    static const struct {
        const char *typed, *key;
    } rows[] = {
        { "7KQ2MX9ATB4DJW3R", "7KQ2MX9ATB4DJW3R" },
        { "7kq2 mx9a-tb4d jw3r", "7KQ2MX9ATB4DJW3R" },
        { "OIL2MX9ATB4DJW3R", "0112MX9ATB4DJW3R" },
        { "1234 5678 9012", "123456789012" },
        { "l234567890l2", "123456789012" },
        { "7KQ2MX9ATB4DJW3", NULL },
        { "7KQ2MX9ATB4DJW3RR", NULL },
        { "7KQ2MX9ATB4DJW3U", NULL },
        { "7KQ2MX9ATB4DJW3\xc3\x96", NULL },
        { "12345678901A", NULL },
        { "", NULL },
    };
    char key[MFA_PAIRING_KEY_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        CU_ASSERT_EQUAL(mfa_pairing_clean(rows[i].typed, key),
                        rows[i].key != NULL);
        CU_ASSERT_STRING_EQUAL(key, rows[i].key ? rows[i].key : "");
    }
}

static void
keys_are_drawn(void)
{
    uint8_t entropy[MFA_ENTROPY_LEN] = { 0 };
    char first[MFA_PAIRING_KEY_SIZE], key[MFA_PAIRING_KEY_SIZE];
    char clean[MFA_PAIRING_KEY_SIZE];
    int i;

    CU_ASSERT_TRUE(mfa_pairing_draw(entropy, false, first));
    for (i = 0; i < MFA_ENTROPY_LEN; i++) {
        entropy[i] ^= 1;
        CU_ASSERT_TRUE(mfa_pairing_draw(entropy, false, key));
        CU_ASSERT_TRUE(mfa_pairing_clean(key, clean));
        CU_ASSERT_STRING_EQUAL(clean, key);
        CU_ASSERT_STRING_NOT_EQUAL(key, first);
        CU_ASSERT_TRUE(mfa_pairing_draw(entropy, true, key));
        CU_ASSERT_EQUAL(strlen(key), 12);
        CU_ASSERT_TRUE(mfa_pairing_clean(key, clean));
        entropy[i] ^= 1;
    }
}

static void
check_value(void)
{
    char check[MFA_CHECK_SIZE];

    CU_ASSERT_TRUE(mfa_check_value(
        "mr5uyVxpyJavo1-AxMBFSYy9EWgRnAsu37U-QEHAliU", check));
    CU_ASSERT_STRING_EQUAL(check, "D2WV7S");
    CU_ASSERT_TRUE(mfa_check_value(
        "zNMygC4cJdLdZVehrGa4bulo4Yigl3YvvAc9EbHC4sc", check));
    CU_ASSERT_STRING_EQUAL(check, "AMZKWN");
}

/* --- Claims --- */

/* What a phone says to become a device: the statement's jti says nothing, and
 * each phone has a key of its own. */
static void
claim_key_by(struct scene *s, const char *key, const char *pem, json_t *jwk)
{
    char *statement = signed_payload(
        pem, payload_claims(s),
        json_pack("{s:s, s:s}", "purpose", "pair", "key", key));

    s->reply = factor_test_resource(
        s->t, "phone.pair",
        json_pack("{s:s}", "env", FACTOR_TEST_ENVIRONMENT), NULL,
        json_pack("{s:o, s:s}", "key", jwk, "statement", statement));
    free(statement);
    if (s->reply->kind == FACTOR_TEST_BROKEN)
        tap_note("phone.pair: %s", s->reply->problem);
}

static void
claim_key(struct scene *s, const char *key)
{
    claim_key_by(s, key, phone_pem, phone_jwk());
}

static void
operator_key(struct scene *s, char key[32])
{
    operate(s, "createPairingKey", NULL);
    snprintf(key, 32, "%s", text(s->reply->body, "key"));
}

static void
seed_emails(struct scene *s, int count)
{
    char id[16];

    while (count-- > 0) {
        snprintf(id, sizeof(id), "d-%d", count);
        seed_email(s, id);
    }
}

/* Another key is claimed at the same time. */
static void
one_more(struct factor_test *test, void *context)
{
    struct scene *s = context;

    (void)test;
    seed_email(s, "d-racer");
    factor_test_seed(s->t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i}", "v", 1));
}

static void
claims_stay_in_the_limit(void)
{
    struct scene s = open_scene("{" ONE_APP "}");
    char key[32];

    seed_emails(&s, 4);
    operator_key(&s, key);
    factor_test_before_commit(s.t, one_more, &s);
    claim_key(&s, key);
    CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "LIMIT_EXCEEDED"));
    CU_ASSERT_EQUAL(device_count(&s), 5);
    close_scene(&s);
}

/* So is a code that is confirmed while a key is claimed. */
static void
activations_stay_in_the_limit(void)
{
    struct scene s = open_scene(MANAGED);

    seed_emails(&s, 3);
    seed_email(&s, "d-email");
    to_management(&s);
    act(&s, "setupMfa", NULL);
    choose_method(&s, "SMS");
    submit(&s, "submitSmsTarget", "phone", "+15125550100");
    factor_test_before_commit(s.t, one_more, &s);
    enter_code(&s, "activateSmsDevice", s.code);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "LIMIT_EXCEEDED"));
    CU_ASSERT_EQUAL(device_count(&s), 5);
    close_scene(&s);
}

/* Whoever knows the password has a key made, waits until the user has paired a
 * device, and claims it. */
static void
first_key_dies(void)
{
    struct scene s = open_scene("{" ONE_APP ", " SETUP ", " FIRST_ALLOWED
                                ", " PROMPTLESS "}");
    char key[32];

    to_phone(&s);
    key_of(text(s.reply->model, "pairingKey"), key);
    seed_email(&s, "d-email");
    claim_key(&s, key);
    CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "PAIRING_KEY_INVALID"));
    CU_ASSERT_EQUAL(device_count(&s), 1);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, METHOD_FAILED, "PAIRING_KEY_INVALID"));
    close_scene(&s);
}

/* Nor does an app that signs itself on get in so. */
static void
first_enrolment_overtaken(void)
{
    struct scene s = open_scene("{" ONE_APP ", " FIRST_ALLOWED "}");

    authenticate_with(&s,
                      signed_payload(phone_pem, payload_claims(&s), NULL));
    claim(&s, "ACTIVATION_REQUIRED");
    seed_email(&s, "d-email");
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(text(device(&s, "d-phone"), "status"),
                           "ACTIVATION_REQUIRED");
    enter_code(&s, "checkOtp", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_PAIRING_REQUIRED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "device_paired"));
    CU_ASSERT_TRUE(has_amr(&s, "[\"otp\",\"email\"]"));
    close_scene(&s);
}

/* Who reads the app's screen, or its traffic, pairs no phone of his by it. */
static void
enrolment_is_of_the_app_alone(void)
{
    struct scene s = open_scene("{" ONE_APP ", " FIRST_ALLOWED "}");
    char key[32];
    const char *link;

    authenticate_with(&s,
                      signed_payload(phone_pem, payload_claims(&s), NULL));
    link = text(s.reply->model, "serverPayload");
    CU_ASSERT_EQUAL_FATAL(sscanf(strstr(link, "key="), "key=%31[0-9A-Z]", key),
                          1);
    claim_key_by(&s, key, other_pem, other_jwk());
    CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "PAIRING_KEY_INVALID"));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    claim_key(&s, key);
    CU_ASSERT_EQUAL(s.reply->http_status, 201);
    CU_ASSERT_EQUAL(device_count(&s), 1);
    close_scene(&s);
}

static void
enrolment_stays_in_the_limit(void)
{
    struct scene s = open_scene("{" ONE_APP "}");

    seed_email(&s, "d-email");
    authenticate_with(&s,
                      signed_payload(phone_pem, payload_claims(&s), NULL));
    enter_code(&s, "checkOtp", s.code);
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_PAIRING_REQUIRED"));
    claim(&s, "ACTIVATION_REQUIRED");
    seed_emails(&s, 4);
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_TRUE(has_status(&s, "pairing_error"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.pairing_failed"));
    CU_ASSERT_EQUAL(device_count(&s), 5);
    close_scene(&s);
}

/* The phone speaks French; the mail is the user's. */
static void
notice_in_the_users_language(void)
{
    static const char *const locales[] = { "de-AT", NULL };
    struct scene s;
    char key[32];
    size_t i;

    for (i = 0; i < TAP_COUNT(locales); i++) {
        s = open_scene("{" ONE_APP "}");
        change(&s, "user", KIM,
               json_pack("{s:{s:s, s:s*}}", "attributes", "email",
                         "kim@acme.test", "locale", locales[i]));
        operator_key(&s, key);
        factor_test_set_request(s.t, json_pack("{s:[s]}", "languages", "fr"));
        claim_key(&s, key);
        CU_ASSERT_STRING_EQUAL(text(message(&s, "mfa.device_added"),
                                    "language"),
                               locales[i] ? locales[i] : "en");
        close_scene(&s);
    }
}

/* --- Drivers --- */

static void
walk_here(struct scene *s)
{
    struct factor_test_result result = factor_test_walk(s->t);

    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
}

static void
walk_targets(struct scene *s)
{
    static const char *const types[] = { "Email", "SMS", "Voice" };
    static const char *const submits[] = { "submitEmailTarget",
                                           "submitSmsTarget",
                                           "submitVoiceTarget" };
    size_t i;

    for (i = 0; i < TAP_COUNT(types); i++) {
        choose_method(s, types[i]);
        walk_here(s);
        submit(s, submits[i], i == 0 ? "email" : "phone",
               i == 0 ? "home@acme.test" : "+15125550100");
        walk_here(s);
        act(s, "cancelDevicePairing", NULL);
    }
}

static void
every_state_and_action(void)
{
    char code[PASSCODE_SIZE];
    struct scene s;

    if (tap_skip_slow())
        return;
    s = open_scene("{" ONE_APP ", " NO_COOLDOWN ", " SETUP ", " FIRST_ALLOWED
                   ", " MANAGE ", \"allow_skip\": true}");
    authenticate(&s);
    walk_here(&s);
    act(&s, "setupMfa", NULL);
    walk_here(&s);
    walk_targets(&s);
    choose_method(&s, "MOBILE");
    walk_here(&s);
    claim(&s, "ACTIVATION_REQUIRED");
    walk_here(&s);
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "MOBILE");
    change(&s, "mfa.pairing", pairing_id(&s),
           json_pack("{s:s}", "error", "LIMIT_EXCEEDED"));
    act(&s, "poll", NULL);
    walk_here(&s);
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "TOTP");
    walk_here(&s);
    app_code(&s, 0, code);
    enter_code(&s, "activateTotpDevice", code);
    walk_here(&s);
    act(&s, "skipUpdateDeviceNickname", NULL);
    factor_test_set_flow(s.t, "DEVICE_MANAGEMENT",
                         json_pack("{s:i, s:b, s:b, s:s}", "v", 1, "manage", 1,
                                   "proven", 1, "proof", "totp"));
    walk_here(&s);
    close_scene(&s);
}

static void
a_long_day(struct factor_test *t, void *context)
{
    struct scene s = { .t = NULL };

    (void)context;
    adopt_scene(&s, t);
    to_menu(&s);
    choose_method(&s, "Email");
    submit(&s, "submitEmailTarget", "email", "home@acme.test");
    act(&s, "resendOtp", NULL);
    enter_wrong(&s, "activateEmailDevice");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_OTP"));
    enter_wrong(&s, "activateEmailDevice");
    enter_wrong(&s, "activateEmailDevice");
    CU_ASSERT_TRUE(in_state(&s, METHOD_FAILED));
    act(&s, "cancelDevicePairing", NULL);
    choose_method(&s, "MOBILE");
    CU_ASSERT_TRUE(in_state(&s, "MOBILE_ACTIVATION_REQUIRED"));
    claim(&s, "ACTIVATION_REQUIRED");
    act(&s, "activateMobileDevice", NULL);
    CU_ASSERT_TRUE(in_state(&s, "UPDATE_NICKNAME"));
    rename_to(&s, "d-phone", "Blue");
    CU_ASSERT_TRUE(in_state(&s, "MFA_COMPLETED"));
    seed_email(&s, "d-email");
    factor_test_set_flow(t, "DEVICE_MANAGEMENT",
                         json_pack("{s:i, s:b, s:b, s:s}", "v", 1, "manage", 1,
                                   "proven", 1, "proof", "device"));
    act_on(&s, "setDefaultDevice", "d-phone");
    act_on(&s, "removeDevice", "d-phone");
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_MANAGEMENT"));
    CU_ASSERT_PTR_NULL(device(&s, "d-phone"));
}

static void
every_host_call_fails(void)
{
    if (tap_skip_slow())
        return;

    json_t *settings = parse(OPEN);
    struct factor_test_result result = factor_test_each_failure(
        mfa_plugin(), settings, a_long_day, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    tap_note("%u host calls failed in turn", result.tries);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_TRUE(result.tries > 100);
    json_decref(settings);
}

/* The links and codes that users see are nowhere else. */
static void
nothing_secret_in_records(void)
{
    struct scene s = open_scene(OPEN);
    char key[32], *all;

    to_phone(&s);
    key_of(text(s.reply->model, "pairingKey"), key);
    all = json_dumps(factor_test_records(s.t), 0);
    CU_ASSERT_EQUAL(strlen(key), 16);
    CU_ASSERT_PTR_NULL(strstr(all, key));
    free(all);
    all = json_dumps(s.reply->audits, 0);
    CU_ASSERT_PTR_NULL(strstr(all, key));
    free(all);
    CU_ASSERT_PTR_NOT_NULL(json_object_get(
        json_object_get(factor_test_flow_data(s.t), "secret"), "link"));
    close_scene(&s);
}

static const struct tap_test tests[] = {
    { "authn D.2-2, D.4-11: MFA_SETUP_REQUIRED", setup_state },
    { "authn D.4-12, D.9-2: skipMfa, no amr", setup_skipped },
    { "authn D.4-7: the setup is cancelled", setup_cancelled },
    { "M3: a password alone pairs no first device",
      setup_refused_by_default },
    { "authn D.2-3, D.4-14, D.5-20: the methods", menu_state },
    { "authn D.4-13, mfa B.4: what the policy lets pair", menu_of_policy },
    { "authn D.5-21: applications by name", unknown_application },
    { "authn D.2-5, D.2-7, D.4-15, D.4-17: e-mail", email_paired },
    { "authn D.2-6, D.2-8, D.4-16, D.4-17: SMS and voice", numbers_paired },
    { "authn D.8-2: INVALID_DEVICE_TARGET", bad_targets },
    { "an address that is a device is none to add", target_twice },
    { "authn D.2-4, D.4-17: wrong codes end it", wrong_codes },
    { "wrong codes count on the account of who has proven nothing",
      wrong_codes_lock },
    { "authn D.4-5: resendOtp repeats, waits, ends", resent },
    { "sends are counted over all attempts of a flow", sends_are_counted },
    { "O8: messages that the host refuses", host_refuses_sends },
    { "authn D.4-17: a code that is too old", code_expires },
    { "a device that waits and is removed", pending_vanishes },
    { "M3: email-confirmed pairs the address on file", email_confirmed },
    { "M3: email-confirmed pairs no other address",
      email_confirmed_is_the_only_one },
    { "M3: email-confirmed without an address on file",
      email_confirmed_needs_an_address },
    { "authn D.2-9, D.7, O9: TOTP; the first code is spent", totp_paired },
    { "authn D.4-17: wrong TOTP codes", totp_wrong },
    { "mfa B.6.3: a TOTP key is shown for 30 min", totp_expires },
    { "mfa B.4.4: uriParameters", totp_uri_parameters },
    { "authn D.2-14, D.4-21, D.4-22, D.5-22: UPDATE_NICKNAME", named },
    { "authn D.2-10, M9: the link and its key", phone_link },
    { "mfa B.3: numeric keys", numeric_key },
    { "mfa B.7: a key for any application lives the shortest",
      any_application },
    { "M9: the user compares the check value", phone_confirmed },
    { "M9: the check value is wrong", phone_declined },
    { "authn D.4-14: a key that nobody claimed is taken back",
      phone_cancelled_before },
    { "a policy without confirmation: the phone is active at once",
      phone_without_confirmation },
    { "and without a nickname: straight on", phone_straight_on },
    { "authn D.2-4, mfa B.7: a claim that was refused", phone_fails },
    { "mfa B.7: a key that nobody claims in time", phone_never_comes },
    { "a phone that was removed meanwhile", phone_removed_meanwhile },
    { "authn D.4-4: polling for the phone", phone_polled },
    { "authn D.4-4: polling for a phone that fails",
      phone_polled_after_failure },
    { "mfa B.6.3: maxAllowedDevices, blocked ones count", device_limit },
    { "mfa B.6.3: the limit is looked at again",
      device_limit_reached_meanwhile },
    { "mfa B.6.3: the limit holds for phones", phone_limit_reached_meanwhile },
    { "mfa B.6.3: 50 devices that wait", pending_limit },
    { "mfa B.7: 20 live keys", key_limit },
    { "authn D.3-1, D.3-7, D.4-11: MFA before pairing", mfa_before_pairing },
    { "authn D.4-24: management keeps the count of wrong codes",
      counts_survive },
    { "MFA before pairing by push", push_before_pairing },
    { "MFA before pairing by push, without a poll",
      push_before_pairing_at_once },
    { "M3: another flow has paired one: MFA first", overtaken },
    { "M3: the same at the menu", overtaken_at_the_menu },
    { "M3: the same with a phone", overtaken_phone },
    { "M3: the same with a phone that is active", overtaken_active_phone },
    { "of two activations one wins", one_winner },
    { "authn D.2-15, D.3-1 to D.3-8, D.4-24: DEVICE_MANAGEMENT",
      management_state },
    { "authn D.3-3: management is off by default", management_off },
    { "authn D.4-25: resumeAuthentication", managed_resume },
    { "authn D.4-23: setDefaultDevice", managed_default },
    { "authn D.4-21: names in management", managed_names },
    { "authn D.4-23, mfa B.6.7: removeDevice", managed_removal },
    { "a blocked device is not the user's to change", blocked_stays },
    { "the last device goes where a first one is allowed",
      last_one_removed },
    { "authn D.7: pairing out of management", managed_pairing },
    { "authn D.7: a phone out of management, straight on",
      managed_phone_straight_on },
    { "M10, authn D.4-1: a payload is taken once", payload_taken_once },
    { "M10, authn D.8-5: payloads that are refused", payloads_refused },
    { "M3: email-confirmed enrols no app by itself",
      automatic_needs_first_device },
    { "authn E.7, M3: the outcomes of automatic pairing",
      automatic_outcomes },
    { "M9: keys as they are typed", keys_are_cleaned },
    { "M9: keys as they are drawn", keys_are_drawn },
    { "the check values of the protocol's vectors", check_value },
    { "T3: every state, action and field", every_state_and_action },
    { "T3: every host call failing in turn", every_host_call_fails },
    { "a pairing key is in no record in clear", nothing_secret_in_records },
    { "M3: claims stay in the limit, whoever is faster",
      claims_stay_in_the_limit },
    { "M3: codes stay in the limit, whoever is faster",
      activations_stay_in_the_limit },
    { "M3: the key of a first device dies with the first device",
      first_key_dies },
    { "M3: an enrolment that was overtaken proves first",
      first_enrolment_overtaken },
    { "M10: a payload's pairing key is for its signer alone",
      enrolment_is_of_the_app_alone },
    { "authn D.9-16: an enrolment that is one too many",
      enrolment_stays_in_the_limit },
    { "notices of a claim are in the user's language",
      notice_in_the_users_language },
};

int
main(void)
{
    static const struct tap_fixture fixture = { mfa_set_up, NULL };

    return tap_main_with("mfa pairing", &fixture, tests, TAP_COUNT(tests));
}
