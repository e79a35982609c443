/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_answer.h - what a gateway's answer means, by rules
 * of its configuration.  Pure. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>

#include "factor/delivery.h"
#include "factor/http.h"

struct json_t;

/* Fill the receipt.  rules: an array of {status, pointer, values, result}; the
 * first that fits decides; if none does, 2xx is sent, 408, 425, 429 and 5xx
 * later, anything else our account's fault.  reference: a JSON pointer (RFC
 * 6901) to the gateway's id of the message, or NULL. */
void http_judge(const struct json_t *rules, const char *reference,
                const struct factor_message *message,
                const struct factor_http_answer *answer,
                struct factor_receipt *ret_receipt);

/* What a report means, FACTOR_REPORT_...: the first rule that fits decides;
 * rules: an array of {pointer, values, result}; fields: what it says.
 * ret_reason: what stood where that rule points. */
uint32_t http_judge_report(const struct json_t *rules,
                           const struct json_t *fields,
                           char ret_reason[FACTOR_REASON_SIZE]);

/* Whether rules can be meant: statuses like "2xx", "404" and "400-499",
 * pointers that begin with a slash, values only with a pointer.  *ret_why is
 * a static text. */
bool http_rules_ok(const struct json_t *rules, const char **ret_why);

#endif
