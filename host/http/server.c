/* SPDX-License-Identifier: MIT */
/* host/http/server.c - the event loops: libmicrohttpd's callbacks. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/http/internal.h"
#include "host/log.h"

enum {
    CONNECTION_MAX = 20000,
    IDLE_TIMEOUT_S = 60,
    /* HTTP_HEADERS_MAX twice, for the library copies the cookies, then its
     * list of headers and cookies, and the head of the reply.  All of it
     * becomes resident with the second request of a connection. */
    CONNECTION_MEMORY = 18 * 1024,
    STOP_WAIT_MS = 5000
};

/* --- one connection ---------------------------------------------------- */

static void
write_address(struct client *client, const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    const void *bytes = &v4->sin_addr;
    int family = address->sa_family;

    if (family == AF_INET6) {
        bytes = &v6->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            bytes = &v6->sin6_addr.s6_addr[12];
            family = AF_INET;
        }
    }
    inet_ntop(family, bytes, client->address, sizeof(client->address));
}

static struct client *
client_new(struct MHD_Connection *connection, bool unix_socket)
{
    struct client *client = calloc(1, sizeof(*client));
    struct ucred peer;
    socklen_t len = sizeof(peer);
    int fd;

    if (!client)
        return NULL;
    client->uid = -1;
    if (!unix_socket) {
        write_address(client,
                      MHD_get_connection_info(
                          connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                          ->client_addr);
        return client;
    }
    memcpy(client->address, "unix", sizeof("unix"));
    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
             ->connect_fd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        client->uid = (long)peer.uid;
    return client;
}

static void
end_request(struct http_server *server, struct http_request *request)
{
    const bool counted = request->counted, busy = request->busy;

    request->client->request = NULL;
    request_free(request);
    if (busy)
        atomic_fetch_sub(&server->busy, 1);
    if (counted)
        atomic_fetch_sub(&server->active, 1);
}

/* Before the handshake, which takes what the session points to. */
static void
choose_pair(struct tls *tls, struct client *client,
            struct MHD_Connection *connection)
{
    client->pair = tls_take(tls);
    gnutls_session_set_ptr(
        MHD_get_connection_info(connection,
                                MHD_CONNECTION_INFO_GNUTLS_SESSION)
            ->tls_session,
        client->pair);
}

/* The library forgets to tell of the end of some requests that it refuses
 * itself; they end with the next one or with their connection. */
static void
on_connection(void *cls, struct MHD_Connection *connection,
              void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = cls;
    struct client *client;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client = client_new(connection, server->unix_socket);
        if (client && server->tls)
            choose_pair(server->tls, client, connection);
        *socket_context = client;
        return;
    }
    client = *socket_context;
    if (client && client->request)
        end_request(server, client->request);
    if (client)
        tls_release(client->pair);
    free(client);
    *socket_context = NULL;
}

/* --- one request ------------------------------------------------------- */

/* Wipe what was read, in the library's own buffer: it is const by its type in
 * the callbacks alone. */
static void
wipe_read(const char *read, size_t len)
{
    char *buffer;

    memcpy(&buffer, &read, sizeof(buffer));
    explicit_bzero(buffer, len);
}

/* The library would make a list of the query in the connection's memory, and
 * leave the connection hanging where that is too small.  Nor need it stand
 * there any longer. */
static void
hide_query(const char *uri)
{
    const char *query = strchr(uri, '?');

    if (query)
        wipe_read(query + 1, strlen(query + 1));
}

/* The first line was read; what this returns becomes the request's slot. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct client *client =
        MHD_get_connection_info(connection,
                                MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    struct http_request *request = client ? request_new(cls, uri) : NULL;

    if (client && client->request)
        end_request(cls, client->request);
    if (uri)
        hide_query(uri);
    if (!request)
        return NULL;
    request->connection = connection;
    request->client = client;
    client->request = request;
    return request;
}

/* Decoding is done once, by us. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* What runs may suspend, and the library ends the process when it is stopped
 * with a suspended request: http_stop looks at the number after it has said
 * that it stops. */
