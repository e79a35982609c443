/* SPDX-License-Identifier: MIT */
/* host/api/api.c - JSON replies, the session cookie, CORS, and who calls. */
#include "host/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/flow/envelope.h"
#include "host/json.h"
#include "host/oauth/client.h"

struct http_reply *
api_json_text(unsigned status, char *text, size_t len)
{
    return text ? http_reply_new(status, "application/json;charset=utf-8",
                                 text, len)
                : NULL;
}

struct http_reply *
api_json(unsigned status, const json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    return api_json_text(status, text, text ? strlen(text) : 0);
}

struct http_reply *
api_error(const struct host *host, struct http_request *request,
          const char *code, const char *detail)
{
    struct factor_arena *arena = arena_new();
    struct http_reply *reply = NULL;
    struct envelope env = {.texts = host->texts, .base_url = host->base_url};
    json_t *error;

    if (!arena)
        return NULL;
    env.languages =
        text_languages(arena, http_header(request, "Accept-Language"));
    error = envelope_error(&env, code, NULL);
    if (detail) {
        json_array_clear(json_object_get(error, "details"));
        envelope_add_detail(&env, error, detail, NULL);
    }
    reply = api_json(envelope_status(code), error);
    json_decref(error);
    arena_free(arena);
    return reply;
}

/* Of the page that asks; without an Origin it is one of ours, or an app that
 * speaks for itself. */
static const char *
page_host(const struct host *host, struct http_request *request,
          struct factor_arena *arena)
{
    const char *origin = http_header(request, "Origin");
    const char *start = strstr(origin ? origin : host->base_origin, "://");

    return start ? arena_copy(arena, start + strlen("://")) : NULL;
}

void
api_caller(const struct host *host, struct http_request *request,
           struct factor_arena *arena, struct engine_call *ret_call)
{
    const char *state = http_header(request, API_STATE_HEADER);

    memset(ret_call, 0, sizeof(*ret_call));
    ret_call->host = host;
    ret_call->cookie = state ? state : http_cookie(request, "PF");
    ret_call->cookieless = state != NULL;
    ret_call->address = http_address(request);
    ret_call->arrived_ms = http_arrived_ms(request);
    ret_call->user_agent = http_header(request, "User-Agent");
    ret_call->page_host = page_host(host, request, arena);
    ret_call->languages =
        text_languages(arena, http_header(request, "Accept-Language"));
}

/* "wait=N" among the preferences, in seconds. */
void
api_retry_after(struct http_reply *reply, int64_t ms)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld",
             (long long)(ms > 1000 ? (ms + 999) / 1000 : 1));
    if (reply)
        http_reply_header(reply, "Retry-After", seconds);
}

int64_t
api_preferred_wait(struct http_request *request, int64_t max_ms)
{
    const char *prefer = http_header(request, "Prefer");
    const char *wait = prefer ? strstr(prefer, "wait=") : NULL;
    long seconds;

    if (!wait || (wait != prefer && !strchr(", \t", wait[-1])))
        return 0;
    seconds = strtol(wait + strlen("wait="), NULL, 10);
    if (seconds <= 0)
        return 0;
    return seconds > max_ms / 1000 ? max_ms : seconds * 1000;
}

/* --- The cookie (S3). --- */

void
api_set_cookie(const struct host *host, struct http_reply *reply,
               const char *cookie, bool cross_site)
{
    bool secure = strncmp(host->base_url, "https:", 6) == 0;
    char value[256];

    if (!reply || !cookie[0])
        return;
    snprintf(value, sizeof(value), "PF=%s; Path=/; HttpOnly%s; SameSite=%s",
             cookie, secure ? "; Secure" : "",
             cross_site && secure ? "None" : "Lax");
    http_reply_header(reply, "Set-Cookie", value);
}

/* --- CORS (spec A.8). --- */

bool
api_origin_allowed(const struct host *host, struct http_request *request,
                   const char *client)
{
    const char *origin = http_header(request, "Origin");

    return origin && (strcmp(origin, host->base_origin) == 0 ||
                      clients_origin_registered(host->clients, client, origin));
}

void
api_cors(const struct host *host, struct http_request *request,
         struct http_reply *reply, const char *client)
{
    if (!reply)
        return;
    http_reply_header(reply, "Vary", "Origin");
    if (!api_origin_allowed(host, request, client))
        return;
    http_reply_header(reply, "Access-Control-Allow-Origin",
                      http_header(request, "Origin"));
    http_reply_header(reply, "Access-Control-Allow-Credentials", "true");
}

struct http_reply *
api_preflight(const struct host *host, struct http_request *request)
{
    struct http_reply *reply = http_reply_static(204, NULL, "", 0);

    if (!reply)
        return NULL;
    http_reply_header(reply, "Allow", "GET, POST, OPTIONS");
    api_cors(host, request, reply, NULL);
    if (!api_origin_allowed(host, request, NULL))
        return reply;
    http_reply_header(reply, "Access-Control-Allow-Methods",
                      "GET, POST, OPTIONS");
    http_reply_header(reply, "Access-Control-Allow-Headers",
                      "content-type, x-xsrf-header, x-pf-authn-api-state, "
                      "prefer, accept, authorization");
    http_reply_header(reply, "Access-Control-Max-Age", "600");
    return reply;
}
