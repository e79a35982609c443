/* SPDX-License-Identifier: MIT */
/* tests/test_testlib.c - the test library sees what an adapter does wrong:
 * one adapter here breaks the contract in every way it is told to. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "factor/test.h"
#include "tests/tap.h"

/* How it is to misbehave. */
enum mode {
    WELL,
    NO_VERDICT,
    STRANGE_STATE,
    STRANGE_DETAIL,
    UNDECLARED_DETAIL,
    BARE_DETAIL,
    HIDDEN_MEMBER,
    HOST_MEMBER,
    STRANGE_OFFER,
    MODEL_CHANGES,
    MODEL_OF_CHANCE,
    PLAN_OF_MEMORY,
    DECISION_OF_MEMORY,
    CHANGES_RECORD,
    CHANGES_FIELDS,
    CHANGES_FIELDS_IN_PLAN,
    CHANGES_RECORD_IN_MODEL,
    DROPS_MEMBERS,
    PUTS_TWICE,
    PUTS_WITHOUT_V,
    PUTS_NOWHERE,
    PUTS_OLD_VERSION,
    PUTS_NO_USER,
    EFFECT_IN_MODEL,
    SENDS_BY_PIGEON,
    SENDS_WITHOUT_TEXT,
    SENDS_LATE,
    SENDS_ANYWAY,
    IGNORES_FAILURES,
    FAILS_WITH_DATA,
    ASKS_NOTHING,
    COUNTS_NAME,
    COUNTS_NO_NAME,
    ASKS_FOR_EVER,
    LOOKS_UP,
    READS_ALL,
    TAKES_NAME,
    TELLS_MORE,
    FAILS
};

struct factor_adapter {
    const struct factor_host *host;
    enum mode mode;
};

/* What an adapter must not have: memory between calls. */
static int memory;

#define SIZED(name) .struct_size = sizeof(struct name)

static const struct factor_setting mode_setting = {
    SIZED(factor_setting), .type = FACTOR_SETTING_INTEGER, .name = "mode",
    .value = "0", .text = "How to misbehave."
};
static const struct factor_setting wait_setting = {
    SIZED(factor_setting), .type = FACTOR_SETTING_DURATION, .name = "wait",
    .value = "\"2min\"", .text = "Nothing."
};
static const struct factor_setting *const settings[] = {
    &mode_setting, &wait_setting, NULL
};

static const struct factor_field word = {
    SIZED(factor_field), .type = FACTOR_FIELD_STRING, .name = "word",
    .flags = FACTOR_FIELD_REQUIRED, .max_len = 8
};
static const struct factor_field number = {
    SIZED(factor_field), .type = FACTOR_FIELD_INTEGER, .name = "number"
};
static const struct factor_field yes = {
    SIZED(factor_field), .type = FACTOR_FIELD_BOOLEAN, .name = "yes"
};
static const struct factor_field inside = {
    SIZED(factor_field), .type = FACTOR_FIELD_OBJECT, .name = "inside",
    .fields = (const struct factor_field *const[]){ &word, NULL }
};
static const struct factor_field *const fields[] = { &word, &number, &yes,
                                                     &inside, NULL };
static const struct factor_action go = {
    SIZED(factor_action), .name = "go", .fields = fields,
    .errors = (const char *const[]){ "WRONG", NULL }
};
static const struct factor_action reset = {
    SIZED(factor_action), .name = "reset", .flags = FACTOR_ACTION_OPERATOR
};
static const struct factor_action measure = {
    SIZED(factor_action), .name = "measure",
    .flags = FACTOR_ACTION_OPERATOR | FACTOR_ACTION_MEASURE
};
static const struct factor_action approve = {
    SIZED(factor_action), .name = "approve", .flags = FACTOR_ACTION_DEVICE
};
static const struct factor_state here = {
    SIZED(factor_state), .name = "HERE", .text = "Here.",
    .actions = (const char *const[]){ "go", "approve", NULL },
    .members = (const char *const[]){ "shown", NULL }
};
static const struct factor_state dead = {
    SIZED(factor_state), .name = "DEAD", .text = "Dead.",
    .flags = FACTOR_STATE_FAILED
};
static const struct factor_code wrong_code = {
    SIZED(factor_code), .code = "WRONG", .parent = "VALIDATION_ERROR",
    .message = "wrong", .text = "t.wrong"
};
static const struct factor_code other_code = {
    SIZED(factor_code), .code = "OTHER", .parent = "REQUEST_FAILED",
    .message = "other", .text = "t.wrong"
};
static const struct factor_text wrong_text = {
    SIZED(factor_text), .key = "t.wrong", .language = "en", .text = "No."
};
static const struct factor_text mail_text = {
    SIZED(factor_text), .key = "t.mail.email.text", .language = "en",
    .text = "Hello {name}"
};
static const struct factor_resource things = {
    SIZED(factor_resource), .name = "things.add", .method = "POST",
    .path = "/v1/things/{thing}", .who = FACTOR_WHO_ANYONE, .body = fields
};
static const struct factor_description description = {
    SIZED(factor_description),
    .states = (const struct factor_state *const[]){ &here, &dead, NULL },
    .actions = (const struct factor_action *const[]){ &go, &reset, &measure,
                                                      &approve, NULL },
    .codes = (const struct factor_code *const[]){ &wrong_code, &other_code,
                                                  NULL },
    .texts = (const struct factor_text *const[]){ &wrong_text, &mail_text,
                                                  NULL },
    .resources = (const struct factor_resource *const[]){ &things, NULL }
};

