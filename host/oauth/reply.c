/* SPDX-License-Identifier: MIT */
/* host/oauth/reply.c - what the OAuth endpoints answer. */
#include "host/oauth/reply.h"

#include <stdlib.h>
#include <string.h>

#include "host/api/api.h"
#include "host/clock.h"
#include "host/json.h"
#include "host/pages/pages.h"
#include "host/text.h"

struct http_reply *
oauth_error(unsigned status, const char *error, const char *description)
{
    json_t *body = json_pack("{s:s, s:s*}", "error", error,
                             "error_description", description);
    struct http_reply *reply = api_json(status, body);

    json_decref(body);
    return reply;
}

/* --- Redirects. --- */

static bool
is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
}

static char *
escape(char *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text; text++) {
        if (is_unreserved(*text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = digits[(unsigned char)*text >> 4];
        *out++ = digits[(unsigned char)*text & 15];
    }
    return out;
}

char *
oauth_url(struct factor_arena *arena, const char *uri,
          const struct oauth_pair *pairs)
{
    const struct oauth_pair *pair;
    size_t len = strlen(uri) + 1;
    char separator = strchr(uri, '?') ? '&' : '?';
    char *url, *out;

    for (pair = pairs; pair->name; pair++)
        if (pair->value)
            len += 2 + strlen(pair->name) + 3 * strlen(pair->value);
    url = arena_alloc(arena, len);
    if (!url)
        return NULL;
    out = mempcpy(url, uri, strlen(uri));
    for (pair = pairs; pair->name; pair++) {
        if (!pair->value)
            continue;
        *out++ = separator;
        out = escape(out, pair->name);
        *out++ = '=';
        out = escape(out, pair->value);
        separator = '&';
    }
    *out = '\0';
    return url;
}

struct http_reply *
oauth_redirect(const char *url)
{
    struct http_reply *reply = http_reply_static(302, NULL, NULL, 0);

    if (!reply)
        return NULL;
    if (!http_reply_header(reply, "Location", url)) {
        http_reply_free(reply);
        return NULL;
    }
    http_reply_header(reply, "Cache-Control", "no-store");
    http_reply_header(reply, "Pragma", "no-cache");
    http_reply_header(reply, "Referrer-Policy", "no-referrer");
    return reply;
}

/* --- Pages. --- */

#define TEXT(text_key, text_language, text_text)                               \
    &(const struct factor_text)                                                \
    {                                                                          \
        .struct_size = sizeof(struct factor_text), .key = (text_key),          \
        .language = (text_language), .text = (text_text)                       \
    }

const struct factor_text *const oauth_texts[] = {
    TEXT("factord.signon.complete", "en",
         "Sign-on is complete. You can close this page."),
    TEXT("factord.signon.complete", "de",
         "Die Anmeldung ist abgeschlossen. Sie k\u00f6nnen diese Seite "
         "schlie\u00dfen."),
    TEXT("factord.signon.unknown", "en",
         "There is no such sign-on in this browser. Please go back to the "
         "application and begin again."),
    TEXT("factord.signon.unknown", "de",
         "Diese Anmeldung ist in diesem Browser nicht bekannt. Bitte kehren "
         "Sie zur Anwendung zur\u00fcck und beginnen Sie noch einmal."),
    TEXT("factord.signon.busy", "en",
         "Too many sign-ons were begun from here. Please wait a moment and "
         "try again."),
    TEXT("factord.signon.busy", "de",
         "Von hier aus wurden zu viele Anmeldungen begonnen. Bitte warten Sie "
         "einen Moment und versuchen Sie es erneut."),
    TEXT("factord.signon.refused", "en",
         "The application asked for a sign-on in a way that is not allowed. "
         "Please tell those who run the application."),
    TEXT("factord.signon.refused", "de",
         "Die Anwendung hat die Anmeldung auf eine Weise verlangt, die nicht "
         "erlaubt ist. Bitte geben Sie den Betreibern der Anwendung "
         "Bescheid."),
    NULL,
};

static const struct factor_text *
own_text_in(const char *key, const char *language)
{
    size_t i, len;

    for (i = 0; oauth_texts[i]; i++) {
        len = strlen(oauth_texts[i]->language);
        if (strcmp(oauth_texts[i]->key, key) == 0 &&
            strncmp(oauth_texts[i]->language, language, len) == 0 &&
            (language[len] == '\0' || language[len] == '-'))
            return oauth_texts[i];
    }
    return NULL;
}

/* Where nobody added our texts to the catalogue. */
static const char *
own_text(const char *key, const char *const *languages,
         const char **ret_language)
{
    const struct factor_text *text = NULL;

    for (; languages && *languages && !text; languages++)
        text = own_text_in(key, *languages);
    *ret_language = text ? text->language : "en";
    return text ? text->text : "";
}

/* An operator may have written the text: it stays a text. */
static char *
html_text(struct factor_arena *arena, const char *text)
{
    char *copy = arena_alloc(arena, 6 * strlen(text) + 1), *out = copy;
    const char *entity;

    for (; copy && *text; text++) {
        entity = *text == '&'   ? "&amp;"
                 : *text == '<' ? "&lt;"
                 : *text == '>' ? "&gt;"
                 : *text == '"' ? "&quot;"
                                : NULL;
        if (entity)
            out = mempcpy(out, entity, strlen(entity));
        else
            *out++ = *text;
    }
    return copy;
}

/* The first sentence is the heading; what follows it is below. */
static const char *
page_lead(struct factor_arena *arena, char *text)
{
    char *end = strstr(text, ". ");

    if (!end)
        return "";
    end[1] = '\0';
    return arena_format(arena, "<p class=\"lead\">%s</p>\n", end + 2);
}

static char *
page_text(const struct host *host, struct http_request *request,
          struct factor_arena *arena, const char *key)
{
    const char *const *languages =
        text_languages(arena, http_header(request, "Accept-Language"));
    const char *language = "en";
    const struct brand *brand = pages_brand(host->pages);
    const char *name = brand_name(brand), *logo = brand_logo(brand), *lead;
    char *heading;
    const char *text =
        languages ? texts_find_in(host->texts, key, languages, &language)
                  : NULL;

    if (!text)
        text = own_text(key, languages, &language);
    heading = html_text(arena, text);
    language = html_text(arena, language);
    lead = heading ? page_lead(arena, heading) : NULL;
    if (!lead || !language)
        return NULL;
    return arena_format(
        arena,
        "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">"
        "\n<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>%s</title>\n"
        "<link rel=\"icon\" href=\"%s\">\n"
        "<link rel=\"stylesheet\" href=\"/common/style.css\">\n"
        "</head>\n<body class=\"centred\">\n"
        "<header class=\"brand\"><img src=\"%s\" alt=\"\" "
        "width=\"28\" height=\"28\">%s</header>\n"
        "<main class=\"card\">\n<h1>%s</h1>\n%s</main>\n</body>\n</html>\n",
        language, name, logo, logo, name, heading, lead);
}

static const struct oauth_pair page_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; img-src 'self'; "
     "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Pragma", "no-cache"},
    {NULL, NULL},
};

