/* SPDX-License-Identifier: MIT */
/* factor/receipt.h - writes receipts: for delivery back ends that call a
 * service over HTTP.  Functions of this header end up in the plugin. */
#ifndef FACTOR_RECEIPT_H
#define FACTOR_RECEIPT_H

#include <stdio.h>
#include <string.h>

#include "factor/delivery.h"
#include "factor/http.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fill err; returns code. */
static inline factor_status
factor_fault(struct factor_error *err, factor_status code, const char *text)
{
    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s", text);
    return code;
}

enum { FACTOR_SAID_MAX = 80 }; /* characters of an answer that are told */

/* Statuses that mean the same.  A table of them ends with one of all. */
struct factor_status_range {
    uint32_t first, last;
    uint32_t result; /* FACTOR_DELIVERY_... */
};

/* What the first range means that a status is in. */
static inline uint32_t
factor_status_result(const struct factor_status_range *ranges, uint32_t status)
{
    while (status < ranges->first || status > ranges->last)
        ranges++;
    return ranges->result;
}

/* A result that no answer has a part in, and why: one line. */
static inline void
factor_receipt_set(struct factor_receipt *receipt, uint32_t result,
                   const char *why)
{
    receipt->result = result;
    snprintf(receipt->reason, sizeof(receipt->reason), "%.150s", why);
}

/* The status and the beginning of what was said, in plain ASCII and without
 * runs of 4 or more digits. */
static inline void
factor_receipt_tell(struct factor_receipt *receipt, uint32_t status,
                    const char *said)
{
    const char *nul = (const char *)memchr(said, '\0', FACTOR_SAID_MAX);
    const char *end = nul ? nul : said + FACTOR_SAID_MAX;
    char *to = receipt->reason;
    size_t digits;

    to += snprintf(to, 16, "%u ", (unsigned)status);
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

/* A result by an answer: with what was said and Retry-After, unless it is
 * FACTOR_DELIVERY_SENT.  said: NULL for the answer's body. */
static inline void
factor_receipt_answer(struct factor_receipt *receipt,
                      const struct factor_message *message,
                      const struct factor_http_answer *answer, uint32_t result,
                      const char *said)
{
    receipt->result = result;
    if (result == FACTOR_DELIVERY_SENT)
        return;
    factor_receipt_tell(receipt, answer->status, said ? said : answer->body);
    if (answer->retry_after_ms > 0)
        receipt->retry_at_ms = message->now_ms + answer->retry_after_ms;
}

#ifdef __cplusplus
}
#endif

#endif
