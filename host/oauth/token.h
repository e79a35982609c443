/* SPDX-License-Identifier: MIT */
/* host/oauth/token.h - the token endpoint. */
#ifndef HOST_OAUTH_TOKEN_H
#define HOST_OAUTH_TOKEN_H

#include <jansson.h>

#include "host/http/http.h"
#include "host/oauth/form.h"

/* POST and OPTIONS of /as/token.oauth2. */
http_handler token_handle;

/* Whether a request fits what the grant (its body) was bound to: why not, or
 * NULL.  Pure. */
const char *token_binding_problem(const json_t *grant, const struct form *form);

#endif
