/* SPDX-License-Identifier: MIT */
/* testlib/run.c - one call of an adapter's function, all of whose input is
 * copied for it and all of whose output is turned into JSON; then a second
 * call, which must say the same. */
#include "testlib/fake.h"

#include <stdlib.h>
#include <string.h>

/* A member that no plugin knows, planted to see whether it is kept. */
#define UNKNOWN_MEMBER "factor_test_unknown"

/* One call, in memory of its own. */
struct run {
    struct factor_test *test;
    struct factor_arena arena;
    struct factor_effects effects;
    struct factor_flow flow;
    struct factor_request request;
    struct factor_step step;
    json_t *copies, *originals; /* arrays: what was given, and what it was */
    uint8_t *entropy;
};

static json_t *
problem_new(const char *text)
{
    return fake_must(json_pack("{s:s}", "problem", text));
}

/* NULL: all is well. */
static json_t *
error_new(factor_status status, const struct factor_error *err)
{
    if (status == FACTOR_OK)
        return NULL;
    if (status > 0)
        return problem_new("a positive status was returned");
    return fake_must(json_pack("{s:i, s:o}", "status", status, "error",
                               fake_text(err->text)));
}

bool
fake_failed(const json_t *result)
{
    return json_object_get(result, "problem") ||
           json_object_get(result, "error");
}

/* --- What goes in --- */

/* A copy that the plugin may read, and the original to compare it with. */
static const json_t *
give(struct run *run, const json_t *json)
{
    json_t *copy = json ? fake_must(json_deep_copy(json)) : NULL;

    if (!copy)
        return NULL;
    json_array_append_new(run->copies, copy);
    json_array_append_new(run->originals, fake_must(json_deep_copy(json)));
    return copy;
}

static bool
unchanged(const struct run *run)
{
    return json_equal(run->copies, run->originals);
}

/* splitmix64: every bit of every byte differs with seed and step. */
static void
fill_entropy(uint8_t *bytes, uint64_t seed, uint64_t number)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + number * 1000003;
    uint64_t mixed;
    size_t i;

    for (i = 0; i < FAKE_ENTROPY_LEN; i += sizeof(mixed)) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        mixed = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
        memcpy(bytes + i, &mixed, sizeof(mixed));
    }
}

static const char *const *
text_list(struct run *run, const json_t *array)
{
    size_t i, count = json_array_size(array);
    const char **list = fake_alloc(&run->arena, (count + 1) * sizeof(*list));

    for (i = 0; i < count; i++)
        list[i] =
            fake_copy(&run->arena, json_string_value(json_array_get(array, i)));
    return list;
}

static char *
text_of(struct run *run, const json_t *object, const char *key)
{
    return fake_copy(&run->arena, fake_get(object, key));
}

static void
fill_request(struct run *run)
{
    const json_t *asked = run->test->request;
    struct factor_request *request = &run->request;

    request->struct_size = sizeof(*request);
    request->client = text_of(run, asked, "client");
    request->client_name = text_of(run, asked, "client_name");
    request->page_host = text_of(run, asked, "page_host");
    request->acr = text_of(run, asked, "acr");
    request->address = text_of(run, asked, "address");
    request->user_agent = text_of(run, asked, "user_agent");
    request->languages = text_list(run, json_object_get(asked, "languages"));
    request->known_user = text_of(run, asked, "known_user");
    request->parameters = give(run, json_object_get(asked, "parameters"));
    request->arrived_at_ms =
        json_object_get(asked, "arrived_at_ms")
            ? json_integer_value(json_object_get(asked, "arrived_at_ms"))
            : run->test->now_ms;
}

static void
fill_flow(struct run *run, const struct fake_job *job)
{
    struct factor_test *test = run->test;
    struct factor_flow *flow = &run->flow;

    flow->struct_size = sizeof(*flow);
    flow->id = fake_copy(&run->arena, "factortestflow");
    if (job->asker != FAKE_ENTER)
        flow->state = fake_copy(&run->arena, test->flow_state);
    flow->data = job->asker == FAKE_ENTER ? NULL : give(run, test->flow_data);
    flow->started_at_ms = test->started_at_ms;
    flow->expires_at_ms = test->started_at_ms + FAKE_FLOW_LIFE_MS;
}

