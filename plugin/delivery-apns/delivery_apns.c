/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/delivery_apns.c - rings iPhones by Apple's push service,
 * over HTTP/2 with provider tokens.
 *
 * An application may bring a key of its own in message.credential; .bundleId is
 * for an app that is not the one of the settings:
 *
 *     {"type": "APNS", "key": "KEY ID", "teamId": "...", "token": "PEM",
 *      "bundleId": "org.example.app"}
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "factor/receipt.h"
#include "plugin/delivery-apns/apns_answer.h"
#include "plugin/delivery-apns/apns_token.h"
#include "push/push.h"

#define KIND "apns:"
#define CREDENTIAL_TYPE "APNS"
#define PRODUCTION "https://api.push.apple.com"
#define SANDBOX "https://api.sandbox.push.apple.com"

enum {
    CALLS_MAX = 2, /* a message, and again with a new token */
    TOKEN_MAX = 512,
    COLLAPSE_MAX = 64, /* bytes, says Apple */
    TOPIC_MAX = 155    /* bytes of a bundle id */
};

/* Whom we speak for.  Borrowed. */
struct account {
    struct apns_signer signer;
    const char *topic;
};

struct factor_delivery {
    const struct factor_host *host;
    struct apns_tokens *tokens;
    json_t *settings;
    const char *base_url;
    struct account account; /* .signer.pem is NULL: there is none */
};

static const char *const channels[] = { "push", NULL };

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "key",
                   .flags = FACTOR_SETTING_SECRET,
                   .text = "Apple's authentication key, the .p8 file; without "
                           "it only applications with push credentials of "
                           "their own can be rung."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "key_id",
                   .text = "Id of that key, 10 characters."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "team_id",
                   .text = "Id of the team that owns the key, 10 characters."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "topic",
                   .text = "Bundle id of the app that is rung, unless an "
                           "application's push credentials name another."),
    FACTOR_SETTING(.type = FACTOR_SETTING_BOOLEAN, .name = "sandbox",
                   .value = "false",
                   .text = "Ring apps that Xcode installed: they are known to "
                           "Apple's sandbox alone."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "base_url",
                   .text = "Where messages are sent, without a slash at the "
                           "end; follows sandbox."),
    NULL,
};

/* --- Life --- */

static void
fini(struct factor_delivery *self)
{
    if (!self)
        return;
    apns_tokens_free(self->tokens);
    json_decref(self->settings);
    free(self);
}

/* It stands in a header: letters, digits, "." and "-" up to a length. */
static bool
plain(const char *text, size_t max)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strspn(text, letters);

    return len > 0 && len <= max && !text[len];
}

static factor_status
check_account(const struct account *account, struct factor_error *err)
{
    if (account->topic && !plain(account->topic, TOPIC_MAX))
        return factor_fault(err, FACTOR_E_CONFIG, "topic: no bundle id");
    if (!account->signer.pem && !account->signer.key_id &&
        !account->signer.team_id)
        return FACTOR_OK;
    if (!account->signer.pem || !account->signer.key_id ||
        !account->signer.team_id)
        return factor_fault(err, FACTOR_E_CONFIG,
                     "key, key_id and team_id are set together or not at all");
    return FACTOR_OK;
}

static factor_status
read_settings(struct factor_delivery *self, struct factor_error *err)
{
    const json_t *given = self->settings;
    bool sandbox = json_is_true(json_object_get(given, "sandbox"));
    factor_status status;

    self->base_url = push_member(given, "base_url");
    if (!self->base_url)
        self->base_url = sandbox ? SANDBOX : PRODUCTION;
    self->account.signer.pem = push_member(given, "key");
    self->account.signer.key_id = push_member(given, "key_id");
    self->account.signer.team_id = push_member(given, "team_id");
    self->account.topic = push_member(given, "topic");
    status = check_account(&self->account, err);
    if (!status && self->account.signer.pem)
        status = push_try_key(self->host, self->account.signer.pem,
                              "key: no private key of P-256 in PEM", err);
    return status;
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
    self->tokens = apns_tokens_new(host);
    self->settings = json_deep_copy(given);
    if (self->tokens && self->settings)
        status = read_settings(self, err);
    if (status)
        fini(self);
    else
        *ret_self = self;
    return status;
}

/* --- One message --- */

struct call {
    struct push_job job;
    struct apns_tokens *tokens;
    struct account account;
    char authorization[APNS_HEADER_SIZE];
    char topic[32 + TOPIC_MAX];
    char expiration[64];
    char collapse_id[32 + COLLAPSE_MAX];
    char id[64];
    struct push_body body;
    char *url;
};

/* A UUID, as Apple wants it: so a second delivery has the id of the first. */
static bool
is_uuid(const char *text)
{
    return strlen(text) == 36 &&
           text[strspn(text, "0123456789abcdefABCDEF-")] == '\0';
}

static void
write_headers(struct call *call)
{
    const struct factor_message *message = call->job.message;

    snprintf(call->topic, sizeof(call->topic), "apns-topic: %s",
             call->account.topic);
    snprintf(call->expiration, sizeof(call->expiration),
             "apns-expiration: %lld",
             (long long)(message->expires_at_ms / 1000));
    if (plain(call->job.device, COLLAPSE_MAX))
        snprintf(call->collapse_id, sizeof(call->collapse_id),
                 "apns-collapse-id: %s", call->job.device);
    if (is_uuid(message->id))
        snprintf(call->id, sizeof(call->id), "apns-id: %s", message->id);
}

