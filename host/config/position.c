/* SPDX-License-Identifier: MIT */
/* host/config/position.c - at which line of a JSON text each value stands.
 *
 * A parser has accepted the text before: this one only keeps step with it.
 * It still never reads past the end, and gives up where it does not see what
 * it expects. */
#include "host/config/position.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 2048 }; /* as jansson */

struct scan {
    const char *next, *end;
    size_t line;
    size_t depth;
    char *pointer; /* of the value being read */
    size_t used;   /* its length */
    size_t size;
    position_fn *found;
    void *context;
};

static bool scan_value(struct scan *scan, size_t line);

/* The byte to come, or 0 at the end. */
static char
peek(const struct scan *scan)
{
    return scan->next < scan->end ? *scan->next : '\0';
}

static void
skip_space(struct scan *scan)
{
    while (scan->next < scan->end && strchr(" \t\r\n", *scan->next) &&
           *scan->next) {
        if (*scan->next == '\n')
            scan->line++;
        scan->next++;
    }
}

static bool
take(struct scan *scan, char byte)
{
    skip_space(scan);
    if (peek(scan) != byte)
        return false;
    scan->next++;
    return true;
}

/* Past a string, quotes included. */
static bool
skip_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->next < scan->end && *scan->next != '"') {
        if (*scan->next == '\\')
            scan->next++;
        scan->next++;
    }
    if (scan->next >= scan->end)
        return false;
    scan->next++;
    return true;
}

static bool
push_byte(struct scan *scan, char byte)
{
    size_t size = scan->size ? scan->size * 2 : 256;
    char *grown;

    if (scan->used + 1 >= scan->size) {
        grown = realloc(scan->pointer, size);
        if (!grown)
            return false;
        scan->pointer = grown;
        scan->size = size;
    }
    scan->pointer[scan->used++] = byte;
    scan->pointer[scan->used] = '\0';
    return true;
}

/* RFC 6901: "~" is "~0" and "/" is "~1". */
static bool
push_token(struct scan *scan, const char *token)
{
    bool pushed = push_byte(scan, '/');

    for (; *token && pushed; token++) {
        if (*token == '~')
            pushed = push_byte(scan, '~') && push_byte(scan, '0');
        else if (*token == '/')
            pushed = push_byte(scan, '~') && push_byte(scan, '1');
        else
            pushed = push_byte(scan, *token);
    }
    return pushed;
}

static void
pop_to(struct scan *scan, size_t used)
{
    scan->used = used;
    if (scan->pointer)
        scan->pointer[used] = '\0';
}

/* A key, its escapes undone, goes to the end of the pointer. */
static bool
scan_key(struct scan *scan, size_t *ret_line)
{
    const char *start;
    json_t *key;
    bool pushed;

    skip_space(scan);
    *ret_line = scan->line;
    start = scan->next;
    if (!skip_string(scan))
        return false;
    key = json_loadb(start, (size_t)(scan->next - start), JSON_DECODE_ANY,
                     NULL);
    pushed = json_is_string(key) && push_token(scan, json_string_value(key));
    json_decref(key);
    return pushed;
}

static bool
scan_member(struct scan *scan)
{
    size_t used = scan->used, line;
    bool whole = scan_key(scan, &line) && take(scan, ':') &&
                 scan_value(scan, line);

    pop_to(scan, used);
    return whole;
}

static bool
scan_element(struct scan *scan, size_t index)
{
    size_t used = scan->used;
    char token[24];
    bool whole;

    snprintf(token, sizeof(token), "%zu", index);
    skip_space(scan);
    whole = push_token(scan, token) && scan_value(scan, scan->line);
    pop_to(scan, used);
    return whole;
}

static bool
scan_container(struct scan *scan, char close)
{
    size_t index = 0;

    scan->next++;
    if (take(scan, close))
        return true;
    do {
        if (close == '}' ? !scan_member(scan) : !scan_element(scan, index++))
            return false;
    } while (take(scan, ','));
    return take(scan, close);
}

/* A number, true, false or null. */
static bool
skip_word(struct scan *scan)
{
    const char *start = scan->next;

    while (scan->next < scan->end && *scan->next &&
           !strchr(" \t\r\n,]}", *scan->next))
        scan->next++;
    return scan->next > start;
}

static bool
scan_value(struct scan *scan, size_t line)
{
    bool whole;

    if (scan->depth >= DEEPEST)
        return false;
    scan->found(scan->context, scan->pointer ? scan->pointer : "", line);
    skip_space(scan);
    scan->depth++;
    if (peek(scan) == '{')
        whole = scan_container(scan, '}');
    else if (peek(scan) == '[')
        whole = scan_container(scan, ']');
    else if (peek(scan) == '"')
        whole = skip_string(scan);
    else
        whole = skip_word(scan);
    scan->depth--;
    return whole;
}

bool
position_scan(const char *text, size_t len, position_fn *found, void *context)
{
    struct scan scan = {
        .next = text,
        .end = text + len,
        .line = 1,
        .found = found,
        .context = context,
    };
    bool whole;

    skip_space(&scan);
    whole = scan_value(&scan, scan.line);
    skip_space(&scan);
    free(scan.pointer);
    return whole && scan.next == scan.end;
}
