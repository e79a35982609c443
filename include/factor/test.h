/* SPDX-License-Identifier: MIT */
/* factor/test.h - a host in memory, to test a plugin without a daemon.
 *
 *     struct factor_test *test;
 *     const struct factor_test_reply *reply;
 *
 *     test = factor_test_new(&plugin, json_pack("{s:i}", "tries", 3), &err);
 *     factor_test_add_user(test, "u1", "joe", NULL);
 *     factor_test_begin(test, "u1", NULL);
 *     reply = factor_test_enter(test);
 *     reply = factor_test_act(test, "checkPin", json_pack("{s:s}", "pin", p));
 *     assert(reply->kind == FACTOR_TEST_SUCCESS);
 *     factor_test_free(test);
 *
 * Each step goes the way of the real one: plan_reads, snapshot,
 * get_state_model (does the action apply?), fields against their table,
 * handle_action, outcome and effects against the declared model, commit,
 * get_state_model for the answer.  Besides, the library checks what an
 * adapter promises: every function runs twice and must answer the same, what
 * it is given stays unchanged, members of records that it does not know are
 * kept, and a model stays as it is until its changes_at_ms.  A promise that
 * is broken gives a reply of kind FACTOR_TEST_BROKEN, which says so in
 * .problem, and nothing is committed.
 *
 * Rules of this header, beside those of factor/base.h:
 *   JSON given to a function is stolen, NULL is none; json_pack() fits in
 *   JSON got from a function or a reply is borrowed until the next call
 *   threads: one thread per struct factor_test
 *   out of memory: the library calls abort()
 */
#ifndef FACTOR_TEST_H
#define FACTOR_TEST_H

#include "factor/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_test; /* one fake host with one instance of one plugin */

/* Who the fake host is.  Its JOSE calls are the real ones. */
#define FACTOR_TEST_BASE_URL "https://host.test"
#define FACTOR_TEST_ENVIRONMENT "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
#define FACTOR_TEST_ISSUER_THUMBPRINT                                          \
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

/* What came of a step, from the client's side. */
enum {
    FACTOR_TEST_STATE = 1,   /* 200: .state, .model */
    FACTOR_TEST_ERROR = 2,   /* 400 by the adapter, committed: .details; REST:
                              * .http_status, .retry_after_s too */
    FACTOR_TEST_SUCCESS = 3, /* the adapter is done */
    FACTOR_TEST_FAILURE = 4, /* the policy fails, committed */
    FACTOR_TEST_ASK = 5,     /* a question has no answer: .questions */
    FACTOR_TEST_REFUSED = 6, /* 400 by the host before handle_action */
    FACTOR_TEST_ANSWER = 7,  /* REST or operator, committed: .body */
    FACTOR_TEST_UNEXPECTED = 8, /* 500: the plugin returned .status */
    FACTOR_TEST_BROKEN = 9,     /* it broke the contract: .problem */
    FACTOR_TEST_WAIT = 10 /* REST: as ANSWER, of a caller that does not wait;
                           * for another the host would commit nothing and
                           * run it again when a record moves */
};

/* Filled by every run; valid until the next one.  Lists are never NULL. */
struct factor_test_reply {
    int kind;              /* FACTOR_TEST_... */
    factor_status status;  /* UNEXPECTED: what was returned */
    const char *problem;   /* BROKEN, UNEXPECTED: why, one line; else "" */
    const char *code;      /* ERROR, REFUSED: top-level code;
                            * failed states: the failure; else NULL */
    const char *state;     /* STATE: the state that the client sees */
    const struct json_t *model;   /* STATE: body as the client gets it */
    int64_t changes_at_ms;        /* STATE: as in struct factor_model; ANSWER,
                                   * WAIT: as in struct factor_outcome */
    const struct json_t *details; /* array: code, target, userMessage, ...;
                                   * REST: code, message, innerError, ... */
    const struct json_t *sends;   /* array: channel, address, template_id,
                                   * code, variables, credential, ... */
    const struct json_t *audits;  /* array: event, fields */
    const struct json_t *puts;    /* array: collection, id, owner, name,
                                   * version (the one read), body, ... */
    const struct json_t *removes; /* array: collection, id, version */
    const struct json_t *unknown; /* array of strings: unknown names counted */
    const struct json_t *questions; /* array: name, source, input, ... */
    const char *subject;            /* SUCCESS: or NULL */
    const struct json_t *attributes; /* SUCCESS: object, or NULL */
    const struct json_t *amr;        /* SUCCESS: array of strings */
    uint32_t kinds;                  /* SUCCESS: FACTOR_KIND_... */
    uint32_t http_status;            /* ANSWER, WAIT: 200 unless set */
    const struct json_t *body;       /* ANSWER, WAIT: or NULL */
    int64_t retry_after_s;           /* REST: Retry-After; 0: none */
    const struct json_t *decision;   /* all of the outcome and the effects
                                      * as one object, or NULL */
};

