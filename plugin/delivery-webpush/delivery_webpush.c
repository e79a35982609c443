/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webpush/delivery_webpush.c - rings browsers and UnifiedPush
 * apps by Web Push (RFC 8030): straight to the service that the subscription
 * names, encrypted for the phone alone (RFC 8291), signed by us (RFC 8292).
 *
 * An endpoint is whatever a phone said, so each call is FACTOR_HTTP_PUBLIC. */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "factor/receipt.h"
#include "plugin/delivery-webpush/base64url.h"
#include "plugin/delivery-webpush/webpush_address.h"
#include "plugin/delivery-webpush/webpush_vapid.h"

enum {
    ROOM = 1024, /* all but odd messages have this length */
    TOPIC_LEN = 24, /* octets: 32 letters, the longest that RFC 8030 allows */
    HEADERS = 6,
    PATIENCE_MS = 5000 /* with a server of the phone's choice */
};

struct factor_delivery {
    const struct factor_host *host;
    struct webpush_vapid *vapid;
};

static const char *const channels[] = { "push", NULL };

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "vapid_key",
                   .flags = FACTOR_SETTING_REQUIRED | FACTOR_SETTING_SECRET,
                   .text = "Private key of P-256 in PEM that push services "
                           "know us by (RFC 8292); phones subscribe with its "
                           "public half, and must do so again if it changes."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "subject",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .text = "Where push services may reach the operator: "
                           "mailto: and an address, or an https: URL."),
    NULL,
};

/* --- Life --- */

static void
fini(struct factor_delivery *self)
{
    if (self)
        webpush_vapid_free(self->vapid);
    free(self);
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    struct factor_delivery *self = calloc(1, sizeof(*self));
    factor_status status;

    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    status = webpush_vapid_new(
        host, json_string_value(json_object_get(given, "vapid_key")),
        json_string_value(json_object_get(given, "subject")), &self->vapid,
        err);
    if (status)
        fini(self);
    else
        *ret_self = self;
    return status;
}

/* --- The request --- */

struct call {
    uint8_t body[WEBPUSH_BODY_MAX];
    size_t body_len;
    char authorization[WEBPUSH_VAPID_SIZE];
    char ttl[32];
    char topic[64];
};

/* The bell, encrypted.  FACTOR_E_INPUT: the subscription's key is none. */
static factor_status
call_encrypt(const struct webpush_keys *keys, const json_t *bell,
             struct call *call)
{
    struct webpush_once once = { .key = NULL };
    char text[WEBPUSH_ROOM_MAX];
    size_t len = json_dumpb(bell, text, sizeof(text), JSON_COMPACT);
    factor_status status = FACTOR_E_INTERNAL;

    if (len > 0 && len <= sizeof(text))
        status = webpush_once_make(&once);
    if (!status)
        status = webpush_encrypt(keys, &once, text, len,
                                 len <= ROOM ? ROOM : WEBPUSH_ROOM_MAX,
                                 call->body, &call->body_len);
    explicit_bzero(text, sizeof(text));
    webpush_once_clear(&once);
    return status;
}

/* A newer message about the device takes the place of one that still waits at
 * the service, which need not learn the device's id. */
static bool
write_topic(const char *device, char *ret_header)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char topic[BASE64URL_SIZE(TOPIC_LEN)];

    if (!EVP_Digest(device, strlen(device), digest, NULL, EVP_sha256(), NULL))
        return false;
    base64url_encode(digest, TOPIC_LEN, topic);
    snprintf(ret_header, sizeof((struct call *)0)->topic, "Topic: %s", topic);
    return true;
}

static factor_status
call_make(const struct factor_delivery *self,
          const struct factor_message *message,
          const struct webpush_address *address, const char *device,
          struct call *call)
{
    int64_t left_ms = message->expires_at_ms - message->now_ms;
    json_t *bell = json_pack("{s:i, s:s, s:s}", "factor", 1, "device", device,
                             "text", message->text);
    factor_status status =
        bell ? call_encrypt(&address->keys, bell, call) : FACTOR_E_NOMEM;

