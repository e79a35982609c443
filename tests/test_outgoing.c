/* SPDX-License-Identifier: MIT */
/* tests/test_outgoing.c - H4: calls that the host makes for plugins, to a
 * server in this process, and which addresses they may reach. */
#include <arpa/inet.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "factor/test.h"
#include "host/outgoing/address.h"
#include "host/outgoing/outgoing.h"
#include "tests/tap.h"

enum { BIG = 100000, REQUEST_MAX = 16384 };

/* --- The server: what it answers is in the path. ------------------------- */

struct server {
    int socket;
    unsigned port;
    SSL_CTX *tls; /* or NULL */
    bool http2;
    pthread_t thread;
    atomic_uint accepted, asked;
    pthread_mutex_t lock;
    char last[REQUEST_MAX]; /* request, as it came */
};

struct connection {
    struct server *server;
    int socket;
    SSL *ssl;
};

static struct server plain, secure, modern;
static char ca_file[] = "/tmp/test-outgoing-XXXXXX";

static int
receive(struct connection *connection, char *data, int len)
{
    return connection->ssl ? SSL_read(connection->ssl, data, len)
                           : (int)read(connection->socket, data, (size_t)len);
}

static bool
transmit(struct connection *connection, const char *data, size_t len)
{
    if (connection->ssl)
        return SSL_write(connection->ssl, data, (int)len) == (int)len;
    return send(connection->socket, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool
whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *len = strcasestr(request, "\r\nContent-Length:");

    return end && (!len || len > end ||
                   strlen(end + 4) >= strtoul(len + 17, NULL, 10));
}

static bool
read_request(struct connection *connection, char *request)
{
    int used = 0, got;

    request[0] = '\0';
    while (!whole(request)) {
        got = receive(connection, request + used, REQUEST_MAX - 1 - used);
        if (got <= 0)
            return false;
        used += got;
        request[used] = '\0';
    }
    return true;
}

/* Seconds from now as a date of HTTP. */
static void
http_date(char *text, size_t size, int seconds)
{
    struct timespec now;
    struct tm parts;

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += seconds;
    gmtime_r(&now.tv_sec, &parts);
    strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

static bool
answer(struct connection *connection, const char *path)
{
    static char big[BIG];
    char head[512], more[128] = "", date[64];
    const char *status = "200 OK", *body = "hello";
    size_t len = 5;

    if (strncmp(path, "/redirect", 9) == 0) {
        status = "302 Found";
        snprintf(more, sizeof(more), "Location: http://127.0.0.1:%u/hello\r\n",
                 connection->server->port);
    } else if (strncmp(path, "/big", 4) == 0) {
        memset(big, 'x', sizeof(big));
        body = big;
        len = sizeof(big);
    } else if (strncmp(path, "/retry-date", 11) == 0) {
        status = "503 Busy";
        http_date(date, sizeof(date), 90);
        snprintf(more, sizeof(more), "Retry-After: %s\r\n", date);
    } else if (strncmp(path, "/retry", 6) == 0) {
        status = "429 Too Many";
        snprintf(more, sizeof(more), "Retry-After: 7\r\n");
    } else if (strncmp(path, "/cookie", 7) == 0) {
        snprintf(more, sizeof(more), "Set-Cookie: a=b; Path=/\r\n");
    } else if (strncmp(path, "/empty", 6) == 0) {
        status = "204 Nothing";
        len = 0;
    } else if (strncmp(path, "/login", 6) == 0) {
        status = "401 Who";
        snprintf(more, sizeof(more), "WWW-Authenticate: Basic\r\n");
    }
    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
             status, more, len);
    return transmit(connection, head, strlen(head)) &&
           transmit(connection, body, len);
}

static void
serve_1(struct connection *connection)
{
    struct server *server = connection->server;
    char *request = malloc(REQUEST_MAX);
    const char *path;

    while (request && read_request(connection, request)) {
        pthread_mutex_lock(&server->lock);
        memcpy(server->last, request, REQUEST_MAX);
        pthread_mutex_unlock(&server->lock);
        atomic_fetch_add(&server->asked, 1);
        path = strchr(request, ' ') + 1;
        if (strncmp(path, "/silent", 7) == 0) {
            receive(connection, request, REQUEST_MAX); /* until it gives up */
            break;
        }
        if (!answer(connection, path))
            break;
    }
    free(request);
}

/* HTTP/2 as far as one request goes: our SETTINGS, and for its HEADERS
 * ":status: 200" (HPACK's static entry 8) and a body. */
static void
serve_2(struct connection *connection)
{
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";
    static const char ack[] = "\0\0\0\4\1\0\0\0\0";
    char frame[9 + 16384], reply[9 + 1 + 9 + 2];
    size_t len, used = 0;

    if (recv(connection->socket, frame, 24, MSG_WAITALL) != 24 ||
        memcmp(frame, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24) != 0)
        return;
    transmit(connection, settings, 9);
    while (recv(connection->socket, frame, 9, MSG_WAITALL) == 9) {
        len = (size_t)(unsigned char)frame[1] << 8 | (unsigned char)frame[2];
        if (len > 16384 ||
            (len && recv(connection->socket, frame + 9, len, MSG_WAITALL) !=
                        (ssize_t)len))
            return;
        if (frame[3] == 4 && !(frame[4] & 1))
            transmit(connection, ack, 9);
        /* Headers or data, and the last of this stream. */
        if (frame[3] > 1 || !(frame[4] & 1))
            continue;
        atomic_fetch_add(&connection->server->asked, 1);
        memcpy(reply, "\0\0\1\1\4", 5);
        memcpy(reply + 5, frame + 5, 4);
        reply[9] = (char)0x88;
        used = 10;
        memcpy(reply + used, "\0\0\2\0\1", 5);
        memcpy(reply + used + 5, frame + 5, 4);
        memcpy(reply + used + 9, "h2", 2);
        transmit(connection, reply, sizeof(reply));
    }
}

static void *
serve_connection(void *context)
{
    struct connection *connection = context;

    if (connection->server->tls) {
        connection->ssl = SSL_new(connection->server->tls);
        SSL_set_fd(connection->ssl, connection->socket);
        if (SSL_accept(connection->ssl) != 1)
            goto end;
    }
    if (connection->server->http2)
        serve_2(connection);
    else
        serve_1(connection);
end:
    SSL_free(connection->ssl);
    close(connection->socket);
    free(connection);
    return NULL;
}

static void *
serve(void *context)
{
    struct server *server = context;
    struct connection *connection;
    pthread_t thread;
    int client;

    while ((client = accept(server->socket, NULL, NULL)) >= 0) {
        atomic_fetch_add(&server->accepted, 1);
        connection = calloc(1, sizeof(*connection));
        if (!connection)
            abort();
        connection->server = server;
        connection->socket = client;
        pthread_create(&thread, NULL, serve_connection, connection);
        pthread_detach(thread);
    }
    return NULL;
}

static int
start(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pthread_mutex_init(&server->lock, NULL);
    server->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->socket, (struct sockaddr *)&address, len) ||
        listen(server->socket, 64) ||
        getsockname(server->socket, (struct sockaddr *)&address, &len))
        return 1;
    server->port = ntohs(address.sin_port);
    return pthread_create(&server->thread, NULL, serve, server);
}

