import { at, make, say } from "./element.js";
import { callLocal } from "./local-call.js";
import { duration, shortId } from "./result.js";

const AT_REST_MS = 1000;
const WATCHING_MS = 120; // while a burst or a round runs
const SHOWN_CALLS = 8;
const CARD = `
<div class="head">
<h2 id="h-fleet">Instances on this machine</h2>
<p class="small" id="fleet-counts"></p>
</div>
<p class="problem-title" id="fleet-gone" hidden>The local cloud does not answer. This was its last report. Start it again with make run.</p>
<div class="row">
<form class="row" id="burst-form">
<label for="burst-calls">Calls at once</label>
<input type="number" id="burst-calls" min="1" max="100" value="6" required>
<button>Send a burst</button>
</form>
<form class="row" id="warm-form">
<label for="warm-instances">Instances</label>
<input type="number" id="warm-instances" min="1" max="100" value="4" required>
<button>Warm</button>
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

export function watch() {
  at("fleet-card").innerHTML = CARD;
  at("fleet-card").hidden = false;
  wire("burst", "calls", burstSaid);
  wire("warm", "instances", warmSaid);
  document.addEventListener("visibilitychange", refresh);
  refresh();
}

function wire(call, name, said) {
  at(`${call}-form`).onsubmit = async (event) => {
    event.preventDefault();
    running += 1;
    say("fleet-said", "Waiting for the answers…");
    refresh();
    try {
      const count = at(`${call}-${name}`).valueAsNumber;
      const answer = await callLocal(`_local/${call}`, { [name]: count });
      say("fleet-said", [said(answer), ...answer.reasons].join(" "));
    } catch (error) {
      say("fleet-said", error.message);
    } finally {
      running -= 1;
      refresh();
    }
  };
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const { instances, calls } = await callLocal("_local/fleet");
    showInstances(instances);
    at("fleet-calls").replaceChildren(...calls.slice(0, SHOWN_CALLS).map(callItem));
    at("fleet-gone").hidden = true;
  } catch {
    at("fleet-gone").hidden = false;
  }
  clearTimeout(timer); // another refresh may have been faster
  timer = setTimeout(refresh, running ? WATCHING_MS : AT_REST_MS);
}

function showInstances(instances) {
  const counts = Object.entries(WORDS).map(([state, word]) => {
    const count = instances.filter((each) => each.state === state).length;
    return `${count} ${word}`;
  });
  say("fleet-counts", counts.join(" · "));
  at("fleet-instances").replaceChildren(...instances.map(instanceItem));
}

function instanceItem({ id, state, calls, init_ms: initMs }) {
  const start = initMs === null ? "" : `, init ${duration(initMs)}`;
  const count = calls === 1 ? "1 call" : `${calls} calls`;
  const item = make(
    "li",
    "",
    make("span", "instance-id", shortId(id)),
    make("span", "instance-state", WORDS[state]),
    make("span", "instance-calls", count + start),
  );
  item.dataset.state = state;
  return item;
}

function callItem(call) {
  const who = shortId(call.instance_id) ?? "no instance";
  const start = call.cold_start ? "cold" : "warm";
  const end = { answered: start, rejected: `rejected, ${start}` }[call.outcome] ?? call.outcome;
  return make(
    "li",
    "",
    make("span", "call-number", `#${call.number}`),
    make("span", "call-method", call.method || "call"),
    make("span", "call-instance", who),
    make("span", "call-end", `${end}, ${duration(call.duration_ms)}`),
  );
}

function burstSaid({ calls, answered, cold, throttled, failed, slowest_ms: slowestMs }) {
  const rest = [
    `${cold} met a cold start`,
    throttled && `${throttled} were throttled`,
    failed && `${failed} failed`,
    `the slowest took ${duration(slowestMs)}`,
  ];
  return `${answered} of ${calls} calls were answered; ${rest.filter(Boolean).join(", ")}.`;
}

function warmSaid({ distinct, requested, cold, rounds }) {
  const times = rounds === 1 ? "one round" : `${rounds} rounds`;
  return `${distinct} of ${requested} instances are warm; ${cold} of them started now, in ${times}.`;
}
