/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_vapid.h - who we are, for push services
 * (RFC 8292): a signed token for each, made anew when it has become old. */
#ifndef PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_VAPID_H
#define PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_VAPID_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/host.h"

struct webpush_vapid;

enum { WEBPUSH_VAPID_SIZE = 2048 };

/* pem: an EC P-256 private key; subject: mailto: or https:.  FACTOR_E_CONFIG:
 * one of them is not. */
factor_status webpush_vapid_new(const struct factor_host *host,
                                const char *pem, const char *subject,
                                struct webpush_vapid **ret_vapid,
                                struct factor_error *err);
void webpush_vapid_free(struct webpush_vapid *self); /* NULL is allowed */

/* What phones subscribe with: {"vapid_public_key"}; NULL: no memory. */
json_t *webpush_vapid_public(const struct webpush_vapid *self);

/* "Authorization: vapid t=TOKEN, k=KEY" for the service at this origin.
 * ret_header takes WEBPUSH_VAPID_SIZE bytes.  Any thread. */
factor_status webpush_vapid_header(struct webpush_vapid *self,
                                   const char *origin, int64_t now_ms,
                                   char *ret_header);

/* A service has taken what we signed.  Any thread. */
void webpush_vapid_taken(struct webpush_vapid *self);
/* The service at this origin refuses us.  True: it is we who are at fault,
 * since several services do so and none has ever taken what we signed; else it
 * is what it was asked for.  Any thread. */
bool webpush_vapid_refused(struct webpush_vapid *self, const char *origin);

#endif
