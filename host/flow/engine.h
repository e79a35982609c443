/* SPDX-License-Identifier: MIT */
/* host/flow/engine.h - runs flows: one action, one attempt.
 *
 * Each function works inside one attempt (struct txn) and may be called
 * again in another after a conflict.  It sees nothing of HTTP. */
#ifndef HOST_FLOW_ENGINE_H
#define HOST_FLOW_ENGINE_H

#include <jansson.h>

#include "host/flow/flow.h"
#include "host/flow/session.h"
#include "host/host.h"

/* Beside factor_status: what an attempt may need before it can go on. */
enum {
    ENGINE_SLOW = 1, /* run it again on the slow pool */
    ENGINE_ASK = 2,  /* put the questions to their sources, run it again */
    ENGINE_LANE = 3  /* enter the lane `ret->lane`, run it again */
};

/* Who calls, and what the machinery knows; the same for each attempt but for
 * the last members.  Texts outlive the call. */
struct engine_call {
    const struct host *host;
    const char *cookie; /* the session's, or NULL */
    const char *address, *user_agent;
    int64_t arrived_ms; /* when the request came; 0: now */
    const char *const *languages;
    const char *page_host; /* of the page that asks, or NULL */
    const char *waiting;   /* engine_look: the action that would wait, or
                            * NULL: a GET */
    bool cookieless;       /* it came in a header, by the client's own hand */
    bool trusted;          /* our own look at a flow: no session asked for */
    bool on_slow_pool;
    bool in_lane;          /* of the subject */
    const json_t *answers; /* to questions of the runs before: by the asking
                            * instance, then by question; or NULL */
};

/* What an attempt gave.  JSON and texts live as long as the attempt. */
struct engine_result {
    unsigned status;    /* HTTP status of error; 0: no error */
    json_t *error;      /* the error envelope, or NULL */
    const char *flow;   /* id of the flow */
    json_t *state;      /* engine_look: the state envelope */
    bool parkable;      /* engine_look: it may change by itself */
    int64_t changes_at_ms; /* engine_look: as in struct factor_model */
    int64_t until_ms;      /* engine_look: the same caller sees the same until
                            * then, if nothing is written; 0: not known */
    char cookie[SESSION_COOKIE]; /* to be set, or "" */
    const char *lane;   /* ENGINE_LANE: whose */
    const struct factor_question *const *questions; /* ENGINE_ASK */
    const char *asker;  /* ENGINE_ASK: the adapter instance */
    int64_t answer_after_ms; /* hold the answer back so long */
};

/* Begin a flow of a policy for a client and enter its first step.
 * request: object of what the client asked for (borrowed), kept in the flow.
 * hint: who the client says the user is, already verified, or NULL. */
factor_status engine_begin(const struct engine_call *call, struct txn *txn,
                           const char *client, const struct policy *policy,
                           const char *mode, const json_t *request,
                           const json_t *hint, struct engine_result *ret,
                           struct factor_error *err);

/* Run one action; given: the request's JSON object, or NULL. */
factor_status engine_act(const struct engine_call *call, struct txn *txn,
                         const char *flow, const char *action,
                         const json_t *given, struct engine_result *ret,
                         struct factor_error *err);

/* The state as the client sees it now.  Never writes. */
factor_status engine_look(const struct engine_call *call, struct txn *txn,
                          const char *flow, struct engine_result *ret,
                          struct factor_error *err);

/* Run an operator's action (FACTOR_ACTION_OPERATOR) of an adapter for a
 * user; ret->state is its answer (object or NULL). */
factor_status engine_operate(const struct engine_call *call, struct txn *txn,
                             const struct adapter *adapter, const char *user,
                             const char *action, const json_t *given,
                             struct engine_result *ret,
                             struct factor_error *err);

/* Whose flow it is, or NULL; as long as the attempt. */
const char *engine_client(struct txn *txn, const char *flow);

struct flow_limits engine_limits(const struct host *host);

#endif
