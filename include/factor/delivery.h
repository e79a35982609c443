/* SPDX-License-Identifier: MIT */
/* factor/delivery.h - the contract of a delivery back end.
 *
 * deliver() runs on a worker of the outbox after the step that sent the
 * message was committed.  Delivery is at least once: the same message.id may
 * come again after a crash, and a back end passes it on as the provider's
 * idempotency key where there is one.
 */
#ifndef FACTOR_DELIVERY_H
#define FACTOR_DELIVERY_H

#include "factor/base.h"
#include "factor/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_delivery; /* the plugin's own */

/* One message, its texts rendered in the user's language.  Borrowed. */
struct factor_message {
    uint32_t struct_size;
    uint32_t attempt;        /* 1 for the first */
    const char *id;          /* stable over attempts and back ends */
    const char *channel;     /* "email", "sms", "voice", "push" */
    const char *address;
    const char *template_id;
    const char *language;    /* in which the texts are */
    const char *subject;     /* or NULL: the channel has none */
    const char *text;        /* may hold a live code: never log it */
    const char *code;        /* or NULL; never log it */
    const struct json_t *variables;  /* object; never log it */
    const struct json_t *credential; /* or NULL; never log it */
    int64_t now_ms;
    int64_t timeout_ms;      /* give up and return after this long */
    int64_t expires_at_ms;
    const char *report_url;  /* where the provider may report what became of
                              * this message, see report(); never log it; NULL:
                              * the instance takes no reports */
};

/* Only a plain yes or a plain no ends a message; everything else, and a
 * receipt left at zero, is deferred. */
enum {
    FACTOR_DELIVERY_SENT = 1,
    FACTOR_DELIVERY_DEFERRED = 2,        /* try again: later, or elsewhere */
    FACTOR_DELIVERY_REFUSED_ADDRESS = 3, /* no other back end will do */
    FACTOR_DELIVERY_REFUSED_ACCOUNT = 4, /* ours: another back end may do */
    FACTOR_DELIVERY_NOT_MINE = 5, /* an address of another back end's kind:
                                   * the next one, and nobody's fault */
    FACTOR_DELIVERY_DEFERRED_THERE = 6 /* as DEFERRED, by a server that the
                                  * address names: says nothing of others */
};

enum { FACTOR_SCOPE_SIZE = 288 }; /* with the NUL: an origin fits */

/* Addresses of the channel "push" begin with the kind of service that they
 * belong to and a colon: "webpush:", "fcm:", "apns:", "webhook:". */

/* What a provider reports of a message that it had taken (SENT). */
enum {
    FACTOR_REPORT_NOTHING = 0,    /* nothing new, or nothing that we know */
    FACTOR_REPORT_DELIVERED = 1,  /* it has arrived */
    FACTOR_REPORT_UNDELIVERED = 2 /* it will not arrive */
};
enum { FACTOR_REASON_SIZE = 160 };

/* Zeroed by the host. */
struct factor_receipt {
    uint32_t struct_size;
    uint32_t result;       /* FACTOR_DELIVERY_... */
    int64_t retry_at_ms;   /* a deferring back end's wish; 0: host decides */
    char reference[96];    /* provider's id of the message, or "" */
    char reason[FACTOR_REASON_SIZE]; /* one line for the operator; the host
                            * takes out what may not be logged */
};

enum {
    FACTOR_DELIVERY_PARALLEL = 1 << 0 /* else: one deliver() at a time */
};

/* What a delivery back end does.  Owner: plugin. */
struct factor_delivery_ops {
    uint32_t struct_size;
    uint32_t flags;               /* FACTOR_DELIVERY_PARALLEL */
    const char *const *channels;  /* that it serves; NULL: any */

    /* As factor_adapter_ops.init. */
    factor_status (*init)(const struct factor_host *host,
                          const struct json_t *settings,
                          struct factor_delivery **ret_self,
                          struct factor_error *err);
    /* Hand over one message; may block up to message.timeout_ms.  A negative
     * status counts as deferred, with err->text as its reason. */
    factor_status (*deliver)(struct factor_delivery *self,
                             const struct factor_message *message,
                             struct factor_receipt *ret_receipt,
                             struct factor_error *err);
    /* Release the instance; NULL is allowed.  Alone. */
    void (*fini)(struct factor_delivery *self);
    /* What adapters may tell clients of the instance: object of strings,
     * owner: instance; asked once, behind init.  NULL: nothing. */
    const struct json_t *(*publish)(const struct factor_delivery *self);
    /* To whom a message to this address would be handed: the origin of the
     * server that the address names, in printable ASCII, into ret_scope, which
     * is "" before.  The host then counts deferrals for that server alone, and
     * lets it hold only some of its threads.  Returns 0, or
     * FACTOR_DELIVERY_NOT_MINE: deliver() need not be asked.  Pure and quick,
     * any thread.  NULL: all messages go to one and the same. */
    uint32_t (*scope)(const struct factor_delivery *self, const char *address,
                      char ret_scope[FACTOR_SCOPE_SIZE]);
    /* What somebody who knows a message's report_url said there: fields is an
     * object of what the query and the body hold (a form, or a JSON object).
     * Returns FACTOR_REPORT_...; ret_reason, "" before: one line for the
     * operator, of which the host takes out what may not be logged.  Pure and
     * quick, any thread.  NULL: no reports. */
    uint32_t (*report)(const struct factor_delivery *self,
                       const struct json_t *fields,
                       char ret_reason[FACTOR_REASON_SIZE]);
};

#ifdef __cplusplus
}
#endif

#endif
