// SPDX-License-Identifier: MIT
// Asks each host what waits: by a stream, or by calls that it holds where none
// comes through; seldom while the page is hidden, ever later without a
// connection.

import { fetchRequests, settle } from './protocol.mjs';
import { book, change, paired, remove } from './store.mjs';

const HELD_S = 50;
const HIDDEN_MS = 30000;
const LONGEST_MS = 60000;
const PATIENCE_MS = HELD_S * 1000 + 15000;

// By pairing's id: {state: wait, ready or offline; known: the last answer;
// plain: without a stream; heard: by this call; wake()}
const watched = new Map();

export const wake = () => watched.forEach((own) => own.wake());

// Of them all, the worst.
export const state = () => ['offline', 'wait'].find((worst) =>
  [...watched.values()].some((own) => own.state === worst)) ?? 'ready';

// hooks: requests(pairing, list), state(), removed(pairing)
export function watch(hooks) {
  watched.forEach((own, id) => book.has(id) || own.wake());
  for (const { id } of paired().filter((one) => !watched.has(one.id))) {
    const own = { state: 'wait' };
    watched.set(id, own);
    loop(id, own, hooks).finally(() => watched.delete(id));
  }
}

async function loop(id, own, hooks) {
  let failures = 0;
  while (book.has(id)) {
    const woken = new AbortController();
    let pause = 1000;
    own.wake = () => woken.abort();
    own.heard = false;
    try {
      await look(id, own, woken.signal, hooks);
      failures = 0;
      pause = document.hidden ? HIDDEN_MS : pause;
    } catch (error) {
      const pairing = book.get(id);
      failures = own.heard ? 0 : failures;
      own.plain = !own.plain && !own.heard && !woken.signal.aborted && error.code === 'offline';
      if (error.code === 'NOT_PAIRED' && pairing) {
        await remove(id);
        hooks.removed(pairing);
      } else if (own.plain) {
        pause = 0; // perhaps they come through
      } else if (!woken.signal.aborted && !(own.heard && error.code === 'INVALID_STATEMENT')) { // of keys that were renewed
        failures += 1;
        own.state = 'offline';
        pause = Math.max(error.retryAfter * 1000 || 0, Math.min(LONGEST_MS, 700 * 2 ** failures) * (1 + Math.random() / 2));
      }
    }
    hooks.state();
    await new Promise((done) => {
      own.wake = done;
      setTimeout(done, pause);
    });
  }
}

async function look(id, own, woken, hooks) {
  const hear = async (answer) => {
    const { status, requests } = own.known = answer;
    own.heard = true;
    own.state = 'ready';
    await (status !== book.get(id).status && change(id, { status }));
    hooks.requests(book.get(id), requests.filter(({ kind }) => kind === 'authentication'));
    hooks.state();
  };
  const plain = own.plain || document.hidden;
  await settle(id);
  const answer = await fetchRequests(id, plain
    ? { signal: AbortSignal.any([woken, AbortSignal.timeout(PATIENCE_MS)]), known: own.known, wait: !document.hidden && own.known && HELD_S }
    : { signal: woken, each: hear });
  await (answer && hear(answer));
  own.plain ||= !plain && Boolean(answer); // the host has no streams
}