static bool
may_run(struct http_request *request)
{
    struct http_server *server = request->server;

    if (request->busy)
        return true;
    request->busy = true;
    atomic_fetch_add(&server->busy, 1);
    return !atomic_load(&server->stopping);
}

static void
let_go(struct http_request *request)
{
    request->busy = false;
    atomic_fetch_sub(&request->server->busy, 1);
}

/* The request may be suspended and with somebody else when its handler has
 * returned; the phase changes on this thread alone. */
static void
run(struct http_request *request, http_handler *handler)
{
    request->phase = PHASE_RUNNING;
    handler(request);
    if (request->phase == PHASE_RUNNING) {
        log_event("http", FACTOR_LOG_ERROR, "%s: nobody answers",
                  request->route->name);
        http_reply(request, NULL);
    }
    if (request->phase != PHASE_SUSPENDED)
        let_go(request);
}

bool
server_run(struct http_request *request, http_handler *handler)
{
    if (may_run(request)) {
        run(request, handler);
        return true;
    }
    let_go(request);
    return false;
}

static enum MHD_Result
queued(const struct http_request *request)
{
    return request->failed ? MHD_NO : MHD_YES;
}

/* A refusal of a request without a body waits for the library to say that
 * nothing follows; answered before, it would cost the connection. */
