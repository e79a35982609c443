/* SPDX-License-Identifier: MIT */
/* tests/store_suite.c - what every store promises (factor/store.h), as tests
 * that run over any of them.
 *
 * That the tests of compare-and-swap can fail was tried by hand: with
 * "AND version = ?5 - 1" taken out of store-sqlite's two UPDATEs, four of
 * them are red; with the savepoint's undo left out, three.
 */
#include "tests/store_suite.h"

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Set once, then constant. */
static const struct store_factory *factory;

void
store_suite_use(const struct store_factory *of)
{
    factory = of;
}

/* --------------------------------------------------------------- the box */

void
box_make(struct store_box *box)
{
    memset(box, 0, sizeof(*box));
    snprintf(box->directory, sizeof(box->directory),
             "/tmp/factor-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(box->directory));
}

factor_status
box_open(struct store_box *box)
{
    json_t *settings = factory->settings(box->directory);
    factor_status status;

    status = factory->ops->init(NULL, settings, &box->store, &box->err);
    json_decref(settings);
    return status;
}

void
box_close(struct store_box *box)
{
    factory->ops->fini(box->store);
    box->store = NULL;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void
box_remove(struct store_box *box)
{
    box_close(box);
    nftw(box->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
box_new(struct store_box *box)
{
    box_make(box);
    CU_ASSERT_EQUAL_FATAL(box_open(box), FACTOR_OK);
}

const char *
box_path(const struct store_box *box, const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", box->directory, name);
    return path;
}

/* --------------------------------------------------------------- changes */

static const char some_body[] = "{\"v\":1,\"text\":\"é\"}";
static const uint8_t some_mac[32] = { 0, 1, 2, 0xff, 0, 5 };

struct factor_row
store_row(const char *collection, const char *id, uint64_t version)
{
    return (struct factor_row){
        .struct_size = sizeof(struct factor_row),
        .key_version = 1,
        .collection = collection,
        .id = id,
        .version = version,
        .body = some_body,
        .body_len = strlen(some_body),
        .mac = some_mac,
        .mac_len = sizeof(some_mac),
    };
}

factor_status
box_begin(struct store_box *box)
{
    return factory->ops->begin(box->store, &box->err);
}

factor_status
box_end(struct store_box *box)
{
    return factory->ops->end(box->store, &box->err);
}

#define MAX_CHANGES 16

factor_status
box_apply(struct store_box *box, const struct factor_row *rows, size_t count)
{
    struct factor_change changes[MAX_CHANGES];
    const struct factor_change *list[MAX_CHANGES];
    size_t i;

    for (i = 0; i < count && i < MAX_CHANGES; i++) {
        changes[i].struct_size = sizeof(changes[i]);
        changes[i].kind = FACTOR_CHANGE_PUT;
        changes[i].row = &rows[i];
        list[i] = &changes[i];
    }
    return factory->ops->apply(box->store, list, count, &box->err);
}

factor_status
box_put(struct store_box *box, const struct factor_row *row)
{
    return box_apply(box, row, 1);
}

factor_status
box_change(struct store_box *box, uint32_t kind, const struct factor_row *row)
{
    const struct factor_change change = {
        .struct_size = sizeof(change),
        .kind = kind,
        .row = row,
    };
    const struct factor_change *list[] = { &change };

    return factory->ops->apply(box->store, list, 1, &box->err);
}

factor_status
box_append(struct store_box *box, const char *writer, uint64_t sequence)
{
    static const char event[] = "{\"events\":[{\"event\":\"a.b\"}]}";
    const struct factor_audit_row row = {
        .struct_size = sizeof(row),
        .event_len = (uint32_t)strlen(event),
        .writer = writer,
        .sequence = sequence,
        .at_ms = 1700000000000 + (int64_t)sequence,
        .event = event,
        .hash = some_mac,
        .mac = some_mac,
    };

    return factory->ops->append(box->store, &row, &box->err);
}

factor_status
box_keep(struct store_box *box, const struct factor_row *row)
{
    factor_status status = box_begin(box);

    if (status == FACTOR_OK)
        status = box_put(box, row);
    if (status == FACTOR_OK)
        return box_end(box);
    factory->ops->abort(box->store);
    return status;
}

/* A batch of one change. */
static factor_status
keep_change(struct store_box *box, uint32_t kind, const struct factor_row *row)
{
    factor_status status = box_begin(box);

    if (status == FACTOR_OK)
        status = box_change(box, kind, row);
    if (status == FACTOR_OK)
        return box_end(box);
    factory->ops->abort(box->store);
    return status;
}

/* Keep a record that is new and has nothing but this. */
static factor_status
keep(struct store_box *box, const char *collection, const char *id)
{
    struct factor_row row = store_row(collection, id, 1);

    return box_keep(box, &row);
}

/* ----------------------------------------------------------------- reads */

struct found {
    char text[4096];
    size_t len;
};

static void
note(struct found *found, const char *name, uint64_t number, char between)
{
    int len = snprintf(found->text + found->len,
                       sizeof(found->text) - found->len, "%s%s%c%llu",
                       found->len ? " " : "", name, between,
                       (unsigned long long)number);

    if (len > 0 && (size_t)len < sizeof(found->text) - found->len)
        found->len += (size_t)len;
}

static factor_status
note_row(void *context, const struct factor_row *row)
{
    note(context, row->id, row->version, '@');
    return FACTOR_OK;
}

static factor_status
note_audit(void *context, const struct factor_audit_row *row)
{
    note(context, row->writer, row->sequence, ':');
    return FACTOR_OK;
}

static int
is(const struct found *found, const char *expected)
{
    if (strcmp(found->text, expected) == 0)
        return 1;
    tap_note("found \"%s\" instead of \"%s\"", found->text, expected);
    return 0;
}

int
box_finds(struct store_box *box, const struct factor_query *query,
          const char *expected)
{
    struct found found = { .len = 0 };
    factor_status status;

    status = factory->ops->read(box->store, query, note_row, &found, &box->err);
    if (status != FACTOR_OK) {
        tap_note("%d %s", status, box->err.text);
        return 0;
    }
    return is(&found, expected);
}

static struct factor_query
query_of(uint32_t kind, const char *collection, const char *key)
{
    return (struct factor_query){
        .struct_size = sizeof(struct factor_query),
        .kind = kind,
        .collection = collection,
        .key = key,
        .limit = 1000,
    };
}

int
box_holds(struct store_box *box, const char *collection, const char *expected)
{
    const struct factor_query query =
        query_of(FACTOR_QUERY_PAGE, collection, NULL);

    return box_finds(box, &query, expected);
}

int
box_audits(struct store_box *box, const char *writer, uint64_t after,
           uint32_t limit, const char *expected)
{
    struct found found = { .len = 0 };
    factor_status status;

    status = factory->ops->read_audit(box->store, writer, after, limit,
                                      note_audit, &found, &box->err);
    if (status != FACTOR_OK) {
        tap_note("%d %s", status, box->err.text);
        return 0;
    }
    return is(&found, expected);
}

/* ------------------------------------------------------- one record whole */

static int
same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* context is the row that is expected; a found one counts down from 1. */
struct expected {
    const struct factor_row *row;
    int found;
};

static factor_status
check_row(void *context, const struct factor_row *row)
{
    struct expected *expected = context;
    const struct factor_row *want = expected->row;

    expected->found++;
    CU_ASSERT(same_text(row->collection, want->collection));
    CU_ASSERT(same_text(row->id, want->id));
    CU_ASSERT(same_text(row->owner, want->owner));
    CU_ASSERT(same_text(row->name, want->name));
    CU_ASSERT_EQUAL(row->version, want->version);
    CU_ASSERT_EQUAL(row->expires_at_ms, want->expires_at_ms);
    CU_ASSERT_EQUAL(row->due_at_ms, want->due_at_ms);
    CU_ASSERT_EQUAL(row->key_version, want->key_version);
    CU_ASSERT_EQUAL_FATAL(row->body_len, want->body_len);
    CU_ASSERT_EQUAL(memcmp(row->body, want->body, row->body_len), 0);
    CU_ASSERT_EQUAL(row->body[row->body_len], '\0');
    CU_ASSERT_EQUAL_FATAL(row->mac_len, want->mac_len);
    CU_ASSERT_EQUAL(memcmp(row->mac, want->mac, row->mac_len), 0);
    return FACTOR_OK;
}

/* Whether the store gives this row, by id, and is right in every member. */
static int
gives(struct store_box *box, const struct factor_row *row)
{
    const struct factor_query query =
        query_of(FACTOR_QUERY_ID, row->collection, row->id);
    struct expected expected = { .row = row };
    factor_status status;

    status = factory->ops->read(box->store, &query, check_row, &expected,
                                &box->err);
    return status == FACTOR_OK && expected.found == 1;
}

static struct factor_row
full_row(uint64_t version)
{
    struct factor_row row = store_row("flow", "f1", version);

    row.owner = "u1";
    row.name = "näme";
    row.expires_at_ms = INT64_C(1700000000123);
    row.due_at_ms = INT64_C(1600000000456);
    row.key_version = 4000000000u;
    return row;
}

static void
reads_back_whole(void)
{
    struct factor_row row = full_row(1);
    struct factor_row bare = store_row("flow", "f2", 1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &bare), FACTOR_OK);
    CU_ASSERT(gives(&box, &row));
    CU_ASSERT(gives(&box, &bare));
    box_remove(&box);
}

static void
keeps_the_longest(void)
{
    static char body[FACTOR_BODY_MAX + 1];
    char collection[FACTOR_COLLECTION_MAX + 1], id[FACTOR_ID_MAX + 1];
    char name[FACTOR_NAME_MAX + 1];
    struct factor_row row;
    struct store_box box;

    memset(body, 'b', sizeof(body) - 1);
    memset(collection, 'c', sizeof(collection));
    memset(id, 'i', sizeof(id));
    memset(name, 'n', sizeof(name));
    collection[FACTOR_COLLECTION_MAX] = '\0';
    id[FACTOR_ID_MAX] = '\0';
    name[FACTOR_NAME_MAX] = '\0';
    row = store_row(collection, id, 1);
    row.name = name;
    row.owner = id;
    row.body = body;
    row.body_len = FACTOR_BODY_MAX;
    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    CU_ASSERT(gives(&box, &row));
    box_remove(&box);
}

/* ------------------------------------------------------- compare and swap */

static void
put_of_one_there(void)
{
    struct factor_row row = full_row(1);
    struct factor_row again = store_row("flow", "f1", 1);
    struct factor_row elsewhere = store_row("grant", "f1", 1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &again), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box.err.code, FACTOR_E_CONFLICT);
    CU_ASSERT(gives(&box, &row));
    CU_ASSERT_EQUAL(box_keep(&box, &elsewhere), FACTOR_OK);
    box_remove(&box);
}

static void
update_wants_the_version(void)
{
    struct factor_row two = store_row("flow", "f1", 2);
    struct factor_row three = store_row("flow", "f1", 3);
    struct factor_row other = store_row("flow", "f2", 2);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep(&box, "flow", "f1"), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &three), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &two), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &two), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &other), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &three), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "f1@3"));
    box_remove(&box);
}

