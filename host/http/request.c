/* SPDX-License-Identifier: MIT */
/* host/http/request.c - what a request says, judged and taken apart. */
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/http/internal.h"

/* What is read and thrown away of a chunked body that proves too long, so
 * that its sender sees the 413 (the library sends no reply before the end of
 * a body that it began to read). */
enum { DROP_MAX = 256 * 1024 };

/* --- texts ------------------------------------------------------------- */

bool
token_ok(const char *text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    const char *c;

    for (c = text; *c; c++)
        if (!(*c >= '0' && *c <= '9') && !(*c >= 'A' && *c <= 'Z') &&
            !(*c >= 'a' && *c <= 'z') && !strchr(marks, *c))
            return false;
    return c > text;
}

bool
text_ok(const char *text, bool tab)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && !(tab && *text == '\t')) ||
            *text == 0x7f)
            return false;
    return true;
}

/* --- names and values -------------------------------------------------- */

/* Returns the copy, to be decoded before the next one is added. */
static char *
pairs_put(struct pairs *pairs, const char *text, size_t len)
{
    char *copy = pairs->text + pairs->used;

    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    pairs->used += len + 1;
    return copy;
}

static const char *
pairs_value(const struct pairs *pairs, const char *name)
{
    const char *at = pairs->text;
    size_t i;

    for (i = 0; i < pairs->count; i++) {
        const char *value = at + strlen(at) + 1;

        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* Decoding shortens, so the next text is put where this one now ends. */
static bool
query_put(struct pairs *pairs, const char *text, size_t len)
{
    char *copy = pairs_put(pairs, text, len);

    if (!percent_decode(copy, true))
        return false;
    pairs->used = (size_t)(copy - pairs->text) + strlen(copy) + 1;
    return true;
}

static bool
query_read(struct pairs *pairs, const char *query)
{
    size_t len, name_len;

    for (; *query; query += len + (query[len] == '&')) {
        len = strcspn(query, "&");
        name_len = strcspn(query, "=&");
        if (len == 0)
            continue;
        if (!query_put(pairs, query, name_len))
            return false;
        if (name_len < len)
            name_len++;
        if (!query_put(pairs, query + name_len, len - name_len))
            return false;
        pairs->count++;
    }
    return true;
}

/* As RFC 6265 has it.  The library's own reading also parts at commas, so
 * that one cookie's value could plant another. */
static void
cookies_read(struct pairs *pairs, const char *header)
{
    size_t len, name_len, value_len;
    const char *value;

    for (; *header; header += len + (header[len] == ';')) {
        header += strspn(header, " \t");
        len = strcspn(header, ";");
        name_len = strcspn(header, "=;");
        if (name_len == len)
            continue;
        value = header + name_len + 1;
        value_len = len - name_len - 1;
        while (value_len > 0 && strchr(" \t", value[value_len - 1]))
            value_len--;
        pairs_put(pairs, header, name_len);
        pairs_put(pairs, value, value_len);
        pairs->count++;
    }
}

/* --- the URI ----------------------------------------------------------- */

/* Printable ASCII only: all else is sent escaped. */
static bool
uri_ok(const char *uri)
{
    if (*uri != '/')
        return false;
    for (; *uri; uri++)
        if (*uri <= ' ' || *uri >= 0x7f)
            return false;
    return true;
}

static void
read_uri(struct http_request *request, const char *uri)
{
    const size_t path_len = strcspn(uri, "?");
    const bool query = uri[path_len] == '?';

    request->raw_path = request->text;
    request->path = request->text + path_len + 1;
    request->query.text = request->path + path_len + 1;
    memcpy(request->raw_path, uri, path_len);
    memcpy(request->path, uri, path_len);
    if (!uri_ok(uri) || !percent_decode(request->path, false) ||
        (query && !query_read(&request->query, uri + path_len + 1)))
        request->refusal = REFUSED_MALFORMED;
}

struct http_request *
request_new(struct http_server *server, const char *uri)
{
    const size_t len = uri ? strlen(uri) : 0;
    const bool too_long = len > HTTP_URI_MAX;
    const size_t text_size = too_long ? 2 : PAIRS_SIZE(len + 1);
    struct http_request *request = calloc(1, sizeof(*request) + text_size);

    if (!request)
        return NULL;
    request->server = server;
    request->text_size = text_size;
    read_uri(request, too_long || !uri ? "" : uri);
    if (too_long)
        request->refusal = REFUSED_URI;
    return request;
}

void
request_free(struct http_request *request)
{
    if (!request)
        return;
    if (request->destroy)
        request->destroy(request->state);
    partial_free(request->parts);
    if (request->kept)
        explicit_bzero(request->kept, request->kept_len);
    free(request->kept);
    if (request->body)
        explicit_bzero(request->body, request->body_size);
    free(request->body);
    if (request->cookies.text)
        explicit_bzero(request->cookies.text, request->cookies.used);
    free(request->cookies.text);
    explicit_bzero(request, sizeof(*request) + request->text_size);
    free(request);
}

/* --- the headers ------------------------------------------------------- */

struct headers {
    struct http_request *request;
    const char *host, *length, *coding;
    size_t cookies_size;
    bool bad;
};

static enum MHD_Result
judge_header(void *cls, enum MHD_ValueKind kind, const char *name,
             const char *value)
{
    struct headers *headers = cls;
    const struct {
        const char *name;
        const char **value;
    } single[] = {
        {"Host", &headers->host},
        {"Content-Length", &headers->length},
        {"Transfer-Encoding", &headers->coding},
    };
    size_t i;

    (void)kind;
    value = value ? value : "";
    if (!token_ok(name) || !text_ok(value, true))
        headers->bad = true;
    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (strcasecmp(name, single[i].name) == 0) {
            if (*single[i].value)
                headers->bad = true;
            *single[i].value = value;
        }
    if (strcasecmp(name, "Cookie") == 0)
        headers->cookies_size += PAIRS_SIZE(strlen(value));
    return headers->bad ? MHD_NO : MHD_YES;
}

static enum MHD_Result
read_cookies(void *cls, enum MHD_ValueKind kind, const char *name,
             const char *value)
{
    (void)kind;
    if (value && strcasecmp(name, "Cookie") == 0)
        cookies_read(cls, value);
    return MHD_YES;
}

/* Digits alone: what another reader could take for another length is none. */
static bool
read_length(const char *text, uint64_t *ret_len)
{
    const size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return false;
    *ret_len = strtoull(text, NULL, 10);
    return true;
}

static bool
framing_ok(struct http_request *request, const struct headers *headers,
           const char *version)
{
    if (headers->length)
        return !headers->coding &&
               read_length(headers->length, &request->announced_len);
    request->chunked = headers->coding != NULL;
    return !headers->coding || (strcasecmp(headers->coding, "chunked") == 0 &&
                                strcmp(version, "HTTP/1.0") != 0);
}

static bool
headers_small(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info && info->header_size <= HTTP_HEADERS_MAX;
}

static bool
refuse(struct http_request *request, enum refusal refusal)
{
    request->refusal = refusal;
    return false;
}

/* --- Who asks. --- */

struct hops {
    const char *values[16];
    size_t count;
};

/* The newest: those that we trust have written last. */
static enum MHD_Result
keep_hops(void *context, enum MHD_ValueKind kind, const char *name,
          const char *value)
{
    struct hops *hops = context;
    const size_t max = sizeof(hops->values) / sizeof(hops->values[0]);

    (void)kind;
    if (strcasecmp(name, "X-Forwarded-For") != 0 || !value)
        return MHD_YES;
    if (hops->count == max)
        memmove(&hops->values[0], &hops->values[1],
                --hops->count * sizeof(hops->values[0]));
    hops->values[hops->count++] = value;
    return MHD_YES;
}

void
request_find_source(struct http_request *request)
{
    const struct forwarded_proxies *proxies = request->server->proxies;
    const char *peer = request->client->address;
    struct hops hops = {.count = 0};

    if (!proxies || (proxies->count == 0 && !proxies->unix_peers)) {
        memcpy(request->source, peer, sizeof(request->source));
        return;
    }
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, keep_hops,
                              &hops);
    forwarded_client(proxies, peer, hops.values, hops.count, request->source);
}

bool
request_read_headers(struct http_request *request, const char *version)
{
    struct headers headers = {.request = request};

    if (request->refusal)
        return false;
    if (!headers_small(request->connection))
        return refuse(request, REFUSED_HEADERS);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
                              judge_header, &headers);
    if (headers.bad || !headers.host || !*headers.host ||
        !framing_ok(request, &headers, version))
        return refuse(request, REFUSED_MALFORMED);
    if (headers.cookies_size == 0)
        return true;
    request->cookies.text = malloc(headers.cookies_size);
    if (!request->cookies.text)
        return refuse(request, REFUSED_FAULT);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
                              read_cookies, &request->cookies);
    return true;
}

