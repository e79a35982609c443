/* SPDX-License-Identifier: MIT */
/* tests/test_sweep.c - what has expired goes, what an old key sealed is
 * written anew. */
#include <stdio.h>
#include <string.h>

#include "host/json.h"
#include "host/record/volatile.h"
#include "host/sweep.h"
#include "tests/outbox_rig.h"

static struct sweep *sweep;

/* Its own thread does nothing in the time of a test. */
static void
set_up(void)
{
    struct sweep_parts parts = {.keep_settled_ms = 3600000,
                                .interval_ms = 3600000,
                                .now_ms = rig_now_ms};

    rig_make();
    parts.database = rig.database;
    CU_ASSERT_EQUAL_FATAL(sweep_start(&parts, &sweep, NULL), FACTOR_OK);
}

static void
tear_down(void)
{
    sweep_stop(sweep);
    sweep = NULL;
    rig_remove();
}

static struct sweep_counts
run(void)
{
    struct sweep_counts counts;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(sweep_now(sweep, &counts, &err), FACTOR_OK);
    return counts;
}

static bool
there(const char *collection, const char *id)
{
    struct record *record = rig_record(collection, id);

    record_unref(record);
    return record != NULL;
}

static json_t *
body(void)
{
    return json_pack("{s:i, s:{s:s}}", "v", 1, "secret", "key", "shh");
}

static void
removes_what_expired(void)
{
    struct sweep_counts counts;

    set_up();
    rig_put("flow", "f1", body(), RIG_START_MS + 1000, 0);
    rig_put("otp.challenge", "c1", body(), RIG_START_MS + 1000, 0);
    rig_put("flow", "f2", body(), RIG_START_MS + 1001, 0);
    rig_put("user", "u1", body(), 0, 0);
    CU_ASSERT_EQUAL(run().removed, 0);
    rig_advance(1000);
    counts = run();
    CU_ASSERT_EQUAL(counts.removed, 2);
    CU_ASSERT_EQUAL(counts.messages, 0);
    CU_ASSERT_FALSE(there("flow", "f1"));
    CU_ASSERT_FALSE(there("otp.challenge", "c1"));
    CU_ASSERT(there("flow", "f2"));
    CU_ASSERT(there("user", "u1"));
    tear_down();
}

static void
removes_many(void)
{
    char id[16];
    int i;

    set_up();
    for (i = 0; i < 300; i++) {
        snprintf(id, sizeof(id), "f%d", i);
        rig_put("flow", id, body(), RIG_START_MS + i, 0);
    }
    rig_advance(1000);
    CU_ASSERT_EQUAL(run().removed, 300);
    CU_ASSERT_EQUAL(run().removed, 0);
    tear_down();
}

static void
drops_what_is_in_memory(void)
{
    struct factor_record face = {.collection = "flow",
                                 .id = "m1",
                                 .version = 1,
                                 .expires_at_ms = RIG_START_MS + 1000};
    struct record *record = record_new(&face, body(), 0);
    struct volatile_table *table;

    set_up();
    table = database_volatile(rig.database);
    CU_ASSERT(volatile_put(table, record));
    record_unref(record);
    run();
    CU_ASSERT(there("flow", "m1"));
    rig_advance(1000);
    run();
    CU_ASSERT_FALSE(there("flow", "m1"));
    tear_down();
}

/* A row that carries its expiry as the record's own. */
static void
put_message(const char *id, const char *state, const char *about)
{
    rig_put("outbox", id,
            json_pack("{s:i, s:s, s:s, s:s, s:i, s:I, s:[s], s:{s:s, s:s}, "
                      "s:{s:s, s:s}}",
                      "v", 1, "state", state, "channel", "email", "template",
                      "t", "attempt", 0, "expiresAt",
                      (json_int_t)RIG_START_MS + 1000, "languages", "en",
                      "about", "collection", "otp.authenticator", "id", about,
                      "secret", "address", RIG_ADDRESS, "code", RIG_CODE),
            RIG_START_MS + 1000, RIG_START_MS);
}

