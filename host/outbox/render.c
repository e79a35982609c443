/* SPDX-License-Identifier: MIT */
/* host/outbox/render.c - the texts of a message, in its user's language. */
#include "host/outbox/render.h"

#include <stdint.h>
#include <string.h>

#include "host/json.h"

#define BRAND_DEFAULT "factord"

enum { LANGUAGES_MAX = 9 };

/* --- Variables. --- */

/* Characters that callers may not send: those between words become a space,
 * the rest is dropped. */
static const struct {
    uint32_t first, last;
    bool space;
} unwanted[] = {
    {0x0009, 0x000d, true},    /* tab and line ends */
    {0x0000, 0x001f, false},   {0x0085, 0x0085, true}, /* next line */
    {0x007f, 0x009f, false},   {0x061c, 0x061c, false},
    {0x200e, 0x200f, false},   {0x2028, 0x2029, true}, /* line, paragraph */
    {0x202a, 0x202e, false},   /* bidirectional embeddings, overrides */
    {0x2066, 0x2069, false},   /* and isolates */
    {0xfeff, 0xfeff, false},   {0xfff9, 0xfffb, false},
    {0xe0000, 0xe007f, false}, /* tags: text that nobody sees */
};

/* Bytes of the character at text, UTF-8 as jansson checked it; one that is
 * cut off counts byte by byte. */
static size_t
char_len(const char *text)
{
    unsigned char lead = (unsigned char)text[0];
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

    return strnlen(text, len) < len ? 1 : len;
}

static uint32_t
char_value(const char *text, size_t len)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = (unsigned char)text[0] & lead_bits[len];
    size_t i;

    if (len == 1 && value != (unsigned char)text[0])
        return 0; /* no character: unwanted */
    for (i = 1; i < len; i++)
        value = value << 6 | ((unsigned char)text[i] & 0x3f);
    return value;
}

/* Copy what is wanted, cut at the limit; returns the end. */
static char *
copy_wanted(char *to, const char *from)
{
    size_t count = 0, len, i;
    uint32_t value;

    for (; *from && count < RENDER_VARIABLE_MAX; from += len) {
        len = char_len(from);
        value = char_value(from, len);
        for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
            if (value >= unwanted[i].first && value <= unwanted[i].last)
                break;
        if (i == sizeof(unwanted) / sizeof(unwanted[0])) {
            memcpy(to, from, len);
            to += len;
            count++;
        } else if (unwanted[i].space) {
            *to++ = ' ';
            count++;
        }
    }
    *to = '\0';
    return to;
}

static void
cut_out(char *from, const char *to)
{
    memmove(from, to, strlen(to) + 1);
}

static bool
remove_scheme(char *text)
{
    char *mark = strstr(text, "://");

    if (!mark)
        return false;
    cut_out(mark, mark + strlen("://"));
    return true;
}

/* "@host #", also with an embedded "%host" between: what phones take for the
 * origin of the code behind it. */
static bool
remove_origin(char *text)
{
    char *mark, *end;

    for (mark = strchr(text, '@'); mark; mark = strchr(mark + 1, '@')) {
        end = mark + strcspn(mark, " ");
        end += strspn(end, " ");
        if (*end == '%') {
            end += strcspn(end, " ");
            end += strspn(end, " ");
        }
        if (*end == '#' && end[-1] == ' ') {
            cut_out(mark, end + 1);
            return true;
        }
    }
    return false;
}

static void
trim(char *text)
{
    size_t len;

    cut_out(text, text + strspn(text, " "));
    for (len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
        text[len - 1] = '\0';
}

/* What is taken out may leave behind what was to be taken out. */
static void
remove_marks(char *text)
{
    while (remove_scheme(text) || remove_origin(text))
        continue;
    trim(text);
}

char *
render_clean(struct factor_arena *arena, const char *value)
{
    char *clean = arena_alloc(arena, strlen(value) + 1);

    if (!clean)
        return NULL;
    copy_wanted(clean, value);
    remove_marks(clean);
    return clean;
}

/* Of a list each entry is cut by itself; together they may be what none of
 * them is. */
static char *
clean_list(struct factor_arena *arena, const json_t *list)
{
    char *all = arena_copy(arena, "");
    const char *text;
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry) {
        text = json_is_string(entry)
                   ? render_clean(arena, json_string_value(entry))
                   : "";
        all = all && text ? arena_format(arena, "%s%s%s", all,
                                         *all ? ", " : "", text)
                          : NULL;
    }
    if (all)
        remove_marks(all);
    return all;
}

static char *
clean_value(struct factor_arena *arena, const json_t *value)
{
    return json_is_array(value) ? clean_list(arena, value)
                                : render_clean(arena, json_string_value(value));
}

