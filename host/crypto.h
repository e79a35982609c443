/* SPDX-License-Identifier: MIT */
/* host/crypto.h - the two primitives that records are protected with, on
 * OpenSSL: HMAC-SHA-256 over parts, and AES-256-GCM.  Any thread. */
#ifndef HOST_CRYPTO_H
#define HOST_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CRYPTO_KEY_LEN = 32,
    CRYPTO_MAC_LEN = 32,
    CRYPTO_SEAL_EXTRA = 12 + 16 /* nonce before, tag behind the cipher text */
};

/* One part of what is hashed.  Parts are hashed with their lengths, so that
 * moving a byte from one part to the next changes the result. */
struct crypto_part {
    const void *bytes;
    size_t len;
};

/* A part that is a text; NULL is a part of its own, unlike "". */
struct crypto_part crypto_text(const char *text);
/* A part that is a number; it must stay where it is until the call. */
struct crypto_part crypto_number(const int64_t *number);

/* HMAC-SHA-256.  False when OpenSSL failed. */
bool crypto_mac(const uint8_t key[CRYPTO_KEY_LEN],
                const struct crypto_part *parts, size_t part_count,
                uint8_t ret_mac[CRYPTO_MAC_LEN]);

/* SHA-256 of parts, likewise. */
bool crypto_hash(const struct crypto_part *parts, size_t part_count,
                 uint8_t ret_hash[CRYPTO_MAC_LEN]);

/* Bytes that nobody can tell from random ones who has not the key: AES-256 in
 * counter mode.  Another number gives others, up to 2^64 blocks of 16. */
bool crypto_stream(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number,
                   uint8_t *ret_bytes, size_t len);

/* AES-256-GCM under a random nonce; ret_sealed takes len + EXTRA bytes. */
bool crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], const void *bound,
                 size_t bound_len, const void *text, size_t len,
                 uint8_t *ret_sealed);

/* The reverse; false when anything was changed.  ret_text takes
 * len - EXTRA bytes. */
bool crypto_open(const uint8_t key[CRYPTO_KEY_LEN], const void *bound,
                 size_t bound_len, const uint8_t *sealed, size_t len,
                 uint8_t *ret_text);

/* Whether two macs are the same, in constant time. */
bool crypto_same(const void *a, const void *b, size_t len);

#endif