static void
stop(struct server *server)
{
    shutdown(server->socket, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->socket);
    SSL_CTX_free(server->tls);
}

/* A certificate for 127.0.0.1 that signs itself, also as a file. */
static SSL_CTX *
make_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    FILE *file = fdopen(mkstemp(ca_file), "w");

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    X509_add_ext(cert, names, -1);
    X509_sign(cert, key, EVP_sha256());
    PEM_write_X509(file, cert);
    fclose(file);
    SSL_CTX_use_certificate(tls, cert);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_EXTENSION_free(names);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

static int
set_up(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    secure.tls = make_tls();
    modern.http2 = true;
    return start(&plain) || start(&secure) || start(&modern);
}

static int
tear_down(void)
{
    outgoing_end();
    stop(&plain);
    stop(&secure);
    stop(&modern);
    unlink(ca_file);
    return 0;
}

/* --- Calls. -------------------------------------------------------------- */

static struct factor_error err;
static struct factor_http_answer got;

static factor_status
call_with(const char *method, uint32_t flags, const char *url,
          const char *const *headers, const char *body)
{
    const struct factor_http_request request = {
        sizeof(request), flags, method, url, headers, body,
        body ? strlen(body) : 0, 5000
    };

    outgoing_release(&got);
    memset(&got, 0, sizeof(got));
    memset(&err, 0, sizeof(err));
    return outgoing_http(&request, &got, &err);
}