static const struct factor_action open_measure = {
    SIZED(factor_action), .name = "measure", .flags = FACTOR_ACTION_MEASURE
};
static const struct factor_description open_description = {
    SIZED(factor_description),
    .states = (const struct factor_state *const[]){ &dead, NULL },
    .actions = (const struct factor_action *const[]){ &open_measure, NULL }
};

static const struct factor_description *
describe_openly(const struct factor_adapter *self)
{
    (void)self;
    return &open_description;
}

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
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(given, "wait")),
                    120000);
    self->host = host;
    self->mode =
        (enum mode)json_integer_value(json_object_get(given, "mode"));
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
    free(self);
}

/* One read of each sort; two find nothing, and so does one of the owner of a
 * record that nobody owns. */
static factor_status
plan_all(const struct factor_host *host, struct factor_reads *reads)
{
    static const struct factor_name keyed = {
        SIZED(factor_name), .purpose = "t.p", .bytes = "\x0f", .bytes_len = 1
    };
    static const struct factor_name owned = { SIZED(factor_name),
                                              .text = "mine" };
    static const struct factor_name bad = { SIZED(factor_name) };
    char longest[FACTOR_ID_MAX + 2];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    CU_ASSERT_EQUAL(host->read_id(reads, "t.thing", longest), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(host->read_id(reads, "t.thing", NULL), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(host->read_name(reads, "t.thing", &bad), FACTOR_E_INPUT);
    if (host->read_name(reads, "t.thing", &keyed) ||
        host->read_owned(reads, "t.thing", "u1", 1) ||
        host->read_page(reads, "t.thing", "a", 2) ||
        host->read_user(reads, "u1") || host->read_username(reads, "JOE") ||
        host->read_username_owned(reads, "jOe", "t.thing", 9) ||
        host->read_page(reads, "t.thing", "z", 1) ||
        host->read_username(reads, "ann") ||
        host->read_named_owned(reads, "t.thing", &owned, "t.thing", 9) ||
        host->read_named_owned(reads, "t.thing", &keyed, "t.thing", 9))
        return FACTOR_E_INPUT;
    return FACTOR_OK;
}

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    static const char *const names[] = { "a", "b" };

    CU_ASSERT_EQUAL(step->read_count, 0);
    if (self->mode == CHANGES_FIELDS_IN_PLAN)
        json_object_clear((json_t *)(uintptr_t)step->fields);
    if (self->mode == READS_ALL)
        return plan_all(self->host, reads);
    if (self->mode == PLAN_OF_MEMORY)
        return self->host->read_id(reads, "t.thing", names[memory++ % 2]);
    if (self->mode == IGNORES_FAILURES) {
        self->host->read_id(reads, "t.thing", "a");
        return FACTOR_OK;
    }
    return self->host->read_id(reads, "t.thing", "a");
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *model,
                struct factor_error *err)
{
    static const char *const offered[] = { "go", "approve", NULL };
    static const char *const strange[] = { "go", "reset", NULL };
    const struct factor_record *record = factor_read_one(step, 0);
    int64_t shown = 0;

    (void)err;
    if (self->mode == CHANGES_RECORD_IN_MODEL && record)
        json_object_clear((json_t *)(uintptr_t)record->body);
    if (self->mode == MODEL_CHANGES)
        shown = step->now_ms;
    if (self->mode == MODEL_OF_CHANCE)
        shown = step->entropy[0] + 256 * step->entropy[1];
    if (self->mode == EFFECT_IN_MODEL)
        self->host->audit(step->effects, "t.seen", NULL);
    model->state = here.name;
    model->actions = self->mode == STRANGE_OFFER ? strange : offered;
    model->view = json_pack("{s:I}",
                            self->mode == HIDDEN_MEMBER ? "hidden"
                            : self->mode == HOST_MEMBER ? "_links"
                                                        : "shown",
                            (json_int_t)shown);
    return FACTOR_OK;
}

/* One detail, good or bad. */
static factor_status
tell(const struct factor_adapter *self, const struct factor_step *step,
     const char *code, uint32_t struct_size, struct factor_outcome *outcome)
{
    struct factor_detail *detail =
        self->host->alloc(step->arena, sizeof(*detail));
    const struct factor_detail **list =
        self->host->alloc(step->arena, 2 * sizeof(*list));

    if (!detail || !list)
        return FACTOR_E_NOMEM;
    detail->struct_size = struct_size;
    detail->code = code;
    detail->attempts_remaining = -1;
    detail->retry_at_ms = step->now_ms + 5;
    detail->inner = step->inputs;
    list[0] = detail;
    outcome->details = list;
    return FACTOR_OK;
}

static factor_status
put(const struct factor_adapter *self, const struct factor_step *step,
    const char *collection, uint64_t version, json_t *body)
{
    struct factor_put put = { SIZED(factor_put), .collection = collection,
                              .id = "a", .version = version, .body = body };
    factor_status status = self->host->put(step->effects, &put);

    json_decref(body);
    return status;
}

static factor_status
send(const struct factor_adapter *self, const struct factor_step *step,
     const char *channel, const char *template_id, int64_t expires_at_ms)
{
    struct factor_send message = {
        SIZED(factor_send), .channel = channel, .address = "joe@acme.test",
        .template_id = template_id, .expires_at_ms = expires_at_ms
    };

    return self->host->send(step->effects, &message);
}

static factor_status
ask(const struct factor_adapter *self, const struct factor_step *step,
    const char *name, struct factor_outcome *outcome)
{
    struct factor_question *question =
        self->host->alloc(step->arena, sizeof(*question));
    const struct factor_question **list =
        self->host->alloc(step->arena, 2 * sizeof(*list));

    if (!question || !list)
        return FACTOR_E_NOMEM;
    *question = (struct factor_question){ SIZED(factor_question),
                                          .name = name, .source = "s",
                                          .input = step->inputs };
    list[0] = question;
    outcome->verdict = FACTOR_ASK;
    outcome->questions = list;
    return FACTOR_OK;
}

/* The ways in which a handler breaks the contract by its effects. */
static factor_status
misbehave(const struct factor_adapter *self, const struct factor_step *step,
          const struct factor_record *record)
{
    int64_t soon = step->now_ms + 1000;

    switch ((int)self->mode) {
    case CHANGES_RECORD:
        json_object_set_new((json_t *)(uintptr_t)record->body, "n",
                            json_integer(9));
        return FACTOR_OK;
    case CHANGES_FIELDS:
        json_object_clear((json_t *)(uintptr_t)step->fields);
        return FACTOR_OK;
    case DROPS_MEMBERS:
        return put(self, step, "t.thing", record->version,
                   json_pack("{s:i, s:i}", "v", 1, "n", 2));
    case PUTS_TWICE:
        put(self, step, "t.thing", 1, json_deep_copy(record->body));
        return put(self, step, "t.thing", 1, json_deep_copy(record->body));
    case PUTS_WITHOUT_V:
        return put(self, step, "t.thing", 1, json_object());
    case PUTS_NOWHERE:
        return put(self, step, "thing", 0, json_pack("{s:i}", "v", 1));
    case PUTS_OLD_VERSION:
        return put(self, step, "t.thing", 7, json_deep_copy(record->body));
    case PUTS_NO_USER:
        return put(self, step, "user", 1, json_pack("{s:i}", "v", 1));
    case SENDS_BY_PIGEON:
        return send(self, step, "pigeon", "t.mail", soon);
    case SENDS_WITHOUT_TEXT:
        return send(self, step, "sms", "t.mail", soon);
    case SENDS_LATE:
        return send(self, step, "email", "t.mail", step->now_ms);
    case SENDS_ANYWAY:
        return send(self, step, "email", "t.mail", soon);
    case COUNTS_NAME:
        return self->host->count_unknown(step->effects, "who");
    case COUNTS_NO_NAME:
        return self->host->count_unknown(step->effects, NULL);
    case IGNORES_FAILURES:
        self->host->audit(step->effects, "t.done", NULL);
        return FACTOR_OK;
    default:
        return put(self, step, "t.thing", record->version,
                   json_deep_copy(record->body));
    }
}

static factor_status
conclude(const struct factor_adapter *self, const struct factor_step *step,
         struct factor_outcome *outcome)
{
    outcome->verdict = FACTOR_CONTINUE;
    outcome->state = here.name;
    switch ((int)self->mode) {
    case NO_VERDICT:
        outcome->verdict = 0;
        return FACTOR_OK;
    case STRANGE_STATE:
        outcome->state = "THERE";
        return FACTOR_OK;
    case STRANGE_DETAIL:
        return tell(self, step, "NOBODY_KNOWS", sizeof(struct factor_detail),
                    outcome);
    case UNDECLARED_DETAIL:
        return tell(self, step, "OTHER", sizeof(struct factor_detail),
                    outcome);
    case BARE_DETAIL:
        return tell(self, step, "WRONG", 0, outcome);
    case TELLS_MORE:
        return tell(self, step, "WRONG", sizeof(struct factor_detail),
                    outcome);
    case DECISION_OF_MEMORY:
        outcome->kinds = (uint32_t)(memory++ % 2);
        return FACTOR_OK;
    case FAILS_WITH_DATA:
        outcome->data = json_object();
        return FACTOR_E_INTERNAL;
    case ASKS_NOTHING:
        outcome->verdict = FACTOR_ASK;
        return FACTOR_OK;
    case ASKS_FOR_EVER:
        return ask(self, step, "q", outcome);
    default:
        return FACTOR_OK;
    }
}

static factor_status
look_up(const struct factor_adapter *self, const struct factor_step *step,
        struct factor_outcome *outcome)
{
    const json_t *answer = json_object_get(step->answers, "q");

    if (!answer)
        return ask(self, step, "q", outcome);
    outcome->verdict = json_is_true(json_object_get(answer, "found"))
                           ? FACTOR_SUCCESS
                           : FACTOR_FAILURE;
    return FACTOR_OK;
}

static void
found(const struct factor_step *step, size_t n, uint32_t count,
      const char *first, const char *next)
{
    CU_ASSERT_EQUAL_FATAL(step->reads[n]->count, count);
    if (first)
        CU_ASSERT_STRING_EQUAL(step->reads[n]->records[0]->id, first);
    CU_ASSERT_EQUAL_FATAL(!next, !step->reads[n]->next);
    if (next)
        CU_ASSERT_STRING_EQUAL(step->reads[n]->next, next);
}

/* a (owner u1), b (named by key), c and d (owner u1) were seeded. */
static factor_status
find_all(const struct factor_step *step, struct factor_outcome *outcome)
{
    CU_ASSERT_EQUAL(step->read_count, 10);
    found(step, 0, 1, "b", NULL);
    found(step, 1, 1, "a", NULL);
    found(step, 2, 2, "b", "c");
    found(step, 3, 1, "u1", NULL);
    found(step, 4, 1, "u1", NULL);
    found(step, 5, 3, "a", NULL);
    found(step, 6, 0, NULL, NULL);
    found(step, 7, 0, NULL, NULL);
    found(step, 8, 3, "a", NULL);
    found(step, 9, 0, NULL, NULL);
    CU_ASSERT_STRING_EQUAL(step->reads[0]->records[0]->name, "keyed:t.p:0f");
    CU_ASSERT_STRING_EQUAL(step->reads[1]->records[0]->owner, "u1");
    CU_ASSERT_PTR_NULL(factor_read_one(step, 7));
    CU_ASSERT_PTR_NULL(factor_read_one(step, 10));
    outcome->verdict = FACTOR_CONTINUE;
    outcome->state = here.name;
    return FACTOR_OK;
}

static factor_status
take_name(const struct factor_adapter *self, const struct factor_step *step,
          struct factor_outcome *outcome)
{
    static const struct factor_name name = { SIZED(factor_name),
                                             .text = "taken" };
    json_t *body = json_pack("{s:i}", "v", 1);
    struct factor_put put = { SIZED(factor_put), .collection = "t.thing",
                              .id = "new", .name = &name, .body = body };
    factor_status status = self->host->put(step->effects, &put);

    json_decref(body);
    outcome->verdict = FACTOR_CONTINUE;
    outcome->state = here.name;
    return status;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step, struct factor_outcome *outcome,
              struct factor_error *err)
{
    const struct factor_record *record = factor_read_one(step, 0);
    factor_status status = FACTOR_OK;

    if (self->mode == FAILS) {
        err->text[0] = '!';
        err->text[1] = '\0';
        return FACTOR_E_INTERNAL;
    }
    if (self->mode == READS_ALL)
        return find_all(step, outcome);
    if (self->mode == TAKES_NAME)
        return take_name(self, step, outcome);
    if (self->mode == LOOKS_UP && step->action)
        return look_up(self, step, outcome);
    if (step->action && record &&
        (self->mode == COUNTS_NAME || strcmp(step->action, "measure") != 0))
        status = misbehave(self, step, record);
    if (!status && (step->action || self->mode == NO_VERDICT))
        status = conclude(self, step, outcome);
    else if (!status) {
        outcome->verdict = FACTOR_CONTINUE;
        outcome->state = here.name;
    }
    return status;
}

static factor_status
handle_resource(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_outcome *outcome, struct factor_error *err)
{
    (void)self;
    (void)err;
    outcome->verdict = FACTOR_SUCCESS;
    outcome->status = 201;
    outcome->body = json_pack("{s:O, s:O}", "thing",
                              json_object_get(step->path, "thing"), "word",
                              json_object_get(step->fields, "word"));
    return FACTOR_OK;
}

static const struct factor_adapter_ops ops = {
    SIZED(factor_adapter_ops), .init = init, .describe = describe,
    .plan_reads = plan_reads, .get_state_model = get_state_model,
    .handle_action = handle_action, .handle_resource = handle_resource,
    .fini = fini
};
static const struct factor_plugin plugin = {
    SIZED(factor_plugin), .abi_minor = FACTOR_ABI_MINOR,
    .kind = FACTOR_KIND_ADAPTER, .name = "naughty", .version = "1",
    .text = "Misbehaves.", .settings = settings, .ops = &ops
};

/* --- The tests --- */

static struct factor_test *
new_test(enum mode mode)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(
        &plugin, json_pack("{s:i}", "mode", (int)mode), &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(test);
    memory = 0;
    factor_test_seed(test, "t.thing", "a", NULL, NULL,
                     json_pack("{s:i}", "v", 1));
    factor_test_begin(test, "u1", NULL);
    return test;
}

static const struct factor_test_reply *
go_on(struct factor_test *test)
{
    return factor_test_act(test, "go", json_pack("{s:s}", "word", "hello"));
}

/* What the library must say about each mode; WELL ends the table. */
static const struct {
    enum mode mode;
    const char *problem;
} broken[] = {
    { NO_VERDICT, "verdict 0" },
    { STRANGE_STATE, "FACTOR_CONTINUE in state \"THERE\"" },
    { STRANGE_DETAIL, "detail code \"NOBODY_KNOWS\" is not declared" },
    { UNDECLARED_DETAIL, "action go does not declare error OTHER" },
    { BARE_DETAIL, "struct_size" },
    { HIDDEN_MEMBER, "member hidden is not declared" },
    { HOST_MEMBER, "member _links is the host's" },
    { STRANGE_OFFER, "action reset is not declared for it" },
    { MODEL_CHANGES, "changes before its changes_at_ms" },
    { MODEL_OF_CHANCE, "depends on entropy" },
    { PLAN_OF_MEMORY, "plan_reads is not pure" },
    { DECISION_OF_MEMORY, "the handler is not pure" },
    { CHANGES_RECORD, "changed what it was given" },
    { CHANGES_FIELDS, "changed what it was given" },
    { CHANGES_FIELDS_IN_PLAN, "plan_reads changed what it was given" },
    { CHANGES_RECORD_IN_MODEL, "get_state_model changed what" },
    { DROPS_MEMBERS, "drops members" },
    { PUTS_TWICE, "changed twice" },
    { PUTS_WITHOUT_V, "\"v\"" },
    { PUTS_NOWHERE, "not named PLUGIN.thing" },
    { PUTS_OLD_VERSION, "conflicts" },
    { PUTS_NO_USER, "not a user's body" },
    { EFFECT_IN_MODEL, "an effect outside of handle_action" },
    { SENDS_BY_PIGEON, "no such channel" },
    { SENDS_WITHOUT_TEXT, "no text \"t.mail.sms.text\"" },
    { SENDS_LATE, "not in the future" },
    { ASKS_NOTHING, "without questions" },
    { COUNTS_NO_NAME, "an unknown name that is none" },
};

static void
is_broken(enum mode mode, const char *problem)
{
    struct factor_test *test = new_test(mode);
    const struct factor_test_reply *reply = factor_test_enter(test);

    if (reply->kind != FACTOR_TEST_BROKEN)
        reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(reply->problem, problem));
    if (!strstr(reply->problem, problem))
        tap_note("mode %d: \"%s\"", (int)mode, reply->problem);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "a"), 1);
    factor_test_free(test);
}