/* --- the route --------------------------------------------------------- */

/* A handler that makes a file name of the rest shall not be led upwards. */
static bool
climbs(const char *rest)
{
    size_t len;

    for (; *rest; rest += len + (rest[len] == '/')) {
        len = strcspn(rest, "/");
        if ((len == 1 && rest[0] == '.') ||
            (len == 2 && rest[0] == '.' && rest[1] == '.'))
            return true;
    }
    return false;
}

/* The raw path is done with: its slashes become the ends of its variables.
 * Its escapes were found good before. */
static void
cut_path(struct http_request *request, const struct match *match)
{
    unsigned i;

    request->rest = request->raw_path + match->rest;
    percent_decode(request->rest, false);
    for (i = 0; i < match->variable_count; i++) {
        const struct span *span = &match->variables[i];

        request->variables[i] = request->raw_path + span->start;
        request->variables[i][span->len] = '\0';
        percent_decode(request->variables[i], false);
    }
}

bool
request_route(struct http_request *request, const char *method)
{
    const unsigned known = route_method(method);
    struct match match;

    route_match(request->server->routes, request->raw_path, known, &match);
    if (!match.route) {
        request->allow = match.allow;
        return refuse(request, match.allow ? REFUSED_METHOD : REFUSED_UNKNOWN);
    }
    request->method = known == HTTP_HEAD ? HTTP_GET : (enum http_method)known;
    request->route = match.route;
    cut_path(request, &match);
    if (match.route->flags & HTTP_PREFIX && climbs(request->rest))
        return refuse(request, REFUSED_UNKNOWN);
    return true;
}

