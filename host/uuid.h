/* SPDX-License-Identifier: MIT */
/* host/uuid.h - UUIDs of version 4 (RFC 9562 5.4). */
#ifndef HOST_UUID_H
#define HOST_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_SIZE = 37 }; /* 36 characters and a NUL */

/* 16 bytes of entropy as text.  Any thread. */
void uuid_format(const uint8_t *bytes, char *ret_text);

/* Whether it is the text of one, of any version.  Any thread. */
bool uuid_is(const char *text);

/* A new one, random.  Any thread. */
void uuid_random(char ret_text[UUID_SIZE]);

#endif
