/* SPDX-License-Identifier: MIT */
/* plugin/source-file-lookup/source_file_lookup.c - answers questions from a
 * JSON file: {"joe": {...}, "ann": {...}}.
 *
 * Question {"key": "joe"}, answer {"found": true, "value": {...}} or
 * {"found": false}.  The file is read again when it was changed; one that
 * cannot be read, or is no JSON object, is an error and not an empty file.
 */
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "factor/plugin.h"

enum { FILE_MAX = 16 << 20 };

/* By what a changed file is known. */
struct version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct factor_source {
    pthread_mutex_t lock; /* over values and version */
    json_t *values;       /* object, or NULL: not read yet */
    struct version version;
    char *path, *key;
};

static const struct factor_setting path_setting = {
    .struct_size = sizeof(struct factor_setting),
    .type = FACTOR_SETTING_PATH,
    .flags = FACTOR_SETTING_REQUIRED,
    .name = "path",
    .text = "The file: a JSON object, at most 16 MiB.",
};

static const struct factor_setting key_setting = {
    .struct_size = sizeof(struct factor_setting),
    .type = FACTOR_SETTING_STRING,
    .name = "key",
    .value = "\"key\"",
    .text = "The member of a question that names what is looked up.",
};

static const struct factor_setting *const settings[] = {
    &path_setting,
    &key_setting,
    NULL,
};

static void
fini(struct factor_source *self)
{
    if (!self)
        return;
    pthread_mutex_destroy(&self->lock);
    json_decref(self->values);
    free(self->path);
    free(self->key);
    free(self);
}

static char *
copy(const json_t *given, const char *name)
{
    return strdup(json_string_value(json_object_get(given, name)));
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_source **ret_self, struct factor_error *err)
{
    struct factor_source *self = calloc(1, sizeof(*self));

    (void)host;
    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    pthread_mutex_init(&self->lock, NULL);
    self->path = copy(given, "path");
    self->key = copy(given, "key");
    if (!self->path || !self->key) {
        fini(self);
        return FACTOR_E_NOMEM;
    }
    *ret_self = self;
    return FACTOR_OK;
}

/* --- The file --- */

static factor_status
fail(struct factor_error *err, factor_status code, const char *what)
{
    err->code = code;
    snprintf(err->text, sizeof(err->text), "file-lookup: %s", what);
    return code;
}

static struct version
version_of(const struct stat *stat)
{
    return (struct version){ stat->st_dev, stat->st_ino, stat->st_size,
                             stat->st_mtim, stat->st_ctim };
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_version(const struct version *a, const struct version *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(&a->modified, &b->modified) &&
           same_time(&a->changed, &b->changed);
}

/* Take in the open file as it is now. */
static factor_status
read_file(struct factor_source *self, int fd, const struct version *version,
          struct factor_error *err)
{
    json_t *values = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(values)) {
        json_decref(values);
        return fail(err, FACTOR_E_IO, "the file is no JSON object");
    }
    json_decref(self->values);
    self->values = values;
    self->version = *version;
    return FACTOR_OK;
}

/* Look whether the file was changed since it was read.  Under the lock. */
static factor_status
refresh(struct factor_source *self, struct factor_error *err)
{
    int fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    factor_status status = FACTOR_OK;
    struct version version;
    struct stat stat;

    if (fd < 0)
        return fail(err, FACTOR_E_IO, "the file cannot be opened");
    if (fstat(fd, &stat) || !S_ISREG(stat.st_mode) ||
        stat.st_size > FILE_MAX) {
        close(fd);
        return fail(err, FACTOR_E_IO, "the file is none, or too long");
    }
    version = version_of(&stat);
    if (!self->values || !same_version(&self->version, &version))
        status = read_file(self, fd, &version, err);
    close(fd);
    return status;
}

static json_t *
answer_of(const json_t *value)
{
    if (!value)
        return json_pack("{s:b}", "found", 0);
    return json_pack("{s:b, s:o}", "found", 1, "value",
                     json_deep_copy(value));
}

static factor_status
answer(struct factor_source *self, const json_t *input, int64_t timeout_ms,
       json_t **ret_answer, struct factor_error *err)
{
    const char *key = json_string_value(json_object_get(input, self->key));
    json_t *found = NULL;
    factor_status status;

    (void)timeout_ms; /* a local file is quicker than any */
    if (!key)
        return fail(err, FACTOR_E_INPUT, "the question has no key");
    pthread_mutex_lock(&self->lock);
    status = refresh(self, err);
    if (!status)
        found = answer_of(json_object_get(self->values, key));
    pthread_mutex_unlock(&self->lock);
    if (status)
        return status;
    if (!found)
        return fail(err, FACTOR_E_NOMEM, "out of memory");
    *ret_answer = found;
    return FACTOR_OK;
}

static const struct factor_source_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .answer = answer,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_SOURCE, "file-lookup", "1.0",
                       "Answers questions from a JSON file.", settings, &ops)
