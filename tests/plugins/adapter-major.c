/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-major.c - one of another major, which must not run:
 * it would leave a mark in the environment. */
#include <stdlib.h>

#include "factor/base.h"

FACTOR_PUBLIC const void *factor_plugin_v2(void);

__attribute__((constructor)) static void
run_at_open(void)
{
    setenv("FACTOR_TEST_RAN", "1", 1);
}

const void *
factor_plugin_v2(void)
{
    return NULL;
}
