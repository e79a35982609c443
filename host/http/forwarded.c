/* SPDX-License-Identifier: MIT */
/* host/http/forwarded.c - X-Forwarded-For, read from its end. */
#include "host/http/forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* --- Addresses. --- */

static bool
read_address(const char *text, uint8_t ret_bytes[16], bool *ret_v4)
{
    *ret_v4 = inet_pton(AF_INET, text, ret_bytes + sizeof(mapped)) == 1;
    if (*ret_v4) {
        memcpy(ret_bytes, mapped, sizeof(mapped));
        return true;
    }
    return inet_pton(AF_INET6, text, ret_bytes) == 1;
}

static void
write_address(const uint8_t bytes[16], char ret_text[FORWARDED_ADDRESS])
{
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        inet_ntop(AF_INET, bytes + sizeof(mapped), ret_text,
                  FORWARDED_ADDRESS);
    else
        inet_ntop(AF_INET6, bytes, ret_text, FORWARDED_ADDRESS);
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* --- Who is trusted. --- */

bool
forwarded_trust(struct forwarded_proxies *proxies, const char *text)
{
    struct forwarded_network *network = &proxies->networks[proxies->count];
    char address[FORWARDED_ADDRESS];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned long bits;
    char *end;
    bool v4;

    if (strcmp(text, "unix") == 0) {
        proxies->unix_peers = true;
        return true;
    }
    if (proxies->count == FORWARDED_PROXIES_MAX || len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!read_address(address, network->bytes, &v4))
        return false;
    bits = v4 ? 32 : 128;
    if (slash) {
        if (slash[1] < '0' || slash[1] > '9')
            return false;
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > (v4 ? 32 : 128))
            return false;
    }
    network->bits = (unsigned)bits + (v4 ? MAPPED_BITS : 0);
    proxies->count++;
    return true;
}

static bool
is_trusted(const struct forwarded_proxies *proxies, const uint8_t bytes[16])
{
    size_t i;

    for (i = 0; i < proxies->count; i++)
        if (same_bits(bytes, proxies->networks[i].bytes,
                      proxies->networks[i].bits))
            return true;
    return false;
}

/* --- The header. --- */

/* An entry without what may stand around it: spaces, brackets, a port. */
static bool
read_entry(const char *text, size_t len, uint8_t ret_bytes[16])
{
    char entry[64], *start = entry, *end;
    bool v4;

    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len == 0 || len >= sizeof(entry))
        return false;
    memcpy(entry, text, len);
    entry[len] = '\0';
    if (*entry == '[') { /* [V6] or [V6]:PORT */
        start = entry + 1;
        end = strchr(start, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        *end = '\0';
    } else if ((end = strchr(entry, ':')) && !strchr(end + 1, ':')) {
        *end = '\0'; /* V4:PORT */
    }
    return read_address(start, ret_bytes, &v4);
}

/* Where the last entry of what is left begins; *len is cut before it. */
static const char *
last_entry(const char *text, size_t *len, size_t *ret_len)
{
    size_t at = *len;

    while (at > 0 && text[at - 1] != ',')
        at--;
    *ret_len = *len - at;
    *len = at > 0 ? at - 1 : 0;
    return text + at;
}

/* Take hops off one value's end while they are trusted; false: the client, or
 * what nobody can read, was met. */
static bool
walk_back(const struct forwarded_proxies *proxies, const char *value,
          uint8_t bytes[16])
{
    size_t len = strlen(value), entry_len;
    uint8_t next[16];
    const char *entry;
    bool more = len > 0;

    while (more) {
        more = memchr(value, ',', len) != NULL;
        entry = last_entry(value, &len, &entry_len);
        if (!read_entry(entry, entry_len, next))
            return false;
        memcpy(bytes, next, sizeof(next));
        if (!is_trusted(proxies, bytes))
            return false;
    }
    return true;
}

void
forwarded_client(const struct forwarded_proxies *proxies, const char *peer,
                 const char *const *values, size_t count,
                 char ret_address[FORWARDED_ADDRESS])
{
    bool is_unix = strcmp(peer, "unix") == 0, v4;
    uint8_t bytes[16] = {0}, unknown[16] = {0};
    bool go_on = is_unix ? proxies->unix_peers
                         : read_address(peer, bytes, &v4) &&
                               is_trusted(proxies, bytes);

    while (go_on && count > 0)
        go_on = walk_back(proxies, values[--count], bytes);
    if (is_unix && memcmp(bytes, unknown, sizeof(bytes)) == 0)
        snprintf(ret_address, FORWARDED_ADDRESS, "%s", peer);
    else
        write_address(bytes, ret_address);
}
