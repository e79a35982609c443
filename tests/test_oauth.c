/* SPDX-License-Identifier: MIT */
/* tests/test_oauth.c - the OAuth endpoints' pure parts: who a client is, what
 * it may ask, how it proves itself, and what tokens say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "factor/model.h"
#include "factor/step.h"
#include "host/clock.h"
#include "host/config/config.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "host/keys.h"
#include "host/oauth/asked.h"
#include "host/oauth/bearer.h"
#include "host/oauth/client.h"
#include "host/oauth/discovery.h"
#include "host/oauth/form.h"
#include "host/oauth/grant.h"
#include "host/oauth/hint.h"
#include "host/oauth/issue.h"
#include "host/oauth/login.h"
#include "host/oauth/proof.h"
#include "host/oauth/reply.h"
#include "host/oauth/token.h"
#include "host/oauth/userinfo.h"
#include "tests/tap.h"

/* RFC 7636, appendix B. */
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

#define PKCE "&code_challenge=" CHALLENGE "&code_challenge_method=S256"
#define SPA                                                                    \
    "client_id=spa&response_type=code&scope=openid"                            \
    "&redirect_uri=https%3A%2F%2Fspa.example%2Fcb"
#define APP "client_id=app&response_type=code&response_mode=pi.flow"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- Fixture: one configuration for all tests. --- */

static const char policies_text[] =
    "{'otp': {'acr': 'urn:otp', 'steps': [{'adapter': 'password'},"
    " {'adapter': 'otp'}]},"
    " 'mfa': {'acr': 'urn:mfa', 'steps': [{'adapter': 'password'},"
    " {'adapter': 'otp'}]},"
    " 'one': {'acr': 'urn:one', 'steps': [{'adapter': 'password'}]},"
    " 'hint': {'acr': 'urn:hint', 'steps': [{'adapter': 'login_hint_token'},"
    " {'adapter': 'otp'}]}}";

static const char clients_text[] =
    "{'spa': {'type': 'public', 'redirect_uris': ['https://spa.example/cb',"
    "  'https://spa.example/other'], 'policies': ['otp', 'mfa', 'one'],"
    "  'origins': ['https://spa.example'],"
    "  'claims': {'who': 'otp.some.name'}},"
    " 'app': {'type': 'public', 'pi_flow': true, 'native': true,"
    "  'cookieless': true, 'policies': ['otp'], 'pkce': 'optional'},"
    " 'one uri': {'type': 'confidential', 'secret': {'$env': 'T_SECRET'},"
    "  'redirect_uris': ['https://one.example/cb?a=b'],"
    "  'policies': ['otp']},"
    " 'post': {'type': 'confidential', 'secret': {'$env': 'T_SECRET'},"
    "  'token_endpoint_auth_method': 'client_secret_post',"
    "  'roles': ['Identity Data Admin']},"
    " 'backend': {'type': 'confidential', 'pi_flow': true,"
    "  'policies': ['hint', 'one']}}";

#define BASE "https://as.example"

static struct {
    char directory[32], file[64], keys_file[64];
    struct jose_key *key; /* of the client "backend" */
    struct keys *keys;
    struct host host;
    json_t *tree; /* as it is written */
    struct config *config;
    struct policies *policies;
    struct clients *clients;
    struct factor_arena *arena;
    struct problems problems;
} fix;

static const struct factor_description first_factor = {
    .struct_size = sizeof(first_factor), .flags = FACTOR_ADAPTER_FIRST};
static const struct factor_description second_factor = {
    .struct_size = sizeof(second_factor)};
static const struct adapter adapters[] = {
    {.name = "password", .description = &first_factor},
    {.name = "otp", .description = &second_factor},
};

