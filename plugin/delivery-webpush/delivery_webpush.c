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
#include "push/push.h"

enum {
    ROOM = 1024, /* all but odd messages have this length */
    TOPIC_LEN = 24, /* octets: 32 letters, the longest that RFC 8030 allows */
    HEADERS = 6
};

struct factor_delivery {
    const struct factor_host *host;
    struct webpush_vapid *vapid;
    json_t *published;
    int64_t timeout_ms;
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
    FACTOR_SETTING(.type = FACTOR_SETTING_DURATION, .name = "timeout",
                   .value = "\"5s\"", .min = 100, .max = 60000,
                   .text = "How long a push service, which a phone has named, "
                           "may take for its answer; never longer than "
                           "outbox.timeout."),
    NULL,
};

/* --- Life --- */

static void
fini(struct factor_delivery *self)
{
    if (self) {
        json_decref(self->published);
        webpush_vapid_free(self->vapid);
    }
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
    self->timeout_ms = json_integer_value(json_object_get(given, "timeout"));
    status = webpush_vapid_new(host, push_member(given, "vapid_key"),
                               push_member(given, "subject"), &self->vapid,
                               err);
    if (!status) {
        self->published = webpush_vapid_public(self->vapid);
        status = self->published ? FACTOR_OK : FACTOR_E_NOMEM;
    }
    if (status)
        fini(self);
    else
        *ret_self = self;
    return status;
}

static const json_t *
publish(const struct factor_delivery *self)
{
    return self->published;
}

/* --- The request --- */

struct call {
    struct push_job job;
    struct webpush_address address;
    int64_t timeout_ms;
    uint8_t body[WEBPUSH_BODY_MAX];
    size_t body_len;
    char authorization[WEBPUSH_VAPID_SIZE];
    char ttl[32];
    char topic[64];
};

/* The bell, encrypted.  FACTOR_E_INPUT: the subscription's key is none. */
static factor_status
call_encrypt(const json_t *bell, struct call *call)
{
    struct webpush_once once = { .key = NULL };
    char text[WEBPUSH_ROOM_MAX];
    size_t len = json_dumpb(bell, text, sizeof(text), JSON_COMPACT);
    factor_status status = FACTOR_E_INTERNAL;

    if (len > 0 && len <= sizeof(text))
        status = webpush_once_make(&once);
    if (!status)
        status = webpush_encrypt(&call->address.keys, &once, text, len,
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
call_make(const struct factor_delivery *self, struct call *call)
{
    const struct push_job *job = &call->job;
    const struct factor_message *message = job->message;
    int64_t left_ms = message->expires_at_ms - message->now_ms;
    json_t *bell = json_pack("{s:i, s:s, s:s}", "factor", 1, "device",
                             job->device, "text", message->text);
    factor_status status = bell ? call_encrypt(bell, call) : FACTOR_E_NOMEM;

    json_decref(bell);
    if (!status && !write_topic(job->device, call->topic))
        status = FACTOR_E_INTERNAL;
    if (!status)
        status = webpush_vapid_header(self->vapid, call->address.origin,
                                      message->now_ms, call->authorization);
    snprintf(call->ttl, sizeof(call->ttl), "TTL: %lld",
             (long long)(left_ms > 0 ? left_ms / 1000 : 0));
    call->timeout_ms = self->timeout_ms < message->timeout_ms
                           ? self->timeout_ms
                           : message->timeout_ms;
    return status;
}

static factor_status
post(const struct call *call, struct factor_http_answer *ret_answer)
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
        .url = call->address.endpoint,
        .headers = headers,
        .body = call->body,
        .body_len = call->body_len,
        .timeout_ms = call->timeout_ms,
    };

    return call->job.host->http(&request, ret_answer, call->job.err);
}

/* --- The receipt ---
 *
 * The server is one that a phone has named, so an answer counts for this phone
 * alone: no phone may stop the bells of others.  Silence counts for the server
 * (scope), which would hold our threads. */

static const struct factor_status_range results[] = {
    { 200, 299, FACTOR_DELIVERY_SENT },
    { 401, 401, FACTOR_DELIVERY_REFUSED_ACCOUNT },
    { 403, 403, FACTOR_DELIVERY_REFUSED_ACCOUNT },
    { 404, 404, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 410, 410, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 413, 413, FACTOR_DELIVERY_REFUSED_ADDRESS }, /* all have one length */
    { 0, UINT32_MAX, FACTOR_DELIVERY_DEFERRED_THERE },
};

/* Who is refused has subscribed with another key than ours (RFC 8292, 4.2),
 * unless all services refuse us. */
static uint32_t
judge(const struct factor_delivery *self, const struct call *call,
      uint32_t status)
{
    uint32_t result = factor_status_result(results, status);

    if (result == FACTOR_DELIVERY_SENT)
        webpush_vapid_taken(self->vapid);
    if (result == FACTOR_DELIVERY_REFUSED_ACCOUNT &&
        !webpush_vapid_refused(self->vapid, call->address.origin))
        return FACTOR_DELIVERY_REFUSED_ADDRESS;
    return result;
}

static factor_status
ring(const struct factor_delivery *self, const struct call *call)
{
    const struct push_job *job = &call->job;
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = post(call, &answer);

    if (status == FACTOR_E_INPUT)
        return push_end(job, FACTOR_DELIVERY_REFUSED_ADDRESS,
                        "the endpoint may not be called");
    if (status)
        return status;
    factor_receipt_answer(job->receipt, job->message, &answer,
                          judge(self, call, answer.status), NULL);
    job->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    struct call call = { .job = { .host = self->host,
                                  .message = message,
                                  .receipt = ret_receipt,
                                  .err = err } };
    factor_status status;

    if (!push_begin(&call.job, WEBPUSH_KIND, &status))
        return status;
    if (!webpush_address_read(call.job.to, &call.address))
        return push_end(&call.job, FACTOR_DELIVERY_REFUSED_ADDRESS,
                        "the address is no subscription");
    status = call_make(self, &call);
    if (status == FACTOR_E_INPUT)
        return push_end(&call.job, FACTOR_DELIVERY_REFUSED_ADDRESS,
                        "the subscription's key is none");
    if (status)
        return factor_fault(err, status, "cannot make the request");
    return ring(self, &call);
}

static uint32_t
scope(const struct factor_delivery *self, const char *address,
      char ret_scope[FACTOR_SCOPE_SIZE])
{
    const char *to = push_to(address, WEBPUSH_KIND);
    struct webpush_address read;

    (void)self;
    if (!to)
        return FACTOR_DELIVERY_NOT_MINE;
    if (webpush_address_read(to, &read))
        memcpy(ret_scope, read.origin, sizeof(read.origin));
    return 0;
}

static const struct factor_delivery_ops ops = {
    FACTOR_SIZED(factor_delivery_ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = channels,
    .init = init,
    .deliver = deliver,
    .fini = fini,
    .scope = scope,
    .publish = publish,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "webpush", "1.0",
                       "Rings browsers and UnifiedPush apps by Web Push.",
                       settings, &ops)
