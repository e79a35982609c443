/* SPDX-License-Identifier: MIT */
/* tests/test_engine_flow.c - what the engine does when things go wrong: an
 * adapter that breaks its contract, commits that are lost, limits, sessions,
 * users and flows that end - and that nothing is written before somebody has
 * proven something. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "factor/plugin.h"
#include "host/clock.h"
#include "host/flow/measure.h"
#include "host/json.h"
#include "host/outbox/row.h"
#include "host/step/pool.h"
#include "host/step/strangers.h"
#include "host/sweep.h"
#include "host/users/users.h"
#include "tests/engine_fake.h"
#include "tests/engine_rig.h"
#include "tests/engine_store.h"
#include "tests/folder.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, DAY = 24 * 60 * MINUTE };

/* Each test has an empty store and users of its own. */
static char joe[RIG_ID];
static struct client_side client;

static void
open_with(const struct rig_setup *setup)
{
    engine_rig_close();
    engine_rig_forget();
    memset(&fake, 0, sizeof(fake));
    fake.address = "fake@example.org";
    CU_ASSERT_TRUE_FATAL(engine_rig_open(setup));
    CU_ASSERT_TRUE_FATAL(rig_user("joe", true, true, true, joe));
    client_make(&client, 0);
}

static void
open_rig(void)
{
    static const struct rig_setup setup = {.node_count = 1};

    open_with(&setup);
}

/* As a restart of the daemon. */
static void
reopen(void)
{
    static const struct rig_setup setup = {.node_count = 1};

    engine_rig_close();
    CU_ASSERT_TRUE_FATAL(engine_rig_open(&setup));
    client.node = &engine.nodes[0];
}

static void
begin(struct client_side *who, const char *policy, const char *hint_user,
      char ret_flow[FLOW_ID + 1])
{
    struct answer answer;

    CU_ASSERT_TRUE(client_begin(who, policy, hint_user, &answer));
    memcpy(ret_flow, answer.flow, FLOW_ID + 1);
    answer_clear(&answer);
}

static json_t *
given_password(const char *name, const char *password)
{
    return json_pack("{s:s, s:s}", "username", name, "password", password);
}

#define DO(who, flow, action, given, code)                                     \
    CU_ASSERT_STRING_EQUAL(client_do(who, flow, action, given), code)
#define STATE(who, flow, state)                                                \
    CU_ASSERT_STRING_EQUAL(client_state(who, flow), state)

/* What a step may change, in one number each. */
struct stand {
    struct front_counts counts;
    uint64_t flow, counter; /* versions; 0: none */
    uint32_t messages;
};

static uint64_t
version_of(const char *collection, const char *id)
{
    struct record *record = rig_record(collection, id);
    uint64_t version = record ? record->face.version : 0;

    record_unref(record);
    return version;
}

static uint32_t
count_of(const char *collection)
{
    struct record_list *list = rig_all(collection);
    uint32_t count = list->count;

    record_list_unref(list);
    return count;
}

static struct stand
stand(const char *flow)
{
    const struct stand stand = {
        .counts = front_counts(),
        .flow = version_of(FLOW_COLLECTION, flow),
        .counter = version_of(FAKE_COUNTER, joe),
        .messages = count_of(OUTBOX_COLLECTION),
    };

    return stand;
}

static bool
nothing_moved(const struct stand *before, const char *flow)
{
    const struct stand now = stand(flow);

    return now.counts.changes == before->counts.changes &&
           now.counts.events == before->counts.events &&
           now.flow == before->flow && now.counter == before->counter &&
           now.messages == before->messages;
}

/* ------------------------------------------------ breaches of the contract */

/* The same misdeed when a flow enters the adapter, which shows nothing yet.
 * Any declared code may be told then. */
static bool
happens_at_entry(enum misdeed misdeed)
{
    return (misdeed < FAKE_MODEL_STATE || misdeed > FAKE_MODEL_STATUS) &&
           misdeed != FAKE_CODE_OF_OTHER;
}

static void
break_contract(enum misdeed misdeed, const char *flow)
{
    struct stand before = stand(flow);
    struct answer answer;
    bool still;

    fake.misdeed = misdeed;
    client_act(&client, flow, "go", NULL, &answer);
    still = answer.st == FACTOR_E_INTERNAL && nothing_moved(&before, flow);
    answer_clear(&answer);
    if (still && happens_at_entry(misdeed)) {
        client_begin(&client, RIG_FAKE, joe, &answer);
        still = answer.st == FACTOR_E_INTERNAL && nothing_moved(&before, flow);
        answer_clear(&answer);
    }
    if (!still)
        tap_note("misdeed: %s", fake_name(misdeed));
    CU_ASSERT(still);
    fake.misdeed = FAKE_GOOD;
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(version_of(FAKE_COUNTER, joe), before.counter + 1);
}

static void
breaches_commit_nothing(void)
{
    char flow[FLOW_ID + 1];
    int misdeed;

    open_rig();
    for (misdeed = FAKE_GOOD + 1; misdeed < FAKE_MISDEEDS; misdeed++)
        if (misdeed != FAKE_SEND_REFUSED) {
            begin(&client, RIG_FAKE, joe, flow);
            break_contract((enum misdeed)misdeed, flow);
        }
    CU_ASSERT(rig_audit_holds());
}

/* What breaks the model breaks GET too, and GET writes nothing. */
static void
breaches_show_nothing(void)
{
    char flow[FLOW_ID + 1];
    unsigned status;
    int misdeed;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    for (misdeed = FAKE_MODEL_STATE; misdeed <= FAKE_PLAN_MANY; misdeed++) {
        struct stand before = stand(flow);

        fake.misdeed = (enum misdeed)misdeed;
        CU_ASSERT_PTR_NULL(client_look(&client, flow, &status));
        CU_ASSERT_EQUAL(status, 500);
        CU_ASSERT(nothing_moved(&before, flow));
    }
    fake.misdeed = FAKE_GOOD;
    STATE(&client, flow, "WAITING");
}

static void
asking_commits_nothing(void)
{
    json_t *other = json_pack("{s:{s:{s:s}}}", "otp", "q", "says", "yes");
    json_t *answers = json_pack("{s:{s:{s:s}}}", "fake", "q", "says", "yes");
    char flow[FLOW_ID + 1];
    struct stand before;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    before = stand(flow);
    fake.misdeed = FAKE_ASKS;
    DO(&client, flow, "go", NULL, "FAILED"); /* the rig has no sources */
    CU_ASSERT(nothing_moved(&before, flow));
    client.answers = other; /* to another adapter: it asks all the same */
    DO(&client, flow, "go", NULL, "FAILED");
    client.answers = answers;
    DO(&client, flow, "go", NULL, "");
    client.answers = NULL;
    CU_ASSERT_EQUAL(version_of(FAKE_COUNTER, joe), before.counter + 1);
    json_decref(answers);
    json_decref(other);
}

