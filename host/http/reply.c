/* SPDX-License-Identifier: MIT */
/* host/http/reply.c - replies, and what is said to a refused request. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/http/internal.h"
#include "host/log.h"

#define JSON_TYPE "application/json;charset=utf-8"
/* In a detail too, which is all that some clients show. */
#define REFUSAL_TEXTS(code, message)                                           \
    "\"code\":\"" code "\",\"message\":\"" message "\",\"userMessage\":\""     \
    message "\""
#define REFUSAL(code, message)                                                 \
    "{" REFUSAL_TEXTS(code, message)                                           \
    ",\"details\":[{" REFUSAL_TEXTS(code, message) "}]}"

static const struct {
    unsigned status;
    bool closes;
    const char *body;
} refusals[] = {
    [REFUSED_MALFORMED] = {400, true,
                           REFUSAL("INVALID_REQUEST",
                                   "The request is malformed.")},
    [REFUSED_UNKNOWN] = {404, false,
                         REFUSAL("RESOURCE_NOT_FOUND",
                                 "The requested resource was not found.")},
    [REFUSED_METHOD] = {405, false,
                        REFUSAL("INVALID_REQUEST",
                                "The method is not allowed here.")},
    [REFUSED_BODY] = {413, true,
                      REFUSAL("INVALID_REQUEST", "The body is too large.")},
    [REFUSED_URI] = {414, true,
                     REFUSAL("INVALID_REQUEST", "The URI is too long.")},
    [REFUSED_HEADERS] = {431, true,
                         REFUSAL("INVALID_REQUEST",
                                 "The headers are too large.")},
    [REFUSED_FAULT] = {500, false,
                       REFUSAL("UNEXPECTED_ERROR",
                               "An unexpected error occurred.")},
};

struct http_reply {
    struct MHD_Response *response;
    unsigned status;
    bool cache_said; /* Cache-Control was set */
    bool owns_body;  /* freed with the response, and this struct with it */
    char *body;
    size_t body_len;
    const char *constant; /* body_len bytes in place of the body; or NULL */
    http_handler *next;   /* a part: who gives the next one */
};

void
reply_wipe(char *memory, size_t len)
{
    if (memory)
        explicit_bzero(memory, len);
    free(memory);
}

/* libmicrohttpd is done with the response. */
static void
on_response_freed(void *cls)
{
    struct http_reply *reply = cls;

    reply_wipe(reply->body, reply->body_len);
    free(reply);
}

void
http_reply_free(struct http_reply *reply)
{
    const bool owned = reply && reply->owns_body;

    if (!reply)
        return;
    if (reply->response)
        MHD_destroy_response(reply->response);
    if (owned)
        return;
    reply_wipe(reply->body, reply->body_len);
    free(reply);
}

static struct http_reply *
with_type(struct http_reply *reply, const char *content_type)
{
    if (!content_type ||
        http_reply_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, content_type))
        return reply;
    http_reply_free(reply);
    return NULL;
}

struct http_reply *
http_reply_static(unsigned status, const char *content_type, const char *body,
                  size_t body_len)
{
    static char nothing[1];
    struct http_reply *reply = calloc(1, sizeof(*reply));
    void *memory = nothing;

    if (!reply)
        return NULL;
    /* The library's parameter lacks a const; it only reads. */
    if (body)
        memcpy(&memory, &body, sizeof(memory));
    reply->status = status;
    reply->constant = body;
    reply->body_len = body ? body_len : 0;
    reply->response = MHD_create_response_from_buffer(
        reply->body_len, memory, MHD_RESPMEM_PERSISTENT);
    if (!reply->response) {
        free(reply);
        return NULL;
    }
    return with_type(reply, content_type);
}

struct http_reply *
http_reply_new(unsigned status, const char *content_type, char *body,
               size_t body_len)
{
    struct http_reply *reply;

    if (!body)
        return http_reply_static(status, content_type, NULL, 0);
    reply = calloc(1, sizeof(*reply));
    if (!reply) {
        reply_wipe(body, body_len);
        return NULL;
    }
    reply->status = status;
    reply->body = body;
    reply->body_len = body_len;
    reply->response = MHD_create_response_from_buffer_with_free_callback_cls(
        body_len, body, on_response_freed, reply);
    if (!reply->response) {
        on_response_freed(reply);
        return NULL;
    }
    reply->owns_body = true;
    return with_type(reply, content_type);
}

