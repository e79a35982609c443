/* SPDX-License-Identifier: MIT */
/* tests/engine_fake.c - an adapter that does as a test says, and worse. */
#include "tests/engine_fake.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "factor/user.h"
#include "host/json.h"
#include "host/plugin/effects.h"

struct fake fake;

static const char *const names[] = {
    [FAKE_GOOD] = "good",
    [FAKE_STATE] = "undeclared state",
    [FAKE_NO_STATE] = "no state",
    [FAKE_CODE] = "undeclared code",
    [FAKE_CODE_OF_OTHER] = "another action's code",
    [FAKE_NO_VERDICT] = "no verdict",
    [FAKE_SMALL_VERDICT] = "verdict 1",
    [FAKE_ASKS_NOTHING] = "asks nothing",
    [FAKE_STATUS] = "fails after its effects",
    [FAKE_PUT_FOREIGN] = "puts into the host's collection",
    [FAKE_PUT_NEW_USER] = "makes a user",
    [FAKE_PUT_BAD_USER] = "spoils a user",
    [FAKE_PUT_TWICE] = "puts twice",
    [FAKE_PUT_STALE] = "puts another version",
    [FAKE_PUT_UNREAD] = "puts what it did not read",
    [FAKE_PUT_NO_V] = "puts without v",
    [FAKE_PUT_LONG_ID] = "puts under a long id",
    [FAKE_PUT_FLAGS] = "puts with flags",
    [FAKE_REMOVE_FOREIGN] = "removes a user",
    [FAKE_REMOVE_UNREAD] = "removes what it did not read",
    [FAKE_PUT_REMOVE] = "puts and removes",
    [FAKE_SEND_CHANNEL] = "sends by pigeon",
    [FAKE_SEND_NO_ADDRESS] = "sends to nobody",
    [FAKE_SEND_NO_EXPIRY] = "sends for ever",
    [FAKE_SEND_HALF_ABOUT] = "sends about half a record",
    [FAKE_SEND_REFUSED] = "sends though it was refused",
    [FAKE_AUDIT_NO_NAME] = "tells nothing",
    [FAKE_STRANGER_NO_NAME] = "counts no name",
    [FAKE_MODEL_STATE] = "shows an undeclared state",
    [FAKE_MODEL_NO_STATE] = "shows no state",
    [FAKE_MODEL_ACTION] = "shows an undeclared action",
    [FAKE_MODEL_VIEW] = "shows a list",
    [FAKE_MODEL_FAILURE] = "shows no failure",
    [FAKE_MODEL_STATUS] = "cannot show",
    [FAKE_PLAN_STATUS] = "cannot plan",
    [FAKE_PLAN_MANY] = "plans too much",
};

const char *
fake_name(enum misdeed misdeed)
{
    return names[misdeed];
}

static bool
does(enum misdeed misdeed)
{
    return fake.misdeed == misdeed;
}

/* --------------------------------------------------------- what it declares */

#define SIZED(type) .struct_size = sizeof(struct type)
#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }

static const struct factor_state waiting = {
    SIZED(factor_state), .name = "WAITING", .text = "It waits.",
    .actions = LIST("go", "finish", "drop")
};
static const struct factor_state dead = {
    SIZED(factor_state), .name = "DEAD", .flags = FACTOR_STATE_FAILED,
    .text = "Nothing more.", .actions = LIST("drop")
};
static const struct factor_action go = { SIZED(factor_action), .name = "go",
                                         .errors = LIST("BAD") };
static const struct factor_action finish = { SIZED(factor_action),
                                             .name = "finish",
                                             .errors = LIST("WORSE") };
static const struct factor_action drop = { SIZED(factor_action),
                                           .name = "drop",
                                           .answer_after_ms = 1 };
static const struct factor_action measure = {
    SIZED(factor_action), .name = "measure",
    .flags = FACTOR_ACTION_OPERATOR | FACTOR_ACTION_MEASURE
};

#define CODE(name)                                                             \
    &(const struct factor_code)                                                \
    {                                                                          \
        SIZED(factor_code), .code = (name), .parent = "VALIDATION_ERROR",      \
        .message = "No.", .text = "fake.no"                                    \
    }

static const struct factor_text no = { SIZED(factor_text), .key = "fake.no",
                                       .language = "en", .text = "No." };

static const struct factor_description description = {
    SIZED(factor_description),
    .states = (const struct factor_state *const[]){ &waiting, &dead, NULL },
    .actions = (const struct factor_action *const[]){ &go, &finish, &drop,
                                                      &measure, NULL },
    .codes = (const struct factor_code *const[]){ CODE("BAD"), CODE("WORSE"),
                                                  NULL },
    .texts = (const struct factor_text *const[]){ &no, NULL },
};

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    (void)self;
    return &description;
}

/* ------------------------------------------------------------ what it reads */