/* The same where indexed members change too: a store may take another way. */
static void
full_update_wants_the_version(void)
{
    struct factor_row two = full_row(2);
    struct factor_row three = full_row(3);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep(&box, "flow", "f1"), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &three), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &two), FACTOR_OK);
    CU_ASSERT(gives(&box, &two));
    two.owner = NULL;
    CU_ASSERT_EQUAL(box_keep(&box, &two), FACTOR_E_CONFLICT);
    box_remove(&box);
}

static void
update_of_the_body_alone(void)
{
    struct factor_row row = full_row(1);
    static const uint8_t mac[3] = { 9, 0, 9 };
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    row.version = 2;
    row.body = "{}";
    row.body_len = 2;
    row.mac = mac;
    row.mac_len = sizeof(mac);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    CU_ASSERT(gives(&box, &row));
    box_remove(&box);
}

/* The queries by each indexed member that find full_row(1). */
#define MEMBERS 5

static void
queries_of_members(struct factor_query *queries)
{
    queries[0] = query_of(FACTOR_QUERY_OWNED, "flow", "u1");
    queries[1] = query_of(FACTOR_QUERY_NAME, "flow", "näme");
    queries[2] = query_of(FACTOR_QUERY_DUE, "flow", NULL);
    queries[3] = query_of(FACTOR_QUERY_EXPIRED, NULL, NULL);
    queries[4] = query_of(FACTOR_QUERY_KEY, NULL, NULL);
    queries[2].at_ms = queries[3].at_ms = INT64_MAX;
    queries[4].key_version = UINT32_MAX;
}

