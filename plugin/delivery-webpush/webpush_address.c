/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/webpush_address.c - reads a browser's subscription,
 * which comes from outside: nothing of it is trusted. */
#include "plugin/delivery-webpush/webpush_address.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "plugin/delivery-webpush/base64url.h"

/* Bytes of "https://" or "http://"; 0: neither.  Which of them may be called
 * is the host's to decide. */
static size_t
scheme_len(const char *url)
{
    static const char *const schemes[] = { "https://", "http://", NULL };
    size_t i;

    for (i = 0; schemes[i]; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return strlen(schemes[i]);
    return 0;
}

/* Scheme and host in small letters, and a port that is not the usual one. */
static bool
origin_of(const char *url, char *ret_origin)
{
    size_t scheme = scheme_len(url), len, i;
    const char *usual_port = scheme == 8 ? ":443" : ":80";
    size_t port_len = strlen(usual_port);

    len = scheme + strcspn(url + scheme, "/?#");
    if (scheme == 0 || len == scheme || len >= WEBPUSH_ORIGIN_SIZE ||
        memchr(url, '@', len) || memchr(url, '\\', len))
        return false;
    for (i = 0; i < len; i++)
        ret_origin[i] = url[i] >= 'A' && url[i] <= 'Z'
                            ? (char)(url[i] - 'A' + 'a')
                            : url[i];
    if (strncmp(ret_origin + len - port_len, usual_port, port_len) == 0)
        len -= port_len;
    ret_origin[len] = '\0';
    return true;
}

/* Printable ASCII without spaces, as a URL is. */
static bool
is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

bool
webpush_address_read(const char *text, struct webpush_address *ret)
{
    const char *endpoint = NULL, *point = NULL, *auth = NULL;
    json_t *json = json_loads(text, 0, NULL);
    bool fits = json_unpack(json, "{s:s, s:{s:s, s:s}}", "endpoint", &endpoint,
                            "keys", "p256dh", &point, "auth", &auth) == 0 &&
                strlen(endpoint) < sizeof(ret->endpoint) &&
                is_plain(endpoint) && origin_of(endpoint, ret->origin) &&
                base64url_decode(point, ret->keys.point, WEBPUSH_POINT_LEN) &&
                base64url_decode(auth, ret->keys.auth, WEBPUSH_AUTH_LEN);

    if (fits)
        snprintf(ret->endpoint, sizeof(ret->endpoint), "%s", endpoint);
    json_decref(json);
    return fits;
}
