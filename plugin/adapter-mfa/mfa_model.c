/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_model.c - states, actions and codes, as data.
 *
 * Source: PingOne MFA IdP adapter on the Authentication API (states, actions,
 * objects, codes); what it leaves open is ours. */
#include "plugin/adapter-mfa/mfa_model.h"

#include "factor/declare.h"
#include "plugin/adapter-mfa/rest/rest.h"

/* --- Fields --- */

/* Longer than a code, since people paste it with spaces. */
enum { CODE_MAX = 32, ID_MAX = 64, ADDRESS_MAX = 254, NICKNAME_MAX = 400,
       PAYLOAD_MAX = 8192, CONFIG_MAX = 60000 };

#define TEXT_FIELD(field, max, more)                                           \
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .flags = (more),                 \
                 .max_len = (max), .name = (field))
#define REQUIRED FACTOR_FIELD_REQUIRED
#define CODE_FIELD                                                             \
    TEXT_FIELD("otp", CODE_MAX,                                                \
               REQUIRED | FACTOR_FIELD_SENSITIVE | FACTOR_FIELD_DIGITS)
#define PAYLOAD_FIELD                                                          \
    TEXT_FIELD("mobilePayload", PAYLOAD_MAX, FACTOR_FIELD_SENSITIVE)
#define REFERENCE_FIELD                                                        \
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .flags = REQUIRED,               \
                 .name = "deviceRef", .fields = reference_fields)

static const struct factor_field *const reference_fields[] = {
    TEXT_FIELD("id", ID_MAX, REQUIRED), NULL
};
static const struct factor_field *const method_fields[] = {
    TEXT_FIELD("deviceType", ID_MAX, REQUIRED),
    TEXT_FIELD("applicationName", 256, 0),
    TEXT_FIELD("relyingPartyId", 256, 0), TEXT_FIELD("userAgent", 1024, 0),
    NULL
};

/* --- Actions --- */

#define CODE_ERRORS                                                            \
    MFA_CODE_INVALID_OTP, MFA_CODE_LOCKED, MFA_CODE_EXPIRED,                   \
        MFA_CODE_ATTEMPTS, MFA_CODE_TOTP_ATTEMPTS
#define ACTIVATE(action)                                                       \
    FACTOR_ACTION(.name = (action), .fields = FACTOR_FIELDS(CODE_FIELD),       \
                  .errors = FACTOR_NAMES(CODE_ERRORS))
#define SUBMIT(action, field)                                                  \
    FACTOR_ACTION(.name = (action),                                            \
                  .fields = FACTOR_FIELDS(                                     \
                      TEXT_FIELD(field, ADDRESS_MAX, REQUIRED)),               \
                  .errors = FACTOR_NAMES(MFA_CODE_TARGET, MFA_CODE_LIMIT,      \
                                         MFA_CODE_RESEND_LIMIT))
#define OPERATOR(action, ...)                                                  \
    FACTOR_ACTION(.name = (action), .flags = FACTOR_ACTION_OPERATOR,           \
                  .errors = FACTOR_NAMES(MFA_CODE_NO_USER,                     \
                                         MFA_CODE_INVALID_DEVICE,              \
                                         MFA_CODE_TARGET, MFA_CODE_LIMIT,      \
                                         MFA_CODE_METHOD,                      \
                                         MFA_CODE_APPLICATION,                 \
                                         MFA_CODE_CONFIG, MFA_CODE_VALUE),     \
                  __VA_ARGS__)

