/* SPDX-License-Identifier: MIT */
/* bench/bench.c - measures factord beside nginx and a bare libmicrohttpd; see
 * doc/performance.md.  `make bench` runs it in the build folder. */
#include "bench/bench.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/codes.h"
#include "bench/flows.h"

/* The numbers that the environment may give. */
static const struct {
    const char *name;
    size_t at;
    unsigned long usual, min, max;
} settings[] = {
#define NUMBER(name, member, ...)                                              \
    { name, offsetof(struct numbers, member), __VA_ARGS__ }
    NUMBER("BENCH_USERS", users, 100000, 1000, 9999999),
    NUMBER("BENCH_FLOWS", flows, 20000, 100, 1000000),
    NUMBER("BENCH_PHONES", phones, 512, 64, 100000),
    NUMBER("BENCH_PARKED", parked, 10000, 100, 100000),
    NUMBER("BENCH_SECONDS", seconds, 1, 1, 600),
#undef NUMBER
};

/* Rows by name, for BENCH_ROWS; those before the first blank always run. */
static const struct {
    const char *name;
    void (*run)(struct bench *bench);
    bool always;
} rows[] = {
    {"disk", row_disk, true},       {"start", row_start, true},
    {"idle", row_idle, false},      {"get", row_get, false},
    {"checks", row_checks, false},  {"complete", row_complete, false},
    {"push", row_push, false},      {"rest", row_rest, false},
    {"parked", row_parked, false},
};

/* --- Helpers --- */

void
die(const char *format, ...)
{
    va_list args;

    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void *
must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        die("out of memory");
    return memory;
}

int64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void
sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}

uint32_t *
shuffled(unsigned count)
{
    uint32_t *list = must_alloc(count, sizeof(*list)), swap;
    uint64_t state = UINT64_C(88172645463325252); /* xorshift64 */
    unsigned i, with;

    for (i = 0; i < count; i++) {
        list[i] = i;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        with = (unsigned)(state % (i + 1));
        swap = list[i];
        list[i] = list[with];
        list[with] = swap;
    }
    return list;
}

/* --- The run --- */

static void
read_numbers(struct numbers *numbers)
{
    const char *text;
    unsigned value;
    char *end;
    size_t i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        text = getenv(settings[i].name);
        value = (unsigned)(text && *text ? strtoul(text, &end, 10)
                                         : settings[i].usual);
        if ((text && *text && *end) || value < settings[i].min ||
            value > settings[i].max)
            die("%s: a number from %lu to %lu", settings[i].name,
                settings[i].min, settings[i].max);
        memcpy((char *)numbers + settings[i].at, &value, sizeof(value));
    }
    if (numbers->phones > numbers->users)
        die("BENCH_PHONES: not more than BENCH_USERS");
}

/* The server and what loads it share the same two processors, on any
 * machine. */
static void
take_two_processors(void)
{
    cpu_set_t have, take;
    int cpu, taken = 0;

    CPU_ZERO(&take);
    if (sched_getaffinity(0, sizeof(have), &have))
        return;
    for (cpu = 0; cpu < CPU_SETSIZE && taken < 2; cpu++)
        if (CPU_ISSET(cpu, &have)) {
            CPU_SET(cpu, &take);
            taken++;
        }
    sched_setaffinity(0, sizeof(take), &take);
}

static void
raise_files(const struct numbers *numbers)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < numbers->parked + 500)
        die("BENCH_PARKED: ulimit -n allows %lu open files only",
            (unsigned long)limit.rlim_cur);
}

static int
remove_one(const char *path, const struct stat *status, int kind,
           struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void
remove_state(const struct bench *bench)
{
    nftw(bench->state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
open_state(struct bench *bench)
{
    char folder[400];

    if (!getcwd(folder, sizeof(folder)))
        die("where are we? %s", strerror(errno));
    snprintf(bench->state, sizeof(bench->state), "%s/bench/state", folder);
    remove_state(bench);
    if (mkdir(bench->state, 0700))
        die("%s: %s", bench->state, strerror(errno));
}

/* Whether BENCH_ROWS, "get,checks", names a row; it names all if it is not
 * there. */
static bool
is_wanted(const char *row)
{
    const char *list = getenv("BENCH_ROWS");
    size_t len = strlen(row);

    if (!list || !*list)
        return true;
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strncmp(list, row, len) == 0 &&
            (list[len] == ',' || list[len] == '\0'))
            return true;
    return false;
}

/* What others do here while we measure cannot be told from us. */
static void
tell_load(void)
{
    double load;

    if (getloadavg(&load, 1) == 1 && load > 0.5)
        report_note("load average %.1f at the start: others use this machine, "
                    "so mind ratios only",
                    load);
}

static void
run(struct bench *bench)
{
    size_t i;

    printf("factord's bench: %u users, %u flows a row; the limits on sending "
           "are lifted\n",
           bench->numbers.users, bench->numbers.flows);
    tell_load();
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].always || is_wanted(rows[i].name))
            rows[i].run(bench);
}

static void
finish(void)
{
    const char *json = getenv("BENCH_JSON"), *base = getenv("BENCH_BASE");

    if (base && *base && !report_compare(base))
        die("%s: cannot be read", base);
    report_end();
    if (json && *json && !report_save(json))
        die("%s: cannot be written", json);
    report_free();
}

/* bench BUILD SOURCE: the folders. */
int
main(int argc, char **argv)
{
    struct bench bench = {0};

    if (argc != 3)
        die("usage: bench BUILD-FOLDER SOURCE-FOLDER; see make bench");
    bench.build = argv[1];
    bench.source = argv[2];
    signal(SIGPIPE, SIG_IGN);
    read_numbers(&bench.numbers);
    raise_files(&bench.numbers);
    take_two_processors();
    open_state(&bench);
    bench.order = shuffled(bench.numbers.users);
    flows_open(&bench);
    daemon_prepare(&bench, flows_jwks());
    codes_open(&bench);
    run(&bench);
    daemon_stop(&bench);
    codes_close();
    flows_close();
    finish();
    remove_state(&bench);
    free(bench.order);
    return 0;
}