static const char *
url_of(const struct server *server, const char *host, const char *path)
{
    static char url[200];

    snprintf(url, sizeof(url), "%s://%s:%u%s", server->tls ? "https" : "http",
             host, server->port, path);
    return url;
}

static factor_status
get(uint32_t flags, const struct server *server, const char *host,
    const char *path)
{
    return call_with("GET", flags, url_of(server, host, path), NULL, NULL);
}

/* With other settings than none. */
static void
settings(json_t *hosts, const char *ca)
{
    static json_t *kept;

    outgoing_release(&got);
    memset(&got, 0, sizeof(got));
    outgoing_end();
    json_decref(kept);
    kept = hosts;
    outgoing_begin(kept, ca);
}

static bool
asked_with(struct server *server, const char *text)
{
    bool found;

    pthread_mutex_lock(&server->lock);
    found = strstr(server->last, text) != NULL;
    pthread_mutex_unlock(&server->lock);
    return found;
}

static void
posts_what_it_is_given(void)
{
    static const char *const headers[] = { "Authorization: vapid t=x",
                                           "Content-Type: x/y", "TTL: 60",
                                           NULL };

    CU_ASSERT_EQUAL(call_with("POST", 0, url_of(&plain, "127.0.0.1", "/hello"),
                              headers, "a body"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(got.body_len, 5);
    CU_ASSERT_STRING_EQUAL(got.body, "hello");
    CU_ASSERT_EQUAL(got.retry_after_ms, 0);
    CU_ASSERT(asked_with(&plain, "POST /hello HTTP/1.1\r\n"));
    CU_ASSERT(asked_with(&plain, "\r\nAuthorization: vapid t=x\r\n"));
    CU_ASSERT(asked_with(&plain, "\r\nContent-Type: x/y\r\n"));
    CU_ASSERT(asked_with(&plain, "\r\nUser-Agent: factord\r\n"));
    CU_ASSERT(asked_with(&plain, "\r\n\r\na body"));
    CU_ASSERT_FALSE(asked_with(&plain, "Expect:"));
}

static void
methods_and_empty_bodies(void)
{
    const char *url = url_of(&plain, "127.0.0.1", "/empty");

    CU_ASSERT_EQUAL(call_with("POST", 0, url, NULL, NULL), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 204);
    CU_ASSERT_STRING_EQUAL(got.body, "");
    CU_ASSERT(asked_with(&plain, "\r\nContent-Length: 0\r\n"));
    CU_ASSERT_FALSE(asked_with(&plain, "Content-Type:"));
    CU_ASSERT_EQUAL(call_with("DELETE", 0, url, NULL, NULL), FACTOR_OK);
    CU_ASSERT(asked_with(&plain, "DELETE /empty HTTP/1.1\r\n"));
    CU_ASSERT_EQUAL(call_with("PUT", 0, url, NULL, "x"), FACTOR_OK);
    CU_ASSERT(asked_with(&plain, "PUT /empty HTTP/1.1\r\n"));
    CU_ASSERT_EQUAL(call_with("GET", 0, url, NULL, NULL), FACTOR_OK);
    CU_ASSERT(asked_with(&plain, "GET /empty HTTP/1.1\r\n"));
}

static void
connections_are_kept(void)
{
    unsigned before, i;

    settings(NULL, NULL);
    before = atomic_load(&plain.accepted);
    for (i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/hello"), FACTOR_OK);
    CU_ASSERT_EQUAL(atomic_load(&plain.accepted) - before, 1);
}

static void
redirects_are_answers(void)
{
    unsigned before = atomic_load(&plain.asked);

    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/redirect"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 302);
    CU_ASSERT_EQUAL(atomic_load(&plain.asked) - before, 1);
}

static void
answers_are_cut(void)
{
    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/big"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(got.body_len, FACTOR_HTTP_ANSWER_MAX);
    CU_ASSERT_EQUAL(got.body[got.body_len], '\0');
    CU_ASSERT_EQUAL(strspn(got.body, "x"), FACTOR_HTTP_ANSWER_MAX);
}

static void
retry_after_is_read(void)
{
    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/retry"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 429);
    CU_ASSERT_EQUAL(got.retry_after_ms, 7000);
    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/retry-date"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 503);
    /* Two clocks of whole seconds may be one apart. */
    CU_ASSERT(got.retry_after_ms >= 80000 && got.retry_after_ms <= 91000);
}

/* Neither a proxy nor a password nor a cookie comes from elsewhere. */
static void
environment_is_ignored(void)
{
    char home[] = "/tmp/test-outgoing-home-XXXXXX", path[64];
    FILE *file;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(home));
    snprintf(path, sizeof(path), "%s/.netrc", home);
    file = fopen(path, "w");
    fputs("machine 127.0.0.1 login joe password hidden\n", file);
    fclose(file);
    setenv("HOME", home, 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/cookie"), FACTOR_OK);
    CU_ASSERT_EQUAL(get(0, &plain, "127.0.0.1", "/login"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 401);
    CU_ASSERT_FALSE(asked_with(&plain, "Cookie:"));
    CU_ASSERT_FALSE(asked_with(&plain, "Authorization:"));
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unlink(path);
    rmdir(home);
}

static int64_t
steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
time_is_bounded(void)
{
    const struct factor_http_request request = {
        sizeof(request), 0, "GET", url_of(&plain, "127.0.0.1", "/silent"),
        NULL, NULL, 0, 300
    };
    struct factor_http_answer none = { 0 };
    int64_t began = steady_ms();

    CU_ASSERT_EQUAL(outgoing_http(&request, &none, &err), FACTOR_E_IO);
    CU_ASSERT(steady_ms() - began >= 290);
    CU_ASSERT(steady_ms() - began < 3000);
    CU_ASSERT_NOT_EQUAL(err.text[0], '\0');
    CU_ASSERT_PTR_NULL(strstr(err.text, "silent"));
    outgoing_release(&none);
}

static void
nobody_answers(void)
{
    CU_ASSERT_EQUAL(call_with("GET", 0, "http://127.0.0.1:1/x", NULL, NULL),
                    FACTOR_E_IO);
    CU_ASSERT_EQUAL(call_with("GET", 0, "http://no.such.host.invalid/x", NULL,
                              NULL), FACTOR_E_IO);
    CU_ASSERT_PTR_NULL(strstr(err.text, "such"));
}

static void
what_is_malformed_is_not_called(void)
{
    static const char *const urls[] = {
        NULL, "", "hello", "ftp://127.0.0.1/", "file:///etc/passwd",
        "http://joe@127.0.0.1/", "http://joe:x@127.0.0.1/",
        "http://127.0.0.1/#x", "http://127.0.0.1/a b", "http://127.0.0.1/\r\n",
        "http:///x", "//127.0.0.1/"
    };
    static const char *const bad[][2] = {
        { "A: b\r\nC: d", NULL }, { "no colon", NULL }, { ": x", NULL },
        { "A B: c", NULL }
    };
    const char *good = url_of(&plain, "127.0.0.1", "/hello");
    unsigned before = atomic_load(&plain.accepted);
    size_t i;

    for (i = 0; i < TAP_COUNT(urls); i++)
        CU_ASSERT_EQUAL(call_with("GET", 0, urls[i], NULL, NULL),
                        FACTOR_E_INPUT);
    for (i = 0; i < TAP_COUNT(bad); i++)
        CU_ASSERT_EQUAL(call_with("GET", 0, good, bad[i], NULL),
                        FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(call_with("GET /x", 0, good, NULL, NULL), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(call_with("", 0, good, NULL, NULL), FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(atomic_load(&plain.accepted), before);
}

/* --- From outside. ------------------------------------------------------- */

/* None of these is as much as connected to, however the address is said. */
static void
outside_reaches_no_private_address(void)
{
    static const char *const hosts[] = {
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1",
        "0x7f000001", "2130706433", "0.0.0.0", "[::]", "0"
    };
    unsigned before;
    size_t i;

    settings(NULL, ca_file);
    before = atomic_load(&secure.accepted);
    for (i = 0; i < TAP_COUNT(hosts); i++) {
        CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &secure, hosts[i], "/hello"),
                        FACTOR_E_INPUT);
        CU_ASSERT_STRING_EQUAL(err.text, "the host has no public address");
    }
    CU_ASSERT_EQUAL(atomic_load(&secure.accepted), before);
    /* The same URL by the operator's own word. */
    CU_ASSERT_EQUAL(get(0, &secure, "127.0.0.1", "/hello"), FACTOR_OK);
    /* A connection that is kept from that call is no way in. */
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &secure, "127.0.0.1", "/hello"),
                    FACTOR_E_INPUT);
    settings(NULL, NULL);
}

static void
outside_speaks_https(void)
{
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "192.0.2.1", "/"),
                    FACTOR_E_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "the URL is not https:");
}

static void
operator_allows_hosts(void)
{
    char with_port[32], other_port[32];

    snprintf(with_port, sizeof(with_port), "127.0.0.1:%u", plain.port);
    snprintf(other_port, sizeof(other_port), "127.0.0.1:%u", plain.port ^ 1u);
    settings(json_pack("[s]", with_port), NULL);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "127.0.0.1", "/hello"),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "localhost", "/hello"),
                    FACTOR_E_INPUT);
    settings(json_pack("[s, s]", "LocalHost", other_port), NULL);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "localhost", "/hello"),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "127.0.0.1", "/hello"),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_PUBLIC, &plain, "localhost.", "/hello"),
                    FACTOR_E_INPUT);
    settings(NULL, NULL);
}

