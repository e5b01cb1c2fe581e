/** What the page keeps in the browser; where that is denied, it is kept until the page is left. */

/** Kept for the next visit. */
export const forNextVisit = place(() => localStorage);

/** Kept for this tab, over reloads. */
export const forThisTab = place(() => sessionStorage);

function place(storage) {
  const here = new Map();
  return {
    /** The text that was kept under a name, or null. */
    get(name) {
      if (here.has(name)) return here.get(name);
      try {
        return storage().getItem(name);
      } catch {
        return null; // cookies are blocked, and storage with them
      }
    },

    /** Keep a text under a name. */
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
