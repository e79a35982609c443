/* SPDX-License-Identifier: MIT */
/* host/outbox/breaker.c - counts deferrals. */
#include "host/outbox/breaker.h"

enum { TRIAL_WAIT_MS = 2000 }; /* until a trial under way will be over */

void
breaker_reset(struct breaker *breaker, const struct breaker_rule *rule,
              int64_t *ring)
{
    *breaker = (struct breaker){.rule = rule, .deferred_ms = ring};
}

bool
breaker_usable(const struct breaker *breaker, int64_t steady_ms)
{
    return breaker->open_until_ms == 0 ||
           (steady_ms >= breaker->open_until_ms && !breaker->trial);
}

int64_t
breaker_wait_ms(const struct breaker *breaker, int64_t steady_ms)
{
    if (breaker_usable(breaker, steady_ms))
        return 0;
    return breaker->open_until_ms > steady_ms
               ? breaker->open_until_ms - steady_ms
               : TRIAL_WAIT_MS;
}

void
breaker_try(struct breaker *breaker)
{
    breaker->trial = breaker->open_until_ms != 0;
}

bool
breaker_open(struct breaker *breaker, int64_t steady_ms)
{
    bool was_closed = breaker->open_until_ms == 0;

    breaker->open_until_ms = steady_ms + breaker->rule->rest_ms;
    breaker->trial = false;
    breaker->count = breaker->next = 0;
    return was_closed;
}

bool
breaker_close(struct breaker *breaker)
{
    bool was_open = breaker->open_until_ms != 0;

    breaker_reset(breaker, breaker->rule, breaker->deferred_ms);
    return was_open;
}

bool
breaker_deferred(struct breaker *breaker, int64_t steady_ms)
{
    const struct breaker_rule *rule = breaker->rule;
    int64_t oldest;

    breaker->deferred_ms[breaker->next] = steady_ms;
    breaker->next = (breaker->next + 1) % rule->deferrals;
    if (breaker->count < rule->deferrals)
        breaker->count++;
    oldest = breaker->deferred_ms[breaker->next]; /* once the ring is full */
    if (breaker->open_until_ms == 0 &&
        (breaker->count < rule->deferrals ||
         steady_ms - oldest > rule->window_ms))
        return false;
    return breaker_open(breaker, steady_ms);
}

void
breaker_ignore(struct breaker *breaker)
{
    breaker->trial = false;
}
