/* SPDX-License-Identifier: MIT */
/* host/outbox/worker.c - the threads that render and deliver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/json.h"
#include "host/log.h"
#include "host/outbox/internal.h"
#include "host/outbox/report.h"

/* --- Taking a message. --- */

static void
end_item(struct outbox *outbox, struct item *item, enum item_end end)
{
    item->stage = ITEM_ENDED;
    item->end = end;
    pthread_cond_signal(&outbox->news);
}

/* Nobody is left to be tried.  What is an address of nobody's kind, or our
 * account was refused for at every back end, nobody will deliver. */
static void
exhaust(struct outbox *outbox, struct item *item, int64_t steady)
{
    size_t size = channel_size(item->channel);

    if (item->target.foreign == size)
        snprintf(item->reason, sizeof(item->reason),
                 "no back end serves this address");
    if (item->refused + item->target.foreign == size) {
        end_item(outbox, item, END_REFUSED);
        return;
    }
    item->wait_ms = channel_wait_ms(item->channel, &item->target, steady);
    end_item(outbox, item, END_POSTPONE);
}

/* Whether it may go to a back end now; if not it may have ended. */
static bool
take_item(struct outbox *outbox, struct item *item, struct turn *ret_turn)
{
    const struct outbox_settings *settings = &outbox->parts.settings;
    int64_t steady = outbox_steady(outbox);

    if (item->expires_at_ms && item->expires_at_ms <= outbox_now(outbox)) {
        end_item(outbox, item, END_EXPIRED);
        return false;
    }
    /* Nobody else may claim it while the call lasts. */
    if (item->lease_until_ms - steady <
        settings->timeout_ms + settings->grace_ms) {
        end_item(outbox, item, END_RENEW);
        return false;
    }
    switch (channel_take(item->channel, &item->target, steady, &item->place,
                         ret_turn)) {
    case PICK_TAKEN:
        return true;
    case PICK_NONE:
        exhaust(outbox, item, steady);
        return false;
    case PICK_BUSY:
        break;
    }
    return false;
}

/* What the back end of its turn may take: people wait for codes, so less where
 * another one could be asked (T3), and no longer than the message lives. */
static int64_t
timeout_ms(const struct outbox *outbox, const struct item *item)
{
    const struct outbox_settings *settings = &outbox->parts.settings;
    int64_t timeout = settings->timeout_ms;
    int64_t left = item->expires_at_ms - outbox_now(outbox);

    if (settings->failover_ms > 0 && settings->failover_ms < timeout &&
        channel_has_more(item->channel, &item->target, outbox_steady(outbox),
                         item->place))
        timeout = settings->failover_ms;
    if (item->expires_at_ms && left < timeout)
        timeout = left;
    return timeout > 0 ? timeout : 1;
}

static bool
take_first(struct worker *worker, bool stranger)
{
    struct outbox *outbox = worker->outbox;
    const struct outbox_settings *settings = &outbox->parts.settings;
    struct item *item;

    for (item = outbox->items; item; item = item->next)
        if (item->stage == ITEM_WAITING && item->stranger == stranger &&
            take_item(outbox, item, &worker->turn)) {
            item->stage = ITEM_CALLED;
            worker->item = item;
            worker->timeout_ms = timeout_ms(outbox, item);
            worker->overdue_ms = clock_steady_ms() + worker->timeout_ms +
                                 settings->grace_ms;
            return true;
        }
    return false;
}

/* The next message that somebody can be asked to deliver; false: none.  Those
 * to servers that may be slow come last. */
static bool
take(struct worker *worker)
{
    return !worker->outbox->stopping &&
           (take_first(worker, false) || take_first(worker, true));
}

/* --- Delivering.  Without the lock. --- */

/* What a call needs, of which nothing is the item's: an overdue call outlives
 * its item. */
struct call {
    const struct outbox *outbox;
    const struct backend *backend;
    const struct channel *channel; /* and the back end's place in it */
    size_t place;
    struct record *record; /* our reference */
    int64_t attempt;
    int64_t timeout_ms;
    factor_status rendered;
    struct factor_receipt receipt;
    char reason[BACKEND_REASON_SIZE]; /* the receipt's, as it may be told */
};

static bool
report_url_of(const struct call *call, char ret_url[REPORT_URL_SIZE])
{
    const struct outbox_parts *parts = &call->outbox->parts;

    return parts->base_url &&
           channel_takes_reports(call->channel, call->place) &&
           report_url(database_keys(parts->database), parts->base_url,
                      call->record->face.id, call->place, ret_url);
}

static void
hand_over(struct call *call, const struct rendered *rendered)
{
    const json_t *body = call->record->body;
    const json_t *secret = json_object_get(body, "secret");
    int64_t expires = json_number(body, "expiresAt", 0);
    char url[REPORT_URL_SIZE];
    const struct factor_message message = {
        .struct_size = sizeof(message),
        .attempt = (uint32_t)call->attempt,
        .id = call->record->face.id,
        .channel = json_text(body, "channel"),
        .address = json_text(secret, "address"),
        .template_id = json_text(body, "template"),
        .language = rendered->language,
        .subject = rendered->subject,
        .text = rendered->text,
        .code = json_text(secret, "code"),
        .variables = rendered->variables,
        .credential = json_object_get(secret, "credential"),
        .now_ms = outbox_now(call->outbox),
        .timeout_ms = call->timeout_ms,
        .expires_at_ms = expires,
        .report_url = report_url_of(call, url) ? url : NULL,
    };

    backend_deliver(call->backend, &message, &call->receipt);
}

