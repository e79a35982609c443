/* SPDX-License-Identifier: MIT */
/* host/record/cache.c - a bounded cache of what reads found. */
#include "host/record/cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/age.h"

enum {
    SHARDS = 16,
    BUCKETS_FIRST = 512, /* of a shard */
    STAMPS = 1024,       /* of a shard; keys that share one only miss more */
    ENTRY_COST = 160
};

struct entry {
    struct age age;
    struct entry *next; /* in its bucket */
    struct record_list *list;
    uint64_t hash;
    size_t cost;
    enum cache_kind kind;
    size_t collection_len;
    char texts[]; /* collection, NUL, key, NUL */
};

struct shard {
    pthread_mutex_t lock;
    size_t used;
    struct ages ages;
    atomic_uint stamps[STAMPS];
    size_t entries;
    size_t bucket_count; /* a power of two */
    struct entry **buckets;
};

struct cache {
    size_t shard_max; /* bytes a shard may use */
    struct shard shards[SHARDS];
};

/* What is asked, with its hash. */
struct question {
    enum cache_kind kind;
    const char *collection, *key;
    uint64_t hash;
};

static struct question
ask(enum cache_kind kind, const char *collection, const char *key)
{
    const uint64_t start = HASH_START ^ (uint64_t)kind;
    struct question question = {kind, collection, key, 0};

    question.hash = hash_mixed(hash_text(hash_text(start, collection), key));
    return question;
}

static struct shard *
shard_of(struct cache *cache, const struct question *question)
{
    return &cache->shards[question->hash % SHARDS];
}

static struct entry **
bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash / SHARDS & (shard->bucket_count - 1)];
}

static atomic_uint *
stamp_of(struct shard *shard, uint64_t hash)
{
    return &shard->stamps[hash / SHARDS % STAMPS];
}

static struct entry *
find(struct shard *shard, const struct question *question)
{
    struct entry *entry;

    for (entry = *bucket_of(shard, question->hash); entry; entry = entry->next)
        if (entry->hash == question->hash && entry->kind == question->kind &&
            strcmp(entry->texts, question->collection) == 0 &&
            strcmp(entry->texts + entry->collection_len + 1, question->key) ==
                0)
            return entry;
    return NULL;
}

static void
entry_drop(struct shard *shard, struct entry *entry)
{
    struct entry **link = bucket_of(shard, entry->hash);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    age_unlink(&shard->ages, &entry->age);
    shard->entries--;
    shard->used -= entry->cost;
    record_list_unref(entry->list);
    free(entry);
}

static size_t
list_cost(const struct record_list *list)
{
    size_t cost = ENTRY_COST;
    uint32_t i;

    for (i = 0; i < list->count; i++)
        cost += list->records[i]->cost;
    return cost;
}

/* Takes a reference of its own to the list. */
static void
entry_set(struct shard *shard, struct entry *entry, struct record_list *list)
{
    struct record_list *before = entry->list;

    shard->used -= entry->cost;
    entry->list = record_list_ref(list);
    entry->cost = list_cost(list);
    shard->used += entry->cost;
    record_list_unref(before);
}

/* As many buckets as entries, or more; without memory it goes on as it is. */
static void
widen(struct shard *shard)
{
    size_t count = shard->bucket_count * 2;
    struct entry **before = shard->buckets, *entry, **bucket;
    struct age *age;

    shard->buckets = calloc(count, sizeof(shard->buckets[0]));
    if (!shard->buckets) {
        shard->buckets = before;
        return;
    }
    shard->bucket_count = count;
    for (age = shard->ages.newest; age; age = age->older) {
        entry = (struct entry *)age;
        bucket = bucket_of(shard, entry->hash);
        entry->next = *bucket;
        *bucket = entry;
    }
    free(before);
}

static struct entry *
entry_add(struct shard *shard, const struct question *question)
{
    size_t collection_len = strlen(question->collection);
    size_t key_len = strlen(question->key);
    struct entry *entry =
        calloc(1, sizeof(*entry) + collection_len + key_len + 2);
    struct entry **bucket;

    if (!entry)
        return NULL;
    if (shard->entries++ == shard->bucket_count)
        widen(shard);
    bucket = bucket_of(shard, question->hash);
    entry->hash = question->hash;
    entry->kind = question->kind;
    entry->collection_len = collection_len;
    memcpy(entry->texts, question->collection, collection_len);
    memcpy(entry->texts + collection_len + 1, question->key, key_len);
    entry->next = *bucket;
    *bucket = entry;
    age_first(&shard->ages, &entry->age);
    return entry;
}

static void
shrink(struct cache *cache, struct shard *shard)
{
    while (shard->used > cache->shard_max && shard->ages.oldest)
        entry_drop(shard, (struct entry *)shard->ages.oldest);
}

static void
keep(struct cache *cache, struct shard *shard, const struct question *question,
     struct record_list *list)
{
    struct entry *entry = find(shard, question);

    if (!entry)
        entry = entry_add(shard, question);
    if (!entry)
        return;
    entry_set(shard, entry, list);
    shrink(cache, shard);
}

static bool
shard_open(struct shard *shard)
{
    shard->buckets = calloc(BUCKETS_FIRST, sizeof(shard->buckets[0]));
    shard->bucket_count = BUCKETS_FIRST;
    pthread_mutex_init(&shard->lock, NULL);
    return shard->buckets != NULL;
}

struct cache *
cache_new(size_t bytes)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    bool opened = cache != NULL;
    size_t i;

    for (i = 0; cache && i < SHARDS; i++)
        opened &= shard_open(&cache->shards[i]);
    if (!opened) {
        cache_free(cache);
        return NULL;
    }
    cache->shard_max = bytes / SHARDS;
    return cache;
}

