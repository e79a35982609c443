/* SPDX-License-Identifier: MIT */
/* host/config/merge.h - files and --set options to one tree, as written. */
#ifndef HOST_CONFIG_MERGE_H
#define HOST_CONFIG_MERGE_H

#include <stdbool.h>

#include "host/arena.h"
#include "host/config/origin.h"
#include "host/config/problems.h"

struct json_t;

/* A tree being put together.  All members are the caller's. */
struct merge {
    struct json_t *tree;
    struct origins *origins; /* of the tree's values */
    struct factor_arena *arena;
    struct problems *problems;
    const char *working_directory; /* absolute */
};

/* Add a file; false, and a problem, if it cannot be read or is no JSON
 * object. */
bool merge_file(struct merge *merge, const char *file);

/* Add each *.json of the conf.d beside the main file, by name; that there is
 * none is fine. */
void merge_directory(struct merge *merge, const char *main_file);

/* Put what "a.b.c=value" says over whatever is there. */
void merge_set(struct merge *merge, const char *set);

/* A file's JSON object without comments, or NULL and a problem.  A new
 * reference. */
struct json_t *merge_read(struct merge *merge, const char *file);

/* Folder of a file, absolute, in the arena; NULL without memory. */
const char *merge_folder(struct merge *merge, const char *file);

#endif
