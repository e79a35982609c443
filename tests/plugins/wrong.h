/* SPDX-License-Identifier: MIT */
/* tests/plugins/wrong.h - calls of a plugin that is right, for those that
 * are wrong in one thing. */
#ifndef TESTS_PLUGINS_WRONG_H
#define TESTS_PLUGINS_WRONG_H

#include "factor/plugin.h"

static inline factor_status
right_init(const struct factor_host *host, const struct json_t *settings,
           struct factor_adapter **ret_self, struct factor_error *err)
{
    (void)host;
    (void)settings;
    (void)ret_self;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static inline const struct factor_description *
right_describe(const struct factor_adapter *self)
{
    (void)self;
    return NULL;
}

static inline factor_status
right_get_state_model(const struct factor_adapter *self,
                      const struct factor_step *step,
                      struct factor_model *ret_model, struct factor_error *err)
{
    (void)self;
    (void)step;
    (void)ret_model;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static inline factor_status
right_handle_action(const struct factor_adapter *self,
                    const struct factor_step *step,
                    struct factor_outcome *ret_outcome,
                    struct factor_error *err)
{
    (void)self;
    (void)step;
    (void)ret_outcome;
    (void)err;
    return FACTOR_E_UNSUPPORTED;
}

static inline void
right_fini(struct factor_adapter *self)
{
    (void)self;
}

#define RIGHT_CALLS                                                            \
    .init = right_init, .describe = right_describe,                            \
    .get_state_model = right_get_state_model,                                  \
    .handle_action = right_handle_action, .fini = right_fini

#define RIGHT_OPS                                                              \
    {                                                                          \
        .struct_size = sizeof(struct factor_adapter_ops), RIGHT_CALLS          \
    }

#endif
