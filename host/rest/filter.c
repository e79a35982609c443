/* SPDX-License-Identifier: MIT */
/* host/rest/filter.c - the filters that REST resources take. */
#include "host/rest/filter.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 8 };

/* Where in the text we are; NULL: it is no filter of ours. */
struct reader {
    const char *at;
    const char *const *attributes;
    json_t *found;
    int depth; /* of parentheses */
};

static void
skip_blanks(struct reader *reader)
{
    reader->at += strspn(reader->at, " ");
}

static bool
take_byte(struct reader *reader, char byte)
{
    skip_blanks(reader);
    if (*reader->at != byte)
        return false;
    reader->at++;
    return true;
}

/* Operators are written in either case (RFC 7644 3.4.2.2). */
static bool
take_word(struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    skip_blanks(reader);
    if (strncasecmp(reader->at, word, len) != 0 ||
        (reader->at[len] != ' ' && reader->at[len] != '('))
        return false;
    reader->at += len;
    return true;
}

static const char *
take_attribute(struct reader *reader)
{
    const char *const *name;

    for (name = reader->attributes; *name; name++)
        if (take_word(reader, *name))
            return *name;
    return NULL;
}

/* A JSON string (RFC 7644, figure 1: compValue). */
static json_t *
take_value(struct reader *reader)
{
    json_error_t where;
    json_t *value;

    skip_blanks(reader);
    value = json_loads(reader->at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK,
                       &where);
    if (json_is_string(value)) {
        reader->at += where.position;
        return value;
    }
    json_decref(value);
    return NULL;
}

static bool
take_comparison(struct reader *reader)
{
    const char *name = take_attribute(reader);
    json_t *value = NULL;

    if (name && !json_object_get(reader->found, name) &&
        take_word(reader, "eq"))
        value = take_value(reader);
    return value && json_object_set_new(reader->found, name, value) == 0;
}

static bool
take_filter(struct reader *reader)
{
    do {
        while (take_byte(reader, '('))
            if (++reader->depth > DEPTH_MAX)
                return false;
        if (!take_comparison(reader))
            return false;
        while (reader->depth > 0 && take_byte(reader, ')'))
            reader->depth--;
    } while (take_word(reader, "and"));
    skip_blanks(reader);
    return reader->depth == 0 && *reader->at == '\0';
}

json_t *
filter_read(const char *filter, const char *const *attributes)
{
    struct reader reader = {filter, attributes, json_object(), 0};

    if (reader.found && take_filter(&reader))
        return reader.found;
    json_decref(reader.found);
    return NULL;
}

json_t *
filter_offer(const char *const *attributes)
{
    json_t *names = json_array();

    for (; *attributes; attributes++)
        json_array_append_new(names, json_string(*attributes));
    return json_pack("{s:o, s:[s, s]}", "supportedAttributes", names,
                     "supportedOperators", "eq", "and");
}
