/* SPDX-License-Identifier: MIT */
/* host/step/buckets.c - token buckets. */
#include "host/step/buckets.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/crypto.h"

/* A token in the unit of levels, of which a bucket that is filled N times a
 * minute gains N in a millisecond. */
#define TOKEN INT64_C(60000)

enum { ADDRESS = 16, NETWORK = 8 };

static const char *const names[BUCKETS] = {
    [BUCKET_AUTHORIZE] = "authorize", [BUCKET_TOKEN] = "token",
    [BUCKET_PASSWORD] = "password",   [BUCKET_PAIRING] = "pairing",
    [BUCKET_REST] = "rest",
};

/* Full until it is asked for: what is not in the table is that. */
struct entry {
    uint64_t tag; /* of bucket and asker */
    int64_t level, at_ms;
};

struct buckets {
    uint8_t key[CRYPTO_KEY_LEN]; /* of this process: nobody can aim at a set */
    struct {
        int64_t full, per_ms;
    } rules[BUCKETS];
    pthread_mutex_t lock; /* of what follows */
    struct entry sets[BUCKETS_SETS][BUCKETS_WAYS];
};

struct buckets *
buckets_new(const struct bucket_rule rules[BUCKETS])
{
    struct buckets *buckets = calloc(1, sizeof(*buckets));
    int i;

    if (!buckets)
        return NULL;
    clock_random(buckets->key, sizeof(buckets->key));
    pthread_mutex_init(&buckets->lock, NULL);
    for (i = 0; i < BUCKETS; i++) {
        buckets->rules[i].full = TOKEN * rules[i].burst;
        buckets->rules[i].per_ms = rules[i].per_minute;
    }
    return buckets;
}

struct buckets *
buckets_configured(const struct config *config)
{
    struct bucket_rule rules[BUCKETS];
    char pointer[64];
    int i;

    for (i = 0; i < BUCKETS; i++) {
        snprintf(pointer, sizeof(pointer), "/limits/%s/burst", names[i]);
        rules[i].burst = config_number(config, pointer);
        snprintf(pointer, sizeof(pointer), "/limits/%s/per_minute", names[i]);
        rules[i].per_minute = config_number(config, pointer);
    }
    return buckets_new(rules);
}

void
buckets_free(struct buckets *buckets)
{
    if (!buckets)
        return;
    pthread_mutex_destroy(&buckets->lock);
    explicit_bzero(buckets->key, sizeof(buckets->key));
    free(buckets);
}

/* Whoever has an IPv6 address has 2^64 of them. */
static struct crypto_part
asker(const char *who, uint8_t address[ADDRESS])
{
    struct crypto_part part = crypto_text(who);

    if (inet_pton(AF_INET6, who, address) == 1) {
        part.bytes = address;
        part.len = NETWORK;
    }
    return part;
}

static bool
find_tag(const struct buckets *buckets, enum bucket bucket, const char *who,
         uint64_t *ret_tag)
{
    uint8_t address[ADDRESS], mac[CRYPTO_MAC_LEN];
    const struct crypto_part parts[] = {crypto_text(names[bucket]),
                                        asker(who, address)};

    if (!crypto_mac(buckets->key, parts, 2, mac))
        return false;
    memcpy(ret_tag, mac, sizeof(*ret_tag));
    return true;
}

/* Its entry; else the one of the set that has waited longest, whose bucket is
 * the likeliest to be full again. */
static struct entry *
find_entry(struct buckets *buckets, enum bucket bucket, uint64_t tag,
           int64_t now_ms)
{
    struct entry *set = buckets->sets[tag % BUCKETS_SETS], *oldest = set;
    int i;

    for (i = 0; i < BUCKETS_WAYS; i++) {
        if (set[i].tag == tag && set[i].at_ms > 0)
            return &set[i];
        if (set[i].at_ms < oldest->at_ms)
            oldest = &set[i];
    }
    *oldest = (struct entry){tag, buckets->rules[bucket].full, now_ms};
    return oldest;
}

static int64_t
take(struct buckets *buckets, enum bucket bucket, struct entry *entry,
     int64_t now_ms)
{
    int64_t full = buckets->rules[bucket].full;
    int64_t per_ms = buckets->rules[bucket].per_ms;
    int64_t passed_ms = now_ms - entry->at_ms;

    if (passed_ms > full / per_ms)
        entry->level = full;
    else
        entry->level += passed_ms * per_ms;
    if (entry->level > full)
        entry->level = full;
    entry->at_ms = now_ms;
    if (entry->level < TOKEN)
        return (TOKEN - entry->level + per_ms - 1) / per_ms;
    entry->level -= TOKEN;
    return 0;
}

int64_t
buckets_take(struct buckets *buckets, enum bucket bucket, const char *who,
             int64_t steady_ms)
{
    int64_t wait_ms;
    uint64_t tag;

    if (!find_tag(buckets, bucket, who, &tag))
        return 0;
    pthread_mutex_lock(&buckets->lock);
    wait_ms = take(buckets, bucket,
                   find_entry(buckets, bucket, tag, steady_ms), steady_ms);
    pthread_mutex_unlock(&buckets->lock);
    return wait_ms;
}
