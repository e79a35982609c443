/* SPDX-License-Identifier: MIT */
/* tests/test_crash.c - the power is cut while a store writes: what it said
 * was kept is there, and nothing is there in part.
 *
 * FACTOR_CRASH_CUTS says how many cuts (40).  Cut number n is the same each
 * time, up to the random salts of SQLite's log: FACTOR_CRASH_FIRST=n begins
 * with it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "factor/plugin.h"
#include "tests/crash_vfs.h"
#include "tests/store_suite.h"

#define BATCHES 60u    /* of a run that is not cut */
#define HOT 4u         /* records that are updated for ever */
#define KEPT_BATCHES 8 /* a batch removes the record of the one so long ago */
#define MORE 3u        /* batches after the power is back */
#define BODY_LEN 2500u

/* What the next store is opened with. */
static struct {
    const char *vfs; /* NULL: the system's */
    const char *synchronous;
} opening;

static json_t *
settings(const char *directory)
{
    return json_pack("{s:o, s:s, s:i, s:i, s:s?}", "path",
                     json_sprintf("%s/store.db", directory), "synchronous",
                     opening.synchronous, "cache", 1 << 20, "readers", 1, "vfs",
                     opening.vfs);
}

static const struct factor_store_ops *
ops(void)
{
    return factor_plugin_v1()->ops;
}

/* ---------------------------------------------------------------- the work */

/* What is kept after batch n follows from n alone. */

static uint64_t
hot_version(uint64_t n, uint64_t which)
{
    return n / HOT + (n % HOT >= which && which > 0 ? 1 : 0);
}

/* Letters that tell of batch n, of a length of its own. */
static void
write_body(uint64_t n, char *body)
{
    size_t len = 100 + (size_t)(n * 7919 % (BODY_LEN - 200));

    snprintf(body, BODY_LEN, "{\"n\":%" PRIu64 ",\"text\":\"", n);
    memset(body + strlen(body), (int)('a' + n % 26), len - strlen(body));
    snprintf(body + len, BODY_LEN - len, "\"}");
}

struct batch {
    char hot_id[24];
    char new_id[24];
    char old_id[24];
    char body[BODY_LEN];
};

/* Batch n: a new record and a hot one in one apply, an old one removed in
 * another, one apply that conflicts. */
static factor_status
apply_batch(struct store_box *box, struct batch *batch, uint64_t n)
{
    struct factor_row rows[2], old;
    factor_status status;

    snprintf(batch->hot_id, sizeof(batch->hot_id), "h%" PRIu64, n % HOT);
    snprintf(batch->new_id, sizeof(batch->new_id), "b%" PRIu64, n);
    write_body(n, batch->body);
    rows[0] = store_row("batch", batch->new_id, 1);
    rows[1] = store_row("hot", batch->hot_id, hot_version(n, n % HOT));
    rows[0].body = rows[1].body = batch->body;
    rows[0].body_len = rows[1].body_len = strlen(batch->body);
    rows[0].owner = "u1";
    status = box_apply(box, rows, 2);
    if (status == FACTOR_OK && n > KEPT_BATCHES) {
        snprintf(batch->old_id, sizeof(batch->old_id), "b%" PRIu64,
                 n - KEPT_BATCHES);
        old = store_row("batch", batch->old_id, 1);
        status = box_change(box, FACTOR_CHANGE_REMOVE, &old);
    }
    if (status == FACTOR_OK) {
        rows[0].id = "never";
        status = box_apply(box, rows, 2);
        status = status == FACTOR_E_CONFLICT ? FACTOR_OK : FACTOR_E_INTERNAL;
    }
    return status;
}

/* What a run came to. */
struct run {
    uint64_t acknowledged; /* the last batch of which end() said it is kept */
    uint64_t tried;        /* the last one whose end() was called */
};

static factor_status
do_batch(struct store_box *box, struct run *run, uint64_t n)
{
    struct batch batch = { .body = "" };
    factor_status status = box_begin(box);

    if (status == FACTOR_OK)
        status = apply_batch(box, &batch, n);
    if (status == FACTOR_OK)
        status = box_append(box, "w", n);
    if (status != FACTOR_OK) {
        if (box->store)
            ops()->abort(box->store);
        return status;
    }
    run->tried = n;
    status = box_end(box);
    if (status == FACTOR_OK)
        run->acknowledged = n;
    ops()->maintain(box->store);
    return status;
}

/* Open a store with the layer and work until it fails or is done. */
static void
work(struct store_box *box, struct run *run)
{
    uint64_t n;

    if (box_open(box) == FACTOR_OK)
        for (n = 1; n <= BATCHES; n++)
            if (do_batch(box, run, n) != FACTOR_OK)
                break;
    box_close(box);
}

/* --------------------------------------------------------------- what stays */

/* Each check gives a reason, or NULL. */

