/* SPDX-License-Identifier: MIT */
/* host/outbox/outbox.c - the thread between the store and the workers: it
 * claims what is due and writes what has ended. */
#include "host/outbox/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/log.h"
#include "host/outbox/bundle.h"
#include "host/outbox/internal.h"

enum {
    HELD_MAX = 64,     /* messages claimed at a time */
    HOLD_MAX = 128,    /* the same with those that are still to be settled */
    SHARE_MAX = 48,    /* claimed of one channel, where there are others */
    STRANGERS_MAX = 16, /* claimed whose addresses name servers that have not
                         * been quick */
    CLOGGED_MS = 1000, /* a message that waits so long for its back end */
    LOW_WATER = 32,    /* claimed: above, or if there was nothing to do, the */
    REST_MS = 20,      /* store is read again only after this */
    LOOK_MS = 5000,    /* the store is looked into at least so often: another
                        * daemon may have written to it */
    WAIT_MAX_MS = 1000, /* wall time may jump */
    FAIL_MS = 1000,    /* after the store failed */
    LOST_MS = 2000,    /* a stop waits so long for overdue calls */
    GRACE_MS = 1000
};

int64_t
outbox_now(const struct outbox *outbox)
{
    return outbox->parts.now_ms();
}

int64_t
outbox_steady(const struct outbox *outbox)
{
    return outbox->parts.steady_ms();
}

void
outbox_settings_read(const struct config *config,
                     struct outbox_settings *ret_settings)
{
    *ret_settings = (struct outbox_settings){
        .workers = (unsigned)config_number(config, "/outbox/workers"),
        .lease_ms = config_number(config, "/outbox/lease"),
        .timeout_ms = config_number(config, "/outbox/timeout"),
        .failover_ms = config_number(config, "/outbox/failover_timeout"),
        .grace_ms = GRACE_MS,
        .retry_first_ms = config_number(config, "/outbox/retry_first"),
        .retry_max_ms = config_number(config, "/outbox/retry_max"),
        .keep_settled_ms = config_number(config, "/outbox/keep_settled"),
        .breaker = {
            .deferrals =
                (unsigned)config_number(config, "/outbox/breaker_deferrals"),
            .window_ms = config_number(config, "/outbox/breaker_window"),
            .rest_ms = config_number(config, "/outbox/breaker_rest"),
        },
    };
}

/* --- What is held.  The list is changed by the outbox's thread alone, under
 * the lock. --- */

static void
hold(struct outbox *outbox, struct item *item)
{
    item->next = NULL;
    item->held = true;
    *outbox->last_item = item;
    outbox->last_item = &item->next;
    outbox->held++;
}

static void
let_go(struct outbox *outbox, struct item *item)
{
    struct item **link = &outbox->items;

    while (*link != item)
        link = &(*link)->next;
    *link = item->next;
    if (!*link)
        outbox->last_item = link;
    outbox->held--;
    item_free(item);
}

static bool
holds(const struct outbox *outbox, const char *id)
{
    const struct item *item;

    for (item = outbox->items; item; item = item->next)
        if (strcmp(item->record->face.id, id) == 0)
            return true;
    return false;
}

static bool
is_active(const struct item *item)
{
    return item->stage != ITEM_ENDED || item->end == END_CLAIM;
}

/* How many are held and have not ended. */
static unsigned
active_count(const struct outbox *outbox)
{
    const struct item *item;
    unsigned count = 0;

    for (item = outbox->items; item; item = item->next)
        count += is_active(item);
    return count;
}

/* How many of a channel, and since when the first of them waits. */
static unsigned
channel_load(const struct outbox *outbox, const struct channel *channel,
             int64_t *ret_since_ms)
{
    const struct item *item;
    unsigned count = 0;

    *ret_since_ms = INT64_MAX;
    for (item = outbox->items; item; item = item->next) {
        if (item->channel != channel)
            continue;
        count += is_active(item);
        if (item->stage == ITEM_WAITING && item->waiting_ms < *ret_since_ms)
            *ret_since_ms = item->waiting_ms;
    }
    return count;
}

/* --- One cycle: what it writes. --- */

struct cycle {
    struct outbox *outbox;
    size_t count;
    struct item_change changes[BUNDLE_MAX];
    struct bundle_item bundle[BUNDLE_MAX];
};

static void
add_change(struct cycle *cycle, struct item *item)
{
    struct item_change *change = &cycle->changes[cycle->count];

    *change = (struct item_change){cycle->outbox, item};
    cycle->bundle[cycle->count++] = (struct bundle_item){
        .decide = item_decide,
        .context = change,
        /* Two notes may be for one record, and others write there too. */
        .alone = item->end == END_REFUSED || item->end == END_EXPIRED,
    };
}

