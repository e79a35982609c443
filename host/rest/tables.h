/* SPDX-License-Identifier: MIT */
/* host/rest/tables.h - resources as they are declared, by listener and
 * route. */
#ifndef HOST_REST_TABLES_H
#define HOST_REST_TABLES_H

#include <stdbool.h>

#include "host/http/http.h"
#include "host/rest/rest.h"

/* One operation, and who answers it. */
struct rest_operation {
    const struct factor_resource *resource;
    const struct adapter *adapter; /* or NULL: the host, by */
    rest_decide *decide;
    const struct factor_resource *theirs; /* what the plugin knows it by */
};

/* What one listener serves.  The operations of one route, told apart by the
 * media type of the request, stand side by side. */
struct rest_plane {
    size_t count, route_count;
    struct rest_operation *operations;
    struct http_route *routes; /* ended by a NULL path */
    size_t *first; /* of each route, its first operation; and the end */
};

struct rest {
    const struct host *host;
    struct rest_plane admin, open;
};

/* Whether it is for devices and for anyone, without a token. */
bool rest_is_open(const struct factor_resource *resource);

/* Every operation of a request's route: the first of *ret_count. */
const struct rest_operation *rest_operations(struct http_request *request,
                                             size_t *ret_count);

/* Every method that a path has on its plane, as "GET, POST, OPTIONS". */
enum { REST_METHODS_SIZE = 96 };
void rest_methods(struct http_request *request,
                  char ret_text[REST_METHODS_SIZE]);

#endif
