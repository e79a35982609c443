/* SPDX-License-Identifier: MIT */
/* tests/test_mfa_operator.c - what operators do with the MFA adapter, under
 * the fake host: devices, pairing keys, the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mfa_rig.h"
#include "tests/tap.h"

#define PLAIN "{" ONE_APP "}"

static const json_t *
at(const json_t *list, size_t i)
{
    return json_array_get(list, i);
}

static bool
is_answer(const struct scene *s)
{
    if (s->reply->kind == FACTOR_TEST_ANSWER)
        return true;
    tap_note("no answer: kind %d, code %s, %s", s->reply->kind,
             s->reply->code ? s->reply->code : "-", s->reply->problem);
    return false;
}

/* --- Devices --- */

static const json_t *
shown(const struct scene *s, const char *id)
{
    const json_t *list = json_object_get(s->reply->body, "devices");
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (strcmp(text(at(list, i), "id"), id) == 0)
            return at(list, i);
    return NULL;
}

static void
devices_listed(void)
{
    struct scene s = open_scene(PLAIN);

    seed_email(&s, "d-email");
    seed_phone(&s, "d-phone", "ACTIVATION_REQUIRED");
    change(&s, "mfa.device", "d-email", json_pack("{s:b}", "blocked", 1));
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:s, s:b}", "v", 1, "default_device",
                               "d-email", "disabled", 1));
    operate(&s, "listDevices", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_STRING_EQUAL(text(shown(&s, "d-email"), "target"),
                           "d-****@acme.test");
    CU_ASSERT_TRUE(flag(shown(&s, "d-email"), "blocked"));
    CU_ASSERT_FALSE(flag(shown(&s, "d-email"), "usable"));
    CU_ASSERT_TRUE(flag(shown(&s, "d-email"), "default"));
    CU_ASSERT_STRING_EQUAL(text(shown(&s, "d-phone"), "status"),
                           "ACTIVATION_REQUIRED");
    CU_ASSERT_STRING_EQUAL(text(shown(&s, "d-phone"), "check"), PHONE_CHECK);
    CU_ASSERT_TRUE(
        flag(json_object_get(s.reply->body, "account"), "locked"));
    close_scene(&s);
}

static void
add(struct scene *s, const char *type, const char *target)
{
    operate(s, "addDevice",
            json_pack("{s:s, s:s*}", "type", type, "target", target));
}

static void
devices_added(void)
{
    struct scene s = open_scene(PLAIN);

    add(&s, "EMAIL", "kim@acme.test");
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "status"), "ACTIVE");
    CU_ASSERT_PTR_NOT_NULL(message(&s, "mfa.device_added"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.device_paired"));
    add(&s, "sms", "+1 512 555 0100");
    CU_ASSERT_TRUE(is_answer(&s));
    add(&s, "EMAIL", "KIM@acme.test");
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    add(&s, "VOICE", "5550100");
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    add(&s, "VOICE", NULL);
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DEVICE_TARGET",
                            "INVALID_DEVICE_TARGET"));
    add(&s, "MOBILE", NULL);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    add(&s, "FIDO2", NULL);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(strlen(text(s.reply->body, "secret")), 32);
    CU_ASSERT_NSTRING_EQUAL(text(s.reply->body, "uri"), "otpauth://totp/", 15);
    authenticate(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(s.reply->model,
                                                    "devices")), 3);
    close_scene(&s);
}

static void
devices_added_to_the_limit(void)
{
    struct scene s = open_scene(PLAIN);
    char address[32];
    int i;

    for (i = 0; i < 5; i++) {
        snprintf(address, sizeof(address), "kim%d@acme.test", i);
        add(&s, "EMAIL", address);
        CU_ASSERT_TRUE(is_answer(&s));
    }
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

static void
devices_removed(void)
{
    struct scene s = open_scene(PLAIN);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    seed_email(&s, "d-pending");
    change(&s, "mfa.device", "d-email", json_pack("{s:b}", "blocked", 1));
    change(&s, "mfa.device", "d-pending",
           json_pack("{s:s}", "status", "ACTIVATION_REQUIRED"));
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:s}", "v", 1, "default_device",
                               "d-email"));
    operate(&s, "dropDevice", json_pack("{s:s}", "id", "nope"));
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    operate(&s, "dropDevice", json_pack("{s:s}", "id", "d-pending"));
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(json_array_size(s.reply->sends), 0);
    operate(&s, "dropDevice", json_pack("{s:s}", "id", "d-email"));
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_PTR_NOT_NULL(message(&s, "mfa.device_removed"));
    CU_ASSERT_STRING_EQUAL(text(factor_test_record(s.t, "mfa.account", KIM),
                                "default_device"), "d-other");
    operate(&s, "dropDevice", json_pack("{s:s}", "id", "d-other"));
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(device_count(&s), 0);
    CU_ASSERT_PTR_NULL(json_object_get(
        factor_test_record(s.t, "mfa.account", KIM), "default_device"));
    close_scene(&s);
}