/* JSON with ' for ". */
static json_t *
json_of(const char *text)
{
    char *copy = strdup(text), *at;
    json_t *json;

    for (at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json = json_loads(copy, JSON_DECODE_ANY, NULL);
    free(copy);
    return json;
}

/* The public half of the backend's new key, as a set. */
static json_t *
new_jwks(void)
{
    json_t *jwk = NULL, *set = NULL;

    if (jose_jwk_generate("ES256", &jwk, NULL) == FACTOR_OK &&
        jose_key_import(jwk, &fix.key, NULL) == FACTOR_OK)
        set = json_pack("{s:[o]}", "keys", jose_key_public(fix.key));
    json_decref(jwk);
    return set;
}

static json_t *
new_tree(void)
{
    json_t *clients = json_of(clients_text), *tree, *backend, *jwks;

    backend = json_object_get(clients, "backend");
    jwks = new_jwks();
    json_object_set(backend, "jwks", jwks);
    json_object_set_new(backend, "login_hint_token",
                        json_pack("{s:o}", "jwks", jwks));
    tree = json_pack("{s:{s:s}, s:{s:{s:s}, s:{s:s}}, s:o, s:o}", "store",
                     "plugin", "sqlite", "adapters", "password", "plugin",
                     "password", "otp", "plugin", "otp", "policies",
                     json_of(policies_text), "clients", clients);
    return tree;
}

static void
drop_config(void)
{
    clients_free(fix.clients);
    policies_free(fix.policies);
    config_free(fix.config);
    problems_clear(&fix.problems);
    fix.clients = NULL;
    fix.policies = NULL;
    fix.config = NULL;
}

/* Write the tree, and read it as the daemon would. */
static bool
load(void)
{
    const struct config_options options = {.file = fix.file,
                                           .build_directory = fix.directory};

    drop_config();
    if (json_dump_file(fix.tree, fix.file, 0) != 0)
        return false;
    fix.config = config_load(&options, &fix.problems);
    if (!fix.config)
        return false;
    fix.policies = policies_new(fix.config, adapters, COUNT(adapters),
                                &fix.problems);
    fix.clients = clients_new(fix.config, fix.policies, &fix.problems);
    fix.host.config = fix.config;
    fix.host.policies = fix.policies;
    fix.host.clients = fix.clients;
    fix.host.keys = fix.keys;
    fix.host.base_url = BASE;
    fix.host.base_origin = BASE;
    return fix.clients != NULL;
}

static int
set_up(void)
{
    size_t i;

    json_setup();
    setenv("T_SECRET", "a:b c%", 1);
    snprintf(fix.directory, sizeof(fix.directory), "/tmp/test_oauth.XXXXXX");
    if (!mkdtemp(fix.directory))
        return -1;
    snprintf(fix.file, sizeof(fix.file), "%s/factord.json", fix.directory);
    snprintf(fix.keys_file, sizeof(fix.keys_file), "%s/keys.json",
             fix.directory);
    if (keys_open(fix.keys_file, true, &fix.keys, NULL) != FACTOR_OK)
        return -1;
    fix.arena = arena_new();
    fix.tree = new_tree();
    if (!fix.arena || !fix.tree || !load())
        return -1;
    for (i = 0; i < fix.problems.count; i++)
        tap_note("%s", fix.problems.lines[i].text);
    return fix.problems.errors == 0 ? 0 : -1;
}

static int
tear_down(void)
{
    drop_config();
    json_decref(fix.tree);
    arena_free(fix.arena);
    jose_key_free(fix.key);
    keys_close(fix.keys);
    unlink(fix.keys_file);
    unlink(fix.file);
    rmdir(fix.directory);
    return 0;
}

static const struct client *
client(const char *id)
{
    return clients_find(fix.clients, id);
}

static struct form
form_of(const char *text)
{
    struct form form;

    form_start(&form, fix.arena);
    form_add_text(&form, text, strlen(text));
    return form;
}

static bool
same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
has_problem(const char *part)
{
    size_t i;

    for (i = 0; i < fix.problems.count; i++)
        if (strstr(fix.problems.lines[i].text, part))
            return true;
    return false;
}

/* --- Forms. --- */

static void
form_is_decoded(void)
{
    struct form form = form_of("a=1+2%2B3&b=&&c&d=%C3%A9=x");

    CU_ASSERT_FALSE(form.malformed);
    CU_ASSERT_TRUE(same(form_get(&form, "a"), "1 2+3"));
    CU_ASSERT_PTR_NULL(form_get(&form, "b"));
    CU_ASSERT_PTR_NULL(form_get(&form, "c"));
    CU_ASSERT_TRUE(same(form_get(&form, "d"), "\u00e9=x"));
    CU_ASSERT_PTR_NULL(form_get(&form, "e"));
}

static void
form_is_refused(void)
{
    static const char *const wrong[] = {
        "a=%", "a=%4", "a=%zz", "a=%00", "a=%FF", "a=%0d%0a", "%0=a",
        "a=%C0%80", "a=%ED%A0%80",
    };
    struct form form;
    size_t i;

    for (i = 0; i < COUNT(wrong); i++) {
        form = form_of(wrong[i]);
        CU_ASSERT_TRUE(form.malformed);
    }
    form_start(&form, fix.arena);
    form_add_text(&form, "a=b\0c", 5);
    CU_ASSERT_TRUE(form.malformed);
    form_start(&form, fix.arena);
    for (i = 0; i <= FORM_MAX; i++)
        form_add_text(&form, "a=b", 3);
    CU_ASSERT_TRUE(form.malformed);
}

static void
form_sees_repeats(void)
{
    struct form form = form_of("a=1&b=2&a=3&c=");

    CU_ASSERT_TRUE(form_repeats(&form, NULL));
    CU_ASSERT_TRUE(form_repeats(&form, "a"));
    CU_ASSERT_FALSE(form_repeats(&form, "b"));
    form = form_of("a=&a=");
    CU_ASSERT_TRUE(form_repeats(&form, NULL));
    form = form_of("a=1&A=1");
    CU_ASSERT_FALSE(form_repeats(&form, NULL));
}

static void
form_takes_json(void)
{
    json_t *good = json_of("{'client_id': 'app', 'state': 'x y'}");
    json_t *wrong = json_of("{'client_id': ['app']}");
    struct form form;

    form_start(&form, fix.arena);
    form_add_json(&form, good);
    CU_ASSERT_FALSE(form.malformed);
    CU_ASSERT_TRUE(same(form_get(&form, "state"), "x y"));
    form_add_json(&form, wrong);
    CU_ASSERT_TRUE(form.malformed);
    form_start(&form, fix.arena);
    form_add_json(&form, NULL);
    CU_ASSERT_TRUE(form.malformed);
    json_decref(good);
    json_decref(wrong);
}

static void
form_knows_types(void)
{
    const char *form = "application/x-www-form-urlencoded";

    CU_ASSERT_TRUE(form_type_is(form, form));
    CU_ASSERT_TRUE(form_type_is(
        "Application/X-WWW-Form-Urlencoded; charset=utf-8", form));
    CU_ASSERT_FALSE(form_type_is("application/x-www-form-urlencodedx", form));
    CU_ASSERT_FALSE(form_type_is("application/json", form));
    CU_ASSERT_FALSE(form_type_is(NULL, form));
}

/* --- Clients. --- */

static void
client_is_read(void)
{
    const struct client *spa = client("spa"), *post = client("post");

    CU_ASSERT_PTR_NOT_NULL_FATAL(spa);
    CU_ASSERT_PTR_NOT_NULL_FATAL(post);
    CU_ASSERT_FALSE(spa->confidential);
    CU_ASSERT_EQUAL(spa->method, CLIENT_NONE);
    CU_ASSERT_EQUAL(spa->policy_count, 3);
    CU_ASSERT_FALSE(spa->pkce_optional);
    CU_ASSERT_TRUE(same(spa->id_token_alg, "RS256"));
    CU_ASSERT_TRUE(post->confidential);
    CU_ASSERT_EQUAL(post->method, CLIENT_SECRET_POST);
    CU_ASSERT_EQUAL(client("one uri")->method, CLIENT_SECRET_BASIC);
    CU_ASSERT_EQUAL(client("backend")->method, CLIENT_KEY_JWT);
    CU_ASSERT_EQUAL(client("backend")->hint_jwks.count, 1);
    CU_ASSERT_TRUE(client_is_cookieless(client("app")));
    CU_ASSERT_PTR_NULL(client("SPA"));
    CU_ASSERT_PTR_NULL(client(""));
    CU_ASSERT_PTR_NULL(client(NULL));
}

static void
secret_is_compared(void)
{
    CU_ASSERT_TRUE(client_secret_is(client("post"), "a:b c%"));
    CU_ASSERT_FALSE(client_secret_is(client("post"), "a:b c"));
    CU_ASSERT_FALSE(client_secret_is(client("post"), ""));
    CU_ASSERT_FALSE(client_secret_is(client("spa"), ""));
}

static void
policy_is_never_weaker(void)
{
    const struct client *spa = client("spa");
    const struct {
        const char *acr_values, *policy;
    } rows[] = {
        {NULL, "otp"},
        {"", "otp"},
        {"urn:unknown", "otp"},
        {"urn:otp", "otp"},
        {"urn:mfa", "mfa"},
        {"urn:unknown urn:mfa urn:otp", "mfa"},
        {"  urn:mfa", "mfa"},
        {"urn:one", "otp"},     /* fewer steps than the default */
        {"urn:one urn:mfa", "mfa"},
        {"urn:hint", "otp"},    /* not one of the client's */
        {"mfa", "otp"},         /* a name is no acr */
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++)
        CU_ASSERT_TRUE(same(client_policy(spa, rows[i].acr_values)->name,
                            rows[i].policy));
    CU_ASSERT_PTR_NULL(client_policy(client("post"), "urn:otp"));
}

static void
origins_are_exact(void)
{
    static const struct {
        const char *origin;
        bool fits;
    } rows[] = {
        {"https://a.example", true},
        {"https://a.example:443", false},
        {"https://a.example/", false},
        {"http://a.example", false},
        {"https://A.example", false},
        {"null", false},
        {"https://any.example:1", true},
        {"https://any.example:65535", true},
        {"https://any.example", false},
        {"https://any.example:", false},
        {"https://any.example:x", false},
        {"https://any.example:1.evil.example", false},
        {"https://any.example.evil:1", false},
    };
    json_t *origins = json_of("['https://a.example','https://any.example:*']");
    const struct client one = {.id = "x", .origins = origins};
    size_t i;

    for (i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(client_origin_registered(&one, rows[i].origin),
                        rows[i].fits);
    CU_ASSERT_TRUE(clients_origin_registered(fix.clients, NULL,
                                             "https://spa.example"));
    CU_ASSERT_TRUE(clients_origin_registered(fix.clients, "spa",
                                             "https://spa.example"));
    CU_ASSERT_FALSE(clients_origin_registered(fix.clients, "app",
                                              "https://spa.example"));
    CU_ASSERT_FALSE(clients_origin_registered(fix.clients, "nobody",
                                              "https://spa.example"));
    json_decref(origins);
}

static void
claim_sources_are_split(void)
{
    const char *attribute = NULL;

    CU_ASSERT_EQUAL(client_claim_source("mfa.pingone.mfa.status", &attribute),
                    3);
    CU_ASSERT_TRUE(same(attribute, "pingone.mfa.status"));
    CU_ASSERT_EQUAL(client_claim_source("mfa", &attribute), 0);
    CU_ASSERT_EQUAL(client_claim_source("mfa.", &attribute), 0);
    CU_ASSERT_EQUAL(client_claim_source(".x", &attribute), 0);
    CU_ASSERT_EQUAL(client_claim_source(NULL, &attribute), 0);
}

/* Change one member of a client, see what is said, and change it back. */
static bool
told(const char *id, const char *member, const char *value, const char *part)
{
    json_t *entry = json_object_get(json_object_get(fix.tree, "clients"), id);
    json_t *before = json_incref(json_object_get(entry, member));
    bool found;

    json_object_set_new(entry, member, json_of(value));
    found = load() && has_problem(part);
    if (before)
        json_object_set_new(entry, member, before);
    else
        json_object_del(entry, member);
    return found && load() && fix.problems.errors == 0;
}

static void
wrong_clients_are_problems(void)
{
    CU_ASSERT_TRUE(told("spa", "claims", "{'sub': 'otp.x'}", "\"sub\""));
    CU_ASSERT_TRUE(told("spa", "claims", "{'x': 'other.x'}", "\"x\""));
    CU_ASSERT_TRUE(told("spa", "claims", "{'x': 'otp'}", "\"x\""));
    CU_ASSERT_TRUE(told("spa", "policies", "['nope']", "nope"));
    CU_ASSERT_TRUE(told("spa", "policies", "['hint']", "signed hint"));
    CU_ASSERT_TRUE(told("spa", "policies", "['otp', 'one']", "fewer steps"));
    CU_ASSERT_TRUE(told("backend", "jwks", "{'keys': [{'kty': 'EC'}]}",
                        "/clients/backend/jwks"));
    CU_ASSERT_TRUE(told("spa", "pkce", "'optional'", "pkce"));
}

/* --- Authorization requests. --- */

static struct asked
ask(const char *query)
{
    static struct form form;
    struct asked asked;

    form = form_of(query);
    asked_read(fix.clients, &form, &asked);
    return asked;
}

static void
request_is_taken(void)
{
    struct asked asked =
        ask(SPA PKCE "&state=n7&nonce=o8&max_age=300&prompt=login"
                     "&login_hint=ann&ui_locales=de&acr_values=urn%3Amfa"
                     "&scope_x=1&claims_locales=de");
    const json_t *parameters;

    CU_ASSERT_PTR_NULL(asked.error);
    CU_ASSERT_TRUE(same(asked.policy->name, "mfa"));
    CU_ASSERT_FALSE(asked.redirectless);
    CU_ASSERT_TRUE(same(asked.redirect_uri, "https://spa.example/cb"));
    CU_ASSERT_EQUAL(asked.max_age_s, 300);
    CU_ASSERT_TRUE(same(json_text(asked.request, "state"), "n7"));
    CU_ASSERT_TRUE(same(json_text(asked.request, "nonce"), "o8"));
    CU_ASSERT_TRUE(same(json_text(asked.request, "code_challenge"),
                        CHALLENGE));
    CU_ASSERT_TRUE(same(json_text(asked.request, "scope"), "openid"));
    CU_ASSERT_FALSE(json_flag(asked.request, "redirect_default"));
    parameters = json_object_get(asked.request, "parameters");
    CU_ASSERT_TRUE(same(json_text(parameters, "login_hint"), "ann"));
    CU_ASSERT_TRUE(same(json_text(parameters, "ui_locales"), "de"));
    CU_ASSERT_EQUAL(json_object_size(parameters), 2);
}

/* Transcripts E.1 and E.9. */
static void
transcripts_are_taken(void)
{
    struct asked asked = ask(APP "&scope=openid&state=n7");

    CU_ASSERT_PTR_NULL(asked.error);
    CU_ASSERT_TRUE(asked.redirectless);
    CU_ASSERT_PTR_NULL(asked.redirect_uri);
    asked = ask("client_id=one+uri&response_type=code&state=n7" PKCE
                "&redirect_uri=https%3A%2F%2Fone.example%2Fcb%3Fa%3Db");
    CU_ASSERT_PTR_NULL(asked.error);
    CU_ASSERT_PTR_NULL(json_text(asked.request, "scope"));
    asked = ask("client_id=one+uri&response_type=code&state=n7" PKCE);
    CU_ASSERT_PTR_NULL(asked.error);
    CU_ASSERT_TRUE(json_flag(asked.request, "redirect_default"));
    CU_ASSERT_TRUE(same(asked.redirect_uri, "https://one.example/cb?a=b"));
}

/* About the client or its redirect_uri: told here, sent nowhere. */
static void
direct_refusals_go_nowhere(void)
{
    static const char *const rows[] = {
        "",
        "response_type=code",
        "client_id=&response_type=code",
        "client_id=nobody&response_type=code"
        "&redirect_uri=https%3A%2F%2Fevil.example",
        SPA PKCE "&client_id=spa",
        SPA PKCE "&redirect_uri=https%3A%2F%2Fspa.example%2Fcb",
        SPA PKCE "&x=%zz",
        "client_id=spa&response_type=code&scope=openid" PKCE,
        "client_id=spa&response_type=code" PKCE, /* it has two */
        "client_id=one+uri&response_type=code&scope=openid" PKCE,
        "client_id=spa&response_type=code" PKCE
        "&redirect_uri=https%3A%2F%2Fspa.example%2Fcb%2F",
        "client_id=spa&response_type=code" PKCE
        "&redirect_uri=https%3A%2F%2Fspa.example%2Fcb%3Fx",
        "client_id=spa&response_type=code" PKCE
        "&redirect_uri=HTTPS%3A%2F%2Fspa.example%2Fcb",
        APP "&redirect_uri=https%3A%2F%2Fspa.example%2Fcb",
    };
    struct asked asked;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        asked = ask(rows[i]);
        CU_ASSERT_PTR_NOT_NULL(asked.error);
        CU_ASSERT_PTR_NULL(asked.redirect_uri);
        CU_ASSERT_PTR_NULL(asked.request);
    }
}

static const struct {
    const char *query, *error;
} refusals[] = {
    {SPA PKCE "&x=1&x=2", "invalid_request"},
    {SPA PKCE "&state=1&state=2", "invalid_request"},
    {SPA PKCE "&request=e30", "request_not_supported"},
    {SPA PKCE "&request_uri=https%3A%2F%2Fx", "request_uri_not_supported"},
    {SPA PKCE "&registration=%7B%7D", "registration_not_supported"},
    {SPA PKCE "&response_mode=fragment", "invalid_request"},
    {SPA PKCE "&response_mode=form_post", "invalid_request"},
    {SPA PKCE "&response_mode=pi.flow", "unauthorized_client"},
    {SPA, "invalid_request"},
    {SPA "&code_challenge=" CHALLENGE, "invalid_request"},
    {SPA "&code_challenge_method=S256", "invalid_request"},
    {SPA "&code_challenge=" VERIFIER "&code_challenge_method=plain",
     "invalid_request"},
    {SPA "&code_challenge=short&code_challenge_method=S256",
     "invalid_request"},
    {SPA "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c+"
         "&code_challenge_method=S256",
     "invalid_request"},
    {SPA PKCE "&prompt=none", "login_required"},
    {SPA PKCE "&prompt=none+login", "invalid_request"},
    {SPA PKCE "&max_age=-1", "invalid_request"},
    {SPA PKCE "&max_age=1.5", "invalid_request"},
    {SPA PKCE "&max_age=99999999999", "invalid_request"},
    {SPA PKCE "&login_hint_token=a.b.c", "invalid_request"},
    {APP "&scope=a%22b", "invalid_scope"},
    {APP "&code_challenge=" CHALLENGE, "invalid_request"},
    {APP "&code_challenge=" CHALLENGE "&code_challenge_method=plain",
     "invalid_request"},
    {"client_id=app&response_mode=pi.flow", "invalid_request"},
    {"client_id=app&response_mode=pi.flow&response_type=token",
     "unsupported_response_type"},
    {"client_id=app&response_mode=pi.flow&response_type=code+id_token",
     "unsupported_response_type"},
    {"client_id=post&response_mode=pi.flow&response_type=code",
     "unauthorized_client"},
    {"client_id=backend&response_type=code&response_mode=pi.flow" PKCE,
     "invalid_request"}, /* its policy begins with a hint */
};

static void
refusals_have_their_codes(void)
{
    struct asked asked;
    size_t i;

    for (i = 0; i < COUNT(refusals); i++) {
        asked = ask(refusals[i].query);
        CU_ASSERT_TRUE(same(asked.error, refusals[i].error));
        CU_ASSERT_PTR_NULL(asked.request);
        if (!same(asked.error, refusals[i].error))
            tap_note("row %zu: %s", i, asked.error ? asked.error : "taken");
    }
    CU_ASSERT_TRUE(same(ask(refusals[0].query).redirect_uri,
                        "https://spa.example/cb"));
    CU_ASSERT_PTR_NULL(ask(refusals[1].query).state);
}

static void
long_values_are_refused(void)
{
    char query[4096];

    snprintf(query, sizeof(query), APP "&state=%2100d", 0);
    memset(strchr(query, ' '), '0', 2099);
    CU_ASSERT_TRUE(same(ask(query).error, "invalid_request"));
    CU_ASSERT_PTR_NULL(ask(query).state);
    snprintf(query, sizeof(query), APP "&nonce=%0600d", 0);
    CU_ASSERT_TRUE(same(ask(query).error, "invalid_request"));
}

static void
hints_need_a_second_step(void)
{
    json_t *backend = json_object_get(json_object_get(fix.tree, "clients"),
                                      "backend");
    struct asked asked = ask("client_id=backend&response_type=code" PKCE
                             "&response_mode=pi.flow&login_hint_token=a.b.c");

    CU_ASSERT_PTR_NULL(asked.error);
    CU_ASSERT_TRUE(same(asked.policy->name, "hint"));
    CU_ASSERT_TRUE(same(asked.hint_token, "a.b.c"));
    json_object_set_new(backend, "policies", json_of("['one']"));
    CU_ASSERT_TRUE_FATAL(load());
    asked = ask("client_id=backend&response_type=code" PKCE
                "&response_mode=pi.flow&login_hint_token=a.b.c");
    CU_ASSERT_TRUE(same(asked.error, "invalid_request"));
    json_object_set_new(backend, "policies", json_of("['hint', 'one']"));
    CU_ASSERT_TRUE_FATAL(load());
}

static void
scopes_are_ours(void)
{
    static const struct client none;
    json_t *scopes = json_of("['p1:read:device', 'p1:delete:device']");
    const struct client some = {.scopes = scopes};

    CU_ASSERT_TRUE(same(asked_scope(fix.arena, &none, "openid"), "openid"));
    CU_ASSERT_TRUE(same(asked_scope(fix.arena, &none, "email x openid email"),
                        "openid email"));
    CU_ASSERT_PTR_NULL(asked_scope(fix.arena, &none, "openidx admin"));
    CU_ASSERT_PTR_NULL(asked_scope(fix.arena, &none, NULL));
    CU_ASSERT_PTR_NULL(asked_scope(fix.arena, &none, ""));
    CU_ASSERT_PTR_NULL(asked_scope(fix.arena, &none, "p1:read:device"));
    CU_ASSERT_TRUE(same(asked_scope(fix.arena, &some,
                                    "p1:read:device p1:read:user openid"),
                        "openid p1:read:device"));
    json_decref(scopes);
}

/* --- Redirects. --- */

static void
urls_are_escaped(void)
{
    const struct oauth_pair pairs[] = {
        {"state", "a b&c=d#\r\n\u00e9"}, {"none", NULL}, {"iss", "x:/~"},
        {NULL, NULL},
    };

    CU_ASSERT_TRUE(same(oauth_url(fix.arena, "https://a/cb", pairs),
                        "https://a/cb?state=a%20b%26c%3Dd%23%0D%0A%C3%A9"
                        "&iss=x%3A%2F~"));
    CU_ASSERT_TRUE(same(oauth_url(fix.arena, "https://a/?q=1", pairs + 1),
                        "https://a/?q=1&iss=x%3A%2F~"));
    CU_ASSERT_TRUE(same(oauth_url(fix.arena, "app:/cb", pairs + 3),
                        "app:/cb"));
}

/* --- Clients prove themselves. --- */

static struct login
login_of(const char *body, const char *authorization)
{
    static struct form form;
    struct login login;

    form = form_of(body);
    login_read(fix.clients, &form, authorization, &login);
    if (!login.error)
        login_verify(&fix.host, fix.arena, &login);
    return login;
}

/* "one uri":"a:b c%", urlencoded, then base64. */
#define BASIC_GOOD "Basic b25lK3VyaTphJTNBYitjJTI1"

static const struct {
    const char *body, *authorization, *error;
} logins[] = {
    {"", BASIC_GOOD, NULL},
    {"client_id=one+uri", BASIC_GOOD, NULL},
    {"", "basic  b25lK3VyaTphJTNBYitjJTI1", NULL},
    {"client_id=post&client_secret=a%3Ab+c%25", NULL, NULL},
    {"client_id=spa", NULL, NULL},
    /* Nobody, or somebody else. */
    {"", NULL, "invalid_client"},
    {"client_id=nobody", NULL, "invalid_client"},
    {"client_id=spa", BASIC_GOOD, "invalid_request"},
    /* Another way than the one that is registered. */
    {"client_id=post", NULL, "invalid_client"},
    {"client_id=one+uri&client_secret=a%3Ab+c%25", NULL, "invalid_client"},
    {"", "Basic cG9zdDphJTNBYitjJTI1", "invalid_client"},
    {"client_id=spa&client_secret=x", NULL, "invalid_client"},
    {"", "Basic c3BhOg==", "invalid_client"},
    /* A wrong secret; one that was not urlencoded. */
    {"client_id=post&client_secret=a", NULL, "invalid_client"},
    {"", "Basic b25lK3VyaTp4", "invalid_client"},
    {"", "Basic b25lIHVyaTphOmIgYyU=", "invalid_client"},
    /* Malformed. */
    {"", "Basic", "invalid_client"},
    {"", "Basic ", "invalid_client"},
    {"", "Basic !!!!", "invalid_client"},
    {"", "Basic b25lK3VyaTphJTNBYitjJTI", "invalid_client"},
    {"", "Basic b25lK3VyaQ==", "invalid_client"},
    {"", "Basic b25lK3VyaTphAGI=", "invalid_client"},
    {"", "Basic ====", "invalid_client"},
    {"", "Basic OmE=", "invalid_client"},
    {"", "Bearer b25lK3VyaTphJTNBYitjJTI1", "invalid_client"},
    {"", "Basicb25lK3VyaTphJTNBYitjJTI1", "invalid_client"},
    /* Two ways at once. */
    {"client_id=one+uri&client_secret=x", BASIC_GOOD, "invalid_request"},
    {"client_assertion=a.b.c", BASIC_GOOD, "invalid_request"},
    {"client_id=post&client_secret=x&client_assertion=a.b.c", NULL,
     "invalid_request"},
    /* Assertions that are none. */
    {"client_assertion=a.b.c", NULL, "invalid_client"},
    {"client_assertion_type=x&client_assertion=a.b.c", NULL,
     "invalid_client"},
    {"client_id=backend&client_assertion_type=" LOGIN_ASSERTION, NULL,
     "invalid_client"},
    {"client_id=backend", NULL, "invalid_client"},
};

static void
logins_hold_or_not(void)
{
    struct login login;
    size_t i;

    for (i = 0; i < COUNT(logins); i++) {
        login = login_of(logins[i].body, logins[i].authorization);
        CU_ASSERT_TRUE(same(login.error, logins[i].error));
        CU_ASSERT_EQUAL(login.by_header && login.method == CLIENT_SECRET_BASIC,
                        login.by_header);
        if (!same(login.error, logins[i].error))
            tap_note("row %zu: %s", i, login.error ? login.error : "held");
    }
    CU_ASSERT_TRUE(login_of("", "Basic x").by_header);
    CU_ASSERT_FALSE(login_of("client_id=x", NULL).by_header);
}

static void
assertions_name_their_client(void)
{
    /* {"sub":"backend"}, and things that are no token. */
    CU_ASSERT_TRUE(same(proof_claimed_subject(
                            fix.arena, "e30.eyJzdWIiOiJiYWNrZW5kIn0.x"),
                        "backend"));
    CU_ASSERT_PTR_NULL(proof_claimed_subject(fix.arena, ""));
    CU_ASSERT_PTR_NULL(proof_claimed_subject(fix.arena, "a"));
    CU_ASSERT_PTR_NULL(proof_claimed_subject(fix.arena, "a..b"));
    CU_ASSERT_PTR_NULL(proof_claimed_subject(fix.arena, "a.!!.b"));
    CU_ASSERT_PTR_NULL(proof_claimed_subject(fix.arena, "a.e30.b"));
}

/* Signed by the backend: what every proof says, with some of it changed
 * (null: left out). */
static char *
signed_token(const char *changes)
{
    json_int_t now = clock_now_ms() / 1000;
    json_t *claims = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", "backend", "sub", "backend",
        "aud", BASE "/as/token.oauth2", "jti", "j1", "iat", now, "exp",
        now + 60);
    json_t *changed = json_of(changes), *value;
    const char *name;
    char *token = NULL, *copy;

    json_object_foreach(changed, name, value) {
        if (json_is_integer(value))
            value = json_integer(now + json_integer_value(value));
        else
            json_incref(value);
        json_object_set_new(claims, name, value);
        if (json_is_null(value))
            json_object_del(claims, name);
    }
    jose_sign(fix.key, "JWT", claims, &token, NULL);
    copy = arena_copy(fix.arena, token);
    free(token);
    json_decref(claims);
    json_decref(changed);
    return copy;
}

