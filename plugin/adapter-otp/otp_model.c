/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_model.c - states, actions, codes and texts, as data.
 *
 * Sources: Authentication API support of the OTP kit (states, actions, codes,
 * their sentences and keys); what it leaves open is ours. */
#include "plugin/adapter-otp/otp_model.h"

#include "factor/declare.h"

/* --- Fields --- */

/* Longer than a code, since people paste it with spaces. */
enum { OTP_FIELD_MAX = 32, ID_FIELD_MAX = 64 };

static const struct factor_field *const reference_fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .flags = FACTOR_FIELD_REQUIRED,
                 .max_len = ID_FIELD_MAX, .name = "id"),
    NULL,
};

static const struct factor_field *const select_fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .flags = FACTOR_FIELD_REQUIRED,
                 .name = "deviceRef", .fields = reference_fields),
    NULL,
};

static const struct factor_field *const check_fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE |
                          FACTOR_FIELD_DIGITS,
                 .max_len = OTP_FIELD_MAX, .name = "otp"),
    NULL,
};

/* --- Actions --- */

static const struct factor_action *const actions[] = {
    FACTOR_ACTION(.name = OTP_ACTION_SELECT, .fields = select_fields,
                  .errors =
                      FACTOR_NAMES(OTP_CODE_INVALID_DEVICE, OTP_CODE_LOCKED,
                                   OTP_CODE_RESEND_LIMIT, OTP_CODE_TOO_SOON)),
    FACTOR_ACTION(.name = OTP_ACTION_CHECK, .fields = check_fields,
                  .errors =
                      FACTOR_NAMES(OTP_CODE_INVALID_OTP, OTP_CODE_LOCKED)),
    FACTOR_ACTION(.name = OTP_ACTION_RESEND,
                  .errors = FACTOR_NAMES(OTP_CODE_RESEND_LIMIT,
                                         OTP_CODE_TOO_SOON, OTP_CODE_LOCKED)),
    FACTOR_ACTION(.name = OTP_ACTION_CONTINUE),
    FACTOR_ACTION(.name = OTP_ACTION_CANCEL),
    FACTOR_ACTION(.name = OTP_ACTION_ENROLL, .flags = FACTOR_ACTION_OPERATOR,
                  .errors = FACTOR_NAMES(OTP_CODE_NO_USER)),
    FACTOR_ACTION(.name = OTP_ACTION_REMOVE, .flags = FACTOR_ACTION_OPERATOR,
                  .errors =
                      FACTOR_NAMES(OTP_CODE_NO_USER, OTP_CODE_NOT_ENROLLED)),
    FACTOR_ACTION(.name = OTP_ACTION_UNLOCK, .flags = FACTOR_ACTION_OPERATOR,
                  .errors = FACTOR_NAMES(OTP_CODE_NO_USER)),
    FACTOR_ACTION(.name = OTP_ACTION_LIST, .flags = FACTOR_ACTION_OPERATOR,
                  .errors = FACTOR_NAMES(OTP_CODE_NO_USER)),
    NULL,
};

/* --- States --- */

static const struct factor_state *const states[] = {
    FACTOR_STATE(.name = OTP_STATE_SELECTION,
                 .text = "Choose where the passcode is to come from.",
                 .actions = FACTOR_NAMES(OTP_ACTION_SELECT, OTP_ACTION_CANCEL),
                 .members = FACTOR_NAMES("devices", "user", "userData")),
    FACTOR_STATE(.name = OTP_STATE_REQUIRED,
                 .text = "Enter the passcode of the selected device.",
                 .actions = FACTOR_NAMES(OTP_ACTION_CHECK, OTP_ACTION_RESEND,
                                         OTP_ACTION_SELECT, OTP_ACTION_CANCEL),
                 .members = FACTOR_NAMES("devices", "user", "userData",
                                         "selectedDeviceRef", "otpLength",
                                         "resendCooldownSeconds")),
    FACTOR_STATE(.name = OTP_STATE_VERIFIED,
                 .text = "The passcode was right; go on.",
                 .actions = FACTOR_NAMES(OTP_ACTION_CONTINUE)),
    FACTOR_STATE(.name = OTP_STATE_FAILED, .flags = FACTOR_STATE_FAILED,
                 .text = "Nothing more can be done here but to cancel.",
                 .actions = FACTOR_NAMES(OTP_ACTION_CANCEL)),
    NULL,
};

/* --- Codes --- */

