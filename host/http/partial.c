/* SPDX-License-Identifier: MIT */
/* host/http/partial.c - answers in parts: the library asks for bytes, and who
 * gives them has a turn when there are none. */
#include <stdlib.h>
#include <string.h>

#include "host/http/internal.h"

/* Of the library's own, where the client does not take chunks. */
enum { BLOCK_LEN = 1024 };

/* As much of the part as there is room for. */
static ssize_t
give(struct parts *parts, char *buffer, size_t max)
{
    const size_t left = parts->len - parts->sent;
    const size_t len = left < max ? left : max;

    memcpy(buffer, parts->body + parts->sent, len);
    parts->sent += len;
    if (parts->sent == parts->len) {
        reply_wipe(parts->body, parts->len);
        parts->body = NULL;
        parts->len = parts->sent = 0;
    }
    return (ssize_t)len;
}

/* Whose turn it is: who was resumed, or else who gives the next part. */
static http_handler *
whose_turn(struct http_request *request)
{
    http_handler *next = request->next ? request->next : request->parts->next;

    request->next = NULL;
    request->parts->next = NULL;
    return next;
}

/* Called on the request's loop: after the headers, when a part has gone, and
 * after a resume.  Nothing is given while the request is suspended. */
static ssize_t
on_read(void *cls, uint64_t at, char *buffer, size_t max)
{
    struct http_request *request = cls;
    struct parts *parts = request->parts;
    http_handler *next;

    (void)at;
    while (parts->sent == parts->len && !parts->broken) {
        next = whose_turn(request);
        if (!next || !server_run(request, next))
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (request->phase == PHASE_SUSPENDED)
            return 0;
    }
    return parts->broken ? MHD_CONTENT_READER_END_WITH_ERROR
                         : give(parts, buffer, max);
}

struct MHD_Response *
partial_begin(struct http_request *request)
{
    if (!request->parts)
        request->parts = calloc(1, sizeof(*request->parts));
    return request->parts
               ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_LEN,
                                                   on_read, request, NULL)
               : NULL;
}

/* Bytes that were promised and are not there break the answer off. */
void
partial_put(struct http_request *request, char *body, size_t len,
          http_handler *next)
{
    struct parts *parts = request->parts;

    parts->begun = true;
    parts->body = body;
    parts->len = body ? len : 0;
    parts->broken = !body && len > 0;
    parts->next = next;
    request->phase = next ? PHASE_PARTED : PHASE_ANSWERED;
}

void
partial_free(struct parts *parts)
{
    if (!parts)
        return;
    reply_wipe(parts->body, parts->len);
    free(parts);
}

bool
http_in_parts(const struct http_request *request)
{
    return request->parts && request->parts->begun;
}
