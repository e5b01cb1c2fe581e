// The model that is served, and the list of its classes on request.

import { call } from "./call.js";
import { at, make, say } from "./element.js";
import { sayWhy } from "./problems.js";

const models = new Map(); // by name and version

export async function readServed(timeoutMs) {
  const fields = await call("model", { timeoutMs, cache: "no-store" });
  const { model: name, version, title, labels, class_count: classCount } = fields;
  const served = { name, version, title, classCount, labels };
  models.set(keyOf(served), served);
  return served;
}

// The model with a name and a version; null where another one is served.
export async function modelOf(wanted, timeoutMs) {
  const key = keyOf(wanted);
  if (!models.has(key)) await readServed(timeoutMs);
  return models.get(key) ?? null;
}

export const keyOf = ({ name, version }) => `${name}@${version}`;

// Such as "30 demo products".
export function countOf({ title, classCount }) {
  return `${classCount.toLocaleString("en")} ${title ?? "classes"}`;
}

const box = at("known");
const search = at("known-search");

let wanted = null; // null for the model that is served
let listed = null; // the model whose classes are shown

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
  } catch (error) {
    if (asked !== wanted) return;
    show(`The classes could not be read. ${sayWhy(error)} To do so, close and open this list.`);
  }
}

function show(problem) {
  const labels = listed?.labels ?? [];
  const words = search.value.trim().toLowerCase();
  const found = labels.filter((label) => label.toLowerCase().includes(words));
  const few = found.length < labels.length ? `${found.length.toLocaleString("en")} of ` : "";
  say("known-count", problem || `${few}${countOf(listed)}`);
  const sorted = found.sort(new Intl.Collator("en").compare);
  at("known-labels").replaceChildren(...sorted.map((label) => make("li", "", label)));
}

box.ontoggle = () => box.open && !listed && load();
search.oninput = () => listed && show("");
