/* SPDX-License-Identifier: MIT */
/* host/error.c - filling a struct factor_error. */
#include "host/error.h"

#include <stdarg.h>
#include <stdio.h>

factor_status
error_set(struct factor_error *err, factor_status code, const char *format, ...)
{
    va_list args;

    if (!err)
        return code;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}