static const struct factor_action *const actions[] = {
    FACTOR_ACTION(.name = MFA_ACTION_AUTHENTICATE,
                  .fields = FACTOR_FIELDS(PAYLOAD_FIELD),
                  .errors = FACTOR_NAMES(MFA_CODE_INVALID_PAYLOAD,
                                         MFA_CODE_RESEND_LIMIT)),
    FACTOR_ACTION(.name = MFA_ACTION_SELECT,
                  .fields = FACTOR_FIELDS(REFERENCE_FIELD, PAYLOAD_FIELD),
                  .errors =
                      FACTOR_NAMES(MFA_CODE_INVALID_DEVICE, MFA_CODE_LOCKED,
                                   MFA_CODE_RESEND_LIMIT, MFA_CODE_TOO_SOON,
                                   MFA_CODE_INVALID_PAYLOAD)),
    FACTOR_ACTION(.name = MFA_ACTION_CHECK,
                  .fields = FACTOR_FIELDS(CODE_FIELD, PAYLOAD_FIELD),
                  .errors =
                      FACTOR_NAMES(CODE_ERRORS, MFA_CODE_INVALID_PAYLOAD)),
    FACTOR_ACTION(.name = MFA_ACTION_POLL, .flags = FACTOR_ACTION_WAIT),
    FACTOR_ACTION(.name = MFA_ACTION_RESEND,
                  .errors = FACTOR_NAMES(MFA_CODE_RESEND_LIMIT,
                                         MFA_CODE_TOO_SOON, MFA_CODE_LOCKED)),
    FACTOR_ACTION(.name = MFA_ACTION_CONTINUE),
    FACTOR_ACTION(.name = MFA_ACTION_CANCEL),

    FACTOR_ACTION(.name = MFA_ACTION_SETUP,
                  .errors = FACTOR_NAMES(MFA_CODE_LIMIT,
                                         MFA_CODE_INVALID_DEVICE)),
    FACTOR_ACTION(.name = MFA_ACTION_SKIP),
    FACTOR_ACTION(.name = MFA_ACTION_METHOD,
                  .fields = FACTOR_FIELDS(FACTOR_FIELD(
                      .type = FACTOR_FIELD_OBJECT, .flags = REQUIRED,
                      .name = "devicePairingMethod",
                      .fields = method_fields)),
                  .errors = FACTOR_NAMES(MFA_CODE_METHOD, MFA_CODE_LIMIT)),
    FACTOR_ACTION(.name = MFA_ACTION_CANCEL_PAIRING),
    SUBMIT(MFA_ACTION_EMAIL_TARGET, "email"),
    SUBMIT(MFA_ACTION_SMS_TARGET, "phone"),
    SUBMIT(MFA_ACTION_VOICE_TARGET, "phone"),
    ACTIVATE(MFA_ACTION_EMAIL_ACTIVATE),
    ACTIVATE(MFA_ACTION_SMS_ACTIVATE),
    ACTIVATE(MFA_ACTION_VOICE_ACTIVATE),
    ACTIVATE(MFA_ACTION_TOTP_ACTIVATE),
    FACTOR_ACTION(.name = MFA_ACTION_MOBILE_ACTIVATE,
                  .errors = FACTOR_NAMES(MFA_CODE_LIMIT)),
    FACTOR_ACTION(.name = MFA_ACTION_NICKNAME,
                  .fields = FACTOR_FIELDS(
                      TEXT_FIELD("id", ID_MAX, REQUIRED),
                      TEXT_FIELD("nickname", NICKNAME_MAX, 0)),
                  .errors = FACTOR_NAMES(MFA_CODE_INVALID_DEVICE,
                                         MFA_CODE_TARGET)),
    FACTOR_ACTION(.name = MFA_ACTION_SKIP_NICKNAME),
    FACTOR_ACTION(.name = MFA_ACTION_SET_DEFAULT,
                  .fields = FACTOR_FIELDS(REFERENCE_FIELD),
                  .errors = FACTOR_NAMES(MFA_CODE_INVALID_DEVICE)),
    FACTOR_ACTION(.name = MFA_ACTION_REMOVE,
                  .fields = FACTOR_FIELDS(REFERENCE_FIELD),
                  .errors = FACTOR_NAMES(MFA_CODE_INVALID_DEVICE)),
    FACTOR_ACTION(.name = MFA_ACTION_MANAGE),
    FACTOR_ACTION(.name = MFA_ACTION_RESUME),

    OPERATOR(MFA_ACTION_DEVICES, .fields = NULL),
    OPERATOR(MFA_ACTION_ADD_DEVICE,
             .fields = FACTOR_FIELDS(
                 TEXT_FIELD("type", ID_MAX, REQUIRED),
                 TEXT_FIELD("target", ADDRESS_MAX, 0))),
    OPERATOR(MFA_ACTION_DROP_DEVICE,
             .fields = FACTOR_FIELDS(TEXT_FIELD("id", ID_MAX, REQUIRED))),
    OPERATOR(MFA_ACTION_UNLOCK,
             .fields = FACTOR_FIELDS(TEXT_FIELD("id", ID_MAX, 0))),
    OPERATOR(MFA_ACTION_BYPASS,
             .fields = FACTOR_FIELDS(
                 FACTOR_FIELD(.type = FACTOR_FIELD_INTEGER, .flags = REQUIRED,
                              .name = "minutes"))),
    OPERATOR(MFA_ACTION_PAIRING_KEY,
             .fields = FACTOR_FIELDS(TEXT_FIELD("application", 256, 0))),
    OPERATOR(MFA_ACTION_GET_CONFIG, .fields = NULL),
    OPERATOR(MFA_ACTION_PUT_CONFIG,
             .fields = FACTOR_FIELDS(
                 TEXT_FIELD("config", CONFIG_MAX, REQUIRED))),
    NULL,
};