static factor_status
call_make(const struct factor_delivery *self, struct call *call)
{
    const struct push_job *job = &call->job;
    factor_status status = push_body_make(
        json_pack("{s:{s:{s:s}, s:s}, s:i, s:s}", "aps", "alert", "body",
                  job->message->text, "sound", "default", "factor", 1,
                  "device", job->device),
        &call->body);

    write_headers(call);
    if (asprintf(&call->url, "%s/3/device/%s", self->base_url, job->to) < 0) {
        call->url = NULL;
        status = FACTOR_E_NOMEM;
    }
    return status;
}

static void
call_clear(struct call *call)
{
    push_body_clear(&call->body);
    free(call->url);
    explicit_bzero(call->authorization, sizeof(call->authorization));
}

static factor_status
post(const struct call *call, struct factor_http_answer *ret_answer)
{
    const char *headers[9] = {
        call->authorization, call->topic,
        call->expiration,    "apns-push-type: alert",
        "apns-priority: 10", "content-type: application/json",
    };
    size_t count = 6;
    struct factor_http_request request = {
        FACTOR_SIZED(factor_http_request),
        .flags = FACTOR_HTTP_2,
        .method = "POST",
        .url = call->url,
        .headers = headers,
        .body = call->body.bytes,
        .body_len = call->body.len,
        .timeout_ms = push_part_ms(call->job.message, CALLS_MAX),
    };

    if (*call->id)
        headers[count++] = call->id;
    if (*call->collapse_id)
        headers[count++] = call->collapse_id;
    return call->job.host->http(&request, ret_answer, call->job.err);
}

/* *ret_too_old: the provider token was; the receipt says so. */
static factor_status
send_once(const struct call *call, bool *ret_too_old)
{
    const struct push_job *job = &call->job;
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = post(call, &answer);

    *ret_too_old = false;
    if (status == FACTOR_E_INPUT)
        return push_end(job, FACTOR_DELIVERY_REFUSED_ACCOUNT,
                        "base_url may not be called");
    if (status)
        return status;
    *ret_too_old = apns_answer_wants_token(&answer);
    apns_answer_settle(job->message, &answer, job->receipt);
    if (job->receipt->result == FACTOR_DELIVERY_SENT && *call->id)
        push_refer(job);
    job->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
ring(struct call *call)
{
    const struct apns_signer *signer = &call->account.signer;
    int64_t now_ms = call->job.message->now_ms;
    char refused[APNS_HEADER_SIZE];
    bool too_old;
    factor_status status = apns_tokens_header(call->tokens, signer, now_ms,
                                              NULL, call->authorization);

    if (status == FACTOR_E_CONFIG)
        return push_end(&call->job, FACTOR_DELIVERY_REFUSED_ACCOUNT,
                        "the key is no private key of P-256");
    if (status)
        return factor_fault(call->job.err, status,
                            "cannot sign a provider token");
    status = send_once(call, &too_old);
    if (status || !too_old)
        return status;
    memcpy(refused, call->authorization, sizeof(refused));
    status = apns_tokens_header(call->tokens, signer, now_ms, refused,
                                call->authorization);
    explicit_bzero(refused, sizeof(refused));
    if (status) /* too young to be renewed: what Apple said stands */
        return FACTOR_OK;
    call->job.receipt->reason[0] = '\0';
    return send_once(call, &too_old);
}

/* --- Whose key --- */

/* The application's own, else ours.  False: there is none, or no topic. */
static bool
choose_account(const struct factor_delivery *self, const json_t *credential,
               struct account *ret)
{
    const char *type = push_member(credential, "type");
    const char *topic;

    *ret = self->account;
    if (type && strcmp(type, CREDENTIAL_TYPE) == 0) {
        ret->signer.pem = push_member(credential, "token");
        ret->signer.key_id = push_member(credential, "key");
        ret->signer.team_id = push_member(credential, "teamId");
        topic = push_member(credential, "bundleId");
        if (topic)
            ret->topic = topic;
    }
    return ret->signer.pem && ret->signer.key_id && ret->signer.team_id &&
           ret->topic && plain(ret->topic, TOPIC_MAX);
}

/* It becomes a part of a URL's path. */
static bool
token_ok(const char *token)
{
    size_t len = strspn(token, "0123456789abcdefABCDEF");

    return len > 0 && len <= TOKEN_MAX && !token[len];
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    struct call call = { .job = { .host = self->host,
                                  .message = message,
                                  .receipt = ret_receipt,
                                  .err = err },
                         .tokens = self->tokens };
    factor_status status;

    if (!push_begin(&call.job, KIND, &status))
        return status;
    if (!token_ok(call.job.to))
        return push_end(&call.job, FACTOR_DELIVERY_REFUSED_ADDRESS,
                        "the address is no device token");
    if (!choose_account(self, message->credential, &call.account))
        return push_end(&call.job, FACTOR_DELIVERY_REFUSED_ACCOUNT,
                        "there is no key and topic for it");
    status = call_make(self, &call);
    if (!status)
        status = ring(&call);
    call_clear(&call);
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

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "apns", "1.0",
                       "Rings iPhones by Apple's push service.", settings,
                       &ops)
