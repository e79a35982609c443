/* SPDX-License-Identifier: MIT */
/* host/oauth/client.c - OAuth clients, as the configuration has them. */
#include "host/oauth/client.h"

#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/config/origin.h"
#include "host/crypto.h"
#include "host/json.h"
#include "host/origin.h"

struct clients {
    struct factor_arena *arena;
    size_t count;
    struct client *list; /* in order of id */
};

/* What one client is read with. */
struct reading {
    struct clients *clients;
    const struct config *config;
    const struct policies *policies;
    struct problems *problems;
    const json_t *entry;
    const char *pointer;
    struct client *client;
};

static const struct {
    const char *name;
    enum client_method method;
} methods[] = {
    {"none", CLIENT_NONE},
    {"client_secret_basic", CLIENT_SECRET_BASIC},
    {"client_secret_post", CLIENT_SECRET_POST},
    {"private_key_jwt", CLIENT_KEY_JWT},
};

/* Claims that an ID token has by itself: no attribute may stand in. */
static const char *const reserved_claims[] = {
    "iss",  "sub",       "aud",   "exp", "iat", "nbf",     "jti",
    "azp",  "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash",
    "s_hash", "sid",     "cnf",
};

static const char *
pointer_of(const struct reading *reading, const char *member)
{
    return pointer_member(reading->clients->arena, reading->pointer, member);
}

/* --- Reading one. --- */

/* A client without a method that is known proves nothing and gets nothing:
 * the configuration was refused already. */
static void
read_method(struct reading *reading)
{
    const char *name = json_text(reading->entry, "token_endpoint_auth_method");
    size_t i;

    reading->client->method =
        reading->client->confidential ? CLIENT_SECRET_BASIC : CLIENT_NONE;
    for (i = 0; name && i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i].name, name) == 0)
            reading->client->method = methods[i].method;
}

static bool
hash_secret(const char *secret, uint8_t ret_hash[JOSE_SHA256_LEN])
{
    return jose_sha256(secret, strlen(secret), ret_hash) == FACTOR_OK;
}

static void
read_secret(struct reading *reading)
{
    const char *secret = json_text(reading->entry, "secret");

    if (secret && secret[0])
        reading->client->has_secret =
            hash_secret(secret, reading->client->secret_hash);
}

static void
read_keys(const struct reading *reading, const json_t *entry,
          const char *pointer, struct jose_jwks *ret_set)
{
    const json_t *jwks = json_object_get(entry, "jwks");
    struct factor_error err = {0};

    if (!json_is_object(jwks))
        return;
    if (jose_jwks_parse(jwks, ret_set, &err) != FACTOR_OK)
        config_problem(reading->config, reading->problems, pointer, "%s",
                       err.text);
}

static void
read_policies(struct reading *reading)
{
    const json_t *names = json_object_get(reading->entry, "policies");
    struct client *client = reading->client;
    const struct policy *policy;
    const char *name;
    size_t i;

    client->policies =
        arena_alloc(reading->clients->arena,
                    (json_array_size(names) + 1) * sizeof(policy));
    for (i = 0; client->policies && i < json_array_size(names); i++) {
        name = json_string_value(json_array_get(names, i));
        policy = policies_find(reading->policies, name);
        if (policy)
            client->policies[client->policy_count++] = policy;
        else if (name)
            config_problem(reading->config, reading->problems,
                           pointer_of(reading, "policies"),
                           "there is no policy \"%s\"; add it, or name one "
                           "that is there",
                           name);
    }
}

static void
read_lists(struct reading *reading)
{
    struct client *client = reading->client;

    client->redirect_uris = json_object_get(reading->entry, "redirect_uris");
    client->origins = json_object_get(reading->entry, "origins");
    client->roles = json_object_get(reading->entry, "roles");
    client->scopes = json_object_get(reading->entry, "scopes");
    client->claims = json_object_get(reading->entry, "claims");
}

static void
read_flags(struct reading *reading)
{
    const json_t *entry = reading->entry;
    struct client *client = reading->client;
    const char *type = json_text(entry, "type");
    const char *pkce = json_text(entry, "pkce");
    const char *alg = json_text(entry, "id_token_alg");

    client->name = json_text(entry, "name");
    client->confidential = type && strcmp(type, "confidential") == 0;
    client->pi_flow = json_flag(entry, "pi_flow");
    client->native = json_flag(entry, "native");
    client->cookieless = json_flag(entry, "cookieless");
    client->free_text = json_flag(entry, "free_text");
    client->pkce_optional = pkce && strcmp(pkce, "optional") == 0;
    client->id_token_alg = alg ? alg : "RS256";
}

