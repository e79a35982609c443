/* SPDX-License-Identifier: MIT */
/* tests/test_otp_adapter.c - the OTP adapter under the fake host. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "factor/test.h"
#include "passcode/passcode.h"
#include "tests/tap.h"

#define JOE "11111111-1111-4111-8111-111111111111"
#define ANN "22222222-2222-4222-8222-222222222222"
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define USER_CHOICE "{\"device_selection\": \"user_choice\"}"
#define NO_COOLDOWN "\"resend_cooldown\": \"0s\""

static const struct factor_plugin *plugin;

/* One fake host with joe, who has a mailbox and a phone. */
struct scene {
    struct factor_test *t;
    const struct factor_test_reply *reply;
    char code[16];     /* of the last message */
    char email[64];    /* ids of joe's devices */
    char sms[64];
};

/* --- Small tools --- */

static const char *
text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));

    return value ? value : "(none)";
}

static json_int_t
number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
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

static struct scene
open_scene(const char *settings)
{
    struct scene s = { .t = NULL };
    struct factor_error err = { .code = 0 };

    s.t = factor_test_new(plugin, settings ? parse(settings) : NULL, &err);
    if (!s.t) {
        fprintf(stderr, "init: %s\n", err.text);
        abort();
    }
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s, s:s}", "email",
                                   "Joe@acme.test", "phone", "+15555550155",
                                   "given_name", "Joe"));
    factor_test_begin(s.t, JOE, json_pack("{s:s}", "userId", JOE));
    return s;
}

static void
close_scene(struct scene *s)
{
    factor_test_free(s->t);
}

static void
note_code(struct scene *s)
{
    const json_t *sent = json_array_get(s->reply->sends, 0);

    if (sent)
        snprintf(s->code, sizeof(s->code), "%s", text(sent, "code"));
}

static void
note_devices(struct scene *s)
{
    const json_t *devices = json_object_get(s->reply->model, "devices");
    const json_t *device;
    size_t i;

    for (i = 0; i < json_array_size(devices); i++) {
        device = json_array_get(devices, i);
        if (strcmp(text(device, "type"), "EMAIL") == 0)
            snprintf(s->email, sizeof(s->email), "%s", text(device, "id"));
        if (strcmp(text(device, "type"), "SMS") == 0)
            snprintf(s->sms, sizeof(s->sms), "%s", text(device, "id"));
    }
}

static void
enter(struct scene *s)
{
    s->reply = factor_test_enter(s->t);
    note_code(s);
    note_devices(s);
}

static void
act(struct scene *s, const char *action, json_t *fields)
{
    s->reply = factor_test_act(s->t, action, fields);
    note_code(s);
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

/* A code that is not the one that was sent. */
static void
check_wrong(struct scene *s)
{
    char wrong[16];
    size_t last = strlen(s->code) - 1;

    memcpy(wrong, s->code, sizeof(wrong));
    wrong[last] = (char)('0' + (wrong[last] - '0' + 1) % 10);
    check(s, wrong);
}

/* A new flow of joe's, on his mailbox. */
static void
new_flow(struct scene *s)
{
    factor_test_begin(s->t, JOE, json_pack("{s:s}", "userId", JOE));
    enter(s);
    if (s->reply->kind == FACTOR_TEST_STATE &&
        strcmp(s->reply->state, "DEVICE_SELECTION_REQUIRED") == 0)
        select_device(s, s->email);
}

static const json_t *
device(const struct scene *s, const char *id)
{
    const json_t *devices = json_object_get(s->reply->model, "devices");
    size_t i;

    for (i = 0; i < json_array_size(devices); i++)
        if (strcmp(text(json_array_get(devices, i), "id"), id) == 0)
            return json_array_get(devices, i);
    return NULL;
}

static const json_t *
record(const struct scene *s, const char *id)
{
    return factor_test_record(s->t, "otp.authenticator", id);
}

/* Change members of an authenticator or account, as if by another flow. */
static void
change_record(struct scene *s, const char *collection, const char *id,
              json_t *changes)
{
    json_t *body = json_deep_copy(factor_test_record(s->t, collection, id));
    json_t *all = json_deep_copy(factor_test_records(s->t));
    const json_t *owner = NULL, *name = NULL, *at;
    size_t i;

    for (i = 0; i < json_array_size(all); i++) {
        at = json_array_get(all, i);
        if (strcmp(text(at, "collection"), collection) == 0 &&
            strcmp(text(at, "id"), id) == 0) {
            owner = json_object_get(at, "owner");
            name = json_object_get(at, "name");
        }
    }
    if (!body)
        body = json_pack("{s:i}", "v", 1);
    json_object_update(body, changes);
    json_decref(changes);
    factor_test_seed(s->t, collection, id,
                     owner ? json_string_value(owner) : JOE,
                     json_string_value(name), body);
    json_decref(all);
}

static bool
has_audit(const struct scene *s, const char *event)
{
    size_t i;

    for (i = 0; i < json_array_size(s->reply->audits); i++)
        if (strcmp(text(json_array_get(s->reply->audits, i), "event"),
                   event) == 0)
            return true;
    return false;
}

/* The replies that are asked for most. */
static bool
in_state(const struct scene *s, const char *state)
{
    if (s->reply->kind == FACTOR_TEST_STATE &&
        strcmp(s->reply->state, state) == 0)
        return true;
    tap_note("not %s: kind %d, state %s, code %s, %s", state, s->reply->kind,
             s->reply->state ? s->reply->state : "-",
             s->reply->code ? s->reply->code : "-", s->reply->problem);
    return false;
}

static bool
failed_with(const struct scene *s, const char *code)
{
    return in_state(s, "MFA_FAILED") && strcmp(s->reply->code, code) == 0;
}

static bool
is_error(const struct scene *s, const char *top, const char *detail)
{
    if (s->reply->kind == FACTOR_TEST_ERROR &&
        strcmp(s->reply->code, top) == 0 &&
        factor_test_has_detail(s->reply, detail))
        return true;
    tap_note("not %s: kind %d, state %s, code %s, %s", detail, s->reply->kind,
             s->reply->state ? s->reply->state : "-",
             s->reply->code ? s->reply->code : "-", s->reply->problem);
    return false;
}

static bool
is_invalid_otp(const struct scene *s)
{
    return is_error(s, "VALIDATION_ERROR", "INVALID_OTP");
}

static const json_t *
detail(const struct scene *s)
{
    return json_array_get(s->reply->details, 0);
}

static size_t
sent(const struct scene *s)
{
    return json_array_size(s->reply->sends);
}

/* --- States and members (C.1, C.3) --- */

static void
selection_state(void)
{
    struct scene s = open_scene(
        "{\"device_selection\": \"user_choice\","
        " \"user_data\": {\"first_name\": \"given_name\","
        "                 \"nickname\": \"nickname\"}}");
    const json_t *devices;

    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    devices = json_object_get(s.reply->model, "devices");
    CU_ASSERT_EQUAL(json_array_size(devices), 2);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(devices, 0), "type"), "EMAIL");
    CU_ASSERT_STRING_EQUAL(text(json_array_get(devices, 0), "target"),
                           "J****@acme.test");
    CU_ASSERT_TRUE(json_is_true(
        json_object_get(json_array_get(devices, 0), "usable")));
    CU_ASSERT_STRING_EQUAL(text(json_array_get(devices, 1), "type"), "SMS");
    CU_ASSERT_STRING_EQUAL(text(json_array_get(devices, 1), "target"),
                           "+155*****55");
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "user"), "username"), "joe");
    CU_ASSERT_EQUAL(
        json_object_size(json_object_get(s.reply->model, "userData")), 1);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "userData"), "first_name"),
        "Joe");
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "selectDevice"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "checkOtp"));
    close_scene(&s);
}

static void
required_state(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(s.reply->model, "devices")), 2);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "selectedDeviceRef"), "id"),
        s.sms);
    CU_ASSERT_EQUAL(number(s.reply->model, "otpLength"), 6);
    CU_ASSERT_TRUE(json_is_object(json_object_get(s.reply->model, "user")));
    CU_ASSERT_TRUE(
        json_is_object(json_object_get(s.reply->model, "userData")));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "checkOtp"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "resendOtp"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "selectDevice"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "continueAuthentication"));
    close_scene(&s);
}

static void
verified_state(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    CU_ASSERT_PTR_NULL(json_object_get(s.reply->model, "devices"));
    CU_ASSERT_PTR_NULL(json_object_get(s.reply->model, "user"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "continueAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "checkOtp"));
    close_scene(&s);
}

static void
failed_state(void)
{
    struct scene s = open_scene("{\"max_attempts\": 1}");

    enter(&s);
    check_wrong(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "code"), "OTP_ATTEMPTS_LIMIT");
    CU_ASSERT_STRING_NOT_EQUAL(text(s.reply->model, "message"), "(none)");
    CU_ASSERT_STRING_EQUAL(text(s.reply->model, "userMessage"),
                           "Too many wrong passcodes.");
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "cancelAuthentication"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "checkOtp"));
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

