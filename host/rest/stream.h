/* SPDX-License-Identifier: MIT */
/* host/rest/stream.h - a resource that may wait, as a stream of events: each
 * answer that differs from the one told before, and signs of life between.
 *
 * What stays of a stream from event to event is its request, a digest of what
 * it told last, and two instants. */
#ifndef HOST_REST_STREAM_H
#define HOST_REST_STREAM_H

#include "host/host.h"
#include "host/http/http.h"
#include "host/rest/rest.h"

/* Whether the caller wants a stream, and the resource has one to give. */
bool stream_wanted(struct http_request *request,
                   const struct factor_resource *resource);

/* At the begin of each turn of a request that wants one.  False: the turn is
 * over, with a sign of life or with the stream's end; again has the next. */
bool stream_goes_on(const struct host *host, struct http_request *request,
                    http_handler *again);

/* Whether this answer is what the stream has told already. */
bool stream_told(struct http_request *request, const struct rest_call *call);

/* When it has its next turn, whatever happens (clock_steady_ms). */
int64_t stream_turn_at(struct http_request *request);

/* The answer as an event; timed: with what else is told with each.  A refusal
 * is the last one.  NULL without memory. */
struct http_reply *stream_event(struct http_request *request,
                                const struct rest_call *call,
                                const json_t *timed, http_handler *again);

#endif
