// SPDX-License-Identifier: MIT
// The service worker: it keeps the page for when there is no network, and
// rings. A registration has one subscription, under one issuer's key: so each
// issuer has a registration.

import { encode } from './keys.mjs';
import { discover, sendPush } from './protocol.mjs';
import { book, change, paired } from './store.mjs';

const { serviceWorker } = navigator;
const policy = window.trustedTypes?.createPolicy('worker', { createScriptURL: () => 'worker.js' });

const register = (scope) => serviceWorker.register(policy?.createScriptURL('') ?? 'worker.js', { scope });

export const keepPage = () => serviceWorker && register('./');
export const canPush = () => 'PushManager' in window && 'Notification' in window;

async function bellOf({ issuer }) {
  const bell = await register(`./push/${encode(issuer)}/`);
  while (!bell.active) {
    await new Promise((done) => setTimeout(done, 50));
  }
  return bell;
}

// Gives the text that says why not, or nothing.
export async function turnOn(id) {
  const allowed = await Notification.requestPermission() === 'granted';
  const { vapid_public_key: key } = await discover(book.get(id).issuer);
  if (allowed && key) {
    const { pushManager } = await bellOf(book.get(id));
    const address = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch(() => {});
    return address ? tellHost(id, address) : 'pushNone';
  }
  return 'pushNone';
}

async function tellHost(id, address) {
  await sendPush(id, address && `webpush:${JSON.stringify(address)}`);
  await change(id, (pairing) => { pairing.push = address?.endpoint; });
}

export async function turnOff(id) {
  await tellHost(id, null);
  await drop(book.get(id));
}

// The last pairing of an issuer takes its registration along.
export async function drop({ issuer }) {
  if (serviceWorker && !paired().some((one) => one.issuer === issuer && one.push)) {
    await (await bellOf({ issuer })).unregister();
  }
}

// Browsers change addresses now and then.
export async function refresh() {
  for (const pairing of paired().filter(({ push }) => push)) {
    const address = await (await bellOf(pairing)).pushManager.getSubscription();
    if (address && address.endpoint !== pairing.push) {
      await tellHost(pairing.id, address);
    }
  }
}

export async function silence() {
  const all = await serviceWorker?.getRegistrations() ?? [];
  all.forEach(async (one) => (await one.getNotifications({ tag: 'factor' })).forEach((ring) => ring.close()));
}
