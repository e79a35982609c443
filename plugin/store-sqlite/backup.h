/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/backup.h - a consistent copy while writing goes on. */
#ifndef PLUGIN_STORE_SQLITE_BACKUP_H
#define PLUGIN_STORE_SQLITE_BACKUP_H

#include "plugin/store-sqlite/sql.h"

/* Copy the database at path into the new file copy_path, mode 0600, which
 * appears only when it is whole and durable.  FACTOR_E_CONFLICT: there is
 * such a file, or another backup is making it.  vfs: of path.  Any thread. */
factor_status backup_copy(const char *path, const char *vfs,
                          const char *copy_path, struct factor_error *err);

#endif