/* ---------------------------------------------------------- lost commits */

/* Events of a name in the newest audit rows. */
static factor_status
count_event(void *context, const struct factor_audit_row *row)
{
    unsigned *count = context;
    const char *at = row->event;

    while ((at = strstr(at, "fake.went"))) {
        ++*count;
        at++;
    }
    return FACTOR_OK;
}

static unsigned
events_told(void)
{
    struct factor_error err = {0};
    unsigned count = 0;

    engine.ops->read_audit(engine.store, NULL, 0, 1000, count_event, &count,
                           &err);
    return count;
}

static void
lose_and_go(const char *flow, uint64_t lost)
{
    struct stand before = stand(flow), after;
    unsigned told = events_told(), entropies = fake.entropies;
    unsigned runs = fake.runs;
    struct answer answer;

    front_lose(1, lost);
    CU_ASSERT_TRUE(client_act(&client, flow, "go", NULL, &answer));
    CU_ASSERT_EQUAL(answer.attempts, 1 + lost); /* one more for the lane */
    answer_clear(&answer);
    after = stand(flow);
    CU_ASSERT_EQUAL(after.counts.lost - before.counts.lost, lost);
    CU_ASSERT_EQUAL(fake.runs - runs, 1 + lost);
    CU_ASSERT_EQUAL(fake.entropies - entropies, 1); /* that of this step */
    CU_ASSERT_EQUAL(after.flow, before.flow + 1);
    CU_ASSERT_EQUAL(after.counter, before.counter + 1);
    CU_ASSERT_EQUAL(after.messages, before.messages + 1);
    CU_ASSERT_EQUAL(after.counts.events, before.counts.events + 1);
    CU_ASSERT_EQUAL(events_told(), told + 1);
}

static void
lost_commits_are_made_again(void)
{
    char flow[FLOW_ID + 1];
    uint64_t lost;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_SENDS;
    for (lost = 0; lost <= 4; lost++)
        lose_and_go(flow, lost);
    CU_ASSERT(rig_audit_holds());
}

/* A step of two adapters, the password's and the next one's, is one too. */
static void
lost_sign_on_is_made_again(void)
{
    char flow[FLOW_ID + 1];
    struct record *record;

    open_rig();
    begin(&client, RIG_FAKE, NULL, flow);
    front_lose(1, 2);
    DO(&client, flow, "checkUsernamePassword",
       given_password("joe", RIG_PASSWORD), "");
    CU_ASSERT_EQUAL(front_counts().lost, 2);
    CU_ASSERT_EQUAL(version_of(FLOW_COLLECTION, flow), 1);
    CU_ASSERT_EQUAL(version_of(FAKE_COUNTER, joe), 1);
    record = rig_record(FLOW_COLLECTION, flow);
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(record->body, "passed")), 1);
    record_unref(record);
    STATE(&client, flow, "WAITING");
}

static void
hopeless_commits_end(void)
{
    char flow[FLOW_ID + 1];
    struct stand before;
    struct answer answer;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    before = stand(flow);
    front_lose(1, 1000);
    client_act(&client, flow, "go", NULL, &answer);
    CU_ASSERT_EQUAL(answer.st, FACTOR_E_CONFLICT);
    CU_ASSERT(answer.attempts <= 64);
    answer_clear(&answer);
    front_lose(1, 0);
    CU_ASSERT(nothing_moved(&before, flow));
    DO(&client, flow, "go", NULL, "");
}

/* A batch that fails at its end was never acknowledged, and is not seen. */
static void
failed_batches_are_not_seen(void)
{
    char flow[FLOW_ID + 1], device[RIG_ID];
    struct stand before;
    struct answer answer;

    open_rig();
    begin(&client, RIG_OTP, joe, flow);
    CU_ASSERT(client_device(&client, flow, "EMAIL", device));
    before = stand(flow);
    front_break(true);
    client_act(&client, flow, "selectDevice", given_device(device), &answer);
    CU_ASSERT_EQUAL(answer.st, FACTOR_E_IO);
    answer_clear(&answer);
    STATE(&client, flow, "DEVICE_SELECTION_REQUIRED");
    CU_ASSERT(nothing_moved(&before, flow));
    front_break(false);
    DO(&client, flow, "selectDevice", given_device(device), "");
    STATE(&client, flow, "OTP_REQUIRED");
    CU_ASSERT(rig_audit_holds());
}

/* -------------------------------------------------- names that nobody has */

/* What a client is answered. */
static unsigned
try_name(const char *name, const char *password)
{
    char flow[FLOW_ID + 1];
    struct answer answer;
    unsigned status;

    begin(&client, RIG_OTP, NULL, flow);
    client_act(&client, flow, "checkUsernamePassword",
               given_password(name, password), &answer);
    status = answer.st == FACTOR_OK ? answer.status : 500;
    answer_clear(&answer);
    return status;
}

static uint64_t
strangers(void)
{
    return strangers_total(engine.nodes[0].strangers, clock_steady_ms());
}

static bool
failing(void)
{
    return database_failing(engine.nodes[0].database);
}

static void
unknown_names_are_counted(void)
{
    struct stand before;
    char ann[RIG_ID];
    int i;

    open_rig();
    CU_ASSERT_TRUE(rig_user("ann", true, false, false, ann));
    before = stand("none");
    CU_ASSERT_EQUAL(try_name("nobody", "x"), 400);
    CU_ASSERT_EQUAL(try_name("NoBody", "x"), 400);
    CU_ASSERT_EQUAL(strangers(), 2);
    CU_ASSERT_EQUAL(try_name("ann", "x"), 400); /* has no password */
    CU_ASSERT_EQUAL(try_name("a\tb", "x"), 400); /* can be no name */
    CU_ASSERT_EQUAL(strangers(), 4);
    CU_ASSERT(nothing_moved(&before, "none"));
    CU_ASSERT_EQUAL(try_name("joe", "x"), 400);
    CU_ASSERT_EQUAL(strangers(), 4);
    for (i = 0; i < 7; i++)
        try_name(i % 2 ? "nobody" : "NOBODY", "x");
    CU_ASSERT_EQUAL(strangers_count(engine.nodes[0].strangers, "password",
                                    "nobody", clock_steady_ms())
                        .one,
                    10);
}

/* However often a step is run. */
static void
strangers_are_counted_once(void)
{
    char flow[FLOW_ID + 1];
    int i;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_STRANGER;
    front_lose(1, 2);
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.runs, 4); /* once as it entered */
    CU_ASSERT_EQUAL(strangers(), 1);
    for (i = 0; i < 5; i++) /* the last one's message is refused */
        DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.refused, 1);
    CU_ASSERT_EQUAL(strangers(), 6);
    front_lose(1, 1000);
    DO(&client, flow, "go", NULL, "FAILED");
    front_lose(1, 0);
    CU_ASSERT_EQUAL(strangers(), 6);
}

