/* SPDX-License-Identifier: MIT */
/* host/control/templates.h - messages as users would get them, for operators
 * who change their texts. */
#ifndef HOST_CONTROL_TEMPLATES_H
#define HOST_CONTROL_TEMPLATES_H

#include <jansson.h>

#include "host/host.h"

/* [{"template", "channel", "languages": [...]}, ...]: all that are known.
 * NULL: no memory. */
json_t *templates_list(const struct host *host);

/* [{"channel", "language", "subject" or null, "text"}, ...]: one template in
 * each of its channels, in the best of the language; with the code 123456, and
 * what callers give as its name in braces.  FACTOR_E_NOTFOUND: there is no such
 * template. */
factor_status templates_show(const struct host *host, const char *name,
                             const char *language, json_t **ret_shown,
                             struct factor_error *err);

#endif
