/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-short.c - one whose struct is too short. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = RIGHT_OPS;

const struct factor_plugin *
factor_plugin_v1(void)
{
    static const struct factor_plugin self = {
        .struct_size = offsetof(struct factor_plugin, ops),
        .abi_minor = FACTOR_ABI_MINOR,
        .kind = FACTOR_KIND_ADAPTER,
        .flags = 0,
        .name = "short",
        .version = "1.0",
        .text = "For tests.",
        .ops = &ops,
    };
    return &self;
}
