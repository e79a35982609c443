/* SPDX-License-Identifier: MIT */
/* host/plugin/effects.h - the effects that a plugin emits, checked and put
 * into the attempt; and the table of host calls that plugins are given. */
#ifndef HOST_PLUGIN_EFFECTS_H
#define HOST_PLUGIN_EFFECTS_H

#include "factor/host.h"
#include "host/step/txn.h"

struct factor_effects; /* of one step */

/* owner: user id that messages are counted for, or NULL; strangers: where
 * unknown names are counted, or NULL.  In the arena; NULL without memory. */
struct factor_effects *effects_new(struct txn *txn, const char *plugin,
                                   const char *owner,
                                   const char *const *languages,
                                   struct strangers *strangers);

/* Why a call of this step was refused (the plugin's bug), or "". */
const char *effects_problem(const struct factor_effects *effects);

/* Whether a message can be sent on this channel at all. */
void effects_set_channels(const char *const *channels);

/* The table that init() is given; constant from then on. */
const struct factor_host *plugin_host(void);

/* Who we are, in that table: texts that live as long as any instance, or NULL
 * where it is not known (a configuration is only checked). */
struct plugin_host_names {
    const char *base_url;
    const char *environment;
    const char *issuer_thumbprint;
    const char *authenticator_url;
};

/* Alone, before the first init(). */
void plugin_host_identify(const struct plugin_host_names *names);

/* What back ends publish; NULL: nothing.  Alone, behind the last init(). */
void plugin_host_publish(const json_t *published);

/* Whom to tell what an init() says of its settings; NULL: nobody.  Alone. */
void plugin_host_on_problem(void (*told)(void *context, const char *pointer,
                                         const char *text),
                            void *context);

#endif
