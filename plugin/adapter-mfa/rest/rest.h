/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/rest.h - the MFA service REST API: what its rooms
 * share.
 *
 *     users.c         MFA on or off, bypass; what this environment is
 *     devices.c       a user's devices (device_view.c: as they are shown)
 *     pairing_keys.c  what a phone pairs with
 *     auths.c         device authentications
 *     settings.c      MFA settings
 *     policies.c      device authentication policies
 *     applications.c  mobile applications
 *     push_keys.c     their push credentials
 *     (change.c       what these share: the configuration changed)
 *
 * Each room is a table of operations.  They stand on the same core and the
 * same records as flows do: mfa_auth.c, mfa_record.c, mfa_config.c.
 *
 * Source: MFA service API, B and R3; the rows are named at each table.
 */
#ifndef MFA_REST_H
#define MFA_REST_H

#include "factor/declare.h"
#include "factor/instant.h"
#include "plugin/adapter-mfa/mfa_step.h"

/* One call.  s has what mfa_step_load() gives to flows, but for the flow. */
struct mfa_rest {
    struct mfa_step s;
    struct factor_outcome *out;
};

typedef factor_status mfa_rest_handler(struct mfa_rest *call);
typedef factor_status mfa_rest_planner(const struct factor_adapter *self,
                                       const struct factor_step *in,
                                       struct factor_reads *reads);

/* One operation. */
struct mfa_operation {
    struct factor_resource resource;
    mfa_rest_planner *plan; /* behind the configuration; NULL: nothing more */
    mfa_rest_handler *run;  /* the user that was planned is there */
};

/* Rooms: ended by a resource without name. */
extern const struct mfa_operation mfa_rest_users[];
extern const struct mfa_operation mfa_rest_devices[];
extern const struct mfa_operation mfa_rest_pairing_keys[];
extern const struct mfa_operation mfa_rest_auths[];
extern const struct mfa_operation mfa_rest_settings[];
extern const struct mfa_operation mfa_rest_policies[];
extern const struct mfa_operation mfa_rest_applications[];
extern const struct mfa_operation mfa_rest_push_keys[];

/* --- Reads: MFA_READ_CONFIG ... (mfa_step.h), then the room's own. --- */

/* The user that the path names, with account and devices: without such a user
 * the call is answered 404. */
mfa_rest_planner mfa_rest_plan_user;

/* A record that the path names by this variable, as the read MFA_READS; the
 * user's are planned before it. */
factor_status mfa_rest_plan_record(const struct factor_adapter *self,
                                   const struct factor_step *in,
                                   struct factor_reads *reads,
                                   const char *collection,
                                   const char *variable);

/* --- Answers --- */

/* body is stolen; NULL: FACTOR_E_NOMEM. */
factor_status mfa_rest_answer(struct mfa_rest *call, json_t *body);
/* 204, and 404. */
factor_status mfa_rest_done(struct mfa_rest *call);
factor_status mfa_rest_not_found(struct mfa_rest *call);

/* 400 with one detail; target or NULL; inner (innerError) is stolen, or NULL.
 * What was put is written. */
factor_status mfa_rest_refuse(struct mfa_rest *call, const char *code,
                              const char *target, json_t *inner);
/* The same, in words (constant, or of the arena) instead of the code's. */
factor_status mfa_rest_refuse_saying(struct mfa_rest *call, const char *code,
                                     const char *target, const char *message,
                                     json_t *inner);
/* 403: a user who has not proven a second factor may not do this alone. */
factor_status mfa_rest_forbid(struct mfa_rest *call);

/* Details of REST calls, beside those of mfa_model.h (MFA service API, A.8). */
#define MFA_REST_INVALID_VALUE "INVALID_VALUE"
#define MFA_REST_OUT_OF_RANGE "OUT_OF_RANGE"
#define MFA_REST_REQUIRED "REQUIRED_VALUE"
#define MFA_REST_TOO_LONG "SIZE_LIMIT_EXCEEDED"
#define MFA_REST_EMPTY "EMPTY_VALUE"
#define MFA_REST_LIMIT "LIMIT_EXCEEDED"
#define MFA_REST_UNIQUENESS "UNIQUENESS_VIOLATION"
#define MFA_REST_CONSTRAINT "CONSTRAINT_VIOLATION"
#define MFA_REST_QUOTA "QUOTA_EXCEEDED"
#define MFA_REST_NO_DEVICES "NO_USABLE_DEVICES"
#define MFA_REST_ACCOUNT "ACCOUNT_NOT_USABLE"
#define MFA_REST_STATE "INVALID_REQUEST"
#define MFA_REST_FORBIDDEN "INSUFFICIENT_PERMISSIONS"

/* --- Who calls --- */

/* A user for himself, not a worker. */
bool mfa_rest_by_user(const struct mfa_rest *call);
/* A worker, or a user whose sign-on proved a second factor. */
bool mfa_rest_trusted(const struct mfa_rest *call);

/* Roles (A.3). */
extern const char *const mfa_rest_identity_admins[]; /* to change */
extern const char *const mfa_rest_identity_readers[];
extern const char *const mfa_rest_help_desk[]; /* to unlock and unblock */
extern const char *const mfa_rest_environment_admins[];
extern const char *const mfa_rest_environment_readers[];
extern const char *const mfa_rest_application_admins[];
extern const char *const mfa_rest_application_readers[];

/* --- Bodies --- */

/* An instant as a JSON text; NULL: no memory. */
json_t *mfa_rest_instant(int64_t at_ms);

#define MFA_ENVIRONMENT "/v1/environments/{env}"
#define MFA_USER MFA_ENVIRONMENT "/users/{user}"

#define MFA_FIELD(kind, member, ...)                                           \
    FACTOR_FIELD(.type = FACTOR_FIELD_##kind, .name = (member), __VA_ARGS__)
#define MFA_REQUIRED(kind, member, ...)                                        \
    MFA_FIELD(kind, member, .flags = FACTOR_FIELD_REQUIRED, __VA_ARGS__)
#define MFA_MEMBERS(member, ...)                                               \
    MFA_FIELD(OBJECT, member, .fields = FACTOR_FIELDS(__VA_ARGS__))
#define MFA_ID(member)                                                         \
    MFA_FIELD(STRING, member, .format = "uuid", .max_len = 36)
#define MFA_REQUIRED_ID(member)                                                \
    MFA_FIELD(STRING, member, .format = "uuid", .max_len = 36,                 \
              .flags = FACTOR_FIELD_REQUIRED)
/* What answers alone have. */
#define MFA_SHOWN_ID                                                           \
    MFA_FIELD(STRING, "id", .format = "uuid", .max_len = 36,                   \
              .flags = FACTOR_FIELD_READ_ONLY)
#define MFA_SHOWN_TIME(member)                                                 \
    MFA_FIELD(STRING, member, .format = "date-time",                           \
              .flags = FACTOR_FIELD_READ_ONLY)
/* {"id": UUID} */
#define MFA_REFERENCE(member) MFA_MEMBERS(member, MFA_REQUIRED_ID("id"))

#endif