static void
run_begin(struct run *run, struct factor_test *test, const struct fake_job *job)
{
    bool has_flow = job->asker != FAKE_OPERATOR && job->asker != FAKE_REST;
    struct factor_step *step = &run->step;

    memset(run, 0, sizeof(*run));
    run->test = test;
    run->arena.test = test;
    run->copies = fake_must(json_array());
    run->originals = fake_must(json_array());
    run->entropy = fake_must(malloc(FAKE_ENTROPY_LEN));
    fill_entropy(run->entropy, test->seed + test->other_entropy,
                 test->step_number);
    fake_effects_begin(&run->effects, test);
    fill_request(run);
    if (has_flow)
        fill_flow(run, job);
    step->struct_size = sizeof(*step);
    step->flags = job->flags;
    step->now_ms = test->now_ms;
    step->entropy = run->entropy;
    step->entropy_len = FAKE_ENTROPY_LEN;
    step->flow = has_flow ? &run->flow : NULL;
    step->request = &run->request;
    step->subject = fake_copy(&run->arena, test->subject);
    step->action =
        job->action ? fake_copy(&run->arena, job->action->name) : NULL;
    step->fields = give(run, job->fields);
    step->inputs = give(run, test->inputs);
    step->resource = job->resource;
    step->path = give(run, job->path);
    step->query = give(run, job->query);
    step->arena = &run->arena;
    step->effects = &run->effects;
}

static void
run_end(struct run *run)
{
    fake_effects_end(&run->effects);
    fake_arena_end(&run->arena);
    json_decref(run->copies);
    json_decref(run->originals);
    free(run->entropy);
}

static const struct factor_record *
record_of(struct run *run, const json_t *json, bool plant_unknown)
{
    struct factor_record *record = fake_alloc(&run->arena, sizeof(*record));
    json_t *body = fake_must(json_deep_copy(json_object_get(json, "body")));

    if (plant_unknown)
        fake_set(body, UNKNOWN_MEMBER, json_true());
    record->struct_size = sizeof(*record);
    record->collection = text_of(run, json, "collection");
    record->id = text_of(run, json, "id");
    record->owner = text_of(run, json, "owner");
    record->name = text_of(run, json, "name");
    record->version = (uint64_t)fake_int(json, "version");
    record->expires_at_ms = fake_int(json, "expires_at_ms");
    record->body = give(run, body);
    json_decref(body);
    return record;
}

static const struct factor_records *
records_of(struct run *run, const json_t *found, bool plant_unknown)
{
    struct factor_records *records = fake_alloc(&run->arena, sizeof(*records));
    const json_t *list = json_object_get(found, "records");
    size_t i, count = json_array_size(list);
    const struct factor_record **all =
        fake_alloc(&run->arena, count * sizeof(*all));

    for (i = 0; i < count; i++)
        all[i] = record_of(run, json_array_get(list, i), plant_unknown);
    records->struct_size = sizeof(*records);
    records->count = (uint32_t)count;
    records->records = all;
    records->next = text_of(run, found, "next");
    return records;
}

static void
give_reads(struct run *run, const json_t *found, bool plant_unknown)
{
    size_t i, count = json_array_size(found);
    const struct factor_records **reads =
        fake_alloc(&run->arena, count * sizeof(*reads));

    for (i = 0; i < count; i++)
        reads[i] = records_of(run, json_array_get(found, i), plant_unknown);
    run->step.reads = reads;
    run->step.read_count = count;
}

/* --- What comes out --- */

static json_t *
json_list(const char *const *list)
{
    json_t *array = fake_must(json_array());

    for (; list && *list; list++)
        json_array_append_new(array, fake_text(*list));
    return array;
}

static json_t *
copy_or_null(const json_t *json)
{
    return json ? fake_must(json_deep_copy(json)) : json_null();
}

/* A stolen reference, or null. */
static json_t *
or_null(json_t *json)
{
    return json ? json : json_null();
}

static json_t *
json_sight(const struct factor_model *model)
{
    return fake_must(json_pack(
        "{s:o, s:o, s:o, s:o, s:I}", "state", fake_text(model->state), "view",
        model->view ? model->view : json_object(), "actions",
        json_list(model->actions), "failure", fake_text(model->failure),
        "changes_at_ms", (json_int_t)model->changes_at_ms));
}

