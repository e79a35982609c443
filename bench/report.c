/* SPDX-License-Identifier: MIT */
/* bench/report.c - the table, the JSON, and percentiles. */
#include "bench/report.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { FIGURES_MAX = 128, NOTES_MAX = 32 };

static struct {
    struct figure figures[FIGURES_MAX];
    size_t count;
    char *notes[NOTES_MAX];
    size_t note_count;
} report;

/* --- The table --- */

static bool
is_held(const struct figure *figure)
{
    return figure->kind == FLOOR_AT_LEAST ? figure->value >= figure->floor
                                          : figure->value <= figure->floor;
}

/* Three significant figures at least, no more decimals than help. */
static int
decimals(double value)
{
    return value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
}

static void
floor_text(const struct figure *figure, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (figure->kind != FLOOR_NONE)
        snprintf(ret_text, size, "%s %g",
                 figure->kind == FLOOR_AT_LEAST ? ">=" : "<=", figure->floor);
}

void
report_section(const char *text)
{
    printf("\n%-46s %11s %-6s %-10s %s\n", text, "figure", "unit", "floor",
           "held");
    fflush(stdout);
}

void
report_add(const struct figure *figure)
{
    char floor[32];

    if (report.count == FIGURES_MAX)
        die("more than %d figures", FIGURES_MAX);
    report.figures[report.count++] = *figure;
    floor_text(figure, floor, sizeof(floor));
    printf("  %-44s %11.*f %-6s %-10s %s\n", figure->text,
           decimals(figure->value), figure->value, figure->unit, floor,
           figure->kind == FLOOR_NONE ? ""
           : is_held(figure)          ? "yes"
                                      : "NO");
    fflush(stdout);
}

void
report_note(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        die("out of memory");
    va_end(args);
    if (report.note_count == NOTES_MAX)
        die("more than %d notes", NOTES_MAX);
    report.notes[report.note_count++] = text;
    printf("  %s\n", text);
    fflush(stdout);
}

void
report_end(void)
{
    size_t i, floors = 0, held = 0;

    for (i = 0; i < report.count; i++)
        if (report.figures[i].kind != FLOOR_NONE) {
            floors++;
            held += is_held(&report.figures[i]);
        }
    printf("\n%zu of %zu floors held\n", held, floors);
}

/* --- JSON --- */

static json_t *
figure_json(const struct figure *figure)
{
    json_t *json = json_pack("{s:s, s:f, s:s}", "text", figure->text, "value",
                             figure->value, "unit", figure->unit);

    if (figure->kind != FLOOR_NONE) {
        json_object_set_new(
            json, figure->kind == FLOOR_AT_LEAST ? "atLeast" : "atMost",
            json_real(figure->floor));
        json_object_set_new(json, "held", json_boolean(is_held(figure)));
    }
    return json;
}

bool
report_save(const char *path)
{
    json_t *figures = json_object(), *notes = json_array(), *all;
    size_t i;
    bool done;

    for (i = 0; i < report.count; i++)
        json_object_set_new(figures, report.figures[i].name,
                            figure_json(&report.figures[i]));
    for (i = 0; i < report.note_count; i++)
        json_array_append_new(notes, json_string(report.notes[i]));
    all = json_pack("{s:o, s:o}", "figures", figures, "notes", notes);
    done = all && json_dump_file(all, path,
                                 JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
    json_decref(all);
    return done;
}

/* --- An earlier run --- */

/* Which way is better: the floor says it, or the unit; what has none is
 * neither. */
static bool
more_is_better(const struct figure *figure)
{
    if (figure->kind != FLOOR_NONE)
        return figure->kind == FLOOR_AT_LEAST;
    return strcmp(figure->unit, "/s") == 0 ||
           strcmp(figure->unit, "ratio") == 0;
}

static void
compare(const struct figure *figure, double before)
{
    double change = before > 0 ? figure->value / before : 0;
    bool worse = more_is_better(figure) ? change < 0.9 : change > 1.1;

    if (change > 0)
        printf("  %-44s %11.3f ratio  %-10s %s\n", figure->text, change,
               more_is_better(figure) ? ">= 0.9" : "<= 1.1",
               worse ? "NO" : "yes");
}

bool
report_compare(const char *path)
{
    json_t *all = json_load_file(path, 0, NULL), *before;
    size_t i;

    if (!all)
        return false;
    report_section("This run to the one before");
    for (i = 0; i < report.count; i++) {
        before = json_object_get(json_object_get(all, "figures"),
                                 report.figures[i].name);
        if (before && report.figures[i].unit[0])
            compare(&report.figures[i],
                    json_number_value(json_object_get(before, "value")));
    }
    json_decref(all);
    return true;
}

void
report_free(void)
{
    while (report.note_count > 0)
        free(report.notes[--report.note_count]);
    report.count = 0;
}

/* --- Times --- */

static void
grow(struct samples *self, size_t wanted)
{
    size_t size = self->size ? self->size : 4096;

    while (size < wanted)
        size *= 2;
    if (size == self->size)
        return;
    self->us = realloc(self->us, size * sizeof(*self->us));
    if (!self->us)
        die("out of memory");
    self->size = size;
}

void
samples_add(struct samples *self, int64_t ns)
{
    grow(self, self->count + 1);
    self->us[self->count++] = ns < 0 ? 0 : (uint32_t)(ns / 1000);
}

void
samples_join(struct samples *self, struct samples *from)
{
    if (from->count > 0) {
        grow(self, self->count + from->count);
        memcpy(self->us + self->count, from->us,
               from->count * sizeof(*from->us));
        self->count += from->count;
    }
    samples_free(from);
}

static int
by_size(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

void
samples_sort(struct samples *self)
{
    if (self->count > 0)
        qsort(self->us, self->count, sizeof(*self->us), by_size);
}

double
samples_at_ms(const struct samples *self, double part)
{
    if (self->count == 0)
        return 0;
    return self->us[(size_t)(part * (double)(self->count - 1))] / 1000.0;
}

void
samples_free(struct samples *self)
{
    free(self->us);
    *self = (struct samples){0};
}
