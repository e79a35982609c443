/* SPDX-License-Identifier: MIT */
/* host/oauth/authorize.h - the authorization endpoint: begins flows. */
#ifndef HOST_OAUTH_AUTHORIZE_H
#define HOST_OAUTH_AUTHORIZE_H

#include "host/http/http.h"

/* GET, POST and OPTIONS of /as/authorization.oauth2. */
http_handler authorize_handle;

#endif
