/* SPDX-License-Identifier: MIT */
/* host/config/reference.h - texts given by reference: {"$file": PATH},
 * {"$env": NAME}, {"$credential": NAME}. */
#ifndef HOST_CONFIG_REFERENCE_H
#define HOST_CONFIG_REFERENCE_H

#include <stdbool.h>

#include "host/arena.h"
#include "host/config/problems.h"

struct json_t;

/* Does an object look like a reference, right or wrong? */
bool reference_is(const struct json_t *value);

/* The text that is meant, without the newline at its end, in the arena; or
 * NULL, and a problem.  A file's path is relative to where->directory. */
const char *reference_resolve(struct factor_arena *arena,
                              const struct json_t *reference,
                              const struct origin *where, const char *pointer,
                              struct problems *problems);

/* The path of the file that is meant: of a {"$file": PATH} as above, or of a
 * {"$credential": NAME}; in the arena, or NULL, and a problem. */
const char *reference_path(struct factor_arena *arena,
                           const struct json_t *reference,
                           const struct origin *where, const char *pointer,
                           struct problems *problems);

/* A path made absolute, in the arena; path itself if it is absolute or
 * there is no directory; NULL without memory. */
const char *path_under(struct factor_arena *arena, const char *directory,
                       const char *path);

#endif
