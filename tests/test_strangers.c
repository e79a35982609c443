/* SPDX-License-Identifier: MIT */
/* tests/test_strangers.c - the counts of names that nobody has (S10). */
#include <pthread.h>
#include <stdio.h>

#include "host/step/strangers.h"
#include "tests/tap.h"

#define PERIOD ((int64_t)STRANGERS_PERIOD_MS)
#define NOW (100 * PERIOD)

static struct strangers *table;

static void
open_table(void)
{
    strangers_free(table);
    table = strangers_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
}

/* The news of the last of so many tries. */
static struct strangers_news
try_times(const char *name, int times, int64_t at)
{
    struct strangers_news news = {0, 0};

    while (times-- > 0)
        news = strangers_count(table, "password", name, at);
    return news;
}

static void
tells_round_numbers_of_a_name(void)
{
    int i;

    open_table();
    for (i = 1; i <= 1000; i++)
        CU_ASSERT_EQUAL(try_times("nobody", 1, NOW).one,
                        i == 10 || i == 100 || i == 1000 ? (uint64_t)i : 0);
}

static void
tells_round_numbers_of_all(void)
{
    char name[16];
    int i;

    open_table();
    for (i = 1; i <= 1000; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        CU_ASSERT_EQUAL(try_times(name, 1, NOW).all,
                        i == 100 || i == 1000 ? (uint64_t)i : 0);
    }
    CU_ASSERT_EQUAL(strangers_total(table, NOW), 1000);
}

/* Who tries many names ten times each writes one line. */
static void
tells_once_a_period(void)
{
    char name[16];
    int i, told = 0;

    open_table();
    for (i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        told += try_times(name, 10, NOW).one != 0;
    }
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(try_times("other", 100, NOW).one, 100);
    CU_ASSERT_EQUAL(try_times("third", 10, NOW + PERIOD).one, 10);
}

static void
counts_are_halved(void)
{
    open_table();
    try_times("nobody", 18, NOW);
    CU_ASSERT_EQUAL(strangers_total(table, NOW + PERIOD - 1), 18);
    CU_ASSERT_EQUAL(strangers_total(table, NOW + PERIOD), 9);
    CU_ASSERT_EQUAL(try_times("nobody", 1, NOW + PERIOD).one, 10);
    CU_ASSERT_EQUAL(strangers_total(table, NOW + 2 * PERIOD), 5);
    CU_ASSERT_EQUAL(try_times("nobody", 5, NOW + 2 * PERIOD).one, 10);
    CU_ASSERT_EQUAL(strangers_total(table, NOW + 100 * PERIOD), 0);
    CU_ASSERT_EQUAL(try_times("nobody", 9, NOW + 100 * PERIOD).one, 0);
    CU_ASSERT_EQUAL(try_times("nobody", 1, NOW + 100 * PERIOD).one, 10);
    CU_ASSERT_EQUAL(strangers_total(NULL, NOW), 0);
}

/* Time that seems to go back halves nothing, and breaks nothing. */
static void
time_goes_on(void)
{
    open_table();
    try_times("nobody", 9, NOW);
    CU_ASSERT_EQUAL(try_times("nobody", 1, NOW - PERIOD).one, 10);
    CU_ASSERT_EQUAL(strangers_total(table, 0), 10);
}

static void
purposes_are_apart(void)
{
    open_table();
    try_times("nobody", 9, NOW);
    CU_ASSERT_EQUAL(strangers_count(table, "mfa", "nobody", NOW).one, 0);
    CU_ASSERT_EQUAL(try_times("nobody", 1, NOW).one, 10);
    CU_ASSERT_EQUAL(strangers_total(table, NOW), 11);
}

/* However many names come: who is tried often stays, the weakest goes. */
static void
the_weakest_gives_way(void)
{
    char name[16];
    int i;

    open_table();
    try_times("nobody", 9, NOW);
    for (i = 0; i < 20 * STRANGERS_SETS * STRANGERS_WAYS; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        try_times(name, 1, NOW);
    }
    CU_ASSERT_EQUAL(try_times("nobody", 1, NOW).one, 10);
}

/* ... and a name that grows finds a place among those that do not. */
static void
a_new_name_finds_a_place(void)
{
    char name[16];
    int i;

    open_table();
    for (i = 0; i < 4 * STRANGERS_SETS * STRANGERS_WAYS; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        try_times(name, 2, NOW);
    }
    CU_ASSERT_EQUAL(try_times("nobody", 10, NOW).one, 10);
}

static void
nobody_minds_no_table(void)
{
    strangers_note(NULL, "password", "nobody");
    strangers_free(NULL);
}

/* --- Threads. --- */

enum { THREADS = 4, EACH = 5000 };

static void *
count_many(void *context)
{
    int i;

    (void)context;
    for (i = 0; i < EACH; i++)
        strangers_count(table, "password", i % 2 ? "nobody" : "other",
                        NOW + i % 3);
    return NULL;
}

static void
threads_lose_nothing(void)
{
    pthread_t threads[THREADS];
    int i;

    open_table();
    for (i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(strangers_total(table, NOW), THREADS * EACH);
}

static const struct tap_test tests[] = {
    {"S10: 10, 100, 1,000 tries of a name are told",
     tells_round_numbers_of_a_name},
    {"S10: 100, 1,000 tries of all names are told",
     tells_round_numbers_of_all},
    {"S10: many names fill no log", tells_once_a_period},
    {"S10: counts are halved every 10 min", counts_are_halved},
    {"S10: time that goes back does no harm", time_goes_on},
    {"S10: a name of another purpose is another", purposes_are_apart},
    {"S10: in a full table the weakest gives way", the_weakest_gives_way},
    {"S10: a new name finds a place in a full table",
     a_new_name_finds_a_place},
    {"S10: without a table nothing is counted", nobody_minds_no_table},
    {"S10: threads lose no try", threads_lose_nothing},
};

static int
tear_down(void)
{
    strangers_free(table);
    table = NULL;
    return 0;
}

int
main(void)
{
    static const struct tap_fixture fixture = {NULL, tear_down};

    return tap_main_with("strangers", &fixture, tests, TAP_COUNT(tests));
}
