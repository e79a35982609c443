/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-noversion.c - one without a version. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = RIGHT_OPS;

const struct factor_plugin *
factor_plugin_v1(void)
{
    static const struct factor_plugin self = {
        .struct_size = sizeof(self),
        .abi_minor = FACTOR_ABI_MINOR,
        .kind = FACTOR_KIND_ADAPTER,
        .flags = 0,
        .name = "noversion",
        .version = "",
        .text = "For tests.",
        .ops = &ops,
    };
    return &self;
}
