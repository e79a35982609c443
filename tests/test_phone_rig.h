/* SPDX-License-Identifier: MIT */
/* tests/test_phone_rig.h - a phone on fake callbacks, and a fake host behind
 * its transport: small, but it verifies every statement. */
#ifndef TESTS_TEST_PHONE_RIG_H
#define TESTS_TEST_PHONE_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "phone/phone.h"

#define RIG_ISSUER "https://sso.example.org"
#define RIG_ENDPOINT RIG_ISSUER "/env-1/mobile"
#define RIG_KEY "7KQ2MX9ATB4DJW3R"
#define RIG_NOW_MS INT64_C(1700000000000)
#define RIG_SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define RIG_APPLICATION "app-1"

enum { RIG_CALLS = 64, RIG_TURNS = 16 };

/* What happens to a call instead of an answer by the host. */
enum rig_fate {
    RIG_PASS = 0,
    RIG_LOST_BEFORE, /* the host never sees it */
    RIG_LOST_AFTER,  /* the host acts, and its answer is lost */
    RIG_REPLY        /* this status and body come back */
};

struct rig_turn {
    enum rig_fate fate;
    long http;
    const char *body;
    size_t len; /* 0: strlen(body) */
};

/* One call as it was sent. */
struct rig_call {
    char url[600];
    unsigned wait_s;
    bool locked;
    json_t *body; /* NULL: GET */
    char *statement;
};

/* The host. */
struct rig_host {
    const char *issuer, *endpoint;
    const char *applications; /* JSON */
    json_t *jwks;             /* of ISSUER/pf/JWKS */
    int64_t ahead_ms;         /* of the phone's clock */
    int64_t slack_s;          /* iat may be so far off */
    const char *device, *user, *user_name;
    const char *check;        /* instead of the right one */
    const char *pair_issuer;  /* instead of its own, in answers */
    bool no_passcode;
    json_t *key;              /* of the device; NULL: not paired */
    char *claimed_by;         /* thumbprint of the key that claimed RIG_KEY */
    int64_t last_ms;          /* highest iat_ms */
    json_t *requests;         /* that wait */
    const char *number;       /* the right one; NULL: none is wanted */
    char *answered;           /* the last statement that answered */
    const char *result;       /* what it was told */
    json_t *claims;           /* of the last good statement */
    char *push;               /* NULL: none */
    const char *no_result;    /* instead of the result */
};

struct rig {
    struct factor_phone *phone;
    struct rig_host host;
    /* storage */
    char *blob;
    size_t blob_len;
    bool load_fails, lock_fails;
    int saves, saves_left; /* below 0: no limit; 0: the next one fails */
    int saves_fail;        /* so many fail, then they go on */
    bool locked;
    /* transport */
    struct rig_turn turns[RIG_TURNS];
    size_t turn, turn_count;
    struct rig_call calls[RIG_CALLS];
    size_t call_count;
    bool called_back;        /* in load, save or send now */
    void (*meanwhile)(void); /* run once, while a call is under way */
    /* clock and randomness */
    int64_t now_ms;
    const void *key_bytes; /* 32, for the next key; then counted ones again */
    unsigned char random;
    bool random_fails;
};

extern struct rig rig;

/* A fresh rig, and the end of it. */
void rig_open(void);
void rig_close(void);
/* Its callbacks. */
struct factor_phone_io rig_io(void);
/* Another phone on the same storage and host. */
void rig_restart(void);

/* Add a turn. */
void rig_lose(enum rig_fate fate);
void rig_reply(long http, const char *body);

/* Calls whose URL ends in this. */
size_t rig_count(const char *ending);
const struct rig_call *rig_last(const char *ending);
/* The claims of the statement of a call. */
json_t *rig_claims(const struct rig_call *call);

/* A link for the rig's host; with the fingerprint of its first key. */
struct factor_phone_link rig_link(void);
extern const struct factor_phone_about rig_about;

/* Pair; the test fails if that fails. */
void rig_pair(void);
/* A request that waits: an object of the protocol's, of this kind. */
json_t *rig_add_request(const char *id, const char *kind);
/* The state as JSON; the caller's. */
json_t *rig_state(void);
/* Texts of an object. */
const char *rig_text(const json_t *object, const char *member);

#endif
