/* SPDX-License-Identifier: MIT */
/* host/oauth/form.h - the parameters of an OAuth request: of a query, of a
 * form, or of the JSON object that some clients send.  Source: RFC 6749 3.1,
 * 3.2 and appendix B. */
#ifndef HOST_OAUTH_FORM_H
#define HOST_OAUTH_FORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/arena.h"
#include "host/http/http.h"

enum { FORM_MAX = 48 }; /* parameters; more are no request of ours */

struct form {
    struct factor_arena *arena;
    size_t count;
    const char *names[FORM_MAX], *values[FORM_MAX];
    bool malformed; /* an escape, UTF-8, a control byte, or too many */
};

/* An empty one; texts live in the arena. */
void form_start(struct form *form, struct factor_arena *arena);

/* Add what urlencoded text, a request's query, or a JSON object of strings
 * holds.  What is wrong shows as form->malformed. */
void form_add_text(struct form *form, const char *text, size_t len);
void form_add_query(struct form *form, const struct http_request *request);
void form_add_json(struct form *form, const json_t *object);

/* A parameter's first value; NULL: not there, or empty (RFC 6749 3.1). */
const char *form_get(const struct form *form, const char *name);
/* Whether a parameter (NULL: any) stands there more than once. */
bool form_repeats(const struct form *form, const char *name);

/* Urlencoded text decoded, in the arena; NULL: malformed, or no memory. */
char *form_decode(struct factor_arena *arena, const char *text, size_t len);

/* Whether a Content-Type is this media type, its parameters aside. */
bool form_type_is(const char *content_type, const char *media_type);

#endif