static void
bypass_opened(void)
{
    static const int bad[] = { -1, 24 * 60 + 1 };
    struct scene s = open_scene(PLAIN);
    size_t i;

    seed_email(&s, "d-email");
    for (i = 0; i < TAP_COUNT(bad); i++) {
        operate(&s, "bypass", json_pack("{s:i}", "minutes", bad[i]));
        CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_VALUE"));
    }
    operate(&s, "bypass", json_pack("{s:i}", "minutes", 5));
    CU_ASSERT_EQUAL(number(s.reply->body, "bypassUntil"),
                    factor_test_now(s.t) + 5 * MINUTE);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.bypass_opened"));
    begin(&s);
    authenticate(&s);
    CU_ASSERT_TRUE(has_status(&s, "web_login_no_devices"));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.bypassed"));
    operate(&s, "bypass", json_pack("{s:i}", "minutes", 0));
    CU_ASSERT_EQUAL(number(s.reply->body, "bypassUntil"), 0);
    begin(&s);
    authenticate(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

static void
unlocked(void)
{
    struct scene s = open_scene(PLAIN);

    seed_email(&s, "d-email");
    seed_email(&s, "d-other");
    change(&s, "mfa.device", "d-email",
           json_pack("{s:b, s:i}", "disabled", 1, "failures", 100));
    change(&s, "mfa.device", "d-other", json_pack("{s:i}", "failures", 2));
    factor_test_seed(s.t, "mfa.account", KIM, KIM, NULL,
                     json_pack("{s:i, s:i}", "v", 1, "failures", 20));
    operate(&s, "unlock", json_pack("{s:s}", "id", "nope"));
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    operate(&s, "unlock", json_pack("{s:s}", "id", "d-other"));
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 1);
    CU_ASSERT_EQUAL(number(device(&s, "d-email"), "failures"), 100);
    operate(&s, "unlock", NULL);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 2);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.unlocked"));
    CU_ASSERT_FALSE(flag(device(&s, "d-email"), "disabled"));
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "mfa.account", KIM),
                           "failures"), 0);
    operate(&s, "unlock", NULL);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 0);
    CU_ASSERT_FALSE(has_audit(&s, "mfa.unlocked"));
    close_scene(&s);
}

static void
pushes_unlocked(void)
{
    struct scene s = open_scene(PLAIN);

    seed_phone(&s, "d-phone", "ACTIVE");
    change(&s, "mfa.device", "d-phone",
           json_pack("{s:[{s:i, s:i}]}", "pushes", "at_ms", 1, "ends_at_ms",
                     2));
    operate(&s, "unlock", NULL);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 1);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(device(&s, "d-phone"),
                                                    "pushes")), 0);
    close_scene(&s);
}

/* --- Pairing keys --- */

static void
key_created(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *body;

    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(strlen(text(s.reply->body, "key")), 16);
    CU_ASSERT_PTR_NOT_NULL(strstr(text(s.reply->body, "link"),
                                  text(s.reply->body, "key")));
    CU_ASSERT_EQUAL(number(s.reply->body, "expiresAt"),
                    factor_test_now(s.t) + 10 * MINUTE);
    CU_ASSERT_TRUE(has_audit(&s, "mfa.pairing_key_made"));
    body = factor_test_record(s.t, "mfa.pairing", text(s.reply->body, "id"));
    CU_ASSERT_TRUE(flag(body, "operator"));
    CU_ASSERT_PTR_NULL(json_object_get(body, "application"));
    operate(&s, "createPairingKey",
            json_pack("{s:s}", "application", "Authenticator"));
    body = factor_test_record(s.t, "mfa.pairing", text(s.reply->body, "id"));
    CU_ASSERT_STRING_EQUAL(text(body, "application"), APP);
    operate(&s, "createPairingKey", json_pack("{s:s}", "application", "No"));
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DATA", "APPLICATION_INVALID"));
    close_scene(&s);
}

static void
keys_to_the_limit(void)
{
    struct scene s = open_scene(PLAIN);
    int i;

    for (i = 0; i < 20; i++) {
        operate(&s, "createPairingKey", NULL);
        CU_ASSERT_TRUE(is_answer(&s));
    }
    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    factor_test_advance(s.t, 10 * MINUTE);
    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    close_scene(&s);
}

static void
no_application(void)
{
    struct scene s = open_scene("{}");

    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_error(&s, "INVALID_DATA", "APPLICATION_INVALID"));
    close_scene(&s);
}

static void
nobody(void)
{
    static const char *const actions[] = { "listDevices", "unlock",
                                           "createPairingKey" };
    struct scene s = open_scene(PLAIN);
    size_t i;

    factor_test_begin(s.t, "55555555-5555-4555-8555-555555555555", NULL);
    for (i = 0; i < TAP_COUNT(actions); i++) {
        operate(&s, actions[i], NULL);
        CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "USER_NOT_FOUND"));
    }
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "USER_NOT_FOUND"));
    operate(&s, "dropDevice", json_pack("{s:s}", "id", "x"));
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "USER_NOT_FOUND"));
    factor_test_begin(s.t, NULL, NULL);
    operate(&s, "listDevices", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "USER_NOT_FOUND"));
    close_scene(&s);
}

