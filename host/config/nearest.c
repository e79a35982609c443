/* SPDX-License-Identifier: MIT */
/* host/config/nearest.c - "did you mean X?" */
#include <ctype.h>
#include <string.h>

#include "host/config/settings.h"

enum { LONGEST = 63 }; /* bytes of a name that is compared */

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool
same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters must be put in, left out, changed or swapped with their
 * neighbour (optimal string alignment). */
static size_t
distance(const char *from, const char *to)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2], *turn;
    size_t from_len = strlen(from), to_len = strlen(to), i, j;

    for (j = 0; j <= to_len; j++)
        row[j] = j;
    for (i = 1; i <= from_len; i++) {
        turn = before;
        before = last;
        last = row;
        row = turn;
        row[0] = i;
        for (j = 1; j <= to_len; j++) {
            row[j] = last[j - 1] + !same(from[i - 1], to[j - 1]);
            row[j] = least(row[j], least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(from[i - 1], to[j - 2]) &&
                same(from[i - 2], to[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[to_len];
}

const char *
settings_nearest(const char *const *names, const char *name)
{
    const char *nearest = NULL;
    size_t limit = strlen(name) / 3 + 1, found;

    if (strlen(name) > LONGEST)
        return NULL;
    for (; *names; names++) {
        found = strlen(*names) <= LONGEST ? distance(name, *names) : limit + 1;
        if (found >= strlen(*names) || found > limit)
            continue; /* nothing in common, or too far */
        if (nearest && found == limit)
            continue;
        nearest = *names;
        limit = found;
    }
    return nearest;
}
