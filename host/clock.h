/* SPDX-License-Identifier: MIT */
/* host/clock.h - the only reader of time and of random bytes. */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "factor/base.h"

/* Milliseconds since 1970-01-01 UTC.  Any thread. */
int64_t clock_now_ms(void);

/* Milliseconds of a clock that only runs forward: for durations, deadlines
 * of this process and waiting; never moved by the test clock.  Any thread. */
int64_t clock_steady_ms(void);

/* Milliseconds of processor time that this thread has used. */
int64_t clock_thread_ms(void);

/* Fill memory with random bytes of the kernel; never fails (it aborts where
 * the kernel has none).  Any thread. */
void clock_random(void *memory, size_t len);

/* A random identifier: chars base62 characters and a NUL; 22 of them hold
 * 130 bits.  Any thread. */
void clock_random_id(char *ret_text, size_t chars);

#ifdef FACTOR_TEST_CLOCK
/* Read wall time from this file (decimal milliseconds) at each call; without
 * the file the real time.  Builds with --enable-test-clock only.  Alone. */
void clock_test_file(const char *path);
#endif

#endif
