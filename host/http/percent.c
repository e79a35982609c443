/* SPDX-License-Identifier: MIT */
/* host/http/percent.c - percent-encoding (RFC 3986, 2.1), read. */
#include <ctype.h>
#include <string.h>

#include "host/http/internal.h"

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found;

    if (c == '\0')
        return -1;
    found = strchr(digits, tolower((unsigned char)c));
    return found ? (int)(found - digits) : -1;
}

int
percent_byte(const char *digits)
{
    int high = hex_digit(digits[0]);
    int low = high < 0 ? -1 : hex_digit(digits[1]);

    return low < 0 ? -1 : high * 16 + low;
}

bool
percent_decode(char *text, bool plus)
{
    char *out = strpbrk(text, plus ? "%+" : "%");
    const char *in;
    int byte;

    if (!out)
        return true;
    for (in = out; *in; in++) {
        byte = plus && *in == '+' ? ' ' : (unsigned char)*in;
        if (*in == '%') {
            byte = percent_byte(in + 1);
            in += 2;
        }
        if (byte <= 0)
            return false;
        *out++ = (char)byte;
    }
    *out = '\0';
    return true;
}
