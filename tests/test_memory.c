/* SPDX-License-Identifier: MIT */
/* tests/test_memory.c - how much memory a cache may take. */
#include "host/memory.h"

#include <string.h>

#include "tests/folder.h"
#include "tests/tap.h"

/* A group of groups of which each says something else. */
static void
limits(void)
{
    uint64_t at_root;

    folder_write_text("a/memory.max", "9000000\n");
    folder_write_text("a/b/memory.max", "max\n");
    folder_write_text("a/b/c/memory.max", "9000001\n");
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/a"), 9000000);
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/a/b"), 9000000);
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/a/b/c"), 9000000);
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/a/b/c/none"), 9000000);
    at_root = memory_limit(folder_path(), "/");
    CU_ASSERT_EQUAL(at_root, UINT64_MAX);
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/none"), UINT64_MAX);
    folder_write_text("memory.max", "77\n");
    CU_ASSERT_EQUAL(memory_limit(folder_path(), "/a/b"), 77);
}

static void
shares(void)
{
    CU_ASSERT_EQUAL(memory_for_cache(UINT64_C(1) << 29), 1 << 26);
    CU_ASSERT_EQUAL(memory_for_cache(UINT64_C(1) << 33), 1 << 30);
    CU_ASSERT_EQUAL(memory_for_cache(UINT64_C(1) << 40), 1 << 30);
    CU_ASSERT_TRUE(memory_total() >= UINT64_C(16) << 20);
}

int
main(void)
{
    static const struct tap_test tests[] = {
        {"the least limit of all groups around us counts", limits},
        {"an eighth is for the cache, and not over 1 GiB", shares},
    };
    static const struct tap_fixture fixture = {folder_make, folder_remove};

    return tap_main_with("memory", &fixture, tests, TAP_COUNT(tests));
}
