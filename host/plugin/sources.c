/* SPDX-License-Identifier: MIT */
/* host/plugin/sources.c - sources that answer what adapters ask. */
#include "host/plugin/sources.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/json.h"
#include "host/step/pool.h"

struct sources {
    const struct source *list;
    size_t count;
    int64_t timeout_ms;
    struct pool *pool;
};

/* Questions of one step, copied: the attempt that asked is gone. */
struct asked {
    struct sources *sources;
    json_t *questions; /* array of {name, source, input, timeout} */
    void (*done)(void *, json_t *);
    void *context;
};

struct sources *
sources_new(const struct source *list, size_t count, int64_t timeout_ms,
            unsigned workers, size_t queue_max)
{
    struct sources *sources = calloc(1, sizeof(*sources));

    if (!sources)
        return NULL;
    sources->list = list;
    sources->count = count;
    sources->timeout_ms = timeout_ms;
    sources->pool = count ? pool_new(workers, queue_max) : NULL;
    if (count && !sources->pool) {
        free(sources);
        return NULL;
    }
    return sources;
}

void
sources_free(struct sources *sources)
{
    if (!sources)
        return;
    pool_free(sources->pool);
    free(sources);
}

static const struct source *
find(const struct sources *sources, const char *name)
{
    size_t i;

    for (i = 0; name && i < sources->count; i++)
        if (strcmp(sources->list[i].name, name) == 0)
            return &sources->list[i];
    return NULL;
}

static json_t *
failure(const char *why)
{
    return json_pack("{s:s}", "error", why);
}

static json_t *
answer_one(const struct sources *sources, const json_t *question)
{
    const struct source *source = find(sources, json_text(question, "source"));
    struct factor_error err = {0};
    json_t *answer = NULL;
    factor_status st;

    if (!source)
        return failure("no such source is configured");
    st = source->ops->answer(
        source->self, json_object_get(question, "input"),
        json_number(question, "timeout", sources->timeout_ms), &answer, &err);
    if (st != FACTOR_OK)
        return failure(err.text[0] ? err.text : "the source failed");
    return answer ? answer : failure("the source gave nothing");
}

static void
answer_all(void *context)
{
    struct asked *asked = context;
    json_t *answers = json_object(), *question;
    size_t i;

    json_array_foreach(asked->questions, i, question)
        json_object_set_new(answers, json_text(question, "name"),
                            answer_one(asked->sources, question));
    asked->done(asked->context, answers);
    json_decref(asked->questions);
    free(asked);
}

static json_t *
copy_questions(const struct factor_question *const *questions,
               int64_t timeout_ms)
{
    json_t *list = json_array();

    for (; *questions; questions++)
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:o, s:I}", "name", (*questions)->name,
                      "source", (*questions)->source, "input",
                      json_deep_copy((*questions)->input), "timeout",
                      (json_int_t)((*questions)->deadline_ms > 0
                                       ? (*questions)->deadline_ms
                                       : timeout_ms)));
    return list;
}

/* Nobody to ask, or too much to ask: each question has failed. */
static void
answer_busy(struct asked *asked)
{
    json_t *answers = json_object(), *question;
    size_t i;

    json_array_foreach(asked->questions, i, question)
        json_object_set_new(answers, json_text(question, "name"),
                            failure("no source can be asked now"));
    asked->done(asked->context, answers);
    json_decref(asked->questions);
    free(asked);
}

void
sources_ask(struct sources *sources,
            const struct factor_question *const *questions,
            void (*done)(void *, json_t *), void *context)
{
    struct asked *asked = malloc(sizeof(*asked));

    if (!asked) {
        done(context, json_object());
        return;
    }
    asked->sources = sources;
    asked->questions = copy_questions(questions, sources->timeout_ms);
    asked->done = done;
    asked->context = context;
    if (!sources->pool ||
        !pool_run(sources->pool, (*questions)->source, answer_all, asked))
        answer_busy(asked);
}
