/* SPDX-License-Identifier: MIT */
/* host/record/verify.c - the audit log against itself and against the store.
 *
 * Rows are read behind the log, so none may be older than the log says.  One
 * that is newer may have been written meanwhile: the log is read on, and must
 * have caught up. */
#include "host/record/verify.h"

#include <stdio.h>
#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/record/audit.h"

enum { PAGE = 500 };

struct verify {
    struct database *database;
    struct audit_chain chain;
    struct verify_findings *findings;
    json_t *known; /* "collection/id" -> [version, owner or null] */
};

/* --- The log. --- */

static void
forget_owned(json_t *known, const char *owner)
{
    const char *key, *its;
    json_t *entry;
    void *next;

    json_object_foreach_safe(known, next, key, entry) {
        its = json_string_value(json_array_get(entry, 1));
        if (its && strcmp(its, owner) == 0)
            json_object_del(known, key);
    }
}

/* [collection, id, version, owner]: version 0 means removed; an owner that
 * is removed takes along what is theirs. */
static void
note_record(json_t *known, const json_t *record)
{
    const char *collection = json_string_value(json_array_get(record, 0));
    const char *id = json_string_value(json_array_get(record, 1));
    json_int_t version = json_integer_value(json_array_get(record, 2));
    char key[FACTOR_COLLECTION_MAX + FACTOR_ID_MAX + 2];

    if (!collection || !id)
        return;
    snprintf(key, sizeof(key), "%s/%s", collection, id);
    if (version > 0) {
        json_object_set_new(
            known, key,
            json_pack("[I, O?]", version, json_array_get(record, 3)));
        return;
    }
    json_object_del(known, key);
    if (strcmp(collection, "user") == 0)
        forget_owned(known, id);
}

static factor_status
note_event(void *context, const struct factor_audit_row *row)
{
    struct verify *verify = context;
    json_t *event, *record;
    size_t i;

    verify->findings->events++;
    if (!verify->findings->broken && !audit_follows(&verify->chain, row))
        verify->findings->broken = row->sequence;
    audit_moved(&verify->chain, row);
    event = json_loadb(row->event, row->event_len, 0, NULL);
    json_array_foreach(json_object_get(event, "records"), i, record)
        note_record(verify->known, record);
    json_decref(event);
    return FACTOR_OK;
}

static factor_status
read_log(struct verify *verify, struct factor_error *err)
{
    const struct database_parts *parts = database_parts(verify->database);
    uint64_t before;
    factor_status st;

    do {
        before = verify->findings->events;
        st = parts->ops->read_audit(parts->store, verify->chain.writer,
                                    verify->chain.sequence, PAGE, note_event,
                                    verify, err);
    } while (st == FACTOR_OK && verify->findings->events != before);
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

static uint64_t
logged_version(const json_t *known, const char *key)
{
    return (uint64_t)json_integer_value(
        json_array_get(json_object_get(known, key), 0));
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
        if (st == FACTOR_OK && version > logged_version(verify->known, key))
            st = read_log(verify, err);
        if (st != FACTOR_OK)
            return st;
        verify->findings->records++;
        if (version > logged_version(verify->known, key) &&
            json_object_get(verify->known, key))
            tell(verify, key, &verify->findings->ahead);
        if (version < logged_version(said, key) &&
            json_object_get(verify->known, key))
            tell(verify, key, &verify->findings->behind);
    }
    return st;
}

factor_status
verify_audit(struct database *database, struct verify_findings *ret_findings,
             struct factor_error *err)
{
    struct verify verify = {
        .database = database,
        .chain = {.keys = database_keys(database),
                  .writer = keys_environment(database_keys(database))},
        .findings = ret_findings,
        .known = json_object(),
    };
    json_t *said;
    factor_status st;

    memset(ret_findings, 0, sizeof(*ret_findings));
    if (!verify.known)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    st = read_log(&verify, err);
    said = json_copy(verify.known);
    if (st == FACTOR_OK)
        st = said ? compare(&verify, said, err) : FACTOR_E_NOMEM;
    json_decref(said);
    json_decref(verify.known);
    return st;
}
