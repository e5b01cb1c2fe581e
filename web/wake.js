// Instances start while a person is still choosing a photo.

import { call } from "./call.js";
import { keyHeader } from "./key.js";

// An idle instance lives for 5 minutes at least (docs/decisions/0099).
const FRESH_MS = 4 * 60_000;

let onAnswer = () => {};
let config = null; // null while the service asks for no wakeups
let lastContactMs = -Infinity;
let lastTryMs = -Infinity;
let isWaking = false;

// Wake now and before a photo is chosen; `show` gets whether a wakeup was answered.
export function wakeAhead(known, show) {
  if (!known?.wake_ahead) return;
  config = known;
  onAnswer = show;
  const card = document.querySelector(".photo-card");
  for (const type of ["pointerover", "focusin", "click"]) card.addEventListener(type, wake);
  addEventListener("dragenter", wake);
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wakeAgain);
  wake();
}

// Wake if that is due; a failure is left to the photo, which says what is wrong.
export async function wake() {
  if (!isDue()) return;
  isWaking = true;
  lastTryMs = Date.now();
  if (!config.max_in_request_bytes) isAnswered("uploads?start", { bytes: 1 }); // signing starts cold, too
  const isReady = await wakeNow();
  isWaking = false;
  if (isReady) noteContact();
  onAnswer(isReady);
}

// The key or the connection is another one.
export function wakeAgain() {
  lastTryMs = -Infinity;
  wake();
}

export const wakeNow = () => isAnswered("wakeup", { method: "wakeup" });

export function noteContact() {
  lastContactMs = Date.now();
}

function isAnswered(path, body) {
  return call(path, { body }).then(() => true, () => false);
}

function isDue() {
  if (!config || isWaking || document.hidden || !navigator.onLine) return false;
  if (config.auth === "api_key" && !("X-Api-Key" in keyHeader())) return false;
  return Date.now() - Math.max(lastContactMs, lastTryMs) >= FRESH_MS;
}
