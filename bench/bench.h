/* SPDX-License-Identifier: MIT */
/* bench/bench.h - what the rows share: the run's numbers, and helpers.
 *
 * The driver is no daemon: what it cannot do ends it (die), and what it
 * started ends with it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/daemon.h"

/* What is asked for by the environment; see doc/performance.md. */
struct numbers {
    unsigned users;   /* BENCH_USERS */
    unsigned flows;   /* BENCH_FLOWS, prepared for a row */
    unsigned phones;  /* BENCH_PHONES */
    unsigned parked;  /* BENCH_PARKED, polls */
    unsigned seconds; /* BENCH_SECONDS, of one measurement of GET */
};

struct bench {
    struct numbers numbers;
    struct daemon daemon;
    const char *build;    /* folder of the programs that are measured */
    const char *source;   /* folder of the project */
    char state[512];      /* folder of our own, for all that is written */
    uint32_t *order;      /* all users, shuffled */
    double sync_p99_ms;   /* of the disk */
};

/* --- Rows, in the order of their running --- */

void row_disk(struct bench *bench);
void row_start(struct bench *bench);
void row_idle(struct bench *bench);
void row_get(struct bench *bench);
void row_checks(struct bench *bench);
void row_complete(struct bench *bench);
void row_push(struct bench *bench);
void row_rest(struct bench *bench);
void row_parked(struct bench *bench);

/* --- Helpers --- */

void die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Zeroed memory; dies if there is none. */
void *must_alloc(size_t count, size_t size);

/* Of the steady clock. */
int64_t now_ns(void);
void sleep_ms(unsigned ms);

/* Shuffled numbers from 0 to count - 1, the same in every run. */
uint32_t *shuffled(unsigned count);

#endif
