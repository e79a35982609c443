/* SPDX-License-Identifier: MIT */
/* tests/test_outbox.c - messages are delivered at least once, and never
 * later than they should be. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/json.h"
#include "host/log.h"
#include "tests/outbox_rig.h"

static struct factor_delivery first, second;

static void
set_up(void)
{
    fake_make(&first);
    fake_make(&second);
    rig_make();
}

static void
tear_down(void)
{
    rig_remove();
    fake_clear(&first);
    fake_clear(&second);
}

/* One e-mail back end, started. */
static void
start_one(void)
{
    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_start();
}

/* Two e-mail back ends, started. */
static void
start_two(void)
{
    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_backend("email", &rig_parallel, &second);
    rig_start();
}

static void
answers(struct factor_delivery *fake, const uint32_t *results, size_t count)
{
    fake_answer(fake, results, count, 0);
}

static const uint32_t always_deferred[] = {FACTOR_DELIVERY_DEFERRED};
static const uint32_t always_bad_address[] = {FACTOR_DELIVERY_REFUSED_ADDRESS};
static const uint32_t always_bad_account[] = {FACTOR_DELIVERY_REFUSED_ACCOUNT};
static const uint32_t never_mine[] = {FACTOR_DELIVERY_NOT_MINE};
static const uint32_t deferred_once[] = {FACTOR_DELIVERY_DEFERRED,
                                         FACTOR_DELIVERY_SENT};

static const struct rig_message plain;

/* --- Sending. --- */

static void
sends_a_message(void)
{
    const struct rig_message message = {
        .variables = json_pack("{s:s}", "name", "Jane")};
    struct record *record;
    char id[23];

    start_one();
    first.reference = "250-17";
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_count(&first), 1);
    CU_ASSERT_STRING_EQUAL(first.seen[0].id, id);
    CU_ASSERT_STRING_EQUAL(first.seen[0].address, RIG_ADDRESS);
    CU_ASSERT_STRING_EQUAL(first.seen[0].code, RIG_CODE);
    CU_ASSERT_STRING_EQUAL(first.seen[0].subject, "Your passcode");
    CU_ASSERT_STRING_EQUAL(first.seen[0].text,
                           "Hello Jane,\nyour passcode for Acme is " RIG_CODE
                           ".");
    CU_ASSERT_EQUAL(first.seen[0].attempt, 1);
    record = rig_record("outbox", id);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "reference"), "250-17");
    CU_ASSERT_EQUAL(record->face.expires_at_ms, RIG_START_MS + 3600000);
    CU_ASSERT_EQUAL(record->due_at_ms, 0);
    record_unref(record);
    tear_down();
}

/* Whether a file of the rig holds these bytes anywhere. */
static bool
file_holds(const char *name, const char *text)
{
    FILE *file = fopen(rig_path(name), "rb");
    struct stat st;
    char *bytes;
    bool holds;

    if (!file || fstat(fileno(file), &st) != 0 || st.st_size == 0) {
        if (file)
            fclose(file);
        return false;
    }
    bytes = malloc((size_t)st.st_size);
    holds = fread(bytes, 1, (size_t)st.st_size, file) == (size_t)st.st_size &&
            memmem(bytes, (size_t)st.st_size, text, strlen(text));
    free(bytes);
    fclose(file);
    return holds;
}

static void
leaves_no_secret(void)
{
    static const char *const files[] = {"store.db", "store.db-wal"};
    char sent[23], refused[23];
    struct record *record;
    size_t i;

    start_one();
    rig_send(&plain, sent);
    CU_ASSERT(rig_wait(sent, "sent"));
    answers(&first, always_bad_address, 1);
    rig_send(&plain, refused);
    CU_ASSERT(rig_wait(refused, "refused"));
    record = rig_record("outbox", sent);
    CU_ASSERT_PTR_NULL(json_object_get(record->body, "secret"));
    record_unref(record);
    record = rig_record("outbox", refused);
    CU_ASSERT_PTR_NULL(json_object_get(record->body, "secret"));
    record_unref(record);
    /* The log must be read as it is, and is gone once the store is closed. */
    CU_ASSERT(file_holds("store.db-wal", sent));
    for (i = 0; i < TAP_COUNT(files); i++) {
        CU_ASSERT_FALSE(file_holds(files[i], RIG_CODE));
        CU_ASSERT_FALSE(file_holds(files[i], RIG_ADDRESS));
    }
    rig_close();
    CU_ASSERT(file_holds("store.db", sent));
    CU_ASSERT_FALSE(file_holds("store.db", RIG_CODE));
    CU_ASSERT_FALSE(file_holds("store.db", RIG_ADDRESS));
    tear_down();
}

static void
keeps_no_row(void)
{
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig.settings.keep_settled_ms = 0;
    rig_start();
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "gone"));
    CU_ASSERT_EQUAL(fake_count(&first), 1);
    tear_down();
}

/* --- Leases and restarts. --- */


