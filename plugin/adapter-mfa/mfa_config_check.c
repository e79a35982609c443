/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_check.c - is a configuration one that may be
 * put in force?
 *
 * The tables are the MFA service API's, settings (B.3) and policies (B.4); but
 * what is absent is off, and a passcode has no more than 8 digits, since
 * liboath makes no longer ones. */
#include "plugin/adapter-mfa/mfa_config_check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_config.h"

enum { PATH_SIZE = 200, LIST_MAX = 64 };
enum { SECOND = 1, MINUTE = 60, HOUR = 60 * MINUTE };

enum kind { FLAG, WHOLE, TEXT, CHOICE, SPAN, OBJECT, LIST, TEXTS };

/* What one member of an object may be. */
struct member {
    const char *name;
    enum kind kind;
    int64_t min, max;            /* WHOLE; TEXT: bytes; SPAN: seconds; LIST */
    const char *const *choices;  /* CHOICE; SPAN: units, NULL: any */
    const struct member *members; /* OBJECT, LIST: of each; ended by NULL */
    bool required;
};

struct check {
    char path[PATH_SIZE]; /* of what is looked at: "policies[0].email" */
    char *problem;
};

/* --- What is wrong --- */

static bool
complain(struct check *check, const char *what)
{
    snprintf(check->problem, MFA_CONFIG_PROBLEM_SIZE, "%s: %s",
             check->path[0] ? check->path : "the configuration", what);
    return false;
}

static bool
complain_range(struct check *check, const char *before,
               const struct member *member, const char *behind)
{
    char what[150];

    snprintf(what, sizeof(what), "must be %s %lld to %lld%s", before,
             (long long)member->min, (long long)member->max, behind);
    return complain(check, what);
}

static bool
complain_choices(struct check *check, const char *const *choices)
{
    char what[150] = "must be one of";
    size_t len;

    for (; *choices; choices++) {
        len = strlen(what);
        snprintf(what + len, sizeof(what) - len, " %s%s", *choices,
                 choices[1] ? "," : "");
    }
    return complain(check, what);
}

/* --- One member --- */

