/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/policies.c - device authentication policies (MFA
 * service API, B.4).
 *
 * The tables say what is of which type and in which range at most; ranges by
 * unit, references, and that one of them is the default, are checked with the
 * whole configuration (mfa_config_check.h). */
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/rest/change.h"

#define PART "policies"
#define PATH MFA_ENVIRONMENT "/deviceAuthenticationPolicies"
#define LIST "deviceAuthenticationPolicies"

/* --- Methods: B.4.2 to B.4.6 --- */

#define FLAG(member) MFA_FIELD(BOOLEAN, member, .flags = 0)
#define TIME_FIELDS(least, most, ...)                                          \
    FACTOR_FIELDS(MFA_REQUIRED(INTEGER, "duration", .min = (least),            \
                               .max = (most)),                                 \
                  MFA_REQUIRED(STRING, "timeUnit",                             \
                               .values = FACTOR_NAMES(__VA_ARGS__)))
#define SHORT_TIME(member, least, most)                                        \
    MFA_REQUIRED(OBJECT, member,                                               \
                 .fields = TIME_FIELDS(least, most, "MINUTES", "SECONDS"))
#define SWITCH(member, words)                                                  \
    MFA_MEMBERS(member, MFA_REQUIRED(BOOLEAN, "enabled", .text = (words)))
#define METHOD_FIELDS                                                          \
    MFA_REQUIRED(BOOLEAN, "enabled"),                                          \
        MFA_FIELD(BOOLEAN, "pairingDisabled",                                  \
                  .text = "Devices that are there go on; no new ones."),       \
        FLAG("promptForNicknameOnPairing")

static const struct factor_field *const sent_failure_fields[] = {
    MFA_REQUIRED(INTEGER, "count", .min = 1, .max = 7),
    SHORT_TIME("coolDown", 0, 1800), NULL
};
static const struct factor_field *const sent_fields[] = {
    METHOD_FIELDS,
    MFA_REQUIRED(OBJECT, "otp",
                 .fields = FACTOR_FIELDS(
                     SHORT_TIME("lifeTime", 1, 7200),
                     MFA_REQUIRED(OBJECT, "failure",
                                  .fields = sent_failure_fields),
                     MFA_FIELD(INTEGER, "otpLength", .min = 6, .max = 8))),
    NULL
};
static const struct factor_field *const failure_fields[] = {
    MFA_REQUIRED(INTEGER, "count", .min = 1, .max = 7),
    SHORT_TIME("coolDown", 1, 1800), NULL
};
static const struct factor_field *const totp_fields[] = {
    METHOD_FIELDS,
    MFA_REQUIRED(OBJECT, "otp",
                 .fields = FACTOR_FIELDS(MFA_REQUIRED(
                     OBJECT, "failure", .fields = failure_fields))),
    MFA_FIELD(INTEGER, "passcodeGracePeriod", .min = 1, .max = 10,
              .text = "Windows of 30 s that are accepted on each side."),
    MFA_FIELD(MAP, "uriParameters", .max = 32,
              .fields = FACTOR_FIELDS(
                  MFA_FIELD(STRING, NULL, .max_len = 256)),
              .text = "Added to the otpauth URI of new devices."),
    NULL
};

/* Not in yet (R3): taken as disabled alone, and shown so. */
static const struct factor_field *const fido2_fields[] = {
    METHOD_FIELDS, MFA_FIELD(OBJECT, "failure", .fields = failure_fields),
    MFA_ID("fido2PolicyId"), NULL
};
static const struct factor_field *const foreign_fields[] = {
    METHOD_FIELDS,
    MFA_MEMBERS("otp", MFA_FIELD(OBJECT, "failure",
                                 .fields = failure_fields)),
    MFA_MEMBERS("pairingKeyLifetime",
                MFA_REQUIRED(INTEGER, "duration", .min = 1, .max = 2880),
                MFA_REQUIRED(STRING, "timeUnit",
                             .values = FACTOR_NAMES("MINUTES", "HOURS"))),
    NULL
};
static const struct factor_field *const whats_app_fields[] = {
    METHOD_FIELDS,
    MFA_MEMBERS("otp",
                MFA_FIELD(OBJECT, "lifeTime",
                          .fields = TIME_FIELDS(1, 7200, "MINUTES",
                                                "SECONDS")),
                MFA_FIELD(OBJECT, "failure", .fields = sent_failure_fields),
                MFA_FIELD(INTEGER, "otpLength", .min = 6, .max = 8)),
    NULL
};
#define FOREIGN(member)                                                        \
    MFA_FIELD(OBJECT, member, .fields = foreign_fields,                        \
              .text = "Not offered: only disabled.")

