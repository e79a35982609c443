/* SPDX-License-Identifier: MIT */
/* host/oauth/userinfo.c - the userinfo endpoint.  Source: OpenID Connect Core
 * 5.3, 5.4; RFC 6750. */
#include "host/oauth/userinfo.h"

#include <stdio.h>
#include <string.h>

#include "factor/user.h"
#include "host/api/api.h"
#include "host/json.h"
#include "host/oauth/bearer.h"
#include "host/oauth/grant.h"
#include "host/oauth/reply.h"

struct userinfo {
    struct bearer bearer;
    json_t *body; /* with the attempt's life */
};

/* Which scope gives which attribute, and as what. */
static const struct {
    const char *scope, *claim, *attribute;
} claims[] = {
    {"profile", "given_name", FACTOR_USER_GIVEN_NAME},
    {"profile", "family_name", FACTOR_USER_FAMILY_NAME},
    {"profile", "locale", FACTOR_USER_LOCALE},
    {"email", "email", FACTOR_USER_EMAIL},
    {"phone", "phone_number", FACTOR_USER_PHONE},
};

const char *const userinfo_names[] = {
    "sub",    "name",  "given_name",   "family_name", "preferred_username",
    "locale", "email", "phone_number", NULL,
};

static void
add_names(json_t *body, const struct record *user, const json_t *attributes)
{
    const char *given = json_text(attributes, FACTOR_USER_GIVEN_NAME);
    const char *family = json_text(attributes, FACTOR_USER_FAMILY_NAME);

    json_set_text(body, "preferred_username",
                  json_text(user->body, FACTOR_USER_USERNAME));
    if (given && family)
        json_object_set_new(body, "name",
                            json_sprintf("%s %s", given, family));
    else
        json_set_text(body, "name", given ? given : family);
}

json_t *
userinfo_claims(const struct record *user, const char *scope)
{
    const json_t *attributes =
        json_object_get(user->body, FACTOR_USER_ATTRIBUTES);
    json_t *body = json_pack("{s:s}", "sub", user->face.id);
    size_t i;

    if (!body)
        return NULL;
    if (json_words_hold(scope, "profile"))
        add_names(body, user, attributes);
    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
        if (json_words_hold(scope, claims[i].scope))
            json_set_text(body, claims[i].claim,
                          json_text(attributes, claims[i].attribute));
    return body;
}

/* --- One attempt: the token is good, but does it still stand? --- */

static int
gone(struct userinfo *userinfo)
{
    bearer_refuse(&userinfo->bearer, 401, "invalid_token",
                  "The access token was revoked.");
    return FACTOR_OK;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct userinfo *userinfo = job->state;
    const json_t *token = userinfo->bearer.claims;
    const struct record *grant, *user;
    factor_status st = txn_read_id(txn, GRANT_COLLECTION,
                                   json_text(token, "grant"), &grant);

    (void)err;
    userinfo->bearer.status = 0;
    if (st == FACTOR_OK && !grant_stands(grant, userinfo->bearer.client->id,
                                         json_text(token, "sub")))
        return gone(userinfo);
    if (st == FACTOR_OK)
        st = grant_user(txn, grant, &user);
    if (st == FACTOR_E_NOTFOUND)
        return gone(userinfo);
    if (st != FACTOR_OK)
        return st;
    userinfo->body = userinfo_claims(user, json_text(token, "scope"));
    if (userinfo->body)
        userinfo->body = arena_keep_json(txn_arena(txn), userinfo->body);
    return userinfo->body ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* --- The answer. --- */

static struct http_reply *
refusal(struct job *job)
{
    const struct userinfo *userinfo = job->state;
    struct http_reply *reply = bearer_reply(job->arena, &userinfo->bearer);

    oauth_cors_any(reply);
    return reply;
}

static struct http_reply *
answer(struct job *job, int st)
{
    const struct userinfo *userinfo = job->state;
    struct http_reply *reply;

    if (st == FACTOR_OK && userinfo->bearer.status != 0)
        return refusal(job);
    reply = st == FACTOR_OK ? api_json(200, userinfo->body)
                            : oauth_error(500, "server_error", NULL);
    oauth_cors_any(reply);
    return reply;
}

static const struct job_kind kind = {"userinfo", decide, answer, true};

/* --- The handler. --- */

static bool
check_token(struct job *job)
{
    struct userinfo *userinfo = job->state;
    struct bearer *bearer = &userinfo->bearer;

    if (!bearer_read(job->host, job->request, job->arena, bearer))
        return false;
    if (!json_text(bearer->claims, "grant") ||
        !json_words_hold(json_text(bearer->claims, "scope"), "openid")) {
        bearer->scope = "openid";
        bearer_refuse(bearer, 403, "insufficient_scope",
                      "The access token is not for userinfo.");
    }
    return bearer->status == 0;
}

void
userinfo_handle(struct http_request *request)
{
    struct job *job;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request,
                   oauth_preflight(http_context(request), request, true));
        return;
    }
    job = job_new(&kind, request);
    if (job)
        job->state = arena_alloc(job->arena, sizeof(struct userinfo));
    if (!job || !job->state)
        http_reply(request, NULL);
    else if (check_token(job))
        job_start(job, NULL);
    else
        http_reply(request, refusal(job));
}
