/* SPDX-License-Identifier: MIT */
/* host/rest/error.h - the error envelope of REST resources: {id, code,
 * message, details} (MFA service API, A.7). */
#ifndef HOST_REST_ERROR_H
#define HOST_REST_ERROR_H

#include <jansson.h>

#include "factor/step.h"
#include "host/plugin/adapter.h"
#include "host/plugin/fields.h"

/* An envelope without details; id: the call's; message NULL: what the code
 * says by itself.  A new reference, or NULL without memory. */
json_t *rest_error(const char *id, const char *code, const char *message);

/* One detail more; target may be NULL; inner is stolen, NULL: none.  NULL is
 * allowed for the envelope. */
void rest_error_add(json_t *error, const char *code, const char *target,
                    const char *message, json_t *inner);

/* The code that goes with a status. */
const char *rest_error_code(unsigned status);

/* Fields that do not fit, as fields_check() tells them: error is an envelope
 * that is made at the first of them. */
struct rest_faults {
    const char *id;
    json_t *error; /* NULL: none so far */
};
void rest_error_field(void *context, const struct fields_fault *fault);
/* The same of a query string: INVALID_PARAMETER (A.8). */
void rest_error_parameter(void *context, const struct fields_fault *fault);

/* What an adapter refuses: the code is the parent of the first detail.  A new
 * reference. */
json_t *rest_error_details(const char *id, const struct adapter *adapter,
                           const struct factor_detail *const *details);

/* Seconds until the first detail that names an instant may work; 0: none
 * does. */
int64_t rest_error_wait_s(const struct factor_detail *const *details,
                          int64_t now_ms);

#endif