/* --- The configuration --- */

static void
put(struct scene *s, const char *config)
{
    operate(s, "putConfig", json_pack("{s:s}", "config", config));
}

static bool
refused_for(const struct scene *s, const char *member)
{
    const char *target = text(at(s->reply->details, 0), "target");

    if (is_error(s, "REQUEST_FAILED", "INVALID_CONFIGURATION") &&
        strncmp(target, member, strlen(member)) == 0 &&
        target[strlen(member)] == ':')
        return true;
    tap_note("not about %s: %s", member, target);
    return false;
}

static void
config_put(void)
{
    struct scene s = open_scene(PLAIN);
    const json_t *policy, *body;

    factor_test_begin(s.t, NULL, NULL);
    operate(&s, "getConfig", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(s.reply->body,
                                                    "policies")), 1);
    put(&s, "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": 1}}}");
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_TRUE(has_audit(&s, "mfa.config_changed"));
    put(&s, "{\"policies\": [{\"name\": \"New\", \"default\": true,"
            " \"totp\": {\"enabled\": true}, \"mobile\": {\"enabled\": true,"
            " \"applications\": [{\"name\": \"Authenticator\","
            " \"otp\": {\"enabled\": true}}]}}]}");
    CU_ASSERT_TRUE(is_answer(&s));
    body = factor_test_record(s.t, "mfa.config", "config");
    policy = at(json_object_get(body, "policies"), 0);
    CU_ASSERT_EQUAL(strlen(text(policy, "id")), 36);
    CU_ASSERT_STRING_EQUAL(
        text(at(json_object_get(json_object_get(policy, "mobile"),
                                "applications"), 0), "id"), APP);
    CU_ASSERT_EQUAL(
        number(json_object_get(json_object_get(body, "settings"), "pairing"),
               "maxAllowedDevices"), 1);
    begin(&s);
    add(&s, "EMAIL", "kim@acme.test");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_PAIRING_METHOD"));
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "LIMIT_EXCEEDED"));
    close_scene(&s);
}

/* It is nobody's, and what this version does not know stays. */
static void
config_outlives_users(void)
{
    struct scene s = open_scene(PLAIN);

    put(&s, "{\"settings\": {}}");
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_TRUE(
        json_is_null(json_object_get(at(s.reply->puts, 0), "owner")));
    change(&s, "mfa.config", "config", json_pack("{s:i}", "later", 1));
    put(&s, "{\"settings\": {\"lockout\": {\"failureCount\": 5}},"
            " \"policies\": null}");
    CU_ASSERT_TRUE(is_answer(&s));
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "mfa.config", "config"),
                           "later"), 1);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(s.reply->body,
                                                    "policies")), 1);
    close_scene(&s);
}

#define FILED                                                                  \
    "{" ONE_APP ", \"mfa_settings\": {\"pairing\": {\"maxAllowedDevices\":"    \
    " 7}}, \"device_policies\": [{\"name\": \"Filed\", \"default\": true,"     \
    " \"email\": {\"enabled\": true}}]}"

/* Name of the default policy and of the application, devices, in force. */
static void
check_in_force(struct scene *s, const char *policy, const char *application,
               int devices)
{
    const json_t *body;

    operate(s, "getConfig", NULL);
    CU_ASSERT_TRUE(is_answer(s));
    body = s->reply->body;
    CU_ASSERT_STRING_EQUAL(
        text(at(json_object_get(body, "policies"), 0), "name"), policy);
    CU_ASSERT_STRING_EQUAL(
        text(at(json_object_get(body, "applications"), 0), "name"),
        application);
    CU_ASSERT_EQUAL(
        number(json_object_get(json_object_get(body, "settings"), "pairing"),
               "maxAllowedDevices"), devices);
}

/* A part that was never put is the file's, whatever else was. */
static void
config_part_by_part(void)
{
    static const char *const stored =
        "{\"v\": 1, \"settings\": {\"pairing\": {\"maxAllowedDevices\": 2}},"
        " \"policies\": [{\"name\": \"Stored\", \"default\": true}],"
        " \"applications\": [{\"name\": \"Old\", \"id\": \"" APP "\"}]}";
    struct scene s = open_scene(FILED);
    json_t *kept;

    put(&s, "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": 3}}}");
    CU_ASSERT_TRUE(is_answer(&s));
    check_in_force(&s, "Filed", "Authenticator", 3);
    kept = json_deep_copy(factor_test_record(s.t, "mfa.config", "config"));
    CU_ASSERT_PTR_NULL(json_object_get(kept, "policies"));
    CU_ASSERT_PTR_NULL(json_object_get(kept, "applications"));
    close_scene(&s);
    s = open_scene(PLAIN); /* the file was changed */
    factor_test_seed(s.t, "mfa.config", "config", NULL, NULL, kept);
    check_in_force(&s, "Default", "Authenticator", 3);
    put(&s, "{\"policies\": [{\"name\": \"New\", \"default\": true}]}");
    CU_ASSERT_TRUE(is_answer(&s));
    check_in_force(&s, "New", "Authenticator", 3);
    close_scene(&s);
    s = open_scene(FILED); /* a store that was written before */
    factor_test_seed(s.t, "mfa.config", "config", NULL, NULL, parse(stored));
    check_in_force(&s, "Stored", "Old", 2);
    close_scene(&s);
}

