/* SPDX-License-Identifier: MIT */
/* host/config/schema.h - JSON Schema and manual, made from tables of
 * settings. */
#ifndef HOST_CONFIG_SCHEMA_H
#define HOST_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stdio.h>

#include "factor/settings.h"

struct json_t;

/* JSON Schema (2020-12) of an object of these settings, a new reference, or
 * NULL.  plugin: the name that its member "plugin" must have, or NULL: it
 * has none.  Sections of plugin instances are described as such in the
 * host's own table alone. */
struct json_t *schema_build(const struct factor_setting *const *table,
                            const char *plugin, const char *title);

/* The same written out; false if it could not be. */
bool schema_print(FILE *file, const struct factor_setting *const *table,
                  const char *plugin, const char *title);

/* A list of the settings in mdoc, for a manual page.  prefix: what stands
 * before each name ("server."), or "". */
void schema_manual(FILE *file, const struct factor_setting *const *table,
                   const char *prefix);

#endif
