/* SPDX-License-Identifier: MIT */
/* host/certificates.h - the certificates that the configuration names: read,
 * judged, read again. */
#ifndef HOST_CERTIFICATES_H
#define HOST_CERTIFICATES_H

#include "host/config/config.h"
#include "host/http/tls.h"

/* Listeners that may have one. */
enum { CERTIFICATE_PUBLIC, CERTIFICATE_ADMIN, CERTIFICATES };

/* Those that are configured, else NULL.  A pair that cannot be used is a
 * problem, one that browsers will refuse a warning. */
void certificates_read(const struct config *config, struct problems *problems,
                       struct tls *ret_tls[CERTIFICATES]);

/* Read them again and log what came of it.  One that cannot be used leaves
 * the present one in use.  One thread at a time. */
void certificates_renew(const struct config *config,
                        struct tls *const tls[CERTIFICATES]);

void certificates_free(struct tls *tls[CERTIFICATES]);

#endif
