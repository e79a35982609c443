// SPDX-License-Identifier: MIT
// Keeps the page for when there is no network, and rings for a push message,
// of which it reads nothing.

const HOME = new URL('./', location).href;
const OURS = 'app cards keys parts protocol push store texts views waiting'.split(' ').map((name) => `${name}.mjs`);
const FILES = ['', ...OURS, 'style.css', 'manifest.webmanifest', '/common/dom.mjs', '/common/icon.svg', '/common/style.css']
  .map((file) => new URL(file, HOME).href);
const TITLE = { en: 'Sign-on waiting', de: 'Anmeldung wartet' };
const PATIENCE_MS = 4000;

const kept = caches.open('factor-authenticator');

addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(kept.then((cache) => cache.addAll(FILES)));
});

// The network first, so that the page is new and of one piece.
addEventListener('fetch', (event) => {
  const [url] = event.request.url.split(/[?#]/);
  FILES.includes(url) && event.respondWith(serve(url));
});

async function serve(url) {
  const cache = await kept;
  const response = await fetch(url, { cache: 'no-cache', signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => {});
  if (response?.ok) {
    await cache.put(url, response.clone());
    return response;
  }
  return cache.match(url);
}

addEventListener('push', (event) => {
  const lang = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => TITLE[tag]) ?? 'en';
  event.waitUntil(registration.showNotification(TITLE[lang], { tag: 'factor', renotify: true, icon: 'icon.png', lang }));
});

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open() {
  const all = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = all.find(({ url }) => url.startsWith(HOME));
  return page ? page.focus() : clients.openWindow(HOME);
}
