/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_model.c - states, actions, codes, texts
 * and settings, as data.
 *
 * Source: Authentication API, HTML form adapter. */
#include "plugin/adapter-password/password_model.h"

#include "factor/declare.h"
#include "plugin/adapter-password/password_hash.h"

enum { USERNAME_MAX = 256 };

/* The boxes are accepted and mean nothing here; the page may send them. */
static const struct factor_field *const check_fields[] = {
    FACTOR_FIELD(.name = "username", .type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_REQUIRED, .max_len = USERNAME_MAX),
    FACTOR_FIELD(.name = "password", .type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE,
                 .max_len = PASSWORD_MAX),
    FACTOR_FIELD(.name = "rememberMyUsername", .type = FACTOR_FIELD_BOOLEAN),
    FACTOR_FIELD(.name = "thisIsMyDevice", .type = FACTOR_FIELD_BOOLEAN),
    FACTOR_FIELD(.name = "captchaResponse", .type = FACTOR_FIELD_STRING,
                 .max_len = 4096),
    NULL,
};

static const struct factor_field *const import_fields[] = {
    FACTOR_FIELD(.name = "password", .type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_SENSITIVE, .max_len = PASSWORD_MAX),
    FACTOR_FIELD(.name = "passwordHash", .type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_SENSITIVE,
                 .max_len = PASSWORD_HASH_SIZE - 1),
    NULL,
};

static const struct factor_field *const measure_fields[] = {
    FACTOR_FIELD(.name = "round", .type = FACTOR_FIELD_INTEGER),
    NULL,
};

/* --- Actions and the state --- */

static const struct factor_action check_action = {
    .struct_size = sizeof(check_action),
    .flags = FACTOR_ACTION_SLOW,
    .name = PASSWORD_ACTION_CHECK,
    .fields = check_fields,
    .errors = FACTOR_NAMES(PASSWORD_CODE_FAILED),
};
static const struct factor_action cancel_action = {
    .struct_size = sizeof(cancel_action),
    .name = PASSWORD_ACTION_CANCEL,
};
static const struct factor_action import_action = {
    .struct_size = sizeof(import_action),
    .flags = FACTOR_ACTION_OPERATOR | FACTOR_ACTION_SLOW,
    .name = PASSWORD_ACTION_IMPORT,
    .fields = import_fields,
    .errors = FACTOR_NAMES(PASSWORD_CODE_NO_USER, PASSWORD_CODE_BAD_IMPORT),
};
static const struct factor_action unlock_action = {
    .struct_size = sizeof(unlock_action),
    .flags = FACTOR_ACTION_OPERATOR,
    .name = PASSWORD_ACTION_UNLOCK,
    .errors = FACTOR_NAMES(PASSWORD_CODE_NO_USER),
};

static const struct factor_action measure_action = {
    .struct_size = sizeof(measure_action),
    .flags = FACTOR_ACTION_OPERATOR | FACTOR_ACTION_SLOW |
             FACTOR_ACTION_MEASURE,
    .name = PASSWORD_ACTION_MEASURE,
    .fields = measure_fields,
};

static const struct factor_state password_state = {
    .struct_size = sizeof(password_state),
    .name = PASSWORD_STATE,
    .text = "Enter username and password.",
    .actions = FACTOR_NAMES(PASSWORD_ACTION_CHECK, PASSWORD_ACTION_CANCEL),
    .members =
        FACTOR_NAMES("username", "allowUsernameEdits", "showRememberMyUsername",
                     "rememberMyUsernameSelected", "showThisIsMyDevice",
                     "thisIsMyDeviceSelected", "showCaptcha"),
};
static const struct factor_state *const states[] = { &password_state, NULL };

/* --- Codes and texts --- */

static const struct factor_code *const codes[] = {
    FACTOR_CODE(PASSWORD_CODE_FAILED, "VALIDATION_ERROR",
                "The credentials that were provided are not valid.",
                "authn.api.invalid.credentials"),
    FACTOR_CODE(PASSWORD_CODE_NO_USER, "REQUEST_FAILED",
                "There is no such user.", "password.operator.no.user"),
    FACTOR_CODE(PASSWORD_CODE_BAD_IMPORT, "VALIDATION_ERROR",
                "Give either a password or its hash by yescrypt, scrypt, "
                "bcrypt, sha512crypt, sha256crypt or md5crypt.",
                "password.operator.bad.import"),
    NULL,
};

#define TEXTS(name, english, german)                                           \
    FACTOR_TEXT(name, "en", english), FACTOR_TEXT(name, "de", german)

static const struct factor_text *const texts[] = {
    TEXTS("authn.api.invalid.credentials",
          "We didn't recognize the username or password you entered. Please "
          "try again.",
          "Benutzername oder Passwort stimmen nicht. Bitte versuchen Sie es "
          "noch einmal."),
    TEXTS("password.operator.no.user", "There is no such user.",
          "Diesen Benutzer gibt es nicht."),
    TEXTS("password.operator.bad.import",
          "Neither a password nor a hash that can be kept.",
          "Weder ein Passwort noch ein Hash, der aufbewahrt werden kann."),
    NULL,
};

void
password_tables_fill(struct password_tables *tables, int64_t answer_after_ms)
{
    tables->check = check_action;
    tables->check.answer_after_ms = answer_after_ms;
    tables->actions[0] = &tables->check;
    tables->actions[1] = &cancel_action;
    tables->actions[2] = &import_action;
    tables->actions[3] = &unlock_action;
    tables->actions[4] = &measure_action;
    tables->actions[5] = NULL;
    tables->description = (struct factor_description){
        .struct_size = sizeof(tables->description),
        .flags = FACTOR_ADAPTER_FIRST,
        .plugin_type_id = PASSWORD_PLUGIN_TYPE_ID,
        .states = states,
        .actions = tables->actions,
        .codes = codes,
        .texts = texts,
    };
}

/* --- Settings --- */

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

const struct factor_setting *const password_setting_table[] = {
    FACTOR_SETTING(.name = "answer_after", .type = FACTOR_SETTING_DURATION,
                   .value = "\"80ms\"", .min = 0, .max = 10000,
                   .text = "Every password check is answered so long after it "
                           "came, so that the time tells nothing; more than "
                           "the slowest stored hash takes."),
    FACTOR_SETTING(.name = "yescrypt_cost", .type = FACTOR_SETTING_INTEGER,
                   .value = "5", .min = 1, .max = 11,
                   .text = "Cost of new hashes, as in crypt(5); each step "
                           "doubles the work."),
    FACTOR_SETTING(.name = "wait_after", .type = FACTOR_SETTING_INTEGER,
                   .value = "5", .min = 1, .max = 100,
                   .text = "The consecutive failure of an account and source "
                           "from which on it must wait."),
    FACTOR_SETTING(.name = "wait_first", .type = FACTOR_SETTING_DURATION,
                   .value = "\"1s\"", .min = 1, .max = DAY_MS,
                   .text = "How long the first wait lasts; each further one "
                           "lasts twice as long."),
    FACTOR_SETTING(.name = "wait_max", .type = FACTOR_SETTING_DURATION,
                   .value = "\"15min\"", .min = 1, .max = DAY_MS,
                   .text = "How long a wait lasts at most."),
    FACTOR_SETTING(.name = "forget_after", .type = FACTOR_SETTING_DURATION,
                   .value = "\"24h\"", .min = 60000, .max = 365 * DAY_MS,
                   .text = "Failures of a source are forgotten so long after "
                           "the last one."),
    NULL,
};