static const char *const result_names[] = {
    [FACTOR_DELIVERY_SENT] = "sent",
    [FACTOR_DELIVERY_DEFERRED] = "deferred",
    [FACTOR_DELIVERY_REFUSED_ADDRESS] = "address refused",
    [FACTOR_DELIVERY_REFUSED_ACCOUNT] = "account refused",
    [FACTOR_DELIVERY_NOT_MINE] = "not its kind of address",
    [FACTOR_DELIVERY_DEFERRED_THERE] = "deferred there",
};

/* Status and reason, never address, code or text (D3). */
static void
log_result(const struct record *record, int64_t attempt, const char *plugin,
           uint32_t result, const char *reason)
{
    bool usual = result == FACTOR_DELIVERY_SENT ||
                 result == FACTOR_DELIVERY_NOT_MINE;

    log_event("outbox", usual ? FACTOR_LOG_DEBUG : FACTOR_LOG_WARNING,
              "message %s, %s by %s, attempt %lld: %s%s%s", record->face.id,
              json_text(record->body, "channel"), plugin, (long long)attempt,
              result_names[result], reason[0] ? ": " : "", reason);
}

static void
log_no_text(const struct call *call)
{
    log_event("outbox", FACTOR_LOG_ERROR,
              "message %s: there is no text %s.%s.text",
              call->record->face.id, json_text(call->record->body, "template"),
              json_text(call->record->body, "channel"));
}

static void
make_call(struct call *call)
{
    const json_t *body = call->record->body;
    const json_t *secret = json_object_get(body, "secret");
    struct factor_arena *arena = arena_new();
    struct rendered rendered;

    call->rendered = arena ? render_message(call->outbox->parts.renderer,
                                            arena, body, &rendered)
                           : FACTOR_E_NOMEM;
    if (call->rendered == FACTOR_OK) {
        hand_over(call, &rendered);
        backend_reason(call->receipt.reason, json_text(secret, "address"),
                       call->reason);
        log_result(call->record, call->attempt, backend_plugin(call->backend),
                   call->receipt.result, call->reason);
    } else if (call->rendered == FACTOR_E_NOTFOUND) {
        log_no_text(call);
    }
    arena_free(arena);
}

/* --- What came of it.  Under the lock again. --- */

static void
wait_again(struct outbox *outbox, struct item *item)
{
    item->stage = ITEM_WAITING;
    item->waiting_ms = outbox_steady(outbox);
    pthread_cond_signal(&outbox->work);
}

static void
deferred(struct item *item, int64_t wish_ms)
{
    if (wish_ms > 0 && (item->wish_ms == 0 || wish_ms < item->wish_ms))
        item->wish_ms = wish_ms;
}

/* As if it had not been asked.  Its place is the one before the next. */
static void
not_mine(struct item *item)
{
    target_not_for(&item->target, item->place - 1);
}

static void
apply_receipt(struct outbox *outbox, struct item *item,
              const struct call *call)
{
    const struct factor_receipt *receipt = &call->receipt;

    if (receipt->result == FACTOR_DELIVERY_NOT_MINE) {
        not_mine(item);
        wait_again(outbox, item);
        return;
    }
    item->backend = backend_plugin(call->backend);
    item->calls++;
    memcpy(item->reason, call->reason, sizeof(item->reason));
    switch (receipt->result) {
    case FACTOR_DELIVERY_SENT:
        memcpy(item->reference, receipt->reference, sizeof(item->reference));
        end_item(outbox, item, END_SENT);
        return;
    case FACTOR_DELIVERY_REFUSED_ADDRESS:
        end_item(outbox, item, END_REFUSED);
        return;
    case FACTOR_DELIVERY_REFUSED_ACCOUNT:
        item->refused++;
        break;
    default:
        deferred(item, receipt->retry_at_ms);
    }
    wait_again(outbox, item);
}

/* That its texts are missing, no back end and no later attempt can mend. */
static void
not_rendered(struct outbox *outbox, struct item *item, factor_status st)
{
    if (st == FACTOR_E_NOTFOUND) {
        snprintf(item->reason, sizeof(item->reason),
                 "the template has no text");
        end_item(outbox, item, END_REFUSED);
    } else {
        item->wait_ms = outbox->parts.settings.retry_first_ms;
        end_item(outbox, item, END_POSTPONE);
    }
}

