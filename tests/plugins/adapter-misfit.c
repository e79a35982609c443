/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-misfit.c - one whose settings do not fit. */
#include "tests/plugins/wrong.h"

static const struct factor_setting digits = {
    .struct_size = sizeof(digits),
    .type = FACTOR_SETTING_INTEGER,
    .name = "digits",
    .text = "How many.",
    .value = "9",
    .min = 6,
    .max = 8,
};
static const struct factor_setting *const settings[] = {&digits, NULL};

static const struct factor_adapter_ops ops = RIGHT_OPS;

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "misfit", "1.0", "For tests.",
                       settings, &ops)
