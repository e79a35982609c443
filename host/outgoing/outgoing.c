/* SPDX-License-Identifier: MIT */
/* host/outgoing/outgoing.c - calls that the host makes for its plugins. */
#include "host/outgoing/outgoing.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "host/error.h"
#include "host/outgoing/address.h"
#include "host/outgoing/library.h"

enum {
    IDLE_MAX = 8, /* handles that are kept, with what they keep open */
    ORIGIN_MAX = 300,
    CONNECTIONS_MAX = 4, /* of one handle */
    URL_MAX = 4096,
    RETRY_MAX_S = 24 * 3600,
    TIMEOUT_MAX_MS = 10 * 60 * 1000
};

/* A handle with its connections, and where it called last. */
struct handle {
    struct handle *next;
    CURL *curl;
    char origin[ORIGIN_MAX]; /* "https://host:port" */
};

/* What was connected without a look at the address shall not serve a call
 * that wants one: they are kept apart. */
struct shelf {
    struct handle *first;
    unsigned count;
};

static struct {
    pthread_mutex_t lock;
    struct shelf shelves[2]; /* by call.guarded */
    const json_t *allowed_hosts;
    const char *ca_file;
} outgoing = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One call on its way. */
struct call {
    const struct library *curl;
    const struct factor_http_request *request;
    CURLU *url;
    char origin[ORIGIN_MAX];
    bool secure;  /* https */
    bool guarded; /* public addresses only */
    unsigned opened, refused; /* sockets */
    struct curl_slist *headers;
    char *body;
    size_t len, size;
    bool full;
};

void
outgoing_begin(const json_t *allowed_hosts, const char *ca_file)
{
    outgoing.allowed_hosts = allowed_hosts;
    outgoing.ca_file = ca_file;
}

/* --- What may be called at all. --- */

static bool
is_allowed(const char *host, const char *port)
{
    const char *entry;
    size_t len = strlen(host), i;

    for (i = 0; i < json_array_size(outgoing.allowed_hosts); i++) {
        entry = json_string_value(json_array_get(outgoing.allowed_hosts, i));
        if (entry && strncasecmp(entry, host, len) == 0 &&
            (!entry[len] ||
             (entry[len] == ':' && strcmp(entry + len + 1, port) == 0)))
            return true;
    }
    return false;
}

static bool
is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* Of a parsed URL, never of its text: nobody else's idea of what is the host
 * stands between this look and the call. */
static const char *
judge_host(struct call *call, const char *scheme, const char *host,
           const char *port)
{
    bool outside = call->request->flags & FACTOR_HTTP_PUBLIC;

    call->secure = strcmp(scheme, "https") == 0;
    if (!call->secure && strcmp(scheme, "http") != 0)
        return "the URL is neither http: nor https:";
    call->guarded = outside && !is_allowed(host, port);
    if (call->guarded && !call->secure)
        return "the URL is not https:";
    if ((size_t)snprintf(call->origin, sizeof(call->origin), "%s://%s:%s",
                         scheme, host, port) >= sizeof(call->origin))
        return "the URL's host is too long";
    return NULL;
}

