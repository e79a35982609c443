/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/apns_answer.c - reads Apple's answers: a status, and
 * {"reason": "BadDeviceToken"} unless all went well. */
#include "plugin/delivery-apns/apns_answer.h"

#include <jansson.h>
#include <string.h>

#include "factor/receipt.h"

/* What is looked at from the top; the first that fits is meant.  NULL fits any
 * reason. */
static const struct {
    uint32_t first, last; /* status */
    const char *reason;
    uint32_t result;
} results[] = {
    { 200, 299, NULL, FACTOR_DELIVERY_SENT },
    { 400, 400, "BadDeviceToken", FACTOR_DELIVERY_REFUSED_ADDRESS },
    /* Another app's: no account of ours will do. */
    { 400, 400, "DeviceTokenNotForTopic", FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 410, 410, NULL, FACTOR_DELIVERY_REFUSED_ADDRESS },
    { 429, 429, NULL, FACTOR_DELIVERY_DEFERRED },
    { 500, 599, NULL, FACTOR_DELIVERY_DEFERRED },
    { 0, UINT32_MAX, NULL, FACTOR_DELIVERY_REFUSED_ACCOUNT },
};

static bool
reason_is(const struct factor_http_answer *answer, const char *reason)
{
    json_t *json = json_loadb(answer->body, answer->body_len, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "reason"));
    bool is = text && strcmp(text, reason) == 0;

    json_decref(json);
    return is;
}

void
apns_answer_settle(const struct factor_message *message,
                   const struct factor_http_answer *answer,
                   struct factor_receipt *receipt)
{
    size_t i = 0;

    while (answer->status < results[i].first ||
           answer->status > results[i].last ||
           (results[i].reason && !reason_is(answer, results[i].reason)))
        i++;
    factor_receipt_answer(receipt, message, answer, results[i].result, NULL);
}

bool
apns_answer_wants_token(const struct factor_http_answer *answer)
{
    return reason_is(answer, "ExpiredProviderToken");
}
