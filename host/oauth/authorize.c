/* SPDX-License-Identifier: MIT */
/* host/oauth/authorize.c - the authorization endpoint: begins flows.
 * Source: Authentication API A.10; RFC 6749 4.1.1; RFC 9207.
 *
 * Nothing but the session's cookie is kept in the browser, and each request
 * begins a flow of its own: a repeat does no harm (P9). */
#include "host/oauth/authorize.h"

#include <string.h>

#include "host/api/api.h"
#include "host/api/authn.h"
#include "host/json.h"
#include "host/oauth/asked.h"
#include "host/oauth/form.h"
#include "host/oauth/hint.h"
#include "host/oauth/reply.h"
#include "host/origin.h"

static const char page_key[] = "factord.signon.refused";

/* One request. */
struct authorize {
    struct form form;
    struct asked asked;
    json_t *hint_claims; /* verified; NULL: there is no hint */
    struct engine_call call;
    struct engine_result result;
};

/* --- Reading. --- */

/* A.10, the samples' POSTs: parameters in the query and an empty object, or
 * an object "protocolParameters". */
static const struct {
    const char *media_type;
    bool wraps;
} json_types[] = {
    {"application/vnd.pingidentity.authorization.oauth2+json", false},
    {"application/vnd.pingidentity.initiateOAuthAuthorization+json", true},
};

static void
read_json(struct form *form, const char *body, size_t len, bool wraps)
{
    json_t *object, *inner;

    if (len == 0 && !wraps)
        return;
    object = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    inner = json_object_get(object, "protocolParameters");
    if (wraps || inner)
        form_add_json(form, inner);
    else if (!json_is_object(object))
        form->malformed = true;
    json_decref(object);
}

static void
read_post(struct form *form, const struct http_request *request)
{
    const char *type = http_header(request, "Content-Type");
    size_t len, i;
    const char *body = http_body(request, &len);

    if (form_type_is(type, "application/x-www-form-urlencoded")) {
        form_add_text(form, body, len);
        return;
    }
    for (i = 0; i < sizeof(json_types) / sizeof(json_types[0]); i++)
        if (form_type_is(type, json_types[i].media_type)) {
            read_json(form, body, len, json_types[i].wraps);
            return;
        }
    if (type || len > 0)
        form->malformed = true;
}

static void
read_request(struct authorize *authorize, const struct http_request *request,
             struct factor_arena *arena)
{
    const struct host *host = http_context(request);

    form_start(&authorize->form, arena);
    form_add_query(&authorize->form, request);
    if (http_method(request) == HTTP_POST)
        read_post(&authorize->form, request);
    asked_read(host->clients, &authorize->form, &authorize->asked);
}

/* --- Refusing. --- */

static const char *
client_id(const struct authorize *authorize)
{
    return authorize->asked.client ? authorize->asked.client->id : NULL;
}

static struct http_reply *
refuse_by_redirect(const struct host *host, const struct authorize *authorize)
{
    const struct asked *asked = &authorize->asked;
    const struct oauth_pair pairs[] = {
        {"error", asked->error},
        {"error_description", asked->description},
        {"state", asked->state},
        {"iss", host->base_url},
        {NULL, NULL},
    };
    const char *url =
        oauth_url(authorize->form.arena, asked->redirect_uri, pairs);

    return url ? oauth_redirect(url) : NULL;
}

/* What is wrong with the client or its redirect_uri is told to whoever is
 * there, and sent nowhere. */
static struct http_reply *
refusal(const struct host *host, struct http_request *request,
        const struct authorize *authorize, unsigned status)
{
    const struct asked *asked = &authorize->asked;
    struct http_reply *reply;

    if (asked->redirectless) {
        reply = oauth_error(status, asked->error, asked->description);
        api_cors(host, request, reply, client_id(authorize));
        return reply;
    }
    if (asked->redirect_uri)
        return refuse_by_redirect(host, authorize);
    return oauth_problem(host, request, status, page_key, asked->error,
                         asked->description);
}

/* S4, P8: a page may begin a flow that it can drive only if it is ours or
 * the client's.  Without Origin and not from another site is curl, an app, or
 * our own page. */
static bool
page_allowed(const struct host *host, struct http_request *request,
             const char *client)
{
    const char *site = http_header(request, "Sec-Fetch-Site");

    if (http_header(request, "Origin"))
        return api_origin_allowed(host, request, client);
    return !site || strcmp(site, "cross-site") != 0;
}

/* --- One attempt. --- */

static int
begin(struct job *job, struct txn *txn, const json_t *hint,
      struct factor_error *err)
{
    struct authorize *authorize = job->state;
    const struct asked *asked = &authorize->asked;
    factor_status st;