#define TWO_POLICIES                                                           \
    "[{\"name\": \"Weak\", \"default\": true,"                                 \
    " \"email\": {\"enabled\": true}},"                                        \
    " {\"name\": \"Strong\", \"email\": {\"enabled\": true}}]"
#define WEAK "{\"policies\": [{\"name\": \"Weak\", \"default\": true}]}"

static void
begin_by(struct scene *s, const char *policy)
{
    factor_test_begin(s->t, KIM, json_pack("{s:s, s:s}", "userId", KIM,
                                           "policy", policy));
    s->reply = factor_test_enter(s->t);
}

static bool
fails_for(const struct scene *s, const char *policy)
{
    const json_t *audit = at(s->reply->audits, 0);

    return s->reply->kind == FACTOR_TEST_FAILURE &&
           json_array_size(s->reply->audits) == 1 &&
           strcmp(text(audit, "event"), "mfa.policy_unknown") == 0 &&
           (!policy || strcmp(text(json_object_get(audit, "fields"), "policy"),
                              policy) == 0);
}

/* The default could be weaker than what was asked for. */
static void
unknown_policy_fails(void)
{
    struct scene s = open_scene("{" ONE_APP ", \"device_policies\": "
                                TWO_POLICIES "}");

    seed_email(&s, "d-email");
    begin_by(&s, "Stronk");
    CU_ASSERT_TRUE(fails_for(&s, "Stronk"));
    begin_by(&s, "Strong");
    CU_ASSERT_TRUE(in_state(&s, "AUTHENTICATION_REQUIRED"));
    authenticate(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    put(&s, WEAK);
    CU_ASSERT_TRUE(is_answer(&s));
    enter_code(&s, "checkOtp", s.code); /* its policy is gone */
    CU_ASSERT_TRUE(fails_for(&s, NULL));
    close_scene(&s);
}

static void
policies_of_acrs_stay(void)
{
    struct scene s = open_scene("{" ONE_APP ", \"device_policies\": "
                                TWO_POLICIES ", \"policy_by_acr\":"
                                " {\"urn:a\": \"Strong\"}}");

    put(&s, WEAK);
    CU_ASSERT_TRUE(refused_for(&s, "/policies"));
    put(&s, "{\"policies\": " TWO_POLICIES "}");
    CU_ASSERT_TRUE(is_answer(&s));
    close_scene(&s);
}

/* What a get has given can be put again. */
static void
config_goes_round(void)
{
    struct scene s = open_scene(PLAIN);
    char *config;

    operate(&s, "getConfig", NULL);
    config = json_dumps(s.reply->body, JSON_SORT_KEYS);
    put(&s, config);
    CU_ASSERT_TRUE(is_answer(&s));
    free(config);
    close_scene(&s);
}

#define POLICY(more)                                                           \
    "{\"policies\": [{\"name\": \"P\", \"default\": true, " more "}]}"
#define PHONES(more)                                                           \
    POLICY("\"mobile\": {\"enabled\": true, \"applications\": [{\"id\": \""    \
           APP "\", " more "}]}")
#define APPLICATION(more)                                                      \
    "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\","               \
    " \"mobile\": {" more "}}]}"
#define OF_PHONES "/policies/0/mobile/applications/0/"
#define TIME(count, unit)                                                      \
    "{\"duration\": " count ", \"timeUnit\": \"" unit "\"}"

static const struct {
    const char *config, *member;
} bad_configs[] = {
    { "[]", "the configuration" },
    { "{", "the configuration" },
    { "{}", "the configuration" },
    { "{\"settings\": 1}", "/settings" },
    { "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": 0}}}",
      "/settings/pairing/maxAllowedDevices" },
    { "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": 16}}}",
      "/settings/pairing/maxAllowedDevices" },
    { "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": \"5\"}}}",
      "/settings/pairing/maxAllowedDevices" },
    { "{\"settings\": {\"pairing\": {\"pairingKeyFormat\": \"HEX\"}}}",
      "/settings/pairing/pairingKeyFormat" },
    { "{\"settings\": {\"lockout\": {}}}", "/settings/lockout/failureCount" },
    { "{\"settings\": {\"lockout\": {\"failureCount\": 0}}}",
      "/settings/lockout/failureCount" },
    { "{\"settings\": {\"lockout\": {\"failureCount\": 5,"
      " \"durationSeconds\": -1}}}", "/settings/lockout/durationSeconds" },
    { "{\"policies\": []}", "/policies" },
    { "{\"policies\": [1]}", "/policies/0" },
    { "{\"policies\": [{\"default\": true}]}", "/policies/0/name" },
    { "{\"policies\": [{\"name\": \"\", \"default\": true}]}",
      "/policies/0/name" },
    { "{\"policies\": [{\"name\": \"P\"}]}", "/policies" },
    { "{\"policies\": [{\"name\": \"P\", \"default\": 1}]}",
      "/policies/0/default" },
    { "{\"policies\": [{\"name\": \"P\", \"default\": false}]}", "/policies" },
    { "{\"policies\": [{\"name\": \"P\", \"default\": true},"
      " {\"name\": \"Q\", \"default\": true}]}", "/policies" },
    { "{\"policies\": [{\"name\": \"P\", \"default\": true},"
      " {\"name\": \"P\", \"default\": false}]}", "/policies/1/name" },
    { "{\"policies\": [{\"name\": \"P\", \"id\": \"i\", \"default\": true},"
      " {\"name\": \"Q\", \"id\": \"i\", \"default\": false}]}",
      "/policies/1/id" },
    { POLICY("\"authentication\": {\"deviceSelection\": \"ASK\"}"),
      "/policies/0/authentication/deviceSelection" },
    { POLICY("\"newDeviceNotification\": \"FAX\""),
      "/policies/0/newDeviceNotification" },
    { POLICY("\"ignoreUserLock\": 1"), "/policies/0/ignoreUserLock" },
    { POLICY("\"sms\": {\"enabled\": \"yes\"}"),
      "/policies/0/sms/enabled" },
    { POLICY("\"email\": {\"enabled\": true, \"otp\": {\"otpLength\": 5}}"),
      "/policies/0/email/otp/otpLength" },
    { POLICY("\"email\": {\"enabled\": true, \"otp\": {\"otpLength\": 9}}"),
      "/policies/0/email/otp/otpLength" },
    { POLICY("\"email\": {\"enabled\": true, \"otp\": {\"lifeTime\": "
             TIME("121", "MINUTES") "}}"),
      "/policies/0/email/otp/lifeTime" },
    { POLICY("\"email\": {\"enabled\": true, \"otp\": {\"lifeTime\": "
             TIME("1", "WEEKS") "}}"),
      "/policies/0/email/otp/lifeTime" },
    { POLICY("\"voice\": {\"enabled\": true, \"otp\": {\"failure\":"
             " {\"count\": 8}}}"), "/policies/0/voice/otp/failure/count" },
    { POLICY("\"voice\": {\"enabled\": true, \"otp\": {\"failure\":"
             " {\"coolDown\": " TIME("31", "MINUTES") "}}}"),
      "/policies/0/voice/otp/failure/coolDown" },
    { POLICY("\"totp\": {\"enabled\": true, \"passcodeGracePeriod\": 11}"),
      "/policies/0/totp/passcodeGracePeriod" },
    { POLICY("\"totp\": {\"enabled\": true, \"uriParameters\": {\"a\": 1}}"),
      "/policies/0/totp/uriParameters" },
    { POLICY("\"mobile\": {\"enabled\": true, \"otp\": {\"failure\":"
             " {\"coolDown\": " TIME("119", "SECONDS") "}}}"),
      "/policies/0/mobile/otp/failure/coolDown" },
    { POLICY("\"mobile\": {\"enabled\": true, \"applications\":"
             " [{\"id\": \"nope\"}]}"), OF_PHONES "id" },
    { POLICY("\"mobile\": {\"enabled\": true, \"applications\":"
             " [{\"name\": \"nope\"}]}"), OF_PHONES "name" },
    { PHONES("\"pushTimeout\": " TIME("0", "SECONDS")),
      OF_PHONES "pushTimeout" },
    { PHONES("\"pushTimeout\": " TIME("151", "SECONDS")),
      OF_PHONES "pushTimeout" },
    { PHONES("\"pushTimeout\": " TIME("2", "MINUTES")),
      OF_PHONES "pushTimeout" },
    { PHONES("\"pairingKeyLifetime\": " TIME("49", "HOURS")),
      OF_PHONES "pairingKeyLifetime" },
    { PHONES("\"pairingKeyLifetime\": " TIME("9000000000000000000", "DAYS")),
      OF_PHONES "pairingKeyLifetime" },
    { PHONES("\"pushLimit\": {\"count\": 51}"), OF_PHONES "pushLimit/count" },
    { PHONES("\"pushLimit\": {\"timePeriod\": " TIME("121", "MINUTES") "}"),
      OF_PHONES "pushLimit/timePeriod" },
    { PHONES("\"pushLimit\": {\"lockDuration\": " TIME("0", "SECONDS") "}"),
      OF_PHONES "pushLimit/lockDuration" },
    { PHONES("\"deviceAuthorization\": {\"extraVerification\": \"maybe\"}"),
      OF_PHONES "deviceAuthorization/extraVerification" },
    { "{\"applications\": [{\"name\": \"A.B\", \"id\": \"" APP "\"}]}",
      "/applications/0/name" },
    { "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\","
      " \"mobile\": {\"push\": {\"numberMatching\": {\"type\": \"X\"}}}}]}",
      "/applications/0/mobile/push/numberMatching/type" },
    { "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\","
      " \"mobile\": {\"authenticationMethods\": [1]}}]}",
      "/applications/0/mobile/authenticationMethods" },
    /* What is written wrong is not off. */
    { "{\"settings\": {\"lockOut\": {}}}", "/settings/lockOut" },
    { "{\"settings\": {\"pairing\": {\"maxDevices\": 1}}}",
      "/settings/pairing/maxDevices" },
    { POLICY("\"a/b~c\": null"), "/policies/0/a~1b~0c" },
    { POLICY("\"sms\": {\"enable\": true}"), "/policies/0/sms/enable" },
    { POLICY("\"sms\": {\"otp\": {\"failure\": {\"coolDown\":"
             " {\"duration\": 1, \"timeUnit\": \"MINUTES\", \"x\": 1}}}}"),
      "/policies/0/sms/otp/failure/coolDown/x" },
    { PHONES("\"push\": {\"numberMatchin\": {\"enabled\": true}}"),
      OF_PHONES "push/numberMatchin" },
    { PHONES("\"_links\": {}"), OF_PHONES "_links" },
    { "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\","
      " \"mobil\": {}}]}", "/applications/0/mobil" },
    /* What nothing here would do. */
    { "{\"settings\": {\"authentication\": {\"deviceSelection\":"
      " \"ALWAYS_DISPLAY_DEVICES\"}}}",
      "/settings/authentication/deviceSelection" },
    { POLICY("\"blockDisabledUsers\": false"),
      "/policies/0/blockDisabledUsers" },
    { POLICY("\"fido2\": {\"enabled\": true}"), "/policies/0/fido2/enabled" },
    { POLICY("\"rememberMe\": {\"web\": {\"enabled\": true}}"),
      "/policies/0/rememberMe/web/enabled" },
    { POLICY("\"notificationsPolicy\": {\"id\": \"x\"}"),
      "/policies/0/notificationsPolicy/id" },
    { POLICY("\"mobile\": {\"enabled\": true, \"otp\": {\"window\":"
             " {\"stepSize\": " TIME("60", "SECONDS") "}}}"),
      "/policies/0/mobile/otp/window/stepSize" },
    { PHONES("\"integrityDetection\": \"restrictive\""),
      OF_PHONES "integrityDetection" },
    { PHONES("\"biometricsEnabled\": true"), OF_PHONES "biometricsEnabled" },
    { APPLICATION("\"passcodeRefreshDuration\": " TIME("60", "SECONDS")),
      "/applications/0/mobile/passcodeRefreshDuration" },
    { APPLICATION("\"integrityDetection\": {\"mode\": \"ENABLED\"}"),
      "/applications/0/mobile/integrityDetection/mode" },
    { APPLICATION("\"bundleId\": \"org a\""),
      "/applications/0/mobile/bundleId" },
    { "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\","
      " \"mobile\": {\"packageName\": \"org.a\"}}, {\"name\": \"B\","
      " \"id\": \"b\", \"mobile\": {\"packageName\": \"org.a\"}}]}",
      "/applications/1/mobile/packageName" },
};

