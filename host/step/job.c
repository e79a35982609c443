/* SPDX-License-Identifier: MIT */
/* host/step/job.c - a request that is a step: attempts, commit, answer.
 *
 * A job is in one of three places: on its loop, away (suspended, in a queue
 * or on a pool), or with the writer.  Whoever has it calls one of the
 * functions below and lets go. */
#include "host/step/job.h"

#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/log.h"
#include "host/plugin/sources.h"
#include "host/step/buckets.h"
#include "host/step/floor.h"
#include "host/step/lanes.h"
#include "host/step/pool.h"

/* Of many that want one record each batch serves one, and the others begin
 * anew: whoever has lost so many races queues up instead. */
enum { RACES_MAX = 4, ATTEMPTS_MAX = 64 };

static void run(struct job *job);

/* --- Life. --- */

static void
leave_crowd(struct job *job)
{
    lanes_leave(job->host->crowds, job->crowd);
    job->crowd = NULL;
}

static void
leave_place(struct job *job)
{
    lanes_leave(job->host->places, job->place);
    job->place = NULL;
}

static void
job_free(void *state)
{
    struct job *job = state;
    size_t i;

    leave_crowd(job);
    leave_place(job);
    for (i = job->lane_count; i > 0; i--)
        lanes_leave(job->host->lanes, job->lanes[i - 1]);
    http_reply_free(job->reply); /* held back, and its client has gone */
    txn_free(job->txn);
    json_decref(json_unconst(job->answers));
    arena_free(job->arena);
    free(job);
}

struct job *
job_new(const struct job_kind *kind, struct http_request *request)
{
    struct job *job = calloc(1, sizeof(*job));

    if (!job)
        return NULL;
    job->arena = arena_new();
    if (!job->arena) {
        free(job);
        return NULL;
    }
    job->kind = kind;
    job->host = http_context(request);
    job->request = request;
    clock_random(job->seed, sizeof(job->seed));
    http_set_state(request, job, job_free);
    return job;
}

/* --- Going away and coming back. --- */

static void
leave_loop(struct job *job)
{
    if (job->away)
        return;
    job->away = true;
    http_suspend(job->request);
}

/* On the loop again, from wherever it is. */
static void
return_to_loop(struct job *job, http_handler *next)
{
    http_resume(job->request, next);
}

/* What is slow has to ask for the pool again. */
static struct job *
back_on_loop(struct http_request *request)
{
    struct job *job = http_state(request);

    job->away = false;
    job->on_slow_pool = false;
    return job;
}

static void
run_on_loop(struct http_request *request)
{
    run(back_on_loop(request));
}

/* --- Answering. --- */

static void
leave_lanes(struct job *job)
{
    leave_crowd(job);
    leave_place(job);
    while (job->lane_count > 0)
        lanes_leave(job->host->lanes, job->lanes[--job->lane_count]);
}

static void
reply_held(struct http_request *request)
{
    struct job *job = http_state(request);
    struct http_reply *reply = job->reply;

    job->reply = NULL;
    http_reply(request, reply);
}

/* When an answer may leave that is held back (W1). */
static int64_t
answer_at(const struct job *job)
{
    int64_t floor = atomic_load(job->host->answer_floor_ms);
    int64_t after = job->answer_after_ms;

    return http_steady_ms(job->request) + (after < floor ? floor : after);
}

static void
answer_on_loop(struct http_request *request)
{
    struct job *job = http_state(request);
    int64_t at = answer_at(job);

    job->away = false;
    leave_lanes(job);
    job->reply = job->kind->answer(job, job->status);
    txn_free(job->txn); /* held back or not, it holds no records */
    job->txn = NULL;
    if (job->answer_after_ms == 0 || clock_steady_ms() >= at ||
        !park_at(job->host->park, request, at, reply_held))
        reply_held(request);
}

static void
answer(struct job *job, int status)
{
    job->status = status;
    if (job->away)
        return_to_loop(job, answer_on_loop);
    else
        answer_on_loop(job->request);
}

/* --- Committing. --- */

static void
ready_in_crowd(struct job *job)
{
    return_to_loop(job, run_on_loop);
}

/* One after another with the others of its kind that lose and lose. */
static void
enter_crowd(struct job *job)
{
    const char *key = job->kind->name;
    enum lane_entry entry = lanes_try(job->host->crowds, key, &job->crowd);

    if (entry == LANE_TAKEN) {
        leave_place(job);
        leave_loop(job);
        entry = lanes_wait(job->host->crowds, key, job, &job->crowd,
                           ready_in_crowd);
        if (entry == LANE_TAKEN)
            return;
    }
    if (job->away)
        ready_in_crowd(job);
    else
        run(job);
}

