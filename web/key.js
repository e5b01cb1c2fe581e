/** The API key that the page was opened with, at the end of its address: `#key=...`. */

import { forThisTab } from "./storage.js";

const STORED = "warmlens-api-key";

/** The header with the key, kept for this tab so that a reload needs no key; none without a key. */
export function keyHeader() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    forThisTab.set(STORED, given);
    history.replaceState(null, "", location.pathname + location.search); // not left to be copied
  }
  const key = forThisTab.get(STORED);
  return key ? { "X-Api-Key": key } : {};
}
