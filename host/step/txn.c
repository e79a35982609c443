/* SPDX-License-Identifier: MIT */
/* host/step/txn.c - one attempt at one step: what it read and would write. */
#include "host/step/txn.h"

#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/json.h"
#include "host/step/strangers.h"

enum { ATTEMPTS_MAX = 64 };

struct txn_list {
    struct txn_list *next;
    struct record_list *list;
    struct cache_mark mark;
};

struct txn_memory {
    struct txn_memory *next;
    struct record *record;
};

struct txn_stranger {
    struct txn_stranger *next;
    struct strangers *table;
    const char *purpose, *name;
};

struct txn {
    struct factor_arena *arena;
    struct database *database;
    int64_t now_ms;
    uint8_t seed[TXN_SEED];
    uint64_t entropy_taken; /* blocks */
    struct txn_list *lists; /* read, newest first */
    struct commit_change *changes, **last_change;
    size_t change_count;
    struct txn_memory *memory;
    struct txn_stranger *strangers;
    struct txn_send *sends, **last_send;
    json_t *events; /* array, or NULL */
    json_t *about;  /* object: flow, user, client; or NULL */
    struct commit commit;
};

struct txn *
txn_new(struct database *database, int64_t now_ms, const uint8_t *seed)
{
    struct factor_arena *arena = arena_new();
    struct txn *txn = arena ? arena_alloc(arena, sizeof(*txn)) : NULL;

    if (!txn) {
        arena_free(arena);
        return NULL;
    }
    txn->arena = arena;
    txn->database = database;
    txn->now_ms = now_ms;
    memcpy(txn->seed, seed, sizeof(txn->seed));
    txn->last_change = &txn->changes;
    txn->last_send = &txn->sends;
    return txn;
}

struct txn_mark
txn_mark(struct txn *txn)
{
    const struct txn_mark mark = {
        .last_change = txn->last_change,
        .last_send = txn->last_send,
        .memory = txn->memory,
        .strangers = txn->strangers,
        .change_count = txn->change_count,
        .event_count = json_array_size(txn->events),
    };

    return mark;
}

void
txn_rollback(struct txn *txn, const struct txn_mark *mark)
{
    struct commit_change *change;

    for (change = *mark->last_change; change; change = change->next) {
        record_unref(change->record);
        free(change->row);
    }
    for (; txn->memory != mark->memory; txn->memory = txn->memory->next)
        record_unref(txn->memory->record);
    while (json_array_size(txn->events) > mark->event_count)
        json_array_remove(txn->events, mark->event_count);
    txn->strangers = mark->strangers;
    *mark->last_change = NULL;
    txn->last_change = mark->last_change;
    txn->change_count = mark->change_count;
    *mark->last_send = NULL;
    txn->last_send = mark->last_send;
}

const struct txn_send *
txn_sends_after(const struct txn *txn, const struct txn_mark *mark)
{
    (void)txn;
    return *mark->last_send;
}

void
txn_free(struct txn *txn)
{
    struct txn_mark start = {0};

    if (!txn)
        return;
    start.last_change = &txn->changes;
    start.last_send = &txn->sends;
    txn_rollback(txn, &start);
    json_decref(txn->events);
    json_decref(txn->about);
    for (; txn->lists; txn->lists = txn->lists->next)
        record_list_unref(txn->lists->list);
    arena_free(txn->arena);
}

struct factor_arena *
txn_arena(struct txn *txn)
{
    return txn->arena;
}

int64_t
txn_now(const struct txn *txn)
{
    return txn->now_ms;
}

const uint8_t *
txn_entropy(struct txn *txn)
{
    uint8_t *bytes = arena_alloc(txn->arena, TXN_ENTROPY);
    int64_t block;
    const struct crypto_part part = crypto_number(&block);
    size_t at;

    for (at = 0; bytes && at < TXN_ENTROPY; at += CRYPTO_MAC_LEN) {
        block = (int64_t)(++txn->entropy_taken);
        if (!crypto_mac(txn->seed, &part, 1, bytes + at))
            return NULL;
    }
    return bytes;
}

struct database *
txn_database(struct txn *txn)
{
    return txn->database;
}

/* --- Reading. --- */

static bool
same_text(const char *text, const char *other)
{
    return text && other && strcmp(text, other) == 0;
}

