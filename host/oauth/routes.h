/* SPDX-License-Identifier: MIT */
/* host/oauth/routes.h - the OAuth endpoints' routes, where PingFederate has
 * them. */
#ifndef HOST_OAUTH_ROUTES_H
#define HOST_OAUTH_ROUTES_H

#include "host/http/http.h"

extern const struct http_route oauth_routes[];

#endif
