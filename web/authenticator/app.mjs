// SPDX-License-Identifier: MIT
// The page: which view is shown, and what moves it.

import { showRequests } from './cards.mjs';
import { heading, para, region } from './parts.mjs';
import { readLink } from './protocol.mjs';
import { keepPage, refresh, silence } from './push.mjs';
import { book, load, paired } from './store.mjs';
import { language, problem, t } from './texts.mjs';
import * as views from './views.mjs';
import { wake, watch } from './waiting.mjs';

const place = document.getElementById('view');
const notice = region('notice');
let current = {};
let link; // that was opened; it holds a key, and so it is in no history

// What a view is about: it is drawn anew if that has changed.
const stamp = (name, arg) => JSON.stringify((name === 'home' ? paired() : [book.get(arg)])
  .map((one) => [one?.id, one?.status, one?.push]));

function draw(entry) {
  const { name, arg } = entry?.name === 'add' || book.has(entry?.arg) ? entry : { name: 'home' };
  const again = current.name === name && current.arg === arg && !place.contains(document.activeElement);
  const [title, ...nodes] = views[name](name === 'add' ? link : book.get(arg));
  const head = heading(title);
  link = name === 'add' ? link : undefined;
  current = { name, arg, stamp: stamp(name, arg) };
  place.replaceChildren(head, notice.node, ...nodes.filter(Boolean));
  document.title = `${title} – Authenticator`;
  again || head.focus();
}

// over: no way leads back to what stands here. With home, arg is said there.
export function go(name, arg, over) {
  const entry = name === 'home' ? { name } : { name, arg };
  history[over ? 'replaceState' : 'pushState'](entry, '');
  draw(entry);
  notice.say(name === 'home' && arg);
}

export const back = () => history.back();

// Out of the address bar before anything else.
function takeHash() {
  const text = location.hash;
  history.replaceState(history.state, '', location.pathname);
  return text;
}

function follow(text) {
  try {
    link = readLink(text);
    link && go('add');
  } catch (error) {
    go('home', problem(error));
  }
}

const hooks = {
  requests: showRequests,
  state: views.showState,
  removed(pairing) {
    showRequests(pairing, []);
    notice.say(t('removed', views.namesOf(pairing)));
  },
};

function changed() {
  watch(hooks);
  current.stamp === stamp(current.name, current.arg) || draw(current);
}

const opened = takeHash();
document.documentElement.lang = language;
document.getElementById('site').textContent = t('site', { host: location.host });

load().then(() => {
  draw(history.state);
  follow(opened);
  changed();
  addEventListener('hashchange', () => follow(takeHash()));
  addEventListener('popstate', ({ state }) => draw(state));
  addEventListener('online', wake);
  document.addEventListener('visibilitychange', () => document.hidden || wake() || silence());
  document.addEventListener('pairings', changed);
  Promise.all([keepPage(), silence(), refresh()]).catch(() => {});
}, () => place.replaceChildren(para(t('estore'))));