/* --- States --- */

#define TARGET_STATE(state, submit, words)                                     \
    FACTOR_STATE(.name = (state), .text = (words),                             \
                 .actions = FACTOR_NAMES(submit, MFA_ACTION_CANCEL_PAIRING))
#define ACTIVATION_STATE(state, activate, member)                              \
    FACTOR_STATE(.name = (state), .text = "Enter the code that was sent.",     \
                 .actions = FACTOR_NAMES(activate, MFA_ACTION_RESEND,          \
                                         MFA_ACTION_CANCEL_PAIRING),           \
                 .members = FACTOR_NAMES(member, "otpLength"))
#define LIST_MEMBERS                                                           \
    FACTOR_NAMES("devices", "user", "manualPairing", "userSelectedDefault",    \
                 "manageDevicesAllowed", "manualPairingPermitted",             \
                 "deviceManagementState", "manageDeviceRequested",             \
                 "newPairingAuthRequired", "changeDevicePermitted")
#define CHALLENGE_MEMBERS                                                      \
    FACTOR_NAMES("devices", "user", "selectedDeviceRef",                       \
                 "changeDevicePermitted", "otpLength", "numberMatching",   \
                 "resendCooldownSeconds")

static const struct factor_state *const states[] = {
    FACTOR_STATE(.name = MFA_STATE_REQUIRED,
                 .text = "A second factor is needed: begin.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_AUTHENTICATE, MFA_ACTION_CANCEL,
                                  MFA_ACTION_POLL),
                 .members = FACTOR_NAMES("user", "devices")),
    FACTOR_STATE(.name = MFA_STATE_SELECTION,
                 .text = "Choose the device to prove yourself with.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_SELECT, MFA_ACTION_CANCEL,
                                  MFA_ACTION_POLL, MFA_ACTION_MANAGE,
                                  MFA_ACTION_SETUP),
                 .members = LIST_MEMBERS),
    FACTOR_STATE(.name = MFA_STATE_OTP,
                 .text = "Enter the passcode of the selected device.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_CHECK, MFA_ACTION_SELECT,
                                  MFA_ACTION_RESEND, MFA_ACTION_CANCEL),
                 .members = CHALLENGE_MEMBERS),
    FACTOR_STATE(.name = MFA_STATE_WAITING,
                 .text = "Answer the request on the phone.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_POLL, MFA_ACTION_SELECT,
                                  MFA_ACTION_CHECK, MFA_ACTION_CANCEL),
                 .members = CHALLENGE_MEMBERS),
    FACTOR_STATE(.name = MFA_STATE_TIMED_OUT,
                 .text = "Nobody answered on the phone.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_SELECT, MFA_ACTION_CHECK,
                                  MFA_ACTION_POLL, MFA_ACTION_CANCEL),
                 .members = CHALLENGE_MEMBERS),
    FACTOR_STATE(.name = MFA_STATE_REJECTED,
                 .text = "The request was denied on the phone.",
                 .actions = FACTOR_NAMES(MFA_ACTION_SELECT, MFA_ACTION_POLL,
                                         MFA_ACTION_CANCEL),
                 .members = FACTOR_NAMES("devices", "selectedDeviceRef")),
    FACTOR_STATE(.name = MFA_STATE_COMPLETED,
                 .text = "The second factor is proven; go on.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_CONTINUE, MFA_ACTION_POLL),
                 .members = FACTOR_NAMES("code")),
    FACTOR_STATE(.name = MFA_STATE_FAILED, .flags = FACTOR_STATE_FAILED,
                 .text = "Nothing more can be done here but to cancel.",
                 .actions = FACTOR_NAMES(MFA_ACTION_CANCEL, MFA_ACTION_POLL)),
    FACTOR_STATE(.name = MFA_STATE_MOBILE_PAIRING,
                 .text = "Pair the app that signs on, then go on.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_CONTINUE, MFA_ACTION_POLL),
                 .members = FACTOR_NAMES("serverPayload")),

    FACTOR_STATE(.name = MFA_STATE_SETUP,
                 .text = "Add a device, to sign on with it from now on.",
                 .actions = FACTOR_NAMES(MFA_ACTION_SETUP, MFA_ACTION_SKIP,
                                         MFA_ACTION_CANCEL),
                 .members = FACTOR_NAMES("allowSkipMfa", "user")),
    FACTOR_STATE(.name = MFA_STATE_METHOD,
                 .text = "Choose what to add.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_METHOD, MFA_ACTION_CANCEL_PAIRING,
                                  MFA_ACTION_POLL),
                 .members = FACTOR_NAMES("devicePairingMethods")),
    FACTOR_STATE(.name = MFA_STATE_METHOD_FAILED,
                 .flags = FACTOR_STATE_FAILED,
                 .text = "The device could not be added.",
                 .actions = FACTOR_NAMES(MFA_ACTION_CANCEL_PAIRING,
                                         MFA_ACTION_POLL)),
    TARGET_STATE(MFA_STATE_EMAIL_TARGET, MFA_ACTION_EMAIL_TARGET,
                 "Enter the e-mail address to add."),
    TARGET_STATE(MFA_STATE_SMS_TARGET, MFA_ACTION_SMS_TARGET,
                 "Enter the number to add for text messages."),
    TARGET_STATE(MFA_STATE_VOICE_TARGET, MFA_ACTION_VOICE_TARGET,
                 "Enter the number to add for calls."),
    ACTIVATION_STATE(MFA_STATE_EMAIL_ACTIVATION, MFA_ACTION_EMAIL_ACTIVATE,
                     "email"),
    ACTIVATION_STATE(MFA_STATE_SMS_ACTIVATION, MFA_ACTION_SMS_ACTIVATE,
                     "phone"),
    ACTIVATION_STATE(MFA_STATE_VOICE_ACTIVATION, MFA_ACTION_VOICE_ACTIVATE,
                     "phone"),
    FACTOR_STATE(.name = MFA_STATE_TOTP_ACTIVATION,
                 .text = "Scan this with an authenticator app and enter the "
                         "code that it shows.",
                 .actions = FACTOR_NAMES(MFA_ACTION_TOTP_ACTIVATE,
                                         MFA_ACTION_CANCEL_PAIRING),
                 .members =
                     FACTOR_NAMES("keyUri", "pairingKey", "otpLength")),
    FACTOR_STATE(.name = MFA_STATE_MOBILE_ACTIVATION,
                 .text = "Scan this with the phone to add.",
                 .actions = FACTOR_NAMES(MFA_ACTION_POLL,
                                         MFA_ACTION_MOBILE_ACTIVATE,
                                         MFA_ACTION_CANCEL_PAIRING),
                 .members = FACTOR_NAMES("pairingKey", "applicationName",
                                         "pairedDevice")),
    FACTOR_STATE(.name = MFA_STATE_NICKNAME,
                 .text = "Name the device that was added.",
                 .actions = FACTOR_NAMES(MFA_ACTION_NICKNAME,
                                         MFA_ACTION_SKIP_NICKNAME,
                                         MFA_ACTION_POLL),
                 .members = FACTOR_NAMES("pairedDevice", "applicationName")),
    FACTOR_STATE(.name = MFA_STATE_MANAGEMENT,
                 .text = "Add, rename and remove devices.",
                 .actions =
                     FACTOR_NAMES(MFA_ACTION_SETUP, MFA_ACTION_REMOVE,
                                  MFA_ACTION_SET_DEFAULT, MFA_ACTION_NICKNAME,
                                  MFA_ACTION_RESUME, MFA_ACTION_CANCEL,
                                  MFA_ACTION_POLL),
                 .members = LIST_MEMBERS),
    NULL,
};

