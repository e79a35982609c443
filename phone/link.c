/* SPDX-License-Identifier: MIT */
/* phone/link.c - URLs that a phone may go to, and pairing links. */
#include "phone/internal.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX DIGITS "abcdefABCDEF"
#define KEY_LETTERS "ABCDEFGHJKMNPQRSTVWXYZ" DIGITS

enum {
    KEY_LEN = 16,
    DIGIT_KEY_LEN = 12,
    PORT_DIGITS_MAX = 5,
    TYPED_MAX = FACTOR_PHONE_URL_SIZE - 9 /* "https://" may be added */
};

/* --- URLs --- */

/* Where a URL's authority begins, and whether it is plain HTTP; or NULL. */
static const char *
authority(const char *url, bool *ret_plain)
{
    static const char plain[] = "http://", secure[] = "https://";

    *ret_plain = strncmp(url, plain, strlen(plain)) == 0;
    if (*ret_plain)
        return url + strlen(plain);
    return strncmp(url, secure, strlen(secure)) == 0 ? url + strlen(secure)
                                                     : NULL;
}

/* The length of the host's name at the beginning of an authority; 0: none. */
static size_t
host_len(const char *text)
{
    size_t len;

    if (text[0] != '[')
        return strspn(text, HEX "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-.");
    len = 1 + strspn(text + 1, HEX ":.");
    return text[len] == ']' ? len + 1 : 0;
}

bool
phone_is_loopback(const char *url)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    bool plain;
    const char *host = authority(url, &plain);
    size_t len = host ? host_len(host) : 0, i;

    for (i = 0; i < COUNT(names); i++)
        if (len == strlen(names[i]) && strncmp(host, names[i], len) == 0)
            return true;
    return false;
}

bool
phone_issuer_ok(const char *url)
{
    bool plain;
    const char *at = authority(url, &plain);
    size_t len = at ? host_len(at) : 0;

    if (len == 0 || strlen(url) >= FACTOR_PHONE_URL_SIZE ||
        (plain && !phone_is_loopback(url)))
        return false;
    at += len;
    if (*at == ':') {
        len = strspn(++at, DIGITS);
        if (len == 0 || len > PORT_DIGITS_MAX)
            return false;
        at += len;
    }
    if (*at == '\0')
        return true;
    /* Nothing that a parser of URLs could take for another thing: no "?",
     * "#", "@", "\", space. */
    len = strspn(at, LETTERS "abcdefghijklmnopqrstuvwxyz" DIGITS
                             "/-._~!$&'()*+,;=:%");
    return *at == '/' && at[len] == '\0' && at[len - 1] != '/';
}

/* --- links --- */

/* Spaces and dashes out, lower case up; FACTOR_PHONE_USAGE: it is no key. */
static enum factor_phone_status
clean_key(const char *text, char ret_key[FACTOR_PHONE_KEY_SIZE])
{
    char key[FACTOR_PHONE_KEY_SIZE];
    size_t len = 0;

    for (; *text; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        if (len == KEY_LEN)
            return FACTOR_PHONE_USAGE;
        key[len++] = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A')
                                                  : *text;
    }
    key[len] = '\0';
    if ((len != KEY_LEN || strspn(key, KEY_LETTERS) != len) &&
        (len != DIGIT_KEY_LEN || strspn(key, DIGITS) != len))
        return FACTOR_PHONE_USAGE;
    memcpy(ret_key, key, len + 1);
    return FACTOR_PHONE_OK;
}

static int
hex(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    return letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
}

/* RFC 3986 2.1; false: malformed, with a NUL in it, or too long. */
static bool
unescape(const char *text, size_t len, char *ret_text, size_t size)
{
    size_t used = 0, i;
    int letter;

    for (i = 0; i < len; i++) {
        letter = text[i];
        if (letter == '%') {
            if (len - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return false;
            letter = hex(text[i + 1]) << 4 | hex(text[i + 2]);
            i += 2;
        }
        if (letter == 0 || used + 1 >= size)
            return false;
        ret_text[used++] = (char)letter;
    }
    ret_text[used] = '\0';
    return true;
}

struct member {
    const char *name;
    char *value;
    size_t size;
};

/* Takes one "name=value" of a link; false: it is malformed or there twice. */
static bool
take_member(const char *text, size_t len, const struct member *members,
            size_t count)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len, i;

    for (i = 0; i < count; i++)
        if (strlen(members[i].name) == name_len &&
            memcmp(members[i].name, text, name_len) == 0)
            return equals && !members[i].value[0] &&
                   unescape(equals + 1, len - name_len - 1, members[i].value,
                            members[i].size);
    return true; /* of a later version */
}

enum factor_phone_status
factor_phone_link_parse(const char *text, struct factor_phone_link *ret_link)
{
    struct factor_phone_link link = { .issuer = "" };
    char version[8] = "", key[64] = "";
    unsigned char digest[32];
    const struct member members[] = {
        { "v", version, sizeof(version) },
        { "iss", link.issuer, sizeof(link.issuer) },
        { "key", key, sizeof(key) },
        { "fp", link.fingerprint, sizeof(link.fingerprint) },
        { "app", link.application, sizeof(link.application) },
    };
    const char *at = strchr(text, '#');
    size_t len;

    if (!at)
        return FACTOR_PHONE_USAGE;
    do {
        len = strcspn(++at, "& \t\r\n");
        if (!take_member(at, len, members, COUNT(members)))
            return FACTOR_PHONE_USAGE;
        at += len;
    } while (*at == '&');
    if (at[strspn(at, " \t\r\n")] || strcmp(version, "1") != 0 ||
        !phone_unb64(link.fingerprint, digest, sizeof(digest)) ||
        clean_key(key, link.key))
        return FACTOR_PHONE_USAGE;
    if (!phone_issuer_ok(link.issuer))
        return FACTOR_PHONE_UNTRUSTED;
    *ret_link = link;
    return FACTOR_PHONE_OK;
}

enum factor_phone_status
factor_phone_link_typed(const char *issuer, const char *key,
                        struct factor_phone_link *ret_link)
{
    struct factor_phone_link link = { .issuer = "" };
    size_t len = strlen(issuer);

    if (len > 0 && issuer[len - 1] == '/')
        len--;
    if (len == 0 || len > TYPED_MAX || clean_key(key, link.key))
        return FACTOR_PHONE_USAGE;
    snprintf(link.issuer, sizeof(link.issuer), "%s%.*s",
             strstr(issuer, "://") ? "" : "https://", (int)len, issuer);
    if (!phone_issuer_ok(link.issuer))
        return FACTOR_PHONE_UNTRUSTED;
    *ret_link = link;
    return FACTOR_PHONE_OK;
}
