/* SPDX-License-Identifier: MIT */
/* bench/http_client.c - epoll loops over keep-alive connections. */
#include "bench/http_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/bench.h"

enum { EVENTS_MAX = 256, STUCK_MS = 60000 };

/* A thread and its connections. */
struct loop {
    struct load *load;
    pthread_t thread;
    int epoll;
    unsigned first, end;    /* its connections */
    unsigned active;        /* those that are not done */
    struct conn **waiters;  /* those that said TURN_WAIT */
    size_t waiting;
    struct samples samples;
    int64_t last_ns;        /* of the last reply */
};

/* --- Addresses --- */

void
address_tcp(struct address *ret, unsigned port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    *ret = (struct address){.len = sizeof(in)};
    memcpy(&ret->bytes, &in, sizeof(in));
}

void
address_unix(struct address *ret, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (snprintf(un.sun_path, sizeof(un.sun_path), "%s", path) >=
        (int)sizeof(un.sun_path))
        die("%s: too long for a socket's path", path);
    *ret = (struct address){.len = sizeof(un)};
    memcpy(&ret->bytes, &un, sizeof(un));
}

static int
open_socket(const struct address *to)
{
    int one = 1, family = to->bytes.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&to->bytes, to->len)) {
        close(fd);
        return -1;
    }
    if (family == AF_INET)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* --- Replies --- */

static const char *
find(const char *in, size_t len, const char *what)
{
    return memmem(in, len, what, strlen(what));
}

/* 0: not whole yet; else its length.  Content-Length as our servers write
 * it. */
static size_t
read_reply(const char *in, size_t len, struct reply *ret)
{
    const char *end = find(in, len, "\r\n\r\n"), *length;

    if (!end)
        return 0;
    ret->head = in;
    ret->head_len = (size_t)(end - in) + 4;
    length = find(in, ret->head_len, "Content-Length: ");
    ret->status = (unsigned)strtoul(in + 9, NULL, 10);
    ret->body = end + 4;
    ret->body_len = length ? strtoul(length + 16, NULL, 10) : 0;
    if (ret->head_len + ret->body_len > REPLY_MAX)
        die("a reply is longer than %d bytes", REPLY_MAX);
    return len < ret->head_len + ret->body_len ? 0
                                               : ret->head_len + ret->body_len;
}

bool
reply_text(const char *from, const char *before, char *ret_text, size_t size)
{
    const char *at = strstr(from, before), *end;

    if (!at)
        return false;
    at += strlen(before);
    end = strchr(at, '"');
    if (!end || (size_t)(end - at) >= size)
        return false;
    memcpy(ret_text, at, (size_t)(end - at));
    ret_text[end - at] = '\0';
    return true;
}

/* --- One connection --- */

void
conn_put(struct conn *conn, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(conn->out, sizeof(conn->out), format, args);
    va_end(args);
    if (len < 0 || len >= (int)sizeof(conn->out))
        die("a request is longer than %d bytes", REQUEST_MAX);
    conn->out_len = (size_t)len;
}

void
load_note(struct conn *conn, int64_t ns)
{
    samples_add(&conn->loop->samples, ns);
}

static void
conn_open(struct conn *conn)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = conn,
    };

    conn->fd = open_socket(conn->load->to);
    conn->in_len = 0;
    if (conn->fd < 0)
        die("cannot connect: %s", strerror(errno));
    if (epoll_ctl(conn->loop->epoll, EPOLL_CTL_ADD, conn->fd, &event))
        die("epoll: %s", strerror(errno));
}

/* What is not taken at once goes when the socket says so. */
static void
conn_send(struct conn *conn)
{
    ssize_t len;

    while (conn->out_sent < conn->out_len) {
        len = send(conn->fd, conn->out + conn->out_sent,
                   conn->out_len - conn->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (len <= 0)
            return; /* an error shows when the reply is read */
        conn->out_sent += (size_t)len;
    }
}

static void
conn_turn(struct conn *conn, const struct reply *reply)
{
    struct loop *loop = conn->loop;

    switch (conn->load->turn(conn, reply)) {
    case TURN_SEND:
        conn->busy = true;
        conn->out_sent = 0;
        conn->sent_ns = now_ns();
        conn_send(conn);
        break;
    case TURN_WAIT:
        loop->waiters[loop->waiting++] = conn;
        break;
    case TURN_DONE:
        loop->active--;
        break;
    }
}

static void
conn_lost(struct conn *conn)
{
    struct reply reply = {.head = "", .body = "lost", .at_ns = now_ns()};

    close(conn->fd);
    conn_open(conn);
    if (!conn->busy)
        return;
    conn->busy = false;
    conn_turn(conn, &reply);
}

/* Everything came that is coming: the turn may be the next request's. */
static bool
conn_take(struct conn *conn)
{
    struct reply reply;
    size_t len = read_reply(conn->in, conn->in_len, &reply);

    if (len == 0 || !conn->busy)
        return false;
    conn->in[len] = '\0';
    conn->in_len = 0;
    conn->busy = false;
    reply.at_ns = now_ns();
    reply.took_ns = reply.at_ns - conn->sent_ns;
    conn->loop->last_ns = reply.at_ns;
    conn_turn(conn, &reply);
    return true;
}

static void
conn_read(struct conn *conn)
{
    size_t room;
    ssize_t len;

    for (;;) {
        room = REPLY_MAX - conn->in_len;
        len = recv(conn->fd, conn->in + conn->in_len, room, MSG_DONTWAIT);
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            conn_lost(conn);
            return;
        }
        conn->in_len += (size_t)len;
        /* Edge-triggered: whatever comes after this tells of itself. */
        if (conn_take(conn) || (size_t)len < room)
            return;
    }
}

