// Keeps the whole page in this browser, so that it opens and pays without a network.
//
// Everything comes from one cache whose name is the version of all files together: nobody ever runs half
// of one version and half of another. Answers of the server are never kept.

importScripts('/built/files.js');

const { version, files } = self.florin;
const cacheName = `florin-${version}`;

self.addEventListener('install', (event) => {
  // What is sent while a page goes, such as the end of a strict session, must not wait for a worker.
  event.addRoutes?.([{ condition: { requestMethod: 'POST' }, source: 'network' }]);
  event.waitUntil((async () => {
    const cache = await caches.open(cacheName);
    await cache.addAll(files.map((file) => new Request(file, { cache: 'reload' })));
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith('florin-') && name !== cacheName)
      .map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  const file = mode === 'navigate' && pathname === '/index.html' ? '/' : pathname;
  if (method !== 'GET' || origin !== self.location.origin || !files.includes(file)) return;
  event.respondWith((async () => await (await caches.open(cacheName)).match(file) ?? fetch(event.request))());
});
