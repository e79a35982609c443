/* SPDX-License-Identifier: MIT */
/* factor/answer.h - short forms of what steps do most: read a member, write
 * the next version of a record, say what came of it.
 *
 * All are inline and do nothing that the plugin could not do itself by
 * factor/step.h and factor/host.h.  Pure; any thread.  Statuses are to be
 * returned as they are: where a call failed, the step fails.
 *
 * The contract includes nothing but C's own headers.  Include <jansson.h>
 * before this one; without it only what needs no JSON is declared.
 */
#ifndef FACTOR_ANSWER_H
#define FACTOR_ANSWER_H

#include "factor/base.h"
#include "factor/host.h"
#include "factor/record.h"
#include "factor/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Reads. --- */

/* Plan to read the record of the user whose sign-on it is: its id is the
 * user's.  Nothing is read while it is not known who that is. */
static inline factor_status
factor_read_subject(const struct factor_host *host,
                    const struct factor_step *step, struct factor_reads *reads,
                    const char *collection)
{
    if (!step->subject)
        return FACTOR_OK;
    return host->read_id(reads, collection, step->subject);
}

/* --- Texts. --- */

/* Are the two texts the same?  0 if one is NULL or empty.  How long it takes
 * depends on the length of what was tried alone, so it may be a secret. */
static inline int
factor_same_text(const char *secret, const char *tried)
{
    volatile unsigned int differ = 0;
    size_t at = 0, i;

    if (!secret || !*secret || !tried)
        return 0;
    /* Where the secret ends, its NUL is compared again and again. */
    for (i = 0; tried[i]; i++) {
        differ = differ | (unsigned int)(secret[at] ^ tried[i]);
        at += (size_t)(secret[at] != '\0');
    }
    return (differ | (unsigned int)secret[at]) == 0;
}

/* --- Effects. --- */

/* Put the next version of a record that was read; owner, name and expiry stay
 * as they were.  body: borrowed.  If another step was faster, the commit is
 * lost and the step runs again. */
static inline factor_status
factor_put_next(const struct factor_host *host, const struct factor_step *step,
                const struct factor_record *record, const struct json_t *body)
{
    const struct factor_put put = {
        sizeof(put),   0,    record->collection, record->id,
        record->owner, NULL, record->version,    record->expires_at_ms,
        body
    };

    return host->put(step->effects, &put);
}

/* --- Outcomes.  What they are given lives as long as the step. --- */

/* Stay in this adapter, in a declared state.  Always FACTOR_OK. */
static inline factor_status
factor_stay(struct factor_outcome *outcome, const char *state)
{
    outcome->verdict = FACTOR_CONTINUE;
    outcome->state = state;
    return FACTOR_OK;
}

/* The user has proven these kinds of factor (FACTOR_KIND_...) by these methods
 * (RFC 8176; constant, or NULL).  Always FACTOR_OK. */
static inline factor_status
factor_prove(struct factor_outcome *outcome, uint32_t kinds,
             const char *const *amr)
{
    outcome->verdict = FACTOR_SUCCESS;
    outcome->kinds = kinds;
    outcome->amr = amr;
    return FACTOR_OK;
}

/* The policy fails.  Always FACTOR_OK. */
static inline factor_status
factor_fail(struct factor_outcome *outcome)
{
    outcome->verdict = FACTOR_FAILURE;
    return FACTOR_OK;
}

/* A detail by its members, as an argument of factor_refuse.  For C.  Say
 * .attempts_remaining = -1 where it is not told: 0 says that none is left. */
#define FACTOR_DETAIL(...)                                                     \
    &(const struct factor_detail)                                              \
    {                                                                          \
        .struct_size = sizeof(struct factor_detail), __VA_ARGS__               \
    }

/* Stay in the state in which the flow is, and answer one detail: of an action,
 * since a flow that enters has no state yet.  The detail is copied; what it
 * points to is not.  FACTOR_E_NOMEM. */
static inline factor_status
factor_refuse(const struct factor_host *host, const struct factor_step *step,
              struct factor_outcome *outcome,
              const struct factor_detail *detail)
{
    struct factor_detail *copy;
    const struct factor_detail **list;

    copy = (struct factor_detail *)host->alloc(step->arena, sizeof(*copy));
    list = (const struct factor_detail **)host->alloc(step->arena,
                                                      2 * sizeof(*list));
    if (!copy || !list)
        return FACTOR_E_NOMEM;
    *copy = *detail;
    list[0] = copy;
    outcome->details = list;
    return factor_stay(outcome, step->flow ? step->flow->state : NULL);
}

#ifdef JANSSON_VERSION_HEX

/* --- Members of an object: settings, fields, bodies of records. --- */

/* An integer; 0 if it is not there or none. */
static inline int64_t
factor_integer(const struct json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

/* A text, borrowed from the object; NULL if it is not there or none. */
static inline const char *
factor_string(const struct json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A text in the sealed part of a record, where that is an object: member
 * "secret" of its body.  Valid for the step; NULL if it is not there. */
static inline const char *
factor_secret(const struct factor_record *record, const char *name)
{
    return factor_string(json_object_get(record->body, "secret"), name);
}

/* --- Effects with a body. --- */

/* As factor_put_next, with a body in which these members are set anew and all
 * others kept, known or not.  members: object, stolen; may be the result of
 * json_pack() as it is: NULL gives FACTOR_E_NOMEM. */
static inline factor_status
factor_put_members(const struct factor_host *host,
                   const struct factor_step *step,
                   const struct factor_record *record, struct json_t *members)
{
    json_t *body = json_deep_copy(record->body);
    factor_status status = FACTOR_E_NOMEM;

    if (body && members && json_object_update(body, members) == 0)
        status = factor_put_next(host, step, record, body);
    json_decref(body);
    json_decref(members);
    return status;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
