/* SPDX-License-Identifier: MIT */
/* host/outbox/row.c - what may become of a row of the outbox. */
#include "host/outbox/row.h"

#include <string.h>

#include "host/json.h"

static const char *const result_names[] = {
    [ROW_SENT] = "sent",
    [ROW_REFUSED] = "refused",
    [ROW_EXPIRED] = "expired",
    [ROW_DELIVERED] = "delivered",
};

static const char *const result_events[] = {
    [ROW_SENT] = NULL, /* the record's new version is told by itself */
    [ROW_REFUSED] = "message.refused",
    [ROW_EXPIRED] = "message.expired",
    [ROW_DELIVERED] = NULL,
};

bool
row_open(const struct record *record)
{
    const char *state = json_text(record->body, "state");

    return state &&
           (strcmp(state, "queued") == 0 || strcmp(state, "sending") == 0);
}

bool
row_expired(const struct record *record, int64_t now_ms)
{
    int64_t expires_ms = json_number(record->body, "expiresAt", 0);

    return expires_ms > 0 && expires_ms <= now_ms;
}

/* A copy whose members may be set; those below are shared. */
static json_t *
changed_body(const struct record *record, const char *state)
{
    json_t *body = json_copy(record->body);

    if (body && !json_set_text(body, "state", state)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

static bool
set_number(json_t *body, const char *member, int64_t value)
{
    return json_object_set_new(body, member, json_integer(value)) == 0;
}

static bool
set_news(json_t *body, const struct row_news *news)
{
    return json_set_text(body, "backend", news->backend) &&
           json_set_text(body, "reference", news->reference) &&
           json_set_text(body, "reason", news->reason);
}

/* Steals body. */
static factor_status
put_row(struct txn *txn, const struct record *record, json_t *body,
        int64_t due_at_ms, int64_t expires_at_ms, struct factor_error *err)
{
    const struct factor_record *face = &record->face;
    const struct txn_put put = {
        .collection = face->collection,
        .id = face->id,
        .owner = face->owner,
        .name = face->name,
        .version = face->version,
        .expires_at_ms = expires_at_ms,
        .due_at_ms = due_at_ms,
        .body = body,
    };

    return txn_put(txn, &put, err);
}

static factor_status
put_sending(struct txn *txn, const struct record *record, int64_t attempt,
            int64_t due_at_ms, struct factor_error *err)
{
    json_t *body = changed_body(record, "sending");

    if (!body || !set_number(body, "attempt", attempt)) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    return put_row(txn, record, body, due_at_ms, record->face.expires_at_ms,
                   err);
}

factor_status
row_claim(struct txn *txn, const struct record *record, int64_t due_at_ms,
          struct factor_error *err)
{
    return put_sending(txn, record,
                       json_number(record->body, "attempt", 0) + 1, due_at_ms,
                       err);
}

factor_status
row_renew(struct txn *txn, const struct record *record, int64_t due_at_ms,
          struct factor_error *err)
{
    return put_sending(txn, record, json_number(record->body, "attempt", 1),
                       due_at_ms, err);
}

factor_status
row_postpone(struct txn *txn, const struct record *record, int64_t due_at_ms,
             bool uncount, const struct row_news *news,
             struct factor_error *err)
{
    int64_t attempt = json_number(record->body, "attempt", 0);
    json_t *body = changed_body(record, "queued");

    if (uncount && attempt > 0)
        attempt--;
    if (!body || !set_number(body, "attempt", attempt) ||
        !set_news(body, news)) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    return put_row(txn, record, body, due_at_ms, record->face.expires_at_ms,
                   err);
}

/* --- Settling. --- */

/* "at_ms" is what the OTP adapter reads, "at" what the outbox promises. */
static json_t *
noted_body(const struct record *about, enum row_result result, int64_t at_ms)
{
    json_t *body = json_copy(about->body);
    json_t *note = json_pack("{s:s, s:I, s:I}", "result", result_names[result],
                             "at", (json_int_t)at_ms, "at_ms",
                             (json_int_t)at_ms);

    if (!body || json_object_set_new(body, "delivery", note) != 0) {
        json_decref(body);
        return NULL;
    }
    return body;
}

/* D1: whoever waits for the message learns that it will not come. */
static factor_status
leave_note(struct txn *txn, const struct record *record,
           enum row_result result, int64_t at_ms, struct factor_error *err)
{
    const json_t *about = json_object_get(record->body, "about");
    const char *collection = json_text(about, "collection");
    const char *id = json_text(about, "id");
    const struct record *told;
    json_t *body;
    factor_status st;

    if (!collection || !id || strcmp(collection, OUTBOX_COLLECTION) == 0)
        return FACTOR_OK;
    st = txn_read_id(txn, collection, id, &told);
    if (st == FACTOR_E_NOTFOUND)
        return FACTOR_OK;
    if (st != FACTOR_OK || !record_stored(told))
        return st;
    body = noted_body(told, result, at_ms);
    return body ? put_row(txn, told, body, told->due_at_ms,
                          told->face.expires_at_ms, err)
                : FACTOR_E_NOMEM;
}

static factor_status
put_settled(struct txn *txn, const struct record *record,
            enum row_result result, const struct row_news *news,
            int64_t keep_ms, struct factor_error *err)
{
    json_t *body = changed_body(record, result_names[result]);

    if (!body || !set_news(body, news) ||
        !set_number(body, "settledAt", txn_now(txn))) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    json_object_del(body, "secret");
    return put_row(txn, record, body, 0, txn_now(txn) + keep_ms, err);
}

static void
tell_audit(struct txn *txn, const struct record *record,
           enum row_result result)
{
    if (result_events[result])
        txn_event(txn, result_events[result],
                  json_pack("{s:s, s:s*, s:s*}", "message", record->face.id,
                            "channel", json_text(record->body, "channel"),
                            "template", json_text(record->body, "template")));
}

factor_status
row_settle(struct txn *txn, const struct record *record,
           enum row_result result, const struct row_news *news,
           int64_t keep_ms, bool note, struct factor_error *err)
{
    factor_status st =
        keep_ms > 0 ? put_settled(txn, record, result, news, keep_ms, err)
                    : txn_remove(txn, record);

    if (st == FACTOR_OK)
        tell_audit(txn, record, result);
    if (st == FACTOR_OK && note && result != ROW_SENT)
        st = leave_note(txn, record, result, txn_now(txn), err);
    return st;
}

/* --- Reports. --- */

bool
row_sent(const struct record *record)
{
    const char *state = json_text(record->body, "state");

    return state && strcmp(state, result_names[ROW_SENT]) == 0;
}

factor_status
row_report(struct txn *txn, const struct record *record,
           enum row_result result, const char *reason,
           struct factor_error *err)
{
    json_t *body = changed_body(record, result_names[result]);
    factor_status st;

    if (!body || (reason && !json_set_text(body, "reason", reason))) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    st = put_row(txn, record, body, 0, record->face.expires_at_ms, err);
    if (st != FACTOR_OK || result == ROW_DELIVERED)
        return st;
    tell_audit(txn, record, result);
    return leave_note(txn, record, result,
                      json_number(record->body, "settledAt", 0), err);
}