/* Numbers are seconds from now. */
static const struct {
    const char *changes;
    bool holds;
} assertions[] = {
    {"{}", true},
    {"{'aud': 'https://as.example'}", true},
    {"{'iat': null}", true},
    {"{'aud': 'https://other.example'}", false},
    {"{'aud': 'https://as.example/as/authorization.oauth2'}", false},
    {"{'aud': null}", false},
    {"{'exp': null}", false},
    {"{'exp': -60}", false},
    {"{'exp': 600}", false},
    {"{'nbf': 120}", false},
    {"{'jti': null}", false},
    {"{'jti': ''}", false},
    {"{'iss': null}", false},
    {"{'iss': 'spa'}", false},
    {"{'sub': null}", false},
    {"{'sub': 'post'}", false},
    {"{'sub': 'nobody'}", false},
};

static void
assertions_hold_or_not(void)
{
    struct login login;
    const char *body, *token;
    size_t i;

    for (i = 0; i < COUNT(assertions); i++) {
        token = signed_token(assertions[i].changes);
        body = arena_format(fix.arena,
                            "client_assertion_type=" LOGIN_ASSERTION
                            "&client_assertion=%s",
                            token);
        login = login_of(body, NULL);
        CU_ASSERT_TRUE(same(login.error, assertions[i].holds
                                             ? NULL
                                             : "invalid_client"));
        if (!login.error != assertions[i].holds)
            tap_note("row %zu", i);
    }
}

