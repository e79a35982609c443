// SPDX-License-Identifier: MIT
// Every text that the pages themselves say: [English, German], or English
// alone; "one|many" where there is a number. What the server says (userMessage)
// it says in the reader's language by itself.

import { el } from './dom.mjs';

const THERE = ['We send a code there, to see that it is yours.', 'Wir senden einen Code dorthin, um zu sehen, dass sie Ihnen gehört.'];
const NUMBER = ['Your phone number', 'Ihre Telefonnummer'];
const SENT = ['Enter the code we sent', 'Geben Sie den gesendeten Code ein'];

const TEXTS = {
  page: {
    site: ['You are signing in at {host}', 'Sie melden sich an bei {host}'],
    user: ['Signing in as {name}', 'Anmeldung als {name}'],
    retry: ['Try again', 'Erneut versuchen'],
    restart: ['Start again', 'Neu beginnen'],
    back: ['Go back', 'Zurück'],
    close: ['You can close this page and open the application again.', 'Sie können diese Seite schließen und die Anwendung neu öffnen.'],
    leave: ['End this sign-on', 'Anmeldung beenden'],
  },
  error: {
    plain: ['That did not work. Please try again.', 'Das hat nicht geklappt. Bitte versuchen Sie es erneut.'],
    offline: ['The server could not be reached. Check your connection.', 'Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung.'],
    busy: ['The server is busy. Please wait a moment and try again.', 'Der Server ist ausgelastet. Bitte versuchen Sie es gleich noch einmal.'],
    moved: ['This sign-on had moved on. Here is where it stands now.', 'Diese Anmeldung war schon weiter. Hier ist ihr Stand.'],
    needed: ['Please fill in this field.', 'Bitte füllen Sie dieses Feld aus.'],
    attempts: ['{n} try left.|{n} tries left.', 'Noch {n} Versuch.|Noch {n} Versuche.'],
  },
  title: {
    USERNAME_PASSWORD_REQUIRED: ['Sign in', 'Anmelden'],
    DEVICE_SELECTION_REQUIRED: ['Confirm it’s you', 'Bestätigen Sie, dass Sie es sind'],
    OTP_REQUIRED: ['Enter your code', 'Code eingeben'],
    OTP_VERIFIED: ['Code accepted', 'Code angenommen'],
    MFA_COMPLETED: ['Confirmed', 'Bestätigt'],
    MFA_FAILED: ['We could not confirm it’s you', 'Bestätigung nicht möglich'],
    PUSH_CONFIRMATION_WAITING: ['Check your phone', 'Sehen Sie auf Ihr Telefon'],
    PUSH_CONFIRMATION_TIMED_OUT: ['No answer from your phone', 'Keine Antwort von Ihrem Telefon'],
    PUSH_CONFIRMATION_REJECTED: ['Denied on your phone', 'Auf Ihrem Telefon abgelehnt'],
    MFA_SETUP_REQUIRED: ['Add a device', 'Gerät hinzufügen'],
    DEVICE_PAIRING_METHOD_REQUIRED: ['What do you want to add?', 'Was möchten Sie hinzufügen?'],
    MFA_DEVICE_PAIRING_METHOD_FAILED: ['The device was not added', 'Das Gerät wurde nicht hinzugefügt'],
    EMAIL_PAIRING_TARGET_REQUIRED: ['Your e‑mail address', 'Ihre E‑Mail‑Adresse'],
    SMS_PAIRING_TARGET_REQUIRED: NUMBER,
    VOICE_PAIRING_TARGET_REQUIRED: NUMBER,
    EMAIL_ACTIVATION_REQUIRED: SENT,
    SMS_ACTIVATION_REQUIRED: SENT,
    VOICE_ACTIVATION_REQUIRED: ['Enter the code we read out', 'Geben Sie den vorgelesenen Code ein'],
    TOTP_ACTIVATION_REQUIRED: ['Set up your authenticator app', 'Authenticator-App einrichten'],
    MOBILE_ACTIVATION_REQUIRED: ['Add your phone', 'Telefon hinzufügen'],
    UPDATE_NICKNAME: ['Give it a name', 'Geben Sie ihm einen Namen'],
    DEVICE_MANAGEMENT: ['Your devices', 'Ihre Geräte'],
    RESUME: ['Taking you back…', 'Sie werden zurückgeleitet…'],
    COMPLETED: ['You are signed in', 'Sie sind angemeldet'],
    FAILED: ['Sign‑on failed', 'Anmeldung fehlgeschlagen'],
    CANCELED: ['Sign‑on was cancelled', 'Anmeldung abgebrochen'],
    ended: ['This sign‑on has ended', 'Diese Anmeldung ist beendet'],
    offline: ['No connection', 'Keine Verbindung'],
  },
  lead: {
    DEVICE_SELECTION_REQUIRED: ['Choose how you want to confirm.', 'Wählen Sie, wie Sie bestätigen möchten.'],
    manageDevices: ['Before you change your devices, confirm it’s you with one of them.', 'Bevor Sie Ihre Geräte ändern, bestätigen Sie mit einem davon, dass Sie es sind.'],
    setupMfa: ['Before you add a device, confirm it’s you with one that you have.', 'Bevor Sie ein Gerät hinzufügen, bestätigen Sie mit einem vorhandenen, dass Sie es sind.'],
    MFA_SETUP_REQUIRED: ['Your account needs a second way to confirm it’s you.', 'Ihr Konto braucht einen zweiten Weg, Sie zu bestätigen.'],
    PUSH_CONFIRMATION_TIMED_OUT: ['Try again, or choose another device.', 'Versuchen Sie es erneut oder wählen Sie ein anderes Gerät.'],
    PUSH_CONFIRMATION_REJECTED: ['If that was a mistake, try again. If it was not you, cancel.', 'War das ein Versehen, versuchen Sie es erneut. Waren Sie es nicht, brechen Sie ab.'],
    EMAIL_PAIRING_TARGET_REQUIRED: THERE,
    SMS_PAIRING_TARGET_REQUIRED: THERE,
    VOICE_PAIRING_TARGET_REQUIRED: ['We call and read out a code, to see that it is yours.', 'Wir rufen an und lesen einen Code vor, um zu sehen, dass sie Ihnen gehört.'],
    EMAIL_ACTIVATION_REQUIRED: ['We sent a code by e-mail to {email}.', 'Wir haben einen Code per E-Mail an {email} gesendet.'],
    SMS_ACTIVATION_REQUIRED: ['We sent a code by text message to {phone}.', 'Wir haben einen Code per SMS an {phone} gesendet.'],
    VOICE_ACTIVATION_REQUIRED: ['We are calling {phone} to read out a code.', 'Wir rufen {phone} an und lesen einen Code vor.'],
    OTP_VERIFIED: ['We are finishing your sign-on.', 'Ihre Anmeldung wird abgeschlossen.'],
    RESUME: ['If nothing happens, follow the link.', 'Wenn nichts geschieht, folgen Sie dem Link.'],
    COMPLETED: ['You can go back to your application.', 'Sie können zu Ihrer Anwendung zurückkehren.'],
    FAILED: ['You were not signed in.', 'Sie wurden nicht angemeldet.'],
    ended: ['It was finished, cancelled, or open for too long.', 'Sie ist abgeschlossen, abgebrochen oder war zu lange offen.'],
  },
  sent: {
    EMAIL: ['We sent a code by e-mail to {target}.', 'Wir haben einen Code per E-Mail an {target} gesendet.'],
    SMS: ['We sent a code by text message to {target}.', 'Wir haben einen Code per SMS an {target} gesendet.'],
    VOICE: ['We are calling {target} to read out a code.', 'Wir rufen {target} an und lesen einen Code vor.'],
    TOTP: ['Type the code that your authenticator app shows.', 'Geben Sie den Code aus Ihrer Authenticator-App ein.'],
    other: ['We sent a code to {target}.', 'Wir haben einen Code an {target} gesendet.'],
    unknown: ['Type the one-time code.', 'Geben Sie den Einmalcode ein.'],
  },
  device: {
    EMAIL: ['E-mail', 'E-Mail'],
    SMS: ['Text message', 'SMS'],
    VOICE: ['Phone call', 'Anruf'],
    TOTP: ['Authenticator app', 'Authenticator-App'],
    MOBILE: ['Mobile app', 'Mobile App'],
    unusable: ['Not available now. It may be locked after wrong codes.', 'Zurzeit nicht verfügbar, vielleicht nach falschen Codes gesperrt.'],
    undelivered: ['The last message could not be delivered.', 'Die letzte Nachricht konnte nicht zugestellt werden.'],
  },
  field: {
    username: ['Username', 'Benutzername'],
    password: ['Password', 'Passwort'],
    otp: ['One-time code', 'Einmalcode'],
    appCode: ['Code that the app shows', 'Code, den die App zeigt'],
    email: ['E-mail address', 'E-Mail-Adresse'],
    phone: ['Phone number with country code, like +1 555 0100', 'Telefonnummer mit Ländercode, etwa +49 30 1234'],
    rememberMyUsername: ['Remember my username', 'Benutzernamen merken'],
    thisIsMyDevice: ['This is my device', 'Das ist mein Gerät'],
    show: ['Show', 'Zeigen'],
    showPassword: ['Show password', 'Passwort zeigen'],
    numberMatching: ['Type this number on your phone', 'Geben Sie diese Zahl auf Ihrem Telefon ein'],
  },
  otp: {
    resendIn: ['Send again in {n} s', 'Erneut senden in {n} s'],
    resent: ['The code was sent again.', 'Der Code wurde erneut gesendet.'],
    undelivered: ['The message could not be delivered. Choose another way, or check the address and send it again.', 'Die Nachricht konnte nicht zugestellt werden. Wählen Sie einen anderen Weg, oder senden Sie sie noch einmal.'],
    resendNow: ['You can ask for the code again.', 'Sie können den Code erneut anfordern.'],
    other: ['Use another device', 'Anderes Gerät wählen'],
  },
  action: {
    checkUsernamePassword: ['Sign in', 'Anmelden'],
    checkOtp: ['Confirm', 'Bestätigen'],
    continueAuthentication: ['Continue', 'Weiter'],
    cancelAuthentication: ['Cancel', 'Abbrechen'],
    poll: ['Check now', 'Jetzt prüfen'],
    selectDevice: ['Choose a device', 'Gerät wählen'],
    resendOtp: ['Send the code again', 'Code erneut senden'],
    setupMfa: ['Add a device', 'Gerät hinzufügen'],
    skipMfa: ['Not now', 'Jetzt nicht'],
    manageDevices: ['Manage my devices', 'Meine Geräte verwalten'],
    cancelDevicePairing: ['Back', 'Zurück'],
    submitEmailTarget: ['Send a code', 'Code senden'],
    submitSmsTarget: ['Send a code', 'Code senden'],
    submitVoiceTarget: ['Call me', 'Anrufen'],
    activateEmailDevice: ['Confirm', 'Bestätigen'],
    activateSmsDevice: ['Confirm', 'Bestätigen'],
    activateVoiceDevice: ['Confirm', 'Bestätigen'],
  },
};

