/* SPDX-License-Identifier: MIT */
/* factor/settings.h - settings that a plugin declares.
 *
 * The host refuses unknown keys and wrong values with file, JSON pointer and
 * line, fills defaults, resolves secrets given by reference, and prints the
 * JSON Schema and the manual from these tables.  What init() receives is a
 * JSON object in which every declared setting is present: durations as
 * integers in milliseconds, sizes as integers in bytes, paths absolute.
 * An optional setting without a default that was not given is JSON null.
 */
#ifndef FACTOR_SETTINGS_H
#define FACTOR_SETTINGS_H

#include "factor/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FACTOR_SETTING_STRING = 1,
    FACTOR_SETTING_INTEGER = 2,
    FACTOR_SETTING_BOOLEAN = 3,
    FACTOR_SETTING_DURATION = 4,   /* "90s", "5min", "24h", "200ms", "7d" */
    FACTOR_SETTING_SIZE = 5,       /* "64KiB", "4MiB", "512B" */
    FACTOR_SETTING_PATH = 6,       /* relative to its configuration file, or
                                    * that of a {"$credential": NAME} */
    FACTOR_SETTING_STATE_PATH = 7, /* relative to state_directory */
    FACTOR_SETTING_STRINGS = 8,    /* array of strings */
    FACTOR_SETTING_MAP = 9,        /* object of any names, string values */
    FACTOR_SETTING_OBJECT = 10,    /* object of .members */
    FACTOR_SETTING_OBJECTS = 11,   /* array of such objects */
    FACTOR_SETTING_BY_NAME = 12,   /* object of any names, each such object */
    FACTOR_SETTING_ANY = 13        /* any JSON; the plugin checks it */
};
enum {
    FACTOR_SETTING_REQUIRED = 1 << 0,
    FACTOR_SETTING_SECRET = 1 << 1 /* by reference only; never printed */
};

/* What a compliance profile demands of a setting.  Kept for the profiles to
 * come; the host of this version checks none. */
struct factor_demand {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    const char *profile; /* "nist-aal2" */
    const char *value;   /* JSON text of the value, or of the bound */
};

/* One setting.  Owned by the plugin. */
struct factor_setting {
    uint32_t struct_size;
    uint32_t type;          /* FACTOR_SETTING_STRING ... */
    uint32_t flags;         /* FACTOR_SETTING_REQUIRED ... */
    uint32_t reserved;      /* 0 */
    const char *name;
    const char *text;       /* what it does, for the manual; one sentence */
    const char *value;      /* default as JSON text ("\"5min\""), or NULL */
    int64_t min, max;       /* integers, ms or bytes; 0 and 0: no range */
    const char *const *choices; /* strings: the values allowed, or NULL */
    const struct factor_setting *const *members; /* objects, else NULL */
    const struct factor_demand *const *demands;  /* or NULL */
};

#ifdef __cplusplus
}
#endif

#endif
