/* SPDX-License-Identifier: MIT */
/* host/outbox/bundle.c - many small changes in few commits. */
#include "host/outbox/bundle.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "host/clock.h"

enum {
    ROUNDS_MAX = 64,
    TOGETHER_MAX = 64 /* changes in one commit: it holds up those behind it */
};

/* One commit on its way. */
struct group {
    struct txn *txn;
    struct commit *commit; /* in txn; NULL: there is nothing to commit */
    size_t count;          /* items in it */
    factor_status status;
};

/* All of one round. */
struct round {
    struct database *database;
    int64_t now_ms;
    const uint8_t *entropy;
    size_t group_count;
    struct group groups[BUNDLE_MAX];
    size_t group_of[BUNDLE_MAX]; /* by item; groups[] index */
    pthread_mutex_t lock;        /* of away */
    pthread_cond_t landed;
    size_t away; /* commits whose done() is still to come */
};

static void
group_begin(struct round *round)
{
    struct group *group = &round->groups[round->group_count++];

    group->count = 0;
    group->commit = NULL;
    group->txn = txn_new(round->database, round->now_ms, round->entropy);
    group->status = group->txn ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* An item that failed spoils its group: the others are tried without it. */
static void
group_add(struct round *round, size_t at, struct bundle_item *item)
{
    struct group *group = &round->groups[at];

    group->count++;
    if (group->status == FACTOR_OK)
        group->status = item->decide(group->txn, item->context, NULL);
}

static void
decide_all(struct round *round, struct bundle_item *items, size_t count)
{
    size_t together = BUNDLE_MAX, i; /* the group being filled, or none */

    round->group_count = 0;
    for (i = 0; i < count; i++) {
        if (items[i].status != FACTOR_E_CONFLICT)
            continue;
        if (items[i].alone || together == BUNDLE_MAX ||
            round->groups[together].count == TOGETHER_MAX) {
            round->group_of[i] = round->group_count;
            group_begin(round);
            if (!items[i].alone)
                together = round->group_of[i];
        } else {
            round->group_of[i] = together;
        }
        group_add(round, round->group_of[i], &items[i]);
    }
}

static void
landed(struct commit *commit)
{
    struct round *round = commit->context;

    pthread_mutex_lock(&round->lock);
    if (--round->away == 0)
        pthread_cond_signal(&round->landed);
    pthread_mutex_unlock(&round->lock);
}

/* All are encoded before the first is queued, so that one sync takes them. */
static void
commit_all(struct round *round)
{
    struct group *group, *end = &round->groups[round->group_count];

    round->away = 0;
    for (group = round->groups; group < end; group++) {
        if (group->status != FACTOR_OK || !txn_writes(group->txn))
            continue;
        group->commit = txn_commit(group->txn);
        if (!group->commit) {
            group->status = FACTOR_E_NOMEM;
            continue;
        }
        group->commit->done = landed;
        group->commit->context = round;
        round->away++;
    }
    for (group = round->groups; group < end; group++)
        if (group->commit)
            database_commit(round->database, group->commit);
}

static void
wait_all(struct round *round)
{
    struct group *group, *end = &round->groups[round->group_count];

    pthread_mutex_lock(&round->lock);
    while (round->away > 0)
        pthread_cond_wait(&round->landed, &round->lock);
    pthread_mutex_unlock(&round->lock);
    for (group = round->groups; group < end; group++) {
        if (group->commit)
            group->status = group->commit->status;
        txn_free(group->txn);
    }
}

/* Returns how many items are to be tried again. */
static size_t
take_stock(const struct round *round, struct bundle_item *items, size_t count)
{
    const struct group *group;
    size_t again = 0, i;

    for (i = 0; i < count; i++) {
        if (items[i].status != FACTOR_E_CONFLICT)
            continue;
        group = &round->groups[round->group_of[i]];
        if (group->status != FACTOR_OK && group->count > 1)
            items[i].alone = true;
        else
            items[i].status = group->status;
        again += items[i].status == FACTOR_E_CONFLICT;
    }
    return again;
}

void
bundle_commit(struct database *database, int64_t now_ms,
              struct bundle_item *items, size_t count)
{
    uint8_t entropy[TXN_ENTROPY];
    struct round round = {.database = database, .now_ms = now_ms};
    size_t i, again = count;
    int rounds;

    assert(count <= BUNDLE_MAX);
    clock_random(entropy, sizeof(entropy));
    round.entropy = entropy;
    pthread_mutex_init(&round.lock, NULL);
    pthread_cond_init(&round.landed, NULL);
    for (i = 0; i < count; i++)
        items[i].status = FACTOR_E_CONFLICT; /* that is: to be tried */
    for (rounds = 0; again > 0 && rounds < ROUNDS_MAX; rounds++) {
        decide_all(&round, items, count);
        commit_all(&round);
        wait_all(&round);
        again = take_stock(&round, items, count);
    }
    pthread_cond_destroy(&round.landed);
    pthread_mutex_destroy(&round.lock);
}
