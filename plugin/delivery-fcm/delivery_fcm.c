/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/delivery_fcm.c - rings Android phones by Firebase Cloud
 * Messaging (HTTP v1).
 *
 * An application may bring a service account of its own in message.credential:
 *
 *     {"type": "FCM_HTTP_V1", "googleServiceAccountCredentials": "{...}"}
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "factor/receipt.h"
#include "plugin/delivery-fcm/fcm_answer.h"
#include "plugin/delivery-fcm/fcm_token.h"
#include "push/push.h"

#define KIND "fcm:"
#define CREDENTIAL_TYPE "FCM_HTTP_V1"

enum {
    CALLS_MAX = 3, /* a message, a new token, the message again */
    AUTHORIZATION_SIZE = 4096
};

struct factor_delivery {
    const struct factor_host *host;
    struct fcm_tokens *tokens;
    json_t *settings;
    const char *base_url;
    const char *token_url;      /* or NULL */
    struct fcm_account account; /* .json is NULL: there is none */
};

static const char *const channels[] = { "push", NULL };

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "service_account",
                   .flags = FACTOR_SETTING_SECRET,
                   .text = "The JSON file of a service account that may send "
                           "messages, as the Firebase console makes it; "
                           "without it only applications with push "
                           "credentials of their own can be rung."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "base_url",
                   .value = "\"https://fcm.googleapis.com\"",
                   .text = "Where messages are sent, without a slash at the "
                           "end."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "token_url",
                   .text = "Where access tokens are asked for, instead of "
                           "the token_uri of the service account."),
    NULL,
};

/* --- Life --- */

static void
fini(struct factor_delivery *self)
{
    if (!self)
        return;
    fcm_account_clear(&self->account);
    fcm_tokens_free(self->tokens);
    json_decref(self->settings);
    free(self);
}

static factor_status
read_settings(struct factor_delivery *self, struct factor_error *err)
{
    const char *account = push_member(self->settings, "service_account");

    self->base_url = push_member(self->settings, "base_url");
    self->token_url = push_member(self->settings, "token_url");
    if (!account)
        return FACTOR_OK;
    if (fcm_account_read(account, self->token_url, &self->account))
        return factor_fault(err, FACTOR_E_CONFIG,
                            "service_account: no JSON with project_id, "
                            "client_email, private_key and token_uri");
    return push_try_key(self->host, self->account.key,
                        "service_account: its private_key is none", err);
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
    self->tokens = fcm_tokens_new(host);
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
    struct fcm_tokens *tokens;
    const struct fcm_account *account;
    struct push_body body;
    char *url;
};

static json_t *
message_json(const struct push_job *job)
{
    int64_t left_ms = job->message->expires_at_ms - job->message->now_ms;
    char ttl[32];

    snprintf(ttl, sizeof(ttl), "%llds",
             (long long)(left_ms > 0 ? left_ms / 1000 : 0));
    return json_pack(
        "{s:{s:s, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:s, s:s, s:{s:s}}}}",
        "message", "token", job->to,                   /**/
        "data", "factor", "1", "device", job->device,  /**/
        "notification", "body", job->message->text,    /**/
        "android", "priority", "HIGH", "ttl", ttl, "collapse_key", job->device,
        "notification", "tag", job->device);
}