static factor_status
take_sequence(void *context, const struct factor_audit_row *row)
{
    *(uint64_t *)context = row->sequence;
    return FACTOR_OK;
}

static factor_status
count_audit(void *context, const struct factor_audit_row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return FACTOR_OK;
}

static const char *
check_audit(struct store_box *box, uint64_t newest)
{
    uint64_t count = 0;

    if (ops()->read_audit(box->store, "w", 0, 10 * BATCHES, count_audit, &count,
                          &box->err) != FACTOR_OK)
        return "the audit cannot be read";
    return count == newest ? NULL : "the audit has gaps";
}

/* The row that a batch wrote last. */
struct kept {
    uint64_t n;
    uint64_t version;
    int rows;
    int right;
};

static factor_status
compare(void *context, const struct factor_row *row)
{
    struct kept *kept = context;
    char body[BODY_LEN];

    write_body(kept->n, body);
    kept->rows++;
    kept->right = row->version == kept->version && strcmp(row->body, body) == 0;
    return FACTOR_OK;
}

/* Whether a record is as batch n left it; n 0: whether there is none. */
static int
record_is(struct store_box *box, const char *collection, const char *id,
          uint64_t n, uint64_t version)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_ID,
        .collection = collection,
        .key = id,
    };
    struct kept kept = { .n = n, .version = version };

    if (ops()->read(box->store, &query, compare, &kept, &box->err) != FACTOR_OK)
        return 0;
    return n == 0 ? kept.rows == 0 : kept.rows == 1 && kept.right;
}

static const char *
check_hot(struct store_box *box, uint64_t newest)
{
    uint64_t which, n;
    char id[24];

    for (which = 0; which < HOT; which++) {
        snprintf(id, sizeof(id), "h%" PRIu64, which);
        for (n = newest; n > 0 && n % HOT != which;)
            n--;
        if (!record_is(box, "hot", id, n, hot_version(newest, which)))
            return "an updated record is wrong";
    }
    return NULL;
}

static const char *
check_batches(struct store_box *box, uint64_t newest)
{
    char id[24];
    uint64_t n;

    for (n = 1; n <= newest + 1; n++) {
        bool there = n <= newest && n + KEPT_BATCHES > newest;

        snprintf(id, sizeof(id), "b%" PRIu64, n);
        if (!record_is(box, "batch", id, there ? n : 0, 1))
            return there ? "a batch's record is wrong"
                         : "a record is there that must not be";
    }
    return record_is(box, "batch", "never", 0, 1) ? NULL
                                                  : "a conflict left a record";
}

static const char *
check_integrity(struct store_box *box)
{
    sqlite3_stmt *check = NULL;
    sqlite3 *db = NULL;
    const char *why = "the database is corrupt";

    if (sqlite3_open_v2(box_path(box, "store.db"), &db, SQLITE_OPEN_READONLY,
                        NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL) ==
            SQLITE_OK &&
        sqlite3_step(check) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0)
        why = NULL;
    sqlite3_finalize(check);
    sqlite3_close(db);
    return why;
}

static const char *
check_all(struct store_box *box, uint64_t newest)
{
    const char *why = check_audit(box, newest);

    if (!why)
        why = check_hot(box, newest);
    if (!why)
        why = check_batches(box, newest);
    if (!why)
        why = check_integrity(box);
    return why;
}

/* The power is back: open without the layer, look, and go on a little. */
static const char *
check_after(struct store_box *box, struct run *run)
{
    uint64_t newest = 0, n;
    const char *why;

    if (box_open(box) != FACTOR_OK)
        return "the store does not open";
    if (ops()->read_audit(box->store, "w", 0, 0, take_sequence, &newest,
                          &box->err) != FACTOR_OK)
        return "the audit cannot be read";
    if (newest < run->acknowledged)
        return "a batch is lost";
    if (newest > run->tried)
        return "a batch is there that was not ended";
    why = check_all(box, newest);
    for (n = newest + 1; !why && n <= newest + MORE; n++)
        if (do_batch(box, run, n) != FACTOR_OK)
            why = "the store does not go on";
    return why ? why : check_all(box, newest + MORE);
}

/* ---------------------------------------------------------------- the cuts */

/* What a run does when nothing is cut. */
static uint64_t
count_ops(void)
{
    struct run run = { .tried = 0 };
    struct store_box box;
    uint64_t count;

    box_make(&box);
    crash_vfs_arm(0, 0);
    work(&box, &run);
    count = crash_vfs_ops();
    CU_ASSERT_EQUAL(crash_vfs_settle(), 0);
    CU_ASSERT_EQUAL(run.acknowledged, BATCHES);
    opening.vfs = NULL;
    CU_ASSERT_PTR_NULL(check_after(&box, &run));
    box_remove(&box);
    return count;
}

