/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/read.c - reads, by read-only connections that any
 * thread borrows. */
#include "plugin/store-sqlite/read.h"

#include <pthread.h>
#include <stdlib.h>

/* ------------------------------------------------------------ statements */

enum {
    BY_ID,
    BY_NAME,
    OWNED,
    PAGE,
    DUE,
    EXPIRED,
    KEY,
    AUDIT_OF,
    AUDIT_NEWEST_OF,
    AUDIT_ALL,
    AUDIT_NEWEST,
    STATEMENT_COUNT
};

/* Parameters have the same numbers everywhere. */
enum {
    P_COLLECTION = 1,
    P_KEY = 2,
    P_AFTER = 3,
    P_LIMIT = 4,
    P_BOUND = 5 /* at_ms or key_version */
};

#define COLUMNS                                                                \
    "collection, id, owner, name, version, expires_at_ms, due_at_ms,"          \
    " key_version, mac, body"
#define AUDIT_COLUMNS "writer, sequence, at_ms, event, hash, mac"

/* INDEXED BY: without statistics the planner takes a prefix of whatever
 * index comes first and scans all devices there are. */
static const struct sql_statement statements[STATEMENT_COUNT] = {
    [BY_ID] = { "read by id",
        "SELECT " COLUMNS " FROM record INDEXED BY record_id"
        " WHERE collection = ?1 AND id = ?2",
        "SEARCH record USING INDEX record_id (collection=? AND id=?)" },
    [BY_NAME] = { "read by name",
        "SELECT " COLUMNS " FROM record INDEXED BY record_name"
        " WHERE collection = ?1 AND name = ?2",
        "SEARCH record USING INDEX record_name (collection=? AND name=?)" },
    [OWNED] = { "read by owner",
        "SELECT " COLUMNS " FROM record INDEXED BY record_owner"
        " WHERE owner = ?2 AND collection = ?1 AND id > ?3"
        " ORDER BY id LIMIT ?4",
        "SEARCH record USING INDEX record_owner"
        " (owner=? AND collection=? AND id>?)" },
    [PAGE] = { "read a page",
        "SELECT " COLUMNS " FROM record INDEXED BY record_id"
        " WHERE collection = ?1 AND id > ?3 ORDER BY id LIMIT ?4",
        "SEARCH record USING INDEX record_id (collection=? AND id>?)" },
    [DUE] = { "read what is due",
        "SELECT " COLUMNS " FROM record INDEXED BY record_due"
        " WHERE collection = ?1 AND due_at_ms > 0 AND due_at_ms <= ?5"
        " ORDER BY due_at_ms, rowid LIMIT ?4",
        "SEARCH record USING INDEX record_due"
        " (collection=? AND due_at_ms>? AND due_at_ms<?)" },
    [EXPIRED] = { "read what has expired",
        "SELECT " COLUMNS " FROM record INDEXED BY record_expires"
        " WHERE expires_at_ms > 0 AND expires_at_ms <= ?5"
        " ORDER BY expires_at_ms, rowid LIMIT ?4",
        "SEARCH record USING INDEX record_expires"
        " (expires_at_ms>? AND expires_at_ms<?)" },
    [KEY] = { "read what older keys sealed",
        "SELECT " COLUMNS " FROM record INDEXED BY record_key"
        " WHERE key_version < ?5 ORDER BY key_version, rowid LIMIT ?4",
        "SEARCH record USING INDEX record_key (key_version<?)" },
    [AUDIT_OF] = { "read a writer's audit",
        "SELECT " AUDIT_COLUMNS " FROM audit INDEXED BY audit_sequence"
        " WHERE writer = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
        "SEARCH audit USING INDEX audit_sequence (writer=? AND sequence>?)" },
    [AUDIT_NEWEST_OF] = { "read a writer's newest audit",
        "SELECT " AUDIT_COLUMNS " FROM audit INDEXED BY audit_sequence"
        " WHERE writer = ?2 AND sequence > ?3"
        " ORDER BY sequence DESC LIMIT 1",
        "SEARCH audit USING INDEX audit_sequence (writer=? AND sequence>?)" },
    /* Chain by chain, so that a verifier needs one state. */
    [AUDIT_ALL] = { "read all audit",
        "SELECT " AUDIT_COLUMNS " FROM audit INDEXED BY audit_sequence"
        " WHERE sequence > ?3 ORDER BY writer, sequence LIMIT ?4",
        "SCAN audit USING INDEX audit_sequence" },
    [AUDIT_NEWEST] = { "read the newest audit",
        "SELECT " AUDIT_COLUMNS " FROM audit NOT INDEXED"
        " WHERE sequence > ?3 ORDER BY rowid DESC LIMIT 1",
        "SCAN audit" }, /* from the end: one row */
};

