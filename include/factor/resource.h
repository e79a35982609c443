/* SPDX-License-Identifier: MIT */
/* factor/resource.h - REST resources that a plugin declares.
 *
 * Router, authentication, paging, filters, links, error envelope and API
 * description are the host's; the plugin brings a table and a pure handler
 * (factor_adapter_ops.handle_resource).
 */
#ifndef FACTOR_RESOURCE_H
#define FACTOR_RESOURCE_H

#include "factor/base.h"
#include "factor/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who may call.  None of these: nobody. */
enum {
    FACTOR_WHO_ROLE = 1 << 0,   /* a worker token with one of .roles */
    FACTOR_WHO_USER = 1 << 1,   /* a user's token with one of .scopes: of the
                                 * {user} in the path, or, where there is
                                 * none, of whom the handler has to judge */
    FACTOR_WHO_DEVICE = 1 << 2, /* a paired device: the body holds a statement
                                 * signed by its key, which the handler
                                 * verifies (host->jws_verify) */
    FACTOR_WHO_ANYONE = 1 << 3
};
/* Who calls by a token: step.request.client is the client that got it; a
 * user's is step.subject, and step.inputs then holds what the user proved at
 * that sign-on: "acr" (text, or not there) and "amr" (array of texts).  A
 * worker's has no subject.
 *
 * Resources for devices and for anyone are served on the public listener,
 * to every origin and without cookies, and every object that they answer gets
 * the member "time" (seconds, the host's clock); the others on the admin
 * listener, and what they answer is completed by the host, unless it is there:
 *
 *   - every "href" that begins with "/" is made absolute, and a link that is
 *     an empty object ("activate": {}) leads to the resource itself;
 *   - "_links" has self, environment and, below a {user}, user;
 *   - an object with "id" has {"environment": {"id"}} and, below a {user},
 *     {"user": {"id"}}, and one that was created (201) a Location;
 *   - of a list (.list) the handler gives {"devices": [...]}, perhaps with
 *     "_links" of the list, and the host makes of it _embedded, count, size
 *     and the links of each entry.
 *
 * Of several resources with one method and path, the request's media type
 * chooses.  One without a body (.body NULL) takes none, and {} counts as none.
 *
 * A handler answers by verdict FACTOR_SUCCESS with a status and a body; with
 * details by the error envelope instead: status 400 unless it says another,
 * the code that is the first detail's parent, and Retry-After if a detail says
 * when to try again.  Nothing is committed with a status of 400 and above
 * unless it put, audited or counted something.
 *
 * Verdict FACTOR_CONTINUE, without details, says: this is the answer for now,
 * but there may soon be a better one.  For a caller that is willing to wait
 * ("Prefer: wait=N") the host then parks the request, commits nothing, and runs
 * the handler again when a record of its reads moves: one that is read by id,
 * there or not, any of an owner whose records are read, and of others one that
 * was found; 31 in all.  Of a list by name or page, a record that comes to be
 * in it moves none of these: touch one that is.  An instant at which the answer
 * would differ by itself is said in outcome.changes_at_ms.  At the end of the
 * wait, or when two newer ones wait at the same path, the answer is given as it
 * is, and what it put is committed.  Any other verdict is the plugin's bug.
 */
enum {
    /* Its handler only looks, and its answers may change: a caller may have
     * them as a stream ("Accept: text/event-stream").  The host then runs the
     * handler whenever it would for one that waits, whatever the verdict is,
     * and tells each answer that differs from the one before.  A status of 400
     * and above ends it. */
    FACTOR_RESOURCE_WAITS = 1 << 0,
    /* A list that is read by pages: step.query has "limit" (integer, 1 to
     * 1,000) and, but for the first page, "after" (text: outcome.next of the
     * page before). */
    FACTOR_RESOURCE_PAGED = 1 << 1,
    /* Who calls may be guessing: limited by source address. */
    FACTOR_RESOURCE_GUESSABLE = 1 << 2
};

/* One operation of a resource.  Owner: instance. */
struct factor_resource {
    uint32_t struct_size;
    uint32_t who;           /* FACTOR_WHO_... */
    const char *name;       /* of the operation: "users.list"; unique */
    const char *method;     /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;       /* "/v1/environments/{env}/users/{user}" */
    const char *media_type; /* of the request body; NULL: application/json */
    const char *const *roles;   /* or NULL */
    const char *const *scopes;  /* or NULL */
    const char *const *filters; /* attributes that ?filter= may compare, all
                                 * by eq: step.query has an object "filter" of
                                 * those that it names; or NULL */
    const struct factor_field *const *query; /* other query strings */
    const struct factor_field *const *body;  /* or NULL: it has none */
    uint64_t flags;         /* FACTOR_RESOURCE_... */
    uint32_t status;        /* of success, unless the outcome says another;
                             * 0: 200 */
    uint32_t reserved;      /* 0 */
    const char *list;       /* it answers a list: name of its array; or NULL */
    const struct factor_field *const *answer; /* members of what it answers, of
                             * a list of each entry; NULL: not told */
    const char *text;       /* what it does, one sentence; or NULL */
};

#ifdef __cplusplus
}
#endif

#endif
