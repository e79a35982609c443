/* SPDX-License-Identifier: MIT */
/* host/rest/tables.c - resources as they are declared, by listener and
 * route. */
#include "host/rest/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/rest/users.h"

static const struct {
    const char *name;
    unsigned method;
} methods[] = {{"GET", HTTP_GET},
               {"POST", HTTP_POST},
               {"PUT", HTTP_PUT},
               {"PATCH", HTTP_PATCH},
               {"DELETE", HTTP_DELETE}};

enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]) };

bool
rest_is_open(const struct factor_resource *resource)
{
    return resource->who & (FACTOR_WHO_DEVICE | FACTOR_WHO_ANYONE);
}

/* --- Finding. --- */

static const struct rest_plane *
plane_of(const struct rest *rest, const struct http_route *route)
{
    const struct rest_plane *open = &rest->open;

    return route >= open->routes && route < open->routes + open->route_count
               ? open
               : &rest->admin;
}

static const struct rest_plane *
plane_asked(struct http_request *request)
{
    const struct host *host = http_context(request);

    return plane_of(host->rest, http_route(request));
}

const struct rest_operation *
rest_operations(struct http_request *request, size_t *ret_count)
{
    const struct rest_plane *plane = plane_asked(request);
    size_t route = (size_t)(http_route(request) - plane->routes);

    *ret_count = plane->first[route + 1] - plane->first[route];
    return &plane->operations[plane->first[route]];
}

void
rest_methods(struct http_request *request, char ret_text[REST_METHODS_SIZE])
{
    const struct rest_plane *plane = plane_asked(request);
    const char *path = http_route(request)->path;
    unsigned all = 0;
    size_t i, used = 0;

    for (i = 0; i < plane->route_count; i++)
        if (strcmp(plane->routes[i].path, path) == 0)
            all |= plane->routes[i].methods;
    for (i = 0; i < METHOD_COUNT; i++)
        if (all & methods[i].method)
            used += (size_t)snprintf(ret_text + used, REST_METHODS_SIZE - used,
                                     "%s, ", methods[i].name);
    snprintf(ret_text + used, REST_METHODS_SIZE - used, "OPTIONS");
}

/* --- Making. --- */

static unsigned
method_of(const char *name)
{
    size_t i;

    for (i = 0; i < METHOD_COUNT; i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return 0;
}

static bool
same_route(const struct factor_resource *a, const struct factor_resource *b)
{
    return strcmp(a->path, b->path) == 0 && strcmp(a->method, b->method) == 0;
}

/* Behind those of its route, or at the end. */
static void
add(struct rest *rest, const struct factor_resource *resource,
    const struct adapter *adapter, rest_decide *by_host)
{
    struct rest_plane *plane =
        rest_is_open(resource) ? &rest->open : &rest->admin;
    size_t at = plane->count;

    while (at > 0 && !same_route(plane->operations[at - 1].resource, resource))
        at--;
    if (at == 0)
        at = plane->count;
    memmove(&plane->operations[at + 1], &plane->operations[at],
            (plane->count - at) * sizeof(plane->operations[0]));
    plane->operations[at] = (struct rest_operation){
        .resource = resource,
        .adapter = adapter,
        .decide = by_host,
        .theirs = adapter ? adapter_their_resource(adapter, resource)
                          : resource,
    };
    plane->count++;
}

static void
make_routes(struct rest_plane *plane)
{
    const struct factor_resource *resource;
    struct http_route *route;
    size_t i;

    for (i = 0; i < plane->count; i++) {
        resource = plane->operations[i].resource;
        if (i > 0 && same_route(plane->operations[i - 1].resource, resource))
            continue;
        plane->first[plane->route_count] = i;
        route = &plane->routes[plane->route_count++];
        route->path = resource->path;
        route->name = resource->name;
        route->methods = method_of(resource->method);
        route->flags = HTTP_CORS_FREE;
        route->handler = rest_handle;
    }
    plane->first[plane->route_count] = plane->count;
}

static size_t
count_all(const struct host *host)
{
    const struct factor_resource *const *resource;
    size_t count = users_operation_count, i;

    for (i = 0; i < host->adapter_count; i++)
        for (resource = host->adapters[i].description->resources;
             resource && *resource; resource++)
            count++;
    return count;
}

static void
add_all(struct rest *rest)
{
    const struct host *host = rest->host;
    const struct factor_resource *const *resource;
    size_t i;

    for (i = 0; i < users_operation_count; i++)
        add(rest, users_operations[i].resource, NULL,
            users_operations[i].decide);
    for (i = 0; i < host->adapter_count; i++)
        for (resource = host->adapters[i].description->resources;
             resource && *resource; resource++)
            add(rest, *resource, &host->adapters[i], NULL);
}

/* Room for all of them in either: there are few. */
static bool
plane_new(struct rest_plane *plane, size_t count)
{
    plane->operations = calloc(count, sizeof(plane->operations[0]));
    plane->routes = calloc(count + 1, sizeof(plane->routes[0]));
    plane->first = calloc(count + 1, sizeof(plane->first[0]));
    return plane->operations && plane->routes && plane->first;
}

static void
plane_free(struct rest_plane *plane)
{
    free(plane->operations);
    free(plane->routes);
    free(plane->first);
}

struct rest *
rest_new(const struct host *host)
{
    struct rest *rest = calloc(1, sizeof(*rest));
    size_t count = count_all(host);

    if (!rest)
        return NULL;
    rest->host = host;
    if (!plane_new(&rest->admin, count) || !plane_new(&rest->open, count)) {
        rest_free(rest);
        return NULL;
    }
    add_all(rest);
    make_routes(&rest->admin);
    make_routes(&rest->open);
    return rest;
}

void
rest_free(struct rest *rest)
{
    if (!rest)
        return;
    plane_free(&rest->admin);
    plane_free(&rest->open);
    free(rest);
}

const struct http_route *
rest_routes(const struct rest *rest)
{
    return rest->admin.routes;
}

const struct http_route *
rest_open_routes(const struct rest *rest)
{
    return rest->open.routes;
}
