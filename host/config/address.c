/* SPDX-License-Identifier: MIT */
/* host/config/address.c - the form of addresses and URLs in a configuration.
 */
#include "host/config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char digits[] = "0123456789";
static const char scheme_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
static const char host_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

enum { LONGEST_HOST = 255 };

static bool
port_ok(const char *text)
{
    size_t len = strspn(text, digits);

    return len > 0 && len <= 5 && text[len] == '\0' &&
           strtol(text, NULL, 10) <= 65535;
}

/* A copy without brackets; false if it is too long to be a host. */
static bool
copy_host(const char *text, size_t len, char *ret_host)
{
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len > LONGEST_HOST)
        return false;
    memcpy(ret_host, text, len);
    ret_host[len] = '\0';
    return true;
}

static bool
host_ok(const char *text, size_t len)
{
    struct in6_addr v6;
    char host[LONGEST_HOST + 1];

    if (!copy_host(text, len, host))
        return false;
    if (text[0] == '[')
        return inet_pton(AF_INET6, host, &v6) == 1;
    return host[strspn(host, host_bytes)] == '\0';
}

static bool
host_is_local(const char *text, size_t len)
{
    struct in6_addr v6;
    struct in_addr v4;
    char host[LONGEST_HOST + 1];

    if (!copy_host(text, len, host))
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

bool
address_listen_ok(const char *text)
{
    const char *colon = strrchr(text, ':');

    if (strncmp(text, "unix:", 5) == 0)
        return text[5] != '\0';
    return colon && port_ok(colon + 1) &&
           host_ok(text, (size_t)(colon - text));
}

bool
address_listen_is_local(const char *text)
{
    const char *colon = strrchr(text, ':');

    return strncmp(text, "unix:", 5) == 0 ||
           (colon && host_is_local(text, (size_t)(colon - text)));
}

/* Past "http://" or "https://", or NULL. */
static const char *
after_scheme(const char *text)
{
    if (strncmp(text, "http://", 7) == 0)
        return text + 7;
    return strncmp(text, "https://", 8) == 0 ? text + 8 : NULL;
}

/* Where the host ends: at ":PORT" or the authority's end. */
static size_t
host_length(const char *authority, size_t len)
{
    size_t end = len;

    while (end > 0 && strchr(digits, authority[end - 1]))
        end--;
    return end > 0 && end < len && authority[end - 1] == ':' ? end - 1 : len;
}

bool
address_host_ok(const char *text)
{
    size_t len = strlen(text), host_len = host_length(text, len);

    return host_ok(text, host_len) &&
           (host_len == len || port_ok(text + host_len + 1));
}

/* How much of the URL is its origin; 0: it has none. */
static size_t
origin_length(const char *url)
{
    const char *authority = after_scheme(url);
    size_t len, host_len;
    char port[8];

    if (!authority)
        return 0;
    len = strcspn(authority, "/?#");
    host_len = host_length(authority, len);
    if (!host_ok(authority, host_len))
        return 0;
    if (host_len < len) {
        snprintf(port, sizeof(port), "%.*s", (int)(len - host_len - 1),
                 authority + host_len + 1);
        if (len - host_len > 6 || !port_ok(port))
            return 0;
    }
    return (size_t)(authority - url) + len;
}

bool
address_url_is_local(const char *url)
{
    const char *authority = after_scheme(url);

    return authority &&
           host_is_local(authority, host_length(authority,
                                                strcspn(authority, "/?#")));
}

bool
address_origin_ok(const char *text)
{
    size_t len = origin_length(text);

    return len > 0 && text[len] == '\0';
}

bool
address_client_origin_ok(const char *text)
{
    size_t len = strlen(text);
    char without[LONGEST_HOST + 16];

    if (len < 2 || strcmp(text + len - 2, ":*") != 0)
        return address_origin_ok(text);
    if (len - 2 >= sizeof(without))
        return false;
    memcpy(without, text, len - 2);
    without[len - 2] = '\0';
    return address_origin_ok(without) &&
           !strchr(without + strcspn(without, ":") + 1, ':');
}

/* RFC 3986 has no spaces, controls or quotes in a URI. */
static bool
bytes_ok(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7f || strchr("\"<>\\^`{|}", *text))
            return false;
    return true;
}

bool
address_base_ok(const char *text)
{
    size_t len = origin_length(text);

    return len > 0 && bytes_ok(text) && !strpbrk(text, "?#") &&
           text[strlen(text) - 1] != '/';
}

bool
address_redirect_ok(const char *text)
{
    static const char *const refused[] = {"javascript", "data", "vbscript",
                                          "file", "blob", "about", NULL};
    size_t len = strspn(text, scheme_bytes), i;

    if (len == 0 || text[len] != ':' || !text[len + 1] ||
        strchr("0123456789+-.", text[0]) || strchr(text, '#') ||
        !bytes_ok(text))
        return false;
    for (i = 0; refused[i]; i++)
        if (strlen(refused[i]) == len && !strncasecmp(refused[i], text, len))
            return false;
    return !after_scheme(text) || origin_length(text) > 0;
}