/* --- What must hold. --- */

size_t
client_claim_source(const char *source, const char **ret_attribute)
{
    size_t len = source ? strcspn(source, ".") : 0;

    if (len == 0 || source[len] != '.' || source[len + 1] == '\0')
        return 0;
    *ret_attribute = source + len + 1;
    return len;
}

static bool
is_reserved(const char *claim)
{
    size_t i;

    for (i = 0; i < sizeof(reserved_claims) / sizeof(reserved_claims[0]); i++)
        if (strcmp(reserved_claims[i], claim) == 0)
            return true;
    return false;
}

static bool
policy_has(const struct policy *policy, const char *adapter, size_t len)
{
    const char *name;
    size_t i;

    for (i = 0; i < policy->step_count; i++) {
        name = policy->steps[i].adapter ? policy->steps[i].adapter->name
                                        : POLICY_HINT;
        if (strlen(name) == len && memcmp(name, adapter, len) == 0)
            return true;
    }
    return false;
}

/* Whether some flow of the client can have attributes of this adapter. */
static bool
step_known(const struct client *client, const char *adapter, size_t len)
{
    size_t i;

    if (client->hint_jwks.count > 0 && len == strlen(POLICY_HINT) &&
        memcmp(adapter, POLICY_HINT, len) == 0)
        return true;
    for (i = 0; i < client->policy_count; i++)
        if (policy_has(client->policies[i], adapter, len))
            return true;
    return false;
}

static void
check_claims(const struct reading *reading)
{
    const char *pointer = pointer_of(reading, "claims");
    const char *claim, *source, *attribute;
    json_t *value;
    size_t len;

    json_object_foreach(json_unconst(reading->client->claims), claim, value) {
        source = json_string_value(value);
        len = client_claim_source(source, &attribute);
        if (is_reserved(claim))
            config_problem(reading->config, reading->problems, pointer,
                           "the claim \"%s\" is the server's own; choose "
                           "another name",
                           claim);
        if (len == 0 || !step_known(reading->client, source, len))
            config_problem(reading->config, reading->problems, pointer,
                           "\"%s\" must be STEP.ATTRIBUTE, where STEP is an "
                           "adapter of the client's policies",
                           claim);
    }
}

/* P2, P7: what acr_values may choose, and what a hint may stand for. */
static void
check_policies(const struct reading *reading)
{
    const struct client *client = reading->client;
    const char *pointer = pointer_of(reading, "policies");
    const struct policy *policy;
    size_t i;

    for (i = 0; i < client->policy_count; i++) {
        policy = client->policies[i];
        if (policy->step_count > 0 && !policy->steps[0].adapter &&
            client->hint_jwks.count == 0)
            config_problem(reading->config, reading->problems, pointer,
                           "the policy \"%s\" begins with a signed hint; "
                           "give the client \"login_hint_token\"",
                           policy->name);
        if (policy->step_count < client->policies[0]->step_count)
            config_warning(reading->config, reading->problems, pointer,
                           "the policy \"%s\" has fewer steps than the "
                           "first and is never chosen",
                           policy->name);
    }
}

static void
read_client(struct reading *reading)
{
    const json_t *hint = json_object_get(reading->entry, POLICY_HINT);

    read_flags(reading);
    read_lists(reading);
    read_method(reading);
    read_secret(reading);
    read_keys(reading, reading->entry, pointer_of(reading, "jwks"),
              &reading->client->jwks);
    read_keys(reading, hint, pointer_of(reading, POLICY_HINT),
              &reading->client->hint_jwks);
    read_policies(reading);
    check_claims(reading);
    check_policies(reading);
}

/* --- All of them. --- */

static int
by_id(const void *a, const void *b)
{
    const struct client *left = a, *right = b;

    return strcmp(left->id, right->id);
}