static factor_status
call_make(const struct factor_delivery *self, struct call *call)
{
    factor_status status =
        push_body_make(message_json(&call->job), &call->body);

    if (asprintf(&call->url, "%s/v1/projects/%s/messages:send", self->base_url,
                 call->account->project) < 0) {
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
}

static factor_status
refuse(const struct call *call, const char *why)
{
    return push_end(&call->job, FACTOR_DELIVERY_REFUSED_ACCOUNT, why);
}

/* A new access token.  FACTOR_OK and NULL: the receipt says why not. */
static factor_status
ask_token(const struct call *call, json_t **ret_token)
{
    const struct push_job *job = &call->job;
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = fcm_tokens_ask(
        call->tokens, call->account, job->message->now_ms,
        push_part_ms(job->message, CALLS_MAX), ret_token, &answer, job->err);

    if (status == FACTOR_E_CONFIG)
        return refuse(call, "the service account's private_key is none");
    if (status == FACTOR_E_INPUT)
        return refuse(call, "the service account's token_uri may not be "
                            "called");
    if (status)
        return status;
    if (!*ret_token)
        fcm_answer_no_token(job->message, &answer, job->receipt);
    job->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
post(const struct call *call, const json_t *token,
     struct factor_http_answer *ret_answer)
{
    char authorization[AUTHORIZATION_SIZE];
    const char *const headers[] = { authorization,
                                    "Content-Type: application/json", NULL };
    struct factor_http_request request = {
        FACTOR_SIZED(factor_http_request),
        .method = "POST",
        .url = call->url,
        .headers = headers,
        .body = call->body.bytes,
        .body_len = call->body.len,
        .timeout_ms = push_part_ms(call->job.message, CALLS_MAX),
    };
    factor_status status = FACTOR_E_INPUT;

    if (snprintf(authorization, sizeof(authorization),
                 "Authorization: Bearer %s",
                 json_string_value(token)) < AUTHORIZATION_SIZE)
        status = call->job.host->http(&request, ret_answer, call->job.err);
    explicit_bzero(authorization, sizeof(authorization));
    return status;
}

/* *ret_again: a token that was kept was not taken, and nothing is settled. */
static factor_status
send_with(const struct call *call, const json_t *token, bool kept,
          bool *ret_again)
{
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = post(call, token, &answer);

    *ret_again = false;
    if (status == FACTOR_E_INPUT)
        return refuse(call, "base_url may not be called");
    if (status)
        return status;
    *ret_again = kept && fcm_answer_wants_token(&answer);
    if (!*ret_again)
        fcm_answer_settle(call->job.message, &answer, call->job.receipt);
    call->job.host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
ring(const struct call *call)
{
    json_t *token = fcm_tokens_find(call->tokens, call->account,
                                    call->job.message->now_ms);
    bool again = true;
    factor_status status = FACTOR_OK;

    if (token)
        status = send_with(call, token, true, &again);
    if (token && again)
        fcm_tokens_forget(call->tokens, call->account, token);
    json_decref(token);
    token = NULL;
    if (status || !again)
        return status;
    status = ask_token(call, &token);
    if (!status && token)
        status = send_with(call, token, false, &again);
    json_decref(token);
    return status;
}

/* --- Whose account --- */

/* The application's own, in *own, else ours; NULL: there is none. */
static const struct fcm_account *
choose_account(const struct factor_delivery *self,
               const struct factor_message *message, struct fcm_account *own)
{
    const char *type = push_member(message->credential, "type");
    const char *text = push_member(message->credential,
                                   "googleServiceAccountCredentials");

    if (!type || strcmp(type, CREDENTIAL_TYPE) != 0)
        return self->account.json ? &self->account : NULL;
    if (!text || fcm_account_read(text, self->token_url, own))
        return NULL;
    own->foreign = !self->token_url;
    return own;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    struct fcm_account own = { .json = NULL };
    struct call call = { .job = { .host = self->host,
                                  .message = message,
                                  .receipt = ret_receipt,
                                  .err = err },
                         .tokens = self->tokens };
    factor_status status;

    if (!push_begin(&call.job, KIND, &status))
        return status;
    call.account = choose_account(self, message, &own);
    if (!call.account)
        return refuse(&call, "there is no service account for it");
    status = call_make(self, &call);
    if (!status)
        status = ring(&call);
    call_clear(&call);
    fcm_account_clear(&own);
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

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "fcm", "1.0",
                       "Rings Android phones by Firebase Cloud Messaging.",
                       settings, &ops)
