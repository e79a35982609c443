/* SPDX-License-Identifier: MIT */
/* bench/get.c - GET of a flow's state, beside nginx and a bare libmicrohttpd
 * that answer the same bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/flows.h"

enum { CONNECTIONS = 64, ROUNDS = 5, BODY_MAX = 2048 };

/* A server under load. */
struct server {
    const char *name; /* "factord" */
    struct address address;
    pid_t pid;
    double rates[ROUNDS];
    double cpu_us; /* of a request, in the last round */
};

/* What the connections share. */
struct target {
    const char *host;
    struct flow *flows;
    size_t count;
    bool scattered; /* through all flows, not one a connection */
    int64_t until_ns;
    char *body;     /* keeps the first body, of BODY_MAX; or NULL */
};

static void
ask(struct conn *conn, const struct target *target)
{
    const struct flow *flow = &target->flows[conn->item % target->count];

    conn_put(conn,
             "GET /pf-ws/authn/flows/%s HTTP/1.1\r\nHost: %s\r\n"
             "X-XSRF-Header: bench\r\nCookie: PF=%s\r\n\r\n",
             flow->id, target->host, flow->cookie);
}

static enum turn
turn(struct conn *conn, const struct reply *reply)
{
    struct target *target = conn->load->context;

    if (!reply) {
        conn->item = conn->index;
        ask(conn, target);
        return TURN_SEND;
    }
    if (reply->status != 200)
        die("GET: %u %.200s", reply->status, reply->body);
    load_note(conn, reply->took_ns);
    if (reply->at_ns >= target->until_ns) {
        if (target->body && conn->index == 0)
            snprintf(target->body, BODY_MAX, "%s", reply->body);
        return TURN_DONE;
    }
    if (target->scattered) {
        conn->item += CONNECTIONS;
        ask(conn, target);
    }
    return TURN_SEND;
}

/* Requests a second. */
static double
load_server(struct bench *bench, struct server *server, struct target *target)
{
    struct load load = {.to = &server->address,
                        .connections = CONNECTIONS,
                        .threads = 2,
                        .turn = turn,
                        .context = target};
    int64_t cpu_ns = program_cpu_ns(server->pid);
    double count;

    target->until_ns =
        now_ns() + bench->numbers.seconds * INT64_C(1000000000);
    load_run(&load);
    count = (double)load.samples.count;
    server->cpu_us =
        (double)(program_cpu_ns(server->pid) - cpu_ns) / 1000 / count;
    load_free(&load);
    return count * 1e9 / (double)load.took_ns;
}

/* --- The others --- */

static void
write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "we");

    if (!stream || fputs(text, stream) < 0 || fclose(stream))
        die("%s: %s", path, strerror(errno));
}

/* The body is JSON of ours: no quote, dollar or backslash to be escaped. */
static bool
start_nginx(struct bench *bench, struct server *server, const char *body)
{
    char program[600], config[640], folder[600], text[BODY_MAX + 1024];
    const char *argv[] = {program, "-p", folder, "-c", config, NULL};
    unsigned port = free_port();

    if (!program_find("nginx", program, sizeof(program))) {
        report_note("no nginx here: Debian's package is nginx-light");
        return false;
    }
    snprintf(folder, sizeof(folder), "%s/", bench->state);
    snprintf(config, sizeof(config), "%s/nginx.conf", bench->state);
    snprintf(text, sizeof(text),
             "daemon off;\nworker_processes 2;\npid nginx.pid;\n"
             "error_log stderr;\nevents { worker_connections 1024; }\n"
             "http { access_log off; keepalive_requests 1000000000;\n"
             "client_body_temp_path t1; proxy_temp_path t2;\n"
             "fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n"
             "server { listen 127.0.0.1:%u; location / {\n"
             "default_type application/json; return 200 '%s'; } } }\n",
             port, body);
    write_text(config, text);
    address_tcp(&server->address, port);
    server->pid = program_start(bench, "nginx", argv);
    wait_for(server->pid, &server->address, "/");
    return true;
}

