/**
 * Keeps the page's own files, so that it opens without a connection.
 *
 * The network is asked first, always; the cache keeps one whole set, replaced at each visit.
 * Calls of the API and uploads pass by.
 */

const STORE = "warmlens-page";
const FILES = [
  "./",
  "answer.js",
  "api.js",
  "app.js",
  "configuration.json",
  "element.js",
  "favicon.svg",
  "history-item.js",
  "history.css",
  "history.js",
  "index.html",
  "inputs.js",
  "kept.js",
  "key.js",
  "known.js",
  "map.js",
  "model.js",
  "offline.js",
  "photo.css",
  "photos.js",
  "post.js",
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
  "wake.js",
  "samples/galleries.json",
];
const FILES_OF_THE_LOCAL_CLOUD = [
  "fleet.js",
  "local-call.js",
  "local.css",
  "local.js",
  "switch.js",
];
const SAMPLES = new URL("samples/", self.registration.scope).href;
const ALL_FILES = [...FILES, ...FILES_OF_THE_LOCAL_CLOUD];
const KEPT = new Set(ALL_FILES.map((file) => new URL(file, self.registration.scope).href));

/** All files or none: `addAll` keeps nothing when one of them does not load. */
async function keepAll() {
  const files = [...FILES, ...(await filesOfTheService())];
  const store = await caches.open(STORE);
  await store.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
  const wanted = new Set(files.map((file) => new URL(file, self.registration.scope).href));
  for (const { url } of await store.keys()) if (!wanted.has(url)) await store.delete(url);
}

/** What this page shows; samples of other models are not worth a person's data volume. */
async function filesOfTheService() {
  const [configuration, galleries] = await Promise.all(
    ["configuration.json", "samples/galleries.json"].map(async (file) => (await fetch(file)).json()),
  );
  const samples = galleries[configuration.model_name] ?? [];
  const ofTheCloud = configuration.fleet ? FILES_OF_THE_LOCAL_CLOUD : [];
  return [...ofTheCloud, ...samples.map(({ file }) => `samples/${file}`)];
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
  const address = url.origin + url.pathname;
  const isOfThePage = KEPT.has(address) || address.startsWith(SAMPLES);
  if (event.request.method === "GET" && isOfThePage) {
    event.respondWith(fromNetworkElseKept(event));
  }
});