/* --- Building --- */

/* The plugin in a shared object; it stays mapped until the process ends.
 * NULL: *err says why. */
const struct factor_plugin *factor_test_load(const char *path,
                                             struct factor_error *err);

/* Check the plugin's tables, complete the settings (an object) from the
 * declared ones and build an instance; of any kind of plugin.  Relative paths
 * are completed with the working directory.  NULL: *err says why. */
struct factor_test *factor_test_new(const struct factor_plugin *plugin,
                                    struct json_t *settings,
                                    struct factor_error *err);
void factor_test_free(struct factor_test *test); /* NULL is allowed */

/* What the last init() said of its settings (host->setting_problem): array of
 * "POINTER: what is wrong". */
const struct json_t *factor_test_problems(void);

/* What a back end publishes (host->published), from now on for all fake hosts
 * of the process; plugin NULL: nothing. */
void factor_test_publish(const char *plugin, const char *name,
                         const char *value);

/* The instance, for calling the ops of a delivery, source or store. */
void *factor_test_instance(const struct factor_test *test);

/* The fake's table, for calling an init by hand. */
const struct factor_host *factor_test_host(void);

/* --- Time and chance --- */

/* The clock starts at 1,700,000,000,000 and moves only by these. */
int64_t factor_test_now(const struct factor_test *test);
void factor_test_set_now(struct factor_test *test, int64_t now_ms);
void factor_test_advance(struct factor_test *test, int64_t ms);

/* Entropy is made from a seed (1) and the number of the step. */
void factor_test_set_seed(struct factor_test *test, uint64_t seed);

/* --- Records: what is durable --- */

/* Write a record, its version one higher than before. */
void factor_test_seed(struct factor_test *test, const char *collection,
                      const char *id, const char *owner, const char *name,
                      struct json_t *body);

/* A user record, enabled, with these attributes. */
void factor_test_add_user(struct factor_test *test, const char *id,
                          const char *username, struct json_t *attributes);

/* Body and version of a record; NULL and 0: there is none.  Member "secret"
 * is in clear. */
const struct json_t *factor_test_record(const struct factor_test *test,
                                        const char *collection,
                                        const char *id);
uint64_t factor_test_version(const struct factor_test *test,
                             const char *collection, const char *id);

/* All records: array of objects collection, id, owner, name, version,
 * expires_at_ms, body; and the same to replace them all. */
const struct json_t *factor_test_records(const struct factor_test *test);
void factor_test_set_records(struct factor_test *test, struct json_t *records);

/* Name of a record as the fake makes it, in clear: "keyed:PURPOSE:HEX".
 * ret_name takes FACTOR_NAME_MAX + 1 bytes. */
void factor_test_keyed_name(const char *purpose, const void *bytes, size_t len,
                            char *ret_name);

/* --- The flow and who asks --- */

/* Forget the flow and begin another, of this user (NULL: nobody yet) and with
 * these inputs (object).  It ends after 30 min. */
void factor_test_begin(struct factor_test *test, const char *subject,
                       struct json_t *inputs);

/* Put the flow into a state, with its data. */
void factor_test_set_flow(struct factor_test *test, const char *state,
                          struct json_t *data);
const char *factor_test_flow_state(const struct factor_test *test);
const struct json_t *factor_test_flow_data(const struct factor_test *test);

/* Members as in struct factor_request: client, acr, address, user_agent,
 * client_name, page_host, known_user (strings), languages (array), parameters
 * (object), arrived_at_ms (integer).  What is not given is as the fake makes
 * it. */
void factor_test_set_request(struct factor_test *test, struct json_t *request);

/* Answer to the question of this name, in all later steps; NULL: none. */
void factor_test_set_answer(struct factor_test *test, const char *name,
                            struct json_t *answer);

/* Refuse what steps send: they are run again with FACTOR_STEP_SEND_REFUSED. */
void factor_test_refuse_sends(struct factor_test *test, int refuse);