/* F6: a name that is known cannot be counted then, and must not be told by
 * that from one that need not be. */
static void
a_failing_store_tells_no_names(void)
{
    char ann[RIG_ID], kim[RIG_ID];
    int i;

    open_rig();
    CU_ASSERT_TRUE(rig_user("ann", true, false, false, ann));
    CU_ASSERT_TRUE(rig_user("kim", true, false, true, kim));
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(try_name("kim", "x"), 400); /* from now on she waits */
    CU_ASSERT_FALSE(failing());
    front_break(true);
    CU_ASSERT_EQUAL(try_name("joe", "x"), 500);
    CU_ASSERT_TRUE(failing());
    CU_ASSERT_EQUAL(try_name("nobody", "x"), 500);
    CU_ASSERT_EQUAL(try_name("ann", "x"), 500);
    CU_ASSERT_EQUAL(try_name("kim", "x"), 500);
    CU_ASSERT_EQUAL(try_name("joe", RIG_PASSWORD), 500);
    CU_ASSERT_EQUAL(strangers(), 0); /* nothing of these was committed */
    front_break(false);
}

/* F6: whoever comes first finds that it is well again, at the price of an
 * event; after that strangers write nothing, as ever. */
static void
a_failing_store_is_found_well(void)
{
    struct stand before;

    open_rig();
    front_break(true);
    CU_ASSERT_EQUAL(try_name("joe", "x"), 500);
    front_break(false);
    before = stand("none");
    front_lose(1, 1000);
    CU_ASSERT_EQUAL(try_name("joe", "x"), 500);
    CU_ASSERT_TRUE(failing()); /* what is in conflict is not written */
    front_lose(1, 0);
    CU_ASSERT_EQUAL(try_name("nobody", "x"), 400);
    CU_ASSERT_FALSE(failing());
    CU_ASSERT_EQUAL(strangers(), 1);
    CU_ASSERT_EQUAL(front_counts().events, before.counts.events + 1);
    CU_ASSERT_EQUAL(try_name("nobody", "x"), 400);
    CU_ASSERT_EQUAL(front_counts().events, before.counts.events + 1);
    CU_ASSERT_EQUAL(front_counts().changes, before.counts.changes);
    front_break(true);
    CU_ASSERT_EQUAL(try_name("joe", "x"), 500);
    front_break(false);
    CU_ASSERT_EQUAL(try_name("joe", "x"), 400);
    CU_ASSERT_FALSE(failing());
    CU_ASSERT(rig_audit_holds());
}

/* --------------------------------------------------------- measurements */

/* From start to stop of a pool, which does what is left in it. */
static void
measure_all(bool stopped)
{
    static atomic_llong floor;
    struct host *host = &engine.nodes[0].host;
    struct measure measure = {0};

    fake.measured = 0;
    host->answer_floor_ms = &floor;
    host->slow = pool_new(1, 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(host->slow);
    if (stopped)
        measure_stop(&measure);
    measure_start(&measure, host);
    pool_free(host->slow);
    host->slow = NULL;
    CU_ASSERT_PTR_NULL(measure.fields);
}

static void
measurements_end_and_write_nothing(void)
{
    struct stand before;

    open_rig();
    before = stand("none");
    measure_all(false);
    CU_ASSERT_EQUAL(fake.measured, 64);
    CU_ASSERT(nothing_moved(&before, "none"));
    CU_ASSERT_EQUAL(version_of("fake.other", "x"), 0);
    measure_all(true);
    CU_ASSERT_EQUAL(fake.measured, 0);
}

/* An instance whose answers are not held back has nothing to hide. */
static void
only_what_is_held_back_is_measured(void)
{
    struct factor_description description;
    const struct factor_description *declared;
    const struct factor_action *actions[2] = {NULL, NULL};
    struct adapter *adapter = engine.adapters;

    open_rig();
    while (strcmp(adapter->name, "fake") != 0)
        adapter++;
    declared = adapter->description;
    description = *declared;
    actions[0] = adapter_action(adapter, "measure");
    description.actions = actions;
    adapter->description = &description;
    measure_all(false);
    adapter->description = declared;
    CU_ASSERT_EQUAL(fake.measured, 0);
}

static const struct factor_description *
describe_openly(const struct factor_adapter *self)
{
    static const struct factor_action open_measure = {
        .struct_size = sizeof(open_measure),
        .name = "measure",
        .flags = FACTOR_ACTION_MEASURE,
    };
    static const struct factor_state *const no_states[] = {NULL};
    static const struct factor_action *const actions[] = {&open_measure, NULL};
    static const struct factor_description description = {
        .struct_size = sizeof(description),
        .states = no_states,
        .actions = actions,
    };

    (void)self;
    return &description;
}

static void
no_client_measures(void)
{
    struct factor_adapter_ops ops = fake_ops;
    struct adapter adapter = {.name = "open", .plugin = "open", .ops = &ops};
    struct factor_error err = {0};
    char flow[FLOW_ID + 1];

    ops.describe = describe_openly;
    CU_ASSERT_EQUAL(adapter_describe(&adapter, &err), FACTOR_E_CONFIG);
    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    DO(&client, flow, "measure", NULL, "INVALID_ACTION_ID");
    CU_ASSERT_EQUAL(fake.measured, 0);
}

/* ------------------------------------------------------------- page parts */

static struct factor_page_part odd_part = {.struct_size = sizeof(odd_part)};

static const struct factor_description *
describe_part(const struct factor_adapter *self)
{
    static const struct factor_page_part *const parts[] = {&odd_part, NULL};
    static struct factor_description description;

    (void)self;
    description = *fake_ops.describe(NULL);
    description.page_parts = parts;
    return &description;
}

static void
odd_page_parts_are_refused(void)
{
    static const char *const files[] = {
        NULL,       "",       ".mjs",       ".hidden.mjs", "../up.mjs",
        "a/b.mjs", "a b.mjs", "a\xc3\xa4.mjs", "a.js",        "a%2Fb.mjs"};
    static const char *const unknown[] = {"WAITING", "NOWHERE", NULL};
    static const char *const known[] = {"WAITING", NULL};
    struct factor_adapter_ops ops = fake_ops;
    struct adapter adapter = {.name = "odd", .plugin = "odd", .ops = &ops};
    struct factor_error err = {0};
    size_t i;

    ops.describe = describe_part;
    odd_part.states = known;
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        odd_part.file = files[i];
        CU_ASSERT_EQUAL(adapter_describe(&adapter, &err), FACTOR_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "bare name"));
    }
    odd_part.file = "adapter-odd_1.mjs";
    CU_ASSERT_EQUAL(adapter_describe(&adapter, &err), FACTOR_OK);
    adapter_forget(&adapter);
    odd_part.states = unknown;
    CU_ASSERT_EQUAL(adapter_describe(&adapter, &err), FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "NOWHERE"));
}

