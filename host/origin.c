/* SPDX-License-Identifier: MIT */
/* host/origin.c - web origins. */
#include "host/origin.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The host of an origin: between "//" and the port. */
static const char *
origin_host(const char *origin, size_t *ret_len)
{
    const char *host = strstr(origin, "//");

    host = host ? host + 2 : origin;
    *ret_len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return host;
}

static bool
is_address(const char *host, size_t len)
{
    return host[0] == '[' || strspn(host, "0123456789.") >= len;
}

/* The last two labels: what a public suffix list would refine. */
static void
site_of(const char **host, size_t *len)
{
    size_t at = *len, dots = 0;

    if (is_address(*host, *len))
        return;
    while (at > 0 && dots < 2)
        dots += (*host)[--at] == '.';
    if (dots == 2)
        at++;
    *host += at;
    *len -= at;
}

bool
origin_same_site(const char *origin, const char *other)
{
    size_t len, other_len, scheme = strcspn(origin, ":");
    const char *host = origin_host(origin, &len);
    const char *other_host = origin_host(other, &other_len);

    site_of(&host, &len);
    site_of(&other_host, &other_len);
    return scheme == strcspn(other, ":") &&
           strncasecmp(origin, other, scheme) == 0 && len == other_len &&
           strncasecmp(host, other_host, len) == 0;
}
