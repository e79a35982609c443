/* SPDX-License-Identifier: MIT */
/* host/outbox/backends.c - delivery instances by channel, and their breakers.
 */
#include "host/outbox/backends.h"

#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/log.h"
#include "host/outbox/scopes.h"

enum {
    STUCK_WAIT_MS = 2000, /* until a call that is overdue may return */
    REASON_CHARS = 80,
    DIGITS_MAX = 3 /* in a row, that may be logged */
};

struct backend {
    struct backend_entry entry;
    struct breaker breaker;
    unsigned limit;  /* calls at a time */
    unsigned in_use; /* calls under way, overdue ones too */
    unsigned stuck;  /* of these, overdue */
    struct scopes *scopes; /* NULL: it calls one server */
};

struct channel {
    const char *name;
    size_t count;
    struct backend **backends;
};

struct backends {
    struct breaker_rule rule;
    size_t count, channel_count;
    struct backend *all;
    struct backend **places;  /* what the channels' lists are made of */
    struct channel *channels; /* channel_count of them */
    const char **names;
};

/* --- The breaker. --- */

static void
log_rest(const struct backend *backend)
{
    log_event("outbox", FACTOR_LOG_WARNING,
              "delivery back end %s rests for %lld s", backend->entry.plugin,
              (long long)(backend->breaker.rule->rest_ms / 1000));
}

/* A server that somebody has named says nothing of all others. */
static uint32_t
counts_as(const struct turn *turn, uint32_t result)
{
    if (result == FACTOR_DELIVERY_NOT_MINE ||
        result == FACTOR_DELIVERY_DEFERRED_THERE ||
        (turn->scope && result == FACTOR_DELIVERY_DEFERRED))
        return 0;
    return result;
}

static void
judge_backend(struct backend *backend, uint32_t result, int64_t steady_ms)
{
    struct breaker *breaker = &backend->breaker;

    switch (result) {
    case 0:
        breaker_ignore(breaker);
        break;
    case FACTOR_DELIVERY_SENT:
    case FACTOR_DELIVERY_REFUSED_ADDRESS:
        if (breaker_close(breaker))
            log_event("outbox", FACTOR_LOG_INFO,
                      "delivery back end %s works again",
                      backend->entry.plugin);
        break;
    case FACTOR_DELIVERY_REFUSED_ACCOUNT:
        if (breaker_open(breaker, steady_ms))
            log_rest(backend);
        break;
    default:
        if (breaker_deferred(breaker, steady_ms))
            log_rest(backend);
    }
}

/* --- Addresses. --- */

static bool
is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

void
target_not_for(struct target *target, size_t place)
{
    target->foreign++;
    if (place < 64)
        target->foreign_places |= UINT64_C(1) << place;
}

static bool
is_foreign(const struct target *target, size_t place)
{
    return place < 64 && (target->foreign_places >> place & 1);
}

void
channel_target(const struct channel *channel, const char *address,
               struct target *ret_target)
{
    const struct backend_entry *entry;
    char scope[FACTOR_SCOPE_SIZE];
    size_t i;

    *ret_target = (struct target){.foreign = 0};
    for (i = 0; i < channel->count && i < 64; i++) {
        entry = &channel->backends[i]->entry;
        memset(scope, 0, sizeof(scope));
        if (!entry->ops->scope)
            continue;
        if (entry->ops->scope(entry->self, address, scope) ==
            FACTOR_DELIVERY_NOT_MINE) {
            target_not_for(ret_target, i);
        } else if (!ret_target->scope[0] && !scope[sizeof(scope) - 1] &&
                   is_printable(scope)) {
            ret_target->place = i;
            memcpy(ret_target->scope, scope, sizeof(scope));
        }
    }
}

/* The server that the back end of this place would call; NULL: its own. */
static const char *
scope_at(const struct target *target, size_t place)
{
    return target->scope[0] && target->place == place ? target->scope : NULL;
}

bool
channel_is_stranger(const struct channel *channel, const struct target *target)
{
    return target->scope[0] &&
           !scopes_prompt(channel->backends[target->place]->scopes,
                          target->scope);
}

/* --- Back ends and channels. --- */

static enum backend_pick
backend_state(const struct backend *backend, const char *scope,
              int64_t steady_ms)
{
    enum scope_state state =
        scope ? scopes_state(backend->scopes, scope, steady_ms) : SCOPE_FREE;

    if (backend->stuck || !breaker_usable(&backend->breaker, steady_ms) ||
        state == SCOPE_RESTS)
        return PICK_NONE;
    return backend->in_use >= backend->limit || state == SCOPE_BUSY
               ? PICK_BUSY
               : PICK_TAKEN;
}

