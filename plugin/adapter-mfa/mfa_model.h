/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_model.h - names of states, actions and codes; the
 * declared tables.
 *
 * Source: PingOne MFA IdP adapter on the Authentication API: states of
 * authentication, of pairing and management, actions, error codes.
 */
#ifndef MFA_MODEL_H
#define MFA_MODEL_H

#include "factor/model.h"

#define MFA_PLUGIN_TYPE_ID "4XW6sM1cQ9kTzR2bVf8LnA"

/* States of authentication */
#define MFA_STATE_REQUIRED "AUTHENTICATION_REQUIRED"
#define MFA_STATE_SELECTION "DEVICE_SELECTION_REQUIRED"
#define MFA_STATE_OTP "OTP_REQUIRED"
#define MFA_STATE_WAITING "PUSH_CONFIRMATION_WAITING"
#define MFA_STATE_TIMED_OUT "PUSH_CONFIRMATION_TIMED_OUT"
#define MFA_STATE_REJECTED "PUSH_CONFIRMATION_REJECTED"
#define MFA_STATE_COMPLETED "MFA_COMPLETED"
#define MFA_STATE_FAILED "MFA_FAILED"
/* States of pairing and management */
#define MFA_STATE_MOBILE_PAIRING "MOBILE_PAIRING_REQUIRED"
#define MFA_STATE_SETUP "MFA_SETUP_REQUIRED"
#define MFA_STATE_METHOD "DEVICE_PAIRING_METHOD_REQUIRED"
#define MFA_STATE_METHOD_FAILED "MFA_DEVICE_PAIRING_METHOD_FAILED"
#define MFA_STATE_EMAIL_TARGET "EMAIL_PAIRING_TARGET_REQUIRED"
#define MFA_STATE_SMS_TARGET "SMS_PAIRING_TARGET_REQUIRED"
#define MFA_STATE_VOICE_TARGET "VOICE_PAIRING_TARGET_REQUIRED"
#define MFA_STATE_EMAIL_ACTIVATION "EMAIL_ACTIVATION_REQUIRED"
#define MFA_STATE_SMS_ACTIVATION "SMS_ACTIVATION_REQUIRED"
#define MFA_STATE_VOICE_ACTIVATION "VOICE_ACTIVATION_REQUIRED"
#define MFA_STATE_TOTP_ACTIVATION "TOTP_ACTIVATION_REQUIRED"
#define MFA_STATE_MOBILE_ACTIVATION "MOBILE_ACTIVATION_REQUIRED"
#define MFA_STATE_NICKNAME "UPDATE_NICKNAME"
#define MFA_STATE_MANAGEMENT "DEVICE_MANAGEMENT"

/* Actions of authentication */
#define MFA_ACTION_AUTHENTICATE "authenticate"
#define MFA_ACTION_SELECT "selectDevice"
#define MFA_ACTION_CHECK "checkOtp"
#define MFA_ACTION_POLL "poll"
#define MFA_ACTION_RESEND "resendOtp"
#define MFA_ACTION_CONTINUE "continueAuthentication"
#define MFA_ACTION_CANCEL "cancelAuthentication"
/* Actions of pairing and management */
#define MFA_ACTION_SETUP "setupMfa"
#define MFA_ACTION_SKIP "skipMfa"
#define MFA_ACTION_METHOD "selectDevicePairingMethod"
#define MFA_ACTION_CANCEL_PAIRING "cancelDevicePairing"
#define MFA_ACTION_EMAIL_TARGET "submitEmailTarget"
#define MFA_ACTION_SMS_TARGET "submitSmsTarget"
#define MFA_ACTION_VOICE_TARGET "submitVoiceTarget"
#define MFA_ACTION_EMAIL_ACTIVATE "activateEmailDevice"
#define MFA_ACTION_SMS_ACTIVATE "activateSmsDevice"
#define MFA_ACTION_VOICE_ACTIVATE "activateVoiceDevice"
#define MFA_ACTION_TOTP_ACTIVATE "activateTotpDevice"
#define MFA_ACTION_MOBILE_ACTIVATE "activateMobileDevice" /* ours: the check
                                                           * value is right */
#define MFA_ACTION_NICKNAME "updateDeviceNickname"
#define MFA_ACTION_SKIP_NICKNAME "skipUpdateDeviceNickname"
#define MFA_ACTION_SET_DEFAULT "setDefaultDevice"
#define MFA_ACTION_REMOVE "removeDevice"
#define MFA_ACTION_MANAGE "manageDevices"
#define MFA_ACTION_RESUME "resumeAuthentication"
/* Operators */
#define MFA_ACTION_DEVICES "listDevices"
#define MFA_ACTION_ADD_DEVICE "addDevice"
#define MFA_ACTION_DROP_DEVICE "dropDevice"
#define MFA_ACTION_UNLOCK "unlock"
#define MFA_ACTION_BYPASS "bypass"
#define MFA_ACTION_PAIRING_KEY "createPairingKey"
#define MFA_ACTION_GET_CONFIG "getConfig"
#define MFA_ACTION_PUT_CONFIG "putConfig"

/* MFA_COMPLETED may say how */
#define MFA_COMPLETED_AUTHORIZED "device_authorized"

/* Detail codes */
#define MFA_CODE_INVALID_OTP "INVALID_OTP"
#define MFA_CODE_EXPIRED "OTP_EXPIRED"
#define MFA_CODE_INVALID_DEVICE "INVALID_DEVICE"
#define MFA_CODE_INVALID_PAYLOAD "INVALID_MOBILE_PAYLOAD"
#define MFA_CODE_LOCKED "DEVICE_LOCKED"
#define MFA_CODE_ACCOUNT "ACCOUNT_LOCKED_OUT"
#define MFA_CODE_ATTEMPTS "OTP_ATTEMPTS_LIMIT"
#define MFA_CODE_TOTP_ATTEMPTS "TOTP_ATTEMPTS_LIMIT"
#define MFA_CODE_RESEND_LIMIT "OTP_RESEND_LIMIT"
#define MFA_CODE_TOO_SOON "OTP_RESEND_TOO_SOON"
#define MFA_CODE_TARGET "INVALID_DEVICE_TARGET"
#define MFA_CODE_METHOD "INVALID_PAIRING_METHOD"
#define MFA_CODE_LIMIT "LIMIT_EXCEEDED"
#define MFA_CODE_NO_USER "USER_NOT_FOUND"
#define MFA_CODE_CONFIG "INVALID_CONFIGURATION"
#define MFA_CODE_VALUE "INVALID_VALUE"
/* ... of phones: doc/phone-protocol.md, refusals */
#define MFA_CODE_STATEMENT "INVALID_STATEMENT"
#define MFA_CODE_CLOCK "CLOCK_NOT_SYNCHRONIZED"
#define MFA_CODE_PAIRING_KEY "PAIRING_KEY_INVALID"
#define MFA_CODE_APPLICATION "APPLICATION_INVALID"
#define MFA_CODE_NOT_PAIRED "NOT_PAIRED"
#define MFA_CODE_GONE "REQUEST_GONE"
#define MFA_CODE_REPLAYED "STATEMENT_REPLAYED"
#define MFA_CODE_LIMITED "REQUEST_LIMITED"

/* A text where the code's own does not fit: right, but too late. */
#define MFA_TEXT_EXPIRED "authn.api.otp.expired"

extern const struct factor_description mfa_description;

/* Declared in mfa_texts.c and mfa_phone.c. */
extern const struct factor_text *const mfa_texts[];
extern const struct factor_resource *const mfa_resources[];

#endif