const struct sql_statement *
read_statements(size_t *ret_count)
{
    *ret_count = STATEMENT_COUNT;
    return statements;
}

/* ------------------------------------------------------------------ pool */

struct reader {
    struct sqlite3 *db;
    struct sqlite3_stmt *statements[STATEMENT_COUNT];
    struct reader *next_idle;
};

struct readers {
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct reader *idle; /* the last one used comes first: it is warm */
    size_t count;
    struct reader all[];
};

static factor_status
reader_open(struct reader *reader, const char *path, const char *vfs,
            struct factor_error *err)
{
    factor_status status;

    status = sql_open(path, SQLITE_OPEN_READONLY, vfs, &reader->db, err);
    if (status != FACTOR_OK)
        return status;
    /* Any commit empties a reader's cache, so a large one would hold little.
     * A writer never makes it wait; recovery by a tool's connection may. */
    sqlite3_busy_timeout(reader->db, 1000);
    status = sql_exec(reader->db,
                      "PRAGMA query_only = ON;"
                      "PRAGMA cache_size = -512;",
                      err);
    if (status != FACTOR_OK)
        return status;
    return sql_prepare(reader->db, statements, STATEMENT_COUNT,
                       reader->statements, err);
}

static void
put_back(struct readers *self, struct reader *reader)
{
    pthread_mutex_lock(&self->mutex);
    reader->next_idle = self->idle;
    self->idle = reader;
    pthread_cond_signal(&self->returned);
    pthread_mutex_unlock(&self->mutex);
}

static struct reader *
borrow(struct readers *self)
{
    struct reader *reader;

    pthread_mutex_lock(&self->mutex);
    while (!self->idle)
        pthread_cond_wait(&self->returned, &self->mutex);
    reader = self->idle;
    self->idle = reader->next_idle;
    pthread_mutex_unlock(&self->mutex);
    return reader;
}

factor_status
read_open(const char *path, const char *vfs, size_t count,
          struct readers **ret_self, struct factor_error *err)
{
    struct readers *self;
    factor_status status = FACTOR_OK;
    size_t i;

    self = calloc(1, sizeof(*self) + count * sizeof(self->all[0]));
    if (!self)
        return sql_error(err, FACTOR_E_NOMEM, "out of memory");
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->returned, NULL);
    self->count = count;
    for (i = 0; i < count && status == FACTOR_OK; i++) {
        status = reader_open(&self->all[i], path, vfs, err);
        put_back(self, &self->all[i]);
    }
    if (status != FACTOR_OK) {
        read_close(self);
        return status;
    }
    *ret_self = self;
    return FACTOR_OK;
}