static void
sees_all(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(broken); i++)
        is_broken(broken[i].mode, broken[i].problem);
}

static void
well(void)
{
    struct factor_test *test = new_test(WELL);
    const struct factor_test_reply *reply = factor_test_enter(test);
    struct factor_test_result result;

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_STATE);
    reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(json_array_size(reply->puts), 1);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "a"), 2);
    result = factor_test_walk(test);
    if (!result.ok)
        tap_note("%s", result.problem);
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_TRUE(result.tries > 40);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "a"), 2);
    CU_ASSERT_STRING_EQUAL(factor_test_unwalked(test), "DEAD");
    factor_test_free(test);
}

static void
walk_finds(void)
{
    struct factor_test *test = new_test(STRANGE_STATE);
    struct factor_test_result result;

    factor_test_enter(test);
    result = factor_test_walk(test);
    CU_ASSERT_FALSE(result.ok);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.problem, "THERE"));
    factor_test_free(test);
}

static void
refused(struct factor_test *test, json_t *given, const char *code)
{
    const struct factor_test_reply *reply = factor_test_act(test, "go",
                                                            given);

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_REFUSED);
    CU_ASSERT_STRING_EQUAL(reply->code, "VALIDATION_ERROR");
    CU_ASSERT_TRUE(factor_test_has_detail(reply, code));
    if (!factor_test_has_detail(reply, code))
        tap_note("not %s", code);
}

