/* SPDX-License-Identifier: MIT */
/* host/config/problems.h - all that is wrong with a configuration, as lines.
 *
 * Everything that reads a configuration goes on after a problem, so that an
 * operator sees all of them at once.  One thread at a time. */
#ifndef HOST_CONFIG_PROBLEMS_H
#define HOST_CONFIG_PROBLEMS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "factor/base.h"

/* One line: "FILE:LINE: POINTER: what is wrong; what to do". */
struct problem {
    char *text;   /* owned by the list */
    bool warning; /* told, but not refused */
};

/* Zeroed is empty. */
struct problems {
    struct problem *lines; /* count of them, in the order found */
    size_t count;
    size_t errors;  /* lines that are no warnings: refuse if any */
    bool no_memory; /* a line was lost; counted in errors */
};

/* Where a value was written. */
struct origin {
    const char *label;     /* file, "--set a.b=c" or NULL: nowhere */
    const char *directory; /* what relative paths are relative to, or NULL */
    const char *text;      /* --set: the value as it was written, else NULL */
    size_t line;           /* from 1; 0: has no lines */
};

/* Add a line.  where and pointer ("/server/listen") may be NULL. */
void problems_add(struct problems *problems, const struct origin *where,
                  const char *pointer, const char *format, ...)
    FACTOR_PRINTF(4, 5);
void problems_warn(struct problems *problems, const struct origin *where,
                   const char *pointer, const char *format, ...)
    FACTOR_PRINTF(4, 5);
void problems_add_args(struct problems *problems, bool warning,
                       const struct origin *where, const char *pointer,
                       const char *format, va_list args) FACTOR_PRINTF(5, 0);

/* Memory ran out while checking: the configuration is refused. */
void problems_no_memory(struct problems *problems);

/* Empty it; NULL is allowed. */
void problems_clear(struct problems *problems);

#endif