static void
configs_refused(void)
{
    struct scene s = open_scene(PLAIN);
    size_t i;

    for (i = 0; i < TAP_COUNT(bad_configs); i++) {
        put(&s, bad_configs[i].config);
        if (!refused_for(&s, bad_configs[i].member))
            CU_FAIL(bad_configs[i].config);
    }
    CU_ASSERT_PTR_NULL(factor_test_record(s.t, "mfa.config", "config"));
    /* The policy that is in force names the application. */
    put(&s, "{\"applications\": []}");
    CU_ASSERT_TRUE(refused_for(&s, OF_PHONES "id"));
    close_scene(&s);
}

static void
near_names_told(void)
{
    static const char *const rows[][2] = {
        { "numberMatchin", "; did you mean \"numberMatching\"?" },
        { "NUMBERmatching", "; did you mean \"numberMatching\"?" },
        { "matching", "" },
        { "a name that is longer than each of ours", "" },
    };
    struct scene s = open_scene(PLAIN);
    char config[300], told[200];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        snprintf(config, sizeof(config), PHONES("\"push\": {\"%s\": {}}"),
                 rows[i][0]);
        snprintf(told, sizeof(told), OF_PHONES "push/%s: is not known%s",
                 rows[i][0], rows[i][1]);
        put(&s, config);
        CU_ASSERT_STRING_EQUAL(text(at(s.reply->details, 0), "target"), told);
    }
    close_scene(&s);
}

