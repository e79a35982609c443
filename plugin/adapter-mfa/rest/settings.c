/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/settings.c - MFA settings (MFA service API, B.3).
 *
 * Without "lockout" the adapter's own lock of the account is in force (see
 * mfa_limits_read); the member is shown only if somebody set it. */
#include "plugin/adapter-mfa/rest/change.h"

#define PART "settings"
#define PATH MFA_ENVIRONMENT "/mfaSettings"

static const struct factor_field *const lockout_fields[] = {
    MFA_REQUIRED(INTEGER, "failureCount", .min = 1, .max = 1000,
                 .text = "Wrong passcodes and denied pushes in a row that "
                         "lock the account."),
    MFA_FIELD(INTEGER, "durationSeconds", .min = 0, .max = 365 * 24 * 3600,
              .text = "Absent or 0: until somebody unlocks it."),
    NULL
};
static const struct factor_field *const settings_fields[] = {
    MFA_REQUIRED(OBJECT, "pairing",
                 .fields = FACTOR_FIELDS(
                     MFA_REQUIRED(INTEGER, "maxAllowedDevices", .min = 1,
                                  .max = 15),
                     MFA_REQUIRED(STRING, "pairingKeyFormat",
                                  .values = FACTOR_NAMES("NUMERIC",
                                                         "ALPHANUMERIC")))),
    MFA_FIELD(OBJECT, "lockout", .fields = lockout_fields,
              .text = "Absent: as the service has it by itself."),
    MFA_MEMBERS("authentication",
                MFA_FIELD(STRING, "deviceSelection",
                          .values = FACTOR_NAMES("DEFAULT_TO_FIRST",
                                                 "PROMPT_TO_SELECT"),
                          .text = "Kept; a policy's is the one that holds.")),
    MFA_MEMBERS("phoneExtensions",
                MFA_REQUIRED(BOOLEAN, "enabled",
                             .text = "Numbers that are called may have an "
                                     "extension.")),
    MFA_MEMBERS("users",
                MFA_REQUIRED(BOOLEAN, "mfaEnabled",
                             .text = "What users are made with, unless the "
                                     "call says otherwise.")),
    MFA_SHOWN_TIME("updatedAt"), NULL
};

/* --- What is shown --- */

static json_t *
in_force(const struct mfa_limits *limits)
{
    return json_pack("{s:{s:I, s:s}, s:{s:s}, s:{s:b}, s:{s:b}}", "pairing",
                     "maxAllowedDevices", (json_int_t)limits->devices_max,
                     "pairingKeyFormat",
                     limits->numeric_keys ? "NUMERIC" : "ALPHANUMERIC",
                     "authentication", "deviceSelection", "DEFAULT_TO_FIRST",
                     "phoneExtensions", "enabled",
                     (int)limits->phone_extensions, "users", "mfaEnabled",
                     (int)limits->new_users_mfa);
}

static factor_status
show(struct mfa_rest *call)
{
    json_t *settings = in_force(&call->s.limits);
    json_t *stored = mfa_rest_declared(
        settings_fields, json_object_get(call->s.config, PART));

    if (json_object_update_recursive(settings, stored) ||
        json_object_set_new(settings, "environment",
                            json_pack("{s:s}", "id",
                                      call->s.host->environment))) {
        json_decref(settings);
        settings = NULL;
    }
    json_decref(stored);
    return mfa_rest_answer(call, settings);
}

/* --- Changes --- */

static factor_status
replace(struct mfa_rest *call)
{
    json_t *settings = json_deep_copy(call->s.in->fields);
    json_t *now = mfa_rest_instant(call->s.in->now_ms);
    factor_status status;
    bool done;

    json_object_set_new(settings, "updatedAt", now);
    status = mfa_rest_change(call, PART, settings, MFA_REST_WHOLE, &done);
    return status || !done ? status : show(call);
}

static factor_status
reset(struct mfa_rest *call)
{
    factor_status status = mfa_rest_reset(call, PART);

    return status ? status : mfa_rest_done(call);
}

/* --- The table --- */

const struct mfa_operation mfa_rest_settings[] = {
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "mfaSettings.read", .method = "GET", .path = PATH,
                    .roles = mfa_rest_environment_readers,
                    .answer = settings_fields, .text = "The MFA settings." },
      .run = show },
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "mfaSettings.replace", .method = "PUT",
                    .path = PATH, .roles = mfa_rest_environment_admins,
                    .body = settings_fields, .answer = settings_fields,
                    .text = "Replaces the MFA settings." },
      .run = replace },
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "mfaSettings.reset", .method = "DELETE",
                    .path = PATH, .roles = mfa_rest_environment_admins,
                    .status = 204,
                    .text = "Makes the MFA settings those of the "
                            "configuration file again." },
      .run = reset },
    { .run = NULL },
};
