/* SPDX-License-Identifier: MIT */
/* host/oauth/proof.c - JWTs that clients sign. */
#include "host/oauth/proof.h"

#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/json.h"

enum { JTI_MAX = 256 };

static bool
text_between(const json_t *claims, const char *member, size_t max)
{
    const char *text = json_text(claims, member);

    return text && text[0] && strlen(text) <= max;
}

factor_status
proof_verify(const struct host *host, const struct jose_jwks *keys,
             const char *token, const char *path, json_t **ret_claims)
{
    struct factor_arena *arena = arena_new();
    const struct jose_expect expect = {
        .aud = {host->base_url,
                arena ? arena_format(arena, "%s%s", host->base_url, path)
                      : NULL},
        .now_s = clock_now_ms() / 1000,
        .leeway_s = config_number(host->config, "/tokens/clock_skew") / 1000,
        .max_lifetime_s =
            config_number(host->config, "/tokens/hint_lifetime") / 1000,
    };
    json_t *claims = NULL;
    factor_status st =
        jose_verify(token, strlen(token), keys, &expect, &claims, NULL);

    arena_free(arena);
    if (st == FACTOR_OK && (!text_between(claims, "sub", JTI_MAX) ||
                            !text_between(claims, "jti", JTI_MAX))) {
        json_decref(claims);
        return FACTOR_E_INPUT;
    }
    if (st == FACTOR_OK)
        *ret_claims = claims;
    return st;
}

/* The record's id says which token it was without telling the token. */
static char *
use_id(struct txn *txn, const char *client, const char *jti)
{
    char *whole = arena_format(txn_arena(txn), "%s\n%s", client, jti);

    return whole ? txn_keyed(txn, "oauth.jti", whole, strlen(whole)) : NULL;
}

factor_status
proof_use(struct txn *txn, const struct host *host, const char *client,
          const json_t *claims, bool *ret_fresh, struct factor_error *err)
{
    const struct record *used;
    struct txn_put put = {.collection = PROOF_COLLECTION};
    factor_status st;

    put.id = use_id(txn, client, json_text(claims, "jti"));
    if (!put.id)
        return FACTOR_E_NOMEM;
    st = txn_read_id(txn, PROOF_COLLECTION, put.id, &used);
    *ret_fresh = st == FACTOR_E_NOTFOUND;
    if (st != FACTOR_E_NOTFOUND)
        return st;
    put.expires_at_ms = json_number(claims, "exp", 0) * 1000 +
                        config_number(host->config, "/tokens/clock_skew") +
                        1000;
    put.body = json_pack("{s:i, s:s}", "v", 1, "client", client);
    return txn_put(txn, &put, err);
}

char *
proof_claimed_subject(struct factor_arena *arena, const char *token)
{
    const char *payload = strchr(token, '.');
    size_t len = payload ? strcspn(++payload, ".") : 0;
    char *bytes = len ? arena_alloc(arena, len) : NULL;
    char *subject = NULL;
    json_t *claims;

    if (!bytes || len > JOSE_TOKEN_MAX ||
        jose_b64url_decode(payload, len, bytes, len, &len) != FACTOR_OK)
        return NULL;
    claims = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    subject = arena_copy(arena, json_text(claims, "sub"));
    json_decref(claims);
    return subject;
}
