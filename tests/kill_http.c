/* SPDX-License-Identifier: MIT */
/* tests/kill_http.c - a client of HTTP/1.1 that notices when the other side
 * dies. */
#include "tests/kill_http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, PATIENCE_S = 20 };

void
kill_http_make(struct kill_http *http, int port, const char *path)
{
    http->fd = -1;
    http->port = port;
    http->path = path;
}

void
kill_http_close(struct kill_http *http)
{
    if (http->fd >= 0)
        close(http->fd);
    http->fd = -1;
}

static int
connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int
connect_port(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Nothing can be there to read before a request was sent but the end. */
static bool
is_dead(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) != 0;
}

static bool
ready(struct kill_http *http)
{
    if (http->fd >= 0 && is_dead(http->fd))
        kill_http_close(http);
    if (http->fd < 0)
        http->fd = http->path ? connect_unix(http->path)
                              : connect_port(http->port);
    return http->fd >= 0;
}

static bool
send_all(int fd, const char *text, size_t len)
{
    ssize_t sent;

    for (; len > 0; text += sent, len -= (size_t)sent) {
        sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
    }
    return true;
}

/* The value of a header, in a head that ends with an empty line; NULL. */
static const char *
header(const char *head, const char *name)
{
    size_t len = strlen(name);

    while ((head = strstr(head, "\r\n"))) {
        head += 2;
        if (strncasecmp(head, name, len) == 0 && head[len] == ':')
            return head + len + 1 + strspn(head + len + 1, " ");
    }
    return NULL;
}

static void
read_head(const char *head, struct kill_reply *ret, size_t *ret_len)
{
    const char *length = header(head, "Content-Length");
    const char *cookie = header(head, "Set-Cookie");
    size_t len;

    *ret_len = length ? strtoul(length, NULL, 10) : 0;
    if (strncmp(head, "HTTP/1.1 ", 9) == 0)
        ret->status = (int)strtol(head + 9, NULL, 10);
    if (!cookie || strncmp(cookie, "PF=", 3) != 0)
        return;
    cookie += 3;
    len = strcspn(cookie, ";\r");
    if (len < sizeof(ret->cookie)) {
        memcpy(ret->cookie, cookie, len);
        ret->cookie[len] = '\0';
    }
}

/* Read until all is there.  False: it ended before. */
static bool
receive(int fd, char *text, struct kill_reply *ret)
{
    size_t len = 0, body_len = 0;
    char *end = NULL;
    ssize_t got;

    while (!end || len < (size_t)(end - text) + body_len) {
        if (len + 1 >= ANSWER_MAX)
            return false;
        got = recv(fd, text + len, ANSWER_MAX - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        if (end || !(end = strstr(text, "\r\n\r\n")))
            continue;
        end += 4;
        end[-2] = '\0'; /* the head's last line stays */
        read_head(text, ret, &body_len);
    }
    ret->json = json_loadb(end, body_len, 0, NULL);
    return true;
}

bool
kill_http_call(struct kill_http *http, const char *method, const char *target,
               const char *headers, const char *body, struct kill_reply *ret)
{
    char *text = malloc(ANSWER_MAX);
    bool done = false;
    int len;

    memset(ret, 0, sizeof(*ret));
    if (!text)
        abort();
    len = snprintf(text, ANSWER_MAX,
                   "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                   "Content-Length: %zu\r\n%s\r\n%s",
                   method, target, http->port, body ? strlen(body) : 0,
                   headers, body ? body : "");
    if (len < ANSWER_MAX && ready(http))
        done = send_all(http->fd, text, (size_t)len) &&
               receive(http->fd, text, ret);
    if (!done) {
        ret->status = 0;
        kill_http_close(http);
    }
    free(text);
    return done;
}

void
kill_reply_clear(struct kill_reply *reply)
{
    json_decref(reply->json);
    reply->json = NULL;
}
