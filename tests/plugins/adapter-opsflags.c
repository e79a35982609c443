/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-opsflags.c - one whose calls have flags that
 * nobody knows. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .flags = 1u << 7,
    RIGHT_CALLS,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "opsflags", "1.0", "For tests.",
                       NULL, &ops)
