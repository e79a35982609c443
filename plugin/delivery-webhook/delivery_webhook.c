/* SPDX-License-Identifier: MIT */
/* plugin/delivery-webhook/delivery_webhook.c - rings phones through a service
 * of the operator's own: one signed POST for each push message.
 *
 * The request is signed as Standard Webhooks says (standardwebhooks.com), and
 * its id is the message's, so that a second delivery can be told from a second
 * message.  An address is "webhook:" and an id that only the receiver reads.
 *
 *     {"type": "factor.push", "timestamp": "2026-01-31T12:00:00Z",
 *      "data": {"factor": 1, "device": "...", "to": "...", "text": "...",
 *               "expires_at": "2026-01-31T12:00:40Z"}}
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "factor/receipt.h"
#include "push/push.h"

#define KIND "webhook:"
#define SECRET_PREFIX "whsec_"

enum {
    KEYS_MAX = 2,
    KEY_MIN = 24, /* bytes of a key, as the standard has it */
    KEY_MAX = 64,
    HEADER_SIZE = 192,
    SIGNATURE_SIZE = 48, /* "v1," is beside it: base64 of SHA-256 */
    TIME_SIZE = 32
};

/* What messages are signed with. */
struct key {
    uint8_t bytes[KEY_MAX];
    size_t len;
};

struct factor_delivery {
    const struct factor_host *host;
    json_t *settings;
    const char *url;
    struct key keys[KEYS_MAX]; /* the newest first */
    size_t key_count;
};

static const char *const channels[] = { "push", NULL };

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "url",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .text = "The service that rings the phones: each message "
                           "is a POST of JSON to this URL."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "secret",
                   .flags = FACTOR_SETTING_REQUIRED | FACTOR_SETTING_SECRET,
                   .text = "Signs the requests (Standard Webhooks): whsec_ and "
                           "24 to 64 random bytes in base64."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "previous_secret",
                   .flags = FACTOR_SETTING_SECRET,
                   .text = "Signs them too, for a receiver that does not know "
                           "the new secret yet: set while it is replaced."),
    NULL,
};

/* --- Life --- */

/* Whether the text is a secret of the standard's form. */
static bool
key_read(const char *text, struct key *ret)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[KEY_MAX + 2];
    size_t len, pad;

    if (strncmp(text, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0)
        return false;
    text += strlen(SECRET_PREFIX);
    len = strspn(text, alphabet);
    pad = strspn(text + len, "=");
    if (text[len + pad] || pad > 2 || (len + pad) % 4 ||
        (len + pad) / 4 * 3 > sizeof(bytes) ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text,
                        (int)(len + pad)) < 0)
        return false;
    ret->len = (len + pad) / 4 * 3 - pad;
    if (ret->len >= KEY_MIN && ret->len <= KEY_MAX)
        memcpy(ret->bytes, bytes, ret->len);
    explicit_bzero(bytes, sizeof(bytes));
    return ret->len >= KEY_MIN && ret->len <= KEY_MAX;
}

static factor_status
read_keys(struct factor_delivery *self, struct factor_error *err)
{
    static const char *const names[KEYS_MAX] = { "secret", "previous_secret" };
    const char *text;
    size_t i;

    for (i = 0; i < KEYS_MAX; i++) {
        text = push_member(self->settings, names[i]);
        if (!text)
            continue;
        if (!key_read(text, &self->keys[self->key_count++]))
            return factor_fault(err, FACTOR_E_CONFIG,
                         i == 0 ? "secret: not whsec_ and 24 to 64 bytes in "
                                  "base64"
                                : "previous_secret: not whsec_ and 24 to 64 "
                                  "bytes in base64");
    }
    return FACTOR_OK;
}

static void
fini(struct factor_delivery *self)
{
    if (!self)
        return;
    json_decref(self->settings);
    explicit_bzero(self, sizeof(*self));
    free(self);
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    struct factor_delivery *self = calloc(1, sizeof(*self));
    factor_status status = FACTOR_E_NOMEM;

    if (!self)
        return status;
    self->host = host;
    self->settings = json_deep_copy(given);
    if (self->settings) {
        self->url = push_member(self->settings, "url");
        status = read_keys(self, err);
    }
    if (!status && strncmp(self->url, "https://", 8) != 0 &&
        strncmp(self->url, "http://", 7) != 0)
        status = factor_fault(err, FACTOR_E_CONFIG,
                       "url: begins neither with https:// nor http://");
    if (status) {
        fini(self);
        return status;
    }
    *ret_self = self;
    return FACTOR_OK;
}

/* --- The request --- */

struct call {
    struct push_job job;
    const char *url;
    char *signed_text; /* id, time and body; wiped */
    size_t len;
    const char *body; /* the end of it */
    char headers[4][HEADER_SIZE];
};

static void
call_clear(struct call *call)
{
    if (call->signed_text)
        explicit_bzero(call->signed_text, call->len);
    free(call->signed_text);
}

/* ISO 8601, UTC. */
static const char *
format_time(int64_t at_ms, char *ret_text)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };

    gmtime_r(&seconds, &tm);
    strftime(ret_text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return ret_text;
}

