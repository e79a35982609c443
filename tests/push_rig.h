/* SPDX-License-Identifier: MIT */
/* tests/push_rig.h - a host for push plugins: it signs as the real one does,
 * takes down every HTTP call, and answers what the test has laid ready.
 *
 * One plugin a program; nothing of it is for threads. */
#ifndef TESTS_PUSH_RIG_H
#define TESTS_PUSH_RIG_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "factor/test.h"

/* A call that the plugin made.  Owner: the rig, until push_forget(). */
struct push_call {
    uint32_t flags;
    int64_t timeout_ms;
    char *method, *url;
    json_t *headers; /* name in small letters to value */
    char *body;      /* with a NUL behind it */
    size_t body_len;
};

/* --- The plugin --- */

/* For a test program's set-up (0, or the object cannot be loaded) and its
 * tear-down. */
int push_load(const char *name);
int push_unload(void);
const struct factor_delivery_ops *push_ops(void);

/* An instance; settings (stolen) are completed from the declared ones.  NULL:
 * *err says why. */
struct factor_delivery *push_open(json_t *settings, struct factor_error *err);
/* The same, of settings that must be right. */
struct factor_delivery *push_must_open(json_t *settings);
void push_close(struct factor_delivery *self); /* forgets all calls, too */

/* --- Messages --- */

#define PUSH_NOW_MS INT64_C(1700000000042)
#define PUSH_DEVICE "0d2b3c5e-7a4f-4c1d-9b6e-111111111111"
#define PUSH_MESSAGE "5f0e8e0c-5a3b-4a8e-8d55-222222222222"

/* To this address, for 40 s, from PUSH_NOW_MS on; variables is the rig's. */
struct factor_message push_message(const char *address);

/* Hand it over.  The status must be FACTOR_OK. */
struct factor_receipt push_deliver(struct factor_delivery *self,
                                   const struct factor_message *message);
/* The status, which must be another. */
factor_status push_deliver_fails(struct factor_delivery *self,
                                 const struct factor_message *message,
                                 struct factor_error *ret_err);

/* The same, when the next call is answered so. */
struct factor_receipt push_result(struct factor_delivery *self,
                                  const struct factor_message *message,
                                  uint32_t status, const char *body);

/* --- HTTP --- */

/* Lay an answer ready: the calls take them one after another, and a call for
 * which there is none ends the program. */
void push_answer(uint32_t status, int64_t retry_after_ms, const char *body);
void push_fail(factor_status status, const char *text);

/* Called once while the next call is under way, before it is answered. */
void push_meanwhile(void (*run)(void *context), void *context);

size_t push_count(void);                     /* calls so far */
const struct push_call *push_call(size_t n); /* must be there */
const char *push_header(size_t n, const char *name); /* "": it has none */
json_t *push_body(size_t n); /* new reference; must be JSON */
void push_forget(void); /* calls, and answers that were not asked for */

/* --- Keys and statements --- */

EVP_PKEY *push_new_key(const char *type); /* "EC" or "RSA" */
char *push_pem(EVP_PKEY *key);            /* the caller's, by free() */

/* base64url; both results are the caller's, by free(). */
char *push_encode(const void *bytes, size_t len);
uint8_t *push_decode(const char *text, size_t *ret_len);

/* Claims of a compact JWS that this key has signed, new reference; the header
 * too unless it is NULL.  NULL: it has not. */
json_t *push_verify(const char *statement, EVP_PKEY *key, json_t **ret_head);

/* How many statements were signed. */
unsigned push_signed(void);

/* Whether a text of an object is this one. */
bool push_says(const json_t *object, const char *member, const char *text);

#endif
