/* SPDX-License-Identifier: MIT */
/* host/step/job.h - a request that is a step: attempts, commit, answer.
 *
 *   job_start -> decide -> commit -> answer
 *                  ^  conflict |
 *                  '-----------'
 *
 * decide() runs on the request's event loop, or on the slow pool when it
 * asked for that; only the commit crosses to the writer's thread.  The reply
 * leaves after the commit.  answer() runs on the event loop; it sees the
 * attempt that was committed. */
#ifndef HOST_STEP_JOB_H
#define HOST_STEP_JOB_H

#include "host/host.h"
#include "host/http/http.h"
#include "host/step/txn.h"

/* What decide() may return beside a factor_status. */
enum {
    JOB_SLOW = 1, /* run it again on the slow pool (job.on_slow_pool) */
    JOB_ASK = 2,  /* put job.questions to their sources, run it again */
    JOB_LANE = 3, /* enter the lane job.lane_wanted, run it again */
    JOB_PARK = 4  /* nothing to tell yet: the job is dropped, and the route's
                   * handler sees the request again after job.parking */
};
/* What answer() may be given beside a factor_status. */
enum { JOB_BUSY = 5 }; /* a queue is full: 429 */

enum { JOB_LANES = 2, JOB_KEYS = 32 };

struct job;

struct job_kind {
    const char *name;
    int (*decide)(struct job *job, struct txn *txn, struct factor_error *err);
    /* st: FACTOR_OK, JOB_BUSY, or why nothing was written.  job->txn is the
     * last attempt (NULL: there was no memory for one).  NULL becomes 500. */
    struct http_reply *(*answer)(struct job *job, int st);
    bool reads_by_get; /* a GET of it never writes */
};

/* How a job waits (S7): under these keys, at most until steady time. */
struct job_parking {
    const char *keys[JOB_KEYS]; /* "collection/id", "collection@owner";
                                 * first: the flow's */
    size_t key_count;
    int64_t until_steady_ms;
    uint64_t stamp; /* park_stamp() from before the records were read */
};

struct job {
    const struct job_kind *kind;
    const struct host *host;
    struct http_request *request;
    struct factor_arena *arena; /* as long as the job */
    void *state;                /* the kind's own, in the arena */
    struct txn *txn;            /* the attempt that runs */
    const char *lane_wanted;    /* JOB_LANE; JOB_LANES may be held, in order */
    const struct factor_question *const *questions; /* JOB_ASK */
    const char *asker;          /* JOB_ASK: whose they are; lives on */
    const json_t *answers;      /* so far: by asker, then by question */
    struct job_parking parking; /* JOB_PARK */
    int64_t answer_after_ms;    /* hold the answer so long after arrival */
    int64_t retry_after_ms;     /* JOB_BUSY: when to come again; 0: soon */
    bool on_slow_pool;
    bool lane_held;             /* lane_wanted was entered */

    /* The machinery's own. */
    struct lane *lanes[JOB_LANES]; /* first the flow's, then the user's */
    size_t lane_count;
    struct lane *crowd;            /* of those who lost races for a record */
    struct lane *place;            /* among the steps that are under way */
    uint8_t seed[TXN_SEED];
    unsigned attempts;
    int status;
    bool away; /* suspended: not on its loop */
    struct http_reply *reply; /* held back until its time */
};

/* A job for a request; its host is the listener's context.  NULL without
 * memory (answer 500). */
struct job *job_new(const struct job_kind *kind, struct http_request *request);

/* Whether a request may be parked: it has not been before, and there was
 * place. */
bool job_may_park(struct http_request *request);
/* The same for one that may wait on until its own time is over: also after a
 * record moved and brought nothing new. */
bool job_may_park_again(struct http_request *request);
/* The same for one that lives on when a wait is over. */
bool job_may_live_on(struct http_request *request);
/* Free the job of a request that lives on after its answer; there may be none.
 * On the request's loop. */
void job_drop(struct http_request *request);

/* Run it; it frees itself.  lane: whose steps are taken one after another,
 * or NULL.  On the request's loop. */
void job_start(struct job *job, const char *lane);

#endif
