/* SPDX-License-Identifier: MIT */
/* host/rest/call.h - what a call asks for: its operation, path, query and
 * body, checked against what the resource declares. */
#ifndef HOST_REST_CALL_H
#define HOST_REST_CALL_H

#include "host/rest/rest.h"

/* Which operation of the route the media type means: call->operation and
 * call->resource are set, and false is returned if it is none of theirs (415).
 */
bool call_operation(struct http_request *request, struct rest_call *call);

/* Read path, query and body into the call.  NULL: they fit; else the error
 * envelope, a new reference. */
json_t *call_read(struct job *job, struct rest_call *call);

#endif
