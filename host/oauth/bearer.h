/* SPDX-License-Identifier: MIT */
/* host/oauth/bearer.h - reads and verifies our own access tokens.  Source:
 * RFC 6750, RFC 9068 4. */
#ifndef HOST_OAUTH_BEARER_H
#define HOST_OAUTH_BEARER_H

#include <jansson.h>

#include "host/arena.h"
#include "host/host.h"
#include "host/http/http.h"
#include "host/oauth/client.h"

/* What a request's token says, or why it is refused. */
struct bearer {
    unsigned status; /* HTTP; 0: it may go on */
    const char *error, *description; /* RFC 6750 3.1; NULL: no token came */
    const char *scope;               /* that is missing; or NULL */
    const struct client *client;     /* who got the token */
    const json_t *claims;            /* with the arena's life */
};

/* Verify signature, typ, iss, aud and exp of the token in the Authorization
 * header, and that its client still is there.  Pure: whether its grant still
 * stands is the caller's to ask.  False: refused. */
bool bearer_read(const struct host *host, struct http_request *request,
                 struct factor_arena *arena, struct bearer *ret_bearer);

/* Refuse it after all. */
void bearer_refuse(struct bearer *bearer, unsigned status, const char *error,
                   const char *description);

/* Value of WWW-Authenticate for a refusal, in the arena. */
const char *bearer_challenge(struct factor_arena *arena,
                             const struct bearer *bearer);

/* The refusal as a reply: error as JSON, WWW-Authenticate. */
struct http_reply *bearer_reply(struct factor_arena *arena,
                                const struct bearer *bearer);

/* The token of an Authorization header; NULL: it has another scheme, or none
 * of ours; "": it is malformed.  Pure. */
const char *bearer_token(const char *authorization);

#endif
