/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_flow.h - what users can do, one function an action.
 */
#ifndef OTP_FLOW_H
#define OTP_FLOW_H

#include "plugin/adapter-otp/otp_step.h"

/* Decide a loaded step of a flow.  *ret_out was zeroed; on failure the JSON
 * that it holds is still the caller's to release. */
factor_status otp_flow_decide(struct otp_step *s,
                              struct factor_outcome *ret_out);

/* What the client sees of a loaded step. */
factor_status otp_flow_show(struct otp_step *s,
                            struct factor_model *ret_model);

#endif
