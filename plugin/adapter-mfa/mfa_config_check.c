/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_check.c - is a configuration one that may be
 * put in force?
 *
 * The tables are the MFA service API's, settings (B.3) and policies (B.4); but
 * what is absent is off, and a passcode has no more than 8 digits, since
 * liboath makes no longer ones. */
#include "plugin/adapter-mfa/mfa_config_check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_config.h"

enum { PATH_SIZE = 200, LIST_MAX = 64, NAME_LEN_MAX = 32 };
enum { SECOND = 1, MINUTE = 60, HOUR = 60 * MINUTE };

/* READ_ONLY: the service returns it and nobody sets it, or it asks nothing of
 * us: let be.  Those behind it are of the service, and nothing here does as
 * they say: only what happens anyway may be written. */
enum kind { FLAG, WHOLE, TEXT, CHOICE, SPAN, OBJECT, LIST, TEXTS, NAMES,
            READ_ONLY, OFF, ON, ONLY, STEP, ABSENT };

/* What one member of an object may be. */
struct member {
    const char *name;
    enum kind kind;
    int64_t min, max;            /* WHOLE; TEXT: bytes; SPAN: seconds; LIST */
    const char *const *choices;  /* CHOICE, ONLY; SPAN: units, NULL: any */
    const struct member *members; /* OBJECT, LIST: of each; ended by NULL */
    bool required;
};

struct check {
    char path[PATH_SIZE]; /* JSON pointer of what is looked at */
    size_t found;         /* things that are wrong */
    mfa_config_told *told;
    void *context;
};

/* --- What is wrong --- */

static void
complain_of(struct check *check, struct mfa_problem problem)
{
    problem.pointer = check->path;
    check->found++;
    check->told(check->context, &problem);
}

static void
complain(struct check *check, enum mfa_wrong wrong, const char *what)
{
    complain_of(check, (struct mfa_problem){ .wrong = wrong, .what = what });
}

static void
complain_range(struct check *check, const char *before,
               const struct member *member, const char *behind)
{
    char what[150];

    snprintf(what, sizeof(what), "must be %s %lld to %lld%s", before,
             (long long)member->min, (long long)member->max, behind);
    complain_of(check, (struct mfa_problem){ .wrong = MFA_WRONG_RANGE,
                                             .what = what,
                                             .min = member->min,
                                             .max = member->max });
}

static void
complain_text(struct check *check, const json_t *value,
              const struct member *member)
{
    char what[80];

    snprintf(what, sizeof(what), "must be a string of %lld to %lld bytes",
             (long long)member->min, (long long)member->max);
    complain(check,
             json_is_string(value) && json_string_length(value) == 0
                 ? MFA_WRONG_EMPTY
                 : MFA_WRONG_VALUE,
             what);
}

static void
complain_choices(struct check *check, const char *const *choices)
{
    char what[150] = "must be one of";
    const char *const *choice;
    size_t len;

    for (choice = choices; *choice; choice++) {
        len = strlen(what);
        snprintf(what + len, sizeof(what) - len, " %s%s", *choice,
                 choice[1] ? "," : "");
    }
    complain_of(check, (struct mfa_problem){ .wrong = MFA_WRONG_CHOICE,
                                             .what = what,
                                             .choices = choices });
}

/* --- Members that nobody knows --- */

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to be put in, left out or changed. */
static size_t
distance(const char *from, const char *to)
{
    size_t row[NAME_LEN_MAX + 1], i, j, before, above;
    size_t len = strlen(to);

    for (j = 0; j <= len; j++)
        row[j] = j;
    for (i = 1; from[i - 1]; i++) {
        before = row[0];
        row[0] = i;
        for (j = 1; j <= len; j++) {
            above = row[j];
            before += tolower((unsigned char)from[i - 1]) !=
                      tolower((unsigned char)to[j - 1]);
            row[j] = least(before, least(above, row[j - 1]) + 1);
            before = above;
        }
    }
    return row[len];
}

/* The known name that may be meant, or NULL. */
static const char *
nearest(const struct member *members, const char *name)
{
    size_t found, limit = least(strlen(name) / 3, 3) + 1;
    const char *meant = NULL;

    if (strlen(name) > NAME_LEN_MAX)
        return NULL;
    for (; members->name; members++) {
        found = distance(name, members->name);
        if (found < limit) {
            limit = found;
            meant = members->name;
        }
    }
    return meant;
}

