/* SPDX-License-Identifier: MIT */
/* testlib/reply.c - a step's result as the client would see it. */
#include "testlib/fake.h"

#include <stdio.h>
#include <string.h>

#define FLOW_URL FACTOR_TEST_BASE_URL "/pf-ws/authn/flows/factortestflow"

void
fake_reply_clear(struct factor_test *test)
{
    static const char *const lists[] = { "details", "sends",   "audits",
                                         "puts",    "removes", "questions",
                                         "amr",     "unknown", NULL };
    struct factor_test_reply *reply = &test->reply;
    const char *const *list;

    json_decref(test->reply_parts);
    test->reply_parts = fake_must(json_object());
    for (list = lists; *list; list++)
        fake_set(test->reply_parts, *list, json_array());
    memset(reply, 0, sizeof(*reply));
    test->problem[0] = '\0';
    reply->problem = test->problem;
    reply->details = json_object_get(test->reply_parts, "details");
    reply->sends = json_object_get(test->reply_parts, "sends");
    reply->audits = json_object_get(test->reply_parts, "audits");
    reply->puts = json_object_get(test->reply_parts, "puts");
    reply->removes = json_object_get(test->reply_parts, "removes");
    reply->unknown = json_object_get(test->reply_parts, "unknown");
    reply->questions = json_object_get(test->reply_parts, "questions");
    reply->amr = json_object_get(test->reply_parts, "amr");
}

/* Kept with the reply; the reference is stolen. */
static const json_t *
part(struct factor_test *test, const char *name, json_t *value)
{
    fake_set(test->reply_parts, name, value);
    return value;
}

/* NULL for JSON null too. */
static const json_t *
part_or_null(struct factor_test *test, const char *name, const json_t *from)
{
    json_t *value = json_object_get(from, name);

    if (!value || json_is_null(value))
        return NULL;
    return part(test, name, json_incref(value));
}

void
fake_reply_broken(struct factor_test *test, const char *problem)
{
    fake_reply_clear(test);
    test->reply.kind = FACTOR_TEST_BROKEN;
    snprintf(test->problem, sizeof(test->problem), "%s", problem);
    if (!test->first_problem[0])
        snprintf(test->first_problem, sizeof(test->first_problem), "%s",
                 problem);
}

void
fake_reply_failed(struct factor_test *test, const json_t *result)
{
    const char *problem = fake_get(result, "problem");

    if (problem) {
        fake_reply_broken(test, problem);
        return;
    }
    fake_reply_clear(test);
    test->reply.kind = FACTOR_TEST_UNEXPECTED;
    test->reply.status = (factor_status)fake_int(result, "status");
    test->reply.code = "UNEXPECTED_ERROR";
    snprintf(test->problem, sizeof(test->problem), "%s",
             fake_get(result, "error"));
}

void
fake_reply_refused(struct factor_test *test, const char *code, json_t *detail)
{
    json_t *details = fake_must(json_array());

    fake_reply_clear(test);
    if (detail)
        json_array_append_new(details, detail);
    test->reply.kind = FACTOR_TEST_REFUSED;
    test->reply.code = code;
    test->reply.details = part(test, "details", details);
}

/* --- Texts --- */

static const char *
text_in(const struct factor_description *about, const char *key,
        const char *language)
{
    const struct factor_text *const *at;

    for (at = about->texts; at && *at; at++)
        if (strcmp((*at)->key, key) == 0 &&
            strcmp((*at)->language, language) == 0)
            return (*at)->text;
    return NULL;
}

/* The text in the first language of the request that has it, by its longest
 * prefix ("de-at", "de"); else in English; NULL: nobody has it. */
static const char *
user_text(const struct factor_test *test, const char *key)
{
    json_t *languages = json_object_get(test->request, "languages");
    const char *found = NULL;
    char language[36], *dash;
    json_t *wish;
    size_t i;

    if (!key)
        return NULL;
    json_array_foreach(languages, i, wish) {
        snprintf(language, sizeof(language), "%s", json_string_value(wish));
        do {
            found = text_in(test->about, key, language);
            dash = strrchr(language, '-');
            if (dash)
                *dash = '\0';
        } while (!found && dash);
        if (found)
            return found;
    }
    return text_in(test->about, key, "en");
}

/* --- States --- */

static json_t *
links_of(const json_t *sight)
{
    json_t *links = fake_must(json_object()), *action;
    size_t i;

    fake_set(links, "self", json_pack("{s:s}", "href", FLOW_URL));
    json_array_foreach(json_object_get(sight, "actions"), i, action)
        fake_set(links, json_string_value(action),
                 json_pack("{s:s}", "href", FLOW_URL));
    return links;
}

static void
set_failure(struct factor_test *test, json_t *model, const char *failure)
{
    const struct factor_code *code = fake_code(test->about, failure);
    const char *text = user_text(test, code->text);

    test->reply.code = code->code;
    fake_set(model, "code", fake_text(failure));
    fake_set(model, "message", fake_text(code->message));
    if (text)
        fake_set(model, "userMessage", fake_text(text));
}

void
fake_reply_sight(struct factor_test *test, const json_t *sight)
{
    json_t *model =
        fake_must(json_pack("{s:s, s:O}", "id", "factortestflow", "status",
                            json_object_get(sight, "state")));
    const char *failure = fake_get(sight, "failure");
    struct factor_test_reply *reply = &test->reply;

    json_object_update(model, json_object_get(sight, "view"));
    fake_set(model, "_links", links_of(sight));
    if (failure)
        set_failure(test, model, failure);
    reply->kind = FACTOR_TEST_STATE;
    reply->model = part(test, "model", model);
    reply->state = fake_get(model, "status");
    reply->changes_at_ms = fake_int(sight, "changes_at_ms");
}