static enum MHD_Result
on_headers(struct http_request *request, const char *method,
           const char *version)
{
    struct MHD_Connection *connection = request->connection;

    request->socket = MHD_get_connection_info(
                          connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                          ->connect_fd;
    request->steady_ms = clock_steady_ms();
    request->arrived_ms = clock_now_ms();
    request_find_source(request);
    request->counted = true;
    atomic_fetch_add(&request->server->active, 1);
    request->phase = PHASE_READING;
    if (request_read_headers(request, version) &&
        request_route(request, method) && request_body_fits(request))
        return MHD_YES;
    if (request->refusal != REFUSED_UNKNOWN &&
        request->refusal != REFUSED_METHOD)
        reply_refusal(request);
    else if (request_has_body(request))
        reply_refusal(request);
    return queued(request);
}

static enum MHD_Result
on_body(struct http_request *request, const char *data, size_t *len)
{
    const bool go_on = request_add_body(request, data, *len);

    wipe_read(data, *len);
    *len = 0;
    return go_on ? MHD_YES : MHD_NO;
}

/* All of the request is here, or a continuation's turn has come. */
static enum MHD_Result
on_turn(struct http_request *request)
{
    http_handler *next = request->next;

    if (request->refusal) {
        reply_refusal(request);
        return queued(request);
    }
    if (request->phase == PHASE_READING)
        next = request->route->handler;
    request->next = NULL;
    if (!next)
        return MHD_YES;
    return server_run(request, next) ? queued(request) : MHD_NO;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *data,
           size_t *len, void **slot)
{
    struct http_request *request = *slot;

    (void)cls;
    (void)connection;
    (void)url;
    if (!request)
        return MHD_NO;
    if (request->phase == PHASE_ARRIVED)
        return on_headers(request, method, version);
    if (request->phase >= PHASE_PARTED) {
        *len = 0;
        return MHD_YES;
    }
    return *len > 0 ? on_body(request, data, len) : on_turn(request);
}

/* Also called for a request that was never handed to us whole, and for one
 * whose client went while it was suspended: then after its resume. */
static void
on_completed(void *cls, struct MHD_Connection *connection, void **slot,
             enum MHD_RequestTerminationCode why)
{
    (void)connection;
    (void)why;
    if (*slot)
        end_request(cls, *slot);
    *slot = NULL;
}

/* The last thing that is done for a handler which hands its request on. */
void
http_suspend(struct http_request *request)
{
    request->phase = PHASE_SUSPENDED;
    MHD_suspend_connection(request->connection);
}

/* The loop may be done with the request before this returns; http_stop waits
 * for the last line. */
void
http_resume(struct http_request *request, http_handler *next)
{
    struct http_server *server = request->server;

    atomic_fetch_add(&server->busy, 1);
    request->next = next;
    MHD_resume_connection(request->connection);
    atomic_fetch_sub(&server->busy, 1);
}

/* --- the server -------------------------------------------------------- */

static bool
is_unix_socket(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.ss_family == AF_UNIX;
}

/* What the library is told of either kind of listener. */
#define CALLBACKS(server)                                                      \
    MHD_OPTION_URI_LOG_CALLBACK, on_uri, server,                               \
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,                     \
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,                   \
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server

static struct MHD_Daemon *
start_daemon(struct http_server *server, const struct http_listener *listener)
{
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    const intptr_t connections = listener->connection_max
                                     ? (intptr_t)listener->connection_max
                                     : CONNECTION_MAX;
    const intptr_t idle_s = listener->idle_timeout_s
                                ? (intptr_t)listener->idle_timeout_s
                                : IDLE_TIMEOUT_S;
    const struct MHD_OptionItem numbers[] = {
        {MHD_OPTION_LISTEN_SOCKET, server->socket, NULL},
        /* A pool of one is no pool. */
        {MHD_OPTION_THREAD_POOL_SIZE,
         listener->threads > 1 ? (intptr_t)listener->threads : 0, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, idle_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    if (!server->tls)
        return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
                                MHD_OPTION_ARRAY, numbers, CALLBACKS(server),
                                MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, on_request,
                            server, MHD_OPTION_HTTPS_PRIORITIES,
                            tls_priorities, MHD_OPTION_HTTPS_CERT_CALLBACK2,
                            tls_retrieve, MHD_OPTION_ARRAY, numbers,
                            CALLBACKS(server), MHD_OPTION_END);
}

factor_status
http_start(const struct http_listener *listener,
           struct http_server **ret_server, struct factor_error *err)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (!server) {
        close(listener->socket);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    server->routes = listener->routes;
    server->refused = listener->refused;
    server->context = listener->context;
    server->proxies = listener->proxies;
    server->tls = listener->tls;
    server->strict_transport = listener->strict_transport;
    server->socket = listener->socket;
    server->unix_socket = is_unix_socket(listener->socket);
    server->daemon = start_daemon(server, listener);
    if (!server->daemon) {
        error_set(err, FACTOR_E_IO, "cannot start the event loops: %s",
                  strerror(errno));
        free(server);
        return FACTOR_E_IO;
    }
    *ret_server = server;
    return FACTOR_OK;
}

/* Not by MHD_quiesce_daemon: it and a loop may both take the socket out of
 * the loop's epoll set, and the second aborts the process.  The loops may use
 * the number until they end, so it is not closed either: a thing that is
 * never ready takes it, and the listening socket ends with its last number. */
void
http_quiesce(struct http_server *server)
{
    int nothing;

    if (atomic_exchange(&server->quiesced, true))
        return;
    nothing = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (nothing < 0) {
        log_event("http", FACTOR_LOG_ERROR, "cannot stop listening: %s",
                  strerror(errno));
        return;
    }
    while (dup3(nothing, server->socket, O_CLOEXEC) < 0 && errno == EBUSY)
        continue;
    close(nothing);
}

unsigned
http_active(const struct http_server *server)
{
    return atomic_load(&server->active);
}

static bool
all_answered(const struct http_server *server)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const int64_t deadline = clock_steady_ms() + STOP_WAIT_MS;

    while (atomic_load(&server->busy) > 0) {
        if (clock_steady_ms() > deadline)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

bool
http_stop(struct http_server *server)
{
    if (!server)
        return true;
    http_quiesce(server);
    atomic_store(&server->stopping, true);
    if (!all_answered(server)) {
        /* The library would abort the process. */
        log_event("http", FACTOR_LOG_ERROR,
                  "requests are still held at the end; loops are left alone");
        return false;
    }
    MHD_stop_daemon(server->daemon);
    free(server);
    return true;
}
