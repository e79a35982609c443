/* SPDX-License-Identifier: MIT */
/* host/config/address.h - the form of addresses and URLs in a configuration.
 */
#ifndef HOST_CONFIG_ADDRESS_H
#define HOST_CONFIG_ADDRESS_H

#include <stdbool.h>

/* "ADDRESS:PORT", "[V6]:PORT" or "unix:PATH". */
bool address_listen_ok(const char *text);

/* Can only this machine reach such a listener, or such a URL? */
bool address_listen_is_local(const char *text);
bool address_url_is_local(const char *url);

/* "HOST" or "HOST:PORT"; IPv6 in brackets. */
bool address_host_ok(const char *text);

/* "http://HOST[:PORT]" or https, and nothing more. */
bool address_origin_ok(const char *text);

/* The same, or "http[s]://HOST:*": any port that is written. */
bool address_client_origin_ok(const char *text);

/* An origin and a path that does not end in "/". */
bool address_base_ok(const char *text);

/* An absolute URI without a fragment, of a scheme that runs no code. */
bool address_redirect_ok(const char *text);

#endif
