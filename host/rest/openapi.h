/* SPDX-License-Identifier: MIT */
/* host/rest/openapi.h - the API description: an OpenAPI 3.1 document of the
 * very tables that calls are routed, admitted and checked by. */
#ifndef HOST_REST_OPENAPI_H
#define HOST_REST_OPENAPI_H

#include <jansson.h>

#include "host/http/http.h"
#include "host/rest/rest.h"

/* The document: a new reference, or NULL without memory. */
json_t *openapi_document(const struct rest *rest);

/* GET /openapi.json. */
extern const struct http_route openapi_routes[];

#endif
