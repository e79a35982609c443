/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/store_sqlite.c - the embedded store: one SQLite file.
 *
 * One connection writes (write.c), a few read (read.c); the log (WAL) lets
 * them do so at once.  A batch is one transaction and one sync.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "factor/plugin.h"
#include "plugin/store-sqlite/backup.h"
#include "plugin/store-sqlite/file.h"
#include "plugin/store-sqlite/read.h"
#include "plugin/store-sqlite/write.h"

/* --------------------------------------------------------------- settings */

static const char *const synchronous_choices[] = { "FULL", "OFF", NULL };

static const struct factor_setting setting_path = {
    .struct_size = sizeof(setting_path),
    .type = FACTOR_SETTING_STATE_PATH,
    .name = "path",
    .text = "The database file; files with -wal, -shm and .lock added to its "
            "name stand beside it.",
    .value = "\"store.db\"",
};
static const struct factor_setting setting_synchronous = {
    .struct_size = sizeof(setting_synchronous),
    .type = FACTOR_SETTING_STRING,
    .name = "synchronous",
    .text = "Whether a commit waits for the disk; OFF loses commits in a "
            "power cut and is there only to prove that a test notices.",
    .value = "\"FULL\"",
    .choices = synchronous_choices,
};
static const struct factor_setting setting_cache = {
    .struct_size = sizeof(setting_cache),
    .type = FACTOR_SETTING_SIZE,
    .name = "cache",
    .text = "Pages that the writing connection keeps in memory.",
    .value = "\"16MiB\"",
    .min = 1 << 20,
    .max = INT64_C(1) << 36,
};
static const struct factor_setting setting_readers = {
    .struct_size = sizeof(setting_readers),
    .type = FACTOR_SETTING_INTEGER,
    .name = "readers",
    .text = "Connections that read; so many reads run at once, others wait.",
    .value = "4",
    .min = 1,
    .max = 64,
};
static const struct factor_setting setting_vfs = {
    .struct_size = sizeof(setting_vfs),
    .type = FACTOR_SETTING_STRING,
    .name = "vfs",
    .text = "Name of a file system layer registered with SQLite, for tests; "
            "none: that of the system.",
};
static const struct factor_setting *const settings_table[] = {
    &setting_path,    &setting_synchronous, &setting_cache,
    &setting_readers, &setting_vfs,         NULL,
};

static const char *
setting_text(const struct json_t *settings, const char *name)
{
    return json_string_value(json_object_get(settings, name));
}

static int64_t
setting_integer(const struct json_t *settings, const char *name)
{
    return json_integer_value(json_object_get(settings, name));
}

/* ------------------------------------------------------------ open, close */

struct factor_store {
    int lock_fd; /* held from init to fini, or -1 */
    char *path;
    char *vfs; /* or NULL */
    struct writer *writer;
    struct readers *readers;
};

static void
store_fini(struct factor_store *self)
{
    if (!self)
        return;
    read_close(self->readers);
    /* The last connection: closing it checkpoints and removes the log. */
    write_close(self->writer);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    free(self->path);
    free(self->vfs);
    free(self);
}

static factor_status
copy_texts(struct factor_store *self, const struct json_t *settings,
           struct factor_error *err)
{
    const char *path = setting_text(settings, "path");
    const char *vfs = setting_text(settings, "vfs");

    if (!path)
        return sql_error(err, FACTOR_E_CONFIG, "path is missing");
    self->path = strdup(path);
    self->vfs = vfs ? strdup(vfs) : NULL;
    if (!self->path || (vfs && !self->vfs))
        return sql_error(err, FACTOR_E_NOMEM, "out of memory");
    return FACTOR_OK;
}

static factor_status
open_all(struct factor_store *self, const struct factor_host *host,
         const struct json_t *settings, struct factor_error *err)
{
    const struct write_options options = {
        .host = host,
        .vfs = self->vfs,
        .synchronous = setting_text(settings, "synchronous"),
        .cache_len = setting_integer(settings, "cache"),
    };
    factor_status status;

    status = file_lock(self->path, &self->lock_fd, err);
    if (status != FACTOR_OK)
        return status;
    /* SQLite gives its own files the mode of this one. */
    status = file_create(self->path, false, err);
    if (status != FACTOR_OK)
        return status;
    status = write_open(self->path, &options, &self->writer, err);
    if (status != FACTOR_OK)
        return status;
    return read_open(self->path, self->vfs,
                     (size_t)setting_integer(settings, "readers"),
                     &self->readers, err);
}

static factor_status
store_init(const struct factor_host *host, const struct json_t *settings,
           struct factor_store **ret_self, struct factor_error *err)
{
    struct factor_store *self;
    factor_status status;

    /* Counting its memory, SQLite takes one lock for each allocation, in all
     * threads.  Refused, and no harm, if it is in use already. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    self = calloc(1, sizeof(*self));
    if (!self)
        return sql_error(err, FACTOR_E_NOMEM, "out of memory");
    self->lock_fd = -1;
    status = copy_texts(self, settings, err);
    if (status == FACTOR_OK)
        status = open_all(self, host, settings, err);
    if (status != FACTOR_OK) {
        store_fini(self);
        return status;
    }
    if (host && strcmp(setting_text(settings, "synchronous"), "FULL") != 0)
        host->log("sqlite", FACTOR_LOG_WARNING,
                  "synchronous is off: a power cut loses commits");
    *ret_self = self;
    return FACTOR_OK;
}

/* -------------------------------------------------------------------- ops */

static factor_status
store_read(struct factor_store *self, const struct factor_query *query,
           factor_row_fn *row_fn, void *context, struct factor_error *err)
{
    return read_records(self->readers, query, row_fn, context, err);
}

static factor_status
store_begin(struct factor_store *self, struct factor_error *err)
{
    return write_begin(self->writer, err);
}

static factor_status
store_apply(struct factor_store *self,
            const struct factor_change *const *changes, size_t count,
            struct factor_error *err)
{
    return write_apply(self->writer, changes, count, err);
}

static factor_status
store_append(struct factor_store *self, const struct factor_audit_row *row,
             struct factor_error *err)
{
    return write_append(self->writer, row, err);
}

static factor_status
store_end(struct factor_store *self, struct factor_error *err)
{
    return write_end(self->writer, err);
}

static void
store_abort(struct factor_store *self)
{
    write_abort(self->writer);
}

static void
store_maintain(struct factor_store *self)
{
    write_maintain(self->writer);
}

static factor_status
store_read_audit(struct factor_store *self, const char *writer, uint64_t after,
                 uint32_t limit, factor_audit_fn *audit_fn, void *context,
                 struct factor_error *err)
{
    return read_audit(self->readers, writer, after, limit, audit_fn, context,
                      err);
}

static factor_status
store_backup(struct factor_store *self, const char *path,
             struct factor_error *err)
{
    return backup_copy(self->path, self->vfs, path, err);
}

static const struct factor_store_ops ops = {
    .struct_size = sizeof(ops),
    .flags = 0,
    .init = store_init,
    .read = store_read,
    .begin = store_begin,
    .apply = store_apply,
    .append = store_append,
    .end = store_end,
    .abort = store_abort,
    .maintain = store_maintain,
    .read_audit = store_read_audit,
    .backup = store_backup,
    .fini = store_fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_STORE, "sqlite", "0.1.0",
                       "Keeps everything in one SQLite file, durable before "
                       "each reply.",
                       settings_table, &ops)
