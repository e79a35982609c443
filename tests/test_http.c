/* SPDX-License-Identifier: MIT */
/* tests/test_http.c - the HTTP layer and its parked requests, over sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/http/http.h"
#include "host/http/park.h"
#include "tests/tap.h"

#define HOST " HTTP/1.1\r\nHost: x\r\n"
#define GET(path) "GET " path HOST "\r\n"

enum { PATIENCE_S = 20, CROWD = 200, PARK_MAX = 64 };

/* --- waiting for a condition ------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

/* What handlers tell the tests; under the lock. */
static struct {
    struct http_request *held[CROWD];
    unsigned held_count;
    unsigned ended;     /* states destroyed */
    unsigned continued; /* continuations run */
    unsigned reasons[PARK_BY_END + 1];
} seen;

static void
add(unsigned *number)
{
    pthread_mutex_lock(&lock);
    ++*number;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

/* True once the number is reached. */
static bool
reaches(const unsigned *number, unsigned wanted)
{
    struct timespec until;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&lock);
    while (*number < wanted &&
           pthread_cond_timedwait(&moved, &lock, &until) == 0)
        continue;
    reached = *number >= wanted;
    pthread_mutex_unlock(&lock);
    return reached;
}

static void
forget(void)
{
    pthread_mutex_lock(&lock);
    memset(&seen, 0, sizeof(seen));
    pthread_mutex_unlock(&lock);
}

/* --- handlers ---------------------------------------------------------- */

static struct park *park;

static void
answer_text(struct http_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
answer_text(struct http_request *request, const char *format, ...)
{
    enum { SIZE = 8192 };
    char *text = malloc(SIZE);
    va_list args;
    int len;

    /* Not vasprintf: it leaves copies of what it grew out of. */
    va_start(args, format);
    len = text ? vsnprintf(text, SIZE, format, args) : -1;
    va_end(args);
    http_reply(request, len < 0 ? NULL
                                : http_reply_new(200, "text/plain", text,
                                                 (size_t)len));
}

static const char *
or_none(const char *text)
{
    return text ? text : "-";
}

static void
echo(struct http_request *request)
{
    size_t len;
    const char *body = http_body(request, &len);

    answer_text(request, "%s|%s|%s|%s|%s|%s|%zu:%.40s",
                http_route(request)->name, http_path(request),
                or_none(http_variable(request, "name")),
                or_none(http_query(request, "q")),
                or_none(http_header(request, "X-Thing")),
                or_none(http_cookie(request, "PF")), len, body);
}

static bool
add_pair(void *context, const char *name, const char *value)
{
    FILE *out = context;

    fprintf(out, "%s=%s;", name, value);
    return strcmp(name, "stop") != 0;
}

static void
list_query(struct http_request *request)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fprintf(out, "%d:", http_query_repeats(request));
    http_each_query(request, add_pair, out);
    fclose(out);
    http_reply(request, http_reply_new(200, NULL, text, len));
}

static void
who(struct http_request *request)
{
    CU_ASSERT_EQUAL(http_method(request), HTTP_GET);
    answer_text(request, "%s %ld %s", http_address(request),
                http_peer_uid(request), (const char *)http_context(request));
}

static void
rest(struct http_request *request)
{
    answer_text(request, "%s:%s", http_route(request)->name,
                http_rest(request));
}

static void
length(struct http_request *request)
{
    size_t len;
    const char *body = http_body(request, &len);
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < len; i++)
        sum += (unsigned char)body[i];
    answer_text(request, "%zu %u", len, sum);
}

static void
on_ended(void *state)
{
    (void)state;
    add(&seen.ended);
}

static void
answer_resumed(struct http_request *request)
{
    add(&seen.continued);
    answer_text(request, "resumed %d", http_gone(request));
}

static void *
resume_now(void *request)
{
    http_resume(request, answer_resumed);
    return NULL;
}

/* Resumed by another thread that has ended before this handler returns. */
static void
resumed_early(struct http_request *request)
{
    pthread_t thread;

    http_suspend(request);
    pthread_create(&thread, NULL, resume_now, request);
    pthread_join(thread, NULL);
}

static void
twice(struct http_request *request)
{
    http_suspend(request);
    http_resume(request, resumed_early);
}

static void
hold(struct http_request *request)
{
    http_set_state(request, request, on_ended);
    http_suspend(request);
    pthread_mutex_lock(&lock);
    seen.held[seen.held_count++] = request;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

static void
silent(struct http_request *request)
{
    (void)request;
}

static void
no_reply(struct http_request *request)
{
    http_reply(request, NULL);
}

static void
odd_reply(struct http_request *request)
{
    struct http_reply *reply = http_reply_static(201, "text/x", "body", 4);

    CU_ASSERT_FALSE(http_reply_header(reply, "X-A", "b\r\nX-B: c"));
    CU_ASSERT_FALSE(http_reply_header(reply, "X-A", "\x7f"));
    CU_ASSERT_FALSE(http_reply_header(reply, "X A", "b"));
    CU_ASSERT_FALSE(http_reply_header(reply, "X:A", "b"));
    CU_ASSERT_FALSE(http_reply_header(reply, "", "b"));
    CU_ASSERT_TRUE(http_reply_header(reply, "Set-Cookie", "a=1"));
    CU_ASSERT_TRUE(http_reply_header(reply, "Set-Cookie", "b=2"));
    CU_ASSERT_TRUE(http_reply_header(reply, "cache-control", "max-age=5"));
    http_reply(request, reply);
    http_reply(request, http_reply_static(200, NULL, "again", 5));
    http_reply_free(http_reply_new(200, NULL, strdup("unsent"), 6));
}

static void
empty(struct http_request *request)
{
    http_reply(request, http_reply_new(204, NULL, NULL, 0));
}

static void
was_parked(struct http_request *request)
{
    const enum park_reason reason = park_reason(request);

    add(&seen.reasons[reason]);
    answer_text(request, "parked %d", (int)reason);
}

/* wait?key=a&key=b&ms=1000: wait for them. */
struct wish {
    const char *keys[PARK_KEYS + 1];
    unsigned count;
    int64_t ms;
};

static bool
read_wish(void *context, const char *name, const char *value)
{
    struct wish *wish = context;

    if (strcmp(name, "key") == 0)
        wish->keys[wish->count++] = value;
    else
        wish->ms = strtoll(value, NULL, 10);
    return wish->count <= PARK_KEYS;
}

static void
wait_for(struct http_request *request)
{
    struct wish wish = {.ms = 100000};
    enum park_result result;

    http_each_query(request, read_wish, &wish);
    result = park_wait(park, request, park_stamp(park), wish.keys, wish.count,
                       clock_steady_ms() + wish.ms, was_parked);
    if (result == PARK_PARKED)
        add(&seen.held_count);
    else
        answer_text(request, "refused %d", (int)result);
}

/* The record moves between reading it and parking. */
static void
wait_too_late(struct http_request *request)
{
    const char *const keys[] = {"flow/late", "device/late"};
    const uint64_t stamp = park_stamp(park);
    enum park_result first, second;

    park_wake(park, keys[1]);
    first = park_wait(park, request, stamp, keys, 2, INT64_MAX, was_parked);
    second = park_wait(park, request, park_stamp(park), keys, 2, 0,
                       was_parked);
    CU_ASSERT_EQUAL(first, PARK_MOVED);
    CU_ASSERT_EQUAL(second, PARK_PARKED);
}

static int64_t not_before;

static void
check_time(struct http_request *request)
{
    answer_text(request, "%s %d",
                clock_steady_ms() >= not_before ? "in time" : "early",
                (int)park_reason(request));
}

static void
held_back(struct http_request *request)
{
    not_before = clock_steady_ms() + 40;
    if (!park_at(park, request, not_before, check_time))
        answer_text(request, "no park");
}

static const struct http_route routes[] = {
    {"/echo/{name}", "echo", HTTP_GET | HTTP_POST, 0, 100, echo},
    {"/echo/{name}/of/{other}", "two", HTTP_GET, 0, 0, echo},
    {"/query", "query", HTTP_GET, 0, 0, list_query},
    {"/who", "who", HTTP_GET, 0, 0, who},
    {"/length", "length", HTTP_POST | HTTP_PUT, 0, 0, length},
    {"/large", "large", HTTP_POST, 0, 300000, length},
    {"/early", "early", HTTP_GET, 0, 0, resumed_early},
    {"/twice", "twice", HTTP_GET, 0, 0, twice},
    {"/hold", "hold", HTTP_GET, 0, 0, hold},
    {"/silent", "silent", HTTP_GET, 0, 0, silent},
    {"/none", "none", HTTP_GET, 0, 0, no_reply},
    {"/odd", "odd", HTTP_GET, 0, 0, odd_reply},
    {"/empty", "empty", HTTP_DELETE, 0, 0, empty},
    {NULL, NULL, 0, 0, 0, NULL},
};

static const struct http_route more_routes[] = {
    {"/", "any", HTTP_GET, HTTP_PREFIX, 0, rest},
    {"/shared", "read", HTTP_GET, 0, 0, rest},
    {"/shared", "free", HTTP_PATCH, HTTP_CORS_FREE, 0, empty},
    {"/options", "options", HTTP_OPTIONS, 0, 0, empty},
    {"/wait", "wait", HTTP_GET, 0, 0, wait_for},
    {"/late", "late", HTTP_GET, 0, 0, wait_too_late},
    {"/at", "at", HTTP_GET, 0, 0, held_back},
    {NULL, NULL, 0, 0, 0, NULL},
};

static const struct http_route tree_routes[] = {
    {"/web/", "web", HTTP_GET, HTTP_PREFIX, 0, rest},
    {"/web/exact", "exact", HTTP_GET, 0, 0, rest},
    {"/tree", "tree", HTTP_GET, HTTP_PREFIX, 0, rest},
    {NULL, NULL, 0, 0, 0, NULL},
};

static const struct http_route *const tables[] = {routes, more_routes + 1,
                                                  tree_routes, NULL};
static const struct http_route *const open_tables[] = {routes, more_routes,
                                                       NULL};

/* --- servers ----------------------------------------------------------- */

static struct http_server *server;
static unsigned short port;
static char context[] = "the context";

static unsigned short
port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.sin_port);
}

