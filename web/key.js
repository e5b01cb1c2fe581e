/** The API key that the page was opened with, at the end of its address: `#key=...`. */

import { forThisTab } from "./storage.js";

const STORED = "warmlens-api-key";

/**
 * Take the key out of the address, where it could be seen and copied along; a tab keeps it. Returns
 * whether there was one.
 */
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return false;
  forThisTab.set(STORED, given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** The header with the key; none without a key. */
export function keyHeader() {
  const key = forThisTab.get(STORED);
  return key ? { "X-Api-Key": key } : {};
}
