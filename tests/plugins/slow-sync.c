/* SPDX-License-Identifier: MIT */
/* tests/plugins/slow-sync.c - a slow disk below a daemon that is left as it
 * is (LD_PRELOAD): each sync takes 20 ms longer, so that many requests fall
 * into one batch. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "factor/base.h"

static const struct timespec slowness = { .tv_nsec = 20 * 1000 * 1000 };

FACTOR_PUBLIC int
fdatasync(int fd)
{
    nanosleep(&slowness, NULL);
    return (int)syscall(SYS_fdatasync, fd);
}

FACTOR_PUBLIC int
fsync(int fd)
{
    nanosleep(&slowness, NULL);
    return (int)syscall(SYS_fsync, fd);
}
