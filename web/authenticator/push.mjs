// SPDX-License-Identifier: MIT
// The service worker. A registration has one subscription, under one issuer's
// key: so each issuer has a registration.

import { encode } from './keys.mjs';
import { discover, sendPush } from './protocol.mjs';
import { book, change, paired } from './store.mjs';

const { serviceWorker } = navigator;
const policy = window.trustedTypes?.createPolicy('worker', { createScriptURL: () => 'worker.js' });

const register = (scope) => serviceWorker.register(policy?.createScriptURL('') ?? 'worker.js', { scope });

export const keepPage = () => serviceWorker && register('./');
export const canPush = () => 'PushManager' in window && 'Notification' in window;

async function bellOf(issuer) {
  const bell = await register(`./push/${encode(issuer)}/`);
  while (!bell.active) {
    await new Promise((done) => setTimeout(done, 50));
  }
  return bell;
}

async function tellHost(id, address) {
  await sendPush(id, address && `webpush:${JSON.stringify(address)}`);
  await change(id, { push: address?.endpoint });
}

// Gives the text that says why not, or nothing.
export async function turnOn(id) {
  const { issuer } = book.get(id);
  const allowed = await Notification.requestPermission() === 'granted';
  const { vapid_public_key: key } = await discover(issuer);
  const address = allowed && key && await bellOf(issuer).then(({ pushManager }) =>
    pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).catch(() => {});
  return address ? tellHost(id, address) : 'pushNone';
}

export async function turnOff(id) {
  await tellHost(id, null);
  await drop(book.get(id));
}

// The last pairing of an issuer takes its registration along.
export async function drop({ issuer }) {
  if (serviceWorker && !paired().some((one) => one.issuer === issuer && one.push)) {
    await (await bellOf(issuer)).unregister();
  }
}

// Browsers change addresses now and then.
export async function refresh() {
  for (const { id, issuer, push } of paired().filter((one) => one.push)) {
    const address = await (await bellOf(issuer)).pushManager.getSubscription();
    await (address?.endpoint !== push && tellHost(id, address));
  }
}

export async function silence() {
  for (const one of await serviceWorker?.getRegistrations() ?? []) {
    (await one.getNotifications({ tag: 'factor' })).forEach((ring) => ring.close());
  }
}
