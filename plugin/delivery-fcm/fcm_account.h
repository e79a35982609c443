/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_account.h - a service account, as Google's console
 * hands it out in a JSON file. */
#ifndef PLUGIN_DELIVERY_FCM_FCM_ACCOUNT_H
#define PLUGIN_DELIVERY_FCM_FCM_ACCOUNT_H

#include <jansson.h>
#include <stdbool.h>

#include "factor/base.h"

struct fcm_account {
    json_t *json; /* what the texts below are of */
    const char *project, *email, *key;
    const char *key_id;    /* or NULL */
    const char *token_url; /* that exchanges an assertion for a token */
    bool foreign;          /* an application's own, not the operator's */
    char id[65];           /* in hex; another for each key */
};

/* text: the file.  token_url: instead of the file's; or NULL.
 * FACTOR_E_CONFIG: it is no service account. */
factor_status fcm_account_read(const char *text, const char *token_url,
                               struct fcm_account *ret_account);
void fcm_account_clear(struct fcm_account *account); /* { 0 } is allowed */

#endif
