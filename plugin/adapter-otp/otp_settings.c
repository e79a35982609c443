/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_settings.c - the settings of an instance, typed. */
#include "plugin/adapter-otp/otp_settings.h"

#include <string.h>

#define SETTING(...)                                                           \
    &(const struct factor_setting)                                             \
    {                                                                          \
        .struct_size = sizeof(struct factor_setting), __VA_ARGS__              \
    }
#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static const struct factor_setting *const method_members[] = {
    SETTING(.name = "channel", .type = FACTOR_SETTING_STRING,
            .flags = FACTOR_SETTING_REQUIRED,
            .choices = LIST("email", "sms", "voice"),
            .text = "How the passcode travels."),
    SETTING(.name = "attribute", .type = FACTOR_SETTING_STRING,
            .flags = FACTOR_SETTING_REQUIRED,
            .text = "The user's attribute that holds the address."),
    SETTING(.name = "type", .type = FACTOR_SETTING_STRING,
            .flags = FACTOR_SETTING_REQUIRED,
            .text = "What clients see as the device's type."),
    NULL,
};

const struct factor_setting *const otp_setting_table[] = {
    SETTING(.name = "methods", .type = FACTOR_SETTING_OBJECTS,
            .members = method_members,
            .value = "[{\"channel\": \"email\", \"attribute\": \"email\","
                     " \"type\": \"EMAIL\"},"
                     " {\"channel\": \"sms\", \"attribute\": \"phone\","
                     " \"type\": \"SMS\"}]",
            .text = "Delivery methods, in the order of trial; at most 16."),
    SETTING(.name = "device_selection", .type = FACTOR_SETTING_STRING,
            .value = "\"automatic\"", .choices = LIST("automatic",
                                                      "user_choice"),
            .text = "Who chooses the device: the first usable method, or "
                    "the user."),
    SETTING(.name = "preferred_attribute", .type = FACTOR_SETTING_STRING,
            .text = "The user's attribute that names the type of the "
                    "preferred device; it wins over device_selection."),
    SETTING(.name = "failure_mode", .type = FACTOR_SETTING_STRING,
            .value = "\"block\"", .choices = LIST("block", "bypass"),
            .text = "What happens to users without any device: blocked, or "
                    "let through without this factor."),
    SETTING(.name = "user_data", .type = FACTOR_SETTING_MAP, .value = "{}",
            .text = "What clients see as userData: names, each with the "
                    "user's attribute that it shows."),
    SETTING(.name = "brand", .type = FACTOR_SETTING_STRING,
            .value = "\"factord\"",
            .text = "Name of the service in messages and in authenticator "
                    "apps."),
    SETTING(.name = "visible_leading", .type = FACTOR_SETTING_INTEGER,
            .value = "2", .min = 0, .max = 16,
            .text = "Leading characters shown of an address that is neither "
                    "a mailbox nor a number."),
    SETTING(.name = "visible_trailing", .type = FACTOR_SETTING_INTEGER,
            .value = "2", .min = 0, .max = 16,
            .text = "Trailing characters shown of such an address."),
    SETTING(.name = "otp_length", .type = FACTOR_SETTING_INTEGER,
            .value = "6", .min = PASSCODE_DIGITS_MIN,
                .max = PASSCODE_DIGITS_MAX,
            .text = "Digits of a passcode."),
    SETTING(.name = "lifetime", .type = FACTOR_SETTING_DURATION,
            .value = "\"5min\"", .min = SECOND_MS, .max = 10 * MINUTE_MS,
            .text = "How long a passcode is valid."),
    SETTING(.name = "max_attempts", .type = FACTOR_SETTING_INTEGER,
            .value = "3", .min = 1, .max = 10,
            .text = "Wrong passcodes that end a flow."),
    SETTING(.name = "max_resends", .type = FACTOR_SETTING_INTEGER,
            .value = "15", .min = 0, .max = 100,
            .text = "How often a flow sends again."),
    SETTING(.name = "resend_cooldown", .type = FACTOR_SETTING_DURATION,
            .value = "\"20s\"", .min = 0, .max = 10 * MINUTE_MS,
            .text = "Time between two messages of a flow."),
    SETTING(.name = "lock_after", .type = FACTOR_SETTING_INTEGER,
            .value = "5", .min = 1, .max = 100,
            .text = "Each so many consecutive wrong passcodes of a device, "
                    "over all flows, lock it."),
    SETTING(.name = "lock_time", .type = FACTOR_SETTING_DURATION,
            .value = "\"2min\"", .min = SECOND_MS, .max = DAY_MS,
            .text = "How long the first lock lasts; each further one lasts "
                    "twice as long."),
    SETTING(.name = "lock_time_max", .type = FACTOR_SETTING_DURATION,
            .value = "\"1h\"", .min = SECOND_MS, .max = 7 * DAY_MS,
            .text = "How long a lock lasts at most."),
    SETTING(.name = "disable_after", .type = FACTOR_SETTING_INTEGER,
            .value = "100", .min = 1, .max = 1000,
            .text = "Consecutive wrong passcodes that disable a device until "
                    "an operator unlocks it."),
    SETTING(.name = "account_lock_after", .type = FACTOR_SETTING_INTEGER,
            .value = "20", .min = 1, .max = 1000,
            .text = "Each so many consecutive wrong passcodes of an account, "
                    "over all devices, lock all of them."),
    SETTING(.name = "account_lock_time", .type = FACTOR_SETTING_DURATION,
            .value = "\"1h\"", .min = SECOND_MS, .max = 7 * DAY_MS,
            .text = "How long such a lock lasts."),
    SETTING(.name = "totp_algorithm", .type = FACTOR_SETTING_STRING,
            .value = "\"SHA1\"", .choices = LIST("SHA1", "SHA256", "SHA512"),
            .text = "Hash of newly enrolled authenticator apps; many know "
                    "SHA1 alone."),
    SETTING(.name = "totp_length", .type = FACTOR_SETTING_INTEGER,
            .value = "6", .min = PASSCODE_DIGITS_MIN,
                .max = PASSCODE_DIGITS_MAX,
            .text = "Digits of newly enrolled authenticator apps."),
    SETTING(.name = "totp_window", .type = FACTOR_SETTING_INTEGER,
            .value = "1", .min = 0, .max = PASSCODE_WINDOW_MAX,
            .text = "Steps of 30 s that a phone's clock may be wrong by."),
    SETTING(.name = "show_success_state", .type = FACTOR_SETTING_BOOLEAN,
            .value = "true",
            .text = "Stop at OTP_VERIFIED until the client continues."),
    SETTING(.name = "show_failed_state", .type = FACTOR_SETTING_BOOLEAN,
            .value = "true",
            .text = "Stop at MFA_FAILED until the client cancels."),
    NULL,
};

