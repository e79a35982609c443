/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_gateways.h - settings for gateways that many use,
 * in the shape that their makers document. */
#ifndef HTTP_GATEWAYS_H
#define HTTP_GATEWAYS_H

struct json_t;

/* For the declared setting "gateway"; NULL-ended. */
extern const char *const http_gateway_names[];

/* The settings of that gateway as a new object; NULL: there is none of that
 * name, or no memory. */
struct json_t *http_gateway(const char *name);

#endif
