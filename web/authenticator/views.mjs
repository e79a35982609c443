// SPDX-License-Identifier: MIT
// What is shown below the requests: each gives its title, and its nodes.

import { el } from '/common/dom.mjs';
import { back, go } from './app.mjs';
import { checkValue, passcodeAt } from './keys.mjs';
import { field, form, para, plain, press, region, ring, rows } from './parts.mjs';
import { now, pair, readTyped, renewKey, sendUnpair } from './protocol.mjs';
import { canPush, drop, turnOff, turnOn } from './push.mjs';
import { book, paired, remove } from './store.mjs';
import { has, localTime, problem, t } from './texts.mjs';
import { state, wake } from './waiting.mjs';

const lead = (key, values) => para(t(key, values), 'lead');
const part = (title, ...nodes) => el('section', {}, el('h3', {}, title), ...nodes);
const grouped = (text) => text.replace(/^.{3}/, '$& ');
const leave = (note) => go('home', note, true);

// For texts.
export const namesOf = ({ issuer, user }) => ({ host: new URL(issuer).host, name: plain(user?.name ?? '') });

// --- The list. ---

export function home() {
  const connection = state();
  return paired().length === 0
    ? [t('welcome'), lead('welcomeLead'), press(t('add'), () => go('add'), 'primary')]
    : [t('accounts'), el('p', { class: `state ${connection}`, role: 'status' }, t(connection)),
      connection === 'offline' && press(t('now'), wake),
      el('ul', { class: 'tiles' }, paired().map((one) => el('li', {}, tile(one)))),
      press(t('add'), () => go('add'))];
}

function tile(pairing) {
  const { name, host } = namesOf(pairing);
  return el('button', { 'class': 'tile', 'data-id': pairing.id, 'click': () => go('account', pairing.id) },
    el('span', { class: 'tile-text' }, el('strong', {}, name), el('span', {}, host), standing(pairing)));
}

const standing = ({ status }) => status !== 'ACTIVE' && el('em', {}, t(has(status) ? status : 'locked'));

// --- Pairing. ---

// By a link that was opened, or by what is typed.
export function add(link) {
  const issuer = field(t('issuer'), { inputmode: 'url', placeholder: 'sso.example.org' });
  const code = field(t('code'), { class: 'code' });
  const name = field(t('name'), { value: navigator.userAgentData?.platform ?? navigator.platform });
  const notice = region('notice bad');
  const fields = link ? { name } : { link: issuer, issuer, code, PAIRING_KEY_INVALID: code, name };
  const send = press(t('pair'), async () => {
    const called = name.input.value.trim();
    notice.say('');
    Object.values(fields).forEach(({ blame }) => blame(''));
    try {
      const wanted = link ?? readTyped(issuer.input.value, code.input.value);
      if (!/^.{1,64}$/u.test(called)) {
        throw { code: 'name' };
      }
      go('compare', await pair(wanted, called), true);
    } catch (error) {
      (fields[error.code]?.blame ?? notice.say)(problem(error));
    }
  }, 'primary');
  return [link ? t('pairWith', namesOf(link)) : t('add'), lead(link ? 'pairLead' : 'addLead'),
    form(send, [...new Set(Object.values(fields))].map(({ node }) => node), notice.node), press(t('cancel'), back)];
}

export function compare(pairing) {
  const close = press(t('close'), () => leave());
  if (pairing.status !== 'ACTIVATION_REQUIRED') {
    return [t('paired'), lead('pairedLead', namesOf(pairing)), pushPart(pairing), close];
  }
  const undo = async () => {
    await sendUnpair(pairing.id).catch(() => {});
    await remove(pairing.id);
    leave(t('undone'));
  };
  return [t('compare'), lead('compareLead'), checkPart(pairing), para(t('wait'), 'state wait'), press(t('differ'), undo, 'bad'), close];
}

function checkPart({ keys }) {
  const node = para('', 'check');
  checkValue(keys.jwk).then((value) => node.append(el('span', { 'aria-hidden': 'true' }, grouped(value)),
    el('span', { class: 'heard' }, [...value].join(' '))));
  return node;
}

// --- One account. ---

export function account(pairing) {
  const { id, passcode, status } = pairing;
  const { host, name } = namesOf(pairing);
  const notice = region('notice');
  const renew = () => renewKey(id).then(() => t('renewed'), problem).then(notice.say);
  return [name, standing(pairing), status === 'ACTIVATION_REQUIRED' && checkPart(pairing),
    rows([['Server', host], [t('name'), pairing.name], [t('since'), localTime(pairing.made, { dateStyle: 'medium' })]]),
    passcode && passcodePart(pairing), pushPart(pairing), notice.node,
    el('div', { class: 'two' }, press(t('renew'), renew), press(t('remove'), () => askRemoval(pairing, notice), 'bad')),
    press(t('back'), back)];
}

function askRemoval(pairing, notice) {
  const { id } = pairing;
  const forget = async () => {
    await remove(id);
    drop(pairing).catch(() => {});
    leave();
  };
  const unpair = () => sendUnpair(id).then(forget, ({ code }) => code === 'NOT_PAIRED' ? forget()
    : notice.say(t('forgetLead', namesOf(pairing)), press(t('forget'), forget)));
  notice.say(t('removeLead', namesOf(pairing)), press(t('removal', namesOf(pairing)), unpair, 'bad'));
}

// Hidden until it is asked for, and when nobody looks.
function passcodePart({ id, passcode }) {
  const { period } = passcode;
  const text = el('p', { 'class': 'check', 'aria-live': 'polite' });
  const left = ring();
  const shown = el('div', { class: 'passcode', hidden: true }, text, left.node);
  let timer, step;
  const tick = async () => {
    const seconds = now(book.get(id)) / 1000;
    left.set(Math.ceil(period - seconds % period), period);
    if (step !== (step = Math.floor(seconds / period))) {
      text.textContent = grouped(await passcodeAt(passcode, seconds));
    }
    if (document.hidden || !shown.isConnected) {
      toggle();
    }
  };
  const toggle = () => {
    shown.hidden = !shown.hidden;
    text.textContent = step = '';
    control.textContent = t(shown.hidden ? 'show' : 'hide');
    timer = shown.hidden ? clearInterval(timer) : setInterval(tick, 250);
    return timer && tick();
  };
  const control = press(t('show'), toggle);
  return part(t('passcode'), para(t('passcodeLead'), 'hint'), shown, control);
}

function pushPart({ id, push }) {
  const notice = region('notice');
  const [on, turn, work] = push ? ['pushOn', 'turnOff', turnOff] : ['pushOff', 'turnOn', turnOn];
  return part(t('push'), para(t(canPush() ? on : 'pushNone'), 'hint'), notice.node,
    canPush() && press(t(turn), () => work(id).then((why) => why && t(why), problem).then(notice.say)));
}
