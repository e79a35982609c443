/* SPDX-License-Identifier: MIT */
/* host/plugin/adapter.h - an adapter instance that runs, with look-ups in
 * its declared tables. */
#ifndef HOST_PLUGIN_ADAPTER_H
#define HOST_PLUGIN_ADAPTER_H

#include "factor/adapter.h"
#include "host/arena.h"

enum { ADAPTER_TYPE_ID = 23 }; /* 22 base62 characters and a NUL */

/* A page part, read at start (host/pages/parts.h). */
struct adapter_part {
    const struct factor_page_part *declared;
    char *path; /* of its URL: "/parts/mfa/adapter-mfa.mjs" */
    char *body;
    size_t len;
};

struct adapter {
    const char *name;    /* of the instance */
    const char *plugin;  /* "otp" */
    const char *file;    /* its shared object; NULL: linked in by a test */
    const char *version; /* of the plugin */
    const struct factor_adapter_ops *ops;
    struct factor_adapter *self;
    struct factor_arena *arena; /* of what follows */
    const struct factor_description *description; /* our copy */
    const struct factor_description *theirs; /* what the plugin knows */
    char type_id[ADAPTER_TYPE_ID]; /* pluginTypeId on the wire */
    struct adapter_part *parts; /* part_count of them */
    size_t part_count;
};

/* Take the description of an instance that was just made, and check that its
 * tables hold together.  FACTOR_E_CONFIG: the plugin's bug, named. */
factor_status adapter_describe(struct adapter *adapter,
                               struct factor_error *err);
/* Forget the description. */
void adapter_forget(struct adapter *adapter);

/* The plugin's own resource of which this is our copy. */
const struct factor_resource *
adapter_their_resource(const struct adapter *adapter,
                       const struct factor_resource *ours);

/* A declared thing by name, or NULL.  Any thread. */
const struct factor_state *adapter_state(const struct adapter *adapter,
                                         const char *name);
const struct factor_action *adapter_action(const struct adapter *adapter,
                                           const char *name);
const struct factor_code *adapter_code(const struct adapter *adapter,
                                       const char *code);
/* The page part that draws a state, or NULL.  Any thread. */
const struct adapter_part *adapter_part(const struct adapter *adapter,
                                        const char *state);

#endif
