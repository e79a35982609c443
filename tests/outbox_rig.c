/* SPDX-License-Identifier: MIT */
/* tests/outbox_rig.c - what tests of the outbox and the sweeper stand on. */
#include "tests/outbox_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "factor/plugin.h"
#include "host/clock.h"
#include "host/json.h"
#include "host/text.h"

enum { PATIENCE_MS = 60000, BEHIND_MS = 5, DAY_MS = 86400000 };

struct rig rig;
atomic_llong rig_now, rig_steady;
atomic_bool rig_break_store;
atomic_uint rig_store_failures;
void (*rig_after_read)(void);
uint32_t rig_after_kind;

/* Told by the writer of each record. */
static pthread_mutex_t moved_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved_cond = PTHREAD_COND_INITIALIZER;
static struct outbox *poked; /* under moved_lock */

/* So that a test that hangs fails. */
static void
wait_a_little(pthread_cond_t *cond, pthread_mutex_t *lock)
{
    int64_t at = clock_now_ms() + BEHIND_MS;
    const struct timespec until = {.tv_sec = at / 1000,
                                   .tv_nsec = at % 1000 * 1000000};

    pthread_cond_timedwait(cond, lock, &until);
}

/* --- A back end. --- */

void
fake_make(struct factor_delivery *fake)
{
    memset(fake, 0, sizeof(*fake));
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->moved, NULL);
}

void
fake_clear(struct factor_delivery *fake)
{
    pthread_cond_destroy(&fake->moved);
    pthread_mutex_destroy(&fake->lock);
    free(fake->seen);
}

size_t
fake_count(struct factor_delivery *fake)
{
    size_t count;

    pthread_mutex_lock(&fake->lock);
    count = fake->seen_count;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

bool
fake_wait(struct factor_delivery *fake, size_t count)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;
    bool done;

    pthread_mutex_lock(&fake->lock);
    while (fake->seen_count < count && clock_steady_ms() < until)
        wait_a_little(&fake->moved, &fake->lock);
    done = fake->seen_count >= count;
    pthread_mutex_unlock(&fake->lock);
    return done;
}

void
fake_hang(struct factor_delivery *fake, bool hang)
{
    pthread_mutex_lock(&fake->lock);
    fake->hang = hang;
    pthread_cond_broadcast(&fake->moved);
    pthread_mutex_unlock(&fake->lock);
}

void
fake_answer(struct factor_delivery *fake, const uint32_t *results,
            size_t count, int64_t retry_at_ms)
{
    pthread_mutex_lock(&fake->lock);
    fake->results = results;
    fake->result_count = count;
    fake->retry_at_ms = retry_at_ms;
    pthread_mutex_unlock(&fake->lock);
}

unsigned
fake_times(struct factor_delivery *fake, const char *id)
{
    unsigned times = 0;
    size_t i;

    pthread_mutex_lock(&fake->lock);
    for (i = 0; i < fake->seen_count; i++)
        times += strcmp(fake->seen[i].id, id) == 0;
    pthread_mutex_unlock(&fake->lock);
    return times;
}

#define KEEP(seen, member, text)                                               \
    snprintf((seen)->member, sizeof((seen)->member), "%s", (text) ? (text) : "")

static void
keep_seen(struct factor_delivery *fake, const struct factor_message *message)
{
    struct rig_seen *seen;

    if (fake->seen_count == fake->seen_room) {
        fake->seen_room = fake->seen_room ? fake->seen_room * 2 : 64;
        fake->seen = realloc(fake->seen, fake->seen_room * sizeof(*seen));
        if (!fake->seen)
            abort();
    }
    seen = &fake->seen[fake->seen_count++];
    seen->attempt = message->attempt;
    seen->timeout_ms = message->timeout_ms;
    KEEP(seen, id, message->id);
    KEEP(seen, text, message->text);
    KEEP(seen, subject, message->subject);
    KEEP(seen, address, message->address);
    KEEP(seen, code, message->code);
    KEEP(seen, language, message->language);
}

static uint32_t
answer(const struct factor_delivery *fake, size_t call)
{
    if (!fake->results)
        return FACTOR_DELIVERY_SENT;
    return fake->results[call < fake->result_count ? call
                                                   : fake->result_count - 1];
}

