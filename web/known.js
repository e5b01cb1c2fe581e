/** The list of the classes that a model knows, on request. */

import { at, make } from "./element.js";
import { countOf, modelOf, readServed } from "./model.js";

const box = at("known");
const search = at("known-search");

let wanted = null; // name and version of the model; null for the one that is served
let listed = null; // the model whose classes are shown

/** Say of which model the list is. */
export function listOf(model) {
  wanted = model;
  listed = null;
  if (box.open) load();
}

async function load() {
  const asked = wanted;
  show("Reading the classes…");
  try {
    const model = await (asked ? modelOf(asked) : readServed());
    if (asked !== wanted) return;
    listed = model;
    show(model ? "" : "Another model is served now, so the classes of this one cannot be read.");
  } catch {
    if (asked === wanted) show("The classes could not be read. Close this list and open it again.");
  }
}

function show(problem) {
  const labels = listed?.labels ?? [];
  const words = search.value.trim().toLowerCase();
  const found = labels.filter((label) => label.toLowerCase().includes(words));
  const few = found.length < labels.length ? `${found.length.toLocaleString("en")} of ` : "";
  at("known-count").textContent = problem || `${few}${countOf(listed)}`;
  const sorted = found.sort(new Intl.Collator("en").compare);
  at("known-labels").replaceChildren(...sorted.map((label) => make("li", "", label)));
}

box.addEventListener("toggle", () => box.open && !listed && load());
search.addEventListener("input", () => listed && show(""));
