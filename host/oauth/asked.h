/* SPDX-License-Identifier: MIT */
/* host/oauth/asked.h - an authorization request: what it asks for, and why it
 * is refused.  Pure.  Source: RFC 6749 4.1.1, OpenID Connect Core 3.1.2,
 * RFC 7636 4.3. */
#ifndef HOST_OAUTH_ASKED_H
#define HOST_OAUTH_ASKED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/oauth/client.h"
#include "host/oauth/form.h"

/* Refused where error is not NULL; texts live in the form's arena, or are
 * constants. */
struct asked {
    const struct client *client; /* NULL: none that we know */
    const struct policy *policy;
    bool redirectless;        /* response_mode=pi.flow */
    const char *redirect_uri; /* of the client, checked; NULL: none */
    const char *state;        /* or NULL */
    const char *hint_token;   /* login_hint_token, unread; or NULL */
    int64_t max_age_s;        /* -1: not asked */
    json_t *request;          /* what the flow keeps; with the arena's life */
    const char *error;        /* RFC 6749 4.1.2.1 */
    const char *description;
};

/* ret_asked is filled as far as it goes: where the error may be sent back to
 * the client, redirect_uri stands. */
void asked_read(const struct clients *clients, const struct form *form,
                struct asked *ret_asked);

/* Scopes of a request that we have, then those of resources that the client
 * may ask for; in the arena, each once, in our order; NULL: none of them, or no
 * memory. */
char *asked_scope(struct factor_arena *arena, const struct client *client,
                  const char *requested);
/* The scopes that every client may ask for; ends with NULL. */
extern const char *const asked_scopes[];

#endif