/* As a worker does, which then dies. */
static void
claim_and_die(const char *id)
{
    uint8_t entropy[TXN_ENTROPY] = {0};
    struct txn *txn = txn_new(rig.database, rig_now_ms(), entropy);
    const struct record *record = NULL;

    CU_ASSERT_EQUAL(txn_read_id(txn, "outbox", id, &record), FACTOR_OK);
    CU_ASSERT_EQUAL(row_claim(txn, record, rig_now_ms() + 30000, NULL),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(database_commit_wait(rig.database, txn_commit(txn)),
                    FACTOR_OK);
    txn_free(txn);
}

static void
lease_runs_out(void)
{
    char id[23], later[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_send(&plain, id);
    claim_and_die(id);
    rig_close();
    rig_open();
    rig_start();
    /* This one goes out; the other one's lease still runs. */
    rig_send(&plain, later);
    CU_ASSERT(rig_wait(later, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 0);
    rig_advance(30000);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    CU_ASSERT_EQUAL(first.seen[1].attempt, 2);
    tear_down();
}

static void
restarts_before_claim(void)
{
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_send(&plain, id);
    rig_close();
    rig_open();
    rig_start();
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    tear_down();
}

/* Delivered, but that it was is never written. */
static void
restarts_before_settling(void)
{
    char id[23];

    start_one();
    fake_hang(&first, true);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    atomic_store(&rig_break_store, true);
    fake_hang(&first, false);
    CU_ASSERT(rig_stop());
    atomic_store(&rig_break_store, false);
    CU_ASSERT_EQUAL(rig_count("sending"), 1);
    rig_close();
    rig_open();
    rig_start();
    rig_advance(30000);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 2);
    CU_ASSERT_STRING_EQUAL(first.seen[0].id, first.seen[1].id);
    tear_down();
}

/* What was delivered is settled, once that is possible, and not sent again. */
static void
store_fails_for_a_while(void)
{
    char id[23];

    start_one();
    fake_hang(&first, true);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    atomic_store(&rig_break_store, true);
    fake_hang(&first, false);
    rig_advance(60000); /* the lease has run out, too */
    while (atomic_load(&rig_store_failures) == 0)
        rig_let_others();
    atomic_store(&rig_break_store, false);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    tear_down();
}

static void *
stop_it(void *context)
{
    (void)context;
    CU_ASSERT(rig_stop());
    return NULL;
}

/* Given back: due as it was, and no attempt was made. */
static void
assert_given_back(const char *id)
{
    struct record *record;

    CU_ASSERT(rig_wait(id, "queued"));
    record = rig_record("outbox", id);
    CU_ASSERT_EQUAL(json_number(record->body, "attempt", -1), 0);
    CU_ASSERT_EQUAL(record->due_at_ms, RIG_START_MS);
    record_unref(record);
    CU_ASSERT_EQUAL(fake_times(&first, id), 0);
}

static void
stops_gracefully(void)
{
    pthread_t stopper;
    char ids[4][23];
    size_t i;

    set_up();
    rig_backend("email", &rig_single, &first);
    rig_start();
    fake_hang(&first, true);
    rig_send(&plain, ids[0]);
    CU_ASSERT(fake_wait(&first, 1));
    for (i = 1; i < 4; i++)
        rig_send(&plain, ids[i]);
    CU_ASSERT(rig_wait(ids[3], "sending"));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&stopper, NULL, stop_it, NULL), 0);
    for (i = 1; i < 4; i++)
        assert_given_back(ids[i]);
    CU_ASSERT_EQUAL(rig_count("sending"), 1);
    fake_hang(&first, false);
    pthread_join(stopper, NULL);
    CU_ASSERT(rig_wait(ids[0], "sent"));
    for (i = 1; i < 4; i++)
        assert_given_back(ids[i]);
    tear_down();
}

/* A process that may be killed at any time: delivers to a file, and to another
 * one what it should not have been given any more. */
static factor_status
file_deliver(struct factor_delivery *self, const struct factor_message *message,
             struct factor_receipt *ret_receipt, struct factor_error *err)
{
    bool late = message->now_ms >= message->expires_at_ms;
    int fd = open(rig_path(late ? "late" : "delivered"),
                  O_WRONLY | O_CREAT | O_APPEND, 0600);
    char line[FACTOR_ID_MAX + 2];
    int len = snprintf(line, sizeof(line), "%s\n", message->id);

    (void)self;
    (void)err;
    ret_receipt->result = write(fd, line, (size_t)len) == len
                              ? FACTOR_DELIVERY_SENT
                              : FACTOR_DELIVERY_DEFERRED;
    close(fd);
    return FACTOR_OK;
}

