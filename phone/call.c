/* SPDX-License-Identifier: MIT */
/* phone/call.c - a request, its answer as JSON, refusals as statuses. */
#include "phone/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The end of the year 9999: a host that says a later one is none. */
#define TIME_MAX_S INT64_C(253402300799)

/* --- members of answers --- */

const char *
phone_text(const json_t *object, const char *name, size_t min, size_t max)
{
    const json_t *value = json_object_get(object, name);
    size_t len = json_string_length(value);

    return json_is_string(value) && len >= min && len <= max
               ? json_string_value(value)
               : NULL;
}

bool
phone_text_or_null(const json_t *object, const char *name, size_t max,
                   const char **ret_text)
{
    const json_t *value = json_object_get(object, name);

    *ret_text = phone_text(object, name, 0, max);
    return *ret_text || !value || json_is_null(value);
}

/* Not by json_pack's "s*", which takes no memory for no text. */
bool
phone_put_text(json_t *object, const char *name, const char *text)
{
    return !text || json_object_set_new(object, name, json_string(text)) == 0;
}

bool
phone_number(const json_t *object, const char *name, int64_t min, int64_t max,
             int64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    int64_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

bool
phone_id_ok(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= PHONE_ID_MAX && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0 &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_.~") == len;
}

/* --- refusals --- */

static const struct {
    long http; /* 0: any */
    const char *code;
    enum factor_phone_status status;
} refusals[] = {
    { 404, "NOT_PAIRED", FACTOR_PHONE_NOT_PAIRED },
    { 409, "REQUEST_GONE", FACTOR_PHONE_GONE },
    { 400, "CLOCK_NOT_SYNCHRONIZED", FACTOR_PHONE_CLOCK },
    { 429, "REQUEST_LIMITED", FACTOR_PHONE_LIMITED },
    { 0, NULL, FACTOR_PHONE_REFUSED },
};

/* 4xx: what the host says, if it is one that speaks the protocol. */
static enum factor_phone_status
refused(struct factor_phone *self, const json_t *answer)
{
    const json_t *detail = json_array_get(json_object_get(answer, "details"),
                                          0);
    const char *code = phone_text(detail, "code", 1,
                                  sizeof(self->error.code) - 1);
    const char *text = phone_text(detail, "message", 1, PHONE_TEXT_MAX);
    size_t i = 0;

    if (!code)
        code = phone_text(answer, "code", 1, sizeof(self->error.code) - 1);
    if (!code)
        return phone_fail(self, FACTOR_PHONE_ANSWER,
                          "what answers there is no host for phones (HTTP "
                          "%ld)",
                          self->error.http);
    if (!text)
        text = phone_text(answer, "message", 1, PHONE_TEXT_MAX);
    snprintf(self->error.code, sizeof(self->error.code), "%s", code);
    while (refusals[i].code &&
           (refusals[i].http != self->error.http ||
            strcmp(refusals[i].code, code) != 0))
        i++;
    return phone_fail(self, refusals[i].status, "%s", text ? text : code);
}

/* --- the exchange --- */

static void
drop_reply(struct factor_phone_reply *reply)
{
    if (reply->body)
        phone_wipe(reply->body, reply->body_len);
    free(reply->body);
}

static enum factor_phone_status
judge(struct factor_phone *self, const struct factor_phone_reply *reply,
      json_t **ret_answer)
{
    enum factor_phone_status status;
    json_t *answer;

    if (reply->http >= 500 && reply->http < 600)
        return phone_fail(self, FACTOR_PHONE_NETWORK,
                          "the host is in trouble (HTTP %ld)", reply->http);
    if (reply->body_len > FACTOR_PHONE_ANSWER_MAX)
        return phone_fail(self, FACTOR_PHONE_ANSWER,
                          "the answer is too long");
    answer = json_loadb(reply->body ? reply->body : "", reply->body_len,
                        JSON_REJECT_DUPLICATES, NULL);
    if (!phone_number(answer, "time", 0, TIME_MAX_S, &self->heard_s))
        self->heard_s = -1;
    if (reply->http >= 200 && reply->http < 300 && json_is_object(answer)) {
        *ret_answer = answer;
        return FACTOR_PHONE_OK;
    }
    if (reply->http >= 400)
        status = refused(self, answer);
    else
        status = phone_fail(self, FACTOR_PHONE_ANSWER,
                            "what answers there is no host for phones");
    json_decref(answer);
    return status;
}

static enum factor_phone_status
exchange(struct factor_phone *self, const struct factor_phone_call *call,
         json_t **ret_answer)
{
    struct factor_phone_reply reply = { 0 };
    enum factor_phone_status status;
    char why[128] = "";

    self->heard_s = -1;
    phone_forget_error(self);
    if (self->io.send(self->io.context, call, &reply, why, sizeof(why))) {
        drop_reply(&reply);
        return phone_fail(self, FACTOR_PHONE_NETWORK, "%s",
                          why[0] ? why : "no answer");
    }
    self->error.http = reply.http;
    self->error.retry_after_s = reply.retry_after_s;
    status = judge(self, &reply, ret_answer);
    drop_reply(&reply);
    return status;
}

enum factor_phone_status
phone_get(struct factor_phone *self, const char *url, json_t **ret_answer)
{
    struct factor_phone_call call = { .url = url };

    return exchange(self, &call, ret_answer);
}

enum factor_phone_status
phone_post(struct factor_phone *self, const char *url, const char *statement,
           json_t *key, unsigned wait_s, json_t **ret_answer)
{
    enum factor_phone_status status;
    struct factor_phone_call call = { .url = url, .wait_s = wait_s };
    json_t *object = json_pack("{s:O*, s:s}", "key", key, "statement",
                               statement);
    char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    if (!body)
        return phone_no_memory(self);
    call.body = body;
    call.body_len = strlen(body);
    status = exchange(self, &call, ret_answer);
    phone_wipe_text(body); /* it may hold a pairing key */
    return status;
}
