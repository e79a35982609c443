/* SPDX-License-Identifier: MIT */
/* tests/test_verify.c - the audit logs of several writers against one store
 * (K2, K3).
 *
 * The store is a table: what rows there are, and which version each record
 * has.  Writers are A, which is the one that verifies, B and C. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/record/audit.h"
#include "host/record/verify.h"
#include "tests/folder.h"
#include "tests/tap.h"

enum { A, B, C, WRITERS, EVENTS_MAX = 4000, RECORDS_MAX = 8 };

struct event {
    const char *writer;
    uint64_t sequence;
    int64_t at_ms;
    char text[96];
    uint8_t hash[CRYPTO_MAC_LEN], mac[CRYPTO_MAC_LEN];
};

static struct {
    struct keys *keys;
    struct audit_chain chains[WRITERS];
    struct event *events; /* EVENTS_MAX */
    size_t event_count;
    struct {
        char key[32]; /* "collection/id" */
        uint64_t version;
    } records[RECORDS_MAX];
    size_t record_count;
    void (*meanwhile)(void); /* once, at the first read of a record */
} store;

/* --- The store. --- */

static factor_status
read_audit(struct factor_store *self, const char *writer, uint64_t after,
           uint32_t limit, factor_audit_fn *audit_fn, void *context,
           struct factor_error *err)
{
    const struct event *event;
    struct factor_audit_row row = {.struct_size = sizeof(row)};
    factor_status st = FACTOR_OK;
    size_t i;

    (void)self;
    (void)err;
    for (i = 0; i < store.event_count && limit > 0 && st == FACTOR_OK; i++) {
        event = &store.events[i];
        if ((writer && strcmp(event->writer, writer) != 0) ||
            event->sequence <= after)
            continue;
        row.event_len = (uint32_t)strlen(event->text);
        row.writer = event->writer;
        row.sequence = event->sequence;
        row.at_ms = event->at_ms;
        row.event = event->text;
        row.hash = event->hash;
        row.mac = event->mac;
        st = audit_fn(context, &row);
        limit--;
    }
    return st;
}

static factor_status
read_rows(struct factor_store *self, const struct factor_query *query,
          factor_row_fn *row_fn, void *context, struct factor_error *err)
{
    struct factor_row row = {.struct_size = sizeof(row)};
    void (*meanwhile)(void) = store.meanwhile;
    factor_status st = FACTOR_OK;
    char key[64];
    size_t i;

    (void)self;
    (void)err;
    store.meanwhile = NULL;
    if (meanwhile)
        meanwhile();
    snprintf(key, sizeof(key), "%s/%s", query->collection, query->key);
    for (i = 0; i < store.record_count && st == FACTOR_OK; i++) {
        row.version = store.records[i].version;
        if (row.version > 0 && strcmp(store.records[i].key, key) == 0)
            st = row_fn(context, &row);
    }
    return st;
}

static const struct factor_store_ops ops = {
    .struct_size = sizeof(ops),
    .read = read_rows,
    .read_audit = read_audit,
};

/* --- What is said, and what is there. --- */

static void
begin(void)
{
    static const char *const names[] = {NULL, "b", "c"};
    size_t i;

    store.event_count = 0;
    store.record_count = 0;
    store.meanwhile = NULL;
    for (i = 0; i < WRITERS; i++)
        store.chains[i] = (struct audit_chain){
            .keys = store.keys,
            .writer = names[i] ? names[i] : keys_environment(store.keys)};
}

/* One event that tells of one record; version 0: it was removed. */
static void
says_owned(int writer, int64_t at_ms, const char *collection, const char *id,
           uint64_t version, const char *owner)
{
    struct audit_chain *chain = &store.chains[writer];
    struct event *event = &store.events[store.event_count++];
    struct factor_audit_row row;

    CU_ASSERT_FATAL(store.event_count <= EVENTS_MAX);
    snprintf(event->text, sizeof(event->text),
             "{\"records\":[[\"%s\",\"%s\",%" PRIu64 "%s%s%s]]}", collection,
             id, version, owner ? ",\"" : "", owner ? owner : "",
             owner ? "\"" : "");
    CU_ASSERT_FATAL(audit_next(chain, event->text, at_ms, event->hash,
                               event->mac, &row));
    event->writer = chain->writer;
    event->sequence = row.sequence;
    event->at_ms = at_ms;
    audit_moved(chain, &row);
}

static void
says(int writer, int64_t at_ms, const char *id, uint64_t version)
{
    says_owned(writer, at_ms, "c", id, version, NULL);
}

static void
stands(const char *key, uint64_t version)
{
    size_t i;

    for (i = 0; i < store.record_count; i++)
        if (strcmp(store.records[i].key, key) == 0)
            break;
    CU_ASSERT_FATAL(i < RECORDS_MAX);
    store.record_count += i == store.record_count;
    snprintf(store.records[i].key, sizeof(store.records[i].key), "%s", key);
    store.records[i].version = version;
}