/* --- Mobile: B.4.3 --- */

#define REFUSED "Not offered: refused."

static const struct factor_field *const application_fields[] = {
    MFA_REQUIRED_ID("id"),
    MFA_MEMBERS("push", MFA_REQUIRED(BOOLEAN, "enabled"),
                SWITCH("numberMatching",
                       "On if left out; off is below what this service lets "
                       "pass, unless it was made to."),
                MFA_FIELD(BOOLEAN, "refuseSameClient",
                          .text = "Only an answer from another client than "
                                  "that which signs on approves.")),
    SWITCH("otp", "The application shows passcodes."),
    MFA_MEMBERS("pushTimeout",
                MFA_REQUIRED(INTEGER, "duration", .min = 1, .max = 150),
                MFA_FIELD(STRING, "timeUnit",
                          .values = FACTOR_NAMES("SECONDS"))),
    MFA_MEMBERS("pairingKeyLifetime",
                MFA_REQUIRED(INTEGER, "duration", .min = 1, .max = 2880),
                MFA_REQUIRED(STRING, "timeUnit",
                             .values = FACTOR_NAMES("MINUTES", "HOURS"))),
    MFA_MEMBERS("pushLimit",
                MFA_FIELD(INTEGER, "count", .min = 1, .max = 50),
                MFA_FIELD(OBJECT, "timePeriod",
                          .fields = TIME_FIELDS(1, 7200, "MINUTES",
                                                "SECONDS")),
                MFA_FIELD(OBJECT, "lockDuration",
                          .fields = TIME_FIELDS(1, 7200, "MINUTES",
                                                "SECONDS"))),
    MFA_MEMBERS("deviceAuthorization", MFA_REQUIRED(BOOLEAN, "enabled"),
                MFA_FIELD(STRING, "extraVerification",
                          .values = FACTOR_NAMES("permissive",
                                                 "restrictive"),
                          .text = "\"permissive\" is below what this service "
                                  "lets pass, unless it was made to.")),
    SWITCH("autoEnrollment", "A sign-on from an unpaired phone may pair it."),
    SWITCH("pairingConfirmation",
           "The user compares a check value before a phone becomes active."),
    MFA_FIELD(STRING, "integrityDetection",
              .values = FACTOR_NAMES("permissive", "restrictive"),
              .text = "Integrity is not looked at: only \"permissive\"."),
    FLAG("pairingDisabled"),
    MFA_FIELD(STRING, "type", .text = REFUSED),
    MFA_FIELD(BOOLEAN, "biometricsEnabled", .text = REFUSED),
    MFA_MEMBERS("ipPairingConfiguration",
                MFA_FIELD(BOOLEAN, "anyIPAdress", .text = REFUSED)),
    MFA_MEMBERS("newRequestDurationConfiguration",
                MFA_MEMBERS("totalTimeout",
                            MFA_FIELD(INTEGER, "duration", .text = REFUSED))),
    NULL
};
static const struct factor_field *const mobile_fields[] = {
    METHOD_FIELDS,
    MFA_REQUIRED(OBJECT, "otp",
                 .fields = FACTOR_FIELDS(
                     MFA_REQUIRED(OBJECT, "failure",
                                  .fields = failure_fields),
                     MFA_MEMBERS("window",
                                 MFA_FIELD(OBJECT, "stepSize",
                                           .fields = TIME_FIELDS(
                                               1, 60, "SECONDS"))))),
    MFA_FIELD(ARRAY, "applications", .max = MFA_APPLICATIONS_MAX,
              .fields = FACTOR_FIELDS(
                  MFA_FIELD(OBJECT, NULL, .fields = application_fields))),
    NULL
};

/* --- The policy: B.4.1 --- */

