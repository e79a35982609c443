/* SPDX-License-Identifier: MIT */
/* host/step/strangers.c - how often names that nobody has are tried. */
#include "host/step/strangers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/log.h"

struct entry {
    uint64_t tag; /* of the name */
    uint32_t count;
    uint32_t period; /* in which it was counted last */
};

struct strangers {
    uint8_t key[CRYPTO_KEY_LEN]; /* of this process: nobody can aim at a set */
    pthread_mutex_t lock;        /* of what follows */
    uint32_t period;
    uint64_t total;
    uint64_t told; /* most tries of one name that were told in this period */
    struct entry sets[STRANGERS_SETS][STRANGERS_WAYS];
};

struct strangers *
strangers_new(void)
{
    struct strangers *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    clock_random(table->key, sizeof(table->key));
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

void
strangers_free(struct strangers *table)
{
    if (!table)
        return;
    pthread_mutex_destroy(&table->lock);
    explicit_bzero(table->key, sizeof(table->key));
    free(table);
}

/* --- Time. --- */

static uint64_t
halved(uint64_t count, uint32_t times)
{
    return times < 64 ? count >> times : 0;
}

static void
move_to(struct strangers *table, int64_t steady_ms)
{
    uint32_t period = (uint32_t)(steady_ms / STRANGERS_PERIOD_MS);

    if (period <= table->period)
        return;
    table->total = halved(table->total, period - table->period);
    table->told = 0;
    table->period = period;
}

/* --- Counting. --- */

static bool
hash_name(const struct strangers *table, const char *purpose, const char *name,
          uint64_t *ret_tag)
{
    const struct crypto_part parts[] = {crypto_text(purpose),
                                        crypto_text(name)};
    uint8_t mac[CRYPTO_MAC_LEN];

    if (!crypto_mac(table->key, parts, 2, mac))
        return false;
    memcpy(ret_tag, mac, sizeof(*ret_tag));
    return true;
}

/* The name's entry, its count as of now; else the weakest of its set, which
 * gives way. */
static struct entry *
find_entry(struct strangers *table, uint64_t tag)
{
    struct entry *set = table->sets[tag % STRANGERS_SETS], *weakest = set;
    int i;

    for (i = 0; i < STRANGERS_WAYS; i++) {
        set[i].count = (uint32_t)halved(set[i].count,
                                        table->period - set[i].period);
        set[i].period = table->period;
        if (set[i].count > 0 && set[i].tag == tag)
            return &set[i];
        if (set[i].count < weakest->count)
            weakest = &set[i];
    }
    weakest->tag = tag;
    weakest->count = 0;
    return weakest;
}

/* Whether it is 10, 100 ... times the least. */
static bool
is_round(uint64_t count, uint64_t least)
{
    while (least < count)
        least *= 10;
    return least == count;
}

static uint64_t
count_one(struct strangers *table, uint64_t tag)
{
    struct entry *entry = find_entry(table, tag);

    entry->count++;
    if (!is_round(entry->count, 10) || entry->count <= table->told)
        return 0;
    table->told = entry->count;
    return entry->count;
}

struct strangers_news
strangers_count(struct strangers *table, const char *purpose, const char *name,
                int64_t steady_ms)
{
    struct strangers_news news = {0, 0};
    uint64_t tag;
    bool hashed = hash_name(table, purpose, name, &tag);

    pthread_mutex_lock(&table->lock);
    move_to(table, steady_ms);
    if (hashed)
        news.one = count_one(table, tag);
    table->total++;
    if (is_round(table->total, 100))
        news.all = table->total;
    pthread_mutex_unlock(&table->lock);
    return news;
}

void
strangers_note(struct strangers *table, const char *purpose, const char *name)
{
    struct strangers_news news;

    if (!table)
        return;
    news = strangers_count(table, purpose, name, clock_steady_ms());
    if (news.one)
        log_event("strangers", FACTOR_LOG_WARNING,
                  "a name that nobody has was tried %" PRIu64 " times within "
                  "minutes",
                  news.one);
    if (news.all)
        log_event("strangers", FACTOR_LOG_WARNING,
                  "names that nobody has were tried %" PRIu64 " times within "
                  "minutes: somebody may be going through names",
                  news.all);
}

uint64_t
strangers_total(struct strangers *table, int64_t steady_ms)
{
    uint64_t total;

    if (!table)
        return 0;
    pthread_mutex_lock(&table->lock);
    move_to(table, steady_ms);
    total = table->total;
    pthread_mutex_unlock(&table->lock);
    return total;
}
