// SPDX-License-Identifier: MIT
// Every text: key|English|German. How a request ended is "title / text", a
// problem's key is "e" and its code. The notification's stands in worker.js.

const TEXTS = new Map(`
site|From {host}. Its keys never leave this browser.|Von {host}. Die Schlüssel verlassen diesen Browser nie.
back|Back|Zurück
cancel|Cancel|Abbrechen
close|Close|Schließen

welcome|Confirm your sign-ons here|Anmeldungen hier bestätigen
welcomeLead|Add a mobile app where you sign on. Scan its QR code with this phone’s camera, or open its link here.|Fügen Sie auf der Anmeldeseite eine mobile App hinzu. Scannen Sie den QR-Code mit diesem Telefon, oder öffnen Sie den Link hier.
accounts|Your accounts|Ihre Konten
add|Add an account|Konto hinzufügen
wait|Waiting for the server…|Warte auf den Server…
ready|Ready. Sign-ons appear here.|Bereit. Anmeldungen erscheinen hier.
offline|No connection. Passcodes work all the same.|Keine Verbindung. Passcodes gehen trotzdem.
now|Try now|Jetzt versuchen
ACTIVATION_REQUIRED|Not confirmed on the page yet|Auf der Seite noch nicht bestätigt
locked|Locked by the server|Vom Server gesperrt
removed|{host} has removed {name}.|{host} hat {name} entfernt.

addLead|Paste the pairing link, or type what stands beside the QR code.|Fügen Sie den Kopplungslink ein, oder tippen Sie, was neben dem QR-Code steht.
issuer|Pairing link or server|Kopplungslink oder Server
code|Pairing key|Kopplungsschlüssel
name|Name of this device|Name dieses Geräts
pair|Pair|Koppeln
pairWith|Pair with {host}?|Mit {host} koppeln?
pairLead|Only if you opened this link for an account of your own.|Nur wenn Sie diesen Link für Ihr eigenes Konto geöffnet haben.
compare|Compare with the page|Mit der Seite vergleichen
compareLead|Does the sign-on page show the same? Then confirm there.|Zeigt die Anmeldeseite dasselbe? Dann bestätigen Sie dort.
differ|They are different|Sie sind verschieden
undone|Undone. Confirm nothing on that page.|Aufgehoben. Bestätigen Sie auf jener Seite nichts.
accountLead|This device confirms sign-ons of {name} at {host}.|Dieses Gerät bestätigt Anmeldungen von {name} bei {host}.

waiting|Sign-on waiting|Anmeldung wartet
asks|Sign on to {client}?|Bei {client} anmelden?
asksLead|Approve only what you began yourself, just now.|Bestätigen Sie nur, was Sie gerade selbst begonnen haben.
website|Website|Website
account|Account|Konto
address|From|Von
agent|With|Mit
time|At|Um
soon|10 seconds left|Noch 10 Sekunden
number|Number on the sign-on page|Zahl auf der Anmeldeseite
digits|Type all {n} digits.|Tippen Sie alle {n} Ziffern.
pick|Approve by the number on the sign-on page|Mit der Zahl auf der Anmeldeseite bestätigen
approve|Approve|Bestätigen
NONE|Deny|Ablehnen
REPORT_FRAUD|This was not me|Das war ich nicht
resend|No connection. Trying on…|Keine Verbindung. Wird weiter versucht…

approved|Approved / Go on where you sign on.|Bestätigt / Weiter geht es auf der Anmeldeseite.
denied|Denied / Nobody was signed on.|Abgelehnt / Niemand wurde angemeldet.
reported|Denied and reported / Somebody may know your password: change it.|Abgelehnt und gemeldet / Vielleicht kennt jemand Ihr Passwort: Ändern Sie es.
wrong|Not approved / That was another number. Begin again.|Nicht bestätigt / Das war eine andere Zahl. Beginnen Sie neu.
expired|Too late / If this was you, begin again.|Zu spät / Waren Sie es, beginnen Sie neu.
gone|No longer waiting / Answered elsewhere, cancelled or replaced.|Wartet nicht mehr / Woanders beantwortet, abgebrochen oder ersetzt.
lost|No connection / Look at the sign-on page.|Keine Verbindung / Sehen Sie auf die Anmeldeseite.
refused|Not accepted / Nobody was signed on.|Nicht angenommen / Niemand wurde angemeldet.

passcode|Passcode|Passcode
passcodeLead|Works without a network. Only for a page that you opened yourself.|Geht ohne Netz. Nur für eine Seite, die Sie selbst geöffnet haben.
show|Show passcode|Passcode zeigen
hide|Hide|Verbergen
push|Notifications|Benachrichtigungen
pushOff|Off: keep this app open while you sign on.|Aus: Lassen Sie die App beim Anmelden offen.
pushOn|On. They say “Sign-on waiting”, no more.|An. Sie sagen „Anmeldung wartet“, sonst nichts.
pushNone|This browser or server does not allow them.|Dieser Browser oder Server erlaubt sie nicht.
turnOn|Turn on|Einschalten
turnOff|Turn off|Ausschalten
renew|Renew the key|Schlüssel erneuern
renewed|Renewed. The old key is worth nothing now.|Erneuert. Der alte Schlüssel ist nichts mehr wert.
remove|Remove|Entfernen
removal|Remove {name}?|{name} entfernen?
removeLead|You will need another way to sign on at {host}.|Danach melden Sie sich bei {host} anders an.
forget|Forget it here only|Nur hier vergessen
forgetLead|{host} was not told. Remove this device there, too.|{host} weiß nichts davon. Entfernen Sie dieses Gerät auch dort.

eoffline|The server could not be reached.|Der Server ist nicht erreichbar.
ebusy|The server has a problem. Try again.|Der Server hat ein Problem. Bitte noch einmal.
eissuer|No sign-on server answers there.|Dort antwortet kein Anmeldeserver.
efp|This server is not the one of the link. Do not go on.|Das ist nicht der Server des Links. Brechen Sie ab.
elink|This is no pairing link and no address.|Das ist weder Kopplungslink noch Adresse.
ecode|A pairing key has 16 letters and digits (no I, L, O, U), or 12 digits.|Ein Kopplungsschlüssel hat 16 Buchstaben und Ziffern (ohne I, L, O, U) oder 12 Ziffern.
ePAIRING_KEY_INVALID|Wrong, used or too old. Ask the page for a new key.|Falsch, benutzt oder zu alt. Holen Sie auf der Seite einen neuen.
eAPPLICATION_INVALID|This key is for another app.|Dieser Schlüssel ist für eine andere App.
eLIMIT_EXCEEDED|You may have no more devices. Remove one first.|Sie dürfen keine weiteren Geräte haben. Entfernen Sie erst eines.
eREQUEST_LIMITED|Too many tries. Please wait a moment.|Zu viele Versuche. Bitte warten Sie etwas.
eother|That did not work. Try again.|Das ging nicht. Bitte noch einmal.
estore|This browser keeps no keys: too old, private, or not over https.|Dieser Browser bewahrt keine Schlüssel auf: zu alt, privat oder nicht über https.
`.split('\n').map((line) => line.split('|')).map(([key, ...texts]) => [key, texts]));

const LANGUAGES = ['en', 'de'];

export const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';
export const t = (key, values) => TEXTS.get(key)[LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (all, name) => values[name]);
export const problem = ({ code }) => t(TEXTS.has(`e${code}`) ? `e${code}` : 'eother');