/* As assertions, but who signed on is named. */
static const struct {
    const char *changes, *error;
    int64_t max_age_s;
} hints[] = {
    {"{'sub': 'ann', 'aud': 'https://as.example'}", NULL, -1},
    {"{'sub': 'ann', 'iss': null, 'aud': 'https://as.example'}", NULL, -1},
    {"{'sub': 'ann', 'aud': 'https://as.example/as/authorization.oauth2'}",
     NULL, -1},
    {"{'sub': 'ann', 'aud': 'https://as.example', 'auth_time': -50}", NULL,
     60},
    {"{'sub': 'ann', 'aud': 'https://as.example', 'auth_time': -90}",
     "login_required", 60},
    {"{'sub': 'ann'}", "invalid_request", -1}, /* for the token endpoint */
    {"{'aud': 'https://as.example'}", "invalid_request", -1}, /* itself */
    {"{'sub': 'ann', 'iss': 'spa', 'aud': 'https://as.example'}",
     "invalid_request", -1},
    {"{'sub': 'ann', 'aud': 'https://as.example', 'jti': null}",
     "invalid_request", -1},
    {"{'sub': 'ann', 'aud': 'https://as.example', 'exp': -60}",
     "invalid_request", -1},
    {"{'sub': 'ann', 'aud': 'https://as.example', 'exp': 3600}",
     "invalid_request", -1},
    {"{'sub': null, 'aud': 'https://as.example'}", "invalid_request", -1},
};

