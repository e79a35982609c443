/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_phone.h - what phones say (doc/phone-protocol.md). */
#ifndef MFA_PHONE_H
#define MFA_PHONE_H

#include "factor/adapter.h"

/* plan_reads and handle_resource of the adapter. */
factor_status mfa_phone_plan(const struct factor_adapter *self,
                             const struct factor_step *step,
                             struct factor_reads *reads);
factor_status mfa_phone_handle(const struct factor_adapter *self,
                               const struct factor_step *step,
                               struct factor_outcome *ret_outcome,
                               struct factor_error *err);

#endif
