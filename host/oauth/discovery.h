/* SPDX-License-Identifier: MIT */
/* host/oauth/discovery.h - what clients find out by themselves. */
#ifndef HOST_OAUTH_DISCOVERY_H
#define HOST_OAUTH_DISCOVERY_H

#include <jansson.h>

#include "host/host.h"
#include "host/http/http.h"

/* GET and OPTIONS of /.well-known/openid-configuration and /pf/JWKS. */
http_handler discovery_handle;
http_handler discovery_keys_handle;

/* The metadata (RFC 8414, OpenID Connect Discovery 3); a new object. */
json_t *discovery_metadata(const struct host *host);

#endif
