/* SPDX-License-Identifier: MIT */
/* host/outbox/internal.h - what the files of the outbox share: messages in
 * hand, workers, and the outbox itself. */
#ifndef HOST_OUTBOX_INTERNAL_H
#define HOST_OUTBOX_INTERNAL_H

#include <pthread.h>

#include "host/outbox/outbox.h"
#include "host/outbox/row.h"

enum item_stage {
    ITEM_WAITING, /* claimed; a worker is to take it */
    ITEM_CALLED,  /* a back end has it */
    ITEM_ENDED    /* .end is to be written by the outbox's thread */
};

enum item_end {
    END_CLAIM,    /* not claimed yet */
    END_RENEW,    /* the lease is too short for another call */
    END_RELEASE,  /* back into the queue as it was */
    END_POSTPONE, /* due again later */
    END_SENT,
    END_REFUSED,
    END_EXPIRED
};

/* A message in hand. */
struct item {
    struct item *next;
    struct record *record; /* as it was before we claimed it; one reference */
    uint64_t version;      /* of the row, as we know it, */
    int64_t attempt;       /* and its count */
    struct channel *channel; /* NULL: nothing is configured for it */
    struct target target;    /* of that channel: its address */
    bool stranger; /* names a server that was not quick when it was claimed */
    int64_t expires_at_ms;   /* of the message; 0: never */

    enum item_stage stage;
    enum item_end end;
    bool held;    /* in the outbox's list */
    bool claimed; /* by us: the attempt is counted */
    bool no_note; /* the note could not be written */
    bool gone;    /* the row is no longer as we knew it */
    int64_t lease_until_ms; /* steady */
    int64_t waiting_ms;     /* steady: since when it waits */

    size_t place;     /* next back end of the channel */
    unsigned calls;   /* of this attempt; of these, */
    unsigned refused; /* refusals of our account */
    int64_t wish_ms;  /* when a deferring back end wants it again; 0 */
    int64_t wait_ms;  /* END_POSTPONE without a call: for how long */
    const char *backend; /* plugin that had it last, or NULL */
    char reference[96];
    char reason[BACKEND_REASON_SIZE];
};

struct worker {
    struct worker *next;
    struct outbox *outbox;
    pthread_t thread;
    struct item *item;       /* in a call, or NULL */
    struct turn turn;        /* of the call */
    int64_t timeout_ms;      /* that it is given */
    int64_t overdue_ms;      /* real steady time */
    bool lost;               /* the call is overdue, its item is not ours */
    bool ended;              /* to be joined */
};

struct outbox {
    struct outbox_parts parts;
    pthread_t thread;
    unsigned share; /* items that one channel may hold */

    pthread_mutex_t lock; /* of what follows, and of parts.backends */
    pthread_cond_t work;  /* a worker may find something to take */
    pthread_cond_t news;  /* the outbox's thread may find something to do */
    struct item *items, **last_item; /* held, oldest claim first */
    unsigned held;
    struct worker *workers;
    int64_t next_due_ms; /* of what we know of the store; INT64_MAX */
    bool stopping;
    struct outbox_counts counts;

    /* The outbox's thread's own; steady. */
    int64_t look_at_ms;  /* look into the store whatever we know */
    bool must_rest;        /* the next look waits */
    int64_t rest_until_ms; /* until then */
    int64_t fail_until_ms; /* the store failed: leave it alone */
};

int64_t outbox_now(const struct outbox *outbox);
int64_t outbox_steady(const struct outbox *outbox);

/* --- item.c --- */

/* A row as it was read, not claimed; asks plugins, so without the lock.  NULL
 * without memory. */
struct item *item_new(struct record *record, struct backends *backends);
void item_free(struct item *item); /* NULL is allowed */
/* Add what .end says to an attempt: for struct bundle_item. */
struct item_change {
    const struct outbox *outbox;
    struct item *item;
};
factor_status item_decide(struct txn *txn, void *context,
                          struct factor_error *err);

/* --- worker.c; under the lock --- */

/* One more worker.  False: no thread or memory for it. */
bool worker_start(struct outbox *outbox);
/* Leave overdue calls alone, join threads that have ended. */
void workers_watch(struct outbox *outbox);
/* Real steady time at which the next call is overdue; INT64_MAX. */
int64_t workers_overdue_at(const struct outbox *outbox);
/* Whether overdue calls hold threads. */
bool workers_lost(const struct outbox *outbox);
/* After stopping, without the lock: join all that are not lost.  False: some
 * are. */
bool workers_join(struct outbox *outbox);

#endif
