/* SPDX-License-Identifier: MIT */
/* tests/plugins/source-stuck.c - a source that heeds no deadline: it answers
 * {"found": true}, but not while a file is there.  For tests; never
 * installed. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "factor/declare.h"
#include "factor/plugin.h"

struct factor_source {
    char *path;
};

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_PATH,
                   .flags = FACTOR_SETTING_REQUIRED, .name = "path",
                   .text = "The file; nothing is answered while it is there."),
    NULL,
};

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_source **ret_self, struct factor_error *err)
{
    struct factor_source *self = calloc(1, sizeof(*self));

    (void)host;
    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    self->path = strdup(json_string_value(json_object_get(given, "path")));
    *ret_self = self;
    return FACTOR_OK;
}

static factor_status
answer(struct factor_source *self, const json_t *input, int64_t timeout_ms,
       json_t **ret_answer, struct factor_error *err)
{
    const struct timespec pause = { .tv_nsec = 5000000 };

    (void)input;
    (void)timeout_ms;
    (void)err;
    while (access(self->path, F_OK) == 0)
        nanosleep(&pause, NULL);
    *ret_answer = json_pack("{s:b}", "found", 1);
    return FACTOR_OK;
}

static void
fini(struct factor_source *self)
{
    if (self)
        free(self->path);
    free(self);
}

static const struct factor_source_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .answer = answer,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_SOURCE, "stuck", "1.0",
                       "Does not answer while a file is there.", settings,
                       &ops)