enum backend_pick
channel_take(struct channel *channel, const struct target *target,
             int64_t steady_ms, size_t *place, struct turn *ret_turn)
{
    struct backend *backend;
    enum backend_pick pick;
    const char *scope;

    for (; *place < channel->count; ++*place) {
        backend = channel->backends[*place];
        scope = scope_at(target, *place);
        pick = is_foreign(target, *place)
                   ? PICK_NONE
                   : backend_state(backend, scope, steady_ms);
        if (pick == PICK_BUSY)
            return PICK_BUSY;
        if (pick == PICK_NONE)
            continue;
        backend->in_use++;
        breaker_try(&backend->breaker);
        *ret_turn = (struct turn){
            .backend = backend,
            .scope = scope ? scopes_enter(backend->scopes, scope) : NULL,
            .began_ms = steady_ms,
        };
        ++*place;
        return PICK_TAKEN;
    }
    return PICK_NONE;
}

bool
channel_has_more(const struct channel *channel, const struct target *target,
                 int64_t steady_ms, size_t place)
{
    for (; place < channel->count; place++)
        if (!is_foreign(target, place) &&
            backend_state(channel->backends[place], scope_at(target, place),
                          steady_ms) != PICK_NONE)
            return true;
    return false;
}

bool
channel_takes_reports(const struct channel *channel, size_t place)
{
    return place < channel->count &&
           channel->backends[place]->entry.ops->report != NULL;
}

uint32_t
channel_report(const struct channel *channel, size_t place,
               const json_t *fields, char ret_reason[FACTOR_REASON_SIZE])
{
    const struct backend_entry *entry = &channel->backends[place]->entry;
    uint32_t said;

    memset(ret_reason, 0, FACTOR_REASON_SIZE);
    said = entry->ops->report(entry->self, fields, ret_reason);
    ret_reason[FACTOR_REASON_SIZE - 1] = '\0';
    return said;
}

size_t
channel_size(const struct channel *channel)
{
    return channel->count;
}

static int64_t
backend_wait_ms(const struct backend *backend, const char *scope,
                int64_t steady_ms)
{
    int64_t own = breaker_wait_ms(&backend->breaker, steady_ms), other = 0;

    if (backend->stuck && own < STUCK_WAIT_MS)
        own = STUCK_WAIT_MS;
    if (scope)
        other = scopes_wait_ms(backend->scopes, scope, steady_ms);
    return own > other ? own : other;
}

int64_t
channel_wait_ms(const struct channel *channel, const struct target *target,
                int64_t steady_ms)
{
    int64_t least = INT64_MAX, wait;
    size_t i;

    for (i = 0; i < channel->count; i++) {
        if (is_foreign(target, i))
            continue;
        wait = backend_wait_ms(channel->backends[i], scope_at(target, i),
                               steady_ms);
        if (wait < least)
            least = wait;
    }
    return least == INT64_MAX ? 0 : least;
}

void
turn_done(const struct turn *turn, uint32_t result, int64_t steady_ms)
{
    turn->backend->in_use--;
    judge_backend(turn->backend, counts_as(turn, result), steady_ms);
    if (turn->scope)
        scope_leave(turn->scope, result, turn->began_ms, steady_ms);
}

void
turn_stuck(const struct turn *turn, int64_t steady_ms)
{
    turn->backend->stuck++;
    judge_backend(turn->backend, FACTOR_DELIVERY_DEFERRED, steady_ms);
}

void
turn_returned(const struct turn *turn, int64_t steady_ms)
{
    turn->backend->stuck--;
    turn->backend->in_use--;
    if (turn->scope)
        scope_leave(turn->scope, FACTOR_DELIVERY_DEFERRED, turn->began_ms,
                    steady_ms);
}

const char *
backend_plugin(const struct backend *backend)
{
    return backend->entry.plugin;
}

/* --- The call. --- */

void
backend_deliver(const struct backend *backend,
                const struct factor_message *message,
                struct factor_receipt *ret_receipt)
{
    const struct backend_entry *entry = &backend->entry;
    struct factor_receipt receipt = {.struct_size = sizeof(receipt)};
    struct factor_error err = {0};
    factor_status st =
        entry->ops->deliver(entry->self, message, &receipt, &err);

    if (st != FACTOR_OK) {
        receipt.result = FACTOR_DELIVERY_DEFERRED;
        err.text[sizeof(err.text) - 1] = '\0';
        memcpy(receipt.reason, err.text, sizeof(receipt.reason));
    }
    /* Only a plain yes or a plain no is taken for one. */
    if (receipt.result < FACTOR_DELIVERY_SENT ||
        receipt.result > FACTOR_DELIVERY_DEFERRED_THERE)
        receipt.result = FACTOR_DELIVERY_DEFERRED;
    receipt.reference[sizeof(receipt.reference) - 1] = '\0';
    receipt.reason[sizeof(receipt.reason) - 1] = '\0';
    *ret_receipt = receipt;
}

static size_t
digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

/* Bytes at text that are not to be logged: where a word begins, one that
 * holds an "@"; the address; a run of digits. */
static size_t
unsayable(const char *text, const char *address, bool word_begins)
{
    size_t digits = digits_at(text), word = strcspn(text, " \t");
    size_t len = address ? strlen(address) : 0;

    if (word_begins && memchr(text, '@', word))
        return word;
    if (len > 0 && strncasecmp(text, address, len) == 0)
        return len;
    return digits > DIGITS_MAX ? digits : 0;
}

