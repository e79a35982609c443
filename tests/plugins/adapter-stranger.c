/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-stranger.c - a shared object that is no plugin, but
 * asks for one. */
#include <stdlib.h>

#include "factor/plugin.h"

FACTOR_PUBLIC const void *some_function(void);

__attribute__((constructor)) static void
run_at_open(void)
{
    setenv("FACTOR_TEST_RAN", "1", 1);
}

const void *
some_function(void)
{
    return factor_plugin_v1();
}
