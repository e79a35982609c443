/* SPDX-License-Identifier: MIT */
/* host/oauth/worker.h - who calls a REST resource: a worker, by the roles
 * that the configuration gives it. */
#ifndef HOST_OAUTH_WORKER_H
#define HOST_OAUTH_WORKER_H

#include "host/oauth/bearer.h"

/* Whether a token that was read (bearer_read) is one that a worker got for
 * itself (client_credentials), and has one of the roles (ended by NULL; NULL:
 * any role will do) in the token and, still, in the configuration.  False: the
 * bearer says why.  Pure, any thread. */
bool worker_admit(const struct host *host, const char *const *roles,
                  struct bearer *bearer);

#endif
