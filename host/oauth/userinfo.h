/* SPDX-License-Identifier: MIT */
/* host/oauth/userinfo.h - the userinfo endpoint. */
#ifndef HOST_OAUTH_USERINFO_H
#define HOST_OAUTH_USERINFO_H

#include <jansson.h>

#include "host/http/http.h"
#include "host/record/record.h"

/* GET, POST and OPTIONS of /idp/userinfo.openid. */
http_handler userinfo_handle;

/* The claims about a user that scopes (a list of words) ask for; a new
 * object.  Pure. */
json_t *userinfo_claims(const struct record *user, const char *scope);

/* Names of claims, for discovery; ends with NULL. */
extern const char *const userinfo_names[];

#endif