static void
race_again(struct job *job)
{
    if (job->attempts >= ATTEMPTS_MAX)
        answer(job, JOB_BUSY);
    else if (job->attempts >= RACES_MAX && !job->crowd)
        enter_crowd(job);
    else
        run(job);
}

static void
commit_memory(struct job *job)
{
    factor_status st = txn_commit_memory(job->txn);

    if (st == FACTOR_E_CONFLICT)
        race_again(job);
    else
        answer(job, st);
}

static void
committed_on_loop(struct http_request *request)
{
    struct job *job = back_on_loop(request);

    if (job->status == FACTOR_E_CONFLICT)
        race_again(job);
    else if (job->status == FACTOR_OK)
        commit_memory(job);
    else
        answer(job, job->status);
}

/* On the writer's thread: nothing is freed here, the loop has time for it. */
static void
committed(struct commit *commit)
{
    struct job *job = commit->context;

    job->status = commit->status;
    return_to_loop(job, committed_on_loop);
}

static void
commit(struct job *job)
{
    struct commit *commit;

    if (!txn_writes(job->txn)) {
        job->status = FACTOR_OK;
        if (job->away)
            return_to_loop(job, committed_on_loop);
        else
            commit_memory(job);
        return;
    }
    commit = txn_commit(job->txn);
    if (!commit) {
        answer(job, FACTOR_E_NOMEM);
        return;
    }
    commit->done = committed;
    commit->context = job;
    leave_loop(job);
    database_commit(job->host->database, commit);
}

/* --- What an attempt may need. --- */

static void
ready_in_lane(struct job *job)
{
    job->lane_count++;
    job->lane_held = job->lane_wanted != NULL;
    return_to_loop(job, run_on_loop);
}

/* Try first: to queue is to go away, and most lanes are free.  Nobody waits
 * for a lane in a crowd: whoever holds the lane may want to join it. */
static void
enter_lane(struct job *job, const char *key)
{
    struct lane **place = &job->lanes[job->lane_count];
    enum lane_entry entry = lanes_try(job->host->lanes, key, place);

    leave_crowd(job);
    if (entry == LANE_TAKEN) {
        leave_place(job);
        leave_loop(job);
        entry = lanes_wait(job->host->lanes, key, job, place, ready_in_lane);
        if (entry == LANE_TAKEN)
            return;
    }
    if (entry == LANE_FULL) {
        answer(job, JOB_BUSY);
        return;
    }
    if (job->away) {
        ready_in_lane(job);
        return;
    }
    job->lane_count++;
    job->lane_held = job->lane_wanted != NULL;
    run(job);
}

static void
run_slow(void *context)
{
    struct job *job = context;

    job->on_slow_pool = true;
    run(job);
}

/* Who comes by the control socket is the operator. */
static bool
may_go_slow(struct job *job)
{
    if (http_peer_uid(job->request) >= 0)
        return true;
    job->retry_after_ms =
        buckets_take(job->host->buckets, BUCKET_PASSWORD,
                     http_address(job->request), clock_steady_ms());
    return job->retry_after_ms == 0;
}

static void
go_slow(struct job *job)
{
    if (!may_go_slow(job)) {
        answer(job, JOB_BUSY);
        return;
    }
    leave_place(job);
    leave_loop(job);
    if (!pool_run(job->host->slow, http_address(job->request), run_slow, job))
        answer(job, JOB_BUSY);
}

/* What one asker asked stays apart from what another did: in one step there
 * may be several, and their questions may have the same names. */
static void
take_answers(void *context, json_t *answers)
{
    struct job *job = context;
    json_t *all, *before;

    if (!job->answers)
        job->answers = json_object();
    all = json_unconst(job->answers);
    before = json_object_get(all, job->asker);
    if (before)
        json_object_update_missing(answers, before);
    json_object_set_new(all, job->asker, answers);
    return_to_loop(job, run_on_loop);
}

/* At most once for a question; and whoever asks one that was answered would
 * do so for ever. */
static bool
asks_again(const struct job *job)
{
    const json_t *answers = json_object_get(job->answers, job->asker);
    const struct factor_question *const *question;

    for (question = job->questions; *question; question++)
        if (json_object_get(answers, (*question)->name))
            return true;
    return job->attempts >= ATTEMPTS_MAX;
}

