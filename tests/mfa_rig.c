/* SPDX-License-Identifier: MIT */
/* tests/mfa_rig.c - the MFA adapter under the fake host, with a user kim, for
 * the tests of pairing, management and operators. */
#include "tests/mfa_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

#define STATUS "com.pingidentity.pingone."

const char phone_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4gCsR2Bxu/GxabN5\n"
    "GbfDhk9E93OqMdyzYOCtC04dUJqhRANCAATfhkehNfVbBpDvCPjsYXhmAAM5f/c7\n"
    "wq+Tu5jn29+TDm1XJyVICJFnNn3uRuoLsV2JcCe0/pdkqH9BlfC2t+KP\n"
    "-----END PRIVATE KEY-----\n";
const char other_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBr8W4x5BVAgDnhOU\n"
    "EaVBgfQV2AvCBIz/f8V/Tylh2kChRANCAAQ4ccAwFchWam7gPlqMoTDRqDa147vn\n"
    "vFyojP/GU2+eGExOaiAsIExhR2Oay1b0j00wszZxjgVmSfXa7Cyivjf0\n"
    "-----END PRIVATE KEY-----\n";

static const struct factor_plugin *plugin;

json_t *
phone_jwk(void)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                     "34ZHoTX1WwaQ7wj47GF4ZgADOX_3O8Kvk7uY59vfkw4", "y",
                     "bVcnJUgIkWc2fe5G6guxXYlwJ7T-l2Sof0GV8La34o8");
}

json_t *
other_jwk(void)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                     "OHHAMBXIVmpu4D5ajKEw0ag2teO757xcqIz_xlNvnhg", "y",
                     "TE5qICwgTGFHY5rLVvSPTTCzNnGOBWZJ9drsLKK-N_Q");
}

int
mfa_set_up(void)
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

const struct factor_plugin *
mfa_plugin(void)
{
    return plugin;
}

/* --- JSON --- */

const char *
text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));

    return value ? value : "(none)";
}

json_int_t
number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

bool
flag(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

json_t *
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

/* --- Scenes --- */

void
begin(struct scene *s)
{
    factor_test_begin(s->t, KIM, json_pack("{s:s}", "userId", KIM));
}

void
adopt_scene(struct scene *s, struct factor_test *test)
{
    s->t = test;
    factor_test_add_user(test, KIM, "kim",
                         json_pack("{s:s, s:s}", "email", "kim@acme.test",
                                   "phone", "+15555550155"));
    begin(s);
}

struct scene
open_scene(const char *settings)
{
    struct scene s = { .t = NULL };
    struct factor_error err = { .code = 0 };
    struct factor_test *test =
        factor_test_new(plugin, parse(settings), &err);

    if (!test) {
        fprintf(stderr, "init: %s\n", err.text);
        abort();
    }
    adopt_scene(&s, test);
    return s;
}

void
close_scene(struct scene *s)
{
    factor_test_free(s->t);
}

/* --- Records --- */

void
seed_device(struct scene *s, const char *id, json_t *more)
{
    json_t *body = json_pack("{s:i, s:s, s:I, s:i}", "v", 1, "status",
                             "ACTIVE", "created_at_ms",
                             (json_int_t)factor_test_now(s->t), "last_step",
                             -1);

    json_object_update(body, more);
    json_decref(more);
    factor_test_seed(s->t, "mfa.device", id, KIM, NULL, body);
}

void
seed_email(struct scene *s, const char *id)
{
    json_t *address = json_sprintf("%s@acme.test", id);

    seed_device(s, id,
                json_pack("{s:s, s:{s:o}}", "type", "EMAIL", "secret",
                          "address", address));
}

void
seed_phone(struct scene *s, const char *id, const char *status)
{
    seed_device(s, id,
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:s}}", "type",
                          "MOBILE", "status", status, "application", APP,
                          "model", "Kim's phone", "platform", "android",
                          "jwk", phone_jwk(), "secret", "key",
                          "0102030405060708090a0b0c0d0e0f1011121314"));
}

void
change(struct scene *s, const char *collection, const char *id,
       json_t *members)
{
    json_t *body = json_deep_copy(factor_test_record(s->t, collection, id));
    const json_t *all = factor_test_records(s->t), *at;
    char name[300] = "", owner[80] = "";
    size_t i;

    for (i = 0; i < json_array_size(all); i++) {
        at = json_array_get(all, i);
        if (strcmp(text(at, "collection"), collection) != 0 ||
            strcmp(text(at, "id"), id) != 0)
            continue;
        if (json_is_string(json_object_get(at, "name")))
            snprintf(name, sizeof(name), "%s", text(at, "name"));
        if (json_is_string(json_object_get(at, "owner")))
            snprintf(owner, sizeof(owner), "%s", text(at, "owner"));
    }
    if (!body)
        abort();
    json_object_update(body, members);
    json_decref(members);
    factor_test_seed(s->t, collection, id, owner[0] ? owner : NULL,
                     name[0] ? name : NULL, body);
}

const json_t *
device(const struct scene *s, const char *id)
{
    return factor_test_record(s->t, "mfa.device", id);
}

size_t
device_count(const struct scene *s)
{
    const json_t *all = factor_test_records(s->t);
    size_t i, count = 0;

    for (i = 0; i < json_array_size(all); i++)
        count += strcmp(text(json_array_get(all, i), "collection"),
                        "mfa.device") == 0;
    return count;
}

/* --- Acting --- */