/* ----------------------------------------------------- limits on messages */

static const char *
send_once(struct client_side *who, const char *user)
{
    char flow[FLOW_ID + 1], device[RIG_ID];

    begin(who, RIG_OTP, user, flow);
    if (!client_device(who, flow, "EMAIL", device))
        return "no device";
    return client_do(who, flow, "selectDevice", given_device(device));
}

static void
messages_to_an_address_are_limited(void)
{
    struct stand before;
    int i;

    open_rig();
    for (i = 0; i < 5; i++)
        CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "");
    before = stand("none");
    CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "OTP_RESEND_LIMIT");
    CU_ASSERT_EQUAL(stand("none").messages, before.messages);
    reopen(); /* it is in records */
    CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "OTP_RESEND_LIMIT");
    client.now_ms += 10 * MINUTE;
    CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "");
    CU_ASSERT_EQUAL(stand("none").messages, before.messages + 1);
}

static void
messages_of_a_day_are_limited(void)
{
    int i;

    open_rig();
    for (i = 0; i < 20; i++, client.now_ms += 10 * MINUTE)
        CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "");
    CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "OTP_RESEND_LIMIT");
    CU_ASSERT_EQUAL(stand("none").messages, 20);
    client.now_ms += DAY;
    CU_ASSERT_STRING_EQUAL(send_once(&client, joe), "");
}

/* Over all addresses: the adapter has no other device to offer. */
static void
messages_of_an_account_are_limited(void)
{
    char flow[FLOW_ID + 1], address[32];
    uint32_t sent = 0;
    int i;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_SENDS;
    fake.address = address;
    for (i = 0; i < 35; i++) {
        snprintf(address, sizeof(address), "a%d@example.org", i / 4);
        DO(&client, flow, "go", NULL, "");
    }
    sent = stand(flow).messages;
    CU_ASSERT_EQUAL(sent, 30);
    CU_ASSERT_EQUAL(fake.refused, 5);
}

/* 7 an hour to a prefix, as the rig is told; the users' numbers share one. */
static void
messages_to_a_prefix_are_limited(void)
{
    char user[RIG_ID], name[16], flow[FLOW_ID + 1], device[RIG_ID];
    struct client_side other;
    int i;

    open_rig();
    for (i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        CU_ASSERT_TRUE_FATAL(rig_user(name, true, true, false, user));
        client_make(&other, 0);
        begin(&other, RIG_OTP, user, flow);
        CU_ASSERT_TRUE_FATAL(client_device(&other, flow, "SMS", device));
        DO(&other, flow, "selectDevice", given_device(device),
           i < 7 ? "" : "OTP_RESEND_LIMIT");
        if (i < 7)
            continue;
        CU_ASSERT(client_device(&other, flow, "EMAIL", device));
        DO(&other, flow, "selectDevice", given_device(device), "");
    }
}

/* Who has had all the messages that an address may get is still told. */
static void
notices_have_a_limit_of_their_own(void)
{
    char flow[FLOW_ID + 1];
    uint32_t before;
    int i;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_SENDS;
    for (i = 0; i < 6; i++)
        DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.refused, 1);
    before = stand(flow).messages;
    fake.misdeed = FAKE_NOTICES;
    for (i = 0; i < 21; i++)
        DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.refused, 2);
    CU_ASSERT_EQUAL(stand(flow).messages, before + 20);
    client.now_ms += 10 * MINUTE;
    fake.misdeed = FAKE_SENDS;
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(stand(flow).messages, before + 21);
}

static void
refused_messages_are_not_sent_again(void)
{
    char flow[FLOW_ID + 1];
    struct stand before;
    int i;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_SENDS;
    for (i = 0; i < 5; i++)
        DO(&client, flow, "go", NULL, "");
    before = stand(flow);
    fake.misdeed = FAKE_SEND_REFUSED;
    DO(&client, flow, "go", NULL, "FAILED");
    CU_ASSERT_EQUAL(fake.refused, 1);
    CU_ASSERT(nothing_moved(&before, flow));
    fake.misdeed = FAKE_SENDS;
    DO(&client, flow, "go", NULL, ""); /* it is told, and sends nothing */
    CU_ASSERT_EQUAL(stand(flow).messages, before.messages);
}

/* A step may send more than one: to one address, or to two of one prefix. */
static void
a_step_may_send_twice(void)
{
    char flow[FLOW_ID + 1];
    uint32_t before;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    before = stand(flow).messages;
    fake.misdeed = FAKE_SENDS_TWO;
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(stand(flow).messages, before + 2);
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(stand(flow).messages, before + 4);
    DO(&client, flow, "go", NULL, ""); /* 5 fit, 6 do not: none is sent */
    CU_ASSERT_EQUAL(stand(flow).messages, before + 4);
}

/* Two adapters of one step may both send to the user. */
static void
two_adapters_may_send(void)
{
    char flow[FLOW_ID + 1], user[RIG_ID];

    open_rig();
    CU_ASSERT_TRUE_FATAL(rig_user("ann", true, false, false, user));
    fake.misdeed = FAKE_SENDS;
    fake.address = "ann@example.org";
    begin(&client, RIG_TWICE, user, flow);
    DO(&client, flow, "finish", NULL, "");
    STATE(&client, flow, "OTP_REQUIRED");
    CU_ASSERT_EQUAL(stand(flow).messages, 3); /* one since it was entered */
}

/* S5: a browser's second click. */
static void
a_second_click_sends_nothing(void)
{
    char flow[FLOW_ID + 1], device[RIG_ID];

    open_rig();
    begin(&client, RIG_OTP, joe, flow);
    CU_ASSERT_TRUE_FATAL(client_device(&client, flow, "EMAIL", device));
    DO(&client, flow, "selectDevice", given_device(device), "");
    client.now_ms += 2 * SECOND;
    DO(&client, flow, "selectDevice", given_device(device), "");
    CU_ASSERT_EQUAL(stand(flow).messages, 1);
    client.now_ms += 1;
    DO(&client, flow, "selectDevice", given_device(device), "");
    CU_ASSERT_EQUAL(stand(flow).messages, 2);
}

/* ---------------------------------------- before anybody has proven a thing */

