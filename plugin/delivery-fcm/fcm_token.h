/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_token.h - access tokens of service accounts: got by
 * a signed assertion (RFC 7523), and kept for as long as they are good. */
#ifndef PLUGIN_DELIVERY_FCM_FCM_TOKEN_H
#define PLUGIN_DELIVERY_FCM_FCM_TOKEN_H

#include "factor/host.h"
#include "plugin/delivery-fcm/fcm_account.h"

struct fcm_tokens;

/* NULL: no memory. */
struct fcm_tokens *fcm_tokens_new(const struct factor_host *host);
void fcm_tokens_free(struct fcm_tokens *self); /* NULL is allowed */

/* A copy of the token that is kept for an account, a JSON string, so that it
 * is wiped when it is freed; NULL: there is none that is good for another
 * minute.  Any thread. */
json_t *fcm_tokens_find(struct fcm_tokens *self,
                        const struct fcm_account *account, int64_t now_ms);

/* Forget it, if it still is this one: it was not taken.  Any thread. */
void fcm_tokens_forget(struct fcm_tokens *self,
                       const struct fcm_account *account, const json_t *token);

/* Ask for a new one and keep it.  FACTOR_OK: there is an answer; *ret_token is
 * NULL if it is a refusal, else the caller's.  FACTOR_E_CONFIG: the account's
 * key is none; others as of host->http.  Any thread. */
factor_status fcm_tokens_ask(struct fcm_tokens *self,
                             const struct fcm_account *account, int64_t now_ms,
                             int64_t timeout_ms, json_t **ret_token,
                             struct factor_http_answer *ret_answer,
                             struct factor_error *err);

#endif
