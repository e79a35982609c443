/* SPDX-License-Identifier: MIT */
/* bench/measure.c - the figures of a row. */
#include "bench/measure.h"

#include <stdio.h>

void
measure_begin(struct measure *self, struct bench *bench)
{
    daemon_count(bench, &self->counts);
    self->cpu_ns = program_cpu_ns(bench->daemon.pid);
}

static void
add(const struct measure *self, const char *what, const char *text,
    const char *unit, double value, enum floor_kind kind, double floor)
{
    struct figure figure = {.unit = unit, .value = value};

    if (floor > 0) {
        figure.kind = kind;
        figure.floor = floor;
    }
    snprintf(figure.name, sizeof(figure.name), "%s.%s", self->name, what);
    snprintf(figure.text, sizeof(figure.text), "%s%s", self->text, text);
    report_add(&figure);
}

void
measure_end(struct measure *self, struct bench *bench,
            const struct load *load)
{
    int64_t cpu_ns = program_cpu_ns(bench->daemon.pid) - self->cpu_ns;
    double count = (double)load->samples.count;
    struct daemon_counts now;

    daemon_count(bench, &now);
    add(self, "rate", "", "/s", count * 1e9 / (double)load->took_ns,
        FLOOR_AT_LEAST, self->rate_floor);
    add(self, "p50", ": p50", "ms", samples_at_ms(&load->samples, 0.5),
        FLOOR_NONE, 0);
    add(self, "p99", ": p99", "ms", samples_at_ms(&load->samples, 0.99),
        FLOOR_AT_MOST, self->p99_floor);
    add(self, "cpu", ": processor time each", "us",
        (double)cpu_ns / 1000 / count, FLOOR_NONE, 0);
    now.commits -= self->counts.commits;
    now.batches -= self->counts.batches;
    add(self, "steps", ": commits each", "", (double)now.commits / count,
        FLOOR_NONE, 0);
    if (now.batches > 0)
        add(self, "steps_per_sync", ": commits per sync", "",
            (double)now.commits / (double)now.batches, FLOOR_NONE, 0);
}
