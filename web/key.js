// The browser's storage, or memory where it is denied, and the API key in it.

export const forNextVisit = place(() => localStorage);
const forThisTab = place(() => sessionStorage); // also over reloads

function place(storage) {
  const here = new Map();
  return {
    get: (name) => here.get(name) ?? elseNull(() => storage().getItem(name)),
    set(name, text) {
      here.set(name, text);
      elseNull(() => storage().setItem(name, text));
    },
  };
}

// Cookies are blocked, and storage with them; or it is full.
function elseNull(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

const KEY_STORED = "warmlens-api-key";

// Take the key out of the address; returns whether there was one.
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return false;
  forThisTab.set(KEY_STORED, given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

export function keyHeader() {
  const key = forThisTab.get(KEY_STORED);
  return key ? { "X-Api-Key": key } : {};
}
