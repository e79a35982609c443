// SPDX-License-Identifier: MIT
// Pairings, in IndexedDB, and the book, a copy in memory. One has id, made,
// issuer, endpoint, name, keys, offset (of the clock); code until it is paired,
// then device, user, status, passcode, lastMs (of changes), next (keys) and push.
// Other tabs change them, too: after waiting, look into the book again.

const NAME = 'factor-authenticator';
const channel = new BroadcastChannel(NAME);

export const book = new Map(); // by id
export const paired = () => [...book.values()].filter(({ device }) => device);

const tell = () => document.dispatchEvent(new Event('pairings'));
channel.onmessage = () => load().then(tell);

// Ends when it is on the disk: no host may know a key that is lost here.
function transact(work) {
  return new Promise((done, fail) => {
    const opening = indexedDB.open(NAME);
    opening.onupgradeneeded = () => opening.result.createObjectStore(NAME, { keyPath: 'id' });
    opening.onerror = fail;
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(NAME, 'readwrite', { durability: 'strict' });
      transaction.oncomplete = () => done(opening.result.close());
      transaction.onabort = fail;
      work(transaction.objectStore(NAME));
    };
  });
}

export function load() {
  return transact((store) => {
    store.getAll().onsuccess = ({ target: { result } }) => {
      book.clear();
      result.sort((a, b) => a.made - b.made).forEach((one) => book.set(one.id, one));
    };
  });
}

async function write(work) {
  await transact(work);
  tell();
  channel.postMessage('');
}

export function keep(pairing) {
  navigator.storage?.persist();
  book.set(pairing.id, pairing);
  return write((store) => store.put(pairing));
}

// Nothing happens to one that is gone.
export function change(id, members) {
  return write((store) => {
    store.get(id).onsuccess = ({ target: { result } }) => {
      if (result) {
        book.set(id, Object.assign(result, members));
        store.put(result);
      }
    };
  });
}

export function remove(id) {
  book.delete(id);
  return write((store) => store.delete(id));
}
