/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/schema.c - tables, indexes and views, by version.
 *
 * Records are in a table with row ids: with a random text as its primary key
 * each record would dirty a page of its own.  All that one step writes then
 * lies near the table's end, or where it was read.
 */
#include "plugin/store-sqlite/schema.h"

#include <inttypes.h>

/* ------------------------------------------------------------- version 1 */

/* Names of columns are those of struct factor_row and factor_audit_row.
 * An index of an optional column leaves out the rows that have none. */
static const char tables_1[] =
    "PRAGMA application_id = 1717658484;" /* "fact", for file(1) */
    "CREATE TABLE meta ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  value ANY"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE record ("
    "  collection TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  owner TEXT,"
    "  name TEXT,"
    "  version INTEGER NOT NULL,"
    "  expires_at_ms INTEGER NOT NULL,"
    "  due_at_ms INTEGER NOT NULL,"
    "  key_version INTEGER NOT NULL,"
    "  mac BLOB NOT NULL,"
    "  body TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX record_id ON record (collection, id);"
    "CREATE UNIQUE INDEX record_name ON record (collection, name)"
    "  WHERE name IS NOT NULL;"
    "CREATE INDEX record_owner ON record (owner, collection, id)"
    "  WHERE owner IS NOT NULL;"
    "CREATE INDEX record_expires ON record (expires_at_ms)"
    "  WHERE expires_at_ms > 0;"
    "CREATE INDEX record_due ON record (collection, due_at_ms)"
    "  WHERE due_at_ms > 0;"
    "CREATE INDEX record_key ON record (key_version);"
    "CREATE TABLE audit ("
    "  writer TEXT NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  event TEXT NOT NULL,"
    "  hash BLOB NOT NULL,"
    "  mac BLOB NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX audit_sequence ON audit (writer, sequence);";

#define INSTANT(column)                                                        \
    "strftime('%Y-%m-%dT%H:%M:%fZ', nullif(" column ", 0) / 1000.0,"           \
    " 'unixepoch')"

/* For an operator with the sqlite3 shell; nothing of ours reads them.  What
 * is sealed stays out. */
static const char views_1[] =
    "CREATE VIEW users AS SELECT"
    "  id,"
    "  json_extract(body, '$.username') AS username,"
    "  json_extract(body, '$.enabled') AS enabled,"
    "  json_extract(body, '$.mfaEnabled') AS mfa_enabled,"
    "  json_extract(body, '$.attributes.email') AS email,"
    "  json_extract(body, '$.attributes.phone') AS phone,"
    "  version,"
    "  json_remove(body, '$.secret') AS body"
    " FROM record WHERE collection = 'user';"
    "CREATE VIEW flows AS SELECT"
    "  id,"
    "  owner AS user_id,"
    "  json_extract(body, '$.client') AS client,"
    "  json_extract(body, '$.policy') AS policy,"
    "  json_extract(body, '$.status') AS status,"
    "  json_extract(body, '$.state') AS state,"
    "  " INSTANT("expires_at_ms") " AS expires_at,"
    "  version,"
    "  json_remove(body, '$.secret') AS body"
    " FROM record WHERE collection = 'flow';"
    "CREATE VIEW authenticators AS SELECT"
    "  id,"
    "  owner AS user_id,"
    "  json_extract(body, '$.channel') AS channel,"
    "  json_extract(body, '$.failures') AS failures,"
    "  " INSTANT("json_extract(body, '$.locked_until_ms')")
    " AS locked_until,"
    "  version,"
    "  json_remove(body, '$.secret') AS body"
    " FROM record WHERE collection = 'otp.authenticator';"
    "CREATE VIEW outbox AS SELECT"
    "  id,"
    "  json_extract(body, '$.state') AS state,"
    "  json_extract(body, '$.attempt') AS attempt,"
    "  json_extract(body, '$.channel') AS channel,"
    "  json_extract(body, '$.template') AS template,"
    "  " INSTANT("due_at_ms") " AS due_at,"
    "  " INSTANT("expires_at_ms") " AS expires_at,"
    "  version,"
    "  json_remove(body, '$.secret') AS body"
    " FROM record WHERE collection = 'outbox';"
    "CREATE VIEW audit_log AS SELECT"
    "  writer,"
    "  sequence,"
    "  " INSTANT("at_ms") " AS at,"
    "  (SELECT group_concat(json_extract(value, '$.event'), ' ')"
    "   FROM json_each(event, '$.events')) AS events,"
    "  event"
    " FROM audit;";

/* ------------------------------------------------------------ migrations */

/* The n-th leads from schema n to n + 1. */
struct migration {
    const char *texts[2]; /* or NULL */
};

static const struct migration migrations[] = {
    { { tables_1, views_1 } },
};

int64_t
schema_newest(void)
{
    return (int64_t)(sizeof(migrations) / sizeof(migrations[0]));
}

/* 0: an empty database. */
static factor_status
schema_of(struct sqlite3 *db, const char *path, int64_t *ret_version,
          struct factor_error *err)
{
    static const char count_tables[] = "SELECT count(*) FROM sqlite_schema";
    static const char count_meta[] =
        "SELECT count(*) FROM sqlite_schema"
        " WHERE type = 'table' AND name = 'meta'";
    int64_t tables = 0;
    int64_t meta = 0;
    factor_status status;

    status = sql_integer(db, count_tables, 0, &tables, err);
    if (status != FACTOR_OK)
        return status;
    *ret_version = 0;
    if (tables == 0)
        return FACTOR_OK;
    status = sql_integer(db, count_meta, 0, &meta, err);
    if (status != FACTOR_OK)
        return status;
    if (meta != 0)
        status = sql_integer(db,
                             "SELECT value FROM meta WHERE name = 'schema'", 0,
                             ret_version, err);
    if (status == FACTOR_OK && *ret_version <= 0)
        return sql_error(err, FACTOR_E_CONFIG,
                         "%s is a database, but not a store of factord", path);
    return status;
}

/* A step of the schema is one transaction: a cut leaves the old or the new. */
static factor_status
migrate(struct sqlite3 *db, int64_t from, struct factor_error *err)
{
    const struct migration *migration = &migrations[from];
    factor_status status;
    char set[96];
    size_t i;

    sqlite3_snprintf(sizeof(set), set,
                     "REPLACE INTO meta (name, value) VALUES ('schema', %lld)",
                     (long long)from + 1);
    status = sql_exec(db, "BEGIN IMMEDIATE", err);
    if (status != FACTOR_OK)
        return status;
    for (i = 0; i < 2 && status == FACTOR_OK; i++)
        if (migration->texts[i])
            status = sql_exec(db, migration->texts[i], err);
    if (status == FACTOR_OK)
        status = sql_exec(db, set, err);
    if (status == FACTOR_OK)
        status = sql_exec(db, "COMMIT", err);
    if (status != FACTOR_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

factor_status
schema_prepare(struct sqlite3 *db, const char *path, struct factor_error *err)
{
    int64_t version = 0;
    factor_status status;

    status = schema_of(db, path, &version, err);
    if (status != FACTOR_OK)
        return status;
    if (version > schema_newest())
        return sql_error(err, FACTOR_E_CONFIG,
                         "%s has schema %" PRId64
                         ", this factord reads up to %" PRId64
                         ": run the newer one, or restore a backup",
                         path, version, schema_newest());
    /* The first two matter to an empty file only; the third to the rollback
     * journal of its turn to WAL.  Were the journal's removal lost in a power
     * cut, it would empty the file again, whatever had been kept since. */
    status = sql_exec(db,
                      "PRAGMA page_size = 4096;"
                      "PRAGMA auto_vacuum = NONE;"
                      "PRAGMA synchronous = EXTRA;"
                      "PRAGMA journal_mode = WAL;",
                      err);
    while (status == FACTOR_OK && version < schema_newest())
        status = migrate(db, version++, err);
    return status;
}
