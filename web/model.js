/** The service's description of its model, and the list of the model's classes on request. */

import { readFields } from "./answer.js";
import { at, make } from "./element.js";
import { CALL_TIMEOUT_MS, keyHeader } from "./key.js";

const models = new Map(); // by name and version

/** The model that is served: `name`, `version`, `title` (or null), `classCount` and `labels`. */
export async function readServed(timeoutMs = CALL_TIMEOUT_MS) {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch("model", { headers: keyHeader(), signal, cache: "no-store" });
  const answer = { ok: response.ok, status: response.status, text: await response.text() };
  const fields = readFields(answer, { step: "model" });
  const { model: name, version, title, labels, class_count: classCount } = fields;
  const served = { name, version, title, classCount, labels };
  models.set(keyOf(served), served);
  return served;
}

/** The model with a name and a version; null where another one is served. */
export async function modelOf(wanted, timeoutMs = CALL_TIMEOUT_MS) {
  const key = keyOf(wanted);
  if (!models.has(key)) await readServed(timeoutMs);
  return models.get(key) ?? null;
}

/** One text for a name and a version. */
export function keyOf({ name, version }) {
  return `${name}@${version}`;
}

/** Its classes in words, such as "30 demo products". */
export function countOf({ title, classCount }) {
  return `${classCount.toLocaleString("en")} ${title ?? "classes"}`;
}

const box = at("known");
const search = at("known-search");

let wanted = null; // name and version of the model; null for the one that is served
let listed = null; // the model whose classes are shown

/** Set the model whose classes are listed; null for the one that is served. */
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
