/* SPDX-License-Identifier: MIT */
/* bench/report.h - figures: gathered, printed as a table and as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a figure is held against. */
enum floor_kind { FLOOR_NONE = 0, FLOOR_AT_LEAST, FLOOR_AT_MOST };

struct figure {
    char name[40];    /* "checks_64.rate"; also the member of the JSON */
    char text[64];    /* what it is, at most 44 columns */
    const char *unit; /* "/s", "ms"; lives as long as the report */
    double value;
    enum floor_kind kind;
    double floor;
};

/* Prints the head of a section: figures are printed as they come. */
void report_section(const char *text);
/* Prints a figure and keeps it. */
void report_add(const struct figure *figure);
/* Prints and keeps a remark, such as why a row is missing. */
void report_note(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Prints which figures are worse by more than a tenth than those of an earlier
 * run's file; false: it cannot be read. */
bool report_compare(const char *path);
/* Writes everything to a file of JSON; false: it cannot be written. */
bool report_save(const char *path);
/* Says how many of the floors were reached. */
void report_end(void);
void report_free(void);

/* --- Times --- */

/* Times of many requests, in microseconds. */
struct samples {
    uint32_t *us;
    size_t count, size;
};

/* Adds a time; dies without memory. */
void samples_add(struct samples *self, int64_t ns);
/* Moves all of `from` into self. */
void samples_join(struct samples *self, struct samples *from);
/* Sorts; a second call finds them sorted. */
void samples_sort(struct samples *self);
/* Of sorted ones, in ms; part from 0 to 1; 0 if there are none. */
double samples_at_ms(const struct samples *self, double part);
void samples_free(struct samples *self);

#endif
