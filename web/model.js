/** What a model knows, as the service describes it. */

import { readFields } from "./answer.js";
import { keyHeader } from "./key.js";

const TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s
const models = new Map(); // by name and version

/**
 * The model that is served: `name`, `version`, `title` (or null), `classCount` and `labels`.
 *
 * @throws {Error} when the service does not describe it within the time.
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

/**
 * The model with a name and a version, as of readServed; null where another one is served.
 *
 * @throws as readServed does.
 */
export async function modelOf(wanted, timeoutMs = TIMEOUT_MS) {
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
