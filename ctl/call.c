/* SPDX-License-Identifier: MIT */
/* ctl/call.c - requests on the daemon's local socket, by libcurl. */
#include "ctl/call.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_S = 600 };

struct text {
    char *bytes;
    size_t len;
};

static size_t
take(char *data, size_t size, size_t count, void *context)
{
    struct text *text = context;
    char *grown = realloc(text->bytes, text->len + size * count + 1);

    if (!grown)
        return 0;
    text->bytes = grown;
    memcpy(grown + text->len, data, size * count);
    text->len += size * count;
    return size * count;
}

static void
set_request(CURL *curl, const char *socket, const char *method,
            const char *url, const char *body, size_t len, struct text *text)
{
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* a user may be ".." */
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
    }
}

static bool
perform(CURL *curl, const char *socket, struct text *text,
        struct call_answer *answer)
{
    CURLcode code = curl_easy_perform(curl);

    if (code == CURLE_COULDNT_CONNECT) {
        snprintf(answer->error, sizeof(answer->error),
                 "%s: nobody answers; is factord running, and are you root or "
                 "its user? (--socket names another)",
                 socket);
        return false;
    }
    if (code != CURLE_OK) {
        snprintf(answer->error, sizeof(answer->error), "%s: %s", socket,
                 curl_easy_strerror(code));
        return false;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->body = json_loadb(text->bytes ? text->bytes : "", text->len, 0,
                              NULL);
    if (!answer->body)
        snprintf(answer->error, sizeof(answer->error),
                 "%s: whoever answers there is no factord", socket);
    return answer->body != NULL;
}

bool
call(const char *socket, const char *method, const char *path,
     const char *body, size_t len, struct call_answer *ret_answer)
{
    CURL *curl = curl_easy_init();
    struct text text = {0};
    char url[2048];
    bool done = false;

    memset(ret_answer, 0, sizeof(*ret_answer));
    snprintf(url, sizeof(url), "http://factord%s", path);
    if (curl) {
        set_request(curl, socket, method, url, body, len, &text);
        done = perform(curl, socket, &text, ret_answer);
    } else {
        snprintf(ret_answer->error, sizeof(ret_answer->error),
                 "out of memory");
    }
    curl_easy_cleanup(curl);
    free(text.bytes);
    return done;
}

char *
call_path(const char *before, const char *name, const char *rest)
{
    char *escaped = curl_easy_escape(NULL, name, 0);
    char *path = NULL;

    if (escaped && asprintf(&path, "%s%s%s", before, escaped, rest) < 0)
        path = NULL;
    curl_free(escaped);
    return path;
}

char *
call_next(const char *path, const json_t *page)
{
    const char *next = json_string_value(json_object_get(page, "next"));
    char before[256];

    if (!next)
        return NULL;
    snprintf(before, sizeof(before), "%s?after=", path);
    return call_path(before, next, "");
}

char *
call_absolute(const char *path)
{
    char folder[4096];
    char *whole = NULL;

    if (path[0] == '/')
        return strdup(path);
    if (!getcwd(folder, sizeof(folder)) ||
        asprintf(&whole, "%s/%s", folder, path) < 0)
        return NULL;
    return whole;
}
