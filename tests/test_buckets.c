/* SPDX-License-Identifier: MIT */
/* tests/test_buckets.c - how often one address or client may ask (H3). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "host/step/buckets.h"
#include "tests/tap.h"

#define NOW INT64_C(1000000)
#define SECOND INT64_C(1000)

static struct buckets *buckets;

/* Five at once, six a minute, everywhere. */
static void
open_buckets(void)
{
    struct bucket_rule rules[BUCKETS];
    int i;

    for (i = 0; i < BUCKETS; i++)
        rules[i] = (struct bucket_rule){5, 6};
    buckets_free(buckets);
    buckets = buckets_new(rules);
    CU_ASSERT_PTR_NOT_NULL_FATAL(buckets);
}

static int64_t
ask(const char *who, int64_t at_ms)
{
    return buckets_take(buckets, BUCKET_TOKEN, who, at_ms);
}

/* How many of so many calls are let through. */
static int
passes(const char *who, int calls, int64_t at_ms)
{
    int passed = 0;

    while (calls-- > 0)
        passed += ask(who, at_ms) == 0;
    return passed;
}

static void
lets_a_burst_through(void)
{
    open_buckets();
    CU_ASSERT_EQUAL(passes("192.0.2.1", 20, NOW), 5);
    CU_ASSERT_EQUAL(ask("192.0.2.1", NOW), 10 * SECOND);
}

static void
fills_up_again(void)
{
    open_buckets();
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW), 5);
    CU_ASSERT_EQUAL(ask("192.0.2.1", NOW + 10 * SECOND - 1), 1);
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW + 10 * SECOND), 1);
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW + 40 * SECOND), 3);
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW + 40000 * SECOND), 5);
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, INT64_MAX / 2), 5);
}

static void
tells_askers_and_buckets_apart(void)
{
    open_buckets();
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW), 5);
    CU_ASSERT_EQUAL(passes("192.0.2.2", 9, NOW), 5);
    CU_ASSERT_EQUAL(buckets_take(buckets, BUCKET_REST, "192.0.2.1", NOW), 0);
}

static void
counts_ipv6_by_network(void)
{
    open_buckets();
    CU_ASSERT_EQUAL(passes("2001:db8::1", 3, NOW), 3);
    CU_ASSERT_EQUAL(passes("2001:db8:0:0:ffff::2", 9, NOW), 2);
    CU_ASSERT_EQUAL(passes("2001:db8:0:1::1", 9, NOW), 5);
}

/* However many there are, who has just used a bucket up is remembered. */
static void
remembers_in_a_crowd(void)
{
    char name[32];
    int i;

    open_buckets();
    for (i = 0; i < 20 * BUCKETS_SETS; i++) {
        snprintf(name, sizeof(name), "client-%d", i);
        ask(name, NOW - 1);
    }
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW), 5);
    for (i = 0; i < BUCKETS_SETS / 4; i++) {
        snprintf(name, sizeof(name), "late-%d", i);
        ask(name, NOW);
    }
    CU_ASSERT_EQUAL(passes("192.0.2.1", 9, NOW), 0);
}

static atomic_int passed;

static void *
ask_often(void *context)
{
    (void)context;
    atomic_fetch_add(&passed, passes("192.0.2.9", 100, NOW));
    return NULL;
}

static void
gives_each_token_once(void)
{
    pthread_t threads[4];
    int i;

    open_buckets();
    atomic_store(&passed, 0);
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&passed), 5);
    buckets_free(buckets);
    buckets = NULL;
}

int
main(void)
{
    static const struct tap_test tests[] = {
        {"H3: a burst, and then no more", lets_a_burst_through},
        {"H3: it fills up again, as fast as it says", fills_up_again},
        {"H3: each asker and each purpose has its own",
         tells_askers_and_buckets_apart},
        {"H3: IPv6 counts by /64", counts_ipv6_by_network},
        {"H3: many askers make it forget nobody", remembers_in_a_crowd},
        {"H3: each token is given once", gives_each_token_once},
    };

    return tap_main("buckets", tests, TAP_COUNT(tests));
}
