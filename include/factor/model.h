/* SPDX-License-Identifier: MIT */
/* factor/model.h - what an adapter can ask of a client, as constant data.
 *
 * The host validates every request against these tables before the adapter
 * sees it and every outcome before it is committed; the sign-on page, the
 * API description and the manual are made from them.  All of it is owned by
 * the instance and constant after init.
 */
#ifndef FACTOR_MODEL_H
#define FACTOR_MODEL_H

#include "factor/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FACTOR_FIELD_STRING = 1,
    FACTOR_FIELD_INTEGER = 2, /* a fraction is cut off; "12" counts */
    FACTOR_FIELD_BOOLEAN = 3, /* "true" and "false" count (HTML forms) */
    FACTOR_FIELD_OBJECT = 4,  /* its members in .fields */
    FACTOR_FIELD_ARRAY = 5,   /* each entry is .fields[0]; at most .max */
    FACTOR_FIELD_MAP = 6      /* object of any members, each .fields[0]; NULL:
                               * each anything, as it is, the whole of it at
                               * most .max_len bytes (compact JSON) */
};
enum {
    FACTOR_FIELD_REQUIRED = 1 << 0,  /* and, if a string, not empty */
    FACTOR_FIELD_SENSITIVE = 1 << 1, /* never logged; wiped after the step */
    FACTOR_FIELD_DIGITS = 1 << 2,    /* the page offers a number pad */
    FACTOR_FIELD_READ_ONLY = 1 << 3, /* answers have it; what a request says
                                      * is passed over */
    FACTOR_FIELD_EMPTY = 1 << 4      /* required, but may be "" */
};

/* One member of a JSON object: of an action, of a resource's body or answer.
 * Members that are not declared are passed over. */
struct factor_field {
    uint32_t struct_size;
    uint32_t type;    /* FACTOR_FIELD_STRING ... */
    uint32_t flags;   /* FACTOR_FIELD_REQUIRED ... */
    uint32_t max_len; /* strings: longest accepted, bytes; 0: 1,024 */
    const char *name; /* case-sensitive; of an entry: NULL */
    const struct factor_field *const *fields; /* objects: members; arrays and
                                               * maps: one entry; else NULL */
    const char *const *values; /* strings: the only ones, or NULL: any */
    int64_t min, max;   /* integers: the range, unless both are 0; arrays: how
                         * many entries at most, 0: 1,000 */
    const char *format; /* strings: of JSON Schema, or NULL; "uuid" and
                         * "date-time" are checked */
    const char *text;   /* what it means, for the API description, or NULL */
};

/* Who may take an action.  None of these: the client of the flow.  The host
 * enforces it by route. */
enum {
    FACTOR_ACTION_DEVICE = 1 << 0,   /* the user's paired device */
    FACTOR_ACTION_OPERATOR = 1 << 1, /* factorctl; step.flow is NULL */
    FACTOR_ACTION_SLOW = 1 << 2,     /* run on the slow pool (hashing) */
    FACTOR_ACTION_MEASURE = 1 << 3,  /* with OPERATOR: the host itself takes
                                      * it after start, as told below */
    FACTOR_ACTION_WAIT = 1 << 4      /* asks whether others have acted (poll):
                                      * with "Prefer: wait=N" it is held back,
                                      * as a GET is, while the state that is
                                      * seen offers it */
};

/* A measuring action shows how long answers have to be held back
 * (answer_after_ms): it does the work of an action whose answers are, and as
 * much of it as what is stored may demand.  The host runs it once after start,
 * in the background on the slow pool, without a user (step.subject NULL) and
 * without fields, and looks at the processor time that it takes.  An outcome's
 * body is given as the fields of another round, until there is none; the
 * longest round counts.  It has no effects. */

/* One action.  Owner: instance. */
struct factor_action {
    uint32_t struct_size;
    uint32_t flags;   /* FACTOR_ACTION_... */
    const char *name; /* [A-Za-z0-9._-]+, unique in the instance */
    const struct factor_field *const *fields; /* or NULL: it has no model */
    const char *const *errors; /* detail codes it may answer, or NULL */
    int64_t answer_after_ms; /* the answer is held back until so long after
                              * the request came, whatever it is; 0: not */
};

enum {
    FACTOR_STATE_FAILED = 1 << 0 /* a dead end; the model names a failure */
};

/* One state.  Owner: instance. */
struct factor_state {
    uint32_t struct_size;
    uint32_t flags;      /* FACTOR_STATE_... */
    const char *name;    /* the "status" that clients see */
    const char *text;    /* what it asks of the user, a line for the manual */
    const char *const *actions; /* names of actions that may apply */
    const char *const *members; /* names of its public members, or NULL */
};

/* One detail code that the adapter can answer.  Source: Authentication API,
 * error details. */
struct factor_code {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    const char *code;    /* "INVALID_OTP" */
    const char *parent;  /* top-level code: "VALIDATION_ERROR" ... */
    const char *message; /* for developers, one English sentence */
    const char *text;    /* key of the user's text: "authn.api.invalid.otp" */
};

/* A text that users read.  Keys are looked up by language, longest prefix
 * first, then "en"; an operator may replace any of them.  "{name}" stands
 * for a variable of the message.  A message template T on channel C is made
 * of the keys "T.C.subject" (where the channel has one) and "T.C.text". */
struct factor_text {
    uint32_t struct_size;
    uint32_t flags;       /* 0 */
    const char *key;
    const char *language; /* BCP 47, lower case: "en", "de" */
    const char *text;
};

/* An ES module beside the plugin's .so that draws states which are no plain
 * form.  Declared here; its first user is the MFA adapter. */
struct factor_page_part {
    uint32_t struct_size;
    uint32_t flags;            /* 0 */
    const char *file;          /* a bare file name: "adapter-mfa.mjs" */
    const char *const *states; /* which states it draws */
};

struct factor_resource; /* factor/resource.h */

/* What a user is made with who comes by the REST API, where the call does not
 * say it: the boolean that a record has.  Owner: instance. */
struct factor_user_default {
    uint32_t struct_size;
    uint32_t flags;           /* 0 */
    const char *member;       /* of the user: FACTOR_USER_MFA_ENABLED */
    const char *collection, *id;
    const char *const *path;  /* names from the record's body downwards, ended
                               * by NULL; at least two */
    uint32_t otherwise;       /* while the record does not have the first of
                               * them; without the others it is false */
    uint32_t reserved;        /* 0 */
};

enum {
    /* It finds out who the user is (outcome.subject), so a policy may begin
     * with it; the host refuses one that begins with any other. */
    FACTOR_ADAPTER_FIRST = 1 << 0
};

/* Everything an adapter instance declares.  Any list may be NULL but
 * states and actions. */
struct factor_description {
    uint32_t struct_size;
    uint32_t flags;             /* FACTOR_ADAPTER_... */
    const char *plugin_type_id; /* 22 base62 characters, or NULL: derived */
    const struct factor_state *const *states;
    const struct factor_action *const *actions;
    const struct factor_code *const *codes;
    const struct factor_text *const *texts;
    const struct factor_page_part *const *page_parts;
    const struct factor_resource *const *resources;
    const struct factor_user_default *const *user_defaults;
};

#ifdef __cplusplus
}
#endif

#endif