static void
change_member(struct factor_row *row, int member)
{
    switch (member) {
    case 0:
        row->owner = NULL;
        break;
    case 1:
        row->name = NULL;
        break;
    case 2:
        row->due_at_ms = 0;
        break;
    case 3:
        row->expires_at_ms = 0;
        break;
    default:
        row->key_version = UINT32_MAX;
        break;
    }
}

/* Each indexed member alone: changed, it finds the record no longer, the
 * others still do; and back again. */
static void
update_of_each_member(void)
{
    struct factor_query queries[MEMBERS];
    struct factor_row row = full_row(1);
    struct store_box box;
    char expected[8];
    int changed, i;

    queries_of_members(queries);
    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    for (changed = 0; changed < MEMBERS; changed++) {
        row = full_row(row.version + 1);
        change_member(&row, changed);
        CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
        CU_ASSERT(gives(&box, &row));
        snprintf(expected, sizeof(expected), "f1@%d", (int)row.version);
        for (i = 0; i < MEMBERS; i++)
            CU_ASSERT(box_finds(&box, &queries[i],
                                i == changed ? "" : expected));
        row = full_row(row.version + 1);
        CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
        CU_ASSERT(gives(&box, &row));
    }
    box_remove(&box);
}

static void
remove_wants_the_version(void)
{
    struct factor_row one = store_row("flow", "f1", 1);
    struct factor_row two = store_row("flow", "f1", 2);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE, &one),
                    FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &one), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &two), FACTOR_OK);
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE, &one),
                    FACTOR_E_CONFLICT);
    CU_ASSERT(box_holds(&box, "flow", "f1@2"));
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE, &two), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", ""));
    CU_ASSERT_EQUAL(box_keep(&box, &one), FACTOR_OK);
    box_remove(&box);
}

static void
conflict_leaves_nothing(void)
{
    struct factor_row rows[] = {
        store_row("flow", "new", 1),
        store_row("flow", "old", 2),
        store_row("flow", "moved", 4),
    };
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep(&box, "flow", "old"), FACTOR_OK);
    CU_ASSERT_EQUAL(keep(&box, "flow", "moved"), FACTOR_OK);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(&box, rows, 3), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    rows[2].version = 2;
    rows[2].id = "old";
    CU_ASSERT_EQUAL(box_apply(&box, &rows[2], 1), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(&box, rows, 3), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "moved@1 old@2"));
    CU_ASSERT(box_audits(&box, "w", 0, 10, "w:1"));
    box_remove(&box);
}

/* Later changes see earlier ones of the same batch, and of the same apply. */
static void
changes_build_on_each_other(void)
{
    struct factor_row rows[] = {
        store_row("flow", "f1", 1),
        store_row("flow", "f1", 2),
        store_row("flow", "f1", 3),
    };
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(&box, rows, 2), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &rows[1]), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_put(&box, &rows[2]), FACTOR_OK);
    CU_ASSERT_EQUAL(box_change(&box, FACTOR_CHANGE_REMOVE, &rows[2]),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &rows[0]), FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "f1@1"));
    box_remove(&box);
}

/* ------------------------------------------------------------------- names */

static void
name_is_unique(void)
{
    struct factor_row a = store_row("user", "a", 1);
    struct factor_row b = store_row("user", "b", 1);
    struct factor_row elsewhere = store_row("client", "c", 1);
    struct store_box box;

    a.name = b.name = elsewhere.name = "joe";
    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &a), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &b), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_keep(&box, &elsewhere), FACTOR_OK);
    b.name = "ann";
    CU_ASSERT_EQUAL(box_keep(&box, &b), FACTOR_OK);
    b.name = "joe";
    b.version = 2;
    CU_ASSERT_EQUAL(box_keep(&box, &b), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE, &a), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &b), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "user", "b@2"));
    box_remove(&box);
}

