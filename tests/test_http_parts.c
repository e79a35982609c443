/* SPDX-License-Identifier: MIT */
/* tests/test_http_parts.c - answers in parts, over sockets: order, ends, slow
 * and lost clients, and a stop that comes at any time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/http/http.h"
#include "host/http/park.h"
#include "tests/tap.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

enum {
    PATIENCE_S = 20,
    LARGE = 300000,
    FLOOD = 512 * 1024,
    CROWD = 40,
    TURNS = 25,
    STOPS = 40
};

static struct park *park;
static struct http_server *server;
static unsigned short port;

/* --- handlers ---------------------------------------------------------- */

struct kept {
    unsigned turn;
};

static struct http_reply *
part(struct http_request *request, const char *text, http_handler *next)
{
    char *body = strdup(text);

    return http_reply_part(request, "text/plain", body, strlen(text), next);
}

/* Three parts and a last one, each by its own turn. */
static void
count(struct http_request *request)
{
    struct kept *kept = http_keep(request, sizeof(*kept));
    char text[16];

    CU_ASSERT_PTR_EQUAL(http_kept(request), kept);
    CU_ASSERT_EQUAL(http_in_parts(request), kept->turn > 0);
    snprintf(text, sizeof(text), "turn %u;", ++kept->turn);
    http_reply(request, kept->turn < 4
                            ? part(request, text, count)
                            : http_reply_static(404, "x/y", "last;", 5));
}

static void
break_off(struct http_request *request)
{
    http_reply(request, NULL);
}

static void
begin_badly(struct http_request *request)
{
    http_reply(request, part(request, "one;", break_off));
}

static void
say_nothing(struct http_request *request)
{
    (void)request;
}

static void
begin_idly(struct http_request *request)
{
    http_reply(request, part(request, "one;", say_nothing));
}

static void
end_large(struct http_request *request)
{
    char *body = malloc(LARGE);

    memset(body, 'b', LARGE);
    http_reply(request, http_reply_new(200, NULL, body, LARGE));
}

static void
large(struct http_request *request)
{
    char *body = malloc(LARGE);

    memset(body, 'a', LARGE);
    http_reply(request, http_reply_part(request, "text/plain", body, LARGE,
                                        end_large));
}

static void
flood(struct http_request *request)
{
    char *body = malloc(FLOOD);

    memset(body, 'f', FLOOD);
    http_reply(request, http_reply_part(request, "text/plain", body, FLOOD,
                                        flood));
}

/* A part, and then a wait, and so on: ?key=...&turns=... */
static void
stream(struct http_request *request)
{
    struct kept *kept = http_keep(request, sizeof(*kept));
    const char *keys[] = {http_query(request, "key"), "all"};
    unsigned turns =
        (unsigned)strtoul(http_query(request, "turns"), NULL, 10);
    enum park_reason why = park_reason(request);
    enum park_result result = PARK_FULL;

    if (why == PARK_BY_END || why == PARK_BY_CLIENT || kept->turn == turns)
        http_reply(request, http_reply_static(200, NULL, "end;", 4));
    else if (kept->turn++ % 2 == 0)
        http_reply(request, part(request, "on;", stream));
    else {
        do {
            result = park_wait(park, request, park_stamp(park), keys, 2,
                               clock_steady_ms() + 2, stream);
        } while (result == PARK_MOVED);
        if (result == PARK_FULL)
            http_reply(request, http_reply_static(200, NULL, "full;", 5));
    }
}

/* Waits for ever, behind its first part. */
static void
hold(struct http_request *request)
{
    static const char *const keys[] = {"hold"};

    if (!http_in_parts(request))
        http_reply(request, part(request, "on;", hold));
    else if (park_reason(request) != PARK_BY_NOTHING ||
             park_wait(park, request, park_stamp(park), keys, 1, INT64_MAX,
                       hold) != PARK_PARKED)
        http_reply(request, http_reply_static(200, NULL, "end;", 4));
}

static const struct http_route routes[] = {
    {"/count", "count", HTTP_GET, 0, 0, count},
    {"/bad", "bad", HTTP_GET, 0, 0, begin_badly},
    {"/idle", "idle", HTTP_GET, 0, 0, begin_idly},
    {"/large", "large", HTTP_GET, 0, 0, large},
    {"/flood", "flood", HTTP_GET, 0, 0, flood},
    {"/stream", "stream", HTTP_GET, 0, 0, stream},
    {"/hold", "hold", HTTP_GET, 0, 0, hold},
    {NULL, NULL, 0, 0, 0, NULL},
};
static const struct http_route *const tables[] = {routes, NULL};

/* --- servers and clients ----------------------------------------------- */