static bool
answers(const struct factor_query *query, const struct factor_record *face)
{
    if (!same_text(query->collection, face->collection))
        return false;
    switch (query->kind) {
    case FACTOR_QUERY_ID:
        return same_text(query->key, face->id);
    case FACTOR_QUERY_NAME:
        return same_text(query->key, face->name);
    case FACTOR_QUERY_OWNED:
        return same_text(query->key, face->owner);
    default:
        return false;
    }
}

/* An attempt sees what it would write itself: the adapter that is entered
 * behind another, or runs behind the host, finds what that one did. */
static factor_status
lay_changes_over(struct txn *txn, const struct factor_query *query,
                 struct record_list **list)
{
    const struct commit_change *change;
    struct record_list *changed;

    for (change = txn->changes; change; change = change->next) {
        if (!answers(query, &change->record->face))
            continue;
        changed = record_list_with(
            *list, change->record->face.id,
            change->change.kind == FACTOR_CHANGE_PUT ? change->record : NULL);
        if (!changed)
            return FACTOR_E_NOMEM;
        record_list_unref(*list);
        *list = changed;
    }
    return FACTOR_OK;
}

factor_status
txn_read(struct txn *txn, const struct factor_query *query,
         struct record_list **ret_list)
{
    struct txn_list *kept = arena_alloc(txn->arena, sizeof(*kept));
    factor_status st;

    if (!kept)
        return FACTOR_E_NOMEM;
    st = database_read_marked(txn->database, query, &kept->list, &kept->mark,
                              NULL);
    if (st != FACTOR_OK)
        return st;
    st = lay_changes_over(txn, query, &kept->list);
    if (st != FACTOR_OK) {
        record_list_unref(kept->list);
        return st;
    }
    kept->next = txn->lists;
    txn->lists = kept;
    *ret_list = kept->list;
    return FACTOR_OK;
}

static factor_status
read_one(struct txn *txn, uint32_t kind, const char *collection,
         const char *key, const struct record **ret_record)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = kind,
        .collection = collection,
        .key = key,
        .limit = 1,
    };
    struct record_list *list;
    factor_status st = txn_read(txn, &query, &list);

    if (st != FACTOR_OK)
        return st;
    if (list->count == 0)
        return FACTOR_E_NOTFOUND;
    *ret_record = list->records[0];
    return FACTOR_OK;
}

factor_status
txn_read_id(struct txn *txn, const char *collection, const char *id,
            const struct record **ret_record)
{
    return read_one(txn, FACTOR_QUERY_ID, collection, id, ret_record);
}

factor_status
txn_read_name(struct txn *txn, const char *collection, const char *name,
              const struct record **ret_record)
{
    return read_one(txn, FACTOR_QUERY_NAME, collection, name, ret_record);
}

const struct record *
txn_seen(const struct txn *txn, const char *collection, const char *id)
{
    const struct txn_list *kept;
    const struct factor_record *face;
    uint32_t i;

    for (kept = txn->lists; kept; kept = kept->next)
        for (i = 0; i < kept->list->count; i++) {
            face = &kept->list->records[i]->face;
            if (strcmp(face->id, id) == 0 &&
                strcmp(face->collection, collection) == 0)
                return kept->list->records[i];
        }
    return NULL;
}

size_t
txn_keys(struct txn *txn, const char **ret_keys, size_t max)
{
    const struct txn_list *kept;
    const struct factor_record *face;
    size_t count = 0, i;
    uint32_t r;

    for (kept = txn->lists; kept; kept = kept->next)
        for (r = kept->list->count; r > 0; r--) {
            face = &kept->list->records[r - 1]->face;
            for (i = count < max ? count++ : max - 1; i > 0; i--)
                ret_keys[i] = ret_keys[i - 1];
            ret_keys[0] = arena_format(txn->arena, "%s/%s", face->collection,
                                       face->id);
        }
    return count;
}

size_t
txn_marks(const struct txn *txn, struct cache_mark *ret_marks, size_t max)
{
    const struct txn_list *kept;
    size_t count = 0;

    for (kept = txn->lists; kept; kept = kept->next) {
        if (count == max || !kept->mark.stamp)
            return 0;
        ret_marks[count++] = kept->mark;
    }
    return count;
}