static bool
is_known(const struct member *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return true;
    return strcmp(name, MFA_CONFIG_COMMENT) == 0;
}

/* One step of a JSON pointer: RFC 6901 writes "~" and "/" of names so. */
static void
append_name(struct check *check, const char *name)
{
    size_t len = strlen(check->path);

    for (check->path[len++] = '/'; *name && len + 3 < PATH_SIZE; name++)
        if (*name == '~' || *name == '/') {
            check->path[len++] = '~';
            check->path[len++] = *name == '~' ? '0' : '1';
        } else {
            check->path[len++] = *name;
        }
    check->path[len] = '\0';
}

/* A switch that is written wrong must not be one that is off. */
static void
check_names(struct check *check, const json_t *json,
            const struct member *members)
{
    json_t *names = json_deep_copy(json), *value;
    size_t len = strlen(check->path);
    const char *name, *meant;
    char what[NAME_LEN_MAX + 40];

    json_object_foreach (names, name, value) {
        if (is_known(members, name))
            continue;
        meant = nearest(members, name);
        snprintf(what, sizeof(what), "is not known%s%s%s",
                 meant ? "; did you mean \"" : "", meant ? meant : "",
                 meant ? "\"?" : "");
        append_name(check, name);
        complain(check, MFA_WRONG_VALUE, what);
        check->path[len] = '\0';
    }
    json_decref(names);
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

static const struct member span_members[] = {
    { "duration", WHOLE, 0, 0, NULL, NULL, true },
    { "timeUnit", CHOICE, 0, 0, NULL, NULL, true },
    { NULL, FLAG, 0, 0, NULL, NULL, false }
};
static const char *const units[] = { "SECONDS", "MINUTES", "HOURS", "DAYS",
                                     NULL };

/* The seconds of a time's unit; 0: it is not one of those that may be. */
static int64_t
unit_of(const json_t *value, const struct member *member)
{
    static const int64_t seconds[] = { SECOND, MINUTE, HOUR, 24 * HOUR };
    const json_t *unit = json_object_get(value, "timeUnit");
    size_t i;

    if (!is_one_of(unit, member->choices ? member->choices : units))
        return 0;
    for (i = 0; strcmp(units[i], json_string_value(unit)) != 0; i++)
        continue;
    return seconds[i];
}

/* {"duration": 30, "timeUnit": "MINUTES"} */
static bool
span_fits(const json_t *value, const struct member *member)
{
    const json_t *count = json_object_get(value, "duration");
    int64_t number = json_integer_value(count);
    int64_t unit = unit_of(value, member);

    return json_is_integer(count) && unit > 0 && number >= 0 &&
           number <= member->max && number * unit >= member->min &&
           number * unit <= member->max;
}

/* A range is told in the unit that was given, where that may be. */
static void
complain_span(struct check *check, const json_t *value,
              const struct member *member, const char *what)
{
    int64_t unit = unit_of(value, member);
    struct mfa_problem problem = { .wrong = MFA_WRONG_VALUE, .what = what };

    if (unit > 0 && json_is_integer(json_object_get(value, "duration"))) {
        problem.wrong = MFA_WRONG_RANGE;
        problem.is_time = true;
        problem.min = (member->min + unit - 1) / unit;
        problem.max = member->max / unit;
    }
    complain_of(check, problem);
}

static void check_members(struct check *check, const json_t *json,
                          const struct member *members);

static void
check_list(struct check *check, const json_t *list,
           const struct member *member)
{
    size_t i, len = strlen(check->path), count = json_array_size(list);

    if (!json_is_array(list) || (int64_t)count < member->min ||
        (int64_t)count > member->max) {
        complain_range(check, "a list of", member, " entries");
        return;
    }
    for (i = 0; i < count; i++) {
        snprintf(check->path + len, PATH_SIZE - len, "/%zu", i);
        check_members(check, json_array_get(list, i), member->members);
        check->path[len] = '\0';
    }
}

static bool
names_fit(const json_t *list)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return false;
    return json_is_array(list);
}

