/* SPDX-License-Identifier: MIT */
/* host/plugin/describe.h - what an adapter declares, copied: a plugin that was
 * built with an older minor of the contract has shorter structs. */
#ifndef HOST_PLUGIN_DESCRIBE_H
#define HOST_PLUGIN_DESCRIBE_H

#include "factor/model.h"
#include "host/arena.h"

/* All tables in the arena, each struct zero-extended to ours; texts stay the
 * plugin's.  FACTOR_E_CONFIG: a struct_size does not fit; FACTOR_E_NOMEM. */
factor_status describe_copy(struct factor_arena *arena,
                            const struct factor_description *theirs,
                            const struct factor_description **ret_ours,
                            struct factor_error *err);

#endif
