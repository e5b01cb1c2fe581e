const LOOK_AGAIN_MS = 1000;
const OF_THE_PAGE = /\/$|\.(html|js|css|svg|png|jpg|json|webmanifest)$/;

export function keepForOffline(isInUse) {
  const keep = async () => {
    if (isInUse()) return void setTimeout(keep, LOOK_AGAIN_MS);
    await navigator.serviceWorker?.register("worker.js");
    const { active } = await navigator.serviceWorker.ready;
    active.postMessage(files());
  };
  const keepIfAllowed = () => setTimeout(() => keep().catch(() => {}), LOOK_AGAIN_MS);
  if (document.readyState === "complete") keepIfAllowed();
  else addEventListener("load", keepIfAllowed);
}

function files() {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const page = new URL("./", document.baseURI).href;
  const own = [page, `${page}index.html`, `${page}manifest.webmanifest`, ...loaded]
    .map((file) => file.split("?")[0])
    .filter((file) => file.startsWith(page) && OF_THE_PAGE.test(file.slice(page.length - 1)));
  return [...new Set(own)];
}
