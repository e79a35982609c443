/* SPDX-License-Identifier: MIT */
/* tests/kill_http.h - a client of HTTP/1.1 that notices when the other side
 * dies: what was answered, and what was not.  One thread a connection. */
#ifndef TESTS_KILL_HTTP_H
#define TESTS_KILL_HTTP_H

#include <jansson.h>
#include <stdbool.h>

struct kill_http {
    int fd;           /* -1: closed */
    int port;         /* of 127.0.0.1 */
    const char *path; /* of a socket instead, or NULL */
};

struct kill_reply {
    int status;        /* 0: there was no whole answer */
    char cookie[128];  /* the value of PF, if it was set, or "" */
    json_t *json;      /* or NULL */
};

void kill_http_make(struct kill_http *http, int port, const char *path);
void kill_http_close(struct kill_http *http);

/* Send a request and read the answer, on a new connection if need be; one
 * that the server has closed meanwhile is opened anew before anything is
 * sent.  headers: lines with CRLF, or "".  body: NULL: none.  False: it was
 * not answered wholly, and it is not known what became of it.  Clear the
 * reply in both cases. */
bool kill_http_call(struct kill_http *http, const char *method,
                    const char *target, const char *headers, const char *body,
                    struct kill_reply *ret);
void kill_reply_clear(struct kill_reply *reply);

#endif
