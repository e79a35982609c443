/* SPDX-License-Identifier: MIT */
/* bench/codes.c - follows the delivery file. */
#include "bench/codes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_MAX = 1 << 16 };

static struct {
    pthread_mutex_t lock; /* all but codes */
    char path[700];
    int fd; /* -1: there is no file yet */
    char buffer[BUFFER_MAX + 1];
    size_t len;
    _Atomic uint32_t *codes; /* by user */
    uint32_t users;
} follow = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void
codes_open(const struct bench *bench)
{
    snprintf(follow.path, sizeof(follow.path), "%s/outbox.jsonl",
             bench->daemon.state);
    follow.users = bench->numbers.users;
    follow.codes = must_alloc(follow.users, sizeof(*follow.codes));
    follow.len = 0;
}

void
codes_close(void)
{
    if (follow.fd >= 0)
        close(follow.fd);
    follow.fd = -1;
    free(follow.codes);
    follow.codes = NULL;
}

void
codes_clear(uint32_t user)
{
    atomic_store(&follow.codes[user], 0);
}

uint32_t
codes_of(uint32_t user)
{
    return atomic_load(&follow.codes[user]);
}

/* {…,"to":"u0000077@bench.test",…,"code":"548772",…}; notices have none. */
static void
take_line(const char *line)
{
    static const char to[] = "\"to\":\"u", code[] = "\"code\":\"";
    const char *user = strstr(line, to), *digits = strstr(line, code);
    unsigned long number;

    if (!user || !digits)
        return;
    number = strtoul(user + strlen(to), NULL, 10);
    if (number < follow.users)
        atomic_store(&follow.codes[number],
                     (uint32_t)strtoul(digits + strlen(code), NULL, 10) + 1);
}

static void
take_lines(void)
{
    char *line = follow.buffer, *end;

    while ((end = memchr(line, '\n',
                         follow.len - (size_t)(line - follow.buffer)))) {
        *end = '\0';
        take_line(line);
        line = end + 1;
    }
    follow.len -= (size_t)(line - follow.buffer);
    memmove(follow.buffer, line, follow.len);
}

void
codes_read(void)
{
    ssize_t len;

    if (pthread_mutex_trylock(&follow.lock))
        return;
    if (follow.fd < 0)
        follow.fd = open(follow.path, O_RDONLY | O_CLOEXEC);
    while (follow.fd >= 0 &&
           (len = read(follow.fd, follow.buffer + follow.len,
                       BUFFER_MAX - follow.len)) > 0) {
        follow.len += (size_t)len;
        take_lines();
    }
    pthread_mutex_unlock(&follow.lock);
}