static void
servers_are_verified(void)
{
    settings(NULL, NULL);
    CU_ASSERT_EQUAL(get(0, &secure, "127.0.0.1", "/hello"), FACTOR_E_IO);
    settings(NULL, ca_file);
    CU_ASSERT_EQUAL(get(0, &secure, "127.0.0.1", "/hello"), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(got.body, "hello");
    /* The certificate names another host. */
    CU_ASSERT_EQUAL(get(0, &secure, "localhost", "/hello"), FACTOR_E_IO);
    settings(NULL, NULL);
}

static void
http2_or_nothing(void)
{
    settings(NULL, ca_file);
    CU_ASSERT_EQUAL_FATAL(call_with("POST", FACTOR_HTTP_2,
                                    url_of(&modern, "127.0.0.1", "/x"), NULL,
                                    "b"), FACTOR_OK);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(got.body, "h2");
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_2, &plain, "127.0.0.1", "/hello"),
                    FACTOR_E_IO);
    CU_ASSERT_EQUAL(get(FACTOR_HTTP_2, &secure, "127.0.0.1", "/hello"),
                    FACTOR_E_IO);
    settings(NULL, NULL);
}

static void
addresses(void)
{
    static const struct {
        const char *text;
        bool is_public;
    } rows[] = {
        { "8.8.8.8", true },           { "0.1.2.3", false },
        { "9.255.255.255", true },     { "10.0.0.1", false },
        { "10.255.255.255", false },   { "11.0.0.0", true },
        { "100.63.255.255", true },    { "100.64.0.1", false },
        { "100.127.255.255", false },  { "100.128.0.0", true },
        { "127.0.0.1", false },        { "127.255.255.255", false },
        { "169.253.1.1", true },       { "169.254.169.254", false },
        { "172.15.255.255", true },    { "172.16.0.1", false },
        { "172.31.255.255", false },   { "172.32.0.0", true },
        { "192.0.0.8", false },        { "192.0.2.7", false },
        { "192.88.99.1", false },      { "192.167.1.1", true },
        { "192.168.1.1", false },      { "198.17.0.1", true },
        { "198.18.0.1", false },       { "198.19.255.255", false },
        { "198.20.0.0", true },        { "198.51.100.9", false },
        { "203.0.113.9", false },      { "223.255.255.255", true },
        { "224.0.0.1", false },        { "239.1.2.3", false },
        { "240.0.0.1", false },        { "255.255.255.255", false },
        { "::", false },               { "::1", false },
        { "::8.8.8.8", false },        { "::ffff:8.8.8.8", true },
        { "::ffff:10.0.0.1", false },  { "::ffff:127.0.0.1", false },
        { "64:ff9b::8.8.8.8", true },  { "64:ff9b::192.168.0.1", false },
        { "64:ff9b:1::8.8.8.8", false }, { "100::1", false },
        { "2001::1", false },          { "2001:1ff::1", false },
        { "2001:200::1", true },       { "2001:db8::1", false },
        { "2002:0808:0808::1", true }, { "2002:7f00:0001::1", false },
        { "2002:c0a8:0101::1", false }, { "2606:4700::1111", true },
        { "3fff:0fff::1", false },     { "3ffe::1", true },
        { "4000::1", false },          { "fc00::1", false },
        { "fd12::1", false },          { "fe80::1", false },
        { "fec0::1", false },          { "ff02::1", false },
    };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    const struct sockaddr none = { .sa_family = AF_UNIX };
    const struct sockaddr *address;
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        address = inet_pton(AF_INET, rows[i].text, &v4.sin_addr) == 1
                      ? (const struct sockaddr *)&v4
                      : (const struct sockaddr *)&v6;
        if (address == (const struct sockaddr *)&v6)
            CU_ASSERT_EQUAL(inet_pton(AF_INET6, rows[i].text, &v6.sin6_addr),
                            1);
        CU_ASSERT_EQUAL(outgoing_is_public(address), rows[i].is_public);
        if (outgoing_is_public(address) != rows[i].is_public)
            tap_note("%s", rows[i].text);
    }
    CU_ASSERT_FALSE(outgoing_is_public(&none));
}

