/* SPDX-License-Identifier: MIT */
/* host/record/database.c - records over a store plugin: the reading side and
 * the writer thread. */
#include "host/record/database.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/log.h"
#include "host/record/audit.h"
#include "host/record/cache.h"

enum { BATCH_MAX = 512 }; /* commits under one sync */

struct database {
    struct database_parts parts;
    struct cache *cache;
    struct volatile_table *memory;
    struct audit_chain chain; /* the writer's */
    atomic_bool failing;      /* the last write did not succeed */

    pthread_t writer;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t queued;
    struct commit *first, **last;
    uint64_t batches, commits;
    bool stopping;
};

/* --- Reading. --- */

struct find {
    struct database *database;
    struct record_list *list;
    uint32_t room;
    struct factor_error *err;
};

static factor_status
find_row(void *context, const struct factor_row *row)
{
    struct find *find = context;
    struct record *record = NULL;
    factor_status st;

    if (find->list->count == find->room)
        return FACTOR_E_INTERNAL;
    st = record_decode(row, find->database->parts.keys, &record, find->err);
    if (st == FACTOR_OK)
        find->list->records[find->list->count++] = record;
    else if (st == FACTOR_E_INTERNAL && find->err)
        log_event("store", FACTOR_LOG_ERROR, "%s", find->err->text);
    return st;
}

static factor_status
read_store(struct database *database, const struct factor_query *query,
           struct record_list **ret_list, struct factor_error *err)
{
    struct find find = {database, record_list_new(query->limit), query->limit,
                        err};
    factor_status st;

    if (!find.list)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    find.list->count = 0;
    st = database->parts.ops->read(database->parts.store, query, find_row,
                                   &find, err);
    if (st == FACTOR_OK)
        *ret_list = find.list;
    else
        record_list_unref(find.list);
    return st;
}

/* Which question of the cache a query is; false: never cached. */
static bool
cacheable(const struct factor_query *query, enum cache_kind *ret_kind)
{
    static const struct {
        uint32_t query;
        enum cache_kind kind;
    } kinds[] = {{FACTOR_QUERY_ID, CACHE_ID},
                 {FACTOR_QUERY_NAME, CACHE_NAME},
                 {FACTOR_QUERY_OWNED, CACHE_OWNED}};
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].query == query->kind && !query->after) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    return false;
}

static factor_status
read_cached(struct database *database, enum cache_kind kind,
            const struct factor_query *query, struct record_list **ret_list,
            struct cache_mark *ret_mark, struct factor_error *err)
{
    struct record_list *list =
        cache_get(database->cache, kind, query->collection, query->key,
                  ret_mark);
    factor_status st;

    if (list && (kind != CACHE_OWNED || list->count <= query->limit)) {
        *ret_list = list;
        return FACTOR_OK;
    }
    record_list_unref(list);
    st = read_store(database, query, &list, err);
    if (st != FACTOR_OK)
        return st;
    if (kind != CACHE_OWNED || list->count < query->limit)
        cache_fill(database->cache, kind, query->collection, query->key, list,
                   ret_mark);
    *ret_list = list;
    return FACTOR_OK;
}

static struct record_list *
read_memory(struct database *database, const struct factor_query *query)
{
    struct record *record;
    struct record_list *list;

    if (query->kind != FACTOR_QUERY_ID)
        return NULL;
    record = volatile_get(database->memory, query->collection, query->key);
    list = record ? record_list_new(1) : NULL;
    if (list)
        list->records[0] = record;
    else
        record_unref(record);
    return list;
}

factor_status
database_read_marked(struct database *database,
                     const struct factor_query *query,
                     struct record_list **ret_list,
                     struct cache_mark *ret_mark, struct factor_error *err)
{
    struct record_list *list = read_memory(database, query);
    enum cache_kind kind;

    ret_mark->stamp = NULL;
    if (list) {
        *ret_list = list;
        return FACTOR_OK;
    }
    if (cacheable(query, &kind))
        return read_cached(database, kind, query, ret_list, ret_mark, err);
    return read_store(database, query, ret_list, err);
}

factor_status
database_read(struct database *database, const struct factor_query *query,
              struct record_list **ret_list, struct factor_error *err)
{
    struct cache_mark mark;

    return database_read_marked(database, query, ret_list, &mark, err);
}

/* --- Writing. --- */

static factor_status
apply_changes(struct database *database, const struct commit *commit,
              struct factor_error *err)
{
    if (commit->change_count == 0)
        return FACTOR_OK;
    return database->parts.ops->apply(database->parts.store, commit->list,
                                      commit->change_count, err);
}

