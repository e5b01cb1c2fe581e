// Cold against warm: time and price of calls that this page has made.

import { repeat } from "./api.js";
import { at, say } from "./element.js";
import { sayWhy } from "./problems.js";
import { duration } from "./result.js";
import { wakeNow } from "./wake.js";

const CALLS_AT_ONCE = 6; // at once by HTTP/1
const SHORTEST_SCALE_MS = 500;
const lanes = { cold: null, warm: null }; // the last call of each kind
let prices;
let startFresh; // only the local cloud can
let since = 0; // when the race began; 0 without one

// Offer the race; `findOutcome` returns the outcome to repeat, or null.
export function offerRace(config, findOutcome) {
  prices = config?.prices ?? null;
  showNote();
  at("race").onclick = async () => {
    at("race").disabled = true;
    try {
      const outcome = await findOutcome();
      say("race-said", outcome ? await race(outcome) : "Send a photo first.");
    } catch (error) {
      say("race-said", `The race was not finished. ${sayWhy(error)}`);
    }
    at("race").disabled = false;
    since = 0;
    show();
  };
}

// After the local cloud's `start` the next call starts an instance.
export function raceBy(start) {
  startFresh = start;
  showNote();
}

export function noteCall({ answer, browserMs }) {
  if (!since) keep(answer, browserMs.classification);
  show();
}

function keep(answer, ms) {
  if (answer.coldStart !== null) lanes[answer.coldStart ? "cold" : "warm"] = { answer, ms };
}

async function race(outcome) {
  say("race-said", "Waking an instance…");
  await wakeNow();
  await startFresh?.();
  const calls = startFresh ? 2 : CALLS_AT_ONCE;
  say("race-said", `Sending the same photo in ${calls} calls at once…`);
  lanes.cold = lanes.warm = null;
  since = performance.now();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(tick);
  const ended = await Promise.allSettled(Array.from({ length: calls }, () => one(outcome)));
  const failures = ended.flatMap(({ reason }) => reason ?? []);
  if (failures.length === 0) return said();
  const rest = `${failures.length} of ${calls} calls were not answered. ${sayWhy(failures[0])}`;
  return failures.length === calls ? rest : `${said()} ${rest}`;
}

// The first call of each kind that ends is the one shown.
async function one(outcome) {
  const startMs = performance.now();
  const answer = await repeat(outcome);
  const lane = answer.coldStart ? "cold" : "warm";
  if (!lanes[lane]) keep(answer, performance.now() - startMs);
  show();
}

function said() {
  const { cold, warm } = lanes;
  if (cold && warm) {
    const times = (cold.ms / warm.ms).toFixed(1);
    return `The cold call took ${times} times as long: its instance had to start first.`;
  }
  if (warm) return "All calls met a warm instance.";
  if (cold) return "All calls met a cold start: no instance was warm. Try again now.";
  return "The service does not say which calls were cold.";
}

function showNote() {
  if (!prices) return;
  const memory = `${prices.memory_mb.toLocaleString("en")} MB`;
  const what = `Price of 1,000 photos in ${prices.region}: the Lambda request, the API call, and ${memory} for the time in the function, init included. Not included: free tier, storage, transfer.`;
  const how = startFresh
    ? "The times are this machine's, not AWS's."
    : `A race sends the photo ${CALLS_AT_ONCE} times at once: calls that find no warm instance start new ones.`;
  say("race-note", `${what} ${how}`);
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