static void
hints_hold_or_not(void)
{
    struct asked asked = {.client = client("backend")};
    const json_t *claims;
    size_t i;

    for (i = 0; i < COUNT(hints); i++) {
        asked.error = NULL;
        asked.max_age_s = hints[i].max_age_s;
        asked.hint_token = signed_token(hints[i].changes);
        claims = hint_verify(&fix.host, fix.arena, &asked);
        CU_ASSERT_TRUE(same(asked.error, hints[i].error));
        CU_ASSERT_EQUAL(claims == NULL, hints[i].error != NULL);
        if (!same(asked.error, hints[i].error))
            tap_note("row %zu: %s", i, asked.error ? asked.error : "held");
    }
    asked.client = client("spa"); /* with no keys */
    asked.hint_token = signed_token(hints[0].changes);
    CU_ASSERT_PTR_NULL(hint_verify(&fix.host, fix.arena, &asked));
}

/* --- Codes. --- */

static bool
bound(const char *grant_text, const char *body)
{
    json_t *grant = json_of(grant_text);
    struct form form = form_of(body);
    bool fits = token_binding_problem(grant, &form) == NULL;

    json_decref(grant);
    return fits;
}

#define BOUND "{'redirectUri': 'https://a/cb', 'challenge': '" CHALLENGE "'}"