static struct http_server *
start(const char *where, unsigned threads,
      const struct http_route *const *which, unsigned short *ret_port,
      unsigned idle_timeout_s)
{
    struct http_listener listener = {.threads = threads,
                                     .routes = which,
                                     .context = context,
                                     .idle_timeout_s = idle_timeout_s};
    struct http_server *started = NULL;

    CU_ASSERT_EQUAL(http_listen(where, 0, &listener.socket, NULL), FACTOR_OK);
    if (ret_port)
        *ret_port = port_of(listener.socket);
    CU_ASSERT_EQUAL(http_start(&listener, &started, NULL), FACTOR_OK);
    return started;
}

static int
set_up(void)
{
    struct http_listener listener = {
        .threads = 2, .routes = tables, .context = context};

    if (park_new(PARK_MAX, &park, NULL) != FACTOR_OK ||
        http_listen("127.0.0.1:0", 0, &listener.socket, NULL) != FACTOR_OK)
        return -1;
    port = port_of(listener.socket);
    return http_start(&listener, &server, NULL);
}

static int
tear_down(void)
{
    http_quiesce(server);
    park_wake_all(park);
    http_stop(server);
    park_free(park);
    return 0;
}

/* --- a client ---------------------------------------------------------- */

struct client {
    int fd;
    char held[128 * 1024]; /* read, not yet heard */
    size_t held_len;
};

struct answer {
    unsigned status;
    char head[8192];
    char body[4096];
    size_t body_len;
};

static int
dial(unsigned short where)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(where)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static struct client *
client_new(void)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client)
        client->fd = dial(port);
    CU_ASSERT_FATAL(client && client->fd >= 0);
    return client;
}

static void
client_free(struct client *client)
{
    close(client->fd);
    explicit_bzero(client, sizeof(*client));
    free(client);
}

static void
say_bytes(int fd, const char *bytes, size_t len)
{
    ssize_t sent;

    for (; len > 0; bytes += sent, len -= (size_t)sent) {
        sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the answer will tell */
    }
}

static void
say(const struct client *client, const char *text)
{
    say_bytes(client->fd, text, strlen(text));
}

static bool
fill(struct client *client)
{
    const size_t room = sizeof(client->held) - 1 - client->held_len;
    ssize_t got =
        room ? recv(client->fd, client->held + client->held_len, room, 0) : 0;

    if (got <= 0)
        return false;
    client->held_len += (size_t)got;
    client->held[client->held_len] = '\0';
    return true;
}

static void
drop(struct client *client, size_t len)
{
    client->held_len -= len;
    memmove(client->held, client->held + len, client->held_len + 1);
}

/* True if nothing more comes but the end. */
static bool
hung_up(struct client *client)
{
    return client->held_len == 0 && !fill(client) && errno != EAGAIN;
}

static const char *
header_of(const struct answer *answer, const char *name)
{
    static char value[4096];
    const char *line;
    char start_of[64];
    size_t len;

    len = (size_t)snprintf(start_of, sizeof(start_of), "\n%s: ", name);
    line = strcasestr(answer->head, start_of);
    if (!line)
        return "";
    line += len;
    len = strcspn(line, "\r");
    memcpy(value, line, len);
    value[len] = '\0';
    return value;
}

static bool
hear_head(struct client *client, struct answer *answer)
{
    const char *end;
    size_t len;

    memset(answer, 0, sizeof(*answer));
    while (!(end = strstr(client->held, "\r\n\r\n")))
        if (!fill(client))
            return false;
    len = (size_t)(end - client->held) + 4;
    if (len >= sizeof(answer->head))
        return false;
    memcpy(answer->head, client->held, len);
    drop(client, len);
    if (strncmp(answer->head, "HTTP/1.1 ", 9) == 0)
        answer->status = (unsigned)strtoul(answer->head + 9, NULL, 10);
    return answer->status != 0;
}

static bool
hear_body(struct client *client, struct answer *answer)
{
    const size_t len = strtoul(header_of(answer, "Content-Length"), NULL, 10);

    if (len >= sizeof(answer->body))
        return false;
    while (client->held_len < len)
        if (!fill(client))
            return false;
    memcpy(answer->body, client->held, len);
    answer->body_len = len;
    drop(client, len);
    return true;
}

static bool
hear(struct client *client, struct answer *answer)
{
    do {
        if (!hear_head(client, answer) || !hear_body(client, answer))
            return false;
    } while (answer->status == 100);
    return true;
}

/* One connection, one request. */
static unsigned
ask(const char *request, struct answer *answer)
{
    struct client *client = client_new();

    say(client, request);
    if (!hear(client, answer))
        answer->status = 0;
    client_free(client);
    return answer->status;
}

#define ASSERT_TEXT(have, want) CU_ASSERT_STRING_EQUAL(have, want)
#define ASSERT_ASK(request, want_status, want_body)                            \
    do {                                                                       \
        struct answer said_;                                                   \
        CU_ASSERT_EQUAL(ask(request, &said_), want_status);                    \
        ASSERT_TEXT(said_.body, want_body);                                    \
    } while (0)

static bool
is_json_error(const struct answer *answer, const char *code)
{
    char start_of[64];

    snprintf(start_of, sizeof(start_of), "{\"code\":\"%s\",\"message\":\"",
             code);
    return strncmp(answer->body, start_of, strlen(start_of)) == 0 &&
           !strstr(answer->body, "\"status\"") &&
           strcmp(header_of(answer, "Content-Type"),
                  "application/json;charset=utf-8") == 0 &&
           strcmp(header_of(answer, "Cache-Control"), "no-store") == 0 &&
           strcmp(header_of(answer, "X-Content-Type-Options"), "nosniff") == 0;
}