static bool
begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

void
backend_reason(const char *said, const char *address,
               char ret_reason[BACKEND_REASON_SIZE])
{
    size_t used = 0, chars = 0, skip = 0;
    bool word_begins = true;

    for (; *said; said++) {
        chars += begins_character(*said);
        if (chars > REASON_CHARS || used + 1 >= BACKEND_REASON_SIZE)
            break;
        if (skip == 0)
            skip = unsayable(said, address, word_begins);
        word_begins = *said == ' ' || *said == '\t';
        if (skip > 0)
            skip--;
        else
            ret_reason[used++] = (unsigned char)*said < 0x20 || *said == 0x7f
                                     ? ' '
                                     : *said;
    }
    ret_reason[used] = '\0';
}

/* --- Life. --- */

static bool
serves(const struct backend_entry *entry)
{
    const char *const *channel = entry->ops->channels;

    for (; channel && *channel; channel++)
        if (strcmp(*channel, entry->channel) == 0)
            return true;
    return !entry->ops->channels;
}

struct channel *
backends_channel(struct backends *backends, const char *name)
{
    size_t i;

    for (i = 0; name && i < backends->channel_count; i++)
        if (strcmp(backends->channels[i].name, name) == 0)
            return &backends->channels[i];
    return NULL;
}

const char *const *
backends_channels(const struct backends *backends)
{
    return backends->names;
}

size_t
backends_channel_count(const struct backends *backends)
{
    return backends->channel_count;
}

static bool
allocate(struct backends *backends, size_t count)
{
    int64_t *ring;

    backends->all = calloc(count + 1, sizeof(*backends->all));
    backends->places = calloc(count + 1, sizeof(struct backend *));
    backends->channels = calloc(count + 1, sizeof(*backends->channels));
    backends->names = calloc(count + 1, sizeof(const char *));
    if (!backends->all || !backends->places || !backends->channels ||
        !backends->names)
        return false;
    for (; backends->count < count; backends->count++) {
        ring = calloc(backends->rule.deferrals, sizeof(*ring));
        if (!ring)
            return false;
        breaker_reset(&backends->all[backends->count].breaker, &backends->rule,
                      ring);
    }
    return true;
}

/* The back ends of each channel, in the order given. */
static void
sort_in(struct backends *backends)
{
    struct backend **next = backends->places;
    struct channel *channel;
    const char *name;
    size_t i, k;

    for (i = 0; i < backends->count; i++) {
        name = backends->all[i].entry.channel;
        if (backends_channel(backends, name))
            continue;
        channel = &backends->channels[backends->channel_count];
        backends->names[backends->channel_count++] = name;
        channel->name = name;
        channel->backends = next;
        for (k = i; k < backends->count; k++)
            if (strcmp(backends->all[k].entry.channel, name) == 0)
                *next++ = &backends->all[k];
        channel->count = (size_t)(next - channel->backends);
    }
}

/* Where there are other channels, one thread is always left to them. */
static void
set_limits(struct backends *backends, unsigned threads)
{
    unsigned reserve = backends->channel_count > 1 && threads > 1;
    struct backend *backend;
    size_t i;

    for (i = 0; i < backends->count; i++) {
        backend = &backends->all[i];
        backend->limit = backend->entry.ops->flags & FACTOR_DELIVERY_PARALLEL
                             ? threads - reserve
                             : 1;
    }
}

/* Of those whose addresses name servers. */
static bool
add_scopes(struct backends *backends)
{
    struct backend *backend;
    size_t i;

    for (i = 0; i < backends->count; i++) {
        backend = &backends->all[i];
        if (!backend->entry.ops->scope)
            continue;
        backend->scopes = scopes_new(&backends->rule, backend->limit);
        if (!backend->scopes)
            return false;
    }
    return true;
}

factor_status
backends_new(const struct backend_entry *list, size_t count, unsigned threads,
             const struct breaker_rule *rule, struct backends **ret_backends,
             struct factor_error *err)
{
    struct backends *backends = calloc(1, sizeof(*backends));
    size_t i;

    if (backends)
        backends->rule = *rule;
    if (!backends || !allocate(backends, count)) {
        backends_free(backends);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    for (i = 0; i < count; i++) {
        if (!serves(&list[i])) {
            backends_free(backends);
            return error_set(err, FACTOR_E_CONFIG,
                             "delivery %s does not serve the channel %s",
                             list[i].plugin, list[i].channel);
        }
        backends->all[i].entry = list[i];
    }
    sort_in(backends);
    set_limits(backends, threads);
    if (!add_scopes(backends)) {
        backends_free(backends);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    *ret_backends = backends;
    return FACTOR_OK;
}

void
backends_free(struct backends *backends)
{
    size_t i;

    if (!backends)
        return;
    for (i = 0; i < backends->count; i++) {
        free(backends->all[i].breaker.deferred_ms);
        scopes_free(backends->all[i].scopes);
    }
    free(backends->all);
    free(backends->places);
    free(backends->channels);
    free(backends->names);
    free(backends);
}
