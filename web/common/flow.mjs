// SPDX-License-Identifier: MIT
// Drives one flow in one element: reads its state, draws it, sends actions.
// The sign-on page and the demo's "this page" mode are both this.

import { actOnFlow, readFlow } from './api.mjs';
import { button, el } from './dom.mjs';
import { makeNotice } from './forms.mjs';
import { genericView } from './generic.mjs';
import { AUTOMATIC, VIEWS } from './states.mjs';
import { language, setTitle, t, told } from './strings.mjs';

const POLL_MS = 2000, WATCH_MS = 8000;

// hooks: heading ('h1'), onState(state), onCompleted(state), which returns
// true when it took the page over, restart(), which makes the control that
// begins anew, or nothing.
export class Flow {
  constructor(root, hooks) {
    this.root = root;
    this.hooks = hooks;
    this.state = null;
    this.busy = 0; // calls under way
    this.turn = 0; // views drawn, calls begun and ended
    this.tried = new Set(); // what was sent by itself: once each, no loops
    document.addEventListener('visibilitychange', () => this.catchUp());
    // Back from the browser's page cache.
    window.addEventListener('pageshow', ({ persisted }) =>
      persisted && this.catchUp());
  }

  load(id) {
    this.id = id;
    return this.read(this.firstPlace(() => this.load(id)));
  }

  // Sends one action. While it is under way others are dropped, so that a
  // double click is one request.
  async act(action, body, place = this.notice, pressed = null) {
    if (this.busy) {
      return;
    }
    this.notice.clear();
    place.clear();
    pressed?.classList.add('waiting');
    const reply = await this.during(actOnFlow(this.id, action, body));
    pressed?.classList.remove('waiting');
    const again = () => this.act(action, body, place, pressed);
    this.take(reply, place, () => this.repeat(again, place), { action });
  }

  // The lost request may have been carried out: look before asking again.
  async repeat(again, place) {
    const reply = await this.during(readFlow(this.id));
    if (reply.kind === 'state' && this.sameAs(reply.state)) {
      again();
    } else {
      this.take(reply, place, () => this.repeat(again, place));
    }
  }

  async read(place, note) {
    const reply = await this.during(readFlow(this.id));
    this.take(reply, place, () => this.read(place, note), { note });
  }

  take(reply, place, retry, said) {
    this.away = reply.kind === 'offline' ? 'tried' : null;
    if (reply.kind === 'state') {
      this.show(reply.state, said);
    } else if (reply.kind === 'ended') {
      this.showEnded();
    } else if (reply.kind === 'offline') {
      place.offline(retry);
    } else if (reply.error.code === 'INVALID_ACTION_ID') {
      this.read(this.notice, t('error.moved')); // another tab was first
    } else {
      place.show(reply.error);
    }
  }

  // What else may have moved it: another tab, a phone, time.
  async catchUp() {
    if (document.hidden || this.busy || !this.running()
        || !this.view.isConnected) {
      return;
    }
    const turn = this.turn;
    const reply = await readFlow(this.id);
    if (turn !== this.turn) {
      return;
    }
    this.connected(reply.kind !== 'offline');
    if (reply.kind === 'ended') {
      this.showEnded();
    } else if (reply.kind === 'state' && !this.sameAs(reply.state)) {
      this.show(reply.state);
    } else {
      this.pollLater();
    }
  }

  // Said once, so that it is not read out every two seconds; and not over what
  // somebody has pressed and may want to repeat.
  connected(well) {
    if (well && this.away === 'seen') {
      this.notice.clear();
      this.away = null;
    } else if (!well && !this.away) {
      this.notice.offline(() => this.lookAgain(), true);
      this.away = 'seen';
    }
  }

  lookAgain() {
    this.notice.clear();
    this.away = null;
    this.catchUp();
  }

  // A phone may move what can be polled; a message may turn out to reach nobody.
  // Reading is enough; nothing is posted.
  pollLater() {
    const poll = this.can('poll');
    clearTimeout(this.timer);
    if (poll || this.drawn.watch) {
      this.timer = setTimeout(() => this.catchUp(), poll ? POLL_MS : WATCH_MS);
    }
  }

  can(action) {
    return Object.hasOwn(this.state?._links ?? {}, action);
  }

  // Once it has ended, its last words stay on the page.
  running() {
    return this.state
      && !['COMPLETED', 'FAILED', 'CANCELED'].includes(this.state.status);
  }

  sameAs(state) {
    return JSON.stringify(state) === JSON.stringify(this.state);
  }

