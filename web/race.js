/** Cold against warm: the time and the price of calls of both kinds that this page has made. */

import { repeat } from "./api.js";
import { at } from "./element.js";
import { duration } from "./result.js";
import { wakeNow } from "./wake.js";

const CALLS_AT_ONCE = 6; // at once by HTTP/1
const SHORTEST_SCALE_MS = 500;
const lanes = { cold: null, warm: null }; // the last call of each kind: its time and its answer
let prices;
let startFresh; // only the local cloud can
let since = 0; // when the running race began; 0 without one

/** Offer the race; `findOutcome` returns the outcome to repeat, or null. */
export function offerRace(configuration, findOutcome) {
  prices = configuration?.prices ?? null;
  if (prices) at("race-note").textContent = note();
  at("race").addEventListener("click", async () => {
    at("race").disabled = true;
    try {
      const outcome = await findOutcome();
      at("race-said").textContent = outcome ? await race(outcome) : "Send a photo first.";
    } catch (error) {
      at("race-said").textContent = `The race was not finished: ${error.message}`;
    }
    at("race").disabled = false;
    since = 0;
    show();
  });
}

/** Use the local cloud's `start`, after which the next call starts an instance. */
export function raceBy(start) {
  startFresh = start;
  if (prices) at("race-note").textContent = note();
}

/** Note the call that has answered a photo. */
export function noteCall({ answer, browserMs }) {
  if (!since) keep(answer, browserMs.classification);
  show();
}

function keep(answer, ms) {
  if (answer.coldStart !== null) lanes[answer.coldStart ? "cold" : "warm"] = { answer, ms };
}

async function race(outcome) {
  at("race-said").textContent = "Waking an instance…";
  await wakeNow();
  await startFresh?.();
  const calls = startFresh ? 2 : CALLS_AT_ONCE;
  at("race-said").textContent = `${calls} calls with the same photo, at once…`;
  lanes.cold = lanes.warm = null;
  since = performance.now();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(tick);
  const ended = await Promise.allSettled(Array.from({ length: calls }, () => one(outcome)));
  const failed = ended.filter(({ status }) => status === "rejected").length;
  const rest = failed > 0 ? ` ${failed} of ${calls} calls were not answered.` : "";
  return said(failed === calls) + rest;
}

/** The first call of each kind that ends is the one shown. */
async function one(outcome) {
  const startMs = performance.now();
  const answer = await repeat(outcome);
  const lane = answer.coldStart ? "cold" : "warm";
  if (!lanes[lane]) keep(answer, performance.now() - startMs);
  show();
}

function said(haveAllFailed) {
  const { cold, warm } = lanes;
  if (cold && warm) {
    const times = (cold.ms / warm.ms).toFixed(1);
    return `The cold call took ${times} times as long: its instance had to start first.`;
  }
  if (warm) return "All calls met a warm instance.";
  if (cold) return "All calls met a cold start: no instance was warm. Try again now.";
  return haveAllFailed ? "" : "The service does not say which calls were cold.";
}

function note() {
  const what = `Price per 1,000 photos in ${prices.region}: request, API call and ${prices.memory_mb.toLocaleString("en")} MB for the time in the function, its start included. Free tier, storage and transfer are left out.`;
  if (startFresh) return `${what} The times are this machine's, not AWS's.`;
  return `${what} A race sends the photo ${CALLS_AT_ONCE} times at once: calls beyond the warm instances start new ones.`;
}

function tick() {
  if (!since) return;
  show();
  requestAnimationFrame(tick);
}

function show() {
  const elapsed = since ? performance.now() - since : 0;
  const longest = Math.max(elapsed, SHORTEST_SCALE_MS, lanes.cold?.ms ?? 0, lanes.warm?.ms ?? 0);
  for (const [name, met] of Object.entries(lanes)) {
    const [, time, price] = at(`lane-${name}`).cells;
    const ms = met?.ms ?? elapsed;
    const [bar, text] = time.children;
    if (ms) bar.style.width = `${(100 * ms) / longest}%`;
    else bar.removeAttribute("style");
    text.textContent = ms ? duration(ms) : "–";
    price.textContent = met && prices ? `$${priceOf(met.answer).toFixed(4)}` : "–";
  }
}

function priceOf({ functionMs, coldStart, initMs }) {
  const ms = Math.ceil(functionMs + (coldStart ? (initMs ?? 0) : 0)); // as it is billed
  return 1000 * (prices.call_usd + ms * prices.ms_usd);
}
