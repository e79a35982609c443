// SPDX-License-Identifier: MIT
// The requests that wait, a card each, above whatever else is shown.

import { el } from '/common/dom.mjs';
import { field, form, heading, para, plain, press, region, ring, rows } from './parts.mjs';
import { isLost, makeAnswer, now } from './protocol.mjs';
import { book } from './store.mjs';
import { localTime, t } from './texts.mjs';

const RETRY_MS = 2000;
const GUARD_MS = 400; // a tap on what has just appeared was not meant for it

const cards = new Map(); // by request's id; those that are over, too
const place = document.getElementById('requests');
const alarm = document.getElementById('alarm');

// What waits for this pairing now.
export function showRequests(pairing, list) {
  cards.forEach((card) => card.id === pairing.id && card.open
    && !list.some(({ id }) => id === card.request.id) && card.end('gone'));
  list.filter(({ id }) => !cards.has(id)).forEach((request) => new Card(pairing, request));
}

setInterval(() => cards.forEach((card) => card.tick()), 500);

class Card {
  constructor(pairing, request) {
    Object.assign(this, { id: pairing.id, request, open: true, ready: performance.now() + GUARD_MS });
    cards.forEach((card) => card.over && card.node.remove());
    cards.set(request.id, this);
    this.ring = ring();
    this.notice = region('notice');
    this.node = el('article', { class: 'card' });
    this.draw(pairing, request);
    place.append(this.node);
    this.tick();
    this.say(t('waiting'), !document.activeElement.matches('input, #requests *'));
  }

  say(text, focus) {
    alarm.textContent = text;
    focus && this.heading.focus();
  }

  draw({ issuer, user }, { client, client_name: name, host, address, agent, issued_at: at, number }) {
    this.heading = heading(t('asks', { client: plain(name || client) }));
    this.node.append(
      el('header', {}, this.heading, this.ring.node), para(t('asksLead'), 'lead'),
      rows([[t('website'), host], [t('address'), address], [t('agent'), agent],
        [t('time'), localTime(at * 1000, { timeStyle: 'medium' })], [t('account'), `${user.name}, ${new URL(issuer).host}`]]),
      number?.type === 'SELECT_NUMBER' ? this.choice(number) : this.form(number), this.notice.node,
      el('div', { class: 'two' },
        this.control(t('deny'), () => this.send('denied', { decision: 'deny', reason: 'NONE' })),
        this.control(t('fraud'), () => this.send('reported', { decision: 'deny', reason: 'REPORT_FRAUD' }), 'bad')));
  }

  control(label, work, kind) {
    return press(label, () => performance.now() > this.ready && work(), kind);
  }

  approve(number) {
    return this.send('approved', { decision: 'approve', number });
  }

  choice({ choices }) {
    return el('fieldset', {}, el('legend', {}, t('pick')),
      choices.map((number) => this.control(number, () => this.approve(number), 'primary')));
  }

  form(number) {
    const typed = number && field(t('number'), { inputmode: 'numeric', class: 'code' });
    const approve = () => {
      const value = typed?.input.value.replace(/\D/g, '');
      const fits = !typed || value.length === number.digits;
      typed?.blame(fits ? '' : t('digits', { n: number.digits }));
      return fits && this.approve(value);
    };
    // The heading has the focus; whoever just types means the number.
    this.node.addEventListener('keydown', ({ key }) => /^\d$/.test(key) && typed?.input.focus());
    return form(this.control(t('approve'), approve, 'primary'), typed?.node);
  }

  left() {
    const pairing = book.get(this.id);
    return pairing ? Math.max(0, Math.ceil(this.request.expires_at - now(pairing) / 1000)) : 0;
  }

  tick() {
    const left = this.left();
    this.ring.set(left, this.request.expires_at - this.request.issued_at);
    if (this.open && left === 0) {
      this.end('expired');
    } else if (this.open && left === 10 && !this.told) {
      this.told = true;
      this.say(t('soon'));
    }
  }

  // Until it has arrived, or its time is over.
  async send(meant, members) {
    const answer = makeAnswer(this.id, this.request, members);
    this.open = false;
    this.node.inert = true;
    while (!this.over) {
      try {
        const agreed = (await answer() === 'approved') === (meant === 'approved');
        this.end(agreed ? meant : members.number ? 'wrong' : 'refused');
      } catch (error) {
        if (!isLost(error) || this.left() === 0) {
          this.end(isLost(error) ? 'lost' : error.code === 'REQUEST_GONE' ? 'gone' : 'refused');
        } else {
          this.notice.say(t('resend'));
          await new Promise((done) => setTimeout(done, RETRY_MS));
        }
      }
    }
  }

  end(how) {
    const focus = document.activeElement.matches('body, #requests *');
    const [title, lead] = t(how).split('|');
    Object.assign(this, { open: false, over: true, heading: heading(title) });
    this.node.inert = false;
    this.node.classList.add(how);
    this.node.replaceChildren(this.heading, para(lead, 'lead'), press(t('close'), () => {
      this.node.remove();
      document.querySelector('main h2').focus();
    }));
    this.say(title, focus);
  }
}
