/* SPDX-License-Identifier: MIT */
/* host/text.h - the catalogue of texts that users read (O6): by key and
 * language; those of plugins, the host's own, and an operator's in front. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <jansson.h>

#include "factor/model.h"
#include "host/arena.h"

struct texts;

/* The host's own texts, and an operator's: object of language to object of
 * key to text, or NULL.  NULL without memory.  Alone. */
struct texts *texts_new(const json_t *operators);
void texts_free(struct texts *texts); /* NULL is allowed */

/* Add a plugin's; what is there already stays.  Alone. */
factor_status texts_add(struct texts *texts,
                        const struct factor_text *const *list);

/* The text in the best of the languages ("de-at" finds "de"), else in
 * English; NULL: no such key.  Any thread. */
const char *texts_find(const struct texts *texts, const char *key,
                       const char *const *languages);
/* The same, telling the language that it is in. */
const char *texts_find_in(const struct texts *texts, const char *key,
                          const char *const *languages,
                          const char **ret_language);

/* Each key that begins and ends with these, with the language that it is in;
 * a key comes once for each of its languages.  Any thread. */
void texts_each(const struct texts *texts, const char *begin, const char *end,
                void (*found)(void *context, const char *key,
                              const char *language),
                void *context);

/* Languages of an Accept-Language header, best first, lower case, always
 * ending with "en"; NULL-ended, in the arena.  At most 8 are looked at. */
const char *const *text_languages(struct factor_arena *arena,
                                  const char *accept_language);

/* A locale ("de_AT", "de-AT") in front of a list of languages, in the arena. */
const char *const *text_languages_with(struct factor_arena *arena,
                                       const char *locale,
                                       const char *const *languages);

/* The text with "{name}" replaced from an object of strings, in the arena.
 * An unknown name stays as it is. */
char *text_fill(struct factor_arena *arena, const char *text,
                const json_t *variables);

#endif