/* The client has its answer before the server is done with the request. */
static bool
active_falls_to(const struct http_server *which, unsigned wanted)
{
    const struct timespec pause = {.tv_nsec = 100000};
    const int64_t until = clock_steady_ms() + PATIENCE_S * 1000;

    while (http_active(which) > wanted && clock_steady_ms() < until)
        nanosleep(&pause, NULL);
    return http_active(which) == wanted;
}

/* --- what a request says ----------------------------------------------- */

static void
request_is_read(void)
{
    ASSERT_ASK("POST /echo/ann?q=1 HTTP/1.1\r\nHost: x\r\nx-thing: it\r\n"
               "Cookie: a=b; PF=abc\r\nContent-Length: 5\r\n\r\nhello",
               200, "echo|/echo/ann|ann|1|it|abc|5:hello");
    ASSERT_ASK(GET("/who"), 200, "127.0.0.1 -1 the context");
}

static void
paths_are_decoded_once(void)
{
    ASSERT_ASK(GET("/echo/a%2Fb%20c"), 200, "echo|/echo/a/b c|a/b c|-|-|-|0:");
    ASSERT_ASK(GET("/echo/a%252Fb"), 200, "echo|/echo/a%2Fb|a%2Fb|-|-|-|0:");
    ASSERT_ASK(GET("/echo/%20a+b?q=%2Bx"), 200,
               "echo|/echo/ a+b| a+b|+x|-|-|0:");
    ASSERT_ASK(GET("/%65cho/%e2%82%ac"), 200,
               "echo|/echo/\xe2\x82\xac|\xe2\x82\xac|-|-|-|0:");
    ASSERT_ASK(GET("/echo/a%2Fb/of/c"), 200, "two|/echo/a/b/of/c|a/b|-|-|-|0:");
}

static void
paths_meet_whole_segments(void)
{
    static const char *const unknown[] = {
        GET("/"),       GET("/echo"),          GET("/echo/"),
        GET("/echo//"), GET("/echo/a/"),       GET("/echo/a/b"),
        GET("//echo/a"), GET("/whom"),         GET("/wh"),
        GET("/Who"),    GET("/echo/a/of//"),   GET("/echo%2Fa"),
        GET("/who/"),   GET("/who%2F"),
    };
    struct answer answer;
    size_t i;

    for (i = 0; i < TAP_COUNT(unknown); i++) {
        CU_ASSERT_EQUAL(ask(unknown[i], &answer), 404);
        CU_ASSERT_TRUE(is_json_error(&answer, "RESOURCE_NOT_FOUND"));
    }
}

static void
queries_are_read(void)
{
    ASSERT_ASK(GET("/query"), 200, "0:");
    ASSERT_ASK(GET("/query?"), 200, "0:");
    ASSERT_ASK(GET("/query?a=1&b=+%26%3d&c&d=&=e&&f=g=h"), 200,
               "0:a=1;b= &=;c=;d=;=e;f=g=h;");
    ASSERT_ASK(GET("/query?a=1&b=2&a=3&stop=&z=1"), 200,
               "1:a=1;b=2;a=3;stop=;");
    ASSERT_ASK(GET("/query?%61=1&a=2"), 200, "1:a=1;a=2;");
    ASSERT_ASK(GET("/echo/x?q=first&q=second"), 200,
               "echo|/echo/x|x|first|-|-|0:");
}

static void
long_queries_do_no_harm(void)
{
    char request[4096 + 64] = "GET /echo/x?";
    struct answer answer;
    unsigned i;

    for (i = 0; i < 2000; i++)
        strncat(request, "a&", sizeof(request) - strlen(request) - 1);
    strncat(request, "q=z" HOST "\r\n", sizeof(request) - strlen(request) - 1);
    CU_ASSERT_EQUAL(ask(request, &answer), 200);
    ASSERT_TEXT(answer.body, "echo|/echo/x|x|z|-|-|0:");
}

static void
cookies_are_cut_at_semicolons(void)
{
    static const struct {
        const char *header, *value;
    } cases[] = {
        {"PF=a", "a"},          {"x=1,PF=a", "-"},
        {"x=1; PF=a", "a"},     {"x=\"1; PF=a", "a"},
        {"PF=a,PF=b", "a,PF=b"}, {"pf=a", "-"},
        {"PF", "-"},            {"PF=", ""},
        {"PF=a; PF=b", "a"},    {" PF=a ;x", "a"},
        {"xPF=a", "-"},         {"x=;;PF=a;", "a"},
        {"x=PF=a", "-"},        {"PF=a=b", "a=b"},
        {"x=1\r\nCookie: PF=a", "a"},
    };
    char request[256], body[64];
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        snprintf(request, sizeof(request),
                 "GET /echo/x" HOST "Cookie: %s\r\n\r\n", cases[i].header);
        snprintf(body, sizeof(body), "echo|/echo/x|x|-|-|%s|0:",
                 cases[i].value);
        ASSERT_ASK(request, 200, body);
    }
}

static void
prefixes_give_their_rest(void)
{
    ASSERT_ASK(GET("/web/"), 200, "web:");
    ASSERT_ASK(GET("/web/a/b%20c.js?x"), 200, "web:a/b c.js");
    ASSERT_ASK(GET("/web/exact"), 200, "exact:");
    ASSERT_ASK(GET("/tree"), 200, "tree:");
    ASSERT_ASK(GET("/tree/a//b"), 200, "tree:a//b");
}

static void
prefixes_do_not_lead_upwards(void)
{
    static const char *const climbing[] = {
        GET("/web/../a"),     GET("/web/%2e%2e/a"), GET("/web/a%2f..%2fb"),
        GET("/web/a/.."),     GET("/web/./a"),      GET("/web/.%2E"),
        GET("/trees"),        GET("/web"),
    };
    struct answer answer;
    size_t i;

    for (i = 0; i < TAP_COUNT(climbing); i++)
        CU_ASSERT_EQUAL(ask(climbing[i], &answer), 404);
    ASSERT_ASK(GET("/web/..a/b.."), 200, "web:..a/b..");
}

/* --- methods ----------------------------------------------------------- */

static void
other_methods_are_named(void)
{
    static const struct {
        const char *request, *allow;
    } cases[] = {
        {"DELETE /echo/a" HOST "\r\n", "GET, HEAD, POST"},
        {"DELETE /shared" HOST "\r\n", "GET, HEAD, PATCH, OPTIONS"},
        {"OPTIONS /echo/a" HOST "\r\n", "GET, HEAD, POST"},
        {"get /echo/a" HOST "\r\n", "GET, HEAD, POST"},
        {"TRACE /who" HOST "\r\n", "GET, HEAD"},
        {"HEAD /length" HOST "\r\n", "POST, PUT"},
    };
    struct answer answer;
    struct client *client;
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        client = client_new();
        say(client, cases[i].request);
        CU_ASSERT_TRUE(hear_head(client, &answer));
        CU_ASSERT_EQUAL(answer.status, 405);
        ASSERT_TEXT(header_of(&answer, "Allow"), cases[i].allow);
        client_free(client);
    }
    ask(cases[0].request, &answer);
    CU_ASSERT_TRUE(is_json_error(&answer, "INVALID_REQUEST"));
}

static void
options_reach_handlers_that_want_them(void)
{
    struct answer answer;

    CU_ASSERT_EQUAL(ask("OPTIONS /shared" HOST "\r\n", &answer), 204);
    CU_ASSERT_EQUAL(ask("OPTIONS /options" HOST "\r\n", &answer), 204);
    CU_ASSERT_EQUAL(ask("PATCH /shared" HOST "\r\n", &answer), 204);
    CU_ASSERT_EQUAL(ask(GET("/shared"), &answer), 200);
}

