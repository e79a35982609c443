/* SPDX-License-Identifier: MIT */
/* phone/wait.c - factor-phone's wait: what comes is printed, or approved. */
#include "phone/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phone/show.h"

enum {
    TURN_S = 5,        /* of each pairing, when there are several */
    PAUSE_MS = 1000,   /* before a host is asked again that holds nothing */
    PAUSE_MAX_MS = 30000,
    SEEN_MAX = 64
};

/* What the host of a pairing told last. */
struct told {
    struct told *next;
    char *device;
    struct factor_phone_requests *last; /* or NULL */
};

struct wait {
    struct cli *cli;
    struct told *told;
    int64_t end_ms;   /* -1: never */
    int64_t pause_ms; /* after a failure: longer each time */
    char *seen[SEEN_MAX];
    size_t seen_count; /* of all that were ever seen */
    size_t shown, approved;
    bool failing;    /* the last round: some host was not reached */
    bool restless;   /* the last round: some host held nothing back */
    int last_status;
};

static int64_t
left_ms(const struct wait *wait)
{
    int64_t left = wait->end_ms - system_now_ms();

    if (wait->end_ms < 0)
        return INT64_MAX;
    return left > 0 ? left : 0;
}

static void
pause_for(const struct wait *wait, int64_t ms)
{
    int64_t left = left_ms(wait);

    system_sleep_ms(ms < left ? ms : left);
}

/* Whether it is new; the oldest are forgotten. */
static bool
is_new(struct wait *wait, const char *challenge)
{
    size_t i;

    for (i = 0; i < SEEN_MAX && i < wait->seen_count; i++)
        if (wait->seen[i] && strcmp(wait->seen[i], challenge) == 0)
            return false;
    i = wait->seen_count++ % SEEN_MAX;
    free(wait->seen[i]);
    wait->seen[i] = strdup(challenge);
    return true;
}

/* The one that was new just now is to be looked at again. */
static void
unsee_last(struct wait *wait)
{
    size_t i = --wait->seen_count % SEEN_MAX;

    free(wait->seen[i]);
    wait->seen[i] = NULL;
}

/* NULL: no memory. */
static struct told *
told_of(struct wait *wait, const char *device)
{
    struct told *told = wait->told;

    while (told && strcmp(told->device, device) != 0)
        told = told->next;
    if (told)
        return told;
    told = calloc(1, sizeof(*told));
    if (told)
        told->device = strdup(device);
    if (!told || !told->device) {
        free(told);
        return NULL;
    }
    told->next = wait->told;
    wait->told = told;
    return told;
}

/* Takes the answer over, or forgets what was told. */
static void
remember(struct told *told, struct factor_phone_requests *requests)
{
    if (told) {
        factor_phone_requests_free(told->last);
        told->last = requests;
    } else {
        factor_phone_requests_free(requests);
    }
}

static void
forget_all(struct wait *wait)
{
    struct told *told;
    size_t i;

    while ((told = wait->told)) {
        wait->told = told->next;
        remember(told, NULL);
        free(told->device);
        free(told);
    }
    for (i = 0; i < SEEN_MAX; i++)
        free(wait->seen[i]);
}

static bool
done(const struct wait *wait)
{
    if (wait->cli->automatic)
        return wait->cli->once && wait->approved > 0;
    return wait->shown > 0;
}

/* False: it must be told again. */
static bool
take(struct wait *wait, const struct factor_phone_pairing *pairing,
     const struct factor_phone_requests *requests)
{
    const struct factor_phone_request *request;
    bool taken = true;
    size_t i;
    int status;

    wait->approved += requests->silent;
    for (i = 0; i < requests->count; i++) {
        request = &requests->items[i];
        if (!is_new(wait, request->challenge))
            continue;
        show_request(pairing, request, requests->time_s, wait->cli->json);
        wait->shown++;
        if (!wait->cli->automatic || done(wait))
            continue;
        status = cli_approve_one(wait->cli, pairing, request,
                                 requests->time_s);
        if (status == CLI_DONE)
            wait->approved++;
        else
            wait->last_status = status;
        if (status == CLI_NETWORK) {
            unsee_last(wait);
            taken = false;
        }
    }
    return taken;
}