static const char *
read_url(struct call *call)
{
    const struct library *curl = call->curl;
    const char *url = call->request->url, *why = "the URL is malformed";
    char *scheme = NULL, *host = NULL, *port = NULL;

    if (!url || strlen(url) > URL_MAX || !is_printable(url) ||
        strchr(url, '#') || strncmp(url + strcspn(url, ":"), ":///", 4) == 0)
        return why;
    if (curl->url_set(call->url, CURLUPART_URL, url,
                      CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl->url_get(call->url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl->url_get(call->url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl->url_get(call->url, CURLUPART_PORT, &port,
                      CURLU_DEFAULT_PORT) == CURLUE_OK)
        why = judge_host(call, scheme, host, port);
    curl->free(scheme);
    curl->free(host);
    curl->free(port);
    return why;
}

static bool
is_token(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!strchr("!#$%&'*+-.^_`|~0123456789"
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                    text[i]))
            return false;
    return len > 0;
}

static bool
header_ok(const char *header)
{
    size_t name_len = strcspn(header, ":");
    const char *at;

    for (at = header; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return header[name_len] == ':' && is_token(header, name_len);
}

static const char *
judge(struct call *call)
{
    const struct factor_http_request *request = call->request;
    const char *const *header;

    if (!request->method ||
        !is_token(request->method, strlen(request->method)))
        return "the method is malformed";
    if (request->timeout_ms <= 0)
        return "there is no time for it";
    for (header = request->headers; header && *header; header++)
        if (!header_ok(*header))
            return "a header is malformed";
    return read_url(call);
}

/* --- While it runs: called by libcurl. --- */

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct call *call = context;

    (void)purpose;
    if (call->guarded && !outgoing_is_public(&address->addr)) {
        call->refused++;
        return CURL_SOCKET_BAD;
    }
    call->opened++;
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

static void
wipe(char *body, size_t len)
{
    if (body)
        explicit_bzero(body, len);
    free(body);
}

/* Answers may hold access tokens, so what is left behind is wiped. */
static bool
make_room(struct call *call, size_t len)
{
    size_t size = 2 * call->size > len ? 2 * call->size : len;
    char *larger;

    if (len <= call->size)
        return true;
    larger = malloc(size);
    if (!larger)
        return false;
    if (call->len > 0)
        memcpy(larger, call->body, call->len);
    wipe(call->body, call->len);
    call->body = larger;
    call->size = size;
    return true;
}

/* Taking less than was given ends the call. */
static size_t
take_body(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t len = size * count, room = FACTOR_HTTP_ANSWER_MAX - call->len;
    size_t taken = len < room ? len : room;

    if (!make_room(call, call->len + taken + 1))
        return 0;
    if (taken > 0)
        memcpy(call->body + call->len, data, taken);
    call->len += taken;
    call->body[call->len] = '\0';
    call->full = taken < len;
    return taken;
}

/* --- Handing it to libcurl. --- */

static bool
add_header(struct call *call, const char *text)
{
    struct curl_slist *longer = call->curl->slist_append(call->headers, text);

    if (longer)
        call->headers = longer;
    return longer != NULL;
}

/* An empty value takes away what libcurl would send by itself. */
static bool
make_headers(struct call *call)
{
    const char *const *header = call->request->headers;
    bool typed = false, done = add_header(call, "Expect:");

    for (; done && header && *header; header++) {
        typed |= strncasecmp(*header, "Content-Type:", 13) == 0;
        done = add_header(call, *header);
    }
    return done && (typed || add_header(call, "Content-Type:"));
}

static long
http_version(const struct call *call)
{
    if (!(call->request->flags & FACTOR_HTTP_2))
        return CURL_HTTP_VERSION_NONE;
    return call->secure ? CURL_HTTP_VERSION_2TLS
                        : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

#define SET(option, value) \
    (call->curl->easy_setopt(curl, (option), (value)) == CURLE_OK)

/* H4.  No proxy, not even one that the environment names.  QUICK_EXIT: a slow
 * name server's thread is left behind, else no timeout would hold. */
static bool
set_rules(const struct call *call, CURL *curl)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_NOPROXY, "*") &&
           SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_QUICK_EXIT, 1L) &&
           SET(CURLOPT_MAXCONNECTS, (long)CONNECTIONS_MAX) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           SET(CURLOPT_OPENSOCKETDATA, call) &&
           (!outgoing.ca_file || SET(CURLOPT_CAINFO, outgoing.ca_file));
}

static bool
set_body(const struct call *call, CURL *curl)
{
    const struct factor_http_request *request = call->request;

    if (strcmp(request->method, "HEAD") == 0)
        return SET(CURLOPT_NOBODY, 1L);
    if (!request->body && strcmp(request->method, "POST") != 0)
        return SET(CURLOPT_HTTPGET, 1L);
    return SET(CURLOPT_POST, 1L) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE,
               (curl_off_t)(request->body ? request->body_len : 0)) &&
           SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
}

static bool
set_request(const struct call *call, CURL *curl)
{
    const struct factor_http_request *request = call->request;
    int64_t timeout_ms = request->timeout_ms < TIMEOUT_MAX_MS
                             ? request->timeout_ms
                             : TIMEOUT_MAX_MS;

    return set_rules(call, curl) && set_body(call, curl) &&
           SET(CURLOPT_CURLU, call->url) &&
           SET(CURLOPT_CUSTOMREQUEST, request->method) &&
           SET(CURLOPT_HTTPHEADER, call->headers) &&
           SET(CURLOPT_USERAGENT, "factord") &&
           SET(CURLOPT_HTTP_VERSION, http_version(call)) &&
           SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
           SET(CURLOPT_WRITEFUNCTION, take_body) &&
           SET(CURLOPT_WRITEDATA, call);
}

/* --- Handles. --- */

/* One that was there before, if there is any. */
static struct handle *
handle_take(const struct call *call)
{
    struct shelf *shelf = &outgoing.shelves[call->guarded];
    struct handle **place, *taken;

    pthread_mutex_lock(&outgoing.lock);
    for (place = &shelf->first; *place; place = &(*place)->next)
        if (strcmp((*place)->origin, call->origin) == 0)
            break;
    if (!*place)
        place = &shelf->first;
    taken = *place;
    if (taken) {
        *place = taken->next;
        shelf->count--;
    }
    pthread_mutex_unlock(&outgoing.lock);
    return taken;
}

