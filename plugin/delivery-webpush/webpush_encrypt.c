/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_encrypt.c - RFC 8291, by the names that it
 * uses. */
#include "plugin/delivery-webpush/webpush_encrypt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <stdbool.h>
#include <string.h>

enum {
    SECRET_LEN = 32, /* of ECDH and of what is made from it */
    CEK_LEN = 16,
    NONCE_LEN = 12,
    LAST_RECORD = 2 /* ends the text of the last record; zeros follow */
};

/* What a record is encrypted with. */
struct record_keys {
    uint8_t cek[CEK_LEN];
    uint8_t nonce[NONCE_LEN];
};

/* --- Chance --- */

/* libcrypto's, as for the key: 16 bytes are what a key of AES-128 is. */
static bool
random_salt(uint8_t *ret_salt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool made = ctx &&
                EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, NULL, NULL) &&
                EVP_CIPHER_CTX_rand_key(ctx, ret_salt) > 0;

    EVP_CIPHER_CTX_free(ctx);
    return made;
}

factor_status
webpush_once_make(struct webpush_once *ret_once)
{
    ret_once->key = EVP_EC_gen("P-256");
    if (ret_once->key && random_salt(ret_once->salt))
        return FACTOR_OK;
    ERR_clear_error();
    return FACTOR_E_INTERNAL;
}

void
webpush_once_clear(struct webpush_once *once)
{
    EVP_PKEY_free(once->key);
    once->key = NULL;
}

/* --- Key agreement --- */

/* NULL: the octets are no point of the curve. */
static EVP_PKEY *
key_of_point(const EVP_PKEY *ours, const uint8_t *point)
{
    EVP_PKEY *key = EVP_PKEY_new();

    if (key && EVP_PKEY_copy_parameters(key, ours) > 0 &&
        EVP_PKEY_set1_encoded_public_key(key, point, WEBPUSH_POINT_LEN) > 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool
ecdh(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *ret_secret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
    size_t len = SECRET_LEN;
    bool agreed = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
                  EVP_PKEY_derive_set_peer(ctx, theirs) > 0 &&
                  EVP_PKEY_derive(ctx, ret_secret, &len) > 0 &&
                  len == SECRET_LEN;

    EVP_PKEY_CTX_free(ctx);
    return agreed;
}

/* HKDF (RFC 5869) with SHA-256; the salt is 16 bytes and the key 32. */
static bool
hkdf(const uint8_t *salt, const uint8_t *key, const void *info,
     size_t info_len, uint8_t *ret, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t made = len;
    bool done = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
                EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) > 0 &&
                EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, WEBPUSH_SALT_LEN) > 0 &&
                EVP_PKEY_CTX_set1_hkdf_key(ctx, key, SECRET_LEN) > 0 &&
                EVP_PKEY_CTX_add1_hkdf_info(ctx, info, (int)info_len) > 0 &&
                EVP_PKEY_derive(ctx, ret, &made) > 0 && made == len;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

/* The secret of RFC 8291 3.4: bound to the subscription and to both keys. */
static bool
input_key(const struct webpush_keys *keys, const uint8_t *our_point,
          const uint8_t *ecdh_secret, uint8_t *ret_ikm)
{
    static const char label[] = "WebPush: info"; /* its NUL is part of it */
    uint8_t info[sizeof(label) + 2 * WEBPUSH_POINT_LEN];

    memcpy(info, label, sizeof(label));
    memcpy(info + sizeof(label), keys->point, WEBPUSH_POINT_LEN);
    memcpy(info + sizeof(label) + WEBPUSH_POINT_LEN, our_point,
           WEBPUSH_POINT_LEN);
    return hkdf(keys->auth, ecdh_secret, info, sizeof(info), ret_ikm,
                SECRET_LEN);
}

/* RFC 8188 2.2 and 2.3: the NUL behind each label is part of it. */
static bool
expand(const uint8_t *salt, const uint8_t *ikm, struct record_keys *ret)
{
    static const char cek[] = "Content-Encoding: aes128gcm";
    static const char nonce[] = "Content-Encoding: nonce";

    return hkdf(salt, ikm, cek, sizeof(cek), ret->cek, CEK_LEN) &&
           hkdf(salt, ikm, nonce, sizeof(nonce), ret->nonce, NONCE_LEN);
}

static factor_status
agree(const struct webpush_keys *keys, const struct webpush_once *once,
      const uint8_t *our_point, struct record_keys *ret)
{
    uint8_t secret[SECRET_LEN], ikm[SECRET_LEN];
    EVP_PKEY *theirs = key_of_point(once->key, keys->point);
    bool agreed;

    if (!theirs)
        return FACTOR_E_INPUT;
    agreed = ecdh(once->key, theirs, secret) &&
             input_key(keys, our_point, secret, ikm) &&
             expand(once->salt, ikm, ret);
    EVP_PKEY_free(theirs);
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(ikm, sizeof(ikm));
    return agreed ? FACTOR_OK : FACTOR_E_INTERNAL;
}

/* --- The record --- */

/* Salt, record size, and our point as the key's name. */
static uint8_t *
write_head(const struct webpush_once *once, const uint8_t *our_point,
           uint8_t *to)
{
    memcpy(to, once->salt, WEBPUSH_SALT_LEN);
    to += WEBPUSH_SALT_LEN;
    *to++ = 0;
    *to++ = 0;
    *to++ = WEBPUSH_BODY_MAX >> 8;
    *to++ = WEBPUSH_BODY_MAX & 0xff;
    *to++ = WEBPUSH_POINT_LEN;
    memcpy(to, our_point, WEBPUSH_POINT_LEN);
    return to + WEBPUSH_POINT_LEN;
}

/* In place; the tag goes behind it. */
static bool
seal(const struct record_keys *keys, uint8_t *record, size_t len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int done = 0;
    bool sealed =
        ctx &&
        EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys->cek,
                           keys->nonce) > 0 &&
        EVP_EncryptUpdate(ctx, record, &done, record, (int)len) > 0 &&
        EVP_EncryptFinal_ex(ctx, record + done, &done) > 0 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, WEBPUSH_TAG_LEN,
                            record + len) > 0;

    EVP_CIPHER_CTX_free(ctx);
    return sealed;
}

factor_status
webpush_encrypt(const struct webpush_keys *keys,
                const struct webpush_once *once, const void *text, size_t len,
                size_t room, uint8_t *ret_body, size_t *ret_len)
{
    struct record_keys record_keys;
    uint8_t our_point[WEBPUSH_POINT_LEN], *record;
    size_t point_len = 0;
    factor_status status;

    if (len > room || room > WEBPUSH_ROOM_MAX)
        return FACTOR_E_INPUT;
    if (EVP_PKEY_get_octet_string_param(once->key, OSSL_PKEY_PARAM_PUB_KEY,
                                        our_point, sizeof(our_point),
                                        &point_len) <= 0 ||
        point_len != sizeof(our_point))
        return FACTOR_E_INTERNAL;
    status = agree(keys, once, our_point, &record_keys);
    record = write_head(once, our_point, ret_body);
    memset(record, 0, room + 1);
    memcpy(record, text, len);
    record[len] = LAST_RECORD;
    if (!status && !seal(&record_keys, record, room + 1))
        status = FACTOR_E_INTERNAL;
    explicit_bzero(&record_keys, sizeof(record_keys));
    ERR_clear_error(); /* libcurl's TLS in this thread must not find ours */
    *ret_len = WEBPUSH_HEAD_LEN + room + 1 + WEBPUSH_TAG_LEN;
    return status;
}