void
read_close(struct readers *self)
{
    size_t i;

    if (!self)
        return;
    for (i = 0; i < self->count; i++) {
        sql_finalize(self->all[i].statements, STATEMENT_COUNT);
        sqlite3_close(self->all[i].db);
    }
    pthread_cond_destroy(&self->returned);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

/* --------------------------------------------------------------- queries */

enum {
    TAKES_COLLECTION = 1 << 0,
    TAKES_KEY = 1 << 1,
    TAKES_AFTER = 1 << 2,
    TAKES_LIMIT = 1 << 3,
    TAKES_INSTANT = 1 << 4,
    TAKES_KEY_VERSION = 1 << 5
};

/* By FACTOR_QUERY_...: the statement and what is bound to it. */
static const struct query_kind {
    int statement;
    unsigned takes;
} query_kinds[] = {
    [FACTOR_QUERY_ID] = { BY_ID, TAKES_COLLECTION | TAKES_KEY },
    [FACTOR_QUERY_NAME] = { BY_NAME, TAKES_COLLECTION | TAKES_KEY },
    [FACTOR_QUERY_OWNED] = { OWNED, TAKES_COLLECTION | TAKES_KEY |
                                        TAKES_AFTER | TAKES_LIMIT },
    [FACTOR_QUERY_PAGE] = { PAGE,
                            TAKES_COLLECTION | TAKES_AFTER | TAKES_LIMIT },
    [FACTOR_QUERY_DUE] = { DUE,
                           TAKES_COLLECTION | TAKES_INSTANT | TAKES_LIMIT },
    [FACTOR_QUERY_EXPIRED] = { EXPIRED, TAKES_INSTANT | TAKES_LIMIT },
    [FACTOR_QUERY_KEY] = { KEY, TAKES_KEY_VERSION | TAKES_LIMIT },
};

#define QUERY_KINDS (sizeof(query_kinds) / sizeof(query_kinds[0]))
#define LIMIT_MAX 1000u

/* The query's kind, or NULL if the query breaks the contract. */
static const struct query_kind *
kind_of(const struct factor_query *query)
{
    const struct query_kind *kind;

    if (query->kind == 0 || query->kind >= QUERY_KINDS)
        return NULL;
    kind = &query_kinds[query->kind];
    if (!(kind->takes & TAKES_COLLECTION) != !query->collection)
        return NULL;
    if (!(kind->takes & TAKES_KEY) != !query->key)
        return NULL;
    if (query->after && !(kind->takes & TAKES_AFTER))
        return NULL;
    if ((kind->takes & TAKES_LIMIT) &&
        (query->limit == 0 || query->limit > LIMIT_MAX))
        return NULL;
    return kind;
}

static int
bind_text(struct sqlite3_stmt *statement, int parameter, const char *text)
{
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

static int
bind_query(struct sqlite3_stmt *statement, unsigned takes,
           const struct factor_query *query)
{
    int rc = SQLITE_OK;

    if (takes & TAKES_COLLECTION)
        rc |= bind_text(statement, P_COLLECTION, query->collection);
    if (takes & TAKES_KEY)
        rc |= bind_text(statement, P_KEY, query->key);
    if (takes & TAKES_AFTER)
        rc |= bind_text(statement, P_AFTER, query->after ? query->after : "");
    if (takes & TAKES_LIMIT)
        rc |= sqlite3_bind_int64(statement, P_LIMIT, query->limit);
    if (takes & TAKES_INSTANT)
        rc |= sqlite3_bind_int64(statement, P_BOUND, query->at_ms);
    if (takes & TAKES_KEY_VERSION)
        rc |= sqlite3_bind_int64(statement, P_BOUND, query->key_version);
    return rc;
}

/* ------------------------------------------------------------------ rows */

static const char *
column_text(struct sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* In the order of COLUMNS. */
static factor_status
give_row(struct sqlite3_stmt *statement, factor_row_fn *row_fn, void *context)
{
    struct factor_row row = { .struct_size = sizeof(row) };

    row.collection = column_text(statement, 0);
    row.id = column_text(statement, 1);
    row.owner = column_text(statement, 2);
    row.name = column_text(statement, 3);
    row.version = (uint64_t)sqlite3_column_int64(statement, 4);
    row.expires_at_ms = sqlite3_column_int64(statement, 5);
    row.due_at_ms = sqlite3_column_int64(statement, 6);
    row.key_version = (uint32_t)sqlite3_column_int64(statement, 7);
    row.mac = sqlite3_column_blob(statement, 8);
    row.mac_len = (size_t)sqlite3_column_bytes(statement, 8);
    row.body = column_text(statement, 9);
    row.body_len = (size_t)sqlite3_column_bytes(statement, 9);
    if (!row.collection || !row.id || !row.body)
        return FACTOR_E_NOMEM;
    return row_fn(context, &row);
}

#define HASH_LEN 32

/* In the order of AUDIT_COLUMNS. */
static factor_status
give_audit(struct sqlite3_stmt *statement, factor_audit_fn *audit_fn,
           void *context)
{
    struct factor_audit_row row = { .struct_size = sizeof(row) };

    row.writer = column_text(statement, 0);
    row.sequence = (uint64_t)sqlite3_column_int64(statement, 1);
    row.at_ms = sqlite3_column_int64(statement, 2);
    row.event = column_text(statement, 3);
    row.event_len = (uint32_t)sqlite3_column_bytes(statement, 3);
    row.hash = sqlite3_column_blob(statement, 4);
    row.mac = sqlite3_column_blob(statement, 5);
    if (!row.writer || !row.event)
        return FACTOR_E_NOMEM;
    if (sqlite3_column_bytes(statement, 4) != HASH_LEN ||
        sqlite3_column_bytes(statement, 5) != HASH_LEN)
        return FACTOR_E_IO;
    return audit_fn(context, &row);
}

/* Where rows go: one of the two. */
struct taker {
    factor_row_fn *row_fn;
    factor_audit_fn *audit_fn;
    void *context;
};

static factor_status
give(struct sqlite3_stmt *statement, const struct taker *taker)
{
    if (taker->row_fn)
        return give_row(statement, taker->row_fn, taker->context);
    return give_audit(statement, taker->audit_fn, taker->context);
}

/* Step through a statement whose binding gave rc; it is reset. */
static factor_status
run(struct reader *reader, int which, int rc, const struct taker *taker,
    struct factor_error *err)
{
    struct sqlite3_stmt *statement = reader->statements[which];
    factor_status status = FACTOR_OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    while (rc == SQLITE_ROW && status >= FACTOR_OK) {
        status = give(statement, taker);
        if (status >= FACTOR_OK)
            rc = sqlite3_step(statement);
    }
    if (status < FACTOR_OK)
        sql_error(err, status, "cannot %s: ended early",
                  statements[which].name);
    else if (rc != SQLITE_DONE)
        status = sql_failed(err, reader->db, rc, statements[which].name);
    else
        status = FACTOR_OK;
    sqlite3_reset(statement);
    return status;
}

factor_status
read_records(struct readers *self, const struct factor_query *query,
             factor_row_fn *row_fn, void *context, struct factor_error *err)
{
    const struct taker taker = { .row_fn = row_fn, .context = context };
    const struct query_kind *kind = kind_of(query);
    struct reader *reader;
    factor_status status;
    int rc;

    if (!kind)
        return sql_error(err, FACTOR_E_INPUT,
                         "a query of kind %u is not as the contract has it",
                         query->kind);
    reader = borrow(self);
    rc = bind_query(reader->statements[kind->statement], kind->takes, query);
    status = run(reader, kind->statement, rc, &taker, err);
    put_back(self, reader);
    return status;
}

static int
audit_statement(const char *writer, uint32_t limit)
{
    if (limit == 0)
        return writer ? AUDIT_NEWEST_OF : AUDIT_NEWEST;
    return writer ? AUDIT_OF : AUDIT_ALL;
}

factor_status
read_audit(struct readers *self, const char *writer, uint64_t after,
           uint32_t limit, factor_audit_fn *audit_fn, void *context,
           struct factor_error *err)
{
    const struct taker taker = { .audit_fn = audit_fn, .context = context };
    const int which = audit_statement(writer, limit);
    struct sqlite3_stmt *statement;
    struct reader *reader;
    factor_status status;
    int rc = SQLITE_OK;

    if (after > INT64_MAX)
        return FACTOR_OK; /* nothing is so far on */
    reader = borrow(self);
    statement = reader->statements[which];
    if (writer)
        rc |= bind_text(statement, P_KEY, writer);
    rc |= sqlite3_bind_int64(statement, P_AFTER, (int64_t)after);
    if (limit > 0)
        rc |= sqlite3_bind_int64(statement, P_LIMIT, limit);
    status = run(reader, which, rc, &taker, err);
    put_back(self, reader);
    return status;
}
