/* SPDX-License-Identifier: MIT */
/* tests/engine_store.h - stores for tests of the engine: one in front of a
 * real store, that counts, serialises and loses commits, and one in memory
 * that may forget to compare versions.
 *
 * The front's state is the process's: one at a time.  It may have several
 * writers, each with a database of its own: a batch is theirs alone.
 */
#ifndef TESTS_ENGINE_STORE_H
#define TESTS_ENGINE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "factor/store.h"

/* --- The front.  init() and fini() are not its business. --- */

/* Stand in front of a store; the counts begin at nought. */
const struct factor_store_ops *front_use(const struct factor_store_ops *real);

struct front_counts {
    uint64_t batches; /* that ended well, */
    uint64_t applies; /* the commits that were done in them, */
    uint64_t changes; /* the changes of these, */
    uint64_t events;  /* and the rows of the audit log */
    uint64_t lost;    /* commits that were refused by front_lose() */
};
struct front_counts front_counts(void);

/* Let the n-th commit from now on (1: the next) and those after it, count of
 * them, lose: they are told of a conflict, and nothing of them is written. */
void front_lose(uint64_t n, uint64_t count);

/* Let batches fail at their end, the way a full disk does. */
void front_break(bool broken);

/* --- A store in memory. --- */

/* Not to be opened by init(): there is one, empty after memory_store_new().
 * Without `compare` a row replaces another whatever its version: the control
 * of tests of compare-and-swap. */
extern const struct factor_store_ops memory_store_ops;
struct factor_store *memory_store_new(bool compare);
void memory_store_free(void);

#endif
