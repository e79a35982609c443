/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_address.h - an address of the channel "push"
 * that is a browser's subscription:
 *
 *     webpush:{"endpoint": "https://...",
 *              "keys": {"p256dh": "...", "auth": "..."}} */
#ifndef PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_ADDRESS_H
#define PLUGIN_DELIVERY_WEBPUSH_WEBPUSH_ADDRESS_H

#include <stdbool.h>

#include "plugin/delivery-webpush/webpush_encrypt.h"

#define WEBPUSH_KIND "webpush:"

enum {
    WEBPUSH_ENDPOINT_SIZE = 2048,
    WEBPUSH_ORIGIN_SIZE = 8 + 253 + 6 + 1 /* https://HOST:PORT */
};

struct webpush_address {
    char endpoint[WEBPUSH_ENDPOINT_SIZE];
    char origin[WEBPUSH_ORIGIN_SIZE]; /* of the endpoint (RFC 6454) */
    struct webpush_keys keys;
};

/* text: behind "webpush:".  False: it is no such subscription. */
bool webpush_address_read(const char *text, struct webpush_address *ret);

#endif
