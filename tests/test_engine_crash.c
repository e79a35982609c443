/* SPDX-License-Identifier: MIT */
/* tests/test_engine_crash.c - the power is cut under a host that works: what
 * was acknowledged is there, what was not is there wholly or not at all, no
 * code is accepted twice, no failure is uncounted, no message is lost.
 *
 * Some clients walk through flows of users of their own, and know after each
 * step what must be there.  Others guess at one authenticator together, and
 * others again race each other to the codes of one app.  Messages leave
 * meanwhile.  Then the power goes, in one operation on the disk.
 *
 * FACTOR_CRASH_CUTS says how many cuts (10), FACTOR_CRASH_FIRST with which
 * one to begin.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/json.h"
#include "host/oauth/grant.h"
#include "host/outbox/outbox.h"
#include "host/outbox/row.h"
#include "tests/crash_vfs.h"
#include "tests/engine_rig.h"
#include "tests/folder.h"

enum {
    WALKERS = 4,
    GUESSERS = 2,
    RACERS = 2,
    THREADS = WALKERS + GUESSERS + RACERS,
    WALKS = 10,      /* flows of a walker, when nothing is cut */
    GUESSES = 30,    /* of a guesser */
    RACES = 12,      /* codes that the racers race to */
    GUESSES_OF_FLOW = 8,
    MESSAGES_MAX = 4096,
    ACCEPTED_MAX = 64,
    LEASE_MS = 30000,
    PATIENCE_MS = 20000
};

/* ----------------------------------------------------------- what is wrong */

/* The first thing of a run, from any thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char fault[256];
static const char unopened[] = "the store does not open";

static void wrong(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void
wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&lock);
    if (!fault[0])
        vsnprintf(fault, sizeof(fault), format, args);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

/* --------------------------------------------------------------- messages */

/* Each row that the writer has told of, and whether it was delivered. */
struct message {
    char id[FACTOR_ID_MAX + 1], owner[RIG_ID], code[RIG_CODE];
    bool delivered;
};

static struct message messages[MESSAGES_MAX]; /* under the lock */
static size_t message_count;
static struct outbox *outbox; /* likewise */
static atomic_llong outbox_now;

/* On the writer's thread, before the step is acknowledged. */
static void
record_moved(const struct record *record)
{
    const char *code;
    struct message *message;

    if (strcmp(record->face.collection, OUTBOX_COLLECTION) != 0)
        return;
    pthread_mutex_lock(&lock);
    if (record->face.version == 1 && message_count < MESSAGES_MAX) {
        message = &messages[message_count++];
        code = json_text(json_object_get(record->body, "secret"), "code");
        snprintf(message->id, sizeof(message->id), "%s", record->face.id);
        snprintf(message->owner, sizeof(message->owner), "%s",
                 record->face.owner);
        snprintf(message->code, sizeof(message->code), "%s", code);
        message->delivered = false;
    }
    outbox_poke(outbox, record);
    pthread_mutex_unlock(&lock);
}

/* The newest code of a user. */
static void
newest_code(const char *owner, char ret_code[RIG_CODE])
{
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = message_count; i > 0; i--)
        if (strcmp(messages[i - 1].owner, owner) == 0)
            break;
    snprintf(ret_code, RIG_CODE, "%s", i > 0 ? messages[i - 1].code : "none");
    pthread_mutex_unlock(&lock);
}

/* --- A back end that takes all, and the outbox before it. --- */

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    size_t i;

    (void)self;
    (void)err;
    pthread_mutex_lock(&lock);
    for (i = 0; i < message_count; i++)
        if (strcmp(messages[i].id, message->id) == 0)
            messages[i].delivered = true;
    pthread_mutex_unlock(&lock);
    ret_receipt->result = FACTOR_DELIVERY_SENT;
    return FACTOR_OK;
}

static const struct factor_delivery_ops taking = {
    .struct_size = sizeof(taking),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .deliver = deliver,
};

static int64_t
outbox_clock(void)
{
    return atomic_load(&outbox_now);
}

static struct backends *backends;
static struct renderer renderer;

static void
set_outbox(struct outbox *it)
{
    pthread_mutex_lock(&lock);
    outbox = it;
    pthread_mutex_unlock(&lock);
}

