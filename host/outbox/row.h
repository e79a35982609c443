/* SPDX-License-Identifier: MIT */
/* host/outbox/row.h - what may become of a row of the outbox, each change as
 * a part of an attempt.
 *
 *   queued --claim--> sending --settle--> sent | refused | expired
 *     ^                  |                    '-report-> delivered | refused
 *     '-- postpone ------'      (also: the lease ran out, claimed again)
 *
 * Body: v, state, channel, template, attempt, expiresAt, languages, about
 * {collection, id}?, secret {address, code?, variables?, credential?}; from
 * here on also backend, reference, reason, settledAt.  The secret goes in the
 * commit that settles the row (O1), and so does due_at_ms. */
#ifndef HOST_OUTBOX_ROW_H
#define HOST_OUTBOX_ROW_H

#include <stdbool.h>

#include "host/step/txn.h"

#define OUTBOX_COLLECTION "outbox"

enum row_result { ROW_SENT, ROW_REFUSED, ROW_EXPIRED, ROW_DELIVERED };

/* How a message ended, or why it has not.  Texts are borrowed, or NULL. */
struct row_news {
    const char *backend;   /* plugin that had it last */
    const char *reference; /* the provider's id of it */
    const char *reason;    /* one line that may be logged */
};

/* Neither sent nor refused nor expired yet. */
bool row_open(const struct record *record);
/* Whether it is too late to deliver it. */
bool row_expired(const struct record *record, int64_t now_ms);

/* It is being delivered, until due_at_ms for certain: a new attempt, or, if
 * it was claimed before, more time for the same one. */
factor_status row_claim(struct txn *txn, const struct record *record,
                        int64_t due_at_ms, struct factor_error *err);
factor_status row_renew(struct txn *txn, const struct record *record,
                        int64_t due_at_ms, struct factor_error *err);

/* It is to be tried (again) at due_at_ms.  uncount: the attempt for which it
 * was claimed did not take place. */
factor_status row_postpone(struct txn *txn, const struct record *record,
                           int64_t due_at_ms, bool uncount,
                           const struct row_news *news,
                           struct factor_error *err);

/* It has ended; the row is kept for keep_ms, or removed at once.  Unless it
 * was sent, a note is left on the record named by "about", if that is there
 * and `note` says so (D1): member "delivery" of its body. */
factor_status row_settle(struct txn *txn, const struct record *record,
                         enum row_result result, const struct row_news *news,
                         int64_t keep_ms, bool note,
                         struct factor_error *err);

/* Whether the last that is known of it is that its provider has it. */
bool row_sent(const struct record *record);
/* What the provider of one that was sent says later: ROW_DELIVERED, or
 * ROW_REFUSED with the same note as above, which tells when it was sent: a
 * later message's reader is not told of this one.  reason: NULL, none. */
factor_status row_report(struct txn *txn, const struct record *record,
                         enum row_result result, const char *reason,
                         struct factor_error *err);

#endif
