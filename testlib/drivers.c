/* SPDX-License-Identifier: MIT */
/* testlib/drivers.c - scenarios repeated with failures, and walks over all
 * that a state declares. */
#include "testlib/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FAILURES_MAX = 10000 };

__attribute__((format(printf, 2, 3))) static void
wrong(struct factor_test_result *result, const char *format, ...)
{
    va_list args;

    if (result->problem[0])
        return;
    va_start(args, format);
    vsnprintf(result->problem, sizeof(result->problem), format, args);
    va_end(args);
}

/* --- Each failure --- */

/* Returns whether there was a call left to fail. */
static bool
one_failure(struct factor_test *test, unsigned n,
            void (*scenario)(struct factor_test *test, void *context),
            void *context, struct factor_test_result *result)
{
    test->retry_failed = true;
    test->fault = (struct fake_fault){ FACTOR_TEST_CALL_ANY, n, false };
    scenario(test, context);
    if (test->first_problem[0])
        wrong(result, "host call %u failing: %s", n, test->first_problem);
    return test->faults_hit > 0;
}

struct factor_test_result
factor_test_each_failure(
    const struct factor_plugin *plugin, const json_t *settings,
    void (*scenario)(struct factor_test *test, void *context), void *context)
{
    struct factor_test_result result = { 0 };
    struct factor_error err = { 0 };
    struct factor_test *test;
    bool more = true;
    unsigned n;

    for (n = 1; more && n < FAILURES_MAX && !result.problem[0]; n++) {
        test = factor_test_new(
            plugin, settings ? fake_must(json_deep_copy(settings)) : NULL,
            &err);
        if (!test) {
            wrong(&result, "init: %s", err.text);
            break;
        }
        more = one_failure(test, n, scenario, context, &result);
        result.tries += more;
        factor_test_free(test);
    }
    if (more)
        wrong(&result, "host calls without end");
    result.ok = !result.problem[0] && result.tries > 0;
    return result;
}

/* --- Values that fit, and values that do not --- */

static json_t *sample_object(const struct factor_field *const *table);

static size_t
max_len(const struct factor_field *field)
{
    return field->max_len ? field->max_len : 1024;
}

static json_t *
string_of(size_t len)
{
    char text[70000];

    if (len >= sizeof(text))
        len = sizeof(text) - 1;
    memset(text, '7', len);
    return fake_must(json_stringn(text, len));
}

static json_t *
sample(const struct factor_field *field)
{
    switch (field->type) {
    case FACTOR_FIELD_STRING:
        return string_of(max_len(field) < 6 ? max_len(field) : 6);
    case FACTOR_FIELD_INTEGER:
        return fake_must(json_integer(7));
    case FACTOR_FIELD_BOOLEAN:
        return json_true();
    default:
        return sample_object(field->fields);
    }
}

static json_t *
sample_object(const struct factor_field *const *table)
{
    json_t *object = fake_must(json_object());

    for (; table && *table; table++)
        fake_set(object, (*table)->name, sample(*table));
    return object;
}

/* Values of a type that fit it and are seldom thought of. */
static json_t *
odd_values(const struct factor_field *field)
{
    switch (field->type) {
    case FACTOR_FIELD_STRING:
        return fake_must(json_pack("[s, s, s, s, s, s, o]", "", " ", "-1",
                                   "%s%n", "../", "'\"<",
                                   string_of(max_len(field))));
    case FACTOR_FIELD_INTEGER:
        return fake_must(json_pack("[I, I, I, I, I]", (json_int_t)0,
                                   (json_int_t)-1, (json_int_t)1 << 31,
                                   INT64_MAX, INT64_MIN));
    case FACTOR_FIELD_BOOLEAN:
        return fake_must(json_pack("[b, b, s, s]", 0, 1, "true", "false"));
    default:
        return fake_must(json_pack("[o]", sample_object(field->fields)));
    }
}

/* Values of all JSON types; those of the field's own are left out. */
static json_t *
wrong_values(const struct factor_field *field)
{
    json_t *values = fake_must(json_array());
    bool object = field->type == FACTOR_FIELD_OBJECT;

    if (field->type != FACTOR_FIELD_STRING)
        json_array_append_new(values, json_string("x"));
    if (field->type != FACTOR_FIELD_INTEGER)
        json_array_append_new(values, json_integer(1));
    if (field->type != FACTOR_FIELD_BOOLEAN)
        json_array_append_new(values, json_true());
    if (!object)
        json_array_append_new(values, json_object());
    json_array_append_new(values, json_array());
    json_array_append_new(values, json_real(0.5));
    if (field->type == FACTOR_FIELD_STRING) {
        json_array_append_new(values, string_of(max_len(field) + 1));
        json_array_append_new(values, json_stringn("7\0007", 3));
    }
    return values;
}

/* --- The walk --- */

struct walk {
    struct factor_test *test;
    const struct factor_action *action;
    bool offered;
    struct factor_test_result *result;
};

