/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_answer.c - reads Google's answers: a status, and
 * an error object with a code of FCM's own among its details. */
#include "plugin/delivery-fcm/fcm_answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "factor/receipt.h"

/* What an answer says; borrowed from json. */
struct fault {
    json_t *json;
    const char *message; /* "" if there is none */
    const char *code;    /* FCM's own, or ""  */
    bool names_token;    /* as the member that is wrong */
};

/* What is looked at from the top; the first that fits is meant.  0 and NULL
 * fit anything. */
static const struct {
    uint32_t first, last; /* status */
    const char *code;
    uint32_t result;
} results[] = {
    { 200, 299, NULL, FACTOR_DELIVERY_SENT },
    { 0, UINT32_MAX, "UNREGISTERED", FACTOR_DELIVERY_REFUSED_ADDRESS },
    /* A token of another project's: no account of ours will do. */
    { 0, UINT32_MAX, "SENDER_ID_MISMATCH", FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 0, UINT32_MAX, "QUOTA_EXCEEDED", FACTOR_DELIVERY_DEFERRED },
    { 404, 404, NULL, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 429, 429, NULL, FACTOR_DELIVERY_DEFERRED },
    { 500, 599, NULL, FACTOR_DELIVERY_DEFERRED },
    { 0, UINT32_MAX, NULL, FACTOR_DELIVERY_REFUSED_ACCOUNT },
};

/* When no token was given. */
static const struct factor_status_range token_results[] = {
    { 429, 429, FACTOR_DELIVERY_DEFERRED },
    { 500, 599, FACTOR_DELIVERY_DEFERRED },
    { 0, UINT32_MAX, FACTOR_DELIVERY_REFUSED_ACCOUNT },
};

/* --- Reading --- */

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static bool
violates_token(const json_t *detail)
{
    const json_t *violations = json_object_get(detail, "fieldViolations");
    size_t i;

    for (i = 0; i < json_array_size(violations); i++)
        if (strcmp(text_of(json_array_get(violations, i), "field"),
                   "message.token") == 0)
            return true;
    return false;
}

static struct fault
read_fault(const struct factor_http_answer *answer)
{
    json_t *json = json_loadb(answer->body, answer->body_len, 0, NULL);
    const json_t *error = json_object_get(json, "error");
    const json_t *details = json_object_get(error, "details"), *detail;
    struct fault fault = { .json = json,
                           .message = text_of(error, "message"),
                           .code = "" };
    size_t i;

    for (i = 0; i < json_array_size(details); i++) {
        detail = json_array_get(details, i);
        if (*text_of(detail, "errorCode"))
            fault.code = text_of(detail, "errorCode");
        fault.names_token |= violates_token(detail);
    }
    /* Its answer to a token that is none has no detail that says so. */
    if (strstr(fault.message, "registration token"))
        fault.names_token = true;
    return fault;
}

static uint32_t
result_of(const struct factor_http_answer *answer, const struct fault *fault)
{
    size_t i = 0;

    if (answer->status == 400 && fault->names_token)
        return FACTOR_DELIVERY_REFUSED_ADDRESS;
    while (answer->status < results[i].first ||
           answer->status > results[i].last ||
           (results[i].code && strcmp(results[i].code, fault->code) != 0))
        i++;
    return results[i].result;
}

/* --- Telling --- */

/* Google names a message "projects/P/messages/ID". */
static void
refer(const struct fault *fault, struct factor_receipt *receipt)
{
    const char *name = text_of(fault->json, "name");
    const char *slash = strrchr(name, '/');

    snprintf(receipt->reference, sizeof(receipt->reference), "%s",
             slash ? slash + 1 : name);
}

void
fcm_answer_settle(const struct factor_message *message,
                  const struct factor_http_answer *answer,
                  struct factor_receipt *receipt)
{
    struct fault fault = read_fault(answer);

    factor_receipt_answer(receipt, message, answer, result_of(answer, &fault),
                          *fault.message ? fault.message : NULL);
    if (receipt->result == FACTOR_DELIVERY_SENT)
        refer(&fault, receipt);
    json_decref(fault.json);
}

void
fcm_answer_no_token(const struct factor_message *message,
                    const struct factor_http_answer *answer,
                    struct factor_receipt *receipt)
{
    /* {"error": "invalid_grant", ...} is no error object: told as it is. */
    factor_receipt_answer(receipt, message, answer,
                          factor_status_result(token_results, answer->status),
                          NULL);
}

bool
fcm_answer_wants_token(const struct factor_http_answer *answer)
{
    struct fault fault;
    bool wants = false;

    if (answer->status == 401 || answer->status == 403) {
        fault = read_fault(answer);
        wants = strcmp(fault.code, "SENDER_ID_MISMATCH") != 0;
        json_decref(fault.json);
    }
    return wants;
}