static void
ask(struct job *job)
{
    if (asks_again(job)) {
        log_event(job->kind->name, FACTOR_LOG_ERROR,
                  "%s asks again what was answered", job->asker);
        answer(job, FACTOR_E_INTERNAL);
        return;
    }
    leave_place(job);
    leave_loop(job);
    sources_ask(job->host->sources, job->questions, take_answers, job);
}

/* In place of a job: its request has found no place to wait. */
static char no_place;

bool
job_may_park(struct http_request *request)
{
    return http_state(request) != &no_place &&
           park_reason(request) == PARK_BY_NOTHING;
}

bool
job_may_park_again(struct http_request *request)
{
    return http_state(request) != &no_place &&
           (park_reason(request) == PARK_BY_NOTHING ||
            park_reason(request) == PARK_BY_WAKE);
}

bool
job_may_live_on(struct http_request *request)
{
    return job_may_park_again(request) ||
           (http_state(request) != &no_place &&
            park_reason(request) == PARK_BY_TIME);
}

void
job_drop(struct http_request *request)
{
    void *state = http_state(request);

    if (!state || state == &no_place)
        return;
    http_set_state(request, NULL, NULL);
    job_free(state);
}

/* Nothing of the job stays while its request waits (10,000 of them do): the
 * route's handler makes another. */
static void
park(struct job *job)
{
    struct http_request *request = job->request;
    struct park *place = job->host->park;
    uint64_t stamp = job->parking.stamp;
    int64_t until = job->parking.until_steady_ms;
    unsigned count = (unsigned)job->parking.key_count, i;
    enum park_result result;
    char *keys[JOB_KEYS];

    for (i = 0; i < count; i++)
        keys[i] = strdup(job->parking.keys[i]);
    http_set_state(request, NULL, NULL);
    job_free(job);
    result = park_wait(place, request, stamp, (const char *const *)keys, count,
                       until, http_route(request)->handler);
    if (result == PARK_FULL)
        http_set_state(request, &no_place, NULL);
    if (result != PARK_PARKED)
        http_route(request)->handler(request);
    for (i = 0; i < count; i++)
        free(keys[i]);
}

/* --- A place among the steps that are under way. --- */

static void
ready_in_place(struct job *job)
{
    return_to_loop(job, run_on_loop);
}

/* What a step has read and made stays until its commit is durable: of
 * hundreds at once nothing would be in the processor's caches any more, and
 * each would cost twice as much as when it comes a moment later.  Whoever has
 * a place waits for the writer alone.  False: it comes back when there is
 * one. */
static bool
take_place(struct job *job)
{
    struct lanes *places = job->host->places;
    enum lane_entry entry;

    if (job->place || job->on_slow_pool ||
        (job->kind->reads_by_get && http_method(job->request) == HTTP_GET))
        return true;
    entry = lanes_try(places, "", &job->place);
    if (entry == LANE_TAKEN) {
        leave_loop(job);
        entry = lanes_wait(places, "", job, &job->place, ready_in_place);
        if (entry == LANE_TAKEN)
            return false;
        ready_in_place(job);
        return false;
    }
    return true;
}

/* --- Attempts. --- */

static void
take(struct job *job, int st, const struct factor_error *err)
{
    switch (st) {
    case FACTOR_OK:
        commit(job);
        break;
    case JOB_SLOW:
        go_slow(job);
        break;
    case JOB_ASK:
        ask(job);
        break;
    case JOB_LANE:
        enter_lane(job, job->lane_wanted);
        break;
    case JOB_PARK:
        park(job);
        break;
    default:
        log_event(job->kind->name, FACTOR_LOG_ERROR, "failed: %s", err->text);
        answer(job, st);
    }
}

static void
run(struct job *job)
{
    struct factor_error err = {0};
    int64_t started;
    int st;

    if (!take_place(job))
        return;
    txn_free(job->txn);
    job->attempts++;
    job->txn = txn_new(job->host->database, clock_now_ms(), job->seed);
    if (!job->txn) {
        answer(job, FACTOR_E_NOMEM);
        return;
    }
    started = job->on_slow_pool ? clock_thread_ms() : 0;
    st = job->kind->decide(job, job->txn, &err);
    if (job->on_slow_pool)
        floor_raise(job->host->answer_floor_ms, job->answer_after_ms,
                    clock_thread_ms() - started);
    take(job, st, &err);
}

void
job_start(struct job *job, const char *lane)
{
    if (lane)
        enter_lane(job, lane);
    else
        run(job);
}
