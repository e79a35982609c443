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

/* Told at start that the key cannot sign, not at the first message. */
static factor_status
try_key(const struct factor_delivery *self, struct factor_error *err)
{
    json_t *nothing = json_object();
    char *statement = NULL;
    factor_status status = FACTOR_E_NOMEM;

    if (nothing)
        status = self->host->jws_sign(self->account.key, nothing, nothing,
                                      &statement);
    free(statement);
    json_decref(nothing);
    if (status == FACTOR_E_CONFIG)
        return factor_fault(err, status,
                            "service_account: its private_key is none");
    return status;
}

static factor_status
read_settings(struct factor_delivery *self, struct factor_error *err)
{
    const char *account = json_string_value(
        json_object_get(self->settings, "service_account"));

    self->base_url =
        json_string_value(json_object_get(self->settings, "base_url"));
    self->token_url =
        json_string_value(json_object_get(self->settings, "token_url"));
    if (!account)
        return FACTOR_OK;
    if (fcm_account_read(account, self->token_url, &self->account))
        return factor_fault(err, FACTOR_E_CONFIG,
                     "service_account: no JSON with project_id, client_email, "
                     "private_key and token_uri");
    return try_key(self, err);
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
    struct factor_delivery *self;
    const struct factor_message *message;
    const struct fcm_account *account;
    char *body;
    size_t body_len;
    char *url;
    struct factor_receipt *receipt;
    struct factor_error *err;
};

static json_t *
message_json(const struct factor_message *message, const char *device)
{
    int64_t left_ms = message->expires_at_ms - message->now_ms;
    char ttl[32];

    snprintf(ttl, sizeof(ttl), "%llds",
             (long long)(left_ms > 0 ? left_ms / 1000 : 0));
    return json_pack(
        "{s:{s:s, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:s, s:s, s:{s:s}}}}",
        "message", "token", message->address + strlen(KIND), /**/
        "data", "factor", "1", "device", device,             /**/
        "notification", "body", message->text,               /**/
        "android", "priority", "HIGH", "ttl", ttl, "collapse_key", device,
        "notification", "tag", device);
}

static factor_status
call_make(struct call *call)
{
    const char *device = json_string_value(
        json_object_get(call->message->variables, "device"));
    json_t *json;

    if (!device)
        return factor_fault(call->err, FACTOR_E_INPUT,
                            "the message has no device");
    json = message_json(call->message, device);
    call->body_len = json_dumpb(json, NULL, 0, JSON_COMPACT);
    call->body = malloc(call->body_len + 1);
    if (call->body)
        json_dumpb(json, call->body, call->body_len, JSON_COMPACT);
    json_decref(json);
    if (asprintf(&call->url, "%s/v1/projects/%s/messages:send",
                 call->self->base_url, call->account->project) < 0)
        call->url = NULL;
    return call->body && call->body_len && call->url ? FACTOR_OK
                                                     : FACTOR_E_NOMEM;
}

static void
call_clear(struct call *call)
{
    if (call->body)
        explicit_bzero(call->body, call->body_len);
    free(call->body);
    free(call->url);
}

/* All calls of a message fit into its time.  None has no time at all: that
 * would be taken for a call that is never allowed. */
static int64_t
timeout_ms(const struct call *call)
{
    int64_t part_ms = call->message->timeout_ms / CALLS_MAX;

    return part_ms > 0 ? part_ms : 1;
}

static factor_status
refuse(const struct call *call, const char *why)
{
    call->receipt->result = FACTOR_DELIVERY_REFUSED_ACCOUNT;
    snprintf(call->receipt->reason, sizeof(call->receipt->reason), "%.150s",
             why);
    return FACTOR_OK;
}

/* A new access token.  FACTOR_OK and NULL: the receipt says why not. */
static factor_status
ask_token(const struct call *call, json_t **ret_token)
{
    const struct factor_host *host = call->self->host;
    struct factor_http_answer answer = { FACTOR_SIZED(factor_http_answer) };
    factor_status status = fcm_tokens_ask(
        call->self->tokens, call->account, call->message->now_ms,
        timeout_ms(call), ret_token, &answer, call->err);

    if (status == FACTOR_E_CONFIG)
        return refuse(call, "the service account's private_key is none");
    if (status == FACTOR_E_INPUT)
        return refuse(call, "the service account's token_uri may not be "
                            "called");
    if (status)
        return status;
    if (!*ret_token)
        fcm_answer_no_token(call->message, &answer, call->receipt);
    host->http_release(&answer);
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
        .body = call->body,
        .body_len = call->body_len,
        .timeout_ms = timeout_ms(call),
    };
    factor_status status = FACTOR_E_INPUT;

    if (snprintf(authorization, sizeof(authorization),
                 "Authorization: Bearer %s",
                 json_string_value(token)) < AUTHORIZATION_SIZE)
        status = call->self->host->http(&request, ret_answer, call->err);
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
        fcm_answer_settle(call->message, &answer, call->receipt);
    call->self->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
ring(const struct call *call)
{
    json_t *token = fcm_tokens_find(call->self->tokens, call->account,
                                    call->message->now_ms);
    bool again = true;
    factor_status status = FACTOR_OK;

    if (token)
        status = send_with(call, token, true, &again);
    if (token && again)
        fcm_tokens_forget(call->self->tokens, call->account, token);
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
    const char *type =
        json_string_value(json_object_get(message->credential, "type"));
    const char *text = json_string_value(json_object_get(
        message->credential, "googleServiceAccountCredentials"));

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
    struct call call = { .self = self,
                         .message = message,
                         .receipt = ret_receipt,
                         .err = err };
    factor_status status;

    if (strncmp(message->address, KIND, strlen(KIND)) != 0) {
        ret_receipt->result = FACTOR_DELIVERY_NOT_MINE;
        return FACTOR_OK;
    }
    call.account = choose_account(self, message, &own);
    if (!call.account)
        return refuse(&call, "there is no service account for it");
    status = call_make(&call);
    if (!status)
        status = ring(&call);
    call_clear(&call);
    fcm_account_clear(&own);
    return status;
}

static const struct factor_delivery_ops ops = {
    FACTOR_SIZED(factor_delivery_ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = channels,
    .init = init,
    .deliver = deliver,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "fcm", "1.0",
                       "Rings Android phones by Firebase Cloud Messaging.",
                       settings, &ops)