static void
head_is_get_without_a_body(void)
{
    struct client *client = client_new();
    struct answer answer;

    say(client, "HEAD /who" HOST "\r\n" GET("/echo/b"));
    CU_ASSERT_TRUE(hear_head(client, &answer));
    CU_ASSERT_EQUAL(answer.status, 200);
    ASSERT_TEXT(header_of(&answer, "Content-Length"), "24");
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "echo|/echo/b|b|-|-|-|0:");
    client_free(client);
}

/* --- refusals ---------------------------------------------------------- */

/* All are refused with a JSON error, and the connection is closed. */
static const struct refused {
    const char *what, *request;
    unsigned status;
} refused[] = {
    {"no Host", "GET /who HTTP/1.1\r\n\r\n", 400},
    {"no Host in 1.0", "GET /who HTTP/1.0\r\n\r\n", 400},
    {"empty Host", "GET /who HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"two Hosts", "GET /who" HOST "host: x\r\n\r\n", 400},
    {"space before a colon", "GET /who" HOST "A : b\r\n\r\n", 400},
    {"Host with a space", "GET /who HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"no token", "GET /who" HOST "A(b): c\r\n\r\n", 400},
    {"control byte", "GET /who" HOST "A: b\x01\r\n\r\n", 400},
    {"carriage return", "GET /who" HOST "A: b\rc\r\n\r\n", 400},
    {"delete", "GET /who" HOST "A: \x7f\r\n\r\n", 400},
    {"folded first line", "GET /who HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n", 400},
    {"%00 in the path", GET("/echo/a%00b"), 400},
    {"%00 in the query", GET("/echo/a?q=%00"), 400},
    {"cut escape", GET("/echo/a%2"), 400},
    {"bad escape", GET("/echo/%zz"), 400},
    {"bad escape in a query", GET("/echo/a?q=%4"), 400},
    {"bad escape in a name", GET("/echo/a?%=q"), 400},
    {"space in the path", GET("/echo/a b"), 400},
    {"raw UTF-8", GET("/echo/\xc3\xa4"), 400},
    {"control byte in the path", GET("/echo/a\x01"), 400},
    {"delete in the path", GET("/echo/a\x7f"), 400},
    {"no slash", GET("echo/a"), 400},
    {"absolute form", GET("http://x/who"), 400},
    {"asterisk", "OPTIONS *" HOST "\r\n", 400},
    {"CONNECT", "CONNECT x:80" HOST "\r\n", 400},
    {"two lengths",
     "POST /length" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
     400},
    {"two different lengths",
     "POST /length" HOST "Content-Length: 1\r\ncontent-length: 9\r\n\r\na",
     400},
    {"length and coding",
     "POST /length" HOST
     "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"coding and length",
     "POST /length" HOST
     "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
     400},
    {"two codings",
     "POST /length" HOST
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     400},
    {"another coding",
     "POST /length" HOST "Transfer-Encoding: gzip\r\n\r\n", 400},
    {"a list of codings",
     "POST /length" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     400},
    {"chunked in 1.0",
     "POST /length HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     400},
    {"announced too large",
     "POST /length" HOST "Content-Length: 65537\r\n\r\n", 413},
    {"announced too large for its route",
     "POST /echo/a" HOST "Content-Length: 101\r\n\r\n", 413},
    {"announced too large, and asked first",
     "POST /length" HOST
     "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
     413},
};

static void
malformed_requests_are_refused(void)
{
    struct client *client;
    struct answer answer;
    size_t i;

    for (i = 0; i < TAP_COUNT(refused); i++) {
        bool fine;

        client = client_new();
        say(client, refused[i].request);
        fine = hear(client, &answer) && answer.status == refused[i].status &&
               is_json_error(&answer, "INVALID_REQUEST") && hung_up(client);
        CU_ASSERT_TRUE(fine);
        if (!fine)
            tap_note("%s: %u %s", refused[i].what, answer.status, answer.body);
        client_free(client);
    }
}

/* What libmicrohttpd refuses by itself, in its own words. */
static void
library_refuses_the_rest(void)
{
    static const char *const cases[] = {
        "POST /length" HOST "Content-Length: abc\r\n\r\n",
        "POST /length" HOST "Content-Length: +1\r\n\r\na",
        "POST /length" HOST "Content-Length: -1\r\n\r\na",
        "POST /length" HOST "Content-Length: 1, 1\r\n\r\na",
        "POST /length" HOST "Content-Length: 99999999999999999999\r\n\r\na",
        "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n",
        "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        "GET /who" HOST "no colon\r\n\r\n",
        "GET /who HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /who HTTP/0.9\r\nHost: x\r\n\r\n",
        "GET /who\r\n\r\n",
        "NONSENSE\r\n\r\n",
    };
    struct client *client;
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        client = client_new();
        say(client, cases[i]);
        while (fill(client))
            continue;
        CU_ASSERT_NOT_EQUAL(errno, EAGAIN);
        CU_ASSERT_PTR_NULL(strstr(client->held, " 200 "));
        client_free(client);
    }
}

/* A request whose headers end after len bytes in all. */
static char *
sized_request(const char *start_of, size_t len)
{
    static char request[20000];
    const size_t used = strlen(start_of);

    CU_ASSERT_FATAL(len < sizeof(request) && used + 4 <= len);
    memset(request, 'a', len);
    memcpy(request, start_of, used);
    memcpy(request + len - 4, "\r\n\r\n", 5);
    return request;
}

static void
header_block_has_8_kib(void)
{
    static const char *const shapes[] = {"GET /who" HOST "X-Long: ",
                                         "GET /who" HOST "Cookie: PF="};
    struct answer answer;
    size_t i, len;

    for (i = 0; i < TAP_COUNT(shapes); i++) {
        for (len = 4000; len < 8192; len += 131)
            CU_ASSERT_EQUAL(ask(sized_request(shapes[i], len), &answer), 200);
        CU_ASSERT_EQUAL(ask(sized_request(shapes[i], 8192), &answer), 200);
        CU_ASSERT_EQUAL(ask(sized_request(shapes[i], 8193), &answer), 431);
        CU_ASSERT_TRUE(is_json_error(&answer, "INVALID_REQUEST"));
    }
    CU_ASSERT_EQUAL(ask(sized_request(shapes[0], 19000), &answer), 431);
}

static void
uri_has_4_kib(void)
{
    char request[8192] = "GET /query?a=";
    const size_t start_len = strlen(request) - 4;
    struct answer answer;

    memset(request + strlen(request), 'b', 4096 - start_len);
    strncat(request, HOST "\r\n", 32);
    CU_ASSERT_EQUAL(ask(request, &answer), 200);
    CU_ASSERT_EQUAL(answer.body_len, 4096 - 9 + 5);
    memmove(request + 5, request + 4, strlen(request + 4) + 1);
    request[4] = '/';
    CU_ASSERT_EQUAL(ask(request, &answer), 414);
    CU_ASSERT_TRUE(is_json_error(&answer, "INVALID_REQUEST"));
}

static void
http_10_is_answered(void)
{
    struct client *client = client_new();
    struct answer answer;

    say(client, "GET /who HTTP/1.0\r\nHost: x\r\n\r\n");
    CU_ASSERT_TRUE(hear(client, &answer));
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_TRUE(hung_up(client));
    client_free(client);
}

/* --- bodies ------------------------------------------------------------ */

static unsigned
send_body(const char *head, char byte, size_t len, struct answer *answer)
{
    struct client *client = client_new();
    char *body = malloc(len);

    memset(body, byte, len);
    say(client, head);
    say_bytes(client->fd, body, len);
    if (!hear(client, answer))
        answer->status = 0;
    free(body);
    client_free(client);
    return answer->status;
}

static void
bodies_have_64_kib(void)
{
    struct answer answer;

    send_body("PUT /length" HOST "Content-Length: 65536\r\n\r\n", '\1', 65536,
              &answer);
    ASSERT_TEXT(answer.body, "65536 65536");
    send_body("POST /large" HOST "Content-Length: 300000\r\n\r\n", '\2',
              300000, &answer);
    ASSERT_TEXT(answer.body, "300000 600000");
    ASSERT_ASK("POST /length" HOST "Content-Length: 0\r\n\r\n", 200, "0 0");
    ASSERT_ASK("POST /length" HOST "\r\n", 200, "0 0");
}

static void
say_chunks(const struct client *client, unsigned count, unsigned len)
{
    char *chunk = malloc(len + 32);
    int head = snprintf(chunk, 32, "%x\r\n", len);
    unsigned i;

    memset(chunk + head, 'a', len);
    memcpy(chunk + head + len, "\r\n", 2);
    for (i = 0; i < count; i++)
        say_bytes(client->fd, chunk, (size_t)head + len + 2);
    free(chunk);
}

static void
chunks_are_joined(void)
{
    struct client *client = client_new();
    struct answer answer;

    say(client, "POST /echo/a" HOST "Transfer-Encoding: Chunked\r\n\r\n"
                "3\r\nabc\r\n");
    say(client, "A;x=y\r\ndefghijklm");
    say(client, "\r\n0\r\nX-Trailer: x\r\n\r\n" GET("/who"));
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "echo|/echo/a|a|-|-|-|13:abcdefghijklm");
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "127.0.0.1 -1 the context");
    client_free(client);
}

