/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-noops.c - one without calls. */
#include "tests/plugins/wrong.h"

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "noops", "1.0", "For tests.", NULL,
                       NULL)
