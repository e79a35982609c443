/* SPDX-License-Identifier: MIT */
/* tests/engine_fake.h - an adapter that does as a test says, and worse.
 *
 * It waits in the state WAITING.  Action "go" counts in the record
 * "fake.counter" of the user, tells it to the audit log, keeps a secret in
 * the flow and stays; "finish" succeeds; "drop" fails; "measure" writes and
 * never comes to an end.  A misdeed is done in
 * the step beside all that, so that a test sees whether anything of the step
 * is left. */
#ifndef TESTS_ENGINE_FAKE_H
#define TESTS_ENGINE_FAKE_H

#include <stddef.h>

#include "factor/adapter.h"

enum misdeed {
    FAKE_GOOD,
    /* Decide. */
    FAKE_STATE,           /* goes on in a state that it does not declare */
    FAKE_NO_STATE,        /* ... in none */
    FAKE_CODE,            /* tells a code that it does not declare */
    FAKE_CODE_OF_OTHER,   /* ... that this action does not declare */
    FAKE_NO_VERDICT,
    FAKE_SMALL_VERDICT,   /* 1, as booleans have it */
    FAKE_ASKS_NOTHING,
    FAKE_STATUS,          /* returns a failure, after all its effects */
    /* Effects, whose refusal it does not look at. */
    FAKE_PUT_FOREIGN,     /* a collection of the host's */
    FAKE_PUT_NEW_USER,
    FAKE_PUT_BAD_USER,    /* a user's body that does not fit */
    FAKE_PUT_TWICE,
    FAKE_PUT_STALE,       /* a version that it did not read */
    FAKE_PUT_UNREAD,      /* a record that it did not read */
    FAKE_PUT_NO_V,
    FAKE_PUT_LONG_ID,
    FAKE_PUT_FLAGS,
    FAKE_REMOVE_FOREIGN,
    FAKE_REMOVE_UNREAD,
    FAKE_PUT_REMOVE,      /* the same record */
    FAKE_SEND_CHANNEL,    /* on a channel that nobody serves */
    FAKE_SEND_NO_ADDRESS,
    FAKE_SEND_NO_EXPIRY,
    FAKE_SEND_HALF_ABOUT,
    FAKE_SEND_REFUSED,    /* again, though it was told not to */
    FAKE_AUDIT_NO_NAME,
    FAKE_STRANGER_NO_NAME,
    /* Show: "go" is not even reached. */
    FAKE_MODEL_STATE,
    FAKE_MODEL_NO_STATE,
    FAKE_MODEL_ACTION,
    FAKE_MODEL_VIEW,      /* no object */
    FAKE_MODEL_FAILURE,   /* a failed state without a declared failure */
    FAKE_MODEL_STATUS,
    /* Plan. */
    FAKE_PLAN_STATUS,
    FAKE_PLAN_MANY,       /* more reads than there may be */
    FAKE_MISDEEDS,
    /* Not wrong. */
    FAKE_SENDS,           /* one message to fake.address */
    FAKE_NOTICES,         /* the same, as a notice */
    FAKE_SENDS_TWO,       /* two to it, in one step */
    FAKE_ASKS,            /* until there are answers */
    FAKE_SUBJECT,         /* "finish" names the user fake.subject */
    FAKE_STRANGER         /* counts an unknown name; sends if it may */
};

struct fake {
    enum misdeed misdeed;
    const char *address;  /* a mailbox that messages go to */
    const char *subject;
    /* What it has seen. */
    unsigned runs;        /* of "go" */
    unsigned measured;    /* rounds of "measure" */
    unsigned entropies;   /* that were not those of the run before */
    unsigned refused;     /* runs with FACTOR_STEP_SEND_REFUSED */
    unsigned secrets;     /* runs that found the secret of the one before */
    uint8_t entropy[64];
};

extern struct fake fake; /* of the thread that tests */
extern const struct factor_adapter_ops fake_ops;

#define FAKE_COUNTER "fake.counter"
#define FAKE_SECRET "moonlight-over-the-harbour" /* in the flow's data */

const char *fake_name(enum misdeed misdeed);

#endif
