/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/base64url.c - base64url on top of libcrypto's plain
 * base64. */
#include "plugin/delivery-webpush/base64url.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

/* With padding and a NUL. */
#define PLAIN_SIZE (BASE64URL_MAX / 3 * 4 + 4 + 1)

static void
replace(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from)
            *text = to;
}

void
base64url_encode(const uint8_t *bytes, size_t len, char *ret_text)
{
    char plain[PLAIN_SIZE] = "";
    size_t text_len = BASE64URL_SIZE(len) - 1;

    assert(len <= BASE64URL_MAX);
    EVP_EncodeBlock((unsigned char *)plain, bytes, (int)len);
    replace(plain, '+', '-');
    replace(plain, '/', '_');
    memcpy(ret_text, plain, text_len);
    ret_text[text_len] = '\0';
}

bool
base64url_decode(const char *text, uint8_t *ret_bytes, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_+/";
    size_t text_len = strspn(text, alphabet);
    size_t pad = (4 - text_len % 4) % 4;
    unsigned char plain[PLAIN_SIZE] = "", bytes[PLAIN_SIZE];

    if (text[text_len + strspn(text + text_len, "=")] != '\0' ||
        len > BASE64URL_MAX || text_len != BASE64URL_SIZE(len) - 1)
        return false;
    memcpy(plain, text, text_len);
    memset(plain + text_len, '=', pad);
    replace((char *)plain, '-', '+');
    replace((char *)plain, '_', '/');
    if (EVP_DecodeBlock(bytes, plain, (int)(text_len + pad)) < 0)
        return false;
    memcpy(ret_bytes, bytes, len);
    return true;
}