struct http_reply *
http_reply_part(struct http_request *request, const char *content_type,
                char *body, size_t body_len, http_handler *next)
{
    struct http_reply *reply = body ? calloc(1, sizeof(*reply)) : NULL;

    if (!reply) {
        reply_wipe(body, body_len);
        return NULL;
    }
    reply->status = 200;
    reply->body = body;
    reply->body_len = body_len;
    reply->next = next;
    if (http_in_parts(request))
        return reply;
    reply->response = partial_begin(request);
    if (reply->response)
        return with_type(reply, content_type);
    http_reply_free(reply);
    return NULL;
}

bool
http_reply_header(struct http_reply *reply, const char *name,
                  const char *value)
{
    if (!token_ok(name) || !text_ok(value, false) ||
        MHD_add_response_header(reply->response, name, value) != MHD_YES)
        return false;
    if (strcasecmp(name, MHD_HTTP_HEADER_CACHE_CONTROL) == 0)
        reply->cache_said = true;
    return true;
}

static bool
complete(const struct http_request *request, struct http_reply *reply)
{
    const char *strict_transport = request->server->strict_transport;

    if (strict_transport &&
        !http_reply_header(reply, "Strict-Transport-Security",
                           strict_transport))
        return false;
    if (!reply->cache_said &&
        (!http_reply_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL,
                            "no-store") ||
         !http_reply_header(reply, MHD_HTTP_HEADER_PRAGMA, "no-cache")))
        return false;
    if ((request->closing || atomic_load(&request->server->quiesced)) &&
        !http_reply_header(reply, MHD_HTTP_HEADER_CONNECTION, "close"))
        return false;
    return http_reply_header(reply, "X-Content-Type-Options", "nosniff");
}

/* Out of a reply that is freed next: a constant one is copied. */
static char *
take_body(struct http_reply *reply)
{
    char *body = reply->body;

    reply->body = NULL;
    if (!body && reply->body_len > 0) {
        body = malloc(reply->body_len);
        if (body)
            memcpy(body, reply->constant, reply->body_len);
    }
    return body;
}

/* A later part, or the last one. */
static void
send_part(struct http_request *request, struct http_reply *reply)
{
    if (reply)
        partial_put(request, take_body(reply), reply->body_len, reply->next);
    else
        partial_put(request, NULL, 1, NULL);
    http_reply_free(reply);
}

/* The headers, and the first part. */
static void
begin_parts(struct http_request *request, struct http_reply *reply)
{
    partial_put(request, take_body(reply), reply->body_len, reply->next);
    if (!complete(request, reply) ||
        MHD_queue_response(request->connection, reply->status,
                           reply->response) != MHD_YES)
        request->failed = true;
    http_reply_free(reply);
}

/* Queue it, and free it either way. */
static void
send_reply(struct http_request *request, struct http_reply *reply)
{
    request->phase = PHASE_ANSWERED;
    if (!reply || !complete(request, reply) ||
        MHD_queue_response(request->connection, reply->status,
                           reply->response) != MHD_YES)
        request->failed = true;
    http_reply_free(reply);
}

/* In the words of whose path it is, where there is one. */
static struct http_reply *
refusal_reply(struct http_request *request)
{
    const enum refusal refusal = request->refusal;
    const unsigned status = refusals[refusal].status;
    const char *body = refusals[refusal].body;
    struct http_reply *reply = NULL;

    if (request->server->refused &&
        (refusal == REFUSED_UNKNOWN || refusal == REFUSED_METHOD))
        reply = request->server->refused(request, status);
    return reply ? reply
                 : http_reply_static(status, JSON_TYPE, body, strlen(body));
}

void
reply_refusal(struct http_request *request)
{
    const enum refusal refusal = request->refusal;
    struct http_reply *reply = refusal_reply(request);
    char allow[HTTP_ALLOW_SIZE];

    if (refusals[refusal].closes)
        request->closing = true;
    if (refusal == REFUSED_METHOD && reply) {
        route_allow(request->allow, allow);
        if (!http_reply_header(reply, MHD_HTTP_HEADER_ALLOW, allow)) {
            http_reply_free(reply);
            reply = NULL;
        }
    }
    send_reply(request, reply);
}

void
http_reply(struct http_request *request, struct http_reply *reply)
{
    if (request->phase != PHASE_RUNNING) {
        log_event("http", FACTOR_LOG_ERROR, "%s: answered out of turn",
                  request->route->name);
        http_reply_free(reply);
        return;
    }
    if (http_in_parts(request)) {
        send_part(request, reply);
        return;
    }
    if (reply && reply->next) {
        begin_parts(request, reply);
        return;
    }
    if (reply) {
        send_reply(request, reply);
        return;
    }
    request->refusal = REFUSED_FAULT;
    reply_refusal(request);
}