static void
postpone(struct item *item, int64_t wait_ms, const char *reason)
{
    item->end = END_POSTPONE;
    item->wait_ms = wait_ms;
    snprintf(item->reason, sizeof(item->reason), "%s", reason);
}

/* Whether a row of this channel may be claimed now.  If its back ends are
 * slow it is put off: it must not stand before the rows of others. */
static bool
judge_load(const struct outbox *outbox, struct item *item, int64_t steady)
{
    int64_t since;
    unsigned load = channel_load(outbox, item->channel, &since);

    if (load < outbox->share && active_count(outbox) < HELD_MAX)
        return true;
    if (outbox->share == HELD_MAX || steady - since <= CLOGGED_MS)
        return false;
    postpone(item, outbox->parts.settings.retry_first_ms,
             "others are waiting");
    return true;
}

/* Whether so many are held already whose servers may be slow that there is no
 * place for one more: they must not stand before the rows of others. */
static bool
too_many_strangers(const struct outbox *outbox)
{
    const struct item *item;
    unsigned count = 0;

    for (item = outbox->items; item; item = item->next)
        count += item->stranger && is_active(item);
    return count >= STRANGERS_MAX;
}

/* Decide what is done with a row that is due; false: nothing, now. */
static bool
judge(const struct outbox *outbox, struct item *item,
      const struct record *record)
{
    int64_t steady = outbox_steady(outbox), wait;

    item->end = END_CLAIM;
    if (!row_open(record)) { /* due, but ended: nobody writes this */
        item->end = END_REFUSED;
        return true;
    }
    if (row_expired(record, outbox_now(outbox))) {
        item->end = END_EXPIRED;
        return true;
    }
    if (!item->channel) {
        postpone(item, outbox->parts.settings.retry_max_ms,
                 "no back end is configured for the channel");
        return true;
    }
    wait = channel_wait_ms(item->channel, &item->target, steady);
    if (wait > 0) {
        postpone(item, wait, "the back ends rest");
        return true;
    }
    item->stranger = channel_is_stranger(item->channel, &item->target);
    if (item->stranger && too_many_strangers(outbox)) {
        postpone(item, CLOGGED_MS, "others are waiting");
        return true;
    }
    return judge_load(outbox, item, steady);
}

/* Takes the item. */
static void
judge_row(struct cycle *cycle, struct item *item)
{
    struct outbox *outbox = cycle->outbox;

    /* Held and due: wall time has jumped. */
    if (holds(outbox, item->record->face.id) || cycle->count == BUNDLE_MAX ||
        !judge(outbox, item, item->record)) {
        item_free(item);
        return;
    }
    add_change(cycle, item);
    if (item->end == END_CLAIM)
        hold(outbox, item);
}

static factor_status
read_due(const struct outbox *outbox, int64_t at_ms, uint32_t limit,
         struct record_list **ret_list)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_DUE,
        .collection = OUTBOX_COLLECTION,
        .at_ms = at_ms,
        .limit = limit,
    };

    return database_read(outbox->parts.database, &query, ret_list, NULL);
}

static void
known_due(struct outbox *outbox, int64_t due_ms)
{
    if (due_ms >= outbox->next_due_ms)
        return;
    outbox->next_due_ms = due_ms;
    pthread_cond_signal(&outbox->news);
}

static void
store_failed(struct outbox *outbox)
{
    int64_t now = clock_steady_ms();

    if (now >= outbox->fail_until_ms)
        log_event("outbox", FACTOR_LOG_ERROR,
                  "messages wait: the store failed");
    outbox->fail_until_ms = now + FAIL_MS;
}

/* Read what is due and decide what is done with it.  Without the lock. */
static void
take_due(struct cycle *cycle, uint32_t limit)
{
    struct outbox *outbox = cycle->outbox;
    struct item *items[HELD_MAX];
    struct record_list *list;
    uint32_t i;

    if (read_due(outbox, outbox_now(outbox), limit, &list) != FACTOR_OK) {
        store_failed(outbox);
        return;
    }
    for (i = 0; i < list->count; i++)
        items[i] = item_new(list->records[i], outbox->parts.backends);
    pthread_mutex_lock(&outbox->lock);
    for (i = 0; i < list->count; i++)
        if (items[i])
            judge_row(cycle, items[i]);
    if (list->count == limit)
        known_due(outbox, 0); /* there may be more */
    pthread_mutex_unlock(&outbox->lock);
    record_list_unref(list);
}

/* When the next row will be due, of those that are not due yet.  Without the
 * lock. */
static void
look_ahead(struct outbox *outbox)
{
    struct record_list *list;

    if (read_due(outbox, INT64_MAX, 1, &list) != FACTOR_OK)
        return;
    pthread_mutex_lock(&outbox->lock);
    if (list->count > 0)
        known_due(outbox, list->records[0]->due_at_ms);
    pthread_mutex_unlock(&outbox->lock);
    record_list_unref(list);
}