static const struct factor_field *const policy_fields[] = {
    MFA_SHOWN_ID,
    MFA_REQUIRED(STRING, "name", .max_len = 256),
    MFA_REQUIRED(BOOLEAN, "default",
                 .text = "Exactly one is; it turns off that of another."),
    MFA_FIELD(BOOLEAN, "forSignOnPolicy", .flags = FACTOR_FIELD_READ_ONLY),
    MFA_MEMBERS("authentication",
                MFA_FIELD(STRING, "deviceSelection",
                          .values = FACTOR_NAMES("DEFAULT_TO_FIRST",
                                                 "PROMPT_TO_SELECT",
                                                 "ALWAYS_DISPLAY_DEVICES"))),
    MFA_FIELD(STRING, "newDeviceNotification",
              .values = FACTOR_NAMES("NONE", "EMAIL_THEN_SMS",
                                     "SMS_THEN_EMAIL")),
    FLAG("ignoreUserLock"),
    MFA_FIELD(BOOLEAN, "blockDisabledUsers",
              .text = "Disabled users are always refused: only true."),
    FLAG("blockUsersWithDisabledMfa"),
    MFA_MEMBERS("notificationsPolicy",
                MFA_FIELD(STRING, "id", .format = "uuid", .max_len = 36,
                          .text = REFUSED)),
    MFA_MEMBERS("rememberMe",
                MFA_MEMBERS("web",
                            MFA_FIELD(BOOLEAN, "enabled",
                                      .text = "Not offered: only false."),
                            MFA_FIELD(OBJECT, "lifeTime",
                                      .fields = TIME_FIELDS(
                                          1, 129600, "MINUTES", "HOURS",
                                          "DAYS")))),
    MFA_REQUIRED(OBJECT, "sms", .fields = sent_fields),
    MFA_REQUIRED(OBJECT, "voice", .fields = sent_fields),
    MFA_REQUIRED(OBJECT, "email", .fields = sent_fields),
    MFA_FIELD(OBJECT, "whatsApp", .fields = whats_app_fields,
              .text = "Not offered: only disabled."),
    MFA_REQUIRED(OBJECT, "mobile", .fields = mobile_fields),
    MFA_REQUIRED(OBJECT, "totp", .fields = totp_fields),
    MFA_FIELD(OBJECT, "fido2", .fields = fido2_fields,
              .text = "Not offered: only disabled."),
    FOREIGN("oathToken"), FOREIGN("desktop"), FOREIGN("yubikey"),
    FOREIGN("pingIdDesktopGen2"),
    MFA_SHOWN_TIME("createdAt"), MFA_SHOWN_TIME("updatedAt"), NULL
};

/* --- What is shown --- */

#define MINUTES(count) "{\"duration\":" #count ",\"timeUnit\":\"MINUTES\"}"
#define FAILURE(minutes)                                                       \
    "\"failure\":{\"count\":3,\"coolDown\":" MINUTES(minutes) "}"
#define METHOD                                                                 \
    "\"enabled\":false,\"pairingDisabled\":false,"                             \
    "\"promptForNicknameOnPairing\":false"
#define SENT                                                                   \
    "{" METHOD ",\"otp\":{\"lifeTime\":" MINUTES(30) "," FAILURE(0)            \
    ",\"otpLength\":6}}"
#define KEPT "{" METHOD ",\"otp\":{" FAILURE(2) "}}"

/* What holds where a policy says nothing, as mfa_config.c reads it. */
static const char defaults[] =
    "{\"forSignOnPolicy\":false,\"default\":false,"
    "\"authentication\":{\"deviceSelection\":\"DEFAULT_TO_FIRST\"},"
    "\"newDeviceNotification\":\"EMAIL_THEN_SMS\",\"ignoreUserLock\":false,"
    "\"blockUsersWithDisabledMfa\":true,\"notificationsPolicy\":{},"
    "\"rememberMe\":{\"web\":{\"enabled\":false,\"lifeTime\":"
    "{\"duration\":30,\"timeUnit\":\"DAYS\"}}},"
    "\"sms\":" SENT ",\"voice\":" SENT ",\"email\":" SENT
    ",\"whatsApp\":" SENT ","
    "\"mobile\":{" METHOD ",\"otp\":{" FAILURE(2) "},\"applications\":[]},"
    "\"totp\":{" METHOD ",\"otp\":{" FAILURE(2) "},"
    "\"passcodeGracePeriod\":5,\"uriParameters\":{}},"
    "\"fido2\":{" METHOD "," FAILURE(2) "},"
    "\"oathToken\":" KEPT ",\"yubikey\":" KEPT ",\"pingIdDesktopGen2\":" KEPT
    ",\"desktop\":{" METHOD ",\"otp\":{" FAILURE(2)
    "},\"pairingKeyLifetime\":{\"duration\":48,\"timeUnit\":\"HOURS\"}}}";
