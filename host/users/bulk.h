/* SPDX-License-Identifier: MIT */
/* host/users/bulk.h - many users at once: lines of JSON, several under way at
 * a time, so that the store syncs once for many of them. */
#ifndef HOST_USERS_BULK_H
#define HOST_USERS_BULK_H

#include <jansson.h>

#include "host/host.h"

/* Import lines as users_import() takes them.  Each stands for itself: one that
 * fails is told and the others go on; lines of one username are taken in their
 * order.  {"imported", "failed": [{"line", "error"}]}: a new reference, or NULL
 * without memory.  Waits for all of them. */
json_t *users_import_lines(const struct host *host, const char *text,
                           size_t len);

#endif