static void
device_ids_are_stable(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char email[64];

    enter(&s);
    memcpy(email, s.email, sizeof(email));
    CU_ASSERT_EQUAL(strlen(email), 36);
    CU_ASSERT_STRING_NOT_EQUAL(s.email, s.sms);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 2);
    factor_test_advance(s.t, HOUR);
    enter(&s);
    CU_ASSERT_STRING_EQUAL(s.email, email);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    close_scene(&s);
}

/* A record's name is a keyed hash of user, channel and address, so that the
 * same address in another spelling is the same device. */
static void
device_record_names(void)
{
    static const char bytes[] = JOE "\0email\0joe@acme.test";
    struct scene s = open_scene(USER_CHOICE);
    char name[FACTOR_NAME_MAX + 1];
    const json_t *put = NULL;
    char email[64];

    enter(&s);
    memcpy(email, s.email, sizeof(email));
    factor_test_keyed_name("otp.authenticator", bytes, sizeof(bytes), name);
    put = json_array_get(s.reply->puts, 0);
    CU_ASSERT_STRING_EQUAL(text(put, "name"), name);
    CU_ASSERT_STRING_EQUAL(text(put, "owner"), JOE);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(json_object_get(put, "body"), "secret"),
             "address"),
        "joe@acme.test");
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "JOE@acme.TEST"));
    enter(&s);
    CU_ASSERT_STRING_EQUAL(s.email, email);
    /* Another address is another device, and the old one comes back. */
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "new@acme.test"));
    enter(&s);
    CU_ASSERT_STRING_NOT_EQUAL(s.email, email);
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    CU_ASSERT_STRING_EQUAL(s.email, email);
    close_scene(&s);
}

static void
make_first(struct factor_test *t, void *context)
{
    static const char bytes[] = JOE "\0email\0joe@acme.test";
    char name[FACTOR_NAME_MAX + 1];

    (void)context;
    factor_test_keyed_name("otp.authenticator", bytes, sizeof(bytes), name);
    factor_test_seed(t, "otp.authenticator", "the-other-flows", JOE, name,
                     json_pack("{s:i, s:s, s:{s:s}}", "v", 1, "channel",
                               "email", "secret", "address",
                               "joe@acme.test"));
}

static void
two_flows_make_one_device(void)
{
    struct scene s = open_scene(USER_CHOICE);

    factor_test_before_commit(s.t, make_first, NULL);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(s.email, "the-other-flows");
    close_scene(&s);
}

static void
same_number_twice(void)
{
    struct scene s = open_scene(
        "{\"device_selection\": \"user_choice\", \"methods\": ["
        "{\"channel\": \"sms\", \"attribute\": \"phone\", \"type\": \"SMS\"},"
        "{\"channel\": \"voice\", \"attribute\": \"phone\","
        " \"type\": \"VOICE\"},"
        "{\"channel\": \"sms\", \"attribute\": \"phone2\","
        " \"type\": \"SMS2\"}]}");
    const json_t *devices;

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s}", "phone", "+15555550155",
                                   "phone2", "+1 555 555 0155"));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    /* By message and by call are two; the same by message is one. */
    devices = json_object_get(s.reply->model, "devices");
    CU_ASSERT_EQUAL(json_array_size(devices), 2);
    enter(&s);
    devices = json_object_get(s.reply->model, "devices");
    CU_ASSERT_EQUAL(json_array_size(devices), 2);
    CU_ASSERT_STRING_NOT_EQUAL(text(json_array_get(devices, 0), "id"),
                               text(json_array_get(devices, 1), "id"));
    close_scene(&s);
}

/* --- Entering (C.5, C.6) --- */

static void
automatic_takes_the_first(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "email");
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "address"),
                           "Joe@acme.test");
    CU_ASSERT_TRUE(has_audit(&s, "otp.sent"));
    close_scene(&s);
}

static void
automatic_skips_what_is_missing_or_locked(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:I}", "locked_until_ms",
                            (json_int_t)(factor_test_now(s.t) + MINUTE)));
    enter(&s);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "sms");
    factor_test_advance(s.t, MINUTE);
    enter(&s);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "email");
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "phone", "+15555550155"));
    enter(&s);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "sms");
    close_scene(&s);
}

static void
preferred_wins(void)
{
    static const char *const modes[] = { "automatic", "user_choice" };
    char settings[120];
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(modes); i++) {
        snprintf(settings, sizeof(settings),
                 "{\"device_selection\": \"%s\","
                 " \"preferred_attribute\": \"mfa\"}",
                 modes[i]);
        s = open_scene(settings);
        factor_test_add_user(s.t, JOE, "joe",
                             json_pack("{s:s, s:s, s:s}", "email",
                                       "joe@acme.test", "phone",
                                       "+15555550155", "mfa", "SMS"));
        enter(&s);
        CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
        CU_ASSERT_STRING_EQUAL(
            text(json_array_get(s.reply->sends, 0), "channel"), "sms");
        /* Locked, or none of the table's: the mode decides. */
        change_record(&s, "otp.authenticator", s.sms,
                      json_pack("{s:b}", "disabled", 1));
        enter(&s);
        CU_ASSERT_STRING_EQUAL(
            text(json_array_get(s.reply->sends, 0), "channel"), "email");
        close_scene(&s);
    }
}

static void
preferred_unknown_is_ignored(void)
{
    struct scene s = open_scene("{\"device_selection\": \"user_choice\","
                                " \"preferred_attribute\": \"mfa\"}");

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s, s:s}", "email",
                                   "joe@acme.test", "phone", "+15555550155",
                                   "mfa", "PIGEON"));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    close_scene(&s);
}

static void
one_usable_sends_at_once(void)
{
    struct scene s = open_scene(USER_CHOICE);

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    /* Two, of which one is locked. */
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s}", "email", "joe@acme.test",
                                   "phone", "+15555550155"));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:b}", "disabled", 1));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "sms");
    close_scene(&s);
}

static void
nothing_usable_blocks(void)
{
    struct scene s = open_scene(NULL);

    factor_test_add_user(s.t, JOE, "joe", NULL);
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    close_scene(&s);
}

static void
nothing_usable_bypasses(void)
{
    struct scene s = open_scene("{\"failure_mode\": \"bypass\"}");

    factor_test_add_user(s.t, JOE, "joe", NULL);
    enter(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_SUCCESS);
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 0);
    CU_ASSERT_EQUAL(s.reply->kinds, 0);
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "status"), "bypassed");
    CU_ASSERT_TRUE(has_audit(&s, "otp.bypassed"));
    close_scene(&s);
}

/* Locking somebody's devices, or removing or disabling the user, must not be
 * a way around the factor. */
static void
bypass_is_for_no_contact_alone(void)
{
    struct scene s = open_scene("{\"failure_mode\": \"bypass\"}");

    enter(&s);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:b}", "disabled", 1));
    change_record(&s, "otp.authenticator", s.sms,
                  json_pack("{s:b}", "disabled", 1));
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    change_record(&s, FACTOR_USERS, JOE,
                  json_pack("{s:b, s:{}}", "enabled", 0, "attributes"));
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    factor_test_begin(s.t, ANN, NULL);
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    close_scene(&s);
}

static void
whose_step(void)
{
    struct scene s = open_scene(NULL);

    /* The subject alone, and the input alone, will do. */
    factor_test_begin(s.t, JOE, NULL);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    factor_test_begin(s.t, NULL, json_pack("{s:s}", "userId", JOE));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    /* Nobody, and one user's code for another, fail. */
    factor_test_begin(s.t, NULL, NULL);
    enter(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    CU_ASSERT_TRUE(has_audit(&s, "otp.failed"));
    factor_test_add_user(s.t, ANN, "ann",
                         json_pack("{s:s}", "email", "ann@acme.test"));
    factor_test_begin(s.t, ANN, json_pack("{s:s}", "userId", JOE));
    enter(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    CU_ASSERT_EQUAL(sent(&s), 0);
    close_scene(&s);
}

/* --- The happy path --- */

static void
happy_path(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    CU_ASSERT_TRUE(has_audit(&s, "otp.verified"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "status"), "verified");
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "method"), "EMAIL");
    CU_ASSERT_EQUAL(s.reply->kinds, FACTOR_KIND_POSSESSION);
    CU_ASSERT_PTR_NULL(s.reply->subject);
    close_scene(&s);
}

static void
amr_by_channel(void)
{
    static const struct {
        const char *channel, *second;
    } rows[] = {
        { "email", "email" },
        { "sms", "sms" },
        { "voice", "tel" },
    };
    char settings[120];
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        snprintf(settings, sizeof(settings),
                 "{\"methods\": [{\"channel\": \"%s\","
                 " \"attribute\": \"phone\", \"type\": \"X\"}]}",
                 rows[i].channel);
        s = open_scene(settings);
        enter(&s);
        check(&s, s.code);
        act(&s, "continueAuthentication", NULL);
        CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 2);
        CU_ASSERT_STRING_EQUAL(
            json_string_value(json_array_get(s.reply->amr, 0)), "otp");
        CU_ASSERT_STRING_EQUAL(
            json_string_value(json_array_get(s.reply->amr, 1)),
            rows[i].second);
        close_scene(&s);
    }
}

