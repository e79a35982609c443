/* SPDX-License-Identifier: MIT */
/* bench/start.c - starts, and the memory of the idle daemon. */
#include <string.h>

#include "bench/bench.h"

enum { STARTS = 5, SETTLE_MS = 3000 };

/* The first start makes the store, the users come, and then it is the second
 * start from which on it counts. */
void
row_start(struct bench *bench)
{
    struct samples samples = {0};
    double import_s, users = bench->numbers.users;
    int i;

    report_section("Start");
    daemon_start(bench);
    import_s = (double)daemon_import(bench) / 1e9;
    report_add(&(struct figure){.name = "import.rate",
                                .text = "users imported",
                                .unit = "/s",
                                .value = users / import_s});
    for (i = 0; i < STARTS; i++) {
        daemon_stop(bench);
        samples_add(&samples, daemon_start(bench));
    }
    samples_sort(&samples);
    report_add(&(struct figure){.name = "start.median",
                                .text = "start to first answer, median of 5",
                                .unit = "ms",
                                .value = samples_at_ms(&samples, 0.5),
                                .kind = FLOOR_AT_MOST,
                                .floor = 40});
    report_add(&(struct figure){.name = "start.users",
                                .text = "users in the store",
                                .unit = "",
                                .value = users});
    samples_free(&samples);
}

/* Just started, once it has measured its passwords. */
void
row_idle(struct bench *bench)
{
    pid_t pid = bench->daemon.pid;

    report_section("Memory, idle");
    sleep_ms(SETTLE_MS);
    report_add(&(struct figure){
        .name = "idle.anon",
        .text = "RssAnon",
        .unit = "MB",
        .value = (double)program_memory_kib(pid, "RssAnon") / 1024,
        .kind = FLOOR_AT_MOST,
        .floor = 4});
    report_add(&(struct figure){
        .name = "idle.rss",
        .text = "VmRSS",
        .unit = "MB",
        .value = (double)program_memory_kib(pid, "VmRSS") / 1024,
        .kind = FLOOR_AT_MOST,
        .floor = 18});
}
