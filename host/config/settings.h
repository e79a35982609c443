/* SPDX-License-Identifier: MIT */
/* host/config/settings.h - checking values against tables of struct
 * factor_setting, those of the host and those of plugins alike.
 *
 * A table is a list ended by NULL, or NULL: no settings. */
#ifndef HOST_CONFIG_SETTINGS_H
#define HOST_CONFIG_SETTINGS_H

#include <stdbool.h>

#include "factor/settings.h"
#include "host/arena.h"
#include "host/config/origin.h"
#include "host/config/problems.h"

/* What checking needs to know beside the table. */
struct settings_context {
    const struct origins *origins;
    const char *state_directory; /* absolute */
    struct factor_arena *arena;  /* for pointers and texts */
    struct problems *problems;
};

/* Check object (NULL: nothing given; borrowed, left as it is), which stands
 * at pointer, and complete it: a new reference, in which a wrong value is
 * its default, or null.  NULL only without memory. */
struct json_t *settings_complete(const struct settings_context *context,
                                 const struct factor_setting *const *table,
                                 struct json_t *object, const char *pointer);

/* The same for one value of one setting. */
struct json_t *settings_complete_one(const struct settings_context *context,
                                     const struct factor_setting *setting,
                                     struct json_t *given,
                                     const char *pointer);

/* A completed object as one would write it: units back, secrets hidden.  A
 * new reference, or NULL. */
struct json_t *settings_show(const struct factor_setting *const *table,
                             struct json_t *completed);

/* Copy a plugin's table into the arena, each struct zero-extended to ours,
 * and check that it is well formed: FACTOR_E_CONFIG says what is not. */
factor_status settings_copy(struct factor_arena *arena,
                            const struct factor_setting *const *table,
                            const struct factor_setting *const **ret_copy,
                            struct factor_error *err);

/* The setting of this name, or NULL. */
const struct factor_setting *
settings_find(const struct factor_setting *const *table, const char *name);

/* The name in names (ended by NULL) that was most likely meant, or NULL. */
const char *settings_nearest(const char *const *names, const char *name);

#endif
