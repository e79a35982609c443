/* SPDX-License-Identifier: MIT */
/* tests/engine_rig.h - a host without HTTP, for tests of the engine.
 *
 * The adapters are the built .so files, through the real loader; the store is
 * the sqlite plugin's code, or another that a test names.  A node is one
 * engine: a database with its cache, and lanes.  A client is a browser: it
 * has a cookie, a clock and a node, and its calls run steps the way
 * host/step/job.c does, but wait for the commit:
 *
 *     engine_rig_make();
 *     engine_rig_open(&setup);
 *     ... client_begin, client_act, client_look, from any thread ...
 *     engine_rig_close();      as a stop of the daemon
 *     engine_rig_remove();
 *
 * Time is the test's: a step runs at its client's now_ms.
 */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include <stdbool.h>

#include "host/flow/engine.h"
#include "host/host.h"
#include "tests/tap.h"

/* Policies.  The first factor of each may be a hint. */
#define RIG_OTP "otp"   /* password, then otp with the limits by default */
#define RIG_FREE "free" /* password, then otp that locks only after 100 */
#define RIG_FAKE "fake" /* password, then rig_fake */
#define RIG_TWICE "twice" /* password, rig_fake, otp: two in one attempt */

#define RIG_CLIENT "app"
#define RIG_PASSWORD "2FederateM0re"
#define RIG_NOW INT64_C(1700000010000) /* in the first third of a TOTP step */

enum { RIG_NODES = 2 };

/* One engine. */
struct node {
    struct host host;
    struct keys *keys;
    struct database *database;
    struct lanes *lanes;
    struct strangers *strangers;
};

/* What the next open makes. */
struct rig_setup {
    size_t node_count;       /* 0: one */
    const char *vfs;         /* of the sqlite store, or NULL */
    const char *synchronous; /* NULL: FULL */
    const struct factor_store_ops *ops; /* a store that is there: not sqlite */
    struct factor_store *store;
    size_t volatile_bytes;   /* 0: plenty */
    /* On a writer's thread, for each record that a commit wrote. */
    void (*moved)(const struct record *record);
};

struct engine_rig {
    struct config *config;
    struct instances *instances;
    struct texts *texts;
    struct policies *policies;
    struct clients *clients;
    struct adapter *adapters; /* those of the instances, with rig_fake */
    struct keys *keys[RIG_NODES]; /* opened once */
    struct rig_setup setup;
    const struct factor_store_ops *ops; /* the front's */
    struct factor_store *store;         /* NULL: closed */
    struct node nodes[RIG_NODES];
};

extern struct engine_rig engine;

/* The adapter "fake" of the policies; set before engine_rig_make, or NULL. */
extern const struct factor_adapter_ops *rig_fake;

/* Settings beside the rig's ("flow.volatile_memory=1MiB"), at most 8, ended
 * by NULL; set before engine_rig_make, or NULL. */
extern const char *const *rig_sets;

/* Folder, configuration, plugins; a fixture's set_up and tear_down. */
int engine_rig_make(void);
int engine_rig_remove(void);

/* Why it did not open is told as a note. */
bool engine_rig_open(const struct rig_setup *setup);
void engine_rig_close(void);

/* Remove the store's files: what is opened next is empty. */
void engine_rig_forget(void);

/* --- Users. --- */

enum { RIG_ID = 37 };

/* Make a user: "NAME@example.org" if mail, a number if phone; the password is
 * RIG_PASSWORD, if it has one.  The id is put into ret_id. */
bool rig_user(const char *name, bool mail, bool phone, bool password,
              char ret_id[RIG_ID]);

enum { RIG_KEY_MAX = 64 };

/* An authenticator app, as its owner has it. */
struct rig_app {
    uint8_t key[RIG_KEY_MAX];
    size_t key_len;
};

/* Enrol one, through the operator's action. */
bool rig_enrol(const char *name, struct rig_app *ret_app);

enum { RIG_CODE = 9, RIG_STEP_MS = 30000 };

/* Its code at an instant; one that is wrong at that instant and around it. */
void rig_totp(const struct rig_app *app, int64_t now_ms, char ret[RIG_CODE]);
void rig_totp_wrong(const struct rig_app *app, int64_t now_ms,
                    char ret[RIG_CODE]);
/* Another than this code. */
void rig_other(const char *code, char ret[RIG_CODE]);

/* --- Clients. --- */

struct client_side {
    struct node *node;
    int64_t now_ms;
    bool no_lane;   /* nothing but compare-and-swap keeps others out */
    bool trusted;   /* no session is asked for */
    char cookie[SESSION_COOKIE]; /* the newest, or "" */
    const json_t *answers;       /* to questions, or NULL */
};

/* What became of a call. */
struct answer {
    factor_status st;  /* OK: it is acknowledged; else 500, and nothing is */
    bool busy;         /* 429: the lane is full */
    unsigned status;   /* 200, or the error's */
    unsigned attempts; /* that the machinery made */
    int64_t answer_after_ms;
    char flow[FLOW_ID + 1];
    char code[40];     /* of the first detail, else of the error; or "" */
    json_t *error;     /* or NULL */
};

/* The last step of a client is put into *ret; answer_clear() it. */
void client_make(struct client_side *client, size_t node);

/* hint_user: the user's id, whose first factor a hint has passed; NULL: the
 * flow begins at its first step. */
bool client_begin(struct client_side *client, const char *policy,
                  const char *hint_user, struct answer *ret);
/* given is stolen; NULL: none.  True: it was acknowledged without an error. */
bool client_act(struct client_side *client, const char *flow,
                const char *action, json_t *given, struct answer *ret);
void answer_clear(struct answer *answer);

/* Shorter, without the answer but its code: "" where all went well,
 * "BUSY", or "FAILED" for what was not acknowledged.  Good until the next
 * call on this thread. */
const char *client_do(struct client_side *client, const char *flow,
                      const char *action, json_t *given);
json_t *given_code(const char *code);
json_t *given_device(const char *id);

/* The state as GET shows it; a new reference, or NULL with ret_status. */
json_t *client_look(struct client_side *client, const char *flow,
                    unsigned *ret_status);
/* Its "status"; "" if there is none.  Good until the next call on this
 * thread. */
const char *client_state(struct client_side *client, const char *flow);
/* The id of the device of a type; false: none. */
bool client_device(struct client_side *client, const char *flow,
                   const char *type, char ret_id[RIG_ID]);

/* --- Records, as the store has them, whatever is in a cache. --- */

/* One reference; NULL: there is none. */
struct record *rig_record(const char *collection, const char *id);
/* All of an owner, up to 1,000, one reference; never NULL. */
struct record_list *rig_owned(const char *collection, const char *owner);
/* All of a collection, up to 1,000. */
struct record_list *rig_all(const char *collection);
/* The authenticator of a user on a channel ("totp", "email"). */
struct record *rig_authenticator(const char *owner, const char *channel);
int64_t rig_failures(const char *owner, const char *channel);
/* Whether the audit chain of every node holds; a note says where not. */
bool rig_audit_holds(void);

#endif