static void
start_outbox(int64_t now_ms)
{
    static const struct backend_entry entry = {"email", "taking", &taking,
                                               NULL};
    struct outbox_parts parts = {
        .database = engine.nodes[0].database,
        .renderer = &renderer,
        .settings = {.workers = 2,
                     .lease_ms = LEASE_MS,
                     .timeout_ms = 10000,
                     .grace_ms = 1000,
                     .retry_first_ms = 1000,
                     .retry_max_ms = 1000,
                     .keep_settled_ms = 3600000,
                     .breaker = {100, 1000, 100}},
        .now_ms = outbox_clock,
    };
    struct factor_error err = {0};
    struct outbox *started = NULL;

    renderer.texts = engine.texts;
    renderer.host = "login.example.org";
    atomic_store(&outbox_now, now_ms);
    if (backends_new(&entry, 1, 2, &parts.settings.breaker, &backends, &err) !=
        FACTOR_OK)
        abort();
    parts.backends = backends;
    if (outbox_start(&parts, &started, &err) != FACTOR_OK)
        wrong("the outbox does not start: %s", err.text);
    set_outbox(started);
}

static void
stop_outbox(void)
{
    struct outbox *stopped = outbox;

    set_outbox(NULL);
    if (!outbox_stop(stopped))
        abort();
    backends_free(backends);
    backends = NULL;
}

/* ---------------------------------------------------------------- walkers */

/* What must be in the store of a walker's user, in numbers. */
struct model {
    unsigned flows, messages, grants;
    int64_t failures; /* of the authenticator, and of the account */
    /* The flow that it walks in; "": none is known. */
    char flow[FLOW_ID + 1];
    const char *state; /* of the adapter, or the flow's status at its end */
    int64_t attempts;
};

/* A code that was right, in its flow. */
struct accepted {
    char flow[FLOW_ID + 1], code[RIG_CODE];
    bool acknowledged;
};

struct walker {
    char name[16], user[RIG_ID];
    struct client_side client;
    uint64_t random;
    struct model acked, tried; /* the same, unless a step is under way */
    struct accepted accepted[ACCEPTED_MAX];
    size_t accepted_count;
    unsigned steps; /* acknowledged */
};

static struct walker walkers[WALKERS];

static unsigned
draw(struct walker *walker, unsigned below)
{
    walker->random ^= walker->random >> 12;
    walker->random ^= walker->random << 25;
    walker->random ^= walker->random >> 27;
    return (unsigned)((walker->random * UINT64_C(0x2545F4914F6CDD1D)) >> 33) %
           below;
}

/* A step was acknowledged; what it answered is what it had to. */
static bool
take(struct walker *walker, const struct answer *answer, const char *expected,
     const char *step)
{
    if (answer->st != FACTOR_OK) {
        if (!crash_vfs_is_cut())
            wrong("%s failed with %d", step, answer->st);
        return false;
    }
    if (strcmp(answer->code, expected) != 0) {
        wrong("%s answered \"%s\"", step, answer->code);
        return false;
    }
    walker->acked = walker->tried;
    walker->steps++;
    return true;
}

static bool
walk_begin(struct walker *walker)
{
    struct model *tried = &walker->tried;
    struct answer answer;
    bool done;

    tried->flows++;
    tried->flow[0] = '\0';
    tried->state = "DEVICE_SELECTION_REQUIRED";
    tried->attempts = 0;
    client_begin(&walker->client, RIG_FREE, walker->user, &answer);
    if (answer.st == FACTOR_OK)
        memcpy(tried->flow, answer.flow, sizeof(tried->flow));
    done = take(walker, &answer, "", "begin");
    answer_clear(&answer);
    return done;
}

/* One action in the walker's flow; the model has it already. */
static bool
walk_on(struct walker *walker, const char *action, json_t *given,
        const char *expected)
{
    struct answer answer;
    bool done;

    client_act(&walker->client, walker->acked.flow, action, given, &answer);
    done = take(walker, &answer, expected, action);
    answer_clear(&answer);
    return done;
}

static bool
walk_select(struct walker *walker)
{
    char device[RIG_ID];

    if (!client_device(&walker->client, walker->acked.flow, "EMAIL", device))
        return false; /* the power went in between */
    walker->tried.messages++;
    walker->tried.state = "OTP_REQUIRED";
    return walk_on(walker, "selectDevice", given_device(device), "");
}

static bool
walk_wrong(struct walker *walker, const char *code)
{
    char other[RIG_CODE];

    rig_other(code, other);
    walker->tried.attempts++;
    walker->tried.failures++;
    return walk_on(walker, "checkOtp", given_code(other), "INVALID_OTP");
}

