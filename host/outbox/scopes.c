/* SPDX-License-Identifier: MIT */
/* host/outbox/scopes.c - a table of servers that addresses name. */
#include "host/outbox/scopes.h"

#include <stdlib.h>
#include <string.h>

#include "host/log.h"

struct scope {
    char name[FACTOR_SCOPE_SIZE]; /* "": free */
    struct breaker breaker;
    unsigned in_use;
    bool prompt;
    uint64_t used; /* the scopes' count of calls, then */
};

struct scopes {
    const struct breaker_rule *rule;
    unsigned share;          /* calls that one may have, */
    unsigned stranger_share; /* and all that are not prompt */
    uint64_t calls;
    int64_t *rings;
    size_t size;
    struct scope list[];
};

/* --- Life. --- */

struct scopes *
scopes_new(const struct breaker_rule *rule, unsigned calls)
{
    size_t size = SCOPES_KEPT + calls;
    struct scopes *scopes =
        calloc(1, sizeof(*scopes) + size * sizeof(scopes->list[0]));

    if (!scopes)
        return NULL;
    scopes->rings = calloc(size * rule->deferrals, sizeof(*scopes->rings));
    if (!scopes->rings) {
        free(scopes);
        return NULL;
    }
    scopes->rule = rule;
    scopes->size = size;
    scopes->share = calls > 1 ? calls - 1 : 1;
    scopes->stranger_share = calls > 1 ? calls / 2 : 1;
    return scopes;
}

void
scopes_free(struct scopes *scopes)
{
    if (!scopes)
        return;
    free(scopes->rings);
    free(scopes);
}

/* --- Looking. --- */

static const struct scope *
find(const struct scopes *scopes, const char *name)
{
    size_t i;

    for (i = 0; i < scopes->size; i++)
        if (strcmp(scopes->list[i].name, name) == 0)
            return &scopes->list[i];
    return NULL;
}

static unsigned
stranger_calls(const struct scopes *scopes)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < scopes->size; i++)
        if (!scopes->list[i].prompt)
            count += scopes->list[i].in_use;
    return count;
}

enum scope_state
scopes_state(const struct scopes *scopes, const char *name, int64_t steady_ms)
{
    const struct scope *scope = find(scopes, name);

    if (scope && !breaker_usable(&scope->breaker, steady_ms))
        return SCOPE_RESTS;
    if (scope && scope->in_use >= scopes->share)
        return SCOPE_BUSY;
    if (!(scope && scope->prompt) &&
        stranger_calls(scopes) >= scopes->stranger_share)
        return SCOPE_BUSY;
    return SCOPE_FREE;
}

int64_t
scopes_wait_ms(const struct scopes *scopes, const char *name,
               int64_t steady_ms)
{
    const struct scope *scope = find(scopes, name);

    return scope ? breaker_wait_ms(&scope->breaker, steady_ms) : 0;
}

bool
scopes_prompt(const struct scopes *scopes, const char *name)
{
    const struct scope *scope = find(scopes, name);

    return scope && scope->prompt;
}

/* --- Calls. --- */

/* There is always one that is not called. */
static struct scope *
oldest(struct scopes *scopes)
{
    struct scope *found = NULL, *scope;
    size_t i;

    for (i = 0; i < scopes->size; i++) {
        scope = &scopes->list[i];
        if (scope->in_use)
            continue;
        if (!found || scope->prompt < found->prompt ||
            (scope->prompt == found->prompt && scope->used < found->used))
            found = scope;
    }
    return found;
}

static struct scope *
make(struct scopes *scopes, const char *name)
{
    struct scope *scope = oldest(scopes);
    size_t place = (size_t)(scope - scopes->list);

    memset(scope, 0, sizeof(*scope));
    memcpy(scope->name, name, strlen(name) + 1);
    breaker_reset(&scope->breaker, scopes->rule,
                  &scopes->rings[place * scopes->rule->deferrals]);
    return scope;
}

struct scope *
scopes_enter(struct scopes *scopes, const char *name)
{
    const struct scope *found = find(scopes, name);
    struct scope *scope =
        found ? &scopes->list[found - scopes->list] : make(scopes, name);

    breaker_try(&scope->breaker);
    scope->in_use++;
    scope->used = ++scopes->calls;
    return scope;
}

void
scope_leave(struct scope *scope, uint32_t result, int64_t began_ms,
            int64_t steady_ms)
{
    struct breaker *breaker = &scope->breaker;

    scope->in_use--;
    scope->prompt = steady_ms - began_ms < SCOPE_PROMPT_MS;
    if (result == FACTOR_DELIVERY_DEFERRED) {
        if (breaker_deferred(breaker, steady_ms))
            log_event("outbox", FACTOR_LOG_WARNING,
                      "messages to %s rest for %lld s", scope->name,
                      (long long)(breaker->rule->rest_ms / 1000));
    } else if (result == FACTOR_DELIVERY_SENT ||
               result == FACTOR_DELIVERY_REFUSED_ADDRESS ||
               result == FACTOR_DELIVERY_DEFERRED_THERE) {
        if (breaker_close(breaker))
            log_event("outbox", FACTOR_LOG_INFO, "%s answers again",
                      scope->name);
    } else {
        breaker_ignore(breaker);
    }
}
