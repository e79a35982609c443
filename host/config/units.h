/* SPDX-License-Identifier: MIT */
/* host/config/units.h - durations and sizes as people write them. */
#ifndef HOST_CONFIG_UNITS_H
#define HOST_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

enum { UNITS_TEXT = 32 }; /* bytes that any number with a unit takes */

/* "200ms", "90s", "5min", "24h", "7d": a whole number and one unit.  False,
 * and *ret untouched, for anything else, too great a number included. */
bool units_duration(const char *text, int64_t *ret_ms);

/* "512B", "64KiB", "4MiB", "1GiB". */
bool units_size(const char *text, int64_t *ret_bytes);

/* The shortest way to write it; ret_text takes UNITS_TEXT bytes. */
void units_duration_text(int64_t ms, char *ret_text);
void units_size_text(int64_t bytes, char *ret_text);

#endif
