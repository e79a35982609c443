/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/sql.h - connections, prepared statements and errors.
 *
 * Every connection is opened without a mutex of its own: it belongs to the
 * thread that uses it, for as long as it does.
 */
#ifndef PLUGIN_STORE_SQLITE_SQL_H
#define PLUGIN_STORE_SQLITE_SQL_H

#include <sqlite3.h>

#include "factor/base.h"

/* A statement that is prepared once for a connection. */
struct sql_statement {
    const char *name; /* for messages and tests */
    const char *text;
    const char *plan; /* the one line of its query plan, as SQLite 3.40 words
                       * it, which a test compares; NULL: it searches nothing */
};

/* Fill *err (which may be NULL) and return code. */
factor_status sql_error(struct factor_error *err, factor_status code,
                        const char *format, ...) FACTOR_PRINTF(3, 4);

/* The same for a result code of SQLite's on db, which may be NULL.  doing is
 * the verb: "open store.db". */
factor_status sql_failed(struct factor_error *err, struct sqlite3 *db, int rc,
                         const char *doing);

/* Open a connection, by SQLITE_OPEN_... flags; vfs NULL: the default one. */
factor_status sql_open(const char *path, int flags, const char *vfs,
                       struct sqlite3 **ret_db, struct factor_error *err);

/* Run statements that give no rows. */
factor_status sql_exec(struct sqlite3 *db, const char *text,
                       struct factor_error *err);

/* The integer that a statement gives in its first row; absent if none. */
factor_status sql_integer(struct sqlite3 *db, const char *text,
                          int64_t absent, int64_t *ret_value,
                          struct factor_error *err);

/* Prepare a table of statements.  On failure none is left. */
factor_status sql_prepare(struct sqlite3 *db,
                          const struct sql_statement *table, size_t count,
                          struct sqlite3_stmt **ret_statements,
                          struct factor_error *err);
void sql_finalize(struct sqlite3_stmt **statements, size_t count);

#endif
