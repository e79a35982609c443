/* SPDX-License-Identifier: MIT */
/* tests/test_sources.c - questions to sources: each is answered once, in time,
 * whatever the source does. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/plugin/sources.h"
#include "tests/tap.h"

enum {
    WORKERS = 2,
    QUEUE = 32,
    TIMEOUT_MS = 60,
    PATIENCE_MS = 20000,
    LONG_MS = PATIENCE_MS, /* of a question that shall not expire */
    ASKERS = 4,
    ASKS = 150
};

static void
rest(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* --- Sources. --- */

/* What "stuck" waits for. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static atomic_uint called; /* of any source */
static atomic_llong timeout_seen;

static void
set_gate(bool open)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = open;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
}

/* {"key": ...}: found, at once. */
static factor_status
answer_good(struct factor_source *self, const json_t *input,
            int64_t timeout_ms, json_t **ret_answer, struct factor_error *err)
{
    (void)self;
    (void)err;
    atomic_fetch_add(&called, 1);
    atomic_store(&timeout_seen, timeout_ms);
    *ret_answer = json_pack("{s:O?}", "found", json_object_get(input, "key"));
    return FACTOR_OK;
}

static factor_status
answer_stuck(struct factor_source *self, const json_t *input,
             int64_t timeout_ms, json_t **ret_answer, struct factor_error *err)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.open)
        pthread_cond_wait(&gate.opened, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return answer_good(self, input, timeout_ms, ret_answer, err);
}

/* An answer that comes with a failure is dropped. */
static factor_status
answer_failing(struct factor_source *self, const json_t *input,
               int64_t timeout_ms, json_t **ret_answer,
               struct factor_error *err)
{
    (void)self;
    (void)timeout_ms;
    *ret_answer = json_object();
    if (json_is_true(json_object_get(input, "key")))
        snprintf(err->text, sizeof(err->text), "it rains");
    return FACTOR_E_IO;
}

static factor_status
answer_nothing(struct factor_source *self, const json_t *input,
               int64_t timeout_ms, json_t **ret_answer,
               struct factor_error *err)
{
    (void)self;
    (void)input;
    (void)timeout_ms;
    (void)ret_answer;
    (void)err;
    return FACTOR_OK;
}

/* Sometimes before the deadline, sometimes behind it. */
static factor_status
answer_sometime(struct factor_source *self, const json_t *input,
                int64_t timeout_ms, json_t **ret_answer,
                struct factor_error *err)
{
    rest((long)json_integer_value(json_object_get(input, "key")));
    return answer_good(self, input, timeout_ms, ret_answer, err);
}

#define OPS(function)                                                         \
    &(const struct factor_source_ops)                                         \
    {                                                                         \
        .struct_size = sizeof(struct factor_source_ops), .answer = (function) \
    }

static const struct source list[] = {
    {"good", OPS(answer_good), NULL},
    {"stuck", OPS(answer_stuck), NULL},
    {"failing", OPS(answer_failing), NULL},
    {"nothing", OPS(answer_nothing), NULL},
    {"sometime", OPS(answer_sometime), NULL},
};

static struct sources *
open_sources(unsigned workers, size_t queue_max, int64_t timeout_ms)
{
    struct sources *sources =
        sources_new(list, TAP_COUNT(list), timeout_ms, workers, queue_max);

    CU_ASSERT_PTR_NOT_NULL_FATAL(sources);
    atomic_store(&called, 0);
    set_gate(false);
    return sources;
}

/* --- Asking. --- */

/* What became of one step's questions. */
struct step {
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned times; /* done() was called */
    json_t *answers;
};

#define STEP {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, NULL}

static void
take(void *context, json_t *answers)
{
    struct step *step = context;

    pthread_mutex_lock(&step->lock);
    step->times++;
    json_decref(step->answers);
    step->answers = answers;
    pthread_cond_signal(&step->done);
    pthread_mutex_unlock(&step->lock);
}

/* The question's memory is gone when this returns, as an attempt's is. */
static void
ask_key(struct sources *sources, struct step *step, const char *source,
        int64_t deadline_ms, json_t *key)
{
    struct factor_question question = {
        .struct_size = sizeof(question),
        .name = "q",
        .source = source,
        .input = json_pack("{s:o}", "key", key),
        .deadline_ms = deadline_ms,
    };
    const struct factor_question *questions[] = {&question, NULL};

    sources_ask(sources, questions, take, step);
    json_decref((json_t *)(uintptr_t)question.input);
}

static void
ask(struct sources *sources, struct step *step, const char *source,
    int64_t deadline_ms)
{
    ask_key(sources, step, source, deadline_ms, json_true());
}

static void
wait_done(struct step *step)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&step->lock);
    while (step->times == 0 &&
           pthread_cond_timedwait(&step->done, &step->lock, &until) == 0)
        continue;
    CU_ASSERT_EQUAL(step->times, 1);
    pthread_mutex_unlock(&step->lock);
}

