// SPDX-License-Identifier: MIT
// What is shown below the requests: each gives its title, and its nodes.

import { el } from '/common/dom.mjs';
import { back, go } from './app.mjs';
import { checkValue, passcodeAt } from './keys.mjs';
import { field, form, para, plain, press, region, ring, setRing } from './parts.mjs';
import { now, pair, readTyped, renewKey, sendUnpair } from './protocol.mjs';
import { canPush, drop, turnOff, turnOn } from './push.mjs';
import { book, paired, remove } from './store.mjs';
import { problem, t } from './texts.mjs';
import { state, wake } from './waiting.mjs';

const lead = (key, values) => para(t(key, values), 'lead');
const part = (title, ...nodes) => el('section', {}, el('h3', {}, title), ...nodes);
const grouped = (text) => text.replace(/^.{3}/, '$& ');

// For texts.
export const namesOf = ({ issuer, user }) => ({ host: new URL(issuer).host, name: plain(user?.name ?? '') });

// Stays where it is: what changes by itself moves nothing under a finger.
const connection = el('p', { role: 'status' });
const tryNow = press(t('now'), wake);

export function showState() {
  const text = t(state());
  tryNow.hidden = state() !== 'offline';
  connection.className = `state ${state()}`;
  connection.textContent === text || connection.replaceChildren(text);
}

export function home() {
  const add = (kind) => press(t('add'), () => go('add'), kind);
  showState();
  return paired().length === 0
    ? [t('welcome'), lead('welcomeLead'), add('primary')]
    : [t('accounts'), connection, tryNow, el('ul', { class: 'tiles' }, paired().map((one) => el('li', {}, tile(one)))), add()];
}

function tile(pairing) {
  const { name, host } = namesOf(pairing);
  return el('button', { class: 'tile', click: () => go('account', pairing.id) },
    el('span', { class: 'tile-text' }, el('strong', {}, el('bdi', {}, name)), el('span', {}, el('bdi', {}, host)), standing(pairing)));
}

const standing = ({ status }) => status !== 'ACTIVE' && el('em', {}, t(status === 'ACTIVATION_REQUIRED' ? status : 'locked'));

// By a link that was opened, or by what is typed.
export function add(link) {
  const issuer = field(t('issuer'), { inputmode: 'url' });
  const code = field(t('code'), { class: 'code' });
  const name = field(t('name'), { value: navigator.userAgentData?.platform || navigator.platform, maxlength: 64 });
  const notice = region('notice bad');
  const send = press(t('pair'), async () => {
    notice.say('');
    try {
      go('account', await pair(link ?? readTyped(issuer.input.value, code.input.value), name.input.value || t('name')), true);
    } catch (error) {
      notice.say(problem(error));
      ({ link: issuer, issuer, code, PAIRING_KEY_INVALID: code })[error.code]?.input.focus();
    }
  }, 'primary');
  return [link ? t('pairWith', namesOf(link)) : t('add'), lead(link ? 'pairLead' : 'addLead'),
    form(send, link ? [] : [issuer.node, code.node], name.node, notice.node), press(t('cancel'), back)];
}

export function account(pairing) {
  const { id, passcode, status } = pairing;
  const names = namesOf(pairing);
  const notice = region('notice');
  const forget = async (note) => {
    await remove(id);
    go('home', note, true);
    await (pairing.push && drop(pairing).catch(() => {}));
  };
  if (status === 'ACTIVATION_REQUIRED') {
    const undo = () => sendUnpair(id).catch(() => {}).then(() => forget(t('undone')));
    const value = para('', 'shown');
    // Read out letter by letter.
    checkValue(pairing.keys.jwk).then((text) => value.append([...grouped(text)].join('\u2009')));
    return [t('compare'), lead('compareLead'), value, para(t('wait'), 'state'), press(t('differ'), undo, 'bad'), press(t('back'), back)];
  }
  const renew = () => renewKey(id).then((done) => t(done ? 'renewed' : 'eother'), problem).then(notice.say);
  const unpair = () => sendUnpair(id).then(() => forget(), ({ code }) => code === 'NOT_PAIRED' ? forget()
    : notice.say(t('forgetLead', names), press(t('forget'), () => forget())));
  const ask = () => notice.say(t('removeLead', names), press(t('removal', names), unpair, 'bad'));
  return [names.name, lead('accountLead', names), standing(pairing), passcode && passcodePart(pairing), pushPart(pairing),
    el('div', { class: 'two' }, press(t('renew'), renew), press(t('remove'), ask, 'bad')), notice.node, press(t('back'), back)];
}

// Hidden until it is asked for, and when nobody looks.
function passcodePart({ id, passcode }) {
  const { period } = passcode;
  const text = el('p', { 'class': 'shown', 'aria-live': 'polite' });
  const left = ring();
  const both = el('div', { class: 'passcode', hidden: true }, text, left);
  let timer, step;
  const tick = async () => {
    if (document.hidden || !both.isConnected) {
      return toggle();
    }
    const seconds = now(book.get(id)) / 1000;
    setRing(left, Math.ceil(period - seconds % period), period);
    if (step !== (step = Math.floor(seconds / period))) {
      text.textContent = grouped(await passcodeAt(passcode, seconds));
    }
  };
  const toggle = () => {
    both.hidden = !both.hidden;
    text.textContent = step = '';
    control.textContent = t(both.hidden ? 'show' : 'hide');
    timer = both.hidden ? clearInterval(timer) : setInterval(tick, 250);
    return timer && tick();
  };
  const control = press(t('show'), toggle);
  return part(t('passcode'), para(t('passcodeLead'), 'hint'), both, control);
}

function pushPart({ id, push }) {
  const notice = region('notice');
  const [on, turn, work] = push ? ['pushOn', 'turnOff', turnOff] : ['pushOff', 'turnOn', turnOn];
  return part(t('push'), para(t(canPush() ? on : 'pushNone'), 'hint'), notice.node,
    canPush() && press(t(turn), () => work(id).then((why) => why && t(why), problem).then(notice.say)));
}