static void
field_rules(void)
{
    struct factor_test *test = new_test(WELL);

    factor_test_enter(test);
    refused(test, NULL, "FIELD_REQUIRED");
    refused(test, json_pack("{s:n}", "word"), "FIELD_REQUIRED");
    refused(test, json_pack("{s:i}", "word", 1), "INVALID_FIELD_FORMAT");
    refused(test, json_pack("{s:s}", "word", ""), "FIELD_REQUIRED");
    refused(test, json_pack("{s:s}", "word", "123456789"),
            "INVALID_FIELD_FORMAT");
    refused(test, json_pack("{s:s, s:{}}", "word", "x", "inside"),
            "FIELD_REQUIRED");
    refused(test, json_pack("{s:s, s:s}", "word", "x", "yes", "1"),
            "INVALID_FIELD_FORMAT");
    CU_ASSERT_EQUAL(
        factor_test_act(test, "go",
                        json_pack("{s:s, s:s, s:s}", "word", "x", "yes",
                                  "true", "worse", "x"))
            ->kind,
        FACTOR_TEST_STATE);
    CU_ASSERT_STRING_EQUAL(factor_test_act(test, "stay", NULL)->code,
                           "INVALID_ACTION_ID");
    CU_ASSERT_STRING_EQUAL(factor_test_act(test, "reset", NULL)->code,
                           "INVALID_ACTION_ID");
    CU_ASSERT_STRING_EQUAL(factor_test_act(test, "approve", NULL)->code,
                           "INVALID_ACTION_ID");
    CU_ASSERT_EQUAL(factor_test_device(test, "approve", NULL)->kind,
                    FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(factor_test_operator(test, "reset", NULL)->kind,
                    FACTOR_TEST_ANSWER);
    factor_test_free(test);
}

static void
resources(void)
{
    struct factor_test *test = new_test(WELL);
    const struct factor_test_reply *reply =
        factor_test_resource(test, "things.add",
                             json_pack("{s:s}", "thing", "t1"), NULL,
                             json_pack("{s:s}", "word", "hello"));

    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(reply->http_status, 201);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(reply->body, "thing")), "t1");
    reply = factor_test_resource(test, "things.add", NULL, NULL, NULL);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_REFUSED);
    reply = factor_test_resource(test, "things.drop", NULL, NULL, NULL);
    CU_ASSERT_STRING_EQUAL(reply->code, "RESOURCE_NOT_FOUND");
    factor_test_free(test);
}