static void
codes_are_bound(void)
{
    const char *uri = "{'redirectUri': 'https://a/cb'}";
    const char *only =
        "{'redirectUri': 'https://a/cb', 'redirectDefault': true}";
    const char *pkce = "{'challenge': '" CHALLENGE "'}";

    CU_ASSERT_TRUE(bound(BOUND, "redirect_uri=https%3A%2F%2Fa%2Fcb"
                                "&code_verifier=" VERIFIER));
    CU_ASSERT_FALSE(bound(BOUND, "code_verifier=" VERIFIER));
    CU_ASSERT_FALSE(bound(BOUND, "redirect_uri=https%3A%2F%2Fa%2Fcb"));
    CU_ASSERT_FALSE(bound(uri, "redirect_uri=https%3A%2F%2Fa%2Fcb%2F"));
    CU_ASSERT_TRUE(bound(only, ""));
    CU_ASSERT_FALSE(bound(only, "redirect_uri=https%3A%2F%2Fb"));
    CU_ASSERT_TRUE(bound(pkce, "code_verifier=" VERIFIER));
    CU_ASSERT_FALSE(bound(pkce, ""));
    CU_ASSERT_FALSE(bound(pkce, "code_verifier=" CHALLENGE));
    CU_ASSERT_FALSE(bound(pkce, "code_verifier=" VERIFIER "x"));
    CU_ASSERT_FALSE(bound(pkce, "code_verifier=short"));
    /* A verifier for a request that had no challenge (RFC 9700 4.8.2). */
    CU_ASSERT_TRUE(bound("{}", ""));
    CU_ASSERT_FALSE(bound("{}", "code_verifier=" VERIFIER));
}

static bool
amr_is(const char *passed_text, const char *wanted_text)
{
    json_t *passed = json_of(passed_text), *wanted = json_of(wanted_text);
    json_t *amr = grant_amr(passed);
    bool equal = wanted && json_equal(amr, wanted);

    json_decref(passed);
    json_decref(wanted);
    json_decref(amr);
    return equal;
}

static void
amr_is_what_happened(void)
{
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'password', 'amr': ['pwd'], 'kinds': 1},"
        " {'adapter': 'otp', 'amr': ['otp', 'email'], 'kinds': 2}]",
        "['pwd', 'otp', 'email', 'mfa']"));
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'a', 'amr': ['otp', 'sms'], 'kinds': 2},"
        " {'adapter': 'b', 'amr': ['otp', 'tel'], 'kinds': 2}]",
        "['otp', 'sms', 'tel']"));
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'a', 'amr': ['mfa', 'pwd'], 'kinds': 1}]", "['pwd']"));
    CU_ASSERT_TRUE(amr_is("[{'adapter': 'a', 'amr': ['x'], 'kinds': 6}]",
                          "['x', 'mfa']"));
    CU_ASSERT_TRUE(amr_is("[{'adapter': 'a', 'kinds': 0}]", "[]"));
    CU_ASSERT_TRUE(amr_is("[{'adapter': 'a', 'kinds': 256}]", "[]"));
    CU_ASSERT_TRUE(amr_is("[]", "[]"));
}

/* A hint counts for what it names, and no further. */
static void
amr_of_hints_is_believed_as_far_as_it_goes(void)
{
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'login_hint_token', 'amr': ['pwd'], 'kinds': 1},"
        " {'adapter': 'otp', 'amr': ['otp'], 'kinds': 2}]",
        "['pwd', 'otp', 'mfa']"));
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'login_hint_token', 'amr': [], 'kinds': 1},"
        " {'adapter': 'otp', 'amr': ['otp'], 'kinds': 2}]",
        "['otp']"));
    CU_ASSERT_TRUE(amr_is(
        "[{'adapter': 'login_hint_token', 'amr': ['sms'], 'kinds': 1},"
        " {'adapter': 'otp', 'amr': ['otp'], 'kinds': 2}]",
        "['sms', 'otp']"));
}

