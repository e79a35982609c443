/* SPDX-License-Identifier: MIT */
/* host/loader/tables.h - what a plugin says of itself, copied and checked. */
#ifndef HOST_LOADER_TABLES_H
#define HOST_LOADER_TABLES_H

#include "factor/plugin.h"
#include "host/arena.h"

struct loaded_plugin;

/* The kind of a name ("adapter"), or 0. */
uint32_t loader_kind(const char *name, size_t len);

/* Copy theirs, which came out of a file named so, into the arena and into
 * ret's members info to store.  FACTOR_E_CONFIG: it breaks the contract. */
factor_status tables_copy(struct factor_arena *arena,
                          const struct factor_plugin *theirs, uint32_t kind,
                          const char *name, struct loaded_plugin *ret,
                          struct factor_error *err);

#endif
