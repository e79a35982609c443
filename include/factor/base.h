/* SPDX-License-Identifier: MIT */
/* factor/base.h - types and conventions that every other factor/ header uses.
 *
 * Conventions of this API, stated once:
 *   units      _ms   milliseconds; instants count from 1970-01-01 UTC
 *              _len  bytes, without any terminating NUL
 *   text       NUL-terminated UTF-8; never NULL unless "or NULL" is written
 *   lists      arrays of pointers ended by NULL, so that structs may grow
 *   borrowed   valid until the call returns; copy it to keep it
 *   step       valid until the step is committed or dropped; never freed
 *   stolen     the callee takes over one jansson reference, on every path
 *   owner      "plugin": constant for as long as the plugin is loaded;
 *              "instance": constant from init to fini
 *   errors     a factor_status is returned; on failure outputs are untouched
 *              and *err, where there is one, says why in one line
 *   threads    "any": may be called from many threads at once
 *              "alone": no other call into the same instance is under way
 */
#ifndef FACTOR_BASE_H
#define FACTOR_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The contract's version.  The major is part of the entry symbol's name.
 * Within a major nothing is moved, re-typed or removed; the minor is raised
 * whenever a member is appended.  A host runs plugins of its major whose minor
 * is not above its own.
 *
 * Change log, newest first:
 *   1.0  frozen: adapters, delivery, sources, stores, resources
 *   0.1  first version, which made no promise
 */
#define FACTOR_ABI_MAJOR 1u
#define FACTOR_ABI_MINOR 0u

/* What a plugin exports: its entry, and nothing else. */
#define FACTOR_PUBLIC __attribute__((visibility("default")))
/* Argument f is a printf format, those from a on belong to it. */
#define FACTOR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Every extensible struct opens with struct_size, written by whoever
 * allocates it.  A member exists for the reader only if it lies wholly inside
 * struct_size; members are appended, never moved or re-typed, and no struct
 * ends in padding. */
#define FACTOR_HAS(p, member)                                                  \
    ((p)->struct_size >=                                                       \
     offsetof(__typeof__(*(p)), member) + sizeof((p)->member))

/* FACTOR_OK or one of the negatives below; an unknown negative means
 * FACTOR_E_INTERNAL. */
typedef int factor_status;
enum {
    FACTOR_OK = 0,
    FACTOR_E_CONFIG = -1,      /* settings refused; the error says which */
    FACTOR_E_NOMEM = -2,       /* allocation failed; nothing was changed */
    FACTOR_E_INPUT = -3,       /* the caller broke this contract: a bug */
    FACTOR_E_IO = -4,          /* store or network out of reach; try again */
    FACTOR_E_CONFLICT = -5,    /* a version moved: read again, decide again */
    FACTOR_E_NOTFOUND = -6,    /* no such thing */
    FACTOR_E_UNSUPPORTED = -7, /* not offered by this plugin */
    FACTOR_E_INTERNAL = -8     /* anything else */
};

/* Why a call failed, in the caller's own memory: no owner, nothing to free. */
struct factor_error {
    factor_status code; /* what was returned */
    char text[252];     /* one line, no secrets, no trailing newline */
};

struct json_t; /* jansson's; the ABI of libjansson.so.4 */

#ifdef __cplusplus
}
#endif

#endif
