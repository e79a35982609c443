/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/apns_token.c - signs provider tokens and keeps them. */
#include "plugin/delivery-apns/apns_token.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RENEW_MS = 30 * 60 * 1000, /* Apple takes none that is older than an hour */
    YOUNG_MS = 20 * 60 * 1000,
    SIGNERS_MAX = 1024, /* kept */
    ID_SIZE = 65
};

struct apns_tokens {
    const struct factor_host *host;
    pthread_mutex_t lock; /* of kept; held while one is signed, so that no
                           * second one is */
    json_t *kept; /* signer's id to [header, made_ms] */
};

struct apns_tokens *
apns_tokens_new(const struct factor_host *host)
{
    struct apns_tokens *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    self->kept = json_object();
    return self;
}

void
apns_tokens_free(struct apns_tokens *self)
{
    if (!self)
        return;
    json_decref(self->kept);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* Somebody who knows a team's name but not its key must not be given the
 * token that the key has signed: so the key is in the id. */
static bool
make_id(const struct apns_signer *signer, char *ret_id)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0, i;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool made =
        ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
        EVP_DigestUpdate(ctx, signer->key_id, strlen(signer->key_id) + 1) &&
        EVP_DigestUpdate(ctx, signer->team_id, strlen(signer->team_id) + 1) &&
        EVP_DigestUpdate(ctx, signer->pem, strlen(signer->pem)) &&
        EVP_DigestFinal_ex(ctx, digest, &len);

    EVP_MD_CTX_free(ctx);
    for (i = 0; made && 2 * i + 2 < ID_SIZE; i++)
        snprintf(ret_id + 2 * i, 3, "%02x", digest[i]);
    return made;
}

static factor_status
sign(const struct apns_tokens *self, const struct apns_signer *signer,
     int64_t now_ms, char *ret_header)
{
    json_t *head = json_pack("{s:s}", "kid", signer->key_id);
    json_t *claims = json_pack("{s:s, s:I}", "iss", signer->team_id, "iat",
                               (json_int_t)(now_ms / 1000));
    char *token = NULL;
    factor_status status = FACTOR_E_NOMEM;

    if (head && claims)
        status = self->host->jws_sign(signer->pem, head, claims, &token);
    if (!status &&
        snprintf(ret_header, APNS_HEADER_SIZE, "authorization: bearer %s",
                 token) >= APNS_HEADER_SIZE)
        status = FACTOR_E_CONFIG;
    free(token);
    json_decref(head);
    json_decref(claims);
    return status;
}

/* What is kept may be used (FACTOR_OK), is to be renewed (FACTOR_E_NOTFOUND),
 * or may be neither (FACTOR_E_CONFLICT). */
static factor_status
judge(const json_t *kept, int64_t now_ms, const char *refused)
{
    const char *header = json_string_value(json_array_get(kept, 0));
    int64_t age_ms = now_ms - json_integer_value(json_array_get(kept, 1));

    /* Of a time to come: the clock was set back. */
    if (!header || age_ms >= RENEW_MS || age_ms <= -YOUNG_MS)
        return FACTOR_E_NOTFOUND;
    if (!refused || strcmp(refused, header) != 0)
        return FACTOR_OK;
    return age_ms >= YOUNG_MS ? FACTOR_E_NOTFOUND : FACTOR_E_CONFLICT;
}

static factor_status
find_or_sign(struct apns_tokens *self, const struct apns_signer *signer,
             const char *id, int64_t now_ms, const char *refused,
             char *ret_header)
{
    const json_t *kept = json_object_get(self->kept, id);
    factor_status status = judge(kept, now_ms, refused);

    if (!status)
        snprintf(ret_header, APNS_HEADER_SIZE, "%s",
                 json_string_value(json_array_get(kept, 0)));
    if (status != FACTOR_E_NOTFOUND)
        return status;
    status = sign(self, signer, now_ms, ret_header);
    if (status)
        return status;
    if (json_object_size(self->kept) >= SIGNERS_MAX)
        json_object_clear(self->kept);
    /* One that could not be kept would be signed again too soon. */
    return json_object_set_new(
               self->kept, id,
               json_pack("[s, I]", ret_header, (json_int_t)now_ms))
               ? FACTOR_E_NOMEM
               : FACTOR_OK;
}

factor_status
apns_tokens_header(struct apns_tokens *self, const struct apns_signer *signer,
                   int64_t now_ms, const char *refused, char *ret_header)
{
    char id[ID_SIZE];
    factor_status status;

    if (!make_id(signer, id))
        return FACTOR_E_INTERNAL;
    pthread_mutex_lock(&self->lock);
    status = find_or_sign(self, signer, id, now_ms, refused, ret_header);
    pthread_mutex_unlock(&self->lock);
    return status;
}
