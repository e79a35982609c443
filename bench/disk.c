/* SPDX-License-Identifier: MIT */
/* bench/disk.c - what a sync costs on the disk of the build tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

enum { PAGE = 4096, PAGES = 64, SYNCS = 1000 };

/* Overwrites, as the log does that is recycled: a sync of a file that grows
 * costs more. */
static void
sync_often(int fd, struct samples *samples)
{
    static const char page[PAGE];
    int64_t began_ns;
    int i;

    for (i = -PAGES; i < SYNCS; i++) {
        if (pwrite(fd, page, PAGE, (off_t)((i + PAGES) % PAGES) * PAGE) != PAGE)
            die("cannot write: %s", strerror(errno));
        began_ns = now_ns();
        if (fdatasync(fd))
            die("cannot sync: %s", strerror(errno));
        if (i >= 0)
            samples_add(samples, now_ns() - began_ns);
    }
}

void
row_disk(struct bench *bench)
{
    char path[sizeof(bench->state) + 16];
    struct samples samples = {0};
    int fd;

    snprintf(path, sizeof(path), "%s/sync", bench->state);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    sync_often(fd, &samples);
    close(fd);
    unlink(path);
    samples_sort(&samples);
    bench->sync_p99_ms = samples_at_ms(&samples, 0.99);
    report_section("Disk of the build tree");
    report_add(&(struct figure){.name = "disk.p50",
                                .text = "fdatasync of 4 KiB, p50",
                                .unit = "ms",
                                .value = samples_at_ms(&samples, 0.5)});
    report_add(&(struct figure){.name = "disk.p99",
                                .text = "fdatasync of 4 KiB, p99",
                                .unit = "ms",
                                .value = bench->sync_p99_ms});
    samples_free(&samples);
}
