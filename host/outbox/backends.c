/* SPDX-License-Identifier: MIT */
/* host/outbox/backends.c - delivery instances by channel, and their breakers.
 */
#include "host/outbox/backends.h"

#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/log.h"

enum {
    TRIAL_WAIT_MS = 2000, /* until a trial that is under way will be over */
    REASON_CHARS = 80,
    DIGITS_MAX = 3 /* in a row, that may be logged */
};

struct breaker {
    const struct breaker_rule *rule;
    int64_t open_until_ms; /* steady; 0: closed */
    bool trial;            /* its one message is under way */
    unsigned count, next;  /* deferrals counted; place of the next */
    int64_t *deferred_ms;  /* the newest rule->deferrals of them, a ring */
};

struct backend {
    struct backend_entry entry;
    struct breaker breaker;
    unsigned limit;  /* calls at a time */
    unsigned in_use; /* calls under way, overdue ones too */
    unsigned stuck;  /* of these, overdue */
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

static bool
breaker_usable(const struct breaker *breaker, int64_t steady_ms)
{
    return breaker->open_until_ms == 0 ||
           (steady_ms >= breaker->open_until_ms && !breaker->trial);
}

static void
breaker_open(struct breaker *breaker, int64_t steady_ms, const char *plugin)
{
    if (breaker->open_until_ms == 0)
        log_event("outbox", FACTOR_LOG_WARNING,
                  "delivery back end %s rests for %lld s", plugin,
                  (long long)(breaker->rule->rest_ms / 1000));
    breaker->open_until_ms = steady_ms + breaker->rule->rest_ms;
    breaker->trial = false;
    breaker->count = breaker->next = 0;
}

static void
breaker_close(struct breaker *breaker, const char *plugin)
{
    if (breaker->open_until_ms != 0)
        log_event("outbox", FACTOR_LOG_INFO,
                  "delivery back end %s works again", plugin);
    breaker->open_until_ms = 0;
    breaker->trial = false;
    breaker->count = breaker->next = 0;
}

static void
breaker_deferred(struct breaker *breaker, int64_t steady_ms, const char *plugin)
{
    const struct breaker_rule *rule = breaker->rule;
    int64_t oldest;

    breaker->deferred_ms[breaker->next] = steady_ms;
    breaker->next = (breaker->next + 1) % rule->deferrals;
    if (breaker->count < rule->deferrals)
        breaker->count++;
    oldest = breaker->deferred_ms[breaker->next]; /* once the ring is full */
    if (breaker->open_until_ms != 0 ||
        (breaker->count == rule->deferrals &&
         steady_ms - oldest <= rule->window_ms))
        breaker_open(breaker, steady_ms, plugin);
}

/* --- Back ends and channels. --- */

enum backend_pick
channel_take(struct channel *channel, int64_t steady_ms, size_t *place,
             struct backend **ret_backend)
{
    struct backend *backend;

    for (; *place < channel->count; ++*place) {
        backend = channel->backends[*place];
        if (backend->stuck || !breaker_usable(&backend->breaker, steady_ms))
            continue;
        if (backend->in_use >= backend->limit)
            return PICK_BUSY;
        backend->in_use++;
        backend->breaker.trial = backend->breaker.open_until_ms != 0;
        ++*place;
        *ret_backend = backend;
        return PICK_TAKEN;
    }
    return PICK_NONE;
}

size_t
channel_size(const struct channel *channel)
{
    return channel->count;
}

static int64_t
backend_wait_ms(const struct backend *backend, int64_t steady_ms)
{
    const struct breaker *breaker = &backend->breaker;

    if (!backend->stuck && breaker_usable(breaker, steady_ms))
        return 0;
    if (breaker->open_until_ms > steady_ms)
        return breaker->open_until_ms - steady_ms;
    return TRIAL_WAIT_MS;
}

int64_t
channel_wait_ms(const struct channel *channel, int64_t steady_ms,
                uint64_t without)
{
    int64_t least = INT64_MAX, wait;
    size_t i;

    for (i = 0; i < channel->count; i++) {
        if (i < 64 && (without >> i & 1))
            continue;
        wait = backend_wait_ms(channel->backends[i], steady_ms);
        if (wait < least)
            least = wait;
    }
    return least;
}

void
backend_done(struct backend *backend, uint32_t result, int64_t steady_ms)
{
    struct breaker *breaker = &backend->breaker;
    const char *plugin = backend->entry.plugin;

    backend->in_use--;
    if (result == 0 || result == FACTOR_DELIVERY_NOT_MINE ||
        result == FACTOR_DELIVERY_DEFERRED_THERE)
        breaker->trial = false; /* it was not tried */
    else if (result == FACTOR_DELIVERY_SENT ||
             result == FACTOR_DELIVERY_REFUSED_ADDRESS)
        breaker_close(breaker, plugin);
    else if (result == FACTOR_DELIVERY_REFUSED_ACCOUNT)
        breaker_open(breaker, steady_ms, plugin);
    else
        breaker_deferred(breaker, steady_ms, plugin);
}

void
backend_stuck(struct backend *backend, int64_t steady_ms)
{
    backend->stuck++;
    breaker_deferred(&backend->breaker, steady_ms, backend->entry.plugin);
}

void
backend_returned(struct backend *backend)
{
    backend->stuck--;
    backend->in_use--;
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
allocate(struct backends *backends, size_t count, unsigned deferrals)
{
    size_t i;

    backends->all = calloc(count + 1, sizeof(*backends->all));
    backends->places = calloc(count + 1, sizeof(struct backend *));
    backends->channels = calloc(count + 1, sizeof(*backends->channels));
    backends->names = calloc(count + 1, sizeof(const char *));
    if (!backends->all || !backends->places || !backends->channels ||
        !backends->names)
        return false;
    for (i = 0; i < count; i++) {
        backends->all[i].breaker.deferred_ms =
            calloc(deferrals, sizeof(int64_t));
        if (!backends->all[i].breaker.deferred_ms)
            return false;
        backends->count++;
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

factor_status
backends_new(const struct backend_entry *list, size_t count, unsigned threads,
             const struct breaker_rule *rule, struct backends **ret_backends,
             struct factor_error *err)
{
    struct backends *backends = calloc(1, sizeof(*backends));
    size_t i;

    if (!backends || !allocate(backends, count, rule->deferrals)) {
        backends_free(backends);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    backends->rule = *rule;
    for (i = 0; i < count; i++) {
        if (!serves(&list[i])) {
            backends_free(backends);
            return error_set(err, FACTOR_E_CONFIG,
                             "delivery %s does not serve the channel %s",
                             list[i].plugin, list[i].channel);
        }
        backends->all[i].entry = list[i];
        backends->all[i].breaker.rule = &backends->rule;
    }
    sort_in(backends);
    set_limits(backends, threads);
    *ret_backends = backends;
    return FACTOR_OK;
}

void
backends_free(struct backends *backends)
{
    size_t i;

    if (!backends)
        return;
    for (i = 0; i < backends->count; i++)
        free(backends->all[i].breaker.deferred_ms);
    free(backends->all);
    free(backends->places);
    free(backends->channels);
    free(backends->names);
    free(backends);
}