/* --- Many at a time. ----------------------------------------------------- */

static void *
call_often(void *context)
{
    struct factor_http_answer mine;
    const struct factor_http_request request = {
        sizeof(request), 0, "GET", context, NULL, NULL, 0, 20000
    };
    struct factor_error why;
    size_t wrong = 0, i;

    for (i = 0; i < 20; i++) {
        memset(&mine, 0, sizeof(mine));
        wrong += outgoing_http(&request, &mine, &why) != FACTOR_OK ||
                 strcmp(mine.body, "hello") != 0;
        outgoing_release(&mine);
    }
    return (void *)wrong;
}

static void
threads_call(void)
{
    pthread_t threads[12];
    char url[200];
    void *wrong;
    size_t i;

    snprintf(url, sizeof(url), "%s", url_of(&plain, "127.0.0.1", "/hello"));
    for (i = 0; i < TAP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, call_often, url);
    for (i = 0; i < TAP_COUNT(threads); i++) {
        pthread_join(threads[i], &wrong);
        CU_ASSERT_PTR_NULL(wrong);
    }
}

static void
release_takes_nothing(void)
{
    struct factor_http_answer zeroed = { 0 };

    outgoing_release(&zeroed);
    outgoing_release(&zeroed);
    outgoing_release(NULL);
    CU_ASSERT_PTR_NOT_NULL(zeroed.body);
}

