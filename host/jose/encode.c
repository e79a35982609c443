/* SPDX-License-Identifier: MIT */
/* host/jose/encode.c - base64url, digests, equality, PKCE. */
#include "host/jose/internal.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define ALPHABET                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

factor_status
jose_b64url_encode(const void *data, size_t len, char *ret_text,
                   size_t ret_size)
{
    const unsigned char *in = data;
    unsigned int bits = 0, held = 0;
    size_t i;

    if (len > SIZE_MAX / 8 || ret_size < JOSE_B64URL_SIZE(len))
        return FACTOR_E_INPUT;
    for (i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            *ret_text++ = ALPHABET[bits >> (held - 6) & 63];
    }
    if (held)
        *ret_text++ = ALPHABET[bits << (6 - held) & 63];
    *ret_text = '\0';
    return FACTOR_OK;
}

factor_status
jose_b64url_decode(const char *text, size_t len, void *ret_data,
                   size_t ret_size, size_t *ret_len)
{
    unsigned char *out = ret_data;
    unsigned int bits = 0, held = 0;
    const char *found;
    size_t i;

    if (len % 4 == 1 || ret_size < len / 4 * 3 + len % 4 * 3 / 4)
        return FACTOR_E_INPUT;
    for (i = 0; i < len; i++) {
        found = memchr(ALPHABET, text[i], 64);
        if (!found)
            return FACTOR_E_INPUT;
        bits = bits << 6 | (unsigned int)(found - ALPHABET);
        for (held += 6; held >= 8; held -= 8)
            *out++ = (unsigned char)(bits >> (held - 8));
    }
    if (bits & ((1u << held) - 1))
        return FACTOR_E_INPUT; /* stray bits: a second spelling of the same */
    *ret_len = (size_t)(out - (unsigned char *)ret_data);
    return FACTOR_OK;
}

factor_status
jose_sha256(const void *data, size_t len,
            unsigned char ret_digest[JOSE_SHA256_LEN])
{
    return SHA256(data, len, ret_digest) ? FACTOR_OK : FACTOR_E_INTERNAL;
}

int
jose_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}

int
jose_pkce_s256(const char *verifier, const char *challenge)
{
    unsigned char digest[JOSE_SHA256_LEN];
    char text[JOSE_B64URL_SIZE(JOSE_SHA256_LEN)];
    size_t len = verifier ? strlen(verifier) : 0;

    if (!challenge || len < 43 || len > 128 ||
        strspn(verifier, ALPHABET ".~") != len ||
        jose_sha256(verifier, len, digest) ||
        jose_b64url_encode(digest, sizeof(digest), text, sizeof(text)))
        return 0;
    return jose_same(text, strlen(text), challenge, strlen(challenge));
}