/* NULL: there is none. */
static struct http_server *
start(unsigned threads, unsigned idle_timeout_s, unsigned short *ret_port)
{
    struct http_listener listener = {.threads = threads, .routes = tables,
                                     .idle_timeout_s = idle_timeout_s};
    struct http_server *started = NULL;
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    if (http_listen("127.0.0.1:0", 0, &listener.socket, NULL) != FACTOR_OK)
        return NULL;
    getsockname(listener.socket, (struct sockaddr *)&address, &len);
    *ret_port = ntohs(address.sin_port);
    http_start(&listener, &started, NULL);
    return started;
}

static int
set_up(void)
{
    if (park_new(4 * CROWD, &park, NULL) != FACTOR_OK)
        return -1;
    server = start(2, 0, &port);
    return server ? 0 : -1;
}

static int
tear_down(void)
{
    park_wake_all(park);
    http_stop(server);
    park_free(park);
    return 0;
}

static int
dial(unsigned short where, int room)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(where)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (room)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    CU_ASSERT_EQUAL_FATAL(
        connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void
say(int fd, const char *request)
{
    CU_ASSERT_EQUAL(send(fd, request, strlen(request), MSG_NOSIGNAL),
                    (ssize_t)strlen(request));
}

/* Append what comes until the text ends so, or the connection does: then
 * false. */
static bool
hear(int fd, char *text, size_t size, const char *end)
{
    size_t len = 0, end_len = strlen(end);
    ssize_t got;

    do {
        got = recv(fd, text + len, size - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
    } while (len < end_len || strcmp(text + len - end_len, end) != 0);
    return true;
}

static bool
active_falls_to(const struct http_server *which, unsigned wanted)
{
    const int64_t until = clock_steady_ms() + PATIENCE_S * 1000;
    const struct timespec pause = {.tv_nsec = 1000000};

    while (http_active(which) > wanted && clock_steady_ms() < until)
        nanosleep(&pause, NULL);
    return http_active(which) == wanted;
}

/* --- tests ------------------------------------------------------------- */

#define END "\r\n0\r\n\r\n"

static void
parts_come_in_order(void)
{
    char text[4096];
    int fd = dial(port, 0), i;

    for (i = 0; i < 2; i++) { /* and the connection lives on */
        say(fd, GET("/count"));
        CU_ASSERT_TRUE(hear(fd, text, sizeof(text), END));
        CU_ASSERT_NSTRING_EQUAL(text, "HTTP/1.1 200 ", 13);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "Cache-Control: no-store\r\n"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "Content-Type: text/plain\r\n"));
        CU_ASSERT_PTR_NOT_NULL(strstr(
            text, "\r\n\r\n7\r\nturn 1;\r\n7\r\nturn 2;\r\n7\r\nturn 3;\r\n"
                  "5\r\nlast;" END));
    }
    close(fd);
}

/* Nobody may take a piece for the whole. */
static void
broken_answers_look_broken(void)
{
    static const char *const paths[] = {GET("/bad"), GET("/idle")};
    char text[4096];
    size_t i;
    int fd;

    for (i = 0; i < TAP_COUNT(paths); i++) {
        fd = dial(port, 0);
        say(fd, paths[i]);
        text[0] = '\0';
        CU_ASSERT_FALSE(hear(fd, text, sizeof(text), END));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "one;"));
        close(fd);
    }
}

static void
large_parts_come_whole(void)
{
    static char text[3 * LARGE];
    size_t a = 0, b = 0;
    int fd = dial(port, 0);
    const char *at;

    say(fd, GET("/large"));
    CU_ASSERT_TRUE(hear(fd, text, sizeof(text), END));
    at = strstr(text, "\r\n\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    while (*at) {
        size_t len = strtoul(at + (a + b ? 2 : 4), NULL, 16);
        const char *data = strstr(at + (a + b ? 2 : 4), "\r\n") + 2;

        if (len == 0)
            break;
        for (at = data; at < data + len; at++) {
            a += *at == 'a';
            b += *at == 'b';
        }
    }
    CU_ASSERT_EQUAL(a, LARGE);
    CU_ASSERT_EQUAL(b, LARGE);
    close(fd);
}

static void
slow_readers_are_cut_off(void)
{
    unsigned short own_port;
    struct http_server *own = start(1, 1, &own_port);
    int fd = dial(own_port, 4096);
    char byte;

    say(fd, GET("/flood"));
    CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), 1);
    CU_ASSERT_EQUAL(http_active(own), 1);
    CU_ASSERT_TRUE(active_falls_to(own, 0)); /* it reads no more */
    close(fd);
    CU_ASSERT_TRUE(http_stop(own));
}

