/* SPDX-License-Identifier: MIT */
/* host/plugin/sources.c - sources that answer what adapters ask.
 *
 * Each question is a task of the pool, and stands on a list until it is
 * answered: by its task, by the thread that watches deadlines, or at the end.
 * Whoever answers takes it off the list; its task finds that out and frees
 * it.  So a call that returns late finds nothing of the step that asked.
 */
#include "host/plugin/sources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/json.h"
#include "host/log.h"
#include "host/step/pool.h"

enum {
    DEADLINE_MAX_MS = 5 * 60 * 1000,
    QUIET_MS = 60 * 1000, /* between two lines in the log about the same */
    SLACK_MS = 100 /* for a call to return in that keeps to its time */
};

/* How one source behaves. */
struct behaviour {
    const struct source *source;
    uint64_t late;   /* calls since that was told of */
    int64_t told_ms; /* 0: never */
};

struct sources {
    struct behaviour *list;
    size_t count;
    int64_t timeout_ms;
    unsigned workers;
    struct pool *pool; /* NULL: there are no sources */
    pthread_t watch;

    pthread_mutex_t lock; /* over all below, behaviour and open questions */
    pthread_cond_t changed;
    struct question *first, *last; /* open, the first deadline first */
    struct sources_counts counts;
    int64_t last_deadline_ms; /* of any call */
    int64_t told_all_ms;      /* that no thread is left; 0: never */
    bool closed, ending;
};

/* What one step asked: until the last question is answered. */
struct asked {
    json_t *answers;
    size_t open;
    void (*done)(void *, json_t *);
    void *context;
};

struct question {
    struct sources *sources;
    struct behaviour *behaviour;
    struct asked *asked; /* NULL once it is answered */
    struct question *next, *before;
    json_t *input;
    int64_t deadline_ms;
    bool called, held;
    char name[];
};

/* --- What is told in the log, without the lock. --- */

enum news_kind { NO_NEWS, LATE, ALL_HELD };

struct news {
    enum news_kind kind;
    const char *source;
    uint64_t late;
    unsigned held;
};

static void
tell(const struct sources *sources, const struct news *news)
{
    if (news->kind == LATE)
        log_event("sources", FACTOR_LOG_WARNING,
                  "%s did not answer %llu questions in time; %u of %u threads "
                  "are held by calls that have not returned",
                  news->source, (unsigned long long)news->late, news->held,
                  sources->workers);
    else if (news->kind == ALL_HELD)
        log_event("sources", FACTOR_LOG_ERROR,
                  "no source can be asked: calls that have not returned hold "
                  "all %u threads, the last of them %s",
                  sources->workers, news->source);
}

static bool
is_due(int64_t *told_ms)
{
    const int64_t now_ms = clock_steady_ms();

    if (*told_ms != 0 && now_ms - *told_ms < QUIET_MS)
        return false;
    *told_ms = now_ms;
    return true;
}

/* A call is behind its deadline from now on. */
static struct news
note_late(struct question *question)
{
    struct sources *sources = question->sources;
    struct behaviour *behaviour = question->behaviour;
    struct news news = {.source = behaviour->source->name};

    question->held = true;
    news.held = ++sources->counts.held;
    sources->counts.late++;
    news.late = ++behaviour->late;
    if (is_due(&behaviour->told_ms)) {
        news.kind = LATE;
        behaviour->late = 0;
    }
    if (news.held >= sources->workers && is_due(&sources->told_all_ms))
        news.kind = ALL_HELD;
    return news;
}

/* --- The list of open questions.  Under the lock. --- */

/* Most have the same timeout, so the place is near the end. */
static void
list_in(struct question *question)
{
    struct sources *sources = question->sources;
    struct question *before = sources->last;

    while (before && before->deadline_ms > question->deadline_ms)
        before = before->before;
    question->before = before;
    question->next = before ? before->next : sources->first;
    *(question->next ? &question->next->before : &sources->last) = question;
    *(before ? &before->next : &sources->first) = question;
}

static void
list_out(struct question *question)
{
    struct sources *sources = question->sources;
    struct question *before = question->before, *next = question->next;

    *(next ? &next->before : &sources->last) = before;
    *(before ? &before->next : &sources->first) = next;
}

/* --- Answering. --- */

static json_t *
failure(const char *why)
{
    return json_pack("{s:s}", "error", why);
}

/* Under the lock; answer is stolen.  Gives what is to be finished without
 * it: the step, if this was its last question. */
static struct asked *
settle(struct question *question, json_t *answer)
{
    struct asked *asked = question->asked;

    list_out(question);
    question->asked = NULL;
    json_object_set_new(asked->answers, question->name, answer);
    return --asked->open == 0 ? asked : NULL;
}

