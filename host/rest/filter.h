/* SPDX-License-Identifier: MIT */
/* host/rest/filter.h - the filters that REST resources take (SCIM, RFC 7644
 * 3.4.2.2): so far one comparison for equality. */
#ifndef HOST_REST_FILTER_H
#define HOST_REST_FILTER_H

#include "host/arena.h"

/* The value of `ATTRIBUTE eq "VALUE"`, in the arena; NULL: it is another
 * filter, or none. */
char *filter_equals(struct factor_arena *arena, const char *filter,
                    const char *attribute);

#endif