static void
clients_that_left_are_reaped(void)
{
    char text[4096];
    int fd = dial(port, 0);

    say(fd, GET("/hold"));
    CU_ASSERT_TRUE(hear(fd, text, sizeof(text), "on;\r\n"));
    close(fd);
    CU_ASSERT_TRUE(active_falls_to(server, 0));
    CU_ASSERT_EQUAL(park_count(park), 0);
}

static atomic_bool hammering;

static void *
hammer(void *unused)
{
    (void)unused;
    while (atomic_load(&hammering))
        park_wake(park, "all");
    return NULL;
}

/* Wakes and times at once: each stream has all its parts, and its end. */
static void
races_lose_no_part(void)
{
    static char text[16384];
    unsigned i, parts = 0, ends = 0;
    int fds[CROWD];
    char request[128];
    const char *at;
    pthread_t thread;

    atomic_store(&hammering, true);
    pthread_create(&thread, NULL, hammer, NULL);
    for (i = 0; i < CROWD; i++) {
        fds[i] = dial(port, 0);
        snprintf(request, sizeof(request), GET("/stream?key=r%u&turns=%u"), i,
                 2 * TURNS);
        say(fds[i], request);
    }
    for (i = 0; i < CROWD; i++) {
        ends += hear(fds[i], text, sizeof(text), "end;" END);
        for (at = text; (at = strstr(at, "on;")); at++)
            parts++;
        close(fds[i]);
    }
    atomic_store(&hammering, false);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(ends, CROWD);
    CU_ASSERT_EQUAL(parts, CROWD * TURNS);
}

/* Streams in all states, some of which do not read, while the server stops:
 * none keeps it, and none is cut where its client reads. */
static void
stop_comes_at_any_time(void)
{
    struct park *main_park = park;
    unsigned short own_port;
    struct http_server *own;
    unsigned i, round;
    char text[16384], request[128];
    int fds[8];

    for (round = 0; round < STOPS; round++) {
        CU_ASSERT_EQUAL_FATAL(park_new(CROWD, &park, NULL), FACTOR_OK);
        own = start(2, 0, &own_port);
        for (i = 0; i < TAP_COUNT(fds); i++) {
            snprintf(request, sizeof(request),
                     GET("/stream?key=s%u&turns=100000"), i);
            fds[i] = dial(own_port, 0);
            say(fds[i], i == 0 ? GET("/flood") : request);
        }
        for (i = 1; i < TAP_COUNT(fds) && round % 2; i++)
            hear(fds[i], text, sizeof(text), "on;\r\n");
        http_quiesce(own);
        park_wake_all(park);
        CU_ASSERT_TRUE(http_stop(own));
        for (i = 0; i < TAP_COUNT(fds); i++)
            close(fds[i]);
        park_free(park);
    }
    park = main_park;
}

/* As the daemon stops: whoever waits is woken, and has its end. */
static void
stop_ends_streams_well(void)
{
    struct park *main_park = park;
    unsigned short own_port;
    struct http_server *own = start(2, 0, &own_port);
    char text[4096];
    int fds[8];
    unsigned i;

    CU_ASSERT_EQUAL_FATAL(park_new(CROWD, &park, NULL), FACTOR_OK);
    for (i = 0; i < TAP_COUNT(fds); i++) {
        fds[i] = dial(own_port, 0);
        say(fds[i], GET("/hold"));
        CU_ASSERT_TRUE(hear(fds[i], text, sizeof(text), "on;\r\n"));
    }
    http_quiesce(own);
    park_wake_all(park);
    CU_ASSERT_TRUE(active_falls_to(own, 0));
    CU_ASSERT_TRUE(http_stop(own));
    for (i = 0; i < TAP_COUNT(fds); i++) {
        CU_ASSERT_TRUE(hear(fds[i], text, sizeof(text), END));
        close(fds[i]);
    }
    park_free(park);
    park = main_park;
}

static const struct tap_test tests[] = {
    {"parts come in order, and the last one", parts_come_in_order},
    {"a broken answer looks broken", broken_answers_look_broken},
    {"large parts come whole", large_parts_come_whole},
    {"slow readers are cut off", slow_readers_are_cut_off},
    {"clients that left are reaped", clients_that_left_are_reaped},
    {"races lose no part", races_lose_no_part},
    {"a stop comes at any time", stop_comes_at_any_time},
    {"a stop ends streams well", stop_ends_streams_well},
};

int
main(void)
{
    static const struct tap_fixture fixture = {.set_up = set_up,
                                               .tear_down = tear_down};

    return tap_main_with("http parts", &fixture, tests, TAP_COUNT(tests));
}
