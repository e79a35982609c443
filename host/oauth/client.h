/* SPDX-License-Identifier: MIT */
/* host/oauth/client.h - OAuth clients, as the configuration has them. */
#ifndef HOST_OAUTH_CLIENT_H
#define HOST_OAUTH_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config/config.h"
#include "host/flow/policy.h"
#include "host/jose/jose.h"

/* How a client proves itself at the token endpoint: one way only. */
enum client_method {
    CLIENT_NONE, /* public: it cannot */
    CLIENT_SECRET_BASIC,
    CLIENT_SECRET_POST,
    CLIENT_KEY_JWT
};

/* Constant once it is made.  JSON is the configuration's. */
struct client {
    const char *id;
    const char *name; /* or NULL */
    bool confidential;
    bool pi_flow;     /* may run flows without redirects */
    bool native;
    bool cookieless;
    bool pkce_optional;
    bool free_text;
    bool has_secret;
    uint8_t secret_hash[JOSE_SHA256_LEN]; /* the secret itself is not kept */
    enum client_method method;
    const char *id_token_alg;
    /* arrays of strings */
    const json_t *redirect_uris, *origins, *roles, *scopes;
    const json_t *claims; /* object: claim -> "adapter.attribute" */
    size_t policy_count;
    const struct policy **policies; /* the first: default, and the least */
    struct jose_jwks jwks;      /* of its assertions; count 0: none */
    struct jose_jwks hint_jwks; /* of its login_hint_tokens; likewise */
};

struct clients;

/* Read the "clients" of a completed configuration, which must outlive them,
 * as must the policies; what does not hold is added to problems.  NULL
 * without memory.  Alone. */
struct clients *clients_new(const struct config *config,
                            const struct policies *policies,
                            struct problems *problems);
void clients_free(struct clients *clients); /* NULL is allowed */

/* By client_id, or NULL.  Any thread. */
const struct client *clients_find(const struct clients *clients,
                                  const char *id);

/* Whether a client (by id; NULL: any client) registered this web origin:
 * byte by byte, or "https://host:*" for any port that is written. */
bool clients_origin_registered(const struct clients *clients, const char *id,
                               const char *origin);
bool client_origin_registered(const struct client *client,
                              const char *origin);

/* Whether one of its origins is on another site than ours (S3). */
bool client_is_cross_site(const struct client *client,
                          const char *base_origin);
bool client_is_cookieless(const struct client *client);

/* The policy that acr_values (NULL: none) choose among the client's: the
 * first value that fits, never one of fewer steps than the default, which it
 * is otherwise (P2).  NULL: the client has none. */
const struct policy *client_policy(const struct client *client,
                                   const char *acr_values);

/* Whether this is the client's secret, in constant time. */
bool client_secret_is(const struct client *client, const char *secret);

/* "adapter.attribute" of a claims map: length of the adapter's name, the
 * attribute behind the first dot; 0: not of this form. */
size_t client_claim_source(const char *source, const char **ret_attribute);

#endif