enum { READ_COUNTER, READ_USER };

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    const struct factor_host *host = plugin_host();
    factor_status status = FACTOR_OK;
    int i;

    (void)self;
    if (!step->subject)
        return FACTOR_OK;
    host->read_id(reads, FAKE_COUNTER, step->subject);
    host->read_user(reads, step->subject);
    for (i = 0; does(FAKE_PLAN_MANY) && !status && i < 100; i++)
        status = host->read_id(reads, FAKE_COUNTER, "x");
    return does(FAKE_PLAN_STATUS) ? FACTOR_E_INTERNAL : status;
}

/* ------------------------------------------------------------ what it shows */

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *ret_model,
                struct factor_error *err)
{
    static const char *const actions[] = { "go", "finish", "drop", NULL };
    static const char *const wrong[] = { "go", "steal", NULL };

    (void)self;
    (void)step;
    (void)err;
    ret_model->state = does(FAKE_MODEL_STATE)      ? "ASLEEP"
                       : does(FAKE_MODEL_NO_STATE) ? NULL
                       : does(FAKE_MODEL_FAILURE)  ? "DEAD"
                                                   : "WAITING";
    ret_model->actions = does(FAKE_MODEL_ACTION) ? wrong : actions;
    ret_model->view = does(FAKE_MODEL_VIEW) ? json_array() : json_object();
    return does(FAKE_MODEL_STATUS) ? FACTOR_E_INTERNAL : FACTOR_OK;
}

/* ------------------------------------------------------------- what it does */

static const struct factor_host *
calls(void)
{
    return plugin_host();
}

/* All that a put may be wrong in. */
static void
put(const struct factor_step *step, const char *collection, const char *id,
    uint64_t version, json_t *body)
{
    const struct factor_put change = {
        SIZED(factor_put),
        .flags = does(FAKE_PUT_FLAGS) ? 1 : 0,
        .collection = collection,
        .id = id,
        .owner = step->subject,
        .version = version,
        .body = body,
    };

    calls()->put(step->effects, &change);
    json_decref(body);
}

static void
count(const struct factor_step *step)
{
    const struct factor_record *record = factor_read_one(step, READ_COUNTER);
    json_int_t n = record ? json_number(record->body, "n", 0) : 0;

    put(step, FAKE_COUNTER, step->subject, record ? record->version : 0,
        json_pack("{s:i, s:I}", "v", 1, "n", n + 1));
    calls()->audit(step->effects, "fake.went", NULL);
}

static void
put_wrongly(const struct factor_step *step)
{
    static const char long_id[] =
        "a-name-that-is-much-longer-than-any-name-that-a-record-may-have-here";
    const struct factor_record *user = factor_read_one(step, READ_USER);
    uint64_t version = user ? user->version : 0;

    switch ((int)fake.misdeed) {
    case FAKE_PUT_FOREIGN:
        put(step, "session", "x", 0, json_pack("{s:i}", "v", 1));
        break;
    case FAKE_PUT_NEW_USER:
        put(step, FACTOR_USERS, "x", 0, json_pack("{s:i}", "v", 1));
        break;
    case FAKE_PUT_BAD_USER:
        put(step, FACTOR_USERS, step->subject, version,
            json_pack("{s:i, s:s}", "v", 1, "enabled", "yes"));
        break;
    case FAKE_PUT_TWICE:
        count(step);
        break;
    case FAKE_PUT_STALE:
        put(step, FACTOR_USERS, step->subject, version + 1,
            user ? json_deep_copy(user->body) : NULL);
        break;
    case FAKE_PUT_UNREAD:
        put(step, "fake.other", "x", 7, json_pack("{s:i}", "v", 1));
        break;
    case FAKE_PUT_NO_V:
        put(step, "fake.other", "x", 0, json_object());
        break;
    case FAKE_PUT_LONG_ID:
        put(step, "fake.other", long_id, 0, json_pack("{s:i}", "v", 1));
        break;
    case FAKE_PUT_FLAGS:
        put(step, "fake.other", "x", 0, json_pack("{s:i}", "v", 1));
        break;
    case FAKE_REMOVE_FOREIGN:
        calls()->remove(step->effects, FACTOR_USERS, step->subject, version);
        break;
    case FAKE_REMOVE_UNREAD:
        calls()->remove(step->effects, "fake.other", "x", 1);
        break;
    case FAKE_PUT_REMOVE:
        calls()->remove(step->effects, FAKE_COUNTER, step->subject, 1);
        break;
    default:
        break;
    }
}

static void
send(const struct factor_step *step)
{
    const struct factor_send message = {
        SIZED(factor_send),
        .flags = does(FAKE_NOTICES) ? FACTOR_SEND_NOTICE : 0,
        .channel = does(FAKE_SEND_CHANNEL) ? "pigeon" : "email",
        .address = does(FAKE_SEND_NO_ADDRESS) ? NULL : fake.address,
        .template_id = "fake.message",
        .code = "271828",
        .expires_at_ms = does(FAKE_SEND_NO_EXPIRY) ? 0 : step->now_ms + 60000,
        .about_collection = does(FAKE_SEND_HALF_ABOUT) ? FAKE_COUNTER : NULL,
    };

    calls()->send(step->effects, &message);
}

