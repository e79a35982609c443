/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_settings.c - the settings of an instance, typed. */
#include "plugin/adapter-mfa/mfa_settings.h"

#include <stdio.h>
#include <string.h>

#include "factor/declare.h"
#include "plugin/adapter-mfa/mfa_config.h"
#include "plugin/adapter-mfa/mfa_config_check.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)

enum { POINTER_SIZE = 256 };

const struct factor_setting *const mfa_setting_table[] = {
    FACTOR_SETTING(.name = "device_policies", .type = FACTOR_SETTING_ANY,
                   .text = "Device authentication policies of a fresh store, "
                           "an array in the shape of the MFA service API; "
                           "exactly one has \"default\": true. Without it one "
                           "policy is made: every method, number matching."),
    FACTOR_SETTING(.name = "applications", .type = FACTOR_SETTING_ANY,
                   .text = "Mobile applications of a fresh store, an array of "
                           "{\"name\", \"id\", \"mobile\": {...}}."),
    FACTOR_SETTING(.name = "mfa_settings", .type = FACTOR_SETTING_ANY,
                   .text = "MFA settings of a fresh store, in the shape of "
                           "the MFA service API."),
    FACTOR_SETTING(.name = "policy_by_acr", .type = FACTOR_SETTING_MAP,
                   .value = "{}",
                   .text = "Device authentication policy by acr of the "
                           "sign-on policy; others get the default one. A "
                           "step's input \"policy\" wins over it."),
    FACTOR_SETTING(.name = "first_device", .type = FACTOR_SETTING_STRING,
                   .value = "\"admin-key\"",
                   .choices = FACTOR_NAMES("admin-key", "email-confirmed",
                                           "allowed"),
                   .text = "What lets a user without devices pair the first "
                           "one: a pairing key of an operator, a code sent to "
                           "the e-mail address on file, or nothing beyond the "
                           "first factor."),
    FACTOR_SETTING(.name = "no_device_mode", .type = FACTOR_SETTING_STRING,
                   .value = "\"block\"",
                   .choices = FACTOR_NAMES("block", "bypass"),
                   .text = "What happens to users without any device: "
                           "blocked, or let through without this factor."),
    FACTOR_SETTING(.name = "change_device", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "true",
                   .text = "Another device may be chosen during sign-on."),
    FACTOR_SETTING(.name = "manage_devices", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "false",
                   .text = "Users may add, rename and remove devices while "
                           "they sign on, after a second factor."),
    FACTOR_SETTING(.name = "prompt_setup", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "false",
                   .text = "Invite users without devices to add one, as far "
                           "as first_device allows."),
    FACTOR_SETTING(.name = "allow_skip", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "false", .text = "They may decline."),
    FACTOR_SETTING(.name = "test_devices", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "false",
                   .text = "Workers may make devices with testMode, whose "
                           "codes are told to the worker and sent to nobody; "
                           "they prove no second factor. Start warns."),
    FACTOR_SETTING(.name = "ping_defaults", .type = FACTOR_SETTING_BOOLEAN,
                   .value = "false",
                   .text = "Make the first policy with the weaker defaults of "
                           "the service that this adapter follows: no number "
                           "matching, no cool-down, codes for half an hour. "
                           "It also lets policies say \"permissive\". Start "
                           "warns."),
    FACTOR_SETTING(.name = "otp_max_lifetime", .type = FACTOR_SETTING_DURATION,
                   .value = "\"10min\"", .min = SECOND_MS,
                   .max = 30 * MINUTE_MS,
                   .text = "How long a passcode that was sent is valid at "
                           "most, whatever a policy says."),
    FACTOR_SETTING(.name = "max_resends", .type = FACTOR_SETTING_INTEGER,
                   .value = "15", .min = 0, .max = 100,
                   .text = "How often a sign-on sends again."),
    FACTOR_SETTING(.name = "resend_cooldown", .type = FACTOR_SETTING_DURATION,
                   .value = "\"20s\"", .min = 0, .max = 10 * MINUTE_MS,
                   .text = "Time between two passcodes to one device."),
    FACTOR_SETTING(.name = "brand", .type = FACTOR_SETTING_STRING,
                   .value = "\"factord\"",
                   .text = "Name of the service in messages and in "
                           "authenticator apps."),
    NULL,
};

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
flag_of(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

static bool
is(const json_t *json, const char *name, const char *value)
{
    const char *text = text_of(json, name);

    return text && strcmp(text, value) == 0;
}

static void
load_flags(struct mfa_settings *settings)
{
    const json_t *json = settings->json;

    settings->first_device = MFA_FIRST_ADMIN_KEY;
    if (is(json, "first_device", "email-confirmed"))
        settings->first_device = MFA_FIRST_EMAIL;
    if (is(json, "first_device", "allowed"))
        settings->first_device = MFA_FIRST_ALLOWED;
    settings->bypass = is(json, "no_device_mode", "bypass");
    settings->change_device = flag_of(json, "change_device");
    settings->manage_devices = flag_of(json, "manage_devices");
    settings->prompt_setup = flag_of(json, "prompt_setup");
    settings->allow_skip = flag_of(json, "allow_skip");
    settings->ping_defaults = flag_of(json, "ping_defaults");
    settings->test_devices = flag_of(json, "test_devices");
}

/* --- The seed --- */

/* Each part of a configuration, as this table of settings calls it. */
static const struct part {
    const char *name, *setting;
} parts[] = {
    { "policies", "device_policies" },
    { "settings", "mfa_settings" },
    { "applications", "applications" },
};

static void
tell_of_seed(void *context, const struct mfa_problem *problem)
{
    const struct factor_host *host = *(const struct factor_host **)context;
    const char *pointer = problem->pointer + 1; /* all are within a part */
    char path[POINTER_SIZE];
    size_t i, len;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        len = strlen(parts[i].name);
        if (strncmp(pointer, parts[i].name, len) != 0)
            continue;
        snprintf(path, sizeof(path), "/%s%s", parts[i].setting, pointer + len);
        host->setting_problem(path, "%s", problem->what);
    }
}