static const struct factor_delivery_ops file_ops = {
    .struct_size = sizeof(file_ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .deliver = file_deliver,
};

enum { KILL_HASTY = 5 };

/* A few here; ten thousand messages where kills are what is tested. */
static unsigned kills = 5, kill_batch = 100;

/* The child: send some, a few of them with little time, say so, deliver what
 * it can, be killed. */
static void
run_to_be_killed(int ready)
{
    const struct rig_message hasty = {.lifetime_ms = 20000};
    char id[23];
    int i;

    rig_open();
    rig_start();
    rig_send_many("email", kill_batch - KILL_HASTY);
    for (i = 0; i < KILL_HASTY; i++)
        rig_send(&hasty, id);
    if (write(ready, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void
kill_one(unsigned round)
{
    struct timespec life = {0, 3 * (long)(round % 10) * 1000000};
    int ready[2];
    char byte;
    pid_t child;

    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    child = fork();
    if (child == 0)
        run_to_be_killed(ready[1]);
    close(ready[1]);
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    nanosleep(&life, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* As time goes by: leases run out. */
    atomic_fetch_add(&rig_now, 40000);
    atomic_fetch_add(&rig_steady, 40000);
}

/* Every row of the outbox that was sent, as its back end saw it. */
static size_t
undelivered(void)
{
    const struct factor_query query = {.struct_size = sizeof(query),
                                       .kind = FACTOR_QUERY_PAGE,
                                       .collection = "outbox",
                                       .limit = 1000};
    char after[FACTOR_ID_MAX + 1] = "";
    struct factor_query page = query;
    struct record_list *list;
    size_t missing = 0;
    uint32_t i, found;

    do {
        page.after = after[0] ? after : NULL;
        CU_ASSERT_EQUAL_FATAL(database_read(rig.database, &page, &list, NULL),
                              FACTOR_OK);
        found = list->count;
        for (i = 0; i < found; i++) {
            missing += strcmp(json_text(list->records[i]->body, "state"),
                              "sent") == 0 &&
                       !file_holds("delivered", list->records[i]->face.id);
            snprintf(after, sizeof(after), "%s", list->records[i]->face.id);
        }
        record_list_unref(list);
    } while (found == page.limit);
    return missing;
}

static void
survives_kills(void)
{
    size_t sent, expired;
    unsigned round;

    if (getenv("FACTOR_KILLS")) {
        kills = 20;
        kill_batch = 500;
    }
    set_up();
    rig_close();
    rig_backend("email", &file_ops, NULL);
    rig.settings.lease_ms = 30000;
    for (round = 0; round < kills; round++)
        kill_one(round);
    rig_open();
    rig_start();
    CU_ASSERT(rig_run_down(1000));
    sent = rig_count("sent");
    expired = rig_count("expired");
    CU_ASSERT_EQUAL(sent + expired, kills * kill_batch);
    CU_ASSERT(expired <= kills * KILL_HASTY);
    CU_ASSERT_EQUAL(undelivered(), 0);
    CU_ASSERT_NOT_EQUAL(access(rig_path("late"), F_OK), 0);
    tap_note("%u kills, %zu messages sent, %zu had no time left", kills, sent,
             expired);
    tear_down();
}

/* --- What does not go well. --- */

static void
put_about(void)
{
    rig_put("otp.authenticator", "a1",
            json_pack("{s:i, s:s}", "v", 1, "state", "kept"), 0, 0);
}

static void
assert_note(const char *result)
{
    struct record *about;
    char note[64];

    snprintf(note, sizeof(note), "%s %lld", result,
             (long long)(rig_now_ms() - RIG_START_MS));
    CU_ASSERT(rig_wait_note("a1", note));
    about = rig_record("otp.authenticator", "a1");
    CU_ASSERT_STRING_EQUAL(json_text(about->body, "state"), "kept");
    record_unref(about);
}

static void
notes_a_refusal(void)
{
    const struct rig_message message = {.about = "a1"};
    struct record *record;
    char id[23];

    start_two();
    answers(&first, always_bad_address, 1);
    first.reason = "550 no such user jane.doe@example.org, code 739182";
    put_about();
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    assert_note("refused");
    /* Refused as bad address: nobody else is asked. */
    CU_ASSERT_EQUAL(fake_count(&second), 0);
    record = rig_record("outbox", id);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "reason"),
                           "550 no such user  code ");
    record_unref(record);
    tear_down();
}

static void
notes_nothing_on_what_is_gone(void)
{
    const struct rig_message message = {.about = "a2"};
    char id[23];

    start_one();
    answers(&first, always_bad_address, 1);
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    tear_down();
}

static void
notes_nothing_where_nothing_fits(void)
{
    const struct rig_message message = {.about = "a1"};
    char *filler = calloc(1, FACTOR_BODY_MAX);
    struct record *about;
    char id[23];

    start_one();
    answers(&first, always_bad_address, 1);
    memset(filler, 'x', FACTOR_BODY_MAX - 40);
    rig_put("otp.authenticator", "a1",
            json_pack("{s:i, s:s}", "v", 1, "x", filler), 0, 0);
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    about = rig_record("otp.authenticator", "a1");
    CU_ASSERT_PTR_NULL(json_object_get(about->body, "delivery"));
    record_unref(about);
    free(filler);
    tear_down();
}

static void
notes_of_many_on_one_record(void)
{
    const struct rig_message message = {.about = "a1"};
    char ids[20][23];
    size_t i;

    start_one();
    answers(&first, always_bad_address, 1);
    put_about();
    for (i = 0; i < TAP_COUNT(ids); i++)
        rig_send(&message, ids[i]);
    for (i = 0; i < TAP_COUNT(ids); i++)
        CU_ASSERT(rig_wait(ids[i], "refused"));
    assert_note("refused");
    tear_down();
}

static void
notes_an_expiry(void)
{
    const struct rig_message message = {.about = "a1", .lifetime_ms = 60000};
    struct record *record;
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    put_about();
    rig_send(&message, id);
    rig_advance(60000);
    rig_start();
    CU_ASSERT(rig_wait(id, "expired"));
    CU_ASSERT_EQUAL(fake_count(&first), 0);
    assert_note("expired");
    record = rig_record("outbox", id);
    CU_ASSERT_PTR_NULL(json_object_get(record->body, "secret"));
    record_unref(record);
    tear_down();
}

static void
expires_while_it_waits(void)
{
    const struct rig_message message = {.about = "a1", .lifetime_ms = 12000};
    char id[23];

    start_one();
    answers(&first, always_deferred, 1);
    put_about();
    rig_send(&message, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "queued"));
    rig_advance(5000);
    CU_ASSERT(fake_wait(&first, 2));
    CU_ASSERT(rig_wait(id, "queued"));
    rig_advance(7000); /* its back-off is longer, its life is not */
    CU_ASSERT(rig_wait(id, "expired"));
    CU_ASSERT_EQUAL(fake_count(&first), 2);
    assert_note("expired");
    tear_down();
}

/* Never longer than the message lives. */
static void
bounds_the_timeout(void)
{
    const struct rig_message brief = {.lifetime_ms = 3000};
    char id[23];

    start_one();
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    rig_send(&brief, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(first.seen[0].timeout_ms, 10000);
    CU_ASSERT_EQUAL(first.seen[1].timeout_ms, 3000);
    tear_down();
}

/* When it is due again, after its n-th attempt. */
static int64_t
wait_after(const char *id, unsigned attempt)
{
    struct record *record;
    int64_t wait;

    CU_ASSERT(fake_wait(&first, attempt));
    CU_ASSERT(rig_wait(id, "queued"));
    record = rig_record("outbox", id);
    CU_ASSERT_EQUAL(json_number(record->body, "attempt", 0), attempt);
    wait = record->due_at_ms - rig_now_ms();
    record_unref(record);
    return wait;
}

static void
backs_off(void)
{
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig.settings.breaker.deferrals = 100;
    rig_start();
    answers(&first, always_deferred, 1);
    rig_send(&plain, id);
    CU_ASSERT_EQUAL(wait_after(id, 1), 5000);
    rig_advance(4999);
    rig_advance(1);
    CU_ASSERT_EQUAL(wait_after(id, 2), 10000);
    rig_advance(10000);
    CU_ASSERT_EQUAL(wait_after(id, 3), 20000);
    rig_advance(20000);
    CU_ASSERT_EQUAL(wait_after(id, 4), 20000);
    /* The back end's own wish, from here on. */
    fake_answer(&first, always_deferred, 1, rig_now_ms() + 20000 + 7000);
    rig_advance(20000);
    CU_ASSERT_EQUAL(wait_after(id, 5), 7000);
    /* A wish that is over is none. */
    rig_advance(7000);
    CU_ASSERT_EQUAL(wait_after(id, 6), 20000);
    tear_down();
}

/* --- Several back ends. --- */

static void
fails_over_at_once(void)
{
    char id[23];

    start_two();
    answers(&first, always_deferred, 1);
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    CU_ASSERT_EQUAL(second.seen[0].attempt, 1);
    tear_down();
}

/* Who has another one to ask waits less for the first; for the last one, or
 * while the other rests, as long as ever. */
static void
waits_less_for_the_first(void)
{
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_backend("email", &rig_parallel, &second);
    rig.settings.failover_ms = 3000;
    rig_start();
    answers(&first, deferred_once, 2);
    answers(&second, always_bad_account, 1);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&second, 1));
    CU_ASSERT_EQUAL(first.seen[0].timeout_ms, 3000);
    CU_ASSERT_EQUAL(second.seen[0].timeout_ms, 10000);
    /* The second rests now: its account was refused. */
    CU_ASSERT(rig_wait(id, "queued"));
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(first.seen[1].timeout_ms, 10000);
    tear_down();
}

static void
error_is_a_deferral(void)
{
    char id[23];

    start_two();
    first.status = FACTOR_E_IO;
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    tear_down();
}

static void
account_refused_goes_on(void)
{
    char id[23];

    start_two();
    answers(&first, always_bad_account, 1);
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    /* And the breaker is open: the next one is not tried there. */
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_count(&first), 1);
    CU_ASSERT_EQUAL(fake_count(&second), 2);
    tear_down();
}