static void
start_bare(struct bench *bench, struct server *server, const char *body)
{
    char program[600], number[16];
    const char *argv[] = {program, number, body, NULL};
    unsigned port = free_port();

    snprintf(program, sizeof(program), "%s/bench/bare", bench->build);
    snprintf(number, sizeof(number), "%u", port);
    address_tcp(&server->address, port);
    server->pid = program_start(bench, "bare", argv);
    wait_for(server->pid, &server->address, "/");
}

/* --- The row --- */

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static double
median(const double *values)
{
    double sorted[ROUNDS];

    memcpy(sorted, values, sizeof(sorted));
    qsort(sorted, ROUNDS, sizeof(sorted[0]), by_value);
    return sorted[ROUNDS / 2];
}

static void
report_server(const struct server *server)
{
    struct figure rate = {.unit = "/s", .value = median(server->rates)};
    struct figure cpu = {.unit = "us", .value = server->cpu_us};

    snprintf(rate.name, sizeof(rate.name), "get.%s.rate", server->name);
    snprintf(rate.text, sizeof(rate.text), "%s", server->name);
    snprintf(cpu.name, sizeof(cpu.name), "get.%s.cpu", server->name);
    snprintf(cpu.text, sizeof(cpu.text), "%s: processor time each",
             server->name);
    report_add(&rate);
    report_add(&cpu);
}

/* Of each round: the machine may be busier in the next one. */
static void
report_ratio(const struct server *ours, const struct server *other,
             double floor)
{
    struct figure figure = {.unit = "ratio"};
    double ratios[ROUNDS];
    int i;

    for (i = 0; i < ROUNDS; i++)
        ratios[i] = ours->rates[i] / other->rates[i];
    figure.value = median(ratios);
    if (floor > 0) {
        figure.kind = FLOOR_AT_LEAST;
        figure.floor = floor;
    }
    snprintf(figure.name, sizeof(figure.name), "get.to_%s", other->name);
    snprintf(figure.text, sizeof(figure.text), "%s to %s", ours->name,
             other->name);
    report_add(&figure);
}

static void
scattered(struct bench *bench, struct server *server, struct target target)
{
    target.scattered = true;
    report_add(&(struct figure){.name = "get.scattered.rate",
                                .text = "factord, all flows in turn",
                                .unit = "/s",
                                .value = load_server(bench, server, &target)});
}

static void
compare(struct bench *bench, struct server servers[3], struct target *target)
{
    char body[BODY_MAX] = "";
    bool has_nginx;
    int round, i;

    target->body = body;
    load_server(bench, &servers[0], target);
    target->body = NULL;
    has_nginx = start_nginx(bench, &servers[1], body);
    start_bare(bench, &servers[2], body);
    for (round = 0; round < ROUNDS; round++)
        for (i = 0; i < 3; i++)
            if (i != 1 || has_nginx)
                servers[i].rates[round] =
                    load_server(bench, &servers[i], target);
    for (i = 0; i < 3; i++) {
        program_stop(i > 0 ? servers[i].pid : 0);
        if (i != 1 || has_nginx)
            report_server(&servers[i]);
    }
    if (has_nginx)
        report_ratio(&servers[0], &servers[1], 0.7);
    report_ratio(&servers[0], &servers[2], 0);
}

void
row_get(struct bench *bench)
{
    struct server servers[3] = {{.name = "factord",
                                 .address = bench->daemon.address,
                                 .pid = bench->daemon.pid},
                                {.name = "nginx"},
                                {.name = "libmicrohttpd"}};
    struct target target = {.host = bench->daemon.host};
    size_t count = bench->numbers.flows / 4;

    report_section("GET of a flow's state, 64 connections");
    target.flows = flows_make(bench, "bench-es256", count);
    target.count = count;
    flows_prepare(bench, "bench-es256", target.flows, count);
    compare(bench, servers, &target);
    scattered(bench, &servers[0], target);
    flows_free(target.flows, count);
}
