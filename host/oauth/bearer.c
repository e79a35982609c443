/* SPDX-License-Identifier: MIT */
/* host/oauth/bearer.c - reads and verifies our own access tokens. */
#include "host/oauth/bearer.h"

#include <string.h>
#include <strings.h>

#include "host/clock.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "host/oauth/issue.h"
#include "host/oauth/proven.h"
#include "host/oauth/reply.h"

const char *
bearer_token(const char *authorization)
{
    static const char token_bytes[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    const char *token;

    if (!authorization || strncasecmp(authorization, "Bearer", 6) != 0 ||
        (authorization[6] != ' ' && authorization[6] != '\0'))
        return NULL;
    token = authorization + 6 + strspn(authorization + 6, " ");
    return token[strspn(token, token_bytes)] == '\0' ? token : "";
}

void
bearer_refuse(struct bearer *bearer, unsigned status, const char *error,
              const char *description)
{
    bearer->status = status;
    bearer->error = error;
    bearer->description = description;
}

static json_t *
verify(const struct host *host, const char *token)
{
    const struct crypto_part whole = crypto_text(token);
    uint8_t hash[CRYPTO_MAC_LEN];
    const bool hashed = crypto_hash(&whole, 1, hash);
    const struct jose_expect expect = {
        .iss = host->base_url,
        .aud = {host->base_url, NULL},
        .typ = ISSUE_ACCESS_TYPE,
        .now_s = clock_now_ms() / 1000,
        .proven = hashed && proven_has(host->proven, hash),
    };
    struct jose_jwks keys = {0};
    json_t *claims = NULL;

    keys_verifying(host->keys, &keys);
    if (jose_verify(token, strlen(token), &keys, &expect, &claims, NULL) !=
        FACTOR_OK)
        claims = NULL;
    else if (hashed && !expect.proven)
        proven_add(host->proven, hash);
    jose_jwks_clear(&keys);
    return claims;
}

/* exp is asked for: a token of ours has one, and one for ever is not. */
static bool
take_claims(const struct host *host, struct factor_arena *arena,
            const char *token, struct bearer *bearer)
{
    json_t *claims = verify(host, token);

    bearer->claims = claims ? arena_keep_json(arena, claims) : NULL;
    bearer->client = clients_find(host->clients,
                                  json_text(bearer->claims, "client_id"));
    return bearer->client && json_text(bearer->claims, "sub") &&
           json_is_integer(json_object_get(bearer->claims, "exp"));
}

bool
bearer_read(const struct host *host, struct http_request *request,
            struct factor_arena *arena, struct bearer *ret_bearer)
{
    const char *token = bearer_token(http_header(request, "Authorization"));

    memset(ret_bearer, 0, sizeof(*ret_bearer));
    if (!token)
        bearer_refuse(ret_bearer, 401, NULL, NULL);
    else if (!token[0])
        bearer_refuse(ret_bearer, 400, "invalid_request",
                      "The Authorization header is malformed.");
    else if (!take_claims(host, arena, token, ret_bearer))
        bearer_refuse(ret_bearer, 401, "invalid_token",
                      "The access token is not valid.");
    return ret_bearer->status == 0;
}

/* All of its texts are our constants: nothing in them needs quoting. */
const char *
bearer_challenge(struct factor_arena *arena, const struct bearer *bearer)
{
    if (!bearer->error)
        return "Bearer realm=\"factord\"";
    return arena_format(
        arena,
        "Bearer realm=\"factord\", error=\"%s\", error_description=\"%s\""
        "%s%s%s",
        bearer->error, bearer->description ? bearer->description : "",
        bearer->scope ? ", scope=\"" : "", bearer->scope ? bearer->scope : "",
        bearer->scope ? "\"" : "");
}

struct http_reply *
bearer_reply(struct factor_arena *arena, const struct bearer *bearer)
{
    const char *challenge = bearer_challenge(arena, bearer);
    struct http_reply *reply = oauth_error(
        bearer->status, bearer->error ? bearer->error : "invalid_request",
        bearer->error ? bearer->description : "An access token is needed.");

    if (reply && challenge)
        http_reply_header(reply, "WWW-Authenticate", challenge);
    return reply;
}
