/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-nocall.c - one that lacks a call. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .init = right_init,
    .describe = right_describe,
    .get_state_model = right_get_state_model,
    .fini = right_fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "nocall", "1.0", "For tests.", NULL,
                       &ops)
