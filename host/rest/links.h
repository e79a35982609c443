/* SPDX-License-Identifier: MIT */
/* host/rest/links.h - what the host adds to the answers of resources: links,
 * and whose they are (factor/resource.h). */
#ifndef HOST_REST_LINKS_H
#define HOST_REST_LINKS_H

#include "host/arena.h"
#include "host/rest/rest.h"

/* The answer of a call, completed: a new reference, or NULL without memory.
 * What it is made of is shared, never changed. */
json_t *links_complete(const struct host *host, struct http_request *request,
                       const struct rest_call *call,
                       struct factor_arena *arena);

/* Where what was created is: the answer's own link, or NULL. */
const char *links_self(const json_t *answer);

#endif
