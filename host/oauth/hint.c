/* SPDX-License-Identifier: MIT */
/* host/oauth/hint.c - login_hint_token. */
#include "host/oauth/hint.h"

#include <string.h>

#include "host/clock.h"
#include "host/flow/policy.h"
#include "host/json.h"
#include "host/oauth/proof.h"
#include "host/user.h"

enum { AMR_MAX = 8, AMR_LEN_MAX = 16 };

/* Claims of the token itself; what else it says is an attribute. */
static const char *const protocol_claims[] = {
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "amr", "acr",
};

static json_t *
refuse(struct asked *asked, const char *error, const char *description)
{
    asked->error = error;
    asked->description = description;
    return NULL;
}

/* When the client saw the user: never later than now. */
static int64_t
auth_time(const json_t *claims, int64_t now_s)
{
    int64_t at = json_number(claims, "auth_time",
                             json_number(claims, "iat", now_s));

    return at < 0 || at > now_s ? now_s : at;
}

/* An issuer is not asked for, but it may not be somebody else; and what the
 * client signed to prove itself (sub: the client) is no hint. */
static bool
is_from(const json_t *claims, const struct client *client)
{
    const json_t *iss = json_object_get(claims, "iss");

    if (iss && (!json_is_string(iss) ||
                strcmp(json_string_value(iss), client->id) != 0))
        return false;
    return strcmp(json_text(claims, "sub"), client->id) != 0;
}

json_t *
hint_verify(const struct host *host, struct factor_arena *arena,
            struct asked *asked)
{
    int64_t now_s = clock_now_ms() / 1000;
    json_t *claims;

    if (proof_verify(host, &asked->client->hint_jwks, asked->hint_token,
                     "/as/authorization.oauth2", &claims) != FACTOR_OK)
        return refuse(asked, "invalid_request",
                      "login_hint_token is not valid.");
    claims = arena_keep_json(arena, claims);
    if (!claims)
        return refuse(asked, "server_error", NULL);
    if (!is_from(claims, asked->client))
        return refuse(asked, "invalid_request",
                      "login_hint_token is not valid.");
    if (asked->max_age_s >= 0 &&
        now_s - auth_time(claims, now_s) > asked->max_age_s)
        return refuse(asked, "login_required",
                      "The user signed on longer ago than max_age.");
    return claims;
}

/* --- What it says. --- */

static bool
amr_ok(const char *value)
{
    return value && value[0] && strlen(value) <= AMR_LEN_MAX &&
           value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_")] ==
               '\0' &&
           strcmp(value, "mfa") != 0; /* ours to say (P1) */
}

json_t *
hint_amr(const json_t *claims)
{
    const json_t *given = json_object_get(claims, "amr");
    json_t *values = json_array();
    const char *value;
    size_t i;

    for (i = 0; i < json_array_size(given); i++) {
        value = json_string_value(json_array_get(given, i));
        if (amr_ok(value) && json_array_size(values) < AMR_MAX)
            json_array_append_new(values, json_string(value));
    }
    return values;
}

static bool
is_protocol(const char *claim)
{
    const size_t count = sizeof(protocol_claims) / sizeof(protocol_claims[0]);
    size_t i;

    for (i = 0; i < count; i++)
        if (strcmp(protocol_claims[i], claim) == 0)
            return true;
    return false;
}

/* As the first step would have given them: userId and username are ours. */
static json_t *
attributes_of(const json_t *claims, const struct record *user)
{
    json_t *attributes = json_object(), *value;
    const char *claim;

    json_object_foreach(json_unconst(claims), claim, value)
        if (!is_protocol(claim))
            json_object_set(attributes, claim, value);
    json_set_text(attributes, "userId", user->face.id);
    json_set_text(attributes, "username",
                  json_text(user->body, FACTOR_USER_USERNAME));
    return attributes;
}

/* An id is a user's for ever, so it is looked for first. */
static factor_status
find_user(struct txn *txn, const char *subject, const struct record **ret_user)
{
    factor_status st = FACTOR_E_NOTFOUND;

    if (strlen(subject) <= FACTOR_ID_MAX)
        st = txn_read_id(txn, FACTOR_USERS, subject, ret_user);
    return st == FACTOR_E_NOTFOUND ? user_find(txn, subject, ret_user) : st;
}

factor_status
hint_take(struct txn *txn, const struct host *host, const json_t *claims,
          struct asked *asked, json_t **ret_hint, struct factor_error *err)
{
    const struct policy_step *first = &asked->policy->steps[0];
    const struct record *user = NULL;
    json_t *attributes;
    bool fresh;
    factor_status st = find_user(txn, json_text(claims, "sub"), &user);

    *ret_hint = NULL;
    if (st == FACTOR_E_NOTFOUND ||
        (st == FACTOR_OK && !json_flag(user->body, FACTOR_USER_ENABLED))) {
        refuse(asked, "access_denied", "The hint's user cannot sign on.");
        return FACTOR_OK;
    }
    if (st == FACTOR_OK)
        st = proof_use(txn, host, asked->client->id, claims, &fresh, err);
    if (st != FACTOR_OK)
        return st;
    attributes = attributes_of(claims, user);
    if (!fresh)
        refuse(asked, "invalid_request",
               "login_hint_token was used before.");
    else if (!policy_holds(first, attributes))
        refuse(asked, "access_denied",
               "The hint does not say what the policy requires.");
    else
        *ret_hint = arena_keep_json(
            txn_arena(txn),
            json_pack("{s:s, s:I, s:O, s:o}", "subject", user->face.id,
                      "authTime",
                      (json_int_t)auth_time(claims, txn_now(txn) / 1000),
                      "attributes", attributes, "amr", hint_amr(claims)));
    json_decref(attributes);
    return *ret_hint || asked->error ? FACTOR_OK : FACTOR_E_NOMEM;
}
