/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/sql.c - connections, prepared statements and errors. */
#include "plugin/store-sqlite/sql.h"

#include <stdarg.h>
#include <stdio.h>

factor_status
sql_error(struct factor_error *err, factor_status code, const char *format, ...)
{
    va_list args;

    if (!err)
        return code;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

/* What a result code of SQLite's means to the host. */
static factor_status
status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return FACTOR_OK;
    case SQLITE_CONSTRAINT:
        return FACTOR_E_CONFLICT;
    case SQLITE_NOMEM:
        return FACTOR_E_NOMEM;
    case SQLITE_NOTADB:
        return FACTOR_E_CONFIG;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return FACTOR_E_INPUT;
    default:
        return FACTOR_E_IO;
    }
}

factor_status
sql_failed(struct factor_error *err, struct sqlite3 *db, int rc,
           const char *doing)
{
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;

    return sql_error(err, status_of(rc), "cannot %s: %s (SQLite %d, %s)", doing,
                     db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc,
                     path ? path : "no database");
}

factor_status
sql_open(const char *path, int flags, const char *vfs, struct sqlite3 **ret_db,
         struct factor_error *err)
{
    const int always = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct sqlite3 *db = NULL;
    factor_status status;
    int rc;

    rc = sqlite3_open_v2(path, &db, flags | always, vfs);
    if (rc != SQLITE_OK) {
        status = sql_failed(err, db, rc, "open the database");
        sqlite3_close(db);
        return status;
    }
    *ret_db = db;
    return FACTOR_OK;
}

factor_status
sql_exec(struct sqlite3 *db, const char *text, struct factor_error *err)
{
    int rc = sqlite3_exec(db, text, NULL, NULL, NULL);

    if (rc != SQLITE_OK)
        return sql_failed(err, db, rc, "set the database up");
    return FACTOR_OK;
}

factor_status
sql_integer(struct sqlite3 *db, const char *text, int64_t absent,
            int64_t *ret_value, struct factor_error *err)
{
    struct sqlite3_stmt *statement = NULL;
    int64_t value = absent;
    int rc;

    rc = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sql_failed(err, db, rc, "read the database");
    *ret_value = value;
    return FACTOR_OK;
}

factor_status
sql_prepare(struct sqlite3 *db, const struct sql_statement *table, size_t count,
            struct sqlite3_stmt **ret_statements, struct factor_error *err)
{
    size_t i;
    int rc;

    for (i = 0; i < count; i++) {
        rc = sqlite3_prepare_v3(db, table[i].text, -1,
                                SQLITE_PREPARE_PERSISTENT, &ret_statements[i],
                                NULL);
        if (rc != SQLITE_OK) {
            factor_status status = sql_failed(err, db, rc, table[i].name);

            sql_finalize(ret_statements, i);
            return status;
        }
    }
    return FACTOR_OK;
}

void
sql_finalize(struct sqlite3_stmt **statements, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}
