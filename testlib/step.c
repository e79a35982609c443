/* SPDX-License-Identifier: MIT */
/* testlib/step.c - one step, from the request to the reply. */
#include "testlib/fake.h"

#include <string.h>

enum { RACES_MAX = 4, ASKS_MAX = 4 };

/* NULL: plan_reads failed and the reply says so. */
static json_t *
find_records(struct factor_test *test, const struct fake_job *job)
{
    json_t *plan = fake_plan(test, job), *found;

    if (fake_failed(plan)) {
        fake_reply_failed(test, plan);
        json_decref(plan);
        return NULL;
    }
    found = fake_read(test->records, plan);
    json_decref(plan);
    return found;
}

/* The model must be the same one until just before it says it changes. */
static bool
sight_lasts(struct factor_test *test, const struct fake_job *job,
            const json_t *found, const json_t *sight)
{
    int64_t now = test->now_ms, changes = fake_int(sight, "changes_at_ms");
    int64_t until = test->started_at_ms + FAKE_FLOW_LIFE_MS;
    struct fake_fault fault = test->fault;
    json_t *later;
    bool lasts;

    if (changes && changes <= now)
        return false;
    if (changes && changes < until)
        until = changes;
    if (until - 1 <= now)
        return true;
    test->fault.in = 0;
    test->now_ms = until - 1;
    later = fake_sight(test, job, found);
    test->now_ms = now;
    test->fault = fault;
    lasts = json_equal(sight, later);
    json_decref(later);
    return lasts;
}

static void
show(struct factor_test *test, const struct fake_job *job, const json_t *found)
{
    json_t *sight = fake_sight(test, job, found);

    if (fake_failed(sight))
        fake_reply_failed(test, sight);
    else if (!sight_lasts(test, job, found, sight))
        fake_reply_broken(test, "the model changes before its changes_at_ms");
    else
        fake_reply_sight(test, sight);
    json_decref(sight);
}

/* What the client sees after a step, beside what the step did. */
static void
show_state(struct factor_test *test)
{
    struct fake_job job = { .asker = FAKE_GET };
    json_t *found;

    job.fields = fake_must(json_object());
    found = find_records(test, &job);
    if (found)
        show(test, &job, found);
    json_decref(found);
    json_decref(job.fields);
}

/* Does the state that the client sees offer the action?  If not, or if it
 * cannot be said, the reply is filled. */
static bool
applies(struct factor_test *test, const struct fake_job *job,
        const json_t *found)
{
    json_t *sight = fake_sight(test, job, found), *action;
    bool offered = false;
    size_t i;

    if (fake_failed(sight)) {
        fake_reply_failed(test, sight);
        json_decref(sight);
        return false;
    }
    json_array_foreach(json_object_get(sight, "actions"), i, action)
        if (strcmp(json_string_value(action), job->action->name) == 0)
            offered = true;
    json_decref(sight);
    if (!offered)
        fake_reply_refused(test, "INVALID_ACTION_ID", NULL);
    return offered;
}

/* The answers to all questions of an ask, added to those so far; false: one
 * has none. */
static bool
answer_all(const struct factor_test *test, struct fake_job *job,
           const json_t *decision)
{
    json_t *question, *answer;
    const char *name;
    size_t i;

    if (!job->answers)
        job->answers = fake_must(json_object());
    json_array_foreach(json_object_get(decision, "questions"), i, question) {
        name = fake_get(question, "name");
        answer = json_object_get(test->answers, name);
        if (!answer)
            return false;
        json_object_set(job->answers, name, answer);
    }
    return true;
}

static bool
asks(const json_t *decision)
{
    return (uint32_t)fake_int(decision, "verdict") == FACTOR_ASK;
}

static bool
sends(const json_t *decision)
{
    return json_array_size(json_object_get(decision, "sends")) > 0;
}

