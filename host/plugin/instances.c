/* SPDX-License-Identifier: MIT */
/* host/plugin/instances.c - every plugin instance of the configuration. */
#include "host/plugin/instances.h"

#include <stdlib.h>
#include <string.h>

#include "host/plugin/effects.h"

/* One instance on its way: what all kinds need before their init(). */
struct making {
    struct instances *instances;
    struct config *config;
    const struct config_instance *instance;
    const struct loaded_plugin *plugin;
    json_t *settings;
    struct problems *problems;
    bool told; /* the plugin has said itself what is wrong */
    struct factor_error err;
};

/* The plugin's pointer is one within its settings. */
static void
take_problem(void *context, const char *pointer, const char *text)
{
    struct making *making = context;
    char *whole = NULL;

    making->told = true;
    if (asprintf(&whole, "%s%s", making->instance->pointer, pointer) < 0) {
        problems_no_memory(making->problems);
        return;
    }
    config_problem(making->config, making->problems, whole, "%s", text);
    free(whole);
}

static void
tell(struct making *making)
{
    if (making->told)
        return;
    config_problem(making->config, making->problems, making->instance->pointer,
                   "%s", making->err.text[0] ? making->err.text
                                             : "the plugin did not start");
}

static bool
make_adapter(struct making *making)
{
    struct instances *all = making->instances;
    struct adapter *adapter = &all->adapters[all->adapter_count];

    adapter->name = making->instance->name;
    adapter->plugin = making->plugin->info->name;
    adapter->version = making->plugin->info->version;
    adapter->file = making->plugin->file;
    adapter->ops = making->plugin->adapter;
    if (adapter->ops->init(plugin_host(), making->settings, &adapter->self,
                           &making->err) != FACTOR_OK)
        return false;
    all->adapter_count++;
    return adapter_describe(adapter, &making->err) == FACTOR_OK;
}

static bool
make_source(struct making *making)
{
    struct instances *all = making->instances;
    struct source *source = &all->sources[all->source_count];

    source->name = making->instance->name;
    source->ops = making->plugin->source;
    if (source->ops->init(plugin_host(), making->settings, &source->self,
                          &making->err) != FACTOR_OK)
        return false;
    all->source_count++;
    return true;
}

static void
add_channel(struct instances *all, const char *name)
{
    const char **channels = (const char **)(uintptr_t)all->channels;
    size_t i;

    for (i = 0; channels[i]; i++)
        if (strcmp(channels[i], name) == 0)
            return;
    channels[i] = name;
}

/* The first one of a plugin speaks for it: where there are two, phones can
 * know but one. */
static bool
publish(struct instances *all, const struct delivery_instance *delivery)
{
    const json_t *facts = NULL;

    if (FACTOR_HAS(delivery->ops, publish) && delivery->ops->publish)
        facts = delivery->ops->publish(delivery->self);
    if (!facts || json_object_get(all->published, delivery->plugin))
        return true;
    return json_object_set_new(all->published, delivery->plugin,
                               json_deep_copy(facts)) == 0;
}

static bool
make_delivery(struct making *making)
{
    struct instances *all = making->instances;
    struct delivery_instance *delivery = &all->deliveries[all->delivery_count];

    delivery->channel = making->instance->name;
    delivery->plugin = making->plugin->info->name;
    delivery->ops = making->plugin->delivery;
    if (delivery->ops->init(plugin_host(), making->settings, &delivery->self,
                            &making->err) != FACTOR_OK)
        return false;
    delivery->settings = json_incref(making->settings);
    all->delivery_count++;
    add_channel(all, delivery->channel);
    return publish(all, delivery);
}

static bool
make_store(struct making *making)
{
    struct instances *all = making->instances;

    all->store_ops = making->plugin->store;
    return all->store_ops->init(plugin_host(), making->settings, &all->store,
                                &making->err) == FACTOR_OK;
}

static bool
make(struct making *making)
{
    switch (making->instance->kind) {
    case FACTOR_KIND_ADAPTER:
        return make_adapter(making);
    case FACTOR_KIND_SOURCE:
        return make_source(making);
    case FACTOR_KIND_DELIVERY:
        return make_delivery(making);
    default:
        return make_store(making);
    }
}

/* Load and complete; make it too unless nothing but that is asked. */
static void
build(struct making *making, bool check_only)
{
    size_t before = making->problems->errors;

    if (loader_load(making->instances->loader, making->instance->kind,
                    making->instance->plugin, &making->plugin,
                    &making->err) != FACTOR_OK) {
        tell(making);
        return;
    }
    making->settings =
        config_complete(making->config, making->instance,
                        making->plugin->info->settings, making->problems);
    plugin_host_on_problem(take_problem, making);
    if (making->settings && making->problems->errors == before &&
        !check_only && !make(making))
        tell(making);
    plugin_host_on_problem(NULL, NULL);
    json_decref(making->settings);
}

static void
build_kind(struct instances *all, struct config *config, bool store,
           bool check_only, struct problems *problems)
{
    size_t count = config_instance_count(config), i;

    for (i = 0; i < count; i++) {
        struct making making = {
            .instances = all,
            .config = config,
            .instance = config_instance(config, i),
            .problems = problems,
        };

        if ((making.instance->kind == FACTOR_KIND_STORE) == store)
            build(&making, check_only);
    }
}

struct instances *
instances_new(struct config *config, enum instances_what what,
              struct problems *problems)
{
    struct instances *all = calloc(1, sizeof(*all));
    size_t count = config_instance_count(config) + 1;

    if (!all)
        return NULL;
    all->loader = loader_new(config_text(config, "/plugin_directory"));
    all->adapters = calloc(count, sizeof(all->adapters[0]));
    all->sources = calloc(count, sizeof(all->sources[0]));
    all->deliveries = calloc(count, sizeof(all->deliveries[0]));
    all->channels = calloc(count, sizeof(all->channels[0]));
    all->published = json_object();
    if (!all->loader || !all->adapters || !all->sources || !all->deliveries ||
        !all->channels || !all->published) {
        instances_free(all);
        return NULL;
    }
    build_kind(all, config, false, false, problems);
    effects_set_channels(all->channels);
    plugin_host_publish(all->published);
    build_kind(all, config, true,
               what == INSTANCES_NO_STORE || problems->errors > 0, problems);
    return all;
}

void
instances_free(struct instances *all)
{
    size_t i;

    if (!all)
        return;
    for (i = 0; i < all->adapter_count; i++) {
        all->adapters[i].ops->fini(all->adapters[i].self);
        adapter_forget(&all->adapters[i]);
    }
    for (i = 0; i < all->source_count; i++)
        all->sources[i].ops->fini(all->sources[i].self);
    for (i = 0; i < all->delivery_count; i++) {
        all->deliveries[i].ops->fini(all->deliveries[i].self);
        json_decref(all->deliveries[i].settings);
    }
    if (all->store)
        all->store_ops->fini(all->store);
    effects_set_channels(NULL);
    plugin_host_publish(NULL);
    json_decref(all->published);
    loader_free(all->loader);
    free(all->adapters);
    free(all->sources);
    free(all->deliveries);
    free((void *)(uintptr_t)all->channels);
    free(all);
}