static void
one_call_fails(void)
{
    struct factor_test *test = new_test(WELL);
    const struct factor_test_reply *reply;

    factor_test_enter(test);
    factor_test_fail(test, FACTOR_TEST_CALL_PUT, 1);
    reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_UNEXPECTED);
    CU_ASSERT_EQUAL(reply->status, FACTOR_E_NOMEM);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "a"), 1);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_STATE);
    factor_test_free(test);
    /* What it made before it failed is the host's all the same. */
    test = new_test(FAILS_WITH_DATA);
    factor_test_enter(test);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_UNEXPECTED);
    factor_test_free(test);
    test = new_test(FAILS);
    reply = factor_test_enter(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_UNEXPECTED);
    CU_ASSERT_STRING_EQUAL(reply->problem, "!");
    factor_test_free(test);
}

static unsigned rounds;

static void
scenario(struct factor_test *test, void *context)
{
    (void)context;
    rounds++;
    factor_test_seed(test, "t.thing", "a", NULL, NULL,
                     json_pack("{s:i}", "v", 1));
    factor_test_begin(test, "u1", NULL);
    factor_test_enter(test);
    go_on(test);
}

static void
each_failure(void)
{
    json_t *given = json_pack("{s:i}", "mode", (int)WELL);
    struct factor_test_result result =
        factor_test_each_failure(&plugin, given, scenario, NULL);

    /* enter: a read; its state: a read; go: a read and a put; its state. */
    CU_ASSERT_TRUE(result.ok);
    CU_ASSERT_EQUAL(result.tries, 5);
    CU_ASSERT_EQUAL(rounds, 6);
    json_object_set_new(given, "mode", json_integer(IGNORES_FAILURES));
    result = factor_test_each_failure(&plugin, given, scenario, NULL);
    CU_ASSERT_FALSE(result.ok);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.problem, "the step went on"));
    json_decref(given);
}

