/* SPDX-License-Identifier: MIT */
/* host/log.h - one line an event on stderr: JSON, or text on a terminal.
 *
 * Never a code, a secret, a URL or a full address: route names, ids and
 * masked values only. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "factor/base.h"
#include "factor/host.h" /* FACTOR_LOG_... */

/* Least level that is written (FACTOR_LOG_DEBUG: all); default INFO. */
void log_set_level(int level);

/* part: which part of the host, or a plugin's name.  Any thread. */
void log_event(const char *part, int level, const char *format, ...)
    FACTOR_PRINTF(3, 4);

/* The same with one JSON object of fields (borrowed; may be NULL). */
void log_fields(const char *part, int level, const struct json_t *fields,
                const char *format, ...) FACTOR_PRINTF(4, 5);

#endif