static void
assert_expired(const char *id)
{
    struct record *record = rig_record("outbox", id);

    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "state"), "expired");
    CU_ASSERT_PTR_NULL(json_object_get(record->body, "secret"));
    CU_ASSERT_EQUAL(record->due_at_ms, 0);
    record_unref(record);
}

static void
settles_unsent_messages(void)
{
    struct sweep_counts counts;

    set_up();
    rig_put("otp.authenticator", "a1", body(), 0, 0);
    put_message("m1", "queued", "a1");
    put_message("m2", "sending", "a1");
    put_message("m3", "queued", "gone");
    rig_put("outbox", "m4",
            json_pack("{s:i, s:s}", "v", 1, "state", "sent"),
            RIG_START_MS + 1000, 0);
    rig_advance(1000);
    counts = run();
    CU_ASSERT_EQUAL(counts.messages, 3);
    CU_ASSERT_EQUAL(counts.removed, 1);
    assert_expired("m1");
    assert_expired("m2");
    assert_expired("m3");
    CU_ASSERT_FALSE(there("outbox", "m4"));
    CU_ASSERT_STRING_EQUAL(rig_note("a1"), "expired 1000");
    /* What was settled goes in its turn. */
    rig_advance(3600000);
    CU_ASSERT_EQUAL(run().removed, 3);
    tear_down();
}

/* --- Keys. --- */

static uint32_t
key_of(const char *collection, const char *id)
{
    struct record *record = rig_record(collection, id);
    uint32_t version = record ? record->key_version : 0;

    record_unref(record);
    return version;
}

