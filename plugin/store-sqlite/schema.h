/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/schema.h - tables, indexes and views, by version. */
#ifndef PLUGIN_STORE_SQLITE_SCHEMA_H
#define PLUGIN_STORE_SQLITE_SCHEMA_H

#include "plugin/store-sqlite/sql.h"

/* Bring the database that a new connection opened to this build's schema, or
 * refuse it (FACTOR_E_CONFIG) untouched: it is newer, or not ours at all.
 * path is for messages.  Leaves synchronous at EXTRA. */
factor_status schema_prepare(struct sqlite3 *db, const char *path,
                             struct factor_error *err);

/* The newest schema that this build knows. */
int64_t schema_newest(void);

#endif
