// SPDX-License-Identifier: MIT
// The demo's message page: looks for messages every two seconds while it is
// seen. Old ones stay where they are, so that a reader's place is kept.

import { button, el, icon, liveRegion } from '/common/dom.mjs';
import { addTexts, localTime, nameOf, t } from '/common/strings.mjs';

const EVERY_MS = 2000;
const ICON_OF = { email: 'mail', sms: 'chat', voice: 'call' };

addTexts('messages', {
  to: 'To',
  copy: 'Copy code',
  copied: 'Copied',
  notCopied: 'Please select the code by hand',
  off: 'This server shows messages only as a demo, on this machine.',
});

const list = document.getElementById('list');
const notice = liveRegion('notice');
const shown = new Map(); // id to element
let timer;
let trouble = null;

list.before(notice.node);
document.addEventListener('visibilitychange', look);
look();

async function look() {
  clearTimeout(timer);
  if (document.hidden) {
    return;
  }
  try {
    const response = await fetch('/messages/latest', { cache: 'no-store' });
    if (response.ok) {
      update(await response.json());
    }
    report(response.ok ? null : 'messages.off');
  } catch {
    report('error.offline'); // and go on trying
  }
  clearTimeout(timer); // two looks may have been under way
  timer = setTimeout(look, EVERY_MS);
}

function report(key) {
  if (key !== trouble) {
    trouble = key;
    notice.node.dataset.kind = 'error';
    notice.say(key ? el('p', {}, t(key)) : '');
  }
}

function update(messages) {
  const fresh = messages.filter(({ id }) => !shown.has(id));
  for (const message of fresh.reverse()) {
    shown.set(message.id, messageNode(message));
    list.prepend(shown.get(message.id));
  }
  dropAllBut(messages.map(({ id }) => id));
  list.setAttribute('aria-live', 'polite');
  document.getElementById('empty').hidden = shown.size > 0;
}

function dropAllBut(ids) {
  for (const [id, node] of shown) {
    if (!ids.includes(id)) {
      node.remove();
      shown.delete(id);
    }
  }
}

function messageNode({ channel, to, subject, text, code, sent_at: sent }) {
  const letter = channel === 'email';
  return el('li', { class: letter ? 'letter' : 'bubble' },
    el('div', { class: 'envelope' }, icon(ICON_OF[channel]),
      nameOf('device', channel.toUpperCase()), ` – ${t('messages.to')} `,
      el('b', {}, el('bdi', {}, to)), el('time', {}, sentAt(sent))),
    letter && subject && el('h2', { dir: 'auto' }, subject),
    el('p', { class: 'text', dir: 'auto' }, text), code && copyLine(String(code)));
}

// Seconds, milliseconds or ISO text: whatever the outbox wrote.
function sentAt(value) {
  const ms = value > 1e11 ? value : value * 1000 || Date.parse(value);
  return ms && localTime(ms / 1000);
}

function copyLine(code) {
  const said = liveRegion('hint');
  const copy = button(t('messages.copy'), async () => {
    const done = await navigator.clipboard?.writeText(code)
      .then(() => true, () => false);
    said.say(t(done ? 'messages.copied' : 'messages.notCopied'));
  });
  return el('div', { class: 'copy' }, el('code', { class: 'code' }, code), copy,
    said.node);
}
