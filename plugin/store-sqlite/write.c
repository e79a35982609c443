/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/write.c - the only connection that writes, commits and
 * checkpoints; one thread uses it. */
#include "plugin/store-sqlite/write.h"

#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/store-sqlite/schema.h"

/* A checkpoint each so many frames of the log: at 1,000 the longest replies
 * take twice as long, at 100 the mean cost begins to rise. */
#define CHECKPOINT_FRAMES 150

/* A reader that meets the log's index half written takes the lock of writers
 * for an instant, to see whether it must be mended: look again so often at
 * once, and then, for a tool that writes, so many times a millisecond on. */
#define LOOKS_AT_ONCE 200
#define LOOKS_LATER 1000

/* ------------------------------------------------------------ statements */

enum {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    UNDO,
    INSERT,
    UPDATE_BODY,
    UPDATE,
    REMOVE,
    REMOVE_OWNED,
    NEWEST,
    APPEND,
    STATEMENT_COUNT
};

/* Parameters have the same numbers everywhere. */
enum {
    P_COLLECTION = 1,
    P_ID = 2,
    P_OWNER = 3,
    P_NAME = 4,
    P_VERSION = 5,
    P_EXPIRES = 6,
    P_DUE = 7,
    P_KEY_VERSION = 8,
    P_MAC = 9,
    P_BODY = 10
};

#define BY_ID "SEARCH record USING INDEX record_id (collection=? AND id=?)"