static enum fake_asker
asker_of(const struct factor_action *action)
{
    if (action->flags & FACTOR_ACTION_OPERATOR)
        return FAKE_OPERATOR;
    return action->flags & FACTOR_ACTION_DEVICE ? FAKE_DEVICE : FAKE_CLIENT;
}

/* What came is what may come: refused if the host must refuse, else an
 * answer of the adapter, which was checked against its model. */
static void
judge(struct walk *walk, const struct factor_test_reply *reply,
      const char *what, bool refused)
{
    const char *state = walk->test->flow_state;
    const char *action = walk->action ? walk->action->name : "?";

    walk->result->tries++;
    if (reply->kind == FACTOR_TEST_BROKEN ||
        reply->kind == FACTOR_TEST_UNEXPECTED)
        wrong(walk->result, "%s, %s, %s: %s", state, action, what,
              reply->problem);
    else if (refused != (reply->kind == FACTOR_TEST_REFUSED))
        wrong(walk->result, "%s, %s, %s: %s", state, action, what,
              refused ? "not refused" : "refused");
}

/* One field of the sample set to a value, stolen; NULL: left out. */
static void
try_value(struct walk *walk, const struct factor_field *field, json_t *value,
          const char *what, bool fits)
{
    json_t *fields = sample_object(walk->action->fields);
    char text[200];

    snprintf(text, sizeof(text), "%s %s", field->name, what);
    if (value)
        fake_set(fields, field->name, value);
    else
        json_object_del(fields, field->name);
    judge(walk,
          fake_step(walk->test, asker_of(walk->action), walk->action->name,
                    fields),
          text, !walk->offered || !fits);
}

static bool
is_empty(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) == 0;
}

static void
try_field(struct walk *walk, const struct factor_field *field)
{
    bool required = field->flags & FACTOR_FIELD_REQUIRED;
    json_t *values, *value;
    size_t i;

    try_value(walk, field, NULL, "missing", !required);
    values = wrong_values(field);
    json_array_foreach(values, i, value)
        try_value(walk, field, json_incref(value), "of a wrong type or length",
                  false);
    json_decref(values);
    values = odd_values(field);
    json_array_foreach(values, i, value)
        try_value(walk, field, json_incref(value), "of an odd value",
                  !required || !is_empty(value));
    json_decref(values);
}

static void
try_action(struct walk *walk)
{
    const struct factor_field *const *field = walk->action->fields;
    enum fake_asker asker = asker_of(walk->action);
    const char *name = walk->action->name;
    json_t *fields = sample_object(field);

    judge(walk, fake_step(walk->test, asker, name, json_deep_copy(fields)),
          "plain", !walk->offered);
    fake_set(fields, "factorTestNoSuchField", json_true());
    judge(walk, fake_step(walk->test, asker, name, fields),
          "with an unknown field", !walk->offered || !field);
    for (; field && *field; field++)
        try_field(walk, *field);
    /* By one who may not. */
    asker = asker == FAKE_CLIENT ? FAKE_OPERATOR : FAKE_CLIENT;
    judge(walk, fake_step(walk->test, asker, name, NULL), "by one who may not",
          true);
}

static void
walk_actions(struct walk *walk, const json_t *offered)
{
    const struct factor_action *const *at;
    size_t i;
    json_t *name;

    for (at = walk->test->about->actions; *at; at++) {
        walk->action = *at;
        walk->offered = (*at)->flags & FACTOR_ACTION_OPERATOR;
        json_array_foreach(offered, i, name)
            if (strcmp(json_string_value(name), (*at)->name) == 0)
                walk->offered = true;
        try_action(walk);
    }
    walk->action = NULL;
    judge(walk, fake_step(walk->test, FAKE_CLIENT, "factorTestNoSuch", NULL),
          "unknown action", true);
}

struct factor_test_result
factor_test_walk(struct factor_test *test)
{
    struct factor_test_result result = { 0 };
    struct walk walk = { .test = test, .result = &result };
    const struct factor_test_reply *reply = factor_test_get(test);
    json_t *offered, *link;
    const char *name;

    if (reply->kind != FACTOR_TEST_STATE) {
        wrong(&result, "no state to walk from: %s", reply->problem);
        return result;
    }
    fake_set(test->walked, reply->state, json_true());
    offered = fake_must(json_array());
    json_object_foreach(json_object_get(reply->model, "_links"), name, link)
        json_array_append_new(offered, fake_text(name));
    test->dry = true;
    walk_actions(&walk, offered);
    test->dry = false;
    json_decref(offered);
    result.ok = !result.problem[0] && result.tries > 0;
    return result;
}

const char *
factor_test_unwalked(const struct factor_test *test)
{
    const struct factor_state *const *state;

    for (state = test->about->states; *state; state++)
        if (!json_object_get(test->walked, (*state)->name))
            return (*state)->name;
    return NULL;
}