static struct handle *
handle_get(const struct call *call)
{
    struct handle *handle = handle_take(call);

    if (handle)
        return handle;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return NULL;
    handle->curl = call->curl->easy_init();
    if (!handle->curl) {
        free(handle);
        return NULL;
    }
    return handle;
}

static void
handle_free(const struct library *curl, struct handle *handle)
{
    curl->easy_cleanup(handle->curl);
    free(handle);
}

/* Its options point into the call, which ends. */
static void
handle_put(const struct call *call, struct handle *handle)
{
    struct shelf *shelf = &outgoing.shelves[call->guarded];
    bool kept;

    call->curl->easy_reset(handle->curl);
    memcpy(handle->origin, call->origin, sizeof(handle->origin));
    pthread_mutex_lock(&outgoing.lock);
    kept = shelf->count < IDLE_MAX;
    if (kept) {
        handle->next = shelf->first;
        shelf->first = handle;
        shelf->count++;
    }
    pthread_mutex_unlock(&outgoing.lock);
    if (!kept)
        handle_free(call->curl, handle);
}

void
outgoing_end(void)
{
    struct handle *handle, *next;
    size_t i;

    for (i = 0; i < 2; i++) {
        for (handle = outgoing.shelves[i].first; handle; handle = next) {
            next = handle->next;
            handle_free(library_load(NULL), handle);
        }
        outgoing.shelves[i] = (struct shelf){NULL, 0};
    }
    outgoing.allowed_hosts = NULL;
    outgoing.ca_file = NULL;
}

/* --- The call. --- */

/* Words of libcurl's own: none from the URL or the answer. */
static factor_status
failed(const struct call *call, CURLcode code, struct factor_error *err)
{
    if (call->refused && !call->opened)
        return error_set(err, FACTOR_E_INPUT,
                         "the host has no public address");
    return error_set(err, FACTOR_E_IO, "%s", call->curl->easy_strerror(code));
}

static factor_status
read_answer(struct call *call, CURL *curl, struct factor_http_answer *ret,
            struct factor_error *err)
{
    curl_off_t retry_s = 0;
    long status = 0, version = 0;

    call->curl->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    call->curl->easy_getinfo(curl, CURLINFO_HTTP_VERSION, &version);
    call->curl->easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_s);
    if (status < 100 || status > 599)
        return error_set(err, FACTOR_E_IO, "the answer has no status");
    if ((call->request->flags & FACTOR_HTTP_2) &&
        version != CURL_HTTP_VERSION_2)
        return error_set(err, FACTOR_E_IO, "the server speaks no HTTP/2");
    if (retry_s < 0 || retry_s > RETRY_MAX_S)
        retry_s = retry_s < 0 ? 0 : RETRY_MAX_S;
    ret->status = (uint32_t)status;
    ret->retry_after_ms = (int64_t)retry_s * 1000;
    ret->held = call->body;
    ret->body = call->body ? call->body : "";
    ret->body_len = call->len;
    call->body = NULL;
    return FACTOR_OK;
}

static factor_status
perform(struct call *call, struct factor_http_answer *ret,
        struct factor_error *err)
{
    struct handle *handle = make_headers(call) ? handle_get(call) : NULL;
    factor_status st;
    CURLcode code;

    if (!handle)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    if (!set_request(call, handle->curl)) {
        handle_free(call->curl, handle);
        return error_set(err, FACTOR_E_IO, "libcurl refuses an option");
    }
    code = call->curl->easy_perform(handle->curl);
    st = code == CURLE_OK || (code == CURLE_WRITE_ERROR && call->full)
             ? read_answer(call, handle->curl, ret, err)
             : failed(call, code, err);
    handle_put(call, handle);
    return st;
}

factor_status
outgoing_http(const struct factor_http_request *request,
              struct factor_http_answer *ret_answer, struct factor_error *err)
{
    struct call call = {.curl = library_load(err), .request = request};
    const char *why;
    factor_status st;

    if (!call.curl)
        return FACTOR_E_IO;
    call.url = call.curl->url();
    if (!call.url)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    why = judge(&call);
    st = why ? error_set(err, FACTOR_E_INPUT, "%s", why)
             : perform(&call, ret_answer, err);
    call.curl->slist_free_all(call.headers);
    call.curl->url_cleanup(call.url);
    wipe(call.body, call.len);
    return st;
}

void
outgoing_release(struct factor_http_answer *answer)
{
    if (!answer)
        return;
    wipe(answer->held, answer->body_len);
    answer->held = NULL;
    answer->body = "";
    answer->body_len = 0;
}