#define RETURNED                                                               \
    "\"_links\": {\"self\": {\"href\": \"https://x\"}}, \"environment\": {"    \
    "\"id\": \"e\"}, \"createdAt\": \"2026\", \"updatedAt\": \"2026\", "       \
    "\"$comment\": [\"ours\"]"

/* Bodies as the service returns them, and comments at every depth. */
static const char *const good_configs[] = {
    "{\"$comment\": 1, \"settings\": {" RETURNED ", \"pairing\":"
    " {\"$comment\": \"\", \"maxAllowedDevices\": 1}}}",
    POLICY(RETURNED ", \"forSignOnPolicy\": false, \"totp\": {\"$comment\":"
           " \"\", \"uriParameters\": {\"$comment\": \"\"}}"),
    POLICY("\"sms\": {\"otp\": {\"lifeTime\": {\"$comment\": \"\","
           " \"duration\": 1, \"timeUnit\": \"MINUTES\"}}}"),
    PHONES("\"push\": {\"$comment\": \"\", \"enabled\": true}"),
    "{\"applications\": [{\"name\": \"A\", \"id\": \"" APP "\"," RETURNED
    ", \"mobile\": {\"authenticationMethods\": [\"palm\"]}}]}",
    /* What happens anyway. */
    "{\"settings\": {\"users\": {\"mfaEnabled\": false}, \"phoneExtensions\":"
    " {\"enabled\": false}, \"authentication\":"
    " {\"deviceSelection\": \"DEFAULT_TO_FIRST\"}}}",
    POLICY("\"blockDisabledUsers\": true, \"fido2\": {\"enabled\": false,"
           " \"failure\": {}}, \"rememberMe\": {\"web\": {\"enabled\": false,"
           " \"lifeTime\": {}}}, \"notificationsPolicy\": {}, \"mobile\":"
           " {\"enabled\": true, \"otp\": {\"window\": {\"stepSize\": "
           TIME("30", "SECONDS") "}}}"),
    PHONES("\"integrityDetection\": \"permissive\""),
    "{\"settings\": {\"users\": {\"mfaEnabled\": true}, \"phoneExtensions\":"
    " {\"enabled\": true}, \"authentication\":"
    " {\"deviceSelection\": \"PROMPT_TO_SELECT\"}}}",
    PHONES("\"pushTimeout\": " TIME("1", "SECONDS")),
    APPLICATION("\"uriPrefix\": \"app:\""),
    APPLICATION("\"bundleId\": \"org.a\", \"integrityDetection\":"
                " {\"mode\": \"DISABLED\"}, \"passcodeRefreshDuration\": "
                TIME("30", "SECONDS")),
};

