/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/backup.c - a consistent copy while writing goes on. */
#include "plugin/store-sqlite/backup.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/store-sqlite/file.h"

#define STEP_PAGES 256

/* Read everything at one instant: without a transaction of its own around
 * the steps a backup begins again at each commit of the writer, and under
 * load never ends.  Meanwhile the log cannot begin anew and grows. */
static factor_status
open_source(const char *path, const char *vfs, struct sqlite3 **ret_db,
            struct factor_error *err)
{
    struct sqlite3 *db = NULL;
    factor_status status;
    int64_t ignored;

    status = sql_open(path, SQLITE_OPEN_READONLY, vfs, &db, err);
    if (status != FACTOR_OK)
        return status;
    sqlite3_busy_timeout(db, 1000);
    status = sql_exec(db, "PRAGMA query_only = ON; BEGIN", err);
    /* The instant is that of the first read. */
    if (status == FACTOR_OK)
        status = sql_integer(db, "SELECT count(*) FROM sqlite_schema", 0,
                             &ignored, err);
    if (status != FACTOR_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret_db = db;
    return FACTOR_OK;
}

static factor_status
copy_pages(struct sqlite3 *source, struct sqlite3 *target,
           struct factor_error *err)
{
    struct sqlite3_backup *backup;
    int rc;

    backup = sqlite3_backup_init(target, "main", source, "main");
    if (!backup)
        return sql_failed(err, target, sqlite3_extended_errcode(target),
                          "begin the backup");
    do
        rc = sqlite3_backup_step(backup, STEP_PAGES);
    while (rc == SQLITE_OK);
    /* Commits, and syncs, what the last step has left. */
    rc = sqlite3_backup_finish(backup);
    if (rc != SQLITE_OK)
        return sql_failed(err, target, rc, "write the backup");
    return FACTOR_OK;
}

static factor_status
copy_into(struct sqlite3 *source, const char *path, struct factor_error *err)
{
    struct sqlite3 *target = NULL;
    factor_status status;

    status = sql_open(path, SQLITE_OPEN_READWRITE, NULL, &target, err);
    if (status != FACTOR_OK)
        return status;
    /* No journal beside a file that is worth nothing until it is whole. */
    status = sql_exec(target,
                      "PRAGMA journal_mode = OFF;"
                      "PRAGMA synchronous = FULL;",
                      err);
    if (status == FACTOR_OK)
        status = copy_pages(source, target, err);
    sqlite3_close(target);
    return status;
}

factor_status
backup_copy(const char *path, const char *vfs, const char *copy_path,
            struct factor_error *err)
{
    struct sqlite3 *source = NULL;
    factor_status status;
    char partial[PATH_MAX];

    if (snprintf(partial, sizeof(partial), "%s.partial", copy_path) >=
        PATH_MAX)
        return sql_error(err, FACTOR_E_INPUT, "path is too long");
    if (access(copy_path, F_OK) == 0)
        return sql_error(err, FACTOR_E_CONFLICT, "%s exists already",
                         copy_path);
    status = file_create(partial, true, err);
    if (status != FACTOR_OK)
        return status;
    status = open_source(path, vfs, &source, err);
    if (status == FACTOR_OK) {
        status = copy_into(source, partial, err);
        sqlite3_close(source);
    }
    if (status == FACTOR_OK)
        status = file_rename(partial, copy_path, err);
    if (status != FACTOR_OK)
        unlink(partial);
    return status;
}
