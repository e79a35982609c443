/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-null.c - one that says nothing of itself. */
#include "tests/plugins/wrong.h"

const struct factor_plugin *
factor_plugin_v1(void)
{
    return NULL;
}
