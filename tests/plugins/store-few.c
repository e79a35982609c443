/* SPDX-License-Identifier: MIT */
/* tests/plugins/store-few.c - a store that lacks most of its calls. */
#include "factor/plugin.h"

static factor_status
init(const struct factor_host *host, const struct json_t *settings,
     struct factor_store **ret_self, struct factor_error *err)
{
    (void)host;
    (void)settings;
    (void)ret_self;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static factor_status
begin(struct factor_store *self, struct factor_error *err)
{
    (void)self;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static void
fini(struct factor_store *self)
{
    (void)self;
}

static const struct factor_store_ops ops = {
    .struct_size = sizeof(ops),
    .flags = FACTOR_STORE_SHARED,
    .init = init,
    .begin = begin,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_STORE, "few", "1.0", "For tests.", NULL,
                       &ops)
