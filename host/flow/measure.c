/* SPDX-License-Identifier: MIT */
/* host/flow/measure.c - how long the answers of slow actions have to be held
 * back. */
#include "host/flow/measure.h"

#include "host/clock.h"
#include "host/flow/run.h"
#include "host/log.h"
#include "host/step/floor.h"
#include "host/step/pool.h"

enum { ROUNDS_MAX = 64 }; /* of an adapter that finds no end */

/* --- What is measured. --- */

static const struct factor_action *
measuring_action(const struct adapter *adapter)
{
    const struct factor_action *const *at = adapter->description->actions;

    while (*at && !((*at)->flags & FACTOR_ACTION_MEASURE))
        at++;
    return *at;
}

/* How long the instance holds answers back; 0: it does not. */
static int64_t
answer_after(const struct adapter *adapter)
{
    const struct factor_action *const *at = adapter->description->actions;
    int64_t least = 0;

    for (; *at; at++)
        if ((*at)->answer_after_ms > 0 &&
            (least == 0 || (*at)->answer_after_ms < least))
            least = (*at)->answer_after_ms;
    return least;
}

/* --- A round. --- */

/* Only the action itself is timed: a check reads a few records, this one a
 * page of them. */
static factor_status
time_action(struct measure *measure, struct txn *txn,
            const struct adapter *adapter, int64_t *ret_cost_ms,
            json_t **ret_next, struct factor_error *err)
{
    static const char *const languages[] = {"en", NULL};
    const struct engine_call call = {.host = measure->host,
                                     .languages = languages};
    struct factor_outcome outcome;
    struct run run;
    int64_t started;
    factor_status st = run_prepare(&run, &call, txn, adapter, NULL);

    if (st != FACTOR_OK)
        return st;
    run.step.action = measuring_action(adapter)->name;
    if (measure->fields)
        run.step.fields = measure->fields;
    st = run_load(&run, err);
    started = clock_thread_ms();
    if (st == FACTOR_OK)
        st = run_action(&run, &outcome, err);
    if (st != FACTOR_OK)
        return st;
    *ret_cost_ms = clock_thread_ms() - started;
    *ret_next = json_incref(outcome.body);
    return FACTOR_OK;
}

/* Whatever the action would write goes with the attempt.  What the next round
 * is to be given, or NULL: there is none. */
static json_t *
run_round(struct measure *measure, const struct adapter *adapter)
{
    const struct host *host = measure->host;
    struct factor_error err = {0};
    uint8_t seed[TXN_SEED];
    int64_t cost_ms = 0;
    json_t *next = NULL;
    struct txn *txn;

    clock_random(seed, sizeof(seed));
    txn = txn_new(host->database, clock_now_ms(), seed);
    if (!txn)
        return NULL;
    if (time_action(measure, txn, adapter, &cost_ms, &next, &err) == FACTOR_OK)
        floor_raise(host->answer_floor_ms, answer_after(adapter), cost_ms);
    else
        log_event(adapter->name, FACTOR_LOG_WARNING,
                  "it could not be measured how long its answers have to be "
                  "held back: %s",
                  err.text);
    txn_free(txn);
    return next;
}

/* --- Rounds, one after another: between them the pool's others come. --- */

static void go_on(struct measure *measure);

static void
take_turn(void *context)
{
    struct measure *measure = context;
    json_t *next =
        run_round(measure, &measure->host->adapters[measure->adapter]);

    json_decref(measure->fields);
    measure->fields = next;
    if (!next || ++measure->rounds == ROUNDS_MAX) {
        json_decref(next);
        measure->fields = NULL;
        measure->rounds = 0;
        measure->adapter++;
    }
    go_on(measure);
}

static void
go_on(struct measure *measure)
{
    const struct host *host = measure->host;
    const struct adapter *adapter;

    for (; measure->adapter < host->adapter_count; measure->adapter++) {
        adapter = &host->adapters[measure->adapter];
        if (measuring_action(adapter) && answer_after(adapter) > 0)
            break;
    }
    if (measure->adapter < host->adapter_count &&
        !atomic_load(&measure->stopping) &&
        pool_run(host->slow, NULL, take_turn, measure))
        return;
    json_decref(measure->fields);
    measure->fields = NULL;
}

void
measure_start(struct measure *measure, const struct host *host)
{
    measure->host = host;
    go_on(measure);
}

void
measure_stop(struct measure *measure)
{
    atomic_store(&measure->stopping, true);
}
