/* SPDX-License-Identifier: MIT */
/* host/plugin/sources.h - sources that answer what adapters ask: on a pool of
 * their own, each question with a deadline, answers in memory only.
 *
 * A call that outlives its deadline keeps its thread; nobody waits for it,
 * and what it answers in the end is dropped.  While such calls hold all
 * threads, questions fail at once. */
#ifndef HOST_PLUGIN_SOURCES_H
#define HOST_PLUGIN_SOURCES_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/source.h"
#include "factor/step.h"

struct sources;

struct source {
    const char *name; /* of the instance */
    const struct factor_source_ops *ops;
    struct factor_source *self;
};

/* list: count of them, borrowed until sources_free; timeout_ms: of questions
 * that name no deadline (one that does is held to 5 minutes).  NULL: no
 * memory, or no threads. */
struct sources *sources_new(const struct source *list, size_t count,
                            int64_t timeout_ms, unsigned workers,
                            size_t queue_max);

/* Answer what is open with an error, and ask nothing any more.  Any thread. */
void sources_close(struct sources *sources); /* NULL is allowed */

/* Close, wait until calls have returned, and free; NULL is allowed.  None is
 * waited for behind its deadline or this instant.  False: one goes on, and
 * the sources, with all that their plugins use, must stay until the process
 * ends.  Alone. */
bool sources_free(struct sources *sources, int64_t until_steady_ms);

/* Put the questions (copied); done(context, answers) is called once, when all
 * have been answered or their time is up, on any thread, the caller's too:
 * answers is an object by question name, a new reference (NULL: no memory).
 * A source that fails, is not there, is too busy, or does not answer in time
 * answers {"error": ...}.  Any thread. */
void sources_ask(struct sources *sources,
                 const struct factor_question *const *questions,
                 void (*done)(void *context, json_t *answers), void *context);

struct sources_counts {
    unsigned calls; /* that have not returned */
    unsigned held;  /* of them: behind their deadline */
    uint64_t late;  /* calls that ever were */
};

/* Any thread. */
void sources_counts(struct sources *sources,
                    struct sources_counts *ret_counts);

#endif
