/* SPDX-License-Identifier: MIT */
/* host/oauth/discovery.c - what clients find out by themselves.  Only what
 * works is announced. */
#include "host/oauth/discovery.h"

#include <string.h>

#include "host/api/api.h"
#include "host/json.h"
#include "host/oauth/asked.h"
#include "host/oauth/reply.h"
#include "host/oauth/userinfo.h"

static const struct {
    const char *member, *path;
} endpoints[] = {
    {"issuer", ""},
    {"authorization_endpoint", "/as/authorization.oauth2"},
    {"token_endpoint", "/as/token.oauth2"},
    {"userinfo_endpoint", "/idp/userinfo.openid"},
    {"jwks_uri", "/pf/JWKS"},
};

enum { WORDS_MAX = 6 };

static const struct {
    const char *member;
    const char *words[WORDS_MAX]; /* ended by NULL */
} lists[] = {
    {"response_types_supported", {"code"}},
    {"response_modes_supported", {"query", "pi.flow"}},
    {"grant_types_supported", {"authorization_code", "client_credentials"}},
    {"subject_types_supported", {"public"}},
    {"id_token_signing_alg_values_supported", {"RS256", "ES256"}},
    {"token_endpoint_auth_methods_supported",
     {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}},
    {"token_endpoint_auth_signing_alg_values_supported", {"RS256", "ES256"}},
    {"code_challenge_methods_supported", {"S256"}},
    {"claim_types_supported", {"normal"}},
    {"prompt_values_supported",
     {"none", "login", "consent", "select_account"}},
};

/* What is false by default is left out, but for request_uri (true). */
static const struct {
    const char *member;
    bool value;
} flags[] = {
    {"authorization_response_iss_parameter_supported", true},
    {"claims_parameter_supported", false},
    {"request_parameter_supported", false},
    {"request_uri_parameter_supported", false},
};

static const char *const token_claims[] = {
    "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash",
    NULL,
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
add_words(json_t *list, const char *const *words)
{
    for (; *words; words++)
        json_array_append_new(list, json_string(*words));
}

static json_t *
claims_list(void)
{
    json_t *list = json_array();

    add_words(list, userinfo_names);
    add_words(list, token_claims);
    return list;
}

static json_t *
acr_list(const struct host *host)
{
    const json_t *policies = config_at(host->config, "/policies");
    json_t *list = json_array(), *policy;
    const char *name, *acr;

    json_object_foreach(json_unconst(policies), name, policy) {
        acr = json_text(policy, "acr");
        if (acr)
            json_array_append_new(list, json_string(acr));
    }
    return list;
}

json_t *
discovery_metadata(const struct host *host)
{
    json_t *metadata = json_object(), *list;
    size_t i;

    for (i = 0; i < COUNT(endpoints); i++)
        json_object_set_new(metadata, endpoints[i].member,
                            json_sprintf("%s%s", host->base_url,
                                         endpoints[i].path));
    for (i = 0; i < COUNT(lists); i++) {
        list = json_array();
        add_words(list, lists[i].words);
        json_object_set_new(metadata, lists[i].member, list);
    }
    for (i = 0; i < COUNT(flags); i++)
        json_object_set_new(metadata, flags[i].member,
                            json_boolean(flags[i].value));
    list = json_array();
    add_words(list, asked_scopes);
    json_object_set_new(metadata, "scopes_supported", list);
    json_object_set_new(metadata, "claims_supported", claims_list());
    json_object_set_new(metadata, "acr_values_supported", acr_list(host));
    return metadata;
}

/* Short, so that a rotated key is soon known; a client that meets an unknown
 * kid asks again anyway. */
static void
reply_cacheable(struct http_request *request, json_t *body)
{
    char *text = json_compact(body, NULL);
    struct http_reply *reply = NULL;

    json_decref(body);
    if (text)
        reply = http_reply_new(200, "application/json;charset=utf-8", text,
                               strlen(text));
    if (reply)
        http_reply_header(reply, "Cache-Control", "public, max-age=300");
    oauth_cors_any(reply);
    http_reply(request, reply);
}

void
discovery_handle(struct http_request *request)
{
    const struct host *host = http_context(request);

    if (http_method(request) == HTTP_OPTIONS)
        http_reply(request, oauth_preflight(host, request, true));
    else
        reply_cacheable(request, discovery_metadata(host));
}

void
discovery_keys_handle(struct http_request *request)
{
    const struct host *host = http_context(request);

    if (http_method(request) == HTTP_OPTIONS)
        http_reply(request, oauth_preflight(host, request, true));
    else
        reply_cacheable(request, keys_jwks(host->keys));
}
