/* SPDX-License-Identifier: MIT */
/* host/outbox/render.h - the texts of a message, in its user's language, with
 * what callers may put into them made harmless (D2).  Any thread. */
#ifndef HOST_OUTBOX_RENDER_H
#define HOST_OUTBOX_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/arena.h"
#include "host/text.h"

/* Into what a text is put, and so what is escaped in it.  What a back end puts
 * a text into (HTML, URL, form, JSON, XML) it escapes for itself. */
enum render_context {
    RENDER_PLAIN = 1, /* SMS, voice, push, the text of an e-mail */
    RENDER_HEADER = 2 /* a subject: as plain, but one line */
};

enum {
    RENDER_VARIABLE_MAX = 64, /* Unicode characters of a variable */
    RENDER_HOST_SIZE = 256
};

/* What is the same for all messages.  Constant, borrowed. */
struct renderer {
    const struct texts *texts;
    const char *brand; /* for "{brand}"; NULL: the message's own variable */
    const char *host;  /* on the last line of an SMS; NULL: no such line */
    const char *accent; /* "#RRGGBB" for layouts; NULL: theirs */
};

/* Everything in the arena. */
struct rendered {
    const char *subject;  /* or NULL: the template has none */
    const char *text;
    const char *language; /* in which the text is */
    const json_t *variables; /* cleaned, with "brand", "code" and "accent" */
};

/* Texts "T.C.subject" and "T.C.text" of an outbox row's body: members
 * "template", "channel", "languages", "secret".  FACTOR_E_NOTFOUND: the
 * catalogue has no such text. */
factor_status render_message(const struct renderer *renderer,
                             struct factor_arena *arena, const json_t *body,
                             struct rendered *ret_rendered);

/* A caller's value: one line, at most RENDER_VARIABLE_MAX characters, without
 * control and bidirectional characters, "://" and "@host #".  In the arena. */
char *render_clean(struct factor_arena *arena, const char *value);

/* The host of a URL without its port.  False: there is none, or it does not
 * fit. */
bool render_host(const char *url, char ret_host[RENDER_HOST_SIZE]);

#endif
