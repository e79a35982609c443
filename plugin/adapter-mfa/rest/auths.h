/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/auths.h - what the files of device authentications
 * share. */
#ifndef MFA_REST_AUTHS_H
#define MFA_REST_AUTHS_H

#include "plugin/adapter-mfa/mfa_auth.h"
#include "plugin/adapter-mfa/rest/rest.h"

/* The one that a call has begun or loaded, as the answer (MFA service API,
 * B.1.3); created: it is new. */
factor_status mfa_rest_answer_auth(struct mfa_rest *call);
extern const struct factor_field *const mfa_rest_auth_answer[];

/* What there is to be seen of it: what the core sees (outputs as
 * mfa_auth_seen()), unless the user or the devices are no more what it needs.
 * *ret_failure is then of the REST API: MFA_REST_ACCOUNT,
 * MFA_REST_NO_DEVICES. */
enum mfa_seen mfa_rest_seen(struct mfa_rest *call, const char **ret_failure,
                            int64_t *ret_changes_at_ms);

/* May the user be authenticated at all? */
bool mfa_rest_may_begin(const struct mfa_rest *call);

/* {"unavailableDevices": [{"id"}]}: those that are there, and cannot be used;
 * NULL: no memory. */
json_t *mfa_rest_unavailable(const struct mfa_rest *call);

/* Is it one that a client may choose, usable or not? */
bool mfa_rest_is_listed(const struct mfa_rest *call,
                        const struct mfa_device *device);

/* The device that is only this authentication's, among the step's devices; by
 * what the authentication says of it.  NULL: there is none. */
struct mfa_device *mfa_rest_one_time(struct mfa_rest *call);

/* Refusals that several operations share: the account or the device rests. */
factor_status mfa_rest_refuse_account(struct mfa_rest *call);
factor_status mfa_rest_refuse_resting(struct mfa_rest *call, const char *code,
                                      const char *target,
                                      const struct mfa_device *device,
                                      int64_t until_ms);

factor_status mfa_rest_refuse_unusable(struct mfa_rest *call,
                                       const struct mfa_device *device,
                                       const char *target);

/* Ask this device now, unless something forbids it, and answer.  target: what
 * named it. */
factor_status mfa_rest_ask(struct mfa_rest *call, struct mfa_device *device,
                           const char *target);

/* Initiate (auth_begin.c). */
mfa_rest_planner mfa_rest_plan_begin;
mfa_rest_handler mfa_rest_begin_auth;
extern const struct factor_field *const mfa_rest_begin_body[];

#endif