// Of a page that is no sign-on.
export function addTexts(group, texts) {
  TEXTS[group] = texts;
}

// The page says which languages it has; the demo's have one.
const LANGUAGES = (document.documentElement.dataset.languages ?? 'en').split(' ');

export const language = (navigator.languages ?? [])
  .map((tag) => tag.slice(0, 2).toLowerCase())
  .find((tag) => LANGUAGES.includes(tag)) ?? 'en';

// The page says what it is written in, and from which side.
export function setLanguage() {
  document.documentElement.lang = language;
  document.documentElement.dir = /^(ar|fa|he|ur)$/.test(language)
    ? 'rtl' : 'ltr';
}

export function has(key) {
  const [group, name] = key.split('.');
  return Object.hasOwn(TEXTS, group) && Object.hasOwn(TEXTS[group], name);
}

function textOf(key, n) {
  const [group, name] = key.split('.');
  const texts = [TEXTS[group][name]].flat();
  const forms = (texts[LANGUAGES.indexOf(language)] ?? texts[0]).split('|');
  return n === 1 ? forms[0] : forms.at(-1);
}

export function t(key, values = {}) {
  return textOf(key, values.n)
    .replace(/\{(\w+)\}/g, (all, member) => values[member] ?? all);
}

// The same as nodes. An address or a name in it keeps its own direction:
// "+155*****55" would be turned round in a text that goes from right to left.
export function told(key, values = {}) {
  return textOf(key, values.n).split(/\{(\w+)\}/)
    .map((part, at) => at % 2 && part in values
      ? el('bdi', {}, values[part]) : part);
}

// A text if there is one, else words made of the code name: PIN_REQUIRED and
// resendPin become "Pin required" and "Resend pin".
export function nameOf(group, code) {
  if (has(`${group}.${code}`)) {
    return t(`${group}.${code}`);
  }
  const words = String(code).replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_.-]+/g, ' ').trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function setTitle(text) {
  document.title = `${text} – ${document.querySelector('.brand').textContent}`;
}

export function localTime(seconds) {
  return new Date(seconds * 1000).toLocaleString([],
    { dateStyle: 'medium', timeStyle: 'medium' });
}