/* A host that cannot be reached now is asked again, and told of once. */
static void
take_failure(struct wait *wait, enum factor_phone_status status)
{
    int64_t after_s = factor_phone_why(wait->cli->phone)->retry_after_s;
    bool again = status == FACTOR_PHONE_NETWORK ||
                 status == FACTOR_PHONE_LIMITED;

    if (!again || !wait->failing)
        wait->last_status = cli_failed(wait->cli);
    wait->failing = true;
    if (status == FACTOR_PHONE_LIMITED && after_s * 1000 > wait->pause_ms)
        wait->pause_ms = after_s * 1000;
}

static unsigned
turn_s(const struct wait *wait, size_t pairings)
{
    int64_t most = pairings > 1 ? TURN_S : FACTOR_PHONE_WAIT_MAX_S;
    int64_t left = left_ms(wait);

    left = left > 0 ? (left - 1) / 1000 + 1 : 0;
    return (unsigned)(left < most ? left : most);
}

/* Ask for one pairing.  A host that does not hold its answer back is not to
 * be asked without a pause. */
static bool
ask(struct wait *wait, const struct factor_phone_pairing *pairing,
    unsigned wait_s)
{
    struct told *told = told_of(wait, pairing->device);
    struct factor_phone_requests *requests;
    int64_t began_ms = system_now_ms();
    size_t before = wait->shown;
    enum factor_phone_status status;
    bool taken;

    status = factor_phone_ask_news(wait->cli->phone, pairing->device, wait_s,
                                   told ? told->last : NULL, &requests);
    if (status) {
        take_failure(wait, status);
        return false;
    }
    taken = take(wait, pairing, requests);
    if (!taken || (wait->shown == before && wait_s > 0 &&
                   system_now_ms() - began_ms < PAUSE_MS))
        wait->restless = true;
    remember(told, requests);
    if (!taken)
        remember(told, NULL);
    return true;
}

/* Each pairing once.  An exit status; CLI_DONE: go on. */
static int
one_round(struct wait *wait)
{
    struct factor_phone_pairings *pairings = NULL;
    bool failed = false;
    int status = cli_pairings(wait->cli, &pairings);
    size_t i;

    if (status != CLI_DONE)
        return status;
    wait->restless = false;
    for (i = 0; i < pairings->count && !done(wait); i++)
        if (!ask(wait, &pairings->items[i],
                 turn_s(wait, pairings->count)))
            failed = true;
    wait->failing = failed;
    if (!failed && wait->last_status == CLI_NETWORK)
        wait->last_status = CLI_NOTHING; /* that is over */
    factor_phone_pairings_free(pairings);
    return CLI_DONE;
}

/* What is to be waited for before the next round. */
static void
rest(struct wait *wait)
{
    if (!wait->failing) {
        wait->pause_ms = PAUSE_MS;
        if (wait->restless)
            pause_for(wait, PAUSE_MS);
        return;
    }
    pause_for(wait, wait->pause_ms);
    wait->pause_ms = wait->pause_ms * 2 < PAUSE_MAX_MS ? wait->pause_ms * 2
                                                       : PAUSE_MAX_MS;
}

/* The time is over, all that was asked for is done, or a round could not
 * begin: of an unpaired phone's failures the last one is told. */
static int
outcome(const struct wait *wait, int status)
{
    if (wait->cli->automatic ? wait->approved > 0 : wait->shown > 0)
        return CLI_DONE;
    return status == CLI_DONE || status == CLI_NOTHING ? wait->last_status
                                                       : status;
}

int
cli_wait(struct cli *cli)
{
    struct wait wait = { .cli = cli, .pause_ms = PAUSE_MS,
                         .last_status = CLI_NOTHING };
    int status;

    wait.end_ms = cli->timeout_s < 0
                      ? -1
                      : system_now_ms() + cli->timeout_s * 1000;
    do {
        status = one_round(&wait);
        if (status == CLI_DONE && !done(&wait))
            rest(&wait);
    } while (status == CLI_DONE && !done(&wait) && left_ms(&wait) > 0);
    forget_all(&wait);
    return outcome(&wait, status);
}
