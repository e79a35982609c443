/* SPDX-License-Identifier: MIT */
/* host/control/control.h - what factorctl asks over the daemon's local
 * socket (K5): users, messages, backup, keys, audit, status. */
#ifndef HOST_CONTROL_CONTROL_H
#define HOST_CONTROL_CONTROL_H

#include "host/http/http.h"

extern const struct http_route control_routes[];

#endif
