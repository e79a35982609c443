/* SPDX-License-Identifier: MIT */
/* factor/http.h - calls to gateways and push services, made by the host.
 *
 * There is one client for all plugins that may do I/O (delivery, source), so
 * that one place decides what a call may reach: it checks the address that it
 * connects to, follows no redirect, takes no proxy from the environment,
 * verifies certificates, and stops reading an answer at a limit.  Connections
 * are kept for the next call.
 */
#ifndef FACTOR_HTTP_H
#define FACTOR_HTTP_H

#include "factor/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* The URL came from outside (an endpoint that a phone named): https, and
     * public addresses only, unless the operator allows its host
     * ("outgoing.allowed_hosts"). */
    FACTOR_HTTP_PUBLIC = 1 << 0,
    /* HTTP/2 or nothing; with a http: URL by prior knowledge. */
    FACTOR_HTTP_2 = 1 << 1
};

#define FACTOR_HTTP_ANSWER_MAX 65536u /* bytes of an answer that are read */

/* One call.  Borrowed. */
struct factor_http_request {
    uint32_t struct_size;
    uint32_t flags;             /* FACTOR_HTTP_... */
    const char *method;         /* "POST" */
    const char *url;            /* http: or https:, without user and fragment */
    const char *const *headers; /* "Name: value" each, NULL-ended; or NULL */
    const void *body;           /* or NULL: it has none */
    size_t body_len;
    int64_t timeout_ms;         /* for all of it */
};

/* What came back.  Zeroed by the caller, filled by the host; released by
 * host->http_release(). */
struct factor_http_answer {
    uint32_t struct_size;
    uint32_t status;       /* 100 to 599 */
    const char *body;      /* never NULL, with a NUL behind it */
    size_t body_len;
    int64_t retry_after_ms; /* Retry-After: how long from now; 0: none */
    void *held;            /* the host's own */
};

#ifdef __cplusplus
}
#endif

#endif