static bool
walk_right(struct walker *walker, const char *code)
{
    struct accepted *accepted =
        &walker->accepted[walker->accepted_count++ % ACCEPTED_MAX];

    memset(accepted, 0, sizeof(*accepted));
    memcpy(accepted->flow, walker->acked.flow, sizeof(accepted->flow));
    snprintf(accepted->code, sizeof(accepted->code), "%s", code);
    walker->tried.state = "OTP_VERIFIED";
    walker->tried.failures = 0;
    accepted->acknowledged =
        walk_on(walker, "checkOtp", given_code(code), "");
    return accepted->acknowledged;
}

static bool
walk_through(struct walker *walker)
{
    unsigned guesses = draw(walker, 4);
    char code[RIG_CODE];

    if (!walk_begin(walker) || !walk_select(walker))
        return false;
    newest_code(walker->user, code);
    for (; guesses > 0; guesses--)
        if (!walk_wrong(walker, code))
            return false;
    if (draw(walker, 4) == 0)
        return true; /* it is left alone; its failures stay */
    if (!walk_right(walker, code))
        return false;
    if (draw(walker, 4) == 0)
        return true;
    walker->tried.state = "completed";
    walker->tried.grants++;
    return walk_on(walker, "continueAuthentication", NULL, "");
}

static void *
walk(void *context)
{
    struct walker *walker = context;
    int i;

    for (i = 0; i < WALKS; i++)
        if (!walk_through(walker))
            break;
    return NULL;
}

/* --------------------------------------------------------------- guessers */

/* They share a user, so the order of their guesses is not known. */
static struct {
    char user[RIG_ID];
    struct rig_app app;
    atomic_uint acked, tried;
} guessed;

static bool
guess_in_flow(struct client_side *client, const char *flow)
{
    char code[RIG_CODE];
    struct answer answer;
    bool done;

    rig_totp_wrong(&guessed.app, client->now_ms, code);
    atomic_fetch_add(&guessed.tried, 1);
    client_act(client, flow, "checkOtp", given_code(code), &answer);
    done = answer.st == FACTOR_OK;
    if (done && strcmp(answer.code, "INVALID_OTP") != 0)
        wrong("a guess was answered \"%s\"", answer.code);
    else if (done)
        atomic_fetch_add(&guessed.acked, 1);
    else if (!crash_vfs_is_cut())
        wrong("a guess failed with %d", answer.st);
    answer_clear(&answer);
    return done;
}

static void *
guess(void *context)
{
    struct client_side client;
    struct answer answer = {.st = FACTOR_OK};
    char flow[FLOW_ID + 1] = "";
    int i;

    (void)context;
    client_make(&client, 0);
    client.no_lane = true;
    for (i = 0; i < GUESSES; i++) {
        if (i % GUESSES_OF_FLOW == 0) {
            client_begin(&client, RIG_FREE, guessed.user, &answer);
            memcpy(flow, answer.flow, sizeof(flow));
            answer_clear(&answer);
        }
        if (answer.st != FACTOR_OK || !guess_in_flow(&client, flow))
            break;
    }
    return NULL;
}

/* ----------------------------------------------------------------- racers */

/* They send the same code, each in a flow of its own, at the code's time. */
struct raced {
    char flow[RACERS][FLOW_ID + 1];
    char code[RIG_CODE];
    atomic_bool tried;
    atomic_uint acked; /* how often it was accepted */
};

static struct {
    char user[RIG_ID];
    struct rig_app app;
    struct raced codes[RACES];
} raced;

static int64_t
race_time(int number)
{
    return RIG_NOW + (int64_t)(number + 1) * RIG_STEP_MS;
}

/* False: the power is gone. */
static bool
race_once(struct client_side *client, int number, size_t racer)
{
    struct raced *code = &raced.codes[number];
    struct answer answer;
    bool done;

    client->now_ms = race_time(number);
    client_begin(client, RIG_FREE, raced.user, &answer);
    done = answer.st == FACTOR_OK;
    memcpy(code->flow[racer], answer.flow, sizeof(answer.flow));
    answer_clear(&answer);
    if (!done)
        return false;
    atomic_store(&code->tried, true);
    client_act(client, code->flow[racer], "checkOtp", given_code(code->code),
               &answer);
    done = answer.st == FACTOR_OK;
    if (done && !answer.code[0])
        atomic_fetch_add(&code->acked, 1);
    else if (done && strcmp(answer.code, "INVALID_OTP") != 0)
        wrong("a raced code was answered \"%s\"", answer.code);
    answer_clear(&answer);
    return done;
}