/* --- The fake's. --------------------------------------------------------- */

static factor_status
fake_call(uint32_t flags, const char *url, struct factor_http_answer *answer)
{
    static const char *const headers[] = { "A: b", NULL };
    const struct factor_http_request request = {
        sizeof(request), flags, "POST", url, headers, "\xff", 1, 1000
    };

    memset(answer, 0, sizeof(*answer));
    return factor_test_host()->http(&request, answer, &err);
}

static void
fake_answers_from_its_table(void)
{
    const struct factor_host *host = factor_test_host();
    struct factor_http_answer answer;
    json_t *calls, *call;

    factor_test_clear_http();
    factor_test_answer_http("https://a.test/x", 429, "slow", 5000);
    factor_test_answer_http("https://a.test/x", 201, NULL, 0);
    factor_test_answer_http("https://a.test/y", 0, NULL, 0);
    CU_ASSERT_EQUAL(fake_call(FACTOR_HTTP_PUBLIC, "https://a.test/x", &answer),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(answer.status, 429);
    CU_ASSERT_EQUAL(answer.retry_after_ms, 5000);
    CU_ASSERT_STRING_EQUAL(answer.body, "slow");
    host->http_release(&answer);
    CU_ASSERT_EQUAL(fake_call(0, "https://a.test/x", &answer), FACTOR_OK);
    host->http_release(&answer);
    CU_ASSERT_EQUAL(fake_call(0, "https://a.test/x", &answer), FACTOR_OK);
    CU_ASSERT_EQUAL(answer.status, 201);
    host->http_release(&answer);
    CU_ASSERT_EQUAL(fake_call(0, "https://a.test/y", &answer), FACTOR_E_IO);
    CU_ASSERT_EQUAL(fake_call(0, "https://a.test/z", &answer), FACTOR_E_IO);
    CU_ASSERT_EQUAL(fake_call(FACTOR_HTTP_PUBLIC, "http://a.test/x", &answer),
                    FACTOR_E_INPUT);
    CU_ASSERT_EQUAL(fake_call(0, "http://joe@a.test/x", &answer),
                    FACTOR_E_INPUT);
    calls = factor_test_http_calls();
    CU_ASSERT_EQUAL(json_array_size(calls), 7);
    call = json_array_get(calls, 0);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(call, "body_hex")), "ff");
    CU_ASSERT(json_is_null(json_object_get(call, "body")));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(call, "headers")), 1);
    CU_ASSERT(json_is_string(
        json_object_get(json_array_get(calls, 6), "refused")));
    json_decref(calls);
    factor_test_clear_http();
}