/* --- One cycle: what came of it. --- */

static void
count_end(struct outbox_counts *counts, const struct item *item)
{
    counts->sent += item->end == END_SENT;
    counts->refused += item->end == END_REFUSED;
    counts->expired += item->end == END_EXPIRED;
    counts->deferred += item->end == END_POSTPONE && item->calls > 0;
}

/* It is ours, or ours for longer: since the time that was written, not since
 * the commit is done. */
static void
claimed(struct outbox *outbox, struct item *item, int64_t steady)
{
    item->version++;
    item->attempt += item->end == END_CLAIM;
    item->claimed = true;
    item->lease_until_ms = steady + outbox->parts.settings.lease_ms;
    item->waiting_ms = steady;
    item->stage = ITEM_WAITING;
    pthread_cond_signal(&outbox->work);
}

/* Nothing was written.  What was claimed, or has ended, is kept and written
 * by and by; the rest is read again.  False: it is not kept. */
static bool
keep_unwritten(struct outbox *outbox, struct item *item, factor_status st)
{
    bool ends = item->end == END_REFUSED || item->end == END_EXPIRED;

    store_failed(outbox);
    /* The record of the note may be full. */
    item->no_note = ends && st != FACTOR_E_IO;
    if (outbox->stopping || (!ends && !item->claimed))
        return false;
    if (!item->held)
        hold(outbox, item);
    return true;
}

static void
apply(struct outbox *outbox, struct item *item, factor_status st,
      int64_t steady)
{
    bool claims = item->end == END_CLAIM || item->end == END_RENEW;

    if (st != FACTOR_OK) {
        if (keep_unwritten(outbox, item, st))
            return;
    } else if (!item->gone && claims) {
        claimed(outbox, item, steady);
        return;
    } else if (!item->gone) {
        count_end(&outbox->counts, item);
    }
    if (item->held)
        let_go(outbox, item);
    else
        item_free(item);
}

static void
collect_ended(struct cycle *cycle)
{
    struct item *item;

    for (item = cycle->outbox->items; item; item = item->next)
        if (item->stage == ITEM_ENDED && cycle->count < BUNDLE_MAX)
            add_change(cycle, item);
}

/* Under the lock, which it leaves and takes again. */
static void
run_cycle(struct outbox *outbox, bool look)
{
    struct cycle cycle = {.outbox = outbox};
    uint32_t room = HELD_MAX - active_count(outbox);
    int64_t steady = outbox_steady(outbox), now;
    size_t i;

    collect_ended(&cycle);
    if (look) {
        /* What is written from here on, we are told of. */
        outbox->next_due_ms = INT64_MAX;
        outbox->look_at_ms = clock_steady_ms() + LOOK_MS;
        outbox->rest_until_ms = clock_steady_ms() + REST_MS;
    }
    pthread_mutex_unlock(&outbox->lock);
    if (look)
        take_due(&cycle, room);
    now = outbox_now(outbox);
    bundle_commit(outbox->parts.database, now, cycle.bundle, cycle.count);
    pthread_mutex_lock(&outbox->lock);
    for (i = 0; i < cycle.count; i++)
        apply(outbox, cycle.changes[i].item, cycle.bundle[i].status, steady);
    outbox->must_rest = cycle.count == 0;
    if (!look || outbox->next_due_ms <= now)
        return;
    pthread_mutex_unlock(&outbox->lock);
    look_ahead(outbox);
    pthread_mutex_lock(&outbox->lock);
}

/* --- The outbox's thread. --- */

static bool
has_ended(const struct outbox *outbox)
{
    const struct item *item;

    for (item = outbox->items; item; item = item->next)
        if (item->stage == ITEM_ENDED)
            return true;
    return false;
}

static bool
is_due(const struct outbox *outbox, int64_t steady)
{
    return outbox->next_due_ms <= outbox_now(outbox) ||
           outbox->look_at_ms <= steady;
}

