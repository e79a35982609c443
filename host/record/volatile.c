/* SPDX-License-Identifier: MIT */
/* host/record/volatile.c - records that live in bounded memory only. */
#include "host/record/volatile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/age.h"

enum { BUCKETS = 8192, NODE_COST = 96 };

struct node {
    struct age age;
    struct node *next; /* in its bucket */
    struct record *record;
};

struct volatile_table {
    pthread_mutex_t lock;
    size_t used, max;
    struct ages ages;
    struct node *buckets[BUCKETS];
};

struct volatile_table *
volatile_new(size_t bytes)
{
    struct volatile_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->max = bytes;
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static struct node **
bucket_of(struct volatile_table *table, const char *collection, const char *id)
{
    uint64_t hash = hash_text(hash_text(HASH_START, collection), id);

    return &table->buckets[hash_mixed(hash) % BUCKETS];
}

static struct node **
find(struct volatile_table *table, const char *collection, const char *id)
{
    struct node **link = bucket_of(table, collection, id);

    while (*link && (strcmp((*link)->record->face.id, id) != 0 ||
                     strcmp((*link)->record->face.collection, collection) != 0))
        link = &(*link)->next;
    return link;
}

static void
drop(struct volatile_table *table, struct node **link)
{
    struct node *node = *link;

    *link = node->next;
    age_unlink(&table->ages, &node->age);
    table->used -= node->record->cost + NODE_COST;
    record_unref(node->record);
    free(node);
}

void
volatile_free(struct volatile_table *table)
{
    size_t i;

    if (!table)
        return;
    for (i = 0; i < BUCKETS; i++)
        while (table->buckets[i])
            drop(table, &table->buckets[i]);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

struct record *
volatile_get(struct volatile_table *table, const char *collection,
             const char *id)
{
    struct record *record = NULL;
    struct node *node;

    pthread_mutex_lock(&table->lock);
    node = *find(table, collection, id);
    if (node) {
        age_renew(&table->ages, &node->age);
        record = record_ref(node->record);
    }
    pthread_mutex_unlock(&table->lock);
    return record;
}

static bool
insert(struct volatile_table *table, struct record *record)
{
    struct node **bucket =
        bucket_of(table, record->face.collection, record->face.id);
    struct node *node = malloc(sizeof(*node));

    if (!node)
        return false;
    node->record = record_ref(record);
    node->next = *bucket;
    *bucket = node;
    age_first(&table->ages, &node->age);
    table->used += record->cost + NODE_COST;
    return true;
}

static void
replace(struct volatile_table *table, struct node *node, struct record *record)
{
    table->used += record->cost;
    table->used -= node->record->cost;
    record_unref(node->record);
    node->record = record_ref(record);
    age_renew(&table->ages, &node->age);
}

static void
shrink(struct volatile_table *table)
{
    const struct factor_record *face;

    while (table->used > table->max &&
           table->ages.oldest != table->ages.newest) {
        face = &((struct node *)table->ages.oldest)->record->face;
        drop(table, find(table, face->collection, face->id));
    }
}

bool
volatile_put(struct volatile_table *table, struct record *record)
{
    struct node *node;
    bool done;

    pthread_mutex_lock(&table->lock);
    node = *find(table, record->face.collection, record->face.id);
    done = (node ? node->record->face.version : 0) + 1 == record->face.version;
    if (done && node)
        replace(table, node, record);
    else if (done)
        done = insert(table, record);
    shrink(table);
    pthread_mutex_unlock(&table->lock);
    return done;
}

void
volatile_remove(struct volatile_table *table, const char *collection,
                const char *id)
{
    struct node **link;

    pthread_mutex_lock(&table->lock);
    link = find(table, collection, id);
    if (*link)
        drop(table, link);
    pthread_mutex_unlock(&table->lock);
}

void
volatile_sweep(struct volatile_table *table, int64_t now_ms)
{
    struct node **link;
    size_t i;

    for (i = 0; i < BUCKETS; i++) {
        pthread_mutex_lock(&table->lock);
        for (link = &table->buckets[i]; *link;)
            if ((*link)->record->face.expires_at_ms <= now_ms)
                drop(table, link);
            else
                link = &(*link)->next;
        pthread_mutex_unlock(&table->lock);
    }
}

size_t
volatile_used(struct volatile_table *table)
{
    size_t used;

    pthread_mutex_lock(&table->lock);
    used = table->used;
    pthread_mutex_unlock(&table->lock);
    return used;
}