static factor_status
append_event(struct database *database, const struct commit *commit,
             struct audit_chain *chain, struct factor_error *err)
{
    uint8_t hash[CRYPTO_MAC_LEN], mac[CRYPTO_MAC_LEN];
    struct factor_audit_row row;
    factor_status st;

    if (!commit->event)
        return FACTOR_OK;
    if (!audit_next(chain, commit->event, commit->at_ms, hash, mac, &row))
        return error_set(err, FACTOR_E_INTERNAL, "OpenSSL failed");
    st = database->parts.ops->append(database->parts.store, &row, err);
    if (st == FACTOR_OK)
        audit_moved(chain, &row);
    return st;
}

/* Each commit is done or in conflict; any other status fails the batch. */
static factor_status
write_batch(struct database *database, struct commit *batch,
            struct audit_chain *chain, struct factor_error *err)
{
    const struct factor_store_ops *ops = database->parts.ops;
    struct factor_store *store = database->parts.store;
    struct commit *commit;
    factor_status st = ops->begin(store, err);

    if (st != FACTOR_OK)
        return st;
    for (commit = batch; commit; commit = commit->next) {
        commit->status = apply_changes(database, commit, err);
        if (commit->status == FACTOR_E_CONFLICT)
            continue;
        st = commit->status;
        if (st == FACTOR_OK)
            st = append_event(database, commit, chain, err);
        if (st != FACTOR_OK) {
            ops->abort(store);
            return st;
        }
    }
    return ops->end(store, err);
}

static void
publish_change(struct database *database, const struct commit_change *change)
{
    const struct factor_record *face = &change->record->face;

    if (change->change.kind == FACTOR_CHANGE_PUT) {
        volatile_remove(database->memory, face->collection, face->id);
        cache_publish(database->cache, change->record);
    } else if (change->change.kind == FACTOR_CHANGE_REMOVE) {
        cache_retract(database->cache, face);
    } else {
        cache_retract_owner(database->cache, face->id);
    }
}

static void
publish(struct database *database, const struct commit *commit)
{
    const struct commit_change *change;

    if (commit->status != FACTOR_OK)
        return;
    for (change = commit->changes; change; change = change->next)
        publish_change(database, change);
}

/* Whoever is woken must find all of the commit, so this comes behind it. */
static void
tell_moved(struct database *database, const struct commit *commit)
{
    const struct commit_change *change;

    if (commit->status != FACTOR_OK || !database->parts.moved)
        return;
    for (change = commit->changes; change; change = change->next)
        database->parts.moved(database->parts.context, change->record);
}

/* Another node was faster (of this one's commits the cache knows already):
 * the next attempt must not be made from the same records. */
static void
forget(struct database *database, const struct commit *commit)
{
    const struct commit_change *change;
    struct factor_record face;

    if (commit->status != FACTOR_E_CONFLICT)
        return;
    for (change = commit->changes; change; change = change->next) {
        face = change->record->face;
        if (change->change.kind != FACTOR_CHANGE_PUT)
            face.version++;
        cache_forget(database->cache, &face);
    }
}

static void
finish_batch(struct database *database, struct commit *batch, factor_status st)
{
    struct commit *commit, *next;

    for (commit = batch; st == FACTOR_OK && commit; commit = commit->next)
        publish(database, commit);
    for (commit = batch; st == FACTOR_OK && commit; commit = commit->next)
        forget(database, commit);
    for (commit = batch; st == FACTOR_OK && commit; commit = commit->next)
        tell_moved(database, commit);
    for (commit = batch; commit; commit = next) {
        next = commit->next;
        if (st != FACTOR_OK)
            commit->status = st;
        commit->done(commit);
    }
}

/* What is in conflict is not written, and proves nothing. */
static bool
wrote(const struct commit *batch)
{
    for (; batch; batch = batch->next)
        if (batch->status == FACTOR_OK &&
            (batch->change_count > 0 || batch->event))
            return true;
    return false;
}

/* Before anybody is answered: who was told of the failure must not be the
 * first to see it. */
static void
note_health(struct database *database, const struct commit *batch,
            factor_status st)
{
    if (st != FACTOR_OK)
        atomic_store(&database->failing, true);
    else if (wrote(batch))
        atomic_store(&database->failing, false);
}

static void
run_batch(struct database *database, struct commit *batch)
{
    struct audit_chain chain = database->chain;
    struct factor_error err = {0};
    factor_status st = write_batch(database, batch, &chain, &err);

    if (st == FACTOR_OK)
        database->chain = chain;
    else
        log_event("store", FACTOR_LOG_ERROR, "commit failed: %s", err.text);
    note_health(database, batch, st);
    finish_batch(database, batch, st);
    database->parts.ops->maintain(database->parts.store);
}

/* The queue makes the batch: everything that came while the last one was
 * being synced.  No timed waiting. */
