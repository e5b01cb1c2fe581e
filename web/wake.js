/** Wake ahead: instances start while a person is still choosing a photo. */

import { CALL_TIMEOUT_MS, keyHeader } from "./key.js";

// An idle instance lives for 5 minutes at least (docs/decisions/0099); one is left for choosing.
const FRESH_MS = 4 * 60_000;

let onAnswer = null; // null while the service asks for no wakeups
let asksForKey = false;
let uploadsAll = false;
let lastContactMs = -Infinity;
let lastTryMs = -Infinity;
let isWaking = false;

/**
 * Wake an instance now, and whenever a photo is about to be chosen and the last contact with one is
 * minutes old; `show` is called after each wakeup with whether it was answered.
 */
export function wakeAhead(configuration, show) {
  if (!configuration?.wake_ahead) return;
  onAnswer = show;
  asksForKey = configuration.auth === "api_key";
  uploadsAll = !configuration.max_in_request_bytes;
  const card = document.querySelector(".photo-card");
  for (const type of ["pointerover", "focusin", "click"]) card.addEventListener(type, wake);
  addEventListener("dragenter", wake);
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wakeAgain);
  wake();
}

/** Wake instances if that is due; a failure is left to the photo, which says what is wrong. */
export async function wake() {
  if (!isDue()) return;
  isWaking = true;
  lastTryMs = Date.now();
  if (uploadsAll) send("uploads?start", { bytes: 1 }); // what signs uploads starts cold, too
  const isReady = await wakeNow();
  isWaking = false;
  if (isReady) noteContact();
  onAnswer(isReady);
}

/** Try again after a failure, as the key or the connection is another one. */
export function wakeAgain() {
  lastTryMs = -Infinity;
  wake();
}

/** Wake an instance, due or not; returns whether it answered. */
export function wakeNow() {
  return send("wakeup", { method: "wakeup" });
}

/** Note that an instance has answered, so that it need not be woken for a while. */
export function noteContact() {
  lastContactMs = Date.now();
}

async function send(call, body) {
  try {
    const response = await fetch(call, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...keyHeader() },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    await response.text(); // unread, it would keep its connection
    return response.ok;
  } catch {
    return false; // no connection, or no answer in time
  }
}

function isDue() {
  if (!onAnswer || isWaking || document.hidden || !navigator.onLine) return false;
  if (asksForKey && !("X-Api-Key" in keyHeader())) return false;
  return Date.now() - Math.max(lastContactMs, lastTryMs) >= FRESH_MS;
}