static void
name_clash_leaves_nothing(void)
{
    struct factor_row rows[] = {
        store_row("user", "b", 1),
        store_row("user", "c", 1),
    };
    struct factor_row a = store_row("user", "a", 1);
    struct store_box box;

    a.name = rows[1].name = "joe";
    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &a), FACTOR_OK);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(&box, rows, 2), FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "user", "a@1"));
    box_remove(&box);
}

static void
many_have_no_name(void)
{
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep(&box, "flow", "a"), FACTOR_OK);
    CU_ASSERT_EQUAL(keep(&box, "flow", "b"), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "a@1 b@1"));
    box_remove(&box);
}

/* ------------------------------------------------------------------- kinds */

static void
reads_by_name(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_NAME, "user", "joe");
    struct factor_row a = store_row("user", "a", 1);
    struct store_box box;

    a.name = "joe";
    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &a), FACTOR_OK);
    CU_ASSERT_EQUAL(keep(&box, "user", "joe"), FACTOR_OK);
    CU_ASSERT(box_finds(&box, &query, "a@1"));
    query.key = "Joe";
    CU_ASSERT(box_finds(&box, &query, ""));
    query.key = "joe";
    query.collection = "client";
    CU_ASSERT(box_finds(&box, &query, ""));
    box_remove(&box);
}

/* One of each id in a collection, with an owner. */
static void
keep_owned(struct store_box *box, const char *collection, const char *owner,
           const char *ids)
{
    char id[2] = "";

    for (; *ids; ids++) {
        struct factor_row row = store_row(collection, id, 1);

        id[0] = *ids;
        row.owner = owner;
        CU_ASSERT_EQUAL(box_keep(box, &row), FACTOR_OK);
    }
}

static void
reads_by_owner(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_OWNED, "device", "u1");
    struct store_box box;

    box_new(&box);
    keep_owned(&box, "device", "u1", "dbac");
    keep_owned(&box, "device", "u2", "ef");
    keep_owned(&box, "flow", "u1", "gh");
    keep_owned(&box, "device", NULL, "ij");
    CU_ASSERT(box_finds(&box, &query, "a@1 b@1 c@1 d@1"));
    query.limit = 2;
    CU_ASSERT(box_finds(&box, &query, "a@1 b@1"));
    query.after = "b";
    CU_ASSERT(box_finds(&box, &query, "c@1 d@1"));
    query.after = "bb";
    query.limit = 1;
    CU_ASSERT(box_finds(&box, &query, "c@1"));
    query.after = "d";
    CU_ASSERT(box_finds(&box, &query, ""));
    box_remove(&box);
}

static void
reads_pages(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_PAGE, "device", NULL);
    struct store_box box;

    box_new(&box);
    keep_owned(&box, "device", "u1", "dB");
    keep_owned(&box, "device", NULL, "ac");
    keep_owned(&box, "devicf", NULL, "xy");
    keep_owned(&box, "devicd", NULL, "xy");
    CU_ASSERT(box_finds(&box, &query, "B@1 a@1 c@1 d@1"));
    query.limit = 2;
    CU_ASSERT(box_finds(&box, &query, "B@1 a@1"));
    query.after = "a";
    CU_ASSERT(box_finds(&box, &query, "c@1 d@1"));
    query.after = "d";
    CU_ASSERT(box_finds(&box, &query, ""));
    box_remove(&box);
}

/* Keep a record that is due or expires at an instant. */
static void
keep_at(struct store_box *box, const char *collection, const char *id,
        int64_t due_at_ms, int64_t expires_at_ms)
{
    struct factor_row row = store_row(collection, id, 1);

    row.due_at_ms = due_at_ms;
    row.expires_at_ms = expires_at_ms;
    CU_ASSERT_EQUAL(box_keep(box, &row), FACTOR_OK);
}

static void
reads_what_is_due(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_DUE, "outbox", NULL);
    struct store_box box;

    box_new(&box);
    keep_at(&box, "outbox", "a", 300, 0);
    keep_at(&box, "outbox", "b", 100, 0);
    keep_at(&box, "outbox", "c", 200, 50);
    keep_at(&box, "outbox", "d", 0, 50);
    keep_at(&box, "flow", "e", 100, 0);
    query.at_ms = 200;
    CU_ASSERT(box_finds(&box, &query, "b@1 c@1"));
    query.at_ms = 199;
    CU_ASSERT(box_finds(&box, &query, "b@1"));
    query.at_ms = 1000;
    query.limit = 2;
    CU_ASSERT(box_finds(&box, &query, "b@1 c@1"));
    query.at_ms = 0;
    CU_ASSERT(box_finds(&box, &query, ""));
    box_remove(&box);
}

static void
reads_what_has_expired(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_EXPIRED, NULL, NULL);
    struct store_box box;

    box_new(&box);
    keep_at(&box, "flow", "a", 0, 300);
    keep_at(&box, "grant", "b", 0, 100);
    keep_at(&box, "session", "c", 50, 200);
    keep_at(&box, "session", "d", 50, 0);
    query.at_ms = 200;
    CU_ASSERT(box_finds(&box, &query, "b@1 c@1"));
    query.at_ms = 99;
    CU_ASSERT(box_finds(&box, &query, ""));
    query.at_ms = 1000;
    query.limit = 1;
    CU_ASSERT(box_finds(&box, &query, "b@1"));
    box_remove(&box);
}

