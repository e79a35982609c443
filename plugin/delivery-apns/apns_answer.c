/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/apns_answer.c - reads Apple's answers: a status, and
 * {"reason": "BadDeviceToken"} unless all went well. */
#include "plugin/delivery-apns/apns_answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

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

/* The status and the first 80 characters of what was said, in plain ASCII and
 * without runs of 4 or more digits (D3). */
static void
tell(const struct factor_http_answer *answer, struct factor_receipt *receipt)
{
    const char *said = answer->body, *end = said + strnlen(said, 80);
    char *to = receipt->reason;
    size_t digits;

    to += snprintf(to, 16, "%u ", answer->status);
    while (said < end) {
        digits = strspn(said, "0123456789");
        if (digits > 3) {
            said += digits;
            continue;
        }
        *to++ = *said >= ' ' && *said <= '~' ? *said : ' ';
        said++;
    }
    *to = '\0';
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
    receipt->result = results[i].result;
    if (answer->retry_after_ms > 0)
        receipt->retry_at_ms = message->now_ms + answer->retry_after_ms;
    if (receipt->result != FACTOR_DELIVERY_SENT)
        tell(answer, receipt);
}

bool
apns_answer_wants_token(const struct factor_http_answer *answer)
{
    return reason_is(answer, "ExpiredProviderToken");
}