static int64_t
lease_left(const char *id)
{
    struct record *record = rig_record(OUTBOX_COLLECTION, id);
    int64_t left = record ? record->due_at_ms - rig_now_ms() : 0;

    record_unref(record);
    return left;
}

static factor_status
fake_deliver(struct factor_delivery *fake, const struct factor_message *message,
             struct factor_receipt *ret_receipt, struct factor_error *err)
{
    const int64_t lease = fake->watch_lease ? lease_left(message->id) : 0;

    (void)err;
    pthread_mutex_lock(&fake->lock);
    ret_receipt->result = answer(fake, fake->seen_count);
    keep_seen(fake, message);
    fake->seen[fake->seen_count - 1].lease_ms = lease;
    fake->inside++;
    if (fake->inside > fake->most_inside)
        fake->most_inside = fake->inside;
    pthread_cond_broadcast(&fake->moved);
    while (fake->hang || fake->inside < fake->together)
        wait_a_little(&fake->moved, &fake->lock);
    if (fake->inside == fake->together)
        fake->together = 0;
    fake->inside--;
    ret_receipt->retry_at_ms = fake->retry_at_ms;
    KEEP(ret_receipt, reason, fake->reason);
    KEEP(ret_receipt, reference, fake->reference);
    pthread_mutex_unlock(&fake->lock);
    return fake->status;
}

const struct factor_delivery_ops rig_parallel = {
    .struct_size = sizeof(rig_parallel),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .deliver = fake_deliver,
};
const struct factor_delivery_ops rig_single = {
    .struct_size = sizeof(rig_single),
    .deliver = fake_deliver,
};

static uint32_t
fake_scope(const struct factor_delivery *fake, const char *address,
           char ret_scope[FACTOR_SCOPE_SIZE])
{
    (void)fake;
    if (strncmp(address, "https://", 8) != 0)
        return FACTOR_DELIVERY_NOT_MINE;
    snprintf(ret_scope, FACTOR_SCOPE_SIZE, "%s", address);
    return 0;
}

const struct factor_delivery_ops rig_scoped = {
    .struct_size = sizeof(rig_scoped),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .deliver = fake_deliver,
    .scope = fake_scope,
};

/* --- Clocks. --- */

int64_t
rig_now_ms(void)
{
    return atomic_load(&rig_now);
}

int64_t
rig_steady_ms(void)
{
    return atomic_load(&rig_steady);
}

void
rig_advance(int64_t ms)
{
    atomic_fetch_add(&rig_now, ms);
    atomic_fetch_add(&rig_steady, ms);
    outbox_poke(rig.outbox, NULL);
}

/* --- A store that can be broken. --- */

static struct factor_store_ops store_ops;

static factor_status
breakable_begin(struct factor_store *store, struct factor_error *err)
{
    const struct factor_store_ops *real = factor_plugin_v1()->ops;

    if (!atomic_load(&rig_break_store))
        return real->begin(store, err);
    atomic_fetch_add(&rig_store_failures, 1);
    return FACTOR_E_IO;
}

static factor_status
watched_read(struct factor_store *store, const struct factor_query *query,
             factor_row_fn *row_fn, void *context, struct factor_error *err)
{
    const struct factor_store_ops *real = factor_plugin_v1()->ops;
    factor_status st = real->read(store, query, row_fn, context, err);
    void (*after)(void) = rig_after_read;

    if (after && query->kind == rig_after_kind) {
        rig_after_read = NULL;
        after();
    }
    return st;
}

/* --- The rig. --- */

static void
record_moved(void *context, const struct record *record)
{
    (void)context;
    pthread_mutex_lock(&moved_lock);
    if (strcmp(record->face.collection, OUTBOX_COLLECTION) == 0)
        outbox_poke(poked, record);
    pthread_cond_broadcast(&moved_cond);
    pthread_mutex_unlock(&moved_lock);
}

static void
set_poked(struct outbox *outbox)
{
    pthread_mutex_lock(&moved_lock);
    poked = outbox;
    pthread_mutex_unlock(&moved_lock);
}