char *
txn_keyed(struct txn *txn, const char *purpose, const void *bytes, size_t len)
{
    uint8_t hash[CRYPTO_MAC_LEN];
    char *text = arena_alloc(txn->arena, JOSE_B64URL_SIZE(sizeof(hash)));

    if (!text || !keys_hash(database_keys(txn->database), purpose, bytes, len,
                            hash))
        return NULL;
    jose_b64url_encode(hash, sizeof(hash), text,
                       JOSE_B64URL_SIZE(sizeof(hash)));
    return text;
}

/* --- Writing. --- */

static bool
changed_already(const struct txn *txn, const char *collection, const char *id)
{
    const struct commit_change *change;

    for (change = txn->changes; change; change = change->next)
        if (strcmp(change->record->face.id, id) == 0 &&
            strcmp(change->record->face.collection, collection) == 0)
            return true;
    return false;
}

static bool
text_fits(const char *text, size_t max)
{
    return text && text[0] && strlen(text) <= max;
}

static factor_status
check_put(const struct txn *txn, const struct txn_put *put,
          struct factor_error *err)
{
    const struct record *seen;

    if (!text_fits(put->collection, FACTOR_COLLECTION_MAX) ||
        !text_fits(put->id, FACTOR_ID_MAX) ||
        (put->owner && !text_fits(put->owner, FACTOR_ID_MAX)) ||
        (put->name && !text_fits(put->name, FACTOR_NAME_MAX)))
        return error_set(err, FACTOR_E_INPUT,
                         "put: a text of the record is empty or too long");
    if (!json_is_integer(json_object_get(put->body, "v")))
        return error_set(err, FACTOR_E_INPUT,
                         "put %s: the body has no integer \"v\"",
                         put->collection);
    if (changed_already(txn, put->collection, put->id))
        return error_set(err, FACTOR_E_INPUT,
                         "put %s: changed twice in one step", put->collection);
    seen = txn_seen(txn, put->collection, put->id);
    if (put->version != 0 && (!seen || seen->face.version != put->version))
        return error_set(err, FACTOR_E_INPUT,
                         "put %s: not the version that was read",
                         put->collection);
    return FACTOR_OK;
}

static struct record *
put_record(const struct txn_put *put)
{
    const struct factor_record face = {
        .collection = put->collection,
        .id = put->id,
        .owner = put->owner,
        .name = put->name,
        .version = put->version + 1,
        .expires_at_ms = put->expires_at_ms,
    };

    return record_new(&face, put->body, put->due_at_ms);
}

/* Takes over the reference to record. */
static factor_status
add_change(struct txn *txn, uint32_t kind, struct record *record)
{
    struct commit_change *change = arena_alloc(txn->arena, sizeof(*change));

    if (!change || !record) {
        record_unref(record);
        return FACTOR_E_NOMEM;
    }
    change->record = record;
    change->change.struct_size = sizeof(change->change);
    change->change.kind = kind;
    *txn->last_change = change;
    txn->last_change = &change->next;
    txn->change_count++;
    return FACTOR_OK;
}

factor_status
txn_put(struct txn *txn, const struct txn_put *put, struct factor_error *err)
{
    factor_status st = check_put(txn, put, err);

    if (st != FACTOR_OK) {
        json_decref(put->body);
        return st;
    }
    return add_change(txn, FACTOR_CHANGE_PUT, put_record(put));
}

static struct commit_change *
find_put(const struct txn *txn, const struct txn_put *put)
{
    struct commit_change *change = txn->changes;

    while (change && (change->change.kind != FACTOR_CHANGE_PUT ||
                      strcmp(change->record->face.id, put->id) != 0 ||
                      strcmp(change->record->face.collection,
                             put->collection) != 0))
        change = change->next;
    return change;
}

factor_status
txn_put_again(struct txn *txn, const struct txn_put *put,
              struct factor_error *err)
{
    struct commit_change *change = find_put(txn, put);
    struct txn_put instead = *put;
    struct record *record;

    if (!change)
        return txn_put(txn, put, err);
    if (put->version != change->record->face.version) {
        json_decref(put->body);
        return error_set(err, FACTOR_E_INPUT,
                         "put %s: not the version that was read",
                         put->collection);
    }
    instead.version--;
    record = put_record(&instead);
    if (!record)
        return FACTOR_E_NOMEM;
    record_unref(change->record);
    change->record = record;
    return FACTOR_OK;
}