static bool
is_done(struct step *step)
{
    bool done;

    pthread_mutex_lock(&step->lock);
    done = step->times > 0;
    pthread_mutex_unlock(&step->lock);
    return done;
}

/* The error that answers a question, or "" if it is an answer. */
static const char *
error_in(const struct step *step, const char *question)
{
    const json_t *answer = json_object_get(step->answers, question);
    const char *error = json_string_value(json_object_get(answer, "error"));

    return error ? error : json_is_object(answer) ? "" : "not answered";
}

/* The same when it is there; the step is over and may be used again.  Good
 * until the next call. */
static const char *
error_of(struct step *step, const char *question)
{
    static char text[128];

    wait_done(step);
    snprintf(text, sizeof(text), "%s", error_in(step, question));
    json_decref(step->answers);
    step->answers = NULL;
    step->times = 0;
    return text;
}

static const char in_time[] = "";
static const char late[] = "the source did not answer in time";
static const char busy[] = "no source can be asked now";

static struct sources_counts
counts_of(struct sources *sources)
{
    struct sources_counts counts;

    sources_counts(sources, &counts);
    return counts;
}

/* Until so many calls run, so many of them behind their deadline. */
static bool
comes_to(struct sources *sources, unsigned calls, unsigned held)
{
    const int64_t until = clock_steady_ms() + PATIENCE_MS;
    struct sources_counts counts;

    do {
        counts = counts_of(sources);
        if (counts.calls == calls && counts.held == held)
            return true;
        rest(1);
    } while (clock_steady_ms() < until);
    tap_note("%u calls, %u held", counts.calls, counts.held);
    return false;
}

static bool
ends(struct sources *sources)
{
    return sources_free(sources, clock_steady_ms() + PATIENCE_MS);
}

/* --- Tests. --- */

static void
answers_in_time(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, LONG_MS);
    struct step step = STEP;

    ask(sources, &step, "good", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), in_time);
    CU_ASSERT(timeout_seen > LONG_MS / 2 && timeout_seen <= LONG_MS);
    ask(sources, &step, "good", LONG_MS / 2);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), in_time);
    CU_ASSERT(timeout_seen > 0 && timeout_seen <= LONG_MS / 2);
    CU_ASSERT_EQUAL(called, 2);
    CU_ASSERT_EQUAL(counts_of(sources).late, 0);
    CU_ASSERT(ends(sources));
}

static void
failures_are_told(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, LONG_MS), *none;
    struct step step = STEP;

    ask(sources, &step, "failing", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), "it rains");
    ask_key(sources, &step, "failing", 0, json_false());
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), "the source failed");
    ask(sources, &step, "nothing", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), "the source gave nothing");
    ask(sources, &step, "nobody", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"),
                           "no such source is configured");
    CU_ASSERT(ends(sources));
    none = sources_new(NULL, 0, TIMEOUT_MS, WORKERS, QUEUE);
    ask(none, &step, "good", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"),
                           "no such source is configured");
    CU_ASSERT(ends(none));
}

static void
deadlines_are_kept(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    struct step step = STEP, other = STEP;
    int64_t began = clock_steady_ms();

    ask(sources, &step, "stuck", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), late);
    CU_ASSERT(clock_steady_ms() - began >= TIMEOUT_MS);
    CU_ASSERT(clock_steady_ms() - began < PATIENCE_MS);
    CU_ASSERT(comes_to(sources, 1, 1));
    /* The question's own deadline comes before that of an older one. */
    ask(sources, &step, "stuck", LONG_MS);
    CU_ASSERT(comes_to(sources, 2, 1));
    ask(sources, &other, "good", 5);
    CU_ASSERT_STRING_EQUAL(error_of(&other, "q"), late); /* it queued */
    CU_ASSERT_FALSE(is_done(&step));
    /* What comes late is dropped; what comes in time is not. */
    set_gate(true);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), in_time);
    CU_ASSERT(comes_to(sources, 0, 0));
    CU_ASSERT_FALSE(is_done(&step) || is_done(&other));
    CU_ASSERT_EQUAL(counts_of(sources).late, 1);
    CU_ASSERT_EQUAL(called, 2); /* what expired in the queue is not asked */
    CU_ASSERT(ends(sources));
}