static void
refused_sends(void)
{
    struct factor_test *test = new_test(SENDS_ANYWAY);
    const struct factor_test_reply *reply;

    factor_test_enter(test);
    CU_ASSERT_EQUAL(json_array_size(go_on(test)->sends), 1);
    factor_test_refuse_sends(test, 1);
    reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(reply->problem, "SEND_REFUSED"));
    factor_test_free(test);
}

static void
answers(void)
{
    struct factor_test *test = new_test(LOOKS_UP);
    const struct factor_test_reply *reply;

    factor_test_enter(test);
    reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ASK);
    CU_ASSERT_EQUAL(json_array_size(reply->questions), 1);
    factor_test_set_answer(test, "q", json_pack("{s:b}", "found", 1));
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_SUCCESS);
    factor_test_set_answer(test, "q", json_pack("{s:s}", "error", "down"));
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_FAILURE);
    factor_test_free(test);
    test = new_test(ASKS_FOR_EVER);
    factor_test_set_answer(test, "q", json_object());
    factor_test_enter(test);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_BROKEN);
    factor_test_free(test);
}

/* --- What a step finds, through the host table alone --- */

static void
seed(struct factor_test *test, const char *id, const char *owner,
     const char *name)
{
    factor_test_seed(test, "t.thing", id, owner, name,
                     json_pack("{s:i}", "v", 1));
}

