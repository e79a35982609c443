/* SPDX-License-Identifier: MIT */
/* host/pages/messages.c - the demo's newest messages. */
#include "host/pages/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/api/api.h"

enum { TAIL = 64 * 1024, NEWEST = 50 };

static char *file_path;

void
messages_set_file(const char *path)
{
    free(file_path);
    file_path = path ? strdup(path) : NULL;
}

/* The end of the file; its first line may be cut, and is then no JSON. */
static char *
read_tail(const char *path)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    char *text = file ? calloc(1, TAIL + 1) : NULL;

    if (text) {
        if (fseek(file, -TAIL, SEEK_END) != 0)
            rewind(file);
        text[fread(text, 1, TAIL, file)] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

static json_t *
newest_first(char *text)
{
    json_t *list = json_array(), *message;
    char *next = NULL, *line;

    for (line = strtok_r(text, "\n", &next); line;
         line = strtok_r(NULL, "\n", &next)) {
        message = json_loads(line, 0, NULL);
        if (message)
            json_array_insert_new(list, 0, message);
        if (json_array_size(list) > NEWEST)
            json_array_remove(list, NEWEST);
    }
    return list;
}

static void
reply_latest(struct http_request *request)
{
    char *text = read_tail(file_path);
    json_t *list = text ? newest_first(text) : json_array();

    http_reply(request, api_json(200, list));
    json_decref(list);
    free(text);
}

/* A page of another name that a resolver pointed here reads no codes. */
static bool
asked_by_name(struct http_request *request)
{
    const struct host *host = http_context(request);
    const char *name = http_header(request, "Host");
    const char *own = strstr(host->base_origin, "//");

    return name && own && strcasecmp(name, own + 2) == 0;
}

void
messages_latest(struct http_request *request)
{
    if (!asked_by_name(request)) {
        http_reply(request,
                   api_error(http_context(request), request,
                             "RESOURCE_NOT_FOUND", NULL));
        return;
    }
    reply_latest(request);
}
