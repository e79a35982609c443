/* SPDX-License-Identifier: MIT */
/* bench/parked.c - thousands of polls that wait for phones: what they weigh,
 * and how soon they are told. */
#include <stdio.h>
#include <string.h>

#include "bench/push.h"

#define ACR "urn:bench:parked"

enum { WOKEN_MAX = 1000, PATIENCE_MS = 60000 };

/* The last connection is the phones'; each of the others polls for a sign-on
 * of its own, and of a user of its own: what one user's phone does wakes all
 * that wait for this user. */
struct wait {
    struct plan plan; /* its flows */
    size_t polls;
    atomic_bool go;   /* all are parked and weighed */
    /* The loop's own. */
    size_t answered, told; /* pushes so far */
    int64_t answered_ns;   /* when the last answer was sent */
};

static enum turn
poll_turn(struct wait *wait, struct conn *conn, const struct reply *reply)
{
    const struct flow *flow = &wait->plan.flows[conn->index];

    if (!reply) {
        conn_put(conn,
                 "POST /pf-ws/authn/flows/%s HTTP/1.1\r\nHost: %s\r\n"
                 "X-XSRF-Header: bench\r\nCookie: PF=%s\r\n"
                 "Content-Type: application/vnd.pingidentity.poll+json\r\n"
                 "Prefer: wait=600\r\nContent-Length: 2\r\n\r\n{}",
                 flow->id, wait->plan.bench->daemon.host, flow->cookie);
        return TURN_SEND;
    }
    if (conn->index + 1 != wait->answered ||
        !strstr(reply->body, "\"MFA_COMPLETED\""))
        die("a poll was answered that nobody woke: %u %.200s", reply->status,
            reply->body);
    load_note(conn, reply->at_ns - wait->answered_ns);
    wait->told++;
    return TURN_DONE;
}

static enum turn
say(const struct wait *wait, struct conn *conn, struct flow *flow,
    enum flow_step step)
{
    push_steps[step].ask(conn, &wait->plan, flow);
    conn->step = step;
    return TURN_SEND;
}

static enum turn
approve_one(struct wait *wait, struct conn *conn, const struct reply *reply)
{
    struct flow *flow = &wait->plan.flows[wait->answered];

    if (!push_steps[STEP_REQUESTS].take(flow, reply))
        die("nothing waits for a phone: %u %.200s", reply->status,
            reply->body);
    say(wait, conn, flow, STEP_ANSWER);
    wait->answered++;
    wait->answered_ns = now_ns();
    return TURN_SEND;
}

/* The next one when the poll of the one before was told. */
static enum turn
phone_turn(struct wait *wait, struct conn *conn, const struct reply *reply)
{
    if (reply && conn->step == STEP_REQUESTS)
        return approve_one(wait, conn, reply);
    if (reply && !strstr(reply->body, push_steps[STEP_ANSWER].expect))
        die("a phone's answer: %u %.200s", reply->status, reply->body);
    if (reply || !atomic_load(&wait->go) || wait->told < wait->answered)
        return TURN_WAIT;
    if (wait->answered == wait->polls || wait->answered == WOKEN_MAX) {
        atomic_store(&conn->load->over, true);
        return TURN_DONE;
    }
    return say(wait, conn, &wait->plan.flows[wait->answered], STEP_REQUESTS);
}

static enum turn
turn(struct conn *conn, const struct reply *reply)
{
    struct wait *wait = conn->load->context;

    return conn->index < wait->polls ? poll_turn(wait, conn, reply)
                                     : phone_turn(wait, conn, reply);
}

static void
until_parked(struct bench *bench, size_t polls)
{
    struct daemon_counts counts;
    unsigned waited_ms = 0;

    for (;;) {
        daemon_count(bench, &counts);
        if (counts.parked >= polls)
            return;
        if (waited_ms > PATIENCE_MS)
            die("%lu of %zu polls are parked", (unsigned long)counts.parked,
                polls);
        sleep_ms(50);
        waited_ms += 50;
    }
}

static void
report_memory(const struct bench *bench, long before_kib, size_t polls)
{
    double added_kib =
        (double)(program_memory_kib(bench->daemon.pid, "VmRSS") - before_kib);

    report_add(&(struct figure){.name = "parked.polls",
                                .text = "polls that wait",
                                .unit = "",
                                .value = (double)polls});
    report_add(&(struct figure){.name = "parked.added",
                                .text = "added memory, for 10,000",
                                .unit = "MB",
                                .value =
                                    added_kib / 1024 * 10000 / (double)polls,
                                .kind = FLOOR_AT_MOST,
                                .floor = 90});
    report_add(&(struct figure){.name = "parked.each",
                                .text = "added memory, each",
                                .unit = "KiB",
                                .value = added_kib / (double)polls});
}

static void
report_times(const struct samples *samples)
{
    report_add(&(struct figure){.name = "parked.p50",
                                .text = "from the answer to the reply: p50",
                                .unit = "ms",
                                .value = samples_at_ms(samples, 0.5)});
    report_add(&(struct figure){.name = "parked.p99",
                                .text = "from the answer to the reply: p99",
                                .unit = "ms",
                                .value = samples_at_ms(samples, 0.99)});
}

/* The pushes last: their time runs. */
static void
push_all(const struct bench *bench, struct flow *flows, size_t count)
{
    static const enum flow_step begin[] = {STEP_AUTHORIZE, STEP_AUTHENTICATE,
                                           STEP_END};
    static const enum flow_step push[] = {STEP_SELECT_PHONE, STEP_END};
    struct load before = {0}, load = {0};

    push_run(bench, ACR, flows, count, begin, &before);
    push_run(bench, ACR, flows, count, push, &load);
    load_free(&before);
    load_free(&load);
}

void
row_parked(struct bench *bench)
{
    size_t polls = bench->numbers.parked;
    struct wait wait = {.plan = {.bench = bench, .client = PUSH_CLIENT},
                        .polls = polls};
    struct load load = {.to = &bench->daemon.address,
                        .connections = bench->numbers.parked + 1,
                        .threads = 1,
                        .turn = turn,
                        .context = &wait};
    struct phone *phones;
    long before_kib;

    if (polls > bench->numbers.users)
        die("BENCH_PARKED: more polls than BENCH_USERS");
    report_section("Parked polls");
    phones = phones_pair(bench, bench->numbers.phones, polls);
    wait.plan.flows = push_flows_make(bench, phones, polls, polls);
    push_all(bench, wait.plan.flows, polls);
    before_kib = program_memory_kib(bench->daemon.pid, "VmRSS");
    load_start(&load);
    until_parked(bench, polls);
    report_memory(bench, before_kib, polls);
    atomic_store(&wait.go, true);
    load_finish(&load);
    report_times(&load.samples);
    load_free(&load);
    flows_free(wait.plan.flows, polls);
    phones_free(phones, polls);
}