static void
no_success_screen(void)
{
    struct scene s = open_scene("{\"show_success_state\": false}");

    enter(&s);
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "method"), "EMAIL");
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 2);
    close_scene(&s);
}

static void
no_failed_screen(void)
{
    struct scene s = open_scene("{\"show_failed_state\": false,"
                                " \"max_attempts\": 1}");

    enter(&s);
    check_wrong(&s);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

static void
cancel_from_everywhere(void)
{
    struct scene s = open_scene("{\"device_selection\": \"user_choice\","
                                " \"max_attempts\": 1}");

    enter(&s);
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    enter(&s);
    select_device(&s, s.email);
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    CU_ASSERT_TRUE(has_audit(&s, "otp.cancelled"));
    enter(&s);
    select_device(&s, s.email);
    check_wrong(&s);
    CU_ASSERT_TRUE(in_state(&s, "MFA_FAILED"));
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

/* The user is disabled between the right code and the last click. */
static void
disabled_at_the_end(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check(&s, s.code);
    change_record(&s, FACTOR_USERS, JOE, json_pack("{s:b}", "enabled", 0));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    close_scene(&s);
}

static void
disabled_in_the_middle(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    change_record(&s, FACTOR_USERS, JOE, json_pack("{s:b}", "enabled", 0));
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    close_scene(&s);
}

/* --- Codes (C.6, O1, O2) --- */

static void
message_has_all(void)
{
    struct scene s = open_scene("{\"brand\": \"Acme\"}");
    const json_t *message;

    enter(&s);
    message = json_array_get(s.reply->sends, 0);
    CU_ASSERT_STRING_EQUAL(text(message, "template_id"), "otp.code");
    CU_ASSERT_EQUAL(strlen(text(message, "code")), 6);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(message, "variables"), "minutes"), "5");
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(message, "variables"), "brand"), "Acme");
    CU_ASSERT_EQUAL(number(message, "expires_at_ms"),
                    factor_test_now(s.t) + 5 * MINUTE);
    CU_ASSERT_STRING_EQUAL(text(message, "about_collection"),
                           "otp.authenticator");
    CU_ASSERT_STRING_EQUAL(text(message, "about_id"), s.email);
    close_scene(&s);
}

/* A mailbox as it was written, a number as E.164. */
static void
message_addresses(void)
{
    struct scene s = open_scene(USER_CHOICE);

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s}", "email", "Joe@ACME.test",
                                   "phone", "+1 (555) 555-0155"));
    enter(&s);
    select_device(&s, s.email);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "address"),
                           "Joe@ACME.test");
    select_device(&s, s.sms);
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "address"),
                           "+15555550155");
    close_scene(&s);
}

static void
lengths(void)
{
    char settings[40];
    struct scene s;
    int digits;

    for (digits = 6; digits <= 8; digits++) {
        snprintf(settings, sizeof(settings), "{\"otp_length\": %d}", digits);
        s = open_scene(settings);
        enter(&s);
        CU_ASSERT_EQUAL((int)strlen(s.code), digits);
        CU_ASSERT_EQUAL(number(s.reply->model, "otpLength"), digits);
        check(&s, s.code);
        CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
        close_scene(&s);
    }
}

/* The code is nowhere in what is kept; its secret is, sealed, and goes with
 * the challenge. */
static void
nothing_is_left(void)
{
    static const char *const ends[] = { "right", "wrong", "switch",
                                        "cancel", NULL };
    const char *const *end;
    struct scene s;
    char *kept, *secret;

    for (end = ends; *end; end++) {
        s = open_scene("{\"max_attempts\": 1}");
        enter(&s);
        kept = json_dumps(factor_test_flow_data(s.t), JSON_ENCODE_ANY);
        CU_ASSERT_PTR_NULL(strstr(kept, s.code));
        free(kept);
        secret = strdup(text(factor_test_flow_data(s.t), "secret"));
        CU_ASSERT_EQUAL(strlen(secret), 40);
        if (strcmp(*end, "right") == 0)
            check(&s, s.code);
        else if (strcmp(*end, "wrong") == 0)
            check_wrong(&s);
        else if (strcmp(*end, "switch") == 0)
            select_device(&s, s.sms);
        else
            act(&s, "cancelAuthentication", NULL);
        if (strcmp(*end, "cancel") != 0) {
            kept = json_dumps(factor_test_flow_data(s.t), 0);
            CU_ASSERT_PTR_NULL(strstr(kept, secret));
            free(kept);
        }
        kept = json_dumps(factor_test_records(s.t), 0);
        CU_ASSERT_PTR_NULL(strstr(kept, secret));
        CU_ASSERT_PTR_NULL(strstr(kept, s.code));
        free(kept);
        free(secret);
        close_scene(&s);
    }
}

static void
codes_differ(void)
{
    struct scene s = open_scene(NULL);
    char first[16];

    enter(&s);
    memcpy(first, s.code, sizeof(first));
    enter(&s);
    CU_ASSERT_STRING_NOT_EQUAL(s.code, first);
    /* The code of another flow is a wrong one. */
    check(&s, first);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    close_scene(&s);
}

static void
code_once(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    CU_ASSERT_STRING_EQUAL(s.reply->code, "INVALID_ACTION_ID");
    close_scene(&s);
}

static void
expired_code(void)
{
    struct scene s = open_scene(NULL);
    int i;

    enter(&s);
    factor_test_advance(s.t, 5 * MINUTE - 1);
    check_wrong(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 2);
    factor_test_advance(s.t, 1);
    for (i = 0; i < 5; i++) {
        check(&s, s.code);
        CU_ASSERT_TRUE(is_invalid_otp(&s));
        CU_ASSERT_PTR_NULL(json_object_get(detail(&s), "attemptsRemaining"));
        CU_ASSERT_STRING_EQUAL(
            text(detail(&s), "userMessage"),
            "That passcode has expired. Ask for a new one.");
        CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    }
    check_wrong(&s);
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 1);
    close_scene(&s);
}

static void
last_moment(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    factor_test_advance(s.t, 5 * MINUTE - 1);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
pasted_codes(void)
{
    struct scene s = open_scene(NULL);
    char pasted[20];

    enter(&s);
    snprintf(pasted, sizeof(pasted), " %.3s-%.3s ", s.code, s.code + 3);
    check(&s, pasted);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
malformed_codes(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check(&s, "12345x");
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 2);
    check(&s, "1234567");
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 1);
    CU_ASSERT_EQUAL(number(record(&s, s.email), "failures"), 0);
    check(&s, " - ");
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    close_scene(&s);
}

/* --- Wrong codes (C.4, C.6, O4) --- */

static void
wrong_code(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check_wrong(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_STRING_EQUAL(text(detail(&s), "message"),
                           "An invalid or expired OTP was provided.");
    CU_ASSERT_STRING_EQUAL(text(detail(&s), "userMessage"),
                           "That passcode is not valid.");
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 2);
    CU_ASSERT_TRUE(has_audit(&s, "otp.failed"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
wrong_code_at_the_limit(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check_wrong(&s);
    check_wrong(&s);
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 1);
    check_wrong(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    CU_ASSERT_STRING_EQUAL(s.reply->code, "INVALID_ACTION_ID");
    /* The dead end is for good. */
    factor_test_advance(s.t, 20 * MINUTE);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    close_scene(&s);
}

static void
attempts_are_the_flows(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    check_wrong(&s);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    check_wrong(&s);
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 1);
    check_wrong(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    CU_ASSERT_EQUAL(number(record(&s, s.email), "failures"), 1);
    CU_ASSERT_EQUAL(number(record(&s, s.sms), "failures"), 2);
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "otp.account", JOE),
                           "failures"),
                    3);
    close_scene(&s);
}

/* Three wrong codes in one flow, two in the next. */
static void
fail_five(struct scene *s)
{
    int i;

    new_flow(s);
    for (i = 0; i < 3; i++)
        check_wrong(s);
    CU_ASSERT_TRUE(failed_with(s, "OTP_ATTEMPTS_LIMIT"));
    new_flow(s);
    for (i = 0; i < 2; i++)
        check_wrong(s);
}

static void
five_lock(void)
{
    struct scene s = open_scene(USER_CHOICE);

    fail_five(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_TRUE(has_audit(&s, "otp.locked"));
    CU_ASSERT_EQUAL(number(record(&s, s.email), "locked_until_ms"),
                    factor_test_now(s.t) + 2 * MINUTE);
    /* The right code is not even looked at. */
    check(&s, s.code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(number(detail(&s), "retry_at_ms"),
                    factor_test_now(s.t) + 2 * MINUTE);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    get(&s);
    CU_ASSERT_TRUE(json_is_false(
        json_object_get(device(&s, s.email), "usable")));
    CU_ASSERT_TRUE(
        json_is_true(json_object_get(device(&s, s.sms), "usable")));
    CU_ASSERT_EQUAL(s.reply->changes_at_ms, factor_test_now(s.t) + 2 * MINUTE);
    factor_test_advance(s.t, 2 * MINUTE);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    CU_ASSERT_EQUAL(number(record(&s, s.email), "failures"), 0);
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "otp.account", JOE),
                           "failures"),
                    0);
    close_scene(&s);
}

