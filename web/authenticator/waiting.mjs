// SPDX-License-Identifier: MIT
// Asks each host what waits: seldom while the page is hidden, ever later
// without a connection.

import { fetchRequests, settle } from './protocol.mjs';
import { book, change, paired, remove } from './store.mjs';

const HELD_S = 50;
const HIDDEN_MS = 30000;
const LONGEST_MS = 60000;
const PATIENCE_MS = HELD_S * 1000 + 15000;

const watched = new Map(); // by pairing's id: {state: wait, ready or offline; wake()}

export const wake = () => watched.forEach((own) => own.wake());

// Of them all, the worst.
export const state = () => ['offline', 'wait'].find((worst) =>
  [...watched.values()].some((own) => own.state === worst)) ?? 'ready';

// hooks: requests(pairing, list), state(), removed(pairing)
export function watch(hooks) {
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
    try {
      await look(id, own, AbortSignal.any([woken.signal, AbortSignal.timeout(PATIENCE_MS)]), hooks);
      failures = 0;
      own.state = 'ready';
      pause = document.hidden ? HIDDEN_MS : pause;
    } catch (error) {
      const pairing = book.get(id);
      if (error.code === 'NOT_PAIRED' && pairing) {
        await remove(id);
        hooks.removed(pairing);
      } else if (!woken.signal.aborted) {
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

// Not held back at first, nor while a request may be cancelled, or a pairing
// confirmed.
async function look(id, own, signal, hooks) {
  await settle(id);
  const idle = own.state === 'ready' && !own.count && book.get(id).status !== 'ACTIVATION_REQUIRED';
  const { status, requests } = await fetchRequests(id, { signal, wait: idle && !document.hidden && HELD_S });
  own.count = requests.length;
  await (status !== book.get(id).status && change(id, { status }));
  hooks.requests(book.get(id), requests.filter(({ kind }) => kind === 'authentication'));
}
