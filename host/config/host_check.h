/* SPDX-License-Identifier: MIT */
/* host/config/host_check.h - what the tables cannot say of the host's own
 * settings: how they fit together. */
#ifndef HOST_CONFIG_HOST_CHECK_H
#define HOST_CONFIG_HOST_CHECK_H

#include "host/config/settings.h"

/* host: completed; what follows from other settings (server.base_url,
 * clients' token_endpoint_auth_method, unix sockets' absolute paths) is
 * filled in.  raw: as written, for the names of adapters. */
void host_check(const struct settings_context *context, struct json_t *host,
                const struct json_t *raw);

#endif
