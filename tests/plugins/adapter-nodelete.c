/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-nodelete.c - one that the dynamic linker never
 * lets go: it is linked so. */
#include "tests/plugins/wrong.h"

static const struct factor_adapter_ops ops = RIGHT_OPS;

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "nodelete", "1.0", "For tests.",
                       NULL, &ops)
