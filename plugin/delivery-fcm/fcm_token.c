/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_token.c - gets access tokens and keeps them. */
#include "plugin/delivery-fcm/fcm_token.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define FORM                                                                   \
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"         \
    "&assertion="

enum {
    ASSERTION_S = 3600, /* Google takes no longer one */
    EARLY_MS = 60000,
    LONGEST_S = 24 * 3600, /* believed of a token's life */
    ACCOUNTS_MAX = 256     /* kept */
};

struct fcm_tokens {
    const struct factor_host *host;
    pthread_mutex_t lock; /* of kept */
    json_t *kept; /* account's id to [token, from_ms, end_ms] */
};

struct fcm_tokens *
fcm_tokens_new(const struct factor_host *host)
{
    struct fcm_tokens *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    self->kept = json_object();
    return self;
}

void
fcm_tokens_free(struct fcm_tokens *self)
{
    if (!self)
        return;
    json_decref(self->kept);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* --- What is kept --- */

json_t *
fcm_tokens_find(struct fcm_tokens *self, const struct fcm_account *account,
                int64_t now_ms)
{
    json_t *kept, *token = NULL;

    pthread_mutex_lock(&self->lock);
    kept = json_object_get(self->kept, account->id);
    if (kept && json_integer_value(json_array_get(kept, 1)) <= now_ms &&
        json_integer_value(json_array_get(kept, 2)) > now_ms)
        token = json_string(json_string_value(json_array_get(kept, 0)));
    pthread_mutex_unlock(&self->lock);
    return token;
}

void
fcm_tokens_forget(struct fcm_tokens *self, const struct fcm_account *account,
                  const json_t *token)
{
    pthread_mutex_lock(&self->lock);
    if (json_equal(json_array_get(json_object_get(self->kept, account->id), 0),
                   token))
        json_object_del(self->kept, account->id);
    pthread_mutex_unlock(&self->lock);
}

/* Without memory it is not kept, and asked for again. */
static void
keep(struct fcm_tokens *self, const struct fcm_account *account,
     const json_t *token, int64_t now_ms, json_int_t life_s)
{
    if (life_s > LONGEST_S)
        life_s = LONGEST_S;
    pthread_mutex_lock(&self->lock);
    if (json_object_size(self->kept) >= ACCOUNTS_MAX)
        json_object_clear(self->kept);
    json_object_set_new(
        self->kept, account->id,
        json_pack("[s, I, I]", json_string_value(token), (json_int_t)now_ms,
                  (json_int_t)now_ms + life_s * 1000 - EARLY_MS));
    pthread_mutex_unlock(&self->lock);
}

/* --- Asking --- */

static factor_status
assert_account(const struct fcm_tokens *self,
               const struct fcm_account *account, int64_t now_ms,
               char **ret_assertion)
{
    json_int_t now_s = now_ms / 1000;
    json_t *head =
        json_pack("{s:s, s:s*}", "typ", "JWT", "kid", account->key_id);
    json_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss",
                               account->email, "scope", SCOPE, "aud",
                               account->token_url, "iat", now_s, "exp",
                               now_s + ASSERTION_S);
    factor_status status = FACTOR_E_NOMEM;

    if (head && claims)
        status = self->host->jws_sign(account->key, head, claims,
                                      ret_assertion);
    json_decref(head);
    json_decref(claims);
    return status;
}

static factor_status
exchange(const struct fcm_tokens *self, const struct fcm_account *account,
         const char *form, int64_t timeout_ms,
         struct factor_http_answer *ret_answer, struct factor_error *err)
{
    static const char *const headers[] = {
        "Content-Type: application/x-www-form-urlencoded", NULL
    };
    struct factor_http_request request = {
        .struct_size = sizeof(request),
        .flags = account->foreign ? FACTOR_HTTP_PUBLIC : 0,
        .method = "POST",
        .url = account->token_url,
        .headers = headers,
        .body = form,
        .body_len = strlen(form),
        .timeout_ms = timeout_ms,
    };

    return self->host->http(&request, ret_answer, err);
}

/* The token of an answer; NULL: there is none that a header may hold. */
static json_t *
read_token(const struct factor_http_answer *answer, json_int_t *ret_life_s)
{
    json_t *json = json_loadb(answer->body, answer->body_len, 0, NULL);
    json_t *token = json_incref(json_object_get(json, "access_token"));
    const char *text = json_string_value(token);

    *ret_life_s = json_integer_value(json_object_get(json, "expires_in"));
    json_decref(json);
    if (answer->status == 200 && text && *text) {
        while (*text > ' ' && *text <= '~')
            text++;
        if (!*text)
            return token;
    }
    json_decref(token);
    return NULL;
}

/* An assertion is as good as a password for an hour. */
static void
wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

factor_status
fcm_tokens_ask(struct fcm_tokens *self, const struct fcm_account *account,
               int64_t now_ms, int64_t timeout_ms, json_t **ret_token,
               struct factor_http_answer *ret_answer, struct factor_error *err)
{
    char *assertion = NULL, *form = NULL;
    json_int_t life_s = 0;
    factor_status status = assert_account(self, account, now_ms, &assertion);
    int form_len = 0;

    if (!status)
        form_len = asprintf(&form, "%s%s", FORM, assertion);
    wipe(assertion);
    if (form_len < 0)
        return FACTOR_E_NOMEM;
    if (!status)
        status = exchange(self, account, form, timeout_ms, ret_answer, err);
    wipe(form);
    if (status)
        return status;
    *ret_token = read_token(ret_answer, &life_s);
    if (*ret_token)
        keep(self, account, *ret_token, now_ms, life_s);
    return FACTOR_OK;
}