static void
note(struct scene *s, const char *action)
{
    const json_t *at;
    size_t i;

    if (s->reply->kind == FACTOR_TEST_BROKEN ||
        s->reply->kind == FACTOR_TEST_UNEXPECTED)
        tap_note("%s: %s", action, s->reply->problem);
    for (i = 0; i < json_array_size(s->reply->sends); i++) {
        at = json_array_get(s->reply->sends, i);
        if (json_is_string(json_object_get(at, "code")))
            snprintf(s->code, sizeof(s->code), "%s", text(at, "code"));
    }
    for (i = 0; i < json_array_size(s->reply->puts); i++) {
        at = json_array_get(s->reply->puts, i);
        if (strcmp(text(at, "collection"), "mfa.device") == 0 &&
            number(at, "version") == 0)
            snprintf(s->device, sizeof(s->device), "%s", text(at, "id"));
    }
}

void
act(struct scene *s, const char *action, json_t *fields)
{
    s->reply = factor_test_act(s->t, action, fields);
    note(s, action);
}

void
operate(struct scene *s, const char *action, json_t *fields)
{
    s->reply = factor_test_operator(s->t, action, fields);
    note(s, action);
}

void
get(struct scene *s)
{
    s->reply = factor_test_get(s->t);
    note(s, "get");
}

void
authenticate(struct scene *s)
{
    s->reply = factor_test_enter(s->t);
    act(s, "authenticate", NULL);
}

void
act_on(struct scene *s, const char *action, const char *id)
{
    act(s, action, json_pack("{s:{s:s}}", "deviceRef", "id", id));
}

void
submit(struct scene *s, const char *action, const char *field,
       const char *value)
{
    act(s, action, json_pack("{s:s}", field, value));
}

void
enter_code(struct scene *s, const char *action, const char *code)
{
    submit(s, action, "otp", code);
}

void
enter_wrong(struct scene *s, const char *action)
{
    char wrong[16];

    memcpy(wrong, s->code, sizeof(wrong));
    wrong[0] = (char)('0' + (wrong[0] - '0' + 1) % 10);
    enter_code(s, action, wrong);
}

void
choose_method(struct scene *s, const char *type)
{
    act(s, "selectDevicePairingMethod",
        json_pack("{s:{s:s}}", "devicePairingMethod", "deviceType", type));
}

void
to_menu(struct scene *s)
{
    authenticate(s);
    CU_ASSERT_TRUE(in_state(s, "MFA_SETUP_REQUIRED"));
    act(s, "setupMfa", NULL);
    CU_ASSERT_TRUE(in_state(s, "DEVICE_PAIRING_METHOD_REQUIRED"));
}

void
to_management(struct scene *s)
{
    authenticate(s);
    CU_ASSERT_TRUE(in_state(s, "DEVICE_SELECTION_REQUIRED"));
    act(s, "manageDevices", NULL);
    CU_ASSERT_TRUE(in_state(s, "DEVICE_SELECTION_REQUIRED"));
    act_on(s, "selectDevice", "d-email");
    enter_code(s, "checkOtp", s->code);
    CU_ASSERT_TRUE(in_state(s, "DEVICE_MANAGEMENT"));
}

/* --- What came of it --- */

static bool
say(const struct scene *s, const char *wanted)
{
    tap_note("not %s: kind %d, state %s, code %s, %s", wanted, s->reply->kind,
             s->reply->state ? s->reply->state : "-",
             s->reply->code ? s->reply->code : "-", s->reply->problem);
    return false;
}

bool
in_state(const struct scene *s, const char *state)
{
    return (s->reply->kind == FACTOR_TEST_STATE &&
            strcmp(s->reply->state, state) == 0) ||
           say(s, state);
}

/* Operators are refused by a failure. */
bool
is_error(const struct scene *s, const char *top, const char *detail)
{
    return ((s->reply->kind == FACTOR_TEST_ERROR ||
             s->reply->kind == FACTOR_TEST_FAILURE) &&
            s->reply->code && strcmp(s->reply->code, top) == 0 &&
            factor_test_has_detail(s->reply, detail)) ||
           say(s, detail);
}

bool
failed_with(const struct scene *s, const char *state, const char *code)
{
    return in_state(s, state) &&
           ((s->reply->code && strcmp(s->reply->code, code) == 0) ||
            say(s, code));
}

bool
has_status(const struct scene *s, const char *status)
{
    const char *seen = text(s->reply->attributes, "pingone.mfa.status");

    return (s->reply->kind == FACTOR_TEST_SUCCESS &&
            strncmp(seen, STATUS, strlen(STATUS)) == 0 &&
            strcmp(seen + strlen(STATUS), status) == 0) ||
           say(s, status);
}

bool
has_amr(const struct scene *s, const char *words)
{
    char *seen = json_dumps(s->reply->amr, JSON_COMPACT);
    bool same = seen && strcmp(seen, words) == 0;

    if (!same)
        tap_note("amr is %s", seen ? seen : "none");
    free(seen);
    return same;
}

bool
has_audit(const struct scene *s, const char *event)
{
    size_t i;

    for (i = 0; i < json_array_size(s->reply->audits); i++)
        if (strcmp(text(json_array_get(s->reply->audits, i), "event"),
                   event) == 0)
            return true;
    return false;
}

const json_t *
message(const struct scene *s, const char *template_id)
{
    size_t i;

    for (i = 0; i < json_array_size(s->reply->sends); i++)
        if (strcmp(text(json_array_get(s->reply->sends, i), "template_id"),
                   template_id) == 0)
            return json_array_get(s->reply->sends, i);
    return NULL;
}

const json_t *
listed(const struct scene *s, const char *id)
{
    const json_t *list = json_object_get(s->reply->model, "devices");
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (strcmp(text(json_array_get(list, i), "id"), id) == 0)
            return json_array_get(list, i);
    return NULL;
}
