// SPDX-License-Identifier: MIT
// Asks each host what waits: held back by it while somebody looks at the
// page, seldom while it is hidden, ever later without a connection.

import { fetchRequests, isLost, settle } from './protocol.mjs';
import { book, change, paired, remove } from './store.mjs';

const HELD_S = 50;
const HIDDEN_MS = 30000;
const LONGEST_MS = 60000;

const watched = new Map(); // by pairing's id: {state: wait, ready or offline; wake()}

export const wake = () => watched.forEach((own) => own.wake());

// Of them all, the worst.
export const state = () => ['offline', 'wait'].find((worst) =>
  [...watched.values()].some((own) => own.state === worst)) ?? 'ready';

// hooks: requests(pairing, list), state(), removed(pairing)
export function watch(hooks) {
  for (const { id } of paired().filter((one) => !watched.has(one.id))) {
    watched.set(id, { state: 'wait' });
    loop(id, watched.get(id), hooks).finally(() => watched.delete(id));
  }
}

async function loop(id, own, hooks) {
  let failures = 0;
  while (book.has(id)) {
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(late), (HELD_S + 15) * 1000);
    const began = Date.now();
    let pause = 0;
    own.wake = () => abort.abort();
    try {
      const count = await look(id, abort.signal, hooks);
      failures = 0;
      own.state = 'ready';
      pause = document.hidden ? HIDDEN_MS : count || Date.now() < began + 500 ? 1000 : 0;
    } catch (error) {
      const pairing = book.get(id);
      if (error.code === 'NOT_PAIRED' && pairing) {
        await remove(id);
        hooks.removed(pairing);
      } else if (!abort.signal.aborted || abort.signal.reason === late) {
        failures += 1;
        own.state = isLost(error) ? 'offline' : 'ready';
        pause = Math.max(error.retryAfter * 1000 || 0,
          Math.min(LONGEST_MS, 1000 * 2 ** failures) * (0.7 + Math.random() * 0.3));
      }
    }
    clearTimeout(late);
    hooks.state();
    await new Promise((done) => {
      own.wake = done;
      setTimeout(done, pause);
    });
  }
}

async function look(id, signal, hooks) {
  await settle(id);
  const { status, requests } = await fetchRequests(id, { signal, wait: !document.hidden && HELD_S });
  if (book.get(id).status !== status) {
    await change(id, (pairing) => { pairing.status = status; });
  }
  hooks.requests(book.get(id), requests.filter(({ kind }) => kind === 'authentication'));
  return requests.length;
}
