/* SPDX-License-Identifier: MIT */
/* host/outgoing/library.c - libcurl, loaded at the first call. */
#include "host/outgoing/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "host/error.h"

static struct library library;
static bool loaded;

#define NAMED(name) {"curl_" #name, offsetof(struct library, name)}

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    NAMED(global_init),  NAMED(easy_init),      NAMED(easy_reset),
    NAMED(easy_setopt),  NAMED(easy_perform),   NAMED(easy_getinfo),
    NAMED(easy_strerror), NAMED(easy_cleanup),  NAMED(slist_append),
    NAMED(slist_free_all), NAMED(url),          NAMED(url_set),
    NAMED(url_get),      NAMED(url_cleanup),    NAMED(free),
};

/* Its name has been the same since 2006.  It stays to the end: handles of
 * threads that never came back may still use it. */
static void
load(void)
{
    void *object = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    void *function;
    size_t i;

    if (!object)
        return;
    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        function = dlsym(object, functions[i].name);
        if (!function)
            return;
        memcpy((char *)&library + functions[i].offset, &function,
               sizeof(function));
    }
    loaded = library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct library *
library_load(struct factor_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    if (loaded)
        return &library;
    error_set(err, FACTOR_E_IO,
              "libcurl.so.4 cannot be loaded; install libcurl");
    return NULL;
}
