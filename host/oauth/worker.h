/* SPDX-License-Identifier: MIT */
/* host/oauth/worker.h - who calls a REST resource: a worker, by the roles
 * that the configuration gives it. */
#ifndef HOST_OAUTH_WORKER_H
#define HOST_OAUTH_WORKER_H

#include "host/oauth/bearer.h"

/* Whether the request bears a token that a worker got for itself
 * (client_credentials), and has one of the roles (ended by NULL; NULL: any
 * role will do) in the token and, still, in the configuration.  NULL: it may
 * go on; else the refusal, 400, 401 or 403 (RFC 6750 3.1).  Pure, any
 * thread. */
struct http_reply *worker_check(const struct host *host,
                                struct http_request *request,
                                const char *const *roles);

/* The same, telling who it is and what the token says, with the arena's
 * life.  False: ret_bearer says why; answer bearer_reply(), or a body of your
 * own with bearer_challenge(). */
bool worker_read(const struct host *host, struct http_request *request,
                 struct factor_arena *arena, const char *const *roles,
                 struct bearer *ret_bearer);

#endif
