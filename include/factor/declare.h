/* SPDX-License-Identifier: MIT */
/* factor/declare.h - macros that write the constant tables of a plugin.
 *
 *     .states = FACTOR_STATES(
 *         FACTOR_STATE(.name = "PIN_REQUIRED", .text = "Asks for the PIN.",
 *                      .actions = FACTOR_NAMES("checkPin"))),
 *
 * They write struct_size and the NULL that ends a list, and nothing else: the
 * tables are those of factor/model.h and factor/settings.h.  Use them outside
 * of functions only, where what they make is constant and lives as long as
 * the plugin; inside of a function it would end with its block.  For C; C++17
 * has no designated initialisers.
 */
#ifndef FACTOR_DECLARE_H
#define FACTOR_DECLARE_H

#include "factor/base.h"
#include "factor/model.h"
#include "factor/settings.h"

/* The first member of a struct that is written out. */
#define FACTOR_SIZED(name) .struct_size = sizeof(struct name)

/* One entry, by its members: FACTOR_FIELD(.name = "pin", .type = ...). */
#define FACTOR_FIELD(...)                                                      \
    &(const struct factor_field)                                               \
    {                                                                          \
        FACTOR_SIZED(factor_field), __VA_ARGS__                                \
    }
#define FACTOR_ACTION(...)                                                     \
    &(const struct factor_action)                                              \
    {                                                                          \
        FACTOR_SIZED(factor_action), __VA_ARGS__                               \
    }
#define FACTOR_STATE(...)                                                      \
    &(const struct factor_state)                                               \
    {                                                                          \
        FACTOR_SIZED(factor_state), __VA_ARGS__                                \
    }
#define FACTOR_SETTING(...)                                                    \
    &(const struct factor_setting)                                             \
    {                                                                          \
        FACTOR_SIZED(factor_setting), __VA_ARGS__                              \
    }

/* A detail code: the top-level code above it, a sentence for developers, and
 * the key of the user's text. */
#define FACTOR_CODE(name, top, sentence, key)                                  \
    &(const struct factor_code)                                                \
    {                                                                          \
        FACTOR_SIZED(factor_code), .code = (name), .parent = (top),            \
        .message = (sentence), .text = (key)                                   \
    }

/* A user's text in one language. */
#define FACTOR_TEXT(name, tongue, words)                                       \
    &(const struct factor_text)                                                \
    {                                                                          \
        FACTOR_SIZED(factor_text), .key = (name), .language = (tongue),        \
        .text = (words)                                                        \
    }

/* A list of such entries, or of names; NULL ends it by itself.  At least one:
 * leave a list that is empty out. */
#define FACTOR_FIELDS(...)                                                     \
    (const struct factor_field *const[])                                       \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define FACTOR_ACTIONS(...)                                                    \
    (const struct factor_action *const[])                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define FACTOR_STATES(...)                                                     \
    (const struct factor_state *const[])                                       \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define FACTOR_CODES(...)                                                      \
    (const struct factor_code *const[])                                        \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define FACTOR_TEXTS(...)                                                      \
    (const struct factor_text *const[])                                        \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define FACTOR_NAMES(...)                                                      \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }

#endif
