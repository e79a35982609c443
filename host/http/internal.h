/* SPDX-License-Identifier: MIT */
/* host/http/internal.h - what the files of host/http/ know of each other. */
#ifndef HOST_HTTP_INTERNAL_H
#define HOST_HTTP_INTERNAL_H

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/http/forwarded.h"
#include "host/http/http.h"
#include "host/http/tls.h"

enum {
    HTTP_URI_MAX = 4096,
    HTTP_HEADERS_MAX = 8192, /* the request line included */
    HTTP_BODY_MAX = 65536,   /* where the route says nothing */
    HTTP_VARIABLES = 8,      /* in one path */
    HTTP_ALLOW_SIZE = 64     /* "GET, HEAD, ..." */
};

/* Why a request is refused before its handler sees it. */
enum refusal {
    REFUSED_NOT,
    REFUSED_MALFORMED,
    REFUSED_UNKNOWN,
    REFUSED_METHOD,
    REFUSED_BODY,
    REFUSED_URI,
    REFUSED_HEADERS,
    REFUSED_FAULT
};

/* Names and values, each ended by a NUL, one after the other.  Text that
 * held them apart by single bytes needs PAIRS_SIZE of its length: a name
 * without a value gets one, and another NUL. */
struct pairs {
    char *text;
    size_t used, count;
};

#define PAIRS_SIZE(len) (2 * (len) + 2)

/* Part of a path. */
struct span {
    unsigned start, len;
};

/* What a path met in the route tables. */
struct match {
    const struct http_route *route; /* NULL: see allow */
    unsigned allow; /* methods of the routes that the path met */
    unsigned variable_count;
    struct span variables[HTTP_VARIABLES];
    unsigned rest; /* where the rest of an HTTP_PREFIX path starts */
};

/* One for each connection, so that addresses are formatted once. */
struct client {
    struct http_request *request; /* the present one, or NULL */
    struct tls_pair *pair;        /* whose certificate it was shown, or NULL */
    long uid;
    char address[46];
};

enum phase {
    PHASE_ARRIVED,   /* nothing but the URI is known */
    PHASE_READING,   /* headers were judged; the body may come */
    PHASE_RUNNING,   /* in a handler or a continuation */
    PHASE_SUSPENDED, /* somebody else has it */
    PHASE_PARTED,    /* a part of the answer is on its way */
    PHASE_ANSWERED
};

/* An answer in parts.  The library asks for bytes; where none are left, the
 * handler that gives the next part has its turn. */
struct parts {
    bool begun; /* the first one was given */
    char *body; /* what is on its way */
    size_t len, sent;
    http_handler *next; /* NULL: that was the last part */
    bool broken;        /* the answer ends here, and not well */
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct client *client;
    const struct http_route *route;
    enum phase phase;
    enum refusal refusal;
    enum http_method method;
    unsigned allow;
    int socket;
    bool counted; /* in the server's number of active requests */
    bool busy;    /* in its number of busy ones */
    bool closing; /* after the reply */
    bool failed;  /* no reply could be queued: drop the connection */
    int park_reason;
    int64_t steady_ms, arrived_ms;
    char source[FORWARDED_ADDRESS]; /* who asks */

    char *path;     /* decoded */
    char *raw_path; /* until it is routed; then cut into its variables */
    char *variables[HTTP_VARIABLES];
    char *rest;
    struct pairs query, cookies; /* cookies.text is an allocation */

    bool chunked;
    uint64_t announced_len;
    char *body;
    size_t body_len, body_size, dropped_len;

    http_handler *next; /* set by http_resume */
    void *state;
    void (*destroy)(void *state);
    struct parts *parts; /* NULL: the answer is one piece */
    void *kept;
    size_t kept_len;

    size_t text_size;
    char text[]; /* both paths and the query */
};

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_route *const *routes;
    struct http_reply *(*refused)(struct http_request *request,
                                  unsigned status);
    void *context;
    const struct forwarded_proxies *proxies;
    struct tls *tls;
    const char *strict_transport;
    int socket;
    bool unix_socket;
    atomic_bool quiesced;
    atomic_bool stopping;
    atomic_uint active;
    atomic_uint busy; /* from the handler to the reply; and resumes at work */
};

/* --- request.c --- */

/* A request of which only the URI is known, or NULL without memory.  What is
 * wrong with the URI stands in its refusal. */
struct http_request *request_new(struct http_server *server, const char *uri);
/* Wipes; ends the handler's state. */
void request_free(struct http_request *request);
/* Judge version and headers, read the cookies.  False: see refusal. */
bool request_read_headers(struct http_request *request, const char *version);
void request_find_source(struct http_request *request);
/* Find the route and cut the path.  False: see refusal. */
bool request_route(struct http_request *request, const char *method);
/* True if a body follows the headers. */
bool request_has_body(const struct http_request *request);
/* Judge the announced length.  False: see refusal. */
bool request_body_fits(struct http_request *request);
/* Append to the body, or drop what is over the limit and note the refusal.
 * False: the connection must go. */
bool request_add_body(struct http_request *request, const char *data,
                      size_t len);

/* --- route.c --- */

/* 0: no method of ours. */
unsigned route_method(const char *method);
/* Which route the raw path meets, in the order that http.h says. */
void route_match(const struct http_route *const *tables, const char *path,
                 unsigned method, struct match *ret_match);
/* Which variable of a route's path this is, or -1. */
int route_variable(const struct http_route *route, const char *name);
/* Methods as the value of an Allow header. */
void route_allow(unsigned methods, char ret_text[HTTP_ALLOW_SIZE]);

/* Percent-decode in place, a "+" into a space if plus is set.  False: a bad
 * escape or a NUL. */
bool percent_decode(char *text, bool plus);
/* The value of two hexadecimal digits, or -1. */
int percent_byte(const char *digits);
/* RFC 9110: a token, as the names of headers are. */
bool token_ok(const char *text);
/* No control bytes but, where it may be, a tab. */
bool text_ok(const char *text, bool tab);

/* --- reply.c --- */

/* Answer as the request's refusal says. */
void reply_refusal(struct http_request *request);
/* Wipe and free; NULL is allowed. */
void reply_wipe(char *memory, size_t len);

/* --- partial.c --- */

/* The response of an answer that begins, or NULL without memory. */
struct MHD_Response *partial_begin(struct http_request *request);
/* What is to go next; takes the body over.  next NULL: it is the last. */
void partial_put(struct http_request *request, char *body, size_t len,
               http_handler *next);
/* Forget what did not go. */
void partial_free(struct parts *parts);

/* --- tls.c --- */

struct tls_pair; /* a certificate and its key, counted */

extern const char tls_priorities[];

/* The pair in use, to be released.  Any thread. */
struct tls_pair *tls_take(struct tls *tls);
void tls_release(struct tls_pair *pair); /* NULL is allowed */
/* GnuTLS's question for a certificate; the session's pointer is the pair. */
gnutls_certificate_retrieve_function3 tls_retrieve;

/* --- server.c --- */

/* Run a handler whose turn has come, counted as busy for as long as somebody
 * has the request.  False: the server stops, nothing ran. */
bool server_run(struct http_request *request, http_handler *handler);

#endif
