/* SPDX-License-Identifier: MIT */
/* tests/test_engine_race.c - many flows at once on one authenticator (T2):
 * of one code there is one winner, and no wrong one goes uncounted.
 *
 * Once with the lanes of the daemon, and without, where compare-and-swap is
 * all there is; with one engine, and with two on one store, each with a cache
 * of its own.  The control is a store that does not compare versions: with it
 * both must fail.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json.h"
#include "tests/engine_rig.h"
#include "tests/engine_store.h"

/* A control ends with the first round that shows what it is to show: on a busy
 * machine threads may meet in few. */
enum { FLOWS = 64, ROUNDS = 50, CONTROL_ROUNDS = 200 };

/* --- 64 flows, each on a thread of its own. --- */

struct runner {
    pthread_t thread;
    struct client_side client;
    const char *policy, *user;
    bool begun;
    char flow[FLOW_ID + 1];
    char code[RIG_CODE];
    struct answer answer;
};

static struct runner runners[FLOWS];
static pthread_barrier_t gate;

/* Begin a flow, wait until all have, send the code. */
static void *
run_one(void *context)
{
    struct runner *runner = context;

    runner->begun = client_begin(&runner->client, runner->policy,
                                 runner->user, &runner->answer);
    memcpy(runner->flow, runner->answer.flow, sizeof(runner->flow));
    answer_clear(&runner->answer);
    pthread_barrier_wait(&gate);
    client_act(&runner->client, runner->flow, "checkOtp",
               given_code(runner->code), &runner->answer);
    return NULL;
}

/* What is run, over which store. */
struct race {
    const char *name;
    size_t nodes;
    bool no_lane;
    bool memory;      /* the store in memory */
    bool no_compare;  /* the control */
    int rounds;
};

static void
prepare(const struct race *race, const char *policy, const char *user,
        int64_t now_ms, const char *code)
{
    struct runner *runner;
    size_t i;

    for (i = 0; i < FLOWS; i++) {
        runner = &runners[i];
        client_make(&runner->client, i % race->nodes);
        runner->client.now_ms = now_ms;
        runner->client.no_lane = race->no_lane;
        runner->policy = policy;
        runner->user = user;
        memcpy(runner->code, code, RIG_CODE);
    }
}

/* Answers are in the runners. */
static void
run_all(void)
{
    size_t i;

    pthread_barrier_init(&gate, NULL, FLOWS);
    for (i = 0; i < FLOWS; i++)
        if (pthread_create(&runners[i].thread, NULL, run_one, &runners[i]) !=
            0)
            abort();
    for (i = 0; i < FLOWS; i++)
        pthread_join(runners[i].thread, NULL);
    pthread_barrier_destroy(&gate);
}

struct tally {
    unsigned right;   /* acknowledged without an error */
    unsigned invalid; /* INVALID_OTP */
    unsigned locked;  /* DEVICE_LOCKED, or the action was not offered */
    unsigned busy;    /* 429 */
    unsigned others;
    unsigned attempts;
};

static bool
is_locked(const char *code)
{
    return strcmp(code, "DEVICE_LOCKED") == 0 ||
           strcmp(code, "INVALID_ACTION_ID") == 0;
}

static void
count_answers(struct tally *tally)
{
    const char *code;
    size_t i;

    for (i = 0; i < FLOWS; i++) {
        CU_ASSERT(runners[i].begun);
        code = runners[i].answer.code;
        tally->attempts += runners[i].answer.attempts;
        if (code[0] == '\0')
            tally->right++;
        else if (strcmp(code, "INVALID_OTP") == 0)
            tally->invalid++;
        else if (is_locked(code))
            tally->locked++;
        else if (runners[i].answer.busy)
            tally->busy++;
        else
            tally->others++;
        answer_clear(&runners[i].answer);
    }
}

static unsigned
count_states(const char *state)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < FLOWS; i++)
        count += strcmp(client_state(&runners[i].client, runners[i].flow),
                        state) == 0;
    return count;
}

/* --- The races. --- */

static const struct race real_races[] = {
    {"lanes", 1, false, false, false, ROUNDS},
    {"one engine", 1, true, false, false, ROUNDS},
    {"two engines", 2, true, false, false, ROUNDS},
    {"two engines, with lanes", 2, false, false, false, 10},
    {"a store in memory", 1, true, true, false, 10},
};
static const struct race controls[] = {
    {"control, one engine", 1, true, true, true, CONTROL_ROUNDS},
    {"control, two engines", 2, true, true, true, CONTROL_ROUNDS},
};

static void
open_race(const struct race *race)
{
    struct rig_setup setup = {.node_count = race->nodes};

    engine_rig_forget();
    if (race->memory) {
        setup.ops = &memory_store_ops;
        setup.store = memory_store_new(!race->no_compare);
    }
    CU_ASSERT_TRUE_FATAL(engine_rig_open(&setup));
}

static void
close_race(const struct race *race)
{
    if (!race->memory)
        CU_ASSERT(rig_audit_holds());
    engine_rig_close();
    memory_store_free();
}

/* --- One winner. --- */

/* One round; true: it had one winner, and all others were told so. */
static bool
race_once(const struct race *race, const char *user, const struct rig_app *app,
          int64_t now_ms, struct tally *total)
{
    struct tally tally = {0};
    char code[RIG_CODE];
    unsigned verified;

    rig_totp(app, now_ms, code);
    prepare(race, RIG_OTP, user, now_ms, code);
    run_all();
    count_answers(&tally);
    verified = count_states("OTP_VERIFIED");
    total->attempts += tally.attempts;
    total->busy += tally.busy;
    if (tally.right == 1 && verified == 1 &&
        tally.invalid + tally.busy == FLOWS - 1)
        return true;
    tap_note("%s: %u right, %u invalid, %u busy, %u locked, %u others, %u "
             "flows verified",
             race->name, tally.right, tally.invalid, tally.busy, tally.locked,
             tally.others, verified);
    return false;
}

