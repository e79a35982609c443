/* SPDX-License-Identifier: MIT */
/* host/api/authn.c - the Authentication API: requests to the engine's calls,
 * results to replies.  Source: Authentication API, A.2 to A.9. */
#include "host/api/authn.h"

#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/flow/envelope.h"
#include "host/flow/rendered.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/oauth/client.h"

/* One request on a flow. */
struct authn {
    const char *flow;
    const char *action; /* NULL: it only looks */
    json_t *given;      /* object, or NULL: no body */
    const char *refused; /* top-level code to answer, or NULL */
    const char *detail;  /* of it, or NULL */
    struct engine_call call;
    struct engine_result result;
    const char *client; /* of the flow, once known */
    int64_t wait_ms;    /* Prefer: wait=N */
    bool foreign;       /* sent by a page that may not act */
};

/* --- What is asked. --- */

enum { ACTION_MAX = 64 };

static bool
action_name_ok(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789._-",
                    name[i]))
            return false;
    return len > 0 && len <= ACTION_MAX;
}

/* "application/vnd.pingidentity.<action>+json", parameters and the case of
 * the fixed part ignored; NULL: not of this form. */
static const char *
action_of_type(struct factor_arena *arena, const char *type)
{
    static const char prefix[] = "application/vnd.pingidentity.";
    static const char suffix[] = "+json";
    size_t len = strcspn(type, "; \t"), name_len;
    const size_t fixed = sizeof(prefix) - 1 + sizeof(suffix) - 1;

    if (len <= fixed || strncasecmp(type, prefix, sizeof(prefix) - 1) != 0 ||
        strncasecmp(type + len - (sizeof(suffix) - 1), suffix,
                    sizeof(suffix) - 1) != 0)
        return NULL;
    name_len = len - fixed;
    type += sizeof(prefix) - 1;
    if (!action_name_ok(type, name_len))
        return NULL;
    return arena_copy_len(arena, type, name_len);
}

static bool
is_plain_json(const char *type)
{
    static const char json[] = "application/json";
    size_t len = strcspn(type, "; \t");

    return len == sizeof(json) - 1 && strncasecmp(type, json, len) == 0;
}

/* A.3: the query names it, or the media type; both must agree. */
static void
read_action(struct authn *authn, struct http_request *request,
            struct factor_arena *arena)
{
    const char *type = http_header(request, "Content-Type");
    const char *query = http_query(request, "action");
    const char *named = type ? action_of_type(arena, type) : NULL;

    if (type && !named && !is_plain_json(type)) {
        authn->refused = "INVALID_REQUEST";
        authn->detail = "INVALID_CONTENT_TYPE";
    } else if (query && named && strcmp(query, named) != 0) {
        authn->refused = "INVALID_REQUEST";
    } else if (query && !action_name_ok(query, strlen(query))) {
        authn->refused = "INVALID_ACTION_ID";
    }
    authn->action = query ? query : named;
}

/* An empty body, {} and null are all "no model" (A.4). */
static void
read_body(struct authn *authn, struct http_request *request,
          struct factor_arena *arena)
{
    size_t len;
    const char *body = http_body(request, &len);
    json_t *given;

    if (len == 0 || authn->refused)
        return;
    given = arena_keep_json(
        arena, json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                          NULL));
    if (json_is_object(given))
        authn->given = given;
    else if (!json_is_null(given))
        authn->refused = "INVALID_REQUEST";
}

/* --- One attempt. --- */

static int
look(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct authn *authn = job->state;
    int64_t now, until, changes;
    factor_status st;

    job->parking.stamp = authn->wait_ms ? park_stamp(job->host->park) : 0;
    st = engine_look(&authn->call, txn, authn->flow, &authn->result, err);
    if (st != FACTOR_OK || !authn->wait_ms || !authn->result.parkable)
        return st;
    now = clock_steady_ms();
    until = http_steady_ms(job->request) + authn->wait_ms;
    changes = authn->result.changes_at_ms;
    if (changes && now + (changes - txn_now(txn)) < until)
        until = now + (changes - txn_now(txn));
    if (until <= now)
        return FACTOR_OK;
    job->parking.until_steady_ms = until;
    job->parking.key_count = txn_keys(txn, job->parking.keys, JOB_KEYS);
    return JOB_PARK;
}

/* A page whose origin the flow's client has not registered may not act, even
 * if its browser sends the cookie (A.8). */
