/* SPDX-License-Identifier: MIT */
/* host/oauth/form.c - the parameters of an OAuth request. */
#include "host/oauth/form.h"

#include <string.h>
#include <strings.h>
#include <unistr.h>

#include "host/json.h"

void
form_start(struct form *form, struct factor_arena *arena)
{
    memset(form, 0, sizeof(*form));
    form->arena = arena;
}

/* --- Decoding. --- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two digits spell; -1: they do not.  The text ends in NUL. */
static int
escaped_byte(const char *digits)
{
    int high = hex_digit(digits[0]);
    int low = high < 0 ? -1 : hex_digit(digits[1]);

    return low < 0 ? -1 : high * 16 + low;
}

/* Parameters are texts (RFC 6749, appendix A): jansson refuses what is no
 * UTF-8, and nothing of ours needs a control byte. */
static bool
text_ok(const char *text)
{
    const char *at;

    for (at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return !u8_check((const uint8_t *)text, strlen(text));
}

char *
form_decode(struct factor_arena *arena, const char *text, size_t len)
{
    char *copy = arena_copy_len(arena, text, len);
    char *out = copy;
    const char *in;
    int byte;

    if (!copy || strlen(copy) != len)
        return NULL;
    for (in = copy; *in; in++) {
        byte = *in == '+' ? ' ' : (unsigned char)*in;
        if (*in == '%') {
            byte = escaped_byte(in + 1);
            if (byte <= 0)
                return NULL;
            in += 2;
        }
        *out++ = (char)byte;
    }
    *out = '\0';
    return text_ok(copy) ? copy : NULL;
}

/* --- Adding. --- */

static void
add(struct form *form, const char *name, const char *value)
{
    if (!name || !value || form->count == FORM_MAX) {
        form->malformed = true;
        return;
    }
    form->names[form->count] = name;
    form->values[form->count++] = value;
}

static void
add_pair(struct form *form, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;

    add(form, form_decode(form->arena, pair, name_len),
        form_decode(form->arena, pair + len - value_len, value_len));
}

void
form_add_text(struct form *form, const char *text, size_t len)
{
    const char *end = text + len, *next;

    while (text < end && !form->malformed) {
        next = memchr(text, '&', (size_t)(end - text));
        if (!next)
            next = end;
        if (next > text)
            add_pair(form, text, (size_t)(next - text));
        text = next + 1;
    }
}

static bool
add_query_pair(void *context, const char *name, const char *value)
{
    struct form *form = context;

    if (text_ok(name) && text_ok(value))
        add(form, arena_copy(form->arena, name),
            arena_copy(form->arena, value));
    else
        form->malformed = true;
    return !form->malformed;
}

void
form_add_query(struct form *form, const struct http_request *request)
{
    http_each_query(request, add_query_pair, form);
}

void
form_add_json(struct form *form, const json_t *object)
{
    const char *name, *text;
    json_t *value;

    if (!json_is_object(object)) {
        form->malformed = true;
        return;
    }
    json_object_foreach(json_unconst(object), name, value) {
        text = json_string_value(value);
        if (!text || strlen(text) != json_string_length(value) ||
            !text_ok(text))
            form->malformed = true;
        else
            add(form, arena_copy(form->arena, name),
                arena_copy(form->arena, text));
    }
}

/* --- Asking. --- */

const char *
form_get(const struct form *form, const char *name)
{
    size_t i;

    for (i = 0; i < form->count; i++)
        if (strcmp(form->names[i], name) == 0)
            return form->values[i][0] ? form->values[i] : NULL;
    return NULL;
}

bool
form_repeats(const struct form *form, const char *name)
{
    size_t i, j;

    for (i = 0; i < form->count; i++) {
        if (name && strcmp(form->names[i], name) != 0)
            continue;
        for (j = i + 1; j < form->count; j++)
            if (strcmp(form->names[i], form->names[j]) == 0)
                return true;
    }
    return false;
}

bool
form_type_is(const char *content_type, const char *media_type)
{
    size_t len = content_type ? strcspn(content_type, "; \t") : 0;

    return len > 0 && len == strlen(media_type) &&
           strncasecmp(content_type, media_type, len) == 0;
}
