/* SPDX-License-Identifier: MIT */
/* host/record/cache.h - a bounded cache of what reads found.
 *
 * The writer publishes each commit here after it is durable; readers fill
 * what they missed.  Each question has a stamp that moves when its answer
 * does.  A reader has a mark of it from before it asks the store, and its
 * find is dropped if the stamp has moved since, so that an old version never
 * replaces a newer one.  Any thread.
 */
#ifndef HOST_RECORD_CACHE_H
#define HOST_RECORD_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/record/record.h"

struct cache;

/* Which question an entry answers; key is the id, the name or the owner. */
enum cache_kind { CACHE_ID, CACHE_NAME, CACHE_OWNED };

/* A cache of about so many bytes, or NULL. */
struct cache *cache_new(size_t bytes);
void cache_free(struct cache *cache); /* NULL is allowed */

/* Since when an answer is true.  Good while the cache lives. */
struct cache_mark {
    const atomic_uint *stamp; /* NULL: it may change unseen */
    unsigned value;
};

/* Whether what was asked with the mark would be answered so again. */
static inline bool
cache_mark_holds(const struct cache_mark *mark)
{
    return mark->stamp && atomic_load(mark->stamp) == mark->value;
}

/* The complete answer, one reference; NULL: not here.  The mark is of this
 * answer, or of the one that the caller reads next. */
struct record_list *cache_get(struct cache *cache, enum cache_kind kind,
                              const char *collection, const char *key,
                              struct cache_mark *ret_mark);

/* Keep a complete answer that was read after the mark was taken. */
void cache_fill(struct cache *cache, enum cache_kind kind,
                const char *collection, const char *key,
                struct record_list *list, const struct cache_mark *mark);

/* A record was written or removed.  From the writer only. */
void cache_publish(struct cache *cache, struct record *record);
void cache_retract(struct cache *cache, const struct factor_record *face);
/* It could not be written, since the store has another version: what is here
 * and older goes, or the next attempt would read it again.  face.version: the
 * least that the store may have. */
void cache_forget(struct cache *cache, const struct factor_record *face);
/* Everything that an owner had was removed. */
void cache_retract_owner(struct cache *cache, const char *owner);

#endif
