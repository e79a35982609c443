/* SPDX-License-Identifier: MIT */
/* tests/test_store.c - the store plugins: the common suite over each, and
 * what is SQLite's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include "factor/plugin.h"
#include "plugin/store-sqlite/read.h"
#include "plugin/store-sqlite/write.h"
#include "tests/store_suite.h"

static json_t *
sqlite_settings(const char *directory)
{
    return json_pack("{s:o, s:s, s:i, s:i, s:n}", "path",
                     json_sprintf("%s/store.db", directory), "synchronous",
                     "FULL", "cache", 1 << 20, "readers", 4, "vfs");
}

/* --------------------------------------------------------- what it declares */

static void
declares_itself(void)
{
    const struct factor_plugin *plugin = factor_plugin_v1();
    size_t count = 0;

    CU_ASSERT_EQUAL(plugin->kind, FACTOR_KIND_STORE);
    CU_ASSERT_STRING_EQUAL(plugin->name, "sqlite");
    while (plugin->settings[count]) {
        CU_ASSERT_EQUAL(plugin->settings[count]->struct_size,
                        sizeof(struct factor_setting));
        count++;
    }
    CU_ASSERT_EQUAL(count, 5);
}

/* -------------------------------------------------------------- query plans */

/* Run a statement without parameters on a file of the box. */
static int
run_sql(struct store_box *box, const char *text)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    int rc = sqlite3_open(box_path(box, "store.db"), &db);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, text, NULL, NULL, &why);
    if (why)
        tap_note("%s", why);
    sqlite3_free(why);
    sqlite3_close(db);
    return rc;
}

/* The plan's lines, joined by "; ". */
static void
plan_of(sqlite3 *db, const char *text, char *plan, size_t size)
{
    sqlite3_stmt *explain = NULL;
    char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);

    plan[0] = '\0';
    CU_ASSERT_EQUAL(sqlite3_prepare_v2(db, sql, -1, &explain, NULL),
                    SQLITE_OK);
    while (sqlite3_step(explain) == SQLITE_ROW) {
        size_t len = strlen(plan);

        snprintf(plan + len, size - len, "%s%s", len ? "; " : "",
                 (const char *)sqlite3_column_text(explain, 3));
    }
    sqlite3_finalize(explain);
    sqlite3_free(sql);
}

/* Words that open a statement which searches nothing. */
static int
has_no_plan(const char *text)
{
    static const char *const words[] = { "BEGIN",   "COMMIT",   "ROLLBACK",
                                         "RELEASE", "SAVEPOINT" };
    size_t i;

    for (i = 0; i < TAP_COUNT(words); i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return 1;
    return 0;
}

static void
check_plans(sqlite3 *db, const struct sql_statement *table, size_t count)
{
    char plan[512];
    size_t i;

    for (i = 0; i < count; i++) {
        const char *expected = table[i].plan ? table[i].plan : "";

        if (has_no_plan(table[i].text))
            continue;
        plan_of(db, table[i].text, plan, sizeof(plan));
        if (strcmp(plan, expected) != 0)
            tap_note("%s: %s", table[i].name, plan);
        CU_ASSERT_STRING_EQUAL(plan, expected);
    }
}

static void
plans_are_as_meant(void)
{
    const struct sql_statement *table;
    struct store_box box;
    sqlite3 *db = NULL;
    size_t count;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(box_path(&box, "store.db"), &db),
                          SQLITE_OK);
    table = read_statements(&count);
    check_plans(db, table, count);
    table = write_statements(&count);
    check_plans(db, table, count);
    sqlite3_close(db);
    box_remove(&box);
}

/* --------------------------------------------------------- what it refuses */

static void
refuses_a_newer_schema(void)
{
    struct store_box box;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    box_close(&box);
    CU_ASSERT_EQUAL(run_sql(&box, "UPDATE meta SET value = 7"), SQLITE_OK);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(box.err.text, "has schema 7, this factord "
                                                "reads up to 1: "));
    CU_ASSERT_PTR_NULL(strchr(box.err.text, '\n'));
    CU_ASSERT_EQUAL(run_sql(&box, "UPDATE meta SET value = 1"), SQLITE_OK);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_OK);
    box_remove(&box);
}

