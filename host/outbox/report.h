/* SPDX-License-Identifier: MIT */
/* host/outbox/report.h - what providers report of messages that they took.
 *
 * Each message has a URL of its own, which only its provider is told:
 *
 *     BASE/delivery-reports/{message}/{place}/{token}
 *
 * The place is that of the back end in its channel; the token is a keyed hash
 * of both, so that nobody else can say what became of a message, and nothing
 * is read for who tries. */
#ifndef HOST_OUTBOX_REPORT_H
#define HOST_OUTBOX_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/http/http.h"
#include "host/keys.h"

#define REPORT_PATH "/delivery-reports/"

enum { REPORT_URL_SIZE = 1024, REPORT_TOKEN_SIZE = 44 };

/* The URL of a message that the back end of this place is given.  False: it
 * would be too long. */
bool report_url(const struct keys *keys, const char *base_url,
                const char *message, size_t place,
                char ret_url[REPORT_URL_SIZE]);

/* GET or POST; the query and the body, a form or a JSON object, are what the
 * back end is asked about.  200: taken, if there was anything to take; 404: no
 * such URL, or the message is not kept any more; 503: it is still being sent,
 * come again. */
extern const struct http_route report_routes[];

#endif
