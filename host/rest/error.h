/* SPDX-License-Identifier: MIT */
/* host/rest/error.h - the error envelope of REST resources: {id, code,
 * message, details} (MFA service API, A.7). */
#ifndef HOST_REST_ERROR_H
#define HOST_REST_ERROR_H

#include <jansson.h>

#include "factor/step.h"
#include "host/plugin/adapter.h"

/* An envelope without details; message NULL: what the code says by itself.  A
 * new reference, or NULL without memory. */
json_t *rest_error(const char *code, const char *message);

/* The code that goes with a status. */
const char *rest_error_code(unsigned status);

/* A field that does not fit, as fields_check() tells it: added to *context,
 * an envelope that is made at the first of them (json_t *, NULL at first). */
void rest_error_field(void *context, const char *code, const char *target);

/* What an adapter refuses: the code is the parent of the first detail.  A new
 * reference. */
json_t *rest_error_details(const struct adapter *adapter,
                           const struct factor_detail *const *details);

/* Seconds until the first detail that names an instant may work; 0: none
 * does. */
int64_t rest_error_wait_s(const struct factor_detail *const *details,
                          int64_t now_ms);

#endif
