/* SPDX-License-Identifier: MIT */
/* host/oauth/login.h - how a client proves itself at the token endpoint: in
 * exactly one way, the one that is registered.  Source: RFC 6749 2.3, RFC
 * 7523 2.2. */
#ifndef HOST_OAUTH_LOGIN_H
#define HOST_OAUTH_LOGIN_H

#include <jansson.h>
#include <stdbool.h>

#include "host/host.h"
#include "host/oauth/client.h"
#include "host/oauth/form.h"

#define LOGIN_ASSERTION                                                        \
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* What a request brings; texts live in the form's arena. */
struct login {
    const struct client *client; /* whose name it bears; NULL: no one's */
    enum client_method method;
    const char *secret;    /* CLIENT_SECRET_... */
    const char *assertion; /* CLIENT_KEY_JWT */
    json_t *claims;        /* of the assertion, verified; NULL: none */
    bool by_header;        /* a refusal names the scheme (RFC 6749 5.2) */
    const char *error;     /* NULL: as far as it goes, well */
    const char *description;
};

/* Find out who and how; authorization: the header, or NULL.  Pure. */
void login_read(const struct clients *clients, const struct form *form,
                const char *authorization, struct login *ret_login);

/* Whether the proof holds; else login->error says so.  That an assertion is
 * taken once is proof_use()'s to say. */
bool login_verify(const struct host *host, struct factor_arena *arena,
                  struct login *login);

#endif