static void
chunks_are_counted(void)
{
    struct client *client = client_new();
    struct answer answer;

    say(client, "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n");
    say_chunks(client, 64, 1024);
    say(client, "0\r\n\r\n");
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "65536 6356992");
    say(client, "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n");
    say_chunks(client, 64, 1024);
    say(client, "1\r\na\r\n0\r\n\r\n");
    CU_ASSERT_TRUE(hear(client, &answer));
    CU_ASSERT_EQUAL(answer.status, 413);
    CU_ASSERT_TRUE(is_json_error(&answer, "INVALID_REQUEST"));
    CU_ASSERT_TRUE(hung_up(client));
    client_free(client);
}

static void
endless_chunks_are_cut_off(void)
{
    struct client *client = client_new();

    say(client, "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n");
    say_chunks(client, 1000, 1024);
    CU_ASSERT_TRUE(hung_up(client));
    client_free(client);
}

/* What follows a refused head is never taken for a request. */
static void
refused_bodies_are_not_read(void)
{
    static const char *const heads[] = {
        "POST /nowhere" HOST "Content-Length: 60\r\n\r\n",
        "DELETE /who" HOST "Content-Length: 60\r\n\r\n",
        "DELETE /who" HOST "Transfer-Encoding: chunked\r\n\r\n",
    };
    struct client *client;
    struct answer answer;
    size_t i;

    for (i = 0; i < TAP_COUNT(heads); i++) {
        client = client_new();
        say(client, heads[i]);
        CU_ASSERT_TRUE(hear(client, &answer));
        CU_ASSERT(answer.status == 404 || answer.status == 405);
        ASSERT_TEXT(header_of(&answer, "Connection"), "close");
        say(client, GET("/who"));
        CU_ASSERT_TRUE(hung_up(client));
        client_free(client);
    }
}

/* --- connections ------------------------------------------------------- */

static void
connections_are_kept(void)
{
    struct client *client = client_new();
    struct answer answer;
    unsigned i;

    for (i = 0; i < 3; i++) {
        say(client, GET("/who"));
        CU_ASSERT_TRUE(hear(client, &answer));
        CU_ASSERT_EQUAL(answer.status, 200);
        say(client, GET("/nowhere"));
        CU_ASSERT_TRUE(hear(client, &answer));
        CU_ASSERT_EQUAL(answer.status, 404);
        say(client, "PUT /who" HOST "\r\n");
        CU_ASSERT_TRUE(hear(client, &answer));
        CU_ASSERT_EQUAL(answer.status, 405);
    }
    client_free(client);
}

static void
pipelined_requests_are_answered_in_order(void)
{
    struct client *client = client_new();
    struct answer answer;

    say(client, GET("/echo/1") "POST /length" HOST
                               "Content-Length: 2\r\n\r\n\1\1" GET("/early")
                                   GET("/nowhere") GET("/echo/5"));
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "echo|/echo/1|1|-|-|-|0:");
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "2 2");
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "resumed 0");
    CU_ASSERT_TRUE(hear(client, &answer));
    CU_ASSERT_EQUAL(answer.status, 404);
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, "echo|/echo/5|5|-|-|-|0:");
    client_free(client);
}

/* Where a half and its end come together the library notices the end only by
 * its time limit. */
static void
half_requests_leave_nothing(void)
{
    static const char *const halves[] = {
        "",
        "GET /echo/a",
        "GET /echo/a HTTP/1.1\r\n",
        "POST /length" HOST "Content-Length: 50\r\n\r\nhalf",
        "POST /length" HOST "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        GET("/who") "POST /length" HOST "Content-Length: 2\r\n\r\n1",
    };
    struct client *clients[TAP_COUNT(halves)];
    unsigned short main_port = port;
    struct http_server *own = start("127.0.0.1:0", 2, tables, &port, 1);
    size_t i;

    for (i = 0; i < TAP_COUNT(halves); i++) {
        clients[i] = client_new();
        say(clients[i], halves[i]);
        if (i % 2 == 0)
            shutdown(clients[i]->fd, SHUT_WR);
    }
    for (i = 0; i < TAP_COUNT(halves); i++) {
        while (fill(clients[i]))
            continue;
        CU_ASSERT_NOT_EQUAL(errno, EAGAIN);
        client_free(clients[i]);
    }
    CU_ASSERT_TRUE(active_falls_to(own, 0));
    http_stop(own);
    port = main_port;
}

/* --- replies ----------------------------------------------------------- */

static void
replies_carry_what_was_set(void)
{
    struct answer answer;

    CU_ASSERT_EQUAL(ask(GET("/odd"), &answer), 201);
    ASSERT_TEXT(answer.body, "body");
    ASSERT_TEXT(header_of(&answer, "Content-Type"), "text/x");
    ASSERT_TEXT(header_of(&answer, "Cache-Control"), "max-age=5");
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.head, "Set-Cookie: a=1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.head, "Set-Cookie: b=2\r\n"));
    CU_ASSERT_PTR_NULL(strstr(answer.head, "X-B"));
    CU_ASSERT_PTR_NULL(strstr(answer.head, "no-store"));
    CU_ASSERT_EQUAL(ask("DELETE /empty" HOST "\r\n", &answer), 204);
    ASSERT_TEXT(header_of(&answer, "Content-Type"), "");
    ASSERT_TEXT(header_of(&answer, "Cache-Control"), "no-store");
    ASSERT_TEXT(header_of(&answer, "X-Content-Type-Options"), "nosniff");
}

static void
faults_are_500(void)
{
    struct answer answer;

    CU_ASSERT_EQUAL(ask(GET("/none"), &answer), 500);
    CU_ASSERT_TRUE(is_json_error(&answer, "UNEXPECTED_ERROR"));
    CU_ASSERT_EQUAL(ask(GET("/silent"), &answer), 500);
    CU_ASSERT_TRUE(is_json_error(&answer, "UNEXPECTED_ERROR"));
}

/* --- suspended requests ------------------------------------------------ */

static void
resume_may_come_first(void)
{
    unsigned i;

    for (i = 0; i < 50; i++)
        ASSERT_ASK(GET("/early"), 200, "resumed 0");
    ASSERT_ASK(GET("/twice"), 200, "resumed 0");
}

static void *
resume_held(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < CROWD; i++)
        http_resume(seen.held[i], answer_resumed);
    return NULL;
}

