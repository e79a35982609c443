/* SPDX-License-Identifier: MIT */
/* bench/http_client.h - load: many keep-alive connections on few threads, and
 * as much of HTTP/1.1 as the servers that are measured speak. */
#ifndef BENCH_HTTP_CLIENT_H
#define BENCH_HTTP_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bench/report.h"

enum { REQUEST_MAX = 8192, REPLY_MAX = 16384 };

struct address {
    struct sockaddr_storage bytes;
    socklen_t len;
};

void address_tcp(struct address *ret, unsigned port); /* on 127.0.0.1 */
void address_unix(struct address *ret, const char *path);

struct reply {
    unsigned status;  /* 0: the connection was lost */
    const char *head; /* not terminated, head_len */
    const char *body; /* NUL-terminated */
    size_t head_len, body_len;
    int64_t at_ns, took_ns;
};

/* What a connection does next. */
enum turn {
    TURN_SEND, /* the request that is now in it */
    TURN_WAIT, /* nothing yet; ask again within a millisecond */
    TURN_DONE  /* nothing more */
};

struct loop;

struct conn {
    struct loop *loop;
    struct load *load;
    unsigned index; /* among those of the load */
    /* The turn function's own, 0 at first. */
    size_t item;
    unsigned step;
    int64_t began_ns, waits_ns;
    /* The client's. */
    int fd;
    bool busy; /* a request is out */
    int64_t sent_ns;
    size_t out_len, out_sent, in_len;
    char out[REQUEST_MAX];
    char in[REPLY_MAX + 1];
};

/* A run.  The first part is filled by the caller. */
struct load {
    const struct address *to;
    unsigned connections, threads;
    /* Called at first and after TURN_WAIT (reply NULL), then with each reply;
     * on the connection's thread. */
    enum turn (*turn)(struct conn *conn, const struct reply *reply);
    void *context; /* for turn */
    /* Set by a turn function: end now, whatever is under way. */
    atomic_bool over;

    /* What came out. */
    struct samples samples; /* of load_note, sorted */
    int64_t took_ns;        /* from the first request to the last reply */

    struct loop *loops;
    struct conn *conns;
    int64_t began_ns;
};

/* Connects, runs until every connection is done or the load is over, closes.
 * Dies if nothing moves for a minute. */
void load_run(struct load *load);
/* The same in two halves: what is between runs beside it. */
void load_start(struct load *load);
void load_finish(struct load *load);
/* Frees the samples. */
void load_free(struct load *load);

/* From a turn function: note a time. */
void load_note(struct conn *conn, int64_t ns);
/* Put a request into the connection; dies if it is too long. */
void conn_put(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One request on a connection of its own: GET of path.  The status, 0 if
 * nobody answers; body is cut to size. */
unsigned http_get(const struct address *to, const char *path, char *ret_body,
                  size_t size);

/* --- Texts in replies --- */

/* Copies what stands between the first `before` and the next quote; false:
 * there is none, or it is too long. */
bool reply_text(const char *from, const char *before, char *ret_text,
                size_t size);
/* Copies the session cookie that the reply sets; false: it sets none. */
bool reply_cookie(const struct reply *reply, char *ret_text, size_t size);

#endif
