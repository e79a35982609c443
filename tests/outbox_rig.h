/* SPDX-License-Identifier: MIT */
/* tests/outbox_rig.h - what tests of the outbox and the sweeper stand on: a
 * real store in a folder of its own, a clock that they move, and delivery
 * back ends that do as they are told. */
#ifndef TESTS_OUTBOX_RIG_H
#define TESTS_OUTBOX_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "host/outbox/outbox.h"
#include "host/outbox/row.h"
#include "tests/tap.h"

#define RIG_START_MS INT64_C(1700000000000)
#define RIG_ADDRESS "jane.doe@example.org"
#define RIG_CODE "739182"

/* --- A back end. --- */

struct rig_seen {
    char id[FACTOR_ID_MAX + 1];
    uint32_t attempt;
    int64_t timeout_ms, lease_ms; /* lease: what was left of it */
    char text[256], subject[128], address[128], code[16], language[16];
};

/* The plugin's own type is ours to define. */
struct factor_delivery {
    pthread_mutex_t lock; /* of all below but the script */
    pthread_cond_t moved;
    struct rig_seen *seen; /* in order of the calls */
    size_t seen_count, seen_room;
    unsigned inside, most_inside;
    bool hang;         /* calls do not return while it is set */
    unsigned together; /* calls wait until so many are inside; 0: none */
    bool watch_lease;  /* look at the row in each call; set before */

    /* What it answers, set before messages come: the n-th of results, the
     * last one ever after. */
    const uint32_t *results; /* FACTOR_DELIVERY_...; NULL: sent */
    size_t result_count;
    factor_status status;
    int64_t retry_at_ms;
    const char *reason, *reference;
};

extern const struct factor_delivery_ops rig_parallel; /* any channel */
extern const struct factor_delivery_ops rig_single;   /* one at a time */
/* In parallel, and addresses name servers: "https://HOST" is one, all others
 * are not its kind. */
extern const struct factor_delivery_ops rig_scoped;

void fake_make(struct factor_delivery *fake);
void fake_clear(struct factor_delivery *fake);
size_t fake_count(struct factor_delivery *fake); /* calls so far */
/* Wait until so many calls were begun. */
bool fake_wait(struct factor_delivery *fake, size_t count);
void fake_hang(struct factor_delivery *fake, bool hang);
/* From now on. */
void fake_answer(struct factor_delivery *fake, const uint32_t *results,
                 size_t count, int64_t retry_at_ms);
/* Times that a message was handed over. */
unsigned fake_times(struct factor_delivery *fake, const char *id);

/* --- The rig: one at a time. --- */

struct rig {
    char directory[64];
    struct keys *keys;
    struct factor_store *store;
    struct database *database;
    struct texts *texts;
    struct renderer renderer;
    struct backends *backends;
    struct outbox *outbox;          /* or NULL */
    struct outbox_settings settings; /* for the next start */
    struct backend_entry entries[8]; /* likewise */
    size_t entry_count;
};

extern struct rig rig;
extern atomic_llong rig_now, rig_steady; /* the clocks */
extern atomic_bool rig_break_store;      /* commits fail, */
extern atomic_uint rig_store_failures;   /* so often */
/* Called once, between a read of this kind and its use; NULL: not. */
extern void (*rig_after_read)(void);
extern uint32_t rig_after_kind;

int64_t rig_now_ms(void);
int64_t rig_steady_ms(void);
void rig_advance(int64_t ms); /* both clocks; the outbox looks */

void rig_make(void);   /* folder, store, database; clocks at the start */
void rig_remove(void); /* all of it */
void rig_remove_files(void); /* from under it, in a process that ends */
void rig_close(void);  /* as a stop of the daemon */
void rig_open(void);
const char *rig_path(const char *name);

/* One back end more, to be tried after those before it. */
void rig_backend(const char *channel, const struct factor_delivery_ops *ops,
                 struct factor_delivery *fake);
void rig_start(void);
bool rig_stop(void);

/* --- Messages and records. --- */

struct rig_message {
    const char *channel; /* NULL: e-mail */
    const char *address; /* NULL: RIG_ADDRESS */
    const char *template_id;
    int64_t lifetime_ms; /* 0: a day */
    const char *about;   /* id of a record in "otp.authenticator" */
    json_t *variables;   /* stolen */
};

/* A step that sends it; its id is put into ret_id. */
void rig_send(const struct rig_message *message, char ret_id[23]);
/* Many of them, without more ado, a hundred to a commit. */
void rig_send_many(const char *channel, size_t count);

/* The record as it stands, one reference; NULL: there is none. */
struct record *rig_record(const char *collection, const char *id);
/* Write one. */
void rig_put(const char *collection, const char *id, json_t *body,
             int64_t expires_at_ms, int64_t due_at_ms);
/* Wait until the row is in a state; "gone": there is none. */
bool rig_wait(const char *id, const char *state);
/* Wait until so many were settled, whichever way. */
bool rig_wait_settled(uint64_t count);
/* Rows of the outbox in a state. */
size_t rig_count(const char *state);
/* The note on a record of "otp.authenticator": "refused 0", with how long
 * after RIG_START_MS it was left; "none 0".  Good until the next call. */
const char *rig_note(const char *id);
bool rig_wait_note(const char *id, const char *note);
/* Sleep a little, for a loop that waits: valgrind runs one thread at a time,
 * and not fairly. */
void rig_let_others(void);
/* Let time pass in steps until no message waits. */
bool rig_run_down(int64_t step_ms);

#endif