factor_status
txn_put_memory(struct txn *txn, const struct txn_put *put,
               struct factor_error *err)
{
    struct txn_memory *memory = arena_alloc(txn->arena, sizeof(*memory));
    factor_status st = memory ? check_put(txn, put, err) : FACTOR_E_NOMEM;

    if (st != FACTOR_OK) {
        json_decref(put->body);
        return st;
    }
    memory->record = put_record(put);
    if (!memory->record)
        return FACTOR_E_NOMEM;
    memory->next = txn->memory;
    txn->memory = memory;
    return FACTOR_OK;
}

/* A store removes a row that stands at the version that was read. */
factor_status
txn_remove(struct txn *txn, const struct record *record)
{
    struct record *seen;

    if (changed_already(txn, record->face.collection, record->face.id))
        return FACTOR_E_INPUT;
    seen = record_new(&record->face, json_share(record->body), 0);
    return add_change(txn, FACTOR_CHANGE_REMOVE, seen);
}

factor_status
txn_remove_user(struct txn *txn, const struct record *user)
{
    factor_status st = txn_remove(txn, user);

    if (st != FACTOR_OK)
        return st;
    return add_change(txn, FACTOR_CHANGE_REMOVE_OWNED,
                      record_new(&user->face, json_share(user->body), 0));
}

void
txn_event(struct txn *txn, const char *event, json_t *fields)
{
    json_t *entry = fields ? fields : json_object();

    if (!txn->events)
        txn->events = json_array();
    json_object_set_new(entry, "event", json_string(event));
    json_array_append_new(txn->events, entry);
}

void
txn_context(struct txn *txn, const char *member, const char *text)
{
    if (!txn->about)
        txn->about = json_object();
    json_set_text(txn->about, member, text);
}

/* Texts are copied: a plugin's may be gone at the commit. */
factor_status
txn_stranger(struct txn *txn, struct strangers *table, const char *purpose,
             const char *name)
{
    struct txn_stranger *stranger = arena_alloc(txn->arena, sizeof(*stranger));

    if (!stranger)
        return FACTOR_E_NOMEM;
    stranger->table = table;
    stranger->purpose = arena_copy(txn->arena, purpose);
    stranger->name = arena_copy(txn->arena, name);
    if (!stranger->purpose || !stranger->name)
        return FACTOR_E_NOMEM;
    stranger->next = txn->strangers;
    txn->strangers = stranger;
    return FACTOR_OK;
}

/* An empty commit would prove nothing: a store has to write to find out. */
void
txn_probe(struct txn *txn)
{
    if (!txn_writes(txn) && database_failing(txn->database))
        txn_event(txn, "store.probed", NULL);
}

static json_t *
send_body(const struct factor_send *send, const char *const *languages)
{
    json_t *list = json_array();
    json_t *secret = json_pack("{s:s, s:s*, s:O*, s:O*}", "address",
                               send->address, "code", send->code, "variables",
                               send->variables, "credential", send->credential);
    json_t *body;

    for (; languages && *languages; languages++)
        json_array_append_new(list, json_string(*languages));
    body = json_pack("{s:i, s:s, s:s, s:s, s:i, s:I, s:o, s:o}", "v", 1,
                     "state", "queued", "channel", send->channel, "template",
                     send->template_id, "attempt", 0, "expiresAt",
                     (json_int_t)send->expires_at_ms, "languages", list,
                     "secret", secret);
    if (body && send->about_collection)
        json_object_set_new(body, "about",
                            json_pack("{s:s, s:s}", "collection",
                                      send->about_collection, "id",
                                      send->about_id));
    return body;
}

factor_status
txn_send(struct txn *txn, const struct factor_send *send, const char *owner,
         const char *const *languages)
{
    struct txn_send *kept = arena_alloc(txn->arena, sizeof(*kept));
    char id[23];
    struct txn_put put = {
        .collection = "outbox",
        .id = id,
        .owner = owner,
        .due_at_ms = txn->now_ms,
    };

    if (!kept)
        return FACTOR_E_NOMEM;
    kept->send = *send;
    kept->send.channel = arena_copy(txn->arena, send->channel);
    kept->send.address = arena_copy(txn->arena, send->address);
    if (send->account)
        kept->send.account = arena_copy(txn->arena, send->account);
    *txn->last_send = kept;
    txn->last_send = &kept->next;
    clock_random_id(id, 22);
    put.body = send_body(send, languages);
    return put.body ? txn_put(txn, &put, NULL) : FACTOR_E_INPUT;
}

