/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_template.c - texts with {{names}} in them. */
#include "plugin/delivery-http/http_template.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 64 };

static const struct {
    const char *name;
    enum http_escape escape;
} escapes[] = {
    {"json", HTTP_ESCAPE_JSON},
    {"url", HTTP_ESCAPE_URL},
    {"xml", HTTP_ESCAPE_XML},
};

/* --- One character. --- */

static void
put_url(FILE *to, unsigned char c)
{
    static const char unreserved[] = "-._~";

    if (isalnum(c) || (c && strchr(unreserved, c)))
        fputc(c, to);
    else
        fprintf(to, "%%%02X", c);
}

static void
put_json(FILE *to, unsigned char c)
{
    if (c < 0x20 || c == 0x7f)
        fprintf(to, "\\u%04x", c);
    else
        fprintf(to, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
}

static void
put_xml(FILE *to, unsigned char c)
{
    if (c < 0x20 && !strchr("\t\n\r", c))
        fputc(' ', to); /* XML 1.0 has no way to write it */
    else if (strchr("&<>\"'", c))
        fprintf(to, "&#%d;", c);
    else
        fputc(c, to);
}

static void
put_char(FILE *to, enum http_escape escape, unsigned char c)
{
    switch (escape) {
    case HTTP_ESCAPE_URL:
        put_url(to, c);
        break;
    case HTTP_ESCAPE_HEADER:
        fputc(c < 0x20 || c == 0x7f ? ' ' : c, to);
        break;
    case HTTP_ESCAPE_JSON:
        put_json(to, c);
        break;
    case HTTP_ESCAPE_XML:
        put_xml(to, c);
        break;
    case HTTP_ESCAPE_NONE:
        fputc(c, to);
        break;
    }
}

void
http_wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* --- Names. --- */

/* What stands between the braces, taken apart. */
struct slot {
    char name[NAME_MAX_LEN];
    enum http_escape inner;
    bool good;        /* the name is no longer than one, the escape is known */
    const char *next; /* behind the braces */
};

static bool
find_escape(const char *name, enum http_escape *ret)
{
    size_t i;

    for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
        if (strcmp(escapes[i].name, name) == 0) {
            *ret = escapes[i].escape;
            return true;
        }
    return false;
}

/* The next slot; false: there is none.  *ret_start is where it begins. */
static bool
next_slot(const char *text, const char **ret_start, struct slot *ret)
{
    const char *start = strstr(text, "{{");
    const char *end = start ? strstr(start, "}}") : NULL;
    size_t len;
    char *bar;

    if (!end)
        return false;
    len = (size_t)(end - start) - 2;
    *ret = (struct slot){ .next = end + 2, .good = len < NAME_MAX_LEN };
    snprintf(ret->name, sizeof(ret->name), "%.*s", (int)len, start + 2);
    bar = strchr(ret->name, '|');
    if (bar && find_escape(bar + 1, &ret->inner))
        *bar = '\0';
    *ret_start = start;
    return true;
}

bool
http_unknown(const char *text, const json_t *values, char *ret_name,
             size_t size)
{
    struct slot slot;
    const char *start;

    for (; next_slot(text, &start, &slot); text = slot.next)
        if (!slot.good ||
            !json_is_string(json_object_get(values, slot.name))) {
            snprintf(ret_name, size, "%s", slot.name);
            return true;
        }
    return false;
}

/* --- Filling. --- */

static void
put_text(FILE *to, enum http_escape escape, const char *text)
{
    for (; *text; text++)
        put_char(to, escape, (unsigned char)*text);
}

/* The text alone, escaped.  NULL: no memory. */
static char *
escaped(const char *text, enum http_escape escape)
{
    char *written = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&written, &size);

    if (!to)
        return NULL;
    put_text(to, escape, text);
    if (fclose(to) == 0)
        return written;
    http_wipe(written);
    return NULL;
}

static bool
put_value(FILE *to, enum http_escape escape, const struct slot *slot,
          const json_t *values)
{
    const char *value =
        json_string_value(json_object_get(values, slot->name));
    char *inner = escaped(value ? value : "", slot->inner);

    if (inner)
        put_text(to, escape, inner);
    http_wipe(inner);
    return inner != NULL;
}

char *
http_fill(const char *text, enum http_escape escape, const json_t *values)
{
    char *filled = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&filled, &size);
    const char *start;
    struct slot slot;
    bool done = to != NULL;

    if (!to)
        return NULL;
    for (; done && next_slot(text, &start, &slot); text = slot.next) {
        fwrite(text, 1, (size_t)(start - text), to);
        done = put_value(to, escape, &slot, values);
    }
    fputs(text, to);
    if (fclose(to) == 0 && done)
        return filled;
    http_wipe(filled);
    return NULL;
}
