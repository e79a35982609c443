/* SPDX-License-Identifier: MIT */
/* tests/plugins/power.c - cuts the power of a daemon that is left as it is
 * (LD_PRELOAD): its store, with {"vfs": "crash"}, is on a layer that forgets
 * what was not synced.
 *
 * FACTOR_POWER_CUT names a pipe: when somebody opens it to write, the power
 * goes.  FACTOR_POWER_SEED decides what survives.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/crash_vfs.h"

static void *
wait_for_cut(void *context)
{
    int fd = open(context, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        _exit(70);
    crash_vfs_die();
    return NULL;
}

__attribute__((constructor)) static void
begin(void)
{
    char *pipe = getenv("FACTOR_POWER_CUT");
    const char *seed = getenv("FACTOR_POWER_SEED");
    pthread_t thread;

    if (!pipe || !seed || crash_vfs_register("crash") != 0)
        _exit(70);
    crash_vfs_arm(strtoull(seed, NULL, 10), 0);
    if (pthread_create(&thread, NULL, wait_for_cut, pipe) != 0)
        _exit(70);
    pthread_detach(thread);
}
