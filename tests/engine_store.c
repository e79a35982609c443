/* SPDX-License-Identifier: MIT */
/* tests/engine_store.c - stores for tests of the engine. */
#include "tests/engine_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------- the front */

static struct {
    const struct factor_store_ops *real;
    struct factor_store_ops ops;
    pthread_mutex_t batch; /* from begin to end */
    atomic_ullong batches, applies, changes, events, lost;
    struct front_counts begun; /* of the open batch, whose thread's it is */
    atomic_ullong asked, lose_from, lose_until; /* commits, numbered from 1 */
    atomic_bool broken;
} front = {.batch = PTHREAD_MUTEX_INITIALIZER};

static factor_status
front_begin(struct factor_store *self, struct factor_error *err)
{
    factor_status st;

    pthread_mutex_lock(&front.batch);
    memset(&front.begun, 0, sizeof(front.begun));
    st = front.real->begin(self, err);
    if (st != FACTOR_OK)
        pthread_mutex_unlock(&front.batch);
    return st;
}

static bool
is_to_lose(void)
{
    unsigned long long number = atomic_fetch_add(&front.asked, 1) + 1;

    return number >= atomic_load(&front.lose_from) &&
           number < atomic_load(&front.lose_until);
}

static factor_status
front_apply(struct factor_store *self,
            const struct factor_change *const *changes, size_t count,
            struct factor_error *err)
{
    factor_status st;

    if (is_to_lose()) {
        atomic_fetch_add(&front.lost, 1);
        return FACTOR_E_CONFLICT;
    }
    st = front.real->apply(self, changes, count, err);
    if (st == FACTOR_OK) {
        front.begun.applies++;
        front.begun.changes += count;
    }
    return st;
}

static factor_status
front_append(struct factor_store *self, const struct factor_audit_row *row,
             struct factor_error *err)
{
    factor_status st = front.real->append(self, row, err);

    front.begun.events += st == FACTOR_OK;
    return st;
}

static void
front_abort(struct factor_store *self)
{
    front.real->abort(self);
    pthread_mutex_unlock(&front.batch);
}

static factor_status
front_end(struct factor_store *self, struct factor_error *err)
{
    factor_status st = FACTOR_E_IO;

    if (atomic_load(&front.broken))
        front.real->abort(self);
    else
        st = front.real->end(self, err);
    if (st == FACTOR_OK) {
        atomic_fetch_add(&front.batches, 1);
        atomic_fetch_add(&front.applies, front.begun.applies);
        atomic_fetch_add(&front.changes, front.begun.changes);
        atomic_fetch_add(&front.events, front.begun.events);
    }
    pthread_mutex_unlock(&front.batch);
    return st;
}

static void
front_maintain(struct factor_store *self)
{
    pthread_mutex_lock(&front.batch);
    front.real->maintain(self);
    pthread_mutex_unlock(&front.batch);
}

void
front_lose(uint64_t n, uint64_t count)
{
    unsigned long long from = atomic_load(&front.asked) + n;

    atomic_store(&front.lose_until, from + count);
    atomic_store(&front.lose_from, from);
}

void
front_break(bool broken)
{
    atomic_store(&front.broken, broken);
}

const struct factor_store_ops *
front_use(const struct factor_store_ops *real)
{
    front.real = real;
    front.ops = *real;
    front.ops.begin = front_begin;
    front.ops.apply = front_apply;
    front.ops.append = front_append;
    front.ops.abort = front_abort;
    front.ops.end = front_end;
    front.ops.maintain = front_maintain;
    atomic_store(&front.batches, 0);
    atomic_store(&front.applies, 0);
    atomic_store(&front.changes, 0);
    atomic_store(&front.events, 0);
    atomic_store(&front.lost, 0);
    atomic_store(&front.asked, 0);
    atomic_store(&front.lose_from, 0);
    atomic_store(&front.lose_until, 0);
    front_break(false);
    return &front.ops;
}

struct front_counts
front_counts(void)
{
    const struct front_counts counts = {
        .batches = atomic_load(&front.batches),
        .applies = atomic_load(&front.applies),
        .changes = atomic_load(&front.changes),
        .events = atomic_load(&front.events),
        .lost = atomic_load(&front.lost),
    };

    return counts;
}

