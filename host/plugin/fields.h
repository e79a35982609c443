/* SPDX-License-Identifier: MIT */
/* host/plugin/fields.h - a request's JSON object against declared fields. */
#ifndef HOST_PLUGIN_FIELDS_H
#define HOST_PLUGIN_FIELDS_H

#include <jansson.h>

#include "factor/model.h"

enum fields_wrong {
    FIELDS_MISSING,
    FIELDS_EMPTY,  /* required, and there is nothing in it */
    FIELDS_TYPE,   /* of another type */
    FIELDS_FORMAT, /* not of this format, or a text that holds a NUL */
    FIELDS_VALUE,  /* none of those that are allowed */
    FIELDS_RANGE,
    FIELDS_LENGTH  /* longer, or more, than is taken */
};

/* One problem.  Lives as long as the call that tells it. */
struct fields_fault {
    enum fields_wrong what;
    const struct factor_field *field;
    const char *path; /* "sms.otp.failure.count", "applications[0].id" */
};
typedef void fields_problem(void *context, const struct fields_fault *fault);

/* The members that are declared, as they are declared: booleans and integers
 * written as strings made such; others are left out.  Every problem is told.  A
 * new reference; NULL without memory.  fields may be NULL: the action has no
 * model. */
json_t *fields_check(const struct factor_field *const *fields,
                     const json_t *given, fields_problem *problem,
                     void *context);

#endif
