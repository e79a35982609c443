/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/users.c - MFA on or off for a user, bypass (MFA
 * service API, B.5), and what this environment is (A.1). */
#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/rest/rest.h"

/* --- mfaEnabled --- */

static factor_status
show_enabled(struct mfa_rest *call)
{
    return mfa_rest_answer(
        call, json_pack("{s:b}", "mfaEnabled", (int)call->s.mfa_enabled));
}

static factor_status
put_enabled(struct mfa_rest *call, bool enabled)
{
    const struct factor_record *user = call->s.user;
    json_t *body = json_deep_copy(user->body);

    if (json_object_set_new(body, FACTOR_USER_MFA_ENABLED,
                            json_boolean(enabled))) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    return mfa_put_body(&call->s, user, FACTOR_USERS, user->id, 0, body);
}

static factor_status
change_enabled(struct mfa_rest *call)
{
    bool enabled =
        json_is_true(json_object_get(call->s.in->fields, "mfaEnabled"));
    factor_status status = FACTOR_OK;

    if (!mfa_rest_trusted(call))
        return mfa_rest_forbid(call);
    if (enabled != call->s.mfa_enabled)
        status = put_enabled(call, enabled);
    if (!status)
        status = mfa_audit(&call->s, "mfa.enabled_changed",
                           json_pack("{s:s, s:b}", "user", call->s.user_id,
                                     "mfaEnabled", (int)enabled));
    call->s.mfa_enabled = enabled;
    return status ? status : show_enabled(call);
}

/* --- bypassMFA --- */

static factor_status
show_bypass(struct mfa_rest *call)
{
    int64_t until_ms = call->s.account.bypass_until_ms;

    if (until_ms == 0)
        return mfa_rest_answer(call, json_object());
    return mfa_rest_answer(
        call, json_pack("{s:o, s:b}", "bypassMFAEnabledUntil",
                        mfa_rest_instant(until_ms), "canBypassMFA",
                        (int)(until_ms > call->s.in->now_ms)));
}

static factor_status
change_bypass(struct mfa_rest *call)
{
    const char *until =
        mfa_text(call->s.in->fields, "bypassMFAEnabledUntil");
    factor_status status;

    if (!factor_instant_read(until, &call->s.account.bypass_until_ms))
        return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE,
                               "bypassMFAEnabledUntil", NULL);
    status = mfa_put_account(&call->s);
    if (!status)
        status = mfa_audit(&call->s, "mfa.bypass_opened",
                           json_pack("{s:s, s:s}", "user", call->s.user_id,
                                     "until", until));
    return status ? status : show_bypass(call);
}

/* --- billOfMaterials --- */

/* R2: one product. */
static factor_status
show_products(struct mfa_rest *call)
{
    return mfa_rest_answer(
        call, json_pack("{s:[{s:s, s:s, s:s}]}", "products", "id",
                        call->s.host->environment, "type", "PING_ONE_MFA",
                        "description", "MFA"));
}

/* --- The table --- */

static const struct factor_field *const enabled_body[] = {
    MFA_FIELD(BOOLEAN, "mfaEnabled", .flags = FACTOR_FIELD_REQUIRED), NULL
};
static const struct factor_field *const bypass_body[] = {
    MFA_FIELD(STRING, "bypassMFAEnabledUntil", .format = "date-time",
              .flags = FACTOR_FIELD_REQUIRED),
    NULL
};
static const struct factor_field *const bypass_answer[] = {
    MFA_FIELD(STRING, "bypassMFAEnabledUntil", .format = "date-time"),
    MFA_FIELD(BOOLEAN, "canBypassMFA"), NULL
};
static const struct factor_field *const product_answer[] = {
    MFA_FIELD(ARRAY, "products",
              .fields = FACTOR_FIELDS(MFA_MEMBERS(
                  NULL, MFA_ID("id"), MFA_FIELD(STRING, "type"),
                  MFA_FIELD(STRING, "description")))),
    NULL
};

const struct mfa_operation mfa_rest_users[] = {
    { .resource = { FACTOR_SIZED(factor_resource),
                    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
                    .name = "mfaEnabled.read", .method = "GET",
                    .path = MFA_USER "/mfaEnabled",
                    .roles = mfa_rest_identity_readers,
                    .scopes = FACTOR_NAMES("p1:read:userMfaEnabled",
                                           "p1:update:userMfaEnabled"),
                    .answer = enabled_body,
                    .text = "Whether MFA is on for a user." },
      .plan = mfa_rest_plan_user, .run = show_enabled },
    { .resource = { FACTOR_SIZED(factor_resource),
                    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
                    .name = "mfaEnabled.replace", .method = "PUT",
                    .path = MFA_USER "/mfaEnabled",
                    .roles = mfa_rest_identity_admins,
                    .scopes = FACTOR_NAMES("p1:update:userMfaEnabled"),
                    .body = enabled_body, .answer = enabled_body,
                    .text = "Turns MFA on or off for a user." },
      .plan = mfa_rest_plan_user, .run = change_enabled },
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "bypassMFA.read", .method = "GET",
                    .path = MFA_USER "/bypassMFA",
                    .roles = mfa_rest_identity_readers,
                    .answer = bypass_answer,
                    .text = "Until when a user may sign on without MFA." },
      .plan = mfa_rest_plan_user, .run = show_bypass },
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "bypassMFA.replace", .method = "PUT",
                    .path = MFA_USER "/bypassMFA",
                    .roles = mfa_rest_identity_admins, .body = bypass_body,
                    .answer = bypass_answer,
                    .text = "Lets a user sign on without MFA for a time." },
      .plan = mfa_rest_plan_user, .run = change_bypass },
    { .resource = { FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
                    .name = "billOfMaterials.read", .method = "GET",
                    .path = MFA_ENVIRONMENT "/billOfMaterials",
                    .answer = product_answer,
                    .text = "What this environment offers." },
      .run = show_products },
    { .run = NULL },
};
