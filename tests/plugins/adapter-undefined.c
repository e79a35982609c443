/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-undefined.c - one that needs what nobody has. */
#include "tests/plugins/wrong.h"

void nobody_defines_this(void);

static void
fini(struct factor_adapter *self)
{
    (void)self;
    nobody_defines_this();
}

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .init = right_init,
    .describe = right_describe,
    .get_state_model = right_get_state_model,
    .handle_action = right_handle_action,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "undefined", "1.0", "For tests.",
                       NULL, &ops)