static void
locked_device_is_refused(void)
{
    struct scene s = open_scene(USER_CHOICE);

    fail_five(&s);
    factor_test_begin(s.t, JOE, NULL);
    enter(&s);
    /* One usable method of two: it is sent to at once. */
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(number(detail(&s), "retry_at_ms"),
                    factor_test_now(s.t) + 2 * MINUTE);
    CU_ASSERT_EQUAL(sent(&s), 0);
    get(&s);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(s.reply->model, "selectedDeviceRef"), "id"),
        s.sms);
    close_scene(&s);
}

static void
locked_device_is_sent_nothing(void)
{
    struct scene s = open_scene(USER_CHOICE);

    fail_five(&s);
    factor_test_advance(s.t, MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    factor_test_advance(s.t, MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

static void
all_locked(void)
{
    struct scene s = open_scene(NULL);

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    fail_five(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    CU_ASSERT_STRING_EQUAL(
        text(s.reply->model, "userMessage"),
        "Too many wrong passcodes: this device is locked for a while.");
    new_flow(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    close_scene(&s);
}

/* Another flow of the account locks the device that this one waits for. */
static void
locked_from_elsewhere(void)
{
    struct scene s = open_scene(NULL);
    int64_t until;

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    until = factor_test_now(s.t) + MINUTE;
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:I}", "locked_until_ms", (json_int_t)until));
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(s.reply->changes_at_ms, until);
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    factor_test_set_now(s.t, until);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
twenty_lock_the_account(void)
{
    struct scene s = open_scene(USER_CHOICE);
    int i;

    enter(&s);
    change_record(&s, "otp.account", JOE, json_pack("{s:i}", "failures", 18));
    select_device(&s, s.email);
    check_wrong(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    check_wrong(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    CU_ASSERT_TRUE(has_audit(&s, "otp.locked"));
    for (i = 0; i < 2; i++) {
        new_flow(&s);
        CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
        CU_ASSERT_EQUAL(sent(&s), 0);
        factor_test_advance(s.t, HOUR - 1);
        if (i == 0)
            factor_test_advance(s.t, -(HOUR - 1));
    }
    factor_test_advance(s.t, 1);
    new_flow(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    CU_ASSERT_EQUAL(number(factor_test_record(s.t, "otp.account", JOE),
                           "failures"),
                    0);
    close_scene(&s);
}

/* While another flow of the account is open. */
static void
account_lock_shows(void)
{
    struct scene s = open_scene(USER_CHOICE);
    int64_t until;

    enter(&s);
    until = factor_test_now(s.t) + 10 * MINUTE;
    change_record(&s, "otp.account", JOE,
                  json_pack("{s:i, s:I}", "failures", 20, "locked_until_ms",
                            (json_int_t)until));
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "DEVICE_LOCKED"));
    CU_ASSERT_EQUAL(s.reply->changes_at_ms, until);
    factor_test_set_now(s.t, until);
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    close_scene(&s);
}

static void
hundred_disable(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:i}", "failures", 99));
    select_device(&s, s.email);
    check_wrong(&s);
    CU_ASSERT_TRUE(
        json_is_true(json_object_get(record(&s, s.email), "disabled")));
    check(&s, s.code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    CU_ASSERT_PTR_NULL(json_object_get(detail(&s), "retry_at_ms"));
    factor_test_advance(s.t, 25 * MINUTE);
    check(&s, s.code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    /* Until an operator acts. */
    s.reply = factor_test_operator(s.t, "unlock", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
    new_flow(&s);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

/* When the first device can be tried again; 0: never. */
static int64_t
next_chance(const struct scene *s)
{
    const char *const ids[] = { s->email, s->sms };
    int64_t now = factor_test_now(s->t), next = 0, until;
    size_t i;

    until = number(factor_test_record(s->t, "otp.account", JOE),
                   "locked_until_ms");
    if (until > now)
        return until;
    for (i = 0; i < TAP_COUNT(ids); i++) {
        if (json_is_true(json_object_get(record(s, ids[i]), "disabled")))
            continue;
        until = number(record(s, ids[i]), "locked_until_ms");
        if (until <= now)
            return now;
        next = next == 0 || until < next ? until : next;
    }
    return next;
}

/* One flow's guesses, until it or the device is at its end. */
static unsigned
guess_in_a_flow(struct scene *s, bool by_mail)
{
    unsigned guesses = 0;

    factor_test_begin(s->t, JOE, NULL);
    enter(s);
    if (strcmp(s->reply->state, "DEVICE_SELECTION_REQUIRED") == 0)
        select_device(s, by_mail ? s->email : s->sms);
    while (s->reply->kind == FACTOR_TEST_ERROR ||
           strcmp(s->reply->state, "OTP_REQUIRED") == 0) {
        check_wrong(s);
        if (s->reply->kind == FACTOR_TEST_ERROR &&
            factor_test_has_detail(s->reply, "DEVICE_LOCKED"))
            break;
        guesses++;
    }
    return guesses;
}

/* An attacker who knows the password tries for a day: as fast as locks allow,
 * over as many flows as wanted, on both devices. */
static void
guesses_of_a_day(void)
{
    struct scene s = open_scene(USER_CHOICE);
    int64_t begin = factor_test_now(s.t), now;
    unsigned guesses = 0, flows = 0, first_hour = 0;

    for (now = begin; now && now < begin + 24 * HOUR && flows < 20000;
         now = next_chance(&s)) {
        factor_test_set_now(s.t, now);
        guesses += guess_in_a_flow(&s, flows++ % 2);
        if (now < begin + HOUR)
            first_hour = guesses;
    }
    tap_note("%u guesses in 24 h, %u in the first, %u flows", guesses,
             first_hour, flows);
    /* By the account: 20, then an hour's lock, and so on; by the devices: at
     * most 5 each, then 2, 4, 8, 16, 32, 60, 60 ... minutes. */
    CU_ASSERT_TRUE(guesses <= 24 * 20);
    CU_ASSERT_TRUE(guesses <= 2 * 100);
    CU_ASSERT_TRUE(first_hour <= 20);
    CU_ASSERT_TRUE(guesses >= 100);
    close_scene(&s);
}

struct racer {
    struct scene *s;
    unsigned failures;
};

static void
fail_elsewhere(struct factor_test *t, void *context)
{
    struct racer *racer = context;

    (void)t;
    change_record(racer->s, "otp.authenticator", racer->s->email,
                  json_pack("{s:i, s:I}", "failures", racer->failures,
                            "locked_until_ms",
                            (json_int_t)(racer->failures % 5 ? 0
                                             : factor_test_now(racer->s->t) +
                                                   MINUTE)));
}

/* A thousand right and wrong guesses at once are decided on one snapshot:
 * whoever loses the race decides again, on what the winner left. */
static void
right_code_loses_to_a_lock(void)
{
    struct scene s = open_scene(USER_CHOICE);
    struct racer racer = { &s, 5 };

    enter(&s);
    select_device(&s, s.email);
    factor_test_before_commit(s.t, fail_elsewhere, &racer);
    check(&s, s.code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    close_scene(&s);
}

static void
wrong_codes_are_all_counted(void)
{
    struct scene s = open_scene(USER_CHOICE);
    struct racer racer = { &s, 3 };

    enter(&s);
    select_device(&s, s.email);
    factor_test_before_commit(s.t, fail_elsewhere, &racer);
    check_wrong(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    CU_ASSERT_EQUAL(number(record(&s, s.email), "failures"), 4);
    close_scene(&s);
}

/* --- resendOtp (C.4, C.6, O2, O3, O5) --- */

static void
resend_repeats(void)
{
    struct scene s = open_scene(NULL);
    char first[16];
    int64_t expires;

    enter(&s);
    memcpy(first, s.code, sizeof(first));
    expires = factor_test_now(s.t) + 5 * MINUTE;
    factor_test_advance(s.t, 20000);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    CU_ASSERT_STRING_EQUAL(s.code, first);
    CU_ASSERT_TRUE(has_audit(&s, "otp.resent"));
    CU_ASSERT_EQUAL(number(json_array_get(s.reply->sends, 0),
                           "expires_at_ms"),
                    expires);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(json_array_get(s.reply->sends, 0), "variables"),
             "minutes"),
        "4");
    factor_test_set_now(s.t, expires - MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_STRING_EQUAL(s.code, first);
    CU_ASSERT_STRING_EQUAL(
        text(json_object_get(json_array_get(s.reply->sends, 0), "variables"),
             "minutes"),
        "1");
    close_scene(&s);
}

static void
resend_draws_when_old(void)
{
    struct scene s = open_scene(NULL);
    char first[16];
    int64_t expires;

    enter(&s);
    memcpy(first, s.code, sizeof(first));
    check_wrong(&s);
    expires = factor_test_now(s.t) + 5 * MINUTE;
    factor_test_set_now(s.t, expires - MINUTE + 1);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_STRING_NOT_EQUAL(s.code, first);
    CU_ASSERT_EQUAL(number(json_array_get(s.reply->sends, 0),
                           "expires_at_ms"),
                    factor_test_now(s.t) + 5 * MINUTE);
    CU_ASSERT_EQUAL(number(factor_test_flow_data(s.t), "resends"), 1);
    /* It resets nothing, and the old code is a wrong one now. */
    check(&s, first);
    CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), 1);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
resend_after_expiry(void)
{
    struct scene s = open_scene(NULL);
    char first[16];

    enter(&s);
    memcpy(first, s.code, sizeof(first));
    factor_test_advance(s.t, 6 * MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_NOT_EQUAL(s.code, first);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
resend_too_soon(void)
{
    struct scene s = open_scene(NULL);

    enter(&s);
    factor_test_advance(s.t, 19999);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    CU_ASSERT_EQUAL(number(detail(&s), "retry_at_ms"),
                    factor_test_now(s.t) + 1);
    CU_ASSERT_EQUAL(sent(&s), 0);
    factor_test_advance(s.t, 1);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    /* The clock starts anew with each message. */
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    close_scene(&s);
}

static void
resend_limit(void)
{
    struct scene s = open_scene("{\"max_resends\": 2, " NO_COOLDOWN "}");
    int i;

    enter(&s);
    for (i = 0; i < 2; i++) {
        act(&s, "resendOtp", NULL);
        CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
        CU_ASSERT_EQUAL(sent(&s), 1);
    }
    for (i = 0; i < 2; i++) {
        act(&s, "resendOtp", NULL);
        CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
        CU_ASSERT_STRING_EQUAL(
            text(detail(&s), "message"),
            "The OTP has been re-sent the maximum number of times.");
        CU_ASSERT_STRING_EQUAL(text(detail(&s), "userMessage"),
                               "The passcode cannot be sent again.");
        CU_ASSERT_EQUAL(sent(&s), 0);
    }
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
default_resend_limit(void)
{
    struct scene s = open_scene(NULL);
    int i;

    enter(&s);
    for (i = 0; i < 15; i++) {
        factor_test_advance(s.t, 20000);
        act(&s, "resendOtp", NULL);
        CU_ASSERT_EQUAL(sent(&s), 1);
    }
    factor_test_advance(s.t, 20000);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

static void
resend_dead_end(void)
{
    struct scene s = open_scene("{\"max_resends\": 0}");

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    get(&s);
    CU_ASSERT_EQUAL(s.reply->changes_at_ms, factor_test_now(s.t) + 5 * MINUTE);
    factor_test_advance(s.t, 5 * MINUTE);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_RESEND_LIMIT"));
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    act(&s, "cancelAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_FAILURE);
    close_scene(&s);
}

/* Another device is a way out, until it was used too. */
static void
resend_way_out(void)
{
    struct scene s = open_scene("{\"max_resends\": 0}");

    enter(&s);
    factor_test_advance(s.t, 5 * MINUTE);
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    factor_test_advance(s.t, 5 * MINUTE);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

/* --- The host refuses messages (O8) --- */

static void
host_refuses_at_entry(void)
{
    struct scene s = open_scene(NULL);

    factor_test_refuse_sends(s.t, 1);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    factor_test_refuse_sends(s.t, 0);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

static void
host_refuses_the_only_one(void)
{
    struct scene s = open_scene(NULL);

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    factor_test_refuse_sends(s.t, 1);
    enter(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

static void
host_refuses_later(void)
{
    struct scene s = open_scene("{" NO_COOLDOWN "}");
    char first[16];

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    memcpy(first, s.code, sizeof(first));
    factor_test_refuse_sends(s.t, 1);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(number(factor_test_flow_data(s.t), "resends"), 0);
    /* When the code is over, nothing is left. */
    factor_test_advance(s.t, 5 * MINUTE);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

static void
host_refuses_a_switch(void)
{
    struct scene s = open_scene(NULL);
    char first[16];

    enter(&s);
    memcpy(first, s.code, sizeof(first));
    factor_test_refuse_sends(s.t, 1);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    check(&s, first);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

/* --- selectDevice (C.2, S5) --- */

static void
select_unknown(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    select_device(&s, "nope");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    CU_ASSERT_STRING_EQUAL(text(detail(&s), "message"),
                           "An invalid device was provided.");
    CU_ASSERT_STRING_NOT_EQUAL(text(detail(&s), "userMessage"), "(none)");
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    /* Another user's device is unknown too. */
    factor_test_add_user(s.t, ANN, "ann",
                         json_pack("{s:s}", "email", "ann@acme.test"));
    select_device(&s, s.email);
    select_device(&s, "nope");
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    act(&s, "selectDevice", json_pack("{s:{}}", "deviceRef"));
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    close_scene(&s);
}

static void
select_of_another_user(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char joes[64];

    enter(&s);
    memcpy(joes, s.email, sizeof(joes));
    factor_test_add_user(s.t, ANN, "ann",
                         json_pack("{s:s, s:s}", "email", "joe@acme.test",
                                   "phone", "+15555550155"));
    factor_test_begin(s.t, ANN, NULL);
    enter(&s);
    /* The same address of another user is another device. */
    CU_ASSERT_STRING_NOT_EQUAL(s.email, joes);
    select_device(&s, joes);
    CU_ASSERT_TRUE(is_error(&s, "VALIDATION_ERROR", "INVALID_DEVICE"));
    close_scene(&s);
}

static void
double_click(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char first[16];

    enter(&s);
    select_device(&s, s.email);
    memcpy(first, s.code, sizeof(first));
    factor_test_advance(s.t, 2000);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    CU_ASSERT_EQUAL(number(factor_test_flow_data(s.t), "resends"), 0);
    check(&s, first);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

/* One click is one click only while there is a code to wait for. */
static void
double_click_after_expiry(void)
{
    struct scene s = open_scene("{\"lifetime\": \"1s\", " NO_COOLDOWN "}");

    enter(&s);
    factor_test_advance(s.t, 999);
    select_device(&s, s.email);
    CU_ASSERT_EQUAL(sent(&s), 0);
    factor_test_advance(s.t, 1);
    select_device(&s, s.email);
    CU_ASSERT_EQUAL(sent(&s), 1);
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
same_device_later(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char first[16];

    enter(&s);
    select_device(&s, s.email);
    memcpy(first, s.code, sizeof(first));
    factor_test_advance(s.t, 2001);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    factor_test_advance(s.t, 18000);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 1);
    CU_ASSERT_STRING_EQUAL(s.code, first);
    CU_ASSERT_EQUAL(number(factor_test_flow_data(s.t), "resends"), 1);
    close_scene(&s);
}

static void
another_device(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char first[16];

    enter(&s);
    select_device(&s, s.email);
    memcpy(first, s.code, sizeof(first));
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_STRING_EQUAL(text(json_array_get(s.reply->sends, 0), "channel"),
                           "sms");
    CU_ASSERT_STRING_NOT_EQUAL(s.code, first);
    check(&s, first);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    check(&s, s.code);
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "method"), "SMS");
    close_scene(&s);
}

/* There and back counts: else two devices would be a way around the limit. */
static void
there_and_back(void)
{
    struct scene s = open_scene("{\"max_resends\": 3, " NO_COOLDOWN "}");
    unsigned messages = 0;
    int i;

    enter(&s);
    messages += (unsigned)sent(&s);
    for (i = 0; i < 20; i++) {
        factor_test_advance(s.t, 3000);
        select_device(&s, i % 2 ? s.email : s.sms);
        messages += (unsigned)sent(&s);
    }
    /* The first to each device, and three more. */
    CU_ASSERT_EQUAL(messages, 5);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_LIMIT"));
    close_scene(&s);
}

static void
there_and_back_too_soon(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    select_device(&s, s.email);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    factor_test_advance(s.t, 3000);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    factor_test_advance(s.t, 17000);
    select_device(&s, s.email);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

/* The contact is taken from the user while the flow waits for its code. */
static void
device_vanishes(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    select_device(&s, s.email);
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "phone", "+15555550155"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    check(&s, s.code);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    select_device(&s, s.sms);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    factor_test_add_user(s.t, JOE, "joe", NULL);
    get(&s);
    CU_ASSERT_TRUE(failed_with(&s, "INVALID_DEVICE"));
    close_scene(&s);
}

/* A contact that the user gets while a flow is open has no record yet. */
static void
contact_comes_later(void)
{
    struct scene s = open_scene(USER_CHOICE);

    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s}", "email", "joe@acme.test"));
    enter(&s);
    factor_test_add_user(s.t, JOE, "joe",
                         json_pack("{s:s, s:s}", "email", "joe@acme.test",
                                   "phone", "+15555550155"));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(s.reply->model, "devices")), 1);
    enter(&s);
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(s.reply->model, "devices")), 2);
    close_scene(&s);
}

static void
delivery_notes(void)
{
    struct scene s = open_scene(USER_CHOICE);
    json_int_t now;

    enter(&s);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:{s:s, s:I}}", "delivery", "result", "refused",
                            "at_ms", (json_int_t)factor_test_now(s.t)));
    factor_test_advance(s.t, 1000);
    select_device(&s, s.email);
    CU_ASSERT_PTR_NULL(
        json_object_get(device(&s, s.email), "deliveryFailed"));
    factor_test_advance(s.t, 1000);
    now = (json_int_t)factor_test_now(s.t);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:{s:s, s:I}}", "delivery", "result", "refused",
                            "at_ms", now));
    get(&s);
    CU_ASSERT_TRUE(json_is_true(
        json_object_get(device(&s, s.email), "deliveryFailed")));
    CU_ASSERT_TRUE(
        json_is_true(json_object_get(device(&s, s.email), "usable")));
    change_record(&s, "otp.authenticator", s.sms,
                  json_pack("{s:{s:s, s:I}}", "delivery", "result", "refused",
                            "at_ms", now));
    get(&s);
    CU_ASSERT_PTR_NULL(json_object_get(device(&s, s.sms), "deliveryFailed"));
    /* The note outlives what the adapter writes. */
    check_wrong(&s);
    CU_ASSERT_EQUAL(number(json_object_get(record(&s, s.email), "delivery"),
                           "at_ms"),
                    now);
    close_scene(&s);
}

/* --- TOTP (O7, O9) --- */

/* Joe's app: his record's key, as a phone would use it. */
static struct passcode_totp
phone_of(const struct scene *s, const char *id)
{
    const json_t *body = record(s, id);
    const char *hex = text(json_object_get(body, "secret"), "key");
    struct passcode_totp totp = { .digits = (unsigned)number(body, "digits"),
                             .period_s = 30 };
    unsigned byte;

    if (strcmp(text(body, "hash"), "SHA256") == 0)
        totp.hash = PASSCODE_SHA256;
    if (strcmp(text(body, "hash"), "SHA512") == 0)
        totp.hash = PASSCODE_SHA512;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        totp.key.bytes[totp.key.len++] = (uint8_t)byte;
    return totp;
}

static void
enroll(struct scene *s, char id[64])
{
    s->reply = factor_test_operator(s->t, "enrollTotp", NULL);
    CU_ASSERT_EQUAL(s->reply->kind, FACTOR_TEST_ANSWER);
    snprintf(id, 64, "%s", text(s->reply->body, "id"));
}

/* What the app shows so many steps from now. */
static void
app_code(const struct scene *s, const char *id, int64_t steps,
         char code[PASSCODE_SIZE])
{
    struct passcode_totp totp = phone_of(s, id);

    CU_ASSERT_TRUE(
        passcode_totp_at(&totp, factor_test_now(s->t) / 30000 + steps, code));
}

static void
totp_sign_on(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];

    enroll(&s, id);
    enter(&s);
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(s.reply->model, "devices")), 3);
    CU_ASSERT_STRING_EQUAL(text(device(&s, id), "type"), "TOTP");
    CU_ASSERT_PTR_NULL(json_object_get(device(&s, id), "target"));
    select_device(&s, id);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    CU_ASSERT_TRUE(has_audit(&s, "otp.device_selected"));
    CU_ASSERT_FALSE(factor_test_offers(s.reply, "resendOtp"));
    CU_ASSERT_TRUE(factor_test_offers(s.reply, "checkOtp"));
    act(&s, "resendOtp", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    app_code(&s, id, 0, code);
    check(&s, code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    CU_ASSERT_EQUAL(number(record(&s, id), "last_step"),
                    factor_test_now(s.t) / 30000);
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(json_array_size(s.reply->amr), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(s.reply->amr, 0)),
                           "otp");
    CU_ASSERT_STRING_EQUAL(text(s.reply->attributes, "method"), "TOTP");
    close_scene(&s);
}

static void
totp_window(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];
    int64_t steps;

    enroll(&s, id);
    for (steps = -2; steps <= 2; steps++) {
        factor_test_advance(s.t, 10 * MINUTE);
        enter(&s);
        select_device(&s, id);
        app_code(&s, id, steps, code);
        check(&s, code);
        if (steps < -1 || steps > 1)
            CU_ASSERT_TRUE(is_invalid_otp(&s));
        if (steps >= -1 && steps <= 1)
            CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    }
    close_scene(&s);
}

static void
totp_replay(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];
    int i;

    enroll(&s, id);
    enter(&s);
    select_device(&s, id);
    app_code(&s, id, 0, code);
    check(&s, code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    enter(&s);
    select_device(&s, id);
    for (i = 2; i >= 1; i--) {
        check(&s, code);
        CU_ASSERT_TRUE(is_invalid_otp(&s));
        CU_ASSERT_EQUAL(number(detail(&s), "attemptsRemaining"), i);
        CU_ASSERT_EQUAL(number(record(&s, id), "failures"), 0);
        CU_ASSERT_PTR_NULL(factor_test_record(s.t, "otp.account", JOE));
    }
    check(&s, code);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    enter(&s);
    select_device(&s, id);
    app_code(&s, id, -1, code);
    check(&s, code);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    app_code(&s, id, 1, code);
    check(&s, code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
accept_elsewhere(struct factor_test *t, void *context)
{
    struct scene *s = context;
    char id[64];

    snprintf(id, sizeof(id), "%s", text(factor_test_flow_data(t), "device"));
    change_record(s, "otp.authenticator", id,
                  json_pack("{s:I}", "last_step",
                            (json_int_t)(factor_test_now(t) / 30000)));
}

static void
totp_one_winner(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];

    enroll(&s, id);
    enter(&s);
    select_device(&s, id);
    app_code(&s, id, 0, code);
    factor_test_before_commit(s.t, accept_elsewhere, &s);
    check(&s, code);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    close_scene(&s);
}

static void
totp_locks(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];
    int i;

    enroll(&s, id);
    for (i = 0; i < 5; i++) {
        enter(&s);
        select_device(&s, id);
        app_code(&s, id, 40, code);
        check(&s, code);
        CU_ASSERT_TRUE(is_invalid_otp(&s));
    }
    app_code(&s, id, 0, code);
    check(&s, code);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "DEVICE_LOCKED"));
    close_scene(&s);
}

static void
totp_select_again(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64], code[PASSCODE_SIZE];

    enroll(&s, id);
    enter(&s);
    select_device(&s, s.email);
    select_device(&s, id);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_PTR_NULL(
        json_object_get(factor_test_flow_data(s.t), "secret"));
    factor_test_advance(s.t, MINUTE);
    select_device(&s, id);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(number(factor_test_flow_data(s.t), "resends"), 0);
    /* The mailed code is no code of the app. */
    check(&s, s.code);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    app_code(&s, id, 0, code);
    check(&s, code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    close_scene(&s);
}

static void
totp_alone(void)
{
    struct scene s = open_scene(NULL);
    char id[64];

    factor_test_add_user(s.t, JOE, "joe", NULL);
    enroll(&s, id);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    CU_ASSERT_EQUAL(sent(&s), 0);
    /* Messages that the host refuses do not matter to it. */
    factor_test_refuse_sends(s.t, 1);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    close_scene(&s);
}

static void
totp_variants(void)
{
    static const struct {
        const char *hash;
        int digits, key;
    } rows[] = {
        { "SHA1", 6, 40 },
        { "SHA256", 7, 64 },
        { "SHA512", 8, 96 },
    };
    char settings[100], id[64], code[PASSCODE_SIZE];
    struct scene s;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        snprintf(settings, sizeof(settings),
                 "{\"device_selection\": \"user_choice\","
                 " \"totp_algorithm\": \"%s\", \"totp_length\": %d}",
                 rows[i].hash, rows[i].digits);
        s = open_scene(settings);
        enroll(&s, id);
        CU_ASSERT_EQUAL((int)strlen(text(
                            json_object_get(record(&s, id), "secret"), "key")),
                        rows[i].key);
        enter(&s);
        select_device(&s, id);
        CU_ASSERT_EQUAL(number(s.reply->model, "otpLength"), rows[i].digits);
        app_code(&s, id, 0, code);
        CU_ASSERT_EQUAL((int)strlen(code), rows[i].digits);
        check(&s, code);
        CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
        close_scene(&s);
    }
}

/* --- Operators --- */

static void
enroll_uri(void)
{
    struct scene s = open_scene("{\"brand\": \"Acme & Co\"}");
    char expected[300], id[64];

    factor_test_add_user(s.t, JOE, "joe@acme", NULL);
    enroll(&s, id);
    snprintf(expected, sizeof(expected),
             "otpauth://totp/Acme%%20%%26%%20Co:joe%%40acme?secret=%s"
             "&issuer=Acme%%20%%26%%20Co&algorithm=SHA1&digits=6&period=30",
             text(s.reply->body, "secret"));
    CU_ASSERT_STRING_EQUAL(text(s.reply->body, "uri"), expected);
    CU_ASSERT_EQUAL(strlen(text(s.reply->body, "secret")), 32);
    CU_ASSERT_TRUE(has_audit(&s, "otp.enrolled"));
    close_scene(&s);
}

/* Enrolling anew changes the key, keeps the device, and opens no lock. */
static void
enroll_again(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char first[64], second[64], key[100];

    enroll(&s, first);
    snprintf(key, sizeof(key), "%s",
             text(json_object_get(record(&s, first), "secret"), "key"));
    change_record(&s, "otp.authenticator", first,
                  json_pack("{s:i, s:b, s:i}", "failures", 7, "disabled", 1,
                            "last_step", 5));
    enroll(&s, second);
    CU_ASSERT_STRING_EQUAL(first, second);
    CU_ASSERT_STRING_NOT_EQUAL(
        text(json_object_get(record(&s, first), "secret"), "key"), key);
    CU_ASSERT_EQUAL(number(record(&s, first), "failures"), 7);
    CU_ASSERT_EQUAL(number(record(&s, first), "last_step"), 5);
    CU_ASSERT_TRUE(
        json_is_true(json_object_get(record(&s, first), "disabled")));
    close_scene(&s);
}

static void
remove_totp(void)
{
    struct scene s = open_scene(USER_CHOICE);
    char id[64];

    s.reply = factor_test_operator(s.t, "removeTotp", NULL);
    CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "TOTP_NOT_ENROLLED"));
    enroll(&s, id);
    enter(&s);
    select_device(&s, id);
    s.reply = factor_test_operator(s.t, "removeTotp", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_TRUE(has_audit(&s, "otp.removed"));
    CU_ASSERT_PTR_NULL(record(&s, id));
    get(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    close_scene(&s);
}

static void
unlock_all(void)
{
    struct scene s = open_scene(USER_CHOICE);

    enter(&s);
    change_record(&s, "otp.authenticator", s.email,
                  json_pack("{s:i, s:b, s:s}", "failures", 100, "disabled", 1,
                            "later", "kept"));
    change_record(&s, "otp.account", JOE,
                  json_pack("{s:i, s:I}", "failures", 20, "locked_until_ms",
                            (json_int_t)(factor_test_now(s.t) + HOUR)));
    s.reply = factor_test_operator(s.t, "unlock", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 2);
    CU_ASSERT_TRUE(has_audit(&s, "otp.unlocked"));
    CU_ASSERT_STRING_EQUAL(text(record(&s, s.email), "later"), "kept");
    CU_ASSERT_EQUAL(number(record(&s, s.email), "failures"), 0);
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    CU_ASSERT_TRUE(
        json_is_true(json_object_get(device(&s, s.email), "usable")));
    s.reply = factor_test_operator(s.t, "unlock", NULL);
    CU_ASSERT_EQUAL(number(s.reply->body, "unlocked"), 0);
    CU_ASSERT_EQUAL(json_array_size(s.reply->puts), 0);
    close_scene(&s);
}

static void
list_authenticators(void)
{
    struct scene s = open_scene(USER_CHOICE);
    const json_t *list;
    char id[64], *all;

    enroll(&s, id);
    enter(&s);
    select_device(&s, s.email);
    check_wrong(&s);
    s.reply = factor_test_operator(s.t, "listAuthenticators", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
    list = json_object_get(s.reply->body, "authenticators");
    CU_ASSERT_EQUAL(json_array_size(list), 3);
    CU_ASSERT_EQUAL(
        number(json_object_get(s.reply->body, "account"), "failures"), 1);
    all = json_dumps(s.reply->body, 0);
    CU_ASSERT_PTR_NULL(strstr(all, "joe@acme.test"));
    CU_ASSERT_PTR_NOT_NULL(strstr(all, "j****@acme.test"));
    CU_ASSERT_PTR_NULL(strstr(all, "key"));
    free(all);
    close_scene(&s);
}

static void
operators_need_a_user(void)
{
    static const char *const actions[] = { "enrollTotp", "removeTotp",
                                           "unlock", "listAuthenticators" };
    struct scene s = open_scene(NULL);
    size_t i;

    for (i = 0; i < TAP_COUNT(actions); i++) {
        factor_test_begin(s.t, ANN, NULL);
        s.reply = factor_test_operator(s.t, actions[i], NULL);
        CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "USER_NOT_FOUND"));
        factor_test_begin(s.t, NULL, NULL);
        s.reply = factor_test_operator(s.t, actions[i], NULL);
        CU_ASSERT_TRUE(factor_test_has_detail(s.reply, "USER_NOT_FOUND"));
        /* No client gets there. */
        factor_test_begin(s.t, JOE, NULL);
        enter(&s);
        act(&s, actions[i], NULL);
        CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_REFUSED);
    }
    close_scene(&s);
}

/* --- Texts --- */

static void
in_german(void)
{
    struct scene s = open_scene(NULL);

    factor_test_set_request(s.t, json_pack("{s:[s, s]}", "languages", "de-at",
                                           "en"));
    enter(&s);
    check_wrong(&s);
    CU_ASSERT_STRING_EQUAL(text(detail(&s), "userMessage"),
                           "Dieser Einmalcode ist nicht gültig.");
    close_scene(&s);
}

static const struct factor_description *
description(const struct scene *s)
{
    const struct factor_adapter_ops *ops = plugin->ops;

    return ops->describe(factor_test_instance(s->t));
}

static bool
has_text(const struct factor_description *about, const char *key,
         const char *language)
{
    const struct factor_text *const *at;

    for (at = about->texts; *at; at++)
        if (strcmp((*at)->key, key) == 0 &&
            strcmp((*at)->language, language) == 0)
            return true;
    tap_note("no %s in %s", key, language);
    return false;
}

static void
every_code_has_texts(void)
{
    static const char *const messages[] = {
        "otp.code.email.subject", "otp.code.email.text", "otp.code.sms.text",
        "otp.code.voice.text",    "authn.api.otp.expired",
    };
    struct scene s = open_scene(NULL);
    const struct factor_description *about = description(&s);
    const struct factor_code *const *code;
    size_t i;

    for (code = about->codes; *code; code++) {
        CU_ASSERT_TRUE(has_text(about, (*code)->text, "en"));
        CU_ASSERT_TRUE(has_text(about, (*code)->text, "de"));
    }
    for (i = 0; i < TAP_COUNT(messages); i++) {
        CU_ASSERT_TRUE(has_text(about, messages[i], "en"));
        CU_ASSERT_TRUE(has_text(about, messages[i], "de"));
    }
    CU_ASSERT_STRING_EQUAL(about->plugin_type_id, "7r5wldvoQS8iEJEpdMYqmA");
    close_scene(&s);
}

static void
audits_tell_no_secrets(void)
{
    struct scene s = open_scene("{" NO_COOLDOWN "}");
    char *all;
    int i;

    enter(&s);
    for (i = 0; i < 4; i++) {
        all = json_dumps(s.reply->audits, 0);
        CU_ASSERT_TRUE(json_array_size(s.reply->audits) > 0);
        CU_ASSERT_PTR_NULL(strstr(all, s.code));
        CU_ASSERT_PTR_NULL(strstr(all, "acme.test"));
        free(all);
        if (i == 0)
            act(&s, "resendOtp", NULL);
        else if (i == 1)
            check_wrong(&s);
        else
            check(&s, s.code);
    }
    close_scene(&s);
}

/* --- Everything that can be tried --- */

static void
walk_here(struct scene *s)
{
    struct factor_test_result result = factor_test_walk(s->t);

    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
}

static void
every_state_and_action(void)
{
    struct scene s = open_scene("{\"device_selection\": \"user_choice\","
                                " \"max_attempts\": 2}");
    char id[64];

    enter(&s);
    walk_here(&s);
    enroll(&s, id);
    walk_here(&s);
    select_device(&s, id);
    walk_here(&s);
    select_device(&s, s.email);
    walk_here(&s);
    check_wrong(&s);
    walk_here(&s);
    check(&s, s.code);
    walk_here(&s);
    new_flow(&s);
    check_wrong(&s);
    check_wrong(&s);
    walk_here(&s);
    CU_ASSERT_PTR_NULL(factor_test_unwalked(s.t));
    close_scene(&s);
}

static void
whole_story(struct factor_test *t, void *context)
{
    struct scene s = { .t = t };
    char id[64];

    (void)context;
    factor_test_add_user(t, JOE, "joe",
                         json_pack("{s:s, s:s}", "email", "joe@acme.test",
                                   "phone", "+15555550155"));
    factor_test_begin(t, JOE, NULL);
    s.reply = factor_test_operator(t, "enrollTotp", NULL);
    snprintf(id, sizeof(id), "%s", text(s.reply->body, "id"));
    enter(&s);
    CU_ASSERT_TRUE(in_state(&s, "DEVICE_SELECTION_REQUIRED"));
    select_device(&s, "nope");
    select_device(&s, id);
    CU_ASSERT_TRUE(in_state(&s, "OTP_REQUIRED"));
    select_device(&s, s.email);
    check_wrong(&s);
    CU_ASSERT_TRUE(is_invalid_otp(&s));
    check(&s, "x");
    factor_test_advance(t, 20000);
    act(&s, "resendOtp", NULL);
    act(&s, "resendOtp", NULL);
    CU_ASSERT_TRUE(is_error(&s, "REQUEST_FAILED", "OTP_RESEND_TOO_SOON"));
    check(&s, s.code);
    CU_ASSERT_TRUE(in_state(&s, "OTP_VERIFIED"));
    act(&s, "continueAuthentication", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_SUCCESS);
    new_flow(&s);
    check_wrong(&s);
    check_wrong(&s);
    check_wrong(&s);
    CU_ASSERT_TRUE(failed_with(&s, "OTP_ATTEMPTS_LIMIT"));
    act(&s, "cancelAuthentication", NULL);
    factor_test_operator(t, "unlock", NULL);
    factor_test_operator(t, "listAuthenticators", NULL);
    factor_test_operator(t, "removeTotp", NULL);
    s.reply = factor_test_operator(t, "listAuthenticators", NULL);
    CU_ASSERT_EQUAL(s.reply->kind, FACTOR_TEST_ANSWER);
}

static void
every_host_call_fails(void)
{
    if (tap_skip_slow())
        return;

    json_t *settings = parse(USER_CHOICE);
    struct factor_test_result result =
        factor_test_each_failure(plugin, settings, whole_story, NULL);

    if (!result.ok)
        tap_note("%s", result.problem);
    tap_note("%u host calls failed in turn", result.tries);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_TRUE(result.tries > 100);
    json_decref(settings);
}

static void
bad_settings(void)
{
    static const char *const rows[] = {
        "{\"lock_time\": \"2h\", \"lock_time_max\": \"1h\"}",
        "{\"methods\": [{\"channel\": \"sms\", \"attribute\": \"phone\","
        " \"type\": \"TOTP\"}]}",
        "{\"methods\": [{\"channel\": \"sms\", \"attribute\": \"phone\"}]}",
        "{\"methods\": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},"
        " {}, {}, {}, {}]}",
    };
    struct factor_test *t;
    struct factor_error err;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        err = (struct factor_error){ .code = 0 };
        t = factor_test_new(plugin, parse(rows[i]), &err);
        CU_ASSERT_PTR_NULL(t);
        CU_ASSERT_EQUAL(err.code, FACTOR_E_CONFIG);
        CU_ASSERT_TRUE(err.text[0] != '\0');
        factor_test_free(t);
    }
}

