/* SPDX-License-Identifier: MIT */
/* testlib/util.c - small helpers of the test library. */
#include "testlib/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
fake_must(void *memory)
{
    if (!memory) {
        fputs("factor-test: out of memory\n", stderr);
        abort();
    }
    return memory;
}

char *
fake_copy_text(const char *text)
{
    return text ? fake_must(strdup(text)) : NULL;
}

json_t *
fake_text(const char *text)
{
    json_t *value = text ? json_string(text) : json_null();

    /* Text that is no UTF-8 must not pass for "none". */
    return value ? value : fake_must(json_string("(not UTF-8)"));
}

void
fake_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, fake_must(value)))
        fake_must(NULL);
}

const char *
fake_get(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

json_int_t
fake_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool
fake_say(char *problem, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(problem, PROBLEM_LEN, format, args);
    va_end(args);
    return false;
}