static void
refused_by_all(void)
{
    const struct rig_message message = {.about = "a1"};
    char id[23];

    start_two();
    answers(&first, always_bad_account, 1);
    answers(&second, always_bad_account, 1);
    put_about();
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    assert_note("refused");
    tear_down();
}

/* --- An address of another back end's kind. --- */

static void
not_mine_goes_on(void)
{
    struct record *record;
    struct outbox_counts counts;
    char id[23];
    int i;

    start_two();
    answers(&first, never_mine, 1);
    /* More than would open a breaker. */
    for (i = 0; i < 8; i++) {
        rig_send(&plain, id);
        CU_ASSERT(rig_wait(id, "sent"));
        CU_ASSERT_EQUAL(fake_times(&first, id), 1);
        CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    }
    CU_ASSERT_EQUAL(second.seen[7].attempt, 1);
    outbox_counts(rig.outbox, &counts);
    CU_ASSERT_EQUAL(counts.deferred, 0);
    record = rig_record("outbox", id);
    CU_ASSERT_EQUAL(json_number(record->body, "attempt", 0), 1);
    record_unref(record);
    tear_down();
}

static void
nobodys_address_is_refused(void)
{
    const struct rig_message message = {.about = "a1"};
    struct record *record;
    char id[23];

    start_two();
    answers(&first, never_mine, 1);
    answers(&second, never_mine, 1);
    put_about();
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    assert_note("refused");
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    record = rig_record("outbox", id);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "reason"),
                           "no back end serves this address");
    record_unref(record);
    tear_down();
}

static void
not_mine_and_a_refusal(void)
{
    struct record *record;
    char id[23];

    start_two();
    answers(&first, always_bad_account, 1);
    first.reason = "no such key";
    answers(&second, never_mine, 1);
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "refused"));
    record = rig_record("outbox", id);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "reason"), "no such key");
    record_unref(record);
    tear_down();
}

/* Only the one that rests can serve it: the other is not asked again and
 * again meanwhile. */
static void
not_mine_waits_for_the_other(void)
{
    struct record *record;
    char id[23];
    size_t asked;

    start_two();
    answers(&first, never_mine, 1);
    answers(&second, always_bad_account, 1);
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "refused"));
    fake_answer(&second, NULL, 0, 0);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 2));
    CU_ASSERT(rig_wait(id, "queued"));
    record = rig_record("outbox", id);
    CU_ASSERT_EQUAL(json_number(record->body, "attempt", 9), 0);
    CU_ASSERT(record->due_at_ms >= rig_now_ms() + 20000);
    record_unref(record);
    asked = fake_count(&first);
    rig_advance(10000);
    CU_ASSERT_EQUAL(fake_count(&first), asked);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_count(&second), 2);
    tear_down();
}

/* A back end that does not keep to its timeout costs no worker. */
static void
goes_on_while_one_hangs(void)
{
    struct outbox_counts counts;
    char id[23], next[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_backend("email", &rig_parallel, &second);
    rig.settings.timeout_ms = 20;
    rig.settings.grace_ms = 10;
    rig.settings.workers = 1;
    rig_start();
    fake_hang(&first, true);
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    CU_ASSERT_EQUAL(fake_times(&second, id), 1);
    outbox_counts(rig.outbox, &counts);
    CU_ASSERT_EQUAL(counts.lost, 1);
    /* It is not called again before it returns. */
    rig_send(&plain, next);
    CU_ASSERT(rig_wait(next, "sent"));
    CU_ASSERT_EQUAL(fake_times(&first, next), 0);
    fake_hang(&first, false);
    CU_ASSERT(rig_stop());
    tear_down();
}

/* Its thread cannot be had back, but the rest of us can stop. */
static void
stops_while_one_hangs(void)
{
    char id[23];

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig.settings.timeout_ms = 20;
    rig.settings.grace_ms = 10;
    rig_start();
    fake_hang(&first, true);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "queued"));
    CU_ASSERT_EQUAL(rig_count("queued"), 1);
    fake_hang(&first, false);
    CU_ASSERT(rig_stop());
    tear_down();
}

/* In a process of its own: the thread and all that it uses stay. */
static void
never_comes_back(void)
{
    char id[23];
    bool well;

    start_one();
    rig_stop();
    rig.settings.timeout_ms = 20;
    rig.settings.grace_ms = 10;
    rig_start();
    fake_hang(&first, true);
    rig_send(&plain, id);
    well = fake_wait(&first, 1) && !rig_stop() && rig_wait(id, "queued");
    rig_remove_files();
    _exit(well ? 0 : 1);
}

static void
stops_without_what_never_returns(void)
{
    pid_t child = fork();
    int status = 1;

    if (child == 0)
        never_comes_back();
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
}

