// SPDX-License-Identifier: MIT
// Every text: [English, German]. The notification's stands in worker.js.

const TEXTS = {
  site: ['From {host}. Its keys never leave this browser.', 'Von {host}. Die Schlüssel verlassen diesen Browser nie.'],
  back: ['Back', 'Zurück'],
  cancel: ['Cancel', 'Abbrechen'],
  close: ['Close', 'Schließen'],

  welcome: ['Confirm your sign-ons here', 'Anmeldungen hier bestätigen'],
  welcomeLead: ['On the page where you sign on, add a mobile app. Then scan its QR code with this phone’s camera, or open its pairing link here.', 'Fügen Sie auf der Anmeldeseite eine mobile App hinzu. Scannen Sie dann den QR-Code mit der Kamera dieses Telefons, oder öffnen Sie hier den Kopplungslink.'],
  accounts: ['Your accounts', 'Ihre Konten'],
  add: ['Add an account', 'Konto hinzufügen'],
  wait: ['One moment…', 'Einen Moment…'],
  ready: ['Ready. Sign-ons appear here.', 'Bereit. Anmeldungen erscheinen hier.'],
  offline: ['No connection. Passcodes work all the same.', 'Keine Verbindung. Passcodes gehen trotzdem.'],
  now: ['Try now', 'Jetzt versuchen'],
  ACTIVATION_REQUIRED: ['Not confirmed on the page yet', 'Auf der Seite noch nicht bestätigt'],
  locked: ['Locked by the server', 'Vom Server gesperrt'],
  removed: ['{host} has removed {name}.', '{host} hat {name} entfernt.'],

  addLead: ['Paste the pairing link, or type what stands beside the QR code.', 'Fügen Sie den Kopplungslink ein, oder tippen Sie, was neben dem QR-Code steht.'],
  issuer: ['Pairing link or server', 'Kopplungslink oder Server'],
  code: ['Pairing key', 'Kopplungsschlüssel'],
  name: ['Name of this device', 'Name dieses Geräts'],
  pair: ['Pair', 'Koppeln'],
  pairWith: ['Pair with {host}?', 'Mit {host} koppeln?'],
  pairLead: ['Only if you opened this link for an account of your own.', 'Nur wenn Sie diesen Link für Ihr eigenes Konto geöffnet haben.'],
  compare: ['Compare with the page', 'Mit der Seite vergleichen'],
  compareLead: ['Does the sign-on page show the same? Then confirm there.', 'Zeigt die Anmeldeseite dasselbe? Dann bestätigen Sie dort.'],
  differ: ['They are different', 'Sie sind verschieden'],
  undone: ['Undone. Confirm nothing on that page.', 'Aufgehoben. Bestätigen Sie auf jener Seite nichts.'],
  paired: ['Paired', 'Gekoppelt'],
  pairedLead: ['This device now confirms sign-ons of {name} at {host}.', 'Dieses Gerät bestätigt jetzt Anmeldungen von {name} bei {host}.'],

  waiting: ['Sign-on waiting', 'Anmeldung wartet'],
  asks: ['Sign on to {client}?', 'Bei {client} anmelden?'],
  asksLead: ['Approve only what you began yourself, just now.', 'Bestätigen Sie nur, was Sie gerade selbst begonnen haben.'],
  website: ['Website', 'Website'],
  account: ['Account', 'Konto'],
  address: ['From', 'Von'],
  agent: ['With', 'Mit'],
  time: ['At', 'Um'],
  soon: ['10 seconds left', 'Noch 10 Sekunden'],
  number: ['Number on the sign-on page', 'Zahl auf der Anmeldeseite'],
  digits: ['Type the {n} digits of the sign-on page.', 'Tippen Sie die {n} Ziffern der Anmeldeseite.'],
  pick: ['Approve by the number on the sign-on page', 'Mit der Zahl auf der Anmeldeseite bestätigen'],
  approve: ['Approve', 'Bestätigen'],
  deny: ['Deny', 'Ablehnen'],
  fraud: ['This was not me', 'Das war ich nicht'],
  resend: ['No connection. Trying on…', 'Keine Verbindung. Wird weiter versucht…'],

  // How a request ended: title|text.
  approved: ['Approved|Go on where you sign on.', 'Bestätigt|Weiter geht es dort, wo Sie sich anmelden.'],
  denied: ['Denied|Nobody was signed on.', 'Abgelehnt|Niemand wurde angemeldet.'],
  reported: ['Denied and reported|Somebody may know your password: change it.', 'Abgelehnt und gemeldet|Vielleicht kennt jemand Ihr Passwort: Ändern Sie es.'],
  wrong: ['Not approved|That was another number. Begin again.', 'Nicht bestätigt|Das war eine andere Zahl. Beginnen Sie neu.'],
  expired: ['Too late|If this was you, begin again.', 'Zu spät|Waren Sie es, beginnen Sie neu.'],
  gone: ['No longer waiting|It was answered elsewhere, cancelled or replaced.', 'Wartet nicht mehr|Woanders beantwortet, abgebrochen oder ersetzt.'],
  lost: ['Not known|The server did not answer. Look at the sign-on page.', 'Nicht bekannt|Der Server antwortet nicht. Sehen Sie auf die Anmeldeseite.'],
  refused: ['Not accepted|Nobody was signed on.', 'Nicht angenommen|Niemand wurde angemeldet.'],

  passcode: ['Passcode', 'Passcode'],
  passcodeLead: ['Works without a network. Type it only on a page that you opened yourself.', 'Geht ohne Netz. Tippen Sie ihn nur auf einer Seite ein, die Sie selbst geöffnet haben.'],
  show: ['Show passcode', 'Passcode zeigen'],
  hide: ['Hide', 'Verbergen'],
  push: ['Notifications', 'Benachrichtigungen'],
  pushOff: ['Off: keep this app open while you sign on.', 'Aus: Lassen Sie die App beim Anmelden offen.'],
  pushOn: ['On. They say “Sign-on waiting”, no more.', 'An. Sie sagen „Anmeldung wartet“, sonst nichts.'],
  pushNone: ['This browser or server does not allow them.', 'Dieser Browser oder Server erlaubt sie nicht.'],
  turnOn: ['Turn on', 'Einschalten'],
  turnOff: ['Turn off', 'Ausschalten'],
  since: ['Paired', 'Gekoppelt'],
  renew: ['Renew the key', 'Schlüssel erneuern'],
  renewed: ['Renewed. The old key is worth nothing now.', 'Erneuert. Der alte Schlüssel ist nichts mehr wert.'],
  remove: ['Remove', 'Entfernen'],
  removal: ['Remove {name}?', '{name} entfernen?'],
  removeLead: ['You will need another way to sign on at {host}.', 'Sie brauchen dann einen anderen Weg, sich bei {host} anzumelden.'],
  forget: ['Forget it here only', 'Nur hier vergessen'],
  forgetLead: ['{host} was not told. Forget it here, and remove this device there.', '{host} weiß nichts davon. Vergessen Sie es hier, und entfernen Sie dieses Gerät dort.'],

  // Problems, by code.
  eoffline: ['The server could not be reached.', 'Der Server ist nicht erreichbar.'],
  ebusy: ['The server has a problem. Try again in a moment.', 'Der Server hat ein Problem. Versuchen Sie es gleich noch einmal.'],
  eissuer: ['There is no sign-on server at this address.', 'Unter dieser Adresse ist kein Anmeldeserver.'],
  efp: ['This server is not the one of the link. Do not go on.', 'Das ist nicht der Server des Links. Brechen Sie ab.'],
  elink: ['No pairing link and no server’s address.', 'Weder Kopplungslink noch Serveradresse.'],
  ecode: ['16 letters and digits (no I, L, O, U), or 12 digits.', '16 Buchstaben und Ziffern (ohne I, L, O, U) oder 12 Ziffern.'],
  ename: ['1 to 64 characters, please.', 'Bitte 1 bis 64 Zeichen.'],
  ePAIRING_KEY_INVALID: ['Wrong, used or too old. Ask the page for a new key.', 'Falsch, benutzt oder zu alt. Holen Sie auf der Seite einen neuen.'],
  eAPPLICATION_INVALID: ['This key is for another app.', 'Dieser Schlüssel ist für eine andere App.'],
  eLIMIT_EXCEEDED: ['Your account may have no more devices. Remove one first.', 'Ihr Konto darf keine weiteren Geräte haben. Entfernen Sie erst eines.'],
  eREQUEST_LIMITED: ['Too many tries. Please wait a moment.', 'Zu viele Versuche. Bitte warten Sie etwas.'],
  eother: ['That did not work. Please try again.', 'Das ging nicht. Bitte noch einmal.'],
  estore: ['This browser keeps no keys: too old, in private mode, or not opened over https.', 'Dieser Browser bewahrt keine Schlüssel auf: zu alt, im privaten Modus oder nicht über https geöffnet.'],
};

const LANGUAGES = ['en', 'de'];

export const language = navigator.languages.map((tag) => tag.slice(0, 2))
  .find((tag) => LANGUAGES.includes(tag)) ?? 'en';

export const has = (key) => Object.hasOwn(TEXTS, key);

export const t = (key, values = {}) => TEXTS[key][LANGUAGES.indexOf(language)]
  .replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

export const problem = ({ code }) => t(has(`e${code}`) ? `e${code}` : 'eother');

export const localTime = (ms, style) => new Date(ms).toLocaleString(language, style);
