/* SPDX-License-Identifier: MIT */
/* host/oauth/asked.c - an authorization request: what it asks for. */
#include "host/oauth/asked.h"

#include <stdlib.h>
#include <string.h>

#include "host/json.h"

/* Longest values that a flow keeps, bytes. */
enum { STATE_MAX = 2048, TEXT_MAX = 512, CHALLENGE_LEN = 43 };

const char *const asked_scopes[] = {"openid", "profile", "email", "phone",
                                    NULL};

/* Parameters that the flow keeps as they are. */
static const struct {
    const char *name;
    size_t max;
} kept[] = {
    {"state", STATE_MAX},         {"nonce", TEXT_MAX},
    {"code_challenge", TEXT_MAX}, {"response_mode", TEXT_MAX},
    {"acr_values", TEXT_MAX},     {"login_hint", TEXT_MAX},
    {"redirect_uri", STATE_MAX},
};

/* Parameters that adapters may see (A.10: tracked). */
static const char *const tracked[] = {"login_hint", "ui_locales"};

/* Ways to ask that we do not have (OpenID Connect Core 6.1, 6.2, 7.2.1). */
static const struct {
    const char *name, *error;
} unsupported[] = {
    {"request", "request_not_supported"},
    {"request_uri", "request_uri_not_supported"},
    {"registration", "registration_not_supported"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool
refuse(struct asked *asked, const char *error, const char *description)
{
    asked->error = error;
    asked->description = description;
    return false;
}

static bool
is(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

/* --- Who asks, and where the answer may go. --- */

static bool
read_client(const struct clients *clients, const struct form *form,
            struct asked *asked)
{
    const char *id = form_get(form, "client_id");

    if (form->malformed)
        return refuse(asked, "invalid_request", "The request is malformed.");
    if (!id || form_repeats(form, "client_id"))
        return refuse(asked, "invalid_request",
                      "client_id must be there, once.");
    asked->client = clients_find(clients, id);
    if (!asked->client)
        return refuse(asked, "unauthorized_client",
                      "There is no such client.");
    return true;
}

/* A plain OAuth client with one URI may leave it out (RFC 6749 3.1.2.3);
 * OpenID Connect wants it, and without redirects there is no use for it. */
static bool
read_redirect(const struct form *form, struct asked *asked)
{
    const json_t *uris = asked->client->redirect_uris;
    const char *uri = form_get(form, "redirect_uri");
    const char *scope = form_get(form, "scope");

    if (form_repeats(form, "redirect_uri"))
        return refuse(asked, "invalid_request",
                      "redirect_uri stands there twice.");
    if (uri && !json_lists(uris, uri))
        return refuse(asked, "invalid_request",
                      "redirect_uri is not one of the client's.");
    if (!uri && !asked->redirectless &&
        (json_array_size(uris) != 1 || json_words_hold(scope, "openid")))
        return refuse(asked, "invalid_request", "redirect_uri is missing.");
    if (!uri && !asked->redirectless)
        uri = json_string_value(json_array_get(uris, 0));
    asked->redirect_uri = uri;
    return true;
}

/* --- What is asked.  Each check refuses, or goes on. --- */

static bool
check_shape(const struct form *form, struct asked *asked)
{
    const char *value;
    size_t i;

    if (form_repeats(form, NULL))
        return refuse(asked, "invalid_request",
                      "A parameter stands there twice.");
    for (i = 0; i < COUNT(unsupported); i++)
        if (form_get(form, unsupported[i].name))
            return refuse(asked, unsupported[i].error, NULL);
    for (i = 0; i < COUNT(kept); i++) {
        value = form_get(form, kept[i].name);
        if (value && strlen(value) > kept[i].max)
            return refuse(asked, "invalid_request",
                          "A parameter is too long.");
    }
    return true;
}

static bool
check_response(const struct form *form, struct asked *asked)
{
    const char *type = form_get(form, "response_type");
    const char *mode = form_get(form, "response_mode");

    if (!type)
        return refuse(asked, "invalid_request", "response_type is missing.");
    if (!is(type, "code"))
        return refuse(asked, "unsupported_response_type",
                      "response_type must be code.");
    if (mode && !is(mode, "query") && !asked->redirectless)
        return refuse(asked, "invalid_request",
                      "response_mode must be query or pi.flow.");
    return true;
}

static bool
check_client(const struct form *form, struct asked *asked)
{
    const struct client *client = asked->client;

    (void)form;
    if (asked->redirectless && !client->pi_flow)
        return refuse(asked, "unauthorized_client",
                      "The client may not use response_mode=pi.flow.");
    if (client->policy_count == 0)
        return refuse(asked, "unauthorized_client",
                      "The client signs nobody on.");
    return true;
}

static bool
is_challenge(const char *text)
{
    char bytes[JOSE_SHA256_LEN];
    size_t len;

    return strlen(text) == CHALLENGE_LEN &&
           jose_b64url_decode(text, CHALLENGE_LEN, bytes, sizeof(bytes),
                              &len) == FACTOR_OK;
}

/* P4, RFC 9700 2.1.1.  A challenge without a method would be "plain". */
static bool
check_pkce(const struct form *form, struct asked *asked)
{
    const char *challenge = form_get(form, "code_challenge");
    const char *method = form_get(form, "code_challenge_method");

    if (!challenge && !method && asked->client->pkce_optional)
        return true;
    if (!challenge)
        return refuse(asked, "invalid_request", "code_challenge is missing.");
    if (!is(method, "S256"))
        return refuse(asked, "invalid_request",
                      "code_challenge_method must be S256.");
    if (!is_challenge(challenge))
        return refuse(asked, "invalid_request",
                      "code_challenge is no S256 challenge.");
    return true;
}

/* RFC 6749 3.3: %x21, %x23-5B, %x5D-7E and spaces between. */
static bool
check_scope(const struct form *form, struct asked *asked)
{
    const char *scope = form_get(form, "scope"), *at;

    for (at = scope; at && *at; at++)
        if (*at < ' ' || *at >= 0x7f || strchr("\"\\", *at))
            return refuse(asked, "invalid_scope",
                          "scope holds a character that none has.");
    return true;
}

/* Nobody is signed on without being asked for their factors. */
static bool
check_prompt(const struct form *form, struct asked *asked)
{
    const char *prompt = form_get(form, "prompt");

    if (!json_words_hold(prompt, "none"))
        return true;
    if (!is(prompt, "none"))
        return refuse(asked, "invalid_request",
                      "prompt=none stands alone or not at all.");
    return refuse(asked, "login_required", "The user must sign on.");
}

static bool
check_max_age(const struct form *form, struct asked *asked)
{
    const char *age = form_get(form, "max_age");

    if (!age)
        return true;
    if (strspn(age, "0123456789") != strlen(age) || strlen(age) > 9)
        return refuse(asked, "invalid_request",
                      "max_age must be a number of seconds.");
    asked->max_age_s = strtoll(age, NULL, 10);
    return true;
}

/* P7: a hint stands for the first step; there must be another, since no hint
 * signs anyone on by itself. */
static bool
check_policy(const struct form *form, struct asked *asked)
{
    asked->policy = client_policy(asked->client, form_get(form, "acr_values"));
    asked->hint_token = form_get(form, "login_hint_token");
    if (asked->hint_token && asked->client->hint_jwks.count == 0)
        return refuse(asked, "invalid_request",
                      "The client may not send a login_hint_token.");
    if (asked->hint_token && asked->policy->step_count < 2)
        return refuse(asked, "invalid_request",
                      "The policy asks for nothing beside the hint.");
    if (!asked->hint_token && !asked->policy->steps[0].adapter)
        return refuse(asked, "invalid_request",
                      "login_hint_token is missing.");
    return true;
}

static bool (*const checks[])(const struct form *form,
                              struct asked *asked) = {
    check_shape, check_response, check_client,  check_pkce,
    check_scope, check_prompt,   check_max_age, check_policy,
};

/* --- What the flow keeps. --- */

static void
grant_scope(struct factor_arena *arena, const char *scope,
            const char *requested, char **granted)
{
    if (json_words_hold(requested, scope) && !json_words_hold(*granted, scope))
        *granted = *granted ? arena_format(arena, "%s %s", *granted, scope)
                            : arena_copy(arena, scope);
}

char *
asked_scope(struct factor_arena *arena, const struct client *client,
            const char *requested)
{
    const char *const *scope;
    char *granted = NULL;
    size_t i;

    for (scope = asked_scopes; *scope; scope++)
        grant_scope(arena, *scope, requested, &granted);
    for (i = 0; i < json_array_size(client->scopes); i++)
        grant_scope(arena, json_string_value(json_array_get(client->scopes, i)),
                    requested, &granted);
    return granted;
}

static void
keep(const struct form *form, struct asked *asked)
{
    json_t *request = arena_keep_json(form->arena, json_object());
    json_t *parameters = json_object();
    const char *given = form_get(form, "redirect_uri");
    size_t i;

    for (i = 0; i < COUNT(tracked); i++)
        json_set_text(parameters, tracked[i], form_get(form, tracked[i]));
    for (i = 0; i < COUNT(kept); i++)
        json_set_text(request, kept[i].name, form_get(form, kept[i].name));
    json_set_text(request, "redirect_uri", asked->redirect_uri);
    if (asked->redirect_uri && !given)
        json_object_set_new(request, "redirect_default", json_true());
    json_set_text(request, "scope",
                  asked_scope(form->arena, asked->client,
                              form_get(form, "scope")));
    if (json_object_set_new(request, "parameters", parameters) == 0)
        asked->request = request;
}

void
asked_read(const struct clients *clients, const struct form *form,
           struct asked *ret_asked)
{
    struct asked *asked = ret_asked;
    size_t i;

    memset(asked, 0, sizeof(*asked));
    asked->max_age_s = -1;
    asked->redirectless = is(form_get(form, "response_mode"), "pi.flow");
    if (!read_client(clients, form, asked) || !read_redirect(form, asked))
        return;
    asked->state = form_get(form, "state");
    if (form_repeats(form, "state") ||
        (asked->state && strlen(asked->state) > STATE_MAX))
        asked->state = NULL; /* refused below; not to be repeated */
    for (i = 0; i < COUNT(checks); i++)
        if (!checks[i](form, asked))
            return;
    keep(form, asked);
    if (!asked->request)
        refuse(asked, "server_error", NULL);
}
