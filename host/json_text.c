/* SPDX-License-Identifier: MIT */
/* host/json_text.c - compact JSON text, as json_dumps() makes it with
 * JSON_COMPACT, in a fifth of the instructions: a callback for each token and
 * a look at each character are half of what a record costs to write. */
#include <stdlib.h>
#include <string.h>

#include "host/json.h"

enum { FIRST_SIZE = 1024, NUMBER_SIZE = 32 };

struct out {
    char *text;
    size_t len, size;
    bool failed;
};

/* Secrets do not stay behind in what was outgrown (K4). */
static void
grow(struct out *out, size_t least)
{
    size_t size = out->size ? out->size * 2 : FIRST_SIZE;
    char *text;

    while (size < least)
        size *= 2;
    text = malloc(size);
    if (!text) {
        out->failed = true;
        return;
    }
    if (out->text) {
        memcpy(text, out->text, out->len);
        explicit_bzero(out->text, out->len);
        free(out->text);
    }
    out->text = text;
    out->size = size;
}

/* Where so many bytes may be put; NULL without memory. */
static char *
room(struct out *out, size_t len)
{
    char *place;

    if (!out->failed && out->size - out->len < len)
        grow(out, out->len + len);
    if (out->failed)
        return NULL;
    place = out->text + out->len;
    out->len += len;
    return place;
}

static void
put(struct out *out, const char *bytes, size_t len)
{
    char *place = room(out, len);

    if (place)
        memcpy(place, bytes, len);
}

static void
put_character(struct out *out, char character)
{
    put(out, &character, 1);
}

/* --- Strings. --- */

static bool
is_plain(unsigned char byte)
{
    return byte >= ' ' && byte != '"' && byte != '\\';
}

static void
put_escape(struct out *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char letters[] = "btn?fr"; /* of 8 to 13 */
    char escape[] = "\\u0000";

    if (byte == '"' || byte == '\\')
        escape[1] = (char)byte;
    else if (byte >= '\b' && byte <= '\r' && byte != '\v')
        escape[1] = letters[byte - '\b'];
    escape[4] = digits[byte >> 4];
    escape[5] = digits[byte & 15];
    put(out, escape, escape[1] == 'u' ? 6 : 2);
}

static void
put_string(struct out *out, const char *text, size_t len)
{
    size_t at = 0, run;

    put_character(out, '"');
    while (at < len) {
        for (run = at; run < len && is_plain((unsigned char)text[run]);)
            run++;
        put(out, text + at, run - at);
        if (run < len)
            put_escape(out, (unsigned char)text[run++]);
        at = run;
    }
    put_character(out, '"');
}

/* --- Numbers. --- */

static void
put_integer(struct out *out, json_int_t value)
{
    char text[NUMBER_SIZE];
    size_t at = sizeof(text);
    unsigned long long left = value < 0 ? 0ULL - (unsigned long long)value
                                        : (unsigned long long)value;

    do
        text[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        text[--at] = '-';
    put(out, text + at, sizeof(text) - at);
}

/* There are hardly any: as the library writes them. */
static void
put_real(struct out *out, const json_t *json)
{
    char text[NUMBER_SIZE];
    size_t len =
        json_dumpb(json, text, sizeof(text), JSON_ENCODE_ANY | JSON_COMPACT);

    if (len == 0 || len > sizeof(text))
        out->failed = true;
    else
        put(out, text, len);
}

/* --- Values. --- */

static void put_value(struct out *out, const json_t *json);

static void
put_array(struct out *out, const json_t *json)
{
    size_t count = json_array_size(json), i;

    put_character(out, '[');
    for (i = 0; i < count; i++) {
        if (i > 0)
            put_character(out, ',');
        put_value(out, json_array_get(json, i));
    }
    put_character(out, ']');
}

static void
put_object(struct out *out, const json_t *json)
{
    json_t *object = json_unconst(json), *value;
    const char *key;
    size_t len;
    bool first = true;

    put_character(out, '{');
    json_object_keylen_foreach(object, key, len, value) {
        if (!first)
            put_character(out, ',');
        first = false;
        put_string(out, key, len);
        put_character(out, ':');
        put_value(out, value);
    }
    put_character(out, '}');
}

static void
put_value(struct out *out, const json_t *json)
{
    if (!json) {
        out->failed = true;
        return;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT: put_object(out, json); break;
    case JSON_ARRAY: put_array(out, json); break;
    case JSON_STRING:
        put_string(out, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER: put_integer(out, json_integer_value(json)); break;
    case JSON_REAL: put_real(out, json); break;
    case JSON_TRUE: put(out, "true", 4); break;
    case JSON_FALSE: put(out, "false", 5); break;
    case JSON_NULL: put(out, "null", 4); break;
    }
}

char *
json_compact(const json_t *json, size_t *ret_len)
{
    struct out out = {0};
    char *end;

    put_value(&out, json);
    end = room(&out, 1);
    if (!end) {
        if (out.text)
            explicit_bzero(out.text, out.len);
        free(out.text);
        return NULL;
    }
    *end = '\0';
    if (ret_len)
        *ret_len = out.len - 1;
    return out.text;
}
