/* SPDX-License-Identifier: MIT */
/* factor/plain.h - an adapter whose instance is nothing but its settings.
 *
 * Such an adapter brings its tables and the functions of its steps, and
 *
 *     FACTOR_REGISTER_ADAPTER("mine", "1.0", "What it is.", settings,
 *                             &description, .plan_reads = plan_reads,
 *                             .get_state_model = factor_show_state,
 *                             .handle_action = handle_action)
 *
 * does the rest: the instance, init, describe, fini and the entry.  An adapter
 * that keeps more defines struct factor_adapter itself and does not include
 * this header.
 *
 * The contract includes nothing but C's own headers.  Include <jansson.h>,
 * which brings <stdlib.h>, before this one; without it nothing is declared but
 * the instance.
 */
#ifndef FACTOR_PLAIN_H
#define FACTOR_PLAIN_H

#include "factor/adapter.h"
#include "factor/answer.h"
#include "factor/declare.h"
#include "factor/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The instance; constant after init, so any thread may read it. */
struct factor_adapter {
    const struct factor_host *host;
    const struct factor_description *description;
    struct json_t *settings; /* object: its own copy of what init was given */
};

#ifdef JANSSON_VERSION_HEX

/* Release the instance; NULL is allowed.  For factor_adapter_ops.fini. */
static inline void
factor_plain_fini(struct factor_adapter *self)
{
    if (self)
        json_decref(self->settings);
    free(self);
}

/* Build the instance.  FACTOR_E_NOMEM.  For factor_adapter_ops.init, with the
 * tables of the adapter. */
static inline factor_status
factor_plain_init(const struct factor_host *host,
                  const struct json_t *settings,
                  const struct factor_description *description,
                  struct factor_adapter **ret_self)
{
    struct factor_adapter *self =
        (struct factor_adapter *)calloc(1, sizeof(*self));

    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    self->description = description;
    self->settings = json_deep_copy(settings);
    if (!self->settings) {
        factor_plain_fini(self);
        return FACTOR_E_NOMEM;
    }
    *ret_self = self;
    return FACTOR_OK;
}

/* The adapter's tables.  For factor_adapter_ops.describe. */
static inline const struct factor_description *
factor_plain_describe(const struct factor_adapter *self)
{
    return self->description;
}

/* Show the state that the flow is in, as it is declared: with all its actions,
 * and without members.  For factor_adapter_ops.get_state_model of an adapter
 * whose states always look the same and are no failures. */
static inline factor_status
factor_show_state(const struct factor_adapter *self,
                  const struct factor_step *step,
                  struct factor_model *ret_model, struct factor_error *err)
{
    const struct factor_state *const *state = self->description->states;
    const char *now = step->flow ? step->flow->state : NULL;

    (void)err;
    while (*state && !factor_same_text((*state)->name, now))
        state++;
    if (!*state)
        return FACTOR_E_INPUT;
    ret_model->state = (*state)->name;
    ret_model->actions = (*state)->actions;
    return FACTOR_OK;
}

#endif

/* Put once, at the end of the plugin's main file, instead of
 * FACTOR_REGISTER_PLUGIN.  Behind the tables come the functions of its steps,
 * as members of struct factor_adapter_ops. */
#define FACTOR_REGISTER_ADAPTER(plugin_name, plugin_version, plugin_text,      \
                                plugin_settings, plugin_description, ...)      \
    static factor_status factor_adapter_init(                                  \
        const struct factor_host *host, const struct json_t *given,            \
        struct factor_adapter **ret_self, struct factor_error *err)            \
    {                                                                          \
        (void)err;                                                             \
        return factor_plain_init(host, given, (plugin_description), ret_self); \
    }                                                                          \
    static const struct factor_adapter_ops factor_adapter_functions = {        \
        FACTOR_SIZED(factor_adapter_ops),                                      \
        .init = factor_adapter_init,                                           \
        .describe = factor_plain_describe,                                     \
        .fini = factor_plain_fini,                                             \
        __VA_ARGS__                                                            \
    };                                                                         \
    FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, plugin_name, plugin_version,   \
                           plugin_text, plugin_settings,                       \
                           &factor_adapter_functions)

#ifdef __cplusplus
}
#endif

#endif