static void
amr_of_hints_is_checked(void)
{
    json_t *claims = json_of("{'amr': ['pwd', 'mfa', 'PWD', '', 7,"
                             " 'abcdefghijklmnopq', 'geo']}");
    json_t *wanted = json_of("['pwd', 'geo']"), *amr = hint_amr(claims);

    CU_ASSERT_TRUE(json_equal(amr, wanted));
    json_decref(amr);
    json_decref(wanted);
    json_decref(claims);
    claims = json_of("{'amr': 'pwd'}");
    amr = hint_amr(claims);
    CU_ASSERT_EQUAL(json_array_size(amr), 0);
    json_decref(amr);
    json_decref(claims);
}

static void
claims_are_mapped(void)
{
    json_t *body = json_of(
        "{'passed': [{'adapter': 'otp', 'attributes': {'some.name': 'Ann'}}]}");
    struct flow flow = {.body = body};
    json_t *claims = grant_claims(client("spa"), &flow);

    CU_ASSERT_TRUE(same(json_text(claims, "who"), "Ann"));
    CU_ASSERT_EQUAL(json_object_size(claims), 1);
    json_decref(claims);
    json_array_clear(json_object_get(body, "passed"));
    claims = grant_claims(client("spa"), &flow);
    CU_ASSERT_EQUAL(json_object_size(claims), 0);
    json_decref(claims);
    claims = grant_claims(NULL, &flow);
    CU_ASSERT_EQUAL(json_object_size(claims), 0);
    json_decref(claims);
    json_decref(body);
}

static void
codes_die(void)
{
    static const struct {
        const char *body;
        int64_t now_ms;
        bool alive;
    } rows[] = {
        {"{'state': 'issued', 'codeExpiresAt': 60}", 59, true},
        {"{'state': 'issued', 'codeExpiresAt': 60}", 60, false},
        {"{'state': 'redeemed', 'codeExpiresAt': 60}", 1, false},
        {"{'state': 'revoked', 'codeExpiresAt': 60}", 1, false},
        {"{'codeExpiresAt': 60}", 1, false},
        {"{'state': 'issued'}", 1, false},
    };
    struct record grant = {.body = NULL};
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        grant.body = json_of(rows[i].body);
        CU_ASSERT_EQUAL(grant_code_alive(&grant, rows[i].now_ms),
                        rows[i].alive);
        json_decref(grant.body);
    }
}

/* --- Tokens. --- */

/* OpenID Connect Core A.3. */
static void
at_hash_is_that_of_the_standard(void)
{
    char hash[ISSUE_HASH];

    CU_ASSERT_TRUE(issue_at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
                                 hash));
    CU_ASSERT_STRING_EQUAL(hash, "77QmUPtjPfzWtF2AnpK9RQ");
}

/* Verified as a client would; NULL: it does not hold. */
static json_t *
token_claims(const char *token, const char *typ, const char *aud)
{
    const struct jose_expect expect = {
        .iss = BASE, .aud = {aud}, .typ = typ,
        .now_s = clock_now_ms() / 1000, .leeway_s = 5};
    struct jose_jwks keys = {0};
    json_t *claims = NULL;

    keys_verifying(fix.keys, &keys);
    if (!token || jose_verify(token, strlen(token), &keys, &expect, &claims,
                              NULL) != FACTOR_OK)
        claims = NULL;
    jose_jwks_clear(&keys);
    return arena_keep_json(fix.arena, claims ? claims : json_object());
}

static json_t *
issue(const char *grant_text)
{
    struct record grant = {.face = {.id = "g1", .owner = "u1"}};
    json_t *answer;

    grant.body = json_of(grant_text);
    answer = issue_for_grant(&fix.host, client("spa"), &grant,
                             clock_now_ms());
    json_decref(grant.body);
    return arena_keep_json(fix.arena, answer ? answer : json_object());
}

static void
tokens_say_what_was_granted(void)
{
    const json_t *answer = issue(
        "{'scope': 'openid email', 'acr': 'urn:otp', 'amr': ['pwd', 'otp'],"
        " 'authTime': 7, 'nonce': 'n', 'claims': {'who': 'Ann',"
        " 'sub': 'evil', 'iss': 'evil', 'exp': 1, 'acr': 'evil'}}");
    const char *access = json_text(answer, "access_token");
    const json_t *id = token_claims(json_text(answer, "id_token"), NULL,
                                    "spa");
    const json_t *claims = token_claims(access, "at+jwt", BASE);
    char hash[ISSUE_HASH] = "";

    CU_ASSERT_TRUE(same(json_text(answer, "token_type"), "Bearer"));
    CU_ASSERT_TRUE(same(json_text(answer, "scope"), "openid email"));
    CU_ASSERT_EQUAL(json_number(answer, "expires_in", 0), 3600);
    CU_ASSERT_TRUE(access && issue_at_hash(access, hash));
    CU_ASSERT_TRUE(same(json_text(id, "at_hash"), hash));
    CU_ASSERT_TRUE(same(json_text(id, "sub"), "u1"));
    CU_ASSERT_TRUE(same(json_text(id, "acr"), "urn:otp"));
    CU_ASSERT_TRUE(same(json_text(id, "nonce"), "n"));
    CU_ASSERT_TRUE(same(json_text(id, "who"), "Ann"));
    CU_ASSERT_EQUAL(json_number(id, "auth_time", 0), 7);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(id, "amr")), 2);
    CU_ASSERT_TRUE(same(json_text(claims, "sub"), "u1"));
    CU_ASSERT_TRUE(same(json_text(claims, "client_id"), "spa"));
    CU_ASSERT_TRUE(same(json_text(claims, "grant"), "g1"));
    CU_ASSERT_PTR_NOT_NULL(json_text(claims, "jti"));
    /* Neither token is taken for the other. */
    CU_ASSERT_EQUAL(json_object_size(token_claims(
                        json_text(answer, "id_token"), "at+jwt", "spa")), 0);
    CU_ASSERT_EQUAL(json_object_size(token_claims(access, NULL, BASE)), 0);
}

static void
no_openid_no_id_token(void)
{
    const json_t *answer = issue("{'scope': 'email', 'authTime': 7}");

    CU_ASSERT_PTR_NOT_NULL(json_text(answer, "access_token"));
    CU_ASSERT_PTR_NULL(json_text(answer, "id_token"));
    answer = issue("{'authTime': 7}");
    CU_ASSERT_PTR_NOT_NULL(json_text(answer, "access_token"));
    CU_ASSERT_PTR_NULL(json_object_get(answer, "id_token"));
    CU_ASSERT_PTR_NULL(json_object_get(answer, "scope"));
}

