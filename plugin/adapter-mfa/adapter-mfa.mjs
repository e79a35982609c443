// SPDX-License-Identifier: MIT
// The MFA adapter's states that are no plain form: a push that waits, with its
// number, and what a phone has to scan.

const words = {
  en: {
    number: 'Enter this number on your phone',
    pick: 'Tap this number on your phone',
    approve: 'Approve the sign-on on your phone',
    waiting: 'Waiting for your phone',
    code: 'Use a passcode of the app instead',
    scan: 'Scan this with your phone',
    app: 'Scan this with an authenticator app',
    open: 'Or open this link on the phone',
    key: 'Or type this key',
    server: 'Server',
    picture: 'QR code',
    typed: 'Code that the app shows',
    confirm: 'Does the phone show the same?',
    same: 'Yes, add this phone',
    other: 'No, this is not my phone',
    next: 'Continue',
    name: 'Name',
    save: 'Save',
    remove: 'Remove',
    gone: 'It can no longer confirm your sign-ons.',
    sure: 'Remove it',
    first: 'Use first',
    isFirst: 'Used first',
    done: 'Done',
    MOBILE: 'A phone',
    TOTP: 'An authenticator app',
    SMS: 'A number for text messages',
    VOICE: 'A number for calls',
    EMAIL: 'An e-mail address',
  },
  de: {
    number: 'Geben Sie diese Zahl auf Ihrem Telefon ein',
    pick: 'Tippen Sie diese Zahl auf Ihrem Telefon an',
    approve: 'Bestätigen Sie die Anmeldung auf Ihrem Telefon',
    waiting: 'Warten auf Ihr Telefon',
    code: 'Stattdessen einen Code der App verwenden',
    scan: 'Scannen Sie dies mit Ihrem Telefon',
    app: 'Scannen Sie dies mit einer Authenticator-App',
    open: 'Oder öffnen Sie diesen Link auf dem Telefon',
    key: 'Oder geben Sie diesen Schlüssel ein',
    server: 'Server',
    picture: 'QR-Code',
    typed: 'Code, den die App zeigt',
    confirm: 'Zeigt das Telefon dasselbe?',
    same: 'Ja, dieses Telefon hinzufügen',
    other: 'Nein, das ist nicht mein Telefon',
    next: 'Weiter',
    name: 'Name',
    save: 'Speichern',
    remove: 'Entfernen',
    gone: 'Es kann dann keine Anmeldung mehr bestätigen.',
    sure: 'Entfernen',
    first: 'Zuerst verwenden',
    isFirst: 'Wird zuerst verwendet',
    done: 'Fertig',
    MOBILE: 'Ein Telefon',
    TOTP: 'Eine Authenticator-App',
    SMS: 'Eine Nummer für SMS',
    VOICE: 'Eine Nummer für Anrufe',
    EMAIL: 'Eine E-Mail-Adresse',
  },
};

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      node.addEventListener(key, value);
    } else if (value !== null) {
      node.setAttribute(key, value);
    }
  }
  node.append(...children.filter(Boolean));
  return node;
}

const offers = (model, action) => Object.hasOwn(model._links ?? {}, action);

function button(label, press, kind = 'plain') {
  return el('button', { type: 'button', class: `button ${kind}`,
    click: press }, label);
}

const actions = (...all) => el('div', { class: 'actions' }, ...all);

const takeBack = (say, act) => actions(
  button(say.back, () => act('cancelDevicePairing'), 'quiet'));

// In groups, so that it is read and compared without losing the place, and in
// this order whatever the direction of the page.
const grouped = (text, size) => el('bdi', { dir: 'ltr' },
  (text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).join(' '));

function codeForm(say, act, action) {
  const input = el('input', {
    'id': 'part-otp', 'name': 'otp', 'class': 'code', 'inputmode': 'numeric',
    'autocomplete': 'one-time-code', 'maxlength': '16', 'required': '' });
  return el('form', {
    submit: (event) => {
      event.preventDefault();
      const otp = input.value.replace(/[\s-]/g, '');
      if (otp) {
        act(action, { otp });
      }
    } },
  el('div', { class: 'field' },
    el('label', { for: 'part-otp' }, say.typed), input),
  el('button', { class: 'button primary' }, say.next));
}

// The text is posted, never part of a URL.
function picture(text, label) {
  const frame = el('div', { 'class': 'qr', 'role': 'img',
    'aria-label': label });
  fetch('/qr', { method: 'POST', body: text, credentials: 'omit' })
    .then((reply) => (reply.ok ? reply.text() : Promise.reject()))
    .then((svg) => {
      const drawn = new DOMParser().parseFromString(svg, 'image/svg+xml')
        .documentElement;
      drawn.setAttribute('width', '220');
      frame.append(document.importNode(drawn, true));
    })
    .catch(() => frame.remove());
  return frame;
}

// --- The states ---

function waiting(say, model, act) {
  const { numberMatching: number } = model;
  const lead = number
    ? (number.type === 'SELECT_NUMBER' ? say.pick : say.number) : say.approve;
  return [
    el('p', { class: 'lead' }, lead),
    number && el('p', { class: 'number', 'aria-live': 'polite' },
      grouped(number.value, 3)),
    el('p', { class: 'hint', role: 'status' }, say.waiting, '…'),
    offers(model, 'checkOtp') && el('details', {},
      el('summary', {}, say.code), codeForm(say, act, 'checkOtp')),
    actions(
      button(say.cancel, () => act('cancelAuthentication'), 'quiet')),
  ];
}

