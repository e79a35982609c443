/* SPDX-License-Identifier: MIT */
/* host/record/volatile.h - records that live in bounded memory only: flows
 * and sessions before a first factor succeeded (S1), so that nobody who has
 * proven nothing makes the daemon write.  When memory is full the one that
 * was used longest ago goes.  Any thread. */
#ifndef HOST_RECORD_VOLATILE_H
#define HOST_RECORD_VOLATILE_H

#include <stdbool.h>

#include "host/record/record.h"

struct volatile_table;

struct volatile_table *volatile_new(size_t bytes); /* or NULL */
void volatile_free(struct volatile_table *table);  /* NULL is allowed */

/* One reference, or NULL. */
struct record *volatile_get(struct volatile_table *table,
                            const char *collection, const char *id);
/* Replace the version below record's (1: there must be none); false when
 * another one is there, or without memory. */
bool volatile_put(struct volatile_table *table, struct record *record);
void volatile_remove(struct volatile_table *table, const char *collection,
                     const char *id);
/* Drop what has expired. */
void volatile_sweep(struct volatile_table *table, int64_t now_ms);
size_t volatile_used(struct volatile_table *table);

#endif
