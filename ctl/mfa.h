/* SPDX-License-Identifier: MIT */
/* ctl/mfa.h - commands that the MFA adapter answers: devices, pairing keys,
 * its configuration.  Each gives an exit status. */
#ifndef CTL_MFA_H
#define CTL_MFA_H

#include "ctl/ask.h"

int devices_list(const struct request *request);
int devices_add(const struct request *request);
int devices_remove(const struct request *request);
int devices_unlock(const struct request *request);
int devices_bypass(const struct request *request);
int pairing_keys_create(const struct request *request);
int policies_get(const struct request *request);
int policies_put(const struct request *request);
int settings_get(const struct request *request);
int settings_put(const struct request *request);
int applications_get(const struct request *request);
int applications_put(const struct request *request);

#endif