/* --- Loops --- */

static void
loop_waiters(struct loop *loop)
{
    size_t i, count = loop->waiting;
    struct conn **asked = loop->waiters;

    /* Those that go on waiting are put in again, before where we read. */
    loop->waiting = 0;
    for (i = 0; i < count; i++)
        conn_turn(asked[i], NULL);
}

static void
loop_event(const struct epoll_event *event)
{
    struct conn *conn = event->data.ptr;

    if (conn->busy && conn->out_sent < conn->out_len)
        conn_send(conn);
    if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn_read(conn);
}

static void *
loop_run(void *context)
{
    struct loop *loop = context;
    struct epoll_event events[EVENTS_MAX];
    int count, i;
    unsigned at;

    for (at = loop->first; at < loop->end; at++)
        conn_turn(&loop->load->conns[at], NULL);
    while (loop->active > 0 && !atomic_load(&loop->load->over)) {
        count = epoll_wait(loop->epoll, events, EVENTS_MAX,
                           loop->waiting ? 1 : STUCK_MS);
        if (count < 0 && errno != EINTR)
            die("epoll: %s", strerror(errno));
        if (count == 0 && loop->waiting == 0)
            die("no answer for %d s", STUCK_MS / 1000);
        for (i = 0; i < count; i++)
            loop_event(&events[i]);
        loop_waiters(loop);
    }
    return NULL;
}

static void
loop_open(struct load *load, unsigned which)
{
    struct loop *loop = &load->loops[which];
    unsigned i;

    loop->load = load;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->first = load->connections * which / load->threads;
    loop->end = load->connections * (which + 1) / load->threads;
    loop->active = loop->end - loop->first;
    loop->waiters = must_alloc(loop->active + 1, sizeof(*loop->waiters));
    for (i = loop->first; i < loop->end; i++) {
        load->conns[i].loop = loop;
        load->conns[i].load = load;
        load->conns[i].index = i;
        conn_open(&load->conns[i]);
    }
}

void
load_start(struct load *load)
{
    unsigned i;

    load->loops = must_alloc(load->threads, sizeof(*load->loops));
    load->conns = must_alloc(load->connections, sizeof(*load->conns));
    for (i = 0; i < load->threads; i++)
        loop_open(load, i);
    load->began_ns = now_ns();
    for (i = 0; i < load->threads; i++)
        if (pthread_create(&load->loops[i].thread, NULL, loop_run,
                           &load->loops[i]))
            die("cannot start a thread");
}

void
load_finish(struct load *load)
{
    int64_t last_ns = load->began_ns;
    unsigned i;

    for (i = 0; i < load->threads; i++) {
        struct loop *loop = &load->loops[i];

        pthread_join(loop->thread, NULL);
        if (loop->last_ns > last_ns)
            last_ns = loop->last_ns;
        samples_join(&load->samples, &loop->samples);
        close(loop->epoll);
        free(loop->waiters);
    }
    for (i = 0; i < load->connections; i++)
        close(load->conns[i].fd);
    load->took_ns = last_ns - load->began_ns;
    samples_sort(&load->samples);
    free(load->loops);
    free(load->conns);
}

void
load_run(struct load *load)
{
    load_start(load);
    load_finish(load);
}

void
load_free(struct load *load)
{
    samples_free(&load->samples);
}

/* --- A single request --- */

unsigned
http_get(const struct address *to, const char *path, char *ret_body,
         size_t size)
{
    char in[REPLY_MAX + 1], out[512];
    struct reply reply = {0};
    size_t len = 0;
    ssize_t more = 0;
    int fd = open_socket(to);
    int out_len = snprintf(out, sizeof(out),
                           "GET %s HTTP/1.1\r\nHost: factord\r\n\r\n", path);

    if (fd < 0)
        return 0;
    if (send(fd, out, (size_t)out_len, MSG_NOSIGNAL) == out_len)
        while (len < REPLY_MAX && !read_reply(in, len, &reply) &&
               (more = recv(fd, in + len, REPLY_MAX - len, 0)) > 0)
            len += (size_t)more;
    close(fd);
    in[len] = '\0';
    if (more <= 0 || !reply.head)
        return 0;
    if (size > 0)
        snprintf(ret_body, size, "%s", reply.body);
    return reply.status;
}

bool
reply_cookie(const struct reply *reply, char *ret_text, size_t size)
{
    static const char name[] = "Set-Cookie: PF=";
    const char *at = find(reply->head, reply->head_len, name);
    size_t len;

    if (!at)
        return false;
    at += strlen(name);
    len = strcspn(at, ";\r");
    if (len >= size)
        return false;
    memcpy(ret_text, at, len);
    ret_text[len] = '\0';
    return true;
}
