/* SPDX-License-Identifier: MIT */
/* host/pages/pages.c - the pages: files of the web directory, from memory. */
#include "host/pages/pages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/error.h"
#include "host/jose/jose.h"
#include "host/pages/messages.h"
#include "host/oauth/reply.h"

enum {
    FILE_MAX = 1 << 20,
    DEPTH_MAX = 4,
    ETAG_BYTES = 15,
    ETAG_SIZE = 1 + JOSE_B64URL_SIZE(ETAG_BYTES) + 1 /* quoted */
};

struct page {
    struct page *next;
    const char *type;
    char *body;
    size_t len;
    char path[]; /* "/signon/index.html" */
};

struct pages {
    struct brand *brand;
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
    {".webmanifest", "application/manifest+json"},
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
    body[*ret_len] = '\0';
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
    page->body = brand_apply(pages->brand, path, read_file(name, &page->len),
                             &page->len);
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
pages_new(const char *directory, struct brand *brand, struct pages **ret_pages,
          struct factor_error *err)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    const char *logo = brand_logo_file(brand);
    factor_status st;

    if (!pages) {
        brand_free(brand);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    pages->brand = brand;
    st = add_directory(pages, directory, "", 0, err);
    if (st == FACTOR_OK && logo)
        st = add_file(pages, logo, brand_logo(brand), err);
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
    brand_free(pages->brand);
    free(pages);
}

const struct brand *
pages_brand(const struct pages *pages)
{
    return pages ? pages->brand : NULL;
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

/* The phone speaks to any issuer, on loopback for a demo only. */
#define PHONE_POLICY(local)                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; "                \
    "img-src 'self'; connect-src 'self' https:" local "; "                     \
    "manifest-src 'self'; worker-src 'self'; form-action 'none'; "             \
    "base-uri 'none'; frame-ancestors 'none'; "                                \
    "require-trusted-types-for 'script'; trusted-types worker"

static const char phone_policy[] = PHONE_POLICY("");
static const char local_phone_policy[] =
    PHONE_POLICY(" http://127.0.0.1:* http://localhost:*");

static const char *
policy_of(const struct host *host, const char *path)
{
    if (strncmp(path, "/authenticator/", 15) != 0)
        return policy;
    return strncmp(host->base_url, "http:", 5) == 0 ? local_phone_policy
                                                    : phone_policy;
}

/* The hash of what is served, quoted; "": there is none. */
static void
make_etag(const char *body, size_t len, char ret_etag[ETAG_SIZE])
{
    const struct crypto_part part = {body, len};
    uint8_t hash[CRYPTO_MAC_LEN];

    ret_etag[0] = '\0';
    if (!crypto_hash(&part, 1, hash))
        return;
    ret_etag[0] = '"';
    jose_b64url_encode(hash, ETAG_BYTES, ret_etag + 1, ETAG_SIZE - 1);
    memcpy(ret_etag + ETAG_SIZE - 2, "\"", 2);
}

struct http_reply *
pages_reply(struct http_request *request, const char *type, const char *body,
            size_t len, const char *content_policy)
{
    const char *known = http_header(request, "If-None-Match");
    struct http_reply *reply;
    char etag[ETAG_SIZE];
    bool same;

    make_etag(body, len, etag);
    same = known && etag[0] && strstr(known, etag);
    reply = http_reply_static(same ? 304 : 200, type, same ? NULL : body, len);
    if (!reply)
        return NULL;
    if (etag[0])
        http_reply_header(reply, "ETag", etag);
    http_reply_header(reply, "Content-Security-Policy",
                      content_policy ? content_policy : policy);
    http_reply_header(reply, "Referrer-Policy", "no-referrer");
    http_reply_header(reply, "X-Frame-Options", "DENY");
    http_reply_header(reply, "Cache-Control", "no-cache");
    return reply;
}

static void
reply_page(struct http_request *request, const struct page *page)
{
    const struct host *host = http_context(request);

    http_reply(request,
               page ? pages_reply(request, page->type, page->body, page->len,
                                  policy_of(host, page->path))
                    : oauth_page(host, request, 404, "factord.no.page"));
}

/* How much of it is more than a usual port and a path. */
static size_t
authority_len(const char *authority)
{
    static const char *const usual[] = {":443", ":80"};
    size_t len = strcspn(authority, "/"), i, port;

    for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        port = strlen(usual[i]);
        if (len > port && strncmp(authority + len - port, usual[i], port) == 0)
            return len - port;
    }
    return len;
}

/* Whether a request came to the host of this URL. */
static bool
came_to(const struct http_request *request, const char *url)
{
    const char *host = http_header(request, "Host");
    const char *authority = strstr(url, "//");
    size_t len = authority ? authority_len(authority + 2) : 0;

    return host && len > 0 && authority_len(host) == len &&
           strncasecmp(authority + 2, host, len) == 0;
}

/* M12: the phone's origin serves no other page, and others do not serve the
 * phone.  A proxy that says another host decides itself. */
static bool
has_own_origin(const struct host *host, const char *url)
{
    size_t len = strlen(host->base_url);

    return url && (strncasecmp(url, host->base_url, len) != 0 ||
                   url[len] != '/');
}

static const char *
authenticator_url(const struct host *host)
{
    return config_flag(host->config, "/pages/authenticator")
               ? config_text(host->config, "/server/authenticator_url")
               : NULL;
}

static void
reply_here(struct http_request *request, bool here)
{
    const struct host *host = http_context(request);

    reply_page(request,
               here ? find_page(host->pages, http_path(request)) : NULL);
}

static void
serve(struct http_request *request)
{
    const struct host *host = http_context(request);
    const char *url = authenticator_url(host);

    reply_here(request, !has_own_origin(host, url) || !came_to(request, url));
}

static void
serve_common(struct http_request *request)
{
    reply_here(request, true);
}

static void
serve_authenticator(struct http_request *request)
{
    const struct host *host = http_context(request);
    const char *url = authenticator_url(host);

    reply_here(request, url && (!has_own_origin(host, url) ||
                                !came_to(request, host->base_url)));
}

const struct http_route pages_routes[] = {
    {"/signon/", "page", HTTP_GET, HTTP_PREFIX, 0, serve},
    {"/common/", "page", HTTP_GET, HTTP_PREFIX, 0, serve_common},
    {"/authenticator/", "page", HTTP_GET, HTTP_PREFIX, 0, serve_authenticator},
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