/* ------------------------------------------------------------- the memory */

enum { BUCKETS = 4096, MAC_MAX = 64 };

struct kept {
    struct kept *next;
    struct factor_row row;
    uint8_t mac[MAC_MAX];
    char texts[];
};

struct factor_store {
    pthread_mutex_t lock; /* a batch is in it from begin to end */
    bool compare;
    size_t count;
    struct kept *buckets[BUCKETS];
};

static struct factor_store memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool
same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static struct kept **
bucket_of(const char *collection, const char *id)
{
    uint32_t hash = 2166136261u;

    for (; *collection; collection++)
        hash = (hash ^ (unsigned char)*collection) * 16777619u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return &memory.buckets[(hash ^ hash >> 15) % BUCKETS];
}

/* The link that leads to the row, or to nothing. */
static struct kept **
find(const char *collection, const char *id)
{
    struct kept **link = bucket_of(collection, id);

    while (*link && (!same((*link)->row.id, id) ||
                     !same((*link)->row.collection, collection)))
        link = &(*link)->next;
    return link;
}

static char *
keep_text(char **next, const char *text, size_t len)
{
    char *copy = *next;

    if (!text)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *next += len + 1;
    return copy;
}

static size_t
len_of(const char *text)
{
    return text ? strlen(text) : 0;
}

static struct kept *
kept_new(const struct factor_row *row)
{
    size_t size = len_of(row->collection) + len_of(row->id) +
                  len_of(row->owner) + len_of(row->name) + row->body_len + 5;
    struct kept *kept = malloc(sizeof(*kept) + size);
    char *next;

    if (!kept || row->mac_len > MAC_MAX)
        abort();
    next = kept->texts;
    kept->row = *row;
    kept->row.collection =
        keep_text(&next, row->collection, len_of(row->collection));
    kept->row.id = keep_text(&next, row->id, len_of(row->id));
    kept->row.owner = keep_text(&next, row->owner, len_of(row->owner));
    kept->row.name = keep_text(&next, row->name, len_of(row->name));
    kept->row.body = keep_text(&next, row->body, row->body_len);
    memcpy(kept->mac, row->mac, row->mac_len);
    kept->row.mac = kept->mac;
    return kept;
}

static void
drop(struct kept **link)
{
    struct kept *kept = *link;

    *link = kept->next;
    memory.count--;
    free(kept);
}

static bool
change_fits(const struct factor_change *change)
{
    const struct factor_row *row = change->row;
    const struct kept *kept;

    if (!memory.compare || change->kind == FACTOR_CHANGE_REMOVE_OWNED)
        return true;
    kept = *find(row->collection, row->id);
    if (change->kind == FACTOR_CHANGE_REMOVE)
        return kept && kept->row.version == row->version;
    return (kept ? kept->row.version : 0) + 1 == row->version;
}

static void
make_change(const struct factor_change *change)
{
    struct kept **link, *kept;
    size_t i;

    if (change->kind == FACTOR_CHANGE_REMOVE_OWNED) {
        for (i = 0; i < BUCKETS; i++)
            for (link = &memory.buckets[i]; *link;)
                if (same((*link)->row.owner, change->row->owner))
                    drop(link);
                else
                    link = &(*link)->next;
        return;
    }
    link = find(change->row->collection, change->row->id);
    if (*link)
        drop(link);
    if (change->kind == FACTOR_CHANGE_REMOVE)
        return;
    kept = kept_new(change->row);
    link = bucket_of(change->row->collection, change->row->id);
    kept->next = *link;
    *link = kept;
    memory.count++;
}

static factor_status
memory_apply(struct factor_store *self,
             const struct factor_change *const *changes, size_t count,
             struct factor_error *err)
{
    size_t i;

    (void)self;
    (void)err;
    for (i = 0; i < count; i++)
        if (!change_fits(changes[i]))
            return FACTOR_E_CONFLICT;
    for (i = 0; i < count; i++)
        make_change(changes[i]);
    return FACTOR_OK;
}