/* Decide, as often as answers and refused messages make it necessary. */
static json_t *
decide(struct factor_test *test, struct fake_job *job, const json_t *found)
{
    json_t *decision = fake_decide(test, job, found);
    int round;

    for (round = 0; !fake_failed(decision) && round < ASKS_MAX; round++) {
        if (asks(decision)) {
            if (!answer_all(test, job, decision))
                return decision;
        } else if (test->refuse_sends && sends(decision)) {
            job->flags |= FACTOR_STEP_SEND_REFUSED;
        } else {
            return decision;
        }
        json_decref(decision);
        decision = fake_decide(test, job, found);
    }
    if (!fake_failed(decision) && asks(decision)) {
        json_decref(decision);
        decision = fake_must(json_pack("{s:s}", "problem", "it asks for ever"));
    }
    return decision;
}

static void
move_flow(struct factor_test *test, const json_t *decision)
{
    json_t *data = json_object_get(decision, "data");

    if ((uint32_t)fake_int(decision, "verdict") != FACTOR_CONTINUE ||
        !fake_get(decision, "state"))
        return;
    data = json_is_null(data) ? json_incref(test->flow_data)
                              : json_deep_copy(data);
    factor_test_set_flow(test, fake_get(decision, "state"), data);
}

/* The reply to a decision that was committed, or need not be. */
static void
conclude(struct factor_test *test, const struct fake_job *job,
         const json_t *decision)
{
    struct factor_test_reply reply;
    json_t *parts;

    fake_reply_decision(test, job, decision);
    if (test->reply.kind != FACTOR_TEST_STATE || test->dry)
        return;
    /* The state's parts join those of the decision. */
    reply = test->reply;
    parts = test->reply_parts;
    test->reply_parts = fake_must(json_object());
    show_state(test);
    if (test->reply.kind == FACTOR_TEST_STATE) {
        json_object_update_missing(parts, test->reply_parts);
        reply.code = test->reply.code;
        reply.state = test->reply.state;
        reply.model = test->reply.model;
        reply.changes_at_ms = test->reply.changes_at_ms;
        test->reply = reply;
        json_decref(test->reply_parts);
        test->reply_parts = parts;
    } else {
        json_decref(parts);
    }
}

/* False: a record moved; decide again. */
static bool
commit(struct factor_test *test, const struct fake_job *job,
       const json_t *decision)
{
    void (*race)(struct factor_test * test, void *context) = test->race;

    if (race) {
        test->race = NULL;
        race(test, test->race_context);
    }
    if (!fake_commit(test->records, decision))
        return false;
    if (job->asker != FAKE_OPERATOR && job->asker != FAKE_REST)
        move_flow(test, decision);
    return true;
}

/* One try; false: a record moved and the step is to run again. */
static bool
attempt(struct factor_test *test, struct fake_job *job)
{
    json_t *found = find_records(test, job), *decision;
    bool done = true;

    if (!found)
        return true;
    if ((job->asker == FAKE_CLIENT || job->asker == FAKE_DEVICE) &&
        !applies(test, job, found)) {
        json_decref(found);
        return true;
    }
    decision = decide(test, job, found);
    if (fake_failed(decision)) {
        fake_reply_failed(test, decision);
    } else {
        done = asks(decision) || test->dry || commit(test, job, decision);
        if (done)
            conclude(test, job, decision);
    }
    json_decref(decision);
    json_decref(found);
    return done;
}

static void
job_end(struct fake_job *job)
{
    json_decref(job->fields);
    json_decref(job->path);
    json_decref(job->query);
    json_decref(job->answers);
}

/* Run a job whose fields fit; takes over what it holds. */
static const struct factor_test_reply *
run_job(struct factor_test *test, struct fake_job *job)
{
    int tries = 0;

    test->step_number++;
    while (!attempt(test, job)) {
        json_decref(job->answers);
        job->answers = NULL;
        job->flags = 0;
        if (++tries < RACES_MAX)
            continue;
        fake_reply_broken(test,
                          "its commit conflicts with what it read itself");
        break;
    }
    job_end(job);
    return &test->reply;
}

/* Fields that do not fit: the state comes first.  As in the host, plan_reads
 * sees the action without any field then. */
static const struct factor_test_reply *
refuse_fields(struct factor_test *test, struct fake_job *job, json_t *detail)
{
    json_t *found;

    test->step_number++;
    json_object_clear(job->fields);
    if (job->asker == FAKE_CLIENT || job->asker == FAKE_DEVICE) {
        struct fake_job get = { .asker = FAKE_GET };
        get.fields = job->fields;
        get.action = job->action;
        found = find_records(test, &get);
        if (!found || !applies(test, &get, found)) {
            json_decref(found);
            json_decref(detail);
            job_end(job);
            return &test->reply;
        }
        json_decref(found);
    }
    fake_reply_refused(test, "VALIDATION_ERROR", detail);
    job_end(job);
    return &test->reply;
}