static void
configs_taken(void)
{
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(good_configs); i++) {
        s = open_scene(PLAIN);
        put(&s, good_configs[i]);
        if (!is_answer(&s))
            CU_FAIL(good_configs[i]);
        close_scene(&s);
    }
}

/* All that is wrong is told at once. */
static void
configs_refused_for_all(void)
{
    struct scene s = open_scene(PLAIN);

    put(&s, "{\"settings\": {\"pairing\": {\"maxAllowedDevices\": 0}},"
            " \"policies\": [{\"name\": \"P\", \"totp\": {\"enabled\": 1}}]}");
    CU_ASSERT_EQUAL(json_array_size(s.reply->details), 3);
    CU_ASSERT_TRUE(refused_for(&s, "/settings/pairing/maxAllowedDevices"));
    CU_ASSERT_STRING_EQUAL(text(at(s.reply->details, 1), "target"),
                           "/policies/0/totp/enabled: must be true or false");
    CU_ASSERT_STRING_EQUAL(text(at(s.reply->details, 2), "target"),
                           "/policies: exactly one must have \"default\": "
                           "true");
    close_scene(&s);
}

/* A configuration as the settings of an instance have it; NULL: it is none. */
static json_t *
seed_of(const char *config)
{
    static const char *const parts[][2] = {
        { "policies", "device_policies" },
        { "settings", "mfa_settings" },
        { "applications", "applications" },
    };
    json_t *given = json_loads(config, 0, NULL), *part;
    json_t *settings = parse(PLAIN);
    size_t i;

    for (i = 0; i < TAP_COUNT(parts); i++) {
        part = json_object_get(given, parts[i][0]);
        if (part)
            json_object_set(settings, parts[i][1], part);
    }
    json_decref(given);
    return settings;
}

/* The first that the instance says is of this member of a configuration. */
static bool
seed_refused_for(json_t *settings, const char *member)
{
    struct factor_error err = { .code = 0 };
    struct factor_test *t = factor_test_new(mfa_plugin(), settings, &err);
    const char *told =
        json_string_value(at(factor_test_problems(), 0));
    char wanted[200];

    factor_test_free(t);
    if (strncmp(member, "/policies", 9) == 0)
        snprintf(wanted, sizeof(wanted), "/device_%s:", member + 1);
    else if (strncmp(member, "/settings", 9) == 0)
        snprintf(wanted, sizeof(wanted), "/mfa_%s:", member + 1);
    else
        snprintf(wanted, sizeof(wanted), "%s:", member);
    if (!t && err.code == FACTOR_E_CONFIG && told &&
        strncmp(told, wanted, strlen(wanted)) == 0)
        return true;
    tap_note("not about %s: %s", wanted, told ? told : err.text);
    return false;
}

