/* SPDX-License-Identifier: MIT */
/* host/rest/filter.h - the filters that REST resources take: comparisons for
 * equality, perhaps several with "and" (a part of RFC 7644 3.4.2.2). */
#ifndef HOST_REST_FILTER_H
#define HOST_REST_FILTER_H

#include <jansson.h>

/* `(status eq "ACTIVE") and type eq "SMS"` as {"status": "ACTIVE", "type":
 * "SMS"}: a new reference.  NULL: it compares something else, or otherwise, or
 * one attribute twice.  attributes: those that it may name, ended by NULL. */
json_t *filter_read(const char *filter, const char *const *attributes);

/* What may be in one, for the refusal (MFA service API, A.7): a new
 * reference. */
json_t *filter_offer(const char *const *attributes);

#endif
