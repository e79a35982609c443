/* SPDX-License-Identifier: MIT */
/* host/text.c - the catalogue of texts that users read. */
#include "host/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json.h"

struct texts {
    json_t *languages; /* language -> key -> text */
};

static const struct {
    const char *key, *language, *text;
} own[] = {
    {"authn.api.missing.required.field", "en", "A value is needed here."},
    {"authn.api.missing.required.field", "de", "Hier fehlt eine Angabe."},
    {"authn.api.invalid.field.format", "en", "This value is not valid."},
    {"authn.api.invalid.field.format", "de", "Diese Angabe ist ung\u00fcltig."},
    {"authn.api.unexpected.action.model", "en", "Nothing is expected here."},
    {"authn.api.unexpected.action.model", "de",
     "Hier wird keine Angabe erwartet."},
    {"factord.policy.failed", "en", "Sign-on was not completed."},
    {"factord.policy.failed", "de",
     "Die Anmeldung wurde nicht abgeschlossen."},
    {"factord.busy", "en",
     "There is too much going on right now. Please try again in a moment."},
    {"factord.busy", "de",
     "Gerade ist zu viel los. Bitte versuchen Sie es gleich noch einmal."},
    {"factord.unexpected", "en",
     "Something went wrong on our side. Please try again."},
    {"factord.unexpected", "de",
     "Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal."},
    {"factord.ended", "en",
     "This sign-on has ended. Please start again."},
    {"factord.ended", "de",
     "Diese Anmeldung ist beendet. Bitte beginnen Sie von vorn."},
    {"factord.not.now", "en", "That is not possible at this point."},
    {"factord.not.now", "de", "Das ist an dieser Stelle nicht m\u00f6glich."},
    {"factord.no.page", "en", "There is no such page."},
    {"factord.no.page", "de", "Diese Seite gibt es nicht."},
    {"factord.bad.request", "en", "The request could not be understood."},
    {"factord.bad.request", "de", "Die Anfrage war nicht verst\u00e4ndlich."},
};

/* An entry that stands already is kept: the first to name it wins. */
static bool
add(struct texts *texts, const char *language, const char *key,
    const char *text)
{
    json_t *keys = json_object_get(texts->languages, language);

    if (!keys) {
        keys = json_object();
        if (json_object_set_new(texts->languages, language, keys) != 0)
            return false;
    }
    return json_object_get(keys, key) ||
           json_object_set_new(keys, key, json_string(text)) == 0;
}

static bool
add_operators(struct texts *texts, const json_t *operators)
{
    const char *language, *key;
    json_t *keys, *text;
    bool done = true;

    json_object_foreach(json_unconst(operators), language, keys)
        json_object_foreach(keys, key, text)
            if (json_is_string(text))
                done = done &&
                       add(texts, language, key, json_string_value(text));
    return done;
}

struct texts *
texts_new(const json_t *operators)
{
    struct texts *texts = calloc(1, sizeof(*texts));
    bool done;
    size_t i;

    if (!texts)
        return NULL;
    texts->languages = json_object();
    done = texts->languages && add_operators(texts, operators);
    for (i = 0; done && i < sizeof(own) / sizeof(own[0]); i++)
        done = add(texts, own[i].language, own[i].key, own[i].text);
    if (!done) {
        texts_free(texts);
        return NULL;
    }
    return texts;
}

void
texts_free(struct texts *texts)
{
    if (!texts)
        return;
    json_decref(texts->languages);
    free(texts);
}