/* --- the body ---------------------------------------------------------- */

bool
request_has_body(const struct http_request *request)
{
    return request->chunked || request->announced_len > 0;
}

static size_t
body_max(const struct http_request *request)
{
    return request->route->body_max ? request->route->body_max
                                    : HTTP_BODY_MAX;
}

bool
request_body_fits(struct http_request *request)
{
    if (request->announced_len > body_max(request))
        return refuse(request, REFUSED_BODY);
    return true;
}

static bool
body_grow(struct http_request *request, size_t size)
{
    char *larger;

    if (size <= request->body_size)
        return true;
    if (size < 2 * request->body_size)
        size = 2 * request->body_size;
    larger = malloc(size);
    if (!larger)
        return false;
    if (request->body) {
        memcpy(larger, request->body, request->body_len);
        explicit_bzero(request->body, request->body_size);
        free(request->body);
    }
    request->body = larger;
    request->body_size = size;
    return true;
}

bool
request_add_body(struct http_request *request, const char *data, size_t len)
{
    if (!request->refusal && len > body_max(request) - request->body_len)
        refuse(request, REFUSED_BODY);
    if (!request->refusal && !body_grow(request, request->body_len + len + 1))
        refuse(request, REFUSED_FAULT);
    if (request->refusal) {
        request->dropped_len += len;
        return request->dropped_len <= DROP_MAX;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    request->body[request->body_len] = '\0';
    return true;
}

/* --- what a handler asks ----------------------------------------------- */

enum http_method
http_method(const struct http_request *request)
{
    return request->method;
}

const char *
http_path(const struct http_request *request)
{
    return request->path;
}

const char *
http_rest(const struct http_request *request)
{
    return request->rest;
}

const char *
http_variable(const struct http_request *request, const char *name)
{
    const int i = route_variable(request->route, name);

    return i < 0 ? NULL : request->variables[i];
}

const char *
http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                       name);
}

const char *
http_query(const struct http_request *request, const char *name)
{
    return pairs_value(&request->query, name);
}

void
http_each_query(const struct http_request *request,
                bool (*each)(void *context, const char *name,
                             const char *value),
                void *context)
{
    const char *name = request->query.text, *value;
    size_t i;

    for (i = 0; i < request->query.count; i++) {
        value = name + strlen(name) + 1;
        if (!each(context, name, value))
            return;
        name = value + strlen(value) + 1;
    }
}

/* The first value of a name that is not this one: the name came before. */
static bool
is_first(void *context, const char *name, const char *value)
{
    const struct pairs **pairs = context;

    if (pairs_value(*pairs, name) == value)
        return true;
    *pairs = NULL;
    return false;
}

bool
http_query_repeats(const struct http_request *request)
{
    const struct pairs *pairs = &request->query;

    http_each_query(request, is_first, &pairs);
    return !pairs;
}

const char *
http_cookie(const struct http_request *request, const char *name)
{
    return pairs_value(&request->cookies, name);
}

const char *
http_body(const struct http_request *request, size_t *ret_len)
{
    *ret_len = request->body_len;
    return request->body ? request->body : "";
}

const char *
http_address(const struct http_request *request)
{
    return request->source;
}

long
http_peer_uid(const struct http_request *request)
{
    return request->client->uid;
}

const struct http_route *
http_route(const struct http_request *request)
{
    return request->route;
}

void *
http_context(const struct http_request *request)
{
    return request->server->context;
}

int64_t
http_steady_ms(const struct http_request *request)
{
    return request->steady_ms;
}

int64_t
http_arrived_ms(const struct http_request *request)
{
    return request->arrived_ms;
}

bool
http_gone(const struct http_request *request)
{
    struct pollfd asked = {.fd = request->socket, .events = POLLRDHUP};

    return poll(&asked, 1, 0) > 0 &&
           asked.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

void
http_set_state(struct http_request *request, void *state,
               void (*destroy)(void *state))
{
    request->state = state;
    request->destroy = destroy;
}

void *
http_state(const struct http_request *request)
{
    return request->state;
}

void *
http_keep(struct http_request *request, size_t len)
{
    if (!request->kept)
        request->kept = calloc(1, len);
    request->kept_len = request->kept ? len : 0;
    return request->kept;
}

void *
http_kept(const struct http_request *request)
{
    return request->kept;
}