static const struct tap_test tests[] = {
    { "H4: which addresses are public", addresses },
    { "it sends what it is given", posts_what_it_is_given },
    { "methods, and calls without a body", methods_and_empty_bodies },
    { "connections are kept for the next call", connections_are_kept },
    { "H4: a redirect is an answer", redirects_are_answers },
    { "H4: an answer is read up to 64 KiB", answers_are_cut },
    { "Retry-After as seconds and as a date", retry_after_is_read },
    { "H4: no proxy, .netrc or cookie", environment_is_ignored },
    { "a call ends in time", time_is_bounded },
    { "where nobody answers the error says so, without the URL",
      nobody_answers },
    { "what is malformed is not called", what_is_malformed_is_not_called },
    { "H4: a URL from outside reaches no private address",
      outside_reaches_no_private_address },
    { "H4: a URL from outside is https", outside_speaks_https },
    { "H4: the operator may allow hosts", operator_allows_hosts },
    { "servers are verified, by ca_file too", servers_are_verified },
    { "HTTP/2 or nothing", http2_or_nothing },
    { "threads call at the same time", threads_call },
    { "an answer that never came can be released", release_takes_nothing },
    { "the fake host answers from a table", fake_answers_from_its_table },
};

int
main(void)
{
    static const struct tap_fixture fixture = { set_up, tear_down };

    return tap_main_with("outgoing", &fixture, tests, TAP_COUNT(tests));
}