static void
reads(void)
{
    struct factor_test *test = new_test(READS_ALL);

    factor_test_add_user(test, "u1", "Joe", NULL);
    seed(test, "d", "u1", "mine");
    seed(test, "c", "u1", NULL);
    seed(test, "a", "u1", NULL);
    seed(test, "b", NULL, "keyed:t.p:0f");
    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_STATE);
    factor_test_free(test);
}

static void
names(void)
{
    struct factor_test *test = new_test(TAKES_NAME);

    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "new"), 1);
    factor_test_free(test);
    test = new_test(TAKES_NAME);
    seed(test, "other", NULL, "taken");
    CU_ASSERT_EQUAL(factor_test_enter(test)->kind, FACTOR_TEST_BROKEN);
    CU_ASSERT_EQUAL(factor_test_version(test, "t.thing", "new"), 0);
    factor_test_free(test);
}

static void
details(void)
{
    struct factor_test *test = new_test(TELLS_MORE);
    const struct factor_test_reply *reply;
    const json_t *detail;

    factor_test_begin(test, "u1", json_pack("{s:i, s:s}", "more", 7, "code",
                                            "no"));
    factor_test_enter(test);
    reply = go_on(test);
    detail = json_array_get(reply->details, 0);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_ERROR);
    CU_ASSERT_STRING_EQUAL(reply->code, "VALIDATION_ERROR");
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(detail, "userMessage")), "No.");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(detail, "more")), 7);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(detail, "code")),
                           "WRONG");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(detail, "retry_at_ms")),
                    factor_test_now(test) + 5);
    CU_ASSERT_PTR_NULL(json_object_get(detail, "attemptsRemaining"));
    factor_test_free(test);
}