  async during(call) {
    this.setBusy(true);
    const reply = await call;
    this.setBusy(false);
    return reply;
  }

  // aria-disabled, not disabled: a button that is taken away from under the
  // focus throws a reader back to the top of the page.
  setBusy(busy) {
    this.busy += busy ? 1 : -1;
    this.turn += 1;
    for (const node of this.root.querySelectorAll('button')) {
      node.setAttribute('aria-disabled', String(busy || node.disabled));
    }
  }

  show(state, { action, note } = {}) {
    const before = this.state;
    const same = this.sameAs(state);
    this.state = state;
    this.id = state.id ?? this.id;
    this.hooks.onState?.(state);
    if (state.status === 'COMPLETED' && this.hooks.onCompleted?.(state)) {
      return;
    }
    if (before?.status !== state.status) {
      this.tried.clear();
    }
    if (!same) {
      this.draw(viewOf(state, this), state.status,
        sameStep(before, state) ? typedIn(this.view) : {});
    }
    if (!this.drawn.shown?.(action) && note) {
      this.notice.note(note);
    }
    this.pollLater();
    this.goOn(state.status);
  }

  draw(drawn, status, values = {}) {
    this.turn += 1;
    clearTimeout(this.timer);
    this.drawn?.leave?.();
    this.drawn = drawn;
    this.away = null; // "seen": by a look; "tried": by an action
    this.notice = makeNotice();
    const heading = el(this.hooks.heading ?? 'h1', { tabindex: '-1',
      keydown: (event) => typeAhead(event, this.view) }, drawn.title);
    const name = this.running() && this.state.user?.username;
    this.view = el('div', { 'class': 'view', 'data-status': status },
      name && el('p', { class: 'hint' }, told('page.user', { name })), heading,
      drawn.lead && el('p', { class: 'lead' }, drawn.lead),
      this.notice.node, drawn.body);
    for (const input of inputsOf(this.view)) {
      input.value = values[input.name] ?? input.value;
    }
    this.root.replaceChildren(this.view);
    setTitle(drawn.title);
    heading.focus();
  }

  // States in which the user has nothing to decide.
  goOn(status) {
    const action = AUTOMATIC[status];
    if (action && this.can(action) && !this.tried.has(status)) {
      this.tried.add(status);
      this.act(action);
    }
  }

  showEnded() {
    this.state = null;
    this.draw({ title: t('title.ended'), lead: t('lead.ended'),
      body: [this.wayOut()] }, 'ended');
  }

  wayOut() {
    return this.hooks.restart()
      ?? el('p', { class: 'hint' }, t('page.close'));
  }

  // Where the first read tells its problems: there is no view yet.
  firstPlace(retry) {
    const page = (lead) => this.draw({ title: t('title.offline'), lead,
      body: [button(t('page.retry'), retry, 'primary')] }, 'offline');
    return {
      offline: () => page(t('error.offline')),
      show: (error) => page(error.userMessage || t('error.plain')),
    };
  }
}

// A plugin's module draws its states that are no plain form. It is named with
// the state; should it fail, the plain form is there.
function viewOf(state, flow) {
  const { part } = state._links?.self ?? {};
  if (!part) {
    return (VIEWS[state.status] ?? genericView)(state, flow);
  }
  const plain = genericView(state, flow);
  const body = el('div', { class: 'part' });
  const drawn = import(part)
    .then(({ default: render }) => render(body, state,
      (...said) => flow.act(...said), { language, t }))
    .catch(() => body.replaceChildren(el('div', {}, plain.body)));
  return { ...plain, body, leave: () => drawn.then((leave) => leave?.()) };
}

function sameStep(a, b) {
  return a?.id === b.id && a.status === b.status
    && a.selectedDeviceRef?.id === b.selectedDeviceRef?.id;
}

function inputsOf(view) {
  return [...view.querySelectorAll('input:not([type=checkbox])')];
}

function typedIn(view) {
  return Object.fromEntries(inputsOf(view)
    .map(({ name, value }) => [name, value]));
}

// The heading has the focus, so that readers begin there; whoever just types
// or pastes means the first empty field.
function typeAhead({ key, ctrlKey, metaKey, altKey }, view) {
  const command = ctrlKey || metaKey;
  if (command ? key === 'v' : key.length === 1 && key !== ' ' && !altKey) {
    const inputs = inputsOf(view);
    (inputs.find(({ value }) => !value) ?? inputs[0])?.focus();
  }
}
