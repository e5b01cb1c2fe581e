/**
 * Keeps the page's own files, so that it opens without a connection.
 *
 * The network is asked first, always; what is kept is one whole set, taken anew at each visit.
 * Calls of the API and uploads pass by.
 */

const STORE = "warmlens-page";
const FILES = [
  "./",
  "api.js",
  "app.js",
  "configuration.json",
  "favicon.svg",
  "fleet.css",
  "fleet.js",
  "history-item.js",
  "history.css",
  "history.js",
  "inputs.js",
  "key.js",
  "photo.css",
  "photos.js",
  "problems.js",
  "result.css",
  "result.js",
  "samples.js",
  "shrink.js",
  "small.css",
  "storage.js",
  "style.css",
  "thumbnail.js",
  "upload.js",
  "view.js",
  "samples/barista-carton.jpg",
  "samples/cat.jpg",
  "samples/cherry-jar.jpg",
  "samples/coffee.jpg",
  "samples/decaf-pouch.jpg",
  "samples/flower.jpg",
  "samples/galleries.json",
  "samples/mango-can.jpg",
  "samples/mint-bottle.jpg",
  "samples/rocket.jpg",
  "samples/sage-tube.jpg",
  "samples/sesame-box.jpg",
  "samples/vanilla-tub.jpg",
];
const KEPT = new Set(FILES.map((file) => new URL(file, self.registration.scope).href));

/** All files or none: `addAll` keeps nothing when one of them is not to be had. */
async function keepAll() {
  const store = await caches.open(STORE);
  await store.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
}

async function fromNetworkElseKept(event) {
  try {
    const response = await fetch(event.request);
    if (event.request.mode === "navigate" && response.ok) {
      event.waitUntil(keepAll().catch(() => {})); // the set of the last visit stays
    }
    return response;
  } catch (error) {
    const store = await caches.open(STORE);
    const kept = await store.match(event.request, { ignoreSearch: true, ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepAll());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && KEPT.has(url.origin + url.pathname)) {
    event.respondWith(fromNetworkElseKept(event));
  }
});