static void
reads_what_older_keys_sealed(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_KEY, NULL, NULL);
    struct factor_row row = store_row("flow", "a", 1);
    struct store_box box;

    box_new(&box);
    row.key_version = 3;
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    row = store_row("grant", "b", 1);
    row.key_version = 2;
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    query.key_version = 3;
    CU_ASSERT(box_finds(&box, &query, "b@1"));
    query.key_version = 2;
    CU_ASSERT(box_finds(&box, &query, ""));
    query.key_version = 4;
    CU_ASSERT(box_finds(&box, &query, "b@1 a@1"));
    query.limit = 1;
    CU_ASSERT(box_finds(&box, &query, "b@1"));
    row.version = 2;
    row.key_version = 3;
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    query.key_version = 3;
    CU_ASSERT(box_finds(&box, &query, ""));
    box_remove(&box);
}

static factor_status
end_early(void *context, const struct factor_row *row)
{
    (void)row;
    ++*(int *)context;
    return -77;
}

static factor_status
end_audit_early(void *context, const struct factor_audit_row *row)
{
    (void)row;
    ++*(int *)context;
    return -77;
}

static void
callback_ends_the_read(void)
{
    struct factor_query query = query_of(FACTOR_QUERY_PAGE, "flow", NULL);
    struct store_box box;
    int calls = 0;

    box_new(&box);
    keep_owned(&box, "flow", NULL, "ab");
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 2), FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(factory->ops->read(box.store, &query, end_early, &calls,
                                       &box.err),
                    -77);
    CU_ASSERT_EQUAL(factory->ops->read_audit(box.store, "w", 0, 10,
                                             end_audit_early, &calls,
                                             &box.err),
                    -77);
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT(box_holds(&box, "flow", "a@1 b@1"));
    box_remove(&box);
}

/* ------------------------------------------------------------ the contract */

static void
refuses_wrong_queries(void)
{
    struct factor_query queries[] = {
        query_of(0, "flow", "a"),
        query_of(99, "flow", "a"),
        query_of(FACTOR_QUERY_ID, NULL, "a"),
        query_of(FACTOR_QUERY_ID, "flow", NULL),
        query_of(FACTOR_QUERY_PAGE, "flow", NULL),
        query_of(FACTOR_QUERY_PAGE, "flow", NULL),
        query_of(FACTOR_QUERY_DUE, NULL, NULL),
    };
    struct found found = { .len = 0 };
    struct store_box box;
    size_t i;

    queries[4].limit = 0;
    queries[5].limit = 1001;
    box_new(&box);
    for (i = 0; i < TAP_COUNT(queries); i++)
        CU_ASSERT_EQUAL(factory->ops->read(box.store, &queries[i], note_row,
                                           &found, &box.err),
                        FACTOR_E_INPUT);
    box_remove(&box);
}

static void
refuses_wrong_changes(void)
{
    struct factor_row row = store_row("flow", "a", 0);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_E_INPUT);
    row.version = UINT64_MAX;
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_E_INPUT);
    row.version = 1;
    CU_ASSERT_EQUAL(keep_change(&box, 0, &row), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE_OWNED, &row),
                    FACTOR_E_INPUT);
    row.body = NULL;
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(keep(&box, "flow", "b"), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "b@1"));
    box_remove(&box);
}

static void
failure_spoils_the_batch(void)
{
    struct factor_row row = store_row("flow", "a", 1);
    struct factor_row wrong = store_row("flow", "a", 0);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &wrong), FACTOR_E_INPUT);
    CU_ASSERT_NOT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", ""));
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    box_remove(&box);
}

/* ----------------------------------------------------------------- batches */

static void
readers_see_ended_batches(void)
{
    struct factor_row row = store_row("flow", "a", 1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", ""));
    CU_ASSERT(box_audits(&box, "w", 0, 10, ""));
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "a@1"));
    CU_ASSERT(box_audits(&box, "w", 0, 10, "w:1"));
    box_remove(&box);
}

static void
abort_leaves_nothing(void)
{
    struct factor_row row = store_row("flow", "a", 2);
    struct factor_row fresh = store_row("flow", "b", 1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(keep(&box, "flow", "a"), FACTOR_OK);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &fresh), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    factory->ops->abort(box.store);
    CU_ASSERT(box_holds(&box, "flow", "a@1"));
    CU_ASSERT(box_audits(&box, NULL, 0, 10, ""));
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "a@2"));
    box_remove(&box);
}

static void
open_batch_is_lost_at_close(void)
{
    struct factor_row row = store_row("flow", "a", 1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_put(&box, &row), FACTOR_OK);
    box_close(&box);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", ""));
    box_remove(&box);
}

static void
removes_what_is_owned(void)
{
    struct factor_row owner = store_row("user", "u1", 1);
    struct store_box box;

    box_new(&box);
    keep_owned(&box, "device", "u1", "abc");
    keep_owned(&box, "device", "u2", "d");
    keep_owned(&box, "flow", "u1", "ef");
    keep_owned(&box, "flow", NULL, "g");
    CU_ASSERT_EQUAL(box_keep(&box, &owner), FACTOR_OK);
    owner.owner = "u1";
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE_OWNED, &owner),
                    FACTOR_OK);
    CU_ASSERT(box_holds(&box, "device", "d@1"));
    CU_ASSERT(box_holds(&box, "flow", "g@1"));
    CU_ASSERT(box_holds(&box, "user", "u1@1"));
    CU_ASSERT_EQUAL(keep_change(&box, FACTOR_CHANGE_REMOVE_OWNED, &owner),
                    FACTOR_OK);
    box_remove(&box);
}