/* --- Committing. --- */

bool
txn_writes(const struct txn *txn)
{
    return txn->changes || json_array_size(txn->events) > 0;
}

/* What happened, and to which version of which record (K2). */
static const char *
event_text(struct txn *txn)
{
    json_t *records = json_array(), *event;
    struct commit_change *change;
    const struct factor_record *face;
    char *text, *copy;

    for (change = txn->changes; change; change = change->next) {
        face = &change->record->face;
        json_array_append_new(
            records,
            json_pack("[s, s, I, s*]", face->collection, face->id,
                      change->change.kind == FACTOR_CHANGE_PUT
                          ? (json_int_t)face->version
                          : (json_int_t)0,
                      face->owner));
    }
    event = txn->about ? json_copy(txn->about) : json_object();
    if (txn->events)
        json_object_set(event, "events", txn->events);
    json_object_set_new(event, "records", records);
    text = json_dumps(event, JSON_COMPACT);
    copy = arena_copy(txn->arena, text);
    json_decref(event);
    free(text);
    return copy;
}

static bool
encode_change(struct txn *txn, struct commit_change *change)
{
    if (!change->row)
        change->row = record_encode(change->record,
                                    database_keys(txn->database));
    if (!change->row)
        return false;
    change->record->key_version = change->row->key_version;
    if (change->change.kind == FACTOR_CHANGE_REMOVE_OWNED)
        change->row->owner = change->record->face.id;
    change->change.row = change->row;
    return true;
}

struct commit *
txn_commit(struct txn *txn)
{
    const struct factor_change **list = arena_alloc(
        txn->arena, (txn->change_count + 1) * sizeof(const void *));
    struct commit_change *change;
    size_t count = 0;

    if (!list)
        return NULL;
    for (change = txn->changes; change; change = change->next) {
        if (!encode_change(txn, change))
            return NULL;
        list[count++] = &change->change;
    }
    txn->commit.changes = txn->changes;
    txn->commit.list = list;
    txn->commit.change_count = count;
    txn->commit.at_ms = txn->now_ms;
    txn->commit.event = event_text(txn);
    return txn->commit.event ? &txn->commit : NULL;
}

static void
note_strangers(const struct txn *txn)
{
    const struct txn_stranger *stranger;

    for (stranger = txn->strangers; stranger; stranger = stranger->next)
        strangers_note(stranger->table, stranger->purpose, stranger->name);
}

factor_status
txn_commit_memory(struct txn *txn)
{
    const struct txn_memory *memory;

    for (memory = txn->memory; memory; memory = memory->next)
        if (!database_put_memory(txn->database, memory->record))
            return FACTOR_E_CONFLICT;
    note_strangers(txn);
    return FACTOR_OK;
}

static factor_status
run_once(struct database *database, const uint8_t *seed,
         factor_status (*decide)(struct txn *, void *, struct factor_error *),
         void *context, struct factor_error *err)
{
    struct txn *txn = txn_new(database, clock_now_ms(), seed);
    struct commit *commit;
    factor_status st = txn ? decide(txn, context, err) : FACTOR_E_NOMEM;

    if (st == FACTOR_OK && txn_writes(txn)) {
        commit = txn_commit(txn);
        st = commit ? database_commit_wait(database, commit) : FACTOR_E_NOMEM;
        if (st == FACTOR_E_IO)
            error_set(err, st, "the store cannot be written");
    }
    if (st == FACTOR_OK)
        note_strangers(txn);
    txn_free(txn);
    return st;
}

factor_status
txn_run(struct database *database,
        factor_status (*decide)(struct txn *txn, void *context,
                                struct factor_error *err),
        void *context, struct factor_error *err)
{
    uint8_t seed[TXN_SEED];
    factor_status st;
    int attempt = 0;

    clock_random(seed, sizeof(seed));
    do {
        st = run_once(database, seed, decide, context, err);
    } while (st == FACTOR_E_CONFLICT && ++attempt < ATTEMPTS_MAX);
    return st;
}
