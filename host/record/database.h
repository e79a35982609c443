/* SPDX-License-Identifier: MIT */
/* host/record/database.h - records over a store plugin: reads through the
 * cache on any thread, commits in batches on the one writer thread. */
#ifndef HOST_RECORD_DATABASE_H
#define HOST_RECORD_DATABASE_H

#include <stdbool.h>

#include "factor/store.h"
#include "host/keys.h"
#include "host/record/cache.h"
#include "host/record/record.h"
#include "host/record/volatile.h"

struct database;

/* What a database is made of.  Borrowed until database_close. */
struct database_parts {
    const struct factor_store_ops *ops;
    struct factor_store *store;
    struct keys *keys;
    size_t cache_bytes;
    size_t volatile_bytes;
    /* Called for every record that was written or removed: on the writer's
     * thread after a durable commit and before its done(), or on that of
     * database_put_memory(); NULL: not. */
    void (*moved)(void *context, const struct record *record);
    void *context;
};

/* Start the writer.  FACTOR_E_IO, FACTOR_E_INTERNAL (the audit log's end
 * cannot be read). */
factor_status database_open(const struct database_parts *parts,
                            struct database **ret_database,
                            struct factor_error *err);
/* Commit what is queued, stop the writer, free; NULL is allowed. */
void database_close(struct database *database);

/* What the query finds, one reference to a list (never NULL when OK; for
 * OWNED, PAGE and DUE at most query.limit).  Flows and sessions that live in
 * memory only are found by id like others.  Any thread.
 * FACTOR_E_IO, FACTOR_E_INTERNAL (a record was tampered with). */
factor_status database_read(struct database *database,
                            const struct factor_query *query,
                            struct record_list **ret_list,
                            struct factor_error *err);

/* The same, with a mark of since when it is so; of what lives in memory, and
 * of pages, there is none. */
factor_status database_read_marked(struct database *database,
                                   const struct factor_query *query,
                                   struct record_list **ret_list,
                                   struct cache_mark *ret_mark,
                                   struct factor_error *err);

/* One change of a commit; kind as in factor/store.h. */
struct commit_change {
    struct commit_change *next;
    struct record *record;  /* PUT: as it will be; REMOVE: as it was; OWNED:
                             * the user's own record; one reference */
    struct factor_row *row; /* owned by the change */
    struct factor_change change;
};

/* Everything that one step writes: all of it or nothing. */
struct commit {
    struct commit *next;           /* of the queue */
    struct commit_change *changes; /* in order */
    const struct factor_change *const *list; /* the same, as a store takes */
    size_t change_count;
    const char *event;             /* audit: JSON text; or NULL: none */
    int64_t at_ms;
    void (*done)(struct commit *commit); /* on the writer's thread */
    void *context;                       /* for done */
    factor_status status; /* OK, CONFLICT (nothing of it was written), IO */
};

/* Queue a commit.  done() is called once, after the batch that holds it is
 * durable, or failed; the commit may be freed then.  Any thread. */
void database_commit(struct database *database, struct commit *commit);

/* The same, and wait.  Not on the writer's thread. */
factor_status database_commit_wait(struct database *database,
                                   struct commit *commit);

/* Whether the last commit that had something to write could not be written;
 * only one that can makes this false again.  Any thread. */
bool database_failing(struct database *database);

/* Put a record that lives in memory only; false as volatile_put().  Any
 * thread. */
bool database_put_memory(struct database *database, struct record *record);

struct volatile_table *database_volatile(struct database *database);
struct keys *database_keys(struct database *database);

/* Batches and commits so far.  Any thread. */
void database_counts(struct database *database, uint64_t *ret_batches,
                     uint64_t *ret_commits);

/* What it is made of; constant. */
const struct database_parts *database_parts(const struct database *database);

/* A consistent copy into a new file while running.  Any thread. */
factor_status database_backup(struct database *database, const char *path,
                              struct factor_error *err);

#endif