/* --- Outcomes --- */

static json_t *
client_detail(const struct factor_test *test, const json_t *detail)
{
    const struct factor_code *code =
        fake_code(test->about, fake_get(detail, "code"));
    const char *key = fake_get(detail, "text"), *text;
    json_t *out = fake_must(
        json_pack("{s:s, s:s}", "code", code->code, "message", code->message));

    text = user_text(test, key ? key : code->text);
    if (text)
        fake_set(out, "userMessage", fake_text(text));
    if (fake_get(detail, "target"))
        json_object_set(out, "target", json_object_get(detail, "target"));
    if (fake_int(detail, "attempts_remaining") >= 0)
        json_object_set(out, "attemptsRemaining",
                        json_object_get(detail, "attempts_remaining"));
    if (fake_int(detail, "retry_at_ms"))
        json_object_set(out, "retry_at_ms",
                        json_object_get(detail, "retry_at_ms"));
    json_object_update_missing(out, json_object_get(detail, "inner"));
    return out;
}

/* As a REST resource answers it. */
static json_t *
rest_detail(const struct factor_test *test, const json_t *detail)
{
    const struct factor_code *code =
        fake_code(test->about, fake_get(detail, "code"));
    json_t *inner = json_object_get(detail, "inner");
    json_t *out = fake_must(
        json_pack("{s:s, s:s}", "code", code->code, "message", code->message));

    inner = json_is_object(inner) ? fake_must(json_deep_copy(inner))
                                  : fake_must(json_object());
    if (fake_get(detail, "target"))
        json_object_set(out, "target", json_object_get(detail, "target"));
    if (fake_int(detail, "attempts_remaining") >= 0)
        json_object_set(inner, "attemptsRemaining",
                        json_object_get(detail, "attempts_remaining"));
    if (json_object_size(inner) > 0)
        json_object_set(out, "innerError", inner);
    json_decref(inner);
    return out;
}

/* The host's: a code of the Authentication API as REST has it. */
static const char *
rest_parent(const char *parent)
{
    if (strcmp(parent, "VALIDATION_ERROR") == 0)
        return "INVALID_DATA";
    return parent;
}

static void
set_rest_error(struct factor_test *test, const json_t *decision)
{
    struct factor_test_reply *reply = &test->reply;
    json_t *detail;
    int64_t at;
    size_t i;

    reply->code = rest_parent(reply->code);
    if (reply->http_status < 400)
        reply->http_status = 400;
    json_array_foreach(json_object_get(decision, "details"), i, detail) {
        at = fake_int(detail, "retry_at_ms");
        if (!reply->retry_after_s && at > test->now_ms)
            reply->retry_after_s = (at - test->now_ms + 999) / 1000;
    }
}

static void
set_details(struct factor_test *test, const struct fake_job *job,
            const json_t *decision)
{
    json_t *given = json_object_get(decision, "details");
    json_t *details = fake_must(json_array()), *detail;
    const struct factor_code *code;
    size_t i;

    json_array_foreach(given, i, detail)
        json_array_append_new(details, job->asker == FAKE_REST
                                           ? rest_detail(test, detail)
                                           : client_detail(test, detail));
    test->reply.details = part(test, "details", details);
    if (json_array_size(given) == 0)
        return;
    code = fake_code(test->about, fake_get(json_array_get(given, 0), "code"));
    test->reply.code = code->parent;
    if (job->asker == FAKE_REST)
        set_rest_error(test, decision);
}

static int
kind_of(const struct fake_job *job, const json_t *decision)
{
    bool has_details =
        json_array_size(json_object_get(decision, "details")) > 0;

    switch ((uint32_t)fake_int(decision, "verdict")) {
    case FACTOR_ASK:
        return FACTOR_TEST_ASK;
    case FACTOR_FAILURE:
        return FACTOR_TEST_FAILURE;
    default:
        break;
    }
    if (has_details)
        return FACTOR_TEST_ERROR;
    if (job->asker == FAKE_REST &&
        (uint32_t)fake_int(decision, "verdict") == FACTOR_CONTINUE)
        return FACTOR_TEST_WAIT;
    if (job->asker == FAKE_OPERATOR || job->asker == FAKE_REST)
        return FACTOR_TEST_ANSWER;
    if ((uint32_t)fake_int(decision, "verdict") == FACTOR_SUCCESS)
        return FACTOR_TEST_SUCCESS;
    return FACTOR_TEST_STATE;
}

void
fake_reply_decision(struct factor_test *test, const struct fake_job *job,
                    const json_t *decision)
{
    struct factor_test_reply *reply = &test->reply;
    json_int_t http_status = fake_int(decision, "http_status");

    fake_reply_clear(test);
    decision = part(test, "decision", fake_must(json_deep_copy(decision)));
    reply->decision = decision;
    reply->kind = kind_of(job, decision);
    reply->http_status = http_status ? (uint32_t)http_status : 200;
    reply->changes_at_ms = fake_int(decision, "changes_at_ms");
    set_details(test, job, decision);
    reply->sends = json_object_get(decision, "sends");
    reply->audits = json_object_get(decision, "audits");
    reply->puts = json_object_get(decision, "puts");
    reply->removes = json_object_get(decision, "removes");
    reply->unknown = json_object_get(decision, "unknown");
    reply->questions = json_object_get(decision, "questions");
    reply->amr = json_object_get(decision, "amr");
    reply->subject = fake_get(decision, "subject");
    reply->attributes = part_or_null(test, "attributes", decision);
    reply->kinds = (uint32_t)fake_int(decision, "kinds");
    reply->body = part_or_null(test, "body", decision);
}