static void
many_are_suspended(void)
{
    static struct client *clients[CROWD];
    struct answer answer;
    pthread_t thread;
    unsigned i, answered = 0;

    forget();
    for (i = 0; i < CROWD; i++) {
        clients[i] = client_new();
        say(clients[i], GET("/hold"));
    }
    CU_ASSERT_TRUE_FATAL(reaches(&seen.held_count, CROWD));
    CU_ASSERT_TRUE(active_falls_to(server, CROWD));
    pthread_create(&thread, NULL, resume_held, NULL);
    for (i = 0; i < CROWD; i++) {
        answered += hear(clients[i], &answer) && answer.status == 200;
        client_free(clients[i]);
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(answered, CROWD);
    CU_ASSERT_TRUE(reaches(&seen.ended, CROWD));
    CU_ASSERT_EQUAL(seen.continued, CROWD);
    CU_ASSERT_TRUE(active_falls_to(server, 0));
}

/* How the client goes: closed, reset, or only its sending side. */
static void
leave_while_held(int how)
{
    const struct linger reset = {.l_onoff = 1};
    struct client *client = client_new();

    forget();
    say(client, GET("/hold"));
    CU_ASSERT_TRUE_FATAL(reaches(&seen.held_count, 1));
    CU_ASSERT_FALSE(http_gone(seen.held[0]));
    if (how == 1)
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (how == 2)
        shutdown(client->fd, SHUT_WR);
    else
        close(dup2(0, client->fd));
    while (!http_gone(seen.held[0]))
        continue;
    http_resume(seen.held[0], answer_resumed);
    CU_ASSERT_TRUE(reaches(&seen.ended, 1));
    CU_ASSERT_TRUE(active_falls_to(server, 0));
    client_free(client);
}

static void
clients_may_leave(void)
{
    int how;

    for (how = 0; how < 3; how++)
        leave_while_held(how);
}

/* --- servers ----------------------------------------------------------- */

static void
prefix_of_all_comes_last(void)
{
    unsigned short main_port = port;
    struct http_server *own = start("127.0.0.1:0", 1, open_tables, &port, 0);
    struct answer answer;

    ASSERT_ASK(GET("/"), 200, "any:");
    ASSERT_ASK(GET("/x/y"), 200, "any:x/y");
    ASSERT_ASK(GET("/shared"), 200, "read:");
    CU_ASSERT_EQUAL(ask("PATCH /length" HOST "\r\n", &answer), 405);
    port = main_port;
    http_stop(own);
}

static void
quiet_servers_end_politely(void)
{
    unsigned short own_port, main_port = port;
    struct http_server *own = start("127.0.0.1:0", 3, tables, &own_port, 0);
    struct client *waiting, *idle;
    struct answer answer;

    forget();
    port = own_port;
    waiting = client_new();
    idle = client_new();
    port = main_port;
    say(idle, GET("/who"));
    CU_ASSERT_TRUE(hear(idle, &answer));
    ASSERT_TEXT(header_of(&answer, "Connection"), "");
    say(waiting, GET("/hold"));
    CU_ASSERT_TRUE_FATAL(reaches(&seen.held_count, 1));
    http_quiesce(own);
    http_quiesce(own);
    CU_ASSERT_EQUAL(dial(own_port), -1);
    CU_ASSERT_TRUE(active_falls_to(own, 1));
    say(idle, GET("/who"));
    CU_ASSERT_TRUE(hear(idle, &answer));
    ASSERT_TEXT(header_of(&answer, "Connection"), "close");
    CU_ASSERT_TRUE(hung_up(idle));
    http_resume(seen.held[0], answer_resumed);
    CU_ASSERT_TRUE(hear(waiting, &answer));
    ASSERT_TEXT(header_of(&answer, "Connection"), "close");
    CU_ASSERT_TRUE(hung_up(waiting));
    http_stop(own);
    client_free(waiting);
    client_free(idle);
}

static void *
resume_later(void *request)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    nanosleep(&pause, NULL);
    http_resume(request, answer_resumed);
    return NULL;
}

static void
stop_waits_for_the_suspended(void)
{
    unsigned short own_port, main_port = port;
    struct http_server *own = start("127.0.0.1:0", 1, tables, &own_port, 0);
    struct client *client;
    pthread_t thread;

    forget();
    port = own_port;
    client = client_new();
    port = main_port;
    say(client, GET("/hold"));
    CU_ASSERT_TRUE_FATAL(reaches(&seen.held_count, 1));
    pthread_create(&thread, NULL, resume_later, seen.held[0]);
    http_stop(own);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(seen.ended, 1);
    client_free(client);
    http_stop(NULL);
}

/* Handlers that park at once, in all states, while the server is stopped. */
static void
stop_comes_at_any_time(void)
{
    struct client *clients[8];
    unsigned short main_port = port;
    struct http_server *own;
    unsigned i, k, round;

    for (round = 0; round < 50; round++) {
        own = start("127.0.0.1:0", 2, tables, &port, 0);
        for (i = 0; i < TAP_COUNT(clients); i++)
            clients[i] = client_new();
        for (k = 0; k < 20; k++)
            for (i = 0; i < TAP_COUNT(clients); i++)
                say(clients[i], GET("/wait?key=stop&ms=0"));
        http_stop(own);
        for (i = 0; i < TAP_COUNT(clients); i++) {
            while (fill(clients[i]))
                continue;
            CU_ASSERT_NOT_EQUAL(errno, EAGAIN);
            client_free(clients[i]);
        }
    }
    port = main_port;
    CU_ASSERT_EQUAL(park_count(park), 0);
}

static int
dial_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void
unix_sockets_name_the_peer(void)
{
    char folder[] = "/tmp/test_http.XXXXXX", path[64], where[80], wanted[80];
    struct http_server *own;
    struct client *client = calloc(1, sizeof(*client));
    struct factor_error err;
    struct answer answer;
    struct stat info;
    int fd;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    snprintf(where, sizeof(where), "unix:%s", path);
    own = start(where, 1, tables, NULL, 0);
    CU_ASSERT_EQUAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(info.st_mode & 0777, 0600);
    client->fd = dial_unix(path);
    say(client, GET("/who"));
    CU_ASSERT_TRUE(hear(client, &answer));
    snprintf(wanted, sizeof(wanted), "unix %ld the context", (long)getuid());
    ASSERT_TEXT(answer.body, wanted);
    client_free(client);
    CU_ASSERT_EQUAL(http_listen(where, 0, &fd, &err), FACTOR_E_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is taken"));
    http_stop(own);
    CU_ASSERT_EQUAL(http_listen(where, 0666, &fd, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(info.st_mode & 0777, 0666);
    close(fd);
    unlink(path);
    rmdir(folder);
}

static void
files_are_not_taken_for_sockets(void)
{
    char path[] = "/tmp/test_http.XXXXXX", where[64];
    int file = mkstemp(path), fd;
    struct factor_error err;

    snprintf(where, sizeof(where), "unix:%s", path);
    CU_ASSERT_EQUAL(http_listen(where, 0, &fd, &err), FACTOR_E_IO);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    close(file);
    unlink(path);
}

static void
listening_says_what_is_wrong(void)
{
    static const struct {
        const char *where, *text;
    } cases[] = {
        {"", "no place"},           {"9031", "no place"},
        {"127.0.0.1", "no place"},  {"127.0.0.1:", "no place"},
        {":80", "no place"},        {"127.0.0.1:65536", "no place"},
        {"127.0.0.1:8x", "no place"}, {"::1:80", "no place"},
        {"[::1:80", "no place"},    {"::1]:80", "no place"},
        {"[]:80", "no place"},      {"unix:relative", "no place"},
        {"unix:", "no place"},      {"192.0.2.1:0", "no address of this"},
        {"not a name.invalid:1", "no address to listen"},
        {"unix:/nowhere/at/all", "No such file"},
    };
    struct factor_error err;
    char where[64], taken[64];
    size_t i;
    int fd;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        CU_ASSERT_EQUAL(http_listen(cases[i].where, 0, &fd, &err),
                        FACTOR_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].text));
    }
    snprintf(where, sizeof(where), "127.0.0.1:%u", (unsigned)port);
    snprintf(taken, sizeof(taken), "port %u is taken: ", (unsigned)port);
    CU_ASSERT_EQUAL(http_listen(where, 0, &fd, &err), FACTOR_E_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, taken));
}

