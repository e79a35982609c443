/* SPDX-License-Identifier: MIT */
/* host/outgoing/library.h - libcurl, loaded at the first call: it brings two
 * dozen libraries with it, and most hosts never call anybody. */
#ifndef HOST_OUTGOING_LIBRARY_H
#define HOST_OUTGOING_LIBRARY_H

/* Its type checks are macros over the functions' own names. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "factor/base.h"

/* The functions that are used, by their names without "curl_". */
struct library {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_reset) *easy_reset;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
    __typeof__(curl_url) *url;
    __typeof__(curl_url_set) *url_set;
    __typeof__(curl_url_get) *url_get;
    __typeof__(curl_url_cleanup) *url_cleanup;
    __typeof__(curl_free) *free;
};

/* It, loaded and initialised once for the process; NULL: *err says why not.
 * Any thread. */
const struct library *library_load(struct factor_error *err);

#endif
