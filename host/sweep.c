/* SPDX-License-Identifier: MIT */
/* host/sweep.c - house-keeping in the background. */
#include "host/sweep.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/json.h"
#include "host/log.h"
#include "host/outbox/bundle.h"
#include "host/outbox/row.h"

enum {
    INTERVAL_MS = 30000,
    BATCH = 64, /* records at a time, in one commit where nobody interferes */
    PAUSE_MIN_MS = 1
};

struct sweep {
    struct sweep_parts parts;
    pthread_t thread;
    pthread_mutex_t pass; /* held by whoever runs one */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t stop;
    bool stopping;
    uint32_t least_key;

    uint32_t pass_key; /* newest key at the last pass; under pass */
};

/* A record, and what is to be done with it. */
struct task {
    struct sweep *sweep;
    const struct record *record;
    bool expires; /* a message that is settled, not a record that is removed */
    bool moved;   /* it was written by somebody else since */
    bool tried;
};

/* How one sort of record is found and treated. */
struct chore {
    uint32_t kind; /* FACTOR_QUERY_... */
    factor_status (*decide)(struct txn *txn, void *context,
                            struct factor_error *err);
    /* Whether to leave it alone for now. */
    bool (*leave)(const struct record *record);
};

/* The record as it stands, if it is still the version that was found. */
static factor_status
find(struct txn *txn, struct task *task, const struct record **ret_record)
{
    const struct factor_record *face = &task->record->face;
    factor_status st =
        txn_read_id(txn, face->collection, face->id, ret_record);

    task->moved = st == FACTOR_E_NOTFOUND ||
                  (st == FACTOR_OK &&
                   (*ret_record)->face.version != face->version);
    return task->moved ? FACTOR_OK : st;
}

/* --- What has expired. --- */

static bool
is_open_message(const struct record *record)
{
    return strcmp(record->face.collection, OUTBOX_COLLECTION) == 0 &&
           row_open(record);
}

static factor_status
remove_expired(struct txn *txn, void *context, struct factor_error *err)
{
    static const struct row_news nothing;
    struct task *task = context;
    const struct record *record = NULL;
    factor_status st = find(txn, task, &record);

    if (st != FACTOR_OK || task->moved)
        return st;
    task->expires = is_open_message(record);
    if (!task->expires)
        return txn_remove(txn, record);
    return row_settle(txn, record, ROW_EXPIRED, &nothing,
                      task->sweep->parts.keep_settled_ms, !task->tried, err);
}

static bool
leave_none(const struct record *record)
{
    (void)record;
    return false;
}

/* --- What an older key sealed (K2). --- */

static factor_status
reseal(struct txn *txn, void *context, struct factor_error *err)
{
    struct task *task = context;
    const struct record *record = NULL;
    factor_status st = find(txn, task, &record);
    struct txn_put put;

    if (st != FACTOR_OK || task->moved)
        return st;
    put = (struct txn_put){
        .collection = record->face.collection,
        .id = record->face.id,
        .owner = record->face.owner,
        .name = record->face.name,
        .version = record->face.version,
        .expires_at_ms = record->face.expires_at_ms,
        .due_at_ms = record->due_at_ms,
        .body = json_share(record->body),
    };
    return txn_put(txn, &put, err);
}

/* Whoever delivers a message knows its version: a new one would make it go
 * out twice.  It ends soon, and is written then. */
static bool
leave_sending(const struct record *record)
{
    const char *state = json_text(record->body, "state");

    return is_open_message(record) && strcmp(state, "sending") == 0;
}

static const struct chore expired_chore = {FACTOR_QUERY_EXPIRED,
                                           remove_expired, leave_none};
static const struct chore reseal_chore = {FACTOR_QUERY_KEY, reseal,
                                          leave_sending};

/* --- Batches. --- */

static bool
must_stop(struct sweep *sweep)
{
    bool stopping;

    pthread_mutex_lock(&sweep->lock);
    stopping = sweep->stopping;
    pthread_mutex_unlock(&sweep->lock);
    return stopping;
}

/* Wait, unless it is time to stop. */
static void
pause_ms(struct sweep *sweep, int64_t wait_ms)
{
    int64_t at = clock_steady_ms() + wait_ms;
    const struct timespec until = {.tv_sec = at / 1000,
                                   .tv_nsec = at % 1000 * 1000000};

    pthread_mutex_lock(&sweep->lock);
    while (!sweep->stopping && clock_steady_ms() < at)
        pthread_cond_timedwait(&sweep->stop, &sweep->lock, &until);
    pthread_mutex_unlock(&sweep->lock);
}

static factor_status
find_batch(struct sweep *sweep, const struct chore *chore, uint32_t key,
           struct record_list **ret_list, struct factor_error *err)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = chore->kind,
        .at_ms = chore->kind == FACTOR_QUERY_EXPIRED ? sweep->parts.now_ms()
                                                     : 0,
        .limit = BATCH,
        .key_version = key,
    };

    return database_read(sweep->parts.database, &query, ret_list, err);
}

/* A note that cannot be left must not keep the message alive. */
static void
settle_without_note(struct sweep *sweep, struct task *tasks,
                    struct bundle_item *items, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (items[i].status != FACTOR_OK && items[i].status != FACTOR_E_IO &&
            tasks[i].expires) {
            tasks[i].tried = true;
            bundle_commit(sweep->parts.database, sweep->parts.now_ms(),
                          &items[i], 1);
        }
}