static void
worker_tokens_have_roles(void)
{
    json_t *answer = arena_keep_json(
        fix.arena,
        issue_for_worker(&fix.host, client("post"), clock_now_ms()));
    const json_t *claims =
        token_claims(json_text(answer, "access_token"), "at+jwt", BASE);

    CU_ASSERT_EQUAL(json_object_size(answer), 3);
    CU_ASSERT_TRUE(same(json_text(claims, "sub"), "post"));
    CU_ASSERT_TRUE(same(json_text(claims, "env"),
                        keys_environment(fix.keys)));
    CU_ASSERT_TRUE(json_lists(json_object_get(claims, "roles"),
                              "Identity Data Admin"));
    CU_ASSERT_PTR_NULL(json_object_get(claims, "grant"));
}

static void
metadata_is_that_of_the_host(void)
{
    json_t *metadata = discovery_metadata(&fix.host);

    CU_ASSERT_TRUE(same(json_text(metadata, "issuer"), BASE));
    CU_ASSERT_TRUE(same(json_text(metadata, "token_endpoint"),
                        BASE "/as/token.oauth2"));
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(metadata, "acr_values_supported")),
        4);
    CU_ASSERT_TRUE(json_is_false(
        json_object_get(metadata, "request_uri_parameter_supported")));
    CU_ASSERT_PTR_NULL(json_object_get(metadata, "introspection_endpoint"));
    json_decref(metadata);
}

static void
bearer_tokens_are_found(void)
{
    CU_ASSERT_TRUE(same(bearer_token("Bearer a.b-c_d~e+f/g="),
                        "a.b-c_d~e+f/g="));
    CU_ASSERT_TRUE(same(bearer_token("bearer  x"), "x"));
    CU_ASSERT_TRUE(same(bearer_token("Bearer"), ""));
    CU_ASSERT_TRUE(same(bearer_token("Bearer "), ""));
    CU_ASSERT_TRUE(same(bearer_token("Bearer a b"), ""));
    CU_ASSERT_TRUE(same(bearer_token("Bearer a,b"), ""));
    CU_ASSERT_PTR_NULL(bearer_token("Bearerx"));
    CU_ASSERT_PTR_NULL(bearer_token("Basic x"));
    CU_ASSERT_PTR_NULL(bearer_token(NULL));
}

static void
bearer_refusals_say_why(void)
{
    struct bearer bearer = {0};

    bearer_refuse(&bearer, 401, NULL, NULL);
    CU_ASSERT_STRING_EQUAL(bearer_challenge(fix.arena, &bearer),
                           "Bearer realm=\"factord\"");
    bearer.scope = "openid";
    bearer_refuse(&bearer, 403, "insufficient_scope", "No.");
    CU_ASSERT_STRING_EQUAL(
        bearer_challenge(fix.arena, &bearer),
        "Bearer realm=\"factord\", error=\"insufficient_scope\", "
        "error_description=\"No.\", scope=\"openid\"");
}

static void
userinfo_follows_scopes(void)
{
    json_t *body = json_of(
        "{'username': 'Ann', 'attributes': {'email': 'a@b.c',"
        " 'phone': '+491', 'given_name': 'Ann', 'family_name': 'Lee',"
        " 'locale': 'de', 'shoe': '38'}}");
    struct record user = {.face = {.id = "u1"}, .body = body};
    json_t *wanted = json_of("{'sub': 'u1'}");
    json_t *claims = userinfo_claims(&user, "openid");

    CU_ASSERT_TRUE(json_equal(claims, wanted));
    json_decref(claims);
    json_decref(wanted);
    claims = userinfo_claims(&user, "openid profile email phone");
    wanted = json_of("{'sub': 'u1', 'name': 'Ann Lee', 'given_name': 'Ann',"
                     " 'family_name': 'Lee', 'preferred_username': 'Ann',"
                     " 'locale': 'de', 'email': 'a@b.c',"
                     " 'phone_number': '+491'}");
    CU_ASSERT_TRUE(json_equal(claims, wanted));
    json_decref(claims);
    json_decref(wanted);
    json_decref(body);
}

static const struct tap_test tests[] = {
    {"a form is decoded", form_is_decoded},
    {"a malformed form is refused", form_is_refused},
    {"a form knows its repeats", form_sees_repeats},
    {"a form takes a JSON object of strings", form_takes_json},
    {"a media type is known without its parameters", form_knows_types},
    {"a client is read with its defaults", client_is_read},
    {"a secret is compared as a hash", secret_is_compared},
    {"P2: acr_values never choose a weaker policy", policy_is_never_weaker},
    {"A.8: origins are compared exactly, ports may be any",
     origins_are_exact},
    {"P8: a claim's source is split at the first dot",
     claim_sources_are_split},
    {"what does not hold in a client is a problem",
     wrong_clients_are_problems},
    {"an authorization request is taken with all it asks", request_is_taken},
    {"the requests of E.1 and E.9 are taken", transcripts_are_taken},
    {"wrong client or redirect_uri: nothing is sent anywhere",
     direct_refusals_go_nowhere},
    {"P4: each refusal of a request has its code", refusals_have_their_codes},
    {"values too long for a flow are refused", long_values_are_refused},
    {"P7: a hint needs a second step", hints_need_a_second_step},
    {"scopes are those that we have, once", scopes_are_ours},
    {"a redirect escapes what it carries", urls_are_escaped},
    {"a client proves itself in its own way only", logins_hold_or_not},
    {"an assertion names its client", assertions_name_their_client},
    {"RFC 7523: an assertion holds or not", assertions_hold_or_not},
    {"P7: a login_hint_token holds or not", hints_hold_or_not},
    {"P4: a code is bound to challenge and redirect_uri", codes_are_bound},
    {"P1: amr is what happened, mfa two kinds", amr_is_what_happened},
    {"P7: a hint counts for the factors that it names",
     amr_of_hints_is_believed_as_far_as_it_goes},
    {"P3: values of a hint's amr are checked", amr_of_hints_is_checked},
    {"P8: attributes become claims by the client's map", claims_are_mapped},
    {"P4: a code dies by use, by revocation, by time", codes_die},
    {"at_hash is that of OpenID Connect Core A.3",
     at_hash_is_that_of_the_standard},
    {"tokens say what was granted, and no claim stands over it",
     tokens_say_what_was_granted},
    {"without openid there is no ID token", no_openid_no_id_token},
    {"a worker's token has its roles", worker_tokens_have_roles},
    {"the metadata names what works", metadata_is_that_of_the_host},
    {"a bearer token is found in its header", bearer_tokens_are_found},
    {"a bearer refusal says why", bearer_refusals_say_why},
    {"userinfo gives what the scopes ask for", userinfo_follows_scopes},
};

int
main(void)
{
    const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("oauth", &fixture, tests, TAP_COUNT(tests));
}