struct clients *
clients_new(const struct config *config, const struct policies *policies,
            struct problems *problems)
{
    const json_t *section = config_at(config, "/clients");
    struct clients *clients = calloc(1, sizeof(*clients));
    struct reading reading = {clients, config, policies, problems, NULL, NULL,
                              NULL};
    const char *id;
    json_t *entry;

    if (clients)
        clients->arena = arena_new();
    if (clients && clients->arena)
        clients->list = arena_alloc(
            clients->arena,
            (json_object_size(section) + 1) * sizeof(clients->list[0]));
    if (!clients || !clients->list) {
        clients_free(clients);
        return NULL;
    }
    json_object_foreach(json_unconst(section), id, entry) {
        reading.client = &clients->list[clients->count++];
        reading.client->id = id;
        reading.entry = entry;
        reading.pointer = pointer_member(clients->arena, "/clients", id);
        read_client(&reading);
    }
    qsort(clients->list, clients->count, sizeof(clients->list[0]), by_id);
    return clients;
}

void
clients_free(struct clients *clients)
{
    size_t i;

    if (!clients)
        return;
    for (i = 0; i < clients->count; i++) {
        jose_jwks_clear(&clients->list[i].jwks);
        jose_jwks_clear(&clients->list[i].hint_jwks);
    }
    arena_free(clients->arena);
    free(clients);
}

const struct client *
clients_find(const struct clients *clients, const char *id)
{
    const struct client key = {.id = id};

    if (!id || clients->count == 0)
        return NULL;
    return bsearch(&key, clients->list, clients->count,
                   sizeof(clients->list[0]), by_id);
}

/* --- Origins. --- */

/* "https://host:*" fits any port, but one must be written. */
static bool
origin_fits(const char *registered, const char *origin)
{
    size_t len = strlen(registered);
    const char *port;

    if (len < 2 || strcmp(registered + len - 2, ":*") != 0)
        return strcmp(registered, origin) == 0;
    if (strncmp(registered, origin, len - 1) != 0)
        return false;
    port = origin + len - 1;
    return port[0] && strlen(port) <= 5 &&
           port[strspn(port, "0123456789")] == '\0';
}

bool
client_origin_registered(const struct client *client, const char *origin)
{
    const char *registered;
    size_t i;

    for (i = 0; i < json_array_size(client->origins); i++) {
        registered = json_string_value(json_array_get(client->origins, i));
        if (registered && origin_fits(registered, origin))
            return true;
    }
    return false;
}

bool
clients_origin_registered(const struct clients *clients, const char *id,
                          const char *origin)
{
    const struct client *client = id ? clients_find(clients, id) : NULL;
    size_t i;

    if (id)
        return client && client_origin_registered(client, origin);
    for (i = 0; i < clients->count; i++)
        if (client_origin_registered(&clients->list[i], origin))
            return true;
    return false;
}

bool
client_is_cross_site(const struct client *client, const char *base_origin)
{
    const char *origin;
    size_t i;

    for (i = 0; i < json_array_size(client->origins); i++) {
        origin = json_string_value(json_array_get(client->origins, i));
        if (origin && !origin_same_site(origin, base_origin))
            return true;
    }
    return false;
}

bool
client_is_cookieless(const struct client *client)
{
    return client->cookieless;
}

/* --- Policies and secrets. --- */

static const struct policy *
policy_of_acr(const struct client *client, const char *acr, size_t len)
{
    const struct policy *policy;
    size_t i;

    for (i = 0; i < client->policy_count; i++) {
        policy = client->policies[i];
        if (policy->acr && strlen(policy->acr) == len &&
            memcmp(policy->acr, acr, len) == 0)
            return policy;
    }
    return NULL;
}

const struct policy *
client_policy(const struct client *client, const char *acr_values)
{
    const struct policy *least, *policy;
    size_t len;

    if (client->policy_count == 0)
        return NULL;
    least = client->policies[0];
    while (acr_values && *acr_values) {
        len = strcspn(acr_values, " ");
        policy = policy_of_acr(client, acr_values, len);
        if (policy && policy->step_count >= least->step_count)
            return policy;
        acr_values += len + strspn(acr_values + len, " ");
    }
    return least;
}

bool
client_secret_is(const struct client *client, const char *secret)
{
    uint8_t hash[JOSE_SHA256_LEN];

    return client->has_secret && hash_secret(secret, hash) &&
           crypto_same(client->secret_hash, hash, sizeof(hash));
}
