/* SPDX-License-Identifier: MIT */
/* host/pages/pages.h - the pages: files of the web directory, read once at
 * start and served from memory, so that no request ever names a file. */
#ifndef HOST_PAGES_PAGES_H
#define HOST_PAGES_PAGES_H

#include "host/host.h"
#include "host/http/http.h"
#include "host/pages/brand.h"

struct pages;

/* Read the directory, and the brand's logo.  The brand is ours from here on.
 * FACTOR_E_CONFIG: they cannot be read.  Alone. */
factor_status pages_new(const char *directory, struct brand *brand,
                        struct pages **ret_pages, struct factor_error *err);
/* NULL for NULL. */
const struct brand *pages_brand(const struct pages *pages);
void pages_free(struct pages *pages); /* NULL is allowed */

/* A file of type with its headers, or that it has not changed since the
 * browser read it.  body outlives every reply; content_policy NULL: the
 * pages' own. */
struct http_reply *pages_reply(struct http_request *request, const char *type,
                               const char *body, size_t len,
                               const char *content_policy);

extern const struct http_route pages_routes[];    /* sign-on page and assets */
extern const struct http_route demo_routes[];     /* demo app, start page */
extern const struct http_route messages_routes[]; /* D4 */

#endif