static void
reseals_old_records(void)
{
    struct record *record;
    uint64_t version;

    if (tap_skip_slow())
        return;
    set_up();
    rig_put("user", "u1", body(), 0, 0);
    rig_put("outbox", "m1", body(), RIG_START_MS + 5000, RIG_START_MS + 4000);
    record = rig_record("user", "u1");
    version = record->face.version;
    record_unref(record);
    CU_ASSERT_EQUAL(run().resealed, 0);
    CU_ASSERT_EQUAL(keys_rotate(rig.keys, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(run().resealed, 2);
    /* A commit that was under way may still come: not yet. */
    CU_ASSERT_EQUAL(sweep_least_key(sweep), 0);
    CU_ASSERT_EQUAL(run().resealed, 0);
    CU_ASSERT_EQUAL(sweep_least_key(sweep), 2);
    CU_ASSERT_EQUAL(keys_forget(rig.keys, 2, NULL), FACTOR_OK);
    sweep_stop(sweep);
    sweep = NULL;
    rig_close();
    rig_open();
    record = rig_record("user", "u1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_STRING_EQUAL(
        json_text(json_object_get(record->body, "secret"), "key"), "shh");
    CU_ASSERT_EQUAL(record->face.version, version + 1);
    CU_ASSERT_EQUAL(record->key_version, 2);
    record_unref(record);
    record = rig_record("outbox", "m1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_EQUAL(record->face.expires_at_ms, RIG_START_MS + 5000);
    CU_ASSERT_EQUAL(record->due_at_ms, RIG_START_MS + 4000);
    record_unref(record);
    tear_down();
}

static void
leaves_what_is_being_sent(void)
{
    if (tap_skip_slow())
        return;

    set_up();
    put_message("m1", "sending", "a1");
    put_message("m2", "queued", "a1");
    CU_ASSERT_EQUAL(keys_rotate(rig.keys, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(run().resealed, 1);
    CU_ASSERT_EQUAL(key_of("outbox", "m1"), 1);
    CU_ASSERT_EQUAL(key_of("outbox", "m2"), 2);
    run();
    run();
    CU_ASSERT_EQUAL(sweep_least_key(sweep), 0);
    rig_advance(1000);
    run();
    run();
    CU_ASSERT_EQUAL(sweep_least_key(sweep), 2);
    tear_down();
}

/* --- Beside others. --- */

static void *
keep_writing(void *context)
{
    atomic_bool *stop = context;
    uint8_t entropy[TXN_ENTROPY] = {0};
    const struct record *seen;
    struct txn_put put;
    struct txn *txn;

    while (!atomic_load(stop)) {
        txn = txn_new(rig.database, rig_now_ms(), entropy);
        seen = NULL;
        put = (struct txn_put){.collection = "flow", .id = "busy"};
        if (txn_read_id(txn, "flow", "busy", &seen) == FACTOR_OK)
            put.version = seen->face.version;
        put.expires_at_ms = rig_now_ms() + 1000;
        put.body = body();
        txn_put(txn, &put, NULL);
        database_commit_wait(rig.database, txn_commit(txn));
        txn_free(txn);
    }
    return NULL;
}

static void
yields_to_others(void)
{
    if (tap_skip_slow())
        return;

    struct sweep_counts counts;
    atomic_bool stop;
    pthread_t writer;
    char id[16];
    int i;

    set_up();
    atomic_init(&stop, false);
    for (i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "f%d", i);
        rig_put("flow", id, body(), RIG_START_MS, 0);
    }
    CU_ASSERT_EQUAL(keys_rotate(rig.keys, NULL), FACTOR_OK);
    rig_put("flow", "busy", body(), RIG_START_MS + 1000, 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, keep_writing, &stop),
                          0);
    counts = run();
    rig_advance(500); /* it is written anew before it expires */
    counts.removed += run().removed;
    CU_ASSERT_EQUAL(counts.removed, 200);
    atomic_store(&stop, true);
    pthread_join(writer, NULL);
    CU_ASSERT(there("flow", "busy"));
    tear_down();
}

/* Somebody uses it between the look and the removal. */
static void
prolong(void)
{
    rig_put("flow", "f1", body(), RIG_START_MS + 60000, 0);
}

static void
leaves_what_was_prolonged(void)
{
    if (tap_skip_slow())
        return;
    set_up();
    rig_put("flow", "f1", body(), RIG_START_MS, 0);
    rig_put("flow", "f2", body(), RIG_START_MS, 0);
    rig_after_kind = FACTOR_QUERY_EXPIRED;
    rig_after_read = prolong;
    CU_ASSERT_EQUAL(run().removed, 1);
    CU_ASSERT(there("flow", "f1"));
    CU_ASSERT_FALSE(there("flow", "f2"));
    tear_down();
}

static void
store_fails(void)
{
    struct sweep_counts counts;

    set_up();
    rig_put("flow", "f1", body(), RIG_START_MS, 0);
    atomic_store(&rig_break_store, true);
    CU_ASSERT_EQUAL(sweep_now(sweep, &counts, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(counts.removed, 0);
    atomic_store(&rig_break_store, false);
    CU_ASSERT_EQUAL(run().removed, 1);
    tear_down();
}

/* By its own thread, and it stops at once. */
static void
runs_by_itself(void)
{
    struct sweep_parts parts = {.keep_settled_ms = 0,
                                .interval_ms = 5,
                                .now_ms = rig_now_ms};

    rig_make();
    parts.database = rig.database;
    rig_put("outbox", "m1", json_pack("{s:i, s:s}", "v", 1, "state", "sent"),
            RIG_START_MS, 0);
    CU_ASSERT_EQUAL_FATAL(sweep_start(&parts, &sweep, NULL), FACTOR_OK);
    CU_ASSERT(rig_wait("m1", "gone"));
    tear_down();
    set_up(); /* the next pass is an hour away */
    tear_down();
}

static const struct tap_test tests[] = {
    {"sweep: what has expired is removed, of all collections",
     removes_what_expired},
    {"sweep: more than a batch is removed", removes_many},
    {"S1: what lives in memory only expires too", drops_what_is_in_memory},
    {"D1: a message that expired unsent is settled with its note",
     settles_unsent_messages},
    {"K2: records of an old key are sealed anew, and open without it",
     reseals_old_records},
    {"K2: a message that is being sent is left alone",
     leaves_what_is_being_sent},
    {"sweep: a record that others write meanwhile is left to them",
     yields_to_others},
    {"sweep: what was prolonged meanwhile stays", leaves_what_was_prolonged},
    {"sweep: a store that fails is tried again", store_fails},
    {"sweep: runs by itself, and stops at once", runs_by_itself},
};

int
main(void)
{
    json_setup();
    return tap_main("sweep", tests, TAP_COUNT(tests));
}
