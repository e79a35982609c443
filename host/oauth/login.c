/* SPDX-License-Identifier: MIT */
/* host/oauth/login.c - how a client proves itself at the token endpoint. */
#include "host/oauth/login.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "host/json.h"
#include "host/oauth/proof.h"

enum { BASIC_MAX = 2048 }; /* characters of base64 */

static void
refuse(struct login *login, const char *error, const char *description)
{
    login->error = error;
    login->description = description;
}

/* One answer to an unknown client, a wrong secret and another method. */
static void
refuse_client(struct login *login)
{
    refuse(login, "invalid_client", "The client could not be authenticated.");
}

/* --- HTTP Basic. --- */

/* base64 with its padding; OpenSSL alone would also take spaces.  NULL:
 * malformed, or it holds a NUL. */
static char *
decode_base64(struct factor_arena *arena, const char *text)
{
    size_t len = strlen(text), body = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "abcdefghijklmnopqrstuvwxyz"
                                                   "0123456789+/");
    size_t padding = strspn(text + body, "=");
    char *bytes;
    int got;

    if (len == 0 || len > BASIC_MAX || len % 4 != 0 || padding > 2 ||
        body + padding != len)
        return NULL;
    bytes = arena_alloc(arena, len);
    if (!bytes)
        return NULL;
    got = EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text,
                          (int)len);
    if (got < 0)
        return NULL;
    got -= (int)padding;
    bytes[got] = '\0';
    return strlen(bytes) == (size_t)got ? bytes : NULL;
}

/* id and secret are urlencoded before they are joined (RFC 6749 2.3.1). */
static bool
split_basic(struct factor_arena *arena, const char *joined,
            const char **ret_id, const char **ret_secret)
{
    const char *colon = joined ? strchr(joined, ':') : NULL;

    if (!colon)
        return false;
    *ret_id = form_decode(arena, joined, (size_t)(colon - joined));
    *ret_secret = form_decode(arena, colon + 1, strlen(colon + 1));
    return *ret_id && *ret_secret && (*ret_id)[0];
}

static const char *
read_basic(const struct form *form, const char *authorization,
           struct login *login)
{
    const char *credentials = authorization + strcspn(authorization, " ");
    const char *id;

    login->by_header = true;
    login->method = CLIENT_SECRET_BASIC;
    credentials += strspn(credentials, " ");
    if (strncasecmp(authorization, "Basic ", 6) != 0 ||
        !split_basic(form->arena, decode_base64(form->arena, credentials), &id,
                     &login->secret)) {
        refuse_client(login);
        return NULL;
    }
    return id;
}

/* --- The other ways. --- */

static const char *
read_assertion(const struct form *form, struct login *login)
{
    const char *type = form_get(form, "client_assertion_type");

    login->method = CLIENT_KEY_JWT;
    login->assertion = form_get(form, "client_assertion");
    if (!login->assertion || !type || strcmp(type, LOGIN_ASSERTION) != 0) {
        refuse_client(login);
        return NULL;
    }
    return proof_claimed_subject(form->arena, login->assertion);
}

static const char *
read_secret(const struct form *form, struct login *login)
{
    login->method = CLIENT_SECRET_POST;
    login->secret = form_get(form, "client_secret");
    return form_get(form, "client_id");
}

static unsigned
count_ways(const struct form *form, const char *authorization)
{
    return (authorization != NULL) +
           (form_get(form, "client_secret") != NULL) +
           (form_get(form, "client_assertion") != NULL ||
            form_get(form, "client_assertion_type") != NULL);
}

static const char *
read_way(const struct form *form, const char *authorization,
         struct login *login)
{
    if (authorization)
        return read_basic(form, authorization, login);
    if (form_get(form, "client_secret"))
        return read_secret(form, login);
    if (form_get(form, "client_assertion") ||
        form_get(form, "client_assertion_type"))
        return read_assertion(form, login);
    login->method = CLIENT_NONE;
    return form_get(form, "client_id");
}

void
login_read(const struct clients *clients, const struct form *form,
           const char *authorization, struct login *ret_login)
{
    const char *named = form_get(form, "client_id"), *id;

    memset(ret_login, 0, sizeof(*ret_login));
    if (count_ways(form, authorization) > 1) {
        refuse(ret_login, "invalid_request",
               "The client must prove itself in one way only.");
        return;
    }
    id = read_way(form, authorization, ret_login);
    if (ret_login->error)
        return;
    if (!id) {
        refuse_client(ret_login);
        return;
    }
    if (named && strcmp(named, id) != 0) {
        refuse(ret_login, "invalid_request",
               "client_id is not the client that proves itself.");
        return;
    }
    ret_login->client = clients_find(clients, id);
    if (!ret_login->client || ret_login->client->method != ret_login->method)
        refuse_client(ret_login);
}

/* --- Proof. --- */

/* RFC 7523 3: the client speaks of itself. */
static bool
assertion_holds(const struct host *host, struct factor_arena *arena,
                struct login *login)
{
    const char *id = login->client->id, *iss, *sub;

    if (proof_verify(host, &login->client->jwks, login->assertion,
                     "/as/token.oauth2", &login->claims) != FACTOR_OK)
        return false;
    login->claims = arena_keep_json(arena, login->claims);
    iss = json_text(login->claims, "iss");
    sub = json_text(login->claims, "sub");
    return iss && sub && strcmp(iss, id) == 0 && strcmp(sub, id) == 0;
}

bool
login_verify(const struct host *host, struct factor_arena *arena,
             struct login *login)
{
    bool holds = false;

    if (login->error)
        return false;
    switch (login->method) {
    case CLIENT_NONE:
        holds = !login->client->confidential;
        break;
    case CLIENT_SECRET_BASIC:
    case CLIENT_SECRET_POST:
        holds = client_secret_is(login->client, login->secret);
        break;
    case CLIENT_KEY_JWT:
        holds = assertion_holds(host, arena, login);
        break;
    }
    if (!holds)
        refuse_client(login);
    return holds;
}
