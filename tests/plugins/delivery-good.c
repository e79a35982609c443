/* SPDX-License-Identifier: MIT */
/* tests/plugins/delivery-good.c - a delivery in which nothing is wrong. */
#include "factor/plugin.h"

static factor_status
init(const struct factor_host *host, const struct json_t *settings,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    (void)host;
    (void)settings;
    (void)ret_self;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static const char *const channels[] = {"email", NULL};

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    (void)self;
    (void)message;
    (void)ret_receipt;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static void
fini(struct factor_delivery *self)
{
    (void)self;
}

static const struct factor_delivery_ops ops = {
    .struct_size = sizeof(ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = channels,
    .init = init,
    .deliver = deliver,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "good", "1.0", "For tests.", NULL,
                       &ops)
