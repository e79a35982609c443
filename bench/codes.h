/* SPDX-License-Identifier: MIT */
/* bench/codes.h - passcodes as they arrive in the delivery file. */
#ifndef BENCH_CODES_H
#define BENCH_CODES_H

#include <stdint.h>

#include "bench/bench.h"

/* Follows the daemon's delivery file from its end on. */
void codes_open(const struct bench *bench);
void codes_close(void);

/* Forget a user's code, before a new one is asked for. */
void codes_clear(uint32_t user);
/* Read what has come; any thread, returns at once if another one reads. */
void codes_read(void);
/* The newest code of a user plus one, 0: none has come. */
uint32_t codes_of(uint32_t user);

#endif
