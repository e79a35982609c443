/* SPDX-License-Identifier: MIT */
/* testlib/test.c - one fake host: its parts, and a step from request to
 * reply. */
#include "testlib/fake.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RACES_MAX = 4, ASKS_MAX = 4 };

static const int64_t flow_life_ms = 30 * 60 * 1000;

/* --- Building --- */

static void
set_error(struct factor_error *err, factor_status code, const char *text)
{
    if (!err)
        return;
    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s", text);
}

const struct factor_plugin *
factor_test_load(const char *path, struct factor_error *err)
{
    factor_plugin_entry *entry;
    char here[4096];
    void *object;

    /* A bare name would be looked for among the system's libraries. */
    snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
    object = dlopen(here, RTLD_NOW | RTLD_LOCAL);

    if (!object) {
        set_error(err, FACTOR_E_NOTFOUND, dlerror());
        return NULL;
    }
    /* POSIX's own way to turn an object pointer into one to a function. */
    *(void **)&entry = dlsym(object, FACTOR_ENTRY_SYMBOL);
    if (!entry) {
        set_error(err, FACTOR_E_INPUT,
                  "it does not export " FACTOR_ENTRY_SYMBOL);
        return NULL;
    }
    return entry();
}

/* init() and fini() differ between kinds only by the type of the instance. */
static factor_status
call_init(struct factor_test *test, struct factor_error *err)
{
    const void *ops = test->plugin->ops;

    switch (test->plugin->kind) {
    case FACTOR_KIND_ADAPTER:
        test->adapter = ops;
        return test->adapter->init(&fake_host, test->settings,
                                   (struct factor_adapter **)&test->self, err);
    case FACTOR_KIND_DELIVERY:
        return ((const struct factor_delivery_ops *)ops)
            ->init(&fake_host, test->settings,
                   (struct factor_delivery **)&test->self, err);
    case FACTOR_KIND_SOURCE:
        return ((const struct factor_source_ops *)ops)
            ->init(&fake_host, test->settings,
                   (struct factor_source **)&test->self, err);
    default:
        return ((const struct factor_store_ops *)ops)
            ->init(&fake_host, test->settings,
                   (struct factor_store **)&test->self, err);
    }
}

static void
call_fini(struct factor_test *test)
{
    const void *ops = test->plugin->ops;

    switch (test->plugin->kind) {
    case FACTOR_KIND_ADAPTER:
        test->adapter->fini(test->self);
        break;
    case FACTOR_KIND_DELIVERY:
        ((const struct factor_delivery_ops *)ops)->fini(test->self);
        break;
    case FACTOR_KIND_SOURCE:
        ((const struct factor_source_ops *)ops)->fini(test->self);
        break;
    default:
        ((const struct factor_store_ops *)ops)->fini(test->self);
        break;
    }
}

static struct factor_test *
test_new(const struct factor_plugin *plugin)
{
    struct factor_test *test = fake_must(calloc(1, sizeof(*test)));

    test->plugin = plugin;
    test->now_ms = INT64_C(1700000000000);
    test->seed = 1;
    test->records = fake_must(json_array());
    test->inputs = fake_must(json_object());
    test->answers = fake_must(json_object());
    test->walked = fake_must(json_object());
    test->started_at_ms = test->now_ms;
    factor_test_set_request(test, NULL);
    fake_reply_clear(test);
    return test;
}

static bool
build(struct factor_test *test, const json_t *settings,
      struct factor_error *err)
{
    char problem[PROBLEM_LEN] = "";
    factor_status status;

    test->settings = fake_settings(test->plugin->settings, settings, err);
    if (!test->settings)
        return false;
    status = call_init(test, err);
    if (status) {
        err->code = status;
        test->self = NULL;
        return false;
    }
    if (!test->adapter)
        return true;
    test->about = test->adapter->describe(test->self);
    if (fake_check_tables(test->about, problem))
        return true;
    set_error(err, FACTOR_E_INPUT, problem);
    return false;
}

struct factor_test *
factor_test_new(const struct factor_plugin *plugin, json_t *settings,
                struct factor_error *err)
{
    struct factor_error unwanted = { 0 };
    char problem[PROBLEM_LEN] = "";
    struct factor_test *test;

    err = err ? err : &unwanted;
    if (!fake_check_plugin(plugin, problem)) {
        set_error(err, FACTOR_E_INPUT, problem);
        json_decref(settings);
        return NULL;
    }
    test = test_new(plugin);
    if (!build(test, settings, err)) {
        factor_test_free(test);
        test = NULL;
    }
    json_decref(settings);
    return test;
}

void
factor_test_free(struct factor_test *test)
{
    if (!test)
        return;
    if (test->self)
        call_fini(test);
    json_decref(test->settings);
    json_decref(test->records);
    json_decref(test->flow_data);
    json_decref(test->inputs);
    json_decref(test->request);
    json_decref(test->answers);
    json_decref(test->walked);
    json_decref(test->reply_parts);
    free(test->subject);
    free(test->flow_state);
    free(test);
}

void *
factor_test_instance(const struct factor_test *test)
{
    return test->self;
}

/* --- Time, chance, records --- */

