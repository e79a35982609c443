/* SPDX-License-Identifier: MIT */
/* host/oauth/issue.c - signs the tokens of a token answer. */
#include "host/oauth/issue.h"

#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/jose/jose.h"
#include "host/json.h"

enum { TOKEN_ID = 22 };

/* Claims that both tokens of a grant share, by name in its body. */
static const struct {
    const char *claim, *member;
} shared[] = {
    {"acr", "acr"},
    {"amr", "amr"},
    {"auth_time", "authTime"},
};

static int64_t
lifetime_s(const struct host *host, const char *pointer)
{
    return config_number(host->config, pointer) / 1000;
}

static char *
sign(const struct host *host, const struct client *client, const char *typ,
     const json_t *claims)
{
    struct jose_key *key = keys_signing(host->keys, client->id_token_alg);
    char *token = NULL;

    if (key && claims && jose_sign(key, typ, claims, &token, NULL) != FACTOR_OK)
        token = NULL;
    jose_key_free(key);
    return token;
}

static void
add_shared(json_t *claims, const json_t *grant)
{
    json_t *value;
    size_t i;

    for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        value = json_object_get(grant, shared[i].member);
        if (value)
            json_object_set(claims, shared[i].claim, value);
    }
}

static json_t *
access_claims(const struct host *host, const struct client *client,
              const char *subject, const char *scope, int64_t now_ms)
{
    char id[TOKEN_ID + 1];
    int64_t now = now_ms / 1000;
    int64_t end = now + lifetime_s(host, "/tokens/access_token_lifetime");

    clock_random_id(id, TOKEN_ID);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s*}", "iss",
                     host->base_url, "sub", subject, "aud", host->base_url,
                     "client_id", client->id, "jti", id, "iat",
                     (json_int_t)now, "exp", (json_int_t)end, "scope", scope);
}

/* The members that every answer has; token is taken over. */
static json_t *
new_answer(const struct host *host, char *token, const char *scope)
{
    json_t *answer = NULL;

    if (token)
        answer = json_pack(
            "{s:s, s:s, s:I, s:s*}", "access_token", token, "token_type",
            "Bearer", "expires_in",
            (json_int_t)lifetime_s(host, "/tokens/access_token_lifetime"),
            "scope", scope);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    return answer;
}

/* --- A user's tokens. --- */

static char *
grant_access(const struct host *host, const struct client *client,
             const struct record *grant, int64_t now_ms)
{
    const char *scope = json_text(grant->body, "scope");
    json_t *claims =
        access_claims(host, client, grant->face.owner, scope, now_ms);
    char *token;

    json_set_text(claims, "grant", grant->face.id);
    add_shared(claims, grant->body);
    token = sign(host, client, ISSUE_ACCESS_TYPE, claims);
    json_decref(claims);
    return token;
}

/* The left half of its SHA-256. */
bool
issue_at_hash(const char *token, char *ret_hash)
{
    unsigned char digest[JOSE_SHA256_LEN];

    return jose_sha256(token, strlen(token), digest) == FACTOR_OK &&
           jose_b64url_encode(digest, sizeof(digest) / 2, ret_hash,
                              ISSUE_HASH) == FACTOR_OK;
}

/* Mapped attributes first: what the server says itself stands over them. */
static json_t *
id_claims(const struct host *host, const struct client *client,
          const struct record *grant, const char *access, int64_t now_ms)
{
    const json_t *mapped = json_object_get(grant->body, "claims");
    json_t *claims =
        mapped ? json_copy(json_unconst(mapped)) : json_object();
    int64_t now = now_ms / 1000;
    char hash[ISSUE_HASH];

    if (!claims || !issue_at_hash(access, hash)) {
        json_decref(claims);
        return NULL;
    }
    json_set_text(claims, "iss", host->base_url);
    json_set_text(claims, "sub", grant->face.owner);
    json_set_text(claims, "aud", client->id);
    json_set_text(claims, "at_hash", hash);
    json_set_text(claims, "nonce", json_text(grant->body, "nonce"));
    json_object_set_new(claims, "iat", json_integer((json_int_t)now));
    json_object_set_new(
        claims, "exp",
        json_integer((json_int_t)(
            now + lifetime_s(host, "/tokens/id_token_lifetime"))));
    add_shared(claims, grant->body);
    return claims;
}

static bool
add_id_token(const struct host *host, const struct client *client,
             const struct record *grant, int64_t now_ms, json_t *answer)
{
    json_t *claims = id_claims(host, client, grant,
                               json_text(answer, "access_token"), now_ms);
    char *token = claims ? sign(host, client, "JWT", claims) : NULL;
    bool done = token && json_set_text(answer, "id_token", token);

    json_decref(claims);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    return done;
}

json_t *
issue_for_grant(const struct host *host, const struct client *client,
                const struct record *grant, int64_t now_ms)
{
    const char *scope = json_text(grant->body, "scope");
    json_t *answer = new_answer(
        host, grant_access(host, client, grant, now_ms), scope);

    if (answer && json_words_hold(scope, "openid") &&
        !add_id_token(host, client, grant, now_ms, answer)) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

/* --- A worker's token. --- */

json_t *
issue_for_worker(const struct host *host, const struct client *client,
                 int64_t now_ms)
{
    json_t *claims = access_claims(host, client, client->id, NULL, now_ms);
    char *token;

    json_set_text(claims, "env", keys_environment(host->keys));
    json_object_set(claims, "roles", json_unconst(client->roles));
    token = sign(host, client, ISSUE_ACCESS_TYPE, claims);
    json_decref(claims);
    return new_answer(host, token, NULL);
}