/* NULL: one of them is malformed. */
static json_t *
json_details(const struct factor_detail *const *at)
{
    json_t *array = fake_must(json_array());

    for (; at && *at; at++) {
        if ((*at)->struct_size != sizeof(**at)) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(
            array, fake_must(json_pack(
                       "{s:i, s:o, s:o, s:o, s:I, s:o}", "attempts_remaining",
                       (*at)->attempts_remaining, "code",
                       fake_text((*at)->code), "target",
                       fake_text((*at)->target), "text", fake_text((*at)->text),
                       "retry_at_ms", (json_int_t)(*at)->retry_at_ms, "inner",
                       copy_or_null((*at)->inner))));
    }
    return array;
}

static json_t *
json_questions(const struct factor_question *const *at)
{
    json_t *array = fake_must(json_array());

    for (; at && *at; at++) {
        if ((*at)->struct_size != sizeof(**at) || (*at)->flags) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(
            array, fake_must(json_pack(
                       "{s:o, s:o, s:o, s:I}", "name", fake_text((*at)->name),
                       "source", fake_text((*at)->source), "input",
                       copy_or_null((*at)->input), "deadline_ms",
                       (json_int_t)(*at)->deadline_ms)));
    }
    return array;
}

static json_t *
json_decision(const struct run *run, const struct factor_outcome *outcome)
{
    const struct factor_effects *effects = &run->effects;

    return fake_must(json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o*, s:o*,"
        " s:O, s:O, s:O, s:O, s:O}",
        "verdict", (json_int_t)outcome->verdict, "state",
        fake_text(outcome->state), "data", or_null(outcome->data), "subject",
        fake_text(outcome->subject), "attributes", or_null(outcome->attributes),
        "amr", json_list(outcome->amr), "kinds", (json_int_t)outcome->kinds,
        "http_status", (json_int_t)outcome->status, "changes_at_ms",
        (json_int_t)outcome->changes_at_ms, "body",
        or_null(outcome->body), "details", json_details(outcome->details),
        "questions", json_questions(outcome->questions), "puts", effects->puts,
        "removes", effects->removes, "sends", effects->sends, "audits",
        effects->audits, "unknown", effects->unknown));
}

/* --- One call each --- */

typedef json_t *call_fn(struct factor_test *test, const struct fake_job *job,
                        const json_t *found);

static json_t *
call_plan(struct factor_test *test, const struct fake_job *job,
          const json_t *found)
{
    struct factor_reads reads = { .test = test };
    struct factor_error err = { 0 };
    factor_status status;
    struct run run;
    json_t *result;

    (void)found;
    if (!test->adapter->plan_reads)
        return fake_must(json_array());
    run_begin(&run, test, job);
    reads.plan = fake_must(json_array());
    status = test->adapter->plan_reads(test->self, &run.step, &reads);
    result = error_new(status, &err);
    if (run.effects.problem[0] || reads.problem[0] || !unchanged(&run)) {
        json_decref(result);
        result = problem_new(run.effects.problem[0] ? run.effects.problem
                             : reads.problem[0]
                                 ? reads.problem
                                 : "plan_reads changed what it was given");
    }
    if (result)
        json_decref(reads.plan);
    run_end(&run);
    return result ? result : reads.plan;
}

static json_t *
sight_problem(const struct run *run, const json_t *sight)
{
    char problem[PROBLEM_LEN] = "";

    if (run->effects.problem[0])
        return problem_new(run->effects.problem);
    if (!unchanged(run))
        return problem_new("get_state_model changed what it was given");
    if (!fake_failed(sight) &&
        !fake_check_sight(run->test->about, sight, problem))
        return problem_new(problem);
    return NULL;
}

static json_t *
call_sight(struct factor_test *test, const struct fake_job *job,
           const json_t *found)
{
    struct factor_model model = { .struct_size = sizeof(model) };
    struct factor_error err = { 0 };
    json_t *result, *problem;
    factor_status status;
    struct run run;

    run_begin(&run, test, job);
    give_reads(&run, found, job->plant_unknown);
    run.step.answers = give(&run, job->answers);
    status =
        test->adapter->get_state_model(test->self, &run.step, &model, &err);
    if (status)
        json_decref(model.view);
    result = status ? error_new(status, &err) : json_sight(&model);
    problem = sight_problem(&run, result);
    run_end(&run);
    if (!problem)
        return result;
    json_decref(result);
    return problem;
}

/* The host owns what was set, even by a call that failed. */
static void
drop_outcome(const struct factor_outcome *outcome)
{
    json_decref(outcome->data);
    json_decref(outcome->attributes);
    json_decref(outcome->body);
}