int64_t
factor_test_now(const struct factor_test *test)
{
    return test->now_ms;
}

void
factor_test_set_now(struct factor_test *test, int64_t now_ms)
{
    test->now_ms = now_ms;
}

void
factor_test_advance(struct factor_test *test, int64_t ms)
{
    test->now_ms += ms;
}

void
factor_test_set_seed(struct factor_test *test, uint64_t seed)
{
    test->seed = seed;
}

void
factor_test_seed(struct factor_test *test, const char *collection,
                 const char *id, const char *owner, const char *name,
                 json_t *body)
{
    uint64_t version = factor_test_version(test, collection, id);

    fake_store(test->records,
               fake_must(json_pack(
                   "{s:s, s:s, s:o, s:o, s:I, s:i, s:o}", "collection",
                   collection, "id", id, "owner", fake_text(owner), "name",
                   fake_text(name), "version", (json_int_t)version + 1,
                   "expires_at_ms", 0, "body", fake_must(body))));
}

void
factor_test_add_user(struct factor_test *test, const char *id,
                     const char *username, json_t *attributes)
{
    char folded[FACTOR_NAME_MAX + 1];

    fake_fold(username, folded, sizeof(folded));
    factor_test_seed(test, FACTOR_USERS, id, NULL, folded,
                     json_pack("{s:i, s:s, s:b, s:b, s:o}", "v", 1,
                               FACTOR_USER_USERNAME, username,
                               FACTOR_USER_ENABLED, 1, FACTOR_USER_MFA_ENABLED,
                               1, FACTOR_USER_ATTRIBUTES,
                               attributes ? attributes : json_object()));
}

const json_t *
factor_test_record(const struct factor_test *test, const char *collection,
                   const char *id)
{
    return json_object_get(fake_find(test->records, collection, id), "body");
}

uint64_t
factor_test_version(const struct factor_test *test, const char *collection,
                    const char *id)
{
    return (uint64_t)fake_int(fake_find(test->records, collection, id),
                              "version");
}

const json_t *
factor_test_records(const struct factor_test *test)
{
    return test->records;
}

static json_t *
text_or_null(const json_t *object, const char *key)
{
    return fake_text(fake_get(object, key));
}

void
factor_test_set_records(struct factor_test *test, json_t *records)
{
    json_int_t version;
    json_t *record;
    size_t i;

    json_array_clear(test->records);
    json_array_foreach(records, i, record) {
        version = fake_int(record, "version");
        if (!fake_get(record, "collection") || !fake_get(record, "id"))
            continue;
        fake_store(test->records,
                   fake_must(json_pack(
                       "{s:o, s:o, s:o, s:o, s:I, s:I, s:O}", "collection",
                       text_or_null(record, "collection"), "id",
                       text_or_null(record, "id"), "owner",
                       text_or_null(record, "owner"), "name",
                       text_or_null(record, "name"), "version",
                       version > 0 ? version : (json_int_t)1, "expires_at_ms",
                       fake_int(record, "expires_at_ms"), "body",
                       json_object_get(record, "body"))));
    }
    json_decref(records);
}

/* --- The flow and who asks --- */

void
factor_test_begin(struct factor_test *test, const char *subject, json_t *inputs)
{
    free(test->subject);
    test->subject = fake_copy_text(subject);
    json_decref(test->inputs);
    test->inputs = inputs ? inputs : fake_must(json_object());
    factor_test_set_flow(test, NULL, NULL);
    test->started_at_ms = test->now_ms;
}

void
factor_test_set_flow(struct factor_test *test, const char *state, json_t *data)
{
    char *copy = fake_copy_text(state);

    free(test->flow_state);
    test->flow_state = copy;
    json_decref(test->flow_data);
    test->flow_data = data;
}

const char *
factor_test_flow_state(const struct factor_test *test)
{
    return test->flow_state;
}

const json_t *
factor_test_flow_data(const struct factor_test *test)
{
    return test->flow_data;
}

void
factor_test_set_request(struct factor_test *test, json_t *request)
{
    json_t *complete = fake_must(
        json_pack("{s:s, s:s, s:s, s:s, s:[s], s:{}}", "client", "test", "acr",
                  "urn:test", "address", "192.0.2.1", "user_agent",
                  "factor-test", "languages", "en", "parameters"));

    json_object_update(complete, request);
    json_decref(request);
    json_decref(test->request);
    test->request = complete;
}

void
factor_test_set_answer(struct factor_test *test, const char *name,
                       json_t *answer)
{
    if (answer)
        fake_set(test->answers, name, answer);
    else
        json_object_del(test->answers, name);
}

void
factor_test_refuse_sends(struct factor_test *test, int refuse)
{
    test->refuse_sends = refuse != 0;
}

void
factor_test_before_commit(struct factor_test *test,
                          void (*race)(struct factor_test *test, void *context),
                          void *context)
{
    test->race = race;
    test->race_context = context;
}

void
factor_test_fail(struct factor_test *test, int call, unsigned n)
{
    test->fault.call = call;
    test->fault.in = n;
}

/* --- A step --- */

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
    int64_t until = test->started_at_ms + flow_life_ms;
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