static struct commit *
take_batch(struct database *database)
{
    struct commit *batch, **end;
    size_t count = 0;

    pthread_mutex_lock(&database->lock);
    while (!database->first && !database->stopping)
        pthread_cond_wait(&database->queued, &database->lock);
    batch = database->first;
    for (end = &database->first; *end && count < BATCH_MAX;
         end = &(*end)->next)
        count++;
    database->first = *end;
    if (!database->first)
        database->last = &database->first;
    if (batch) {
        *end = NULL;
        database->batches++;
        database->commits += count;
    }
    pthread_mutex_unlock(&database->lock);
    return batch;
}

static void *
writer_run(void *context)
{
    struct database *database = context;
    struct commit *batch;

    while ((batch = take_batch(database)))
        run_batch(database, batch);
    return NULL;
}

void
database_commit(struct database *database, struct commit *commit)
{
    commit->next = NULL;
    pthread_mutex_lock(&database->lock);
    *database->last = commit;
    database->last = &commit->next;
    pthread_cond_signal(&database->queued);
    pthread_mutex_unlock(&database->lock);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool finished;
};

static void
wake_waiter(struct commit *commit)
{
    struct waiter *waiter = commit->context;

    pthread_mutex_lock(&waiter->lock);
    waiter->finished = true;
    pthread_cond_signal(&waiter->done);
    pthread_mutex_unlock(&waiter->lock);
}

factor_status
database_commit_wait(struct database *database, struct commit *commit)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                            false};

    commit->done = wake_waiter;
    commit->context = &waiter;
    database_commit(database, commit);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.finished)
        pthread_cond_wait(&waiter.done, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    return commit->status;
}

bool
database_put_memory(struct database *database, struct record *record)
{
    if (!volatile_put(database->memory, record))
        return false;
    if (database->parts.moved)
        database->parts.moved(database->parts.context, record);
    return true;
}

/* --- Life. --- */

static factor_status
chain_row(void *context, const struct factor_audit_row *row)
{
    audit_moved(context, row);
    return FACTOR_OK;
}

static factor_status
chain_open(struct database *database, struct factor_error *err)
{
    struct audit_chain *chain = &database->chain;

    chain->keys = database->parts.keys;
    chain->writer = keys_environment(database->parts.keys);
    return database->parts.ops->read_audit(database->parts.store, chain->writer,
                                           0, 0, chain_row, chain, err);
}

static void
database_free(struct database *database)
{
    cache_free(database->cache);
    volatile_free(database->memory);
    pthread_cond_destroy(&database->queued);
    pthread_mutex_destroy(&database->lock);
    free(database);
}

factor_status
database_open(const struct database_parts *parts,
              struct database **ret_database, struct factor_error *err)
{
    struct database *database = calloc(1, sizeof(*database));
    factor_status st;

    if (!database)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    database->parts = *parts;
    database->last = &database->first;
    pthread_mutex_init(&database->lock, NULL);
    pthread_cond_init(&database->queued, NULL);
    database->cache = cache_new(parts->cache_bytes);
    database->memory = volatile_new(parts->volatile_bytes);
    st = database->cache && database->memory
             ? chain_open(database, err)
             : error_set(err, FACTOR_E_NOMEM, "out of memory");
    if (st == FACTOR_OK &&
        pthread_create(&database->writer, NULL, writer_run, database) != 0)
        st = error_set(err, FACTOR_E_INTERNAL, "no thread for the writer");
    if (st != FACTOR_OK) {
        database_free(database);
        return st;
    }
    *ret_database = database;
    return FACTOR_OK;
}

void
database_close(struct database *database)
{
    if (!database)
        return;
    pthread_mutex_lock(&database->lock);
    database->stopping = true;
    pthread_cond_signal(&database->queued);
    pthread_mutex_unlock(&database->lock);
    pthread_join(database->writer, NULL);
    database_free(database);
}

bool
database_failing(struct database *database)
{
    return atomic_load(&database->failing);
}

struct volatile_table *
database_volatile(struct database *database)
{
    return database->memory;
}

struct keys *
database_keys(struct database *database)
{
    return database->parts.keys;
}

void
database_counts(struct database *database, uint64_t *ret_batches,
                uint64_t *ret_commits)
{
    pthread_mutex_lock(&database->lock);
    *ret_batches = database->batches;
    *ret_commits = database->commits;
    pthread_mutex_unlock(&database->lock);
}

const struct database_parts *
database_parts(const struct database *database)
{
    return &database->parts;
}

factor_status
database_backup(struct database *database, const char *path,
                struct factor_error *err)
{
    return database->parts.ops->backup(database->parts.store, path, err);
}