/* init() by hand with nothing of what the host completes. */
static void
empty_settings(void)
{
    const struct factor_adapter_ops *ops = plugin->ops;
    struct factor_adapter *self = NULL;
    struct factor_error err = { .code = 0 };
    json_t *settings = json_object();

    CU_ASSERT_EQUAL(ops->init(factor_test_host(), settings, &self, &err),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NULL(self);
    ops->fini(NULL);
    json_decref(settings);
}

static const struct tap_test tests[] = {
    { "authn C.1-1: DEVICE_SELECTION_REQUIRED", selection_state },
    { "authn C.1-2: OTP_REQUIRED", required_state },
    { "authn C.1-3: OTP_VERIFIED has no model", verified_state },
    { "authn C.1-4: MFA_FAILED has code, message, userMessage",
      failed_state },
    { "authn C.3-1, O4: a device's id is the same in every flow",
      device_ids_are_stable },
    { "O4: a device is user, channel and normalised address",
      device_record_names },
    { "O4: two flows at once make one device", two_flows_make_one_device },
    { "O4: the same address twice is one device", same_number_twice },
    { "authn C.5-1, C.6-12: automatic takes the first row",
      automatic_takes_the_first },
    { "authn C.5-3: automatic skips what is missing or locked",
      automatic_skips_what_is_missing_or_locked },
    { "authn C.5-4: the preferred method wins over both modes",
      preferred_wins },
    { "authn C.5-4: a preferred method that is no row is ignored",
      preferred_unknown_is_ignored },
    { "O7, authn C.6-9: one usable method is sent to at once",
      one_usable_sends_at_once },
    { "O5, authn C.5-8, C.6-10: nothing usable, block",
      nothing_usable_blocks },
    { "authn C.6-14: nothing usable, bypass claims no factor",
      nothing_usable_bypasses },
    { "P1: bypass is for users without contact alone",
      bypass_is_for_no_contact_alone },
    { "whose step it is: subject and userId must not differ", whose_step },
    { "authn C.2-2, C.2-4, C.6-13, C.6-15, E.1: the happy path", happy_path },
    { "P3: amr by channel", amr_by_channel },
    { "authn C.5-14: no success screen", no_success_screen },
    { "authn C.5-14: no error screen", no_failed_screen },
    { "authn C.2-5, C.6-16: cancel from every state",
      cancel_from_everywhere },
    { "a user disabled after the code does not pass", disabled_at_the_end },
    { "a user disabled during the flow does not pass",
      disabled_in_the_middle },
    { "the message has code, minutes, expiry and whom it is about",
      message_has_all },
    { "O4: where messages go", message_addresses },
    { "authn C.5-11, O1: 6 to 8 digits", lengths },
    { "O1, authn C.6-1: code and secret are not left behind",
      nothing_is_left },
    { "authn C.6-2: a code is of one flow", codes_differ },
    { "authn C.6-2, C.6-20, C.6-21: a code is accepted once", code_once },
    { "O2: a right code that has expired is not counted", expired_code },
    { "O2: a code is right until the last moment", last_moment },
    { "a pasted code may have spaces and dashes", pasted_codes },
    { "what is no code counts in the flow, and locks nothing",
      malformed_codes },
    { "authn C.4-4, C.6-5: a wrong code is VALIDATION_ERROR/INVALID_OTP",
      wrong_code },
    { "authn C.5-12, C.6-6, E.2: the last wrong code ends the flow",
      wrong_code_at_the_limit },
    { "S5: attempts are the flow's, over all devices",
      attempts_are_the_flows },
    { "O4: five wrong over two flows lock for 2 min", five_lock },
    { "O4: a locked device cannot be selected", locked_device_is_refused },
    { "O4: a locked device is sent nothing", locked_device_is_sent_nothing },
    { "O4: all locked is MFA_FAILED/DEVICE_LOCKED", all_locked },
    { "O4: a lock from another flow shows and runs out",
      locked_from_elsewhere },
    { "O4: twenty lock the account for 1 h", twenty_lock_the_account },
    { "O4: a lock of the account shows and runs out", account_lock_shows },
    { "O4: at a hundred the device is disabled", hundred_disable },
    { "O4: guesses of a day stay within the limits", guesses_of_a_day },
    { "O4: a right code that loses the race to a lock is refused",
      right_code_loses_to_a_lock },
    { "O4: wrong codes that race are all counted",
      wrong_codes_are_all_counted },
    { "O2, authn C.2-3, C.6-3, C.6-18: a resend repeats the code",
      resend_repeats },
    { "O2: under 60 s left a resend draws a new code",
      resend_draws_when_old },
    { "O2: after expiry a resend draws a new code", resend_after_expiry },
    { "O3: too soon", resend_too_soon },
    { "O3, authn C.4-5, C.6-7, E.3: the resend limit", resend_limit },
    { "O3, authn C.5-13: fifteen resends", default_resend_limit },
    { "O5, authn C.6-8: the resend limit as a dead end", resend_dead_end },
    { "O5: another device is a way out", resend_way_out },
    { "O8: messages refused at entry", host_refuses_at_entry },
    { "O8, O5: messages refused to the only device",
      host_refuses_the_only_one },
    { "O8: messages refused later", host_refuses_later },
    { "O8: messages refused to another device", host_refuses_a_switch },
    { "authn C.4-6: an unknown device is VALIDATION_ERROR/INVALID_DEVICE",
      select_unknown },
    { "another user's device is unknown", select_of_another_user },
    { "S5, authn F.4-7: a double click is one request", double_click },
    { "S5: after expiry a second click is another request",
      double_click_after_expiry },
    { "S5, authn C.6-17: the same device later is a resend",
      same_device_later },
    { "S5, authn C.2-1, C.6-4: another device is a new challenge",
      another_device },
    { "S5: there and back counts as a resend", there_and_back },
    { "S5: there and back has the cool-down", there_and_back_too_soon },
    { "a device that vanishes leads back to the selection",
      device_vanishes },
    { "a contact that comes during a flow is listed in the next",
      contact_comes_later },
    { "D1: a refused message is shown", delivery_notes },
    { "O7: TOTP has no target and no resend", totp_sign_on },
    { "O9: the TOTP window is one step each way", totp_window },
    { "O9: a used TOTP code counts in the flow alone", totp_replay },
    { "O9: of two flows with one TOTP code, one wins", totp_one_winner },
    { "O4: wrong TOTP codes lock", totp_locks },
    { "selecting the app again changes nothing", totp_select_again },
    { "O7: an app as the only device", totp_alone },
    { "O7: TOTP with SHA-1, SHA-256, SHA-512", totp_variants },
    { "operators: enrollTotp gives the key URI", enroll_uri },
    { "operators, K5: enrolling anew opens no lock", enroll_again },
    { "operators: removeTotp", remove_totp },
    { "operators, O4: unlock", unlock_all },
    { "operators: listAuthenticators masks", list_authenticators },
    { "operators need a user, and clients are none", operators_need_a_user },
    { "O6: texts in German", in_german },
    { "O6: every code and message has texts in both languages",
      every_code_has_texts },
    { "audit events tell no codes and no addresses",
      audits_tell_no_secrets },
    { "T3: every state, action and field", every_state_and_action },
    { "T3: every host call failing in turn", every_host_call_fails },
    { "settings that make no sense are refused", bad_settings },
    { "settings that the host did not complete are refused",
      empty_settings },
};

static int
set_up(void)
{
    const char *folder = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { .code = 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/adapter-otp.so",
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

    return tap_main_with("otp adapter", &fixture, tests, TAP_COUNT(tests));
}