static void
ipv6_is_listened_on(void)
{
    struct client *client = client_new();
    unsigned short own_port, main_port = port;
    struct http_server *own;
    int fd;

    client_free(client);
    if (http_listen("[::]:0", 0, &fd, NULL) != FACTOR_OK) {
        tap_skip("no IPv6 here");
        return;
    }
    close(fd);
    own = start("[::]:0", 1, tables, &own_port, 0);
    port = own_port;
    ASSERT_ASK(GET("/who"), 200, "127.0.0.1 -1 the context");
    port = main_port;
    http_stop(own);
}

/* --- parked requests --------------------------------------------------- */

static struct client *
park_client(const char *request, unsigned parked_so_far)
{
    struct client *client = client_new();

    say(client, request);
    CU_ASSERT_TRUE_FATAL(reaches(&seen.held_count, parked_so_far));
    return client;
}

static void
hear_reason(struct client *client, enum park_reason reason)
{
    struct answer answer;
    char wanted[32];

    snprintf(wanted, sizeof(wanted), "parked %d", (int)reason);
    CU_ASSERT_TRUE(hear(client, &answer));
    ASSERT_TEXT(answer.body, wanted);
    client_free(client);
}

static void
any_key_wakes(void)
{
    static const char *const keys[] = {"1", "2", "3", "4",
                                       "5", "6", "7", "8"};
    struct client *client, *other;
    size_t i;

    for (i = 0; i < TAP_COUNT(keys); i++) {
        forget();
        client = park_client(GET("/wait?key=1&key=2&key=3&key=4&key=5&key=6"
                                 "&key=7&key=8"),
                             1);
        other = park_client(GET("/wait?key=9"), 2);
        park_wake(park, "0");
        park_wake(park, keys[i]);
        hear_reason(client, PARK_BY_WAKE);
        CU_ASSERT_EQUAL(park_count(park), 1);
        park_wake(park, "9");
        hear_reason(other, PARK_BY_WAKE);
    }
    CU_ASSERT_EQUAL(park_count(park), 0);
}

static void
one_key_wakes_many(void)
{
    struct client *clients[10];
    char request[128];
    unsigned i;

    forget();
    for (i = 0; i < 10; i++) {
        snprintf(request, sizeof(request), GET("/wait?key=f%u&key=all&key=all"),
                 i);
        clients[i] = park_client(request, i + 1);
    }
    park_wake(park, "all");
    for (i = 0; i < 10; i++)
        hear_reason(clients[i], PARK_BY_WAKE);
    CU_ASSERT_EQUAL(seen.reasons[PARK_BY_WAKE], 10);
}

static void
parked_requests_time_out(void)
{
    static const unsigned times[] = {30, 10, 40, 0, 20};
    struct client *clients[TAP_COUNT(times)];
    char request[128];
    unsigned i;

    forget();
    for (i = 0; i < TAP_COUNT(times); i++) {
        snprintf(request, sizeof(request), GET("/wait?key=t%u&ms=%u"), i,
                 times[i]);
        clients[i] = park_client(request, i + 1);
    }
    for (i = 0; i < TAP_COUNT(times); i++)
        hear_reason(clients[i], PARK_BY_TIME);
    CU_ASSERT_EQUAL(park_count(park), 0);
}

static void
held_back_until_its_time(void)
{
    unsigned i;

    for (i = 0; i < 5; i++)
        ASSERT_ASK(GET("/at"), 200, "in time 1");
}

static void
third_of_a_flow_wakes_the_oldest(void)
{
    struct client *clients[5];

    forget();
    clients[0] = park_client(GET("/wait?key=flow&key=x"), 1);
    clients[1] = park_client(GET("/wait?key=other&key=flow"), 2);
    clients[2] = park_client(GET("/wait?key=flow"), 3);
    CU_ASSERT_EQUAL(park_count(park), 3);
    clients[3] = park_client(GET("/wait?key=flow&key=y"), 4);
    hear_reason(clients[0], PARK_BY_NEWER);
    clients[4] = park_client(GET("/wait?key=flow"), 5);
    hear_reason(clients[2], PARK_BY_NEWER);
    CU_ASSERT_EQUAL(park_count(park), 3);
    park_wake(park, "flow");
    hear_reason(clients[1], PARK_BY_WAKE);
    hear_reason(clients[3], PARK_BY_WAKE);
    hear_reason(clients[4], PARK_BY_WAKE);
}

static void
full_park_answers_at_once(void)
{
    static struct client *clients[PARK_MAX];
    char request[128], full[32];
    unsigned i;

    forget();
    snprintf(full, sizeof(full), "refused %d", (int)PARK_FULL);
    for (i = 0; i < PARK_MAX; i++) {
        snprintf(request, sizeof(request), GET("/wait?key=c%u&key=cap"), i);
        clients[i] = park_client(request, i + 1);
    }
    ASSERT_ASK(GET("/wait?key=c64"), 200, full);
    ASSERT_ASK(GET("/wait"), 200, full);
    ASSERT_ASK(GET("/wait?key=1&key=2&key=3&key=4&key=5&key=6&key=7&key=8"
                   "&key=9"),
               200, full);
    ASSERT_ASK(GET("/at"), 200, "in time 1");
    park_wake(park, "cap");
    for (i = 0; i < PARK_MAX; i++)
        hear_reason(clients[i], PARK_BY_WAKE);
    forget();
    clients[0] = park_client(GET("/wait?key=c64"), 1);
    park_wake(park, "c64");
    hear_reason(clients[0], PARK_BY_WAKE);
}

static void
clients_that_left_are_reaped(void)
{
    struct client *client;

    forget();
    client = park_client(GET("/wait?key=stays"), 1);
    client_free(park_client(GET("/wait?key=leaves"), 2));
    CU_ASSERT_TRUE(active_falls_to(server, 1));
    CU_ASSERT_EQUAL(park_count(park), 1);
    park_wake(park, "stays");
    hear_reason(client, PARK_BY_WAKE);
}

static void
no_wake_is_lost(void)
{
    ASSERT_ASK(GET("/late"), 200, "parked 1");
}

enum { HAMMERED = 40, ROUNDS = 50 };

static atomic_bool hammering;

static void *
hammer(void *unused)
{
    char key[16];
    unsigned i;

    (void)unused;
    for (i = 0; atomic_load(&hammering); i = (i + 1) % HAMMERED) {
        snprintf(key, sizeof(key), "h%u", i / 2);
        park_wake(park, key);
    }
    return NULL;
}

/* Wakes, times and newer ones at once: each request is answered once. */
static void
races_resume_once(void)
{
    static struct client *clients[HAMMERED];
    unsigned i, round, answered = 0;
    struct answer answer;
    pthread_t thread;
    char request[128];

    if (tap_skip_slow())
        return;
    forget();
    for (i = 0; i < HAMMERED; i++)
        clients[i] = client_new();
    atomic_store(&hammering, true);
    pthread_create(&thread, NULL, hammer, NULL);
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < HAMMERED; i++) {
            snprintf(request, sizeof(request), GET("/wait?key=h%u&ms=%u"),
                     i / 4, (i + round) % 3);
            say(clients[i], request);
        }
        for (i = 0; i < HAMMERED; i++)
            answered += hear(clients[i], &answer) && answer.status == 200;
    }
    atomic_store(&hammering, false);
    pthread_join(thread, NULL);
    for (i = 0; i < HAMMERED; i++)
        client_free(clients[i]);
    CU_ASSERT_EQUAL(answered, HAMMERED * ROUNDS);
    CU_ASSERT_EQUAL(park_count(park), 0);
}

