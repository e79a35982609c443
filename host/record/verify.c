/* SPDX-License-Identifier: MIT */
/* host/record/verify.c - the audit log against itself and against the store.
 *
 * Each writer has a chain of its own; a record may be in several of them, and
 * its newest version is the newest in any.  Since a record that was removed
 * may be made anew, and begins with version 1 again, the chains are merged in
 * the order of their events' times.  Clocks of several machines differ a
 * little: of a record that was removed and whose versions do not follow each
 * other from then on, nothing is said.
 *
 * Rows are read behind the log, so none may be older than the log says.  One
 * that is newer, or gone, may have been written meanwhile: the log is read
 * on, and must have caught up. */
#include "host/record/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/user.h"
#include "host/error.h"
#include "host/json.h"
#include "host/record/audit.h"

enum { PAGE = 500 };

struct verify;

/* One chain, and what was read of it but not yet merged with the others. */
struct chain {
    struct verify *verify;
    struct audit_chain audit;
    char *writer;
    json_t *page; /* array of [time, records] */
    size_t next;  /* in the page */
    bool ended;   /* there was nothing behind the page */
};

struct verify {
    struct database *database;
    struct verify_findings *findings;
    struct chain *chains;
    size_t chain_count;
    json_t *known; /* "collection/id" -> [version, owner or null] */
    /* Of several chains only: what was removed ("collection/id" -> true; or
     * false: nothing is said of it any more), and ids of removed users. */
    json_t *removed, *gone;
};

/* --- The chains. --- */

static bool
add_chain(struct verify *verify, const char *writer)
{
    struct chain *larger = reallocarray(
        verify->chains, verify->chain_count + 1, sizeof(*larger));
    struct chain *chain;

    if (!larger)
        return false;
    verify->chains = larger;
    chain = &larger[verify->chain_count];
    *chain = (struct chain){.verify = verify,
                            .writer = strdup(writer),
                            .page = json_array()};
    verify->chain_count++;
    chain->audit.keys = database_keys(verify->database);
    chain->audit.writer = chain->writer;
    return chain->writer && chain->page;
}

static bool
has_chain(const struct verify *verify, const char *writer)
{
    size_t i;

    /* A store gives them one after another: the newest is likely the one. */
    for (i = verify->chain_count; i > 0; i--)
        if (strcmp(verify->chains[i - 1].writer, writer) == 0)
            return true;
    return false;
}

static factor_status
note_writer(void *context, const struct factor_audit_row *row)
{
    if (has_chain(context, row->writer) || add_chain(context, row->writer))
        return FACTOR_OK;
    return FACTOR_E_NOMEM;
}

/* Ours too, of which nothing need be in the log yet.  A store cannot be asked
 * for its writers alone: this is one walk through all of the log. */
static factor_status
find_chains(struct verify *verify, struct factor_error *err)
{
    const struct database_parts *parts = database_parts(verify->database);
    const struct keys *keys = database_keys(verify->database);

    if (!add_chain(verify, keys_environment(keys)))
        return FACTOR_E_NOMEM;
    return parts->ops->read_audit(parts->store, NULL, 0, UINT32_MAX,
                                  note_writer, verify, err);
}

static void
free_chains(struct verify *verify)
{
    size_t i;

    for (i = 0; i < verify->chain_count; i++) {
        json_decref(verify->chains[i].page);
        free(verify->chains[i].writer);
    }
    free(verify->chains);
}

static void
check_row(struct chain *chain, const struct factor_audit_row *row)
{
    struct verify_findings *findings = chain->verify->findings;

    findings->events++;
    if (!findings->broken && !audit_follows(&chain->audit, row)) {
        findings->broken = row->sequence;
        snprintf(findings->writer, sizeof(findings->writer), "%s",
                 chain->writer);
    }
    audit_moved(&chain->audit, row);
}

