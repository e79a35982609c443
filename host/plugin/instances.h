/* SPDX-License-Identifier: MIT */
/* host/plugin/instances.h - every plugin instance of the configuration:
 * loaded, its settings completed, made. */
#ifndef HOST_PLUGIN_INSTANCES_H
#define HOST_PLUGIN_INSTANCES_H

#include "host/config/config.h"
#include "host/loader/loader.h"
#include "host/plugin/adapter.h"
#include "host/plugin/sources.h"

/* A delivery back end in its place of a channel's list. */
struct delivery_instance {
    const char *channel, *plugin;
    const struct factor_delivery_ops *ops;
    struct factor_delivery *self;
    json_t *settings; /* as completed */
};

struct instances {
    struct loader *loader;
    struct adapter *adapters;
    struct source *sources;
    struct delivery_instance *deliveries; /* by channel, in order */
    size_t adapter_count, source_count, delivery_count;
    const struct factor_store_ops *store_ops;
    struct factor_store *store;
    json_t *published; /* by plugin, what its first back end publishes */
    const char *const *channels; /* NULL-ended; each once */
};

enum instances_what {
    INSTANCES_ALL,
    INSTANCES_NO_STORE /* its settings are checked, but it is not opened */
};

/* Make all; goes on after a problem so that each is told.  The store is
 * opened last, and only if there was none.  NULL without memory. */
struct instances *instances_new(struct config *config,
                                enum instances_what what,
                                struct problems *problems);
void instances_free(struct instances *instances); /* NULL is allowed */

#endif