static const char application_defaults[] =
    "{\"push\":{\"enabled\":false,\"numberMatching\":{\"enabled\":false},"
    "\"refuseSameClient\":false},\"otp\":{\"enabled\":false},"
    "\"pushTimeout\":{\"duration\":40,\"timeUnit\":\"SECONDS\"},"
    "\"pairingKeyLifetime\":" MINUTES(10) ",\"pushLimit\":{\"count\":5,"
    "\"timePeriod\":" MINUTES(10) ",\"lockDuration\":" MINUTES(30) "},"
    "\"deviceAuthorization\":{\"enabled\":false},"
    "\"autoEnrollment\":{\"enabled\":false},"
    "\"pairingConfirmation\":{\"enabled\":true},\"pairingDisabled\":false}";

/* Accepted and not told: methods that are not in, and what has one value. */
static void
drop_untold(json_t *policy)
{
    static const char *const foreign[] = { "whatsApp", "fido2", "oathToken",
                                           "desktop", "yubikey",
                                           "pingIdDesktopGen2", "rememberMe",
                                           "notificationsPolicy" };
    json_t *mobile = json_object_get(policy, "mobile");
    size_t i;

    for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        json_object_del(policy, foreign[i]);
    json_object_del(json_object_get(mobile, "otp"), "window");
}

/* text with what is given over it, which is stolen; NULL: no memory. */
static json_t *
over(const char *text, json_t *given)
{
    json_t *all = json_loads(text, 0, NULL);

    if (!given || json_object_update_recursive(all, given)) {
        json_decref(all);
        all = NULL;
    }
    json_decref(given);
    return all;
}

/* NULL: no memory. */
static json_t *
shown(const struct mfa_rest *call, const json_t *stored)
{
    json_t *own = mfa_rest_declared(policy_fields, stored), *policy, *entry;
    json_t *list = json_object_get(json_object_get(own, "mobile"),
                                   "applications");
    size_t i;

    json_array_foreach (list, i, entry)
        json_array_set_new(list, i,
                           over(application_defaults, json_incref(entry)));
    if (own)
        drop_untold(own);
    policy = over(defaults, own);
    json_object_set_new(policy, "_links",
                        json_pack("{s:{s:o}}", "applications", "href",
                                  json_sprintf("/v1/environments/%s/"
                                               "applications",
                                               call->s.host->environment)));
    return policy;
}

static factor_status
show_one(struct mfa_rest *call, const json_t *stored)
{
    return mfa_rest_answer(call, shown(call, stored));
}

static const json_t *
asked_for(const struct mfa_rest *call, size_t *ret_place)
{
    return mfa_rest_entry(call, PART, mfa_text(call->s.in->path, "policy"),
                          ret_place);
}

static factor_status
list(struct mfa_rest *call)
{
    const json_t *all = json_object_get(call->s.config, PART);
    json_t *entries = json_array();
    size_t i;

    for (i = 0; i < json_array_size(all); i++)
        if (json_array_append_new(entries,
                                  shown(call, json_array_get(all, i)))) {
            json_decref(entries);
            return FACTOR_E_NOMEM;
        }
    return mfa_rest_answer(call, json_pack("{s:o}", LIST, entries));
}

static factor_status
read_one(struct mfa_rest *call)
{
    size_t place;
    const json_t *policy = asked_for(call, &place);

    return policy ? show_one(call, policy) : mfa_rest_not_found(call);
}

/* --- What is stored --- */

static json_t *
applications_of(const json_t *policy)
{
    return json_object_get(json_object_get(policy, "mobile"), "applications");
}

static json_t *
matching_of(const json_t *entry)
{
    return json_object_get(json_object_get(entry, "push"), "numberMatching");
}

