/* SPDX-License-Identifier: MIT */
/* host/outgoing/outgoing.h - calls that the host makes for its plugins (H4):
 * the rules are in factor/http.h, and all of them are kept here. */
#ifndef HOST_OUTGOING_OUTGOING_H
#define HOST_OUTGOING_OUTGOING_H

#include <jansson.h>

#include "factor/http.h"

/* allowed_hosts: array of "HOST" and "HOST:PORT" that a URL from outside may
 * name though its address is not public; ca_file: certificates that servers
 * are verified by, or NULL for the system's.  Both are borrowed until
 * outgoing_end().  Alone, before any call. */
void outgoing_begin(const json_t *allowed_hosts, const char *ca_file);

/* Close what is kept open for later calls.  Alone. */
void outgoing_end(void);

/* The members http and http_release of struct factor_host. */
factor_status outgoing_http(const struct factor_http_request *request,
                            struct factor_http_answer *ret_answer,
                            struct factor_error *err);
void outgoing_release(struct factor_http_answer *answer);

#endif