static bool
texts_fit(const json_t *given)
{
    json_t *texts = json_deep_copy(given), *text;
    bool fit = json_is_object(texts);
    const char *name;

    json_object_foreach (texts, name, text)
        fit = fit && json_is_string(text);
    json_decref(texts);
    return fit;
}

/* What happens anyway, where a member says something else that nothing here
 * would do; NULL: it says that. */
static const char *
only_of(const json_t *value, const struct member *member)
{
    if (member->kind == OFF)
        return json_is_false(value) ? NULL : "false";
    if (member->kind == ON)
        return json_is_true(value) ? NULL : "true";
    if (member->kind == STEP)
        return span_fits(value, member) ? NULL : "30 s";
    return is_one_of(value, member->choices) ? NULL : member->choices[0];
}

static void
check_unsupported(struct check *check, const json_t *value,
                  const struct member *member)
{
    const char *only = only_of(value, member);
    char what[100];

    snprintf(what, sizeof(what), "is not supported by this version: only %s",
             only ? only : "");
    if (only && member->kind == STEP)
        complain_span(check, value, member, what);
    else if (only)
        complain(check, MFA_WRONG_VALUE, what);
    if (member->kind == STEP)
        check_names(check, value, span_members);
}

static void
check_span(struct check *check, const json_t *value,
           const struct member *member)
{
    char what[150];

    snprintf(what, sizeof(what),
             "must be {\"duration\", \"timeUnit\"} of %lld to %lld seconds",
             (long long)member->min, (long long)member->max);
    if (!span_fits(value, member))
        complain_span(check, value, member, what);
    check_names(check, value, span_members);
}

static void
check_value(struct check *check, const json_t *value,
            const struct member *member)
{
    switch (member->kind) {
    case FLAG:
        if (!json_is_boolean(value))
            complain(check, MFA_WRONG_VALUE, "must be true or false");
        break;
    case WHOLE:
        if (!in_range(value, member))
            complain_range(check, "a whole number from", member, "");
        break;
    case TEXT:
        if (!text_fits(value, member))
            complain_text(check, value, member);
        break;
    case CHOICE:
        if (!is_one_of(value, member->choices))
            complain_choices(check, member->choices);
        break;
    case SPAN:
        check_span(check, value, member);
        break;
    case OBJECT:
        check_members(check, value, member->members);
        break;
    case LIST:
        check_list(check, value, member);
        break;
    case TEXTS:
        if (!texts_fit(value))
            complain(check, MFA_WRONG_VALUE, "must be an object of strings");
        break;
    case NAMES:
        if (!names_fit(value))
            complain(check, MFA_WRONG_VALUE, "must be a list of strings");
        break;
    case ABSENT:
        complain(check, MFA_WRONG_VALUE, "is not supported by this version");
        break;
    case READ_ONLY:
        break;
    case OFF:
    case ON:
    case ONLY:
    case STEP:
    default:
        check_unsupported(check, value, member);
    }
}

static void
check_member(struct check *check, const json_t *json,
             const struct member *member)
{
    const json_t *value = json_object_get(json, member->name);
    size_t len = strlen(check->path);

    snprintf(check->path + len, PATH_SIZE - len, "/%s", member->name);
    if (value && !json_is_null(value))
        check_value(check, value, member);
    else if (member->required)
        complain(check, MFA_WRONG_MISSING, "is missing");
    check->path[len] = '\0';
}

