/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_link.c - what is scanned: pairing links and the key
 * URIs of authenticator apps. */
#include "plugin/adapter-mfa/mfa_link.h"

#include <stdio.h>
#include <string.h>

static bool
is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* RFC 3986 percent-encoding, into the arena. */
static const char *
encode(const struct mfa_step *s, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = s->host->alloc(s->in->arena, 3 * strlen(text) + 1);
    char *at = encoded;

    for (; encoded && *text; text++) {
        if (is_unreserved(*text)) {
            *at++ = *text;
            continue;
        }
        *at++ = '%';
        *at++ = hex[(unsigned char)*text >> 4];
        *at++ = hex[(unsigned char)*text & 15];
    }
    return encoded;
}

/* The name of the application that a key is for; "": for any. */
static const char *
application_of(const struct mfa_step *s, const struct mfa_pairing *pairing)
{
    struct mfa_application found;

    return pairing->application && mfa_application_find(s->config,
                                                        pairing->application,
                                                        &found)
               ? found.name
               : "";
}

/* Where no page is a phone it leads nowhere, and is still what a phone
 * reads. */
const char *
mfa_pairing_link(const struct mfa_step *s, const char *key)
{
    static const char format[] = "%s#v=1&iss=%s&key=%s&fp=%s%s%s";
    const struct factor_host *host = s->host;
    const char *issuer = encode(s, host->base_url);
    const char *name = encode(s, application_of(s, &s->pairing));
    const char *page = host->authenticator_url;
    size_t size;
    char *link;

    if (!issuer || !name)
        return NULL;
    if (!*page)
        page = "factor-phone:";
    size = sizeof(format) + strlen(page) + strlen(issuer) + strlen(key) +
           strlen(host->issuer_thumbprint) + strlen("&app=") + strlen(name);
    link = host->alloc(s->in->arena, size);
    if (link)
        snprintf(link, size, format, page, issuer, key,
                 host->issuer_thumbprint, *name ? "&app=" : "", name);
    return link;
}

const char *
mfa_key_text(const struct mfa_step *s, const struct mfa_device *device)
{
    char *text = s->host->alloc(s->in->arena,
                                passcode_base32_size(device->key.len));

    if (text)
        passcode_base32(device->key.bytes, device->key.len, text);
    return text;
}

/* --- Key URIs --- */

/* Members that are set by us: the computation depends on them. */
static bool
is_ours(const char *name)
{
    static const char *const names[] = { "secret", "issuer", "algorithm",
                                         "digits", "period", "counter",
                                         MFA_CONFIG_COMMENT };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static json_t *
with_parameter(const struct mfa_step *s, json_t *uri, const char *name,
               const char *value)
{
    const char *encoded_name = encode(s, name);
    const char *encoded_value = encode(s, value);
    json_t *longer = NULL;

    if (encoded_name && encoded_value)
        longer = json_sprintf("%s&%s=%s", json_string_value(uri), encoded_name,
                              encoded_value);
    json_decref(uri);
    return longer;
}

/* What the policy adds; its issuer has been taken. */
static json_t *
with_parameters(const struct mfa_step *s, json_t *uri, const json_t *given)
{
    json_t *more = json_deep_copy(given), *value;
    const char *name;

    json_object_foreach (more, name, value)
        if (uri && json_is_string(value) && !is_ours(name))
            uri = with_parameter(s, uri, name, json_string_value(value));
    json_decref(more);
    return uri;
}

json_t *
mfa_key_uri(const struct mfa_step *s, const struct mfa_device *device)
{
    const json_t *more = s->policy.methods[MFA_TOTP].uri_parameters;
    const char *issuer = mfa_text(more, "issuer");
    const char *brand = encode(s, s->settings->brand);
    const char *user = encode(s, s->username);
    const char *secret = mfa_key_text(s, device);
    json_t *uri;

    if (!brand || !user || !secret)
        return NULL;
    uri = json_sprintf("otpauth://totp/%s:%s?secret=%s", brand, user, secret);
    if (uri)
        uri = with_parameter(s, uri, "issuer",
                             issuer ? issuer : s->settings->brand);
    return uri && more ? with_parameters(s, uri, more) : uri;
}
