/* SPDX-License-Identifier: MIT */
/* host/http/forwarded.h - whom trusted proxies name as their client, by
 * X-Forwarded-For (DECISIONS H3).
 *
 * Each proxy appends the address that it was called from.  So the header is
 * read from its end, as far as those who wrote it are trusted; what stands
 * before that, anybody may have written. */
#ifndef HOST_HTTP_FORWARDED_H
#define HOST_HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FORWARDED_PROXIES_MAX = 32, FORWARDED_ADDRESS = 46 };

/* A network; IPv4 as IPv6 maps it. */
struct forwarded_network {
    uint8_t bytes[16];
    unsigned bits;
};

/* Proxies that are trusted. */
struct forwarded_proxies {
    struct forwarded_network networks[FORWARDED_PROXIES_MAX];
    size_t count;
    bool unix_peers; /* whoever calls on a unix socket */
};

/* "192.0.2.7", "10.0.0.0/8", "2001:db8::/32" or "unix".  False: it is none, or
 * one too many. */
bool forwarded_trust(struct forwarded_proxies *proxies, const char *text);

/* The client's address as text, given that of the connection ("unix" for a
 * unix socket) and the header's values in their order; each may be a list.
 * One that nobody can read ends the search: the last hop that is known is
 * told.  Pure. */
void forwarded_client(const struct forwarded_proxies *proxies,
                      const char *peer, const char *const *values,
                      size_t count, char ret_address[FORWARDED_ADDRESS]);

#endif
