/* SPDX-License-Identifier: MIT */
/* host/crypto.c - HMAC-SHA-256 over parts, and AES-256-GCM, on OpenSSL. */
#include "host/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

#include "host/clock.h"

enum { NONCE_LEN = 12, TAG_LEN = 16 };

/* Fetching an algorithm costs more than using it: once for the process. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static EVP_CIPHER *gcm, *ctr;

/* So does making a context: each thread has one, which Final leaves empty. */
static _Thread_local EVP_MD_CTX *hashing;
static pthread_key_t hashing_key;

static void
free_hashing(void *context)
{
    EVP_MD_CTX_free(context);
}

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    pthread_key_create(&hashing_key, free_hashing);
}

static EVP_MD_CTX *
own_hashing(void)
{
    pthread_once(&fetched, fetch);
    if (!hashing) {
        hashing = EVP_MD_CTX_new();
        pthread_setspecific(hashing_key, hashing);
    }
    return hashing;
}

struct crypto_part
crypto_text(const char *text)
{
    struct crypto_part part = {text, text ? strlen(text) : 0};

    return part;
}

struct crypto_part
crypto_number(const int64_t *number)
{
    struct crypto_part part = {number, sizeof(*number)};

    return part;
}

static bool
hash_part(EVP_MD_CTX *context, const struct crypto_part *part)
{
    uint64_t len = part->bytes ? part->len : UINT64_MAX;

    return EVP_DigestUpdate(context, &len, sizeof(len)) == 1 &&
           (!part->bytes ||
            EVP_DigestUpdate(context, part->bytes, part->len) == 1);
}

/* Digest of a block that goes first (HMAC's padded key; may be empty), and
 * of the parts. */
static bool
hash_after(const uint8_t *block, size_t block_len,
           const struct crypto_part *parts, size_t part_count,
           uint8_t ret_hash[CRYPTO_MAC_LEN])
{
    EVP_MD_CTX *context = own_hashing();
    bool done;
    size_t i;

    done = context && EVP_DigestInit_ex2(context, sha256, NULL) == 1 &&
           EVP_DigestUpdate(context, block, block_len) == 1;
    for (i = 0; done && i < part_count; i++)
        done = hash_part(context, &parts[i]);
    done = done && EVP_DigestFinal_ex(context, ret_hash, NULL) == 1;
    return done;
}

bool
crypto_hash(const struct crypto_part *parts, size_t part_count,
            uint8_t ret_hash[CRYPTO_MAC_LEN])
{
    return hash_after(NULL, 0, parts, part_count, ret_hash);
}

bool
crypto_mac(const uint8_t key[CRYPTO_KEY_LEN], const struct crypto_part *parts,
           size_t part_count, uint8_t ret_mac[CRYPTO_MAC_LEN])
{
    uint8_t inner_pad[64], outer_pad[64], inner[CRYPTO_MAC_LEN + 8];
    struct crypto_part rest = {inner, CRYPTO_MAC_LEN};
    bool done;
    size_t i;

    memset(inner_pad, 0x36, sizeof(inner_pad));
    memset(outer_pad, 0x5c, sizeof(outer_pad));
    for (i = 0; i < CRYPTO_KEY_LEN; i++) {
        inner_pad[i] ^= key[i];
        outer_pad[i] ^= key[i];
    }
    done = hash_after(inner_pad, sizeof(inner_pad), parts, part_count, inner) &&
           hash_after(outer_pad, sizeof(outer_pad), &rest, 1, ret_mac);
    OPENSSL_cleanse(inner_pad, sizeof(inner_pad));
    OPENSSL_cleanse(outer_pad, sizeof(outer_pad));
    return done;
}

bool
crypto_stream(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number,
              uint8_t *ret_bytes, size_t len)
{
    uint8_t counter[16] = {0};
    EVP_CIPHER_CTX *context;
    int out;
    bool done;

    if (len > INT32_MAX)
        return false;
    memcpy(counter, &number, sizeof(number));
    memset(ret_bytes, 0, len);
    pthread_once(&fetched, fetch);
    context = EVP_CIPHER_CTX_new();
    done = context &&
           EVP_EncryptInit_ex2(context, ctr, key, counter, NULL) == 1 &&
           EVP_EncryptUpdate(context, ret_bytes, &out, ret_bytes, (int)len) ==
               1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

bool
crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], const void *bound,
            size_t bound_len, const void *text, size_t len, uint8_t *ret_sealed)
{
    uint8_t *cipher = ret_sealed + NONCE_LEN;
    EVP_CIPHER_CTX *context;
    int out;
    bool done;

    pthread_once(&fetched, fetch);
    clock_random(ret_sealed, NONCE_LEN);
    context = EVP_CIPHER_CTX_new();
    done = context &&
           EVP_EncryptInit_ex2(context, gcm, key, ret_sealed, NULL) == 1 &&
           EVP_EncryptUpdate(context, NULL, &out, bound, (int)bound_len) == 1 &&
           EVP_EncryptUpdate(context, cipher, &out, text, (int)len) == 1 &&
           EVP_EncryptFinal_ex(context, cipher + out, &out) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LEN,
                               cipher + len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

bool
crypto_open(const uint8_t key[CRYPTO_KEY_LEN], const void *bound,
            size_t bound_len, const uint8_t *sealed, size_t len,
            uint8_t *ret_text)
{
    const uint8_t *cipher = sealed + NONCE_LEN;
    EVP_CIPHER_CTX *context;
    uint8_t tag[TAG_LEN];
    int text_len, out;
    bool done;

    if (len < CRYPTO_SEAL_EXTRA || len > INT32_MAX)
        return false;
    text_len = (int)(len - CRYPTO_SEAL_EXTRA);
    memcpy(tag, cipher + text_len, TAG_LEN);
    pthread_once(&fetched, fetch);
    context = EVP_CIPHER_CTX_new();
    done = context &&
           EVP_DecryptInit_ex2(context, gcm, key, sealed, NULL) == 1 &&
           EVP_DecryptUpdate(context, NULL, &out, bound, (int)bound_len) == 1 &&
           EVP_DecryptUpdate(context, ret_text, &out, cipher, text_len) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) ==
               1 &&
           EVP_DecryptFinal_ex(context, ret_text + out, &out) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

bool
crypto_same(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
