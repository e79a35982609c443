/* SPDX-License-Identifier: MIT */
/* host/step/strangers.h - how often names that nobody has are tried: counts
 * under keyed hashes in a table of fixed size, halved as time goes (S10).
 *
 * They bound nothing and are never written; they tell the operator that
 * somebody goes through names.  Any thread. */
#ifndef HOST_STEP_STRANGERS_H
#define HOST_STEP_STRANGERS_H

#include <stdint.h>

enum {
    STRANGERS_SETS = 1024,
    STRANGERS_WAYS = 4, /* names of a set that are remembered at a time */
    STRANGERS_PERIOD_MS = 10 * 60 * 1000 /* all counts are halved */
};

struct strangers;

/* NULL without memory. */
struct strangers *strangers_new(void);
void strangers_free(struct strangers *table); /* NULL is allowed */

/* What a try brought to a round number, or 0.  What is told is bounded, so
 * that who fills the table cannot fill the log. */
struct strangers_news {
    uint64_t one; /* tries of one name: 10, 100 ...; told by the first name
                   * of a period that comes so far */
    uint64_t all; /* tries of all names: 100, 1,000 ... */
};

/* Count a try of a name at steady time.  purpose: who counts; the same name
 * is another one there. */
struct strangers_news strangers_count(struct strangers *table,
                                      const char *purpose, const char *name,
                                      int64_t steady_ms);

/* The same now, and log the news.  Without a table nothing is done. */
void strangers_note(struct strangers *table, const char *purpose,
                    const char *name);

/* Tries of all names, as far as they are not halved away; no table: 0. */
uint64_t strangers_total(struct strangers *table, int64_t steady_ms);

#endif
