/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_model.h - the names on the wire, and the tables that
 * declare them. */
#ifndef OTP_MODEL_H
#define OTP_MODEL_H

#include "factor/model.h"

/* pluginTypeId of the OTP kit.  Source: Authentication API. */
#define OTP_PLUGIN_TYPE_ID "7r5wldvoQS8iEJEpdMYqmA"

#define OTP_STATE_SELECTION "DEVICE_SELECTION_REQUIRED"
#define OTP_STATE_REQUIRED "OTP_REQUIRED"
#define OTP_STATE_VERIFIED "OTP_VERIFIED"
#define OTP_STATE_FAILED "MFA_FAILED"

#define OTP_ACTION_SELECT "selectDevice"
#define OTP_ACTION_CHECK "checkOtp"
#define OTP_ACTION_RESEND "resendOtp"
#define OTP_ACTION_CONTINUE "continueAuthentication"
#define OTP_ACTION_CANCEL "cancelAuthentication"

/* For operators. */
#define OTP_ACTION_ENROLL "enrollTotp"
#define OTP_ACTION_REMOVE "removeTotp"
#define OTP_ACTION_UNLOCK "unlock"
#define OTP_ACTION_LIST "listAuthenticators"

#define OTP_CODE_INVALID_OTP "INVALID_OTP"
#define OTP_CODE_INVALID_DEVICE "INVALID_DEVICE"
#define OTP_CODE_RESEND_LIMIT "OTP_RESEND_LIMIT"
#define OTP_CODE_TOO_SOON "OTP_RESEND_TOO_SOON"
#define OTP_CODE_ATTEMPTS_LIMIT "OTP_ATTEMPTS_LIMIT"
#define OTP_CODE_LOCKED "DEVICE_LOCKED"
#define OTP_CODE_NO_USER "USER_NOT_FOUND"
#define OTP_CODE_NOT_ENROLLED "TOTP_NOT_ENROLLED"

/* Said instead of the declared text when a right code came too late. */
#define OTP_TEXT_EXPIRED "authn.api.otp.expired"

/* What adapters of the OTP kit show and take; constant. */
extern const struct factor_description otp_description;

#endif
