/* SPDX-License-Identifier: MIT */
/* host/health.h - /healthz (the process answers) and /readyz (the store
 * does, too). */
#ifndef HOST_HEALTH_H
#define HOST_HEALTH_H

#include "host/http/http.h"

extern const struct http_route health_routes[];

#endif
