/* SPDX-License-Identifier: MIT */
/* ctl/call.h - requests on the daemon's local socket, by libcurl. */
#ifndef CTL_CALL_H
#define CTL_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct call_answer {
    long status;     /* HTTP */
    json_t *body;    /* the caller's */
    char error[512]; /* why there is no answer */
};

/* One request and its answer; body may be NULL.  False: no answer, and
 * error says what to do. */
bool call(const char *socket, const char *method, const char *path,
          const char *body, size_t len, struct call_answer *ret_answer);

/* before + name (escaped) + rest; free() it. */
char *call_path(const char *before, const char *name, const char *rest);

/* The path of the page behind this one; NULL: it was the last. */
char *call_next(const char *path, const json_t *page);

/* A path as the daemon has to see it: absolute; free() it. */
char *call_absolute(const char *path);

#endif
