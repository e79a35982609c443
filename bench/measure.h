/* SPDX-License-Identifier: MIT */
/* bench/measure.h - the figures of a row: how many, how fast, at what cost. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/bench.h"

struct measure {
    const char *name;  /* "checks_64" */
    const char *text;  /* "checks, 64" */
    double rate_floor; /* 0: none */
    double p99_floor;  /* ms; 0: none */

    int64_t cpu_ns; /* between begin and end */
    struct daemon_counts counts;
};

/* Around a run of a load whose samples are one for each thing done. */
void measure_begin(struct measure *self, struct bench *bench);
void measure_end(struct measure *self, struct bench *bench,
                 const struct load *load);

#endif
