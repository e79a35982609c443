/* SPDX-License-Identifier: MIT */
/* host/config/host_settings.h - the host's own settings, declared in tables
 * like those of any plugin. */
#ifndef HOST_CONFIG_HOST_SETTINGS_H
#define HOST_CONFIG_HOST_SETTINGS_H

#include "factor/settings.h"

/* All of it.  Of the sections below it says only that they are there. */
extern const struct factor_setting *const host_settings[];

/* How the plugin instances of a section are written. */
enum {
    SECTION_ONE = 1,     /* {"plugin": ...} */
    SECTION_BY_NAME = 2, /* {"name": {"plugin": ...}} */
    SECTION_LISTS = 3    /* {"channel": [{"plugin": ...}]} */
};

/* A section of plugin instances, whose settings are the plugins'. */
struct host_section {
    const char *name; /* "adapters"; NULL ends the table */
    uint32_t kind;    /* FACTOR_KIND_... */
    int shape;        /* SECTION_... */
};

/* In the order in which instances are listed. */
extern const struct host_section host_sections[];

/* The section of this name, or NULL. */
const struct host_section *host_section_find(const char *name);

/* Channels that messages may be sent on; ends with NULL. */
extern const char *const host_channels[];

/* First step of a policy that a signed hint takes the place of: no adapter. */
#define HOST_HINT_STEP "login_hint_token"

#endif
