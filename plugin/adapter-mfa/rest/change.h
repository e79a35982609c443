/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/change.h - what the rooms share that show and change
 * the configuration: settings, policies, applications. */
#ifndef MFA_REST_CHANGE_H
#define MFA_REST_CHANGE_H

#include "plugin/adapter-mfa/rest/rest.h"

/* What of an object is declared, each value being of its type: a new
 * reference.  NULL: no memory, or it is no object. */
json_t *mfa_rest_declared(const struct factor_field *const *fields,
                          const json_t *object);

/* The entry of this id in a list that is in force ("policies"), and its place;
 * or NULL. */
const json_t *mfa_rest_entry(const struct mfa_rest *call, const char *part,
                             const char *id, size_t *ret_place);

/* Another entry than that of this id (NULL: any) that has this text in the
 * member, of itself or (not NULL) of its object "within"; or NULL. */
const json_t *mfa_rest_other(const struct mfa_rest *call, const char *part,
                             const char *id, const char *within,
                             const char *member, const char *text);

/* 400 UNIQUENESS_VIOLATION, with the id of who has it. */
factor_status mfa_rest_taken(struct mfa_rest *call, const char *target,
                             const json_t *other);

enum { MFA_REST_WHOLE = -1 };

/* Put a part in force, which is stolen (NULL: FACTOR_E_NOMEM).  place: of the
 * entry that the caller gave, if it is a list, else MFA_REST_WHOLE.  What is
 * wrong with that becomes the refusal, with *ret_done false; else call->s has
 * what is in force afterwards. */
factor_status mfa_rest_change(struct mfa_rest *call, const char *part,
                              json_t *value, int place, bool *ret_done);
/* Back to what the configuration file says. */
factor_status mfa_rest_reset(struct mfa_rest *call, const char *part);

/* Now, and at a member that was there before: "createdAt", "updatedAt".
 * False: no memory. */
bool mfa_rest_stamp(const struct mfa_rest *call, json_t *entry,
                    const json_t *before);

#endif