static json_t *
decision_problem(const struct run *run, const struct fake_job *job,
                 const json_t *decision)
{
    char problem[PROBLEM_LEN] = "";

    if (run->effects.problem[0])
        return problem_new(run->effects.problem);
    if (!unchanged(run))
        return problem_new("the handler changed what it was given");
    if (fake_failed(decision))
        return NULL;
    if (!json_object_get(decision, "details") ||
        !json_object_get(decision, "questions"))
        return problem_new("a detail's or question's struct_size or flags");
    if (!fake_check_decision(run->test, job, decision, problem))
        return problem_new(problem);
    return NULL;
}

static json_t *
call_decision(struct factor_test *test, const struct fake_job *job,
              const json_t *found)
{
    struct factor_outcome outcome = { .struct_size = sizeof(outcome) };
    struct factor_error err = { 0 };
    json_t *result, *problem;
    factor_status status;
    struct run run;

    run_begin(&run, test, job);
    give_reads(&run, found, job->plant_unknown);
    run.step.answers = give(&run, job->answers);
    run.effects.open = true;
    status = (job->resource ? test->adapter->handle_resource
                            : test->adapter->handle_action)(
        test->self, &run.step, &outcome, &err);
    result = status ? error_new(status, &err) : json_decision(&run, &outcome);
    if (status)
        drop_outcome(&outcome);
    problem = decision_problem(&run, job, result);
    run_end(&run);
    if (!problem)
        return result;
    json_decref(result);
    return problem;
}

/* --- And once more --- */

/* The second call must say the same; no call fails in it.  A call that was
 * made to fail must have failed the step.  Returns the first result, or a
 * problem. */
static json_t *
twice(call_fn *call, struct factor_test *test, const struct fake_job *job,
      const json_t *found, const char *differs)
{
    struct fake_fault fault;
    json_t *first, *second;

    test->fault.hit = false;
    first = call(test, job, found);
    if (test->fault.hit) {
        if (fake_failed(first))
            return first;
        json_decref(first);
        return problem_new("a host call failed and the step went on");
    }
    fault = test->fault;
    test->fault.in = 0;
    test->other_entropy = call == call_sight;
    second = call(test, job, found);
    test->other_entropy = false;
    test->fault = fault;
    if (!json_equal(first, second)) {
        json_decref(first);
        first = problem_new(differs);
    }
    json_decref(second);
    return first;
}

/* As twice; where a scenario must not see the failure, once more without. */
static json_t *
retried(call_fn *call, struct factor_test *test, const struct fake_job *job,
        const json_t *found, const char *differs)
{
    json_t *result = twice(call, test, job, found, differs);

    if (!test->fault.hit || !test->retry_failed ||
        json_object_get(result, "problem"))
        return result;
    json_decref(result);
    return twice(call, test, job, found, differs);
}

json_t *
fake_plan(struct factor_test *test, const struct fake_job *job)
{
    return retried(call_plan, test, job, NULL,
                   "plan_reads is not pure: it planned two ways");
}

json_t *
fake_sight(struct factor_test *test, const struct fake_job *job,
           const json_t *found)
{
    return retried(call_sight, test, job, found,
                   "get_state_model is not pure, or depends on entropy");
}

/* Every record that was read and is rewritten still has the member. */
static bool
kept_unknown(const json_t *decision)
{
    const json_t *body;
    json_t *put;
    size_t i;

    json_array_foreach(json_object_get(decision, "puts"), i, put) {
        body = json_object_get(put, "body");
        if (fake_int(put, "version") > 0 &&
            !json_object_get(body, UNKNOWN_MEMBER))
            return false;
    }
    return true;
}

json_t *
fake_decide(struct factor_test *test, const struct fake_job *job,
            const json_t *found)
{
    json_t *result = retried(call_decision, test, job, found,
                             "the handler is not pure: it decided two ways");
    struct fake_job planted = *job;
    struct fake_fault fault = test->fault;
    json_t *again;

    if (fake_failed(result))
        return result;
    planted.plant_unknown = true;
    test->fault.in = 0;
    again = call_decision(test, &planted, found);
    test->fault = fault;
    if (!fake_failed(again) && !kept_unknown(again)) {
        json_decref(result);
        result = problem_new("a put drops members that it does not know");
    }
    json_decref(again);
    return result;
}