static void
send_wrongly(const struct factor_step *step)
{
    bool refused = step->flags & FACTOR_STEP_SEND_REFUSED;
    int left = does(FAKE_SENDS_TWO) ? 2 : 1;

    fake.refused += refused;
    switch ((int)fake.misdeed) {
    case FAKE_SENDS_TWO:
    case FAKE_NOTICES:
    case FAKE_SENDS:
        for (; !refused && left > 0; left--)
            send(step);
        break;
    case FAKE_STRANGER:
        calls()->count_unknown(step->effects, "nobody");
        if (!refused)
            send(step);
        break;
    case FAKE_SEND_CHANNEL:
    case FAKE_SEND_NO_ADDRESS:
    case FAKE_SEND_NO_EXPIRY:
    case FAKE_SEND_HALF_ABOUT:
    case FAKE_SEND_REFUSED:
        send(step);
        break;
    case FAKE_AUDIT_NO_NAME:
        calls()->audit(step->effects, NULL, NULL);
        break;
    case FAKE_STRANGER_NO_NAME:
        calls()->count_unknown(step->effects, NULL);
        break;
    default:
        break;
    }
}

/* --------------------------------------------------------- what it decides */

static const struct factor_detail detail = { SIZED(factor_detail),
                                             .attempts_remaining = -1,
                                             .code = "UGLY" };
static const struct factor_detail detail_of_other = {
    SIZED(factor_detail), .attempts_remaining = -1, .code = "WORSE"
};
static const struct factor_question question = { SIZED(factor_question),
                                                 .name = "q",
                                                 .source = "oracle" };
static const struct factor_detail *const details[] = { &detail, NULL };
static const struct factor_detail *const details_of_other[] = {
    &detail_of_other, NULL
};
static const struct factor_question *const questions[] = { &question, NULL };

static void
judge(const struct factor_step *step, struct factor_outcome *out)
{
    out->verdict = does(FAKE_NO_VERDICT)      ? 0
                   : does(FAKE_SMALL_VERDICT) ? 1
                   : does(FAKE_ASKS_NOTHING)  ? FACTOR_ASK
                                              : FACTOR_CONTINUE;
    out->state = does(FAKE_STATE)      ? "ASLEEP"
                 : does(FAKE_NO_STATE) ? NULL
                                       : "WAITING";
    if (does(FAKE_CODE))
        out->details = details;
    if (does(FAKE_CODE_OF_OTHER))
        out->details = details_of_other;
    if (does(FAKE_ASKS) && !step->answers) {
        out->verdict = FACTOR_ASK;
        out->questions = questions;
    }
    out->data =
        json_pack("{s:s, s:s}", "open", "sesame", "secret", FAKE_SECRET);
}

static void
look_around(const struct factor_step *step)
{
    const char *secret = json_text(step->flow->data, "secret");

    fake.runs++;
    fake.secrets += secret && strcmp(secret, FAKE_SECRET) == 0;
    fake.entropies +=
        memcmp(fake.entropy, step->entropy, sizeof(fake.entropy)) != 0;
    memcpy(fake.entropy, step->entropy, sizeof(fake.entropy));
}

static void
measure_for_ever(const struct factor_step *step, struct factor_outcome *out)
{
    fake.measured++;
    put(step, "fake.other", "x", 0, json_pack("{s:i}", "v", 1));
    out->verdict = FACTOR_SUCCESS;
    out->body = json_pack("{s:i}", "next", (int)fake.measured);
}

static void
succeed(struct factor_outcome *out)
{
    static const char *const amr[] = { "pin", NULL };

    out->verdict = FACTOR_SUCCESS;
    out->amr = amr;
    out->kinds = FACTOR_KIND_KNOWLEDGE;
    if (does(FAKE_SUBJECT))
        out->subject = fake.subject;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    (void)self;
    (void)err;
    if (step->action && strcmp(step->action, "finish") == 0) {
        send_wrongly(step);
        succeed(ret_outcome);
        return FACTOR_OK;
    }
    if (step->action && strcmp(step->action, "drop") == 0) {
        ret_outcome->verdict = FACTOR_FAILURE;
        return FACTOR_OK;
    }
    if (step->action && strcmp(step->action, "measure") == 0) {
        measure_for_ever(step, ret_outcome);
        return FACTOR_OK;
    }
    look_around(step);
    count(step);
    put_wrongly(step);
    send_wrongly(step);
    judge(step, ret_outcome);
    return does(FAKE_STATUS) ? FACTOR_E_INTERNAL : FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
    (void)self;
}

const struct factor_adapter_ops fake_ops = {
    SIZED(factor_adapter_ops),
    .describe = describe,
    .plan_reads = plan_reads,
    .get_state_model = get_state_model,
    .handle_action = handle_action,
    .fini = fini,
};
