/* SPDX-License-Identifier: MIT */
/* tests/test_forwarded.c - whom trusted proxies name as their client. */
#include "host/http/forwarded.h"

#include <string.h>

#include "tests/tap.h"

static struct forwarded_proxies
trusting(const char *const *list)
{
    struct forwarded_proxies proxies = {.count = 0};

    for (; *list; list++)
        CU_ASSERT_TRUE(forwarded_trust(&proxies, *list));
    return proxies;
}

static void
networks(void)
{
    static const char *const good[] = {
        "unix", "192.0.2.7", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32",
        "2001:db8::/32", "::1", "::/0", "::1/128",
    };
    static const char *const bad[] = {
        "", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0/8", "::1/129", "[::1]", "10.0.0.1:80", "/8", " 10.0.0.1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
    };
    struct forwarded_proxies proxies = {.count = 0};
    size_t i;

    for (i = 0; i < TAP_COUNT(good); i++)
        CU_ASSERT_TRUE(forwarded_trust(&proxies, good[i]));
    for (i = 0; i < TAP_COUNT(bad); i++)
        if (forwarded_trust(&proxies, bad[i])) {
            tap_note("\"%s\" was taken", bad[i]);
            CU_FAIL("a network that is none");
        }
    while (proxies.count < FORWARDED_PROXIES_MAX)
        CU_ASSERT_TRUE(forwarded_trust(&proxies, "192.0.2.7"));
    CU_ASSERT_FALSE(forwarded_trust(&proxies, "192.0.2.7"));
}

struct row {
    const char *peer, *first, *second; /* headers; NULL: none */
    const char *client;
};

static void
walk(const struct forwarded_proxies *proxies, const struct row *rows,
     size_t count)
{
    char address[FORWARDED_ADDRESS];
    const char *values[2];
    size_t i;

    for (i = 0; i < count; i++) {
        values[0] = rows[i].first;
        values[1] = rows[i].second;
        forwarded_client(proxies, rows[i].peer, values,
                         !!rows[i].first + !!rows[i].second, address);
        if (strcmp(address, rows[i].client) != 0)
            tap_note("%s, \"%s\": %s", rows[i].peer,
                     rows[i].first ? rows[i].first : "", address);
        CU_ASSERT_STRING_EQUAL(address, rows[i].client);
    }
}

static void
clients(void)
{
    static const char *const list[] = {"10.0.0.0/8", "2001:db8:1::/48", NULL};
    static const struct row rows[] = {
        /* Nobody whom we trust says so. */
        {"203.0.113.9", NULL, NULL, "203.0.113.9"},
        {"203.0.113.9", "198.51.100.1", NULL, "203.0.113.9"},
        {"11.0.0.1", "198.51.100.1", NULL, "11.0.0.1"},
        {"unix", "198.51.100.1", NULL, "unix"},
        /* One proxy, two, and what a liar wrote before them. */
        {"10.0.0.1", "198.51.100.1", NULL, "198.51.100.1"},
        {"10.255.0.1", "198.51.100.1, 10.0.0.2", NULL, "198.51.100.1"},
        {"10.0.0.1", "1.2.3.4, 198.51.100.1", NULL, "198.51.100.1"},
        {"10.0.0.1", "10.0.0.9, 198.51.100.1,10.0.0.2", NULL, "198.51.100.1"},
        {"10.0.0.1", "1.2.3.4", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "198.51.100.1", "10.0.0.2", "198.51.100.1"},
        {"10.0.0.1", "198.51.100.1", "", "198.51.100.1"},
        /* The proxy itself asks. */
        {"10.0.0.1", NULL, NULL, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.2", NULL, "10.0.0.2"},
        /* As others write them. */
        {"10.0.0.1", " 198.51.100.1:4711 ", NULL, "198.51.100.1"},
        {"10.0.0.1", "[2001:db8:2::1]:80", NULL, "2001:db8:2::1"},
        {"10.0.0.1", "2001:db8:2::1", NULL, "2001:db8:2::1"},
        {"10.0.0.1", "2001:DB8:2:0::1", NULL, "2001:db8:2::1"},
        {"10.0.0.1", "::ffff:198.51.100.1", NULL, "198.51.100.1"},
        {"2001:db8:1::5", "198.51.100.1", NULL, "198.51.100.1"},
        {"2001:db8:2::5", "198.51.100.1", NULL, "2001:db8:2::5"},
        /* What nobody can read: the last hop that is known. */
        {"10.0.0.1", "unknown", NULL, "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, ,10.0.0.2", NULL, "10.0.0.2"},
        {"10.0.0.1", "198.51.100.1,", NULL, "10.0.0.1"},
        {"10.0.0.1", "[2001:db8:2::1", NULL, "10.0.0.1"},
        {"10.0.0.1", "[2001:db8:2::1]x", NULL, "10.0.0.1"},
        {"10.0.0.1", "1.2.3.4.5", NULL, "10.0.0.1"},
        {"10.0.0.1",
         "1111111111111111111111111111111111111111111111111111111111111111111"
         "111111111111111",
         NULL, "10.0.0.1"},
    };
    const struct forwarded_proxies proxies = trusting(list);

    walk(&proxies, rows, TAP_COUNT(rows));
}

static void
unix_sockets(void)
{
    static const char *const list[] = {"unix", NULL};
    static const struct row rows[] = {
        {"unix", "198.51.100.1", NULL, "198.51.100.1"},
        {"unix", "1.2.3.4, 198.51.100.1", NULL, "198.51.100.1"},
        {"unix", NULL, NULL, "unix"},
        {"unix", "x", NULL, "unix"},
        {"10.0.0.1", "198.51.100.1", NULL, "10.0.0.1"},
    };
    const struct forwarded_proxies proxies = trusting(list);

    walk(&proxies, rows, TAP_COUNT(rows));
}

static const struct tap_test tests[] = {
    {"networks are told from what is none", networks},
    {"H3: the client is whom the last trusted proxy names", clients},
    {"H3: proxies on a unix socket", unix_sockets},
};

int
main(void)
{
    return tap_main("forwarded", tests, TAP_COUNT(tests));
}
