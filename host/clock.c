/* SPDX-License-Identifier: MIT */
/* host/clock.c - the only reader of time and of random bytes. */
#include "host/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#ifdef FACTOR_TEST_CLOCK
#include <fcntl.h>
#include <unistd.h>

static char test_file[4096];

void
clock_test_file(const char *path)
{
    if (strlen(path) < sizeof(test_file))
        memcpy(test_file, path, strlen(path) + 1);
}

static int64_t
test_now_ms(void)
{
    char text[32];
    ssize_t len;
    int fd;

    if (!test_file[0])
        return 0;
    fd = open(test_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    return strtoll(text, NULL, 10);
}
#endif

static int64_t
read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_now_ms(void)
{
#ifdef FACTOR_TEST_CLOCK
    int64_t test = test_now_ms();

    if (test > 0)
        return test;
#endif
    return read_clock(CLOCK_REALTIME);
}

int64_t
clock_steady_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_thread_ms(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
clock_random(void *memory, size_t len)
{
    unsigned char *next = memory;
    ssize_t got;

    while (len > 0) {
        got = getrandom(next, len, 0);
        if (got <= 0)
            abort();
        next += got;
        len -= (size_t)got;
    }
}

void
clock_random_id(char *ret_text, size_t chars)
{
    static const char base62[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char bytes[32];
    size_t done = 0, i;

    while (done < chars) {
        clock_random(bytes, sizeof(bytes));
        for (i = 0; i < sizeof(bytes) && done < chars; i++)
            if (bytes[i] < 62 * 4) /* no bias */
                ret_text[done++] = base62[bytes[i] % 62];
    }
    ret_text[chars] = '\0';
}
