/* SPDX-License-Identifier: MIT */
/* factor/store.h - the contract of a store: rows of records, and an audit
 * log, both durable before end() returns.
 *
 * A store knows no JSON and no secrets: bodies come sealed, as bytes.
 * Reads may come from many threads at once and see only ended batches.  The
 * write calls (begin to abort, maintain) come from one thread.
 *
 *   begin { apply | append }* end | abort
 *
 * Each apply is all or nothing within its batch; a batch is all or nothing
 * on the disk.
 */
#ifndef FACTOR_STORE_H
#define FACTOR_STORE_H

#include "factor/base.h"
#include "factor/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_store; /* the plugin's own */

/* A record as it is kept.  Texts as in struct factor_record. */
struct factor_row {
    uint32_t struct_size;
    uint32_t key_version;  /* of the keys that sealed it and made its mac */
    const char *collection;
    const char *id;
    const char *owner;     /* or NULL */
    const char *name;      /* or NULL; unique in its collection */
    uint64_t version;
    int64_t expires_at_ms; /* 0: never */
    int64_t due_at_ms;     /* when a worker is to see it; 0: never */
    const char *body;      /* JSON text, body_len bytes, NUL after it */
    size_t body_len;
    const uint8_t *mac;    /* mac_len bytes */
    size_t mac_len;
};

enum {
    FACTOR_CHANGE_PUT = 1,
    FACTOR_CHANGE_REMOVE = 2,
    FACTOR_CHANGE_REMOVE_OWNED = 3 /* every row whose owner is row.owner */
};

/* One change.  PUT: row.version is the new version; the row must stand at
 * version - 1 (1: must not be there, nor another of its name).  REMOVE: the
 * row must stand at row.version. */
struct factor_change {
    uint32_t struct_size;
    uint32_t kind; /* FACTOR_CHANGE_... */
    const struct factor_row *row;
};

enum {
    FACTOR_QUERY_ID = 1,      /* collection, key = id */
    FACTOR_QUERY_NAME = 2,    /* collection, key = name */
    FACTOR_QUERY_OWNED = 3,   /* collection, key = owner; ids after `after` */
    FACTOR_QUERY_PAGE = 4,    /* collection; ids after `after` */
    FACTOR_QUERY_DUE = 5,     /* collection; 0 < due_at_ms <= at_ms, oldest
                               * first */
    FACTOR_QUERY_EXPIRED = 6, /* any collection; 0 < expires_at_ms <= at_ms */
    FACTOR_QUERY_KEY = 7      /* any collection; row.key_version is lower */
};

/* One read.  Borrowed. */
struct factor_query {
    uint32_t struct_size;
    uint32_t kind;          /* FACTOR_QUERY_... */
    const char *collection; /* or NULL where the kind takes any */
    const char *key;        /* or NULL where the kind takes none */
    const char *after;      /* id after which to go on, or NULL */
    int64_t at_ms;
    uint32_t limit;         /* at most so many rows, 1 to 1,000 */
    uint32_t key_version;   /* of FACTOR_QUERY_KEY */
};

/* One event of the audit chain, as bytes that the host made. */
struct factor_audit_row {
    uint32_t struct_size;
    uint32_t event_len;
    const char *writer;    /* chain: UUID of the writing daemon's store */
    uint64_t sequence;     /* from 1, without gaps within a writer */
    int64_t at_ms;
    const char *event;     /* JSON text, event_len bytes */
    const uint8_t *hash;   /* 32 bytes: of the event and the hash before */
    const uint8_t *mac;    /* 32 bytes */
};

/* Called for each row found, which is borrowed.  A negative return ends the
 * read, which then returns it. */
typedef factor_status factor_row_fn(void *context,
                                    const struct factor_row *row);
typedef factor_status factor_audit_fn(void *context,
                                      const struct factor_audit_row *row);

enum {
    FACTOR_STORE_SHARED = 1 << 0 /* several daemons may write it */
};

/* What a store does.  Owner: plugin. */
struct factor_store_ops {
    uint32_t struct_size;
    uint32_t flags; /* FACTOR_STORE_... */

    /* Open or create.  Refuses (FACTOR_E_CONFIG) a schema newer than its own
     * and, unless SHARED, a store that another process holds.  Alone. */
    factor_status (*init)(const struct factor_host *host,
                          const struct json_t *settings,
                          struct factor_store **ret_self,
                          struct factor_error *err);

    /* Call row_fn for what the query finds.  Any thread. */
    factor_status (*read)(struct factor_store *self,
                          const struct factor_query *query,
                          factor_row_fn *row_fn, void *context,
                          struct factor_error *err);

    /* Open a batch. */
    factor_status (*begin)(struct factor_store *self, struct factor_error *err);
    /* All changes of one step.  FACTOR_E_CONFLICT: none of them was made and
     * the batch goes on; any other failure: abort the batch. */
    factor_status (*apply)(struct factor_store *self,
                           const struct factor_change *const *changes,
                           size_t count, struct factor_error *err);
    factor_status (*append)(struct factor_store *self,
                            const struct factor_audit_row *row,
                            struct factor_error *err);
    /* Make the batch durable: when it returns FACTOR_OK it survives a power
     * cut; on failure nothing of it remains. */
    factor_status (*end)(struct factor_store *self, struct factor_error *err);
    void (*abort)(struct factor_store *self);

    /* House-keeping between batches, after the replies; cheap if there is
     * nothing to do. */
    void (*maintain)(struct factor_store *self);

    /* Audit rows of a writer (NULL: of all) with sequence > after, in order,
     * at most limit; or the newest only, if limit is 0.  Any thread. */
    factor_status (*read_audit)(struct factor_store *self, const char *writer,
                                uint64_t after, uint32_t limit,
                                factor_audit_fn *audit_fn, void *context,
                                struct factor_error *err);

    /* A consistent copy into a new file while running.  Any thread. */
    factor_status (*backup)(struct factor_store *self, const char *path,
                            struct factor_error *err);

    /* Release the instance; NULL is allowed.  Alone. */
    void (*fini)(struct factor_store *self);
};

#ifdef __cplusplus
}
#endif

#endif