    json_decref(bell);
    if (!status && !write_topic(device, call->topic))
        status = FACTOR_E_INTERNAL;
    if (!status)
        status = webpush_vapid_header(self->vapid, address->origin,
                                      message->now_ms, call->authorization);
    snprintf(call->ttl, sizeof(call->ttl), "TTL: %lld",
             (long long)(left_ms > 0 ? left_ms / 1000 : 0));
    return status;
}

static factor_status
post(const struct factor_delivery *self, const struct factor_message *message,
     const struct webpush_address *address, const struct call *call,
     struct factor_http_answer *ret_answer, struct factor_error *err)
{
    const char *const headers[HEADERS + 1] = {
        call->authorization,
        call->ttl,
        call->topic,
        "Urgency: high",
        "Content-Type: application/octet-stream",
        "Content-Encoding: aes128gcm",
    };
    struct factor_http_request request = {
        FACTOR_SIZED(factor_http_request),
        .flags = FACTOR_HTTP_PUBLIC,
        .method = "POST",
        .url = address->endpoint,
        .headers = headers,
        .body = call->body,
        .body_len = call->body_len,
        .timeout_ms = message->timeout_ms < PATIENCE_MS ? message->timeout_ms
                                                        : PATIENCE_MS,
    };

    return self->host->http(&request, ret_answer, err);
}

/* --- The receipt ---
 *
 * The server is one that a phone has named.  Whatever it says, and that it
 * says nothing, counts for this phone alone: no phone may stop the bells of
 * others. */

static const struct factor_status_range results[] = {
    { 200, 299, FACTOR_DELIVERY_SENT },
    { 404, 404, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 410, 410, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 0, UINT32_MAX, FACTOR_DELIVERY_DEFERRED_THERE },
};

/* No answer. */
static factor_status
silent(struct factor_receipt *receipt, const struct factor_error *err)
{
    factor_receipt_set(receipt, FACTOR_DELIVERY_DEFERRED_THERE, err->text);
    return FACTOR_OK;
}

static factor_status
dead(struct factor_receipt *receipt, const char *why)
{
    factor_receipt_set(receipt, FACTOR_DELIVERY_REFUSED_ADDRESS, why);
    return FACTOR_OK;
}

static factor_status
ring(const struct factor_delivery *self, const struct factor_message *message,
     const struct webpush_address *address, const struct call *call,
     struct factor_receipt *receipt, struct factor_error *err)
{
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = post(self, message, address, call, &answer, err);

    if (status == FACTOR_E_INPUT)
        return dead(receipt, "the endpoint may not be called");
    if (status == FACTOR_E_IO)
        return silent(receipt, err);
    if (status)
        return status;
    factor_receipt_answer(receipt, message, &answer,
                          factor_status_result(results, answer.status), NULL);
    self->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    const char *device =
        json_string_value(json_object_get(message->variables, "device"));
    struct webpush_address address;
    struct call call;
    factor_status status;

    if (strncmp(message->address, WEBPUSH_KIND, strlen(WEBPUSH_KIND)) != 0) {
        ret_receipt->result = FACTOR_DELIVERY_NOT_MINE;
        return FACTOR_OK;
    }
    if (!device)
        return factor_fault(err, FACTOR_E_INPUT, "the message has no device");
    if (!webpush_address_read(message->address + strlen(WEBPUSH_KIND),
                              &address))
        return dead(ret_receipt, "the address is no subscription");
    status = call_make(self, message, &address, device, &call);
    if (status == FACTOR_E_INPUT)
        return dead(ret_receipt, "the subscription's key is none");
    if (status)
        return factor_fault(err, status, "cannot make the request");
    return ring(self, message, &address, &call, ret_receipt, err);
}

static const struct factor_delivery_ops ops = {
    FACTOR_SIZED(factor_delivery_ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = channels,
    .init = init,
    .deliver = deliver,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "webpush", "1.0",
                       "Rings browsers and UnifiedPush apps by Web Push.",
                       settings, &ops)