static const char *const hash_names[] = {
    [PASSCODE_SHA1] = "SHA1",
    [PASSCODE_SHA256] = "SHA256",
    [PASSCODE_SHA512] = "SHA512",
};

const char *
otp_hash_name(enum passcode_hash hash)
{
    return hash_names[hash];
}

int
otp_hash_by_name(const char *name)
{
    int hash;

    for (hash = PASSCODE_SHA1; name && hash <= PASSCODE_SHA512; hash++)
        if (strcmp(hash_names[hash], name) == 0)
            return hash;
    return -1;
}

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static int64_t
integer_of(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static bool
is(const json_t *json, const char *name, const char *value)
{
    const char *text = text_of(json, name);

    return text && strcmp(text, value) == 0;
}

static bool
load_methods(struct otp_settings *settings, const char **ret_why)
{
    const json_t *rows = json_object_get(settings->json, "methods");
    struct otp_method *method;
    const json_t *row;
    size_t i;

    if (json_array_size(rows) > OTP_METHODS_MAX) {
        *ret_why = "methods: more than 16";
        return false;
    }
    for (i = 0; i < json_array_size(rows); i++) {
        row = json_array_get(rows, i);
        method = &settings->methods[i];
        method->channel = text_of(row, "channel");
        method->attribute = text_of(row, "attribute");
        method->type = text_of(row, "type");
        if (!method->channel || !method->attribute || !method->type) {
            *ret_why = "methods: a row is not complete";
            return false;
        }
        if (strcmp(method->type, OTP_TOTP_TYPE) == 0) {
            *ret_why = "methods: the type TOTP is that of apps";
            return false;
        }
    }
    settings->method_count = i;
    return true;
}

static void
load_choices(struct otp_settings *settings)
{
    const json_t *json = settings->json;

    settings->user_data = json_object_get(json, "user_data");
    settings->preferred_attribute = text_of(json, "preferred_attribute");
    settings->brand = text_of(json, "brand");
    settings->user_choice = is(json, "device_selection", "user_choice");
    settings->bypass = is(json, "failure_mode", "bypass");
    settings->show_success_state =
        json_is_true(json_object_get(json, "show_success_state"));
    settings->show_failed_state =
        json_is_true(json_object_get(json, "show_failed_state"));
    settings->mask.leading = (size_t)integer_of(json, "visible_leading");
    settings->mask.trailing = (size_t)integer_of(json, "visible_trailing");
}

static void
load_limits(struct otp_settings *settings)
{
    const json_t *json = settings->json;

    settings->digits = (unsigned)integer_of(json, "otp_length");
    settings->max_attempts = (uint32_t)integer_of(json, "max_attempts");
    settings->lifetime_ms = integer_of(json, "lifetime");
    settings->pace.max_resends = (uint32_t)integer_of(json, "max_resends");
    settings->pace.cooldown_ms = integer_of(json, "resend_cooldown");
    settings->device_lock = (struct passcode_lock_rule){
        .every = (uint32_t)integer_of(json, "lock_after"),
        .disable_at = (uint32_t)integer_of(json, "disable_after"),
        .first_ms = integer_of(json, "lock_time"),
        .longest_ms = integer_of(json, "lock_time_max"),
    };
    settings->account_lock = (struct passcode_lock_rule){
        .every = (uint32_t)integer_of(json, "account_lock_after"),
        .first_ms = integer_of(json, "account_lock_time"),
        .longest_ms = integer_of(json, "account_lock_time"),
    };
}

/* A limit that is missing would be a limit of zero: nothing works, and
 * nothing is let through.  Say so instead. */
static const char *
missing_limit(const struct otp_settings *settings)
{
    if (settings->digits < PASSCODE_DIGITS_MIN ||
        settings->digits > PASSCODE_DIGITS_MAX)
        return "otp_length: 6 to 8";
    if (settings->max_attempts == 0 || settings->lifetime_ms <= 0)
        return "max_attempts and lifetime: more than 0";
    if (settings->device_lock.every == 0 || settings->account_lock.every == 0)
        return "lock_after and account_lock_after: more than 0";
    if (settings->device_lock.first_ms <= 0 ||
        settings->account_lock.first_ms <= 0)
        return "lock_time and account_lock_time: more than 0";
    if (settings->device_lock.longest_ms < settings->device_lock.first_ms)
        return "lock_time_max: less than lock_time";
    if (!settings->brand)
        return "brand: missing";
    return NULL;
}

static bool
load_totp(struct otp_settings *settings, const char **ret_why)
{
    const json_t *json = settings->json;
    int hash = otp_hash_by_name(text_of(json, "totp_algorithm"));

    settings->totp_digits = (unsigned)integer_of(json, "totp_length");
    settings->totp_window = (unsigned)integer_of(json, "totp_window");
    if (hash < 0 || settings->totp_digits < PASSCODE_DIGITS_MIN ||
        settings->totp_digits > PASSCODE_DIGITS_MAX ||
        settings->totp_window > PASSCODE_WINDOW_MAX) {
        *ret_why = "totp_algorithm, totp_length or totp_window: out of range";
        return false;
    }
    settings->totp_hash = (enum passcode_hash)hash;
    return true;
}

bool
otp_settings_load(struct otp_settings *settings, const json_t *json,
                  const char **ret_why)
{
    *settings = (struct otp_settings){ .json = json_deep_copy(json) };
    if (!settings->json) {
        *ret_why = "out of memory";
        return false;
    }
    load_choices(settings);
    load_limits(settings);
    *ret_why = missing_limit(settings);
    if (!*ret_why && load_methods(settings, ret_why) &&
        load_totp(settings, ret_why))
        return true;
    otp_settings_drop(settings);
    return false;
}

void
otp_settings_drop(struct otp_settings *settings)
{
    json_decref(settings->json);
    settings->json = NULL;
}
