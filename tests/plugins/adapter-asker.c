/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-asker.c - an adapter that asks: the source "lookup"
 * says whether the user may go on.  For tests; never installed. */
#include <jansson.h>
#include <stdlib.h>

#include "factor/plugin.h"

struct factor_adapter {
    const struct factor_host *host;
};

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

    (void)given;
    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
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
    struct factor_outcome *ret_outcome)
{
    struct factor_question *question =
        self->host->alloc(step->arena, sizeof(*question));
    const struct factor_question **questions =
        self->host->alloc(step->arena, 2 * sizeof(*questions));

    if (!question || !questions)
        return FACTOR_E_NOMEM;
    question->struct_size = sizeof(*question);
    question->name = "user";
    question->source = "lookup";
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
    const json_t *answer = json_object_get(step->answers, "user");

    (void)err;
    if (!step->action) {
        ret_outcome->verdict = FACTOR_CONTINUE;
        ret_outcome->state = ready_state.name;
        return FACTOR_OK;
    }
    if (!answer)
        return ask(self, step, ret_outcome);
    /* {"error": ...} has no member "found", so it fails. */
    ret_outcome->verdict = json_is_true(json_object_get(answer, "found"))
                               ? FACTOR_SUCCESS
                               : FACTOR_FAILURE;
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
                       "Asks a source whether the user may go on.", NULL,
                       &ops)
