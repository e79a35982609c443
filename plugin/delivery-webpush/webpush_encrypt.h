/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_encrypt.h - what a push service carries but
 * cannot read: one record of aes128gcm (RFC 8188), its key agreed with the
 * browser's (RFC 8291). */
#ifndef PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_ENCRYPT_H
#define PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_ENCRYPT_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "factor/base.h"

enum {
    WEBPUSH_POINT_LEN = 65, /* of P-256, uncompressed */
    WEBPUSH_AUTH_LEN = 16,
    WEBPUSH_SALT_LEN = 16,
    WEBPUSH_TAG_LEN = 16,
    WEBPUSH_BODY_MAX = 4096, /* that each service must take (RFC 8030 7.2) */
    WEBPUSH_HEAD_LEN = WEBPUSH_SALT_LEN + 4 + 1 + WEBPUSH_POINT_LEN,
    WEBPUSH_ROOM_MAX = WEBPUSH_BODY_MAX - WEBPUSH_HEAD_LEN - 1 -
                       WEBPUSH_TAG_LEN
};

/* The browser's, from its subscription. */
struct webpush_keys {
    uint8_t point[WEBPUSH_POINT_LEN]; /* "p256dh" */
    uint8_t auth[WEBPUSH_AUTH_LEN];
};

/* Ours, for one message only. */
struct webpush_once {
    EVP_PKEY *key; /* P-256 */
    uint8_t salt[WEBPUSH_SALT_LEN];
};

/* Fresh ones; webpush_once_clear() is fine on what failed. */
factor_status webpush_once_make(struct webpush_once *ret_once);
void webpush_once_clear(struct webpush_once *once);

/* Encrypt len bytes, padded to room (at most WEBPUSH_ROOM_MAX) so that their
 * length tells nothing.  ret_body takes WEBPUSH_BODY_MAX bytes.
 * FACTOR_E_INPUT: the browser's point is none, or there is not so much room;
 * FACTOR_E_INTERNAL: libcrypto failed. */
factor_status webpush_encrypt(const struct webpush_keys *keys,
                              const struct webpush_once *once,
                              const void *text, size_t len, size_t room,
                              uint8_t *ret_body, size_t *ret_len);

#endif
