/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-long.c - one of a host to come: longer structs. */
#include "tests/plugins/wrong.h"

struct longer_ops {
    struct factor_adapter_ops ops;
    uint64_t more[4096]; /* beyond whatever the host keeps it in */
};

static const struct longer_ops longer = {
    .ops = {.struct_size = sizeof(longer), RIGHT_CALLS},
    .more = {UINT64_MAX, UINT64_MAX},
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "long", "1.0", "For tests.", NULL,
                       &longer.ops)
