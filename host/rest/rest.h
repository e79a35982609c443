/* SPDX-License-Identifier: MIT */
/* host/rest/rest.h - the REST plane: resources of the host and of plugins. */
#ifndef HOST_REST_REST_H
#define HOST_REST_REST_H

#include "host/http/http.h"

extern const struct http_route rest_routes[];

#endif
