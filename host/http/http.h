/* SPDX-License-Identifier: MIT */
/* host/http/http.h - bytes to requests, replies to bytes.
 *
 * The only place that knows libmicrohttpd.  Event loops run the handlers; a
 * handler answers at once with http_reply(), or calls http_suspend(), hands
 * the request to somebody else, and returns.  Whoever has it then calls
 * http_resume() once, from any thread: the continuation runs on the
 * request's own loop and may answer or suspend again.  A request belongs to
 * one thread at a time.
 *
 * An answer may also come in parts (http_reply_part): each names the handler
 * that is to give the next one, which may suspend like any other.
 */
#ifndef HOST_HTTP_H
#define HOST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "factor/base.h"

enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1, /* a handler never sees it: it sees GET */
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_PATCH = 1 << 4,
    HTTP_DELETE = 1 << 5,
    HTTP_OPTIONS = 1 << 6
};

struct forwarded_proxies;
struct tls; /* host/http/tls.h */
struct http_server;
struct http_request;
struct http_reply;

typedef void http_handler(struct http_request *request);

enum {
    HTTP_PREFIX = 1 << 0,  /* path is a prefix; the rest is http_rest() */
    HTTP_CORS_FREE = 1 << 1 /* OPTIONS is answered by the handler */
};

/* One route.  Tables of them end with a NULL path.  A path may hold up to 8
 * variables, each a whole segment: "/v1/environments/{env}/users/{user}".
 * The first that fits is taken; those with HTTP_PREFIX only where no other
 * has the path, and last those whose first segment is a variable. */
struct http_route {
    const char *path;
    const char *name;     /* for logs and metrics: "flows" */
    unsigned methods;     /* HTTP_GET | ...; HEAD follows GET by itself */
    unsigned flags;       /* HTTP_PREFIX */
    size_t body_max;      /* bytes; 0: 65,536 */
    http_handler *handler;
};

/* A socket with its routes.  The server keeps pointers into it. */
struct http_listener {
    int socket;                       /* bound and listening; taken over */
    unsigned threads;                 /* event loops */
    unsigned connection_max;          /* 0: 20,000 */
    unsigned idle_timeout_s;          /* 0: 60 */
    const struct forwarded_proxies *proxies; /* trusted; NULL: none */
    struct tls *tls;                  /* NULL: in clear */
    const char *strict_transport;     /* that header's value; NULL: none */
    const struct http_route *const *routes; /* NULL-ended list of tables */
    /* The words for what no route takes, 404 or 405 (Allow is added); on a
     * loop, where only http_path() can be asked.  NULL, or a reply of NULL:
     * the server's own words. */
    struct http_reply *(*refused)(struct http_request *request,
                                  unsigned status);
    void *context;                    /* http_context() of its requests */
};

/* Start the loops of one listener.  FACTOR_E_IO. */
factor_status http_start(const struct http_listener *listener,
                         struct http_server **ret_server,
                         struct factor_error *err);

/* Stop taking connections; requests under way go on and are answered with
 * Connection: close.  Any thread. */
void http_quiesce(struct http_server *server);

/* How many requests are between arrival and reply.  Any thread. */
unsigned http_active(const struct http_server *server);

/* Close what is left and free; NULL is allowed.  Runs no handler any more and
 * waits for up to 5 s until those with suspended requests have answered: wake
 * them first.  False: they did not; the server and all that its loops use must
 * stay until the process ends.  NULL is allowed.  Alone. */
bool http_stop(struct http_server *server);

/* Bind and listen on "ADDRESS:PORT", "[V6]:PORT" or "unix:/path" (mode 0600
 * for 0; a stale socket file is replaced).  The error says
 * what to do.  FACTOR_E_IO (it is taken), FACTOR_E_CONFIG. */
factor_status http_listen(const char *where, unsigned unix_mode,
                          int *ret_socket, struct factor_error *err);

/* --- The request.  Texts are valid until the reply. --- */

enum http_method http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);  /* decoded */
const char *http_rest(const struct http_request *request);  /* HTTP_PREFIX */
/* Value of a path variable, percent-decoded; NULL: no such variable. */
const char *http_variable(const struct http_request *request,
                          const char *name);
const char *http_header(const struct http_request *request, const char *name);
/* First value of a query string, decoded; NULL: absent. */
const char *http_query(const struct http_request *request, const char *name);
/* Each name and value of the query, in order, until each returns false. */
void http_each_query(const struct http_request *request,
                     bool (*each)(void *context, const char *name,
                                  const char *value),
                     void *context);
/* True when a name stands more than once in the query. */
bool http_query_repeats(const struct http_request *request);
const char *http_cookie(const struct http_request *request, const char *name);
const char *http_body(const struct http_request *request, size_t *ret_len);
/* The client's address as text, without port ("127.0.0.1"; "unix"): of the
 * connection, or behind a trusted proxy as that says. */
const char *http_address(const struct http_request *request);
/* Peer's user id on a unix socket, or -1. */
long http_peer_uid(const struct http_request *request);
const struct http_route *http_route(const struct http_request *request);
void *http_context(const struct http_request *request);
/* http_steady_ms: when its headers had been read (clock_steady_ms). */
int64_t http_steady_ms(const struct http_request *request);
/* The host's clock then (clock_now_ms). */
int64_t http_arrived_ms(const struct http_request *request);
/* True once the client has gone (asked of the socket; cheap, not free). */
bool http_gone(const struct http_request *request);

/* A slot for the handler's own state, freed by its destructor when the
 * request ends. */
void http_set_state(struct http_request *request, void *state,
                    void (*destroy)(void *state));
void *http_state(const struct http_request *request);

/* Memory that stays with the request from part to part: zeroed by the first
 * call, the same afterwards; wiped at the end.  NULL without memory. */
void *http_keep(struct http_request *request, size_t len);
/* What was kept, or NULL. */
void *http_kept(const struct http_request *request);

/* --- The reply. --- */

/* Body is taken over (malloc'ed, wiped and freed after sending); NULL:
 * empty.  NULL without memory (the body is freed then too). */
struct http_reply *http_reply_new(unsigned status, const char *content_type,
                                  char *body, size_t body_len);
/* The same with a constant body that outlives every reply. */
struct http_reply *http_reply_static(unsigned status, const char *content_type,
                                     const char *body, size_t body_len);
/* Not the whole answer (200) but a part of it, the first or a later one.  Once
 * it has gone, next(request) runs and answers again: by another part, or by a
 * reply whose body is the last one (its status and headers went with the
 * first), or by NULL, which breaks the answer off.  The body as above, and not
 * empty. */
struct http_reply *http_reply_part(struct http_request *request,
                                   const char *content_type, char *body,
                                   size_t body_len, http_handler *next);
/* Whether the first part of an answer has gone. */
bool http_in_parts(const struct http_request *request);
/* Add a header; a value with control bytes is refused (false). */
bool http_reply_header(struct http_reply *reply, const char *name,
                       const char *value);
/* Drop a reply that is not sent after all; NULL is allowed. */
void http_reply_free(struct http_reply *reply);
/* Answer.  Takes the reply over; NULL becomes a 500 with a JSON body.  On
 * the request's own loop only (in a handler or a continuation). */
void http_reply(struct http_request *request, struct http_reply *reply);

/* --- Handing a request on. --- */

/* Before anybody else can see the request: no reply will come from this call
 * of the handler. */
void http_suspend(struct http_request *request);
/* From any thread, once per suspend: run next(request) on its loop.  Where
 * the client has left, next may never run; the state's destructor does. */
void http_resume(struct http_request *request, http_handler *next);

#endif