/* Spread over the run, by the cut's number. */
static uint64_t
place_of(uint64_t cut, uint64_t count)
{
    uint64_t mixed = (cut + 1) * UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 31)) * UINT64_C(0xBF58476D1CE4E5B9);
    return 1 + (mixed >> 33) % count;
}

/* One cut.  Returns why what stays is wrong, or NULL. */
static const char *
cut_once(uint64_t number, uint64_t place, struct run *run,
         const char *synchronous)
{
    struct store_box box;
    const char *why;

    box_make(&box);
    opening.vfs = "crash";
    opening.synchronous = synchronous;
    crash_vfs_arm(number, place);
    work(&box, run);
    crash_vfs_cut();
    CU_ASSERT_EQUAL(crash_vfs_settle(), 0);
    opening.vfs = NULL;
    why = check_after(&box, run);
    box_remove(&box);
    return why;
}

static uint64_t
number_from(const char *name, uint64_t absent)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : absent;
}

/* Returns after how many cuts what stayed was wrong. */
static uint64_t
cut_many(const char *synchronous, bool stop_when_wrong)
{
    const uint64_t first = number_from("FACTOR_CRASH_FIRST", 0);
    const uint64_t cuts = number_from("FACTOR_CRASH_CUTS", 40);
    uint64_t count, number, wrong = 0;

    opening.vfs = "crash";
    opening.synchronous = synchronous;
    count = count_ops();
    for (number = first; number < first + cuts; number++) {
        const uint64_t place = place_of(number, count);
        struct run run = { .tried = 0 };
        const char *why = cut_once(number, place, &run, synchronous);

        if (!why)
            continue;
        wrong++;
        tap_note("cut %" PRIu64 " at operation %" PRIu64 " of %" PRIu64
                 ", batch %" PRIu64 " acknowledged: %s",
                 number, place, count, run.acknowledged, why);
        if (stop_when_wrong)
            break;
    }
    return wrong;
}

static void
cuts_lose_nothing(void)
{
    struct crash_vfs_tally tally;

    CU_ASSERT_EQUAL(cut_many("FULL", false), 0);
    tally = crash_vfs_tally();
    tap_note("writes kept %" PRIu64 ", torn %" PRIu64 ", dropped %" PRIu64,
             tally.kept, tally.torn, tally.dropped);
    CU_ASSERT(tally.dropped > 0);
}

static void
control_loses_something(void)
{
    CU_ASSERT(cut_many("OFF", true) > 0);
}

/* -------------------------------------------------------------- full disks */

/* Fail each operation of a batch in turn: it is told, nothing of the batch
 * stays, and the same batch is kept the next time. */
static void
fail_each(int rc)
{
    struct run run = { .tried = 0 };
    struct store_box box;
    uint64_t n = 1, k;

    opening.vfs = "crash";
    opening.synchronous = "FULL";
    box_make(&box);
    crash_vfs_arm(0, 0);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    for (k = 1; k <= 60; k++, n++) {
        factor_status status;

        crash_vfs_fail(rc, k, 1);
        status = do_batch(&box, &run, n);
        crash_vfs_fail(0, 0, 0);
        if (status == FACTOR_OK)
            continue; /* it was in the checkpoint, or after all */
        CU_ASSERT_EQUAL(status, FACTOR_E_IO);
        CU_ASSERT_PTR_NULL(check_hot(&box, n - 1));
        CU_ASSERT_PTR_NULL(check_batches(&box, n - 1));
        CU_ASSERT_EQUAL(do_batch(&box, &run, n), FACTOR_OK);
    }
    CU_ASSERT_EQUAL(run.acknowledged, n - 1);
    box_close(&box);
    CU_ASSERT_EQUAL(crash_vfs_settle(), 0);
    opening.vfs = NULL;
    CU_ASSERT_PTR_NULL(check_after(&box, &run));
    box_remove(&box);
}

static void
full_disk_fails_a_batch(void)
{
    fail_each(SQLITE_FULL);
}

static void
bad_disk_fails_a_batch(void)
{
    fail_each(SQLITE_IOERR_WRITE);
    fail_each(SQLITE_IOERR_FSYNC);
}

static const struct tap_test tests[] = {
    { "a power cut loses no batch and leaves none in part",
      cuts_lose_nothing },
    { "control: without syncs it does", control_loses_something },
    { "a full disk fails a batch, and the store goes on",
      full_disk_fails_a_batch },
    { "a bad disk fails a batch, and the store goes on",
      bad_disk_fails_a_batch },
};

int
main(void)
{
    const struct store_factory factory = {
        .ops = factor_plugin_v1()->ops,
        .settings = settings,
    };

    if (crash_vfs_register("crash") != 0)
        return EXIT_FAILURE;
    store_suite_use(&factory);
    return tap_main("store-sqlite: crash", tests, TAP_COUNT(tests));
}
