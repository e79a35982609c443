/* SPDX-License-Identifier: MIT */
/* host/log.c - one line an event on stderr: JSON, or text on a terminal. */
#include "host/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/json.h"

static int log_level = FACTOR_LOG_INFO;

static const char *const level_names[] = {"", "error", "warning", "info",
                                          "debug"};

void
log_set_level(int level)
{
    log_level = level;
}

static void
time_text(char *text, size_t len)
{
    int64_t now = clock_now_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    size_t used;

    gmtime_r(&seconds, &utc);
    used = strftime(text, len, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + used, len - used, ".%03dZ", (int)(now % 1000));
}

/* One write per line, so that lines of threads never mix. */
static void
write_line(const char *text)
{
    size_t len = strlen(text);
    char *line = malloc(len + 2);

    if (!line)
        return;
    memcpy(line, text, len);
    line[len] = '\n';
    line[len + 1] = '\0';
    if (write(STDERR_FILENO, line, len + 1) < 0) {
        /* nowhere to tell */
    }
    free(line);
}

static void
write_text(const char *part, int level, const char *message,
           const json_t *fields)
{
    char line[2048];
    char *more = json_compact(fields, NULL);

    snprintf(line, sizeof(line), "factord: %s%s%s: %s%s%s",
             level <= FACTOR_LOG_WARNING ? level_names[level] : "",
             level <= FACTOR_LOG_WARNING ? ": " : "", part, message,
             more ? " " : "", more ? more : "");
    write_line(line);
    free(more);
}

static void
write_json(const char *part, int level, const char *message,
           const json_t *fields)
{
    char now[40];
    json_t *line;
    char *text;

    time_text(now, sizeof(now));
    line = json_pack("{s:s, s:s, s:s, s:s}", "time", now, "level",
                     level_names[level], "part", part, "message", message);
    if (line && fields)
        json_object_update_missing(line, (json_t *)(uintptr_t)fields);
    text = json_compact(line, NULL);
    if (text)
        write_line(text);
    free(text);
    json_decref(line);
}

static void log_va(const char *part, int level, const json_t *fields,
                   const char *format, va_list args) FACTOR_PRINTF(4, 0);

static void
log_va(const char *part, int level, const json_t *fields, const char *format,
       va_list args)
{
    char message[1024];

    if (level > log_level || level < FACTOR_LOG_ERROR)
        return;
    vsnprintf(message, sizeof(message), format, args);
    if (isatty(STDERR_FILENO))
        write_text(part, level, message, fields);
    else
        write_json(part, level, message, fields);
}

void
log_event(const char *part, int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(part, level, NULL, format, args);
    va_end(args);
}

void
log_fields(const char *part, int level, const json_t *fields,
           const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(part, level, fields, format, args);
    va_end(args);
}