static void *
race(void *context)
{
    size_t racer = (size_t)(uintptr_t)context;
    struct client_side client;
    int i;

    client_make(&client, 0);
    client.no_lane = true;
    for (i = 0; i < RACES; i++)
        if (!race_once(&client, i, racer)) {
            if (!crash_vfs_is_cut())
                wrong("a racer failed");
            break;
        }
    return NULL;
}

/* ----------------------------------------------------------- one run of all */

/* Users, on a store that each run begins with. */
static bool
make_base(void)
{
    const struct rig_setup setup = {.node_count = 1};
    size_t i;
    bool made;

    engine_rig_forget();
    made = engine_rig_open(&setup);
    for (i = 0; i < WALKERS && made; i++) {
        snprintf(walkers[i].name, sizeof(walkers[i].name), "walker%zu", i);
        made = rig_user(walkers[i].name, true, true, false, walkers[i].user);
    }
    made = made && rig_user("guessed", false, false, false, guessed.user) &&
           rig_enrol("guessed", &guessed.app) &&
           rig_user("raced", false, false, false, raced.user) &&
           rig_enrol("raced", &raced.app);
    engine_rig_close();
    return made && rename(folder_in("store.db"), folder_in("base.db")) == 0;
}

static bool
copy_base(void)
{
    FILE *from, *to;
    char bytes[65536];
    size_t len;

    engine_rig_forget();
    from = fopen(folder_in("base.db"), "rbe");
    to = fopen(folder_in("store.db"), "wbe");
    if (!from || !to)
        abort();
    while ((len = fread(bytes, 1, sizeof(bytes), from)) > 0)
        if (fwrite(bytes, 1, len, to) != len)
            abort();
    fclose(from);
    return fclose(to) == 0;
}

static void
reset(uint64_t seed)
{
    size_t i;

    fault[0] = '\0';
    message_count = 0;
    for (i = 0; i < WALKERS; i++) {
        struct walker *walker = &walkers[i];

        memset(&walker->acked, 0, sizeof(walker->acked));
        memset(&walker->tried, 0, sizeof(walker->tried));
        walker->accepted_count = 0;
        walker->steps = 0;
        walker->random = (seed * THREADS + i + 1) *
                         UINT64_C(0x9E3779B97F4A7C15);
        client_make(&walker->client, 0);
    }
    atomic_store(&guessed.acked, 0);
    atomic_store(&guessed.tried, 0);
    memset(raced.codes, 0, sizeof(raced.codes));
    for (i = 0; i < RACES; i++)
        rig_totp(&raced.app, race_time((int)i), raced.codes[i].code);
}