static void
keyed_names(void)
{
    char name[FACTOR_NAME_MAX + 1];

    factor_test_keyed_name("otp.address", "\x01\xff", 2, name);
    CU_ASSERT_STRING_EQUAL(name, "keyed:otp.address:01ff");
}

static void
uuids(void)
{
    static const uint8_t bytes[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff };
    char text[37];

    factor_test_host()->uuid(bytes, text);
    CU_ASSERT_STRING_EQUAL(text, "ffffffff-ffff-4fff-bf00-000000000000");
}

static void
bad_tables(void)
{
    struct factor_adapter_ops without_handler = ops;
    struct factor_plugin bad = plugin;
    struct factor_error err = { 0 };

    without_handler.handle_resource = NULL;
    bad.abi_minor++;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "minor"));
    bad = plugin;
    bad.struct_size -= 8;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    bad = plugin;
    bad.ops = &without_handler;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "handle_resource"));
    without_handler.describe = describe_openly;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no client takes it"));
    without_handler.handle_action = NULL;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "function is missing"));
    bad = plugin;
    bad.kind = FACTOR_KIND_STORE;
    CU_ASSERT_PTR_NULL(factor_test_new(&bad, NULL, &err));
    CU_ASSERT_PTR_NULL(factor_test_load("/no/such/plugin.so", &err));
    CU_ASSERT_EQUAL(err.code, FACTOR_E_NOTFOUND);
}

static void
unknown_names(void)
{
    struct factor_test *test = new_test(COUNTS_NAME);
    const struct factor_test_reply *reply = factor_test_enter(test);

    CU_ASSERT_EQUAL(json_array_size(reply->unknown), 0);
    reply = go_on(test);
    CU_ASSERT_EQUAL(reply->kind, FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(json_array_size(reply->unknown), 1);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_array_get(reply->unknown, 0)), "who");
    factor_test_fail(test, FACTOR_TEST_CALL_UNKNOWN, 1);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_UNEXPECTED);
    factor_test_free(test);
}

static void
measurements(void)
{
    struct factor_test *test = new_test(WELL);

    factor_test_enter(test);
    CU_ASSERT_EQUAL(factor_test_operator(test, "measure", NULL)->kind,
                    FACTOR_TEST_ANSWER);
    CU_ASSERT_EQUAL(factor_test_act(test, "measure", NULL)->kind,
                    FACTOR_TEST_REFUSED);
    factor_test_free(test);
    test = new_test(COUNTS_NAME);
    CU_ASSERT_EQUAL(factor_test_operator(test, "measure", NULL)->kind,
                    FACTOR_TEST_BROKEN);
    factor_test_free(test);
}

static void
no_flow(void)
{
    struct factor_test *test = new_test(WELL);

    CU_ASSERT_EQUAL(factor_test_get(test)->kind, FACTOR_TEST_BROKEN);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_BROKEN);
    factor_test_set_flow(test, "HERE", NULL);
    CU_ASSERT_EQUAL(factor_test_get(test)->kind, FACTOR_TEST_STATE);
    CU_ASSERT_EQUAL(go_on(test)->kind, FACTOR_TEST_STATE);
    factor_test_free(test);
}

static const struct tap_test tests[] = {
    { "every breach of the contract is seen and named", sees_all },
    { "an adapter that behaves is let be", well },
    { "a walk finds a state that is not declared", walk_finds },
    { "fields are held against their table", field_rules },
    { "a resource is called by its name", resources },
    { "a host call that fails fails the step", one_call_fails },
    { "each host call fails once", each_failure },
    { "a step may not send when sending is refused", refused_sends },
    { "questions are answered from a table", answers },
    { "each sort of read finds what it should", reads },
    { "a name is taken once", names },
    { "a detail is told as the client gets it", details },
    { "keyed names are readable", keyed_names },
    { "UUIDs are of version 4", uuids },
    { "S10: unknown names that are counted are seen", unknown_names },
    { "W1: a measurement has no effects", measurements },
    { "tables that do not fit are refused", bad_tables },
    { "actions need a flow", no_flow },
};

int
main(void)
{
    return tap_main("testlib", tests, TAP_COUNT(tests));
}
