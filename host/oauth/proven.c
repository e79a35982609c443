/* SPDX-License-Identifier: MIT */
/* host/oauth/proven.c - access tokens whose signature was verified. */
#include "host/oauth/proven.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 4096, LOCKS = 16 };

/* Each has one place, by its first bytes; a newer one takes it over.  A place
 * that nobody took is all zero, which is the hash of nothing that is known. */
struct proven {
    pthread_mutex_t locks[LOCKS];
    uint8_t hashes[PLACES][CRYPTO_MAC_LEN];
};

struct proven *
proven_new(void)
{
    struct proven *proven = calloc(1, sizeof(*proven));
    size_t i;

    for (i = 0; proven && i < LOCKS; i++)
        pthread_mutex_init(&proven->locks[i], NULL);
    return proven;
}

void
proven_free(struct proven *proven)
{
    size_t i;

    for (i = 0; proven && i < LOCKS; i++)
        pthread_mutex_destroy(&proven->locks[i]);
    free(proven);
}

static size_t
place_of(const uint8_t hash[CRYPTO_MAC_LEN])
{
    return ((size_t)hash[0] << 8 | hash[1]) % PLACES;
}

bool
proven_has(struct proven *proven, const uint8_t hash[CRYPTO_MAC_LEN])
{
    const size_t place = place_of(hash);
    bool same;

    pthread_mutex_lock(&proven->locks[place % LOCKS]);
    same = crypto_same(proven->hashes[place], hash, CRYPTO_MAC_LEN);
    pthread_mutex_unlock(&proven->locks[place % LOCKS]);
    return same;
}

void
proven_add(struct proven *proven, const uint8_t hash[CRYPTO_MAC_LEN])
{
    const size_t place = place_of(hash);

    pthread_mutex_lock(&proven->locks[place % LOCKS]);
    memcpy(proven->hashes[place], hash, CRYPTO_MAC_LEN);
    pthread_mutex_unlock(&proven->locks[place % LOCKS]);
}
