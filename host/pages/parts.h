/* SPDX-License-Identifier: MIT */
/* host/pages/parts.h - page parts: ES modules that adapters ship for states
 * that are no plain form, served to the sign-on page. */
#ifndef HOST_PAGES_PARTS_H
#define HOST_PAGES_PARTS_H

#include "host/host.h"
#include "host/http/http.h"

/* Read the declared files of all adapters into them.  What cannot be read, or
 * is not as trusted as a plugin, is told to problems.  False: no memory.
 * Alone. */
bool parts_read(struct host *host, struct problems *problems);
void parts_free(struct host *host);

extern const struct http_route parts_routes[]; /* /parts/INSTANCE/FILE */

#endif
