/* SPDX-License-Identifier: MIT */
/* host/config/problems.c - all that is wrong with a configuration, as lines.
 */
#include "host/config/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
problems_no_memory(struct problems *problems)
{
    problems->no_memory = true;
    problems->errors++;
}

/* "FILE:LINE: POINTER: ", as far as they are known. */
static void
print_place(FILE *out, const struct origin *where, const char *pointer)
{
    if (where && where->label && where->line > 0)
        fprintf(out, "%s:%zu: ", where->label, where->line);
    else if (where && where->label)
        fprintf(out, "%s: ", where->label);
    if (pointer && *pointer)
        fprintf(out, "%s: ", pointer);
}

/* One line it stays, whatever is quoted in it. */
static void
make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void
append(struct problems *problems, char *text, bool warning)
{
    struct problem *lines = reallocarray(problems->lines, problems->count + 1,
                                         sizeof(*lines));

    if (!lines) {
        problems_no_memory(problems);
        free(text);
        return;
    }
    problems->lines = lines;
    lines[problems->count++] = (struct problem){text, warning};
    if (!warning)
        problems->errors++;
}

void
problems_add_args(struct problems *problems, bool warning,
                  const struct origin *where, const char *pointer,
                  const char *format, va_list args)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        problems_no_memory(problems);
        return;
    }
    print_place(out, where, pointer);
    vfprintf(out, format, args);
    if (fclose(out) != 0 || !text) {
        free(text);
        problems_no_memory(problems);
        return;
    }
    make_printable(text);
    append(problems, text, warning);
}

void
problems_add(struct problems *problems, const struct origin *where,
             const char *pointer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problems_add_args(problems, false, where, pointer, format, args);
    va_end(args);
}

void
problems_warn(struct problems *problems, const struct origin *where,
              const char *pointer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problems_add_args(problems, true, where, pointer, format, args);
    va_end(args);
}

void
problems_clear(struct problems *problems)
{
    size_t i;

    if (!problems)
        return;
    for (i = 0; i < problems->count; i++)
        free(problems->lines[i].text);
    free(problems->lines);
    memset(problems, 0, sizeof(*problems));
}