static bool
is_on(const json_t *object)
{
    return json_is_true(json_object_get(object, "enabled"));
}

/* M2: number matching is on in what we make, unless it is said otherwise. */
static void
complete_applications(json_t *policy, bool weak)
{
    json_t *mobile = json_object_get(policy, "mobile"), *entry, *push;
    json_t *list = json_object_get(mobile, "applications");
    size_t i;

    if (!list)
        json_object_set_new(mobile, "applications", json_array());
    json_array_foreach (list, i, entry) {
        push = json_object_get(entry, "push");
        if (push && !json_object_get(push, "numberMatching"))
            json_object_set_new(push, "numberMatching",
                                json_pack("{s:b}", "enabled", (int)!weak));
        push = json_object_get(entry, "pushTimeout");
        if (push)
            json_object_set_new(push, "timeUnit", json_string("SECONDS"));
    }
}

/* What the caller gave as the policy of this id; before: it was, or NULL. */
static json_t *
policy_of(const struct mfa_rest *call, const char *id, const json_t *before)
{
    json_t *policy = json_deep_copy(call->s.in->fields);

    if (!policy || json_object_set_new(policy, "id", json_string(id)) ||
        !mfa_rest_stamp(call, policy, before)) {
        json_decref(policy);
        return NULL;
    }
    complete_applications(policy, call->s.settings->ping_defaults);
    return policy;
}

/* --- What is refused --- */

/* Pushes that need no number may have been let in by the configuration file:
 * who gives back what there was changes nothing. */
static bool
was_below(const json_t *before, const char *application)
{
    const json_t *list = applications_of(before), *entry;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        if (strcmp(mfa_text(entry, "id"), application) == 0)
            return is_on(json_object_get(entry, "push")) &&
                   !is_on(matching_of(entry));
    }
    return false;
}