static void
closed_parks_park_nothing(void)
{
    struct park *main_park = park;
    struct client *client;
    char full[32];

    forget();
    snprintf(full, sizeof(full), "refused %d", (int)PARK_FULL);
    CU_ASSERT_EQUAL(park_new(4, &park, NULL), FACTOR_OK);
    client = park_client(GET("/wait?key=end"), 1);
    park_wake_all(park);
    hear_reason(client, PARK_BY_END);
    ASSERT_ASK(GET("/wait?key=end"), 200, full);
    ASSERT_ASK(GET("/at"), 200, "no park");
    park_free(park);
    CU_ASSERT_EQUAL(park_new(4, &park, NULL), FACTOR_OK);
    client = park_client(GET("/wait?key=end"), 2);
    park_free(park);
    hear_reason(client, PARK_BY_END);
    park_free(NULL);
    park = main_park;
}

/* --- secrets ----------------------------------------------------------- */

/* Mappings beyond this size are a sanitizer's own. */
#define SHADOW (64UL << 20)
#define PIECE (1UL << 20)

static unsigned
count_masked(const char *text, size_t text_len, const char *masked)
{
    const size_t len = strlen(masked);
    const char *end = text + text_len;
    unsigned found = 0;
    size_t i;

    while (text_len >= len && text + len <= end) {
        text = memchr(text, masked[0] ^ 1, (size_t)(end - text) - len + 1);
        if (!text)
            break;
        for (i = 0; i < len && text[i] == (masked[i] ^ 1); i++)
            continue;
        found += i == len;
        text++;
    }
    return found;
}

/* Counts a text in this process's writable memory.  It is given masked, so
 * that it does not find itself. */
static unsigned
count_in_memory(const char *masked)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512], *piece = malloc(PIECE);
    unsigned long from, to;
    unsigned found = 0;
    ssize_t got;

    while (fgets(line, sizeof(line), maps)) {
        if (!strstr(line, " rw") || strstr(line, "[v") ||
            sscanf(line, "%lx-%lx", &from, &to) != 2 || to - from > SHADOW)
            continue;
        for (; from < to; from += PIECE - 64) {
            got = pread(memory, piece, to - from < PIECE ? to - from : PIECE,
                        (off_t)from);
            if (got <= 0)
                break;
            found += count_masked(piece, (size_t)got, masked);
            explicit_bzero(piece, (size_t)got);
        }
    }
    free(piece);
    close(memory);
    fclose(maps);
    return found;
}

static void
unmask(char *text, const char *masked)
{
    for (; *masked; masked++)
        *text++ = *masked ^ 1;
}

static const char masked_secret[] = "rdbsdu,o`o`,23456";

/* What is freed loses its first bytes to the allocator, and the head of the
 * reply covers what stood there. */
static void
say_secret(const struct client *client, unsigned announced)
{
    char request[2048];

    snprintf(request, sizeof(request),
             "POST /echo/a?q=................. HTTP/1.1\r\nHost: x\r\n"
             "Connection: close\r\nX-Pad: %0900d\r\n"
             "Content-Length: %u\r\n\r\n"
             "----------------------------------------.................",
             0, announced);
    unmask(strchr(request, '.'), masked_secret);
    unmask(strrchr(request, '-') + 1, masked_secret);
    CU_ASSERT_EQUAL(count_in_memory(masked_secret), 2);
    say(client, request);
    explicit_bzero(request, sizeof(request));
}

static void
bodies_are_wiped(void)
{
    struct client *client = client_new();
    struct answer answer;

    say_secret(client, 57);
    CU_ASSERT_TRUE(hear(client, &answer));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.body, "|a|secret-nan"));
    explicit_bzero(&answer, sizeof(answer));
    client_free(client);
    CU_ASSERT_TRUE(active_falls_to(server, 0));
    CU_ASSERT_EQUAL(count_in_memory(masked_secret), 0);
}

static void
half_bodies_are_wiped(void)
{
    unsigned short main_port = port;
    struct http_server *own = start("127.0.0.1:0", 1, tables, &port, 0);
    struct client *client = client_new();

    port = main_port;
    say_secret(client, 58);
    while (http_active(own) == 0)
        continue;
    http_stop(own);
    client_free(client);
    CU_ASSERT_EQUAL(count_in_memory(masked_secret), 0);
}

static const struct tap_test tests[] = {
    {"a request is read: path, query, header, cookie, body", request_is_read},
    {"paths are decoded once, after splitting", paths_are_decoded_once},
    {"paths meet whole segments", paths_meet_whole_segments},
    {"queries are read", queries_are_read},
    {"long queries do no harm", long_queries_do_no_harm},
    {"cookies are cut at semicolons alone", cookies_are_cut_at_semicolons},
    {"prefixes give their rest", prefixes_give_their_rest},
    {"prefixes do not lead upwards", prefixes_do_not_lead_upwards},
    {"H2: other methods are 405 with Allow", other_methods_are_named},
    {"OPTIONS reach handlers that want them",
     options_reach_handlers_that_want_them},
    {"H2: HEAD is GET without a body", head_is_get_without_a_body},
    {"H1: malformed requests are refused with JSON and a close",
     malformed_requests_are_refused},
    {"H1: the library refuses the rest", library_refuses_the_rest},
    {"H1: a header block has 8 KiB", header_block_has_8_kib},
    {"H1: a URI has 4 KiB", uri_has_4_kib},
    {"HTTP/1.0 is answered", http_10_is_answered},
    {"H1: bodies have 64 KiB, or what their route says", bodies_have_64_kib},
    {"chunks are joined", chunks_are_joined},
    {"H1: chunks are counted", chunks_are_counted},
    {"endless chunks are cut off", endless_chunks_are_cut_off},
    {"refused bodies are not read", refused_bodies_are_not_read},
    {"connections are kept, after a refusal too", connections_are_kept},
    {"pipelined requests are answered in order",
     pipelined_requests_are_answered_in_order},
    {"half requests leave nothing behind", half_requests_leave_nothing},
    {"replies carry what was set", replies_carry_what_was_set},
    {"faults are 500", faults_are_500},
    {"a resume may come before the handler returned", resume_may_come_first},
    {"many requests are suspended", many_are_suspended},
    {"clients may leave while suspended", clients_may_leave},
    {"a prefix of all comes last", prefix_of_all_comes_last},
    {"a quiet server ends politely", quiet_servers_end_politely},
    {"stopping waits for the suspended", stop_waits_for_the_suspended},
    {"stopping comes at any time", stop_comes_at_any_time},
    {"a unix socket names its peer", unix_sockets_name_the_peer},
    {"a file is not taken for a socket", files_are_not_taken_for_sockets},
    {"listening says what is wrong", listening_says_what_is_wrong},
    {"IPv6 is listened on, and IPv4 with it", ipv6_is_listened_on},
    {"S7: any key wakes, and no other", any_key_wakes},
    {"one key wakes many", one_key_wakes_many},
    {"S7: parked requests time out", parked_requests_time_out},
    {"a reply is held back until its time", held_back_until_its_time},
    {"S7: a third of one flow wakes the oldest",
     third_of_a_flow_wakes_the_oldest},
    {"S7: a full park answers at once", full_park_answers_at_once},
    {"S7: clients that left are reaped", clients_that_left_are_reaped},
    {"no wake is lost between reading and parking", no_wake_is_lost},
    {"races resume each request once", races_resume_once},
    {"a closed park parks nothing", closed_parks_park_nothing},
    {"bodies and queries are wiped", bodies_are_wiped},
    {"half a body is wiped", half_bodies_are_wiped},
};

int
main(void)
{
    static const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("http", &fixture, tests, TAP_COUNT(tests));
}
