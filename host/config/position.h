/* SPDX-License-Identifier: MIT */
/* host/config/position.h - at which line of a JSON text each value stands. */
#ifndef HOST_CONFIG_POSITION_H
#define HOST_CONFIG_POSITION_H

#include <stdbool.h>
#include <stddef.h>

/* Called for every value: its JSON pointer ("" for the whole text) and its
 * line, from 1; of a member of an object, the line of its key. */
typedef void position_fn(void *context, const char *pointer, size_t line);

/* Walk a text (len bytes) that a JSON parser has accepted.  False without
 * memory, or if the text is no JSON after all. */
bool position_scan(const char *text, size_t len, position_fn *found,
                   void *context);

#endif
