/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_answer.h - what Google's answers mean for a
 * message. */
#ifndef PLUGIN_DELIVERY_FCM_FCM_ANSWER_H
#define PLUGIN_DELIVERY_FCM_FCM_ANSWER_H

#include <stdbool.h>

#include "factor/delivery.h"

/* Fill the receipt from the answer to a message. */
void fcm_answer_settle(const struct factor_message *message,
                       const struct factor_http_answer *answer,
                       struct factor_receipt *receipt);

/* From an answer that refused an access token. */
void fcm_answer_no_token(const struct factor_message *message,
                         const struct factor_http_answer *answer,
                         struct factor_receipt *receipt);

/* Whether another access token may help. */
bool fcm_answer_wants_token(const struct factor_http_answer *answer);

#endif