/* Call once between the next decision and its commit.  What it seeds makes
 * the compare-and-swap fail, and the step runs again. */
void factor_test_before_commit(struct factor_test *test,
                               void (*race)(struct factor_test *test,
                                            void *context),
                               void *context);

/* --- Running --- */

/* The flow enters the adapter.  Starts it anew if it already had a state. */
const struct factor_test_reply *factor_test_enter(struct factor_test *test);

/* An action with its fields: of the client, of the user's device, of an
 * operator (without a flow, about the user of factor_test_begin). */
const struct factor_test_reply *factor_test_act(struct factor_test *test,
                                                const char *action,
                                                struct json_t *fields);
const struct factor_test_reply *factor_test_device(struct factor_test *test,
                                                   const char *action,
                                                   struct json_t *fields);
const struct factor_test_reply *factor_test_operator(struct factor_test *test,
                                                     const char *action,
                                                     struct json_t *fields);

/* What the client sees now; writes nothing. */
const struct factor_test_reply *factor_test_get(struct factor_test *test);

/* A REST resource by its declared name; the body becomes step.fields. */
const struct factor_test_reply *
factor_test_resource(struct factor_test *test, const char *name,
                     struct json_t *path, struct json_t *query,
                     struct json_t *body);

/* Does the model of the reply offer this action? */
int factor_test_offers(const struct factor_test_reply *reply,
                       const char *action);

/* Does the reply have a detail of this code? */
int factor_test_has_detail(const struct factor_test_reply *reply,
                           const char *code);

/* --- Calls of host->http() ---
 *
 * All fake hosts of a process share one table, since the call names none; any
 * thread.  Calls that the real host would not make are refused alike. */

/* Answer the next call of this URL so; the last answer for a URL is given
 * again and again.  status 0: no answer comes (FACTOR_E_IO).  A URL that has
 * no answer at all gets none either. */
void factor_test_answer_http(const char *url, uint32_t status,
                             const char *body, int64_t retry_after_ms);

/* Calls so far, a new reference: array of objects method, url, headers (array
 * of "Name: value"), body (string; null: none, or no UTF-8), body_hex, flags,
 * timeout_ms, refused (why it would not be made, or null). */
struct json_t *factor_test_http_calls(void);

/* Forget answers and calls. */
void factor_test_clear_http(void);

/* --- Making host calls fail --- */

enum {
    FACTOR_TEST_CALL_ANY = 0,
    FACTOR_TEST_CALL_ALLOC = 1,
    FACTOR_TEST_CALL_READ = 2, /* each of read_... */
    FACTOR_TEST_CALL_PUT = 3,
    FACTOR_TEST_CALL_REMOVE = 4,
    FACTOR_TEST_CALL_SEND = 5,
    FACTOR_TEST_CALL_AUDIT = 6,
    FACTOR_TEST_CALL_UNKNOWN = 7 /* count_unknown */
};

/* The n-th call of this sort from now on (1 is the next) fails once with
 * FACTOR_E_NOMEM.  The step must then fail; one that goes on is BROKEN. */
void factor_test_fail(struct factor_test *test, int call, unsigned n);

/* --- Drivers --- */

/* What a driver found. */
struct factor_test_result {
    int ok;            /* nothing was wrong, and something was tried */
    unsigned tries;    /* steps tried (walk), failures planted (each) */
    char problem[500]; /* the first thing that was wrong; else "" */
};

/* Repeat a scenario while the 1st, 2nd, ... host call fails, until none is
 * left to fail.  A failed step must return an error; it is then run again, as
 * the client would, so the scenario sees the same replies every time and
 * keeps its own assertions.  Each round has a fresh struct factor_test.
 * settings: borrowed, or NULL. */
struct factor_test_result
factor_test_each_failure(const struct factor_plugin *plugin,
                         const struct json_t *settings,
                         void (*scenario)(struct factor_test *test,
                                          void *context),
                         void *context);

/* From where the flow is now, try every declared action and every field:
 * missing, too long, of each wrong type, unknown, and with odd values that
 * fit.  What does not apply must be refused; what reaches the adapter must be
 * answered within the declared model.  Nothing of it is committed. */
struct factor_test_result factor_test_walk(struct factor_test *test);

/* A declared state in which nobody has walked yet, or NULL. */
const char *factor_test_unwalked(const struct factor_test *test);

#ifdef __cplusplus
}
#endif

#endif
