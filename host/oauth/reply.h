/* SPDX-License-Identifier: MIT */
/* host/oauth/reply.h - what the OAuth endpoints answer: errors as JSON,
 * redirects, and the few small pages that a browser may land on. */
#ifndef HOST_OAUTH_REPLY_H
#define HOST_OAUTH_REPLY_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/model.h"
#include "host/arena.h"
#include "host/host.h"
#include "host/http/http.h"
#include "host/step/buckets.h"

/* A parameter of a redirect; value NULL: left out. */
struct oauth_pair {
    const char *name; /* NULL ends a list */
    const char *value;
};

/* {"error", "error_description"} (RFC 6749 5.2). */
struct http_reply *oauth_error(unsigned status, const char *error,
                               const char *description);

/* The URI with parameters added to its query, in the arena; NULL without
 * memory. */
char *oauth_url(struct factor_arena *arena, const char *uri,
                const struct oauth_pair *pairs);

/* 302 to it; says to no one where the browser came from. */
struct http_reply *oauth_redirect(const char *url);

/* A page of one text, without script or links, in the frame of the others. */
struct http_reply *oauth_page(const struct host *host,
                              struct http_request *request, unsigned status,
                              const char *key);

/* A page for a browser, for others the error as JSON. */
struct http_reply *oauth_problem(const struct host *host,
                                 struct http_request *request,
                                 unsigned status, const char *key,
                                 const char *error, const char *description);

/* Whether the source address has asked too often (H3): told, with a page for
 * a browser. */
bool oauth_too_many(const struct host *host, struct http_request *request,
                    enum bucket bucket);

/* The texts of the pages; for texts_add(). */
extern const struct factor_text *const oauth_texts[];

/* CORS without credentials: for any origin, or for those that a client (by
 * id; NULL: any client) registered, and our own. */
void oauth_cors_any(struct http_reply *reply);
void oauth_cors(const struct host *host, struct http_request *request,
                struct http_reply *reply, const char *client);
/* The answer to a preflight of such a route. */
struct http_reply *oauth_preflight(const struct host *host,
                                   struct http_request *request,
                                   bool any_origin);

#endif
