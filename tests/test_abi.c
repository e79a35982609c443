/* SPDX-License-Identifier: MIT */
/* tests/test_abi.c - the contract is what it was: members stay where they are,
 * and structs only grow. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "factor/adapter.h"
#include "factor/delivery.h"
#include "factor/http.h"
#include "factor/plugin.h"
#include "factor/receipt.h"
#include "factor/source.h"
#include "factor/store.h"
#include "tests/tap.h"

struct row {
    const char *name;
    size_t is, was;
};

#define MEMBER(type, member, offset)                                           \
    {#type "." #member, offsetof(struct type, member), offset}
#define SIZE(type, size) {#type, sizeof(struct type), size}

static const struct row rows[] = {
#if UINTPTR_MAX == UINT64_MAX
#include "tests/abi/layout-1.0.h"
#endif
    {NULL, 0, 0}};

static int
is_size(const struct row *row)
{
    const char *at;

    for (at = row->name; *at; at++)
        if (*at == '.')
            return 0;
    return 1;
}

static void
layout_is_kept(void)
{
    const struct row *row;
    int moved = 0;

    for (row = rows; row->name; row++)
        if (is_size(row) ? row->is < row->was : row->is != row->was) {
            tap_note("%s is at %zu, was at %zu", row->name, row->is,
                     row->was);
            moved++;
        }
    CU_ASSERT_EQUAL(moved, 0);
}

static const struct tap_test tests[] = {
    {"members of contract 1.0 are where they were", layout_is_kept},
};

int
main(void)
{
    return tap_main("abi", tests, TAP_COUNT(tests));
}
