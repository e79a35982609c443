// SPDX-License-Identifier: MIT
// The requests that wait, a card each, above whatever else is shown.

import { el } from '/common/dom.mjs';
import { field, form, heading, para, plain, press, region, ring, setRing } from './parts.mjs';
import { isLost, makeAnswer, now } from './protocol.mjs';
import { book } from './store.mjs';
import { t } from './texts.mjs';

const RETRY_MS = 2000;
const GUARD_MS = 400; // a tap on what has just appeared was not meant for it

const cards = new Map(); // by pairing and challenge; those that are over, too
const place = document.getElementById('requests');
const alarm = document.getElementById('alarm');

setInterval(() => cards.forEach((card) => card.tick()), 1000);

// What waits for this pairing now.
export function showRequests({ id, issuer, user }, list) {
  const known = new Map(list.map((request) => [id + request.challenge, request]));
  cards.forEach((card, key) => card.owner === id && !known.has(key) && card.gone());
  known.forEach((request, key) => {
    if (!cards.has(key)) {
      cards.forEach((card) => card.clear());
      cards.set(key, makeCard(id, request, `${user.name}, ${new URL(issuer).host}`));
      cards.get(key).tick();
    }
  });
}

function makeCard(owner, request, account) {
  const { client, client_name: name, host, address, agent, number, issued_at: from, expires_at: to } = request;
  const ready = performance.now() + GUARD_MS;
  const left = ring();
  const notice = region('notice');
  const node = el('article', { class: 'card' });
  let step = 'open'; // sent, over

  const rest = () => book.has(owner) ? Math.max(0, Math.ceil(to - now(book.get(owner)) / 1000)) : 0;

  function say(text, focus) {
    alarm.textContent = text;
    document.title = text || 'Authenticator';
    focus && node.querySelector('h2').focus();
  }

  function end(how) {
    const focus = document.activeElement.matches('body, #requests *');
    const [title, lead] = t(how).split(' / ');
    step = 'over';
    node.inert = false;
    node.classList.add(how);
    node.replaceChildren(heading(title), para(lead, 'lead'), press(t('close'), () => {
      say('');
      node.remove();
      document.querySelector('main h2').focus();
    }));
    say(title, focus);
  }

  // Until it has arrived, or its time is over.
  async function send(meant, members) {
    const answer = makeAnswer(owner, request, members);
    step = 'sent';
    node.inert = true;
    while (step === 'sent') {
      try {
        const { result } = await answer();
        end(result === 'denied' && meant === 'approved' ? members.number ? 'wrong' : 'refused' : meant);
      } catch (error) {
        const lost = isLost(error);
        if (!lost || rest() === 0) {
          end(lost ? 'lost' : error.code === 'REQUEST_GONE' ? 'gone' : 'refused');
        } else {
          notice.say(t('resend'));
          say(t('resend'));
          await new Promise((done) => setTimeout(done, RETRY_MS));
        }
      }
    }
  }

  const control = (label, work, kind) => press(label, () => performance.now() > ready && work(), kind);
  const approve = (digits) => send('approved', { decision: 'approve', number: digits });
  const deny = (meant, reason) => control(t(reason), () => send(meant, { decision: 'deny', reason }), meant);

  function typing() {
    const typed = number && field(t('number'), { inputmode: 'numeric', class: 'code' });
    // The heading has the focus; whoever just types means the number.
    node.addEventListener('keydown', ({ key }) => /^\d$/.test(key) && typed?.input.focus());
    return form(control(t('approve'), () => {
      const digits = typed?.input.value.replace(/\D/g, '');
      if (!typed || digits.length === number.digits) {
        return approve(digits);
      }
      notice.say(t('digits', { n: number.digits }));
      return typed.input.focus();
    }, 'primary'), typed?.node);
  }

  const picking = () => el('fieldset', {}, el('legend', {}, t('pick')),
    number.choices.map((choice) => control(choice, () => approve(choice), 'primary')));

  node.append(
    el('header', {}, heading(t('asks', { client: plain(name || client) })), left), para(t('asksLead'), 'lead'),
    el('dl', {}, Object.entries({ website: host, address, agent, time: new Date(from * 1000).toLocaleTimeString(navigator.language), account })
      .map(([key, value]) => value && el('div', {}, el('dt', {}, t(key)), el('dd', {}, el('bdi', {}, plain(value)))))),
    notice.node, number?.choices ? picking() : typing(),
    el('div', { class: 'two' }, deny('denied', 'NONE'), deny('reported', 'REPORT_FRAUD')));
  place.append(node);
  say(t('waiting'), !document.activeElement.matches('input, #requests *'));

  return {
    owner,
    gone: () => step === 'open' && end('gone'),
    clear: () => step === 'over' && node.remove(),
    tick() {
      setRing(left, rest(), to - from);
      if (step === 'open' && rest() <= 10) {
        rest() === 0 ? end('expired') : rest() === 10 && say(t('soon'));
      }
    },
  };
}