/* The message's variables, cleaned, and over them the host's own. */
static json_t *
clean_variables(const struct renderer *renderer, struct factor_arena *arena,
                const json_t *secret)
{
    json_t *clean = arena_keep_json(arena, json_object()), *value;
    const json_t *given = json_object_get(secret, "variables");
    const char *name, *text;
    bool done = clean != NULL;

    json_object_foreach(json_unconst(given), name, value)
        if (done && (json_is_string(value) || json_is_array(value))) {
            text = clean_value(arena, value);
            done = text && json_set_text(clean, name, text);
        }
    if (done && (renderer->brand || !json_object_get(clean, "brand")))
        done = json_set_text(clean, "brand", renderer->brand
                                                 ? renderer->brand
                                                 : BRAND_DEFAULT);
    return done && json_set_text(clean, "accent", renderer->accent) &&
                   json_set_text(clean, "code", json_text(secret, "code"))
               ? clean
               : NULL;
}

/* --- Texts. --- */

/* How a text and its values are written in a context. */
static char *
fill(struct factor_arena *arena, enum render_context context, const char *text,
     const json_t *variables)
{
    char *filled = text_fill(arena, text, variables), *at;

    if (context == RENDER_HEADER)
        for (at = filled; at && *at; at++)
            if (*at == '\n' || *at == '\r')
                *at = ' ';
    return filled;
}

static const char *
find_text(const struct renderer *renderer, struct factor_arena *arena,
          const json_t *body, const char *part, const char *const *languages,
          const char **ret_language)
{
    const char *key =
        arena_format(arena, "%s.%s.%s", json_text(body, "template"),
                     json_text(body, "channel"), part);

    return key ? texts_find_in(renderer->texts, key, languages, ret_language)
               : NULL;
}

static size_t
trimmed_len(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    return len;
}

/* Whether the last line of a text in the catalogue mentions what a caller
 * gave: any variable but ours. */
static bool
last_line_varies(struct factor_arena *arena, const char *text,
                 const json_t *variables)
{
    char *line = arena_copy_len(arena, text, trimmed_len(text)), *mark, *end;

    if (line && strrchr(line, '\n'))
        line = strrchr(line, '\n');
    for (mark = line; mark && (mark = strchr(mark, '{')); mark++) {
        end = strchr(mark, '}');
        if (!end)
            return false;
        *end = '\0';
        if (strcmp(mark + 1, "code") != 0 && strcmp(mark + 1, "brand") != 0 &&
            json_object_get(variables, mark + 1))
            return true;
        *end = '}';
    }
    return false;
}

/* The last line is what a phone reads a code and its origin from, so it is
 * always ours: the origin-bound line of an SMS (WICG, origin-bound one-time
 * codes), or the brand below a line that callers had a part in. */
static char *
add_last_line(const struct renderer *renderer, struct factor_arena *arena,
              const json_t *body, const char *template_text, char *text,
              const json_t *variables)
{
    const char *code = json_text(variables, "code");
    const char *channel = json_text(body, "channel");

    if (text && code && renderer->host && strcmp(channel, "sms") == 0)
        return arena_format(arena, "%.*s\n\n@%s #%s", (int)trimmed_len(text),
                            text, renderer->host, code);
    if (text && last_line_varies(arena, template_text, variables))
        return arena_format(arena, "%.*s\n%s", (int)trimmed_len(text), text,
                            json_text(variables, "brand"));
    return text;
}

static void
list_languages(const json_t *list, const char *ret_tags[LANGUAGES_MAX + 1])
{
    const json_t *tag;
    size_t i, count = 0;

    json_array_foreach(list, i, tag)
        if (json_is_string(tag) && count < LANGUAGES_MAX)
            ret_tags[count++] = json_string_value(tag);
    ret_tags[count] = NULL;
}

factor_status
render_message(const struct renderer *renderer, struct factor_arena *arena,
               const json_t *body, struct rendered *ret_rendered)
{
    const char *languages[LANGUAGES_MAX + 1], *text, *subject, *other;
    struct rendered done = {0};
    const json_t *variables =
        clean_variables(renderer, arena, json_object_get(body, "secret"));

    if (!variables)
        return FACTOR_E_NOMEM;
    list_languages(json_object_get(body, "languages"), languages);
    text = find_text(renderer, arena, body, "text", languages, &done.language);
    subject = find_text(renderer, arena, body, "subject", languages, &other);
    if (!text)
        return FACTOR_E_NOTFOUND;
    done.variables = variables;
    done.text = add_last_line(renderer, arena, body, text,
                              fill(arena, RENDER_PLAIN, text, variables),
                              variables);
    if (subject)
        done.subject = fill(arena, RENDER_HEADER, subject, variables);
    if (!done.text || (subject && !done.subject))
        return FACTOR_E_NOMEM;
    *ret_rendered = done;
    return FACTOR_OK;
}

bool
render_host(const char *url, char ret_host[RENDER_HOST_SIZE])
{
    const char *host = url ? strstr(url, "://") : NULL;
    size_t len;

    if (!host)
        return false;
    host += strlen("://");
    /* An IPv6 address keeps its brackets. */
    len = *host == '[' ? strcspn(host, "]/") + 1 : strcspn(host, ":/?#");
    if (len == 0 || len > strcspn(host, "/?#") || len >= RENDER_HOST_SIZE)
        return false;
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
    return true;
}
