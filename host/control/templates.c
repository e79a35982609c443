/* SPDX-License-Identifier: MIT */
/* host/control/templates.c - messages as users would get them. */
#include "host/control/templates.h"

#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/outbox/render.h"

#define TEXT_PART ".text"
#define SAMPLE_CODE "123456"

static const char *const channels[] = {"email", "sms", "voice", "push"};

/* "TEMPLATE.CHANNEL.text" taken apart; false: it is no such key. */
static bool
split(const char *key, char *ret_template, size_t size,
      const char **ret_channel)
{
    const char *end = key + strlen(key) - strlen(TEXT_PART), *dot = end;
    size_t i, len;

    while (dot > key && dot[-1] != '.')
        dot--;
    for (i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
        len = strlen(channels[i]);
        if (dot > key && (size_t)(end - dot) == len &&
            memcmp(dot, channels[i], len) == 0 &&
            (size_t)(dot - 1 - key) < size) {
            memcpy(ret_template, key, (size_t)(dot - 1 - key));
            ret_template[dot - 1 - key] = '\0';
            *ret_channel = channels[i];
            return true;
        }
    }
    return false;
}

/* --- Which there are. --- */

static json_t *
find_item(json_t *list, const char *template, const char *channel)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        if (strcmp(json_text(item, "template"), template) == 0 &&
            strcmp(json_text(item, "channel"), channel) == 0)
            return item;
    item = json_pack("{s:s, s:s, s:[]}", "template", template, "channel",
                     channel, "languages");
    json_array_append_new(list, item);
    return item;
}

static void
add_to_list(void *context, const char *key, const char *language)
{
    char template[128];
    const char *channel;
    json_t *item;

    if (!split(key, template, sizeof(template), &channel))
        return;
    item = find_item(context, template, channel);
    json_array_append_new(json_object_get(item, "languages"),
                          json_string(language));
}

json_t *
templates_list(const struct host *host)
{
    json_t *list = json_array();

    if (list)
        texts_each(host->texts, "", TEXT_PART, add_to_list, list);
    return list;
}

/* --- How one looks. --- */

/* The body of an outbox row, as far as it is rendered. */
static json_t *
sample_row(const char *name, const char *channel, const char *language)
{
    return json_pack("{s:s, s:s, s:[s, s], s:{s:s}}", "template", name,
                     "channel", channel, "languages", language, "en",
                     "secret", "code", SAMPLE_CODE);
}

static factor_status
show(const struct host *host, struct factor_arena *arena, const json_t *row,
     json_t *shown)
{
    struct rendered rendered;
    factor_status st = render_message(host->renderer, arena, row, &rendered);

    if (st == FACTOR_OK)
        json_array_append_new(
            shown, json_pack("{s:s, s:s, s:s?, s:s}", "channel",
                             json_text(row, "channel"), "language",
                             rendered.language, "subject", rendered.subject,
                             "text", rendered.text));
    return st == FACTOR_E_NOTFOUND ? FACTOR_OK : st;
}

factor_status
templates_show(const struct host *host, const char *name, const char *language,
               json_t **ret_shown, struct factor_error *err)
{
    struct factor_arena *arena = arena_new();
    json_t *shown = json_array(), *row;
    factor_status st = arena && shown ? FACTOR_OK : FACTOR_E_NOMEM;
    size_t i;

    for (i = 0; st == FACTOR_OK && i < sizeof(channels) / sizeof(channels[0]);
         i++) {
        row = arena_keep_json(arena, sample_row(name, channels[i], language));
        st = row ? show(host, arena, row, shown) : FACTOR_E_INPUT;
    }
    arena_free(arena);
    if (st == FACTOR_OK && json_array_size(shown) > 0) {
        *ret_shown = shown;
        return FACTOR_OK;
    }
    json_decref(shown);
    return st == FACTOR_OK
               ? error_set(err, FACTOR_E_NOTFOUND, "there is no template "
                                                   "\"%s\"; see factorctl "
                                                   "templates list",
                           name)
               : st;
}
