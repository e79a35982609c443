/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_core.c - who has to wait, as arithmetic. */
#include "plugin/adapter-password/password_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 8 };

/* --- Sources --- */

/* The groups of an IPv6 address, "::" filled up. */
static void
parse_groups(const char *text, unsigned groups[GROUPS])
{
    int count = 0, gap = -1, tail;
    char *end;

    while (*text && count < GROUPS) {
        if (text[0] == ':' && text[1] == ':')
            gap = count;
        if (*text == ':') {
            text++;
            continue;
        }
        groups[count] = (unsigned)strtoul(text, &end, 16) & 0xffff;
        if (end == text)
            break;
        count++;
        text = end;
    }
    if (gap < 0)
        return;
    tail = count - gap;
    memmove(&groups[GROUPS - tail], &groups[gap],
            (size_t)tail * sizeof(groups[0]));
    memset(&groups[gap], 0,
           (size_t)(GROUPS - tail - gap) * sizeof(groups[0]));
}

void
password_source_key(const char *address, bool known_browser,
                    char ret_key[PASSWORD_SOURCE_SIZE])
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    unsigned groups[GROUPS] = { 0 };

    if (known_browser) {
        snprintf(ret_key, PASSWORD_SOURCE_SIZE, PASSWORD_SOURCE_BROWSER);
    } else if (!colon || strchr(colon, '.')) {
        snprintf(ret_key, PASSWORD_SOURCE_SIZE, "at %.40s",
                 colon ? colon + 1 : address ? address : "");
    } else {
        parse_groups(address, groups);
        snprintf(ret_key, PASSWORD_SOURCE_SIZE, "at %x:%x:%x:%x::/64",
                 groups[0], groups[1], groups[2], groups[3]);
    }
}

static bool
is_address(const struct password_source *source)
{
    return strcmp(source->key, PASSWORD_SOURCE_BROWSER) != 0 &&
           strcmp(source->key, PASSWORD_SOURCE_REST) != 0;
}

static size_t
count_addresses(const struct password_attempts *attempts)
{
    size_t i, count = 0;

    for (i = 0; i < attempts->count; i++)
        count += is_address(&attempts->sources[i]);
    return count;
}

/* Index of the entry in which a source is counted; attempts->count: it has
 * none yet. */
static size_t
find(const struct password_attempts *attempts, const char *key)
{
    size_t i;

    for (i = 0; i < attempts->count; i++)
        if (strcmp(attempts->sources[i].key, key) == 0)
            break;
    return i;
}

/* An address for which there is no room shares the rest's. */
static const char *
counted_as(const struct password_attempts *attempts, const char *key)
{
    bool has_own = find(attempts, key) < attempts->count ||
                   strcmp(key, PASSWORD_SOURCE_BROWSER) == 0;

    if (has_own || count_addresses(attempts) < PASSWORD_ADDRESSES_MAX)
        return key;
    return PASSWORD_SOURCE_REST;
}

/* --- Failures --- */

int64_t
password_wait(const struct password_rule *rule, uint32_t failures)
{
    int64_t wait = rule->first_ms;
    uint32_t n;

    if (failures < rule->after)
        return 0;
    for (n = rule->after; n < failures; n++) {
        if (wait >= rule->longest_ms / 2)
            return rule->longest_ms;
        wait *= 2;
    }
    return wait < rule->longest_ms ? wait : rule->longest_ms;
}

void
password_forget(struct password_attempts *attempts,
                const struct password_rule *rule, int64_t now_ms)
{
    const struct password_source *source;
    size_t i, kept = 0;

    for (i = 0; i < attempts->count; i++) {
        source = &attempts->sources[i];
        if (now_ms - source->at_ms < rule->forget_ms ||
            now_ms < source->wait_until_ms)
            attempts->sources[kept++] = *source;
    }
    attempts->count = kept;
}

bool
password_waits(const struct password_attempts *attempts, const char *key,
               int64_t now_ms)
{
    size_t i = find(attempts, counted_as(attempts, key));

    return i < attempts->count && now_ms < attempts->sources[i].wait_until_ms;
}

void
password_count_failure(struct password_attempts *attempts, const char *key,
                       const struct password_rule *rule, int64_t now_ms)
{
    const char *name = counted_as(attempts, key);
    size_t i = find(attempts, name);
    struct password_source *source;

    if (i >= PASSWORD_SOURCES_MAX)
        return; /* room for all that counted_as() says */
    source = &attempts->sources[i];
    if (i == attempts->count) {
        *source = (struct password_source){ .failures = 0 };
        snprintf(source->key, sizeof(source->key), "%s", name);
        attempts->count++;
    }
    if (source->failures < UINT32_MAX)
        source->failures++;
    source->at_ms = now_ms;
    source->wait_until_ms = now_ms + password_wait(rule, source->failures);
}

void
password_clear(struct password_attempts *attempts, const char *key)
{
    size_t i = find(attempts, key);

    if (i == attempts->count)
        return;
    attempts->count--;
    attempts->sources[i] = attempts->sources[attempts->count];
}