static const struct sql_statement statements[STATEMENT_COUNT] = {
    [BEGIN] = { "begin a batch", "BEGIN IMMEDIATE", NULL },
    [COMMIT] = { "commit a batch", "COMMIT", NULL },
    [ROLLBACK] = { "roll a batch back", "ROLLBACK", NULL },
    [SAVEPOINT] = { "begin changes", "SAVEPOINT changes", NULL },
    [RELEASE] = { "end changes", "RELEASE changes", NULL },
    [UNDO] = { "undo changes", "ROLLBACK TO changes", NULL },
    [INSERT] = { "insert a record",
        "INSERT INTO record (collection, id, owner, name, version,"
        " expires_at_ms, due_at_ms, key_version, mac, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        NULL },
    /* Most changes leave all that is indexed as it was: this one touches no
     * index, the next one all. */
    [UPDATE_BODY] = { "update a record's body",
        "UPDATE record INDEXED BY record_id"
        " SET version = ?5, mac = ?9, body = ?10"
        " WHERE collection = ?1 AND id = ?2 AND version = ?5 - 1"
        " AND owner IS ?3 AND name IS ?4 AND expires_at_ms = ?6"
        " AND due_at_ms = ?7 AND key_version = ?8",
        BY_ID },
    [UPDATE] = { "update a record",
        "UPDATE record INDEXED BY record_id"
        " SET owner = ?3, name = ?4, version = ?5, expires_at_ms = ?6,"
        " due_at_ms = ?7, key_version = ?8, mac = ?9, body = ?10"
        " WHERE collection = ?1 AND id = ?2 AND version = ?5 - 1",
        BY_ID },
    [REMOVE] = { "remove a record",
        "DELETE FROM record INDEXED BY record_id"
        " WHERE collection = ?1 AND id = ?2 AND version = ?5",
        BY_ID },
    [REMOVE_OWNED] = { "remove what is owned",
        "DELETE FROM record INDEXED BY record_owner WHERE owner = ?3",
        "SEARCH record USING INDEX record_owner (owner=?)" },
    [NEWEST] = { "find the end of an audit chain",
        "SELECT sequence FROM audit INDEXED BY audit_sequence"
        " WHERE writer = ?1 ORDER BY sequence DESC LIMIT 1",
        "SEARCH audit USING COVERING INDEX audit_sequence (writer=?)" },
    [APPEND] = { "append to the audit",
        "INSERT INTO audit (writer, sequence, at_ms, event, hash, mac)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        NULL },
};

const struct sql_statement *
write_statements(size_t *ret_count)
{
    *ret_count = STATEMENT_COUNT;
    return statements;
}

/* -------------------------------------------------------------- the writer */

#define HASH_LEN 32

struct writer {
    const struct factor_host *host; /* or NULL */
    struct sqlite3 *db;
    struct sqlite3_stmt *statements[STATEMENT_COUNT];
    bool begun;
    factor_status broken;      /* why the batch can only be aborted, or 0 */
    int frames;                /* in the log, after the last commit */
    int checkpointed;          /* of these, copied to the database */
    bool complained;           /* that the last checkpoint failed */
    char chain[FACTOR_ID_MAX]; /* the audit chain last written, or "" */
    uint64_t newest;           /* its last sequence */
};

static int
note_frames(void *context, struct sqlite3 *db, const char *schema, int frames)
{
    struct writer *self = context;

    (void)db;
    (void)schema;
    self->frames = frames;
    return SQLITE_OK;
}

static int
wait_for_lock(void *context, int looks)
{
    (void)context;
    if (looks < LOOKS_AT_ONCE)
        sched_yield();
    else
        sqlite3_sleep(1);
    return looks < LOOKS_AT_ONCE + LOOKS_LATER;
}

static factor_status
set_up(struct writer *self, const char *path,
       const struct write_options *options, struct factor_error *err)
{
    factor_status status;
    char pragmas[200];

    sqlite3_snprintf(sizeof(pragmas), pragmas,
                     "PRAGMA synchronous = %s;"
                     "PRAGMA secure_delete = ON;"
                     "PRAGMA wal_autocheckpoint = 0;"
                     "PRAGMA cache_size = -%lld;",
                     options->synchronous,
                     (long long)(options->cache_len / 1024));
    sqlite3_busy_handler(self->db, wait_for_lock, NULL);
    status = schema_prepare(self->db, path, err);
    if (status == FACTOR_OK)
        status = sql_exec(self->db, pragmas, err);
    if (status != FACTOR_OK)
        return status;
    /* Also takes the place of the automatic checkpoint. */
    sqlite3_wal_hook(self->db, note_frames, self);
    return sql_prepare(self->db, statements, STATEMENT_COUNT, self->statements,
                       err);
}

factor_status
write_open(const char *path, const struct write_options *options,
           struct writer **ret_self, struct factor_error *err)
{
    struct writer *self = calloc(1, sizeof(*self));
    factor_status status;

    if (!self)
        return sql_error(err, FACTOR_E_NOMEM, "out of memory");
    self->host = options->host;
    status = sql_open(path, SQLITE_OPEN_READWRITE, options->vfs, &self->db,
                      err);
    if (status == FACTOR_OK)
        status = set_up(self, path, options, err);
    if (status != FACTOR_OK) {
        write_close(self);
        return status;
    }
    *ret_self = self;
    return FACTOR_OK;
}

void
write_close(struct writer *self)
{
    if (!self)
        return;
    write_abort(self);
    sql_finalize(self->statements, STATEMENT_COUNT);
    sqlite3_close(self->db);
    free(self);
}

/* Run a bound statement that gives no rows.  FACTOR_E_CONFLICT: something
 * that is to be unique is not. */
static factor_status
run(struct writer *self, int which, struct factor_error *err)
{
    struct sqlite3_stmt *statement = self->statements[which];
    factor_status status = FACTOR_OK;
    int rc = sqlite3_step(statement);

    if (rc != SQLITE_DONE)
        status = sql_failed(err, self->db, rc, statements[which].name);
    sqlite3_reset(statement);
    return status;
}

/* ----------------------------------------------------------------- changes */

static int
bind_text(struct sqlite3_stmt *statement, int parameter, const char *text)
{
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

/* The columns that indexes are made of, and the version. */
static int
bind_head(struct sqlite3_stmt *statement, const struct factor_row *row)
{
    return bind_text(statement, P_COLLECTION, row->collection) |
           bind_text(statement, P_ID, row->id) |
           bind_text(statement, P_OWNER, row->owner) |
           bind_text(statement, P_NAME, row->name) |
           sqlite3_bind_int64(statement, P_VERSION, (int64_t)row->version) |
           sqlite3_bind_int64(statement, P_EXPIRES, row->expires_at_ms) |
           sqlite3_bind_int64(statement, P_DUE, row->due_at_ms) |
           sqlite3_bind_int64(statement, P_KEY_VERSION, row->key_version);
}

static int
bind_row(struct sqlite3_stmt *statement, const struct factor_row *row)
{
    return bind_head(statement, row) |
           sqlite3_bind_blob64(statement, P_MAC, row->mac, row->mac_len,
                               SQLITE_STATIC) |
           sqlite3_bind_text64(statement, P_BODY, row->body, row->body_len,
                               SQLITE_STATIC, SQLITE_UTF8);
}

/* Bind a row to a PUT's statement and run it. */
static factor_status
put_by(struct writer *self, int which, const struct factor_row *row,
       struct factor_error *err)
{
    if (bind_row(self->statements[which], row) != SQLITE_OK)
        return sql_error(err, FACTOR_E_NOMEM, "cannot bind a record");
    return run(self, which, err);
}

static factor_status
moved(const struct factor_row *row, uint64_t version, struct factor_error *err)
{
    return sql_error(err, FACTOR_E_CONFLICT, "%s %s is not at version %" PRIu64,
                     row->collection, row->id, version);
}

static factor_status
put(struct writer *self, const struct factor_row *row, struct factor_error *err)
{
    factor_status status;

    if (row->version == 1)
        return put_by(self, INSERT, row, err);
    status = put_by(self, UPDATE_BODY, row, err);
    if (status != FACTOR_OK || sqlite3_changes(self->db) == 1)
        return status;
    status = put_by(self, UPDATE, row, err);
    if (status != FACTOR_OK || sqlite3_changes(self->db) == 1)
        return status;
    return moved(row, row->version - 1, err);
}

static factor_status
remove_row(struct writer *self, const struct factor_row *row,
           struct factor_error *err)
{
    struct sqlite3_stmt *statement = self->statements[REMOVE];
    factor_status status;

    if (bind_text(statement, P_COLLECTION, row->collection) != SQLITE_OK ||
        bind_text(statement, P_ID, row->id) != SQLITE_OK ||
        sqlite3_bind_int64(statement, P_VERSION, (int64_t)row->version) !=
            SQLITE_OK)
        return sql_error(err, FACTOR_E_NOMEM, "cannot bind a record");
    status = run(self, REMOVE, err);
    if (status != FACTOR_OK || sqlite3_changes(self->db) == 1)
        return status;
    return moved(row, row->version, err);
}

static factor_status
remove_owned(struct writer *self, const struct factor_row *row,
             struct factor_error *err)
{
    if (bind_text(self->statements[REMOVE_OWNED], P_OWNER, row->owner) !=
        SQLITE_OK)
        return sql_error(err, FACTOR_E_NOMEM, "cannot bind an owner");
    return run(self, REMOVE_OWNED, err);
}

static bool
version_ok(uint64_t version)
{
    return version >= 1 && version <= INT64_MAX;
}

/* Whether a change has what its kind wants. */
static bool
change_ok(const struct factor_change *change)
{
    const struct factor_row *row = change->row;

    switch (change->kind) {
    case FACTOR_CHANGE_PUT:
        return row->collection && row->id && version_ok(row->version) &&
               row->body && row->mac;
    case FACTOR_CHANGE_REMOVE:
        return row->collection && row->id && version_ok(row->version);
    case FACTOR_CHANGE_REMOVE_OWNED:
        return row->owner;
    default:
        return false;
    }
}

static factor_status
make_change(struct writer *self, const struct factor_change *change,
            struct factor_error *err)
{
    if (!change_ok(change))
        return sql_error(err, FACTOR_E_INPUT,
                         "a change of kind %u lacks what it wants",
                         change->kind);
    if (change->kind == FACTOR_CHANGE_PUT)
        return put(self, change->row, err);
    if (change->kind == FACTOR_CHANGE_REMOVE)
        return remove_row(self, change->row, err);
    return remove_owned(self, change->row, err);
}

/* All of several changes or none.  (A single one is so by itself.) */
static factor_status
make_changes(struct writer *self, const struct factor_change *const *changes,
             size_t count, struct factor_error *err)
{
    factor_status status, undone;
    size_t i;

    status = run(self, SAVEPOINT, err);
    if (status != FACTOR_OK)
        return status;
    for (i = 0; i < count && status == FACTOR_OK; i++)
        status = make_change(self, changes[i], err);
    if (status == FACTOR_OK)
        return run(self, RELEASE, err);
    /* After a full disk SQLite may have rolled back the whole batch. */
    undone = run(self, UNDO, NULL);
    if (undone == FACTOR_OK)
        undone = run(self, RELEASE, NULL);
    if (status == FACTOR_E_CONFLICT && undone != FACTOR_OK)
        return sql_error(err, undone, "cannot undo changes");
    return status;
}

/* ------------------------------------------------------------------- batch */

/* Whether a batch can go on. */
static factor_status
check_batch(const struct writer *self, struct factor_error *err)
{
    if (!self->begun)
        return sql_error(err, FACTOR_E_INPUT, "no batch has begun");
    if (self->broken != FACTOR_OK)
        return sql_error(err, self->broken, "the batch has failed before");
    return FACTOR_OK;
}

factor_status
write_begin(struct writer *self, struct factor_error *err)
{
    factor_status status;

    if (self->begun)
        return sql_error(err, FACTOR_E_INPUT, "a batch has begun already");
    status = run(self, BEGIN, err);
    if (status != FACTOR_OK)
        return status;
    self->begun = true;
    self->broken = FACTOR_OK;
    return FACTOR_OK;
}

factor_status
write_apply(struct writer *self, const struct factor_change *const *changes,
            size_t count, struct factor_error *err)
{
    factor_status status = check_batch(self, err);

    if (status != FACTOR_OK || count == 0)
        return status;
    if (count == 1)
        status = make_change(self, changes[0], err);
    else
        status = make_changes(self, changes, count, err);
    if (status != FACTOR_E_CONFLICT)
        self->broken = status;
    return status;
}

void
write_abort(struct writer *self)
{
    if (!self->begun)
        return;
    self->begun = false;
    self->chain[0] = '\0';
    /* Some failures roll back by themselves; then there is nothing to do. */
    if (!sqlite3_get_autocommit(self->db))
        run(self, ROLLBACK, NULL);
}

factor_status
write_end(struct writer *self, struct factor_error *err)
{
    factor_status status = check_batch(self, err);

    if (status == FACTOR_OK)
        status = run(self, COMMIT, err);
    if (status != FACTOR_OK) {
        write_abort(self);
        return status;
    }
    self->begun = false;
    return FACTOR_OK;
}

/* ------------------------------------------------------------------- audit */

/* Remember where a chain ends, unless it is the one that we wrote last. */
static factor_status
find_chain(struct writer *self, const char *chain, struct factor_error *err)
{
    struct sqlite3_stmt *statement = self->statements[NEWEST];
    factor_status status = FACTOR_OK;
    int rc;

    if (strcmp(self->chain, chain) == 0)
        return FACTOR_OK;
    if (!chain[0] || strlen(chain) >= sizeof(self->chain))
        return sql_error(err, FACTOR_E_INPUT, "no name of an audit chain");
    self->chain[0] = '\0';
    rc = bind_text(statement, 1, chain);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        self->newest = (uint64_t)sqlite3_column_int64(statement, 0);
    else if (rc == SQLITE_DONE)
        self->newest = 0;
    else
        status = sql_failed(err, self->db, rc, statements[NEWEST].name);
    sqlite3_reset(statement);
    if (status == FACTOR_OK)
        memcpy(self->chain, chain, strlen(chain) + 1);
    return status;
}

static int
bind_audit(struct sqlite3_stmt *statement, const struct factor_audit_row *row)
{
    return bind_text(statement, 1, row->writer) |
           sqlite3_bind_int64(statement, 2, (int64_t)row->sequence) |
           sqlite3_bind_int64(statement, 3, row->at_ms) |
           sqlite3_bind_text64(statement, 4, row->event, row->event_len,
                               SQLITE_STATIC, SQLITE_UTF8) |
           sqlite3_bind_blob(statement, 5, row->hash, HASH_LEN, SQLITE_STATIC) |
           sqlite3_bind_blob(statement, 6, row->mac, HASH_LEN, SQLITE_STATIC);
}

static factor_status
append_row(struct writer *self, const struct factor_audit_row *row,
           struct factor_error *err)
{
    factor_status status;

    if (!row->writer || !row->event || !row->hash || !row->mac)
        return sql_error(err, FACTOR_E_INPUT, "an audit event lacks a part");
    status = find_chain(self, row->writer, err);
    if (status != FACTOR_OK)
        return status;
    if (row->sequence != self->newest + 1)
        return sql_error(err, FACTOR_E_INPUT,
                         "audit event %" PRIu64 " does not follow %" PRIu64
                         " of %s",
                         row->sequence, self->newest, row->writer);
    if (bind_audit(self->statements[APPEND], row) != SQLITE_OK)
        return sql_error(err, FACTOR_E_NOMEM, "cannot bind an audit event");
    status = run(self, APPEND, err);
    if (status == FACTOR_OK)
        self->newest++;
    return status;
}

factor_status
write_append(struct writer *self, const struct factor_audit_row *row,
             struct factor_error *err)
{
    factor_status status = check_batch(self, err);

    if (status != FACTOR_OK)
        return status;
    status = append_row(self, row, err);
    self->broken = status;
    return status;
}

/* ------------------------------------------------------------- checkpoints */

/* Once for a row of failures: it is tried again after each batch. */
static void
complain(struct writer *self, int rc)
{
    struct factor_error err;

    if (self->complained || !self->host)
        return;
    self->complained = true;
    sql_failed(&err, self->db, rc, "checkpoint");
    self->host->log("sqlite", FACTOR_LOG_WARNING, "%s", err.text);
}

void
write_maintain(struct writer *self)
{
    int frames = 0;
    int checkpointed = 0;
    int rc;

    /* Fewer than were copied: the log began anew. */
    if (self->frames < self->checkpointed)
        self->checkpointed = 0;
    if (self->begun || self->frames - self->checkpointed < CHECKPOINT_FRAMES)
        return;
    /* Passive: it waits for no reader and truncates nothing.  What a reader
     * holds back is copied by a later one; so is all after a failure. */
    rc = sqlite3_wal_checkpoint_v2(self->db, "main", SQLITE_CHECKPOINT_PASSIVE,
                                   &frames, &checkpointed);
    if (rc != SQLITE_OK) {
        complain(self, rc);
        return;
    }
    self->complained = false;
    self->checkpointed = checkpointed;
}
