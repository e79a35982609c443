/* SPDX-License-Identifier: MIT */
/* host/error.h - filling a struct factor_error. */
#ifndef HOST_ERROR_H
#define HOST_ERROR_H

#include "factor/base.h"

/* Set code and text (one line, no secrets; cut to fit) and return code.
 * err may be NULL.  Any thread. */
factor_status error_set(struct factor_error *err, factor_status code,
                        const char *format, ...) FACTOR_PRINTF(3, 4);

#endif