static const struct factor_code *const codes[] = {
    FACTOR_CODE(OTP_CODE_INVALID_OTP, "VALIDATION_ERROR",
                "An invalid or expired OTP was provided.",
                "authn.api.invalid.otp"),
    FACTOR_CODE(OTP_CODE_INVALID_DEVICE, "VALIDATION_ERROR",
                "An invalid device was provided.", "authn.api.invalid.device"),
    FACTOR_CODE(OTP_CODE_RESEND_LIMIT, "REQUEST_FAILED",
                "The OTP has been re-sent the maximum number of times.",
                "authn.api.otp.resend.limit"),
    FACTOR_CODE(OTP_CODE_TOO_SOON, "REQUEST_FAILED",
                "The OTP was sent only a moment ago.",
                "authn.api.otp.resend.too.soon"),
    FACTOR_CODE(OTP_CODE_ATTEMPTS_LIMIT, "REQUEST_FAILED",
                "An invalid OTP was provided the maximum number of times.",
                "authn.api.otp.attempts.limit"),
    FACTOR_CODE(OTP_CODE_LOCKED, "REQUEST_FAILED",
                "The device is locked after too many invalid OTPs.",
                "authn.api.device.locked"),
    FACTOR_CODE(OTP_CODE_NO_USER, "REQUEST_FAILED", "There is no such user.",
                "otp.operator.no.user"),
    FACTOR_CODE(OTP_CODE_NOT_ENROLLED, "REQUEST_FAILED",
                "The user has no TOTP authenticator.",
                "otp.operator.not.enrolled"),
    NULL,
};

/* --- Texts --- */

#define TEXTS(name, english, german)                                           \
    FACTOR_TEXT(name, "en", english), FACTOR_TEXT(name, "de", german)

static const struct factor_text *const texts[] = {
    TEXTS("authn.api.invalid.otp", "That passcode is not valid.",
          "Dieser Einmalcode ist nicht gültig."),
    TEXTS(OTP_TEXT_EXPIRED,
          "That passcode has expired. Ask for a new one.",
          "Dieser Einmalcode ist abgelaufen. Fordern Sie einen neuen an."),
    TEXTS("authn.api.invalid.device",
          "There is no device to which a passcode can be sent.",
          "Es gibt kein Gerät, an das ein Einmalcode gesendet werden kann."),
    TEXTS("authn.api.otp.resend.limit", "The passcode cannot be sent again.",
          "Der Einmalcode kann nicht noch einmal gesendet werden."),
    TEXTS("authn.api.otp.resend.too.soon",
          "A passcode was just sent. Wait a moment before asking again.",
          "Es wurde gerade ein Einmalcode gesendet. Warten Sie einen "
          "Augenblick, bevor Sie einen weiteren anfordern."),
    TEXTS("authn.api.otp.attempts.limit", "Too many wrong passcodes.",
          "Zu viele falsche Einmalcodes."),
    TEXTS("authn.api.device.locked",
          "Too many wrong passcodes: this device is locked for a while.",
          "Zu viele falsche Einmalcodes: Dieses Gerät ist vorübergehend "
          "gesperrt."),
    TEXTS("otp.operator.no.user", "There is no such user.",
          "Diesen Benutzer gibt es nicht."),
    TEXTS("otp.operator.not.enrolled",
          "The user has no authenticator app enrolled.",
          "Für den Benutzer ist keine Authenticator-App eingerichtet."),

    TEXTS("otp.code.email.subject", "Your passcode for {brand}",
          "Ihr Einmalcode für {brand}"),
    TEXTS("otp.code.email.text",
          "Your passcode for {brand} is {code}\n\n"
          "It is valid for {minutes} min. Enter it only where you are "
          "signing on, and tell it to nobody.\n\nIf you are not signing on, "
          "somebody else knows your password: change it.\n",
          "Ihr Einmalcode für {brand} lautet {code}\n\n"
          "Er gilt {minutes} min. Geben Sie ihn nur dort ein, wo Sie sich "
          "gerade anmelden, und nennen Sie ihn niemandem.\n\nFalls Sie sich "
          "gerade nicht anmelden, kennt jemand anderes Ihr Passwort: "
          "Ändern Sie es.\n"),
    TEXTS("otp.code.sms.text",
          "{code} is your passcode for {brand}. Valid for {minutes} min. "
          "Tell it to nobody.",
          "{code} ist Ihr Einmalcode für {brand}. Er gilt {minutes} min. "
          "Nennen Sie ihn niemandem."),
    TEXTS("otp.code.voice.text",
          "Your passcode for {brand} is {code}. Once more: {code}. Tell it "
          "to nobody.",
          "Ihr Einmalcode für {brand} lautet {code}. Noch einmal: {code}. "
          "Nennen Sie ihn niemandem."),
    NULL,
};

const struct factor_description otp_description = {
    .struct_size = sizeof(otp_description),
    .plugin_type_id = OTP_PLUGIN_TYPE_ID,
    .states = states,
    .actions = actions,
    .codes = codes,
    .texts = texts,
};
