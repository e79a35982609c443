// SPDX-License-Identifier: MIT
// Forms and device tiles: labels, errors in place, one request a submit.

import { button, el, icon, liveRegion } from './dom.mjs';
import { nameOf, t } from './strings.mjs';

// --- Problems: what the server refused, and where to say so. ---

function problemsOf(error) {
  const fallback = error.userMessage
    || t(error.http === 429 || error.http === 503
      ? 'error.busy' : 'error.plain');
  const details = error.details?.length > 0 ? error.details : [{}];
  return details.map(({ target, userMessage, attemptsRemaining: n }) => ({
    target,
    text: (userMessage || fallback)
      + (n > 0 ? ` ${t('error.attempts', { n })}` : ''),
  }));
}

// Where problems without a field are told. A flow wants of such a place:
// show(error), note(text), offline(retry, quiet), clear(). Whoever has pressed
// something far below is brought there; what comes by itself (quiet) moves
// nothing.
export function makeNotice() {
  const { node, say, clear } = liveRegion('notice', null, () => {
    still || node.scrollIntoView({ block: 'nearest' });
    if (held && document.activeElement === document.body) {
      node.querySelector('button')?.focus();
    }
    held = false;
  });
  const hold = () => {
    held ||= node.contains(document.activeElement);
  };
  let still = false;
  let held = false; // its button had the focus when it was taken away
  const tell = (kind, texts, control = '', quiet = false) => {
    still = quiet;
    hold();
    node.dataset.kind = kind;
    say(...texts.map((text) => el('p', {}, text)), control);
  };
  return {
    node,
    clear() {
      hold();
      clear();
    },
    note: (text) => tell('note', [text]),
    tell: (texts) => tell('error', texts),
    show: (error) => tell('error', problemsOf(error).map(({ text }) => text)),
    offline: (retry, quiet) => tell('error', [t('error.offline')],
      button(t('page.retry'), retry), quiet),
  };
}

// --- Fields. ---

let lastId = 0;

// spec: {name, type, value, clean, label, ...attributes of the input}
function makeField(spec) {
  const { name, type, value, clean, label, ...attributes } = spec;
  lastId += 1;
  const id = `${name}-${lastId}`;
  const box = type === 'checkbox';
  const problem = liveRegion('problem', `${id}-problem`);
  const input = el('input', {
    id, name, type, value,
    'autocapitalize': 'none',
    'dir': 'auto', // of what is typed, not of the page
    'aria-required': box ? null : 'true',
    'aria-describedby': `${id}-problem`,
    ...attributes,
  });
  const control = type === 'password' ? withReveal(input) : input;
  const caption = el('label', { for: id }, nameOf('field', label ?? name));
  const read = () => (clean ? clean(input.value) : input.value);
  return {
    name, input, box,
    node: el('div', { class: box ? 'check' : 'field' },
      box ? [control, caption] : [caption, control], problem.node),
    // An empty box is simply not sent.
    value: () => (box ? input.checked || undefined : read()),
    missing: () => !box && read() === '',
    tell(text) {
      input.setAttribute('aria-invalid', 'true');
      problem.say(el('p', {}, text));
    },
    clear() {
      input.removeAttribute('aria-invalid');
      problem.clear();
    },
  };
}

function withReveal(input) {
  const toggle = el('button', {
    'type': 'button',
    'class': 'button reveal',
    'aria-pressed': 'false',
    'aria-label': t('field.showPassword'),
    'click': () => reveal(input.type === 'password'),
  }, t('field.show'));
  const reveal = (shown) => {
    input.type = shown ? 'text' : 'password';
    toggle.setAttribute('aria-pressed', String(shown));
  };
  // A browser offers to keep a password only from a field that is one.
  input.addEventListener('conceal', () => reveal(false));
  return el('div', { class: 'with-reveal' }, input, toggle);
}

// --- Forms. ---

// blame is the field to go to when the server names none; place is where
// flow.act() tells its errors.
export function makeForm(flow, spec) {
  const { action, primary = true } = spec;
  const fields = spec.fields.map(makeField);
  const notice = makeNotice();
  const send = el('button',
    { type: 'submit', class: `button ${primary ? 'primary' : 'plain'}` },
    nameOf('action', action));
  // Never sent by the browser itself; were it, nothing may land in the URL.
  const node = el('form',
    { 'method': 'post', 'novalidate': true, 'data-action': action },
    notice.node, fields.map((field) => field.node), send);
  const form = { node, notice, fields, blame: spec.blame };
  form.place = { ...notice, show: (error) => showProblems(form, error) };

  node.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!flow.busy && complete(form)) {
      fields.forEach(({ input }) => input.dispatchEvent(new Event('conceal')));
      flow.act(action, valuesOf(fields), form.place, send);
    }
  });
  return form;
}

function valuesOf(fields) {
  return Object.fromEntries(fields.map((field) => [field.name, field.value()]));
}

function complete({ fields, notice }) {
  notice.clear();
  fields.forEach((field) => field.clear());
  const missing = fields.filter((field) => field.missing());
  missing.forEach((field) => field.tell(t('error.needed')));
  missing[0]?.input.focus();
  return missing.length === 0;
}

function showProblems(form, error) {
  const told = problemsOf(error)
    .map((problem) => [fieldOf(form, problem, error), problem.text]);
  const homeless = told.filter(([field]) => !field).map(([, text]) => text);
  told.forEach(([field, text]) => field?.tell(text));
  if (homeless.length > 0) {
    form.notice.tell(homeless);
  }
  goTo(told.find(([field]) => field)?.[0]
    ?? form.fields.find(({ name }) => name === form.blame) ?? form.fields[0]);
}

// A refused value with no field named can only be that of the only field.
function fieldOf({ fields }, { target }, error) {
  const only = error.code === 'VALIDATION_ERROR' && fields.length === 1
    ? fields[0] : null;
  return fields.find(({ name }) => name === target) ?? only;
}

function goTo({ input }) {
  if (input.type === 'password') {
    input.value = '';
  }
  input.focus();
  input.select();
}

// --- Device tiles. ---

const ICON_OF = { EMAIL: 'mail', SMS: 'chat', VOICE: 'call', TOTP: 'clock' };

export function deviceType({ type = '' } = {}) {
  const upper = type.toUpperCase();
  return ['ANDROID', 'IPHONE'].includes(upper) ? 'MOBILE' : upper;
}

// One button a device. The action is sent for the one that is pressed.
export function deviceTiles(flow, action, devices = [], place) {
  return el('ul', { class: 'tiles' }, devices.map((device) => el('li', {},
    deviceTile(device, (node) => flow.act(action,
      { deviceRef: { id: device.id } }, place, node)))));
}

function deviceTile(device, choose) {
  const type = deviceType(device);
  const given = device.nickname || device.name;
  const unusable = device.usable === false;
  const lines = [given && nameOf('device', type), device.target,
    unusable && t('device.unusable'),
    device.deliveryFailed && t('device.undelivered')].filter(Boolean);
  const node = el('button', {
    'type': 'button',
    'class': 'tile',
    'disabled': unusable,
    'data-device': device.id,
    'click': () => choose(node),
  }, icon(ICON_OF[type]), el('span', { class: 'tile-text' },
    el('strong', {}, el('bdi', {}, given || nameOf('device', type))),
    lines.map((line) => el('span', {}, el('bdi', {}, line)))));
  return node;
}