/* The configuration file has to pass the same check. */
static void
seeds_refused(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(bad_configs); i++)
        if (bad_configs[i].member[0] == '/' &&
            !seed_refused_for(seed_of(bad_configs[i].config),
                              bad_configs[i].member))
            CU_FAIL(bad_configs[i].config);
    CU_ASSERT_TRUE(seed_refused_for(
        parse("{\"device_policies\": {}, \"mfa_settings\": []}"),
        "/settings"));
    CU_ASSERT_EQUAL(json_array_size(factor_test_problems()), 2);
    CU_ASSERT_TRUE(seed_refused_for(
        parse("{\"policy_by_acr\": {\"a\": \"x\", \"b\": \"Default\"}}"),
        "/policy_by_acr"));
    CU_ASSERT_EQUAL(json_array_size(factor_test_problems()), 1);
}

#define PERMISSIVE                                                             \
    PHONES("\"deviceAuthorization\": {\"enabled\": true,"                      \
           " \"extraVerification\": \"permissive\"}")

/* DECISIONS M10: below the standard, so only where that is wanted. */
static void
permissive_refused(void)
{
    json_t *settings = seed_of(PERMISSIVE);
    struct scene s = open_scene(PLAIN);

    put(&s, PERMISSIVE);
    CU_ASSERT_TRUE(refused_for(
        &s, OF_PHONES "deviceAuthorization/extraVerification"));
    close_scene(&s);
    CU_ASSERT_TRUE(seed_refused_for(
        json_incref(settings),
        OF_PHONES "deviceAuthorization/extraVerification"));
    json_object_set_new(settings, "ping_defaults", json_true());
    s = (struct scene){ .t = factor_test_new(mfa_plugin(), settings, NULL) };
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
    put(&s, PERMISSIVE);
    CU_ASSERT_TRUE(is_answer(&s));
    close_scene(&s);
}

/* --- Drivers --- */

static void
a_working_day(struct factor_test *t, void *context)
{
    struct scene s = { .t = NULL };

    (void)context;
    adopt_scene(&s, t);
    add(&s, "EMAIL", "kim@acme.test");
    add(&s, "TOTP", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    change(&s, "mfa.device", s.device, json_pack("{s:i}", "failures", 2));
    operate(&s, "listDevices", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    operate(&s, "unlock", NULL);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 1);
    operate(&s, "dropDevice", json_pack("{s:s}", "id", s.device));
    CU_ASSERT_TRUE(is_answer(&s));
    operate(&s, "createPairingKey", NULL);
    CU_ASSERT_TRUE(is_answer(&s));
    put(&s, "{\"settings\": {}}");
    CU_ASSERT_TRUE(is_answer(&s));
    put(&s, "{\"policies\": []}");
    CU_ASSERT_TRUE(refused_for(&s, "/policies"));
}

static void
every_host_call_fails(void)
{
    if (tap_skip_slow())
        return;

    json_t *settings = parse(PLAIN);
    struct factor_test_result result = factor_test_each_failure(
        mfa_plugin(), settings, a_working_day, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    tap_note("%u host calls failed in turn", result.tries);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_TRUE(result.tries > 30);
    json_decref(settings);
}

static const struct tap_test tests[] = {
    { "operators: listDevices masks, and shows locks", devices_listed },
    { "operators, mfa B.6.3: addDevice", devices_added },
    { "operators, mfa B.6.3: addDevice up to the limit",
      devices_added_to_the_limit },
    { "operators, mfa B.6.7: dropDevice, the default moves",
      devices_removed },
    { "mfa B.5: operators open and end a bypass window", bypass_opened },
    { "operators: unlock one, or all and the account", unlocked },
    { "operators: unlock forgives pushes", pushes_unlocked },
    { "operators, M3, mfa B.7: createPairingKey", key_created },
    { "operators, mfa B.7: 20 live keys", keys_to_the_limit },
    { "operators: no application, no key", no_application },
    { "operators need a user that is there", nobody },
    { "operators, mfa B.3, B.4: putConfig", config_put },
    { "operators: the configuration is nobody's", config_outlives_users },
    { "operators: what getConfig gives can be put", config_goes_round },
    { "operators: what was not put is the file's", config_part_by_part },
    { "a device policy that is not there is not the default one",
      unknown_policy_fails },
    { "operators: the policies of policy_by_acr stay", policies_of_acrs_stay },
    { "operators, mfa B.3, B.4: ranges, told by the member's name",
      configs_refused },
    { "operators: all that is wrong is told at once",
      configs_refused_for_all },
    { "mfa B.4: the name that may be meant", near_names_told },
    { "mfa B.3, B.4, B.8: what the service returns, and comments",
      configs_taken },
    { "mfa B.3, B.4: the configuration file passes the same check",
      seeds_refused },
    { "M10: permissive under ping_defaults alone", permissive_refused },
    { "T3: every host call failing in turn", every_host_call_fails },
};

int
main(void)
{
    static const struct tap_fixture fixture = { mfa_set_up, NULL };

    return tap_main_with("mfa operator", &fixture, tests, TAP_COUNT(tests));
}
