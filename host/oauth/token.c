/* SPDX-License-Identifier: MIT */
/* host/oauth/token.c - the token endpoint.  Source: RFC 6749 3.2, 4.1.3, 4.4,
 * 5; RFC 7636 4.6; RFC 9700 2.1, 4.8.
 *
 * A decision writes, and what it gave is signed afterwards: a lost
 * compare-and-swap costs no signature, and a token leaves only after the
 * commit that it stands on. */
#include "host/oauth/token.h"

#include <string.h>

#include "host/api/api.h"
#include "host/json.h"
#include "host/oauth/grant.h"
#include "host/oauth/issue.h"
#include "host/oauth/login.h"
#include "host/oauth/proof.h"
#include "host/oauth/reply.h"

struct token;

typedef factor_status grant_decide(struct job *job, struct txn *txn,
                                   struct factor_error *err);

/* One request. */
struct token {
    struct form form;
    struct login login;
    grant_decide *decide;
    const struct record *grant; /* that was redeemed; NULL: a worker's */
    const char *error, *description;
};

static factor_status
refuse(struct job *job, const char *error, const char *description)
{
    struct token *token = job->state;

    token->error = error;
    token->description = description;
    return FACTOR_OK;
}

/* --- Redeeming a code. --- */

/* What the client wrote at the authorization endpoint it must write again;
 * what it left out there (we took its only URI) it may leave out here. */
static bool
redirect_fits(const json_t *grant, const char *given)
{
    const char *bound = json_text(grant, "redirectUri");

    if (!bound)
        return true;
    if (!given)
        return json_flag(grant, "redirectDefault");
    return strcmp(bound, given) == 0;
}

/* A verifier without a challenge is refused too: somebody may have taken the
 * challenge out of the request (RFC 9700 4.8.2). */
static bool
verifier_fits(const json_t *grant, const char *verifier)
{
    const char *challenge = json_text(grant, "challenge");

    return challenge ? jose_pkce_s256(verifier, challenge) : !verifier;
}

const char *
token_binding_problem(const json_t *grant, const struct form *form)
{
    if (!redirect_fits(grant, form_get(form, "redirect_uri")))
        return "redirect_uri is not that of the authorization request.";
    if (!verifier_fits(grant, form_get(form, "code_verifier")))
        return "code_verifier does not fit.";
    return NULL;
}

static const char not_valid[] = "The code is not valid.";

/* RFC 6749 4.1.2: whoever uses a code again, what it gave is worth nothing
 * from then on. */
static factor_status
refuse_used(struct job *job, struct txn *txn, const struct record *grant,
            struct factor_error *err)
{
    refuse(job, "invalid_grant", not_valid);
    if (!grant_is(grant, "redeemed"))
        return FACTOR_OK;
    return grant_move(txn, grant, "revoked", "grant.revoked", err);
}

static factor_status
redeem(struct job *job, struct txn *txn, const struct record *grant,
       struct factor_error *err)
{
    struct token *token = job->state;
    const char *problem = token_binding_problem(grant->body, &token->form);
    const struct record *user;
    factor_status st;

    if (!grant_code_alive(grant, txn_now(txn)))
        return refuse(job, "invalid_grant", not_valid);
    if (problem)
        return refuse(job, "invalid_grant", problem);
    st = grant_user(txn, grant, &user);
    if (st == FACTOR_E_NOTFOUND)
        return refuse(job, "invalid_grant", not_valid);
    if (st != FACTOR_OK)
        return st;
    token->grant = grant;
    return grant_move(txn, grant, "redeemed", "token.issued", err);
}

static factor_status
decide_code(struct job *job, struct txn *txn, struct factor_error *err)
{
    const struct token *token = job->state;
    const char *code = form_get(&token->form, "code"), *client;
    const struct record *grant;
    factor_status st;

    if (!code)
        return refuse(job, "invalid_request", "code is missing.");
    st = grant_of_code(txn, code, &grant);
    if (st == FACTOR_E_NOTFOUND)
        return refuse(job, "invalid_grant", not_valid);
    if (st != FACTOR_OK)
        return st;
    client = json_text(grant->body, "client");
    if (!client || strcmp(client, token->login.client->id) != 0)
        return refuse(job, "invalid_grant", not_valid);
    if (!grant_is(grant, "issued"))
        return refuse_used(job, txn, grant, err);
    return redeem(job, txn, grant, err);
}

/* --- A worker's own token. --- */

/* Its roles say what it may do: a scope that it asks for is ignored. */
static factor_status
decide_worker(struct job *job, struct txn *txn, struct factor_error *err)
{
    const struct token *token = job->state;
    const struct client *client = token->login.client;

    (void)err;
    if (!client->confidential || json_array_size(client->roles) == 0)
        return refuse(job, "unauthorized_client",
                      "The client has no roles.");
    txn_event(txn, "token.worker", NULL);
    txn_context(txn, "client", client->id);
    return FACTOR_OK;
}

