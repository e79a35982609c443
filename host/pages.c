/* SPDX-License-Identifier: MIT */
/* host/pages.c - the pages: files of the web directory, from memory. */
#include "host/pages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/error.h"
#include "host/messages.h"
#include "host/oauth/reply.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 4 };

struct page {
    struct page *next;
    const char *type;
    char *body;
    size_t len;
    char path[]; /* "/signon/index.html" */
};

struct pages {
    struct page *list;
};

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html;charset=utf-8"},
    {".css", "text/css;charset=utf-8"},
    {".mjs", "text/javascript;charset=utf-8"},
    {".js", "text/javascript;charset=utf-8"},
    {".json", "application/json;charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
};

/* Files of other kinds (build fragments, notes) are not served. */
static const char *
type_of(const char *name)
{
    size_t len = strlen(name), ending, i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ending = strlen(types[i].ending);
        if (len > ending && strcmp(name + len - ending, types[i].ending) == 0)
            return types[i].type;
    }
    return NULL;
}

static char *
read_file(const char *name, size_t *ret_len)
{
    FILE *file = fopen(name, "re");
    char *body = file ? malloc(FILE_MAX) : NULL;
    bool done = false;

    if (body) {
        *ret_len = fread(body, 1, FILE_MAX, file);
        done = !ferror(file) && *ret_len < FILE_MAX;
    }
    if (file)
        fclose(file);
    if (!done) {
        free(body);
        return NULL;
    }
    return realloc(body, *ret_len + 1);
}

static factor_status
add_file(struct pages *pages, const char *name, const char *path,
         struct factor_error *err)
{
    struct page *page;

    if (!type_of(path))
        return FACTOR_OK;
    page = calloc(1, sizeof(*page) + strlen(path) + 1);
    if (!page)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    memcpy(page->path, path, strlen(path));
    page->type = type_of(path);
    page->body = read_file(name, &page->len);
    page->next = pages->list;
    pages->list = page;
    return page->body ? FACTOR_OK
                      : error_set(err, FACTOR_E_CONFIG,
                                  "%s: cannot be read, or is over 1 MiB",
                                  name);
}

static factor_status add_directory(struct pages *pages, const char *name,
                                   const char *path, int depth,
                                   struct factor_error *err);

static factor_status
add_entry(struct pages *pages, const char *directory, const char *path,
          const char *entry, int depth, struct factor_error *err)
{
    char name[4096], below[512];
    struct stat st;

    if (entry[0] == '.' ||
        (size_t)snprintf(name, sizeof(name), "%s/%s", directory, entry) >=
            sizeof(name) ||
        (size_t)snprintf(below, sizeof(below), "%s/%s", path, entry) >=
            sizeof(below) ||
        stat(name, &st) != 0)
        return FACTOR_OK;
    if (S_ISDIR(st.st_mode))
        return add_directory(pages, name, below, depth + 1, err);
    return S_ISREG(st.st_mode) ? add_file(pages, name, below, err) : FACTOR_OK;
}

static factor_status
add_directory(struct pages *pages, const char *name, const char *path,
              int depth, struct factor_error *err)
{
    DIR *directory = depth <= DEPTH_MAX ? opendir(name) : NULL;
    factor_status st = FACTOR_OK;
    const struct dirent *entry;

    if (!directory)
        return error_set(err, FACTOR_E_CONFIG, "%s: %s", name,
                         strerror(errno));
    while (st == FACTOR_OK && (entry = readdir(directory)))
        st = add_entry(pages, name, path, entry->d_name, depth, err);
    closedir(directory);
    return st;
}

factor_status
pages_new(const char *directory, struct pages **ret_pages,
          struct factor_error *err)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    factor_status st;

    if (!pages)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    st = add_directory(pages, directory, "", 0, err);
    if (st != FACTOR_OK) {
        pages_free(pages);
        return st;
    }
    *ret_pages = pages;
    return FACTOR_OK;
}

void
pages_free(struct pages *pages)
{
    struct page *page, *next;

    if (!pages)
        return;
    for (page = pages->list; page; page = next) {
        next = page->next;
        free(page->body);
        free(page);
    }
    free(pages);
}

static const struct page *
find_page(const struct pages *pages, const char *path)
{
    char wanted[512];
    const struct page *page;
    size_t len = strlen(path);
    const char *index = len && path[len - 1] == '/' ? "index.html" : "";

    if ((size_t)snprintf(wanted, sizeof(wanted), "%s%s", path, index) >=
        sizeof(wanted))
        return NULL;
    for (page = pages->list; page; page = page->next)
        if (strcmp(page->path, wanted) == 0)
            return page;
    return NULL;
}

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'";

static void
serve(struct http_request *request)
{
    const struct host *host = http_context(request);
    const struct page *page = find_page(host->pages, http_path(request));
    struct http_reply *reply;

    if (!page) {
        http_reply(request, oauth_page(host, request, 404, "factord.no.page"));
        return;
    }
    reply = http_reply_static(200, page->type, page->body, page->len);
    if (reply) {
        http_reply_header(reply, "Content-Security-Policy", policy);
        http_reply_header(reply, "Referrer-Policy", "no-referrer");
        http_reply_header(reply, "X-Frame-Options", "DENY");
        http_reply_header(reply, "Cache-Control", "no-cache");
    }
    http_reply(request, reply);
}

const struct http_route pages_routes[] = {
    {"/signon/", "page", HTTP_GET, HTTP_PREFIX, 0, serve},
    {"/common/", "page", HTTP_GET, HTTP_PREFIX, 0, serve},
    {0},
};

const struct http_route demo_routes[] = {
    {"/", "page", HTTP_GET, 0, 0, serve},
    {"/demo/", "page", HTTP_GET, HTTP_PREFIX, 0, serve},
    {0},
};

const struct http_route messages_routes[] = {
    {"/messages/latest", "messages", HTTP_GET, 0, 0, messages_latest},
    {"/messages/", "page", HTTP_GET, HTTP_PREFIX, 0, serve},
    {0},
};
