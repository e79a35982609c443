/* SPDX-License-Identifier: MIT */
/* tests/store_suite.h - what every store promises (factor/store.h), as tests
 * that run over any of them.
 *
 *     static const struct store_factory factory = { ... };
 *     return store_suite_main("store-sqlite", &factory, own, TAP_COUNT(own));
 */
#ifndef TESTS_STORE_SUITE_H
#define TESTS_STORE_SUITE_H

#include <jansson.h>

#include "factor/store.h"
#include "tests/tap.h"

/* How to come by a store. */
struct store_factory {
    const struct factor_store_ops *ops;
    /* Settings of a store that keeps all it has in a directory, as the host
     * would fill them in; a new reference. */
    json_t *(*settings)(const char *directory);
};

/* Run the suite, then the store's own tests.  Returns main's exit status. */
int store_suite_main(const char *suite, const struct store_factory *factory,
                     const struct tap_test *own, size_t count);

/* The same without the suite: what box_open below opens. */
void store_suite_use(const struct store_factory *factory);

/* A store in a directory of its own. */
struct store_box {
    char directory[64];
    struct factor_store *store; /* or NULL */
    struct factor_error err;    /* of the last failure */
};

/* Make the directory; open a store in it; close that; remove all. */
void box_make(struct store_box *box);
factor_status box_open(struct store_box *box);
void box_close(struct store_box *box);
void box_remove(struct store_box *box);

/* A file in the box; the text is good until the next call. */
const char *box_path(const struct store_box *box, const char *name);

/* A row with a body and a mac, no owner, no name; version 1 is a new one. */
struct factor_row store_row(const char *collection, const char *id,
                            uint64_t version);

/* Changes in a batch that has begun. */
factor_status box_put(struct store_box *box, const struct factor_row *row);
factor_status box_apply(struct store_box *box, const struct factor_row *rows,
                        size_t count); /* all PUT */
factor_status box_change(struct store_box *box, uint32_t kind,
                         const struct factor_row *row);
factor_status box_append(struct store_box *box, const char *writer,
                         uint64_t sequence);
factor_status box_begin(struct store_box *box);
factor_status box_end(struct store_box *box);

/* A batch of one PUT. */
factor_status box_keep(struct store_box *box, const struct factor_row *row);

/* Whether a query finds this: "id@version id@version", in order. */
int box_finds(struct store_box *box, const struct factor_query *query,
              const char *expected);
/* The same of a whole collection, up to 1,000 records. */
int box_holds(struct store_box *box, const char *collection,
              const char *expected);
/* Whether the audit of a writer (or all) reads "writer:sequence ...". */
int box_audits(struct store_box *box, const char *writer, uint64_t after,
               uint32_t limit, const char *expected);

#endif
