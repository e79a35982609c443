/* SPDX-License-Identifier: MIT */
/* host/step/txn.h - one attempt at one step: its memory, what it read, and
 * what it would write.  A lost compare-and-swap throws the attempt away and
 * makes another.  One thread at a time. */
#ifndef HOST_STEP_TXN_H
#define HOST_STEP_TXN_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/host.h"
#include "host/arena.h"
#include "host/record/database.h"

enum { TXN_ENTROPY = 128, TXN_SEED = CRYPTO_KEY_LEN };

struct strangers; /* host/step/strangers.h */
struct txn;

/* A planned message, as it goes into the outbox. */
struct txn_send {
    struct txn_send *next;
    struct factor_send send; /* texts in the arena, JSON kept by it */
};

/* A new attempt at `now_ms`.  seed: TXN_SEED random bytes, the same for each
 * attempt of one step.  NULL without memory. */
struct txn *txn_new(struct database *database, int64_t now_ms,
                    const uint8_t *seed);
void txn_free(struct txn *txn); /* NULL is allowed */

struct factor_arena *txn_arena(struct txn *txn);
int64_t txn_now(const struct txn *txn);
/* TXN_ENTROPY bytes that nobody else of this attempt gets, in the arena, and
 * the same in the next attempt if they are asked for in the same order; NULL
 * on failure. */
const uint8_t *txn_entropy(struct txn *txn);
struct database *txn_database(struct txn *txn);

/* --- Reading.  What was read stays until txn_free. --- */

factor_status txn_read(struct txn *txn, const struct factor_query *query,
                       struct record_list **ret_list);
/* The record with this id or name.  FACTOR_E_NOTFOUND. */
factor_status txn_read_id(struct txn *txn, const char *collection,
                          const char *id, const struct record **ret_record);
factor_status txn_read_name(struct txn *txn, const char *collection,
                            const char *name,
                            const struct record **ret_record);
/* A record that was read before in this attempt, or NULL. */
const struct record *txn_seen(const struct txn *txn, const char *collection,
                              const char *id);
/* "collection/id" of the records that were read, at most max of them, first
 * the first that was read; in the arena.  Returns how many. */
size_t txn_keys(struct txn *txn, const char **ret_keys, size_t max);

/* Marks of everything that was read, at most max; 0: there are more, or some
 * of it may change unseen. */
size_t txn_marks(const struct txn *txn, struct cache_mark *ret_marks,
                 size_t max);

/* Text of a keyed name, in the arena; NULL on failure. */
char *txn_keyed(struct txn *txn, const char *purpose, const void *bytes,
                size_t len);

/* --- Writing.  FACTOR_E_INPUT with a text in err: the caller's bug. --- */

struct txn_put {
    const char *collection, *id, *owner, *name; /* owner, name or NULL */
    uint64_t version;      /* as it was read; 0: new */
    int64_t expires_at_ms; /* 0: never */
    int64_t due_at_ms;     /* 0: never */
    json_t *body;          /* stolen */
};

factor_status txn_put(struct txn *txn, const struct txn_put *put,
                      struct factor_error *err);
/* The same, but a record that this attempt has put before is put anew, as if
 * for the first time: of the host's own counters. */
factor_status txn_put_again(struct txn *txn, const struct txn_put *put,
                            struct factor_error *err);
/* The same for a record that lives in memory only. */
factor_status txn_put_memory(struct txn *txn, const struct txn_put *put,
                             struct factor_error *err);
factor_status txn_remove(struct txn *txn, const struct record *record);
/* Remove a user and every record that it owns. */
factor_status txn_remove_user(struct txn *txn, const struct record *user);
/* An event of the audit chain; fields are stolen, NULL: none. */
void txn_event(struct txn *txn, const char *event, json_t *fields);
/* Members of the audit record itself: flow, user, client. */
void txn_context(struct txn *txn, const char *member, const char *text);
factor_status txn_send(struct txn *txn, const struct factor_send *send,
                       const char *owner, const char *const *languages);
/* A name that nobody has was tried: counted in the table (NULL: not) once the
 * attempt is committed. */
factor_status txn_stranger(struct txn *txn, struct strangers *table,
                           const char *purpose, const char *name);
/* An attempt that is answered as others are which write must not tell, by its
 * success, that it did not: while the store cannot be written, let it write
 * an event and fail as they do, or find that the store is well again. */
void txn_probe(struct txn *txn);

/* How far the effects have come; to be undone from there, with what was read
 * kept: for a run with more knowledge. */
struct txn_mark {
    struct commit_change **last_change;
    struct txn_send **last_send;
    struct txn_memory *memory;
    struct txn_stranger *strangers;
    size_t change_count, event_count;
};
struct txn_mark txn_mark(struct txn *txn);
void txn_rollback(struct txn *txn, const struct txn_mark *mark);
/* Messages sent since, a list. */
const struct txn_send *txn_sends_after(const struct txn *txn,
                                       const struct txn_mark *mark);

/* --- Committing. --- */

/* Whether the attempt writes to the store. */
bool txn_writes(const struct txn *txn);
/* The commit, its rows encoded; done and context are the caller's to set.
 * Valid until txn_free.  NULL without memory. */
struct commit *txn_commit(struct txn *txn);
/* After the commit (or without one): put what lives in memory only, and count
 * strangers.  FACTOR_E_CONFLICT: another version is there. */
factor_status txn_commit_memory(struct txn *txn);

/* Run decide in attempts of its own until one commits, on this thread, and
 * wait: for workers of the host, never on an event loop. */
factor_status txn_run(struct database *database,
                      factor_status (*decide)(struct txn *txn, void *context,
                                              struct factor_error *err),
                      void *context, struct factor_error *err);

#endif
