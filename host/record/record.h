/* SPDX-License-Identifier: MIT */
/* host/record/record.h - one immutable version of a record, shared by count. */
#ifndef HOST_RECORD_RECORD_H
#define HOST_RECORD_RECORD_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "factor/record.h"
#include "factor/store.h"
#include "host/keys.h"

struct record {
    struct factor_record face; /* what plugins see; its texts lie below */
    json_t *body;              /* face.body, our own reference; unsealed */
    int64_t due_at_ms;         /* when a worker is to see it; 0: never */
    size_t cost;               /* bytes, about, for the bounds of caches */
    atomic_uint references;
    uint32_t key_version;      /* that sealed it in the store; 0: not stored */
    char texts[];
};

/* Records that one read found; shared by count, never changed. */
struct record_list {
    atomic_uint references;
    uint32_t count;
    struct record *records[];
};

/* A new record, one reference; body is stolen.  NULL without memory. */
struct record *record_new(const struct factor_record *face, json_t *body,
                          int64_t due_at_ms);
struct record *record_ref(struct record *record);
void record_unref(struct record *record); /* NULL is allowed */

/* Whether it stands in the store, and not only in memory (S1). */
static inline bool
record_stored(const struct record *record)
{
    return record->key_version != 0;
}

/* A list with room for count records, all NULL; one reference. */
struct record_list *record_list_new(size_t count);
struct record_list *record_list_ref(struct record_list *list);
/* The list with one record put in at its place by id, replaced, or taken out
 * (record NULL).  One reference; NULL without memory. */
struct record_list *record_list_with(const struct record_list *list,
                                     const char *id, struct record *record);
void record_list_unref(struct record_list *list); /* NULL is allowed */

/* The row that a store keeps: body dumped, its secret sealed, a mac over
 * all.  Allocated in one piece; free() it.  NULL: out of memory, or the body
 * is longer than FACTOR_BODY_MAX.  Any thread. */
struct factor_row *record_encode(const struct record *record,
                                 const struct keys *keys);

/* The reverse.  FACTOR_E_INTERNAL with a text for the log when the mac or the
 * seal do not hold (K2), which means that somebody wrote to the store. */
factor_status record_decode(const struct factor_row *row,
                            const struct keys *keys,
                            struct record **ret_record,
                            struct factor_error *err);

#endif
