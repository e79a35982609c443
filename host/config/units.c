/* SPDX-License-Identifier: MIT */
/* host/config/units.c - durations and sizes as people write them. */
#include "host/config/units.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t worth;
};

/* Greatest last: the search for the shortest text goes upwards. */
static const struct unit durations[] = {
    {"ms", 1},
    {"s", 1000},
    {"min", 60 * 1000},
    {"h", 60 * 60 * 1000},
    {"d", 24 * 60 * 60 * 1000},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"B", 1},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {NULL, 0},
};

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}

static bool
parse(const struct unit *units, const char *text, int64_t *ret)
{
    const struct unit *unit;
    int64_t number = 0;
    size_t digits = strspn(text, "0123456789"), i;

    unit = digits > 0 ? find_unit(units, text + digits) : NULL;
    if (!unit)
        return false;
    for (i = 0; i < digits; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return false;
    if (__builtin_mul_overflow(number, unit->worth, &number))
        return false;
    *ret = number;
    return true;
}

static void
print(const struct unit *units, int64_t number, char *ret_text)
{
    const struct unit *unit = units, *next;

    for (next = units + 1; next->name; next++)
        if (number != 0 && number % next->worth == 0)
            unit = next;
    snprintf(ret_text, UNITS_TEXT, "%" PRId64 "%s", number / unit->worth,
             unit->name);
}

bool
units_duration(const char *text, int64_t *ret_ms)
{
    return parse(durations, text, ret_ms);
}

bool
units_size(const char *text, int64_t *ret_bytes)
{
    return parse(sizes, text, ret_bytes);
}

void
units_duration_text(int64_t ms, char *ret_text)
{
    print(durations, ms, ret_text);
}

void
units_size_text(int64_t bytes, char *ret_text)
{
    print(sizes, bytes, ret_text);
}