/* The first application whose pushes would need no number; false: none. */
static bool
find_below(const struct mfa_rest *call, const json_t *policy,
           const json_t *before, size_t *ret_place)
{
    const json_t *list = applications_of(policy), *entry;
    size_t i;

    for (i = 0; !call->s.settings->ping_defaults && i < json_array_size(list);
         i++) {
        entry = json_array_get(list, i);
        if (is_on(json_object_get(entry, "push")) &&
            !is_on(matching_of(entry)) &&
            !was_below(before, mfa_text(entry, "id"))) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

static factor_status
refuse_below(struct mfa_rest *call, size_t place)
{
    enum { SIZE = 80 };
    char *target = call->s.host->alloc(call->s.in->arena, SIZE);

    if (!target)
        return FACTOR_E_NOMEM;
    snprintf(target, SIZE,
             "mobile.applications[%zu].push.numberMatching.enabled", place);
    return mfa_rest_refuse_saying(
        call, MFA_REST_INVALID_VALUE, target,
        "Push without number matching is below the standard of this service: "
        "it needs ping_defaults.", NULL);
}

/* A name must not be taken, nor pass for another's id. */
static const json_t *
who_has(const struct mfa_rest *call, const char *id, const char *name)
{
    const json_t *other =
        mfa_rest_other(call, PART, id, NULL, "name", name);

    return other ? other : mfa_rest_other(call, PART, id, NULL, "id", name);
}

/* --- Changes --- */

/* At this place; policy is stolen.  A new default turns off the old one. */
static json_t *
list_with(const struct mfa_rest *call, json_t *policy, size_t place)
{
    json_t *list = json_deep_copy(json_object_get(call->s.config, PART));
    bool is_default = json_is_true(json_object_get(policy, "default"));
    json_t *other;
    size_t i;

    json_array_foreach (list, i, other) {
        if (i == place || !is_default ||
            !json_is_true(json_object_get(other, "default")))
            continue;
        json_object_set_new(other, "default", json_false());
        mfa_rest_stamp(call, other, other);
    }
    if (place < json_array_size(list))
        json_array_set_new(list, place, policy);
    else
        json_array_append_new(list, policy);
    return list;
}

static factor_status
put(struct mfa_rest *call, const char *id, const json_t *before, size_t place)
{
    const json_t *other =
        who_has(call, id, mfa_text(call->s.in->fields, "name"));
    json_t *policy;
    factor_status status;
    size_t below;
    bool done;

    if (other)
        return mfa_rest_taken(call, "name", other);
    policy = policy_of(call, id, before);
    if (!policy)
        return FACTOR_E_NOMEM;
    if (find_below(call, policy, before, &below)) {
        json_decref(policy);
        return refuse_below(call, below);
    }
    status = mfa_rest_change(call, PART, list_with(call, policy, place),
                             (int)place, &done);
    if (status || !done)
        return status;
    return show_one(call, mfa_rest_entry(call, PART, id, &place));
}

static factor_status
create(struct mfa_rest *call)
{
    const char *id;
    factor_status status = mfa_new_id(&call->s, MFA_ID_ENTRY, &id);

    return status ? status
                  : put(call, id, NULL,
                        json_array_size(
                            json_object_get(call->s.config, PART)));
}

static factor_status
replace(struct mfa_rest *call)
{
    size_t place;
    const json_t *before = asked_for(call, &place);

    if (!before)
        return mfa_rest_not_found(call);
    if (json_is_true(json_object_get(before, "default")) &&
        !json_is_true(json_object_get(call->s.in->fields, "default")))
        return mfa_rest_refuse_saying(
            call, MFA_REST_CONSTRAINT, "default",
            "One policy has to be the default: make another one so.", NULL);
    return put(call, mfa_text(call->s.in->path, "policy"), before, place);
}

static factor_status
delete(struct mfa_rest *call)
{
    size_t place;
    const json_t *policy = asked_for(call, &place);
    json_t *list;
    factor_status status;
    bool done;

    if (!policy)
        return mfa_rest_not_found(call);
    if (json_is_true(json_object_get(policy, "default")))
        return mfa_rest_refuse(call, MFA_REST_CONSTRAINT, NULL, NULL);
    list = json_deep_copy(json_object_get(call->s.config, PART));
    json_array_remove(list, place);
    status = mfa_rest_change(call, PART, list, MFA_REST_WHOLE, &done);
    return status || !done ? status : mfa_rest_done(call);
}

/* R3: there is nothing to move to. */
static factor_status
migrate(struct mfa_rest *call)
{
    return mfa_rest_refuse_saying(call, MFA_REST_INVALID_VALUE,
                                  "migrationData",
                                  "FIDO2 is not supported by this version.",
                                  NULL);
}

/* --- The table --- */

static const struct factor_field *const migration_body[] = {
    MFA_REQUIRED(ARRAY, "migrationData", .max = 64,
                 .fields = FACTOR_FIELDS(MFA_MEMBERS(
                     NULL, MFA_REQUIRED_ID("deviceAuthenticationPolicyId"),
                     MFA_ID("fido2PolicyId")))),
    NULL
};

#define READS                                                                  \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_environment_readers, .answer = policy_fields
#define CHANGES                                                                \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_environment_admins

const struct mfa_operation mfa_rest_policies[] = {
    { .resource = { READS, .name = LIST ".list", .method = "GET",
                    .path = PATH, .list = LIST,
                    .text = "All device authentication policies." },
      .run = list },
    { .resource = { CHANGES, .name = LIST ".create", .method = "POST",
                    .path = PATH, .body = policy_fields, .status = 201,
                    .answer = policy_fields,
                    .text = "Makes a device authentication policy." },
      .run = create },
    { .resource = { CHANGES, .name = LIST ".migrate", .method = "POST",
                    .path = PATH,
                    .media_type = "application/vnd.pingidentity."
                                  "deviceAuthenticationPolicy.fido2."
                                  "migrate+json",
                    .body = migration_body,
                    .text = "Not offered: always refused." },
      .run = migrate },
    { .resource = { READS, .name = LIST ".read", .method = "GET",
                    .path = PATH "/{policy}",
                    .text = "One device authentication policy." },
      .run = read_one },
    { .resource = { CHANGES, .name = LIST ".replace", .method = "PUT",
                    .path = PATH "/{policy}", .body = policy_fields,
                    .answer = policy_fields,
                    .text = "Replaces a policy; what is left out is as by "
                            "default." },
      .run = replace },
    { .resource = { CHANGES, .name = LIST ".delete", .method = "DELETE",
                    .path = PATH "/{policy}", .status = 204,
                    .text = "Removes a policy, unless it is the default." },
      .run = delete },
    { .run = NULL },
};
