/* SPDX-License-Identifier: MIT */
/* host/plugin/fields.h - a request's JSON object against declared fields. */
#ifndef HOST_PLUGIN_FIELDS_H
#define HOST_PLUGIN_FIELDS_H

#include <jansson.h>

#include "factor/model.h"

/* One problem: a detail code of the Authentication API, and the field. */
typedef void fields_problem(void *context, const char *code,
                            const char *target);

/* The members that are declared, booleans written as strings made booleans;
 * others are left out.  Every problem is told.  A new reference; NULL
 * without memory.  fields may be NULL: the action has no model. */
json_t *fields_check(const struct factor_field *const *fields,
                     const json_t *given, fields_problem *problem,
                     void *context);

#endif