/* --- Its reads: what matches, by id. --- */

static bool
answers(const struct factor_query *query, const struct factor_row *row)
{
    if (query->collection && !same(query->collection, row->collection))
        return false;
    if (query->after && strcmp(row->id, query->after) <= 0)
        return false;
    switch (query->kind) {
    case FACTOR_QUERY_ID:
        return same(query->key, row->id);
    case FACTOR_QUERY_NAME:
        return same(query->key, row->name);
    case FACTOR_QUERY_OWNED:
        return same(query->key, row->owner);
    case FACTOR_QUERY_PAGE:
        return true;
    case FACTOR_QUERY_DUE:
        return row->due_at_ms > 0 && row->due_at_ms <= query->at_ms;
    default:
        return false;
    }
}

static int
compare_ids(const void *a, const void *b)
{
    const struct kept *const *one = a, *const *other = b;

    return strcmp((*one)->row.id, (*other)->row.id);
}

static size_t
gather(const struct factor_query *query, const struct kept **ret_found)
{
    const struct kept *kept;
    size_t count = 0, i, first = 0, end = BUCKETS;

    if (query->kind == FACTOR_QUERY_ID) {
        first = (size_t)(bucket_of(query->collection, query->key) -
                         memory.buckets);
        end = first + 1;
    }
    for (i = first; i < end; i++)
        for (kept = memory.buckets[i]; kept; kept = kept->next)
            if (answers(query, &kept->row))
                ret_found[count++] = kept;
    qsort(ret_found, count, sizeof(struct kept *), compare_ids);
    return count;
}

static factor_status
memory_read(struct factor_store *self, const struct factor_query *query,
            factor_row_fn *row_fn, void *context, struct factor_error *err)
{
    const struct kept **found;
    factor_status st = FACTOR_OK;
    size_t count, i;

    (void)err;
    pthread_mutex_lock(&self->lock);
    found = calloc(self->count + 1, sizeof(struct kept *));
    if (!found)
        abort();
    count = gather(query, found);
    for (i = 0; i < count && i < query->limit && st == FACTOR_OK; i++)
        st = row_fn(context, &found[i]->row);
    pthread_mutex_unlock(&self->lock);
    free(found);
    return st;
}

static factor_status
memory_begin(struct factor_store *self, struct factor_error *err)
{
    (void)err;
    pthread_mutex_lock(&self->lock);
    return FACTOR_OK;
}

static factor_status
memory_end(struct factor_store *self, struct factor_error *err)
{
    (void)err;
    pthread_mutex_unlock(&self->lock);
    return FACTOR_OK;
}

/* It keeps no audit log, and can undo nothing. */
static factor_status
memory_append(struct factor_store *self, const struct factor_audit_row *row,
              struct factor_error *err)
{
    (void)self;
    (void)row;
    (void)err;
    return FACTOR_OK;
}

static factor_status
memory_read_audit(struct factor_store *self, const char *writer,
                  uint64_t after, uint32_t limit, factor_audit_fn *audit_fn,
                  void *context, struct factor_error *err)
{
    (void)self;
    (void)writer;
    (void)after;
    (void)limit;
    (void)audit_fn;
    (void)context;
    (void)err;
    return FACTOR_OK;
}

static void
memory_abort(struct factor_store *self)
{
    (void)self;
    abort();
}

static void
memory_maintain(struct factor_store *self)
{
    (void)self;
}

const struct factor_store_ops memory_store_ops = {
    .struct_size = sizeof(memory_store_ops),
    .read = memory_read,
    .begin = memory_begin,
    .apply = memory_apply,
    .append = memory_append,
    .end = memory_end,
    .abort = memory_abort,
    .maintain = memory_maintain,
    .read_audit = memory_read_audit,
};

struct factor_store *
memory_store_new(bool compare)
{
    memory_store_free();
    memory.compare = compare;
    return &memory;
}

void
memory_store_free(void)
{
    size_t i;

    for (i = 0; i < BUCKETS; i++)
        while (memory.buckets[i])
            drop(&memory.buckets[i]);
}
