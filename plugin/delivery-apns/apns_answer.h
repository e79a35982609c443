/* SPDX-License-Identifier: MIT */
/* plugin/delivery-apns/apns_answer.h - what Apple's answers mean for a
 * message. */
#ifndef PLUGIN_DELIVERY_APNS_APNS_ANSWER_H
#define PLUGIN_DELIVERY_APNS_APNS_ANSWER_H

#include <stdbool.h>

#include "factor/delivery.h"

/* Fill the receipt from the answer to a message. */
void apns_answer_settle(const struct factor_message *message,
                        const struct factor_http_answer *answer,
                        struct factor_receipt *receipt);

/* Whether the provider token is too old. */
bool apns_answer_wants_token(const struct factor_http_answer *answer);

#endif
