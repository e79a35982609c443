// SPDX-License-Identifier: MIT
// The page: which view is shown, and what moves it.

import { showRequests } from './cards.mjs';
import { heading, para, region } from './parts.mjs';
import { readLink } from './protocol.mjs';
import { keepPage, refresh, silence } from './push.mjs';
import { book, load, paired } from './store.mjs';
import { language, problem, t } from './texts.mjs';
import * as views from './views.mjs';
import { state, wake, watch } from './waiting.mjs';

const place = document.getElementById('view');
const notice = region('notice');
let current = {};
let link; // that was opened; it holds a key, and so it is in no history

function draw(entry) {
  const { name, arg } = entry?.name === 'add' || book.has(entry?.arg) ? entry : { name: 'home' };
  const again = current.name === name && current.arg === arg;
  const focused = document.activeElement.dataset.id;
  const [title, ...nodes] = views[name](name === 'add' ? link : book.get(arg));
  const head = heading(title);
  current = { name, arg, stamp: stamp(name, arg) };
  place.replaceChildren(head, notice.node, ...nodes.filter(Boolean));
  document.title = `${title} – Authenticator`;
  (again && place.querySelector(`[data-id="${focused}"]`) || head).focus();
}

// What the view is about: it is drawn anew if that has changed.
function stamp(name, arg) {
  const about = name === 'home' ? paired() : [book.get(arg)];
  return JSON.stringify([name === 'home' && state(), about.map((one) => [one?.id, one?.status, one?.push])]);
}

function renew() {
  if (current.stamp !== stamp(current.name, current.arg)) {
    draw(current);
  }
}

// over: what stands here is, and no way leads back to it. With home, arg is
// what to say there.
export function go(name, arg, over) {
  const entry = name === 'home' ? { name } : { name, arg };
  history[over ? 'replaceState' : 'pushState'](entry, '');
  draw(entry);
  notice.say(name === 'home' && arg);
}

export function back() {
  link = undefined;
  history.back();
}

// Out of the address bar before anything else.
function takeLink() {
  const text = location.hash;
  if (text) {
    history.replaceState(history.state, '', location.pathname);
    try {
      link = readLink(text);
      link && go('add');
    } catch (error) {
      go('home', problem(error));
    }
  }
}

const hooks = {
  requests: showRequests,
  state: renew,
  removed(pairing) {
    showRequests(pairing, []);
    notice.say(t('removed', views.namesOf(pairing)));
  },
};

function seen() {
  if (!document.hidden) {
    wake();
    silence();
  }
}

async function start() {
  document.documentElement.lang = language;
  document.getElementById('site').textContent = t('site', { host: location.host });
  try {
    await load();
  } catch {
    place.replaceChildren(para(t('estore')));
    return;
  }
  draw(history.state);
  takeLink();
  watch(hooks);
  addEventListener('hashchange', takeLink);
  addEventListener('popstate', (event) => draw(event.state));
  addEventListener('online', wake);
  document.addEventListener('visibilitychange', seen);
  document.addEventListener('pairings', () => {
    watch(hooks);
    renew();
  });
  navigator.serviceWorker?.addEventListener('message', wake);
  keepPage();
  silence();
  refresh();
}

start();
