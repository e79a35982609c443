/* SPDX-License-Identifier: MIT */
/* host/outgoing/address.c - which addresses a call may reach whose URL came
 * from outside. */
#include "host/outgoing/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* The first `bits` of an address. */
struct network {
    uint8_t bytes[16];
    unsigned bits;
};

/* IANA's registry of special-purpose addresses, and what is no unicast. */
static const struct network closed4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared: carriers' NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, and clouds' metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocols */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* relays of 6to4 */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* Of the one network that is unicast and global, 2000::/3. */
static const struct network closed6[] = {
    {{0x20, 0x01}, 23},             /* protocols: Teredo, ORCHID, ... */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff}, 20},             /* documentation */
};

static const struct network global6 = {{0x20}, 3};

/* Where IPv6 carries an IPv4 address, and behind which byte. */
static const struct {
    struct network network;
    size_t at;
} carriers[] = {
    {{{0x20, 0x02}, 16}, 2}, /* 6to4 */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64 */
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12}, /* mapped */
};

static bool
lies_in(const uint8_t *address, const struct network *network)
{
    const unsigned whole = network->bits / 8, rest = network->bits % 8;
    const unsigned differ =
        rest ? (unsigned)(address[whole] ^ network->bytes[whole]) >> (8 - rest)
             : 0;

    return memcmp(address, network->bytes, whole) == 0 && differ == 0;
}

static bool
is_public4(const uint8_t *address)
{
    size_t i;

    for (i = 0; i < sizeof(closed4) / sizeof(closed4[0]); i++)
        if (lies_in(address, &closed4[i]))
            return false;
    return true;
}

static bool
is_public6(const uint8_t *address)
{
    size_t i;

    for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
        if (lies_in(address, &carriers[i].network))
            return is_public4(address + carriers[i].at);
    for (i = 0; i < sizeof(closed6) / sizeof(closed6[0]); i++)
        if (lies_in(address, &closed6[i]))
            return false;
    return lies_in(address, &global6);
}

bool
outgoing_is_public(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof(v4));
        return is_public4((const uint8_t *)&v4.sin_addr);
    case AF_INET6:
        memcpy(&v6, address, sizeof(v6));
        return is_public6(v6.sin6_addr.s6_addr);
    default:
        return false;
    }
}
