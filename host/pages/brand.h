/* SPDX-License-Identifier: MIT */
/* host/pages/brand.h - what the pages look like to a service's users: its
 * name, its logo, its colour.  Constant once it is made; any thread. */
#ifndef HOST_PAGES_BRAND_H
#define HOST_PAGES_BRAND_H

#include <stddef.h>

#include "host/config/config.h"

struct brand;

/* The section "brand" of a checked configuration.  FACTOR_E_NOMEM. */
factor_status brand_new(const struct config *config, struct brand **ret_brand,
                        struct factor_error *err);
void brand_free(struct brand *brand); /* NULL is allowed */

/* As HTML.  Of a NULL brand: ours. */
const char *brand_name(const struct brand *brand);
/* Path at which the pages find the logo. */
const char *brand_logo(const struct brand *brand);
/* The configured file, or NULL. */
const char *brand_logo_file(const struct brand *brand);

/* What is served instead of a file of the pages: "{{brand}}" and "{{logo}}" of
 * HTML are filled in, the style has the colour.  Takes body, which is freed or
 * given back; NULL without memory. */
char *brand_apply(const struct brand *brand, const char *path, char *body,
                  size_t *len);

#endif