static void
finish(struct asked *asked)
{
    if (!asked)
        return;
    asked->done(asked->context, asked->answers);
    free(asked);
}

/* --- One question: its task. --- */

static struct question *
question_new(struct sources *sources, struct behaviour *behaviour,
             const struct factor_question *wanted)
{
    const size_t len = strlen(wanted->name);
    struct question *question = calloc(1, sizeof(*question) + len + 1);
    int64_t timeout = wanted->deadline_ms > 0 ? wanted->deadline_ms
                                              : sources->timeout_ms;

    if (!question)
        return NULL;
    question->sources = sources;
    question->behaviour = behaviour;
    question->input = json_deep_copy(wanted->input);
    question->deadline_ms =
        clock_steady_ms() +
        (timeout < DEADLINE_MAX_MS ? timeout : DEADLINE_MAX_MS);
    memcpy(question->name, wanted->name, len + 1);
    return question;
}

static void
question_free(struct question *question)
{
    json_decref(question->input);
    free(question);
}

/* False: somebody has answered it while it queued. */
static bool
begin_call(struct question *question)
{
    struct sources *sources = question->sources;

    pthread_mutex_lock(&sources->lock);
    question->called = question->asked != NULL;
    if (question->called) {
        sources->counts.calls++;
        if (question->deadline_ms > sources->last_deadline_ms)
            sources->last_deadline_ms = question->deadline_ms;
    }
    pthread_mutex_unlock(&sources->lock);
    return question->called;
}

static json_t *
call(const struct question *question)
{
    const struct source *source = question->behaviour->source;
    int64_t left = question->deadline_ms - clock_steady_ms();
    struct factor_error err = {0};
    json_t *answer = NULL;
    factor_status st = source->ops->answer(source->self, question->input,
                                           left > 0 ? left : 1, &answer, &err);

    if (st == FACTOR_OK && answer)
        return answer;
    json_decref(answer);
    if (st == FACTOR_OK)
        return failure("the source gave nothing");
    return failure(err.text[0] ? err.text : "the source failed");
}

/* answer is stolen. */
static struct asked *
end_call(struct question *question, json_t *answer)
{
    struct sources *sources = question->sources;
    struct asked *asked = NULL;

    pthread_mutex_lock(&sources->lock);
    sources->counts.calls--;
    sources->counts.held -= question->held;
    if (question->asked) {
        asked = settle(question, answer);
        answer = NULL;
    }
    pthread_cond_broadcast(&sources->changed);
    pthread_mutex_unlock(&sources->lock);
    json_decref(answer);
    return asked;
}

static void
run_question(void *context)
{
    struct question *question = context;
    struct asked *asked = NULL;

    if (begin_call(question))
        asked = end_call(question, call(question));
    question_free(question);
    finish(asked);
}

/* --- Deadlines. --- */

/* Under the lock, which is dropped meanwhile. */
static void
expire(struct sources *sources, struct question *question)
{
    struct news news = {.kind = NO_NEWS};
    struct asked *asked;

    if (question->called)
        news = note_late(question);
    asked = settle(question, failure("the source did not answer in time"));
    pthread_mutex_unlock(&sources->lock);
    tell(sources, &news);
    finish(asked);
    pthread_mutex_lock(&sources->lock);
}

static void
wait_until(struct sources *sources, int64_t steady_ms)
{
    const struct timespec until = {
        .tv_sec = (time_t)(steady_ms / 1000),
        .tv_nsec = (long)(steady_ms % 1000) * 1000000,
    };

    pthread_cond_timedwait(&sources->changed, &sources->lock, &until);
}

static void *
watch(void *context)
{
    struct sources *sources = context;
    struct question *first;

    pthread_mutex_lock(&sources->lock);
    while (!sources->ending) {
        first = sources->first;
        if (!first)
            pthread_cond_wait(&sources->changed, &sources->lock);
        else if (first->deadline_ms <= clock_steady_ms())
            expire(sources, first);
        else
            wait_until(sources, first->deadline_ms);
    }
    pthread_mutex_unlock(&sources->lock);
    return NULL;
}

/* --- Asking. --- */

static struct asked *
asked_new(const struct factor_question *const *questions,
          void (*done)(void *, json_t *), void *context)
{
    struct asked *asked = malloc(sizeof(*asked));

    if (!asked)
        return NULL;
    *asked = (struct asked){json_object(), 0, done, context};
    if (!asked->answers) {
        free(asked);
        return NULL;
    }
    for (; *questions; questions++)
        asked->open++;
    return asked;
}

