/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-flags.c - one with flags that nobody knows. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = RIGHT_OPS;

const struct factor_plugin *
factor_plugin_v1(void)
{
    static const struct factor_plugin self = {
        .struct_size = sizeof(self),
        .abi_minor = FACTOR_ABI_MINOR,
        .kind = FACTOR_KIND_ADAPTER,
        .flags = 1u << 31,
        .name = "flags",
        .version = "1.0",
        .text = "For tests.",
        .ops = &ops,
    };
    return &self;
}
