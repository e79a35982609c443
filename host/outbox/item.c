/* SPDX-License-Identifier: MIT */
/* host/outbox/item.c - a message in hand, and what is written of it. */
#include <stdlib.h>

#include "host/json.h"
#include "host/outbox/internal.h"

enum { LEAST_WAIT_MS = 100 }; /* whatever a back end wishes */

struct item *
item_new(struct record *record, struct backends *backends)
{
    const char *address =
        json_text(json_object_get(record->body, "secret"), "address");
    struct item *item = calloc(1, sizeof(*item));

    if (!item)
        return NULL;
    item->record = record_ref(record);
    item->version = record->face.version;
    item->attempt = json_number(record->body, "attempt", 0);
    item->channel =
        backends_channel(backends, json_text(record->body, "channel"));
    item->expires_at_ms = json_number(record->body, "expiresAt", 0);
    item->stage = ITEM_ENDED;
    if (item->channel && address)
        channel_target(item->channel, address, &item->target);
    return item;
}

void
item_free(struct item *item)
{
    if (!item)
        return;
    record_unref(item->record);
    free(item);
}

static int64_t
back_off_ms(const struct outbox_settings *settings, int64_t attempt)
{
    int64_t wait = settings->retry_first_ms;

    while (attempt-- > 1 && wait < settings->retry_max_ms)
        wait *= 2;
    return wait < settings->retry_max_ms ? wait : settings->retry_max_ms;
}

/* When it is tried again; at its expiry at the latest, to be settled. */
static int64_t
due_again(const struct outbox *outbox, const struct item *item, int64_t now)
{
    int64_t wait, due;

    if (item->calls == 0)
        wait = item->wait_ms;
    else if (item->wish_ms > now)
        wait = item->wish_ms - now;
    else
        wait = back_off_ms(&outbox->parts.settings, item->attempt);
    due = now + (wait > LEAST_WAIT_MS ? wait : LEAST_WAIT_MS);
    return item->expires_at_ms && due > item->expires_at_ms
               ? item->expires_at_ms
               : due;
}

static factor_status
settle(const struct outbox *outbox, const struct item *item, struct txn *txn,
       const struct record *record, const struct row_news *news,
       struct factor_error *err)
{
    enum row_result result = item->end == END_SENT      ? ROW_SENT
                             : item->end == END_EXPIRED ? ROW_EXPIRED
                                                        : ROW_REFUSED;

    return row_settle(txn, record, result, news,
                      outbox->parts.settings.keep_settled_ms, !item->no_note,
                      err);
}

static factor_status
decide_end(const struct outbox *outbox, struct item *item, struct txn *txn,
           const struct record *record, struct factor_error *err)
{
    const struct row_news news = {
        .backend = item->backend,
        .reference = item->reference[0] ? item->reference : NULL,
        .reason = item->reason[0] ? item->reason : NULL,
    };
    int64_t lease_end = txn_now(txn) + outbox->parts.settings.lease_ms;
    bool uncount = item->claimed && item->calls == 0;

    switch (item->end) {
    case END_CLAIM:
        return row_claim(txn, record, lease_end, err);
    case END_RENEW:
        return row_renew(txn, record, lease_end, err);
    case END_RELEASE:
        return row_postpone(txn, record, txn_now(txn), uncount, &news, err);
    case END_POSTPONE:
        return row_postpone(txn, record,
                            due_again(outbox, item, txn_now(txn)), uncount,
                            &news, err);
    case END_SENT:
    case END_REFUSED:
    case END_EXPIRED:
        break;
    }
    return settle(outbox, item, txn, record, &news, err);
}

factor_status
item_decide(struct txn *txn, void *context, struct factor_error *err)
{
    const struct item_change *change = context;
    struct item *item = change->item;
    const struct record *record = NULL;
    factor_status st = txn_read_id(txn, OUTBOX_COLLECTION,
                                   item->record->face.id, &record);

    item->gone = st == FACTOR_E_NOTFOUND ||
                 (st == FACTOR_OK && record->face.version != item->version);
    if (item->gone)
        return FACTOR_OK;
    return st == FACTOR_OK
               ? decide_end(change->outbox, item, txn, record, err)
               : st;
}