static const struct {
    const char *type;
    grant_decide *decide;
} grant_types[] = {
    {"authorization_code", decide_code},
    {"client_credentials", decide_worker},
};

/* --- One attempt. --- */

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct token *token = job->state;
    bool fresh = true;
    factor_status st = FACTOR_OK;

    token->error = NULL;
    token->grant = NULL;
    if (token->login.claims)
        st = proof_use(txn, job->host, token->login.client->id,
                       token->login.claims, &fresh, err);
    if (st != FACTOR_OK)
        return st;
    if (!fresh)
        return refuse(job, "invalid_client",
                      "The assertion was used before.");
    return token->decide(job, txn, err);
}

/* --- The answer. --- */

static unsigned
status_of(const char *error)
{
    return strcmp(error, "invalid_client") == 0 ? 401 : 400;
}

static struct http_reply *
refusal(const struct host *host, struct http_request *request,
        const struct token *token, unsigned status)
{
    const struct client *client = token->login.client;
    struct http_reply *reply =
        oauth_error(status, token->error, token->description);

    if (reply && status == 401 && token->login.by_header)
        http_reply_header(reply, "WWW-Authenticate",
                          "Basic realm=\"factord\", charset=\"UTF-8\"");
    oauth_cors(host, request, reply, client ? client->id : NULL);
    return reply;
}

static struct http_reply *
answer_tokens(struct job *job)
{
    const struct token *token = job->state;
    const struct client *client = token->login.client;
    int64_t now = txn_now(job->txn);
    json_t *body = token->grant
                       ? issue_for_grant(job->host, client, token->grant, now)
                       : issue_for_worker(job->host, client, now);
    struct http_reply *reply = api_json(200, body);

    json_decref(body);
    if (reply)
        http_reply_header(reply, "Cache-Control", "no-store");
    oauth_cors(job->host, job->request, reply, client->id);
    return reply;
}

static struct http_reply *
answer(struct job *job, int st)
{
    struct token *token = job->state;
    struct http_reply *reply;

    if (st == FACTOR_OK && !token->error)
        return answer_tokens(job);
    if (st == FACTOR_OK)
        return refusal(job->host, job->request, token,
                       status_of(token->error));
    reply = oauth_error(st == JOB_BUSY ? 429 : 500,
                        st == JOB_BUSY ? "temporarily_unavailable"
                                       : "server_error",
                        NULL);
    oauth_cors(job->host, job->request, reply, token->login.client->id);
    return reply;
}

static const struct job_kind kind = {"token", decide, answer, false};

/* --- The handler. --- */

static grant_decide *
find_type(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof(grant_types) / sizeof(grant_types[0]); i++)
        if (type && strcmp(grant_types[i].type, type) == 0)
            return grant_types[i].decide;
    return NULL;
}

static bool
read_form(struct job *job)
{
    struct token *token = job->state;
    size_t len;
    const char *body = http_body(job->request, &len);

    form_start(&token->form, job->arena);
    if (form_type_is(http_header(job->request, "Content-Type"),
                     "application/x-www-form-urlencoded"))
        form_add_text(&token->form, body, len);
    else
        token->form.malformed = true;
    if (token->form.malformed)
        refuse(job, "invalid_request", "The body must be a form.");
    else if (form_repeats(&token->form, NULL))
        refuse(job, "invalid_request", "A parameter stands there twice.");
    return !token->error;
}

static bool
check_request(struct job *job)
{
    struct token *token = job->state;
    const char *type;

    if (!read_form(job))
        return false;
    login_read(job->host->clients, &token->form,
               http_header(job->request, "Authorization"), &token->login);
    if (!login_verify(job->host, job->arena, &token->login)) {
        refuse(job, token->login.error, token->login.description);
        return false;
    }
    type = form_get(&token->form, "grant_type");
    token->decide = find_type(type);
    if (!type)
        refuse(job, "invalid_request", "grant_type is missing.");
    else if (!token->decide)
        refuse(job, "unsupported_grant_type", NULL);
    return !token->error;
}

/* Where workers of the MFA service API look for it (A.2). */
static bool
is_our_place(const struct host *host, struct http_request *request)
{
    const char *environment = http_variable(request, "env");

    return !environment ||
           strcmp(environment, keys_environment(host->keys)) == 0;
}

void
token_handle(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct token *token;
    struct job *job;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request, oauth_preflight(host, request, false));
        return;
    }
    if (oauth_too_many(host, request, BUCKET_TOKEN))
        return;
    if (!is_our_place(host, request)) {
        http_reply(request, oauth_error(404, "invalid_request",
                                        "There is no such environment."));
        return;
    }
    job = job_new(&kind, request);
    token = job ? arena_alloc(job->arena, sizeof(*token)) : NULL;
    if (!token) {
        http_reply(request, NULL);
        return;
    }
    job->state = token;
    if (check_request(job))
        job_start(job, NULL);
    else
        http_reply(request,
                   refusal(host, request, token, status_of(token->error)));
}