const char *
rig_path(const char *name)
{
    static _Thread_local char path[128];

    snprintf(path, sizeof(path), "%s/%s", rig.directory, name);
    return path;
}

/* The keys outlive the rig, unless a test rotated them: to make and to check
 * them takes longer than most tests. */
static struct {
    char path[64];
    struct keys *keys;
} kept;

static void
drop_keys(void)
{
    keys_close(kept.keys);
    kept.keys = NULL;
    if (kept.path[0])
        unlink(kept.path);
}

static struct keys *
take_keys(void)
{
    struct factor_error err = {0};
    int file;

    if (kept.keys)
        return kept.keys;
    if (!kept.path[0]) {
        snprintf(kept.path, sizeof(kept.path), "/tmp/factor-keys-XXXXXX");
        file = mkstemp(kept.path);
        CU_ASSERT_NOT_EQUAL_FATAL(file, -1);
        close(file);
        unlink(kept.path);
        atexit(drop_keys);
    }
    CU_ASSERT_EQUAL_FATAL(keys_open(kept.path, true, &kept.keys, &err),
                          FACTOR_OK);
    return kept.keys;
}

/* Those that were rotated have to show that they survive. */
static void
leave_keys(void)
{
    if (keys_newest(kept.keys) > 1) {
        keys_close(kept.keys);
        kept.keys = NULL;
    }
    rig.keys = NULL;
}

void
rig_open(void)
{
    json_t *settings = json_pack("{s:s, s:s, s:i, s:i, s:n}", "path",
                                 rig_path("store.db"), "synchronous", "FULL",
                                 "cache", 16 << 20, "readers", 4, "vfs");
    struct factor_error err = {0};
    struct database_parts parts = {
        .cache_bytes = 8 << 20,
        .volatile_bytes = 1 << 20,
        .moved = record_moved,
    };

    store_ops = *(const struct factor_store_ops *)factor_plugin_v1()->ops;
    store_ops.begin = breakable_begin;
    store_ops.read = watched_read;
    rig.keys = take_keys();
    CU_ASSERT_EQUAL_FATAL(store_ops.init(NULL, settings, &rig.store, &err),
                          FACTOR_OK);
    json_decref(settings);
    parts.ops = &store_ops;
    parts.store = rig.store;
    parts.keys = rig.keys;
    CU_ASSERT_EQUAL_FATAL(database_open(&parts, &rig.database, &err),
                          FACTOR_OK);
}

void
rig_close(void)
{
    rig_stop();
    database_close(rig.database);
    store_ops.fini(rig.store);
    leave_keys();
    rig.database = NULL;
    rig.store = NULL;
}

static const struct factor_text texts[] = {
    {sizeof(texts[0]), 0, "t.email.subject", "en", "Your passcode"},
    {sizeof(texts[0]), 0, "t.email.text", "en",
     "Hello {name},\nyour passcode for {brand} is {code}."},
    {sizeof(texts[0]), 0, "t.email.text", "de",
     "Hallo {name},\nIhr Einmalcode ist {code}."},
    {sizeof(texts[0]), 0, "t.sms.text", "en", "Your passcode is {code}"},
    {sizeof(texts[0]), 0, "t.push.text", "en", "Sign on?"},
};
static const struct factor_text *const text_list[] = {
    &texts[0], &texts[1], &texts[2], &texts[3], &texts[4], NULL};