static struct behaviour *
find(struct sources *sources, const char *name)
{
    size_t i;

    for (i = 0; name && i < sources->count; i++)
        if (strcmp(sources->list[i].source->name, name) == 0)
            return &sources->list[i];
    return NULL;
}

/* Under the lock.  NULL: it is open; else why it is not. */
static const char *
open_question(struct sources *sources, struct asked *asked,
              const struct factor_question *wanted)
{
    struct behaviour *behaviour = find(sources, wanted->source);
    struct question *question;

    if (!behaviour)
        return "no such source is configured";
    if (sources->closed || sources->counts.held >= sources->workers)
        return "no source can be asked now";
    question = question_new(sources, behaviour, wanted);
    if (!question)
        return "out of memory";
    question->asked = asked;
    list_in(question);
    if (pool_run(sources->pool, wanted->source, run_question, question)) {
        if (sources->first == question)
            pthread_cond_broadcast(&sources->changed);
        return NULL;
    }
    list_out(question);
    question_free(question);
    return "no source can be asked now";
}

void
sources_ask(struct sources *sources,
            const struct factor_question *const *questions,
            void (*done)(void *, json_t *), void *context)
{
    struct asked *asked = asked_new(questions, done, context);
    const char *why;
    bool answered;

    if (!asked) {
        done(context, NULL);
        return;
    }
    pthread_mutex_lock(&sources->lock);
    for (; *questions; questions++) {
        why = open_question(sources, asked, *questions);
        if (!why)
            continue;
        json_object_set_new(asked->answers, (*questions)->name, failure(why));
        asked->open--;
    }
    answered = asked->open == 0;
    pthread_mutex_unlock(&sources->lock);
    finish(answered ? asked : NULL);
}

void
sources_counts(struct sources *sources, struct sources_counts *ret_counts)
{
    pthread_mutex_lock(&sources->lock);
    *ret_counts = sources->counts;
    pthread_mutex_unlock(&sources->lock);
}

/* --- Life. --- */

static void
free_memory(struct sources *sources)
{
    pthread_cond_destroy(&sources->changed);
    pthread_mutex_destroy(&sources->lock);
    free(sources->list);
    free(sources);
}

static bool
start_threads(struct sources *sources, size_t queue_max)
{
    sources->pool = pool_new(sources->workers, queue_max);
    if (!sources->pool)
        return false;
    if (pthread_create(&sources->watch, NULL, watch, sources) == 0)
        return true;
    pool_free(sources->pool);
    return false;
}

struct sources *
sources_new(const struct source *list, size_t count, int64_t timeout_ms,
            unsigned workers, size_t queue_max)
{
    struct sources *sources = calloc(1, sizeof(*sources));
    pthread_condattr_t attributes;
    size_t i;

    if (!sources)
        return NULL;
    sources->timeout_ms = timeout_ms;
    sources->workers = workers;
    pthread_mutex_init(&sources->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sources->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sources->list = calloc(count + 1, sizeof(*sources->list));
    for (i = 0; sources->list && i < count; i++)
        sources->list[i].source = &list[i];
    sources->count = count;
    if (!sources->list || (count > 0 && !start_threads(sources, queue_max))) {
        free_memory(sources);
        return NULL;
    }
    return sources;
}

void
sources_close(struct sources *sources)
{
    struct asked *asked;

    if (!sources)
        return;
    pthread_mutex_lock(&sources->lock);
    sources->closed = true;
    while (sources->first) {
        asked = settle(sources->first, failure("the daemon stops"));
        pthread_mutex_unlock(&sources->lock);
        finish(asked);
        pthread_mutex_lock(&sources->lock);
    }
    pthread_mutex_unlock(&sources->lock);
}

/* Wait for calls within their time, and end the watch.  False: one is left. */
static bool
end_calls(struct sources *sources, int64_t until_ms)
{
    bool returned;

    pthread_mutex_lock(&sources->lock);
    if (until_ms > sources->last_deadline_ms + SLACK_MS)
        until_ms = sources->last_deadline_ms + SLACK_MS;
    while (sources->counts.calls > 0 && clock_steady_ms() < until_ms)
        wait_until(sources, until_ms);
    returned = sources->counts.calls == 0;
    sources->ending = true;
    pthread_cond_broadcast(&sources->changed);
    pthread_mutex_unlock(&sources->lock);
    pthread_join(sources->watch, NULL);
    return returned;
}

bool
sources_free(struct sources *sources, int64_t until_steady_ms)
{
    if (!sources)
        return true;
    sources_close(sources);
    if (sources->pool && !end_calls(sources, until_steady_ms)) {
        log_event("sources", FACTOR_LOG_ERROR,
                  "a source does not return: it is left behind");
        return false;
    }
    pool_free(sources->pool);
    free_memory(sources);
    return true;
}
