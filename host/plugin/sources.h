/* SPDX-License-Identifier: MIT */
/* host/plugin/sources.h - sources that answer what adapters ask: on a pool of
 * their own, each question with a deadline, answers in memory only. */
#ifndef HOST_PLUGIN_SOURCES_H
#define HOST_PLUGIN_SOURCES_H

#include <jansson.h>

#include "factor/source.h"
#include "factor/step.h"

struct sources;

struct source {
    const char *name; /* of the instance */
    const struct factor_source_ops *ops;
    struct factor_source *self;
};

/* list: count of them, borrowed until sources_free; timeout_ms: of questions
 * that name no deadline.  NULL: no memory. */
struct sources *sources_new(const struct source *list, size_t count,
                            int64_t timeout_ms, unsigned workers,
                            size_t queue_max);
void sources_free(struct sources *sources); /* NULL is allowed */

/* Put the questions (copied); done(context, answers) is called once, on a
 * thread of the pool, when all have been answered: answers is an object by
 * question name, a new reference.  A source that fails, is not there, or is
 * too busy answers {"error": ...}.  Any thread. */
void sources_ask(struct sources *sources,
                 const struct factor_question *const *questions,
                 void (*done)(void *context, json_t *answers), void *context);

#endif
