/* SPDX-License-Identifier: MIT */
/* host/flow/engine.c - runs flows: one action, one attempt. */
#include "host/flow/engine.h"

#include <string.h>

#include "factor/user.h"
#include "host/error.h"
#include "host/flow/envelope.h"
#include "host/flow/finish.h"
#include "host/flow/run.h"
#include "host/json.h"
#include "host/plugin/fields.h"

/* What the functions below hand to each other within one attempt. */
struct attempt {
    const struct engine_call *call;
    struct txn *txn;
    struct engine_result *ret;
    struct factor_error *err;
    struct envelope env;
    struct flow_limits limits;
    struct flow flow;
    const struct policy *policy;
    bool renewed; /* the session has a new secret in this attempt already */
};

struct flow_limits
engine_limits(const struct host *host)
{
    const struct flow_limits limits = {
        .idle_ms = config_number(host->config, "/flow/idle_limit"),
        .absolute_ms = config_number(host->config, "/flow/absolute_limit"),
        .finished_grace_ms =
            config_number(host->config, "/flow/finished_grace"),
    };

    return limits;
}

static void
attempt_start(struct attempt *at, const struct engine_call *call,
              struct txn *txn, struct engine_result *ret,
              struct factor_error *err)
{
    memset(at, 0, sizeof(*at));
    memset(ret, 0, sizeof(*ret));
    at->call = call;
    at->txn = txn;
    at->ret = ret;
    at->err = err;
    at->env.texts = call->host->texts;
    at->env.languages = call->languages;
    at->env.base_url = call->host->base_url;
    at->limits = engine_limits(call->host);
}

/* An answer, not a failure of ours: nothing else is written. */
static factor_status
answer_error(struct attempt *at, json_t *error)
{
    at->ret->error = error;
    at->ret->status = envelope_status(json_text(error, "code"));
    return FACTOR_OK;
}

static factor_status
answer_code(struct attempt *at, const char *code)
{
    json_t *error = envelope_error(&at->env, code, NULL);

    if (!arena_keep_json(txn_arena(at->txn), error))
        return FACTOR_E_NOMEM;
    return answer_error(at, error);
}

static factor_status
answer_details(struct attempt *at, const struct adapter *adapter,
               const struct factor_detail *const *details)
{
    json_t *error =
        envelope_details(&at->env, adapter, details, txn_now(at->txn));

    if (!arena_keep_json(txn_arena(at->txn), error))
        return FACTOR_E_NOMEM;
    return answer_error(at, error);
}

static const struct policy_step *
current_step(const struct attempt *at)
{
    size_t step = (size_t)json_number(at->flow.body, "step", 0);

    return at->policy && step < at->policy->step_count
               ? &at->policy->steps[step]
               : NULL;
}

/* What an adapter of this flow gave; a hint that stands in for the first
 * adapter is found under its name. */
static const json_t *
attributes_of(const struct attempt *at, const char *name)
{
    const struct adapter *first = at->policy->steps[0].adapter;
    const json_t *attributes = flow_passed(&at->flow, name);

    if (!attributes && first && strcmp(first->name, name) == 0)
        attributes = flow_passed(&at->flow, POLICY_HINT);
    return attributes;
}

/* "password.userId": what an earlier adapter of this flow gave; {"value": ...}
 * is the policy's own. */
static json_t *
map_inputs(struct attempt *at, const struct policy_step *step)
{
    json_t *inputs = arena_keep_json(txn_arena(at->txn), json_object());
    const char *name, *from;
    char adapter[64];
    json_t *source;
    size_t len;

    json_object_foreach(json_unconst(step->input), name, source) {
        json_object_set(inputs, name, json_object_get(source, "value"));
        from = json_string_value(source);
        len = from ? strcspn(from, ".") : 0;
        if (len == 0 || len >= sizeof(adapter) || from[len] != '.')
            continue;
        memcpy(adapter, from, len);
        adapter[len] = '\0';
        json_object_set(inputs, name,
                        json_object_get(attributes_of(at, adapter),
                                        from + len + 1));
    }
    return inputs;
}