static json_t *
body_json(const struct push_job *job)
{
    const struct factor_message *message = job->message;
    char now[TIME_SIZE], end[TIME_SIZE];

    return json_pack("{s:s, s:s, s:{s:i, s:s, s:s, s:s, s:s}}", "type",
                     "factor.push", "timestamp",
                     format_time(message->now_ms, now), "data", "factor", 1,
                     "device", job->device, "to", job->to, "text",
                     message->text, "expires_at",
                     format_time(message->expires_at_ms, end));
}

/* What is signed: "ID.SECONDS.BODY". */
static bool
call_write(json_t *json, struct call *call)
{
    const struct factor_message *message = call->job.message;
    char head[HEADER_SIZE];
    int head_len = snprintf(head, sizeof(head), "%s.%lld.", message->id,
                            (long long)(message->now_ms / 1000));
    size_t body_len = json_dumpb(json, NULL, 0, JSON_COMPACT);

    if (head_len < 0 || head_len >= (int)sizeof(head) || body_len == 0)
        return false;
    call->len = (size_t)head_len + body_len;
    call->signed_text = malloc(call->len);
    if (!call->signed_text)
        return false;
    memcpy(call->signed_text, head, (size_t)head_len);
    call->body = call->signed_text + head_len;
    json_dumpb(json, call->signed_text + head_len, body_len, JSON_COMPACT);
    return true;
}

/* " v1,BASE64" of one key. */
static bool
sign(const struct key *key, const struct call *call, char *ret_signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    if (!HMAC(EVP_sha256(), key->bytes, (int)key->len,
              (const unsigned char *)call->signed_text, call->len, mac,
              &mac_len))
        return false;
    EVP_EncodeBlock((unsigned char *)ret_signature, mac, (int)mac_len);
    return true;
}

static bool
call_sign(const struct factor_delivery *self, struct call *call)
{
    const struct factor_message *message = call->job.message;
    char signatures[KEYS_MAX][SIGNATURE_SIZE] = { "", "" };
    size_t i;

    for (i = 0; i < self->key_count; i++)
        if (!sign(&self->keys[i], call, signatures[i]))
            return false;
    snprintf(call->headers[0], HEADER_SIZE, "Content-Type: application/json");
    snprintf(call->headers[1], HEADER_SIZE, "webhook-id: %s", message->id);
    snprintf(call->headers[2], HEADER_SIZE, "webhook-timestamp: %lld",
             (long long)(message->now_ms / 1000));
    snprintf(call->headers[3], HEADER_SIZE, "webhook-signature: v1,%s%s%s",
             signatures[0], self->key_count > 1 ? " v1," : "", signatures[1]);
    return true;
}

static factor_status
post(const struct call *call, struct factor_http_answer *ret_answer)
{
    const char *const headers[] = { call->headers[0], call->headers[1],
                                    call->headers[2], call->headers[3], NULL };
    struct factor_http_request request = {
        FACTOR_SIZED(factor_http_request),
        .method = "POST",
        .url = call->url,
        .headers = headers,
        .body = call->body,
        .body_len = (size_t)(call->signed_text + call->len - call->body),
        .timeout_ms = call->job.message->timeout_ms,
    };

    return call->job.host->http(&request, ret_answer, call->job.err);
}

/* --- The receipt --- */

static const struct factor_status_range results[] = {
    { 200, 299, FACTOR_DELIVERY_SENT },
    { 410, 410, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 429, 429, FACTOR_DELIVERY_DEFERRED },
    { 500, 599, FACTOR_DELIVERY_DEFERRED },
    { 0, UINT32_MAX, FACTOR_DELIVERY_REFUSED_ACCOUNT },
};

static factor_status
ring(const struct call *call)
{
    const struct push_job *job = &call->job;
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = post(call, &answer);

    if (status == FACTOR_E_INPUT) /* the URL may not be called, ever */
        return push_end(job, FACTOR_DELIVERY_REFUSED_ACCOUNT, job->err->text);
    if (status)
        return status;
    factor_receipt_answer(job->receipt, job->message, &answer,
                          factor_status_result(results, answer.status), NULL);
    if (job->receipt->result == FACTOR_DELIVERY_SENT)
        push_refer(job);
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
                                  .err = err },
                         .url = self->url };
    factor_status status;
    json_t *json;

    if (!push_begin(&call.job, KIND, &status))
        return status;
    status = FACTOR_E_NOMEM;
    json = body_json(&call.job);
    if (json && call_write(json, &call) && call_sign(self, &call))
        status = ring(&call);
    call_clear(&call);
    json_decref(json);
    return status;
}

static uint32_t
scope(const struct factor_delivery *self, const char *address,
      char ret_scope[FACTOR_SCOPE_SIZE])
{
    (void)self;
    (void)ret_scope;
    return push_scope(address, KIND);
}

static const struct factor_delivery_ops ops = {
    FACTOR_SIZED(factor_delivery_ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = channels,
    .init = init,
    .deliver = deliver,
    .fini = fini,
    .scope = scope,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "webhook", "1.0",
                       "Rings phones by signed requests to a service of the "
                       "operator's own.",
                       settings, &ops)
