/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/write.h - the only connection that writes, commits and
 * checkpoints; one thread uses it.
 *
 * SQLite 3.40 may lose a commit when one connection begins the log anew while
 * another checkpoints: here no other connection does either.
 */
#ifndef PLUGIN_STORE_SQLITE_WRITE_H
#define PLUGIN_STORE_SQLITE_WRITE_H

#include "factor/store.h"
#include "plugin/store-sqlite/sql.h"

struct writer;

/* What a writer is opened with. */
struct write_options {
    const struct factor_host *host; /* whose log it uses, or NULL */
    const char *vfs;         /* or NULL: the default one */
    const char *synchronous; /* "FULL", or "OFF" for a test's control */
    int64_t cache_len;       /* bytes of pages kept in memory */
};

/* Open a file that exists, and bring its schema to ours. */
factor_status write_open(const char *path, const struct write_options *options,
                         struct writer **ret_self, struct factor_error *err);
void write_close(struct writer *self);

/* As in struct factor_store_ops. */
factor_status write_begin(struct writer *self, struct factor_error *err);
factor_status write_apply(struct writer *self,
                          const struct factor_change *const *changes,
                          size_t count, struct factor_error *err);
factor_status write_append(struct writer *self,
                           const struct factor_audit_row *row,
                           struct factor_error *err);
factor_status write_end(struct writer *self, struct factor_error *err);
void write_abort(struct writer *self);
void write_maintain(struct writer *self);

/* What a writer prepares; for the test of query plans. */
const struct sql_statement *write_statements(size_t *ret_count);

#endif
