/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_operator.h - what operators can do for a user. */
#ifndef OTP_OPERATOR_H
#define OTP_OPERATOR_H

#include "plugin/adapter-otp/otp_step.h"

/* Run an operator's action on step.subject.  *ret_out was zeroed; on failure
 * the JSON that it holds is still the caller's to release. */
factor_status otp_operate(const struct factor_adapter *self,
                          const struct factor_step *in,
                          struct factor_outcome *ret_out);

#endif