/* May this asker take this action at all? */
static bool
may_take(const struct factor_action *action, enum fake_asker asker)
{
    uint32_t who =
        action->flags & (FACTOR_ACTION_DEVICE | FACTOR_ACTION_OPERATOR);

    if (asker == FAKE_DEVICE)
        return (who & FACTOR_ACTION_DEVICE) != 0;
    if (asker == FAKE_OPERATOR)
        return (who & FACTOR_ACTION_OPERATOR) != 0;
    return who == 0;
}

const struct factor_test_reply *
fake_step(struct factor_test *test, enum fake_asker asker, const char *action,
          json_t *fields)
{
    struct fake_job job = { .asker = asker };
    json_t *wrong;

    job.fields = fields ? fields : fake_must(json_object());
    if (!test->adapter ||
        (!test->flow_state && asker != FAKE_ENTER && asker != FAKE_OPERATOR)) {
        job_end(&job);
        fake_reply_broken(test, "the test: no flow has entered an adapter");
        return &test->reply;
    }
    if (asker == FAKE_ENTER)
        return run_job(test, &job);
    job.action = fake_action(test->about, action);
    if (!job.action || !may_take(job.action, asker)) {
        job_end(&job);
        fake_reply_refused(test, "INVALID_ACTION_ID", NULL);
        return &test->reply;
    }
    wrong = fake_fields(job.action->fields, job.fields);
    return wrong ? refuse_fields(test, &job, wrong) : run_job(test, &job);
}

const struct factor_test_reply *
factor_test_enter(struct factor_test *test)
{
    factor_test_set_flow(test, NULL, NULL);
    test->started_at_ms = test->now_ms;
    return fake_step(test, FAKE_ENTER, NULL, NULL);
}

const struct factor_test_reply *
factor_test_act(struct factor_test *test, const char *action, json_t *fields)
{
    return fake_step(test, FAKE_CLIENT, action, fields);
}

const struct factor_test_reply *
factor_test_device(struct factor_test *test, const char *action, json_t *fields)
{
    return fake_step(test, FAKE_DEVICE, action, fields);
}

const struct factor_test_reply *
factor_test_operator(struct factor_test *test, const char *action,
                     json_t *fields)
{
    return fake_step(test, FAKE_OPERATOR, action, fields);
}

const struct factor_test_reply *
factor_test_get(struct factor_test *test)
{
    fake_reply_clear(test);
    test->step_number++;
    if (!test->adapter || !test->flow_state)
        fake_reply_broken(test, "the test: no flow has entered an adapter");
    else
        show_state(test);
    return &test->reply;
}

const struct factor_test_reply *
factor_test_resource(struct factor_test *test, const char *name, json_t *path,
                     json_t *query, json_t *body)
{
    struct fake_job job = { .asker = FAKE_REST };
    json_t *wrong;

    job.fields = body ? body : fake_must(json_object());
    job.path = path ? path : fake_must(json_object());
    job.query = query ? query : fake_must(json_object());
    job.resource = test->adapter ? fake_resource(test->about, name) : NULL;
    if (!job.resource) {
        job_end(&job);
        fake_reply_refused(test, "RESOURCE_NOT_FOUND", NULL);
        return &test->reply;
    }
    wrong = fake_fields(job.resource->body, job.fields);
    return wrong ? refuse_fields(test, &job, wrong) : run_job(test, &job);
}

/* --- Looking at a reply --- */

int
factor_test_offers(const struct factor_test_reply *reply, const char *action)
{
    return json_object_get(json_object_get(reply->model, "_links"), action) !=
           NULL;
}

int
factor_test_has_detail(const struct factor_test_reply *reply, const char *code)
{
    json_t *detail;
    size_t i;

    json_array_foreach(reply->details, i, detail)
        if (strcmp(fake_get(detail, "code"), code) == 0)
            return 1;
    return 0;
}