static void
one_channel_hangs(void)
{
    const struct rig_message sms = {.channel = "sms"};
    char stuck[23], id[23];
    size_t i;

    set_up();
    rig_backend("sms", &rig_parallel, &first);
    rig_backend("email", &rig_parallel, &second);
    rig_start();
    fake_hang(&first, true);
    for (i = 0; i < 10; i++)
        rig_send(&sms, stuck);
    CU_ASSERT(fake_wait(&first, 1));
    rig_send(&plain, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(first.most_inside, 1);
    fake_hang(&first, false);
    CU_ASSERT(rig_wait(stuck, "sent"));
    tear_down();
}

/* More than may be held of one channel, and a back end that is slow. */
static void
slow_channel_is_put_off(void)
{
    char id[23];

    set_up();
    rig_backend("sms", &rig_single, &first);
    rig_backend("email", &rig_parallel, &second);
    rig.settings.lease_ms = 600000;
    rig_start();
    fake_hang(&first, true);
    rig_send_many("sms", 500);
    CU_ASSERT(fake_wait(&first, 1));
    rig_send(&plain, id);
    rig_advance(2000);
    CU_ASSERT(rig_wait(id, "sent"));
    fake_hang(&first, false);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT_EQUAL(rig_count("sent"), 501);
    CU_ASSERT_EQUAL(fake_count(&first), 500);
    tear_down();
}

static void
one_at_a_time(void)
{
    char id[23];
    size_t i;

    set_up();
    rig_backend("email", &rig_single, &first);
    rig.settings.workers = 4;
    rig_start();
    fake_hang(&first, true);
    for (i = 0; i < 10; i++)
        rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "sending"));
    rig_let_others();
    CU_ASSERT_EQUAL(fake_count(&first), 1);
    fake_hang(&first, false);
    CU_ASSERT(rig_wait_settled(10));
    CU_ASSERT_EQUAL(first.most_inside, 1);
    tear_down();
}

static void
several_at_a_time(void)
{
    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig.settings.workers = 4;
    first.together = 4;
    rig_start();
    rig_send_many("email", 8);
    CU_ASSERT(rig_wait_settled(8));
    CU_ASSERT_EQUAL(first.most_inside, 4);
    tear_down();
}

static void
long_queue_renews_its_lease(void)
{
    char ids[6][23];
    size_t i;

    set_up();
    rig_backend("email", &rig_single, &first);
    first.watch_lease = true;
    rig_start();
    fake_hang(&first, true);
    for (i = 0; i < 6; i++)
        rig_send(&plain, ids[i]);
    CU_ASSERT(fake_wait(&first, 1)); /* it has seen the lease of its own */
    CU_ASSERT(rig_wait(ids[5], "sending"));
    rig_advance(25000); /* 5 s of the lease are left, a call may take 11 */
    fake_hang(&first, false);
    CU_ASSERT(rig_wait_settled(6));
    for (i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(fake_times(&first, ids[i]), 1);
        CU_ASSERT_EQUAL(first.seen[i].attempt, 1);
        CU_ASSERT(first.seen[i].lease_ms >= 11000);
    }
    tear_down();
}

/* By wall time its lease has run out, but it is still in hand. */
static void
wall_clock_jumps(void)
{
    char id[23], later[23];

    start_one();
    fake_hang(&first, true);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    atomic_fetch_add(&rig_now, 3600000);
    rig_send(&plain, later);
    CU_ASSERT(fake_wait(&first, 2));
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    CU_ASSERT_EQUAL(fake_times(&first, later), 1);
    fake_hang(&first, false);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT(rig_wait(later, "sent"));
    CU_ASSERT_EQUAL(fake_count(&first), 2);
    tear_down();
}

/* --- The breaker. --- */

enum { WINDOW = 30000, REST = 30000 };

static struct backends *breaker_backends;

static struct channel *
breaker_channel(void)
{
    static const struct breaker_rule rule = {5, WINDOW, REST};
    const struct backend_entry entry = {"sms", "fake", &rig_parallel, &first};

    CU_ASSERT_EQUAL_FATAL(
        backends_new(&entry, 1, 2, &rule, &breaker_backends, NULL), FACTOR_OK);
    return backends_channel(breaker_backends, "sms");
}

static const struct target anywhere; /* no server that the address names */

/* One call that ends so; false: there was none. */
static bool
call_at(struct channel *channel, int64_t at, uint32_t result)
{
    struct turn turn;
    size_t place = 0;

    if (channel_take(channel, &anywhere, at, &place, &turn) != PICK_TAKEN)
        return false;
    turn_done(&turn, result, at);
    return true;
}

