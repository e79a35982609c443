/* SPDX-License-Identifier: MIT */
/* host/outbox/backends.h - the delivery instances of each channel, in the
 * order in which they are tried, and the breaker of each (D1).  Where an
 * address names a server of its own, that one has its own breaker, and may
 * hold only some of the calls: see scopes.h.
 *
 * One thread at a time (the outbox calls under its lock), but for
 * backend_deliver, channel_target and what is constant. */
#ifndef HOST_OUTBOX_BACKENDS_H
#define HOST_OUTBOX_BACKENDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "factor/delivery.h"
#include "host/outbox/breaker.h"

/* One configured instance.  Borrowed, with what it points to. */
struct backend_entry {
    const char *channel; /* "email" */
    const char *plugin;  /* its name, for logs */
    const struct factor_delivery_ops *ops;
    struct factor_delivery *self;
};

struct backends;
struct channel;
struct backend;
struct scope;

/* list: count of them, by channel in the order to try; threads: that will
 * deliver.  FACTOR_E_CONFIG: an instance does not serve its channel. */
factor_status backends_new(const struct backend_entry *list, size_t count,
                           unsigned threads, const struct breaker_rule *rule,
                           struct backends **ret_backends,
                           struct factor_error *err);
void backends_free(struct backends *backends); /* NULL is allowed */

/* Names of the channels, NULL-ended, for effects_set_channels(); constant. */
const char *const *backends_channels(const struct backends *backends);
size_t backends_channel_count(const struct backends *backends);
/* NULL: nothing is configured for it. */
struct channel *backends_channel(struct backends *backends, const char *name);

/* What a channel's back ends say of an address. */
struct target {
    unsigned foreign;        /* back ends that it is not for, */
    uint64_t foreign_places; /* a bit each */
    size_t place;            /* of the back end that says: */
    char scope[FACTOR_SCOPE_SIZE]; /* the server that it names, or "" */
};

/* Asks the plugins: without the lock; any thread. */
void channel_target(const struct channel *channel, const char *address,
                    struct target *ret_target);
/* The back end of this place has said that it is not for it. */
void target_not_for(struct target *target, size_t place);
/* Whether the address names a server that has not been quick: it waits behind
 * others. */
bool channel_is_stranger(const struct channel *channel,
                         const struct target *target);

/* A call under way. */
struct turn {
    struct backend *backend;
    struct scope *scope; /* or NULL */
    int64_t began_ms;    /* steady */
};

enum backend_pick {
    PICK_TAKEN, /* *ret_turn is in use until turn_done() */
    PICK_BUSY,  /* one could be used, but for the calls that it has */
    PICK_NONE   /* nobody is left to be tried */
};

/* The next back end of the channel, from *place on, which moves past those
 * that rest and past the one that is taken. */
enum backend_pick channel_take(struct channel *channel,
                               const struct target *target, int64_t steady_ms,
                               size_t *place, struct turn *ret_turn);
/* Whether a back end from this place on could be asked as well, now or when
 * it has ended other calls. */
bool channel_has_more(const struct channel *channel,
                      const struct target *target, int64_t steady_ms,
                      size_t place);
size_t channel_size(const struct channel *channel); /* back ends */
/* 0: there is one that does not rest; else how long until there is. */
int64_t channel_wait_ms(const struct channel *channel,
                        const struct target *target, int64_t steady_ms);

/* The call is over: FACTOR_DELIVERY_..., or 0: nothing was learned of it. */
void turn_done(const struct turn *turn, uint32_t result, int64_t steady_ms);
/* The call is overdue and nobody waits for it any more: a deferral, and no
 * further call until it returns, which is told by turn_returned().  That it
 * does not return is the back end's own fault, whomever it has called. */
void turn_stuck(const struct turn *turn, int64_t steady_ms);
void turn_returned(const struct turn *turn, int64_t steady_ms);

const char *backend_plugin(const struct backend *backend); /* constant */

/* Hand a message over.  The receipt's result is one of FACTOR_DELIVERY_...,
 * its texts are ended.  Without the lock; any thread. */
void backend_deliver(const struct backend *backend,
                     const struct factor_message *message,
                     struct factor_receipt *ret_receipt);

/* Whether the back end of this place takes reports, and what it makes of one:
 * FACTOR_REPORT_...  Constant; any thread. */
bool channel_takes_reports(const struct channel *channel, size_t place);
uint32_t channel_report(const struct channel *channel, size_t place,
                        const json_t *fields,
                        char ret_reason[FACTOR_REASON_SIZE]);

enum { BACKEND_REASON_SIZE = 80 * 4 + 1 };

/* What a back end said, as it may be logged (D3): its first 80 characters on
 * one line, without runs of 4 or more digits, words that hold an "@", and the
 * address. */
void backend_reason(const char *said, const char *address,
                    char ret_reason[BACKEND_REASON_SIZE]);

#endif