/* --- Codes --- */

static const struct factor_code *const codes[] = {
    FACTOR_CODE(MFA_CODE_INVALID_OTP, "VALIDATION_ERROR",
                "An invalid or expired OTP was provided.",
                "authn.api.invalid.otp"),
    FACTOR_CODE(MFA_CODE_EXPIRED, "REQUEST_FAILED",
                "The authentication has expired.", MFA_TEXT_EXPIRED),
    FACTOR_CODE(MFA_CODE_INVALID_DEVICE, "VALIDATION_ERROR",
                "An invalid device was provided.", "authn.api.invalid.device"),
    FACTOR_CODE(MFA_CODE_INVALID_PAYLOAD, "VALIDATION_ERROR",
                "The mobile payload is not valid.", "mfa.payload.invalid"),
    FACTOR_CODE(MFA_CODE_LOCKED, "REQUEST_FAILED",
                "The device is locked after too many failures.",
                "authn.api.device.locked"),
    FACTOR_CODE(MFA_CODE_ACCOUNT, "REQUEST_FAILED",
                "The account is locked after too many failures.",
                "mfa.account.locked"),
    FACTOR_CODE(MFA_CODE_ATTEMPTS, "REQUEST_FAILED",
                "An invalid OTP was provided the maximum number of times.",
                "authn.api.otp.attempts.limit"),
    FACTOR_CODE(MFA_CODE_TOTP_ATTEMPTS, "REQUEST_FAILED",
                "An invalid OTP was provided the maximum number of times.",
                "authn.api.totp.attempts.limit"),
    FACTOR_CODE(MFA_CODE_RESEND_LIMIT, "REQUEST_FAILED",
                "No more messages can be sent.", "authn.api.otp.resend.limit"),
    FACTOR_CODE(MFA_CODE_TOO_SOON, "REQUEST_FAILED",
                "The OTP was sent only a moment ago.",
                "authn.api.otp.resend.too.soon"),
    FACTOR_CODE(MFA_CODE_TARGET, "INVALID_DEVICE_TARGET",
                "The address or number is not valid.", "mfa.target.invalid"),
    FACTOR_CODE(MFA_CODE_METHOD, "VALIDATION_ERROR",
                "This kind of device cannot be paired.",
                "mfa.method.invalid"),
    FACTOR_CODE(MFA_CODE_LIMIT, "REQUEST_FAILED",
                "The user has as many devices as are allowed.",
                "mfa.device.limit"),
    FACTOR_CODE(MFA_CODE_NO_USER, "REQUEST_FAILED", "There is no such user.",
                "mfa.user.none"),
    FACTOR_CODE(MFA_CODE_VALUE, "VALIDATION_ERROR",
                "The value is out of range.", "mfa.value.invalid"),
    FACTOR_CODE(MFA_CODE_CONFIG, "REQUEST_FAILED",
                "The configuration is not valid.", "mfa.config.invalid"),
    FACTOR_CODE(MFA_CODE_STATEMENT, "INVALID_DATA",
                "The statement is not valid.", "mfa.phone.refused"),
    FACTOR_CODE(MFA_CODE_CLOCK, "INVALID_DATA",
                "The statement's time is not that of the host.",
                "mfa.phone.refused"),
    FACTOR_CODE(MFA_CODE_PAIRING_KEY, "INVALID_DATA",
                "The pairing key is not valid.", "mfa.pairing.key"),
    FACTOR_CODE(MFA_CODE_APPLICATION, "INVALID_DATA",
                "The application is not valid.", "mfa.pairing.application"),
    FACTOR_CODE(MFA_CODE_NOT_PAIRED, "NOT_FOUND", "There is no such device.",
                "mfa.phone.refused"),
    FACTOR_CODE(MFA_CODE_GONE, "REQUEST_FAILED",
                "The request is not waiting for an answer.",
                "mfa.phone.refused"),
    FACTOR_CODE(MFA_CODE_REPLAYED, "REQUEST_FAILED",
                "The statement was made before another.",
                "mfa.phone.refused"),
    FACTOR_CODE(MFA_CODE_LIMITED, "REQUEST_LIMITED", "Too many requests.",
                "mfa.phone.refused"),
    FACTOR_CODE(MFA_REST_INVALID_VALUE, "INVALID_DATA",
                "The value is not valid.", NULL),
    FACTOR_CODE(MFA_REST_OUT_OF_RANGE, "INVALID_DATA",
                "Value is out of range.", NULL),
    FACTOR_CODE(MFA_REST_REQUIRED, "INVALID_DATA", "A value is required.",
                NULL),
    FACTOR_CODE(MFA_REST_TOO_LONG, "INVALID_DATA", "The value is too long.",
                NULL),
    FACTOR_CODE(MFA_REST_EMPTY, "INVALID_DATA",
                "The value must not be empty.", NULL),
    FACTOR_CODE(MFA_REST_LIMIT, "REQUEST_FAILED",
                "There are as many as are allowed.", NULL),
    FACTOR_CODE(MFA_REST_UNIQUENESS, "INVALID_DATA",
                "There is one like this already.", NULL),
    FACTOR_CODE(MFA_REST_CONSTRAINT, "INVALID_DATA",
                "It is not possible to remove default device authentication "
                "policy.", NULL),
    FACTOR_CODE(MFA_REST_QUOTA, "REQUEST_FAILED", "No attempts left.", NULL),
    FACTOR_CODE(MFA_REST_NO_DEVICES, "REQUEST_FAILED",
                "The user has no device that can be used.", NULL),
    FACTOR_CODE(MFA_REST_ACCOUNT, "REQUEST_FAILED",
                "The user's account cannot be used.", NULL),
    FACTOR_CODE(MFA_REST_STATE, "INVALID_REQUEST",
                "It is not possible in this state.", NULL),
    FACTOR_CODE(MFA_REST_FORBIDDEN, "ACCESS_FAILED",
                "A second factor has to be proven first.", NULL),
    NULL,
};

/* --- Page parts --- */

static const struct factor_page_part *const page_parts[] = {
    &(const struct factor_page_part){
        .struct_size = sizeof(struct factor_page_part),
        .file = "adapter-mfa.mjs",
        .states = FACTOR_NAMES(MFA_STATE_WAITING, MFA_STATE_METHOD,
                               MFA_STATE_TOTP_ACTIVATION,
                               MFA_STATE_MOBILE_ACTIVATION,
                               MFA_STATE_NICKNAME, MFA_STATE_MANAGEMENT) },
    NULL,
};

const struct factor_description mfa_description = {
    .struct_size = sizeof(mfa_description),
    .plugin_type_id = MFA_PLUGIN_TYPE_ID,
    .states = states,
    .actions = actions,
    .codes = codes,
    .texts = mfa_texts,
    .page_parts = page_parts,
    .resources = mfa_resources,
};