static void
each_question_has_its_own(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    const struct factor_question stuck = {
        .struct_size = sizeof(stuck), .name = "a", .source = "stuck"};
    const struct factor_question good = {
        .struct_size = sizeof(good), .name = "b", .source = "good",
        .deadline_ms = LONG_MS};
    const struct factor_question nobody = {
        .struct_size = sizeof(nobody), .name = "c", .source = "nobody"};
    const struct factor_question *all[] = {&stuck, &good, &nobody, NULL};
    struct step step = STEP;

    sources_ask(sources, all, take, &step);
    wait_done(&step);
    CU_ASSERT_EQUAL(json_object_size(step.answers), 3);
    CU_ASSERT_STRING_EQUAL(error_in(&step, "a"), late);
    CU_ASSERT_STRING_EQUAL(error_in(&step, "b"), in_time);
    CU_ASSERT_STRING_EQUAL(error_in(&step, "c"),
                           "no such source is configured");
    json_decref(step.answers);
    set_gate(true);
    CU_ASSERT(ends(sources));
}

static void
all_threads_may_hang(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    struct step stuck[WORKERS + 1] = {STEP, STEP, STEP}, step = STEP;
    int64_t began;
    size_t i;

    for (i = 0; i <= WORKERS; i++) /* the last one queues */
        ask(sources, &stuck[i], "stuck", 5 * TIMEOUT_MS);
    for (i = 0; i <= WORKERS; i++)
        CU_ASSERT_STRING_EQUAL(error_of(&stuck[i], "q"), late);
    CU_ASSERT(comes_to(sources, WORKERS, WORKERS));
    began = clock_steady_ms();
    ask(sources, &step, "good", LONG_MS);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), busy);
    CU_ASSERT(clock_steady_ms() - began < LONG_MS);
    set_gate(true);
    CU_ASSERT(comes_to(sources, 0, 0));
    ask(sources, &step, "good", LONG_MS);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), in_time);
    CU_ASSERT_EQUAL(counts_of(sources).late, WORKERS);
    CU_ASSERT_EQUAL(called, WORKERS + 1);
    CU_ASSERT(ends(sources));
}

static void
queue_is_bounded(void)
{
    /* A share of 4 is 1. */
    struct sources *sources = open_sources(1, 4, TIMEOUT_MS);
    struct step first = STEP, second = STEP, third = STEP;

    ask(sources, &first, "stuck", LONG_MS);
    CU_ASSERT(comes_to(sources, 1, 0));
    ask(sources, &second, "stuck", LONG_MS);
    ask(sources, &third, "stuck", LONG_MS);
    CU_ASSERT_STRING_EQUAL(error_of(&third, "q"), busy);
    CU_ASSERT_FALSE(is_done(&second));
    set_gate(true);
    CU_ASSERT_STRING_EQUAL(error_of(&first, "q"), in_time);
    CU_ASSERT_STRING_EQUAL(error_of(&second, "q"), in_time);
    CU_ASSERT(ends(sources));
}

/* --- What the log says. --- */

static char log_path[] = "/tmp/factor-sources-XXXXXX";

/* Standard error goes to a file, which is given back. */
static int
catch_log(void)
{
    int kept = dup(STDERR_FILENO), file;

    snprintf(log_path, sizeof(log_path), "/tmp/factor-sources-XXXXXX");
    file = mkstemp(log_path);
    CU_ASSERT_FATAL(kept >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    close(file);
    return kept;
}

static unsigned
lines_with(const char *text)
{
    FILE *file = fopen(log_path, "r");
    unsigned count = 0;
    char line[1024];

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

/* In that time a thread of the sources must have taken the question, also on a
 * machine that is busy with other tests. */
enum { TAKEN_MS = 300 };

static void
ask_late(struct sources *sources, unsigned times)
{
    struct step step = STEP;

    for (; times > 0; times--) {
        ask(sources, &step, "stuck", TAKEN_MS);
        CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), late);
    }
}

static void
log_tells_once(void)
{
    struct sources *sources = open_sources(3, QUEUE, TIMEOUT_MS);
    struct step step = STEP;
    int kept = catch_log();

    ask_late(sources, 2);
    CU_ASSERT(comes_to(sources, 2, 2));
    ask_late(sources, 1);
    CU_ASSERT(comes_to(sources, 3, 3));
    ask(sources, &step, "good", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), busy);
    set_gate(true);
    CU_ASSERT(comes_to(sources, 0, 0));
    set_gate(false);
    ask_late(sources, 3);
    CU_ASSERT(comes_to(sources, 3, 3));
    set_gate(true);
    CU_ASSERT(ends(sources));
    CU_ASSERT_EQUAL(lines_with("stuck did not answer 1 questions in time; "
                               "1 of 3"),
                    1);
    CU_ASSERT_EQUAL(lines_with("hold all 3 threads"), 1);
    CU_ASSERT_EQUAL(lines_with("sources"), 2);
    dup2(kept, STDERR_FILENO);
    close(kept);
    unlink(log_path);
}

/* --- The end. --- */

