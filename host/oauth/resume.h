/* SPDX-License-Identifier: MIT */
/* host/oauth/resume.h - where the browser goes when a flow in redirect mode
 * has ended: back to the client (P5). */
#ifndef HOST_OAUTH_RESUME_H
#define HOST_OAUTH_RESUME_H

#include "host/http/http.h"

/* GET of /as/{flow}/resume/as/authorization.ping. */
http_handler resume_handle;

#endif
