/* SPDX-License-Identifier: MIT */
/* host/http/route.c - which route a path and a method mean. */
#include <stdio.h>
#include <string.h>

#include "host/http/internal.h"

static const struct {
    const char *name;
    unsigned method;
} methods[] = {
    {"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},
    {"POST", HTTP_POST},       {"PUT", HTTP_PUT},
    {"PATCH", HTTP_PATCH},     {"DELETE", HTTP_DELETE},
    {"OPTIONS", HTTP_OPTIONS},
};

enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]) };

unsigned
route_method(const char *method)
{
    size_t i;

    for (i = 0; i < METHOD_COUNT; i++)
        if (strcmp(methods[i].name, method) == 0)
            return methods[i].method;
    return 0;
}

void
route_allow(unsigned allowed, char ret_text[HTTP_ALLOW_SIZE])
{
    size_t i, used = 0;

    ret_text[0] = '\0';
    for (i = 0; i < METHOD_COUNT; i++)
        if (allowed & methods[i].method)
            used += (size_t)snprintf(ret_text + used, HTTP_ALLOW_SIZE - used,
                                     "%s%s", used > 0 ? ", " : "",
                                     methods[i].name);
}

static unsigned
methods_of(const struct http_route *route)
{
    unsigned allowed = route->methods;

    if (allowed & HTTP_GET)
        allowed |= HTTP_HEAD;
    if (route->flags & HTTP_CORS_FREE)
        allowed |= HTTP_OPTIONS;
    return allowed;
}

static bool
is_variable(const char *segment, size_t len)
{
    return len > 2 && segment[0] == '{' && segment[len - 1] == '}';
}

/* True if a raw segment says the literal one, escaped or not. */
static bool
segment_says(const char *raw, size_t raw_len, const char *want, size_t len)
{
    const char *raw_end = raw + raw_len, *want_end = want + len;
    bool escaped;
    int byte;

    if (raw_len == len && memcmp(raw, want, len) == 0)
        return true;
    while (raw < raw_end && want < want_end) {
        escaped = *raw == '%' && raw_end - raw > 2;
        byte = escaped ? percent_byte(raw + 1) : (unsigned char)*raw;
        if (byte != (unsigned char)*want++)
            return false;
        raw += escaped ? 3 : 1;
    }
    return raw == raw_end && want == want_end;
}

static bool
segment_meets(const char *path, struct span have, const char *want,
              size_t want_len, struct match *match)
{
    if (!is_variable(want, want_len))
        return segment_says(path + have.start, have.len, want, want_len);
    if (have.len == 0 || match->variable_count == HTTP_VARIABLES)
        return false;
    match->variables[match->variable_count++] = have;
    return true;
}

static bool
path_meets(const struct http_route *route, const char *path,
           struct match *match)
{
    const bool prefix = route->flags & HTTP_PREFIX;
    const char *want = route->path;
    struct span have = {0, 0};
    size_t want_len;

    match->variable_count = 0;
    while (*want == '/' && path[have.start] == '/') {
        want_len = strcspn(++want, "/");
        have.start++;
        have.len = (unsigned)strcspn(path + have.start, "/");
        if (prefix && want_len == 0)
            break;
        if (!segment_meets(path, have, want, want_len, match))
            return false;
        want += want_len;
        have.start += have.len;
    }
    match->rest = have.start;
    if (!prefix)
        return *want == '\0' && path[have.start] == '\0';
    if (*want != '\0')
        return false;
    if (path[match->rest] == '/' && path[match->rest - 1] != '/')
        match->rest++;
    return true;
}

/* What a route promises of a path, the most first: "/{env}/devices" may be
 * anybody's, and takes neither a path from "/pf/JWKS" nor a page's. */
enum kind { WHOLE, PREFIX, ANY_FIRST, KINDS };

static enum kind
kind_of(const struct http_route *route)
{
    if (route->path[0] == '/' && route->path[1] == '{')
        return ANY_FIRST;
    return route->flags & HTTP_PREFIX ? PREFIX : WHOLE;
}

static void
match_kind(const struct http_route *const *tables, enum kind kind,
           const char *path, unsigned method, struct match *match)
{
    const struct http_route *route;

    for (; *tables; tables++)
        for (route = *tables; route->path; route++) {
            if (kind_of(route) != kind || !path_meets(route, path, match))
                continue;
            match->allow |= methods_of(route);
            if (methods_of(route) & method) {
                match->route = route;
                return;
            }
        }
}

void
route_match(const struct http_route *const *tables, const char *path,
            unsigned method, struct match *ret_match)
{
    enum kind kind;

    ret_match->route = NULL;
    ret_match->allow = 0;
    for (kind = WHOLE; kind < KINDS && !ret_match->allow; kind++)
        match_kind(tables, kind, path, method, ret_match);
}

int
route_variable(const struct http_route *route, const char *name)
{
    const size_t len = strlen(name);
    const char *open = strchr(route->path, '{');
    int i;

    for (i = 0; open; i++, open = strchr(open + 1, '{'))
        if (strncmp(open + 1, name, len) == 0 && open[1 + len] == '}')
            return i;
    return -1;
}