static void
nothing_is_written_for_strangers(void)
{
    char flow[FLOW_ID + 1], other[FLOW_ID + 1];
    struct front_counts before, after;

    open_rig();
    before = front_counts();
    begin(&client, RIG_OTP, NULL, flow);
    STATE(&client, flow, "USERNAME_PASSWORD_REQUIRED");
    DO(&client, flow, "checkUsernamePassword",
       given_password("nobody", "guess"), "CREDENTIAL_VALIDATION_FAILED");
    DO(&client, flow, "checkUsernamePassword", NULL, "FIELD_REQUIRED");
    DO(&client, flow, "checkOtp", given_code("000000"), "INVALID_ACTION_ID");
    begin(&client, RIG_OTP, NULL, other);
    DO(&client, other, "cancelAuthentication", NULL, "");
    STATE(&client, other, "FAILED");
    after = front_counts();
    CU_ASSERT_EQUAL(after.applies, before.applies);
    CU_ASSERT_EQUAL(after.events, before.events);
    CU_ASSERT_EQUAL(after.batches, before.batches);
    STATE(&client, flow, "USERNAME_PASSWORD_REQUIRED");
}

/* A wrong password of a user is counted, and nothing else is written. */
static void
a_wrong_password_is_counted(void)
{
    char flow[FLOW_ID + 1];
    struct front_counts before, after;

    open_rig();
    before = front_counts();
    begin(&client, RIG_OTP, NULL, flow);
    DO(&client, flow, "checkUsernamePassword", given_password("joe", "guess"),
       "CREDENTIAL_VALIDATION_FAILED");
    after = front_counts();
    CU_ASSERT_EQUAL(after.changes, before.changes + 1);
    CU_ASSERT_EQUAL(version_of("password.attempts", joe), 1);
    CU_ASSERT_EQUAL(count_of(FLOW_COLLECTION), 0);
    CU_ASSERT_EQUAL(count_of(SESSION_COLLECTION), 0);
}

static void
a_restart_forgets_strangers(void)
{
    char flow[FLOW_ID + 1], known[FLOW_ID + 1];
    unsigned status;

    open_rig();
    begin(&client, RIG_OTP, NULL, known);
    DO(&client, known, "checkUsernamePassword",
       given_password("joe", RIG_PASSWORD), "");
    begin(&client, RIG_OTP, NULL, flow);
    CU_ASSERT_EQUAL(count_of(FLOW_COLLECTION), 1);
    CU_ASSERT_EQUAL(count_of(SESSION_COLLECTION), 1);
    reopen();
    CU_ASSERT_PTR_NULL(client_look(&client, flow, &status));
    CU_ASSERT_EQUAL(status, 404);
    STATE(&client, known, "DEVICE_SELECTION_REQUIRED");
}

/* Strangers cannot fill the memory, nor the store; the oldest go. */
static void
memory_of_strangers_is_bounded(void)
{
    const struct rig_setup setup = {.volatile_bytes = 1 << 20};
    char first[FLOW_ID + 1], flow[FLOW_ID + 1];
    struct volatile_table *table;
    struct client_side fresh;
    struct front_counts before;
    size_t most = 0, i;
    unsigned status;

    open_with(&setup);
    before = front_counts();
    table = database_volatile(engine.nodes[0].database);
    begin(&client, RIG_OTP, NULL, first);
    for (i = 0; i < 3000; i++) {
        client_make(&fresh, 0);
        begin(&fresh, RIG_OTP, NULL, flow);
        if (volatile_used(table) > most)
            most = volatile_used(table);
    }
    tap_note("3000 flows in %zu bytes of %d", most, 1 << 20);
    CU_ASSERT(most <= 1 << 20);
    CU_ASSERT(most > 900000);
    CU_ASSERT_EQUAL(front_counts().applies, before.applies);
    CU_ASSERT_PTR_NULL(client_look(&client, first, &status));
    CU_ASSERT_EQUAL(status, 404);
    STATE(&fresh, flow, "USERNAME_PASSWORD_REQUIRED");
    DO(&fresh, flow, "checkUsernamePassword",
       given_password("joe", RIG_PASSWORD), "");
}

/* -------------------------------------------------------------- sessions */

static void
sign_on(struct client_side *who, const char *flow)
{
    DO(who, flow, "checkUsernamePassword",
       given_password("joe", RIG_PASSWORD), "");
}

/* The code that the newest message of a user holds. */
static void
read_code(const char *user, char ret_code[RIG_CODE])
{
    struct record_list *list = rig_owned(OUTBOX_COLLECTION, user);
    const char *code;
    int64_t newest = -1;
    uint32_t i;

    snprintf(ret_code, RIG_CODE, "none");
    for (i = 0; i < list->count; i++) {
        code = json_text(json_object_get(list->records[i]->body, "secret"),
                         "code");
        if (code && list->records[i]->due_at_ms > newest) {
            newest = list->records[i]->due_at_ms;
            snprintf(ret_code, RIG_CODE, "%s", code);
        }
    }
    record_list_unref(list);
}

/* S4: whoever planted or saw the cookie of before has nothing with it. */
static void
success_renews_the_session(void)
{
    struct client_side before, planted;
    char flow[FLOW_ID + 1], device[RIG_ID], code[RIG_CODE];

    open_rig();
    begin(&client, RIG_OTP, NULL, flow);
    planted = client;
    STATE(&planted, flow, "USERNAME_PASSWORD_REQUIRED");
    sign_on(&client, flow);
    CU_ASSERT_STRING_NOT_EQUAL(client.cookie, planted.cookie);
    CU_ASSERT_NSTRING_EQUAL(client.cookie, planted.cookie, SESSION_ID);
    CU_ASSERT_TRUE_FATAL(client_device(&client, flow, "EMAIL", device));
    /* It may read for 5 seconds, and never act. */
    DO(&planted, flow, "selectDevice", given_device(device),
       "RESOURCE_NOT_FOUND");
    STATE(&planted, flow, "DEVICE_SELECTION_REQUIRED");
    planted.now_ms += 4999;
    STATE(&planted, flow, "DEVICE_SELECTION_REQUIRED");
    planted.now_ms += 1;
    STATE(&planted, flow, "");
    DO(&client, flow, "selectDevice", given_device(device), "");
    read_code(joe, code);
    DO(&client, flow, "checkOtp", given_code(code), "");
    before = client;
    DO(&client, flow, "continueAuthentication", NULL, "");
    CU_ASSERT_STRING_NOT_EQUAL(client.cookie, before.cookie);
    /* What it ends with is for the newest alone. */
    STATE(&client, flow, "COMPLETED");
    STATE(&before, flow, "");
}

static void
other_sessions_see_nothing(void)
{
    struct client_side stranger, nobody;
    char flow[FLOW_ID + 1], theirs[FLOW_ID + 1];

    open_rig();
    client_make(&stranger, 0);
    client_make(&nobody, 0);
    begin(&client, RIG_OTP, joe, flow);
    begin(&stranger, RIG_OTP, NULL, theirs);
    STATE(&stranger, flow, "");
    STATE(&nobody, flow, "");
    DO(&stranger, flow, "cancelAuthentication", NULL, "RESOURCE_NOT_FOUND");
    DO(&nobody, flow, "cancelAuthentication", NULL, "RESOURCE_NOT_FOUND");
    /* A cookie with another's secret is none. */
    memcpy(stranger.cookie, client.cookie, SESSION_ID);
    STATE(&stranger, flow, "");
    STATE(&client, flow, "DEVICE_SELECTION_REQUIRED");
}

