/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-shortops.c - one whose struct of calls is too short. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = {
    .struct_size = offsetof(struct factor_adapter_ops, handle_action),
    RIGHT_CALLS,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "shortops", "1.0", "For tests.",
                       NULL, &ops)
