/* SPDX-License-Identifier: MIT */
/* host/outbox/scopes.h - the servers that addresses name, for one back end.
 *
 * Such a server may be anybody's, so what becomes of its messages counts for
 * it alone, and it may not hold all workers: one of them is left to others,
 * and those that were slow the last time, or were never called, share half.
 *
 * The table has a fixed size.  When it is full the one that was used longest
 * ago is forgotten, slow ones before the rest: who invents names pushes out
 * none that works.
 *
 * Times are steady.  One thread at a time. */
#ifndef HOST_OUTBOX_SCOPES_H
#define HOST_OUTBOX_SCOPES_H

#include "factor/delivery.h"
#include "host/outbox/breaker.h"

struct scopes;
struct scope;

enum {
    SCOPES_KEPT = 64,      /* besides those that are called just now */
    SCOPE_PROMPT_MS = 1000 /* a call that took longer was slow */
};

/* calls: of the back end at a time.  NULL: out of memory. */
struct scopes *scopes_new(const struct breaker_rule *rule, unsigned calls);
void scopes_free(struct scopes *scopes); /* NULL is allowed */

enum scope_state {
    SCOPE_FREE, /* it may be called */
    SCOPE_BUSY, /* it has the calls that it may have */
    SCOPE_RESTS
};

enum scope_state scopes_state(const struct scopes *scopes, const char *name,
                              int64_t steady_ms);
/* How long a scope still rests; 0. */
int64_t scopes_wait_ms(const struct scopes *scopes, const char *name,
                       int64_t steady_ms);
/* Whether its last call was quick. */
bool scopes_prompt(const struct scopes *scopes, const char *name);

/* A call to one that is SCOPE_FREE begins, and ends: FACTOR_DELIVERY_..., or
 * 0: nothing was learned of it.  The scope is good until then. */
struct scope *scopes_enter(struct scopes *scopes, const char *name);
void scope_leave(struct scope *scope, uint32_t result, int64_t began_ms,
                 int64_t steady_ms);

#endif