static void
finish(struct worker *worker, const struct call *call)
{
    struct outbox *outbox = worker->outbox;
    struct item *item = worker->item;

    worker->item = NULL;
    turn_done(&worker->turn,
              call->rendered == FACTOR_OK ? call->receipt.result : 0,
              outbox_steady(outbox));
    if (call->rendered == FACTOR_OK)
        apply_receipt(outbox, item, call);
    else
        not_rendered(outbox, item, call->rendered);
}

static void
deliver_one(struct worker *worker)
{
    struct outbox *outbox = worker->outbox;
    struct call call = {
        .outbox = outbox,
        .backend = worker->turn.backend,
        .channel = worker->item->channel,
        .place = worker->item->place - 1, /* it names the next one */
        .record = record_ref(worker->item->record),
        .attempt = worker->item->attempt,
        .timeout_ms = worker->timeout_ms,
    };

    pthread_mutex_unlock(&outbox->lock);
    make_call(&call);
    record_unref(call.record);
    pthread_mutex_lock(&outbox->lock);
    if (worker->lost)
        turn_returned(&worker->turn, outbox_steady(outbox));
    else
        finish(worker, &call);
}

/* What the last call left free is for somebody else, if we do not use it; and
 * a server that has been quick may have more calls than one. */
static void
pass_on(struct worker *worker, const struct turn *freed)
{
    if (freed->backend &&
        (freed->backend != worker->turn.backend || freed->scope))
        pthread_cond_signal(&worker->outbox->work);
}

static void *
worker_run(void *context)
{
    struct worker *worker = context;
    struct outbox *outbox = worker->outbox;
    struct turn freed = {.backend = NULL};

    pthread_mutex_lock(&outbox->lock);
    while (!worker->lost) {
        if (take(worker)) {
            pass_on(worker, &freed);
            freed = worker->turn;
            deliver_one(worker);
        } else if (outbox->stopping) {
            break;
        } else {
            freed.backend = NULL;
            pthread_cond_wait(&outbox->work, &outbox->lock);
        }
    }
    worker->ended = true;
    pthread_cond_signal(&outbox->news);
    pthread_mutex_unlock(&outbox->lock);
    return NULL;
}

/* --- The threads. --- */

bool
worker_start(struct outbox *outbox)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return false;
    worker->outbox = outbox;
    if (pthread_create(&worker->thread, NULL, worker_run, worker) != 0) {
        free(worker);
        return false;
    }
    worker->next = outbox->workers;
    outbox->workers = worker;
    return true;
}

/* The item goes on to the next back end; the thread ends when, and if, the
 * back end lets it. */
static void
abandon(struct worker *worker)
{
    struct outbox *outbox = worker->outbox;
    struct item *item = worker->item;

    worker->lost = true;
    worker->item = NULL;
    outbox->counts.lost++;
    turn_stuck(&worker->turn, outbox_steady(outbox));
    item->backend = backend_plugin(worker->turn.backend);
    item->calls++;
    snprintf(item->reason, sizeof(item->reason), "did not return in time");
    log_result(item->record, item->attempt, item->backend,
               FACTOR_DELIVERY_DEFERRED, item->reason);
    wait_again(outbox, item);
    if (!outbox->stopping && !worker_start(outbox))
        log_event("outbox", FACTOR_LOG_ERROR,
                  "no thread to replace one that %s holds",
                  backend_plugin(worker->turn.backend));
}

/* Take a worker that has ended out of the list. */
static void
reap(struct outbox *outbox, struct worker **link)
{
    struct worker *worker = *link;

    *link = worker->next;
    outbox->counts.lost -= worker->lost;
    pthread_join(worker->thread, NULL);
    free(worker);
}

void
workers_watch(struct outbox *outbox)
{
    int64_t now = clock_steady_ms();
    struct worker **link = &outbox->workers, *worker;

    for (worker = outbox->workers; worker; worker = worker->next)
        if (worker->item && now >= worker->overdue_ms)
            abandon(worker);
    while (*link)
        if ((*link)->ended && (*link)->lost)
            reap(outbox, link);
        else
            link = &(*link)->next;
}

int64_t
workers_overdue_at(const struct outbox *outbox)
{
    const struct worker *worker;
    int64_t first = INT64_MAX;

    for (worker = outbox->workers; worker; worker = worker->next)
        if (worker->item && worker->overdue_ms < first)
            first = worker->overdue_ms;
    return first;
}

bool
workers_lost(const struct outbox *outbox)
{
    const struct worker *worker;

    for (worker = outbox->workers; worker; worker = worker->next)
        if (worker->lost && !worker->ended)
            return true;
    return false;
}

/* One that is lost but not ended may never end: it cannot be joined. */
static struct worker **
joinable(struct outbox *outbox)
{
    struct worker **link = &outbox->workers;

    while (*link && (*link)->lost && !(*link)->ended)
        link = &(*link)->next;
    return link;
}

bool
workers_join(struct outbox *outbox)
{
    struct worker **link, *worker;

    for (;;) {
        pthread_mutex_lock(&outbox->lock);
        link = joinable(outbox);
        worker = *link;
        if (worker)
            *link = worker->next;
        pthread_mutex_unlock(&outbox->lock);
        if (!worker)
            return outbox->workers == NULL;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
}
