/* SPDX-License-Identifier: MIT */
/* host/api/api.h - what every handler of ours needs: JSON replies, the
 * session cookie, CORS, and who calls. */
#ifndef HOST_API_API_H
#define HOST_API_API_H

#include <jansson.h>
#include <stdbool.h>

#include "host/flow/engine.h"
#include "host/host.h"
#include "host/http/http.h"
#include "host/step/job.h"

/* In place of the cookie, for clients that have none. */
#define API_STATE_HEADER "X-PF-Authn-API-State"

/* A reply with a JSON body (borrowed), application/json;charset=utf-8. */
struct http_reply *api_json(unsigned status, const json_t *body);
/* The same of a text that is taken over (NULL: NULL). */
struct http_reply *api_json_text(unsigned status, char *text, size_t len);

/* An error envelope of the Authentication API as a reply: a top-level code,
 * and a detail code of the host's own, or NULL. */
struct http_reply *api_error(const struct host *host,
                             struct http_request *request, const char *code,
                             const char *detail);

/* Retry-After: ms, as whole seconds, at least one.  NULL is allowed. */
void api_retry_after(struct http_reply *reply, int64_t ms);

/* Prefer: wait=N (RFC 7240), at most max_ms; 0: it would not wait. */
int64_t api_preferred_wait(struct http_request *request, int64_t max_ms);

/* Who calls, for the engine; texts live in the arena. */
void api_caller(const struct host *host, struct http_request *request,
                struct factor_arena *arena, struct engine_call *ret_call);

/* Set-Cookie: PF, with the attributes of S3; nothing where cookie is "".
 * cross_site: the client's registered origin is on another site. */
void api_set_cookie(const struct host *host, struct http_reply *reply,
                    const char *cookie, bool cross_site);

/* Whether the request's Origin may use a client's flows with credentials:
 * our own origin, or one that some client (NULL: any) registered. */
bool api_origin_allowed(const struct host *host, struct http_request *request,
                        const char *client);

/* The CORS headers of an answer to an allowed origin; Vary always. */
void api_cors(const struct host *host, struct http_request *request,
              struct http_reply *reply, const char *client);

/* The answer to a preflight of a cookie route. */
struct http_reply *api_preflight(const struct host *host,
                                 struct http_request *request);

#endif
