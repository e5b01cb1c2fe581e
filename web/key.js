/** The browser's storage, or memory where it is denied, and the API key (`#key=...`) in it. */

/** Kept for the next visit. */
export const forNextVisit = place(() => localStorage);

/** Kept for this tab, over reloads. */
export const forThisTab = place(() => sessionStorage);

function place(storage) {
  const here = new Map();
  return {
    get(name) {
      if (here.has(name)) return here.get(name);
      try {
        return storage().getItem(name);
      } catch {
        return null; // cookies are blocked, and storage with them
      }
    },

    set(name, text) {
      try {
        storage().setItem(name, text);
        here.delete(name);
      } catch {
        here.set(name, text); // blocked, or full
      }
    },
  };
}

const KEY_STORED = "warmlens-api-key";

/** Take the key out of the address, where it could be copied along; returns whether there was one. */
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return false;
  forThisTab.set(KEY_STORED, given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** The time after which a call is given up; API Gateway itself gives up after 29 s. */
export const CALL_TIMEOUT_MS = 35_000;

/** The header with the key; empty without a key. */
export function keyHeader() {
  const key = forThisTab.get(KEY_STORED);
  return key ? { "X-Api-Key": key } : {};
}
