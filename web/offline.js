/** Keeping the page, so that it opens without a connection. */

const LOOK_AGAIN_MS = 1000;

/**
 * Have the page's files kept as soon as the connection is not needed for something else: when the
 * page has loaded, and while no photo is sent. The page works all the same without.
 *
 * @param {() => boolean} isInUse returns whether a photo is being sent.
 */
export function keepForOffline(isInUse) {
  const keep = () => {
    if (isInUse()) return void setTimeout(keep, LOOK_AGAIN_MS);
    navigator.serviceWorker?.register("worker.js").catch(() => {});
  };
  if (document.readyState === "complete") keep();
  else addEventListener("load", keep);
}
