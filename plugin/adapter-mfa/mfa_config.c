/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config.c - MFA settings, device authentication
 * policies and applications, typed.
 *
 * Defaults and ranges: MFA service API, policies and settings; where this
 * project decided otherwise (number matching on, PROMPT_TO_SELECT) the seed
 * says so in words, and the readers below keep the service's defaults. */
#include "plugin/adapter-mfa/mfa_config.h"

#include <string.h>

#include <openssl/evp.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)

/* --- Names --- */

static const char *const type_names[MFA_TYPES] = {
    [MFA_EMAIL] = "EMAIL",
    [MFA_SMS] = "SMS",
    [MFA_VOICE] = "VOICE",
    [MFA_TOTP] = "TOTP",
    [MFA_MOBILE] = "MOBILE",
};

/* The members of a policy that hold the methods. */
static const char *const method_members[MFA_TYPES] = {
    [MFA_EMAIL] = "email",
    [MFA_SMS] = "sms",
    [MFA_VOICE] = "voice",
    [MFA_TOTP] = "totp",
    [MFA_MOBILE] = "mobile",
};

const char *
mfa_type_name(enum mfa_type type)
{
    return (int)type < MFA_TYPES ? type_names[type] : NULL;
}

int
mfa_type_by_name(const char *name)
{
    int type;

    for (type = 0; name && type < MFA_TYPES; type++)
        if (strcmp(type_names[type], name) == 0)
            return type;
    return -1;
}

/* --- Members --- */

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static bool
is(const json_t *json, const char *name, const char *value)
{
    const char *text = text_of(json, name);

    return text && strcmp(text, value) == 0;
}