factor_status
texts_add(struct texts *texts, const struct factor_text *const *list)
{
    for (; list && *list; list++)
        if (!add(texts, (*list)->language, (*list)->key, (*list)->text))
            return FACTOR_E_NOMEM;
    return FACTOR_OK;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

void
texts_each(const struct texts *texts, const char *begin, const char *end,
           void (*found)(void *context, const char *key, const char *language),
           void *context)
{
    const char *language, *key;
    json_t *keys, *text;

    json_object_foreach(texts->languages, language, keys)
        json_object_foreach(keys, key, text)
            if (strncmp(key, begin, strlen(begin)) == 0 && ends_with(key, end))
                found(context, key, language);
}

/* "de-at" is looked up as "de-at", then as "de". */
static const char *
find_language(const struct texts *texts, const char *language, const char *key,
              const char **ret_language)
{
    char tag[36];
    char *dash;
    const json_t *keys;
    const char *text;

    if ((size_t)snprintf(tag, sizeof(tag), "%s", language) >= sizeof(tag))
        return NULL;
    for (;;) {
        keys = json_object_get(texts->languages, tag);
        text = json_text(keys, key);
        if (text) {
            *ret_language = json_object_iter_key(
                json_object_iter_at(texts->languages, tag));
            return text;
        }
        dash = strrchr(tag, '-');
        if (!dash)
            return NULL;
        *dash = '\0';
    }
}

const char *
texts_find_in(const struct texts *texts, const char *key,
              const char *const *languages, const char **ret_language)
{
    const char *text = NULL;

    for (; languages && *languages && !text; languages++)
        text = find_language(texts, *languages, key, ret_language);
    return text ? text : find_language(texts, "en", key, ret_language);
}

const char *
texts_find(const struct texts *texts, const char *key,
           const char *const *languages)
{
    const char *language;

    return key ? texts_find_in(texts, key, languages, &language) : NULL;
}

/* --- Accept-Language (RFC 9110 12.5.4). --- */

enum { LANGUAGES_MAX = 8 };

struct wanted {
    char *tag;
    double quality;
};

static bool
parse_wanted(struct factor_arena *arena, const char *item, size_t len,
             struct wanted *ret_wanted)
{
    size_t tag_len = strcspn(item, ";, \t"), i;
    const char *quality;

    if (tag_len > len)
        tag_len = len;
    ret_wanted->tag = arena_copy_len(arena, item, tag_len);
    if (!ret_wanted->tag || tag_len == 0 || tag_len > 35)
        return false;
    for (i = 0; i < tag_len; i++) {
        if (!isalnum((unsigned char)item[i]) && item[i] != '-')
            return false;
        ret_wanted->tag[i] = (char)tolower((unsigned char)item[i]);
    }
    quality = memmem(item, len, "q=", 2);
    ret_wanted->quality = quality ? strtod(quality + 2, NULL) : 1.0;
    return ret_wanted->quality > 0;
}

/* Insertion keeps the order of equal qualities. */
static void
insert_wanted(struct wanted *list, size_t count, struct wanted wanted)
{
    for (; count > 0 && list[count - 1].quality < wanted.quality; count--)
        list[count] = list[count - 1];
    list[count] = wanted;
}

const char *const *
text_languages(struct factor_arena *arena, const char *accept_language)
{
    struct wanted list[LANGUAGES_MAX], wanted;
    const char *item = accept_language ? accept_language : "";
    const char **tags;
    size_t count = 0, len, i;

    while (*item && count < LANGUAGES_MAX) {
        item += strspn(item, ", \t");
        len = strcspn(item, ",");
        if (len && parse_wanted(arena, item, len, &wanted))
            insert_wanted(list, count++, wanted);
        item += len;
    }
    tags = arena_alloc(arena, (count + 2) * sizeof(*tags));
    if (!tags)
        return NULL;
    for (i = 0; i < count; i++)
        tags[i] = list[i].tag;
    tags[count] = "en";
    return tags;
}

const char *const *
text_languages_with(struct factor_arena *arena, const char *locale,
                    const char *const *languages)
{
    char *tag = arena_copy(arena, locale), *at;
    const char **list;
    size_t count = 0;

    for (at = tag; at && *at; at++)
        *at = (char)(*at == '_' ? '-' : tolower((unsigned char)*at));
    while (languages[count])
        count++;
    list = arena_alloc(arena, (count + 2) * sizeof(*list));
    if (!tag || !list)
        return languages;
    list[0] = tag;
    memcpy(list + 1, languages, count * sizeof(*list));
    return list;
}

/* --- Variables. --- */

/* The value of the variable at `text` ("{name}..."), and the length of its
 * mention; NULL: none, or unknown. */
static const char *
variable_at(const char *text, const json_t *variables, size_t *ret_len)
{
    char name[64];
    size_t len = strcspn(text + 1, "}");

    if (text[1 + len] != '}' || len == 0 || len >= sizeof(name))
        return NULL;
    memcpy(name, text + 1, len);
    name[len] = '\0';
    *ret_len = len + 2;
    return json_text(variables, name);
}

char *
text_fill(struct factor_arena *arena, const char *text,
          const json_t *variables)
{
    char *filled = NULL;
    size_t size = 0, len;
    FILE *out = open_memstream(&filled, &size);
    const char *value;
    char *copy = NULL;

    if (!out)
        return NULL;
    while (*text) {
        value = *text == '{' ? variable_at(text, variables, &len) : NULL;
        if (value) {
            fputs(value, out);
            text += len;
        } else {
            fputc(*text++, out);
        }
    }
    if (fclose(out) == 0)
        copy = arena_copy_len(arena, filled, size);
    if (filled)
        explicit_bzero(filled, size);
    free(filled);
    return copy;
}