static factor_status
note_event(void *context, const struct factor_audit_row *row)
{
    struct chain *chain = context;
    json_t *event;
    int failed;

    check_row(chain, row);
    event = json_loadb(row->event, row->event_len, 0, NULL);
    failed = json_array_append_new(
        chain->page, json_pack("[I, O?]", (json_int_t)row->at_ms,
                               json_object_get(event, "records")));
    json_decref(event);
    return failed ? FACTOR_E_NOMEM : FACTOR_OK;
}

/* Have something of the chain to merge, unless it has ended. */
static factor_status
fill(struct chain *chain, struct factor_error *err)
{
    const struct database_parts *parts =
        database_parts(chain->verify->database);
    factor_status st;

    if (chain->ended || chain->next < json_array_size(chain->page))
        return FACTOR_OK;
    json_array_clear(chain->page);
    chain->next = 0;
    st = parts->ops->read_audit(parts->store, chain->writer,
                                chain->audit.sequence, PAGE, note_event, chain,
                                err);
    chain->ended = json_array_size(chain->page) == 0;
    return st;
}

/* --- What they say. --- */

static uint64_t
logged_version(const json_t *known, const char *key)
{
    return (uint64_t)json_integer_value(
        json_array_get(json_object_get(known, key), 0));
}

static bool
is_gone(const struct verify *verify, const char *owner)
{
    return owner && json_object_get(verify->gone, owner);
}

/* In one chain what comes later is newer.  Of several, an event may come late:
 * one that is older than what is known, or of an owner who was removed, tells
 * nothing. */
static void
note_put(struct verify *verify, const char *key, json_int_t version,
         json_t *owner)
{
    const json_int_t before = (json_int_t)logged_version(verify->known, key);
    const json_t *removed = json_object_get(verify->removed, key);
    const bool merged = verify->chain_count > 1;

    if (merged && (json_is_false(removed) || version <= before ||
                   is_gone(verify, json_string_value(owner))))
        return;
    if (merged && removed && version != before + 1) {
        json_object_del(verify->known, key);
        json_object_set_new(verify->removed, key, json_false());
        return;
    }
    json_object_set_new(verify->known, key,
                        json_pack("[I, O?]", version, owner));
}

static void
note_removed(struct verify *verify, const char *key)
{
    json_object_del(verify->known, key);
    if (verify->chain_count > 1 &&
        !json_is_false(json_object_get(verify->removed, key)))
        json_object_set_new(verify->removed, key, json_true());
}

/* An owner that is removed takes along what is theirs. */
static void
note_owner_removed(struct verify *verify, const char *owner)
{
    const char *key, *its;
    json_t *entry;
    void *next;

    json_object_set_new(verify->gone, owner, json_true());
    json_object_foreach_safe(verify->known, next, key, entry) {
        its = json_string_value(json_array_get(entry, 1));
        if (its && strcmp(its, owner) == 0)
            json_object_del(verify->known, key);
    }
}

/* [collection, id, version, owner]: version 0 means removed. */
static void
note_record(struct verify *verify, const json_t *record)
{
    const char *collection = json_string_value(json_array_get(record, 0));
    const char *id = json_string_value(json_array_get(record, 1));
    json_int_t version = json_integer_value(json_array_get(record, 2));
    char key[FACTOR_COLLECTION_MAX + FACTOR_ID_MAX + 2];

    if (!collection || !id)
        return;
    snprintf(key, sizeof(key), "%s/%s", collection, id);
    if (version > 0) {
        note_put(verify, key, version, json_array_get(record, 3));
        return;
    }
    note_removed(verify, key);
    if (strcmp(collection, FACTOR_USERS) == 0)
        note_owner_removed(verify, id);
}

static json_int_t
time_of_next(const struct chain *chain)
{
    const json_t *event = json_array_get(chain->page, chain->next);

    return json_integer_value(json_array_get(event, 0));
}

/* The chain whose next event is the oldest; NULL: all have ended. */
static struct chain *
oldest(struct verify *verify, struct factor_error *err, factor_status *ret_st)
{
    struct chain *chain, *found = NULL;
    size_t i;

    *ret_st = FACTOR_OK;
    for (i = 0; i < verify->chain_count; i++) {
        chain = &verify->chains[i];
        *ret_st = fill(chain, err);
        if (*ret_st != FACTOR_OK)
            return NULL;
        if (!chain->ended &&
            (!found || time_of_next(chain) < time_of_next(found)))
            found = chain;
    }
    return found;
}

