/** Wake ahead: instances start while a person is still choosing a photo. */

import { keyHeader } from "./key.js";

// An idle instance lives for 5 minutes at least, as far as anyone has seen (docs/decisions/0099);
// one of them is left for choosing and uploading.
const FRESH_MS = 4 * 60_000;
const TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s
const CARDS = [".photo-card", ".samples-card"];

let onAnswer = null; // null while the service asks for no wakeups
let asksForKey = false;
let uploadsAll = false;
let lastContactMs = -Infinity;
let lastTryMs = -Infinity;
let isWaking = false;

/**
 * Begin to wake an instance: now, and whenever a photo is about to be chosen and the last contact
 * with an instance is minutes old.
 *
 * @param {object | null} configuration the service's own, whose `wake_ahead` says whether to.
 * @param {(isReady: boolean) => void} show called after each wakeup.
 */
export function wakeAhead(configuration, show) {
  if (!configuration?.wake_ahead) return;
  onAnswer = show;
  asksForKey = configuration.auth === "api_key";
  uploadsAll = !configuration.max_in_request_bytes;
  for (const card of CARDS.map((name) => document.querySelector(name))) {
    for (const type of ["pointerover", "focusin", "click"]) card.addEventListener(type, wake);
  }
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
  const isReady = await send("wakeup", { method: "wakeup" });
  isWaking = false;
  if (isReady) noteContact();
  onAnswer(isReady);
}

/** Try again after a failure, as the key or the connection is another one. */
export function wakeAgain() {
  lastTryMs = -Infinity;
  wake();
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
      signal: AbortSignal.timeout(TIMEOUT_MS),
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
