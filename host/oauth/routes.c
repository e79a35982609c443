/* SPDX-License-Identifier: MIT */
/* host/oauth/routes.c - the OAuth endpoints' routes.
 *
 * A GET of the first two acts, as the standards have it, and does no harm
 * when it is repeated (P9): an authorization request begins a flow of its
 * own, a resumed flow has one code.  The others' GETs only read. */
#include "host/oauth/routes.h"

#include "host/oauth/authorize.h"
#include "host/oauth/discovery.h"
#include "host/oauth/resume.h"
#include "host/oauth/token.h"
#include "host/oauth/userinfo.h"

const struct http_route oauth_routes[] = {
    {"/as/authorization.oauth2", "authorize",
     HTTP_GET | HTTP_POST | HTTP_OPTIONS, HTTP_CORS_FREE, 0, authorize_handle},
    {"/as/{flow}/resume/as/authorization.ping", "resume", HTTP_GET, 0, 0,
     resume_handle},
    {"/as/token.oauth2", "token", HTTP_POST | HTTP_OPTIONS, HTTP_CORS_FREE, 0,
     token_handle},
    {"/{env}/as/token", "token", HTTP_POST | HTTP_OPTIONS, HTTP_CORS_FREE, 0,
     token_handle},
    {"/idp/userinfo.openid", "userinfo", HTTP_GET | HTTP_POST | HTTP_OPTIONS,
     HTTP_CORS_FREE, 0, userinfo_handle},
    {"/.well-known/openid-configuration", "discovery",
     HTTP_GET | HTTP_OPTIONS, HTTP_CORS_FREE, 0, discovery_handle},
    {"/pf/JWKS", "jwks", HTTP_GET | HTTP_OPTIONS, HTTP_CORS_FREE, 0,
     discovery_keys_handle},
    {0},
};
