/* SPDX-License-Identifier: MIT */
/* host/outbox/outbox.h - messages leave here: rows that steps committed are
 * claimed under a lease, rendered, handed to a back end and settled.
 *
 * One thread talks to the store: it claims what is due and settles what has
 * ended, many messages under one sync.  Workers render and deliver.  Delivery
 * is at least once, under the id of the row: a daemon that dies leaves rows
 * whose lease runs out.  Several daemons may share a store: the
 * compare-and-swap of the claim decides between them.
 *
 * A back end that does not return in time is left alone with its thread: the
 * message goes on elsewhere, and a new thread takes the old one's place. */
#ifndef HOST_OUTBOX_OUTBOX_H
#define HOST_OUTBOX_OUTBOX_H

#include "host/config/config.h"
#include "host/outbox/backends.h"
#include "host/outbox/render.h"
#include "host/record/database.h"
#include "host/step/txn.h"

struct outbox;

struct outbox_settings {
    unsigned workers;        /* calls of back ends at a time */
    int64_t lease_ms;
    int64_t timeout_ms;      /* what a back end is told that it may take, */
    int64_t failover_ms;     /* or this while another one could be asked; 0: no
                              * difference, */
    int64_t grace_ms;        /* and by how much it may be late */
    int64_t retry_first_ms;  /* doubles at each attempt, */
    int64_t retry_max_ms;    /* up to this */
    int64_t keep_settled_ms; /* 0: a settled row goes at once */
    struct breaker_rule breaker;
};

/* The section "outbox" of a checked configuration. */
void outbox_settings_read(const struct config *config,
                          struct outbox_settings *ret_settings);

/* What an outbox is made of.  Borrowed until outbox_stop. */
struct outbox_parts {
    struct database *database;
    struct backends *backends; /* made with settings.workers and .breaker */
    const struct renderer *renderer;
    const char *base_url; /* where reports are taken; NULL: nowhere */
    struct outbox_settings settings;
    int64_t (*now_ms)(void);    /* NULL: clock_now_ms */
    int64_t (*steady_ms)(void); /* of leases and breakers; NULL: that of
                                 * clock.h */
};

factor_status outbox_start(const struct outbox_parts *parts,
                           struct outbox **ret_outbox,
                           struct factor_error *err);

/* Finish the messages in hand, give back what else was claimed, end the
 * threads and free.  False: a back end that never returned holds a thread;
 * nothing was freed, and the back ends, their plugins and the database must
 * stay until the process ends.  NULL is allowed. */
bool outbox_stop(struct outbox *outbox);

/* A record of the collection "outbox" was written (call it from
 * database_parts.moved); NULL: look at the store now.  Cheap, any thread; a
 * NULL outbox is allowed. */
void outbox_poke(struct outbox *outbox, const struct record *record);

struct outbox_counts {
    uint64_t sent, refused, expired; /* settled so */
    uint64_t deferred;               /* attempts that ended without either */
    unsigned held;                   /* messages claimed now */
    unsigned lost;                   /* threads held by overdue back ends */
};

/* Since the start.  Any thread. */
void outbox_counts(struct outbox *outbox, struct outbox_counts *ret_counts);

/* --- For operators; any thread that may wait. --- */

/* Make a message due now that waits for its next attempt, or remove one.
 * FACTOR_E_NOTFOUND; FACTOR_E_UNSUPPORTED: it is under way, or has ended
 * (retry).  One that is dropped while it is under way may still arrive. */
factor_status outbox_retry(struct database *database, const char *id,
                           struct factor_error *err);
factor_status outbox_drop(struct database *database, const char *id,
                          struct factor_error *err);
/* The same as a part of a step; context: the id. */
factor_status outbox_retry_decide(struct txn *txn, void *context,
                                  struct factor_error *err);
factor_status outbox_drop_decide(struct txn *txn, void *context,
                                 struct factor_error *err);

enum { OUTBOX_MASKED_SIZE = 64 };

/* An address as a listing may show it: "so****@acme.test", "+155*****55",
 * "fM****". */
void outbox_masked(const char *address, char ret_text[OUTBOX_MASKED_SIZE]);

#endif
