/* SPDX-License-Identifier: MIT */
/* host/flow/rendered.c - states of flows as they were rendered. */
#include "host/flow/rendered.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/age.h"
#include "host/crypto.h"

enum {
    SHARDS = 16,
    BUCKETS = 512,       /* of a shard */
    COPY_MAX = 16 * 1024 /* bytes of one */
};

struct copy {
    struct age age;
    struct copy *next; /* in its bucket */
    uint64_t hash;
    size_t cost;
    struct rendered_state state; /* its marks and body lie below */
    struct cache_mark marks[RENDERED_MARKS];
    struct rendered_key key; /* its texts lie below */
    char texts[]; /* flow, cookie, languages, body: each with its NUL */
};

struct shard {
    pthread_mutex_t lock;
    size_t used;
    struct ages ages;
    struct copy *buckets[BUCKETS];
};

struct rendered {
    size_t shard_max; /* bytes */
    struct shard shards[SHARDS];
};

/* By what is random in it; who has made both may collide with himself. */
static uint64_t
hash_key(const struct rendered_key *key)
{
    const char *languages = key->languages ? key->languages : "";

    return hash_mixed(hash_text(hash_text(HASH_START, key->flow), languages));
}

static struct shard *
shard_of(struct rendered *rendered, uint64_t hash)
{
    return &rendered->shards[hash % SHARDS];
}

static struct copy **
bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash / SHARDS % BUCKETS];
}

static bool
same_languages(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* For one cookie at a time: the flow has one session. */
static struct copy *
find(struct shard *shard, const struct rendered_key *key, uint64_t hash)
{
    struct copy *copy;

    for (copy = *bucket_of(shard, hash); copy; copy = copy->next)
        if (copy->hash == hash && strcmp(copy->key.flow, key->flow) == 0 &&
            same_languages(copy->key.languages, key->languages))
            return copy;
    return NULL;
}

static bool
is_for(const struct copy *copy, const struct rendered_key *key)
{
    size_t len = strlen(copy->key.cookie);

    return strlen(key->cookie) == len &&
           crypto_same(copy->key.cookie, key->cookie, len);
}

static bool
holds(const struct copy *copy, int64_t now_ms)
{
    size_t i;

    for (i = 0; i < copy->state.mark_count; i++)
        if (!cache_mark_holds(&copy->marks[i]))
            return false;
    return now_ms >= copy->state.from_ms && now_ms < copy->state.until_ms;
}

static void
drop(struct shard *shard, struct copy *copy)
{
    struct copy **link = bucket_of(shard, copy->hash);

    while (*link != copy)
        link = &(*link)->next;
    *link = copy->next;
    age_unlink(&shard->ages, &copy->age);
    shard->used -= copy->cost;
    explicit_bzero(copy, copy->cost);
    free(copy);
}

/* --- Life. --- */

struct rendered *
rendered_new(size_t bytes)
{
    struct rendered *rendered = calloc(1, sizeof(*rendered));
    size_t i;

    if (!rendered)
        return NULL;
    rendered->shard_max = bytes / SHARDS;
    for (i = 0; i < SHARDS; i++)
        pthread_mutex_init(&rendered->shards[i].lock, NULL);
    return rendered;
}

void
rendered_free(struct rendered *rendered)
{
    size_t i;

    if (!rendered)
        return;
    for (i = 0; i < SHARDS; i++) {
        while (rendered->shards[i].ages.oldest)
            drop(&rendered->shards[i],
                 (struct copy *)rendered->shards[i].ages.oldest);
        pthread_mutex_destroy(&rendered->shards[i].lock);
    }
    free(rendered);
}

/* --- Keeping. --- */

static const char *
keep_text(char **next, const char *text, size_t len)
{
    char *kept = *next;

    if (!text)
        return NULL;
    memcpy(kept, text, len);
    kept[len] = '\0';
    *next += len + 1;
    return kept;
}

static size_t
text_len(const char *text)
{
    return text ? strlen(text) : 0;
}

static struct copy *
copy_new(const struct rendered_key *key, const struct rendered_state *state,
         uint64_t hash)
{
    size_t cost = sizeof(struct copy) + text_len(key->flow) +
                  text_len(key->cookie) + text_len(key->languages) +
                  state->body_len + 4;
    struct copy *copy = cost <= COPY_MAX ? malloc(cost) : NULL;
    char *next;

    if (!copy)
        return NULL;
    next = copy->texts;
    copy->hash = hash;
    copy->cost = cost;
    copy->state = *state;
    memcpy(copy->marks, state->marks,
           state->mark_count * sizeof(copy->marks[0]));
    copy->key.flow = keep_text(&next, key->flow, text_len(key->flow));
    copy->key.cookie = keep_text(&next, key->cookie, text_len(key->cookie));
    copy->key.languages =
        keep_text(&next, key->languages, text_len(key->languages));
    copy->state.body = keep_text(&next, state->body, state->body_len);
    copy->state.marks = copy->marks;
    return copy;
}

void
rendered_put(struct rendered *rendered, const struct rendered_key *key,
             const struct rendered_state *state)
{
    uint64_t hash = hash_key(key);
    struct shard *shard = shard_of(rendered, hash);
    struct copy *copy, *before;

    if (state->mark_count == 0 || state->mark_count > RENDERED_MARKS)
        return;
    copy = copy_new(key, state, hash);
    if (!copy)
        return;
    pthread_mutex_lock(&shard->lock);
    before = find(shard, key, hash);
    if (before)
        drop(shard, before);
    copy->next = *bucket_of(shard, hash);
    *bucket_of(shard, hash) = copy;
    age_first(&shard->ages, &copy->age);
    shard->used += copy->cost;
    while (shard->used > rendered->shard_max)
        drop(shard, (struct copy *)shard->ages.oldest);
    pthread_mutex_unlock(&shard->lock);
}

/* --- Asking. --- */

static char *
body_of(struct shard *shard, struct copy *copy, size_t *ret_len,
        const struct client **ret_client)
{
    char *body = malloc(copy->state.body_len + 1);

    age_renew(&shard->ages, &copy->age);
    if (!body)
        return NULL;
    memcpy(body, copy->state.body, copy->state.body_len + 1);
    *ret_len = copy->state.body_len;
    *ret_client = copy->state.client;
    return body;
}

char *
rendered_get(struct rendered *rendered, const struct rendered_key *key,
             int64_t now_ms, size_t *ret_len,
             const struct client **ret_client)
{
    uint64_t hash = hash_key(key);
    struct shard *shard = shard_of(rendered, hash);
    struct copy *copy;
    char *body = NULL;

    pthread_mutex_lock(&shard->lock);
    copy = find(shard, key, hash);
    if (copy && is_for(copy, key)) {
        if (holds(copy, now_ms))
            body = body_of(shard, copy, ret_len, ret_client);
        else
            drop(shard, copy);
    }
    pthread_mutex_unlock(&shard->lock);
    return body;
}
