/* SPDX-License-Identifier: MIT */
/* host/rest/stream.c - a resource that may wait, as a stream of events. */
#include "host/rest/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/json.h"
#include "host/step/job.h"

#define TYPE "text/event-stream"

/* What a request keeps. */
struct stream {
    uint8_t told[CRYPTO_MAC_LEN]; /* hash of the last answer */
    int64_t ends_ms, beat_ms;     /* clock_steady_ms */
};

bool
stream_wanted(struct http_request *request,
              const struct factor_resource *resource)
{
    const char *accept = http_header(request, "Accept");

    return resource->flags & FACTOR_RESOURCE_WAITS && accept &&
           strstr(accept, TYPE);
}

/* The clock for signs of life starts anew with whatever is sent. */
static void
alive(const struct host *host, struct stream *stream)
{
    stream->beat_ms = clock_steady_ms() +
                      config_number(host->config, "/flow/stream_heartbeat");
}

/* A comment, which clients drop. */
static struct http_reply *
sign_of_life(struct http_request *request, http_handler *again)
{
    char *text = strdup(":\n\n");

    return http_reply_part(request, TYPE, text, text ? strlen(text) : 0,
                           again);
}

static struct http_reply *
end_of_stream(void)
{
    return http_reply_static(200, NULL, "", 0);
}

bool
stream_goes_on(const struct host *host, struct http_request *request,
               http_handler *again)
{
    struct stream *stream = http_keep(request, sizeof(*stream));
    int64_t now_ms = clock_steady_ms();
    bool may_stay = job_may_live_on(request);

    job_drop(request);
    if (!stream) {
        http_reply(request, NULL);
        return false;
    }
    if (!http_in_parts(request)) {
        stream->ends_ms =
            now_ms + config_number(host->config, "/flow/stream_limit");
        alive(host, stream);
        return true;
    }
    if (!may_stay || now_ms >= stream->ends_ms) {
        http_reply(request, end_of_stream());
        return false;
    }
    if (now_ms < stream->beat_ms)
        return true;
    alive(host, stream);
    http_reply(request, sign_of_life(request, again));
    return false;
}

/* False without memory. */
static bool
digest(const struct rest_call *call, uint8_t ret_hash[CRYPTO_MAC_LEN])
{
    int64_t status = call->status;
    char *text = json_dumps(call->answer,
                            JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    const struct crypto_part parts[] = {crypto_number(&status),
                                        crypto_text(text)};
    bool done = text && crypto_hash(parts, 2, ret_hash);

    free(text);
    return done;
}

bool
stream_told(struct http_request *request, const struct rest_call *call)
{
    const struct stream *stream = http_kept(request);
    uint8_t now[CRYPTO_MAC_LEN];

    return http_in_parts(request) && call->answer && digest(call, now) &&
           crypto_same(now, stream->told, sizeof(now));
}

int64_t
stream_turn_at(struct http_request *request)
{
    const struct stream *stream = http_kept(request);

    return stream->beat_ms < stream->ends_ms ? stream->beat_ms
                                             : stream->ends_ms;
}

/* JSON has no line breaks of its own. */
static char *
event_text(const char *name, const json_t *data)
{
    char *json = json_compact(data, NULL), *text;
    size_t size = json ? strlen(name) + strlen(json) + 32 : 0;

    text = json ? malloc(size) : NULL;
    if (text)
        snprintf(text, size, "%sdata: %s\n\n", name, json);
    free(json);
    return text;
}

struct http_reply *
stream_event(struct http_request *request, const struct rest_call *call,
             const json_t *timed, http_handler *again)
{
    const struct host *host = http_context(request);
    bool refused = call->status >= 400;
    char *text = event_text(refused ? "event: refused\n" : "", timed);
    size_t len = text ? strlen(text) : 0;
    struct stream *stream = http_kept(request);

    if (refused)
        return http_reply_new(200, TYPE, text, len);
    if (!digest(call, stream->told)) {
        free(text);
        return NULL;
    }
    alive(host, stream);
    return http_reply_part(request, TYPE, text, len, again);
}
