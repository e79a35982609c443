/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/read.h - reads, by read-only connections that any
 * thread borrows. */
#ifndef PLUGIN_STORE_SQLITE_READ_H
#define PLUGIN_STORE_SQLITE_READ_H

#include "factor/store.h"
#include "plugin/store-sqlite/sql.h"

struct readers; /* the pool */

/* Open count connections to a database whose schema is ready. */
factor_status read_open(const char *path, const char *vfs, size_t count,
                        struct readers **ret_self, struct factor_error *err);
void read_close(struct readers *self);

/* As in struct factor_store_ops.  A row function must not read: it holds one
 * connection, and waiting for another one might be for ever. */
factor_status read_records(struct readers *self,
                           const struct factor_query *query,
                           factor_row_fn *row_fn, void *context,
                           struct factor_error *err);
factor_status read_audit(struct readers *self, const char *writer,
                         uint64_t after, uint32_t limit,
                         factor_audit_fn *audit_fn, void *context,
                         struct factor_error *err);

/* What a reader prepares; for the test of query plans. */
const struct sql_statement *read_statements(size_t *ret_count);

#endif