static void
check_members(struct check *check, const json_t *json,
              const struct member *members)
{
    if (!json_is_object(json)) {
        complain(check, MFA_WRONG_VALUE, "must be an object");
        return;
    }
    check_names(check, json, members);
    for (; members->name; members++)
        check_member(check, json, members);
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
#define OFF_MEMBER(name) { (name), OFF, 0, 0, NULL, NULL, false }
#define ONLY_MEMBER(name, list) { (name), ONLY, 0, 0, (list), NULL, false }
#define STEP_MEMBER(name) { (name), STEP, 30, 30, NULL, NULL, false }
#define ABSENT_MEMBER(name) { (name), ABSENT, 0, 0, NULL, NULL, false }
#define READ_ONLY_MEMBER(name)                                                 \
    { (name), READ_ONLY, 0, 0, NULL, NULL, false }
#define RESOURCE_MEMBERS                                                       \
    READ_ONLY_MEMBER("_links"), READ_ONLY_MEMBER("environment"),               \
    READ_ONLY_MEMBER("createdAt"), READ_ONLY_MEMBER("updatedAt")
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
static const char *const old_selections[] = { "DEFAULT_TO_FIRST",
                                              "PROMPT_TO_SELECT", NULL };
static const char *const native_alone[] = { "NATIVE_APP", NULL };
static const char *const permissive_alone[] = { "permissive", NULL };
static const char *const disabled_alone[] = { "DISABLED", NULL };
static const char *const short_units[] = { "SECONDS", NULL };

static const struct member pairing_members[] = {
    WHOLE_MEMBER("maxAllowedDevices", 1, 15),
    CHOICE_MEMBER("pairingKeyFormat", key_formats), END
};
static const struct member lockout_members[] = {
    { "failureCount", WHOLE, 1, 1000, NULL, NULL, true },
    WHOLE_MEMBER("durationSeconds", 0, 365 * 24 * HOUR), END
};
/* Of old, and kept; the policy's is the one that holds. */
static const struct member old_selection_members[] = {
    CHOICE_MEMBER("deviceSelection", old_selections), END
};
static const struct member extension_members[] = { FLAG_MEMBER("enabled"),
                                                   END };
static const struct member new_user_members[] = { FLAG_MEMBER("mfaEnabled"),
                                                  END };
static const struct member settings_members[] = {
    OBJECT_MEMBER("pairing", pairing_members),
    OBJECT_MEMBER("lockout", lockout_members),
    OBJECT_MEMBER("authentication", old_selection_members),
    OBJECT_MEMBER("phoneExtensions", extension_members),
    OBJECT_MEMBER("users", new_user_members), RESOURCE_MEMBERS, END
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
static const struct member window_members[] = { STEP_MEMBER("stepSize"), END };
static const struct member phone_otp_members[] = {
    OBJECT_MEMBER("failure", phone_failure_members),
    OBJECT_MEMBER("window", window_members), END
};
static const struct member enabled_members[] = { FLAG_MEMBER("enabled"), END };
static const struct member push_members[] = {
    FLAG_MEMBER("enabled"), OBJECT_MEMBER("numberMatching", enabled_members),
    FLAG_MEMBER("refuseSameClient"), END
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
    { "pushTimeout", SPAN, 1, 150, short_units, NULL, false },
    SPAN_MEMBER("pairingKeyLifetime", MINUTE, 48 * HOUR),
    OBJECT_MEMBER("pushLimit", limit_members),
    OBJECT_MEMBER("pairingConfirmation", enabled_members),
    OBJECT_MEMBER("deviceAuthorization", authorization_members),
    OBJECT_MEMBER("autoEnrollment", enabled_members),
    ONLY_MEMBER("integrityDetection", permissive_alone),
    FLAG_MEMBER("pairingDisabled"), ABSENT_MEMBER("type"),
    ABSENT_MEMBER("biometricsEnabled"),
    ABSENT_MEMBER("ipPairingConfiguration"),
    ABSENT_MEMBER("newRequestDurationConfiguration"), END
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
/* A method that is out of scope; the service writes its defaults out. */
static const struct member foreign_members[] = {
    OFF_MEMBER("enabled"), READ_ONLY_MEMBER("pairingDisabled"),
    READ_ONLY_MEMBER("promptForNicknameOnPairing"), READ_ONLY_MEMBER("otp"),
    READ_ONLY_MEMBER("failure"), READ_ONLY_MEMBER("fido2PolicyId"),
    READ_ONLY_MEMBER("pairingKeyLifetime"), END
};
static const struct member browser_members[] = {
    OFF_MEMBER("enabled"), READ_ONLY_MEMBER("lifeTime"), END
};
static const struct member remember_members[] = {
    OBJECT_MEMBER("web", browser_members), END
};
static const struct member notification_members[] = { ABSENT_MEMBER("id"),
                                                      END };
static const struct member policy_members[] = {
    ID_MEMBER, NAME_MEMBER, FLAG_MEMBER("default"),
    OBJECT_MEMBER("authentication", selection_members),
    CHOICE_MEMBER("newDeviceNotification", notices),
    FLAG_MEMBER("ignoreUserLock"),
    { "blockDisabledUsers", ON, 0, 0, NULL, NULL, false },
    FLAG_MEMBER("blockUsersWithDisabledMfa"),
    OBJECT_MEMBER("sms", sent_members),
    OBJECT_MEMBER("voice", sent_members),
    OBJECT_MEMBER("email", sent_members),
    OBJECT_MEMBER("mobile", phone_members),
    OBJECT_MEMBER("totp", totp_members),
    OBJECT_MEMBER("whatsApp", foreign_members),
    OBJECT_MEMBER("fido2", foreign_members),
    OBJECT_MEMBER("oathToken", foreign_members),
    OBJECT_MEMBER("desktop", foreign_members),
    OBJECT_MEMBER("yubikey", foreign_members),
    OBJECT_MEMBER("pingIdDesktopGen2", foreign_members),
    OBJECT_MEMBER("rememberMe", remember_members),
    OBJECT_MEMBER("notificationsPolicy", notification_members),
    RESOURCE_MEMBERS,
    READ_ONLY_MEMBER("forSignOnPolicy"),
    READ_ONLY_MEMBER("bypassBlockedWhenMfaDisabled"), END
};

/* --- Applications --- */

static const struct member matching_members[] = {
    CHOICE_MEMBER("type", matchings), END
};
static const struct member app_push_members[] = {
    OBJECT_MEMBER("numberMatching", matching_members), END
};
static const struct member integrity_members[] = {
    ONLY_MEMBER("mode", disabled_alone), READ_ONLY_MEMBER("excludedPlatforms"),
    READ_ONLY_MEMBER("cacheDuration"), READ_ONLY_MEMBER("googlePlay"), END
};
static const struct member app_mobile_members[] = {
    { "bundleId", TEXT, 1, 155, NULL, NULL, false },
    { "packageName", TEXT, 1, 255, NULL, NULL, false },
    READ_ONLY_MEMBER("huaweiAppId"), READ_ONLY_MEMBER("huaweiPackageName"),
    { "uriPrefix", TEXT, 1, 256, NULL, NULL, false },
    STEP_MEMBER("passcodeRefreshDuration"),
    OBJECT_MEMBER("integrityDetection", integrity_members),
    WHOLE_MEMBER("passcodeGracePeriod", 1, 10),
    OBJECT_MEMBER("push", app_push_members),
    { "authenticationMethods", NAMES, 0, 0, NULL, NULL, false }, END
};
static const struct member application_members[] = {
    ID_MEMBER, NAME_MEMBER, ONLY_MEMBER("type", native_alone),
    OBJECT_MEMBER("mobile", app_mobile_members), RESOURCE_MEMBERS, END
};

static const struct member config_members[] = {
    OBJECT_MEMBER("settings", settings_members),
    { "policies", LIST, 1, LIST_MAX, NULL, policy_members, false },
    { "applications", LIST, 0, MFA_APPLICATIONS_MAX, NULL,
      application_members, false },
    READ_ONLY_MEMBER("v"), END
};

/* --- What holds between members --- */

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

/* The entry of a list that has the same text in this member, in the object
 * "within" of the entry or (NULL) in itself; NULL: none. */
static const json_t *
entry_with(const json_t *list, size_t count, const char *within,
           const char *name, const char *text)
{
    const json_t *entry;
    const char *other;
    size_t i;

    for (i = 0; text && i < count; i++) {
        entry = json_array_get(list, i);
        other = text_of(within ? json_object_get(entry, within) : entry, name);
        if (other && strcmp(other, text) == 0)
            return entry;
    }
    return NULL;
}

static void
complain_at(struct check *check, struct mfa_problem problem,
            const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
complain_at(struct check *check, struct mfa_problem problem,
            const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(check->path, PATH_SIZE, format, args);
    va_end(args);
    complain_of(check, problem);
}

#define VALUE(words)                                                           \
    (struct mfa_problem) { .wrong = MFA_WRONG_VALUE, .what = (words) }

/* No two entries of a list have the same text there. */
static void
check_unique(struct check *check, const json_t *config, const char *part,
             const char *within, const char *name)
{
    const json_t *list = json_object_get(config, part), *entry, *other;
    struct mfa_problem problem = { .wrong = MFA_WRONG_TAKEN,
                                   .what = "is taken by an entry before" };
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        if (within)
            entry = json_object_get(entry, within);
        other = entry_with(list, i, within, name, text_of(entry, name));
        problem.existing = text_of(other, "id");
        if (other)
            complain_at(check, problem, "/%s/%zu%s%s/%s", part, i,
                        within ? "/" : "", within ? within : "", name);
    }
}

/* Where there are none, one is made. */
static void
check_default(struct check *check, const json_t *config)
{
    const json_t *list = json_object_get(config, "policies");
    size_t i, count = 0;

    for (i = 0; i < json_array_size(list); i++)
        count += json_is_true(
            json_object_get(json_array_get(list, i), "default"));
    if (json_array_size(list) > 0 && count != 1)
        complain_at(check,
                    (struct mfa_problem){
                        .wrong = MFA_WRONG_WHOLE,
                        .what = "exactly one must have \"default\": true" },
                    "/policies");
}

/* What stores know an app by stands in headers of push services. */
static void
check_store_names(struct check *check, const json_t *config, const char *member)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const json_t *list = json_object_get(config, "applications");
    const char *name;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        name = text_of(json_object_get(json_array_get(list, i), "mobile"),
                       member);
        if (name && name[strspn(name, letters)])
            complain_at(check,
                        VALUE("must be of letters, digits, \".\", \"_\", "
                              "\"-\""),
                        "/applications/%zu/mobile/%s", i, member);
    }
    check_unique(check, config, "applications", "mobile", member);
}

/* Clients split what they show of an application at dots. */
static void
check_dots(struct check *check, const json_t *config)
{
    const json_t *list = json_object_get(config, "applications");
    const char *name;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        name = text_of(json_array_get(list, i), "name");
        if (name && strchr(name, '.'))
            complain_at(check, VALUE("must not contain a dot"),
                        "/applications/%zu/name", i);
    }
}

