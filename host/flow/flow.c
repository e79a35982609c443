/* SPDX-License-Identifier: MIT */
/* host/flow/flow.c - a sign-on flow: the record, and how it changes. */
#include "host/flow/flow.h"

#include <string.h>

#include "host/clock.h"
#include "host/json.h"

factor_status
flow_read(struct txn *txn, const char *id, struct flow *ret_flow)
{
    const struct record *record;
    factor_status st;

    if (strlen(id) != FLOW_ID)
        return FACTOR_E_NOTFOUND;
    st = txn_read_id(txn, FLOW_COLLECTION, id, &record);
    if (st != FACTOR_OK)
        return st;
    ret_flow->txn = txn;
    ret_flow->record = record;
    ret_flow->id = record->face.id;
    ret_flow->owner = record->face.owner;
    ret_flow->body =
        arena_keep_json(txn_arena(txn), json_copy(record->body));
    return ret_flow->body ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
flow_new(struct txn *txn, const struct flow_limits *limits,
         struct flow *ret_flow)
{
    char id[FLOW_ID + 1];
    json_int_t now = txn_now(txn);

    clock_random_id(id, FLOW_ID);
    ret_flow->txn = txn;
    ret_flow->record = NULL;
    ret_flow->owner = NULL;
    ret_flow->id = arena_copy(txn_arena(txn), id);
    ret_flow->body = arena_keep_json(
        txn_arena(txn),
        json_pack("{s:i, s:i, s:s, s:[], s:I, s:I, s:I}", "v", 1, "step", 0,
                  "status", "active", "passed", "startedAt", now, "touchedAt",
                  now, "endsAt", now + (json_int_t)limits->absolute_ms));
    return ret_flow->id && ret_flow->body ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* When it ended, or will: by itself, by standing idle, or at its last. */
static int64_t
end_of(const struct flow *flow, const struct flow_limits *limits)
{
    int64_t idle =
        json_number(flow->body, "touchedAt", 0) + limits->idle_ms;
    int64_t last = json_number(flow->body, "endsAt", 0);
    int64_t ended = json_number(flow->body, "endedAt", INT64_MAX);
    int64_t end = idle < last ? idle : last;

    return ended < end ? ended : end;
}

enum flow_life
flow_life(const struct flow *flow, const struct flow_limits *limits)
{
    int64_t end = end_of(flow, limits), now = txn_now(flow->txn);

    if (now >= end + limits->finished_grace_ms)
        return FLOW_GONE;
    return now >= end ? FLOW_ENDED : FLOW_ACTIVE;
}

int64_t
flow_changes_at(const struct flow *flow, const struct flow_limits *limits)
{
    int64_t end = end_of(flow, limits);

    return txn_now(flow->txn) < end ? end : end + limits->finished_grace_ms;
}

const json_t *
flow_data(struct flow *flow)
{
    const json_t *data = json_object_get(flow->body, "data");
    const json_t *secret =
        json_object_get(json_object_get(flow->body, "secret"), "data");
    json_t *whole;

    if (!data || !secret)
        return data;
    whole =
        arena_keep_json(txn_arena(flow->txn), json_copy(json_unconst(data)));
    if (whole)
        json_object_set(whole, "secret", json_unconst(secret));
    return whole;
}

/* A copy of the body's secret that may be changed; the body's from then on. */
static json_t *
own_secret(struct flow *flow)
{
    const json_t *before = json_object_get(flow->body, "secret");
    json_t *secret = before ? json_copy(json_unconst(before)) : json_object();

    json_object_set_new(flow->body, "secret", secret);
    return secret;
}

static void
drop_empty_secret(struct flow *flow)
{
    if (json_object_size(json_object_get(flow->body, "secret")) == 0)
        json_object_del(flow->body, "secret");
}

void
flow_set_data(struct flow *flow, json_t *data)
{
    json_t *plain = data ? json_copy(data) : NULL;
    json_t *secret = own_secret(flow);

    json_object_del(secret, "data");
    json_object_del(flow->body, "data");
    if (plain) {
        if (json_object_get(plain, "secret"))
            json_object_set(secret, "data", json_object_get(plain, "secret"));
        json_object_del(plain, "secret");
        json_object_set_new(flow->body, "data", plain);
    }
    drop_empty_secret(flow);
    json_decref(data);
}

const char *
flow_code(const struct flow *flow)
{
    return json_text(json_object_get(flow->body, "secret"), "code");
}

void
flow_set_code(struct flow *flow, const char *code)
{
    json_set_text(own_secret(flow), "code", code);
    drop_empty_secret(flow);
}

const json_t *
flow_passed(const struct flow *flow, const char *adapter)
{
    const json_t *passed = json_object_get(flow->body, "passed"), *found = NULL;
    json_t *entry;
    size_t i;

    json_array_foreach(passed, i, entry)
        if (strcmp(json_text(entry, "adapter"), adapter) == 0)
            found = json_object_get(entry, "attributes");
    return found;
}

void
flow_end(struct flow *flow, const char *status)
{
    json_set_text(flow->body, "status", status);
    json_object_set_new(flow->body, "endedAt",
                        json_integer(txn_now(flow->txn)));
    flow_set_data(flow, NULL);
    json_object_del(flow->body, "state");
}

/* The row's expiry does not move with use, so that an index entry is written
 * once in a flow's life. */
factor_status
flow_put(struct flow *flow, const struct flow_limits *limits,
         struct factor_error *err)
{
    const char *subject = json_text(flow->body, "subject");
    bool stored = flow->record && record_stored(flow->record);
    struct txn_put put = {
        .collection = FLOW_COLLECTION,
        .id = flow->id,
        .owner = subject,
        .version = flow->record ? flow->record->face.version : 0,
        .expires_at_ms = json_number(flow->body, "endsAt", 0) +
                         limits->finished_grace_ms,
        .body = json_incref(flow->body),
    };

    json_object_set_new(flow->body, "touchedAt",
                        json_integer(txn_now(flow->txn)));
    if (!subject)
        return txn_put_memory(flow->txn, &put, err);
    if (!stored)
        put.version = 0;
    return txn_put(flow->txn, &put, err);
}
