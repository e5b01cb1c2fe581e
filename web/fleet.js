/** The view of the instances, which only the local cloud has. */

import { at, make } from "./element.js";
import { callLocal } from "./local-call.js";
import { duration } from "./result.js";

const AT_REST_MS = 1000;
const WATCHING_MS = 120; // while a burst or a round runs
const SHOWN_CALLS = 8;
const SHORT_ID_LENGTH = 8;
const CARD = `
  <div class="head">
    <h2 id="fleet-heading">Instances on this machine</h2>
    <p class="small" id="fleet-counts"></p>
  </div>
  <p class="problem-title" id="fleet-gone" hidden>The local cloud does not answer; this is what it said last.</p>
  <div class="row">
    <form class="row" id="burst-form">
      <label for="burst-calls">Calls at once</label>
      <input type="number" id="burst-calls" min="1" max="100" value="6" required>
      <button type="submit">Send a burst</button>
    </form>
    <form class="row" id="warm-form">
      <label for="warm-instances">Instances</label>
      <input type="number" id="warm-instances" min="1" max="100" value="4" required>
      <button type="submit">Warm</button>
    </form>
  </div>
  <p id="fleet-said" aria-live="polite"></p>
  <div class="fleet-columns">
    <ul class="instances" id="fleet-instances" aria-label="Instances"></ul>
    <div>
      <h3>Last calls</h3>
      <ol class="calls" id="fleet-calls" aria-label="Last calls"></ol>
    </div>
  </div>`;
const WORDS = { init: "starting", idle: "idle", busy: "busy", held: "held" };

let running = 0;
let timer = 0;

/** Show the fleet and keep it current for as long as the page is seen. */
export function watch() {
  at("fleet-card").innerHTML = CARD;
  at("fleet-card").hidden = false;
  at("burst-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act("_local/burst", { calls: at("burst-calls").valueAsNumber }, burstSaid);
  });
  at("warm-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act("_local/warm", { instances: at("warm-instances").valueAsNumber }, warmSaid);
  });
  document.addEventListener("visibilitychange", refresh);
  refresh();
}

async function act(path, body, said) {
  running += 1;
  at("fleet-said").textContent = "Waiting for the answers…";
  refresh();
  try {
    at("fleet-said").textContent = said(await callLocal(path, body));
  } catch (error) {
    at("fleet-said").textContent = error.message;
  } finally {
    running -= 1;
    refresh();
  }
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const { instances, calls } = await callLocal("_local/fleet");
    showInstances(instances);
    showCalls(calls);
    at("fleet-gone").hidden = true;
  } catch {
    at("fleet-gone").hidden = false;
  }
  clearTimeout(timer); // another refresh may have been faster
  timer = setTimeout(refresh, running ? WATCHING_MS : AT_REST_MS);
}

function showInstances(instances) {
  const counts = Object.fromEntries(Object.keys(WORDS).map((state) => [state, 0]));
  for (const { state } of instances) counts[state] += 1;
  at("fleet-counts").textContent = Object.entries(counts)
    .map(([state, count]) => `${count} ${WORDS[state]}`)
    .join(" · ");
  at("fleet-instances").replaceChildren(...instances.map(instanceItem));
}

function instanceItem({ id, state, calls, init_ms: initMs }) {
  const item = make("li");
  item.dataset.state = state;
  item.dataset.instance = id;
  const start = initMs === null ? "" : `, init ${duration(initMs)}`;
  const count = calls === 1 ? "1 call" : `${calls} calls`;
  item.append(
    make("span", "instance-id", id.slice(0, SHORT_ID_LENGTH)),
    make("span", "instance-state", WORDS[state]),
    make("span", "instance-calls", count + start),
  );
  return item;
}

function showCalls(calls) {
  at("fleet-calls").replaceChildren(...calls.slice(0, SHOWN_CALLS).map(callItem));
}

function callItem(call) {
  const item = make("li");
  const who = call.instance_id?.slice(0, SHORT_ID_LENGTH) ?? "no instance";
  const start = call.cold_start ? "cold" : "warm";
  const end = { answered: start, rejected: `rejected, ${start}` }[call.outcome] ?? call.outcome;
  item.append(
    make("span", "call-number", `#${call.number}`),
    make("span", "call-method", call.method || "call"),
    make("span", "call-instance", who),
    make("span", "call-end", `${end}, ${duration(call.duration_ms)}`),
  );
  return item;
}

function burstSaid({ calls, answered, cold, throttled, failed, slowest_ms: slowestMs, reasons }) {
  const rest = [
    `${cold} met a cold start`,
    throttled ? `${throttled} were throttled` : "",
    failed ? `${failed} failed` : "",
    `the slowest took ${duration(slowestMs)}`,
  ];
  const said = `${answered} of ${calls} calls were answered; ${rest.filter(Boolean).join(", ")}.`;
  return [said, ...reasons].join(" ");
}

function warmSaid({ distinct, requested, cold, rounds, reasons }) {
  const times = rounds === 1 ? "one round" : `${rounds} rounds`;
  const said = `${distinct} of ${requested} instances are warm, ${cold} started for it, in ${times}.`;
  return [said, ...reasons].join(" ");
}
