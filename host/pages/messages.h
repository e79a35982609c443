/* SPDX-License-Identifier: MIT */
/* host/pages/messages.h - the demo's newest messages, as delivery `file` wrote
 * them (D4): only on a loopback listener. */
#ifndef HOST_PAGES_MESSAGES_H
#define HOST_PAGES_MESSAGES_H

#include "host/http/http.h"

/* Where they are; NULL: nowhere.  Alone, before requests are served. */
void messages_set_file(const char *path);

/* A JSON array, the newest first. */
void messages_latest(struct http_request *request);

#endif