static void
close_answers_what_is_open(void)
{
    struct sources *sources = open_sources(1, QUEUE, TIMEOUT_MS);
    struct step called_one = STEP, queued = STEP, step = STEP;

    ask(sources, &called_one, "stuck", LONG_MS);
    CU_ASSERT(comes_to(sources, 1, 0));
    ask(sources, &queued, "stuck", LONG_MS);
    sources_close(sources);
    CU_ASSERT_STRING_EQUAL(error_of(&called_one, "q"), "the daemon stops");
    CU_ASSERT_STRING_EQUAL(error_of(&queued, "q"), "the daemon stops");
    ask(sources, &step, "good", 0);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), busy);
    set_gate(true);
    CU_ASSERT(ends(sources));
    CU_ASSERT_EQUAL(called, 1);
    CU_ASSERT_FALSE(is_done(&called_one) || is_done(&queued));
}

static void
end_waits_for_calls_in_time(void)
{
    struct sources *sources = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    struct step step = STEP;

    ask_key(sources, &step, "sometime", LONG_MS, json_integer(50));
    CU_ASSERT(comes_to(sources, 1, 0));
    CU_ASSERT(ends(sources));
    CU_ASSERT_EQUAL(called, 1);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), "the daemon stops");
}

/* Left behind, and still reachable for the leak checkers. */
static struct sources *left[2];

static void
end_does_not_wait_for_ever(void)
{
    struct step step = STEP;
    int64_t began = clock_steady_ms();

    /* Not behind its deadline, */
    left[0] = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    ask(left[0], &step, "stuck", TAKEN_MS);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), late);
    CU_ASSERT_FALSE(ends(left[0]));
    /* and not behind the given instant. */
    left[1] = open_sources(WORKERS, QUEUE, TIMEOUT_MS);
    ask(left[1], &step, "stuck", LONG_MS);
    CU_ASSERT(comes_to(left[1], 1, 0));
    CU_ASSERT_FALSE(sources_free(left[1], clock_steady_ms() + 20));
    CU_ASSERT(clock_steady_ms() - began < PATIENCE_MS);
    CU_ASSERT_STRING_EQUAL(error_of(&step, "q"), "the daemon stops");
    /* Whoever returns after all finds everything in its place. */
    set_gate(true);
    CU_ASSERT(comes_to(left[0], 0, 0));
    CU_ASSERT(comes_to(left[1], 0, 0));
    CU_ASSERT_FALSE(is_done(&step));
}

/* --- All at once. --- */

struct asker {
    pthread_t thread;
    struct sources *sources;
    unsigned number, in_time, late, others;
};

static void *
ask_often(void *context)
{
    struct asker *asker = context;
    struct step step = STEP;
    const char *error;
    unsigned i;

    for (i = 0; i < ASKS; i++) {
        ask_key(asker->sources, &step, "sometime", 2 + i % 3,
                json_integer((i + asker->number) % 5));
        wait_done(&step);
        error = error_in(&step, "q");
        if (!error[0])
            asker->in_time++;
        else if (strcmp(error, late) == 0)
            asker->late++;
        else
            asker->others++;
        json_decref(step.answers);
        step.answers = NULL;
        step.times = 0;
    }
    return NULL;
}

/* Calls and deadlines end in the same millisecond. */
static void
each_is_answered_once(void)
{
    struct sources *sources = open_sources(ASKERS + 1, 4 * ASKERS,
                                           TIMEOUT_MS);
    struct asker askers[ASKERS];
    unsigned i, timely = 0, expired = 0, others = 0;

    for (i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.sources = sources, .number = i};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&askers[i].thread, NULL,
                                             ask_often, &askers[i]),
                              0);
    }
    for (i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        timely += askers[i].in_time;
        expired += askers[i].late;
        others += askers[i].others;
    }
    tap_note("%u in time, %u late, %u refused", timely, expired, others);
    CU_ASSERT(timely > 0 && expired > 0);
    CU_ASSERT_EQUAL(timely + expired + others, ASKERS * ASKS);
    CU_ASSERT(ends(sources));
}

static const struct tap_test tests[] = {
    {"a source answers, and knows how long it may take", answers_in_time},
    {"failures are told to the adapter", failures_are_told},
    {"a question is answered at its deadline; a late answer is dropped",
     deadlines_are_kept},
    {"each question of a step has its own deadline",
     each_question_has_its_own},
    {"when all threads hang, questions fail at once; one that returns is used "
     "again",
     all_threads_may_hang},
    {"a source has its share of the queue", queue_is_bounded},
    {"the log tells once that a source is late, and that none can be asked",
     log_tells_once},
    {"at the end what is open is answered", close_answers_what_is_open},
    {"the end waits for calls that are in time", end_waits_for_calls_in_time},
    {"the end does not wait for calls that do not return",
     end_does_not_wait_for_ever},
    {"each question is answered once, whichever comes first",
     each_is_answered_once},
};

int
main(void)
{
    return tap_main("sources", tests, TAP_COUNT(tests));
}
