/* SPDX-License-Identifier: MIT */
/* passcode/mask.c - addresses as they may be shown. */
#include "passcode/mask.h"

#include <stdbool.h>
#include <string.h>

enum {
    MAIL_LEADING = 2,
    MAIL_STARS = 4,
    PHONE_LEADING = 4,
    PHONE_TRAILING = 2,
    PHONE_LEN_MIN = 9, /* below, the visible part would be too much of it */
    PHONE_STARS = 5,
    OTHER_STARS = 4,
    STARS_MAX = PHONE_STARS
};

static bool
is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static size_t
count_characters(const char *text, size_t len)
{
    size_t i, count = 0;

    for (i = 0; i < len; i++)
        count += !is_continuation(text[i]);
    return count;
}

/* Bytes of the first so many characters. */
static size_t
bytes_of(const char *text, size_t len, size_t characters)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!is_continuation(text[i]) && characters-- == 0)
            break;
    return i;
}

static char *
add(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

/* A part of an address: its first and last characters around the stars. */
static char *
add_masked(char *at, const char *text, size_t len, size_t leading,
           size_t trailing, size_t stars)
{
    size_t tail = bytes_of(text, len,
                           count_characters(text, len) - trailing);

    at = add(at, text, bytes_of(text, len, leading));
    memset(at, '*', stars);
    return add(at + stars, text + tail, len - tail);
}

static size_t
at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

static bool
is_phone(const char *address)
{
    return address[0] == '+' && address[1] &&
           address[1 + strspn(address + 1, "0123456789 ()-./")] == '\0';
}

static char *
mask_mail(char *at, const char *address, const char *domain)
{
    size_t len = (size_t)(domain - address);
    size_t visible = at_most(count_characters(address, len) / 2,
                             MAIL_LEADING);

    at = add_masked(at, address, len, visible, 0, MAIL_STARS);
    return add(at, domain, strlen(domain));
}

static char *
mask_phone(char *at, const char *address)
{
    size_t len = strlen(address);

    if (len < PHONE_LEN_MIN)
        return add_masked(at, address, len, 0, 0, PHONE_STARS);
    return add_masked(at, address, len, PHONE_LEADING, PHONE_TRAILING,
                      PHONE_STARS);
}

static char *
mask_other(char *at, const char *address, const struct passcode_mask_rule *rule)
{
    size_t len = strlen(address);
    size_t half = count_characters(address, len) / 2;
    size_t leading = at_most(rule->leading, half);

    return add_masked(at, address, len, leading,
                      at_most(rule->trailing, half - leading), OTHER_STARS);
}

size_t
passcode_mask_size(const char *address)
{
    return strlen(address) + STARS_MAX + 1;
}

void
passcode_mask(const char *address, const struct passcode_mask_rule *rule,
              char *ret_masked)
{
    const char *domain = strrchr(address, '@');
    char *end;

    if (domain && domain != address)
        end = mask_mail(ret_masked, address, domain);
    else if (is_phone(address))
        end = mask_phone(ret_masked, address);
    else
        end = mask_other(ret_masked, address, rule);
    *end = '\0';
}

void
passcode_normalise(const char *address, char *ret_normal)
{
    const char *dropped = is_phone(address) ? " \t()-./" : " \t";

    for (; *address; address++) {
        if (strchr(dropped, *address))
            continue;
        *ret_normal++ = *address >= 'A' && *address <= 'Z'
                            ? (char)(*address + ('a' - 'A'))
                            : *address;
    }
    *ret_normal = '\0';
}