static bool
is_one_of(const json_t *value, const char *const *choices)
{
    const char *text = json_string_value(value);

    for (; text && *choices; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

static bool
in_range(const json_t *value, const struct member *member)
{
    return json_is_integer(value) &&
           json_integer_value(value) >= member->min &&
           json_integer_value(value) <= member->max;
}

static bool
text_fits(const json_t *value, const struct member *member)
{
    int64_t len = (int64_t)json_string_length(value);

    return json_is_string(value) && len >= member->min && len <= member->max;
}

static const char *const units[] = { "SECONDS", "MINUTES", "HOURS", "DAYS",
                                     NULL };

/* {"duration": 30, "timeUnit": "MINUTES"} */
static bool
span_fits(const json_t *value, const struct member *member)
{
    static const int64_t seconds[] = { SECOND, MINUTE, HOUR, 24 * HOUR };
    const json_t *count = json_object_get(value, "duration");
    const json_t *unit = json_object_get(value, "timeUnit");
    int64_t number = json_integer_value(count);
    size_t i;

    if (!json_is_integer(count) || number < 0 || number > member->max ||
        !is_one_of(unit, member->choices ? member->choices : units))
        return false;
    for (i = 0; strcmp(units[i], json_string_value(unit)) != 0; i++)
        continue;
    return number * seconds[i] >= member->min &&
           number * seconds[i] <= member->max;
}

static bool check_members(struct check *check, const json_t *json,
                          const struct member *members);

static bool
check_list(struct check *check, const json_t *list,
           const struct member *member)
{
    size_t i, len = strlen(check->path), count = json_array_size(list);
    bool fits = json_is_array(list) && (int64_t)count >= member->min &&
                (int64_t)count <= member->max;

    if (!fits)
        return complain_range(check, "a list of", member, " entries");
    for (i = 0; fits && i < count; i++) {
        snprintf(check->path + len, PATH_SIZE - len, "[%zu]", i);
        fits = check_members(check, json_array_get(list, i), member->members);
        check->path[len] = '\0';
    }
    return fits;
}

static bool
check_texts(struct check *check, const json_t *given)
{
    json_t *texts = json_deep_copy(given), *text;
    bool fits = json_is_object(texts);
    const char *name;

    json_object_foreach (texts, name, text)
        fits = fits && json_is_string(text);
    json_decref(texts);
    return fits || complain(check, "must be an object of strings");
}

static bool
check_value(struct check *check, const json_t *value,
            const struct member *member)
{
    switch (member->kind) {
    case FLAG:
        return json_is_boolean(value) ||
               complain(check, "must be true or false");
    case WHOLE:
        return in_range(value, member) ||
               complain_range(check, "a whole number from", member, "");
    case TEXT:
        return text_fits(value, member) ||
               complain_range(check, "a string of", member, " bytes");
    case CHOICE:
        return is_one_of(value, member->choices) ||
               complain_choices(check, member->choices);
    case SPAN:
        return span_fits(value, member) ||
               complain_range(check, "{\"duration\", \"timeUnit\"} of",
                              member, " seconds");
    case OBJECT:
        return check_members(check, value, member->members);
    case LIST:
        return check_list(check, value, member);
    case TEXTS:
    default:
        return check_texts(check, value);
    }
}

static bool
check_member(struct check *check, const json_t *json,
             const struct member *member)
{
    const json_t *value = json_object_get(json, member->name);
    size_t len = strlen(check->path);
    bool fits = true;

    snprintf(check->path + len, PATH_SIZE - len, "%s%s", len ? "." : "",
             member->name);
    if (value && !json_is_null(value))
        fits = check_value(check, value, member);
    else if (member->required)
        fits = complain(check, "is missing");
    check->path[len] = '\0';
    return fits;
}

static bool
check_members(struct check *check, const json_t *json,
              const struct member *members)
{
    if (!json_is_object(json))
        return complain(check, "must be an object");
    for (; members->name; members++)
        if (!check_member(check, json, members))
            return false;
    return true;
}

/* --- Settings --- */

#define FLAG_MEMBER(name) { (name), FLAG, 0, 0, NULL, NULL, false }
#define WHOLE_MEMBER(name, min, max)                                           \
    { (name), WHOLE, (min), (max), NULL, NULL, false }
#define SPAN_MEMBER(name, min, max)                                            \
    { (name), SPAN, (min), (max), NULL, NULL, false }
#define CHOICE_MEMBER(name, list)                                              \
    { (name), CHOICE, 0, 0, (list), NULL, false }
#define OBJECT_MEMBER(name, list)                                              \
    { (name), OBJECT, 0, 0, NULL, (list), false }
#define NAME_MEMBER { "name", TEXT, 1, 256, NULL, NULL, true }
#define ID_MEMBER { "id", TEXT, 1, 64, NULL, NULL, false }
#define END { NULL, FLAG, 0, 0, NULL, NULL, false }

static const char *const key_formats[] = { "NUMERIC", "ALPHANUMERIC", NULL };
static const char *const notices[] = { "NONE", "EMAIL_THEN_SMS",
                                       "SMS_THEN_EMAIL", NULL };
static const char *const selections[] = { "DEFAULT_TO_FIRST",
                                          "PROMPT_TO_SELECT",
                                          "ALWAYS_DISPLAY_DEVICES", NULL };
static const char *const strengths[] = { "permissive", "restrictive", NULL };
static const char *const matchings[] = { "SELECT_NUMBER", "ENTER_MANUALLY",
                                         NULL };
static const char *const short_units[] = { "SECONDS", NULL };

static const struct member pairing_members[] = {
    WHOLE_MEMBER("maxAllowedDevices", 1, 15),
    CHOICE_MEMBER("pairingKeyFormat", key_formats), END
};
static const struct member lockout_members[] = {
    { "failureCount", WHOLE, 1, 1000, NULL, NULL, true },
    WHOLE_MEMBER("durationSeconds", 0, 365 * 24 * HOUR), END
};
static const struct member settings_members[] = {
    OBJECT_MEMBER("pairing", pairing_members),
    OBJECT_MEMBER("lockout", lockout_members), END
};

/* --- Policies --- */

static const struct member sent_failure_members[] = {
    WHOLE_MEMBER("count", 1, 7), SPAN_MEMBER("coolDown", 0, 30 * MINUTE), END
};
static const struct member sent_otp_members[] = {
    SPAN_MEMBER("lifeTime", SECOND, 120 * MINUTE),
    OBJECT_MEMBER("failure", sent_failure_members),
    WHOLE_MEMBER("otpLength", 6, 8), END
};
static const struct member sent_members[] = {
    FLAG_MEMBER("enabled"), FLAG_MEMBER("pairingDisabled"),
    FLAG_MEMBER("promptForNicknameOnPairing"),
    OBJECT_MEMBER("otp", sent_otp_members), END
};
static const struct member app_failure_members[] = {
    WHOLE_MEMBER("count", 1, 7),
    SPAN_MEMBER("coolDown", SECOND, 30 * MINUTE), END
};
static const struct member app_otp_members[] = {
    OBJECT_MEMBER("failure", app_failure_members), END
};
static const struct member totp_members[] = {
    FLAG_MEMBER("enabled"), FLAG_MEMBER("pairingDisabled"),
    FLAG_MEMBER("promptForNicknameOnPairing"),
    OBJECT_MEMBER("otp", app_otp_members),
    WHOLE_MEMBER("passcodeGracePeriod", 1, 10),
    { "uriParameters", TEXTS, 0, 0, NULL, NULL, false }, END
};
static const struct member phone_failure_members[] = {
    WHOLE_MEMBER("count", 1, 7),
    SPAN_MEMBER("coolDown", 2 * MINUTE, 30 * MINUTE), END
};
static const struct member phone_otp_members[] = {
    OBJECT_MEMBER("failure", phone_failure_members), END
};
static const struct member enabled_members[] = { FLAG_MEMBER("enabled"), END };
static const struct member push_members[] = {
    FLAG_MEMBER("enabled"), OBJECT_MEMBER("numberMatching", enabled_members),
    END
};
static const struct member limit_members[] = {
    WHOLE_MEMBER("count", 1, 50),
    SPAN_MEMBER("timePeriod", MINUTE, 120 * MINUTE),
    SPAN_MEMBER("lockDuration", SECOND, 120 * MINUTE), END
};
static const struct member authorization_members[] = {
    FLAG_MEMBER("enabled"), CHOICE_MEMBER("extraVerification", strengths), END
};
static const struct member allowed_members[] = {
    ID_MEMBER,
    { "name", TEXT, 1, 256, NULL, NULL, false },
    OBJECT_MEMBER("push", push_members),
    OBJECT_MEMBER("otp", enabled_members),
    { "pushTimeout", SPAN, 40, 150, short_units, NULL, false },
    SPAN_MEMBER("pairingKeyLifetime", MINUTE, 48 * HOUR),
    OBJECT_MEMBER("pushLimit", limit_members),
    OBJECT_MEMBER("pairingConfirmation", enabled_members),
    OBJECT_MEMBER("deviceAuthorization", authorization_members),
    OBJECT_MEMBER("autoEnrollment", enabled_members),
    CHOICE_MEMBER("integrityDetection", strengths),
    FLAG_MEMBER("pairingDisabled"), END
};
static const struct member phone_members[] = {
    FLAG_MEMBER("enabled"), FLAG_MEMBER("pairingDisabled"),
    FLAG_MEMBER("promptForNicknameOnPairing"),
    OBJECT_MEMBER("otp", phone_otp_members),
    { "applications", LIST, 0, MFA_APPLICATIONS_MAX, NULL, allowed_members,
      false },
    END
};
static const struct member selection_members[] = {
    CHOICE_MEMBER("deviceSelection", selections), END
};
static const struct member policy_members[] = {
    ID_MEMBER, NAME_MEMBER, FLAG_MEMBER("default"),
    OBJECT_MEMBER("authentication", selection_members),
    CHOICE_MEMBER("newDeviceNotification", notices),
    FLAG_MEMBER("ignoreUserLock"), FLAG_MEMBER("blockDisabledUsers"),
    FLAG_MEMBER("blockUsersWithDisabledMfa"),
    OBJECT_MEMBER("sms", sent_members),
    OBJECT_MEMBER("voice", sent_members),
    OBJECT_MEMBER("email", sent_members),
    OBJECT_MEMBER("mobile", phone_members),
    OBJECT_MEMBER("totp", totp_members), END
};

/* --- Applications --- */

static const struct member matching_members[] = {
    CHOICE_MEMBER("type", matchings), END
};
static const struct member app_push_members[] = {
    OBJECT_MEMBER("numberMatching", matching_members), END
};
static const struct member app_mobile_members[] = {
    WHOLE_MEMBER("passcodeGracePeriod", 1, 10),
    OBJECT_MEMBER("push", app_push_members), END
};
static const struct member application_members[] = {
    ID_MEMBER, NAME_MEMBER, OBJECT_MEMBER("mobile", app_mobile_members), END
};

static const struct member config_members[] = {
    OBJECT_MEMBER("settings", settings_members),
    { "policies", LIST, 1, LIST_MAX, NULL, policy_members, false },
    { "applications", LIST, 0, MFA_APPLICATIONS_MAX, NULL,
      application_members, false },
    END
};

/* --- What holds between members --- */

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

/* The entry of a list that has the same text in this member; NULL: none. */
static const json_t *
entry_with(const json_t *list, size_t count, const char *name,
           const char *text)
{
    size_t i;
    const char *other;

    for (i = 0; text && i < count; i++) {
        other = text_of(json_array_get(list, i), name);
        if (other && strcmp(other, text) == 0)
            return json_array_get(list, i);
    }
    return NULL;
}

static bool
check_unique(struct check *check, const json_t *config, const char *member,
             const char *name)
{
    const json_t *list = json_object_get(config, member);
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (entry_with(list, i, name, text_of(json_array_get(list, i),
                                              name))) {
            snprintf(check->path, PATH_SIZE, "%s[%zu].%s", member, i, name);
            return complain(check, "is taken by an entry before");
        }
    return true;
}

static bool
check_default(struct check *check, const json_t *config)
{
    const json_t *list = json_object_get(config, "policies");
    size_t i, count = 0;

    for (i = 0; i < json_array_size(list); i++)
        count += json_is_true(
            json_object_get(json_array_get(list, i), "default"));
    snprintf(check->path, PATH_SIZE, "policies");
    return count == 1 ||
           complain(check, "exactly one must have \"default\": true");
}

/* Clients split what they show of an application at dots. */
static bool
check_dots(struct check *check, const json_t *config)
{
    const json_t *list = json_object_get(config, "applications");
    const char *name;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        name = text_of(json_array_get(list, i), "name");
        if (name && strchr(name, '.')) {
            snprintf(check->path, PATH_SIZE, "applications[%zu].name", i);
            return complain(check, "must not contain a dot");
        }
    }
    return true;
}

/* Each that a policy allows is there, by id or by name. */
static bool
check_allowed(struct check *check, const json_t *config, size_t policy)
{
    const json_t *all = json_object_get(config, "applications");
    const json_t *list = json_object_get(
        json_object_get(
            json_array_get(json_object_get(config, "policies"), policy),
            "mobile"),
        "applications");
    size_t i, count = json_array_size(all);

    for (i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *id = text_of(entry, "id");

        if (!entry_with(all, count, id ? "id" : "name",
                        id ? id : text_of(entry, "name"))) {
            snprintf(check->path, PATH_SIZE,
                     "policies[%zu].mobile.applications[%zu].%s", policy, i,
                     id ? "id" : "name");
            return complain(check, "is that of no application");
        }
    }
    return true;
}

static bool
check_between(struct check *check, const json_t *config)
{
    size_t i, count = json_array_size(json_object_get(config, "policies"));

    for (i = 0; i < count; i++)
        if (!check_allowed(check, config, i))
            return false;
    return check_default(check, config) &&
           check_unique(check, config, "policies", "name") &&
           check_unique(check, config, "policies", "id") &&
           check_unique(check, config, "applications", "name") &&
           check_unique(check, config, "applications", "id") &&
           check_dots(check, config);
}

bool
mfa_config_check(const json_t *given, const json_t *whole,
                 char ret_problem[MFA_CONFIG_PROBLEM_SIZE])
{
    struct check check = { .problem = ret_problem };
    const struct member *member;
    size_t known = 0;

    for (member = config_members; member->name; member++)
        known += json_object_get(given, member->name) != NULL;
    if (known == 0)
        return complain(&check, "must have settings, policies or "
                                "applications");
    return check_members(&check, given, config_members) &&
           check_between(&check, whole);
}