/* Returns how many records were written. */
static size_t
treat_batch(struct sweep *sweep, const struct chore *chore,
            const struct record_list *list, uint64_t *ret_messages)
{
    struct task tasks[BATCH];
    struct bundle_item items[BATCH];
    size_t count = 0, done = 0, i;

    for (i = 0; i < list->count; i++) {
        if (chore->leave(list->records[i]))
            continue;
        tasks[count] = (struct task){.sweep = sweep,
                                     .record = list->records[i]};
        items[count] = (struct bundle_item){
            .decide = chore->decide,
            .context = &tasks[count],
            .alone = is_open_message(list->records[i]),
        };
        count++;
    }
    bundle_commit(sweep->parts.database, sweep->parts.now_ms(), items, count);
    settle_without_note(sweep, tasks, items, count);
    for (i = 0; i < count; i++) {
        done += items[i].status == FACTOR_OK && !tasks[i].moved;
        *ret_messages += items[i].status == FACTOR_OK && !tasks[i].moved &&
                         tasks[i].expires;
    }
    return done;
}

/* Until nothing is found, or nothing can be done with what is found.  Half of
 * the time is the writer's own.  *ret_left: there are some left. */
static factor_status
run_chore(struct sweep *sweep, const struct chore *chore, uint32_t key,
          uint64_t *ret_done, uint64_t *ret_messages, bool *ret_left,
          struct factor_error *err)
{
    struct record_list *list;
    int64_t began;
    size_t done;
    factor_status st;

    *ret_left = true;
    while (!must_stop(sweep)) {
        began = clock_steady_ms();
        st = find_batch(sweep, chore, key, &list, err);
        if (st != FACTOR_OK)
            return st;
        *ret_left = list->count > 0;
        done = treat_batch(sweep, chore, list, ret_messages);
        record_list_unref(list);
        *ret_done += done;
        if (done == 0)
            break;
        pause_ms(sweep, clock_steady_ms() - began + PAUSE_MIN_MS);
    }
    return FACTOR_OK;
}

/* --- A pass. --- */

/* A commit that was encoded before the rotation may come after we looked, so
 * a look counts only if the newest key was that at the last pass already. */
static void
note_key(struct sweep *sweep, uint32_t newest, bool left)
{
    if (!left && sweep->pass_key == newest) {
        pthread_mutex_lock(&sweep->lock);
        sweep->least_key = newest;
        pthread_mutex_unlock(&sweep->lock);
    }
    sweep->pass_key = newest;
}

static factor_status
run_pass(struct sweep *sweep, struct sweep_counts *ret_counts,
         struct factor_error *err)
{
    struct database *database = sweep->parts.database;
    uint32_t newest = keys_newest(database_keys(database));
    uint64_t removed = 0, none = 0;
    bool left = true;
    factor_status st = run_chore(sweep, &expired_chore, 0, &removed,
                                 &ret_counts->messages, &left, err);

    ret_counts->removed = removed - ret_counts->messages;
    volatile_sweep(database_volatile(database), sweep->parts.now_ms());
    if (st == FACTOR_OK)
        st = run_chore(sweep, &reseal_chore, newest, &ret_counts->resealed,
                       &none, &left, err);
    if (st == FACTOR_OK)
        note_key(sweep, newest, left);
    return st;
}

factor_status
sweep_now(struct sweep *sweep, struct sweep_counts *ret_counts,
          struct factor_error *err)
{
    struct sweep_counts counts = {0};
    factor_status st;

    pthread_mutex_lock(&sweep->pass);
    st = run_pass(sweep, &counts, err);
    pthread_mutex_unlock(&sweep->pass);
    if (ret_counts)
        *ret_counts = counts;
    return st;
}

uint32_t
sweep_least_key(struct sweep *sweep)
{
    uint32_t key;

    pthread_mutex_lock(&sweep->lock);
    key = sweep->least_key;
    pthread_mutex_unlock(&sweep->lock);
    return key;
}

/* --- The thread. --- */

static void *
sweep_run(void *context)
{
    struct sweep *sweep = context;
    struct factor_error err;

    for (;;) {
        pause_ms(sweep, sweep->parts.interval_ms);
        if (must_stop(sweep))
            return NULL;
        err.text[0] = '\0';
        if (sweep_now(sweep, NULL, &err) != FACTOR_OK)
            log_event("sweep", FACTOR_LOG_ERROR, "the store failed: %s",
                      err.text);
    }
}

static struct sweep *
sweep_new(const struct sweep_parts *parts)
{
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    pthread_condattr_t steady;

    if (!sweep)
        return NULL;
    sweep->parts = *parts;
    if (!sweep->parts.interval_ms)
        sweep->parts.interval_ms = INTERVAL_MS;
    if (!sweep->parts.now_ms)
        sweep->parts.now_ms = clock_now_ms;
    pthread_mutex_init(&sweep->pass, NULL);
    pthread_mutex_init(&sweep->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&sweep->stop, &steady);
    pthread_condattr_destroy(&steady);
    return sweep;
}

static void
sweep_free(struct sweep *sweep)
{
    pthread_cond_destroy(&sweep->stop);
    pthread_mutex_destroy(&sweep->lock);
    pthread_mutex_destroy(&sweep->pass);
    free(sweep);
}

factor_status
sweep_start(const struct sweep_parts *parts, struct sweep **ret_sweep,
            struct factor_error *err)
{
    struct sweep *sweep = sweep_new(parts);

    if (!sweep)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    if (pthread_create(&sweep->thread, NULL, sweep_run, sweep) != 0) {
        sweep_free(sweep);
        return error_set(err, FACTOR_E_INTERNAL, "no thread for the sweeper");
    }
    *ret_sweep = sweep;
    return FACTOR_OK;
}

void
sweep_stop(struct sweep *sweep)
{
    if (!sweep)
        return;
    pthread_mutex_lock(&sweep->lock);
    sweep->stopping = true;
    pthread_cond_signal(&sweep->stop);
    pthread_mutex_unlock(&sweep->lock);
    pthread_join(sweep->thread, NULL);
    sweep_free(sweep);
}