static void
breaker_opens(void)
{
    struct channel *channel = breaker_channel();
    struct turn turn;
    size_t place = 0;
    int i;

    for (i = 0; i < 5; i++)
        CU_ASSERT(call_at(channel, 1000 + i, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_FALSE(call_at(channel, 1005, FACTOR_DELIVERY_SENT));
    CU_ASSERT_EQUAL(channel_wait_ms(channel, &anywhere, 1005), REST - 1);
    CU_ASSERT_FALSE(call_at(channel, 1003 + REST, FACTOR_DELIVERY_SENT));
    /* One trial message, no second one beside it. */
    CU_ASSERT_EQUAL(channel_take(channel, &anywhere, 1004 + REST, &place,
                                 &turn),
                    PICK_TAKEN);
    CU_ASSERT_FALSE(call_at(channel, 1004 + REST, FACTOR_DELIVERY_SENT));
    CU_ASSERT(channel_wait_ms(channel, &anywhere, 1004 + REST) > 0);
    turn_done(&turn, FACTOR_DELIVERY_DEFERRED, 2000 + REST);
    CU_ASSERT_FALSE(call_at(channel, 1999 + 2 * REST, FACTOR_DELIVERY_SENT));
    /* The next one is delivered, and closes it. */
    CU_ASSERT(call_at(channel, 2000 + 2 * REST, FACTOR_DELIVERY_SENT));
    for (i = 0; i < 4; i++)
        CU_ASSERT(call_at(channel, 2001 + 2 * REST, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_EQUAL(channel_wait_ms(channel, &anywhere, 2002 + 2 * REST), 0);
    backends_free(breaker_backends);
}

static void
breaker_counts_in_its_window(void)
{
    struct channel *channel = breaker_channel();
    int i;

    for (i = 0; i < 20; i++)
        CU_ASSERT(call_at(channel, 1000 + i * (WINDOW / 4 + 1),
                          FACTOR_DELIVERY_DEFERRED));
    backends_free(breaker_backends);
    channel = breaker_channel();
    for (i = 0; i < 5; i++)
        CU_ASSERT(call_at(channel, 1000 + i * (WINDOW / 4),
                          FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_FALSE(call_at(channel, 1000 + WINDOW, FACTOR_DELIVERY_SENT));
    backends_free(breaker_backends);
}

/* Nor may servers that addresses name: anybody can name one. */
static void
breaker_looks_at_its_own(void)
{
    struct channel *channel = breaker_channel();
    int i;

    for (i = 0; i < 50; i++)
        CU_ASSERT(call_at(channel, 1000 + i, FACTOR_DELIVERY_DEFERRED_THERE));
    for (i = 0; i < 4; i++)
        CU_ASSERT(call_at(channel, 1100 + i, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT(call_at(channel, 1200, FACTOR_DELIVERY_DEFERRED_THERE));
    CU_ASSERT(call_at(channel, 1201, FACTOR_DELIVERY_SENT));
    backends_free(breaker_backends);
}

/* Five addresses that nobody takes must not stop the mail of all others. */
static void
breaker_forgives(void)
{
    struct channel *channel = breaker_channel();
    int i;

    for (i = 0; i < 20; i++) {
        CU_ASSERT(call_at(channel, 1000 + i, FACTOR_DELIVERY_DEFERRED));
        CU_ASSERT(call_at(channel, 1000 + i, FACTOR_DELIVERY_SENT));
    }
    backends_free(breaker_backends);
}

static void
breaker_opens_for_our_account(void)
{
    struct channel *channel = breaker_channel();

    CU_ASSERT(call_at(channel, 1000, FACTOR_DELIVERY_REFUSED_ACCOUNT));
    CU_ASSERT_FALSE(call_at(channel, 1001, FACTOR_DELIVERY_SENT));
    CU_ASSERT(call_at(channel, 1000 + REST, FACTOR_DELIVERY_SENT));
    backends_free(breaker_backends);
}

/* While all back ends rest messages wait, and no attempt is counted. */
static void
resting_back_end_is_left_alone(void)
{
    char ids[8][23], later[23];
    struct record *record;
    size_t i;

    start_one();
    rig.settings.workers = 1;
    answers(&first, always_deferred, 1);
    for (i = 0; i < 5; i++)
        rig_send(&plain, ids[i]);
    CU_ASSERT(fake_wait(&first, 5));
    for (i = 0; i < 5; i++)
        CU_ASSERT(rig_wait(ids[i], "queued"));
    rig_send(&plain, later);
    do {
        rig_let_others();
        record = rig_record("outbox", later);
        i = record->due_at_ms > rig_now_ms();
        CU_ASSERT_EQUAL(json_number(record->body, "attempt", -1), 0);
        record_unref(record);
    } while (!i);
    CU_ASSERT_EQUAL(fake_times(&first, later), 0);
    answers(&first, NULL, 0);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT_EQUAL(rig_count("sent"), 6);
    CU_ASSERT_EQUAL(fake_times(&first, later), 1);
    tear_down();
}

static void
serves_its_channels_only(void)
{
    static const char *const channels[] = {"email", NULL};
    static const struct breaker_rule rule = {5, 1, 1};
    const struct factor_delivery_ops ops = {.struct_size = sizeof(ops),
                                            .channels = channels};
    const struct backend_entry list[] = {{"email", "fake", &ops, NULL},
                                         {"sms", "fake", &ops, NULL}};
    struct backends *backends = NULL;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(backends_new(list, 2, 1, &rule, &backends, &err),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "sms"));
    CU_ASSERT_EQUAL_FATAL(backends_new(list, 1, 1, &rule, &backends, &err),
                          FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(backends_channels(backends)[0], "email");
    CU_ASSERT_PTR_NULL(backends_channels(backends)[1]);
    CU_ASSERT_PTR_NULL(backends_channel(backends, "sms"));
    backends_free(backends);
}

/* --- Many. --- */

static void
assert_each_once(struct factor_delivery *fake, struct factor_delivery *other)
{
    size_t i;

    for (i = 0; i < fake->seen_count; i++)
        if (fake_times(fake, fake->seen[i].id) +
                fake_times(other, fake->seen[i].id) !=
            1) {
            CU_FAIL("a message went out twice");
            return;
        }
}

/* As two daemons on one store. */
static void
two_do_not_deliver_one_twice(void)
{
    struct outbox_parts parts;
    struct outbox *other;
    struct backends *others;
    const struct backend_entry entry = {"email", "fake", &rig_parallel,
                                        &second};
    struct outbox_counts counts;
    uint64_t done;

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_start();
    parts = (struct outbox_parts){
        .database = rig.database,
        .renderer = &rig.renderer,
        .settings = rig.settings,
        .now_ms = rig_now_ms,
        .steady_ms = rig_steady_ms,
    };
    CU_ASSERT_EQUAL_FATAL(backends_new(&entry, 1, 2, &rig.settings.breaker,
                                       &others, NULL),
                          FACTOR_OK);
    parts.backends = others;
    CU_ASSERT_EQUAL_FATAL(outbox_start(&parts, &other, NULL), FACTOR_OK);
    for (done = 0; done < 1000; done += 100) {
        rig_send_many("email", 100);
        outbox_poke(other, NULL);
    }
    do {
        rig_let_others();
        outbox_poke(other, NULL);
        outbox_counts(other, &counts);
        done = counts.sent;
        outbox_counts(rig.outbox, &counts);
    } while (done + counts.sent < 1000);
    CU_ASSERT(outbox_stop(other));
    backends_free(others);
    CU_ASSERT_EQUAL(fake_count(&first) + fake_count(&second), 1000);
    assert_each_once(&first, &second);
    assert_each_once(&second, &first);
    tap_note("%zu and %zu", fake_count(&first), fake_count(&second));
    tear_down();
}

enum { MANY = 10000 };

static int64_t
cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static void
loses_none_of_many(void)
{
    if (tap_skip_slow())
        return;

    struct outbox_counts counts;
    int64_t began, cpu;

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_send_many("email", MANY);
    cpu = cpu_us();
    rig_start();
    began = clock_steady_ms();
    CU_ASSERT(rig_wait_settled(MANY));
    began = clock_steady_ms() - began;
    tap_note("%d messages in %lld ms: %lld a second, %lld us of CPU each",
             MANY, (long long)began,
             (long long)(MANY * INT64_C(1000) / (began ? began : 1)),
             (long long)((cpu_us() - cpu) / MANY));
    outbox_counts(rig.outbox, &counts);
    CU_ASSERT_EQUAL(counts.sent, MANY);
    CU_ASSERT_EQUAL(fake_count(&first), MANY);
    CU_ASSERT_EQUAL(rig_count("sent"), MANY);
    tear_down();
}

/* Some deferred, some refused, while the clock runs. */
static void
loses_none_in_bad_weather(void)
{
    if (tap_skip_slow())
        return;

    static const uint32_t mixed[] = {
        FACTOR_DELIVERY_SENT,     FACTOR_DELIVERY_DEFERRED, 99,
        FACTOR_DELIVERY_SENT,     0,
        FACTOR_DELIVERY_DEFERRED, FACTOR_DELIVERY_DEFERRED,
        FACTOR_DELIVERY_DEFERRED, FACTOR_DELIVERY_REFUSED_ACCOUNT,
        FACTOR_DELIVERY_REFUSED_ADDRESS, FACTOR_DELIVERY_SENT};
    enum { SOME = 500 };

    set_up();
    rig_backend("email", &rig_parallel, &first);
    rig_backend("email", &rig_parallel, &second);
    rig_start();
    answers(&first, mixed, TAP_COUNT(mixed));
    answers(&second, mixed, TAP_COUNT(mixed));
    rig_send_many("email", SOME);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT_EQUAL(rig_count("expired"), 0);
    CU_ASSERT_EQUAL(rig_count("sent") + rig_count("refused"), SOME);
    tear_down();
}

/* --- Operators. --- */

static void
operator_retries(void)
{
    struct factor_error err = {0};
    char id[23];

    start_one();
    answers(&first, deferred_once, 2);
    /* txn_run has the real clock. */
    atomic_store(&rig_now, clock_now_ms() + 100000);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "queued"));
    CU_ASSERT_EQUAL(outbox_retry(rig.database, id, &err), FACTOR_OK);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(first.seen[1].attempt, 2);
    CU_ASSERT_EQUAL(outbox_retry(rig.database, id, &err),
                    FACTOR_E_UNSUPPORTED);
    CU_ASSERT_STRING_EQUAL(err.text, "the message is sent");
    CU_ASSERT_EQUAL(outbox_retry(rig.database, "none", &err),
                    FACTOR_E_NOTFOUND);
    tear_down();
}

static void
operator_drops(void)
{
    struct factor_error err = {0};
    char id[23], under_way[23];

    start_one();
    answers(&first, always_deferred, 1);
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "queued"));
    CU_ASSERT_EQUAL(outbox_drop(rig.database, id, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(outbox_drop(rig.database, id, &err), FACTOR_E_NOTFOUND);
    rig_advance(100000);
    fake_hang(&first, true);
    rig_send(&plain, under_way);
    CU_ASSERT(fake_wait(&first, 2));
    CU_ASSERT_EQUAL(outbox_drop(rig.database, under_way, &err), FACTOR_OK);
    fake_hang(&first, false);
    CU_ASSERT(rig_stop());
    CU_ASSERT_EQUAL(rig_count("queued") + rig_count("sending"), 0);
    CU_ASSERT_EQUAL(fake_times(&first, id), 1);
    tear_down();
}

static void
masks_addresses(void)
{
    static const struct {
        const char *address, *masked;
    } cases[] = {
        {"sophie@acme.test", "so****@acme.test"},
        {"joe@acme.test", "****@acme.test"},
        {"\xc3\xa4\xc3\xb6\xc3\xbcx@acme.test",
         "\xc3\xa4\xc3\xb6****@acme.test"},
        {"+15551234555", "+155*****55"},
        {"+49 170 1234567", "+49 *****67"},
        {"+4912", "****"},
        {"fMabcdefghijklmnopqrstuvw", "fM****"},
        {"", "****"},
        {"somebody@a.domain.whose.name.is.so.long.that.it.fits.nowhere.at.all",
         "so****"},
    };
    char masked[OUTBOX_MASKED_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        outbox_masked(cases[i].address, masked);
        CU_ASSERT_STRING_EQUAL(masked, cases[i].masked);
        if (strcmp(masked, cases[i].masked) != 0)
            tap_note("%s", masked);
    }
}

/* --- What is told of it. --- */

static void
cleans_reasons(void)
{
    static const struct {
        const char *said, *told;
    } cases[] = {
        {"421 try again", "421 try again"},
        {"code 739182 and 12345678", "code  and "},
        {"123 1234 12345x", "123  x"},
        {"550 <jane.doe@example.org> unknown", "550  unknown"},
        {"550 JANE.DOE@example.org.", "550 "},
        {"a\nb\r\tc", "a b  c"},
        {"number+4917012345", "number+"},
        {"1234567890123456789012345678901234567890123456789012345678901234567"
         "8901234567890 late",
         ""},
        {"This is an answer that is rather long, longer than anybody wants to "
         "read at 10 in the morning, or ever",
         "This is an answer that is rather long, longer than anybody wants to "
         "read at 10 i"},
        {"", ""},
    };
    char told[BACKEND_REASON_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        backend_reason(cases[i].said, "jane.doe@example.org", told);
        CU_ASSERT_STRING_EQUAL(told, cases[i].told);
        if (strcmp(told, cases[i].told) != 0)
            tap_note("\"%s\"", told);
    }
    backend_reason("no +4917 here", "+4917", told);
    CU_ASSERT_STRING_EQUAL(told, "no  here");
}

static void
logs_no_secret(void)
{
    int saved = dup(STDERR_FILENO), file;
    char id[23];

    start_one();
    file = open(rig_path("log"), O_RDWR | O_CREAT, 0600);
    dup2(file, STDERR_FILENO);
    log_set_level(FACTOR_LOG_DEBUG);
    answers(&first, deferred_once, 2);
    first.reason = "450 jane.doe@example.org: code 739182 later";
    rig_send(&plain, id);
    CU_ASSERT(fake_wait(&first, 1));
    CU_ASSERT(rig_wait(id, "queued"));
    rig_advance(5000);
    CU_ASSERT(rig_wait(id, "sent"));
    rig_stop();
    dup2(saved, STDERR_FILENO);
    log_set_level(FACTOR_LOG_INFO);
    close(saved);
    close(file);
    CU_ASSERT(file_holds("log", id));
    CU_ASSERT(file_holds("log", "deferred: 450  code  later"));
    CU_ASSERT_FALSE(file_holds("log", RIG_CODE));
    CU_ASSERT_FALSE(file_holds("log", RIG_ADDRESS));
    CU_ASSERT_FALSE(file_holds("log", "your passcode"));
    tear_down();
}

/* Nobody can mend it, so whoever waits is told. */
static void
template_is_missing(void)
{
    const struct rig_message message = {.template_id = "none", .about = "a1"};
    char id[23];

    start_one();
    put_about();
    rig_send(&message, id);
    CU_ASSERT(rig_wait(id, "refused"));
    assert_note("refused");
    CU_ASSERT_EQUAL(fake_count(&first), 0);
    tear_down();
}

static void
channel_is_missing(void)
{
    const struct rig_message voice = {.channel = "voice",
                                      .lifetime_ms = 10000};
    struct record *record;
    char id[23], other[23];

    start_one();
    rig_send(&voice, id);
    rig_send(&plain, other);
    CU_ASSERT(rig_wait(other, "sent"));
    rig_advance(9999);
    record = rig_record("outbox", id);
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "state"), "queued");
    record_unref(record);
    rig_advance(1);
    CU_ASSERT(rig_wait(id, "expired"));
    tear_down();
}

static const struct tap_test tests[] = {
    {"D1: a message is rendered, delivered and settled as sent",
     sends_a_message},
    {"O1: nothing of a settled message is left in the store or its log",
     leaves_no_secret},
    {"outbox: with keep_settled 0 a settled row goes at once", keeps_no_row},
    {"outbox: a lease that runs out delivers again, same id", lease_runs_out},
    {"outbox: restart before the claim: delivered once",
     restarts_before_claim},
    {"outbox: restart after delivery, before it was settled: same id again",
     restarts_before_settling},
    {"outbox: a store that fails for a while delivers nothing twice",
     store_fails_for_a_while},
    {"outbox: a stop finishes the message in hand, the rest stays queued",
     stops_gracefully},
    {"outbox: kill -9 at any point loses no message", survives_kills},
    {"D1: a refusal is noted on the record, nobody else is asked",
     notes_a_refusal},
    {"D1: a refusal is settled though the record of the note is gone",
     notes_nothing_on_what_is_gone},
    {"D1: a refusal is settled though its note fits nowhere",
     notes_nothing_where_nothing_fits},
    {"D1: many refusals leave their notes on one record",
     notes_of_many_on_one_record},
    {"D1: an expired message is never delivered, and noted", notes_an_expiry},
    {"D1: a message that expires while it waits is settled then",
     expires_while_it_waits},
    {"D1: a back end's timeout ends with the message's life",
     bounds_the_timeout},
    {"D1: waits double up to the longest, or are as the back end wishes",
     backs_off},
    {"D1: a deferral goes to the next back end at once", fails_over_at_once},
    {"T3: less time for a back end while another one could be asked",
     waits_less_for_the_first},
    {"D1: an error of a back end is a deferral", error_is_a_deferral},
    {"D1: refused as our account: the next back end, and the breaker opens",
     account_refused_goes_on},
    {"D1: refused by all as our account is refused", refused_by_all},
    {"D1: an address of another back end's kind goes on, nobody is at fault",
     not_mine_goes_on},
    {"D1: an address of nobody's kind is refused", nobodys_address_is_refused},
    {"D1: nobody's kind but that of who refuses our account: refused",
     not_mine_and_a_refusal},
    {"D1: nobody's kind but that of who rests: it waits, unasked",
     not_mine_waits_for_the_other},
    {"D1: a back end that hangs: the message goes through the second",
     goes_on_while_one_hangs},
    {"D1: the only back end hangs: the message waits", stops_while_one_hangs},
    {"outbox: a back end that never returns does not hold up a stop",
     stops_without_what_never_returns},
    {"outbox: a channel that hangs leaves a worker to the others",
     one_channel_hangs},
    {"outbox: messages of a slow channel do not stand before others",
     slow_channel_is_put_off},
    {"outbox: a back end that is not parallel has one call at a time",
     one_at_a_time},
    {"outbox: a parallel one has as many as there are workers",
     several_at_a_time},
    {"outbox: what waits longer than its lease is not claimed by others",
     long_queue_renews_its_lease},
    {"outbox: a wall clock that jumps makes nothing go out twice",
     wall_clock_jumps},
    {"D1: 5 deferrals open the breaker, then one trial", breaker_opens},
    {"D1: the breaker counts within its window",
     breaker_counts_in_its_window},
    {"D1: a delivery between them: deferrals do not add up",
     breaker_forgives},
    {"D1: servers that addresses name do not open a breaker",
     breaker_looks_at_its_own},
    {"D1: the breaker opens at once when our account is refused",
     breaker_opens_for_our_account},
    {"D1: while a back end rests messages wait without an attempt",
     resting_back_end_is_left_alone},
    {"outbox: a back end serves the channels that it declares",
     serves_its_channels_only},
    {"outbox: two outboxes never deliver one message twice",
     two_do_not_deliver_one_twice},
    {"outbox: 10,000 messages, none lost, none twice", loses_none_of_many},
    {"outbox: none lost between deferrals and refusals",
     loses_none_in_bad_weather},
    {"outbox: an operator makes a waiting message due", operator_retries},
    {"outbox: an operator drops a message", operator_drops},
    {"outbox: addresses are masked for listings", masks_addresses},
    {"D3: what a back end said is cut and cleaned", cleans_reasons},
    {"D3: no address, code or text in the log", logs_no_secret},
    {"outbox: a template without a text is refused", template_is_missing},
    {"outbox: a channel without back ends waits until it expires",
     channel_is_missing},
};

int
main(void)
{
    json_setup();
    return tap_main("outbox", tests, TAP_COUNT(tests));
}