static struct verify_findings
verified(void)
{
    const struct database_parts parts = {
        .ops = &ops,
        .keys = store.keys,
        .cache_bytes = 1 << 16,
        .volatile_bytes = 1 << 16,
    };
    struct verify_findings found = {0};
    struct factor_error err = {0};
    struct database *database = NULL;

    CU_ASSERT_EQUAL_FATAL(database_open(&parts, &database, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(verify_audit(database, &found, &err), FACTOR_OK);
    database_close(database);
    return found;
}

static bool
finds(uint64_t broken, uint64_t behind, uint64_t ahead)
{
    struct verify_findings found = verified();

    if (found.broken == broken && found.behind == behind &&
        found.ahead == ahead)
        return true;
    tap_note("broken at %" PRIu64 ", %" PRIu64 " behind, %" PRIu64
             " ahead: %s",
             found.broken, found.behind, found.ahead, found.first);
    return false;
}

/* --- Tests. --- */

/* Three write one record in turns; C has the last word. */
static void
write_in_turns(void)
{
    begin();
    says(A, 10, "r", 1);
    says(B, 20, "r", 2);
    says(A, 30, "r", 3);
    says(C, 40, "r", 4);
    says(B, 50, "q", 1);
    stands("c/r", 4);
    stands("c/q", 1);
}

static void
any_writer_may_be_the_newest(void)
{
    struct verify_findings found;

    write_in_turns();
    found = verified();
    CU_ASSERT_EQUAL(found.events, 5);
    CU_ASSERT_EQUAL(found.records, 2);
    CU_ASSERT_EQUAL(found.broken + found.behind + found.ahead, 0);
    begin(); /* and of ours there need be nothing at all */
    says(B, 10, "r", 1);
    stands("c/r", 1);
    CU_ASSERT(finds(0, 0, 0));
    stands("c/r", 2);
    CU_ASSERT(finds(0, 0, 1));
}

static void
what_was_put_back_is_behind(void)
{
    struct verify_findings found;

    write_in_turns();
    stands("c/r", 3); /* the newest that A wrote */
    found = verified();
    CU_ASSERT_EQUAL(found.behind, 1);
    CU_ASSERT_EQUAL(found.ahead, 0);
    CU_ASSERT_STRING_EQUAL(found.first, "c/r");
    stands("c/r", 0);
    CU_ASSERT(finds(0, 1, 0));
}

static void
what_was_cut_off_is_ahead(void)
{
    begin();
    says(A, 10, "r", 1);
    says(A, 20, "r", 2);
    says(B, 30, "r", 3);
    store.event_count--;
    stands("c/r", 3);
    CU_ASSERT(finds(0, 0, 1));
}

static void
each_chain_is_checked(void)
{
    struct verify_findings found;

    write_in_turns();
    store.events[1].at_ms++; /* B's first */
    found = verified();
    CU_ASSERT_EQUAL(found.broken, 1);
    CU_ASSERT_STRING_EQUAL(found.writer, "b");
    write_in_turns();
    store.events[1] = store.events[4]; /* B's second in place of its first */
    store.event_count--;
    found = verified();
    CU_ASSERT_EQUAL(found.broken, 2);
    CU_ASSERT_STRING_EQUAL(found.writer, "b");
    write_in_turns();
    store.events[0].text[2] ^= 1; /* A's */
    found = verified();
    CU_ASSERT_EQUAL(found.broken, 1);
    CU_ASSERT_STRING_EQUAL(found.writer, keys_environment(store.keys));
}

static void
clocks_may_differ(void)
{
    begin();
    says(A, 1000, "r", 1);
    says(B, 10, "r", 2);
    says(A, 1001, "r", 3);
    says(B, 20, "r", 4);
    stands("c/r", 4);
    CU_ASSERT(finds(0, 0, 0));
    stands("c/r", 3);
    CU_ASSERT(finds(0, 1, 0));
    stands("c/r", 5);
    CU_ASSERT(finds(0, 0, 1));
}

/* A record of that id may be made anew. */
static void
one_writer_removes_what_another_wrote(void)
{
    begin();
    says(A, 10, "r", 1);
    says(A, 20, "r", 2);
    says(B, 30, "r", 0);
    CU_ASSERT(finds(0, 0, 0));
    says(B, 40, "r", 1);
    stands("c/r", 1);
    CU_ASSERT(finds(0, 0, 0));
    stands("c/r", 2); /* the row that was removed */
    CU_ASSERT(finds(0, 0, 1));
    says(C, 50, "r", 2);
    CU_ASSERT(finds(0, 0, 0));
    stands("c/r", 1);
    CU_ASSERT(finds(0, 1, 0));
    begin(); /* whichever is read first */
    says(B, 10, "r", 1);
    says(B, 20, "r", 2);
    says(A, 30, "r", 0);
    says(A, 40, "r", 1);
    stands("c/r", 1);
    CU_ASSERT(finds(0, 0, 0));
}

/* The end of a life that is told of late: nothing wrong is said. */
static void
late_news_is_no_fault(void)
{
    begin();
    says(A, 10, "r", 1);
    says(B, 20, "r", 0); /* of version 2 */
    says(A, 25, "r", 2);
    CU_ASSERT(finds(0, 0, 0));
    says(B, 30, "r", 1);
    stands("c/r", 1);
    CU_ASSERT(finds(0, 0, 0));
    begin();
    says_owned(A, 10, "user", "u", 1, NULL);
    says_owned(A, 20, "user", "u", 0, NULL);
    says_owned(B, 25, "c", "r", 1, "u");
    CU_ASSERT(finds(0, 0, 0));
}

/* In one chain there is no late news: all that it tells is compared. */
static void
one_chain_tells_its_own_order(void)
{
    begin();
    says(A, 40, "r", 1);
    says(A, 30, "r", 2);
    says(A, 20, "r", 0);
    says(A, 10, "r", 1);
    stands("c/r", 1);
    CU_ASSERT(finds(0, 0, 0));
    stands("c/r", 2);
    CU_ASSERT(finds(0, 0, 1));
    stands("c/r", 0);
    CU_ASSERT(finds(0, 1, 0));
    begin();
    says_owned(A, 20, "user", "u", 1, NULL);
    says_owned(A, 20, "user", "u", 0, NULL);
    says_owned(A, 20, "c", "r", 1, "u"); /* its removal is not told */
    CU_ASSERT(finds(0, 1, 0));
}

static void
long_logs_are_read_to_their_ends(void)
{
    struct verify_findings found;
    int i;

    begin();
    for (i = 1; i <= 1200; i++)
        says(i % 3 == 0 ? A : B, i, "r", (uint64_t)i);
    stands("c/r", 1200);
    found = verified();
    CU_ASSERT_EQUAL(found.events, 1200);
    CU_ASSERT_EQUAL(found.broken + found.behind + found.ahead, 0);
    stands("c/r", 1199);
    CU_ASSERT(finds(0, 1, 0));
}

static void
work_goes_on(void)
{
    says(B, 100, "r", 5);
    says(C, 110, "r", 0);
    says(B, 120, "r", 1);
    stands("c/r", 1);
    says(A, 130, "q", 0);
    stands("c/q", 0);
    says(C, 140, "p", 2);
    stands("c/p", 2);
    says(C, 150, "o", 2); /* its row is read before it is removed */
    stands("c/o", 2);
    says(A, 160, "o", 0);
}

static void
what_happens_meanwhile_is_no_fault(void)
{
    write_in_turns();
    says(B, 60, "p", 1);
    stands("c/p", 1);
    says(B, 70, "o", 1);
    stands("c/o", 1);
    store.meanwhile = work_goes_on;
    CU_ASSERT(finds(0, 0, 0));
    CU_ASSERT_PTR_NULL(store.meanwhile);
}

static const struct tap_test tests[] = {
    {"K2: the newest version of a record may be in the log of any writer",
     any_writer_may_be_the_newest},
    {"K2: a record that was put back or removed is behind the newest of all",
     what_was_put_back_is_behind},
    {"K3: events cut off the end of any chain are found by their records",
     what_was_cut_off_is_ahead},
    {"K3: every writer's chain is checked, and the broken one is named",
     each_chain_is_checked},
    {"versions tell the order where clocks differ", clocks_may_differ},
    {"one writer removes or makes anew what another wrote",
     one_writer_removes_what_another_wrote},
    {"what is told of late is no fault", late_news_is_no_fault},
    {"one chain tells its own order, whatever the clock did",
     one_chain_tells_its_own_order},
    {"long logs are read to their ends", long_logs_are_read_to_their_ends},
    {"what is written, removed or made anew meanwhile is no fault",
     what_happens_meanwhile_is_no_fault},
};

static int
set_up(void)
{
    struct factor_error err;

    store.events = calloc(EVENTS_MAX, sizeof(*store.events));
    if (!store.events || folder_make() != 0)
        return 1;
    return keys_open(folder_in("keys.json"), true, &store.keys, &err);
}

static int
tear_down(void)
{
    keys_close(store.keys);
    store.keys = NULL;
    free(store.events);
    store.events = NULL;
    return folder_remove();
}

int
main(void)
{
    const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("audit verify", &fixture, tests, TAP_COUNT(tests));
}
