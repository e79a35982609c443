/* SPDX-License-Identifier: MIT */
/* factor/step.h - one step: what an adapter is given and what it answers.
 *
 * Whatever arrives (an action of a client, of an operator, a REST call) is a
 * step: plan the reads, see the snapshot, decide, commit.  The host may run
 * a step again with newer records after a lost compare-and-swap, or with
 * more knowledge (answers, FACTOR_STEP_SEND_REFUSED); nothing of the run
 * before remains.
 */
#ifndef FACTOR_STEP_H
#define FACTOR_STEP_H

#include "factor/base.h"
#include "factor/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_resource; /* factor/resource.h */

/* Who asks, as far as the host knows.  Borrowed. */
struct factor_request {
    uint32_t struct_size;
    uint32_t flags;                /* 0 */
    const char *client;            /* OAuth client id, or NULL */
    const char *client_name;       /* as the operator calls it, or NULL */
    const char *page_host;         /* host of the page that asks, or NULL */
    const char *acr;               /* acr of the policy that runs, or NULL */
    const char *address;           /* source address as text, or NULL */
    const char *user_agent;        /* or NULL */
    const char *const *languages;  /* best first, lower case; never NULL */
    const char *known_user; /* who last signed on with this browser, or NULL */
    const struct json_t *parameters; /* object: tracked HTTP parameters */
    int64_t arrived_at_ms; /* now_ms, but for a request that has waited: what
                            * it says of its own time is as of then */
};

/* The flow that a step belongs to, as the last step left it.  Borrowed. */
struct factor_flow {
    uint32_t struct_size;
    uint32_t flags;            /* 0 */
    const char *id;
    const char *state;         /* of this adapter; NULL: it is starting */
    const struct json_t *data; /* what its last step saved; NULL: nothing */
    int64_t started_at_ms;
    int64_t expires_at_ms;     /* absolute end of the flow */
};

enum {
    /* The host's limits on messages refuse what the step sent when it ran
     * before: decide without host->send(). */
    FACTOR_STEP_SEND_REFUSED = 1 << 0
};

/* Input of one step.  All borrowed; entropy is fresh, and the same when the
 * host runs the step again.  plan_reads sees it without reads and answers. */
struct factor_step {
    uint32_t struct_size;
    uint32_t flags;          /* FACTOR_STEP_... */
    int64_t now_ms;
    const uint8_t *entropy;  /* random bytes, never the same twice, */
    size_t entropy_len;      /* at least 64 of them */
    const struct factor_flow *flow;       /* NULL: no flow (operator, REST) */
    const struct factor_request *request; /* never NULL */
    const char *subject;          /* user id, or NULL: nobody yet */
    const char *action;           /* NULL: the flow enters the adapter */
    const struct json_t *fields;  /* object; fits the action's table (in
                                   * plan_reads: empty if it does not); REST:
                                   * the body */
    const struct json_t *inputs;  /* object: mapped by the policy */
    const struct json_t *answers; /* object by question name, or NULL */
    const struct factor_resource *resource; /* REST: which; else NULL */
    const struct json_t *path;    /* REST: object of path variables; or NULL */
    const struct json_t *query;   /* REST: object of query strings; or NULL */
    size_t read_count;
    const struct factor_records *const *reads; /* in the order of the plan */
    struct factor_arena *arena;     /* for host->alloc */
    struct factor_effects *effects; /* for host->put, send, ... */
};

/* The only record of planned read number n, or NULL if it found none. */
static inline const struct factor_record *
factor_read_one(const struct factor_step *step, size_t n)
{
    if (n >= step->read_count || step->reads[n]->count == 0)
        return NULL;
    return step->reads[n]->records[0];
}

/* Zero is no verdict: a step that forgets to decide fails closed.  The values
 * differ in 12 or more bits, so no few bit flips pass one for another. */
#define FACTOR_CONTINUE UINT32_C(0x2ab3a29b) /* stay in this adapter */
#define FACTOR_SUCCESS UINT32_C(0x5c9d4e36)  /* on to the next policy step */
#define FACTOR_FAILURE UINT32_C(0x716ef1c8)  /* the policy fails */
#define FACTOR_ASK UINT32_C(0x8d50395e)      /* run again with answers */

/* Kinds of factor (NIST SP 800-63B, 4.2): "mfa" is given in amr only when two
 * different kinds were used in one flow. */
enum {
    FACTOR_KIND_KNOWLEDGE = 1 << 0,
    FACTOR_KIND_POSSESSION = 1 << 1,
    FACTOR_KIND_INHERENCE = 1 << 2
};

/* One problem with the user's input.  Lives as long as the step. */
struct factor_detail {
    uint32_t struct_size;
    int32_t attempts_remaining; /* -1: not told; 0 tells "none left" */
    const char *code;           /* a declared detail code */
    const char *target;         /* name of the field, or NULL */
    const char *text;           /* key of the user's text; NULL: as declared */
    int64_t retry_at_ms;        /* instant from which it may work; 0: none */
    const struct json_t *inner; /* object of further members, or NULL */
    const char *message;        /* for developers, one English sentence; NULL:
                                 * as the code is declared */
};

/* A question for a source.  Lives as long as the step. */
struct factor_question {
    uint32_t struct_size;
    uint32_t flags;             /* 0 */
    const char *name;           /* key of its answer in step.answers */
    const char *source;         /* instance name of the source */
    const struct json_t *input; /* object; what the source documents */
    int64_t deadline_ms;        /* how long it may take, ms; 0: as configured */
};

/* Output of one step, zeroed by the host before the call.  Texts and arrays
 * live as long as the step, or are constants.
 *
 * A wrong code is an outcome: verdict FACTOR_CONTINUE, the state, a detail,
 * and the put that counts the failure; all of it is committed.  With details
 * the client is answered an error (400), without the state that follows. */
struct factor_outcome {
    uint32_t struct_size;
    uint32_t verdict;       /* FACTOR_CONTINUE ... */
    const char *state;      /* CONTINUE: the state that follows */
    struct json_t *data;    /* stolen; CONTINUE: what the next step is to
                             * find in flow.data; NULL: as it was.  Its member
                             * "secret" is sealed. */
    const char *subject;    /* SUCCESS of a first factor: user id */
    struct json_t *attributes; /* stolen; SUCCESS: object, or NULL */
    const char *const *amr; /* SUCCESS: RFC 8176 values, or NULL */
    uint32_t kinds;         /* SUCCESS: FACTOR_KIND_... that were proven */
    uint32_t status;        /* REST: HTTP status; 0: 200 */
    struct json_t *body;    /* stolen; REST and operator actions: the answer */
    const struct factor_detail *const *details;     /* or NULL */
    const struct factor_question *const *questions; /* ASK */
    int64_t changes_at_ms;  /* REST: first instant at which the answer would
                             * differ without a write; 0: never */
    const char *next;       /* REST, pages: where the next one begins (query
                             * string "after" of its step); NULL: it ends */
};

/* What the client sees now, zeroed by the host before the call. */
struct factor_model {
    uint32_t struct_size;
    uint32_t flags;             /* 0 */
    const char *state;          /* a declared state */
    struct json_t *view;        /* stolen; object of public members; or NULL */
    const char *const *actions; /* declared actions that apply now */
    const char *failure;        /* failed states: a declared code; else NULL */
    int64_t changes_at_ms;      /* first instant at which this would differ
                                 * without a write; 0: never */
};

#ifdef __cplusplus
}
#endif

#endif