/* Up to the ends that the chains have by now. */
static factor_status
read_log(struct verify *verify, struct factor_error *err)
{
    struct chain *chain;
    json_t *event, *record;
    factor_status st;
    size_t i;

    for (i = 0; i < verify->chain_count; i++)
        verify->chains[i].ended = false;
    while ((chain = oldest(verify, err, &st))) {
        event = json_array_get(chain->page, chain->next++);
        json_array_foreach(json_array_get(event, 1), i, record)
            note_record(verify, record);
    }
    return st;
}

/* --- The store. --- */

static factor_status
take_version(void *context, const struct factor_row *row)
{
    *(uint64_t *)context = row->version;
    return FACTOR_OK;
}

static factor_status
read_version(struct verify *verify, const char *key, uint64_t *ret_version,
             struct factor_error *err)
{
    const struct database_parts *parts = database_parts(verify->database);
    const char *slash = strchr(key, '/');
    char collection[FACTOR_COLLECTION_MAX + 1];
    struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_ID,
        .collection = collection,
        .key = slash + 1,
        .limit = 1,
    };

    snprintf(collection, sizeof(collection), "%.*s", (int)(slash - key), key);
    *ret_version = 0;
    return parts->ops->read(parts->store, &query, take_version, ret_version,
                            err);
}

static void
tell(struct verify *verify, const char *key, uint64_t *counter)
{
    (*counter)++;
    if (!verify->findings->first[0])
        snprintf(verify->findings->first, sizeof(verify->findings->first),
                 "%s", key);
}

/* said: what the log said before the row was read; since then it was read
 * on, and may know of a later life of the record, or of its end. */
static void
judge(struct verify *verify, const char *key, const json_t *entry,
      uint64_t version)
{
    uint64_t said = (uint64_t)json_integer_value(json_array_get(entry, 0));
    uint64_t known = logged_version(verify->known, key);

    verify->findings->records++;
    if (known == 0)
        return;
    if (version > known)
        tell(verify, key, &verify->findings->ahead);
    else if (version < said && known >= said)
        tell(verify, key, &verify->findings->behind);
}

/* Compare a copy of what the log said first, since the log is read on. */
static factor_status
compare(struct verify *verify, const json_t *said, struct factor_error *err)
{
    factor_status st = FACTOR_OK;
    uint64_t version;
    const char *key;
    json_t *entry;

    json_object_foreach(json_unconst(said), key, entry) {
        st = read_version(verify, key, &version, err);
        if (st == FACTOR_OK && version != logged_version(verify->known, key))
            st = read_log(verify, err);
        if (st != FACTOR_OK)
            return st;
        judge(verify, key, entry, version);
    }
    return st;
}

static factor_status
verify_all(struct verify *verify, struct factor_error *err)
{
    factor_status st = find_chains(verify, err);
    json_t *said;

    if (st == FACTOR_OK)
        st = read_log(verify, err);
    if (st != FACTOR_OK)
        return st;
    said = json_copy(verify->known);
    st = said ? compare(verify, said, err) : FACTOR_E_NOMEM;
    json_decref(said);
    return st;
}

factor_status
verify_audit(struct database *database, struct verify_findings *ret_findings,
             struct factor_error *err)
{
    struct verify verify = {
        .database = database,
        .findings = ret_findings,
        .known = json_object(),
        .removed = json_object(),
        .gone = json_object(),
    };
    factor_status st = FACTOR_E_NOMEM;

    memset(ret_findings, 0, sizeof(*ret_findings));
    if (verify.known && verify.removed && verify.gone)
        st = verify_all(&verify, err);
    free_chains(&verify);
    json_decref(verify.known);
    json_decref(verify.removed);
    json_decref(verify.gone);
    if (st == FACTOR_E_NOMEM)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    return st;
}
