/* SPDX-License-Identifier: MIT */
/* push/push.c - what the plugins that ring phones have in common. */
#include "push/push.h"

#include <stdlib.h>
#include <string.h>

#include "factor/receipt.h"

/* --- Whom a message is for --- */

const char *
push_to(const char *address, const char *kind)
{
    size_t len = strlen(kind);

    return strncmp(address, kind, len) == 0 ? address + len : NULL;
}

uint32_t
push_scope(const char *address, const char *kind)
{
    return push_to(address, kind) ? 0 : FACTOR_DELIVERY_NOT_MINE;
}

bool
push_begin(struct push_job *job, const char *kind, factor_status *ret_status)
{
    job->to = push_to(job->message->address, kind);
    job->device = push_member(job->message->variables, "device");
    *ret_status = FACTOR_OK;
    if (!job->to)
        job->receipt->result = FACTOR_DELIVERY_NOT_MINE;
    else if (!job->device)
        *ret_status = factor_fault(job->err, FACTOR_E_INPUT,
                                   "the message has no device");
    return job->to && job->device;
}

/* --- The receipt --- */

factor_status
push_end(const struct push_job *job, uint32_t result, const char *why)
{
    factor_receipt_set(job->receipt, result, why);
    return FACTOR_OK;
}

void
push_refer(const struct push_job *job)
{
    snprintf(job->receipt->reference, sizeof(job->receipt->reference), "%s",
             job->message->id);
}

/* --- The request --- */

int64_t
push_part_ms(const struct factor_message *message, unsigned calls)
{
    int64_t part_ms = message->timeout_ms / calls;

    return part_ms > 0 ? part_ms : 1;
}

const char *
push_member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

factor_status
push_body_make(json_t *json, struct push_body *ret_body)
{
    size_t len = json_dumpb(json, NULL, 0, JSON_COMPACT);

    ret_body->len = len;
    ret_body->bytes = len > 0 ? malloc(len) : NULL;
    if (ret_body->bytes)
        json_dumpb(json, ret_body->bytes, len, JSON_COMPACT);
    json_decref(json);
    return ret_body->bytes ? FACTOR_OK : FACTOR_E_NOMEM;
}

void
push_body_clear(struct push_body *body)
{
    if (body->bytes)
        explicit_bzero(body->bytes, body->len);
    free(body->bytes);
    body->bytes = NULL;
}

/* --- Keys --- */

factor_status
push_try_key(const struct factor_host *host, const char *pem, const char *why,
             struct factor_error *err)
{
    json_t *nothing = json_object();
    char *statement = NULL;
    factor_status status = FACTOR_E_NOMEM;

    if (nothing)
        status = host->jws_sign(pem, nothing, nothing, &statement);
    free(statement);
    json_decref(nothing);
    return status == FACTOR_E_CONFIG ? factor_fault(err, status, why) : status;
}