static bool
flag_of(const json_t *json, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(json, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* An integer, perhaps as a text, held within its range. */
static int64_t
number_of(const json_t *json, const char *name, int64_t otherwise, int64_t min,
          int64_t max)
{
    const json_t *value = json_object_get(json, name);
    int64_t number = otherwise;

    if (json_is_integer(value))
        number = json_integer_value(value);
    if (number < min)
        return min;
    return number > max ? max : number;
}

/* {"duration": 30, "timeUnit": "MINUTES"} */
static int64_t
duration_of(const json_t *json, const char *name, int64_t otherwise_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {
        { "SECONDS", SECOND_MS },
        { "MINUTES", MINUTE_MS },
        { "HOURS", 60 * MINUTE_MS },
        { "DAYS", 24 * 60 * MINUTE_MS },
    };
    const json_t *value = json_object_get(json, name);
    const json_t *count = json_object_get(value, "duration");
    size_t i;

    for (i = 0; json_is_integer(count) && i < sizeof(units) / sizeof(units[0]);
         i++)
        if (is(value, "timeUnit", units[i].name))
            return json_integer_value(count) * units[i].ms;
    return otherwise_ms;
}

/* --- Policies --- */

static void
read_failure(const json_t *otp, int64_t cool_down_ms,
             struct mfa_failure_rule *ret)
{
    const json_t *failure = json_object_get(otp, "failure");

    ret->count = (uint32_t)number_of(failure, "count", 3, 1, 7);
    ret->cool_down_ms = duration_of(failure, "coolDown", cool_down_ms);
    if (ret->cool_down_ms < 0)
        ret->cool_down_ms = cool_down_ms;
}

static void
read_method(const json_t *policy, enum mfa_type type, struct mfa_method *ret)
{
    const json_t *json = json_object_get(policy, method_members[type]);
    const json_t *otp = json_object_get(json, "otp");
    bool sent = type <= MFA_VOICE;

    ret->enabled = flag_of(json, "enabled", false);
    ret->pairing_disabled = flag_of(json, "pairingDisabled", false);
    ret->prompt_nickname = flag_of(json, "promptForNicknameOnPairing", false);
    ret->digits = (unsigned)number_of(otp, "otpLength", 6, 6, 8);
    ret->lifetime_ms = duration_of(otp, "lifeTime", 30 * MINUTE_MS);
    ret->window = (unsigned)number_of(json, "passcodeGracePeriod", 5, 1, 10);
    ret->uri_parameters = json_object_get(json, "uriParameters");
    read_failure(otp, sent ? 0 : 2 * MINUTE_MS, &ret->failure);
}

static enum mfa_verification
read_verification(const json_t *authorization)
{
    if (is(authorization, "extraVerification", "permissive"))
        return MFA_VERIFY_PERMISSIVE;
    if (is(authorization, "extraVerification", "restrictive"))
        return MFA_VERIFY_RESTRICTIVE;
    return MFA_VERIFY_NONE;
}

static void
read_mobile(const json_t *json, struct mfa_mobile *ret)
{
    const json_t *push = json_object_get(json, "push");
    const json_t *limit = json_object_get(json, "pushLimit");
    const json_t *authorization = json_object_get(json, "deviceAuthorization");
    const json_t *member;

    ret->id = text_of(json, "id");
    ret->push = flag_of(push, "enabled", false);
    member = json_object_get(push, "numberMatching");
    ret->number_matching = flag_of(member, "enabled", false);
    ret->other_client = flag_of(push, "refuseSameClient", false);
    ret->otp = flag_of(json_object_get(json, "otp"), "enabled", false);
    member = json_object_get(json, "pairingConfirmation");
    ret->confirm_pairing = flag_of(member, "enabled", true);
    ret->pairing_disabled = flag_of(json, "pairingDisabled", false);
    ret->authorization = flag_of(authorization, "enabled", false);
    ret->verification = read_verification(authorization);
    member = json_object_get(json, "autoEnrollment");
    ret->auto_enrollment = flag_of(member, "enabled", false);
    ret->push_timeout_ms = duration_of(json, "pushTimeout", 40 * SECOND_MS);
    ret->pairing_key_ms =
        duration_of(json, "pairingKeyLifetime", 10 * MINUTE_MS);
    ret->limit_count = (uint32_t)number_of(limit, "count", 5, 1, 50);
    ret->limit_period_ms = duration_of(limit, "timePeriod", 10 * MINUTE_MS);
    ret->limit_lock_ms = duration_of(limit, "lockDuration", 30 * MINUTE_MS);
}

static void
read_policy(const json_t *json, struct mfa_policy *ret)
{
    const json_t *authentication = json_object_get(json, "authentication");
    const json_t *list = json_object_get(json_object_get(json, "mobile"),
                                         "applications");
    size_t i;
    int type;

    *ret = (struct mfa_policy){
        .id = text_of(json, "id"),
        .name = text_of(json, "name"),
        .selection = MFA_DEFAULT_TO_FIRST,
        .notice = MFA_NOTICE_EMAIL_THEN_SMS,
        .ignore_user_lock = flag_of(json, "ignoreUserLock", false),
        .block_disabled_mfa =
            flag_of(json, "blockUsersWithDisabledMfa", true),
    };
    if (is(authentication, "deviceSelection", "PROMPT_TO_SELECT"))
        ret->selection = MFA_PROMPT_TO_SELECT;
    if (is(authentication, "deviceSelection", "ALWAYS_DISPLAY_DEVICES"))
        ret->selection = MFA_ALWAYS_DISPLAY;
    if (is(json, "newDeviceNotification", "NONE"))
        ret->notice = MFA_NOTICE_NONE;
    if (is(json, "newDeviceNotification", "SMS_THEN_EMAIL"))
        ret->notice = MFA_NOTICE_SMS_THEN_EMAIL;
    for (type = 0; type < MFA_TYPES; type++)
        read_method(json, (enum mfa_type)type, &ret->methods[type]);
    for (i = 0; i < json_array_size(list) && i < MFA_APPLICATIONS_MAX; i++)
        read_mobile(json_array_get(list, i), &ret->mobiles[i]);
    ret->mobile_count = i;
}

bool
mfa_policy_find(const json_t *config, const char *wanted,
                struct mfa_policy *ret_policy)
{
    const json_t *list = json_object_get(config, "policies"), *policy;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        policy = json_array_get(list, i);
        if (wanted ? is(policy, "id", wanted) || is(policy, "name", wanted)
                   : flag_of(policy, "default", false)) {
            read_policy(policy, ret_policy);
            return true;
        }
    }
    return false;
}

const struct mfa_mobile *
mfa_policy_mobile(const struct mfa_policy *policy, const char *application)
{
    size_t i;

    for (i = 0; application && i < policy->mobile_count; i++)
        if (policy->mobiles[i].id &&
            strcmp(policy->mobiles[i].id, application) == 0)
            return &policy->mobiles[i];
    return NULL;
}

/* --- Settings and applications --- */

void
mfa_limits_read(const json_t *config, struct mfa_limits *ret_limits)
{
    const json_t *settings = json_object_get(config, "settings");
    const json_t *pairing = json_object_get(settings, "pairing");
    const json_t *lockout = json_object_get(settings, "lockout");

    *ret_limits = (struct mfa_limits){
        .devices_max = (uint32_t)number_of(pairing, "maxAllowedDevices", 5, 1,
                                           15),
        .numeric_keys = is(pairing, "pairingKeyFormat", "NUMERIC"),
        .lockout_count = 20,
        .lockout_ms = 60 * MINUTE_MS,
        .phone_extensions = flag_of(
            json_object_get(settings, "phoneExtensions"), "enabled", false),
        .new_users_mfa = flag_of(json_object_get(settings, "users"),
                                 "mfaEnabled", false),
    };
    if (!lockout)
        return;
    ret_limits->lockout_count =
        (uint32_t)number_of(lockout, "failureCount", 20, 1, 1000);
    ret_limits->lockout_ms =
        SECOND_MS * number_of(lockout, "durationSeconds", 0, 0, 31536000);
}

bool
mfa_application_find(const json_t *config, const char *id,
                     struct mfa_application *ret_application)
{
    const json_t *list = json_object_get(config, "applications");
    const json_t *json, *mobile, *matching;
    size_t i;

    for (i = 0; id && i < json_array_size(list); i++) {
        json = json_array_get(list, i);
        if (!is(json, "id", id))
            continue;
        mobile = json_object_get(json, "mobile");
        matching = json_object_get(json_object_get(mobile, "push"),
                                   "numberMatching");
        *ret_application = (struct mfa_application){
            .id = text_of(json, "id"),
            .name = text_of(json, "name"),
            .bundle_id = text_of(mobile, "bundleId"),
            .select_number = is(matching, "type", "SELECT_NUMBER"),
            .window = (unsigned)number_of(mobile, "passcodeGracePeriod", 5, 1,
                                          10),
            .methods = json_object_get(mobile, "authenticationMethods"),
        };
        return ret_application->name != NULL;
    }
    return false;
}

/* --- What is in force --- */

static const json_t *
first_with(const json_t *stored, const json_t *seed, const char *name)
{
    const json_t *part = json_object_get(stored, name);

    return part && !json_is_null(part) ? part : json_object_get(seed, name);
}

json_t *
mfa_config_in_force(const json_t *stored, const json_t *seed)
{
    return json_pack("{s:i, s:O, s:O, s:O}", "v", 1, "settings",
                     first_with(stored, seed, "settings"), "policies",
                     first_with(stored, seed, "policies"), "applications",
                     first_with(stored, seed, "applications"));
}

/* --- The seed --- */

/* A version 8 UUID (RFC 9562) that says the same for the same words. */
static json_t *
steady_id(const char *environment, const char *kind, const char *name)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    json_t *words = json_sprintf("%s/%s/%s", environment, kind, name), *id;
    const char *text = json_string_value(words);

    if (!text || !EVP_Digest(text, strlen(text), bytes, NULL, EVP_sha256(),
                             NULL)) {
        json_decref(words);
        return NULL;
    }
    json_decref(words);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x80);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    id = json_sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                      "%02x%02x%02x%02x%02x%02x",
                      bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                      bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
                      bytes[10], bytes[11], bytes[12], bytes[13], bytes[14],
                      bytes[15]);
    return id;
}