static void
run_threads(void)
{
    pthread_t threads[THREADS];
    void *(*run)(void *);
    void *context;
    size_t i;

    for (i = 0; i < THREADS; i++) {
        run = i < WALKERS ? walk : i < WALKERS + GUESSERS ? guess : race;
        context = i < WALKERS ? (void *)&walkers[i]
                              : (void *)(uintptr_t)(i % RACERS);
        if (pthread_create(&threads[i], NULL, run, context) != 0)
            abort();
    }
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Work until the power goes, or all is done. */
static void
work(const char *synchronous)
{
    const struct rig_setup setup = {
        .vfs = "crash",
        .synchronous = synchronous,
        .moved = record_moved,
    };

    if (engine_rig_open(&setup)) {
        start_outbox(RIG_NOW);
        run_threads();
        crash_vfs_cut();
        stop_outbox();
    } else {
        crash_vfs_cut();
    }
    engine_rig_close();
}

/* ------------------------------------------------------------ what is left */

static int64_t
number_of(struct record *record, const char *member)
{
    int64_t number = record ? json_number(record->body, member, 0) : 0;

    record_unref(record);
    return number;
}

static unsigned
count_owned(const char *collection, const char *owner)
{
    struct record_list *list = rig_owned(collection, owner);
    unsigned count = list->count;

    record_list_unref(list);
    return count;
}

/* Whether the flow of a model is as it says. */
static bool
flow_is(const struct model *model)
{
    struct record *record;
    const char *state, *status;
    int64_t attempts;
    bool is;

    if (!model->flow[0])
        return true;
    record = rig_record(FLOW_COLLECTION, model->flow);
    if (!record)
        return false;
    state = json_text(record->body, "state");
    status = json_text(record->body, "status");
    attempts = json_number(json_object_get(record->body, "data"), "attempts",
                           0);
    is = strcmp(state ? state : status, model->state) == 0 &&
         (!state || attempts == model->attempts);
    record_unref(record);
    return is;
}

/* Everything of it: so a step that is there in part fits neither model. */
static bool
user_is(const struct walker *walker, const struct model *model)
{
    const char *user = walker->user;
    int64_t failures =
        number_of(rig_authenticator(user, "email"), "failures");

    return count_owned(FLOW_COLLECTION, user) == model->flows &&
           count_owned(OUTBOX_COLLECTION, user) == model->messages &&
           count_owned(GRANT_COLLECTION, user) == model->grants &&
           failures == model->failures &&
           number_of(rig_record("otp.account", user), "failures") ==
               model->failures &&
           flow_is(model);
}

static void
check_walker(const struct walker *walker)
{
    if (user_is(walker, &walker->acked) || user_is(walker, &walker->tried))
        return;
    wrong("%s after %u steps: %u flows of %u, %u messages of %u, %u grants of "
          "%u, %" PRId64 " failures of %" PRId64 ", state %s",
          walker->name, walker->steps,
          count_owned(FLOW_COLLECTION, walker->user), walker->acked.flows,
          count_owned(OUTBOX_COLLECTION, walker->user), walker->acked.messages,
          count_owned(GRANT_COLLECTION, walker->user), walker->acked.grants,
          number_of(rig_authenticator(walker->user, "email"), "failures"),
          walker->acked.failures,
          walker->acked.state ? walker->acked.state : "none");
}

/* Each guess is counted in three records at once. */
static void
check_guessed(void)
{
    struct record_list *flows = rig_owned(FLOW_COLLECTION, guessed.user);
    int64_t device =
        number_of(rig_authenticator(guessed.user, "totp"), "failures");
    int64_t account =
        number_of(rig_record("otp.account", guessed.user), "failures");
    int64_t attempts = 0;
    uint32_t i;

    for (i = 0; i < flows->count; i++)
        attempts += json_number(
            json_object_get(flows->records[i]->body, "data"), "attempts", 0);
    record_list_unref(flows);
    if (device < atomic_load(&guessed.acked) ||
        device > atomic_load(&guessed.tried) || account != device ||
        attempts != device)
        wrong("%u guesses were answered, %u made: counted %" PRId64
              " by the device, %" PRId64 " by the account, %" PRId64
              " by the flows",
              atomic_load(&guessed.acked), atomic_load(&guessed.tried), device,
              account, attempts);
}

static void
check_messages(void)
{
    struct record *record;
    size_t i;

    for (i = 0; i < message_count; i++) {
        record = rig_record(OUTBOX_COLLECTION, messages[i].id);
        if (!record)
            wrong("message %zu of %zu is lost", i + 1, message_count);
        record_unref(record);
    }
}

static factor_status
note_event(void *context, const struct factor_audit_row *row)
{
    *(uint64_t *)context = row->sequence;
    return FACTOR_OK;
}

/* A row for each step at least. */
static void
check_audit(void)
{
    struct factor_error err = {0};
    uint64_t events = 0;
    unsigned steps = atomic_load(&guessed.acked);
    size_t i;

    for (i = 0; i < WALKERS; i++)
        steps += walkers[i].steps;
    if (!rig_audit_holds())
        wrong("the audit chain is broken");
    engine.ops->read_audit(engine.store, NULL, 0, 0, note_event, &events,
                           &err);
    if (events < steps)
        wrong("%u steps, %" PRIu64 " rows in the audit log", steps, events);
}

/* --- Every code once more. --- */

/* A right code of a walker, in its own flow: once it was accepted, never
 * again; if that was not acknowledged, once. */
static void
replay_walker(const struct walker *walker)
{
    const struct accepted *accepted;
    struct client_side client = walker->client;
    struct record *record;
    unsigned times;
    size_t i, try;

    client.trusted = true;
    for (i = 0; i < walker->accepted_count && i < ACCEPTED_MAX; i++) {
        accepted = &walker->accepted[i];
        record = rig_record(FLOW_COLLECTION, accepted->flow);
        times = record && strcmp(json_text(record->body, "state")
                                     ? json_text(record->body, "state")
                                     : "",
                                 "OTP_REQUIRED") != 0;
        record_unref(record);
        if (accepted->acknowledged && times == 0)
            wrong("%s: a right code was forgotten", walker->name);
        for (try = 0; try < 2; try++)
            times += client_do(&client, accepted->flow, "checkOtp",
                               given_code(accepted->code))[0] == '\0';
        if (times != 1)
            wrong("%s: a code was accepted %u times", walker->name, times);
    }
}

static bool
replay_once(int64_t now_ms, const char *code)
{
    struct client_side client;
    struct answer begun, answer;
    bool accepted;

    client_make(&client, 0);
    client.now_ms = now_ms;
    if (!client_begin(&client, RIG_FREE, raced.user, &begun))
        wrong("no flow to replay in: %s", begun.code);
    answer_clear(&begun);
    client_act(&client, begun.flow, "checkOtp", given_code(code), &answer);
    accepted = answer.st == FACTOR_OK && !answer.code[0];
    if (!accepted && strcmp(answer.code, "INVALID_OTP") != 0)
        wrong("a replay was answered \"%s\"", answer.code);
    answer_clear(&answer);
    return accepted;
}

static unsigned
count_verified(const struct raced *code)
{
    struct record *record;
    const char *state;
    unsigned count = 0;
    size_t i;

    for (i = 0; i < RACERS; i++) {
        record = code->flow[i][0] ? rig_record(FLOW_COLLECTION, code->flow[i])
                                  : NULL;
        state = record ? json_text(record->body, "state") : NULL;
        count += state && strcmp(state, "OTP_VERIFIED") == 0;
        record_unref(record);
    }
    return count;
}

/* The codes of the app, in their order, each at its own time. */
static void
replay_raced(void)
{
    int64_t failures =
        number_of(rig_authenticator(raced.user, "totp"), "failures");
    struct raced *code;
    unsigned times;
    int i;

    for (i = 0; i < RACES; i++) {
        code = &raced.codes[i];
        times = count_verified(code);
        if (atomic_load(&code->acked) > 1)
            wrong("code %d was accepted twice before the cut", i);
        if (times < atomic_load(&code->acked))
            wrong("code %d was accepted, and its flow is not verified", i);
        if (!atomic_load(&code->tried))
            break;
        times += replay_once(race_time(i), code->code);
        times += replay_once(race_time(i), code->code);
        if (times > 1)
            wrong("code %d was accepted %u times", i, times);
    }
    if (number_of(rig_authenticator(raced.user, "totp"), "failures") !=
        failures)
        wrong("a used code counts as a guess");
}

/* --- Every message leaves, and the host goes on. --- */

static size_t
count_undelivered(void)
{
    size_t count = 0, i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < message_count; i++)
        count += !messages[i].delivered;
    pthread_mutex_unlock(&lock);
    return count;
}

