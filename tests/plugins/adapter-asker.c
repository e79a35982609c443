/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-asker.c - an adapter that asks: the source "lookup"
 * says whether the user may go on.  For tests; never installed. */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"

enum { QUESTIONS_MAX = 2 };

struct factor_adapter {
    const struct factor_host *host;
    char *source;
    size_t questions;
    bool at_once;
};

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "source",
                   .value = "\"lookup\"", .text = "Whom it asks."),
    FACTOR_SETTING(.type = FACTOR_SETTING_INTEGER, .name = "questions",
                   .value = "1", .min = 0, .max = QUESTIONS_MAX,
                   .text = "How many, one after another; 0: one, for ever."),
    FACTOR_SETTING(.type = FACTOR_SETTING_BOOLEAN, .name = "at_once",
                   .value = "false", .text = "Asks without being told to."),
    NULL,
};

static const char *const names[QUESTIONS_MAX] = { "user", "again" };

static const struct factor_action ask_action = {
    .struct_size = sizeof(struct factor_action),
    .name = "ask",
};

static const char *const ready_actions[] = { "ask", NULL };

static const struct factor_state ready_state = {
    .struct_size = sizeof(struct factor_state),
    .name = "READY",
    .text = "Waits for the user to ask.",
    .actions = ready_actions,
};

static const struct factor_state *const states[] = { &ready_state, NULL };
static const struct factor_action *const actions[] = { &ask_action, NULL };

static const struct factor_description description = {
    .struct_size = sizeof(struct factor_description),
    .states = states,
    .actions = actions,
};

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    (void)self;
    return &description;
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));

    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    self->source =
        strdup(json_string_value(json_object_get(given, "source")));
    self->questions =
        (size_t)json_integer_value(json_object_get(given, "questions"));
    self->at_once = json_is_true(json_object_get(given, "at_once"));
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
    if (self)
        free(self->source);
    free(self);
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_model *ret_model, struct factor_error *err)
{
    (void)self;
    (void)step;
    (void)err;
    ret_model->state = ready_state.name;
    ret_model->actions = ready_actions;
    return FACTOR_OK;
}

/* The question and its list are the step's; its input is the flow's inputs,
 * {"key": user} as the policy maps them. */
static factor_status
ask(const struct factor_adapter *self, const struct factor_step *step,
    const char *name, struct factor_outcome *ret_outcome)
{
    struct factor_question *question =
        self->host->alloc(step->arena, sizeof(*question));
    const struct factor_question **questions =
        self->host->alloc(step->arena, 2 * sizeof(*questions));

    if (!question || !questions)
        return FACTOR_E_NOMEM;
    question->struct_size = sizeof(*question);
    question->name = name;
    question->source = self->source;
    question->input = step->inputs;
    questions[0] = question;
    ret_outcome->verdict = FACTOR_ASK;
    ret_outcome->questions = questions;
    return FACTOR_OK;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    bool found = true;
    const json_t *answer;
    size_t i;

    (void)err;
    if (!step->action && !self->at_once) {
        ret_outcome->verdict = FACTOR_CONTINUE;
        ret_outcome->state = ready_state.name;
        return FACTOR_OK;
    }
    if (self->questions == 0)
        return ask(self, step, names[0], ret_outcome);
    for (i = 0; i < self->questions; i++) {
        answer = json_object_get(step->answers, names[i]);
        if (!answer)
            return ask(self, step, names[i], ret_outcome);
        /* {"error": ...} has no member "found", so it fails. */
        found &= json_is_true(json_object_get(answer, "found"));
    }
    ret_outcome->verdict = found ? FACTOR_SUCCESS : FACTOR_FAILURE;
    return self->host->audit(step->effects, "asker.answered", NULL);
}

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .describe = describe,
    .get_state_model = get_state_model,
    .handle_action = handle_action,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "asker", "1.0",
                       "Asks a source whether the user may go on.", settings,
                       &ops)