function totp(say, model, act) {
  return [
    el('p', { class: 'lead' }, say.app),
    picture(model.keyUri, say.picture),
    el('p', { class: 'hint' }, say.key, ': ',
      el('code', {}, grouped(model.pairingKey, 4))),
    codeForm(say, act, 'activateTotpDevice'),
    takeBack(say, act),
  ];
}

function mobile(say, model, act) {
  const { pairedDevice: phone, pairingKey: link } = model;
  if (phone) {
    return [
      el('p', { class: 'lead' }, el('bdi', {}, phone.name)),
      el('p', { class: 'number' }, grouped(phone.check ?? '', 3)),
      el('p', { class: 'hint' }, say.confirm),
      actions(
        button(say.same, () => act('activateMobileDevice'), 'primary'),
        button(say.other, () => act('cancelDevicePairing'))),
    ];
  }
  const { key = '', iss = '' } = Object.fromEntries(
    new URLSearchParams(link.replace(/^[^#]*#/, '')));
  return [
    el('p', { class: 'lead' }, say.scan),
    picture(link, say.picture),
    el('a', { class: 'button quiet', href: link, target: '_blank',
      rel: 'noopener' }, say.open),
    key && el('p', { class: 'hint' }, say.key, ': ',
      el('code', { class: 'key' }, grouped(key, 4))),
    iss && el('p', { class: 'hint' }, say.server, ': ', el('code', {}, iss)),
    takeBack(say, act),
  ];
}

function methods(say, model, act) {
  return [
    actions(
      ...model.devicePairingMethods.map((method) => button(
        [say[method.deviceType.toUpperCase()] ?? method.deviceType,
          method.applicationName && `(${method.applicationName})`]
          .filter(Boolean).join(' '),
        () => act('selectDevicePairingMethod',
          { devicePairingMethod: method }))),
      button(say.back, () => act('cancelDevicePairing'), 'quiet')),
  ];
}

function nameForm(act, { id, nickname: value = '' }, labels, kind) {
  const field = `part-name-${id}`;
  const input = el('input', { id: field, name: 'nickname', value,
    maxlength: '100', autocomplete: 'off', dir: 'auto', required: '' });
  return el('form', {
    submit: (event) => {
      event.preventDefault();
      act('updateDeviceNickname', { id, nickname: input.value });
    } },
  el('div', { class: 'field' },
    el('label', { for: field }, labels.name), input),
  el('button', { class: `button ${kind}` }, labels.next));
}

function nickname(say, model, act) {
  return [
    nameForm(act, model.pairedDevice, say, 'primary'),
    actions(
      button(say.skip, () => act('skipUpdateDeviceNickname'), 'quiet')),
  ];
}

// Its name, what else is known of it, and behind that what may be done.
function managed(say, model, act, device) {
  const { id, nickname, name, type, target, defaultDevice } = device;
  const deviceRef = { id };
  const kind = say.t(`device.${/^(android|iphone)$/i.test(type) ? 'MOBILE'
    : type.toUpperCase()}`);
  const given = nickname || name;
  const told = [given && kind, target, defaultDevice && say.isFirst];
  return el('li', {}, el('details', { class: 'device' },
    el('summary', { class: 'tile' }, el('span', { class: 'tile-text' },
      el('strong', {}, el('bdi', {}, given || kind)),
      el('span', {}, ...told.filter(Boolean).flatMap((text, at) =>
        [at > 0 && ' · ', el('bdi', {}, text)]).filter(Boolean)))),
    offers(model, 'updateDeviceNickname')
      && nameForm(act, device, { name: say.name, next: say.save }, 'plain'),
    offers(model, 'setDefaultDevice') && !defaultDevice
      && button(say.first, () => act('setDefaultDevice', { deviceRef })),
    offers(model, 'removeDevice') && el('details', {},
      el('summary', {}, say.remove), el('p', { class: 'hint' }, say.gone),
      button(say.sure, () => act('removeDevice', { deviceRef })))));
}

function management(say, model, act) {
  return [
    el('ul', { class: 'tiles' }, ...model.devices.map((device) =>
      managed(say, model, act, device))),
    actions(
      offers(model, 'setupMfa')
        && button(say.add, () => act('setupMfa')),
      offers(model, 'resumeAuthentication')
        && button(say.done, () => act('resumeAuthentication'), 'primary'),
      button(say.cancel, () => act('cancelAuthentication'), 'quiet')),
  ];
}

const drawings = {
  DEVICE_MANAGEMENT: management,
  DEVICE_PAIRING_METHOD_REQUIRED: methods,
  UPDATE_NICKNAME: nickname,
  PUSH_CONFIRMATION_WAITING: waiting,
  TOTP_ACTIVATION_REQUIRED: totp,
  MOBILE_ACTIVATION_REQUIRED: mobile,
};

export default function render(root, model, act, { language, t }) {
  const say = { ...words[language] ?? words.en, t,
    cancel: t('action.cancelAuthentication'), add: t('action.setupMfa'),
    back: t('action.cancelDevicePairing'), skip: t('action.skipMfa') };
  const drawn = drawings[model.status](say, model, act);
  root.append(...drawn.filter(Boolean));
}