static void
run_outbox_down(void)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    start_outbox(RIG_NOW + LEASE_MS + 1000); /* old claims have run out */
    while (count_undelivered() > 0 && clock_steady_ms() < until)
        usleep(1000);
    if (count_undelivered() > 0)
        wrong("%zu messages of %zu were never delivered", count_undelivered(),
              message_count);
}

static void
go_on(void)
{
    size_t i;

    for (i = 0; i < WALKERS; i++) {
        client_make(&walkers[i].client, 0);
        walkers[i].random = 4; /* through to the end, or not: any will do */
        if (!walk_through(&walkers[i]))
            wrong("%s cannot go on", walkers[i].name);
    }
}

static void
check_after(void)
{
    const struct rig_setup setup = {.moved = record_moved};
    size_t i;

    if (!engine_rig_open(&setup)) {
        wrong("%s", unopened);
        engine_rig_close();
        return;
    }
    check_audit();
    check_messages();
    check_guessed();
    for (i = 0; i < WALKERS; i++)
        check_walker(&walkers[i]);
    for (i = 0; i < WALKERS; i++)
        replay_walker(&walkers[i]);
    replay_raced();
    if (!fault[0]) {
        run_outbox_down();
        go_on();
        stop_outbox();
        if (!rig_audit_holds())
            wrong("the audit chain is broken afterwards");
    }
    engine_rig_close();
}

