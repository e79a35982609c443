/* SPDX-License-Identifier: MIT */
/* tests/plugins/source-good.c - a source in which nothing is wrong. */
#include "factor/plugin.h"

static factor_status
init(const struct factor_host *host, const struct json_t *settings,
     struct factor_source **ret_self, struct factor_error *err)
{
    (void)host;
    (void)settings;
    (void)ret_self;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static factor_status
answer(struct factor_source *self, const struct json_t *input,
       int64_t timeout_ms, struct json_t **ret_answer,
       struct factor_error *err)
{
    (void)self;
    (void)input;
    (void)timeout_ms;
    (void)ret_answer;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static void
fini(struct factor_source *self)
{
    (void)self;
}

static const struct factor_source_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .answer = answer,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_SOURCE, "good", "1.0", "For tests.", NULL,
                       &ops)