/* Every entry gets an id, unless it has one. */
static bool
give_ids(json_t *list, const char *environment, const char *kind)
{
    json_t *entry;
    size_t i;

    json_array_foreach (list, i, entry)
        if (!json_object_get(entry, "id") &&
            json_object_set_new(entry, "id",
                                steady_id(environment, kind,
                                          text_of(entry, "name"))))
            return false;
    return true;
}

static const char *
id_by_name(const json_t *list, const char *name)
{
    size_t i;

    for (i = 0; name && i < json_array_size(list); i++)
        if (is(json_array_get(list, i), "name", name))
            return text_of(json_array_get(list, i), "id");
    return NULL;
}

/* Policies that people write name applications; those in force have ids. */
static bool
resolve(json_t *policy, const json_t *applications)
{
    const json_t *list =
        json_object_get(json_object_get(policy, "mobile"), "applications");
    json_t *entry;
    const char *id;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        if (text_of(entry, "id"))
            continue;
        id = id_by_name(applications, text_of(entry, "name"));
        if (!id || json_object_set_new(entry, "id", json_string(id)))
            return false;
    }
    return true;
}

/* The one policy of a fresh store: DECISIONS M2, M7, O9.  permissive: that of
 * the service. */
static json_t *
first_policy(bool permissive)
{
    static const char ours[] =
        "{\"name\": \"Default\", \"default\": true,"
        " \"authentication\": {\"deviceSelection\": \"PROMPT_TO_SELECT\"},"
        " \"newDeviceNotification\": \"EMAIL_THEN_SMS\","
        " \"email\": {\"enabled\": true, \"otp\": {\"lifeTime\":"
        "  {\"duration\": 5, \"timeUnit\": \"MINUTES\"}, \"failure\":"
        "  {\"count\": 3, \"coolDown\": {\"duration\": 2,"
        "   \"timeUnit\": \"MINUTES\"}}}},"
        " \"sms\": {\"enabled\": true, \"otp\": {\"lifeTime\":"
        "  {\"duration\": 5, \"timeUnit\": \"MINUTES\"}, \"failure\":"
        "  {\"count\": 3, \"coolDown\": {\"duration\": 2,"
        "   \"timeUnit\": \"MINUTES\"}}}},"
        " \"voice\": {\"enabled\": true, \"otp\": {\"lifeTime\":"
        "  {\"duration\": 5, \"timeUnit\": \"MINUTES\"}, \"failure\":"
        "  {\"count\": 3, \"coolDown\": {\"duration\": 2,"
        "   \"timeUnit\": \"MINUTES\"}}}},"
        " \"totp\": {\"enabled\": true, \"passcodeGracePeriod\": 1,"
        "  \"promptForNicknameOnPairing\": true},"
        " \"mobile\": {\"enabled\": true,"
        "  \"promptForNicknameOnPairing\": true}}";
    static const char theirs[] =
        "{\"name\": \"Default\", \"default\": true,"
        " \"authentication\": {\"deviceSelection\": \"DEFAULT_TO_FIRST\"},"
        " \"newDeviceNotification\": \"EMAIL_THEN_SMS\","
        " \"email\": {\"enabled\": true}, \"sms\": {\"enabled\": true},"
        " \"voice\": {\"enabled\": true}, \"totp\": {\"enabled\": true},"
        " \"mobile\": {\"enabled\": true}}";

    return json_loads(permissive ? theirs : ours, 0, NULL);
}