/* A user goes together with what it owns, or stays with it. */
static void
removal_and_conflict(void)
{
    struct factor_row owner = store_row("user", "u1", 1);
    struct factor_row moved = store_row("user", "u1", 7);
    const struct factor_change owned = { sizeof(owned),
                                         FACTOR_CHANGE_REMOVE_OWNED, &owner };
    const struct factor_change gone = { sizeof(gone), FACTOR_CHANGE_REMOVE,
                                        &moved };
    const struct factor_change *list[] = { &owned, &gone };
    struct store_box box;

    box_new(&box);
    keep_owned(&box, "device", "u1", "ab");
    CU_ASSERT_EQUAL(box_keep(&box, &owner), FACTOR_OK);
    owner.owner = "u1";
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(factory->ops->apply(box.store, list, 2, &box.err),
                    FACTOR_E_CONFLICT);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "device", "a@1 b@1"));
    moved.version = 1;
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(factory->ops->apply(box.store, list, 2, &box.err),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "device", ""));
    CU_ASSERT(box_holds(&box, "user", ""));
    box_remove(&box);
}

/* ------------------------------------------------------------------- audit */

/* A batch of audit events from first to last. */
static factor_status
audit_from_to(struct store_box *box, const char *writer, uint64_t first,
              uint64_t last)
{
    factor_status status = box_begin(box);

    for (; status == FACTOR_OK && first <= last; first++)
        status = box_append(box, writer, first);
    if (status == FACTOR_OK)
        return box_end(box);
    factory->ops->abort(box->store);
    return status;
}

static void
audit_reads_in_order(void)
{
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(audit_from_to(&box, "b", 1, 3), FACTOR_OK);
    CU_ASSERT_EQUAL(audit_from_to(&box, "a", 1, 2), FACTOR_OK);
    CU_ASSERT_EQUAL(audit_from_to(&box, "b", 4, 12), FACTOR_OK);
    CU_ASSERT(box_audits(&box, "b", 0, 3, "b:1 b:2 b:3"));
    CU_ASSERT(box_audits(&box, "b", 8, 100, "b:9 b:10 b:11 b:12"));
    CU_ASSERT(box_audits(&box, "b", 12, 100, ""));
    CU_ASSERT(box_audits(&box, "a", 0, 100, "a:1 a:2"));
    CU_ASSERT(box_audits(&box, "c", 0, 100, ""));
    CU_ASSERT(box_audits(&box, NULL, 9, 100, "b:10 b:11 b:12"));
    CU_ASSERT(box_audits(&box, "a", 0, 0, "a:2"));
    CU_ASSERT(box_audits(&box, "c", 0, 0, ""));
    CU_ASSERT(box_audits(&box, NULL, 0, 0, "b:12"));
    box_remove(&box);
}

static factor_status
check_audit(void *context, const struct factor_audit_row *row)
{
    ++*(int *)context;
    CU_ASSERT_STRING_EQUAL(row->writer, "w");
    CU_ASSERT_EQUAL(row->sequence, 1);
    CU_ASSERT_EQUAL(row->at_ms, INT64_C(1700000000001));
    CU_ASSERT_EQUAL(row->event_len, strlen(row->event));
    CU_ASSERT_STRING_EQUAL(row->event, "{\"events\":[{\"event\":\"a.b\"}]}");
    CU_ASSERT_EQUAL(memcmp(row->hash, some_mac, 32), 0);
    CU_ASSERT_EQUAL(memcmp(row->mac, some_mac, 32), 0);
    return FACTOR_OK;
}

static void
audit_reads_back_whole(void)
{
    struct store_box box;
    int calls = 0;

    box_new(&box);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 1, 1), FACTOR_OK);
    CU_ASSERT_EQUAL(factory->ops->read_audit(box.store, "w", 0, 10,
                                             check_audit, &calls, &box.err),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(calls, 1);
    box_remove(&box);
}

static void
audit_refuses_gaps(void)
{
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 2, 2), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 0, 0), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 1, 2), FACTOR_OK);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 4, 4), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 2, 2), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "x", 3, 3), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "x", 1, 1), FACTOR_OK);
    box_close(&box);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 4, 4), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 3, 3), FACTOR_OK);
    CU_ASSERT(box_audits(&box, "w", 0, 100, "w:1 w:2 w:3"));
    box_remove(&box);
}

/* ------------------------------------------------------------ open, reopen */

static void
reopen_finds_all(void)
{
    struct factor_row row = full_row(1);
    struct store_box box;

    box_new(&box);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    CU_ASSERT_EQUAL(audit_from_to(&box, "w", 1, 2), FACTOR_OK);
    box_close(&box);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_OK);
    CU_ASSERT(gives(&box, &row));
    CU_ASSERT(box_audits(&box, "w", 0, 10, "w:1 w:2"));
    box_remove(&box);
}

/* What opening the same store once more returns. */
static factor_status
open_again(const struct store_box *box)
{
    struct store_box other = *box;
    factor_status status;

    other.store = NULL;
    status = box_open(&other);
    if (status != FACTOR_OK)
        tap_note("%s", other.err.text);
    if (strchr(other.err.text, '\n'))
        status = FACTOR_E_INTERNAL;
    box_close(&other);
    return status;
}

static int
shared(void)
{
    if (!(factory->ops->flags & FACTOR_STORE_SHARED))
        return 0;
    tap_skip("several processes may write this store");
    return 1;
}

static void
second_opener_is_refused(void)
{
    struct store_box box;
    int wstatus = -1;
    pid_t child;

    if (shared())
        return;
    box_new(&box);
    CU_ASSERT_EQUAL(open_again(&box), FACTOR_E_CONFIG);
    fflush(stdout);
    child = fork();
    if (child == 0)
        _exit(open_again(&box) == FACTOR_E_CONFIG ? 0 : 1);
    CU_ASSERT_EQUAL(waitpid(child, &wstatus, 0), child);
    CU_ASSERT_EQUAL(wstatus, 0);
    CU_ASSERT_EQUAL(keep(&box, "flow", "a"), FACTOR_OK);
    box_close(&box);
    CU_ASSERT_EQUAL(open_again(&box), FACTOR_OK);
    box_remove(&box);
}