void
rig_make(void)
{
    memset(&rig, 0, sizeof(rig));
    snprintf(rig.directory, sizeof(rig.directory), "/tmp/factor-outbox-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig.directory));
    atomic_store(&rig_now, RIG_START_MS);
    atomic_store(&rig_steady, 1000000);
    atomic_store(&rig_break_store, false);
    atomic_store(&rig_store_failures, 0);
    rig.texts = texts_new(NULL);
    texts_add(rig.texts, text_list);
    rig.renderer = (struct renderer){rig.texts, "Acme", "login.example.org",
                                     NULL};
    rig.settings = (struct outbox_settings){
        .workers = 2,
        .lease_ms = 30000,
        .timeout_ms = 10000,
        .grace_ms = 1000,
        .retry_first_ms = 5000,
        .retry_max_ms = 20000,
        .keep_settled_ms = 3600000,
        .breaker = {5, 30000, 30000},
    };
    rig_open();
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
rig_remove_files(void)
{
    nftw(rig.directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void
rig_remove(void)
{
    if (rig.database)
        rig_close();
    texts_free(rig.texts);
    rig.texts = NULL;
    rig_remove_files();
    if (!kept.keys)
        drop_keys();
}

void
rig_backend(const char *channel, const struct factor_delivery_ops *ops,
            struct factor_delivery *fake)
{
    rig.entries[rig.entry_count++] =
        (struct backend_entry){channel, "fake", ops, fake};
}

void
rig_start(void)
{
    struct outbox_parts parts = {
        .database = rig.database,
        .renderer = &rig.renderer,
        .settings = rig.settings,
        .now_ms = rig_now_ms,
        .steady_ms = rig_steady_ms,
    };
    struct factor_error err = {0};

    CU_ASSERT_EQUAL_FATAL(backends_new(rig.entries, rig.entry_count,
                                       rig.settings.workers,
                                       &rig.settings.breaker, &rig.backends,
                                       &err),
                          FACTOR_OK);
    parts.backends = rig.backends;
    CU_ASSERT_EQUAL_FATAL(outbox_start(&parts, &rig.outbox, &err), FACTOR_OK);
    set_poked(rig.outbox);
}

bool
rig_stop(void)
{
    bool stopped;

    set_poked(NULL);
    stopped = outbox_stop(rig.outbox);
    rig.outbox = NULL;
    if (stopped)
        backends_free(rig.backends);
    rig.backends = NULL;
    return stopped;
}

/* --- Messages and records. --- */

static factor_status
add_sends(struct txn *txn, const struct rig_message *message, size_t count)
{
    static const char *const languages[] = {"en", NULL};
    int64_t lifetime = message->lifetime_ms ? message->lifetime_ms : DAY_MS;
    const struct factor_send send = {
        .struct_size = sizeof(send),
        .channel = message->channel ? message->channel : "email",
        .address = message->address ? message->address : RIG_ADDRESS,
        .template_id = message->template_id ? message->template_id : "t",
        .code = RIG_CODE,
        .variables = message->variables,
        .expires_at_ms = rig_now_ms() + lifetime,
        .about_collection = message->about ? "otp.authenticator" : NULL,
        .about_id = message->about,
    };
    factor_status st = FACTOR_OK;

    while (count-- > 0 && st == FACTOR_OK)
        st = txn_send(txn, &send, NULL, languages);
    return st;
}

/* Not by txn_run: it takes the time of the real clock. */
static void
run_step(const struct rig_message *message, size_t count, char *ret_id)
{
    uint8_t entropy[TXN_ENTROPY] = {0};
    struct txn *txn = txn_new(rig.database, rig_now_ms(), entropy);
    struct commit *commit;

    CU_ASSERT_EQUAL_FATAL(add_sends(txn, message, count), FACTOR_OK);
    commit = txn_commit(txn);
    if (ret_id)
        snprintf(ret_id, 23, "%s", commit->changes->record->face.id);
    CU_ASSERT_EQUAL(database_commit_wait(rig.database, commit), FACTOR_OK);
    txn_free(txn);
}

void
rig_send(const struct rig_message *message, char ret_id[23])
{
    run_step(message, 1, ret_id);
    json_decref(message->variables);
}

void
rig_send_many(const char *channel, size_t count)
{
    const struct rig_message message = {.channel = channel};

    for (; count >= 100; count -= 100)
        run_step(&message, 100, NULL);
    if (count > 0)
        run_step(&message, count, NULL);
}

struct record *
rig_record(const char *collection, const char *id)
{
    const struct factor_query query = {.struct_size = sizeof(query),
                                       .kind = FACTOR_QUERY_ID,
                                       .collection = collection,
                                       .key = id,
                                       .limit = 1};
    struct record_list *list = NULL;
    struct record *record = NULL;

    if (database_read(rig.database, &query, &list, NULL) == FACTOR_OK &&
        list->count > 0)
        record = record_ref(list->records[0]);
    record_list_unref(list);
    return record;
}

void
rig_put(const char *collection, const char *id, json_t *body,
        int64_t expires_at_ms, int64_t due_at_ms)
{
    uint8_t entropy[TXN_ENTROPY] = {0};
    struct txn *txn = txn_new(rig.database, rig_now_ms(), entropy);
    const struct record *seen = NULL;
    struct txn_put put = {.collection = collection,
                          .id = id,
                          .expires_at_ms = expires_at_ms,
                          .due_at_ms = due_at_ms,
                          .body = body};

    if (txn_read_id(txn, collection, id, &seen) == FACTOR_OK)
        put.version = seen->face.version;
    CU_ASSERT_EQUAL(txn_put(txn, &put, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(database_commit_wait(rig.database, txn_commit(txn)),
                    FACTOR_OK);
    txn_free(txn);
}

static bool
in_state(const char *id, const char *state)
{
    struct record *record = rig_record(OUTBOX_COLLECTION, id);
    bool is = record ? strcmp(json_text(record->body, "state"), state) == 0
                     : strcmp(state, "gone") == 0;

    record_unref(record);
    return is;
}

bool
rig_wait(const char *id, const char *state)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;
    bool is;

    pthread_mutex_lock(&moved_lock);
    while (!(is = in_state(id, state)) && clock_steady_ms() < until)
        wait_a_little(&moved_cond, &moved_lock);
    pthread_mutex_unlock(&moved_lock);
    return is;
}

static uint64_t
settled(void)
{
    struct outbox_counts counts;

    outbox_counts(rig.outbox, &counts);
    return counts.sent + counts.refused + counts.expired;
}

bool
rig_wait_settled(uint64_t count)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    pthread_mutex_lock(&moved_lock);
    while (settled() < count && clock_steady_ms() < until)
        wait_a_little(&moved_cond, &moved_lock);
    pthread_mutex_unlock(&moved_lock);
    return settled() >= count;
}

size_t
rig_count(const char *state)
{
    struct factor_query query = {.struct_size = sizeof(query),
                                 .kind = FACTOR_QUERY_PAGE,
                                 .collection = OUTBOX_COLLECTION,
                                 .limit = 1000};
    char after[FACTOR_ID_MAX + 1] = "";
    struct record_list *list;
    size_t count = 0;
    uint32_t found, i;

    do {
        query.after = after[0] ? after : NULL;
        if (database_read(rig.database, &query, &list, NULL) != FACTOR_OK)
            return count;
        found = list->count;
        for (i = 0; i < found; i++)
            count += strcmp(json_text(list->records[i]->body, "state"),
                            state) == 0;
        if (found > 0)
            snprintf(after, sizeof(after), "%s",
                     list->records[found - 1]->face.id);
        record_list_unref(list);
    } while (found == query.limit);
    return count;
}

const char *
rig_note(const char *id)
{
    struct record *about = rig_record("otp.authenticator", id);
    const json_t *note = about ? json_object_get(about->body, "delivery")
                               : NULL;
    static char text[64];

    snprintf(text, sizeof(text), "%s %lld",
             note ? json_text(note, "result") : "none",
             (long long)(json_number(note, "at", 0) - RIG_START_MS));
    record_unref(about);
    return text;
}

bool
rig_wait_note(const char *id, const char *note)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    pthread_mutex_lock(&moved_lock);
    while (strcmp(rig_note(id), note) != 0 && clock_steady_ms() < until)
        wait_a_little(&moved_cond, &moved_lock);
    pthread_mutex_unlock(&moved_lock);
    return strcmp(rig_note(id), note) == 0;
}

void
rig_let_others(void)
{
    pthread_mutex_lock(&moved_lock);
    wait_a_little(&moved_cond, &moved_lock);
    pthread_mutex_unlock(&moved_lock);
}

bool
rig_run_down(int64_t step_ms)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    while (rig_count("queued") + rig_count("sending") > 0 &&
           clock_steady_ms() < until) {
        rig_advance(step_ms);
        rig_let_others();
    }
    return clock_steady_ms() < until;
}