/* --------------------------------------------------------------- the cuts */

static struct {
    uint64_t steps, guesses, races, messages; /* acknowledged, over all cuts */
} total;

static void
add_totals(void)
{
    size_t i;

    for (i = 0; i < WALKERS; i++)
        total.steps += walkers[i].steps;
    for (i = 0; i < RACES; i++)
        total.races += atomic_load(&raced.codes[i].acked);
    total.guesses += atomic_load(&guessed.acked);
    total.messages += message_count;
}

/* place 0: when all is done. */
static void
run_once(uint64_t number, uint64_t place, const char *synchronous)
{
    copy_base();
    reset(number);
    crash_vfs_arm(number, place);
    work(synchronous);
    add_totals();
    if (crash_vfs_settle() != 0)
        abort();
    check_after();
}

static uint64_t
number_from(const char *name, uint64_t absent)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : absent;
}

/* Spread over the run, by the cut's number. */
static uint64_t
place_of(uint64_t cut, uint64_t count)
{
    uint64_t mixed = (cut + 1) * UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 31)) * UINT64_C(0xBF58476D1CE4E5B9);
    return 1 + (mixed >> 33) % count;
}

/* Returns after how many cuts something was wrong.  Of the control the first
 * will do that leaves a store in which a step is missing. */
static uint64_t
cut_many(const char *synchronous, bool control)
{
    const uint64_t first = number_from("FACTOR_CRASH_FIRST", 0);
    const uint64_t cuts =
        getenv("FACTOR_QUICK") && !control
            ? 1
            : number_from("FACTOR_CRASH_CUTS", 10);
    uint64_t count, number, place, found = 0;

    /* How much there is to do; how long it takes varies, with the batches. */
    copy_base();
    reset(0);
    crash_vfs_arm(0, 0);
    work("FULL");
    count = crash_vfs_ops();
    crash_vfs_settle();
    memset(&total, 0, sizeof(total));
    for (number = first; number < first + cuts; number++) {
        place = place_of(number, count);
        run_once(number, place, synchronous);
        if (!fault[0] || (control && strcmp(fault, unopened) == 0))
            continue;
        found++;
        tap_note("cut %" PRIu64 " at operation %" PRIu64 " of about %" PRIu64
                 ": %s",
                 number, place, count, fault);
        if (control)
            break;
    }
    return found;
}

static void
nothing_is_lost(void)
{
    struct crash_vfs_tally tally;

    CU_ASSERT_EQUAL(cut_many("FULL", false), 0);
    tally = crash_vfs_tally();
    tap_note("%" PRIu64 " steps, %" PRIu64 " guesses, %" PRIu64
             " raced codes, %" PRIu64 " messages were acknowledged",
             total.steps, total.guesses, total.races, total.messages);
    tap_note("writes kept %" PRIu64 ", torn %" PRIu64 ", dropped %" PRIu64,
             tally.kept, tally.torn, tally.dropped);
    CU_ASSERT(tally.dropped > 0);
    CU_ASSERT(total.steps > 0 && total.guesses > 0 && total.races > 0);
}

/* The same run to its end, and cut when all is quiet: nothing may be
 * missing of the last step either. */
static void
nothing_is_lost_at_rest(void)
{
    size_t i;

    run_once(1000, 0, "FULL");
    if (fault[0])
        tap_note("%s", fault);
    CU_ASSERT_STRING_EQUAL(fault, "");
    CU_ASSERT_EQUAL(atomic_load(&guessed.acked), GUESSERS * GUESSES);
    for (i = 0; i < RACES; i++)
        CU_ASSERT_EQUAL(atomic_load(&raced.codes[i].acked), 1);
}

static void
control_loses_something(void)
{
    CU_ASSERT(cut_many("OFF", true) > 0);
}

static const struct tap_test tests[] = {
    {"a power cut loses no step, no failure and no message, and no code is "
     "accepted twice",
     nothing_is_lost},
    {"so it is when nothing is under way", nothing_is_lost_at_rest},
    {"control: without syncs something is lost", control_loses_something},
};

static int
set_up(void)
{
    return crash_vfs_register("crash") || engine_rig_make() || !make_base();
}

int
main(void)
{
    const struct tap_fixture fixture = {set_up, engine_rig_remove};

    return tap_main_with("engine: crash", &fixture, tests, TAP_COUNT(tests));
}
