/* SPDX-License-Identifier: MIT */
/* host/flow/run.c - calls one adapter for one step, and checks what it says
 * against what it declared. */
#include "host/flow/run.h"

#include <string.h>

#include "factor/user.h"
#include "host/error.h"
#include "host/flow/sends.h"
#include "host/json.h"
#include "host/log.h"
#include "host/oauth/client.h"
#include "host/plugin/effects.h"
#include "host/plugin/reads.h"

/* The plugin's bug: told to the operator, and nothing is committed. */
static factor_status
breach(const struct run *run, struct factor_error *err, const char *what,
       const char *which)
{
    log_event(run->adapter->name, FACTOR_LOG_ERROR,
              "broke the contract: %s %s (state %s, action %s)", what,
              which ? which : "", run->flow.state ? run->flow.state : "-",
              run->step.action ? run->step.action : "-");
    return error_set(err, FACTOR_E_INTERNAL, "%s %s", what,
                     which ? which : "");
}

/* One without a name is called by its id. */
static const char *
client_name(const struct host *host, const char *id)
{
    const struct client *client = id ? clients_find(host->clients, id) : NULL;

    return client && client->name ? client->name : id;
}

static void
fill_flow(struct run *run, struct flow *flow)
{
    run->flow.struct_size = sizeof(run->flow);
    run->flow.id = flow->id;
    run->flow.state = json_text(flow->body, "state");
    run->flow.data = flow_data(flow);
    run->flow.started_at_ms = json_number(flow->body, "startedAt", 0);
    run->flow.expires_at_ms = json_number(flow->body, "endsAt", 0);
    run->request.client = json_text(flow->body, "client");
    run->request.client_name =
        client_name(run->call->host, run->request.client);
    run->request.acr = json_text(flow->body, "acr");
    run->request.known_user =
        session_user(run->txn, json_text(flow->body, "session"));
    run->request.parameters =
        json_object_get(json_object_get(flow->body, "request"), "parameters");
    run->step.flow = &run->flow;
    run->step.subject = json_text(flow->body, "subject");
}