/* Whether some round did not have one winner; it is the last. */
static int
race_rounds(const struct race *race)
{
    struct tally total = {0};
    struct rig_app app;
    char user[RIG_ID];
    bool quick = getenv("FACTOR_QUICK") && !race->no_compare;
    int round, wrong = 0, rounds = quick ? 1 : race->rounds;

    open_race(race);
    CU_ASSERT_TRUE_FATAL(rig_user("racer", false, false, false, user));
    CU_ASSERT_TRUE_FATAL(rig_enrol("racer", &app));
    for (round = 0; round < rounds; round++) {
        wrong += !race_once(race, user, &app,
                            RIG_NOW + (int64_t)round * RIG_STEP_MS, &total);
        if (wrong)
            break;
    }
    /* A used code is no guess. */
    if (!race->no_compare)
        CU_ASSERT_EQUAL(rig_failures(user, "totp"), 0);
    tap_note("%s: %d rounds, %u attempts more than steps, %u told to wait",
             race->name, round + (wrong > 0), total.attempts, total.busy);
    close_race(race);
    return wrong;
}

static void
one_code_has_one_winner(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(real_races); i++)
        CU_ASSERT_EQUAL(race_rounds(&real_races[i]), 0);
}

static void
control_has_many_winners(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(controls); i++)
        CU_ASSERT(race_rounds(&controls[i]) > 0);
}

/* --- Wrong codes. --- */

enum { CONTROL_TRIES = 10 };

static void
guess_all(const struct race *race, const char *policy, struct tally *tally,
          char user[RIG_ID])
{
    struct rig_app app;
    char code[RIG_CODE];

    open_race(race);
    CU_ASSERT_TRUE_FATAL(rig_user("guessed", false, false, false, user));
    CU_ASSERT_TRUE_FATAL(rig_enrol("guessed", &app));
    rig_totp_wrong(&app, RIG_NOW, code);
    prepare(race, policy, user, RIG_NOW, code);
    run_all();
    count_answers(tally);
    tap_note("%s: %u invalid, %u right, %u busy, %u locked, %u others; %"
             PRId64 " failures counted",
             race->name, tally->invalid, tally->right, tally->busy,
             tally->locked, tally->others, rig_failures(user, "totp"));
}

/* Five are counted and lock; the fifth is told of the dead end, which is no
 * error; all others found it locked, and were not compared. */
static bool
locks_at_five(const struct race *race)
{
    struct record *device;
    struct tally tally = {0};
    char user[RIG_ID];
    bool right;

    guess_all(race, RIG_OTP, &tally, user);
    device = rig_authenticator(user, "totp");
    right = device && json_number(device->body, "failures", 0) == 5 &&
            json_number(device->body, "locked_until_ms", 0) ==
                RIG_NOW + 120000 &&
            tally.invalid == 4 && tally.right == 1 && tally.others == 0 &&
            tally.locked + tally.busy == FLOWS - 5;
    record_unref(device);
    close_race(race);
    return right;
}

/* Where nothing locks, every wrong code that was answered is in both
 * counters, the authenticator's and the account's. */
static bool
counts_all(const struct race *race)
{
    struct record *account;
    struct tally tally = {0};
    char user[RIG_ID];
    bool right;

    guess_all(race, RIG_FREE, &tally, user);
    account = rig_record("otp.account", user);
    right = account && tally.others == 0 && tally.right == 0 &&
            tally.invalid + tally.busy == FLOWS &&
            json_number(account->body, "failures", 0) == tally.invalid &&
            rig_failures(user, "totp") == tally.invalid;
    record_unref(account);
    close_race(race);
    return right;
}

static void
wrong_codes_lock(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(real_races); i++)
        CU_ASSERT(locks_at_five(&real_races[i]));
}

static void
wrong_codes_are_counted(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(real_races); i++)
        CU_ASSERT(counts_all(&real_races[i]));
}

/* A race may be won by chance on a busy machine, but not time after time. */
static bool
fails_once(bool (*holds)(const struct race *race), const struct race *race)
{
    int tries;

    for (tries = 0; tries < CONTROL_TRIES; tries++)
        if (!holds(race))
            return true;
    return false;
}

static void
control_counts_too_few(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(controls); i++) {
        CU_ASSERT_TRUE(fails_once(locks_at_five, &controls[i]));
        CU_ASSERT_TRUE(fails_once(counts_all, &controls[i]));
    }
}

static const struct tap_test tests[] = {
    {"T2: of 64 flows with one code, one wins, in 50 rounds",
     one_code_has_one_winner},
    {"T2: control: without compare-and-swap more than one wins",
     control_has_many_winners},
    {"O4: five wrong codes over parallel flows lock, and no more count",
     wrong_codes_lock},
    {"O4: every wrong code of parallel flows is counted",
     wrong_codes_are_counted},
    {"O4: control: without compare-and-swap some are not",
     control_counts_too_few},
};

int
main(void)
{
    const struct tap_fixture fixture = {engine_rig_make, engine_rig_remove};

    return tap_main_with("engine: race", &fixture, tests, TAP_COUNT(tests));
}
