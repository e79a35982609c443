/* SPDX-License-Identifier: MIT */
/* host/origin.h - web origins (RFC 6454). */
#ifndef HOST_ORIGIN_H
#define HOST_ORIGIN_H

#include <stdbool.h>

/* Whether two origins are of one site: same scheme, and same host or same
 * last two labels, which is as far as one can tell without a list of public
 * suffixes. */
bool origin_same_site(const char *origin, const char *other);

#endif