static void
refuses_another_database(void)
{
    struct store_box box;

    box_make(&box);
    CU_ASSERT_EQUAL(run_sql(&box, "CREATE TABLE record (a)"), SQLITE_OK);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(box.err.text, "not a store"));
    box_remove(&box);
}

static void
refuses_what_is_no_database(void)
{
    struct store_box box;
    FILE *file;
    int i;

    box_make(&box);
    file = fopen(box_path(&box, "store.db"), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (i = 0; i < 1000; i++)
        fputs("These are not the pages you are looking for.\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(box_open(&box), FACTOR_E_CONFIG);
    tap_note("%s", box.err.text);
    box_remove(&box);
}

/* -------------------------------------------------------------------- files */

static void
files_are_private(void)
{
    static const char *const names[] = { "store.db", "store.db-wal",
                                         "store.db-shm", "store.db.lock" };
    struct factor_row row = store_row("flow", "a", 1);
    struct store_box box;
    mode_t mask = umask(0);
    struct stat st;
    size_t i;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
    for (i = 0; i < TAP_COUNT(names); i++) {
        CU_ASSERT_EQUAL(stat(box_path(&box, names[i]), &st), 0);
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
    }
    umask(mask);
    box_remove(&box);
}

/* The log is used again from its beginning, and not cut off. */
static void
log_stays_small(void)
{
    const struct factor_store_ops *ops = factor_plugin_v1()->ops;
    struct factor_row row = store_row("flow", "a", 1);
    off_t largest = 0;
    struct store_box box;
    struct stat st;
    int shrunk = 0;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    for (; row.version <= 1000; row.version++) {
        CU_ASSERT_EQUAL(box_keep(&box, &row), FACTOR_OK);
        ops->maintain(box.store);
        CU_ASSERT_EQUAL(stat(box_path(&box, "store.db-wal"), &st), 0);
        shrunk |= st.st_size < largest;
        largest = st.st_size > largest ? st.st_size : largest;
    }
    tap_note("the log has at most %lld bytes", (long long)largest);
    CU_ASSERT(largest < 260 * (4096 + 24));
    CU_ASSERT_FALSE(shrunk);
    box_remove(&box);
}

/* --------------------------------------------------------- for the operator */

static void
shows_views(void)
{
    static const char text[] =
        "SELECT (SELECT username || enabled || email FROM users)"
        " || (SELECT expires_at || body FROM flows)"
        " || (SELECT count(*) FROM authenticators)"
        " || (SELECT due_at || channel FROM outbox)"
        " || (SELECT at || events FROM audit_log)";
    struct factor_row rows[3];
    struct store_box box;
    sqlite3_stmt *select = NULL;
    sqlite3 *db = NULL;
    size_t i;

    rows[0] = store_row("user", "u1", 1);
    rows[0].body = "{\"username\":\"Joe\",\"enabled\":true,"
                   "\"attributes\":{\"email\":\"j@x\"}}";
    rows[1] = store_row("flow", "f1", 1);
    rows[1].body = "{\"v\":1,\"secret\":\"AAAA\"}";
    rows[1].expires_at_ms = 1;
    rows[2] = store_row("outbox", "o1", 1);
    rows[2].body = "{\"channel\":\"email\"}";
    rows[2].due_at_ms = INT64_C(1700000000999);
    for (i = 0; i < TAP_COUNT(rows); i++)
        rows[i].body_len = strlen(rows[i].body);
    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_begin(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(&box, rows, 3), FACTOR_OK);
    CU_ASSERT_EQUAL(box_append(&box, "w", 1), FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(&box), FACTOR_OK);
    CU_ASSERT_EQUAL(sqlite3_open(box_path(&box, "store.db"), &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, text, -1, &select, NULL),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(select), SQLITE_ROW);
    CU_ASSERT_STRING_EQUAL(sqlite3_column_text(select, 0),
                           "Joe1j@x1970-01-01T00:00:00.001Z{\"v\":1}0"
                           "2023-11-14T22:13:20.999Zemail"
                           "2023-11-14T22:13:20.001Za.b");
    sqlite3_finalize(select);
    sqlite3_close(db);
    box_remove(&box);
}

/* -------------------------------------------------- stores of older builds */

static int
copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    FILE *out = in ? fopen(to, "wb") : NULL;
    int c, failed;

    if (!out) {
        if (in)
            fclose(in);
        return -1;
    }
    while ((c = getc(in)) != EOF)
        putc(c, out);
    failed = ferror(in) || ferror(out);
    fclose(in);
    return fclose(out) || failed ? -1 : 0;
}

static const char *
kept_store(int schema)
{
    const char *srcdir = getenv("FACTOR_SRCDIR");
    static char path[512];

    snprintf(path, sizeof(path), "%s/tests/stores/schema-%d.db",
             srcdir ? srcdir : ".", schema);
    return path;
}

/* What the store of schema 1 was filled with; see tests/stores/README.md. */
static void
fill_kept_store(struct store_box *box)
{
    struct factor_row rows[3];
    uint64_t i;

    rows[0] = store_row("user", "u1", 1);
    rows[0].name = "joe";
    rows[1] = store_row("otp.authenticator", "a1", 1);
    rows[1].owner = "u1";
    rows[1].expires_at_ms = 1000;
    rows[2] = store_row("outbox", "o1", 1);
    rows[2].due_at_ms = 2000;
    CU_ASSERT_EQUAL(box_begin(box), FACTOR_OK);
    CU_ASSERT_EQUAL(box_apply(box, rows, 3), FACTOR_OK);
    for (i = 1; i <= 3; i++)
        CU_ASSERT_EQUAL(box_append(box, "w", i), FACTOR_OK);
    CU_ASSERT_EQUAL(box_end(box), FACTOR_OK);
}

static void
check_kept_store(struct store_box *box)
{
    struct factor_query query = { .struct_size = sizeof(query),
                                  .kind = FACTOR_QUERY_OWNED,
                                  .collection = "otp.authenticator",
                                  .key = "u1",
                                  .limit = 10 };
    struct factor_row row = store_row("user", "u1", 2);

    CU_ASSERT(box_finds(box, &query, "a1@1"));
    query.kind = FACTOR_QUERY_NAME;
    query.collection = "user";
    query.key = "joe";
    CU_ASSERT(box_finds(box, &query, "u1@1"));
    query.kind = FACTOR_QUERY_DUE;
    query.collection = "outbox";
    query.key = NULL;
    query.at_ms = 2000;
    CU_ASSERT(box_finds(box, &query, "o1@1"));
    CU_ASSERT(box_audits(box, "w", 0, 10, "w:1 w:2 w:3"));
    CU_ASSERT_EQUAL(box_keep(box, &row), FACTOR_OK);
    CU_ASSERT(box_holds(box, "user", "u1@2"));
}

static void
opens_schema_1(void)
{
    struct store_box box;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(
        copy_file(kept_store(1), box_path(&box, "store.db")), 0);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    check_kept_store(&box);
    box_remove(&box);
}

/* Only when asked: the file that the test above opens, for this schema.  Not
 * a test, but it needs what tests have. */
static void
makes_a_store_to_keep(void)
{
    const char *path = getenv("FACTOR_MAKE_STORE");
    struct store_box box;

    box_make(&box);
    CU_ASSERT_EQUAL_FATAL(box_open(&box), FACTOR_OK);
    fill_kept_store(&box);
    box_close(&box);
    CU_ASSERT_EQUAL(copy_file(box_path(&box, "store.db"), path), 0);
    box_remove(&box);
}

static const struct tap_test tests[] = {
    { "sqlite: says what it is", declares_itself },
    { "sqlite: every query plan is the one that was meant",
      plans_are_as_meant },
    { "sqlite: a newer schema is refused, and left as it was",
      refuses_a_newer_schema },
    { "sqlite: a database of something else is refused",
      refuses_another_database },
    { "sqlite: a file that is no database is refused",
      refuses_what_is_no_database },
    { "sqlite: all files are the owner's alone", files_are_private },
    { "sqlite: the log begins anew and is never cut off", log_stays_small },
    { "sqlite: views show times and leave out what is sealed", shows_views },
    { "sqlite: a store of schema 1 opens", opens_schema_1 },
};

static const struct tap_test making[] = {
    { "a store to keep is made", makes_a_store_to_keep },
};

int
main(void)
{
    const struct store_factory factory = {
        .ops = factor_plugin_v1()->ops,
        .settings = sqlite_settings,
    };

    if (getenv("FACTOR_MAKE_STORE"))
        return store_suite_main("store-sqlite", &factory, making,
                                TAP_COUNT(making));
    return store_suite_main("store-sqlite", &factory, tests,
                            TAP_COUNT(tests));
}
