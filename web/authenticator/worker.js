// SPDX-License-Identifier: MIT
// Keeps the page for when there is no network, and rings when a push message
// comes, of which it reads nothing.

const HOME = new URL('./', location).href;
const FILES = ['', 'app.mjs', 'cards.mjs', 'keys.mjs', 'parts.mjs', 'protocol.mjs', 'push.mjs', 'store.mjs', 'style.css', 'texts.mjs', 'views.mjs', 'waiting.mjs', 'manifest.webmanifest',
  '/common/dom.mjs', '/common/icon.svg', '/common/style.css'].map((file) => new URL(file, HOME).href);
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
  if (event.request.method === 'GET' && FILES.includes(url)) {
    event.respondWith(serve(url));
  }
});

async function serve(url) {
  const cache = await kept;
  try {
    const response = await fetch(url, { cache: 'no-cache', signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) {
      await cache.put(url, response.clone());
      return response;
    }
  } catch { /* no network */ }
  return cache.match(url);
}

async function pages() {
  const all = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  return all.filter(({ url }) => url.startsWith(HOME));
}

addEventListener('push', (event) => event.waitUntil(ring()));

async function ring() {
  const lang = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => TITLE[tag]) ?? 'en';
  (await pages()).forEach((page) => page.postMessage('ring'));
  await registration.showNotification(TITLE[lang], { tag: 'factor', renotify: true, icon: 'icon.png', lang });
}

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(pages().then(([page]) => page ? page.focus() : clients.openWindow(HOME)));
});
