/* SPDX-License-Identifier: MIT */
/* bench/checks.c - accepted checks, and complete flows. */
#include <stdio.h>

#include "bench/flows.h"
#include "bench/measure.h"

static const enum flow_step check[] = {STEP_CHECK, STEP_END};
static const enum flow_step complete[] = {STEP_AUTHORIZE, STEP_SELECT,
                                          STEP_CHECK,     STEP_CONTINUE,
                                          STEP_TOKEN,     STEP_END};

static void
run(struct bench *bench, struct measure *measure, struct plan *plan,
    unsigned connections)
{
    struct load load = {.connections = connections};

    measure_begin(measure, bench);
    plan_run(plan, &load);
    measure_end(measure, bench, &load);
    load_free(&load);
}

static void
checks(struct bench *bench, struct measure *measure, unsigned connections)
{
    size_t count = bench->numbers.flows;
    struct plan plan = {.bench = bench,
                        .client = "bench-es256",
                        .count = count,
                        .steps = check,
                        .each = true};
    int64_t took_ns;

    plan.flows = flows_make(bench, plan.client, count);
    took_ns = flows_prepare(bench, plan.client, plan.flows, count);
    report_note("%zu flows prepared, %.0f a second with their messages",
                count, (double)count * 1e9 / (double)took_ns);
    run(bench, measure, &plan, connections);
    flows_free(plan.flows, count);
}

/* On a slow disk four of its syncs are allowed, if that is more. */
static double
p99_floor(const struct bench *bench, double floor_ms)
{
    double slow_ms = 4 * bench->sync_p99_ms;

    return bench->sync_p99_ms > 2 && slow_ms > floor_ms ? slow_ms : floor_ms;
}

void
row_checks(struct bench *bench)
{
    struct measure few = {.name = "checks_64",
                          .text = "checks, 64",
                          .rate_floor = 12000,
                          .p99_floor = p99_floor(bench, 10)};
    struct measure many = {.name = "checks_512",
                           .text = "checks, 512",
                           .p99_floor = p99_floor(bench, 60)};

    report_section("Accepted checks, synced");
    checks(bench, &few, 64);
    checks(bench, &many, 512);
}

static void
complete_flows(struct bench *bench, struct measure *measure,
               const char *client)
{
    size_t count = bench->numbers.flows;
    struct plan plan = {.bench = bench,
                        .client = client,
                        .acr = "urn:bench:otp",
                        .count = count,
                        .steps = complete};
    struct figure wait = {.unit = "ms"};

    plan.flows = flows_make(bench, client, count);
    run(bench, measure, &plan, 64);
    snprintf(wait.name, sizeof(wait.name), "%s.wait", measure->name);
    snprintf(wait.text, sizeof(wait.text), "%s: of it for the message, mean",
             measure->text);
    wait.value =
        (double)atomic_load(&plan.waited_ns) / 1e6 / (double)count;
    report_add(&wait);
    flows_free(plan.flows, count);
}

void
row_complete(struct bench *bench)
{
    struct measure es256 = {
        .name = "complete_es256", .text = "flows, ES256", .rate_floor = 3000};
    struct measure rs256 = {.name = "complete_rs256", .text = "flows, RS256"};

    report_section("Complete flows, 64 connections");
    complete_flows(bench, &es256, "bench-es256");
    complete_flows(bench, &rs256, "bench-rs256");
}
