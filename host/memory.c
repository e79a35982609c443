/* SPDX-License-Identifier: MIT */
/* host/memory.c - how much memory there is for us. */
#include "host/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint64_t cache_most = UINT64_C(1) << 30;

/* A file that holds a number of bytes, or "max". */
static uint64_t
read_limit(const char *root, const char *path)
{
    char name[PATH_MAX];
    uint64_t limit = UINT64_MAX;
    FILE *file;
    int len = snprintf(name, sizeof(name), "%s%s/memory.max", root, path);

    if (len < 0 || (size_t)len >= sizeof(name))
        return UINT64_MAX;
    file = fopen(name, "re");
    if (!file)
        return UINT64_MAX;
    if (fscanf(file, "%" SCNu64, &limit) != 1)
        limit = UINT64_MAX;
    fclose(file);
    return limit;
}

uint64_t
memory_limit(const char *root, const char *path)
{
    char around[PATH_MAX];
    uint64_t least = UINT64_MAX, limit;
    char *end;

    snprintf(around, sizeof(around), "%s", path);
    do {
        limit = read_limit(root, around);
        least = limit < least ? limit : least;
        end = strrchr(around, '/');
        if (end)
            *end = '\0';
    } while (end);
    return least;
}

/* Of version 2, where there is one line: "0::/system.slice/..." */
static uint64_t
own_limit(void)
{
    char line[PATH_MAX] = "";
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (!file)
        return UINT64_MAX;
    if (!fgets(line, sizeof(line), file))
        line[0] = '\0';
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "0::", 3) != 0)
        return UINT64_MAX;
    return memory_limit("/sys/fs/cgroup", line + 3);
}

uint64_t
memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t limit = own_limit(), total;

    if (pages <= 0 || size <= 0)
        return limit;
    total = (uint64_t)pages * (uint64_t)size;
    return total < limit ? total : limit;
}

uint64_t
memory_for_cache(uint64_t total)
{
    return total / 8 < cache_most ? total / 8 : cache_most;
}
