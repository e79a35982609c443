/* SPDX-License-Identifier: MIT */
/* host/uuid.c - UUIDs of version 4 (RFC 9562 5.4). */
#include "host/uuid.h"

#include <stddef.h>
#include <string.h>

#include "host/clock.h"

enum { UUID_BYTES = 16 };

void
uuid_format(const uint8_t *bytes, char *ret_text)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t uuid[UUID_BYTES];
    size_t i;

    memcpy(uuid, bytes, sizeof(uuid));
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80); /* variant */
    for (i = 0; i < sizeof(uuid); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *ret_text++ = '-';
        *ret_text++ = hex[uuid[i] >> 4];
        *ret_text++ = hex[uuid[i] & 15];
    }
    *ret_text = '\0';
}

bool
uuid_is(const char *text)
{
    size_t i;

    for (i = 0; i < UUID_SIZE - 1; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23
                ? text[i] != '-'
                : !text[i] || !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    return text[i] == '\0';
}

void
uuid_random(char ret_text[UUID_SIZE])
{
    uint8_t bytes[UUID_BYTES];

    clock_random(bytes, sizeof(bytes));
    uuid_format(bytes, ret_text);
}
