/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/apns_token.h - provider tokens: signed by us, renewed
 * every 30 minutes, and never more often than every 20, since Apple then
 * refuses them all. */
#ifndef PLUGIN_DELIVERY_APNS_APNS_TOKEN_H
#define PLUGIN_DELIVERY_APNS_APNS_TOKEN_H

#include "factor/host.h"

struct apns_tokens;

enum { APNS_HEADER_SIZE = 2048 };

/* What Apple knows a team by.  Borrowed. */
struct apns_signer {
    const char *key_id, *team_id;
    const char *pem; /* EC P-256 */
};

/* NULL: no memory. */
struct apns_tokens *apns_tokens_new(const struct factor_host *host);
void apns_tokens_free(struct apns_tokens *self); /* NULL is allowed */

/* "authorization: bearer TOKEN"; ret_header takes APNS_HEADER_SIZE bytes.
 * refused: a header that Apple says is too old, or NULL.
 * FACTOR_E_CONFIG: the key is none; FACTOR_E_CONFLICT: the one refused is too
 * young to be renewed.  Any thread. */
factor_status apns_tokens_header(struct apns_tokens *self,
                                 const struct apns_signer *signer,
                                 int64_t now_ms, const char *refused,
                                 char *ret_header);

#endif
