/* SPDX-License-Identifier: MIT */
/* host/plugin/reads.h - the reads that a plugin plans, and the snapshot that
 * answers them in the same order. */
#ifndef HOST_PLUGIN_READS_H
#define HOST_PLUGIN_READS_H

#include "factor/host.h"
#include "host/step/txn.h"

struct factor_reads; /* one plan */

/* An empty plan in the attempt's arena; NULL without memory. */
struct factor_reads *reads_new(struct txn *txn);

/* The members of struct factor_host that plan. */
factor_status reads_id(struct factor_reads *reads, const char *collection,
                       const char *id);
factor_status reads_name(struct factor_reads *reads, const char *collection,
                         const struct factor_name *name);
factor_status reads_owned(struct factor_reads *reads, const char *collection,
                          const char *owner, uint32_t limit);
factor_status reads_page(struct factor_reads *reads, const char *collection,
                         const char *after, uint32_t limit);
factor_status reads_user(struct factor_reads *reads, const char *id);
factor_status reads_username(struct factor_reads *reads, const char *username);
factor_status reads_username_owned(struct factor_reads *reads,
                                   const char *username,
                                   const char *collection, uint32_t limit);
factor_status reads_named_owned(struct factor_reads *reads, const char *named,
                                const struct factor_name *name,
                                const char *collection, uint32_t limit);
factor_status reads_id_owned(struct factor_reads *reads, const char *of,
                             const char *id, const char *collection,
                             uint32_t limit);

/* What the plan asks for first, whether it is there or not: "collection/key",
 * in the arena; "": nothing.  NULL without memory. */
const char *reads_about(struct factor_reads *reads);

/* Load what was planned: an array of *ret_count results in the arena. */
factor_status reads_load(struct factor_reads *reads,
                         const struct factor_records *const **ret_results,
                         size_t *ret_count);

/* What to wait for: "collection/id" of what was asked for by id, found or not,
 * "collection@owner" of what was asked for by owner, and "collection/id" of
 * what was found besides; at most max of them, in the arena.  After
 * reads_load().  Returns how many. */
size_t reads_keys(struct factor_reads *reads, const char **ret_keys,
                  size_t max);

/* The text of a record's name, in the arena; NULL: it does not fit. */
const char *reads_name_text(struct txn *txn, const struct factor_name *name);

#endif
