/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_vapid.c - signs for push services, and keeps
 * what it signed. */
#include "plugin/delivery-webpush/webpush_vapid.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/delivery-webpush/base64url.h"
#include "plugin/delivery-webpush/webpush_encrypt.h"

enum {
    LIFE_S = 12 * 3600, /* RFC 8292 allows 24 h; clocks differ */
    USE_MS = 11 * 3600 * 1000,
    ORIGINS_MAX = 64, /* kept; phones name them, so there may be any number */
    ORIGINS_AGREE = 3 /* that refuse us: then it is not the subscription */
};

struct webpush_vapid {
    const struct factor_host *host;
    json_t *pem, *subject; /* strings: wiped when they are freed */
    char key[BASE64URL_SIZE(WEBPUSH_POINT_LEN)]; /* public */
    pthread_mutex_t lock; /* of what follows */
    json_t *headers; /* origin to [header, end_ms] */
    bool taken; /* by any service, since we were made */
    unsigned refused_count;
    uint64_t refused[ORIGINS_AGREE]; /* by whom: hashes of origins */
};

/* --- Life --- */

static factor_status
fault(struct factor_error *err, const char *text)
{
    err->code = FACTOR_E_CONFIG;
    snprintf(err->text, sizeof(err->text), "%s", text);
    return FACTOR_E_CONFIG;
}

/* The public half in base64url. */
static bool
public_key(const char *pem, char *ret_key)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    uint8_t point[WEBPUSH_POINT_LEN];
    char group[32] = "";
    size_t len = 0;
    bool fits = key &&
                EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) > 0 &&
                strcmp(group, SN_X9_62_prime256v1) == 0 &&
                EVP_PKEY_set_utf8_string_param(
                    key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                    OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) > 0 &&
                EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                                point, sizeof(point),
                                                &len) > 0 &&
                len == sizeof(point);

    if (fits)
        base64url_encode(point, sizeof(point), ret_key);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return fits;
}

static factor_status
fill(struct webpush_vapid *self, const char *pem, const char *subject,
     struct factor_error *err)
{
    if (strncmp(subject, "mailto:", 7) != 0 &&
        strncmp(subject, "https:", 6) != 0)
        return fault(err, "subject: begins neither with mailto: nor https:");
    if (!public_key(pem, self->key))
        return fault(err, "vapid_key: no private key of P-256 in PEM");
    self->pem = json_string(pem);
    self->subject = json_string(subject);
    self->headers = json_object();
    return self->pem && self->subject && self->headers ? FACTOR_OK
                                                       : FACTOR_E_NOMEM;
}

factor_status
webpush_vapid_new(const struct factor_host *host, const char *pem,
                  const char *subject, struct webpush_vapid **ret_vapid,
                  struct factor_error *err)
{
    struct webpush_vapid *self = calloc(1, sizeof(*self));
    factor_status status;

    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    status = fill(self, pem, subject, err);
    if (status)
        webpush_vapid_free(self);
    else
        *ret_vapid = self;
    return status;
}

json_t *
webpush_vapid_public(const struct webpush_vapid *self)
{
    return json_pack("{s:s}", "vapid_public_key", self->key);
}

void
webpush_vapid_free(struct webpush_vapid *self)
{
    if (!self)
        return;
    json_decref(self->pem);
    json_decref(self->subject);
    json_decref(self->headers);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* --- Headers --- */

static factor_status
sign(const struct webpush_vapid *self, const char *origin, int64_t now_ms,
     char *ret_header)
{
    json_t *head = json_pack("{s:s}", "typ", "JWT");
    json_t *claims =
        json_pack("{s:s, s:I, s:O}", "aud", origin, "exp",
                  (json_int_t)(now_ms / 1000 + LIFE_S), "sub", self->subject);
    char *token = NULL;
    factor_status status = FACTOR_E_NOMEM;

    if (head && claims)
        status = self->host->jws_sign(json_string_value(self->pem), head,
                                      claims, &token);
    if (!status && snprintf(ret_header, WEBPUSH_VAPID_SIZE,
                            "Authorization: vapid t=%s, k=%s", token,
                            self->key) >= WEBPUSH_VAPID_SIZE)
        status = FACTOR_E_INTERNAL;
    free(token);
    json_decref(head);
    json_decref(claims);
    return status;
}

/* False: there is none, or it ends soon; or it is of a time to come, since
 * the clock was set back: it could be valid for longer than allowed. */
static bool
find(const struct webpush_vapid *self, const char *origin, int64_t now_ms,
     char *ret_header)
{
    const json_t *kept = json_object_get(self->headers, origin);
    json_int_t end_ms = json_integer_value(json_array_get(kept, 1));

    if (!kept || end_ms <= now_ms || end_ms - now_ms > USE_MS)
        return false;
    snprintf(ret_header, WEBPUSH_VAPID_SIZE, "%s",
             json_string_value(json_array_get(kept, 0)));
    return true;
}

/* If there is no memory for it, it is signed again the next time. */
static void
keep(struct webpush_vapid *self, const char *origin, int64_t now_ms,
     const char *header)
{
    if (json_object_size(self->headers) >= ORIGINS_MAX)
        json_object_clear(self->headers);
    json_object_set_new(
        self->headers, origin,
        json_pack("[s, I]", header, (json_int_t)(now_ms + USE_MS)));
}

factor_status
webpush_vapid_header(struct webpush_vapid *self, const char *origin,
                     int64_t now_ms, char *ret_header)
{
    factor_status status = FACTOR_OK;

    pthread_mutex_lock(&self->lock);
    if (!find(self, origin, now_ms, ret_header)) {
        status = sign(self, origin, now_ms, ret_header);
        if (!status)
            keep(self, origin, now_ms, ret_header);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

/* --- What services say of us --- */

static uint64_t
hash(const char *text)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *text; text++)
        sum = (sum ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return sum;
}

static void
add_refused(struct webpush_vapid *self, uint64_t origin)
{
    unsigned i;

    for (i = 0; i < self->refused_count; i++)
        if (self->refused[i] == origin)
            return;
    if (self->refused_count < ORIGINS_AGREE)
        self->refused[self->refused_count++] = origin;
}

void
webpush_vapid_taken(struct webpush_vapid *self)
{
    pthread_mutex_lock(&self->lock);
    self->taken = true;
    pthread_mutex_unlock(&self->lock);
}

bool
webpush_vapid_refused(struct webpush_vapid *self, const char *origin)
{
    bool ours;

    pthread_mutex_lock(&self->lock);
    add_refused(self, hash(origin));
    ours = !self->taken && self->refused_count == ORIGINS_AGREE;
    pthread_mutex_unlock(&self->lock);
    return ours;
}
