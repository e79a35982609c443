/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_template.h - texts with {{names}} in them: URLs,
 * header fields and bodies of gateways.  Pure. */
#ifndef HTTP_TEMPLATE_H
#define HTTP_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;

/* How values are written: so that none can end what it stands in (D2). */
enum http_escape {
    HTTP_ESCAPE_NONE,
    HTTP_ESCAPE_URL,    /* percent-encoding, RFC 3986: URLs and forms */
    HTTP_ESCAPE_HEADER, /* no control characters */
    HTTP_ESCAPE_JSON,   /* inside of a string */
    HTTP_ESCAPE_XML     /* text and attributes */
};

/* Fill in values, an object of strings.  {{name|xml}}, and so with json and
 * url, escapes for what is inside first.  The result may hold a live code:
 * wipe it.  Owner: caller, free().  NULL: no memory. */
char *http_fill(const char *text, enum http_escape escape,
                const struct json_t *values);

/* The first name in text that values does not have, or that wants an unknown
 * escape, as it stands between the braces; false: there is none. */
bool http_unknown(const char *text, const struct json_t *values,
                  char *ret_name, size_t size);

/* Wipe and free; NULL is allowed. */
void http_wipe(char *text);

#endif