struct http_reply *
oauth_page(const struct host *host, struct http_request *request,
           unsigned status, const char *key)
{
    struct factor_arena *arena = arena_new();
    const char *text = arena ? page_text(host, request, arena, key) : NULL;
    const struct oauth_pair *header;
    char *body = text ? strdup(text) : NULL;
    struct http_reply *reply = NULL;

    if (body)
        reply = http_reply_new(status, "text/html;charset=utf-8", body,
                               strlen(body));
    for (header = page_headers; reply && header->name; header++)
        http_reply_header(reply, header->name, header->value);
    arena_free(arena);
    return reply;
}

struct http_reply *
oauth_problem(const struct host *host, struct http_request *request,
              unsigned status, const char *key, const char *error,
              const char *description)
{
    const char *accept = http_header(request, "Accept");

    if (accept && strstr(accept, "text/html"))
        return oauth_page(host, request, status, key);
    return oauth_error(status, error, description);
}

/* --- CORS. --- */

bool
oauth_too_many(const struct host *host, struct http_request *request,
               enum bucket bucket)
{
    int64_t wait_ms = buckets_take(host->buckets, bucket,
                                   http_address(request), clock_steady_ms());
    struct http_reply *reply;

    if (wait_ms == 0)
        return false;
    reply = oauth_problem(host, request, 429, "factord.signon.busy",
                          "temporarily_unavailable", "Too many requests.");
    api_retry_after(reply, wait_ms);
    oauth_cors(host, request, reply, NULL);
    http_reply(request, reply);
    return true;
}

void
oauth_cors_any(struct http_reply *reply)
{
    if (reply)
        http_reply_header(reply, "Access-Control-Allow-Origin", "*");
}

void
oauth_cors(const struct host *host, struct http_request *request,
           struct http_reply *reply, const char *client)
{
    if (!reply)
        return;
    http_reply_header(reply, "Vary", "Origin");
    if (api_origin_allowed(host, request, client))
        http_reply_header(reply, "Access-Control-Allow-Origin",
                          http_header(request, "Origin"));
}

struct http_reply *
oauth_preflight(const struct host *host, struct http_request *request,
                bool any_origin)
{
    struct http_reply *reply = http_reply_static(204, NULL, NULL, 0);

    if (!reply)
        return NULL;
    if (any_origin)
        oauth_cors_any(reply);
    else
        oauth_cors(host, request, reply, NULL);
    if (!any_origin && !api_origin_allowed(host, request, NULL))
        return reply;
    http_reply_header(reply, "Access-Control-Allow-Methods",
                      "GET, POST, OPTIONS");
    http_reply_header(reply, "Access-Control-Allow-Headers",
                      "authorization, content-type");
    http_reply_header(reply, "Access-Control-Max-Age", "600");
    return reply;
}
