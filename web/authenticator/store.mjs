// SPDX-License-Identifier: MIT
// Pairings, in IndexedDB, and the book, a copy of them in memory. One has
//   id, made, issuer, endpoint, name, keys, offset
//   code            the pairing key, until it is paired; and then
//   device, user, status, passcode, lastMs
//   next            keys that are to be the keys
//   push            where push messages go
// Other tabs may change it: after waiting, look into the book again.

const NAME = 'factor-authenticator';
const channel = new BroadcastChannel(NAME);

export const book = new Map(); // by id
export const paired = () => [...book.values()].filter(({ device }) => device);

const tell = () => document.dispatchEvent(new Event('pairings'));
channel.onmessage = () => load().then(tell);

function changed() {
  tell();
  channel.postMessage('');
}

// Ends when it is on the disk: no host may know a key that is lost here.
function transact(work) {
  return new Promise((done, fail) => {
    const opening = indexedDB.open(NAME, 1);
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
    store.getAll().onsuccess = ({ target }) => {
      book.clear();
      target.result.sort((a, b) => a.made - b.made).forEach((one) => book.set(one.id, one));
    };
  });
}

export async function add(pairing) {
  await transact((store) => store.put(pairing));
  book.set(pairing.id, pairing);
}

// alter(pairing) changes it; nothing happens to one that is gone.
export async function change(id, alter) {
  await transact((store) => {
    store.get(id).onsuccess = ({ target: { result: one } }) => {
      if (one) {
        alter(one);
        store.put(one);
        book.set(id, one);
      }
    };
  });
  changed();
}

export async function remove(id) {
  await transact((store) => store.delete(id));
  book.delete(id);
  changed();
}
