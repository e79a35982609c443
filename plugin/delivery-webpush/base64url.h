/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/base64url.h - base64url without padding (RFC 4648 5),
 * as Web Push writes keys and topics. */
#ifndef PLUGIN_DELIVERY_WEBPUSH_BASE64URL_H
#define PLUGIN_DELIVERY_WEBPUSH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BASE64URL_MAX = 96 }; /* bytes at a time */

/* Bytes that the text of len octets takes, with the NUL; len is constant. */
#define BASE64URL_SIZE(len) (((len) * 4 + 2) / 3 + 1)

/* ret_text takes BASE64URL_SIZE(len) bytes. */
void base64url_encode(const uint8_t *bytes, size_t len, char *ret_text);

/* Whether the text stands for exactly len octets.  Padding and the letters of
 * plain base64 are taken too: some phones write so. */
bool base64url_decode(const char *text, uint8_t *ret_bytes, size_t len);

#endif
