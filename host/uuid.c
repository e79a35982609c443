/* SPDX-License-Identifier: MIT */
/* host/uuid.c - UUIDs of version 4 (RFC 9562 5.4). */
#include "host/uuid.h"

#include <stddef.h>
#include <string.h>

void
uuid_format(const uint8_t *bytes, char *ret_text)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t uuid[16];
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
