/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/file.h - the files around a database: made private,
 * held by one process. */
#ifndef PLUGIN_STORE_SQLITE_FILE_H
#define PLUGIN_STORE_SQLITE_FILE_H

#include <stdbool.h>

#include "factor/base.h"

/* Hold PATH.lock for this process until the descriptor is closed, which the
 * kernel does for a killed one.  FACTOR_E_CONFIG: another holds it. */
factor_status file_lock(const char *path, int *ret_fd,
                        struct factor_error *err);

/* Make an empty file, mode 0600, unless there is one, and its entry in the
 * directory durable.  exclusive: FACTOR_E_CONFLICT if there is one. */
factor_status file_create(const char *path, bool exclusive,
                          struct factor_error *err);

/* Give a file made durable its name, unless there is one of that name
 * (FACTOR_E_CONFLICT).  The old name goes. */
factor_status file_rename(const char *from, const char *to,
                          struct factor_error *err);

#endif