/* What a policy that lists no application allows each of them. */
static json_t *
mobile_entry(const json_t *application, bool permissive)
{
    return json_pack(
        "{s:O, s:{s:b, s:{s:b}}, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:b}}", "id",
        json_object_get(application, "id"), "push", "enabled", 1,
        "numberMatching", "enabled", !permissive, "otp", "enabled", 1,
        "pairingConfirmation", "enabled", !permissive, "deviceAuthorization",
        "enabled", 1, "autoEnrollment", "enabled", 1);
}

static bool
add_mobile_entries(json_t *policy, const json_t *applications,
                   bool permissive)
{
    json_t *mobile = json_object_get(policy, "mobile");
    json_t *list = json_array();
    size_t i;

    if (!json_is_object(mobile) || json_object_get(mobile, "applications")) {
        json_decref(list);
        return true;
    }
    for (i = 0; i < json_array_size(applications); i++)
        json_array_append_new(
            list, mobile_entry(json_array_get(applications, i), permissive));
    return json_object_set_new(mobile, "applications", list) == 0;
}

static bool
complete(json_t *policies, json_t *applications, bool permissive,
         const char *environment)
{
    json_t *policy;
    size_t i;

    if (json_array_size(policies) == 0 &&
        json_array_append_new(policies, first_policy(permissive)))
        return false;
    if (!give_ids(applications, environment, "application") ||
        !give_ids(policies, environment, "policy"))
        return false;
    json_array_foreach (policies, i, policy)
        if (!resolve(policy, applications) ||
            !add_mobile_entries(policy, applications, permissive))
            return false;
    return true;
}

/* A copy, or an empty one of what is missing. */
static json_t *
part(const json_t *given, json_t *(*empty)(void))
{
    return given && !json_is_null(given) ? json_deep_copy(given) : empty();
}

json_t *
mfa_config_complete(const json_t *policies, const json_t *applications,
                    const json_t *settings, bool permissive,
                    const char *environment)
{
    json_t *config = json_pack("{s:i, s:o, s:o, s:o}", "v", 1, "settings",
                               part(settings, json_object), "policies",
                               part(policies, json_array), "applications",
                               part(applications, json_array));

    if (config && complete(json_object_get(config, "policies"),
                           json_object_get(config, "applications"), permissive,
                           environment))
        return config;
    json_decref(config);
    return NULL;
}