/* In a child: keep a record, begin another, say so and wait to be killed. */
static void
hold(struct store_box *box, int ready)
{
    struct factor_row row = store_row("flow", "b", 1);

    if (box_open(box) != FACTOR_OK || keep(box, "flow", "a") != FACTOR_OK ||
        box_begin(box) != FACTOR_OK || box_put(box, &row) != FACTOR_OK ||
        write(ready, "r", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void
killed_holder_lets_go(void)
{
    struct store_box box;
    int ends[2];
    pid_t child;
    char byte;

    if (shared())
        return;
    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    fflush(stdout);
    child = fork();
    if (child == 0)
        hold(&box, ends[1]);
    close(ends[1]);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_E_CONFIG);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    CU_ASSERT(box_holds(&box, "flow", "a@1"));
    CU_ASSERT_EQUAL(keep(&box, "flow", "c"), FACTOR_OK);
    close(ends[0]);
    box_remove(&box);
}

/* ----------------------------------------------------- many threads at once */

#define READER_COUNT 4
#define ROUNDS 150

/* A pair of records with one owner, always written in one batch. */
struct pair {
    struct store_box *box;
    atomic_bool stop;
    atomic_int torn;   /* reads that saw the two at different versions */
    atomic_int failed;
    atomic_int reads;
};

struct versions {
    uint64_t seen[2];
    int count;
};

static factor_status
note_version(void *context, const struct factor_row *row)
{
    struct versions *versions = context;

    if (versions->count < 2)
        versions->seen[versions->count++] = row->version;
    return FACTOR_OK;
}

static void *
read_pair(void *context)
{
    const struct factor_query query =
        query_of(FACTOR_QUERY_OWNED, "device", "u1");
    struct pair *pair = context;

    do {
        struct versions versions = { .count = 0 };
        struct factor_error err;

        if (factory->ops->read(pair->box->store, &query, note_version,
                               &versions, &err) != FACTOR_OK)
            atomic_fetch_add(&pair->failed, 1);
        if (versions.count != 2 || versions.seen[0] != versions.seen[1])
            atomic_fetch_add(&pair->torn, 1);
        atomic_fetch_add(&pair->reads, 1);
    } while (!atomic_load(&pair->stop));
    return NULL;
}

static factor_status
write_pair(struct store_box *box, uint64_t version)
{
    struct factor_row rows[] = {
        store_row("device", "a", version),
        store_row("device", "b", version),
    };
    factor_status status = box_begin(box);

    rows[0].owner = rows[1].owner = "u1";
    if (status == FACTOR_OK)
        status = box_put(box, &rows[0]);
    if (status == FACTOR_OK)
        status = box_put(box, &rows[1]);
    if (status == FACTOR_OK)
        status = box_append(box, "w", version);
    if (status == FACTOR_OK)
        status = box_end(box);
    if (status != FACTOR_OK) {
        tap_note("%d %s", status, box->err.text);
        factory->ops->abort(box->store);
    }
    factory->ops->maintain(box->store);
    return status;
}

static void
reads_beside_a_writer(void)
{
    pthread_t threads[READER_COUNT + 2];
    struct store_box box;
    struct pair pair = { .box = &box };
    uint64_t version;
    size_t i;

    box_new(&box);
    CU_ASSERT_EQUAL_FATAL(write_pair(&box, 1), FACTOR_OK);
    for (i = 0; i < TAP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, read_pair, &pair);
    for (version = 2; version <= ROUNDS; version++)
        CU_ASSERT_EQUAL(write_pair(&box, version), FACTOR_OK);
    atomic_store(&pair.stop, true);
    for (i = 0; i < TAP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&pair.torn), 0);
    CU_ASSERT_EQUAL(atomic_load(&pair.failed), 0);
    tap_note("%d reads beside %d batches", atomic_load(&pair.reads), ROUNDS);
    box_remove(&box);
}

/* ------------------------------------------------------------------ backup */

/* Where a copy is opened: a box whose store it becomes. */
struct copying {
    struct store_box *box;
    char path[128];
    factor_status status;
    struct factor_error err;
    atomic_bool done;
};

static void *
run_backup(void *context)
{
    struct copying *copying = context;

    copying->status = factory->ops->backup(copying->box->store, copying->path,
                                           &copying->err);
    atomic_store(&copying->done, true);
    return NULL;
}

static factor_status
last_version(void *context, const struct factor_row *row)
{
    *(uint64_t *)context = row->version;
    return FACTOR_OK;
}

static factor_status
last_sequence(void *context, const struct factor_audit_row *row)
{
    *(uint64_t *)context = row->sequence;
    return FACTOR_OK;
}

/* Both records and the audit are of one batch, and it is this or later. */
static void
check_copy(struct store_box *copy, uint64_t at_least)
{
    struct factor_query query = query_of(FACTOR_QUERY_ID, "device", "a");
    uint64_t a = 0, b = 0, sequence = 0;

    CU_ASSERT_EQUAL_FATAL(box_open(copy), FACTOR_OK);
    factory->ops->read(copy->store, &query, last_version, &a, &copy->err);
    query.key = "b";
    factory->ops->read(copy->store, &query, last_version, &b, &copy->err);
    factory->ops->read_audit(copy->store, "w", 0, 0, last_sequence, &sequence,
                             &copy->err);
    CU_ASSERT(a >= at_least);
    CU_ASSERT_EQUAL(a, b);
    CU_ASSERT_EQUAL(a, sequence);
    CU_ASSERT_EQUAL(write_pair(copy, a + 1), FACTOR_OK);
}

/* Enough that a backup takes several steps. */
static void
fill(struct store_box *box, int count)
{
    static char body[8000];
    struct factor_row row = store_row("filling", NULL, 1);
    char id[16];
    int i;

    memset(body, 'b', sizeof(body));
    row.body = body;
    row.body_len = sizeof(body);
    row.id = id;
    CU_ASSERT_EQUAL(box_begin(box), FACTOR_OK);
    for (i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "%08d", i);
        CU_ASSERT_EQUAL(box_put(box, &row), FACTOR_OK);
    }
    CU_ASSERT_EQUAL(box_end(box), FACTOR_OK);
}

