// Keeps the page for when the network does not answer, and photos that other apps share.

const STORE = "warmlens-page";
const SHARED = "warmlens-shared";

// All files or none: `addAll` keeps nothing when one of them does not load.
async function keepAll(files) {
  const store = await caches.open(STORE);
  await store.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
  for (const { url } of await store.keys()) if (!files.includes(url)) await store.delete(url);
}

async function fromNetworkElseKept(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const store = await caches.open(STORE);
    const kept = await store.match(request, { ignoreSearch: true, ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

async function keepShared(request) {
  const files = (await request.formData()).getAll("photos");
  await caches.delete(SHARED);
  const store = await caches.open(SHARED);
  for (const [index, file] of files.entries()) {
    const headers = { "Content-Type": file.type, "X-Name": encodeURIComponent(file.name) };
    await store.put(`shared/${index}`, new Response(file, { headers }));
  }
}

async function takeShare(request) {
  const query = await keepShared(request).then(() => "?shared", () => "?shared=failed");
  return Response.redirect(`./${query}`, 303);
}

self.onactivate = (event) => event.waitUntil(self.clients.claim());

self.oninstall = () => self.skipWaiting();

self.onmessage = (event) => {
  event.waitUntil(keepAll(event.data).catch(() => {})); // the set of the last visit stays
};

self.onfetch = (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  const isShare = url.href === new URL("share", self.registration.scope).href;
  if (request.method === "POST" && isShare) event.respondWith(takeShare(request));
  else if (request.method === "GET" && /\/$|\.\w+$/.test(url.pathname)) {
    event.respondWith(fromNetworkElseKept(request));
  }
};
