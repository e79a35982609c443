/* SPDX-License-Identifier: MIT */
/* push/push.h - what the plugins that ring phones have in common: whom a
 * message is for, bodies that are wiped, time that several calls share. */
#ifndef PUSH_PUSH_H
#define PUSH_PUSH_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/delivery.h"

/* One message that is to ring a phone.  Borrowed. */
struct push_job {
    const struct factor_host *host;
    const struct factor_message *message;
    struct factor_receipt *receipt;
    struct factor_error *err;
    const char *to;     /* the address behind its kind */
    const char *device; /* id of the phone's device */
};

/* What stands behind the kind ("fcm:"); NULL: the address is of another. */
const char *push_to(const char *address, const char *kind);

/* factor_delivery_ops.scope of who calls one server only: 0, or
 * FACTOR_DELIVERY_NOT_MINE. */
uint32_t push_scope(const char *address, const char *kind);

/* Fill in to and device.  False: the message is no job, and *ret_status is
 * what deliver() returns. */
bool push_begin(struct push_job *job, const char *kind,
                factor_status *ret_status);

/* The receipt says this, with one line why.  Returns FACTOR_OK. */
factor_status push_end(const struct push_job *job, uint32_t result,
                       const char *why);
/* It was sent under the message's own id. */
void push_refer(const struct push_job *job);

/* How long one call may take of so many that the message may need; never 0,
 * which would be taken for a call that is not allowed. */
int64_t push_part_ms(const struct factor_message *message, unsigned calls);

/* Text of a member; NULL: there is none. */
const char *push_member(const json_t *object, const char *name);

/* JSON as it is sent: it holds the message's text. */
struct push_body {
    char *bytes; /* no NUL behind it; owner: whoever made it */
    size_t len;
};

/* json: stolen, or NULL.  FACTOR_E_NOMEM. */
factor_status push_body_make(json_t *json, struct push_body *ret_body);
void push_body_clear(struct push_body *body);

/* Whether a key can sign, found out at start and not at the first message;
 * why: what the operator is told if it cannot (FACTOR_E_CONFIG). */
factor_status push_try_key(const struct factor_host *host, const char *pem,
                           const char *why, struct factor_error *err);

#endif