static void
backs_up_while_writing(void)
{
    struct store_box box, copy;
    struct copying copying = { .box = &box };
    uint64_t version = 1;
    pthread_t thread;
    struct stat st;

    box_new(&box);
    box_make(&copy);
    snprintf(copying.path, sizeof(copying.path), "%s",
             box_path(&copy, "store.db"));
    fill(&box, 2000);
    CU_ASSERT_EQUAL(write_pair(&box, version), FACTOR_OK);
    pthread_create(&thread, NULL, run_backup, &copying);
    while (!atomic_load(&copying.done))
        CU_ASSERT_EQUAL(write_pair(&box, ++version), FACTOR_OK);
    pthread_join(thread, NULL);
    if (copying.status == FACTOR_E_UNSUPPORTED) {
        tap_skip("this store makes no backups");
    } else {
        tap_note("%llu batches meanwhile", (unsigned long long)version - 1);
        CU_ASSERT_EQUAL(copying.status, FACTOR_OK);
        CU_ASSERT_EQUAL(stat(copying.path, &st), 0);
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
        check_copy(&copy, 1);
    }
    box_remove(&copy);
    box_remove(&box);
}

static void
backup_refuses_a_file(void)
{
    struct store_box box;
    FILE *file;
    char path[128];

    box_new(&box);
    snprintf(path, sizeof(path), "%s", box_path(&box, "there"));
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("mine", file);
    fclose(file);
    CU_ASSERT_NOT_EQUAL(factory->ops->backup(box.store, path, &box.err),
                        FACTOR_OK);
    file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fgetc(file), 'm');
    fclose(file);
    CU_ASSERT_NOT_EQUAL(
        factory->ops->backup(box.store, "/nonexistent/copy", &box.err),
        FACTOR_OK);
    box_remove(&box);
}

/* --------------------------------------------------------------------- all */

static const struct tap_test suite[] = {
    { "a record is read back whole", reads_back_whole },
    { "the longest texts and bodies are kept", keeps_the_longest },
    { "version 1 conflicts with a record that is there", put_of_one_there },
    { "an update wants the version before it", update_wants_the_version },
    { "an update of everything wants it too", full_update_wants_the_version },
    { "an update may change the body alone", update_of_the_body_alone },
    { "an update moves a record in every index", update_of_each_member },
    { "a removal wants the version", remove_wants_the_version },
    { "a conflict leaves nothing of its apply and the batch goes on",
      conflict_leaves_nothing },
    { "changes of a batch build on each other", changes_build_on_each_other },
    { "a name is unique in its collection", name_is_unique },
    { "a clash of names leaves nothing of its apply",
      name_clash_leaves_nothing },
    { "many records have no name", many_have_no_name },
    { "a record is found by its name", reads_by_name },
    { "an owner's records come by id, in pages", reads_by_owner },
    { "a collection comes by id, in pages", reads_pages },
    { "what is due comes oldest first", reads_what_is_due },
    { "what has expired comes from all collections", reads_what_has_expired },
    { "what older keys sealed is found", reads_what_older_keys_sealed },
    { "a row function may end the read", callback_ends_the_read },
    { "a query that breaks the contract is refused", refuses_wrong_queries },
    { "a change that breaks the contract is refused", refuses_wrong_changes },
    { "a failed change spoils its batch", failure_spoils_the_batch },
    { "readers see only batches that have ended", readers_see_ended_batches },
    { "an aborted batch leaves nothing", abort_leaves_nothing },
    { "a batch that is open at close leaves nothing",
      open_batch_is_lost_at_close },
    { "all that is owned goes, in every collection", removes_what_is_owned },
    { "an owner goes with what it owns or not at all", removal_and_conflict },
    { "audit comes in order, in pages, or its newest", audit_reads_in_order },
    { "an audit event is read back whole", audit_reads_back_whole },
    { "audit refuses gaps and repetitions", audit_refuses_gaps },
    { "a store opened again has everything", reopen_finds_all },
    { "a second opener is refused", second_opener_is_refused },
    { "a killed holder lets go", killed_holder_lets_go },
    { "readers beside a writer see whole batches", reads_beside_a_writer },
    { "a backup while writing is of one instant", backs_up_while_writing },
    { "a backup replaces no file", backup_refuses_a_file },
};

int
store_suite_main(const char *name, const struct store_factory *of,
                 const struct tap_test *own, size_t count)
{
    struct tap_test *all = calloc(TAP_COUNT(suite) + count, sizeof(*all));
    int status;

    if (!all)
        return EXIT_FAILURE;
    memcpy(all, suite, sizeof(suite));
    if (count > 0)
        memcpy(all + TAP_COUNT(suite), own, count * sizeof(*all));
    store_suite_use(of);
    status = tap_main(name, all, TAP_COUNT(suite) + count);
    free(all);
    return status;
}