static bool
origin_refused(struct job *job, struct txn *txn)
{
    const struct authn *authn = job->state;
    const char *client;

    if (http_method(job->request) != HTTP_POST ||
        !http_header(job->request, "Origin"))
        return false;
    client = engine_client(txn, authn->flow);
    return client && !api_origin_allowed(job->host, job->request, client);
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct authn *authn = job->state;
    int st;

    authn->foreign = origin_refused(job, txn);
    if (authn->foreign)
        return FACTOR_OK;
    if (!authn->action)
        return look(job, txn, err);
    if (authn->wait_ms && look(job, txn, err) == JOB_PARK)
        return JOB_PARK;
    memset(&authn->result, 0, sizeof(authn->result));
    authn->call.on_slow_pool = job->on_slow_pool;
    authn->call.in_lane = job->lane_held;
    authn->call.answers = job->answers;
    st = engine_act(&authn->call, txn, authn->flow, authn->action,
                    authn->given, &authn->result, err);
    job->answer_after_ms = authn->result.answer_after_ms;
    switch (st) {
    case ENGINE_SLOW:
        return JOB_SLOW;
    case ENGINE_ASK:
        job->questions = authn->result.questions;
        job->asker = authn->result.asker;
        return JOB_ASK;
    case ENGINE_LANE:
        job->lane_wanted = arena_copy(job->arena, authn->result.lane);
        return JOB_LANE;
    default:
        return st;
    }
}

/* --- The answer. --- */

/* --- Rendered copies, for who looks again. --- */

/* An action, a wait and a cookieless caller's secret make no copy. */
static bool
copy_key(struct http_request *request, const char *flow, const char *cookie,
         struct rendered_key *ret_key)
{
    ret_key->flow = flow;
    ret_key->cookie = cookie;
    ret_key->languages = http_header(request, "Accept-Language");
    return cookie && !http_header(request, API_STATE_HEADER) &&
           !http_header(request, "Prefer");
}

static bool
answer_copy(const struct host *host, struct http_request *request)
{
    const struct client *client;
    struct rendered_key key;
    struct http_reply *reply;
    size_t len;
    char *body;

    if (http_method(request) != HTTP_GET ||
        !copy_key(request, http_variable(request, "flow"),
                  http_cookie(request, "PF"), &key))
        return false;
    body = rendered_get(host->rendered, &key, clock_now_ms(), &len, &client);
    if (!body)
        return false;
    reply = api_json_text(200, body, len);
    api_cors(host, request, reply, client->id);
    http_reply(request, reply);
    return true;
}

/* What was seen in this attempt, as text, for who looks with this cookie. */
static void
keep_copy(struct job *job, struct txn *txn, const struct engine_result *seen,
          const struct client *client, const char *body)
{
    const struct authn *authn = job->state;
    const char *cookie = seen->cookie[0] ? seen->cookie : authn->call.cookie;
    struct cache_mark marks[RENDERED_MARKS];
    struct rendered_key key;
    const struct rendered_state state = {
        .body = body,
        .body_len = strlen(body),
        .client = client,
        .from_ms = txn_now(txn),
        .until_ms = seen->until_ms,
        .marks = marks,
        .mark_count = txn_marks(txn, marks, RENDERED_MARKS),
    };

    if (seen->until_ms && copy_key(job->request, authn->flow, cookie, &key))
        rendered_put(job->host->rendered, &key, &state);
}

/* The session's secret goes back the way it came: a page's script never sees
 * what the browser keeps from it. */
static bool
is_by_hand(const struct engine_call *call, const struct client *client)
{
    return client && client_is_cookieless(client) && call->cookieless;
}

