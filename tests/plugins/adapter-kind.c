/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-kind.c - one of no kind. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = RIGHT_OPS;

const struct factor_plugin *
factor_plugin_v1(void)
{
    static const struct factor_plugin self = {
        .struct_size = sizeof(self),
        .abi_minor = FACTOR_ABI_MINOR,
        .kind = 99,
        .flags = 0,
        .name = "kind",
        .version = "1.0",
        .text = "For tests.",
        .ops = &ops,
    };
    return &self;
}