static factor_status
prepare(struct attempt *at, const struct policy_step *step, struct run *run)
{
    factor_status st =
        run_prepare(run, at->call, at->txn, step->adapter, &at->flow);

    if (st != FACTOR_OK)
        return st;
    run->request.acr = at->policy->acr;
    run->step.inputs = map_inputs(at, step);
    return run->step.inputs ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* --- Outcomes. --- */

static factor_status enter(struct attempt *at);

static factor_status
fail_policy(struct attempt *at, const char *event)
{
    flow_end(&at->flow, "failed");
    if (json_text(at->flow.body, "subject")) /* S1: strangers write nothing */
        txn_event(at->txn, event, NULL);
    return FACTOR_OK;
}

static void
note_passed(struct attempt *at, const char *adapter, const json_t *attributes,
            const char *const *amr, uint32_t kinds)
{
    json_t *passed = json_deep_copy(json_object_get(at->flow.body, "passed"));
    json_t *values = json_array();

    for (; amr && *amr; amr++)
        json_array_append_new(values, json_string(*amr));
    json_array_append_new(
        passed, json_pack("{s:s, s:O*, s:o, s:i}", "adapter", adapter,
                          "attributes", attributes, "amr", values, "kinds",
                          (int)kinds));
    json_object_set_new(at->flow.body, "passed", passed);
}

static struct session_times
session_times(const struct attempt *at)
{
    const struct config *config = at->call->host->config;
    const struct session_times times = {
        .lifetime_ms = config_number(config, "/session/lifetime"),
        .older_ms = config_number(config, "/session/old_id_grace"),
    };

    return times;
}

/* S4: whoever knew the session's secret before somebody proved who they are
 * must not have it after. */
static factor_status
renew_session(struct attempt *at)
{
    const struct session_times times = session_times(at);

    if (at->renewed)
        return FACTOR_OK;
    at->renewed = true;
    return session_renew(at->txn, json_text(at->flow.body, "session"),
                         json_text(at->flow.body, "subject"), &times,
                         at->ret->cookie);
}

/* On to the next step of the policy, or to the end of it. */
static factor_status
advance(struct attempt *at)
{
    size_t next = (size_t)json_number(at->flow.body, "step", 0) + 1;

    flow_set_data(&at->flow, NULL);
    json_object_del(at->flow.body, "state");
    json_object_set_new(at->flow.body, "step", json_integer((json_int_t)next));
    if (next < at->policy->step_count)
        return enter(at);
    flow_end(&at->flow, "completed");
    txn_event(at->txn, "flow.completed", NULL);
    return finish_flow(at->call->host, at->txn, &at->flow, at->policy);
}

static factor_status
take_success(struct attempt *at, const struct policy_step *step,
             const struct factor_outcome *outcome)
{
    const char *subject = json_text(at->flow.body, "subject");
    factor_status st;

    if (outcome->subject && !subject) {
        json_set_text(at->flow.body, "subject", outcome->subject);
        json_object_set_new(at->flow.body, "authTime",
                            json_integer(txn_now(at->txn) / 1000));
    } else if (outcome->subject && strcmp(outcome->subject, subject) != 0) {
        return fail_policy(at, "flow.subject_changed");
    }
    if (!json_text(at->flow.body, "subject"))
        return fail_policy(at, "flow.no_subject");
    note_passed(at, step->adapter->name, outcome->attributes, outcome->amr,
                outcome->kinds);
    if (!policy_holds(step, outcome->attributes))
        return fail_policy(at, "flow.require_failed");
    st = renew_session(at);
    return st == FACTOR_OK ? advance(at) : st;
}

static factor_status
take_outcome(struct attempt *at, const struct policy_step *step,
             const struct factor_outcome *outcome)
{
    switch (outcome->verdict) {
    case FACTOR_CONTINUE:
        json_set_text(at->flow.body, "state", outcome->state);
        json_set_text(at->flow.body, "plugin", step->adapter->version);
        if (outcome->data)
            flow_set_data(&at->flow, json_incref(outcome->data));
        return FACTOR_OK;
    case FACTOR_SUCCESS:
        return take_success(at, step, outcome);
    case FACTOR_ASK:
        at->ret->questions = outcome->questions;
        at->ret->asker = step->adapter->name;
        return ENGINE_ASK;
    default:
        return fail_policy(at, "flow.failed");
    }
}

/* The flow comes to its current step: the adapter says how it begins. */
static factor_status
enter(struct attempt *at)
{
    const struct policy_step *step = current_step(at);
    struct factor_outcome outcome;
    struct run run;
    factor_status st = prepare(at, step, &run);

    if (st == FACTOR_OK)
        st = run_load(&run, at->err);
    if (st == FACTOR_OK)
        st = run_action(&run, &outcome, at->err);
    return st == FACTOR_OK ? take_outcome(at, step, &outcome) : st;
}

static factor_status
put_flow(struct attempt *at)
{
    const char *subject = json_text(at->flow.body, "subject");

    txn_context(at->txn, "flow", at->flow.id);
    txn_context(at->txn, "client", json_text(at->flow.body, "client"));
    if (subject)
        txn_context(at->txn, "user", subject);
    at->ret->flow = at->flow.id;
    return flow_put(&at->flow, &at->limits, at->err);
}

/* --- Beginning. --- */

/* The browser's session, or a new one; with a hint it has proven something
 * already, so its secret is fresh. */
static factor_status
bind_session(struct attempt *at)
{
    const char *subject = json_text(at->flow.body, "subject");
    const struct record *session =
        session_of_cookie(at->txn, at->call->cookie);
    const struct session_times times = session_times(at);
    char id[SESSION_ID + 1];
    factor_status st;

    if (session) {
        json_set_text(at->flow.body, "session", session->face.id);
        return subject ? renew_session(at) : FACTOR_OK;
    }
    at->renewed = true;
    st = session_new(at->txn, subject, &times, id, at->ret->cookie);
    if (st == FACTOR_OK)
        json_set_text(at->flow.body, "session", id);
    return st;
}

/* P7: the client has seen the first factor and stands in for the policy's
 * first step; the policy goes on behind it. */
static void
take_hint(struct attempt *at, const json_t *hint)
{
    json_t *passed;

    json_set_text(at->flow.body, "subject", json_text(hint, "subject"));
    json_object_set(at->flow.body, "authTime",
                    json_object_get(hint, "authTime"));
    note_passed(at, POLICY_HINT, json_object_get(hint, "attributes"), NULL, 0);
    passed = json_array_get(json_object_get(at->flow.body, "passed"), 0);
    json_object_set(passed, "amr", json_object_get(hint, "amr"));
}

factor_status
engine_begin(const struct engine_call *call, struct txn *txn,
             const char *client, const struct policy *policy, const char *mode,
             const json_t *request, const json_t *hint,
             struct engine_result *ret, struct factor_error *err)
{
    struct attempt at;
    factor_status st;

    attempt_start(&at, call, txn, ret, err);
    at.policy = policy;
    st = flow_new(txn, &at.limits, &at.flow);
    if (st != FACTOR_OK)
        return st;
    if (hint)
        take_hint(&at, hint);
    st = bind_session(&at);
    if (st != FACTOR_OK)
        return st;
    json_set_text(at.flow.body, "client", client);
    json_set_text(at.flow.body, "policy", policy->name);
    json_set_text(at.flow.body, "acr", policy->acr);
    json_set_text(at.flow.body, "mode", mode);
    json_object_set(at.flow.body, "request", json_unconst(request));
    st = hint ? advance(&at) : enter(&at);
    return st == FACTOR_OK ? put_flow(&at) : st;
}

/* --- Finding a flow. --- */

/* Answers (ret->error) what is unknown, gone, or another session's. */
static factor_status
find_flow(struct attempt *at, const char *id, enum session_claim least)
{
    factor_status st = flow_read(at->txn, id, &at->flow);
    const char *session;

    if (st == FACTOR_E_NOTFOUND)
        return answer_code(at, "RESOURCE_NOT_FOUND");
    if (st != FACTOR_OK)
        return st;
    session = json_text(at->flow.body, "session");
    if (flow_life(&at->flow, &at->limits) == FLOW_GONE || !session ||
        (!at->call->trusted &&
         session_claim(at->txn, session, at->call->cookie) < least))
        return answer_code(at, "RESOURCE_NOT_FOUND");
    at->policy = policies_find(at->call->host->policies,
                               json_text(at->flow.body, "policy"));
    return FACTOR_OK;
}

static bool
is_active(const struct attempt *at)
{
    return strcmp(json_text(at->flow.body, "status"), "active") == 0;
}

/* --- Acting. --- */

static bool
listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

struct field_problems {
    const struct envelope *env;
    json_t *error; /* NULL: none yet */
};

static void
add_detail(struct field_problems *problems, const char *code,
           const char *target)
{
    if (!problems->error) {
        problems->error =
            envelope_error(problems->env, "VALIDATION_ERROR", NULL);
        json_array_clear(json_object_get(problems->error, "details"));
    }
    envelope_add_detail(problems->env, problems->error, code, target);
}

static void
add_problem(void *context, const struct fields_fault *fault)
{
    bool missing =
        fault->what == FIELDS_MISSING || fault->what == FIELDS_EMPTY;

    add_detail(context, missing ? "FIELD_REQUIRED" : "INVALID_FIELD_FORMAT",
               fault->field->name);
}

/* The fields that the action declares, out of what was given; an error
 * envelope in *ret_problem where they do not fit. */
static const json_t *
check_fields(struct attempt *at, const struct factor_action *action,
             const json_t *given, json_t **ret_problem)
{
    struct field_problems problems = {&at->env, NULL};
    json_t *fields =
        fields_check(action->fields, given, add_problem, &problems);

    if (!action->fields && json_object_size(given) > 0)
        add_detail(&problems, "UNEXPECTED_ACTION_MODEL", NULL);
    *ret_problem = problems.error;
    arena_keep_json(txn_arena(at->txn), problems.error);
    return arena_keep_json(txn_arena(at->txn), fields);
}

/* Whether the state that the client sees offers the action. */
static factor_status
check_action(struct attempt *at, struct run *run, const char *name)
{
    struct factor_model model;
    factor_status st = run_model(run, &model, at->err);

    if (st == FACTOR_OK && !listed(model.actions, name))
        return answer_code(at, "INVALID_ACTION_ID");
    return st;
}

static factor_status
load(struct attempt *at, const struct policy_step *step, const char *action,
     const json_t *given, struct run *run)
{
    factor_status st = prepare(at, step, run);

    if (st != FACTOR_OK)
        return st;
    /* The plan may depend on what was typed (a username), so what will be
     * checked is shown to it already. */
    run->step.action = action;
    if (given)
        run->step.fields = given;
    return run_load(run, at->err);
}

static factor_status
run_checked(struct attempt *at, const struct policy_step *step,
            struct run *run)
{
    struct factor_outcome outcome;
    factor_status st = run_action(run, &outcome, at->err);

    if (st != FACTOR_OK)
        return st;
    st = take_outcome(at, step, &outcome);
    if (st != FACTOR_OK)
        return st;
    if (outcome.verdict == FACTOR_CONTINUE && outcome.details &&
        *outcome.details)
        st = answer_details(at, step->adapter, outcome.details);
    return st == FACTOR_OK ? put_flow(at) : st;
}

/* Slow actions about one name from one address take turns, whether the name
 * is known or not: checks that ran at once would lose to each other and hash
 * again, and tell by their time that there is something to lose. */
static factor_status
go_slow(struct attempt *at, const struct run *run)
{
    if (at->call->in_lane)
        return ENGINE_SLOW;
    at->ret->lane = arena_format(txn_arena(at->txn), "%s %s",
                                 at->call->address ? at->call->address : "",
                                 run->about ? run->about : "");
    return at->ret->lane ? ENGINE_LANE : FACTOR_E_NOMEM;
}

/* Whether an action may be taken at all is told before what is wrong with
 * its fields; the plan of reads may depend on them (a username). */
static factor_status
act(struct attempt *at, const struct policy_step *step, const char *name,
    const json_t *given)
{
    const uint32_t others = FACTOR_ACTION_DEVICE | FACTOR_ACTION_OPERATOR;
    const struct factor_action *action = adapter_action(step->adapter, name);
    const json_t *fields;
    json_t *problem;
    struct run run;
    factor_status st;

    if (!action || (action->flags & others))
        return answer_code(at, "INVALID_ACTION_ID");
    fields = check_fields(at, action, given, &problem);
    if (!fields)
        return FACTOR_E_NOMEM;
    st = load(at, step, name, problem ? NULL : fields, &run);
    if (st == FACTOR_OK)
        st = check_action(at, &run, name);
    if (st != FACTOR_OK || at->ret->error)
        return st;
    if (problem)
        return answer_error(at, problem);
    at->ret->answer_after_ms = action->answer_after_ms;
    if ((action->flags & FACTOR_ACTION_SLOW) && !at->call->on_slow_pool)
        return go_slow(at, &run);
    st = run_checked(at, step, &run);
    /* Not every refusal of a password writes (one who must wait is not
     * counted again), but all of them must look the same. */
    if (st == FACTOR_OK && at->ret->error &&
        (action->flags & FACTOR_ACTION_SLOW))
        txn_probe(at->txn);
    return st;
}

/* A user who was disabled or removed since signs on no further. */
static bool
subject_enabled(struct attempt *at)
{
    const char *subject = json_text(at->flow.body, "subject");
    const struct record *user;

    return !subject ||
           (txn_read_id(at->txn, FACTOR_USERS, subject, &user) == FACTOR_OK &&
            json_flag(user->body, FACTOR_USER_ENABLED));
}

factor_status
engine_act(const struct engine_call *call, struct txn *txn, const char *flow,
           const char *action, const json_t *given, struct engine_result *ret,
           struct factor_error *err)
{
    const struct policy_step *step;
    struct attempt at;
    factor_status st;

    attempt_start(&at, call, txn, ret, err);
    st = find_flow(&at, flow, SESSION_NEWEST);
    if (st != FACTOR_OK || ret->error)
        return st;
    ret->flow = at.flow.id;
    step = current_step(&at);
    if (!is_active(&at) || !step || !step->adapter ||
        flow_life(&at.flow, &at.limits) != FLOW_ACTIVE)
        return answer_code(&at, "INVALID_ACTION_ID");
    ret->lane = json_text(at.flow.body, "subject");
    if (ret->lane && !call->in_lane)
        return ENGINE_LANE;
    if (!subject_enabled(&at)) {
        fail_policy(&at, "flow.user_disabled");
        return put_flow(&at);
    }
    return act(&at, step, action, given);
}

/* --- Looking. --- */

static const char *const no_actions[] = {NULL};

/* A GET may always wait; an action that is there for it, while it applies. */
static bool
may_wait(const struct adapter *adapter, const struct factor_model *model,
         const char *action)
{
    const struct factor_action *declared = adapter_action(adapter, action);
    size_t i;

    if (!action)
        return true;
    if (!declared || !(declared->flags & FACTOR_ACTION_WAIT))
        return false;
    for (i = 0; model->actions[i]; i++)
        if (strcmp(model->actions[i], action) == 0)
            return true;
    return false;
}

static factor_status
look_step(struct attempt *at, const struct policy_step *step)
{
    bool active = flow_life(&at->flow, &at->limits) == FLOW_ACTIVE;
    const struct factor_code *failure;
    struct factor_model model;
    struct run run;
    factor_status st = load(at, step, NULL, NULL, &run);

    if (st == FACTOR_OK)
        st = run_model(&run, &model, at->err);
    if (st != FACTOR_OK)
        return st;
    at->ret->state =
        envelope_state(&at->env, at->flow.id, step->adapter, model.state,
                       model.view, active ? model.actions : no_actions);
    failure = adapter_code(step->adapter, model.failure);
    if (failure)
        envelope_failure(&at->env, at->ret->state, failure->code,
                         failure->message, failure->text);
    at->ret->parkable = active && may_wait(step->adapter, &model,
                                           at->call->waiting);
    at->ret->changes_at_ms = model.changes_at_ms;
    return FACTOR_OK;
}

/* Until when nothing but a write changes what was seen; 0: not known. */
static int64_t
seen_until(struct attempt *at, enum session_claim claim)
{
    int64_t session_ms =
        session_expires(at->txn, json_text(at->flow.body, "session"));
    int64_t until_ms = flow_changes_at(&at->flow, &at->limits);
    int64_t state_ms = at->ret->changes_at_ms;

    if (claim != SESSION_NEWEST)
        return 0;
    if (session_ms < until_ms)
        until_ms = session_ms;
    return state_ms && state_ms < until_ms ? state_ms : until_ms;
}

static void
look_ended(struct attempt *at, enum session_claim claim)
{
    bool completed =
        strcmp(json_text(at->flow.body, "status"), "completed") == 0;
    bool redirect =
        strcmp(json_text(at->flow.body, "mode"), "redirect") == 0;
    json_t *view = finish_view(at->call->host, at->txn, &at->flow);

    if (completed && claim != SESSION_NEWEST) {
        answer_code(at, "RESOURCE_NOT_FOUND");
        return;
    }
    at->ret->state = envelope_state(
        &at->env, at->flow.id, NULL,
        redirect ? "RESUME" : completed ? "COMPLETED" : "FAILED", view,
        no_actions);
    if (!redirect && !completed)
        envelope_failure(&at->env, at->ret->state, "AUTHENTICATION_FAILED",
                         "The policy failed.", "factord.policy.failed");
}

factor_status
engine_look(const struct engine_call *call, struct txn *txn, const char *flow,
            struct engine_result *ret, struct factor_error *err)
{
    enum session_claim claim = SESSION_NEWEST;
    const struct policy_step *step;
    struct attempt at;
    factor_status st;

    attempt_start(&at, call, txn, ret, err);
    st = find_flow(&at, flow, SESSION_OLDER);
    if (st != FACTOR_OK || ret->error)
        return st;
    ret->flow = at.flow.id;
    if (!call->trusted)
        claim = session_claim(txn, json_text(at.flow.body, "session"),
                              call->cookie);
    step = current_step(&at);
    if (is_active(&at) && step && step->adapter) {
        st = look_step(&at, step);
        ret->until_ms = seen_until(&at, claim);
    } else {
        look_ended(&at, claim);
    }
    if (st == FACTOR_OK && ret->state)
        arena_keep_json(txn_arena(txn), ret->state);
    return st;
}

/* --- Operators' actions. --- */

factor_status
engine_operate(const struct engine_call *call, struct txn *txn,
               const struct adapter *adapter, const char *user,
               const char *name, const json_t *given,
               struct engine_result *ret, struct factor_error *err)
{
    const struct factor_action *action = adapter_action(adapter, name);
    struct factor_outcome outcome;
    json_t *problem;
    struct attempt at;
    struct run run;
    factor_status st;

    attempt_start(&at, call, txn, ret, err);
    if (!action || !(action->flags & FACTOR_ACTION_OPERATOR))
        return answer_code(&at, "INVALID_ACTION_ID");
    st = run_prepare(&run, call, txn, adapter, NULL);
    if (st != FACTOR_OK)
        return st;
    run.step.fields = check_fields(&at, action, given, &problem);
    if (problem)
        return answer_error(&at, problem);
    run.step.action = name;
    run.step.subject = user;
    st = run_load(&run, err);
    if (st == FACTOR_OK)
        st = run_action(&run, &outcome, err);
    if (st != FACTOR_OK)
        return st;
    txn_context(txn, "user", user);
    ret->state = outcome.body;
    return outcome.details && *outcome.details
               ? answer_details(&at, adapter, outcome.details)
               : FACTOR_OK;
}

const char *
engine_client(struct txn *txn, const char *flow)
{
    const struct record *record;

    if (txn_read_id(txn, FLOW_COLLECTION, flow, &record) != FACTOR_OK)
        return NULL;
    return json_text(record->body, "client");
}