factor_status
run_prepare(struct run *run, const struct engine_call *call, struct txn *txn,
            const struct adapter *adapter, struct flow *flow)
{
    json_t *empty = arena_keep_json(txn_arena(txn), json_object());

    memset(run, 0, sizeof(*run));
    run->call = call;
    run->txn = txn;
    run->adapter = adapter;
    run->request.struct_size = sizeof(run->request);
    run->request.address = call->address;
    run->request.user_agent = call->user_agent;
    run->request.page_host = call->page_host;
    run->request.languages = call->languages;
    run->request.arrived_at_ms =
        call->arrived_ms ? call->arrived_ms : txn_now(txn);
    run->request.parameters = empty;
    run->step.struct_size = sizeof(run->step);
    run->step.now_ms = txn_now(txn);
    run->step.entropy = txn_entropy(txn);
    run->step.entropy_len = TXN_ENTROPY;
    run->step.request = &run->request;
    run->step.fields = empty;
    run->step.inputs = empty;
    run->step.answers = json_object_get(call->answers, adapter->name);
    run->step.arena = txn_arena(txn);
    if (flow)
        fill_flow(run, flow);
    if (!run->request.parameters)
        run->request.parameters = empty;
    return empty && run->step.entropy ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
run_load(struct run *run, struct factor_error *err)
{
    struct factor_reads *reads = reads_new(run->txn);
    factor_status st = reads ? FACTOR_OK : FACTOR_E_NOMEM;

    if (st == FACTOR_OK && run->adapter->ops->plan_reads)
        st = run->adapter->ops->plan_reads(run->adapter->self, &run->step,
                                           reads);
    if (st != FACTOR_OK)
        return breach(run, err, "plan_reads failed", NULL);
    run->reads = reads;
    run->about = reads_about(reads);
    return reads_load(reads, &run->step.reads, &run->step.read_count);
}

static bool
listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static factor_status
check_model(const struct run *run, const struct factor_model *model,
            struct factor_error *err)
{
    const struct factor_state *state =
        adapter_state(run->adapter, model->state);
    const char *const *action;

    if (!state)
        return breach(run, err, "undeclared state", model->state);
    for (action = model->actions; action && *action; action++)
        if (!listed(state->actions, *action))
            return breach(run, err, "undeclared action", *action);
    if (model->view && !json_is_object(model->view))
        return breach(run, err, "the view is no object", NULL);
    if ((state->flags & FACTOR_STATE_FAILED) &&
        !adapter_code(run->adapter, model->failure))
        return breach(run, err, "undeclared failure", model->failure);
    return FACTOR_OK;
}

factor_status
run_model(struct run *run, struct factor_model *ret_model,
          struct factor_error *err)
{
    factor_status st;

    memset(ret_model, 0, sizeof(*ret_model));
    ret_model->struct_size = sizeof(*ret_model);
    st = run->adapter->ops->get_state_model(run->adapter->self, &run->step,
                                            ret_model, err);
    arena_keep_json(txn_arena(run->txn), ret_model->view);
    if (st != FACTOR_OK)
        return breach(run, err, "get_state_model failed:", err->text);
    return check_model(run, ret_model, err);
}

static factor_status
check_details(const struct run *run, const struct factor_outcome *outcome,
              struct factor_error *err)
{
    const struct factor_action *action =
        adapter_action(run->adapter, run->step.action);
    const struct factor_detail *const *detail;

    for (detail = outcome->details; detail && *detail; detail++)
        if (!adapter_code(run->adapter, (*detail)->code) ||
            (action && !listed(action->errors, (*detail)->code)))
            return breach(run, err, "undeclared code", (*detail)->code);
    return FACTOR_OK;
}

static bool
questions_whole(const struct factor_question *const *questions)
{
    for (; *questions; questions++)
        if (!(*questions)->name || !(*questions)->source)
            return false;
    return true;
}

static factor_status
check_outcome(const struct run *run, const struct factor_outcome *outcome,
              struct factor_error *err)
{
    if (run->step.resource && outcome->verdict != FACTOR_SUCCESS &&
        outcome->verdict != FACTOR_CONTINUE)
        return breach(run, err, "a resource's verdict is neither success nor "
                                "continue:",
                      run->step.resource->name);
    if (run->step.resource && outcome->status &&
        (outcome->status < 200 || outcome->status > 599))
        return breach(run, err, "no HTTP status:", run->step.resource->name);
    switch (outcome->verdict) {
    case FACTOR_CONTINUE:
        if (run->step.flow && !adapter_state(run->adapter, outcome->state))
            return breach(run, err, "undeclared state", outcome->state);
        break;
    case FACTOR_SUCCESS:
    case FACTOR_FAILURE:
        break;
    case FACTOR_ASK:
        if (!outcome->questions || !*outcome->questions)
            return breach(run, err, "asks nothing", NULL);
        if (!questions_whole(outcome->questions))
            return breach(run, err, "a question lacks its name or its source",
                          NULL);
        break;
    default:
        return breach(run, err, "no verdict", NULL);
    }
    return check_details(run, outcome, err);
}

/* handle_action, or handle_resource where a resource is called. */
static factor_status
call_adapter(const struct run *run, struct factor_outcome *ret_outcome,
             struct factor_error *err)
{
    const struct factor_adapter_ops *ops = run->adapter->ops;

    if (!run->step.resource)
        return ops->handle_action(run->adapter->self, &run->step, ret_outcome,
                                  err);
    if (!ops->handle_resource)
        return error_set(err, FACTOR_E_UNSUPPORTED, "no handle_resource");
    return ops->handle_resource(run->adapter->self, &run->step, ret_outcome,
                                err);
}

/* What a user is written in: their own language before that of the browser
 * that happens to ask. */
static const char *const *
message_languages(struct run *run)
{
    const struct record *user;
    const char *locale;

    if (!run->step.subject ||
        txn_read_id(run->txn, FACTOR_USERS, run->step.subject, &user) !=
            FACTOR_OK)
        return run->request.languages;
    locale = json_text(json_object_get(user->body, FACTOR_USER_ATTRIBUTES),
                       FACTOR_USER_LOCALE);
    return locale ? text_languages_with(txn_arena(run->txn), locale,
                                        run->request.languages)
                  : run->request.languages;
}

static factor_status
decide(struct run *run, struct factor_outcome *ret_outcome,
       struct factor_error *err)
{
    const char *owner = run->step.subject;
    struct factor_effects *effects =
        effects_new(run->txn, run->adapter->name, owner,
                    message_languages(run), run->call->host->strangers);
    factor_status st;

    if (!effects)
        return FACTOR_E_NOMEM;
    run->step.effects = effects;
    memset(ret_outcome, 0, sizeof(*ret_outcome));
    ret_outcome->struct_size = sizeof(*ret_outcome);
    st = call_adapter(run, ret_outcome, err);
    arena_keep_json(txn_arena(run->txn), ret_outcome->data);
    arena_keep_json(txn_arena(run->txn), ret_outcome->attributes);
    arena_keep_json(txn_arena(run->txn), ret_outcome->body);
    if (effects_problem(effects)[0])
        return breach(run, err, effects_problem(effects), NULL);
    if (st != FACTOR_OK)
        return breach(run, err, "it failed:", err->text);
    return check_outcome(run, ret_outcome, err);
}

factor_status
run_action(struct run *run, struct factor_outcome *ret_outcome,
           struct factor_error *err)
{
    struct txn_mark before = txn_mark(run->txn);
    factor_status st = decide(run, ret_outcome, err);

    if (st != FACTOR_OK || !txn_sends_after(run->txn, &before))
        return st;
    st = sends_count(run->call->host, run->txn, run->step.subject,
                     txn_sends_after(run->txn, &before));
    if (st != SENDS_REFUSED)
        return st;
    txn_rollback(run->txn, &before);
    run->step.flags |= FACTOR_STEP_SEND_REFUSED;
    st = decide(run, ret_outcome, err);
    if (st == FACTOR_OK && txn_sends_after(run->txn, &before))
        return breach(run, err, "sends though it was refused", NULL);
    return st;
}
