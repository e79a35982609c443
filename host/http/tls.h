/* SPDX-License-Identifier: MIT */
/* host/http/tls.h - a listener's certificate and key, and their successors.
 *
 * A connection keeps the pair that it began with; a reload is for those that
 * come after it. */
#ifndef HOST_HTTP_TLS_H
#define HOST_HTTP_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "factor/base.h"

struct tls;

/* Read both files (PEM; the certificate with those between it and its root)
 * and see that they fit together.  The paths must outlive it.
 * FACTOR_E_CONFIG: *err names the file and what to do. */
factor_status tls_new(const char *certificate_file, const char *key_file,
                      struct tls **ret_tls, struct factor_error *err);

/* Read the same files again.  On an error the pair in use stays.  Any
 * thread. */
factor_status tls_reload(struct tls *tls, struct factor_error *err);

/* Once all connections are closed; NULL is allowed. */
void tls_free(struct tls *tls);

/* Of the pair in use: when its certificate ends, and whether it is for this
 * host (a name or an address).  Any thread. */
int64_t tls_expires_ms(struct tls *tls);
bool tls_is_for(struct tls *tls, const char *host);

#endif
