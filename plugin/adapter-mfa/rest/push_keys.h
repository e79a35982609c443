/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/push_keys.h - push credentials, to who removes
 * applications. */
#ifndef MFA_REST_PUSH_KEYS_H
#define MFA_REST_PUSH_KEYS_H

#include "plugin/adapter-mfa/rest/rest.h"

/* Remove those of an application that goes. */
factor_status mfa_rest_push_keys_drop(struct mfa_rest *call,
                                      const char *application);

#endif
