/* SPDX-License-Identifier: MIT */
/* testlib/test.c - one fake host: what it is made of. */
#include "testlib/fake.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    if (!fake_check_tables(test->about, problem)) {
        set_error(err, FACTOR_E_INPUT, problem);
        return false;
    }
    if (test->about->resources && !test->adapter->handle_resource) {
        set_error(err, FACTOR_E_INPUT, "resources without handle_resource");
        return false;
    }
    return true;
}

struct factor_test *
factor_test_new(const struct factor_plugin *plugin, json_t *settings,
                struct factor_error *err)
{
    struct factor_error unwanted = { 0 };
    char problem[PROBLEM_LEN] = "";
    struct factor_test *test;

    err = err ? err : &unwanted;
    fake_problems_clear();
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