void
cache_free(struct cache *cache)
{
    size_t i;

    if (!cache)
        return;
    for (i = 0; i < SHARDS; i++) {
        while (cache->shards[i].ages.oldest)
            entry_drop(&cache->shards[i],
                       (struct entry *)cache->shards[i].ages.oldest);
        free(cache->shards[i].buckets);
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    free(cache);
}

struct record_list *
cache_get(struct cache *cache, enum cache_kind kind, const char *collection,
          const char *key, struct cache_mark *ret_mark)
{
    struct question question = ask(kind, collection, key);
    struct shard *shard = shard_of(cache, &question);
    struct record_list *list = NULL;
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    ret_mark->stamp = stamp_of(shard, question.hash);
    ret_mark->value = atomic_load(ret_mark->stamp);
    entry = find(shard, &question);
    if (entry) {
        age_renew(&shard->ages, &entry->age);
        list = record_list_ref(entry->list);
    }
    pthread_mutex_unlock(&shard->lock);
    return list;
}

void
cache_fill(struct cache *cache, enum cache_kind kind, const char *collection,
           const char *key, struct record_list *list,
           const struct cache_mark *mark)
{
    struct question question = ask(kind, collection, key);
    struct shard *shard = shard_of(cache, &question);

    pthread_mutex_lock(&shard->lock);
    if (cache_mark_holds(mark))
        keep(cache, shard, &question, list);
    pthread_mutex_unlock(&shard->lock);
}

/* Bring an answer that is here up to date; without memory it is dropped. */
static void
amend(struct cache *cache, enum cache_kind kind,
      const struct factor_record *face, const char *key,
      struct record *record)
{
    struct question question = ask(kind, face->collection, key);
    struct shard *shard = shard_of(cache, &question);
    struct record_list *changed;
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    atomic_fetch_add(stamp_of(shard, question.hash), 1);
    entry = find(shard, &question);
    if (entry) {
        changed = record_list_with(entry->list, face->id, record);
        if (changed)
            entry_set(shard, entry, changed);
        else
            entry_drop(shard, entry);
        record_list_unref(changed);
        shrink(cache, shard);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* What is new will be read next: kept even if nobody asked.  Not what waits
 * for a worker, who reads it by its time. */
static void
keep_by_id(struct cache *cache, struct record *record)
{
    struct question question =
        ask(CACHE_ID, record->face.collection, record->face.id);
    struct shard *shard = shard_of(cache, &question);
    struct record_list *list = record_list_new(1);

    if (!list)
        return;
    list->records[0] = record_ref(record);
    pthread_mutex_lock(&shard->lock);
    keep(cache, shard, &question, list);
    pthread_mutex_unlock(&shard->lock);
    record_list_unref(list);
}

void
cache_publish(struct cache *cache, struct record *record)
{
    const struct factor_record *face = &record->face;

    amend(cache, CACHE_ID, face, face->id, record);
    if (face->owner)
        amend(cache, CACHE_OWNED, face, face->owner, record);
    if (face->name)
        amend(cache, CACHE_NAME, face, face->name, record);
    if (face->version == 1 && record->due_at_ms == 0)
        keep_by_id(cache, record);
}

void
cache_retract(struct cache *cache, const struct factor_record *face)
{
    amend(cache, CACHE_ID, face, face->id, NULL);
    if (face->owner)
        amend(cache, CACHE_OWNED, face, face->owner, NULL);
    if (face->name)
        amend(cache, CACHE_NAME, face, face->name, NULL);
}

/* Whether an answer is older than the record that could not be written. */
static bool
is_behind(const struct record_list *list, const struct factor_record *face)
{
    uint32_t i;

    for (i = 0; i < list->count; i++)
        if (strcmp(list->records[i]->face.id, face->id) == 0)
            return list->records[i]->face.version < face->version;
    return true;
}

static void
forget(struct cache *cache, enum cache_kind kind,
       const struct factor_record *face, const char *key)
{
    struct question question = ask(kind, face->collection, key);
    struct shard *shard = shard_of(cache, &question);
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    atomic_fetch_add(stamp_of(shard, question.hash), 1);
    entry = find(shard, &question);
    if (entry && is_behind(entry->list, face))
        entry_drop(shard, entry);
    pthread_mutex_unlock(&shard->lock);
}

void
cache_forget(struct cache *cache, const struct factor_record *face)
{
    forget(cache, CACHE_ID, face, face->id);
    if (face->owner)
        forget(cache, CACHE_OWNED, face, face->owner);
    if (face->name)
        forget(cache, CACHE_NAME, face, face->name);
}

static bool
entry_owned_by(const struct entry *entry, const char *owner)
{
    uint32_t i;

    if (entry->kind == CACHE_OWNED &&
        strcmp(entry->texts + entry->collection_len + 1, owner) == 0)
        return true;
    for (i = 0; i < entry->list->count; i++)
        if (entry->list->records[i]->face.owner &&
            strcmp(entry->list->records[i]->face.owner, owner) == 0)
            return true;
    return false;
}

/* Rare (a user was removed): every entry is looked at. */
void
cache_retract_owner(struct cache *cache, const char *owner)
{
    struct age *age, *older;
    size_t i, s;

    for (i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        for (s = 0; s < STAMPS; s++)
            atomic_fetch_add(&cache->shards[i].stamps[s], 1);
        for (age = cache->shards[i].ages.newest; age; age = older) {
            older = age->older;
            if (entry_owned_by((struct entry *)age, owner))
                entry_drop(&cache->shards[i], (struct entry *)age);
        }
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
}
