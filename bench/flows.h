/* SPDX-License-Identifier: MIT */
/* bench/flows.h - sign-ons, step by step, and plans of many of them. */
#ifndef BENCH_FLOWS_H
#define BENCH_FLOWS_H

#include "bench/bench.h"
#include "bench/sign.h"

struct phone;

/* One sign-on of one user. */
struct flow {
    uint32_t user;
    uint32_t code;       /* plus one; 0: has not come */
    struct phone *phone; /* or NULL */
    char *hint;
    char id[31], cookie[64], device[40], auth_code[64];
    char number[16], challenge[32], request[64], page[64]; /* of a push */
};

enum flow_step {
    STEP_END = 0, /* so that a list of steps ends by itself */
    /* OTP */
    STEP_AUTHORIZE,
    STEP_SELECT,
    STEP_CHECK,
    STEP_CONTINUE,
    STEP_TOKEN,
    /* push */
    STEP_AUTHENTICATE,
    STEP_SELECT_PHONE,
    STEP_REQUESTS,
    STEP_ANSWER,
    STEP_POLL,
    /* pairing of a phone; the first two on the control socket */
    STEP_ADD_DEVICE,
    STEP_PAIRING_KEY,
    STEP_PAIR,
    /* a back end */
    STEP_WORKER,
    STEP_FIND_USER,
    STEP_MAILBOX,
    STEP_NUMBER,
    STEP_APP,
    STEP_LIST,
    STEP_BEGIN,
    STEP_OTP_CHECK,
    STEP_COUNT
};

/* Many flows, each taken once through some steps. */
struct plan {
    const struct bench *bench;
    const char *client, *acr;
    struct flow *flows;
    size_t count;
    const enum flow_step *steps;
    bool each;           /* note each request's time, not the whole flow's */
    atomic_size_t next;  /* flow that nobody has taken yet */
    atomic_size_t done, failed;
    atomic_llong waited_ns; /* all flows together, for their messages */
    char failure[512];   /* the first one */
    atomic_flag told;
};

/* What a step asks, and what must be in the answer. */
struct step_kind {
    const char *name;
    /* Puts the request; false: it cannot be made yet. */
    bool (*ask)(struct conn *conn, const struct plan *plan,
                struct flow *flow);
    const char *expect;
    /* Keeps what later steps need; NULL: nothing; false: it is not there. */
    bool (*take)(struct flow *flow, const struct reply *reply);
};

extern const struct step_kind push_steps[STEP_COUNT];

/* POST of an action to a flow. */
void flow_act(struct conn *conn, const struct plan *plan,
              const struct flow *flow, const char *action, const char *body);

/* The verifier of all flows (PKCE); its challenge is worked out once. */
void flows_open(struct bench *bench);
void flows_close(void);
/* JWK Set of who signs the hints. */
const char *flows_jwks(void);

/* New flows of users in scattered order, their hints signed. */
struct flow *flows_make(const struct bench *bench, const char *client,
                        size_t count);
void flows_free(struct flow *flows, size_t count);
/* A hint of one flow's user. */
char *flow_hint(const struct bench *bench, const char *client, uint32_t user);

/* Takes all flows through the plan's steps; load has the result.  Dies if one
 * in a hundred fails. */
void plan_run(struct plan *plan, struct load *load);
/* The turn function of a plan, for load->turn, context: the plan. */
enum turn plan_turn(struct conn *conn, const struct reply *reply);

/* Takes flows to OTP_REQUIRED, and reads their codes.  Returns how long. */
int64_t flows_prepare(struct bench *bench, const char *client,
                      struct flow *flows, size_t count);

#endif
