/* SPDX-License-Identifier: MIT */
/* factor/instant.h - instants as REST resources write them: RFC 3339, UTC,
 * with milliseconds, "2026-03-04T10:15:30.123Z".
 *
 * Pure; any thread; nothing is allocated.
 */
#ifndef FACTOR_INSTANT_H
#define FACTOR_INSTANT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an instant as text, with its NUL. */
#define FACTOR_INSTANT_SIZE 25

/* Days from 1970-01-01 to the first of a month (1 to 12; any number counts on
 * into other years) of the proleptic Gregorian calendar, from year 0 on: years
 * that begin in March end with the leap day. */
static inline int64_t
factor_days_before(int64_t year, int64_t month)
{
    int64_t months = year * 12 + month - 3, years = months / 12;

    return years * 365 + years / 4 - years / 100 + years / 400 +
           (months % 12 * 153 + 2) / 5 - 719468;
}

/* Milliseconds since 1970-01-01 UTC, of years 1 to 9999, as text; others as
 * the empty text. */
static inline void
factor_instant_text(int64_t at_ms, char ret_text[FACTOR_INSTANT_SIZE])
{
    int64_t days = at_ms / 86400000, ms = at_ms % 86400000, year, month = 12;
    char text[160];

    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    ret_text[0] = '\0';
    if (days < factor_days_before(1, 1) || days >= factor_days_before(10000, 1))
        return;
    year = 1970 + (days < 0 ? days / 365 - 1 : days / 366);
    while (factor_days_before(year + 1, 1) <= days)
        year++;
    while (factor_days_before(year, month) > days)
        month--;
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             (int)year, (int)month,
             (int)(days - factor_days_before(year, month)) + 1,
             (int)(ms / 3600000), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
    memcpy(ret_text, text, FACTOR_INSTANT_SIZE);
}

/* The instant that a text of this very form says.  False: it is of another
 * form, or there is no such day or time. */
static inline bool
factor_instant_read(const char *text, int64_t *ret_ms)
{
    char again[FACTOR_INSTANT_SIZE];
    int year, month, day, hour, minute, second, ms, end = 0;

    if (strlen(text) != FACTOR_INSTANT_SIZE - 1 ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day,
               &hour, &minute, &second, &ms, &end) != 7 ||
        end != FACTOR_INSTANT_SIZE - 1 || month < 1)
        return false;
    *ret_ms = (factor_days_before(year, month) + day - 1) * 86400000 +
              hour * INT64_C(3600000) + minute * INT64_C(60000) +
              second * INT64_C(1000) + ms;
    factor_instant_text(*ret_ms, again);
    return strcmp(again, text) == 0;
}

#ifdef __cplusplus
}
#endif

#endif