    authorize->call.answers = job->answers;
    st = engine_begin(&authorize->call, txn, asked->client->id, asked->policy,
                      asked->redirectless ? "pi.flow" : "redirect",
                      asked->request, hint, &authorize->result, err);
    if (st == ENGINE_ASK) {
        job->questions = authorize->result.questions;
        job->asker = authorize->result.asker;
        return JOB_ASK;
    }
    return st;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct authorize *authorize = job->state;
    json_t *hint = NULL;
    factor_status st;

    authorize->asked.error = NULL;
    if (!authorize->hint_claims)
        return begin(job, txn, NULL, err);
    st = hint_take(txn, job->host, authorize->hint_claims, &authorize->asked,
                   &hint, err);
    if (st != FACTOR_OK || !hint)
        return st;
    return begin(job, txn, hint, err);
}

/* --- The answer. --- */

/* The first state, as GET would show it. */
static struct http_reply *
answer_state(struct job *job)
{
    struct authorize *authorize = job->state;
    struct engine_call call = authorize->call;
    struct engine_result seen;
    struct factor_error err = {0};
    struct txn *txn =
        txn_new(job->host->database, txn_now(job->txn), job->seed);
    struct http_reply *reply = NULL;

    call.trusted = true;
    if (txn && engine_look(&call, txn, authorize->result.flow, &seen, &err) ==
                   FACTOR_OK) {
        memcpy(seen.cookie, authorize->result.cookie, sizeof(seen.cookie));
        reply = authn_reply(job->request, &call, &seen,
                            authorize->asked.client->id);
    }
    txn_free(txn);
    return reply;
}

/* The page that runs the flow: ours, or an application's own. */
static struct http_reply *
answer_page(struct job *job)
{
    const struct authorize *authorize = job->state;
    const struct host *host = job->host;
    const char *page = config_text(host->config, "/server/sign_on_page");
    const struct oauth_pair pairs[] = {
        {"flowId", authorize->result.flow}, {NULL, NULL}};
    bool cross_site =
        page[0] != '/' && !origin_same_site(page, host->base_origin);
    struct http_reply *reply;
    const char *url;

    if (page[0] == '/')
        page = arena_format(job->arena, "%s%s", host->base_url, page);
    url = page ? oauth_url(job->arena, page, pairs) : NULL;
    reply = url ? oauth_redirect(url) : NULL;
    api_set_cookie(host, reply, authorize->result.cookie,
                   cross_site || client_is_cross_site(authorize->asked.client,
                                                      host->base_origin));
    return reply;
}

static struct http_reply *
answer(struct job *job, int st)
{
    struct authorize *authorize = job->state;
    struct asked *asked = &authorize->asked;
    unsigned status = asked->error ? 400 : 200;

    if (st != FACTOR_OK) {
        asked->error =
            st == JOB_BUSY ? "temporarily_unavailable" : "server_error";
        asked->description = NULL;
        status = st == JOB_BUSY ? 429 : 500;
    }
    if (asked->error)
        return refusal(job->host, job->request, authorize, status);
    return asked->redirectless ? answer_state(job) : answer_page(job);
}

static const struct job_kind kind = {"authorize", decide, answer, false};

/* --- The handler. --- */

/* A cookieless client's session is the one that it names, not the
 * browser's. */
static void
read_caller(struct authorize *authorize, struct http_request *request,
            struct factor_arena *arena)
{
    const struct asked *asked = &authorize->asked;

    api_caller(http_context(request), request, arena, &authorize->call);
    authorize->call.cookieless =
        asked->redirectless && asked->client->cookieless;
    if (authorize->call.cookieless)
        authorize->call.cookie =
            http_header(request, "X-PF-Authn-API-State");
}

/* False: refused, and why is in asked. */
static bool
check_request(const struct host *host, struct http_request *request,
              struct authorize *authorize, unsigned *ret_status)
{
    struct asked *asked = &authorize->asked;

    *ret_status = 400;
    if (asked->redirectless &&
        !page_allowed(host, request, client_id(authorize))) {
        *ret_status = 403;
        asked->error = "access_denied";
        asked->description =
            "The page's origin is not registered for the client.";
    }
    if (asked->error)
        return false;
    if (asked->hint_token)
        authorize->hint_claims =
            hint_verify(host, authorize->form.arena, asked);
    return !asked->error;
}

void
authorize_handle(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct authorize *authorize;
    struct job *job;
    unsigned status;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request, api_preflight(host, request));
        return;
    }
    if (oauth_too_many(host, request, BUCKET_AUTHORIZE))
        return;
    job = job_new(&kind, request);
    authorize = job ? arena_alloc(job->arena, sizeof(*authorize)) : NULL;
    if (!authorize) {
        http_reply(request, NULL);
        return;
    }
    job->state = authorize;
    read_request(authorize, request, job->arena);
    if (!check_request(host, request, authorize, &status)) {
        http_reply(request, refusal(host, request, authorize, status));
        return;
    }
    read_caller(authorize, request, job->arena);
    job_start(job, json_text(authorize->hint_claims, "sub"));
}