static char *
body_text(const struct engine_call *call, const struct engine_result *result,
          const struct client *client)
{
    const char *secret = result->cookie[0] ? result->cookie : call->cookie;
    json_t *body = result->error ? result->error : result->state;

    if (is_by_hand(call, client) && secret)
        json_set_text(body, "_pf_authn_api_state", secret);
    return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

/* text is taken over. */
static struct http_reply *
reply_with(struct http_request *request, const struct engine_call *call,
           const struct engine_result *result, const struct client *client,
           char *text)
{
    const struct host *host = call->host;
    struct http_reply *reply =
        api_json_text(result->error ? result->status : 200, text,
                      text ? strlen(text) : 0);

    if (client && !is_by_hand(call, client))
        api_set_cookie(host, reply, result->cookie,
                       client_is_cross_site(client, host->base_origin));
    api_cors(host, request, reply, client ? client->id : NULL);
    return reply;
}

static const struct client *
client_named(const struct host *host, const char *id)
{
    return id ? clients_find(host->clients, id) : NULL;
}

struct http_reply *
authn_reply(struct http_request *request, const struct engine_call *call,
            const struct engine_result *result, const char *client)
{
    const struct client *found = client_named(call->host, client);

    return reply_with(request, call, result, found,
                      body_text(call, result, found));
}

/* What was seen of the flow in this attempt, and kept for the next look. */
static struct http_reply *
reply_seen(struct job *job, struct txn *txn, const struct engine_call *call,
           const struct engine_result *seen)
{
    const struct authn *authn = job->state;
    const struct client *client =
        client_named(job->host, engine_client(txn, authn->flow));
    char *text = body_text(call, seen, client);

    if (text && client && !seen->error)
        keep_copy(job, txn, seen, client, text);
    return reply_with(job->request, call, seen, client, text);
}

/* After an action that was committed: the state as anybody would see it. */
static struct http_reply *
answer_state(struct job *job)
{
    struct authn *authn = job->state;
    struct engine_call call = authn->call;
    struct engine_result seen;
    struct factor_error err;
    struct txn *txn =
        txn_new(job->host->database, txn_now(job->txn), job->seed);
    struct http_reply *reply = NULL;

    call.trusted = true;
    if (txn && engine_look(&call, txn, authn->flow, &seen, &err) == FACTOR_OK) {
        memcpy(seen.cookie, authn->result.cookie, sizeof(seen.cookie));
        reply = reply_seen(job, txn, &call, &seen);
    }
    txn_free(txn);
    return reply;
}

static struct http_reply *
answer_foreign(struct job *job)
{
    struct authn *authn = job->state;
    const struct envelope env = {.texts = job->host->texts,
                                 .languages = authn->call.languages,
                                 .base_url = job->host->base_url};
    json_t *error = envelope_error(&env, "INVALID_REQUEST", NULL);
    struct http_reply *reply = api_json(403, error);

    json_decref(error);
    return reply;
}

static struct http_reply *
answer(struct job *job, int st)
{
    struct authn *authn = job->state;
    struct http_reply *reply;

    if (authn->foreign)
        return answer_foreign(job);
    if (st == FACTOR_OK && authn->action && !authn->result.error)
        return answer_state(job);
    if (st == FACTOR_OK && authn->result.flow)
        return reply_seen(job, job->txn, &authn->call, &authn->result);
    if (st == FACTOR_OK)
        return authn_reply(job->request, &authn->call, &authn->result, NULL);
    reply = api_error(job->host, job->request,
                      st == JOB_BUSY ? "TOO_MANY_REQUESTS" : "UNEXPECTED_ERROR",
                      NULL);
    if (st == JOB_BUSY)
        api_retry_after(reply, job->retry_after_ms);
    api_cors(job->host, job->request, reply, NULL);
    return reply;
}

static const struct job_kind kind = {"authn", decide, answer};

/* --- The handler. --- */

static void
refuse(struct http_request *request, const char *code, const char *detail)
{
    const struct host *host = http_context(request);
    struct http_reply *reply = api_error(host, request, code, detail);

    api_cors(host, request, reply, NULL);
    http_reply(request, reply);
}

static void
handle_post(struct job *job, struct authn *authn)
{
    read_action(authn, job->request, job->arena);
    read_body(authn, job->request, job->arena);
    if (authn->refused) {
        refuse(job->request, authn->refused, authn->detail);
        return;
    }
    authn->call.waiting = authn->action;
    job_start(job, authn->flow);
}

static void
handle(struct http_request *request)
{
    const struct host *host = http_context(request);
    bool may_park = job_may_park(request);
    struct authn *authn;
    struct job *job;

    if (http_method(request) == HTTP_OPTIONS) {
        http_reply(request, api_preflight(host, request));
        return;
    }
    if (!http_header(request, "X-XSRF-Header")) {
        refuse(request, "INVALID_REQUEST", NULL);
        return;
    }
    if (answer_copy(host, request))
        return;
    job = job_new(&kind, request);
    authn = job ? arena_alloc(job->arena, sizeof(*authn)) : NULL;
    if (!authn) {
        http_reply(request, NULL);
        return;
    }
    job->state = authn;
    authn->flow = http_variable(request, "flow");
    api_caller(host, request, job->arena, &authn->call);
    if (may_park)
        authn->wait_ms = api_preferred_wait(
            request, config_number(host->config, "/flow/parked_limit"));
    if (http_method(request) == HTTP_POST)
        handle_post(job, authn);
    else
        job_start(job, NULL);
}

const struct http_route authn_routes[] = {
    {"/pf-ws/authn/flows/{flow}", "flows", HTTP_GET | HTTP_POST | HTTP_OPTIONS,
     HTTP_CORS_FREE, 0, handle},
    {0},
};
