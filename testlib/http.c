/* SPDX-License-Identifier: MIT */
/* testlib/http.c - host->http() of the fake host: answers from a table, and
 * what was asked is kept. */
#include "testlib/fake.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct {
    pthread_mutex_t lock;
    json_t *answers; /* object: URL to an array of {status, body, retry} */
    json_t *calls;   /* array, as factor_test_http_calls() says */
} http = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Under the lock. */
static void
begin(void)
{
    if (http.answers)
        return;
    http.answers = fake_must(json_object());
    http.calls = fake_must(json_array());
}

void
factor_test_clear_http(void)
{
    pthread_mutex_lock(&http.lock);
    json_decref(http.answers);
    json_decref(http.calls);
    http.answers = http.calls = NULL;
    pthread_mutex_unlock(&http.lock);
}

void
factor_test_answer_http(const char *url, uint32_t status, const char *body,
                        int64_t retry_after_ms)
{
    json_t *list;

    pthread_mutex_lock(&http.lock);
    begin();
    list = json_object_get(http.answers, url);
    if (!list) {
        list = fake_must(json_array());
        fake_set(http.answers, url, list);
    }
    json_array_append_new(
        list, fake_must(json_pack("{s:I, s:s, s:I}", "status",
                                  (json_int_t)status, "body",
                                  body ? body : "", "retry",
                                  (json_int_t)retry_after_ms)));
    pthread_mutex_unlock(&http.lock);
}

json_t *
factor_test_http_calls(void)
{
    json_t *calls;

    pthread_mutex_lock(&http.lock);
    begin();
    calls = fake_must(json_deep_copy(http.calls));
    pthread_mutex_unlock(&http.lock);
    return calls;
}

/* --- One call --- */

static bool
header_ok(const char *header)
{
    size_t name = strcspn(header, ": \t\r\n");

    return name > 0 && header[name] == ':' && !strpbrk(header, "\r\n");
}

/* What the real host would not do; NULL: it would. */
static const char *
refusal(const struct factor_http_request *request)
{
    const char *const *header;
    const char *url = request->url, *host;
    bool secure;

    if (request->struct_size != sizeof(*request))
        return "the request's struct_size";
    if (request->flags & ~(uint32_t)(FACTOR_HTTP_PUBLIC | FACTOR_HTTP_2))
        return "unknown flags";
    if (!request->method || !*request->method || request->timeout_ms <= 0)
        return "the method or the timeout is missing";
    secure = url && strncasecmp(url, "https://", 8) == 0;
    if (!secure && (!url || strncasecmp(url, "http://", 7) != 0))
        return "the URL is neither http: nor https:";
    if ((request->flags & FACTOR_HTTP_PUBLIC) && !secure)
        return "the URL is not https:";
    host = url + (secure ? 8 : 7);
    if (strpbrk(url, "# \r\n") || strcspn(host, "@") < strcspn(host, "/?"))
        return "the URL has a user, a fragment or spaces";
    for (header = request->headers; header && *header; header++)
        if (!header_ok(*header))
            return "a header is malformed";
    return NULL;
}

static json_t *
hex_of(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    char *text = fake_must(calloc(len + 1, 2));
    json_t *hex;
    size_t i;

    for (i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    hex = fake_text(text);
    free(text);
    return hex;
}

static json_t *
body_of(const struct factor_http_request *request)
{
    json_t *body =
        request->body ? json_stringn(request->body, request->body_len) : NULL;

    return body ? body : json_null();
}

static void
record(const struct factor_http_request *request, const char *refused)
{
    json_t *headers = fake_must(json_array());
    const char *const *header;

    for (header = request->headers; header && *header; header++)
        json_array_append_new(headers, fake_text(*header));
    json_array_append_new(
        http.calls,
        fake_must(json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}",
                            "method", fake_text(request->method), "url",
                            fake_text(request->url), "headers", headers,
                            "body", body_of(request), "body_hex",
                            hex_of(request->body,
                                   request->body ? request->body_len : 0),
                            "flags", (json_int_t)request->flags, "timeout_ms",
                            (json_int_t)request->timeout_ms, "refused",
                            fake_text(refused))));
}

/* A new reference, or NULL; all but the last are given once. */
static json_t *
answer_for(const char *url)
{
    json_t *list = json_object_get(http.answers, url);
    json_t *answer = json_array_get(list, 0);

    if (!answer)
        return NULL;
    json_incref(answer);
    if (json_array_size(list) > 1)
        json_array_remove(list, 0);
    return answer;
}

static factor_status
fail(struct factor_error *err, factor_status status, const char *why)
{
    if (err) {
        err->code = status;
        snprintf(err->text, sizeof(err->text), "%s", why);
    }
    return status;
}

/* A copy of its own, so that checkers of memory see who forgets to release
 * it. */
static void
fill(struct factor_http_answer *ret, const json_t *answer)
{
    const char *body = fake_get(answer, "body");

    ret->held = fake_must(strdup(body));
    ret->status = (uint32_t)fake_int(answer, "status");
    ret->body = ret->held;
    ret->body_len = strlen(body);
    ret->retry_after_ms = fake_int(answer, "retry");
}

factor_status
fake_http(const struct factor_http_request *request,
          struct factor_http_answer *ret_answer, struct factor_error *err)
{
    const char *refused = refusal(request);
    json_t *answer = NULL;
    factor_status status = FACTOR_OK;

    pthread_mutex_lock(&http.lock);
    begin();
    record(request, refused);
    if (!refused)
        answer = answer_for(request->url);
    pthread_mutex_unlock(&http.lock);
    if (refused)
        status = fail(err, FACTOR_E_INPUT, refused);
    else if (!answer || fake_int(answer, "status") == 0)
        status = fail(err, FACTOR_E_IO, "no answer came");
    else
        fill(ret_answer, answer);
    json_decref(answer);
    return status;
}

void
fake_http_release(struct factor_http_answer *answer)
{
    if (!answer)
        return;
    free(answer->held);
    answer->held = NULL;
    answer->body = "";
    answer->body_len = 0;
}
