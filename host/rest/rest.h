/* SPDX-License-Identifier: MIT */
/* host/rest/rest.h - the REST plane: resources that the host and its
 * adapters declare (factor/resource.h), routed and guarded from their tables.
 */
#ifndef HOST_REST_REST_H
#define HOST_REST_REST_H

#include "host/host.h"
#include "host/http/http.h"
#include "host/oauth/bearer.h"
#include "host/step/job.h"
#include "host/uuid.h"

struct rest;
struct rest_operation; /* host/rest/tables.h */

/* One call of a resource.  JSON lives as long as the job. */
struct rest_call {
    const struct rest_operation *operation;
    const struct factor_resource *resource;
    char id[UUID_SIZE];   /* Correlation-Id of the answer */
    struct bearer bearer; /* by whose token; client NULL: it has none */
    const char *user;     /* whose token it is; NULL: a worker's, or none */
    const json_t *path;   /* object: variables of the path */
    const json_t *query;  /* object: query strings that are declared, filter,
                           * limit and after */
    const json_t *body;   /* object that fits the declared body, or NULL */
    int64_t wait_ms;      /* Prefer: wait=N; 0: it would not wait */
    bool may_park;
    bool stream; /* it wants a stream, see stream.h */
    /* Of the answer; JSON with the attempt's life. */
    unsigned status;       /* 0: 200 */
    const json_t *answer;  /* NULL: there is none */
    bool refused;          /* the answer is an error envelope */
    int64_t retry_after_s; /* 0: not told */
    const char *next;      /* where the next page begins, or NULL */
    bool for_now;          /* there may soon be a better one */
    int64_t changes_at_ms; /* there will be another one; 0: not known */
};

/* What the host answers itself: one attempt.  A status of 400 and above
 * without an answer is told by the envelope that goes with it; with refused
 * the answer is such an envelope. */
typedef factor_status rest_decide(const struct host *host,
                                  struct rest_call *call, struct txn *txn,
                                  struct factor_error *err);

/* The handler of all of their routes. */
http_handler rest_handle;
/* What is below their paths and is none of them: told as they tell it. */
struct http_reply *rest_refused(struct http_request *request,
                                unsigned status);

/* Tables of every resource; host must outlive it.  NULL without memory. */
struct rest *rest_new(const struct host *host);
void rest_free(struct rest *rest); /* NULL is allowed */

/* Routes of the resources that take a token (admin listener), and of those for
 * devices and for anyone (public listener); they live as long as rest. */
const struct http_route *rest_routes(const struct rest *rest);
const struct http_route *rest_open_routes(const struct rest *rest);

/* What absolute links begin with. */
const char *rest_base(const struct host *host);

#endif