/* Flows of other tabs live on under the renewed cookie. */
static void
other_tabs_live_on(void)
{
    char one[FLOW_ID + 1], other[FLOW_ID + 1];

    open_rig();
    begin(&client, RIG_OTP, NULL, one);
    begin(&client, RIG_OTP, NULL, other);
    sign_on(&client, one);
    client.now_ms += 6 * SECOND;
    STATE(&client, other, "USERNAME_PASSWORD_REQUIRED");
    sign_on(&client, other);
    STATE(&client, one, "DEVICE_SELECTION_REQUIRED");
}

/* ---------------------------------------------------------- ends of flows */

static void
another_subject_fails(void)
{
    char flow[FLOW_ID + 1], ann[RIG_ID];

    open_rig();
    CU_ASSERT_TRUE_FATAL(rig_user("ann", true, true, false, ann));
    begin(&client, RIG_FAKE, joe, flow);
    fake.misdeed = FAKE_SUBJECT;
    fake.subject = ann;
    DO(&client, flow, "finish", NULL, "");
    STATE(&client, flow, "FAILED");
    CU_ASSERT_EQUAL(count_of("grant"), 0);
    begin(&client, RIG_FAKE, joe, flow);
    fake.subject = joe; /* the same one is no change */
    DO(&client, flow, "finish", NULL, "");
    STATE(&client, flow, "COMPLETED");
    CU_ASSERT_EQUAL(count_of("grant"), 1);
}

static void
users_disabled_meanwhile_fail(void)
{
    struct factor_error err = {0};
    char flow[FLOW_ID + 1], other[FLOW_ID + 1], device[RIG_ID];
    char code[RIG_CODE];
    unsigned status;

    open_rig();
    begin(&client, RIG_OTP, joe, flow);
    begin(&client, RIG_OTP, joe, other);
    CU_ASSERT_TRUE_FATAL(client_device(&client, flow, "EMAIL", device));
    DO(&client, flow, "selectDevice", given_device(device), "");
    read_code(joe, code);
    CU_ASSERT_EQUAL(users_enable(&engine.nodes[0].host, "joe", false, &err),
                    FACTOR_OK);
    DO(&client, flow, "checkOtp", given_code(code), "");
    STATE(&client, flow, "FAILED");
    CU_ASSERT_EQUAL(users_enable(&engine.nodes[0].host, "joe", true, &err),
                    FACTOR_OK);
    DO(&client, flow, "checkOtp", given_code(code), "INVALID_ACTION_ID");
    STATE(&client, other, "DEVICE_SELECTION_REQUIRED");
    /* Removed: all that was the user's is gone, the flow with it. */
    CU_ASSERT_EQUAL(users_delete(&engine.nodes[0].host, "joe", &err),
                    FACTOR_OK);
    CU_ASSERT_PTR_NULL(client_look(&client, other, &status));
    CU_ASSERT_EQUAL(count_of("otp.authenticator"), 0);
    CU_ASSERT_EQUAL(count_of(OUTBOX_COLLECTION), 0);
    CU_ASSERT_EQUAL(count_of(FLOW_COLLECTION), 0);
}

static void
expect_member(struct client_side *who, const char *flow, const char *member,
              const char *value)
{
    unsigned status;
    json_t *state = client_look(who, flow, &status);
    const char *text = json_text(state, member);

    CU_ASSERT_PTR_NOT_NULL(text);
    if (text)
        CU_ASSERT_STRING_EQUAL(text, value);
    json_decref(state);
}

static json_t *
authorize_response(struct client_side *who, const char *flow)
{
    unsigned status;
    json_t *state = client_look(who, flow, &status);
    json_t *response =
        json_incref(json_object_get(state, "authorizeResponse"));

    CU_ASSERT_EQUAL(
        json_object_size(json_object_get(state, "_links")), 1); /* self */
    json_decref(state);
    return response;
}

/* S2: readable for a minute, with the same answer; then unknown. */
static void
completed_flows_repeat(void)
{
    char flow[FLOW_ID + 1];
    json_t *first, *again;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    DO(&client, flow, "finish", NULL, "");
    first = authorize_response(&client, flow);
    CU_ASSERT_PTR_NOT_NULL(json_text(first, "code"));
    DO(&client, flow, "finish", NULL, "INVALID_ACTION_ID");
    reopen();
    client.now_ms += MINUTE - 1;
    again = authorize_response(&client, flow);
    CU_ASSERT(json_equal(first, again));
    client.now_ms += 1;
    STATE(&client, flow, "");
    DO(&client, flow, "finish", NULL, "RESOURCE_NOT_FOUND");
    CU_ASSERT_EQUAL(count_of("grant"), 1);
    json_decref(first);
    json_decref(again);
}

static void
failed_flows_say_so(void)
{
    char flow[FLOW_ID + 1];

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    DO(&client, flow, "drop", NULL, "");
    STATE(&client, flow, "FAILED");
    expect_member(&client, flow, "code", "AUTHENTICATION_FAILED");
    DO(&client, flow, "go", NULL, "INVALID_ACTION_ID");
    client.now_ms += MINUTE;
    STATE(&client, flow, "");
}

/* An action that took effect is not offered a second time (S6). */
static void
repeated_actions_do_nothing(void)
{
    char flow[FLOW_ID + 1], device[RIG_ID], code[RIG_CODE];
    struct stand before;

    open_rig();
    begin(&client, RIG_OTP, joe, flow);
    CU_ASSERT_TRUE_FATAL(client_device(&client, flow, "EMAIL", device));
    DO(&client, flow, "selectDevice", given_device(device), "");
    read_code(joe, code);
    DO(&client, flow, "checkOtp", given_code(code), "");
    before = stand(flow);
    DO(&client, flow, "checkOtp", given_code(code), "INVALID_ACTION_ID");
    CU_ASSERT(nothing_moved(&before, flow));
    DO(&client, flow, "continueAuthentication", NULL, "");
    DO(&client, flow, "continueAuthentication", NULL, "INVALID_ACTION_ID");
    CU_ASSERT_EQUAL(count_of("grant"), 1);
}