/* Whether to read the store now. */
static bool
may_look(const struct outbox *outbox, int64_t steady)
{
    unsigned active = active_count(outbox);

    if (outbox->stopping || active >= HELD_MAX || outbox->held >= HOLD_MAX ||
        !is_due(outbox, steady))
        return false;
    return (active <= LOW_WATER && !outbox->must_rest) ||
           steady >= outbox->rest_until_ms;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void
wait_until(struct outbox *outbox, int64_t steady)
{
    const struct timespec until = {.tv_sec = steady / 1000,
                                   .tv_nsec = steady % 1000 * 1000000};

    pthread_cond_timedwait(&outbox->news, &outbox->lock, &until);
}

/* Wait for news, or until something is to be done by the clock. */
static void
wait_for_news(struct outbox *outbox, int64_t steady)
{
    int64_t wait = WAIT_MAX_MS;

    if (is_due(outbox, steady))
        wait = REST_MS; /* but there is no place for it, or it must rest */
    else
        wait = least(wait, outbox->next_due_ms - outbox_now(outbox));
    wait = least(wait, workers_overdue_at(outbox) - steady);
    if (wait > 0)
        wait_until(outbox, steady + wait);
}

/* Before a stop gives them up. */
static void
wait_for_lost(struct outbox *outbox)
{
    int64_t until = clock_steady_ms() + LOST_MS;

    while (workers_lost(outbox) && clock_steady_ms() < until)
        wait_until(outbox, until);
}

static void
release_waiting(struct outbox *outbox)
{
    struct item *item;

    for (item = outbox->items; item; item = item->next)
        if (item->stage == ITEM_WAITING) {
            item->stage = ITEM_ENDED;
            item->end = END_RELEASE;
        }
}

static void *
outbox_run(void *context)
{
    struct outbox *outbox = context;
    int64_t steady;
    bool look, failing;

    pthread_mutex_lock(&outbox->lock);
    for (;;) {
        steady = clock_steady_ms();
        failing = steady < outbox->fail_until_ms && !outbox->stopping;
        workers_watch(outbox);
        if (outbox->stopping)
            release_waiting(outbox);
        if (outbox->stopping && outbox->held == 0)
            break;
        look = !failing && may_look(outbox, steady);
        if (look || (!failing && has_ended(outbox)))
            run_cycle(outbox, look);
        else
            wait_for_news(outbox, steady);
    }
    wait_for_lost(outbox);
    pthread_mutex_unlock(&outbox->lock);
    return NULL;
}

void
outbox_poke(struct outbox *outbox, const struct record *record)
{
    if (!outbox || (record && record->due_at_ms <= 0))
        return;
    pthread_mutex_lock(&outbox->lock);
    known_due(outbox, record ? record->due_at_ms : 0);
    pthread_mutex_unlock(&outbox->lock);
}

void
outbox_counts(struct outbox *outbox, struct outbox_counts *ret_counts)
{
    pthread_mutex_lock(&outbox->lock);
    *ret_counts = outbox->counts;
    ret_counts->held = outbox->held;
    pthread_mutex_unlock(&outbox->lock);
}

/* --- Life. --- */

static struct outbox *
outbox_new(const struct outbox_parts *parts)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));
    pthread_condattr_t steady;

    if (!outbox)
        return NULL;
    outbox->parts = *parts;
    if (!outbox->parts.now_ms)
        outbox->parts.now_ms = clock_now_ms;
    if (!outbox->parts.steady_ms)
        outbox->parts.steady_ms = clock_steady_ms;
    outbox->share =
        backends_channel_count(parts->backends) > 1 ? SHARE_MAX : HELD_MAX;
    outbox->last_item = &outbox->items;
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_cond_init(&outbox->work, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&outbox->news, &steady);
    pthread_condattr_destroy(&steady);
    return outbox;
}

static void
outbox_free(struct outbox *outbox)
{
    pthread_cond_destroy(&outbox->news);
    pthread_cond_destroy(&outbox->work);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

static void
begin_stop(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->stopping = true;
    pthread_cond_broadcast(&outbox->work);
    pthread_cond_signal(&outbox->news);
    pthread_mutex_unlock(&outbox->lock);
}

static bool
start_threads(struct outbox *outbox)
{
    unsigned i;
    bool done = true;

    pthread_mutex_lock(&outbox->lock);
    for (i = 0; done && i < outbox->parts.settings.workers; i++)
        done = worker_start(outbox);
    pthread_mutex_unlock(&outbox->lock);
    return done &&
           pthread_create(&outbox->thread, NULL, outbox_run, outbox) == 0;
}

factor_status
outbox_start(const struct outbox_parts *parts, struct outbox **ret_outbox,
             struct factor_error *err)
{
    struct outbox *outbox = outbox_new(parts);

    if (!outbox)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    if (!start_threads(outbox)) {
        begin_stop(outbox);
        workers_join(outbox);
        outbox_free(outbox);
        return error_set(err, FACTOR_E_INTERNAL, "no thread for the outbox");
    }
    *ret_outbox = outbox;
    return FACTOR_OK;
}

bool
outbox_stop(struct outbox *outbox)
{
    if (!outbox)
        return true;
    begin_stop(outbox);
    pthread_join(outbox->thread, NULL);
    if (!workers_join(outbox)) {
        log_event("outbox", FACTOR_LOG_ERROR,
                  "a delivery back end does not return: it is left behind");
        return false;
    }
    outbox_free(outbox);
    return true;
}
