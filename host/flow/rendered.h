/* SPDX-License-Identifier: MIT */
/* host/flow/rendered.h - states of flows as they were rendered, for who asks
 * again and again.
 *
 * A copy is for one flow, one cookie and one choice of languages.  It holds
 * until an instant, and while every mark of what it was made of does.  It
 * answers looks and decides nothing.  Any thread. */
#ifndef HOST_FLOW_RENDERED_H
#define HOST_FLOW_RENDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/record/cache.h"

struct client;
struct rendered;

enum { RENDERED_MARKS = 24 };

/* Who asks; texts as the request has them. */
struct rendered_key {
    const char *flow, *cookie;
    const char *languages; /* NULL: any */
};

/* What is kept. */
struct rendered_state {
    const char *body;
    size_t body_len;
    const struct client *client; /* of the configuration */
    int64_t from_ms, until_ms;   /* when it was seen, and holds no more */
    const struct cache_mark *marks;
    size_t mark_count; /* 0: it is not kept */
};

/* Room for so many bytes, or NULL. */
struct rendered *rendered_new(size_t bytes);
void rendered_free(struct rendered *rendered); /* NULL is allowed */

/* Without memory, or too large for its place, it is not kept. */
void rendered_put(struct rendered *rendered, const struct rendered_key *key,
                  const struct rendered_state *state);

/* A copy of the body (free() it), or NULL: there is none that holds. */
char *rendered_get(struct rendered *rendered, const struct rendered_key *key,
                   int64_t now_ms, size_t *ret_len,
                   const struct client **ret_client);

#endif