/* By the very check that a configuration of an operator has to pass. */
static bool
check_seed(const struct mfa_settings *settings, const struct factor_host *host)
{
    json_t *given = json_object(), *value;
    size_t i;
    bool fits;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        value = json_object_get(settings->json, parts[i].setting);
        if (value && !json_is_null(value))
            json_object_set(given, parts[i].name, value);
    }
    fits = json_object_size(given) == 0 ||
           mfa_config_check(given, given, settings->ping_defaults,
                            tell_of_seed, &host);
    json_decref(given);
    return fits;
}

/* Each policy that an acr names must be there. */
static bool
check_acrs(const struct mfa_settings *settings, const struct factor_host *host)
{
    struct mfa_policy policy;
    const char *acr;
    json_t *name;
    bool fits = true;

    json_object_foreach (json_object_get(settings->json, "policy_by_acr"), acr,
                         name) {
        if (mfa_policy_find(settings->seed, json_string_value(name), &policy))
            continue;
        host->setting_problem("/policy_by_acr",
                              "%s: \"%s\" is the name of no policy", acr,
                              json_string_value(name));
        fits = false;
    }
    return fits;
}

factor_status
mfa_settings_load(struct mfa_settings *settings,
                  const struct factor_host *host, const json_t *json)
{
    *settings = (struct mfa_settings){ .json = json_deep_copy(json) };
    if (!settings->json)
        return FACTOR_E_NOMEM;
    load_flags(settings);
    settings->policy_by_acr = json_object_get(settings->json, "policy_by_acr");
    settings->otp_max_lifetime_ms = integer_of(json, "otp_max_lifetime");
    settings->pace.max_resends = (uint32_t)integer_of(json, "max_resends");
    settings->pace.cooldown_ms = integer_of(json, "resend_cooldown");
    settings->mask = (struct passcode_mask_rule){ 2, 2 };
    settings->brand = text_of(settings->json, "brand");
    if (settings->test_devices)
        host->log("mfa", FACTOR_LOG_WARNING,
                  "test_devices: workers may make devices whose codes are told "
                  "to the worker");
    if (settings->ping_defaults)
        host->log("mfa", FACTOR_LOG_WARNING,
                  "ping_defaults: what the first policy and others may do is "
                  "below NIST SP 800-63B: pushes without a number, codes of "
                  "half an hour, apps that count though they do not answer");
    if (!check_seed(settings, host))
        return FACTOR_E_CONFIG;
    settings->seed = mfa_config_complete(
        json_object_get(json, "device_policies"),
        json_object_get(json, "applications"),
        json_object_get(json, "mfa_settings"), settings->ping_defaults,
        host->environment);
    if (!settings->seed)
        return FACTOR_E_NOMEM;
    return check_acrs(settings, host) ? FACTOR_OK : FACTOR_E_CONFIG;
}

void
mfa_settings_drop(struct mfa_settings *settings)
{
    json_decref(settings->seed);
    json_decref(settings->json);
}
