/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_texts.c - what users read, in English and German. */
#include "factor/declare.h"
#include "plugin/adapter-mfa/mfa_model.h"

#define TEXTS(name, english, german)                                           \
    FACTOR_TEXT(name, "en", english), FACTOR_TEXT(name, "de", german)

const struct factor_text *const mfa_texts[] = {
    TEXTS("authn.api.invalid.otp", "That passcode is not valid.",
          "Dieser Einmalcode ist nicht gültig."),
    TEXTS(MFA_TEXT_EXPIRED, "That passcode has expired. Ask for a new one.",
          "Dieser Einmalcode ist abgelaufen. Fordern Sie einen neuen an."),
    TEXTS("authn.api.invalid.device", "This device cannot be used.",
          "Dieses Gerät kann nicht verwendet werden."),
    TEXTS("authn.api.otp.resend.limit", "No more messages can be sent.",
          "Es kann keine weitere Nachricht gesendet werden."),
    TEXTS("authn.api.otp.resend.too.soon",
          "A passcode was just sent. Wait a moment before asking again.",
          "Es wurde gerade ein Einmalcode gesendet. Warten Sie einen "
          "Augenblick, bevor Sie einen weiteren anfordern."),
    TEXTS("authn.api.otp.attempts.limit", "Too many wrong passcodes.",
          "Zu viele falsche Einmalcodes."),
    TEXTS("authn.api.totp.attempts.limit", "Too many wrong passcodes.",
          "Zu viele falsche Einmalcodes."),
    TEXTS("authn.api.device.locked",
          "Too many failures: this device is locked for a while.",
          "Zu viele Fehlversuche: Dieses Gerät ist vorübergehend gesperrt."),
    TEXTS("mfa.account.locked",
          "Too many failures: signing on is locked for a while.",
          "Zu viele Fehlversuche: Die Anmeldung ist vorübergehend gesperrt."),
    TEXTS("mfa.payload.invalid",
          "This app could not be recognised. Update it and try again.",
          "Diese App wurde nicht erkannt. Aktualisieren Sie sie und versuchen "
          "Sie es noch einmal."),
    TEXTS("mfa.value.invalid", "This value is out of range.",
          "Dieser Wert liegt nicht im erlaubten Bereich."),
    TEXTS("mfa.target.invalid", "This address or number is not valid.",
          "Diese Adresse oder Nummer ist nicht gültig."),
    TEXTS("mfa.method.invalid", "This kind of device cannot be added.",
          "Diese Art von Gerät kann nicht hinzugefügt werden."),
    TEXTS("mfa.device.limit",
          "You have as many devices as are allowed. Remove one first.",
          "Sie haben so viele Geräte, wie erlaubt sind. Entfernen Sie zuerst "
          "eines."),
    TEXTS("mfa.user.none", "There is no such user.",
          "Diesen Benutzer gibt es nicht."),
    TEXTS("mfa.config.invalid", "The configuration is not valid.",
          "Die Konfiguration ist nicht gültig."),
    TEXTS("mfa.pairing.key",
          "This pairing code is not valid any more. Get a new one.",
          "Dieser Kopplungscode gilt nicht mehr. Fordern Sie einen neuen an."),
    TEXTS("mfa.pairing.application", "This app cannot be added.",
          "Diese App kann nicht hinzugefügt werden."),
    TEXTS("mfa.phone.refused", "The request was refused.",
          "Die Anfrage wurde abgelehnt."),

    TEXTS("mfa.code.email.subject", "Your passcode for {brand}",
          "Ihr Einmalcode für {brand}"),
    TEXTS("mfa.code.email.text",
          "Your passcode for {brand} is {code}\n\n"
          "It is valid for {minutes} min. Enter it only where you are "
          "signing on, and tell it to nobody.\n\nIf you are not signing on, "
          "somebody else knows your password: change it.\n",
          "Ihr Einmalcode für {brand} lautet {code}\n\n"
          "Er gilt {minutes} min. Geben Sie ihn nur dort ein, wo Sie sich "
          "gerade anmelden, und nennen Sie ihn niemandem.\n\nFalls Sie sich "
          "gerade nicht anmelden, kennt jemand anderes Ihr Passwort: "
          "Ändern Sie es.\n"),
    TEXTS("mfa.code.sms.text",
          "{code} is your passcode for {brand}. Valid for {minutes} min. "
          "Tell it to nobody.",
          "{code} ist Ihr Einmalcode für {brand}. Er gilt {minutes} min. "
          "Nennen Sie ihn niemandem."),
    TEXTS("mfa.code.voice.text",
          "Your passcode for {brand} is {code}. Once more: {code}. Tell it "
          "to nobody.",
          "Ihr Einmalcode für {brand} lautet {code}. Noch einmal: {code}. "
          "Nennen Sie ihn niemandem."),

    TEXTS("mfa.transaction.email.subject", "Confirm it for {brand}",
          "Bestätigung für {brand}"),
    TEXTS("mfa.transaction.email.text",
          "{code} is your passcode for {brand}\n\n"
          "It confirms: {details}\n\n"
          "It is valid for {minutes} min. If that is not what you want to do, "
          "tell it to nobody.\n",
          "{code} ist Ihr Einmalcode für {brand}\n\n"
          "Er bestätigt: {details}\n\n"
          "Er gilt {minutes} min. Wenn Sie das nicht tun wollen, nennen Sie "
          "ihn niemandem.\n"),
    TEXTS("mfa.transaction.sms.text",
          "{code} confirms for {brand}: {details}. Valid for {minutes} min. "
          "Tell it to nobody.",
          "{code} bestätigt für {brand}: {details}. Er gilt {minutes} min. "
          "Nennen Sie ihn niemandem."),
    TEXTS("mfa.transaction.voice.text",
          "Your passcode for {brand} is {code}. It confirms: {details}. Once "
          "more: {code}. Tell it to nobody.",
          "Ihr Einmalcode für {brand} lautet {code}. Er bestätigt: "
          "{details}. Noch einmal: {code}. Nennen Sie ihn niemandem."),

    TEXTS("mfa.pairing.email.subject", "Confirm this address for {brand}",
          "Bestätigen Sie diese Adresse für {brand}"),
    TEXTS("mfa.pairing.email.text",
          "{code} adds this address to your account with {brand}.\n\n"
          "It is valid for {minutes} min. If you did not ask for it, ignore "
          "this message and tell the code to nobody.\n",
          "{code} fügt diese Adresse Ihrem Konto bei {brand} hinzu.\n\n"
          "Der Code gilt {minutes} min. Falls Sie ihn nicht angefordert "
          "haben, beachten Sie diese Nachricht nicht, und nennen Sie den Code "
          "niemandem.\n"),
    TEXTS("mfa.pairing.sms.text",
          "{code} adds this number to your account with {brand}. Valid for "
          "{minutes} min. Tell it to nobody.",
          "{code} fügt diese Nummer Ihrem Konto bei {brand} hinzu. Der Code "
          "gilt {minutes} min. Nennen Sie ihn niemandem."),
    TEXTS("mfa.pairing.voice.text",
          "The code that adds this number to {brand} is {code}. Once more: "
          "{code}. Tell it to nobody.",
          "Der Code, der diese Nummer bei {brand} hinzufügt, lautet {code}. "
          "Noch einmal: {code}. Nennen Sie ihn niemandem."),

    TEXTS("mfa.push.push.subject", "{brand}", "{brand}"),
    TEXTS("mfa.push.push.text", "A sign-on waits for your answer.",
          "Eine Anmeldung wartet auf Ihre Antwort."),

    TEXTS("mfa.device_added.email.subject",
          "A device was added to your account with {brand}",
          "Ihrem Konto bei {brand} wurde ein Gerät hinzugefügt"),
    TEXTS("mfa.device_added.email.text",
          "{device} can now be used to sign on with {brand}.\n\n"
          "If you did not add it, tell your administrator at once.\n",
          "{device} kann ab jetzt zur Anmeldung bei {brand} verwendet "
          "werden.\n\nFalls Sie es nicht hinzugefügt haben, sagen Sie Ihrem "
          "Administrator sofort Bescheid.\n"),
    TEXTS("mfa.device_added.sms.text",
          "{brand}: {device} was added to your account. Not you? Tell your "
          "administrator at once.",
          "{brand}: {device} wurde Ihrem Konto hinzugefügt. Nicht von Ihnen? "
          "Sagen Sie Ihrem Administrator sofort Bescheid."),
    TEXTS("mfa.device_removed.email.subject",
          "A device was removed from your account with {brand}",
          "Von Ihrem Konto bei {brand} wurde ein Gerät entfernt"),
    TEXTS("mfa.device_removed.email.text",
          "{device} can no longer be used to sign on with {brand}.\n\n"
          "If you did not remove it, tell your administrator at once.\n",
          "{device} kann nicht mehr zur Anmeldung bei {brand} verwendet "
          "werden.\n\nFalls Sie es nicht entfernt haben, sagen Sie Ihrem "
          "Administrator sofort Bescheid.\n"),
    TEXTS("mfa.device_removed.sms.text",
          "{brand}: {device} was removed from your account. Not you? Tell "
          "your administrator at once.",
          "{brand}: {device} wurde von Ihrem Konto entfernt. Nicht von Ihnen? "
          "Sagen Sie Ihrem Administrator sofort Bescheid."),
    NULL,
};
