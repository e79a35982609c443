/* SPDX-License-Identifier: MIT */
/* host/outbox/breaker.h - leaves alone for a while what does not work (D1).
 *
 * A breaker opens after so many deferrals within its window with no message
 * delivered between them, or at once when it is told to.  After its rest one
 * message is tried; what becomes of that one closes it or opens it again.
 *
 * Times are steady.  One thread at a time. */
#ifndef HOST_OUTBOX_BREAKER_H
#define HOST_OUTBOX_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker_rule {
    unsigned deferrals; /* that open it, at least 1 */
    int64_t window_ms;  /* in which they are counted */
    int64_t rest_ms;    /* how long it stays open */
};

struct breaker {
    const struct breaker_rule *rule;
    int64_t open_until_ms; /* 0: closed */
    bool trial;            /* its one message is under way */
    unsigned count, next;  /* deferrals counted; place of the next */
    int64_t *deferred_ms;  /* the newest rule->deferrals of them, a ring */
};

/* As good as new: closed, nothing counted.  ring: rule->deferrals of them;
 * both are borrowed. */
void breaker_reset(struct breaker *breaker, const struct breaker_rule *rule,
                   int64_t *ring);

bool breaker_usable(const struct breaker *breaker, int64_t steady_ms);
/* 0: it is usable; else how long until it may be. */
int64_t breaker_wait_ms(const struct breaker *breaker, int64_t steady_ms);
/* A message is tried on one that is usable. */
void breaker_try(struct breaker *breaker);

/* What became of a message.  True: it was closed and has opened, or the other
 * way round, which is worth a line in the log. */
bool breaker_open(struct breaker *breaker, int64_t steady_ms);
bool breaker_close(struct breaker *breaker);
bool breaker_deferred(struct breaker *breaker, int64_t steady_ms);
/* Nothing was learned of it. */
void breaker_ignore(struct breaker *breaker);

#endif
