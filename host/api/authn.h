/* SPDX-License-Identifier: MIT */
/* host/api/authn.h - the Authentication API: /pf-ws/authn/flows/{id}. */
#ifndef HOST_API_AUTHN_H
#define HOST_API_AUTHN_H

#include "host/api/api.h"

extern const struct http_route authn_routes[];

/* The reply for what the engine saw: a state or an error, with cookie,
 * cookieless state and CORS as the flow's client has them.  client: its id,
 * or NULL.  On the request's loop. */
struct http_reply *authn_reply(struct http_request *request,
                               const struct engine_call *call,
                               const struct engine_result *result,
                               const char *client);

#endif