/* Each application that a policy allows is there, by id or by name; and a
 * phone that does not answer proves nothing (M10). */
static void
check_allowed(struct check *check, const json_t *config, size_t policy,
              bool weak)
{
    const json_t *all = json_object_get(config, "applications");
    const json_t *list = json_object_get(
        json_object_get(
            json_array_get(json_object_get(config, "policies"), policy),
            "mobile"),
        "applications");
    size_t i, count = json_array_size(all);
    const char *id, *strength;
    const json_t *entry;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        id = text_of(entry, "id");
        if (!entry_with(all, count, NULL, id ? "id" : "name",
                        id ? id : text_of(entry, "name")))
            complain_at(check, VALUE("is that of no application"),
                        "/policies/%zu/mobile/applications/%zu/%s", policy, i,
                        id ? "id" : "name");
        if (entry_with(list, i, NULL, "id", id))
            complain_at(check, VALUE("is that of an entry before"),
                        "/policies/%zu/mobile/applications/%zu/id", policy, i);
        strength = text_of(json_object_get(entry, "deviceAuthorization"),
                           "extraVerification");
        if (!weak && strength && strcmp(strength, "permissive") == 0)
            complain_at(check, VALUE("\"permissive\" needs ping_defaults"),
                        "/policies/%zu/mobile/applications/%zu/"
                        "deviceAuthorization/extraVerification",
                        policy, i);
    }
}

static void
check_between(struct check *check, const json_t *config, bool weak)
{
    size_t i, count = json_array_size(json_object_get(config, "policies"));

    for (i = 0; i < count; i++)
        check_allowed(check, config, i, weak);
    check_default(check, config);
    check_unique(check, config, "policies", NULL, "name");
    check_unique(check, config, "policies", NULL, "id");
    check_unique(check, config, "applications", NULL, "name");
    check_unique(check, config, "applications", NULL, "id");
    check_store_names(check, config, "bundleId");
    check_store_names(check, config, "packageName");
    check_dots(check, config);
}

bool
mfa_config_check(const json_t *given, const json_t *whole, bool weak,
                 mfa_config_told *told, void *context)
{
    struct check check = { .told = told, .context = context };
    const struct member *member;
    size_t known = 0;

    for (member = config_members; member->name; member++)
        known += member->kind != READ_ONLY &&
                 json_object_get(given, member->name) != NULL;
    if (known == 0)
        complain(&check, MFA_WRONG_WHOLE,
                 "must have settings, policies or applications");
    check_members(&check, given, config_members);
    check_between(&check, whole, weak);
    return check.found == 0;
}
