/* SPDX-License-Identifier: MIT */
/* host/config/config.h - one configuration: files, conf.d and --set, checked
 * and completed.
 *
 * The main file and each conf.d/NAME.json beside it (in name order) hold a
 * tree; the trees are merged.  Sections merge member by member; an entry
 * with a name (an adapter, a client, a channel's list) and a single value
 * are units, and one defined in two files is a problem.  --set overrides.
 *
 * The host's own settings are checked by config_load; those of a plugin
 * instance by config_complete, once the plugin's table is at hand.  Both go
 * on after a problem.  Start only if problems.errors is 0, else exit with
 * CONFIG_EXIT. */
#ifndef HOST_CONFIG_CONFIG_H
#define HOST_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "factor/plugin.h"
#include "host/config/problems.h"

enum { CONFIG_EXIT = 78 }; /* EX_CONFIG: bad configuration */

struct json_t;
struct config;

struct config_options {
    const char *file;            /* the main file, or NULL: defaults */
    const char *const *sets;     /* set_count texts "a.b.c=value" */
    size_t set_count;
    const char *build_directory; /* where a factord.uninstalled may be; NULL:
                                  * the folder of the running program */
};

/* Read and check.  NULL only if the main file cannot be read or memory ran
 * out (a problem says so); otherwise a configuration that is safe to read,
 * so that the plugins' settings can be checked too: a wrong value is its
 * default, or null. */
struct config *config_load(const struct config_options *options,
                           struct problems *problems);

/* NULL is allowed. */
void config_free(struct config *config);

/* The host's own settings, completed: every declared one is there, durations
 * in milliseconds, sizes in bytes, paths absolute, null: not given and no
 * default.  Without the plugin instances.  Borrowed. */
const struct json_t *config_host(const struct config *config);

/* One of them by JSON pointer: "/flow/idle_limit", "/server/listen".  A
 * pointer that names none, or one of another type, is a bug: abort, so use
 * them for settings that have a default; config_text alone gives NULL for a
 * null. */
const struct json_t *config_at(const struct config *config,
                               const char *pointer);
int64_t config_number(const struct config *config, const char *pointer);
bool config_flag(const struct config *config, const char *pointer);
const char *config_text(const struct config *config, const char *pointer);

/* A plugin that is to run, as configured.  Owned by the configuration. */
struct config_instance {
    uint32_t kind;       /* FACTOR_KIND_... */
    const char *name;    /* of the adapter or source; the channel; "store" */
    size_t index;        /* place in the channel's list, from 0; else 0 */
    const char *plugin;  /* without the kind: "otp" */
    const char *pointer; /* "/adapters/otp", "/delivery/email/0" */
    const struct json_t *raw; /* as written, without "plugin" */
};

/* Adapters, sources, delivery back ends by channel, then the store. */
size_t config_instance_count(const struct config *config);
const struct config_instance *config_instance(const struct config *config,
                                              size_t place);

/* Check an instance's settings against its plugin's table (NULL: it has
 * none) and complete them for init().  A new reference, whole if
 * problems->errors did not grow; NULL without memory.  What config_print
 * shows of the instance is kept. */
struct json_t *
config_complete(struct config *config, const struct config_instance *instance,
                const struct factor_setting *const *table,
                struct problems *problems);

/* A problem of the value at a JSON pointer, found by someone else (an
 * instance's init, a policy that does not hold): file and line are added. */
void config_problem(const struct config *config, struct problems *problems,
                    const char *pointer, const char *format, ...)
    FACTOR_PRINTF(4, 5);
void config_warning(const struct config *config, struct problems *problems,
                    const char *pointer, const char *format, ...)
    FACTOR_PRINTF(4, 5);

/* The whole completed configuration as JSON that could be loaded again, but
 * for secrets, shown as "(secret)", and instances not yet completed, of which
 * only the plugin is shown.  False if it could not be written. */
bool config_print(FILE *file, const struct config *config);

#endif
