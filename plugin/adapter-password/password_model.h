/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_model.h - the names on the wire, and the
 * tables that declare them. */
#ifndef PASSWORD_MODEL_H
#define PASSWORD_MODEL_H

#include "factor/model.h"
#include "factor/settings.h"

/* pluginTypeId of the HTML form adapter.  Source: Authentication API. */
#define PASSWORD_PLUGIN_TYPE_ID "7RmQNDWaOnBoudTufx2sEw"

#define PASSWORD_STATE "USERNAME_PASSWORD_REQUIRED"

#define PASSWORD_ACTION_CHECK "checkUsernamePassword"
#define PASSWORD_ACTION_CANCEL "cancelAuthentication"

/* For operators. */
#define PASSWORD_ACTION_IMPORT "importUser"
#define PASSWORD_ACTION_UNLOCK "unlock"
/* For the host. */
#define PASSWORD_ACTION_MEASURE "measure"

#define PASSWORD_CODE_FAILED "CREDENTIAL_VALIDATION_FAILED"
#define PASSWORD_CODE_NO_USER "USER_NOT_FOUND"
#define PASSWORD_CODE_BAD_IMPORT "INVALID_PASSWORD_IMPORT"

/* What an instance declares.  The answer of one action is held back for as
 * long as the instance's settings say, so the tables are its own. */
struct password_tables {
    struct factor_action check;
    const struct factor_action *actions[6];
    struct factor_description description;
};

void password_tables_fill(struct password_tables *tables,
                          int64_t answer_after_ms);

extern const struct factor_setting *const password_setting_table[];

#endif
