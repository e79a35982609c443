/* SPDX-License-Identifier: MIT */
/* factor/plugin.h - how a shared object says what it is.
 *
 * A plugin is the file KIND-NAME.so ("adapter-otp.so") and exports one
 * symbol.  The symbol's name holds the contract's major, so a plugin of
 * another major is refused before a byte of it is run.
 */
#ifndef FACTOR_PLUGIN_H
#define FACTOR_PLUGIN_H

#include "factor/adapter.h"
#include "factor/base.h"
#include "factor/delivery.h"
#include "factor/settings.h"
#include "factor/source.h"
#include "factor/store.h"
#include "factor/user.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FACTOR_KIND_ADAPTER = 1,
    FACTOR_KIND_DELIVERY = 2,
    FACTOR_KIND_SOURCE = 3,
    FACTOR_KIND_STORE = 4
};

/* Owner: plugin. */
struct factor_plugin {
    uint32_t struct_size;
    uint32_t abi_minor;  /* FACTOR_ABI_MINOR that it was built with */
    uint32_t kind;       /* FACTOR_KIND_...: the type of *ops */
    uint32_t flags;      /* 0 */
    const char *name;    /* [a-z0-9][a-z0-9-]*, as in the file's name */
    const char *version; /* of the plugin, for people */
    const char *text;    /* what it is, one sentence for the manual */
    const struct factor_setting *const *settings; /* or NULL: none */
    const void *ops;     /* struct factor_adapter_ops, ..._store_ops */
};

/* The entry: its name, its type, its declaration.  Returns a constant that
 * lives as long as the plugin is loaded; any thread. */
#define FACTOR_ENTRY_SYMBOL "factor_plugin_v1"
typedef const struct factor_plugin *factor_plugin_entry(void);
/* Defined by FACTOR_REGISTER_PLUGIN. */
FACTOR_PUBLIC const struct factor_plugin *factor_plugin_v1(void);

/* Put once, at the end of the plugin's main file. */
#define FACTOR_REGISTER_PLUGIN(plugin_kind, plugin_name, plugin_version,       \
                               plugin_text, plugin_settings, plugin_ops)       \
    const struct factor_plugin *factor_plugin_v1(void)                         \
    {                                                                          \
        static const struct factor_plugin self = {                             \
            .struct_size = sizeof(self),                                       \
            .abi_minor = FACTOR_ABI_MINOR,                                     \
            .kind = (plugin_kind),                                             \
            .name = (plugin_name),                                             \
            .version = (plugin_version),                                       \
            .text = (plugin_text),                                             \
            .settings = (plugin_settings),                                     \
            .ops = (plugin_ops),                                               \
        };                                                                     \
        return &self;                                                          \
    }

#ifdef __cplusplus
}
#endif

#endif