static void
idle_flows_end(void)
{
    char flow[FLOW_ID + 1];
    int i;

    open_rig();
    begin(&client, RIG_FAKE, joe, flow);
    client.now_ms += 15 * MINUTE - 1;
    DO(&client, flow, "go", NULL, ""); /* in use again */
    client.now_ms += 15 * MINUTE - 1;
    STATE(&client, flow, "WAITING");
    DO(&client, flow, "go", NULL, "");
    client.now_ms += 2; /* past half an hour since it began */
    DO(&client, flow, "go", NULL, "INVALID_ACTION_ID");
    STATE(&client, flow, "WAITING");
    client.now_ms += MINUTE;
    STATE(&client, flow, "");

    client_make(&client, 0);
    begin(&client, RIG_FAKE, joe, flow);
    client.now_ms += 15 * MINUTE;
    for (i = 0; i < 2; i++)
        DO(&client, flow, "go", NULL, "INVALID_ACTION_ID");
    client.now_ms += MINUTE;
    DO(&client, flow, "go", NULL, "RESOURCE_NOT_FOUND");
}

/* --------------------------------------------------- secrets in the store */

/* Whether a file of the store holds these bytes. */
static bool
file_holds(const char *name, const void *bytes, size_t len)
{
    int fd = open(folder_in(name), O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    char *text = NULL;
    bool found = false;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        text = malloc((size_t)st.st_size);
    if (text && read(fd, text, (size_t)st.st_size) == st.st_size)
        found = memmem(text, (size_t)st.st_size, bytes, len) != NULL;
    free(text);
    if (fd >= 0)
        close(fd);
    return found;
}

static bool
store_holds(const void *bytes, size_t len)
{
    return file_holds("store.db", bytes, len) ||
           file_holds("store.db-wal", bytes, len);
}

static bool
store_holds_text(const char *text)
{
    return store_holds(text, strlen(text));
}

/* A code as JSON has it: six digits alone stand in many a number. */
static bool
store_holds_code(const char *code)
{
    char quoted[RIG_CODE + 2];

    snprintf(quoted, sizeof(quoted), "\"%s\"", code);
    return store_holds_text(quoted);
}

/* Bytes that are written as hexadecimal digits, and these digits. */
static bool
store_holds_hex(const char *hex)
{
    unsigned char bytes[64];
    size_t len = strlen(hex) / 2, i;
    unsigned byte;

    for (i = 0; i < len && i < sizeof(bytes); i++) {
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return true;
        bytes[i] = (unsigned char)byte;
    }
    return store_holds(bytes, len) || store_holds_text(hex);
}

/* The secret of the open challenge of a flow, as the adapter keeps it; "":
 * none. */
static void
challenge_of(const char *flow, char ret_hex[2 * RIG_KEY_MAX + 1])
{
    struct record *record = rig_record(FLOW_COLLECTION, flow);
    const char *hex = json_text(
        json_object_get(record ? record->body : NULL, "secret"), "data");

    snprintf(ret_hex, 2 * RIG_KEY_MAX + 1, "%s", hex ? hex : "");
    record_unref(record);
}

/* A flow with an open challenge; its secret and its code. */
struct challenge {
    char flow[FLOW_ID + 1];
    char hex[2 * RIG_KEY_MAX + 1];
    char code[RIG_CODE];
};

static void
open_challenge(struct challenge *challenge)
{
    char device[RIG_ID];

    begin(&client, RIG_OTP, joe, challenge->flow);
    CU_ASSERT_TRUE_FATAL(
        client_device(&client, challenge->flow, "EMAIL", device));
    client.now_ms += SECOND; /* the newest message is this one's */
    DO(&client, challenge->flow, "selectDevice", given_device(device), "");
    challenge_of(challenge->flow, challenge->hex);
    read_code(joe, challenge->code);
    CU_ASSERT_EQUAL(strlen(challenge->hex), 40);
    CU_ASSERT_EQUAL(strlen(challenge->code), 6);
}

static void
expect_closed(const struct challenge *challenge)
{
    char hex[2 * RIG_KEY_MAX + 1];

    challenge_of(challenge->flow, hex);
    CU_ASSERT_STRING_EQUAL(hex, "");
}

/* Settle every message as the outbox does. */
static factor_status
settle_all(struct txn *txn, void *context, struct factor_error *err)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_PAGE,
        .collection = OUTBOX_COLLECTION,
        .limit = 1000,
    };
    const struct row_news news = {.backend = "test"};
    struct record_list *list;
    const json_t *body;
    factor_status st = txn_read(txn, &query, &list);
    uint32_t i;

    (void)context;
    (void)body;
    for (i = 0; st == FACTOR_OK && i < list->count; i++)
        if (row_open(list->records[i]))
            st = row_settle(txn, list->records[i], ROW_SENT, &news, DAY, false,
                            err);
    return st;
}

static bool
holds_any(const struct challenge *list, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (store_holds_hex(list[i].hex) || store_holds_code(list[i].code))
            return true;
    return false;
}

/* O1: verified, failed, replaced, abandoned. */
static void
passcodes_leave_no_trace(void)
{
    struct challenge list[4];
    struct factor_error err = {0};
    char device[RIG_ID], wrong[RIG_CODE];
    int i;

    open_rig();
    for (i = 0; i < 4; i++)
        open_challenge(&list[i]);
    CU_ASSERT_FALSE(holds_any(list, 4)); /* sealed from the first commit on */
    DO(&client, list[0].flow, "checkOtp", given_code(list[0].code), "");
    expect_closed(&list[0]);
    rig_other(list[1].code, wrong);
    for (i = 0; i < 3; i++)
        client_do(&client, list[1].flow, "checkOtp", given_code(wrong));
    STATE(&client, list[1].flow, "MFA_FAILED");
    expect_closed(&list[1]);
    CU_ASSERT(client_device(&client, list[2].flow, "SMS", device));
    DO(&client, list[2].flow, "selectDevice", given_device(device), "");
    read_code(joe, wrong);
    CU_ASSERT_STRING_NOT_EQUAL(wrong, list[2].code);
    DO(&client, list[2].flow, "cancelAuthentication", NULL, "");
    expect_closed(&list[2]);
    DO(&client, list[3].flow, "cancelAuthentication", NULL, "");
    expect_closed(&list[3]);
    CU_ASSERT_EQUAL(txn_run(engine.nodes[0].database, settle_all, NULL, &err),
                    FACTOR_OK);
    read_code(joe, wrong);
    CU_ASSERT_STRING_EQUAL(wrong, "none");
    CU_ASSERT_FALSE(holds_any(list, 4));
    engine_rig_close();
    CU_ASSERT_FALSE(holds_any(list, 4)); /* after the last checkpoint */
}

static int64_t sweep_now_ms;

static int64_t
sweep_clock(void)
{
    return sweep_now_ms;
}

