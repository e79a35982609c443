/* SPDX-License-Identifier: MIT */
/* testlib/fake.h - what the files of the test library share.
 *
 * Everything that a plugin plans, decides and shows is turned into JSON at
 * once: two runs are compared, records written and replies filled from it.
 *   record    {collection, id, owner, name, version, expires_at_ms, body}
 *   plan      array of {read: id|name|owned|page|username_owned|named_owned|
 *             id_owned,
 *             ...}
 *   found     array, one per read: {records: [record], next}
 *   sight     {state, view, actions, failure, changes_at_ms}
 *   decision  {verdict, state, data, ..., puts, removes, sends, audits,
 *             unknown}
 * Each may instead be {problem: text} (the contract was broken) or
 * {status, error} (the plugin returned an error).
 */
#ifndef TESTLIB_FAKE_H
#define TESTLIB_FAKE_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/test.h"

enum { FAKE_ENTROPY_LEN = 64, FAKE_CALLS = FACTOR_TEST_CALL_UNKNOWN + 1 };

/* How long a flow lives. */
#define FAKE_FLOW_LIFE_MS (INT64_C(30) * 60 * 1000)

/* Who asks for what. */
enum fake_asker {
    FAKE_GET,
    FAKE_ENTER,
    FAKE_CLIENT,
    FAKE_DEVICE,
    FAKE_OPERATOR,
    FAKE_REST
};

struct fake_job {
    enum fake_asker asker;
    const struct factor_action *action;     /* or NULL */
    const struct factor_resource *resource; /* or NULL */
    json_t *fields;                         /* owned; checked */
    json_t *path, *query;                   /* owned, or NULL */
    json_t *answers;                        /* owned, or NULL */
    uint32_t flags;                         /* of the step */
    bool plant_unknown; /* give all records a member nobody knows */
};

struct fake_block {
    struct fake_block *next;
    void *memory;
};

/* The three handles that a plugin passes back to the host table. */
struct factor_arena {
    struct factor_test *test;
    struct fake_block *blocks;
};

struct factor_reads {
    struct factor_test *test;
    json_t *plan;
    char problem[200];
};

struct factor_effects {
    struct factor_test *test;
    bool open; /* in handle_action or handle_resource, not before */
    json_t *puts, *removes, *sends, *audits, *unknown;
    char problem[200];
};

/* A call that is to fail: the n-th from now of a sort, 0: none. */
struct fake_fault {
    int call;
    unsigned in;
    bool hit;
};

struct factor_test {
    const struct factor_plugin *plugin;
    const struct factor_adapter_ops *adapter; /* or NULL: another kind */
    const struct factor_description *about;   /* of an adapter */
    void *self;
    json_t *settings;

    int64_t now_ms;
    uint64_t seed, step_number;
    json_t *records; /* array, sorted by collection and id */

    char *subject, *flow_state; /* or NULL */
    json_t *flow_data, *inputs, *request, *answers;
    int64_t started_at_ms;
    bool refuse_sends;
    void (*race)(struct factor_test *test, void *context);
    void *race_context;

    struct fake_fault fault;
    bool retry_failed;  /* run a step again whose host call failed */
    bool dry;           /* decide, but do not commit */
    bool other_entropy; /* of the run that a model must not depend on */
    unsigned faults_hit;
    char first_problem[400]; /* of any step; for drivers */
    json_t *walked;          /* object: names of states */

    struct factor_test_reply reply;
    json_t *reply_parts; /* object that the reply points into */
    char problem[400];
};

/* --- fake_host.c --- */
extern struct factor_host fake_host;
void fake_problems_clear(void);
void *fake_alloc(struct factor_arena *arena, size_t len);
char *fake_copy(struct factor_arena *arena, const char *text);
void fake_arena_end(struct factor_arena *arena);
void fake_effects_begin(struct factor_effects *effects,
                        struct factor_test *test);
void fake_effects_end(struct factor_effects *effects);

/* --- http.c --- */
factor_status fake_http(const struct factor_http_request *request,
                        struct factor_http_answer *ret_answer,
                        struct factor_error *err);
void fake_http_release(struct factor_http_answer *answer);

/* --- records.c --- */
json_t *fake_find(const json_t *records, const char *collection,
                  const char *id);
void fake_store(json_t *records, json_t *record); /* stolen */
json_t *fake_read(const json_t *records, const json_t *plan);
bool fake_commit(json_t *records, const json_t *decision);
void fake_fold(const char *text, char *ret_folded, size_t size);

/* --- fields.c --- */

/* Detail {code, target, ...} of the first thing that does not fit, or NULL.
 * Drops what is not declared; makes booleans of "true" and "false". */
json_t *fake_fields(const struct factor_field *const *table, json_t *fields);

/* --- settings.c --- */

/* Complete an object; NULL: *err says why. */
json_t *fake_settings(const struct factor_setting *const *table,
                      const json_t *given, struct factor_error *err);

/* --- check.c: each returns false and says why in problem[200] --- */
bool fake_check_plugin(const struct factor_plugin *plugin, char *problem);
bool fake_check_tables(const struct factor_description *about, char *problem);
bool fake_check_sight(const struct factor_description *about,
                      const json_t *sight, char *problem);
bool fake_check_decision(const struct factor_test *test,
                         const struct fake_job *job, const json_t *decision,
                         char *problem);
const struct factor_state *fake_state(const struct factor_description *about,
                                      const char *name);
const struct factor_action *fake_action(const struct factor_description *about,
                                        const char *name);
const struct factor_code *fake_code(const struct factor_description *about,
                                    const char *code);
const struct factor_resource *
fake_resource(const struct factor_description *about, const char *name);
bool fake_listed(const char *const *list, const char *name);

/* --- run.c: calls into the adapter, each made twice and compared --- */
json_t *fake_plan(struct factor_test *test, const struct fake_job *job);
json_t *fake_sight(struct factor_test *test, const struct fake_job *job,
                   const json_t *found);
json_t *fake_decide(struct factor_test *test, const struct fake_job *job,
                    const json_t *found);
bool fake_failed(const json_t *result);

/* --- step.c --- */
const struct factor_test_reply *fake_step(struct factor_test *test,
                                          enum fake_asker asker,
                                          const char *action, json_t *fields);

/* --- reply.c --- */
void fake_reply_clear(struct factor_test *test);
void fake_reply_failed(struct factor_test *test, const json_t *result);
void fake_reply_broken(struct factor_test *test, const char *problem);
void fake_reply_refused(struct factor_test *test, const char *code,
                        json_t *detail);
void fake_reply_sight(struct factor_test *test, const json_t *sight);
void fake_reply_decision(struct factor_test *test, const struct fake_job *job,
                         const json_t *decision);

/* --- util.c --- */
void *fake_must(void *memory);          /* aborts on NULL */
char *fake_copy_text(const char *text); /* NULL stays NULL */
json_t *fake_text(const char *text);    /* or null */
void fake_set(json_t *object, const char *key, json_t *value);
const char *fake_get(const json_t *object, const char *key);
json_int_t fake_int(const json_t *object, const char *key);
__attribute__((format(printf, 2, 3))) bool
fake_say(char *problem, const char *format, ...); /* always false */

enum { PROBLEM_LEN = 200 };

#endif
