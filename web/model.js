/** What a model knows, as the service says it. */

import { readFields } from "./answer.js";
import { keyHeader } from "./key.js";

const TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s
const QUICK_MS = 5000; // an answer is shown without it then
const models = new Map(); // by name and version

/**
 * The model that is served: `name`, `version`, `title` (or null), `classCount` and `labels`.
 *
 * @throws when the service does not say so within the time.
 */
export async function readServed(timeoutMs = TIMEOUT_MS) {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch("model", { headers: keyHeader(), signal, cache: "no-store" });
  const answer = { ok: response.ok, status: response.status, text: await response.text() };
  const fields = readFields(answer, { step: "model" });
  const { model: name, version, title, labels, class_count: classCount } = fields;
  const served = { name, version, title, classCount, labels };
  models.set(keyOf(served), served);
  return served;
}

/** The model with a name and a version; null where it is not the one that the service describes. */
export async function modelOf(wanted) {
  const key = keyOf(wanted);
  if (!models.has(key)) await readServed(QUICK_MS).catch(() => {});
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
