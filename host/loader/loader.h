/* SPDX-License-Identifier: MIT */
/* host/loader/loader.h - opens plugins: KIND-NAME.so in the plugin folder.
 *
 * Before a byte of a plugin runs: its file and every folder above it belong
 * to root or to us and nobody else may write them; what is opened is a
 * private copy, named by its SHA-256; that copy exports the entry symbol of
 * our major.  Afterwards its tables are copied, zero-extended to ours, and
 * checked; the plugin's own are not read again.
 *
 * One thread at a time.  With FACTOR_KEEP_PLUGINS in the environment the
 * file itself is opened and never closed, so that leak checkers and
 * debuggers find its symbols. */
#ifndef HOST_LOADER_LOADER_H
#define HOST_LOADER_LOADER_H

#include "factor/plugin.h"

struct loader;

/* Owned by the loader.  Everything in it stays until loader_release. */
struct loaded_plugin {
    const struct factor_plugin *info; /* our copy, .settings and .ops too */
    const struct factor_adapter_ops *adapter;   /* the one of its kind; */
    const struct factor_delivery_ops *delivery; /* the others are NULL */
    const struct factor_source_ops *source;
    const struct factor_store_ops *store;
    const char *file;     /* from which it came */
    char sha256[65];      /* of the copy, in hex */
    unsigned references;  /* of loader_load less loader_release */
};

/* "adapter", "delivery", "source", "store", or NULL for another number. */
const char *loader_kind_name(uint32_t kind);

/* directory is where loader_load looks.  NULL without memory. */
struct loader *loader_new(const char *directory);

/* One reference to the plugin of that kind and name, opened if it is not
 * yet.  FACTOR_E_CONFIG: refused, *err says why and what to do. */
factor_status loader_load(struct loader *loader, uint32_t kind,
                          const char *name,
                          const struct loaded_plugin **ret_plugin,
                          struct factor_error *err);

/* The same for a file anywhere, named KIND-NAME.so. */
factor_status loader_load_file(struct loader *loader, const char *file,
                               const struct loaded_plugin **ret_plugin,
                               struct factor_error *err);

/* Give a reference back; the last one closes the plugin.  Release its
 * instances first.  NULL is allowed. */
void loader_release(struct loader *loader, const struct loaded_plugin *plugin);

/* Close what is left open and free; NULL is allowed. */
void loader_free(struct loader *loader);

/* Called for each *.so of a folder, by name: a plugin, or NULL and why not.
 * Both are borrowed. */
typedef void loader_list_fn(void *context, const char *file,
                            const struct loaded_plugin *plugin,
                            const struct factor_error *err);

/* FACTOR_E_CONFIG: the folder cannot be read. */
factor_status loader_list(const char *directory, loader_list_fn *list_fn,
                          void *context, struct factor_error *err);

#endif