/* A flow that was left alone keeps its challenge until the sweep. */
static void
the_sweep_takes_abandoned_flows(void)
{
    struct sweep_parts parts = {.interval_ms = DAY, .now_ms = sweep_clock};
    struct sweep_counts counts;
    struct factor_error err = {0};
    struct sweep *sweep = NULL;
    struct challenge left;

    open_rig();
    open_challenge(&left);
    sweep_now_ms = client.now_ms;
    parts.database = engine.nodes[0].database;
    CU_ASSERT_EQUAL_FATAL(sweep_start(&parts, &sweep, &err), FACTOR_OK);
    sweep_now_ms += 29 * MINUTE;
    CU_ASSERT_EQUAL(sweep_now(sweep, &counts, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(count_of(FLOW_COLLECTION), 1);
    sweep_now_ms += 3 * MINUTE;
    CU_ASSERT_EQUAL(sweep_now(sweep, &counts, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(count_of(FLOW_COLLECTION), 0);
    CU_ASSERT_FALSE(holds_any(&left, 1));
    sweep_stop(sweep);
}

static void
app_keys_are_sealed(void)
{
    char flow[FLOW_ID + 1], user[RIG_ID], code[RIG_CODE];
    struct rig_app app;

    open_rig();
    CU_ASSERT_TRUE_FATAL(rig_user("app", false, false, false, user));
    CU_ASSERT_TRUE_FATAL(rig_enrol("app", &app));
    begin(&client, RIG_OTP, user, flow);
    rig_totp(&app, client.now_ms, code);
    DO(&client, flow, "checkOtp", given_code(code), "");
    CU_ASSERT_FALSE(store_holds(app.key, app.key_len));
    CU_ASSERT_FALSE(store_holds_code(code));
    engine_rig_close();
    CU_ASSERT_FALSE(store_holds(app.key, app.key_len));
}

static void
secrets_of_flows_are_sealed(void)
{
    char flow[FLOW_ID + 1];
    unsigned status;
    json_t *state;
    char *text;

    open_rig();
    fake.address = "hidden.harbour@example.org";
    fake.misdeed = FAKE_SENDS;
    begin(&client, RIG_FAKE, joe, flow);
    CU_ASSERT_EQUAL(fake.secrets, 0);
    fake.misdeed = FAKE_GOOD;
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.secrets, 1);
    reopen();
    DO(&client, flow, "go", NULL, "");
    CU_ASSERT_EQUAL(fake.secrets, 2);
    state = client_look(&client, flow, &status);
    text = json_dumps(state, 0);
    CU_ASSERT_PTR_NULL(strstr(text, FAKE_SECRET));
    free(text);
    json_decref(state);
    CU_ASSERT(store_holds_text("sesame")); /* what is open is found so */
    CU_ASSERT_FALSE(store_holds_text(FAKE_SECRET));
    CU_ASSERT_FALSE(store_holds_text("hidden.harbour"));
    CU_ASSERT_FALSE(store_holds_text("271828"));
    CU_ASSERT_FALSE(store_holds_text(RIG_PASSWORD));
    CU_ASSERT_FALSE(store_holds_text(client.cookie + SESSION_ID + 1));
}

/* ----------------------------------------------------------------- tests */

static const struct tap_test tests[] = {
    {"a breach of the contract ends the step, and nothing is committed",
     breaches_commit_nothing},
    {"a breach of the contract in a view ends GET", breaches_show_nothing},
    {"a step that asks commits nothing before it was answered",
     asking_commits_nothing},
    {"a step whose commit was lost is made again, with its effects once",
     lost_commits_are_made_again},
    {"so is one of two adapters", lost_sign_on_is_made_again},
    {"a step that always loses ends, and nothing is committed",
     hopeless_commits_end},
    {"a batch that fails at its end is not acknowledged and not seen",
     failed_batches_are_not_seen},
    {"S10: names that nobody has are counted, and nothing is written",
     unknown_names_are_counted},
    {"S10: a step counts a name once, when it is committed",
     strangers_are_counted_once},
    {"S10: a store that cannot be written tells no names",
     a_failing_store_tells_no_names},
    {"S10: unknown names find out that the store is well again",
     a_failing_store_is_found_well},
    {"W1: a measurement comes to an end, and writes nothing",
     measurements_end_and_write_nothing},
    {"W1: where answers are not held back nothing is measured",
     only_what_is_held_back_is_measured},
    {"W1: only the host measures", no_client_measures},
    {"a page part has a bare name and declared states",
     odd_page_parts_are_refused},
    {"O8: messages to an address are limited over all flows, and a restart",
     messages_to_an_address_are_limited},
    {"O8: messages to an address are limited by day",
     messages_of_a_day_are_limited},
    {"O8: messages of an account are limited",
     messages_of_an_account_are_limited},
    {"O8: messages to a prefix are limited; mail still goes",
     messages_to_a_prefix_are_limited},
    {"O8: notices have a limit of their own",
     notices_have_a_limit_of_their_own},
    {"O8: an adapter that sends though it was refused sends nothing",
     refused_messages_are_not_sent_again},
    {"O8: a step may send two messages to one address",
     a_step_may_send_twice},
    {"O8: two adapters of one step may send to one address",
     two_adapters_may_send},
    {"S5: the second click on a device sends nothing",
     a_second_click_sends_nothing},
    {"S1: nothing is written for who has proven nothing",
     nothing_is_written_for_strangers},
    {"S1: of a wrong password only the count is written",
     a_wrong_password_is_counted},
    {"S1: a restart forgets flows without a first factor, and no others",
     a_restart_forgets_strangers},
    {"S1: flows without a first factor have bounded memory",
     memory_of_strangers_is_bounded},
    {"S4: success renews the session; the old secret reads for 5 s",
     success_renews_the_session},
    {"S4: other sessions see and do nothing", other_sessions_see_nothing},
    {"S4: flows of other tabs live on", other_tabs_live_on},
    {"an adapter that names another subject fails the policy",
     another_subject_fails},
    {"a user who was disabled or removed meanwhile signs on no further",
     users_disabled_meanwhile_fail},
    {"S2: a completed flow repeats its answer for a minute",
     completed_flows_repeat},
    {"S8: a failed flow says so for a minute", failed_flows_say_so},
    {"S6: an action that took effect is not valid again",
     repeated_actions_do_nothing},
    {"S2: idle flows end, and all at their last", idle_flows_end},
    {"O1: passcodes and their secrets leave no trace in the store",
     passcodes_leave_no_trace},
    {"O1: the sweep takes the secret of an abandoned flow",
     the_sweep_takes_abandoned_flows},
    {"O1: the key of an app is sealed", app_keys_are_sealed},
    {"what an adapter keeps secret in a flow is sealed",
     secrets_of_flows_are_sealed},
};

static int
set_up(void)
{
    static const char *const sets[] = {
        "limits.sends_per_address_10min=5",
        "limits.sends_per_address_day=20",
        "limits.sends_per_account_day=30",
        "limits.sends_per_prefix_hour=7",
        NULL,
    };

    rig_sets = sets;
    rig_fake = &fake_ops;
    return engine_rig_make();
}

int
main(void)
{
    const struct tap_fixture fixture = {set_up, engine_rig_remove};

    return tap_main_with("engine: flow", &fixture, tests, TAP_COUNT(tests));
}
